// SPDX-License-Identifier: GPL-2.0
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_connmark.h>

#include "ir_text.h"
#include "parse.h"

/*
 * A packet without a connection does not match, not even inverted. An invert
 * beyond 1 would make connmark_mt() match whatever the mark.
 */
static int connmark_parse(struct parse_ctx *ctx, const void *data)
{
	const struct xt_connmark_mtinfo1 *info = data;
	int ret;

	if (!parse_is_bool(info->invert))
		return PARSE_BRIDGE;
	ret = parse_conn(ctx, false);
	if (ret)
		return ret;
	return parse_masked(ctx, IR_FIELD_CT_MARK, info->mark, info->mask,
			    info->invert);
}

static void connmark_print(FILE *out, const void *data)
{
	const struct xt_connmark_mtinfo1 *info = data;

	text_option(out, info->invert, "--mark");
	text_mark(out, info->mark, info->mask);
}

static const struct match_desc connmark_mt[] = {
	{
		.name = "connmark",
		.revision = 1,
		.family = NFPROTO_UNSPEC,
		.size = sizeof(struct xt_connmark_mtinfo1),
		.parse = connmark_parse,
		.print = connmark_print,
	},
};

const struct match_group match_connmark = {
	.descs = connmark_mt,
	.num = ARRAY_SIZE(connmark_mt),
};
