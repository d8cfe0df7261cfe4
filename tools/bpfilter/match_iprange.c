// SPDX-License-Identifier: GPL-2.0
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_iprange.h>

#include "ir_text.h"
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

static void print_range(FILE *out, const char *option, bool invert,
			const union nf_inet_addr *min,
			const union nf_inet_addr *max)
{
	text_option(out, invert, option);
	fputc(' ', out);
	text_addr(out, ntohl(min->ip));
	fputc('-', out);
	text_addr(out, ntohl(max->ip));
}

static void iprange_print(FILE *out, const void *data)
{
	const struct xt_iprange_mtinfo *info = data;

	if (info->flags & IPRANGE_SRC)
		print_range(out, "--src-range", info->flags & IPRANGE_SRC_INV,
			    &info->src_min, &info->src_max);
	if (info->flags & IPRANGE_DST)
		print_range(out, "--dst-range", info->flags & IPRANGE_DST_INV,
			    &info->dst_min, &info->dst_max);
}

static void print_range6(FILE *out, const char *option, bool invert,
			 const union nf_inet_addr *min,
			 const union nf_inet_addr *max)
{
	text_option(out, invert, option);
	fputc(' ', out);
	text_addr6(out, &min->in6);
	fputc('-', out);
	text_addr6(out, &max->in6);
}

static void iprange_print6(FILE *out, const void *data)
{
	const struct xt_iprange_mtinfo *info = data;

	if (info->flags & IPRANGE_SRC)
		print_range6(out, "--src-range", info->flags & IPRANGE_SRC_INV,
			     &info->src_min, &info->src_max);
	if (info->flags & IPRANGE_DST)
		print_range6(out, "--dst-range", info->flags & IPRANGE_DST_INV,
			     &info->dst_min, &info->dst_max);
}

static const struct match_desc iprange_mt[] = {
	{
		.name = "iprange",
		.revision = 1,
		.family = NFPROTO_IPV4,
		.size = sizeof(struct xt_iprange_mtinfo),
		.parse = iprange_parse,
		.print = iprange_print,
	},
	{
		.name = "iprange",
		.revision = 1,
		.family = NFPROTO_IPV6,
		.size = sizeof(struct xt_iprange_mtinfo),
		.parse = iprange_parse6,
		.print = iprange_print6,
	},
};

const struct match_group match_iprange = {
	.descs = iprange_mt,
	.num = ARRAY_SIZE(iprange_mt),
};
