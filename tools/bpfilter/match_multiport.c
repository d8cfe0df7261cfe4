// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_multiport.h>

#include "ir_text.h"
#include "parse.h"

static const uint32_t port_masks[] = {
	[XT_MULTIPORT_SOURCE] = IR_PORTS_SRC,
	[XT_MULTIPORT_DESTINATION] = IR_PORTS_DST,
	[XT_MULTIPORT_EITHER] = IR_PORTS_SRC | IR_PORTS_DST,
};

static bool proto_has_ports(uint16_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP ||
	       proto == IPPROTO_UDPLITE || proto == IPPROTO_SCTP ||
	       proto == IPPROTO_DCCP;
}

static int multiport_check(struct parse_ctx *ctx,
			   const struct xt_multiport_v1 *info)
{
	if (!proto_has_ports(parse_rule_proto(ctx)) ||
	    parse_rule_proto_inverted(ctx))
		return parse_invalid(ctx, EINVAL,
				     "only for protocols that have ports");
	if (info->flags >= ARRAY_SIZE(port_masks))
		return parse_invalid(ctx, EINVAL, "unknown flags 0x%x",
				     info->flags);
	if (info->count > XT_MULTI_PORTS)
		return parse_invalid(ctx, EINVAL, "%u ports, at most %u",
				     info->count, XT_MULTI_PORTS);
	return 0;
}

/* A port whose flag is set is the first of a range, the next is its last */
static int multiport_range(struct parse_ctx *ctx,
			   const struct xt_multiport_v1 *info, unsigned int *i,
			   struct ir_range *range)
{
	unsigned int first = *i;

	if (info->pflags[first]) {
		if (++*i >= info->count || info->pflags[*i])
			return parse_invalid(ctx, EINVAL,
					     "range from port %u has no end",
					     info->ports[first]);
		if (info->ports[first] > info->ports[*i])
			return parse_invalid(ctx, EINVAL,
					     "range from port %u to %u",
					     info->ports[first],
					     info->ports[*i]);
	}
	range->lo = info->ports[first];
	range->hi = info->ports[*i];
	return 0;
}

/*
 * An invert beyond 1 would make multiport_mt() match whatever the ports. The
 * list may be empty.
 */
static int multiport_parse(struct parse_ctx *ctx, const void *data)
{
	const struct xt_multiport_v1 *info = data;
	struct ir_range ranges[XT_MULTI_PORTS];
	uint32_t num = 0;
	int ret;

	ret = multiport_check(ctx, info);
	for (unsigned int i = 0; !ret && i < info->count; i++)
		ret = multiport_range(ctx, info, &i, &ranges[num++]);
	if (ret)
		return ret;
	if (!parse_is_bool(info->invert))
		return PARSE_BRIDGE;

	ret = parse_header(ctx, IR_HEADER_PORTS);
	if (ret)
		return ret;
	return parse_ranges(ctx, port_masks[info->flags], ranges, num,
			    info->invert);
}

static void multiport_print(FILE *out, const void *data)
{
	static const char *const options[] = {
		[XT_MULTIPORT_SOURCE] = "--sports",
		[XT_MULTIPORT_DESTINATION] = "--dports",
		[XT_MULTIPORT_EITHER] = "--ports",
	};
	const struct xt_multiport_v1 *info = data;

	if (info->flags >= ARRAY_SIZE(options))
		return;
	text_option(out, info->invert, options[info->flags]);
	for (int i = 0; i < info->count && i < XT_MULTI_PORTS; i++) {
		char sep = i && info->pflags[i - 1] ? ':' : ',';

		fprintf(out, "%c%u", i ? sep : ' ', info->ports[i]);
	}
}

static const struct match_desc multiport_mt[] = {
	{
		.name = "multiport",
		.revision = 1,
		.family = NFPROTO_UNSPEC,
		.size = sizeof(struct xt_multiport_v1),
		.parse = multiport_parse,
		.print = multiport_print,
	},
};

const struct match_group match_multiport = {
	.descs = multiport_mt,
	.num = ARRAY_SIZE(multiport_mt),
};
