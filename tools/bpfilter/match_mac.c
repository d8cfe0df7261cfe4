// SPDX-License-Identifier: GPL-2.0
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_mac.h>

#include "ir_text.h"
#include "parse.h"

/*
 * A packet without an Ethernet header does not match, not even inverted. An
 * invert other than 0 and 1 would make mac_mt() match any that has one.
 */
static int mac_parse(struct parse_ctx *ctx, const void *data)
{
	const struct xt_mac_info *info = data;
	int ret;

	if (info->invert & ~1)
		return PARSE_BRIDGE;
	ret = parse_header(ctx, IR_HEADER_ETHER);
	if (ret)
		return ret;
	return parse_bytes(ctx, IR_FIELD_MAC_SADDR, info->srcaddr, NULL,
			   sizeof(info->srcaddr), info->invert);
}

static void mac_print(FILE *out, const void *data)
{
	const struct xt_mac_info *info = data;

	text_option(out, info->invert, "--mac-source");
	fputc(' ', out);
	text_mac(out, info->srcaddr);
}

static const struct match_desc mac_mt[] = {
	{
		.name = "mac",
		.family = NFPROTO_UNSPEC,
		.hooks = 1 << NF_INET_PRE_ROUTING | 1 << NF_INET_LOCAL_IN |
			 1 << NF_INET_FORWARD,
		.size = sizeof(struct xt_mac_info),
		.parse = mac_parse,
		.print = mac_print,
	},
};

const struct match_group match_mac = {
	.descs = mac_mt,
	.num = ARRAY_SIZE(mac_mt),
};
