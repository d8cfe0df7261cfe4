// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_tcpudp.h>

#include "ir_text.h"
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

static void print_flags(FILE *out, uint8_t flags)
{
	fputc(' ', out);
	if (flags)
		text_bits(out, IR_FIELD_TCP_FLAGS, flags);
	else
		fputs("NONE", out);
}

static void tcp_print(FILE *out, const void *data)
{
	const struct xt_tcp *info = data;

	text_ports(out, info->invflags & XT_TCP_INV_SRCPT, "--sport",
		   info->spts);
	text_ports(out, info->invflags & XT_TCP_INV_DSTPT, "--dport",
		   info->dpts);
	if (info->option) {
		text_option(out, info->invflags & XT_TCP_INV_OPTION,
			    "--tcp-option");
		fprintf(out, " %u", info->option);
	}
	if (!info->flg_mask && !info->flg_cmp)
		return;
	text_option(out, info->invflags & XT_TCP_INV_FLAGS, "--tcp-flags");
	print_flags(out, info->flg_mask);
	print_flags(out, info->flg_cmp);
}

static const struct match_desc tcp_mt[] = {
	{
		.name = "tcp",
		.family = NFPROTO_UNSPEC,
		.proto = IPPROTO_TCP,
		.size = sizeof(struct xt_tcp),
		.parse = tcp_parse,
		.print = tcp_print,
	},
};

const struct match_group match_tcp = {
	.descs = tcp_mt,
	.num = ARRAY_SIZE(tcp_mt),
};
