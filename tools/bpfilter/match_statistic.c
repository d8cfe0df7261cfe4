// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_statistic.h>

#include "ir_text.h"
#include "parse.h"

/* Random numbers are below this */
#define RANDOM_RANGE	((double)(1U << 31))

static int statistic_parse(struct parse_ctx *ctx, const void *data)
{
	const struct xt_statistic_info *info = data;
	struct ir_test test = {
		.kind = IR_TEST_RANDOM,
		.invert = info->flags & XT_STATISTIC_INVERT,
		.value = info->u.random.probability,
	};

	if (info->mode > XT_STATISTIC_MODE_MAX)
		return parse_invalid(ctx, EINVAL, "unknown mode %u",
				     info->mode);
	if (info->flags & ~XT_STATISTIC_MASK)
		return parse_invalid(ctx, EINVAL, "unknown flags 0x%x",
				     info->flags & ~XT_STATISTIC_MASK);

	/* Every Nth packet needs a count that all processors share */
	if (info->mode != XT_STATISTIC_MODE_RANDOM)
		return PARSE_BRIDGE;
	return ir_test_add(ctx, &test);
}

/* What counts packets is bridged */
static void statistic_print(FILE *out, const void *data)
{
	const struct xt_statistic_info *info = data;

	fputs(" --mode random", out);
	text_option(out, info->flags & XT_STATISTIC_INVERT, "--probability");
	fprintf(out, " %.11f", info->u.random.probability / RANDOM_RANGE);
}

static const struct match_desc statistic_mt[] = {
	{
		.name = "statistic",
		.family = NFPROTO_UNSPEC,
		.size = sizeof(struct xt_statistic_info),
		.parse = statistic_parse,
		.print = statistic_print,
	},
};

const struct match_group match_statistic = {
	.descs = statistic_mt,
	.num = ARRAY_SIZE(statistic_mt),
};
