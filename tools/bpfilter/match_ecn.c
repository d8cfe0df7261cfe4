// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_dscp.h>
#include <linux/netfilter/xt_ecn.h>

#include "ir_text.h"
#include "parse.h"

#define ECN_OP_TCP	(XT_ECN_OP_MATCH_ECE | XT_ECN_OP_MATCH_CWR)
#define ECN_IP_MASK	(XT_ECN_IP_MASK & 0xff)

static int ecn_check(struct parse_ctx *ctx, const struct xt_ecn_info *info)
{
	if ((info->operation | info->invert) & XT_ECN_OP_MATCH_MASK)
		return parse_invalid(ctx, EINVAL, "unknown flags 0x%x",
				     (info->operation | info->invert) &
				     XT_ECN_OP_MATCH_MASK);
	if ((info->operation & ECN_OP_TCP) &&
	    (parse_rule_proto(ctx) != IPPROTO_TCP ||
	     parse_rule_proto_inverted(ctx)))
		return parse_invalid(ctx, EINVAL, "TCP bits without TCP");
	return 0;
}

/*
 * The bits of TCP are read without a look at fragments and a packet too short
 * does not match: no enum ir_header is like that.
 */
static int ecn_parse(struct parse_ctx *ctx, const void *data)
{
	const struct xt_ecn_info *info = data;
	int ret;

	ret = ecn_check(ctx, info);
	if (ret)
		return ret;
	if (info->operation & ECN_OP_TCP)
		return PARSE_BRIDGE;
	if (!(info->operation & XT_ECN_OP_MATCH_IP))
		return 0;
	return parse_masked(ctx, IR_FIELD_IP_TOS, info->ip_ect, ECN_IP_MASK,
			    info->invert & XT_ECN_OP_MATCH_IP);
}

/* What asks for bits of TCP is bridged */
static void ecn_print(FILE *out, const void *data)
{
	const struct xt_ecn_info *info = data;

	if (!(info->operation & XT_ECN_OP_MATCH_IP))
		return;
	text_option(out, info->invert & XT_ECN_OP_MATCH_IP, "--ecn-ip-ect");
	fprintf(out, " %u", info->ip_ect);
}

static const struct match_desc ecn_mt[] = {
	{
		.name = "ecn",
		.family = NFPROTO_UNSPEC,
		.size = sizeof(struct xt_ecn_info),
		.parse = ecn_parse,
		.print = ecn_print,
	},
};

const struct match_group match_ecn = {
	.descs = ecn_mt,
	.num = ARRAY_SIZE(ecn_mt),
};
