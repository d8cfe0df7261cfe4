// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two families: where IPv4's and IPv6's entries have what they both have,
 * and which of their flags the native engines know.
 */

#include <linux/build_bug.h>
#include <linux/kconfig.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <linux/stddef.h>

#include "internal.h"

static_assert(sizeof(struct ipt_replace) == sizeof(struct ip6t_replace));
static_assert(offsetof(struct ipt_replace, counters) ==
	      offsetof(struct ip6t_replace, counters));
static_assert(offsetof(struct ipt_replace, entries) ==
	      offsetof(struct ip6t_replace, entries));
static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo));
static_assert(offsetof(struct ipt_getinfo, size) ==
	      offsetof(struct ip6t_getinfo, size));
static_assert(sizeof(struct ipt_get_entries) ==
	      sizeof(struct ip6t_get_entries));
static_assert(offsetof(struct ipt_get_entries, entrytable) ==
	      offsetof(struct ip6t_get_entries, entrytable));
static_assert(__alignof__(struct ipt_entry) == __alignof__(struct ip6t_entry));
static_assert(IPT_INV_MASK == IP6T_INV_MASK);
static_assert(IPT_INV_PROTO == XT_INV_PROTO && IP6T_INV_PROTO == XT_INV_PROTO);

/* What entryinfo points to for a match is the entry's begin in both */
static_assert(!offsetof(struct ipt_entry, ip));
static_assert(!offsetof(struct ip6t_entry, ipv6));

static const struct bpfilter_family ipv4 = {
	.nfproto	= NFPROTO_IPV4,
	.flags_mask	= IPT_F_MASK,
	.flag_goto	= IPT_F_GOTO,
	.head_size	= sizeof(struct ipt_entry),
	.cond_size	= sizeof(struct ipt_ip),
	.proto		= offsetof(struct ipt_entry, ip.proto),
	.flags		= offsetof(struct ipt_entry, ip.flags),
	.invflags	= offsetof(struct ipt_entry, ip.invflags),
	.target_offset	= offsetof(struct ipt_entry, target_offset),
	.next_offset	= offsetof(struct ipt_entry, next_offset),
	.comefrom	= offsetof(struct ipt_entry, comefrom),
	.counters	= offsetof(struct ipt_entry, counters),
	.prefix		= "ipt",
	.native		= IS_ENABLED(CONFIG_IP_NF_IPTABLES_LEGACY),
	.native_module	= "ip_tables",
};

static const struct bpfilter_family ipv6 = {
	.nfproto	= NFPROTO_IPV6,
	.flags_mask	= IP6T_F_MASK,
	.flag_goto	= IP6T_F_GOTO,
	.flag_proto	= IP6T_F_PROTO,
	.head_size	= sizeof(struct ip6t_entry),
	.cond_size	= sizeof(struct ip6t_ip6),
	.proto		= offsetof(struct ip6t_entry, ipv6.proto),
	.flags		= offsetof(struct ip6t_entry, ipv6.flags),
	.invflags	= offsetof(struct ip6t_entry, ipv6.invflags),
	.target_offset	= offsetof(struct ip6t_entry, target_offset),
	.next_offset	= offsetof(struct ip6t_entry, next_offset),
	.comefrom	= offsetof(struct ip6t_entry, comefrom),
	.counters	= offsetof(struct ip6t_entry, counters),
	.prefix		= "ip6t",
	.native		= IS_ENABLED(CONFIG_IP6_NF_IPTABLES_LEGACY),
	.native_module	= "ip6_tables",
};

/**
 * bpfilter_family_get - find a family
 * @nfproto:	NFPROTO_IPV4 or NFPROTO_IPV6
 *
 * Return: it.
 */
const struct bpfilter_family *bpfilter_family_get(u8 nfproto)
{
	return nfproto == NFPROTO_IPV6 ? &ipv6 : &ipv4;
}
