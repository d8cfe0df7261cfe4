// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_sctp.h>

#include "ir_text.h"
#include "parse.h"

#define SCTP_CHUNK_MATCHES	(SCTP_CHUNK_MATCH_ANY | SCTP_CHUNK_MATCH_ALL | \
				 SCTP_CHUNK_MATCH_ONLY)

static int sctp_check(struct parse_ctx *ctx, const struct xt_sctp_info *info)
{
	if (info->flag_count < 0 || info->flag_count > XT_NUM_SCTP_FLAGS)
		return parse_invalid(ctx, EINVAL, "%d chunk flags, at most %u",
				     info->flag_count, XT_NUM_SCTP_FLAGS);
	if ((info->flags | info->invflags) & ~XT_SCTP_VALID_FLAGS)
		return parse_invalid(ctx, EINVAL, "unknown flags 0x%x",
				     (info->flags | info->invflags) &
				     ~XT_SCTP_VALID_FLAGS);
	if (info->invflags & ~info->flags)
		return parse_invalid(ctx, EINVAL,
				     "inverts 0x%x, asks only for 0x%x",
				     info->invflags, info->flags);
	if ((info->flags & XT_SCTP_CHUNK_TYPES) &&
	    !(info->chunk_match_type & SCTP_CHUNK_MATCHES))
		return parse_invalid(ctx, EINVAL,
				     "unknown chunk match type 0x%x",
				     info->chunk_match_type);
	return 0;
}

static int sctp_parse(struct parse_ctx *ctx, const void *data)
{
	const struct xt_sctp_info *info = data;
	int ret;

	ret = sctp_check(ctx, info);
	if (ret)
		return ret;
	/* Chunks are a walk through the packet */
	if (info->flags & XT_SCTP_CHUNK_TYPES)
		return PARSE_BRIDGE;

	ret = parse_header(ctx, IR_HEADER_SCTP);
	if (!ret && (info->flags & XT_SCTP_SRC_PORTS))
		ret = parse_port(ctx, IR_FIELD_L4_SPORT, info->spts[0],
				 info->spts[1],
				 info->invflags & XT_SCTP_SRC_PORTS);
	if (!ret && (info->flags & XT_SCTP_DEST_PORTS))
		ret = parse_port(ctx, IR_FIELD_L4_DPORT, info->dpts[0],
				 info->dpts[1],
				 info->invflags & XT_SCTP_DEST_PORTS);
	return ret;
}

/* What asks for chunks is bridged */
static void sctp_print(FILE *out, const void *data)
{
	const struct xt_sctp_info *info = data;

	if (info->flags & XT_SCTP_SRC_PORTS) {
		text_option(out, info->invflags & XT_SCTP_SRC_PORTS, "--sport");
		text_range(out, info->spts[0], info->spts[1]);
	}
	if (info->flags & XT_SCTP_DEST_PORTS) {
		text_option(out, info->invflags & XT_SCTP_DEST_PORTS,
			    "--dport");
		text_range(out, info->dpts[0], info->dpts[1]);
	}
}

static const struct match_desc sctp_mt[] = {
	{
		.name = "sctp",
		.family = NFPROTO_UNSPEC,
		.proto = IPPROTO_SCTP,
		.size = sizeof(struct xt_sctp_info),
		.parse = sctp_parse,
		.print = sctp_print,
	},
};

const struct match_group match_sctp = {
	.descs = sctp_mt,
	.num = ARRAY_SIZE(sctp_mt),
};
