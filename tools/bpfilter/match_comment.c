// SPDX-License-Identifier: GPL-2.0
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_comment.h>

#include "parse.h"

/* A comment matches everything */
static int comment_parse(struct parse_ctx *ctx, const void *data)
{
	return 0;
}

static const struct match_desc comment_mt[] = {
	{
		.name = "comment",
		.family = NFPROTO_UNSPEC,
		.size = sizeof(struct xt_comment_info),
		.parse = comment_parse,
	},
};

const struct match_group match_comment = {
	.descs = comment_mt,
	.num = ARRAY_SIZE(comment_mt),
};
