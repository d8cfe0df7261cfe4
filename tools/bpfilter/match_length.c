// SPDX-License-Identifier: GPL-2.0
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_length.h>

#include "ir_text.h"
#include "parse.h"

/* An invert beyond 1 would make length_mt() match whatever the length */
static int length_parse(struct parse_ctx *ctx, const void *data)
{
	const struct xt_length_info *info = data;

	if (!parse_is_bool(info->invert))
		return PARSE_BRIDGE;
	return parse_range(ctx, IR_FIELD_IP_LEN, info->min, info->max,
			   info->invert);
}

static void length_print(FILE *out, const void *data)
{
	const struct xt_length_info *info = data;

	text_option(out, info->invert, "--length");
	text_range(out, info->min, info->max);
}

/* What the length is differs between the families: the field knows */
static const struct match_desc length_mt[] = {
	{
		.name = "length",
		.family = NFPROTO_UNSPEC,
		.size = sizeof(struct xt_length_info),
		.parse = length_parse,
		.print = length_print,
	},
};

const struct match_group match_length = {
	.descs = length_mt,
	.num = ARRAY_SIZE(length_mt),
};
