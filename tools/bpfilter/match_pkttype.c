// SPDX-License-Identifier: GPL-2.0
#include <netinet/in.h>
#include <linux/if_packet.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_pkttype.h>

#include "ir_text.h"
#include "parse.h"

#define PKTTYPE_MASK	0xff

/*
 * A type that no packet has keeps its bits beyond the mask, so it never
 * matches. An invert other than 0 and 1 would make pkttype_mt() match whatever
 * the type.
 */
static int pkttype_parse(struct parse_ctx *ctx, const void *data)
{
	const struct xt_pkttype_info *info = data;

	if (info->invert & ~1)
		return PARSE_BRIDGE;
	return parse_masked(ctx, IR_FIELD_PKTTYPE, (uint32_t)info->pkttype,
			    PKTTYPE_MASK, info->invert);
}

/* Types that only a forged ruleset can ask for have no name */
static void pkttype_print(FILE *out, const void *data)
{
	static const char *const types[] = {
		[PACKET_HOST] = "unicast",
		[PACKET_BROADCAST] = "broadcast",
		[PACKET_MULTICAST] = "multicast",
		[PACKET_OTHERHOST] = "otherhost",
	};
	const struct xt_pkttype_info *info = data;
	unsigned int type = info->pkttype;

	text_option(out, info->invert, "--pkt-type");
	if (type < ARRAY_SIZE(types))
		fprintf(out, " %s", types[type]);
	else
		fprintf(out, " %u", type);
}

static const struct match_desc pkttype_mt[] = {
	{
		.name = "pkttype",
		.family = NFPROTO_UNSPEC,
		.size = sizeof(struct xt_pkttype_info),
		.parse = pkttype_parse,
		.print = pkttype_print,
	},
};

const struct match_group match_pkttype = {
	.descs = pkttype_mt,
	.num = ARRAY_SIZE(pkttype_mt),
};
