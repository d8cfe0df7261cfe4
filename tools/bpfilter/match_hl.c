// SPDX-License-Identifier: GPL-2.0
/* Time to live of IPv4 and hop limit of IPv6 */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ipt_ttl.h>
#include <linux/netfilter_ipv6/ip6t_hl.h>

#include "ir_text.h"
#include "parse.h"

#define TTL_MAX		0xff

/* One parser for both families */
static_assert(sizeof(struct ipt_ttl_info) == sizeof(struct ip6t_hl_info) &&
	      offsetof(struct ipt_ttl_info, mode) ==
	      offsetof(struct ip6t_hl_info, mode) &&
	      offsetof(struct ipt_ttl_info, ttl) ==
	      offsetof(struct ip6t_hl_info, hop_limit), "layout");
static_assert(IPT_TTL_EQ == (int)IP6T_HL_EQ && IPT_TTL_NE == (int)IP6T_HL_NE &&
	      IPT_TTL_LT == (int)IP6T_HL_LT && IPT_TTL_GT == (int)IP6T_HL_GT,
	      "modes");

static int hl_parse(struct parse_ctx *ctx, const void *data)
{
	const struct ipt_ttl_info *info = data;

	switch (info->mode) {
	case IPT_TTL_EQ:
	case IPT_TTL_NE:
		return parse_masked(ctx, IR_FIELD_IP_TTL, info->ttl, TTL_MAX,
				    info->mode == IPT_TTL_NE);
	case IPT_TTL_LT:
		if (!info->ttl)
			return parse_const(ctx, false);
		return parse_range(ctx, IR_FIELD_IP_TTL, 0, info->ttl - 1,
				   false);
	case IPT_TTL_GT:
		if (info->ttl == TTL_MAX)
			return parse_const(ctx, false);
		return parse_range(ctx, IR_FIELD_IP_TTL, info->ttl + 1,
				   TTL_MAX, false);
	}
	return parse_invalid(ctx, EINVAL, "unknown mode %u", info->mode);
}

static void print_mode(FILE *out, const char *option,
		       const struct ipt_ttl_info *info)
{
	static const char *const modes[] = {
		[IPT_TTL_EQ] = "eq",
		[IPT_TTL_NE] = "eq",
		[IPT_TTL_LT] = "lt",
		[IPT_TTL_GT] = "gt",
	};

	if (info->mode >= ARRAY_SIZE(modes))
		return;
	text_option(out, info->mode == IPT_TTL_NE, option);
	fprintf(out, "%s %u", modes[info->mode], info->ttl);
}

static void ttl_print(FILE *out, const void *data)
{
	print_mode(out, "--ttl-", data);
}

static void hl_print(FILE *out, const void *data)
{
	print_mode(out, "--hl-", data);
}

static const struct match_desc hl_mt[] = {
	{
		.name = "ttl",
		.family = NFPROTO_IPV4,
		.size = sizeof(struct ipt_ttl_info),
		.parse = hl_parse,
		.print = ttl_print,
	},
	{
		.name = "hl",
		.family = NFPROTO_IPV6,
		.size = sizeof(struct ip6t_hl_info),
		.parse = hl_parse,
		.print = hl_print,
	},
};

const struct match_group match_hl = {
	.descs = hl_mt,
	.num = ARRAY_SIZE(hl_mt),
};
