// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_tcpudp.h>

#include "parse.h"

static int tcp_parse_option(struct parse_ctx *ctx, const struct xt_tcp *info)
{
	struct ir_test test = {
		.kind = IR_TEST_PRESENT,
		.field = IR_FIELD_TCP_OPTION,
		.invert = info->invflags & XT_TCP_INV_OPTION,
		.value = info->option,
	};

	if (!info->option)
		return 0;
	return ir_test_add(ctx, &test);
}

/* The order is that of tcp_mt(): the option may drop, so it comes last */
static int tcp_parse(struct parse_ctx *ctx, const void *data)
{
	const struct xt_tcp *info = data;
	int ret;

	if (info->invflags & ~XT_TCP_INV_MASK)
		return parse_invalid(ctx, EINVAL, "unknown flags 0x%x",
				     info->invflags & ~XT_TCP_INV_MASK);

	ret = parse_header(ctx, IR_HEADER_TCP);
	if (ret)
		return ret;
	ret = parse_port(ctx, IR_FIELD_L4_SPORT, info->spts[0], info->spts[1],
			 info->invflags & XT_TCP_INV_SRCPT);
	if (ret)
		return ret;
	ret = parse_port(ctx, IR_FIELD_L4_DPORT, info->dpts[0], info->dpts[1],
			 info->invflags & XT_TCP_INV_DSTPT);
	if (ret)
		return ret;
	ret = parse_masked(ctx, IR_FIELD_TCP_FLAGS, info->flg_cmp,
			   info->flg_mask, info->invflags & XT_TCP_INV_FLAGS);
	if (ret)
		return ret;
	return tcp_parse_option(ctx, info);
}

static const struct match_desc tcp_mt[] = {
	{
		.name = "tcp",
		.family = NFPROTO_UNSPEC,
		.proto = IPPROTO_TCP,
		.size = sizeof(struct xt_tcp),
		.parse = tcp_parse,
	},
};

const struct match_group match_tcp = {
	.descs = tcp_mt,
	.num = ARRAY_SIZE(tcp_mt),
};
