// SPDX-License-Identifier: GPL-2.0
/* Matches that look beside the packet: what their data becomes */
#include <errno.h>
#include <asm/byteorder.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_connmark.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_mac.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_pkttype.h>
#include <linux/netfilter/xt_state.h>
#include <linux/netfilter/xt_statistic.h>

#include "../kselftest_harness.h"
#include "unit/parse_test.h"

#define COMMENT	.name = "comment"
#define CONNMARK .name = "connmark", .revision = 1
#define CT(rev)	.name = "conntrack", .revision = (rev)
#define MAC	.name = "mac"
#define MARK	.name = "mark", .revision = 1
#define PKTTYPE	.name = "pkttype"
#define STATE	.name = "state"
#define CHANCE	.name = "statistic"

#define PORTS	(XT_CONNTRACK_ORIGSRC_PORT | XT_CONNTRACK_ORIGDST_PORT | \
		 XT_CONNTRACK_REPLSRC_PORT | XT_CONNTRACK_REPLDST_PORT)
#define ADDRS	(XT_CONNTRACK_ORIGSRC | XT_CONNTRACK_ORIGDST | \
		 XT_CONNTRACK_REPLSRC | XT_CONNTRACK_REPLDST)
#define IP(addr)	{ .ip = __cpu_to_be32(addr) }
#define PORT(port)	__cpu_to_be16(port)

#define CONN	"connection, or fail the match\n"
#define CONN_END "connection, or end with the match\n"

static const struct parse_case mark_cases[] = {
	{ "whole mark", MARK,
	  PARSE_DATA(struct xt_mark_mtinfo1, .mark = 0x80000000,
		     .mask = 0xffffffff),
	  .text = "mark == 2147483648\n" },
	{ "other than part of it", MARK,
	  PARSE_DATA(struct xt_mark_mtinfo1, .mark = 0x10, .mask = 0xf0,
		     .invert = 1),
	  .text = "mark & 0xf0 != 16\n" },
	{ "mark outside its mask", MARK,
	  PARSE_DATA(struct xt_mark_mtinfo1, .mark = 1),
	  .text = "mark & 0x0 == 1\n" },
	{ "any", MARK, PARSE_DATA(struct xt_mark_mtinfo1), .text = "" },
	{ "other than any", MARK,
	  PARSE_DATA(struct xt_mark_mtinfo1, .invert = 1),
	  .text = "mark & 0x0 != 0\n" },
	{ "odd inversion", MARK,
	  PARSE_DATA(struct xt_mark_mtinfo1, .invert = 2),
	  .ret = PARSE_BRIDGE },
	{ "whole mark of a connection", CONNMARK,
	  PARSE_DATA(struct xt_connmark_mtinfo1, .mark = 7,
		     .mask = 0xffffffff),
	  .text = CONN "ct_mark == 7\n" },
	{ "other than part of it", CONNMARK,
	  PARSE_DATA(struct xt_connmark_mtinfo1, .mark = 1, .mask = 3,
		     .invert = 1),
	  .text = CONN "ct_mark & 0x3 != 1\n" },
	{ "any, of a connection", CONNMARK,
	  PARSE_DATA(struct xt_connmark_mtinfo1), .text = CONN },
	{ "odd inversion", CONNMARK,
	  PARSE_DATA(struct xt_connmark_mtinfo1, .invert = 255),
	  .ret = PARSE_BRIDGE },
};

static const struct parse_case mac_cases[] = {
	{ "address", MAC,
	  PARSE_DATA(struct xt_mac_info,
		     .srcaddr = { 2, 0, 0, 0xa, 0xb, 0xff }),
	  .text = "header ether\nmac_saddr == 02:00:00:0a:0b:ff\n" },
	{ "other than an address", MAC,
	  PARSE_DATA(struct xt_mac_info, .srcaddr = { 0x41, 0x42, 0x43, 0, 0 },
		     .invert = 1),
	  .text = "header ether\nmac_saddr != 41:42:43:00:00:00\n" },
	{ "odd inversion", MAC,
	  PARSE_DATA(struct xt_mac_info, .invert = 0x100),
	  .ret = PARSE_BRIDGE },
};

static const struct parse_case pkttype_cases[] = {
	{ "type", PKTTYPE, PARSE_DATA(struct xt_pkttype_info, .pkttype = 2),
	  .text = "pkttype == 2\n" },
	{ "other than a type", PKTTYPE,
	  PARSE_DATA(struct xt_pkttype_info, .pkttype = 0, .invert = 1),
	  .text = "pkttype != 0\n" },
	{ "type of more than 8 bit", PKTTYPE,
	  PARSE_DATA(struct xt_pkttype_info, .pkttype = 0x101),
	  .text = "pkttype == 257\n" },
	{ "type below 0", PKTTYPE,
	  PARSE_DATA(struct xt_pkttype_info, .pkttype = -255),
	  .text = "pkttype == 4294967041\n" },
	{ "odd inversion", PKTTYPE,
	  PARSE_DATA(struct xt_pkttype_info, .invert = -1),
	  .ret = PARSE_BRIDGE },
};

static const struct parse_case statistic_cases[] = {
	{ "chance", CHANCE,
	  PARSE_DATA(struct xt_statistic_info,
		     .u.random.probability = 0x40000000),
	  .text = "random < 1073741824\n" },
	{ "the other chance", CHANCE,
	  PARSE_DATA(struct xt_statistic_info, .flags = XT_STATISTIC_INVERT,
		     .u.random.probability = 1),
	  .text = "random >= 1\n" },
	{ "no chance", CHANCE, PARSE_DATA(struct xt_statistic_info),
	  .text = "random < 0\n" },
	{ "certainty", CHANCE,
	  PARSE_DATA(struct xt_statistic_info,
		     .u.random.probability = 0x80000000),
	  .text = "random < 2147483648\n" },
	{ "every fourth", CHANCE,
	  PARSE_DATA(struct xt_statistic_info,
		     .mode = XT_STATISTIC_MODE_NTH, .u.nth.every = 3),
	  .ret = PARSE_BRIDGE },
	{ "unknown mode", CHANCE,
	  PARSE_DATA(struct xt_statistic_info, .mode = 2),
	  .ret = -EINVAL, .text = "unknown mode 2" },
	{ "unknown flags", CHANCE,
	  PARSE_DATA(struct xt_statistic_info, .flags = 0x101,
		     .mode = XT_STATISTIC_MODE_NTH),
	  .ret = -EINVAL, .text = "unknown flags 0x100" },
};

static const struct parse_case ct_cases[] = {
	{ "comment", COMMENT, PARSE_DATA(struct xt_comment_info), .text = "" },
	{ "state", STATE,
	  PARSE_DATA(struct xt_state_info, .statemask = XT_STATE_INVALID),
	  .text = "ct_state any of INVALID\n" },
	{ "state and more", CT(3),
	  PARSE_DATA(struct xt_conntrack_mtinfo3,
		     .match_flags = XT_CONNTRACK_STATE | XT_CONNTRACK_STATUS,
		     .state_mask = XT_CONNTRACK_STATE_UNTRACKED,
		     .status_mask = IPS_ASSURED),
	  .text = "ct_state any of UNTRACKED\n" CONN_END
		  "ct_status any of ASSURED\n" },
	{ "ports", CT(3),
	  PARSE_DATA(struct xt_conntrack_mtinfo3,
		     .match_flags = XT_CONNTRACK_REPLDST_PORT,
		     .invert_flags = XT_CONNTRACK_REPLDST_PORT,
		     .repldst_port = 1, .repldst_port_high = 2),
	  .text = CONN "ct_repldst_port != 1-2\n" },
	{ "ports before there were ranges", CT(1),
	  PARSE_DATA(struct xt_conntrack_mtinfo1, .match_flags = PORTS,
		     .invert_flags = XT_CONNTRACK_ORIGDST_PORT,
		     .origsrc_port = PORT(1),
		     .origdst_port = PORT(2),
		     .replsrc_port = PORT(3),
		     .repldst_port = PORT(4)),
	  .text = CONN "ct_origsrc_port == 1\nct_origdst_port != 2\n"
		  "ct_replsrc_port == 3\nct_repldst_port == 4\n" },
	{ "addresses", CT(2), .family = NFPROTO_IPV4,
	  PARSE_DATA(struct xt_conntrack_mtinfo2, .match_flags = ADDRS,
		     .invert_flags = XT_CONNTRACK_REPLSRC,
		     .origsrc_addr = IP(1), .origsrc_mask = IP(0xff),
		     .origdst_addr = IP(2), .origdst_mask = IP(0xffffffff),
		     .replsrc_addr = IP(3), .replsrc_mask = IP(0xffffffff),
		     .repldst_addr = IP(4), .repldst_mask = IP(0xfffffffc)),
	  .text = CONN "ct_origsrc == 0.0.0.1/0.0.0.255\n"
		  "ct_origdst == 0.0.0.2\nct_replsrc != 0.0.0.3\n"
		  "ct_repldst == 0.0.0.4/30\n" },
	{ "first address", CT(3), .family = NFPROTO_IPV6,
	  PARSE_DATA(struct xt_conntrack_mtinfo3,
		     .match_flags = XT_CONNTRACK_ORIGSRC),
	  .ret = PARSE_BRIDGE },
	{ "second address and more", CT(2), .family = NFPROTO_IPV6,
	  PARSE_DATA(struct xt_conntrack_mtinfo2,
		     .match_flags = XT_CONNTRACK_ORIGDST | XT_CONNTRACK_STATE),
	  .ret = PARSE_BRIDGE },
	{ "third address", CT(1), .family = NFPROTO_IPV6,
	  PARSE_DATA(struct xt_conntrack_mtinfo1,
		     .match_flags = XT_CONNTRACK_REPLSRC),
	  .ret = PARSE_BRIDGE },
	{ "fourth address", CT(3), .family = NFPROTO_IPV6,
	  PARSE_DATA(struct xt_conntrack_mtinfo3,
		     .match_flags = XT_CONNTRACK_REPLDST),
	  .ret = PARSE_BRIDGE },
};

TEST(mark)
{
	parse_test(_metadata, mark_cases, ARRAY_SIZE(mark_cases));
}

TEST(mac)
{
	parse_test(_metadata, mac_cases, ARRAY_SIZE(mac_cases));
}

TEST(pkttype)
{
	parse_test(_metadata, pkttype_cases, ARRAY_SIZE(pkttype_cases));
}

TEST(statistic)
{
	parse_test(_metadata, statistic_cases, ARRAY_SIZE(statistic_cases));
}

TEST(conntrack)
{
	parse_test(_metadata, ct_cases, ARRAY_SIZE(ct_cases));
}

/* Elsewhere a packet has no Ethernet header yet, or none any more */
TEST(mac_hooks)
{
	const struct match_desc *desc = bpfilter_match_find("mac", 0,
							    NFPROTO_IPV6);

	ASSERT_NE(NULL, desc);
	EXPECT_EQ(1 << NF_INET_PRE_ROUTING | 1 << NF_INET_LOCAL_IN |
		  1 << NF_INET_FORWARD, desc->hooks);
}

/* Revisions that this kernel does not have */
TEST(unknown)
{
	EXPECT_EQ(NULL, bpfilter_match_find("mark", 0, NFPROTO_IPV4));
	EXPECT_EQ(NULL, bpfilter_match_find("connmark", 0, NFPROTO_IPV6));
	EXPECT_EQ(NULL, bpfilter_match_find("conntrack", 0, NFPROTO_IPV4));
}

TEST_HARNESS_MAIN
