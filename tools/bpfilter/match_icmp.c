// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ip_tables.h>

#include "parse.h"

/* The type that stands for any, whatever the codes say, as icmp_match() */
#define ICMP_TYPE_ANY	0xff

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
	return parse_range(ctx, IR_FIELD_ICMP_TYPECODE,
			   info->type << 8 | info->code[0],
			   info->type << 8 | info->code[1], invert);
}

static const struct match_desc icmp_mt[] = {
	{
		.name = "icmp",
		.family = NFPROTO_IPV4,
		.proto = IPPROTO_ICMP,
		.size = sizeof(struct ipt_icmp),
		.parse = icmp_parse,
	},
};

const struct match_group match_icmp = {
	.descs = icmp_mt,
	.num = ARRAY_SIZE(icmp_mt),
};
