// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_tcpudp.h>

#include "ir_text.h"
#include "parse.h"

/* UDP and UDP-Lite have their ports at the same place */
static int udp_parse(struct parse_ctx *ctx, const void *data)
{
	const struct xt_udp *info = data;
	int ret;

	if (info->invflags & ~XT_UDP_INV_MASK)
		return parse_invalid(ctx, EINVAL, "unknown flags 0x%x",
				     info->invflags & ~XT_UDP_INV_MASK);

	ret = parse_header(ctx, IR_HEADER_UDP);
	if (ret)
		return ret;
	ret = parse_port(ctx, IR_FIELD_L4_SPORT, info->spts[0], info->spts[1],
			 info->invflags & XT_UDP_INV_SRCPT);
	if (ret)
		return ret;
	return parse_port(ctx, IR_FIELD_L4_DPORT, info->dpts[0], info->dpts[1],
			  info->invflags & XT_UDP_INV_DSTPT);
}

static void udp_print(FILE *out, const void *data)
{
	const struct xt_udp *info = data;

	text_ports(out, info->invflags & XT_UDP_INV_SRCPT, "--sport",
		   info->spts);
	text_ports(out, info->invflags & XT_UDP_INV_DSTPT, "--dport",
		   info->dpts);
}

static const struct match_desc udp_mt[] = {
	{
		.name = "udp",
		.family = NFPROTO_UNSPEC,
		.proto = IPPROTO_UDP,
		.size = sizeof(struct xt_udp),
		.parse = udp_parse,
		.print = udp_print,
	},
	{
		.name = "udplite",
		.family = NFPROTO_UNSPEC,
		.proto = IPPROTO_UDPLITE,
		.size = sizeof(struct xt_udp),
		.parse = udp_parse,
		.print = udp_print,
	},
};

const struct match_group match_udp = {
	.descs = udp_mt,
	.num = ARRAY_SIZE(udp_mt),
};
