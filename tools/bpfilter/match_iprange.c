// SPDX-License-Identifier: GPL-2.0
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_iprange.h>

#include "parse.h"

/* A range whose ends are in the wrong order holds no address */
static int iprange_parse(struct parse_ctx *ctx, const void *data)
{
	const struct xt_iprange_mtinfo *info = data;
	int ret = 0;

	if (info->flags & IPRANGE_SRC)
		ret = parse_range(ctx, IR_FIELD_IP_SADDR,
				  ntohl(info->src_min.ip),
				  ntohl(info->src_max.ip),
				  info->flags & IPRANGE_SRC_INV);
	if (!ret && (info->flags & IPRANGE_DST))
		ret = parse_range(ctx, IR_FIELD_IP_DADDR,
				  ntohl(info->dst_min.ip),
				  ntohl(info->dst_max.ip),
				  info->flags & IPRANGE_DST_INV);
	return ret;
}

static int iprange_parse6(struct parse_ctx *ctx, const void *data)
{
	const struct xt_iprange_mtinfo *info = data;
	int ret = 0;

	if (info->flags & IPRANGE_SRC)
		ret = parse_bytes_range(ctx, IR_FIELD_IP6_SADDR,
					&info->src_min.in6, &info->src_max.in6,
					sizeof(info->src_min.in6),
					info->flags & IPRANGE_SRC_INV);
	if (!ret && (info->flags & IPRANGE_DST))
		ret = parse_bytes_range(ctx, IR_FIELD_IP6_DADDR,
					&info->dst_min.in6, &info->dst_max.in6,
					sizeof(info->dst_min.in6),
					info->flags & IPRANGE_DST_INV);
	return ret;
}

static const struct match_desc iprange_mt[] = {
	{
		.name = "iprange",
		.revision = 1,
		.family = NFPROTO_IPV4,
		.size = sizeof(struct xt_iprange_mtinfo),
		.parse = iprange_parse,
	},
	{
		.name = "iprange",
		.revision = 1,
		.family = NFPROTO_IPV6,
		.size = sizeof(struct xt_iprange_mtinfo),
		.parse = iprange_parse6,
	},
};

const struct match_group match_iprange = {
	.descs = iprange_mt,
	.num = ARRAY_SIZE(iprange_mt),
};
