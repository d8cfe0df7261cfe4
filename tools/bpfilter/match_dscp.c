// SPDX-License-Identifier: GPL-2.0
/* Type of service of IPv4, traffic class of IPv6: all of it or its upper part */
#include <errno.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_dscp.h>

#include "ir_text.h"
#include "parse.h"

static int dscp_parse(struct parse_ctx *ctx, const void *data)
{
	const struct xt_dscp_info *info = data;

	if (info->dscp > XT_DSCP_MAX)
		return parse_invalid(ctx, EDOM, "DSCP %u, at most %u",
				     info->dscp, XT_DSCP_MAX);
	return parse_masked(ctx, IR_FIELD_IP_TOS, info->dscp << XT_DSCP_SHIFT,
			    XT_DSCP_MASK, info->invert);
}

static int tos_parse(struct parse_ctx *ctx, const void *data)
{
	const struct xt_tos_match_info *info = data;

	return parse_masked(ctx, IR_FIELD_IP_TOS, info->tos_value,
			    info->tos_mask, info->invert);
}

static void dscp_print(FILE *out, const void *data)
{
	const struct xt_dscp_info *info = data;

	text_option(out, info->invert, "--dscp");
	fprintf(out, " 0x%02x", info->dscp);
}

static void tos_print(FILE *out, const void *data)
{
	const struct xt_tos_match_info *info = data;

	text_option(out, info->invert, "--tos");
	fprintf(out, " 0x%02x/0x%02x", info->tos_value, info->tos_mask);
}

static const struct match_desc dscp_mt[] = {
	{
		.name = "dscp",
		.family = NFPROTO_UNSPEC,
		.size = sizeof(struct xt_dscp_info),
		.parse = dscp_parse,
		.print = dscp_print,
	},
	{
		.name = "tos",
		.revision = 1,
		.family = NFPROTO_UNSPEC,
		.size = sizeof(struct xt_tos_match_info),
		.parse = tos_parse,
		.print = tos_print,
	},
};

const struct match_group match_dscp = {
	.descs = dscp_mt,
	.num = ARRAY_SIZE(dscp_mt),
};
