// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include "ir_text.h"
#include "parse.h"

/* The type that stands for any, whatever the codes say, as icmp_match() */
#define ICMP_TYPE_ANY	0xff

static int icmp_parse_typecode(struct parse_ctx *ctx, uint8_t type,
			       const uint8_t code[2], bool invert)
{
	return parse_range(ctx, IR_FIELD_ICMP_TYPECODE, type << 8 | code[0],
			   type << 8 | code[1], invert);
}

static int icmp_parse(struct parse_ctx *ctx, const void *data)
{
	const struct ipt_icmp *info = data;
	bool invert = info->invflags & IPT_ICMP_INV;
	int ret;

	if (info->invflags & ~IPT_ICMP_INV)
		return parse_invalid(ctx, EINVAL, "unknown flags 0x%x",
				     info->invflags & ~IPT_ICMP_INV);

	ret = parse_header(ctx, IR_HEADER_ICMP);
	if (ret)
		return ret;
	if (info->type == ICMP_TYPE_ANY)
		return parse_const(ctx, !invert);
	return icmp_parse_typecode(ctx, info->type, info->code, invert);
}

/* No type stands for any, see icmp6_match() */
static int icmp6_parse(struct parse_ctx *ctx, const void *data)
{
	const struct ip6t_icmp *info = data;
	int ret;

	if (info->invflags & ~IP6T_ICMP_INV)
		return parse_invalid(ctx, EINVAL, "unknown flags 0x%x",
				     info->invflags & ~IP6T_ICMP_INV);

	ret = parse_header(ctx, IR_HEADER_ICMP);
	if (ret)
		return ret;
	return icmp_parse_typecode(ctx, info->type, info->code,
				   info->invflags & IP6T_ICMP_INV);
}

/* All codes of a type, or one: iptables has no other ranges */
static void print_typecode(FILE *out, uint8_t type, const uint8_t code[2])
{
	fprintf(out, " %u", type);
	if (code[0] == 0 && code[1] == UINT8_MAX)
		return;
	fprintf(out, "/%u", code[0]);
	if (code[0] != code[1])
		fprintf(out, ":%u", code[1]);
}

static void icmp_print(FILE *out, const void *data)
{
	const struct ipt_icmp *info = data;

	text_option(out, info->invflags & IPT_ICMP_INV, "--icmp-type");
	if (info->type == ICMP_TYPE_ANY)
		fputs(" any", out);
	else
		print_typecode(out, info->type, info->code);
}

static void icmp6_print(FILE *out, const void *data)
{
	const struct ip6t_icmp *info = data;

	text_option(out, info->invflags & IP6T_ICMP_INV, "--icmpv6-type");
	print_typecode(out, info->type, info->code);
}

static const struct match_desc icmp_mt[] = {
	{
		.name = "icmp",
		.family = NFPROTO_IPV4,
		.proto = IPPROTO_ICMP,
		.size = sizeof(struct ipt_icmp),
		.parse = icmp_parse,
		.print = icmp_print,
	},
	{
		.name = "icmp6",
		.family = NFPROTO_IPV6,
		.proto = IPPROTO_ICMPV6,
		.size = sizeof(struct ip6t_icmp),
		.parse = icmp6_parse,
		.print = icmp6_print,
	},
};

const struct match_group match_icmp = {
	.descs = icmp_mt,
	.num = ARRAY_SIZE(icmp_mt),
};
