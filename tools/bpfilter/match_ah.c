// SPDX-License-Identifier: GPL-2.0
/*
 * The match for IPv4. The one for IPv6, of the same name, looks for the header
 * on its own among the extension headers and is left to the kernel.
 */
#include <errno.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ipt_ah.h>

#include "ir_text.h"
#include "parse.h"

static int ah_parse(struct parse_ctx *ctx, const void *data)
{
	const struct ipt_ah *info = data;
	int ret;

	if (info->invflags & ~IPT_AH_INV_MASK)
		return parse_invalid(ctx, EINVAL, "unknown flags 0x%x",
				     info->invflags & ~IPT_AH_INV_MASK);

	ret = parse_header(ctx, IR_HEADER_AH);
	if (ret)
		return ret;
	return parse_range(ctx, IR_FIELD_L4_SPI, info->spis[0], info->spis[1],
			   info->invflags & IPT_AH_INV_SPI);
}

static void ah_print(FILE *out, const void *data)
{
	const struct ipt_ah *info = data;

	if (info->spis[0] == 0 && info->spis[1] == UINT32_MAX)
		return;
	text_option(out, info->invflags & IPT_AH_INV_SPI, "--ahspi");
	text_range(out, info->spis[0], info->spis[1]);
}

static const struct match_desc ah_mt[] = {
	{
		.name = "ah",
		.family = NFPROTO_IPV4,
		.proto = IPPROTO_AH,
		.size = sizeof(struct ipt_ah),
		.parse = ah_parse,
		.print = ah_print,
	},
};

const struct match_group match_ah = {
	.descs = ah_mt,
	.num = ARRAY_SIZE(ah_mt),
};
