// SPDX-License-Identifier: GPL-2.0
/* Matches that look at the transport header: what their data becomes */
#include <errno.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_esp.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_sctp.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv4/ipt_ah.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include "../kselftest_harness.h"
#include "unit/parse_test.h"

#define AH	.name = "ah", .family = NFPROTO_IPV4, .proto = IPPROTO_AH
#define ESP	.name = "esp", .proto = IPPROTO_ESP
#define ICMP	.name = "icmp", .family = NFPROTO_IPV4, .proto = IPPROTO_ICMP
#define ICMP6	.name = "icmp6", .family = NFPROTO_IPV6, .proto = IPPROTO_ICMPV6
#define SCTP	.name = "sctp", .proto = IPPROTO_SCTP
#define TCP	.name = "tcp", .proto = IPPROTO_TCP
#define UDP	.name = "udp", .proto = IPPROTO_UDP
#define UDPLITE	.name = "udplite", .proto = IPPROTO_UDPLITE
#define PORTS	.name = "multiport", .revision = 1, .proto = IPPROTO_TCP
#define PORTS_OF(p)							\
	.name = "multiport", .revision = 1, .proto = (p)

static const struct parse_case tcpudp_cases[] = {
	{ "all there is", TCP,
	  PARSE_DATA(struct xt_tcp, .spts = { 1, 2 }, .dpts = { 80, 80 },
		     .option = 2, .flg_mask = 0x3f, .flg_cmp = 0x02,
		     .invflags = XT_TCP_INV_DSTPT | XT_TCP_INV_OPTION),
	  .text = "header tcp\nl4_sport == 1-2\nl4_dport != 80\n"
		  "tcp_flags & FIN,SYN,RST,PSH,ACK,URG == SYN\n"
		  "tcp_option lacks 2\n" },
	{ "flags as a whole byte", TCP,
	  PARSE_DATA(struct xt_tcp, .spts = { 0, 65535 }, .dpts = { 0, 65535 },
		     .flg_mask = 0xff, .flg_cmp = 0x81,
		     .invflags = XT_TCP_INV_FLAGS),
	  .text = "header tcp\ntcp_flags != FIN,0x80\n" },
	{ "unknown flags", TCP,
	  PARSE_DATA(struct xt_tcp, .invflags = 0x1f),
	  .ret = -EINVAL, .text = "unknown flags 0x10" },
	{ "udp", UDP,
	  PARSE_DATA(struct xt_udp, .spts = { 53, 53 }, .dpts = { 5, 4 },
		     .invflags = XT_UDP_INV_SRCPT),
	  .text = "header udp\nl4_sport != 53\nl4_dport == 5-4\n" },
	{ "udp, unknown flags", UDP,
	  PARSE_DATA(struct xt_udp, .invflags = 0x84),
	  .ret = -EINVAL, .text = "unknown flags 0x84" },
	{ "udplite", UDPLITE,
	  PARSE_DATA(struct xt_udp, .spts = { 0, 65535 },
		     .dpts = { 0, 65535 }, .invflags = XT_UDP_INV_DSTPT),
	  .text = "header udp\nl4_dport != 0-65535\n" },
};

static const struct parse_case icmp_cases[] = {
	{ "type and codes", ICMP,
	  PARSE_DATA(struct ipt_icmp, .type = 3, .code = { 1, 4 }),
	  .text = "header icmp\nicmp_typecode == 3/1-3/4\n" },
	{ "any", ICMP, PARSE_DATA(struct ipt_icmp, .type = 255),
	  .text = "header icmp\n" },
	{ "type and code", ICMP6,
	  PARSE_DATA(struct ip6t_icmp, .type = 1, .code = { 3, 3 }),
	  .text = "header icmp\nicmp_typecode == 1/3\n" },
	{ "other than a type", ICMP6,
	  PARSE_DATA(struct ip6t_icmp, .type = 128, .code = { 0, 255 },
		     .invflags = IP6T_ICMP_INV),
	  .text = "header icmp\nicmp_typecode != 128/0-128/255\n" },
	{ "type 255 is one, not any", ICMP6,
	  PARSE_DATA(struct ip6t_icmp, .type = 255, .code = { 0, 255 }),
	  .text = "header icmp\nicmp_typecode == 255/0-255/255\n" },
	{ "codes backwards", ICMP6,
	  PARSE_DATA(struct ip6t_icmp, .type = 2, .code = { 1, 0 }),
	  .text = "header icmp\nicmp_typecode == 2/1-2/0\n" },
	{ "unknown flags", ICMP6,
	  PARSE_DATA(struct ip6t_icmp, .invflags = 0x03),
	  .ret = -EINVAL, .text = "unknown flags 0x2" },
};

static const struct parse_case multiport_cases[] = {
	{ "source ports", PORTS,
	  PARSE_DATA(struct xt_multiport_v1, .flags = XT_MULTIPORT_SOURCE,
		     .count = 3, .ports = { 80, 0, 65535, 9 }),
	  .text = "header ports\nsource port in 80,0,65535\n" },
	{ "destination ports and ranges", PORTS,
	  PARSE_DATA(struct xt_multiport_v1, .flags = XT_MULTIPORT_DESTINATION,
		     .count = 6, .ports = { 1, 2, 2, 5, 7, 7 },
		     .pflags = { 0, 1, 0, 0, 255 }),
	  .text = "header ports\ndestination port in 1,2,5,7\n" },
	{ "either of the ports", PORTS_OF(IPPROTO_UDP),
	  PARSE_DATA(struct xt_multiport_v1, .flags = XT_MULTIPORT_EITHER,
		     .count = 2, .ports = { 0, 1023 }, .pflags = { 1 },
		     .invert = 1),
	  .text = "header ports\neither port none of 0-1023\n" },
	{ "as many as there can be", PORTS_OF(IPPROTO_SCTP),
	  PARSE_DATA(struct xt_multiport_v1, .flags = XT_MULTIPORT_SOURCE,
		     .count = 15, .ports = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
					     12, 13, 14, 20 },
		     .pflags = { [13] = 1 }),
	  .text = "header ports\n"
		  "source port in 1,2,3,4,5,6,7,8,9,10,11,12,13,14-20\n" },
	{ "none", PORTS_OF(IPPROTO_DCCP), PARSE_DATA(struct xt_multiport_v1),
	  .text = "header ports\nsource port in\n" },
	{ "other than none", PORTS_OF(IPPROTO_UDPLITE),
	  PARSE_DATA(struct xt_multiport_v1, .invert = 1),
	  .text = "header ports\nsource port none of\n" },
	{ "odd inversion", PORTS,
	  PARSE_DATA(struct xt_multiport_v1, .count = 1, .invert = 2),
	  .ret = PARSE_BRIDGE },
	{ "no protocol", PORTS_OF(0), PARSE_DATA(struct xt_multiport_v1),
	  .ret = -EINVAL, .text = "only for protocols that have ports" },
	{ "protocol without ports", PORTS_OF(IPPROTO_ICMP),
	  PARSE_DATA(struct xt_multiport_v1),
	  .ret = -EINVAL, .text = "only for protocols that have ports" },
	{ "any other protocol", PORTS, .invflags = XT_INV_PROTO,
	  PARSE_DATA(struct xt_multiport_v1),
	  .ret = -EINVAL, .text = "only for protocols that have ports" },
	{ "unknown flags", PORTS,
	  PARSE_DATA(struct xt_multiport_v1, .flags = 3),
	  .ret = -EINVAL, .text = "unknown flags 0x3" },
	{ "too many", PORTS,
	  PARSE_DATA(struct xt_multiport_v1, .count = 16),
	  .ret = -EINVAL, .text = "16 ports, at most 15" },
	{ "range without an end", PORTS,
	  PARSE_DATA(struct xt_multiport_v1, .count = 2, .ports = { 1, 8, 9 },
		     .pflags = { 0, 1 }),
	  .ret = -EINVAL, .text = "range from port 8 has no end" },
	{ "range without an end at the very end", PORTS,
	  PARSE_DATA(struct xt_multiport_v1, .count = 15,
		     .ports = { [14] = 7 }, .pflags = { [14] = 1 }),
	  .ret = -EINVAL, .text = "range from port 7 has no end" },
	{ "range that ends with a range", PORTS,
	  PARSE_DATA(struct xt_multiport_v1, .count = 3, .ports = { 1, 2, 3 },
		     .pflags = { 1, 1 }),
	  .ret = -EINVAL, .text = "range from port 1 has no end" },
	{ "range backwards", PORTS,
	  PARSE_DATA(struct xt_multiport_v1, .count = 2, .ports = { 2, 1 },
		     .pflags = { 1 }, .invert = 2),
	  .ret = -EINVAL, .text = "range from port 2 to 1" },
};

static const struct parse_case sctp_cases[] = {
	{ "nothing", SCTP, PARSE_DATA(struct xt_sctp_info),
	  .text = "header sctp\n" },
	{ "ports", SCTP,
	  PARSE_DATA(struct xt_sctp_info, .spts = { 1, 9 }, .dpts = { 5, 5 },
		     .flags = XT_SCTP_SRC_PORTS | XT_SCTP_DEST_PORTS,
		     .invflags = XT_SCTP_DEST_PORTS, .flag_count = 4),
	  .text = "header sctp\nl4_sport == 1-9\nl4_dport != 5\n" },
	{ "destination ports", SCTP,
	  PARSE_DATA(struct xt_sctp_info, .dpts = { 0, 1023 },
		     .flags = XT_SCTP_DEST_PORTS),
	  .text = "header sctp\nl4_dport == 0-1023\n" },
	{ "ports that do not count", SCTP,
	  PARSE_DATA(struct xt_sctp_info, .spts = { 1, 9 }, .dpts = { 5, 5 },
		     .flags = XT_SCTP_SRC_PORTS),
	  .text = "header sctp\nl4_sport == 1-9\n" },
	{ "any source port inverted", SCTP,
	  PARSE_DATA(struct xt_sctp_info, .spts = { 0, 65535 },
		     .flags = XT_SCTP_SRC_PORTS,
		     .invflags = XT_SCTP_SRC_PORTS),
	  .text = "header sctp\nl4_sport != 0-65535\n" },
	{ "chunks", SCTP,
	  PARSE_DATA(struct xt_sctp_info, .flags = XT_SCTP_CHUNK_TYPES,
		     .chunk_match_type = SCTP_CHUNK_MATCH_ANY),
	  .ret = PARSE_BRIDGE },
	{ "chunks nohow", SCTP,
	  PARSE_DATA(struct xt_sctp_info, .flags = XT_SCTP_CHUNK_TYPES,
		     .chunk_match_type = 0x8),
	  .ret = -EINVAL, .text = "unknown chunk match type 0x8" },
	{ "unknown flags", SCTP,
	  PARSE_DATA(struct xt_sctp_info, .flags = 0x9),
	  .ret = -EINVAL, .text = "unknown flags 0x8" },
	{ "unknown inversions", SCTP,
	  PARSE_DATA(struct xt_sctp_info, .invflags = 0x80000001),
	  .ret = -EINVAL, .text = "unknown flags 0x80000000" },
	{ "inversion of nothing", SCTP,
	  PARSE_DATA(struct xt_sctp_info, .flags = XT_SCTP_SRC_PORTS,
		     .invflags = XT_SCTP_DEST_PORTS),
	  .ret = -EINVAL, .text = "inverts 0x2, asks only for 0x1" },
	{ "too many chunk flags", SCTP,
	  PARSE_DATA(struct xt_sctp_info, .flag_count = 5),
	  .ret = -EINVAL, .text = "5 chunk flags, at most 4" },
	{ "less than no chunk flags", SCTP,
	  PARSE_DATA(struct xt_sctp_info, .flag_count = -1),
	  .ret = -EINVAL, .text = "-1 chunk flags, at most 4" },
};

static const struct parse_case ipsec_cases[] = {
	{ "SPIs", ESP, PARSE_DATA(struct xt_esp, .spis = { 1, 0x80000000 }),
	  .text = "header esp\nl4_spi == 1-2147483648\n" },
	{ "SPIs inverted", ESP,
	  PARSE_DATA(struct xt_esp, .spis = { 0, 0xffffffff },
		     .invflags = XT_ESP_INV_SPI),
	  .text = "header esp\nl4_spi != 0-4294967295\n" },
	{ "unknown flags", ESP, PARSE_DATA(struct xt_esp, .invflags = 2),
	  .ret = -EINVAL, .text = "unknown flags 0x2" },
	{ "SPI", AH, PARSE_DATA(struct ipt_ah, .spis = { 500, 500 }),
	  .text = "header ah\nl4_spi == 500\n" },
	{ "SPIs backwards, inverted", AH,
	  PARSE_DATA(struct ipt_ah, .spis = { 2, 1 },
		     .invflags = IPT_AH_INV_SPI),
	  .text = "header ah\nl4_spi != 2-1\n" },
	{ "unknown flags", AH, PARSE_DATA(struct ipt_ah, .invflags = 0xfe),
	  .ret = -EINVAL, .text = "unknown flags 0xfe" },
};

TEST(tcpudp)
{
	parse_test(_metadata, tcpudp_cases, ARRAY_SIZE(tcpudp_cases));
}

TEST(icmp)
{
	parse_test(_metadata, icmp_cases, ARRAY_SIZE(icmp_cases));
}

TEST(multiport)
{
	parse_test(_metadata, multiport_cases, ARRAY_SIZE(multiport_cases));
}

TEST(sctp)
{
	parse_test(_metadata, sctp_cases, ARRAY_SIZE(sctp_cases));
}

TEST(ipsec)
{
	parse_test(_metadata, ipsec_cases, ARRAY_SIZE(ipsec_cases));
}

/* The kernel asks for the protocol of all these, so the blob reader must too */
TEST(protocols)
{
	static const struct {
		const char *name;
		uint16_t family;
		uint16_t proto;
	} protos[] = {
		{ "tcp", NFPROTO_IPV4, IPPROTO_TCP },
		{ "tcp", NFPROTO_IPV6, IPPROTO_TCP },
		{ "udp", NFPROTO_IPV4, IPPROTO_UDP },
		{ "udp", NFPROTO_IPV6, IPPROTO_UDP },
		{ "udplite", NFPROTO_IPV4, IPPROTO_UDPLITE },
		{ "udplite", NFPROTO_IPV6, IPPROTO_UDPLITE },
		{ "icmp", NFPROTO_IPV4, IPPROTO_ICMP },
		{ "icmp6", NFPROTO_IPV6, IPPROTO_ICMPV6 },
		{ "sctp", NFPROTO_IPV4, IPPROTO_SCTP },
		{ "sctp", NFPROTO_IPV6, IPPROTO_SCTP },
		{ "esp", NFPROTO_IPV4, IPPROTO_ESP },
		{ "esp", NFPROTO_IPV6, IPPROTO_ESP },
		{ "ah", NFPROTO_IPV4, IPPROTO_AH },
	};

	for (size_t i = 0; i < ARRAY_SIZE(protos); i++) {
		const struct match_desc *desc =
			bpfilter_match_find(protos[i].name, 0,
					    protos[i].family);

		ASSERT_NE(NULL, desc) TH_LOG("%s", protos[i].name);
		EXPECT_EQ(protos[i].proto, desc->proto)
			TH_LOG("%s", protos[i].name);
	}
}

/* Left to the kernel, in one family or both */
TEST(unknown)
{
	EXPECT_EQ(NULL, bpfilter_match_find("ah", 0, NFPROTO_IPV6));
	EXPECT_EQ(NULL, bpfilter_match_find("icmp", 0, NFPROTO_IPV6));
	EXPECT_EQ(NULL, bpfilter_match_find("icmp6", 0, NFPROTO_IPV4));
	EXPECT_EQ(NULL, bpfilter_match_find("multiport", 0, NFPROTO_IPV4));
	EXPECT_EQ(NULL, bpfilter_match_find("tcpmss", 0, NFPROTO_IPV4));
}

TEST_HARNESS_MAIN
