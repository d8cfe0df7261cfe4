// SPDX-License-Identifier: GPL-2.0
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_comment.h>

#include "ir_text.h"
#include "parse.h"

/* A comment matches everything */
static int comment_parse(struct parse_ctx *ctx, const void *data)
{
	return 0;
}

static void comment_print(FILE *out, const void *data)
{
	const struct xt_comment_info *info = data;

	text_option(out, false, "--comment");
	text_quoted(out, info->comment, sizeof(info->comment));
}

static const struct match_desc comment_mt[] = {
	{
		.name = "comment",
		.family = NFPROTO_UNSPEC,
		.size = sizeof(struct xt_comment_info),
		.parse = comment_parse,
		.print = comment_print,
	},
};

const struct match_group match_comment = {
	.descs = comment_mt,
	.num = ARRAY_SIZE(comment_mt),
};
