// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/if_ether.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include "family.h"

const struct family family_ipv4 = {
	.af		= AF_INET,
	.nfproto	= NFPROTO_IPV4,
	.command	= "iptables",
	.level		= SOL_IP,
	.ethertype	= ETH_P_IP,
	.addr_len	= 4,
	.addr_all	= 0xffffffff,
	.icmp		= IPPROTO_ICMP,
	.icmp_error	= 3,
	.header_len	= 20,
	.entry_size	= sizeof(struct ipt_entry),
	.target_offset	= offsetof(struct ipt_entry, target_offset),
	.next_offset	= offsetof(struct ipt_entry, next_offset),
	.counters	= offsetof(struct ipt_entry, counters),
};

const struct family family_ipv6 = {
	.af		= AF_INET6,
	.nfproto	= NFPROTO_IPV6,
	.v6		= true,
	.command	= "ip6tables",
	.level		= SOL_IPV6,
	.ethertype	= ETH_P_IPV6,
	.addr_len	= 16,
	.addr_all	= ~(__uint128_t)0,
	.icmp		= IPPROTO_ICMPV6,
	.icmp_error	= 1,
	.header_len	= 40,
	.entry_size	= sizeof(struct ip6t_entry),
	.target_offset	= offsetof(struct ip6t_entry, target_offset),
	.next_offset	= offsetof(struct ip6t_entry, next_offset),
	.counters	= offsetof(struct ip6t_entry, counters),
};

__uint128_t addr_parse(const struct family *f, const char *s)
{
	uint8_t bytes[16] = { 0 };

	if (inet_pton(f->af, s, bytes) != 1)
		return 0;
	return addr_get(f, bytes);
}

void addr_put(const struct family *f, uint8_t *to, __uint128_t addr)
{
	for (unsigned int i = f->addr_len; i; i--) {
		to[i - 1] = addr;
		addr >>= 8;
	}
}

__uint128_t addr_get(const struct family *f, const uint8_t *from)
{
	__uint128_t addr = 0;

	for (unsigned int i = 0; i < f->addr_len; i++)
		addr = addr << 8 | from[i];
	return addr;
}

__uint128_t addr_prefix(const struct family *f, unsigned int len)
{
	unsigned int bits = 8 * f->addr_len;

	if (!len)
		return 0;
	return len >= bits ? f->addr_all :
			     f->addr_all << (bits - len) & f->addr_all;
}
