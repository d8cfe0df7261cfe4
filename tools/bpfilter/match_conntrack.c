// SPDX-License-Identifier: GPL-2.0
#include <assert.h>
#include <stddef.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/xt_conntrack.h>

#include "match_conntrack.h"
#include "parse.h"

/*
 * The revisions differ in the width of the masks and in the ports: one port in
 * network byte order before revision 3, a range in host byte order since. The
 * older two are rewritten as the third. A mask of a byte widens as it is, so a
 * state that needs the ninth bit (untracked) stays out of revision 1's reach.
 */
#define CT_COMMON_SIZE	offsetof(struct xt_conntrack_mtinfo3, state_mask)

#define CT_ADDRS	(XT_CONNTRACK_ORIGSRC | XT_CONNTRACK_ORIGDST | \
			 XT_CONNTRACK_REPLSRC | XT_CONNTRACK_REPLDST)

static_assert(offsetof(struct xt_conntrack_mtinfo1, state_mask) ==
	      CT_COMMON_SIZE, "layout");
static_assert(offsetof(struct xt_conntrack_mtinfo2, state_mask) ==
	      CT_COMMON_SIZE, "layout");

static int ct_parse_addr(struct parse_ctx *ctx,
			 const struct xt_conntrack_mtinfo3 *info,
			 uint16_t flag, enum ir_field field,
			 const union nf_inet_addr *addr,
			 const union nf_inet_addr *mask)
{
	if (!ct_asked(info, flag))
		return 0;
	return parse_masked(ctx, field, ntohl(addr->ip & mask->ip),
			    ntohl(mask->ip), ct_inverted(info, flag));
}

/* There are fields for addresses of IPv4 only */
static int ct_parse_addrs(struct parse_ctx *ctx,
			  const struct xt_conntrack_mtinfo3 *info)
{
	int ret;

	if (ct_asked(info, CT_ADDRS) && parse_rule_family(ctx) != NFPROTO_IPV4)
		return PARSE_BRIDGE;
	ret = ct_parse_addr(ctx, info, XT_CONNTRACK_ORIGSRC,
			    IR_FIELD_CT_ORIGSRC, &info->origsrc_addr,
			    &info->origsrc_mask);
	if (ret)
		return ret;
	ret = ct_parse_addr(ctx, info, XT_CONNTRACK_ORIGDST,
			    IR_FIELD_CT_ORIGDST, &info->origdst_addr,
			    &info->origdst_mask);
	if (ret)
		return ret;
	ret = ct_parse_addr(ctx, info, XT_CONNTRACK_REPLSRC,
			    IR_FIELD_CT_REPLSRC, &info->replsrc_addr,
			    &info->replsrc_mask);
	if (ret)
		return ret;
	return ct_parse_addr(ctx, info, XT_CONNTRACK_REPLDST,
			     IR_FIELD_CT_REPLDST, &info->repldst_addr,
			     &info->repldst_mask);
}

static int ct_parse_port(struct parse_ctx *ctx,
			 const struct xt_conntrack_mtinfo3 *info,
			 uint16_t flag, enum ir_field field, uint16_t lo,
			 uint16_t hi)
{
	if (!ct_asked(info, flag))
		return 0;
	return parse_port(ctx, field, lo, hi, ct_inverted(info, flag));
}

static int ct_parse_ports(struct parse_ctx *ctx,
			  const struct xt_conntrack_mtinfo3 *info)
{
	int ret;

	ret = ct_parse_port(ctx, info, XT_CONNTRACK_ORIGSRC_PORT,
			    IR_FIELD_CT_ORIGSRC_PORT, info->origsrc_port,
			    info->origsrc_port_high);
	if (ret)
		return ret;
	ret = ct_parse_port(ctx, info, XT_CONNTRACK_ORIGDST_PORT,
			    IR_FIELD_CT_ORIGDST_PORT, info->origdst_port,
			    info->origdst_port_high);
	if (ret)
		return ret;
	ret = ct_parse_port(ctx, info, XT_CONNTRACK_REPLSRC_PORT,
			    IR_FIELD_CT_REPLSRC_PORT, info->replsrc_port,
			    info->replsrc_port_high);
	if (ret)
		return ret;
	return ct_parse_port(ctx, info, XT_CONNTRACK_REPLDST_PORT,
			     IR_FIELD_CT_REPLDST_PORT, info->repldst_port,
			     info->repldst_port_high);
}

static int ct_parse_status(struct parse_ctx *ctx,
			   const struct xt_conntrack_mtinfo3 *info)
{
	if (!ct_asked(info, XT_CONNTRACK_STATUS))
		return 0;
	return parse_any_bit(ctx, IR_FIELD_CT_STATUS, info->status_mask,
			     ct_inverted(info, XT_CONNTRACK_STATUS));
}

static int ct_parse_expires(struct parse_ctx *ctx,
			    const struct xt_conntrack_mtinfo3 *info)
{
	if (!ct_asked(info, XT_CONNTRACK_EXPIRES))
		return 0;
	return parse_range(ctx, IR_FIELD_CT_EXPIRES, info->expires_min,
			   info->expires_max,
			   ct_inverted(info, XT_CONNTRACK_EXPIRES));
}

/* What conntrack_mt() looks at only if there is a connection, in its order */
static int ct_parse_conn(struct parse_ctx *ctx,
			 const struct xt_conntrack_mtinfo3 *info)
{
	int ret = 0;

	if (ct_asked(info, XT_CONNTRACK_DIRECTION))
		ret = parse_masked(ctx, IR_FIELD_CT_REPLY, 0, 1,
				   ct_inverted(info, XT_CONNTRACK_DIRECTION));
	if (!ret)
		ret = ct_parse_addrs(ctx, info);
	if (!ret && ct_asked(info, XT_CONNTRACK_PROTO))
		ret = parse_masked(ctx, IR_FIELD_CT_PROTO, info->l4proto, 0xff,
				   ct_inverted(info, XT_CONNTRACK_PROTO));
	if (!ret)
		ret = ct_parse_ports(ctx, info);
	if (!ret)
		ret = ct_parse_status(ctx, info);
	if (!ret)
		ret = ct_parse_expires(ctx, info);
	return ret;
}

/*
 * Without a connection a match that asks for a state has been decided by it,
 * whatever else it asks; one that does not ask for a state does not match.
 */
static int ct_parse(struct parse_ctx *ctx,
		    const struct xt_conntrack_mtinfo3 *info)
{
	bool state = ct_asked(info, XT_CONNTRACK_STATE);
	int ret = 0;

	if (state)
		ret = parse_any_bit(ctx, IR_FIELD_CT_STATE, info->state_mask,
				    ct_inverted(info, XT_CONNTRACK_STATE));
	if (!ret)
		ret = parse_conn(ctx, state);
	if (!ret)
		ret = ct_parse_conn(ctx, info);
	return ret;
}

static void ct_widen_ports(struct xt_conntrack_mtinfo3 *info)
{
	info->origsrc_port = ntohs(info->origsrc_port);
	info->origdst_port = ntohs(info->origdst_port);
	info->replsrc_port = ntohs(info->replsrc_port);
	info->repldst_port = ntohs(info->repldst_port);
	info->origsrc_port_high = info->origsrc_port;
	info->origdst_port_high = info->origdst_port;
	info->replsrc_port_high = info->replsrc_port;
	info->repldst_port_high = info->repldst_port;
}

static void ct_from_v1(struct xt_conntrack_mtinfo3 *info,
		       const struct xt_conntrack_mtinfo1 *info1)
{
	memcpy(info, info1, CT_COMMON_SIZE);
	info->state_mask = info1->state_mask;
	info->status_mask = info1->status_mask;
	ct_widen_ports(info);
}

static void ct_from_v2(struct xt_conntrack_mtinfo3 *info,
		       const struct xt_conntrack_mtinfo2 *info2)
{
	memcpy(info, info2, CT_COMMON_SIZE);
	info->state_mask = info2->state_mask;
	info->status_mask = info2->status_mask;
	ct_widen_ports(info);
}

static int conntrack_parse_v1(struct parse_ctx *ctx, const void *data)
{
	struct xt_conntrack_mtinfo3 info;

	ct_from_v1(&info, data);
	return ct_parse(ctx, &info);
}

static int conntrack_parse_v2(struct parse_ctx *ctx, const void *data)
{
	struct xt_conntrack_mtinfo3 info;

	ct_from_v2(&info, data);
	return ct_parse(ctx, &info);
}

static int conntrack_parse_v3(struct parse_ctx *ctx, const void *data)
{
	return ct_parse(ctx, data);
}

static void conntrack_print_v1(FILE *out, const void *data)
{
	struct xt_conntrack_mtinfo3 info;

	ct_from_v1(&info, data);
	conntrack_print(out, &info);
}

static void conntrack_print_v2(FILE *out, const void *data)
{
	struct xt_conntrack_mtinfo3 info;

	ct_from_v2(&info, data);
	conntrack_print(out, &info);
}

static const struct match_desc conntrack_mt[] = {
	{
		.name = "conntrack",
		.revision = 1,
		.family = NFPROTO_UNSPEC,
		.size = sizeof(struct xt_conntrack_mtinfo1),
		.parse = conntrack_parse_v1,
		.print = conntrack_print_v1,
		.alias = conntrack_alias,
	},
	{
		.name = "conntrack",
		.revision = 2,
		.family = NFPROTO_UNSPEC,
		.size = sizeof(struct xt_conntrack_mtinfo2),
		.parse = conntrack_parse_v2,
		.print = conntrack_print_v2,
		.alias = conntrack_alias,
	},
	{
		.name = "conntrack",
		.revision = 3,
		.family = NFPROTO_UNSPEC,
		.size = sizeof(struct xt_conntrack_mtinfo3),
		.parse = conntrack_parse_v3,
		.print = conntrack_print,
		.alias = conntrack_alias,
	},
};

const struct match_group match_conntrack = {
	.descs = conntrack_mt,
	.num = ARRAY_SIZE(conntrack_mt),
};
