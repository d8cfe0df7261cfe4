// SPDX-License-Identifier: GPL-2.0
/* Matches that look at the IP header: what their data becomes */
#include <errno.h>
#include <asm/byteorder.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_dscp.h>
#include <linux/netfilter/xt_ecn.h>
#include <linux/netfilter/xt_iprange.h>
#include <linux/netfilter/xt_length.h>
#include <linux/netfilter_ipv4/ipt_ttl.h>
#include <linux/netfilter_ipv6/ip6t_hl.h>

#include "../kselftest_harness.h"
#include "unit/parse_test.h"

#define DSCP	.name = "dscp"
#define ECN	.name = "ecn"
#define HL	.name = "hl", .family = NFPROTO_IPV6
#define IPRANGE	.name = "iprange", .revision = 1, .family = NFPROTO_IPV4
#define IPRANGE6 .name = "iprange", .revision = 1, .family = NFPROTO_IPV6
#define LENGTH	.name = "length"
#define TOS	.name = "tos", .revision = 1
#define TTL	.name = "ttl", .family = NFPROTO_IPV4

#define IP(addr)	{ .ip = __cpu_to_be32(addr) }
#define IP6(first, last)						\
	{ .in6.s6_addr = { 0x20, 0x01, [2] = (first), [15] = (last) } }

#define ADDR_LO	"2001::1"
#define ADDR_HI	"2001:200::3"

static const struct parse_case length_cases[] = {
	{ "range", LENGTH,
	  PARSE_DATA(struct xt_length_info, .min = 40, .max = 1500),
	  .text = "ip_len == 40-1500\n" },
	{ "inverted", LENGTH,
	  PARSE_DATA(struct xt_length_info, .min = 64, .max = 64, .invert = 1),
	  .text = "ip_len != 64\n" },
	{ "any 16 bit, which not all packets are", LENGTH,
	  PARSE_DATA(struct xt_length_info, .min = 0, .max = 65535),
	  .text = "ip_len == 0-65535\n" },
	{ "backwards", LENGTH,
	  PARSE_DATA(struct xt_length_info, .min = 2, .max = 1),
	  .text = "ip_len == 2-1\n" },
	{ "odd inversion", LENGTH,
	  PARSE_DATA(struct xt_length_info, .max = 1, .invert = 2),
	  .ret = PARSE_BRIDGE },
};

static const struct parse_case ttl_cases[] = {
	{ "equal", TTL,
	  PARSE_DATA(struct ipt_ttl_info, .mode = IPT_TTL_EQ, .ttl = 64),
	  .text = "ip_ttl == 64\n" },
	{ "not equal", TTL,
	  PARSE_DATA(struct ipt_ttl_info, .mode = IPT_TTL_NE, .ttl = 255),
	  .text = "ip_ttl != 255\n" },
	{ "less", TTL,
	  PARSE_DATA(struct ipt_ttl_info, .mode = IPT_TTL_LT, .ttl = 10),
	  .text = "ip_ttl == 0-9\n" },
	{ "less than 0", TTL,
	  PARSE_DATA(struct ipt_ttl_info, .mode = IPT_TTL_LT, .ttl = 0),
	  .text = "never\n" },
	{ "greater", TTL,
	  PARSE_DATA(struct ipt_ttl_info, .mode = IPT_TTL_GT, .ttl = 254),
	  .text = "ip_ttl == 255\n" },
	{ "greater than 255", TTL,
	  PARSE_DATA(struct ipt_ttl_info, .mode = IPT_TTL_GT, .ttl = 255),
	  .text = "never\n" },
	{ "no such mode", TTL,
	  PARSE_DATA(struct ipt_ttl_info, .mode = 4),
	  .ret = -EINVAL, .text = "unknown mode 4" },
	{ "hop limit", HL,
	  PARSE_DATA(struct ip6t_hl_info, .mode = IP6T_HL_EQ, .hop_limit = 1),
	  .text = "ip_ttl == 1\n" },
	{ "other hop limit", HL,
	  PARSE_DATA(struct ip6t_hl_info, .mode = IP6T_HL_NE, .hop_limit = 0),
	  .text = "ip_ttl != 0\n" },
	{ "smaller hop limit", HL,
	  PARSE_DATA(struct ip6t_hl_info, .mode = IP6T_HL_LT, .hop_limit = 1),
	  .text = "ip_ttl == 0\n" },
	{ "greater hop limit", HL,
	  PARSE_DATA(struct ip6t_hl_info, .mode = IP6T_HL_GT, .hop_limit = 9),
	  .text = "ip_ttl == 10-255\n" },
	{ "no such mode", HL,
	  PARSE_DATA(struct ip6t_hl_info, .mode = 255),
	  .ret = -EINVAL, .text = "unknown mode 255" },
};

static const struct parse_case tos_cases[] = {
	{ "DSCP", DSCP, PARSE_DATA(struct xt_dscp_info, .dscp = 46),
	  .text = "ip_tos & 0xfc == 184\n" },
	{ "other DSCP", DSCP,
	  PARSE_DATA(struct xt_dscp_info, .dscp = 0, .invert = 1),
	  .text = "ip_tos & 0xfc != 0\n" },
	{ "oddly inverted DSCP", DSCP,
	  PARSE_DATA(struct xt_dscp_info, .dscp = 63, .invert = 2),
	  .text = "ip_tos & 0xfc != 252\n" },
	{ "DSCP of 7 bit", DSCP, PARSE_DATA(struct xt_dscp_info, .dscp = 64),
	  .ret = -EDOM, .text = "DSCP 64, at most 63" },
	{ "TOS", TOS,
	  PARSE_DATA(struct xt_tos_match_info, .tos_mask = 0xff,
		     .tos_value = 16),
	  .text = "ip_tos == 16\n" },
	{ "part of TOS inverted", TOS,
	  PARSE_DATA(struct xt_tos_match_info, .tos_mask = 0x3f,
		     .tos_value = 0x10, .invert = 128),
	  .text = "ip_tos & 0x3f != 16\n" },
	{ "TOS outside its mask", TOS,
	  PARSE_DATA(struct xt_tos_match_info, .tos_mask = 0xf0,
		     .tos_value = 0x11),
	  .text = "ip_tos & 0xf0 == 17\n" },
	{ "any TOS", TOS, PARSE_DATA(struct xt_tos_match_info),
	  .text = "" },
	{ "any TOS inverted", TOS,
	  PARSE_DATA(struct xt_tos_match_info, .invert = 1),
	  .text = "ip_tos & 0x0 != 0\n" },
};

static const struct parse_case ecn_cases[] = {
	{ "nothing", ECN, PARSE_DATA(struct xt_ecn_info), .text = "" },
	{ "inversion of nothing", ECN,
	  PARSE_DATA(struct xt_ecn_info, .invert = XT_ECN_OP_MATCH_IP,
		     .ip_ect = 2), .text = "" },
	{ "IP bits", ECN,
	  PARSE_DATA(struct xt_ecn_info, .operation = XT_ECN_OP_MATCH_IP,
		     .ip_ect = 3), .text = "ip_tos & 0x3 == 3\n" },
	{ "other IP bits", ECN,
	  PARSE_DATA(struct xt_ecn_info, .operation = XT_ECN_OP_MATCH_IP,
		     .invert = XT_ECN_OP_MATCH_IP),
	  .text = "ip_tos & 0x3 != 0\n" },
	{ "bits that no packet has", ECN,
	  PARSE_DATA(struct xt_ecn_info, .operation = XT_ECN_OP_MATCH_IP,
		     .ip_ect = 7), .text = "ip_tos & 0x3 == 7\n" },
	{ "TCP bit", ECN, .proto = IPPROTO_TCP,
	  PARSE_DATA(struct xt_ecn_info, .operation = XT_ECN_OP_MATCH_ECE),
	  .ret = PARSE_BRIDGE },
	{ "IP bits and the other TCP bit", ECN, .proto = IPPROTO_TCP,
	  PARSE_DATA(struct xt_ecn_info, .invert = XT_ECN_OP_MATCH_CWR,
		     .operation = XT_ECN_OP_MATCH_IP | XT_ECN_OP_MATCH_CWR),
	  .ret = PARSE_BRIDGE },
	{ "TCP bit of UDP", ECN, .proto = IPPROTO_UDP,
	  PARSE_DATA(struct xt_ecn_info, .operation = XT_ECN_OP_MATCH_CWR),
	  .ret = -EINVAL, .text = "TCP bits without TCP" },
	{ "TCP bit of anything but TCP", ECN, .proto = IPPROTO_TCP,
	  .invflags = XT_INV_PROTO,
	  PARSE_DATA(struct xt_ecn_info, .operation = XT_ECN_OP_MATCH_ECE),
	  .ret = -EINVAL, .text = "TCP bits without TCP" },
	{ "unknown operation", ECN,
	  PARSE_DATA(struct xt_ecn_info, .operation = 0x80),
	  .ret = -EINVAL, .text = "unknown flags 0x80" },
	{ "unknown inversion", ECN,
	  PARSE_DATA(struct xt_ecn_info, .invert = 0x02),
	  .ret = -EINVAL, .text = "unknown flags 0x2" },
};

static const struct parse_case iprange_cases[] = {
	{ "nothing", IPRANGE, PARSE_DATA(struct xt_iprange_mtinfo),
	  .text = "" },
	{ "source", IPRANGE,
	  PARSE_DATA(struct xt_iprange_mtinfo, .flags = IPRANGE_SRC,
		     .src_min = IP(0x0a000001), .src_max = IP(0x0a0000ff)),
	  .text = "ip_saddr == 10.0.0.1-10.0.0.255\n" },
	{ "destination inverted", IPRANGE,
	  PARSE_DATA(struct xt_iprange_mtinfo,
		     .flags = IPRANGE_DST | IPRANGE_DST_INV,
		     .dst_min = IP(0), .dst_max = IP(0xffffffff)),
	  .text = "ip_daddr != 0.0.0.0-255.255.255.255\n" },
	{ "both, one backwards", IPRANGE,
	  PARSE_DATA(struct xt_iprange_mtinfo,
		     .flags = IPRANGE_SRC | IPRANGE_DST | IPRANGE_SRC_INV,
		     .src_min = IP(0x01000000), .src_max = IP(0x00000001),
		     .dst_min = IP(0x01020304), .dst_max = IP(0x01020304)),
	  .text = "ip_saddr != 1.0.0.0-0.0.0.1\n"
		  "ip_daddr == 1.2.3.4\n" },
	{ "inversions of nothing, unknown flags", IPRANGE,
	  PARSE_DATA(struct xt_iprange_mtinfo, .flags = 0xfc), .text = "" },
	{ "source", IPRANGE6,
	  PARSE_DATA(struct xt_iprange_mtinfo, .flags = IPRANGE_SRC,
		     .src_min = IP6(0, 1), .src_max = IP6(2, 3)),
	  .text = "ip6_saddr == " ADDR_LO "-" ADDR_HI "\n" },
	{ "both, destination inverted and backwards", IPRANGE6,
	  PARSE_DATA(struct xt_iprange_mtinfo,
		     .flags = IPRANGE_SRC | IPRANGE_DST | IPRANGE_DST_INV,
		     .src_min = IP6(0, 1), .src_max = IP6(0, 1),
		     .dst_min = IP6(2, 3), .dst_max = IP6(0, 1)),
	  .text = "ip6_saddr == " ADDR_LO "\n"
		  "ip6_daddr != " ADDR_HI "-" ADDR_LO "\n" },
	{ "nothing", IPRANGE6,
	  PARSE_DATA(struct xt_iprange_mtinfo, .flags = 0xf0), .text = "" },
};

TEST(length)
{
	parse_test(_metadata, length_cases, ARRAY_SIZE(length_cases));
}

TEST(ttl)
{
	parse_test(_metadata, ttl_cases, ARRAY_SIZE(ttl_cases));
}

TEST(tos)
{
	parse_test(_metadata, tos_cases, ARRAY_SIZE(tos_cases));
}

TEST(ecn)
{
	parse_test(_metadata, ecn_cases, ARRAY_SIZE(ecn_cases));
}

TEST(iprange)
{
	parse_test(_metadata, iprange_cases, ARRAY_SIZE(iprange_cases));
}

/* Revisions that this kernel does not have, or not for this family */
TEST(unknown)
{
	EXPECT_EQ(NULL, bpfilter_match_find("tos", 0, NFPROTO_IPV4));
	EXPECT_EQ(NULL, bpfilter_match_find("iprange", 0, NFPROTO_IPV4));
	EXPECT_EQ(NULL, bpfilter_match_find("ttl", 0, NFPROTO_IPV6));
	EXPECT_EQ(NULL, bpfilter_match_find("hl", 0, NFPROTO_IPV4));
}

TEST_HARNESS_MAIN
