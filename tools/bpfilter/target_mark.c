// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_mark.h>

#include "ir_text.h"
#include "parse.h"

static int mark_parse(struct parse_ctx *ctx, struct ir_rule *rule,
		      const void *data)
{
	struct xt_mark_tginfo2 info;

	memcpy(&info, data, sizeof(info));
	rule->action = IR_ACTION_SET_MARK;
	rule->mark_keep = ~info.mask;
	rule->mark_flip = info.mark;
	return 0;
}

static void mark_print(FILE *out, const void *data)
{
	struct xt_mark_tginfo2 info;

	memcpy(&info, data, sizeof(info));
	fprintf(out, " --set-xmark 0x%x/0x%x", info.mark, info.mask);
}

static const struct target_desc mark_tg[] = {
	{
		.name = "MARK",
		.revision = 2,
		.family = NFPROTO_UNSPEC,
		.size = sizeof(struct xt_mark_tginfo2),
		.parse = mark_parse,
		.print = mark_print,
	},
};

const struct target_group target_mark = {
	.descs = mark_tg,
	.num = ARRAY_SIZE(mark_tg),
};
