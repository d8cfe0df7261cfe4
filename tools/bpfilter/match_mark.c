// SPDX-License-Identifier: GPL-2.0
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_mark.h>

#include "ir_text.h"
#include "parse.h"

/* An invert beyond 1 would make mark_mt() match whatever the mark */
static int mark_parse(struct parse_ctx *ctx, const void *data)
{
	const struct xt_mark_mtinfo1 *info = data;

	if (!parse_is_bool(info->invert))
		return PARSE_BRIDGE;
	return parse_masked(ctx, IR_FIELD_MARK, info->mark, info->mask,
			    info->invert);
}

static void mark_print(FILE *out, const void *data)
{
	const struct xt_mark_mtinfo1 *info = data;

	text_option(out, info->invert, "--mark");
	text_mark(out, info->mark, info->mask);
}

static const struct match_desc mark_mt[] = {
	{
		.name = "mark",
		.revision = 1,
		.family = NFPROTO_UNSPEC,
		.size = sizeof(struct xt_mark_mtinfo1),
		.parse = mark_parse,
		.print = mark_print,
	},
};

const struct match_group match_mark = {
	.descs = mark_mt,
	.num = ARRAY_SIZE(mark_mt),
};
