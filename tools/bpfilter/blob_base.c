// SPDX-License-Identifier: GPL-2.0
#include <assert.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include "blob.h"
#include "ir_text.h"
#include "parse.h"

/*
 * What differs between the families: the layout of an entry and the tests that
 * its base header stands for, in the order of ip_packet_match() and
 * ip6_packet_match().
 */

#define IP_PROTO_MASK	0xff
#define IP_FRAGOFF_MASK	0x1fff

static_assert(IFNAMSIZ == IR_BYTES_MAX, "interface names are fields of bytes");
static_assert(sizeof(struct in6_addr) == IR_BYTES_MAX, "and so are addresses");
static_assert(sizeof(struct ipt_replace) == sizeof(struct ip6t_replace),
	      "one header for both families");
static_assert(__alignof__(struct ipt_entry) == __alignof__(struct ip6t_entry),
	      "one alignment for both families");
static_assert(IPT_INV_PROTO == IP6T_INV_PROTO, "parsers do not ask which");

/* Only bits under the mask are compared, whatever the others are */
static int parse_under_mask(struct parse_ctx *ctx, enum ir_field field,
			    const void *want, const void *mask, bool invert)
{
	uint8_t value[IR_BYTES_MAX];

	for (int i = 0; i < IR_BYTES_MAX; i++)
		value[i] = ((const uint8_t *)want)[i] &
			   ((const uint8_t *)mask)[i];
	return parse_bytes(ctx, field, value, mask, sizeof(value), invert);
}

static int parse_ifaces(struct parse_ctx *ctx, const void *in,
			const void *in_mask, bool in_inverted, const void *out,
			const void *out_mask, bool out_inverted)
{
	int ret;

	ret = parse_under_mask(ctx, IR_FIELD_IFACE_IN, in, in_mask,
			       in_inverted);
	if (ret)
		return ret;
	return parse_under_mask(ctx, IR_FIELD_IFACE_OUT, out, out_mask,
				out_inverted);
}

/* An interface's name: what the mask leaves open at its end is a plus */
static void print_iface(FILE *out, const char *option, bool invert,
			const char *name, const uint8_t *mask)
{
	int len = 0;

	if (!mask[0])
		return;
	while (len < IFNAMSIZ && mask[len] && name[len])
		len++;
	text_option(out, invert, option);
	fputc(' ', out);
	text_name(out, name, len);
	if (len < IFNAMSIZ && !mask[len])
		fputc('+', out);
}

static void print_proto(FILE *out, bool invert, uint8_t proto)
{
	if (!proto)
		return;
	text_option(out, invert, "-p");
	fputc(' ', out);
	text_value(out, IR_FIELD_IP_PROTO, proto);
}

/* IPv4 */

static struct blob_head ip4_head(const void *entry)
{
	const struct ipt_entry *e = entry;

	return (struct blob_head) {
		.target_offset = e->target_offset,
		.next_offset = e->next_offset,
		.proto = e->ip.proto,
		.flags = e->ip.flags,
		.invflags = e->ip.invflags,
	};
}

static int ip4_parse_addr(struct parse_ctx *ctx, enum ir_field field,
			  in_addr_t addr, in_addr_t mask, bool invert)
{
	return parse_masked(ctx, field, ntohl(addr), ntohl(mask), invert);
}

/* Protocol 0 is any, even inverted */
static int ip4_parse_proto(struct parse_ctx *ctx, const struct ipt_ip *ip)
{
	if (!ip->proto)
		return 0;
	return parse_masked(ctx, IR_FIELD_IP_PROTO, ip->proto, IP_PROTO_MASK,
			    ip->invflags & IPT_INV_PROTO);
}

/* The inversion of nothing, as the last test of ip_packet_match(), is never */
static int ip4_parse_frag(struct parse_ctx *ctx, const struct ipt_ip *ip)
{
	bool invert = ip->invflags & IPT_INV_FRAG;

	if (!(ip->flags & IPT_F_FRAG))
		return parse_const(ctx, !invert);
	return parse_any_bit(ctx, IR_FIELD_IP_FRAGOFF, IP_FRAGOFF_MASK, invert);
}

static int ip4_parse_base(struct parse_ctx *ctx, struct ir_rule *rule,
			  const void *entry)
{
	const struct ipt_ip *ip = entry;
	int ret;

	ret = ip4_parse_addr(ctx, IR_FIELD_IP_SADDR, ip->src.s_addr,
			     ip->smsk.s_addr, ip->invflags & IPT_INV_SRCIP);
	if (!ret)
		ret = ip4_parse_addr(ctx, IR_FIELD_IP_DADDR, ip->dst.s_addr,
				     ip->dmsk.s_addr,
				     ip->invflags & IPT_INV_DSTIP);
	if (!ret)
		ret = parse_ifaces(ctx, ip->iniface, ip->iniface_mask,
				   ip->invflags & IPT_INV_VIA_IN, ip->outiface,
				   ip->outiface_mask,
				   ip->invflags & IPT_INV_VIA_OUT);
	if (!ret)
		ret = ip4_parse_proto(ctx, ip);
	if (!ret)
		ret = ip4_parse_frag(ctx, ip);
	return ret;
}

static void ip4_print_addr(FILE *out, const char *option, bool invert,
			   uint32_t addr, uint32_t mask)
{
	if (!addr && !mask && !invert)
		return;
	text_option(out, invert, option);
	fputc(' ', out);
	text_addr(out, addr);
	if (mask == UINT32_MAX)
		fputs("/32", out);
	else
		text_mask(out, mask);
}

static void ip4_print_base(FILE *out, const void *entry)
{
	const struct ipt_ip *ip = entry;

	ip4_print_addr(out, "-s", ip->invflags & IPT_INV_SRCIP,
		       ntohl(ip->src.s_addr), ntohl(ip->smsk.s_addr));
	ip4_print_addr(out, "-d", ip->invflags & IPT_INV_DSTIP,
		       ntohl(ip->dst.s_addr), ntohl(ip->dmsk.s_addr));
	print_iface(out, "-i", ip->invflags & IPT_INV_VIA_IN, ip->iniface,
		    ip->iniface_mask);
	print_iface(out, "-o", ip->invflags & IPT_INV_VIA_OUT, ip->outiface,
		    ip->outiface_mask);
	print_proto(out, ip->invflags & IPT_INV_PROTO, ip->proto);
	if (ip->flags & IPT_F_FRAG)
		text_option(out, ip->invflags & IPT_INV_FRAG, "-f");
}

/* IPv6 */

/* Native sets the flag where a protocol is given, so that it is looked at */
static struct blob_head ip6_head(const void *entry)
{
	const struct ip6t_entry *e = entry;

	return (struct blob_head) {
		.target_offset = e->target_offset,
		.next_offset = e->next_offset,
		.proto = e->ipv6.proto,
		.flags = e->ipv6.flags | (e->ipv6.proto ? IP6T_F_PROTO : 0),
		.invflags = e->ipv6.invflags,
	};
}

/*
 * With protocol 0 the packet must have a transport header but may have any,
 * even inverted: ipv6_find_hdr() finds no extension header, and 0 is one.
 */
static int ip6_parse_proto(struct parse_ctx *ctx, struct ir_rule *rule)
{
	int ret;

	if (!(ctx->flags & IP6T_F_PROTO)) {
		rule->no_thoff = true;
		return 0;
	}
	ret = parse_header(ctx, IR_HEADER_IP6);
	if (ret || !ctx->proto)
		return ret;
	return parse_masked(ctx, IR_FIELD_IP_PROTO, ctx->proto, IP_PROTO_MASK,
			    ctx->invflags & IP6T_INV_PROTO);
}

/*
 * Native looks at neither the traffic class nor its flag and inversion, nor at
 * the inversion that IPv4 has for fragments.
 */
static int ip6_parse_base(struct parse_ctx *ctx, struct ir_rule *rule,
			  const void *entry)
{
	const struct ip6t_ip6 *ip = entry;
	int ret;

	ret = parse_under_mask(ctx, IR_FIELD_IP6_SADDR, &ip->src, &ip->smsk,
			       ip->invflags & IP6T_INV_SRCIP);
	if (!ret)
		ret = parse_under_mask(ctx, IR_FIELD_IP6_DADDR, &ip->dst,
				       &ip->dmsk,
				       ip->invflags & IP6T_INV_DSTIP);
	if (!ret)
		ret = parse_ifaces(ctx, ip->iniface, ip->iniface_mask,
				   ip->invflags & IP6T_INV_VIA_IN, ip->outiface,
				   ip->outiface_mask,
				   ip->invflags & IP6T_INV_VIA_OUT);
	if (!ret)
		ret = ip6_parse_proto(ctx, rule);
	return ret;
}

static void ip6_print_addr(FILE *out, const char *option, bool invert,
			   const struct in6_addr *addr,
			   const struct in6_addr *mask)
{
	int len = text_prefix_len6(mask->s6_addr);

	if (!len && !invert && IN6_IS_ADDR_UNSPECIFIED(addr))
		return;
	text_option(out, invert, option);
	fputc(' ', out);
	text_addr6(out, addr);
	fputc('/', out);
	if (len >= 0)
		fprintf(out, "%d", len);
	else
		text_addr6(out, mask);
}

static void ip6_print_base(FILE *out, const void *entry)
{
	const struct ip6t_ip6 *ip = entry;

	ip6_print_addr(out, "-s", ip->invflags & IP6T_INV_SRCIP, &ip->src,
		       &ip->smsk);
	ip6_print_addr(out, "-d", ip->invflags & IP6T_INV_DSTIP, &ip->dst,
		       &ip->dmsk);
	print_iface(out, "-i", ip->invflags & IP6T_INV_VIA_IN, ip->iniface,
		    ip->iniface_mask);
	print_iface(out, "-o", ip->invflags & IP6T_INV_VIA_OUT, ip->outiface,
		    ip->outiface_mask);
	print_proto(out, ip->invflags & IP6T_INV_PROTO, ip->proto);
}

static const struct blob_family families[] = {
	{
		.family = NFPROTO_IPV4,
		.base_size = sizeof(struct ipt_ip),
		.entry_size = sizeof(struct ipt_entry),
		.flags_mask = IPT_F_MASK,
		.inv_mask = IPT_INV_MASK,
		.goto_flag = IPT_F_GOTO,
		.head = ip4_head,
		.parse_base = ip4_parse_base,
		.print_base = ip4_print_base,
	},
	{
		.family = NFPROTO_IPV6,
		.base_size = sizeof(struct ip6t_ip6),
		.entry_size = sizeof(struct ip6t_entry),
		.flags_mask = IP6T_F_MASK,
		.inv_mask = IP6T_INV_MASK,
		.goto_flag = IP6T_F_GOTO,
		.head = ip6_head,
		.parse_base = ip6_parse_base,
		.print_base = ip6_print_base,
	},
};

/**
 * blob_family_find() - look for a family that has iptables
 * @family:	NFPROTO_*
 *
 * Return: what is special to it, or NULL.
 */
const struct blob_family *blob_family_find(uint16_t family)
{
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		if (families[i].family == family)
			return &families[i];
	return NULL;
}
