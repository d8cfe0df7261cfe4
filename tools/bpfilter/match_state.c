// SPDX-License-Identifier: GPL-2.0
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_state.h>

#include "ir_text.h"
#include "parse.h"

/*
 * The bits of both matches agree, but for the untracked state: what state
 * calls untracked is conntrack's bit for source NAT. A connection's own states
 * are three, other bits in the mask never meet one.
 */
#define STATE_SAME_BITS	(XT_STATE_INVALID | XT_STATE_BIT(IP_CT_ESTABLISHED) | \
			 XT_STATE_BIT(IP_CT_RELATED) | XT_STATE_BIT(IP_CT_NEW))

static uint64_t ct_state_mask(const struct xt_state_info *info)
{
	uint64_t mask = info->statemask & STATE_SAME_BITS;

	if (info->statemask & XT_STATE_UNTRACKED)
		mask |= XT_CONNTRACK_STATE_UNTRACKED;
	return mask;
}

static int state_parse(struct parse_ctx *ctx, const void *data)
{
	return parse_any_bit(ctx, IR_FIELD_CT_STATE, ct_state_mask(data),
			     false);
}

static void state_print(FILE *out, const void *data)
{
	const struct xt_state_info *info = data;

	fputs(" --state ", out);
	text_bits(out, IR_FIELD_CT_STATE, ct_state_mask(info));
}

static const struct match_desc state_mt[] = {
	{
		.name = "state",
		.family = NFPROTO_UNSPEC,
		.size = sizeof(struct xt_state_info),
		.parse = state_parse,
		.print = state_print,
	},
};

const struct match_group match_state = {
	.descs = state_mt,
	.num = ARRAY_SIZE(state_mt),
};
