// SPDX-License-Identifier: GPL-2.0
/*
 * Lines of rules, as iptables-save 1.8.9 wrote them for the same data. What it
 * does not write for what no iptables makes is ours.
 */
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <asm/byteorder.h>
#include <netinet/in.h>
#include <linux/if_packet.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_connmark.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_dscp.h>
#include <linux/netfilter/xt_ecn.h>
#include <linux/netfilter/xt_esp.h>
#include <linux/netfilter/xt_iprange.h>
#include <linux/netfilter/xt_length.h>
#include <linux/netfilter/xt_mac.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_pkttype.h>
#include <linux/netfilter/xt_sctp.h>
#include <linux/netfilter/xt_state.h>
#include <linux/netfilter/xt_statistic.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter_ipv4/ipt_ah.h>
#include <linux/netfilter_ipv4/ipt_ttl.h>
#include <linux/netfilter_ipv6/ip6t_hl.h>

#include "../kselftest_harness.h"
#include "compile.h"
#include "ir_text.h"
#include "unit/blob_make.h"

#define IP(addr)	{ .ip = __cpu_to_be32(addr) }
#define ALL		0xffff
#define STATE(s)	XT_CONNTRACK_STATE_BIT(s)

/* --- One rule --- */

/* The first rule's line, terminated; the ruleset is read from a made blob */
static int first_line(const struct make *mk, uint32_t rule, char *line,
		      size_t line_size)
{
	size_t size;
	void *blob = make_blob(mk, &size);
	struct ir_ruleset *rs;
	struct refusal why;
	int ret = bpfilter_blob_read(blob, size, mk->family, &rs, &why);
	FILE *out = fmemopen(line, line_size, "w");

	bpfilter_blob_attach(rs, blob);
	if (rs)
		bpfilter_rule_text(rs, rule, out);
	fclose(out);
	bpfilter_ir_free(rs);
	free(blob);
	return ret;
}

static void end_input(struct make *mk)
{
	make_verdict(mk, VERDICT_DROP);
	make_head(mk, "ERROR");
	make_hook(mk, NF_INET_LOCAL_IN, 0, mk->num - 2);
}

/* --- Matches --- */

/**
 * struct match_case - a match and what it is called by
 * @family:	of the table
 * @proto:	what the rule asks for
 * @name:	the match
 * @revision:	its revision
 * @data:	its data
 * @size:	bytes of @data
 * @line:	the rule's line behind "-A INPUT " and the protocol
 */
struct match_case {
	uint16_t family;
	uint8_t proto;
	const char *name;
	uint8_t revision;
	const void *data;
	size_t size;
	const char *line;
};

#define MATCH(f, p, n, rev, text, type, ...)				\
	{ NFPROTO_##f, p, n, rev, &(const type) { __VA_ARGS__ },	\
	  sizeof(type), text }
#define ANY(n, rev, text, type, ...)					\
	MATCH(IPV4, 0, n, rev, "-m " text, type, __VA_ARGS__)
#define TCP(text, ...)							\
	MATCH(IPV4, IPPROTO_TCP, "tcp", 0, "-p tcp -m tcp" text,	\
	      struct xt_tcp, __VA_ARGS__)
#define CT(rev, text, ...)						\
	ANY("conntrack", rev, text, struct xt_conntrack_mtinfo##rev,	\
	    __VA_ARGS__)

static const struct match_case match_cases[] = {
	TCP("", .spts = { 0, ALL }, .dpts = { 0, ALL }),
	TCP(" --dport 22", .spts = { 0, ALL }, .dpts = { 22, 22 }),
	TCP(" ! --sport 1:2 --dport 0:9", .spts = { 1, 2 }, .dpts = { 0, 9 },
	    .invflags = XT_TCP_INV_SRCPT),
	TCP("", .spts = { 0, ALL }, .dpts = { 0, ALL },
	    .invflags = XT_TCP_INV_SRCPT),
	TCP(" --sport 1:2 --dport 3 --tcp-option 7 --tcp-flags SYN,ACK SYN",
	    .spts = { 1, 2 }, .dpts = { 3, 3 }, .option = 7, .flg_mask = 0x12,
	    .flg_cmp = 2),
	TCP(" ! --tcp-option 7 ! --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE",
	    .spts = { 0, ALL }, .dpts = { 0, ALL }, .option = 7,
	    .flg_mask = 0x3f,
	    .invflags = XT_TCP_INV_OPTION | XT_TCP_INV_FLAGS),
	MATCH(IPV4, IPPROTO_UDP, "udp", 0,
	      "-p udp -m udp --sport 5 ! --dport 6:7", struct xt_udp,
	      { 5, 5 }, { 6, 7 }, XT_UDP_INV_DSTPT),
	MATCH(IPV4, IPPROTO_ICMP, "icmp", 0, "-p icmp -m icmp --icmp-type 8",
	      struct ipt_icmp, 8, { 0, 0xff }),
	MATCH(IPV4, IPPROTO_ICMP, "icmp", 0,
	      "-p icmp -m icmp ! --icmp-type 3/1", struct ipt_icmp, 3, { 1, 1 },
	      IPT_ICMP_INV),
	MATCH(IPV4, IPPROTO_ICMP, "icmp", 0, "-p icmp -m icmp --icmp-type any",
	      struct ipt_icmp, 0xff, { 0, 0xff }),
	MATCH(IPV6, IPPROTO_ICMPV6, "icmp6", 0,
	      "-p ipv6-icmp -m icmp6 --icmpv6-type 1/4", struct ip6t_icmp, 1,
	      { 4, 4 }),
	MATCH(IPV4, IPPROTO_SCTP, "sctp", 0,
	      "-p sctp -m sctp ! --sport 5:7 --dport 0:65535",
	      struct xt_sctp_info, .spts = { 5, 7 }, .dpts = { 0, ALL },
	      .flags = XT_SCTP_SRC_PORTS | XT_SCTP_DEST_PORTS,
	      .invflags = XT_SCTP_SRC_PORTS),
	MATCH(IPV4, IPPROTO_AH, "ah", 0, "-p ah -m ah ! --ahspi 5:9",
	      struct ipt_ah, { 5, 9 }, IPT_AH_INV_SPI),
	MATCH(IPV4, IPPROTO_AH, "ah", 0, "-p ah -m ah", struct ipt_ah,
	      { 0, UINT32_MAX }),
	MATCH(IPV6, IPPROTO_ESP, "esp", 0, "-p esp -m esp --espspi 5",
	      struct xt_esp, { 5, 5 }),
	MATCH(IPV4, IPPROTO_TCP, "multiport", 1,
	      "-p tcp -m multiport --dports 1,2,3:5", struct xt_multiport_v1,
	      XT_MULTIPORT_DESTINATION, 4, { 1, 2, 3, 5 }, { 0, 0, 1, 0 }),
	MATCH(IPV4, IPPROTO_UDP, "multiport", 1,
	      "-p udp -m multiport ! --ports 1:65535", struct xt_multiport_v1,
	      XT_MULTIPORT_EITHER, 2, { 1, ALL }, { 1, 0 }, 1),
	ANY("comment", 0, "comment --comment hello", struct xt_comment_info,
	    "hello"),
	ANY("comment", 0, "comment --comment \"\"", struct xt_comment_info),
	ANY("comment", 0, "comment --comment \"it\\'s \\\"q\\\" \\\\ \303\244\"",
	    struct xt_comment_info, "it's \"q\" \\ \303\244"),
	/* iptables-save would end the line here */
	ANY("comment", 0, "comment --comment \"a?b\tc\"",
	    struct xt_comment_info, "a\nb\tc"),
	ANY("mark", 1, "mark --mark 0x5", struct xt_mark_mtinfo1, 5,
	    UINT32_MAX),
	ANY("connmark", 1, "connmark ! --mark 0x5/0x7",
	    struct xt_connmark_mtinfo1, 5, 7, 1),
	CT(3, "conntrack --ctstate INVALID,NEW,RELATED,ESTABLISHED,UNTRACKED,SNAT,DNAT",
	   .match_flags = XT_CONNTRACK_STATE,
	   .state_mask = XT_CONNTRACK_STATE_INVALID | STATE(IP_CT_NEW) |
			 STATE(IP_CT_RELATED) | STATE(IP_CT_ESTABLISHED) |
			 XT_CONNTRACK_STATE_UNTRACKED |
			 XT_CONNTRACK_STATE_SNAT | XT_CONNTRACK_STATE_DNAT),
	CT(3, "state ! --state NEW",
	   .match_flags = XT_CONNTRACK_STATE | XT_CONNTRACK_STATE_ALIAS,
	   .invert_flags = XT_CONNTRACK_STATE, .state_mask = STATE(IP_CT_NEW)),
	CT(3, "conntrack ! --ctproto 17 --ctorigsrc 1.2.3.4 --ctorigdst 1.2.0.0/16",
	   .match_flags = XT_CONNTRACK_PROTO | XT_CONNTRACK_ORIGSRC |
			  XT_CONNTRACK_ORIGDST,
	   .invert_flags = XT_CONNTRACK_PROTO, .l4proto = IPPROTO_UDP,
	   .origsrc_addr = IP(0x01020304), .origsrc_mask = IP(UINT32_MAX),
	   .origdst_addr = IP(0x01020000), .origdst_mask = IP(0xffff0000)),
	CT(3, "conntrack ! --ctreplsrc 1.0.0.0/8 --ctrepldst 0.0.0.0/0",
	   .match_flags = XT_CONNTRACK_REPLSRC | XT_CONNTRACK_REPLDST,
	   .invert_flags = XT_CONNTRACK_REPLSRC,
	   .replsrc_addr = IP(0x01000000), .replsrc_mask = IP(0xff000000)),
	CT(3, "conntrack --ctorigsrcport 5 --ctorigdstport 6:7",
	   .match_flags = XT_CONNTRACK_ORIGSRC_PORT | XT_CONNTRACK_ORIGDST_PORT,
	   .origsrc_port = 5, .origsrc_port_high = 5, .origdst_port = 6,
	   .origdst_port_high = 7),
	CT(3, "conntrack --ctreplsrcport 8 ! --ctrepldstport 9:10",
	   .match_flags = XT_CONNTRACK_REPLSRC_PORT | XT_CONNTRACK_REPLDST_PORT,
	   .invert_flags = XT_CONNTRACK_REPLDST_PORT, .replsrc_port = 8,
	   .replsrc_port_high = 8, .repldst_port = 9, .repldst_port_high = 10),
	CT(3, "conntrack --ctstatus NONE --ctexpire 1:2 --ctdir ORIGINAL",
	   .match_flags = XT_CONNTRACK_STATUS | XT_CONNTRACK_EXPIRES |
			  XT_CONNTRACK_DIRECTION,
	   .expires_min = 1, .expires_max = 2),
	CT(2, "conntrack ! --ctstatus ASSURED --ctdir REPLY",
	   .match_flags = XT_CONNTRACK_STATUS | XT_CONNTRACK_DIRECTION,
	   .invert_flags = XT_CONNTRACK_STATUS | XT_CONNTRACK_DIRECTION,
	   .status_mask = IPS_ASSURED),
	CT(1, "conntrack --ctstate NEW --ctorigdstport 80",
	   .match_flags = XT_CONNTRACK_STATE | XT_CONNTRACK_ORIGDST_PORT,
	   .state_mask = STATE(IP_CT_NEW), .origdst_port = __cpu_to_be16(80)),
	ANY("state", 0, "state --state INVALID,NEW,UNTRACKED",
	    struct xt_state_info, XT_STATE_INVALID | STATE(IP_CT_NEW) |
				  XT_STATE_UNTRACKED),
	ANY("dscp", 0, "dscp ! --dscp 0x2e", struct xt_dscp_info, 0x2e, 1),
	ANY("tos", 1, "tos --tos 0x00/0x3f", struct xt_tos_match_info, 0x3f),
	ANY("ecn", 0, "ecn ! --ecn-ip-ect 2", struct xt_ecn_info,
	    XT_ECN_OP_MATCH_IP, XT_ECN_OP_MATCH_IP, 2),
	ANY("ttl", 0, "ttl ! --ttl-eq 5", struct ipt_ttl_info, IPT_TTL_NE, 5),
	ANY("ttl", 0, "ttl --ttl-lt 5", struct ipt_ttl_info, IPT_TTL_LT, 5),
	MATCH(IPV6, 0, "hl", 0, "-m hl --hl-gt 5", struct ip6t_hl_info,
	      IP6T_HL_GT, 5),
	ANY("iprange", 1,
	    "iprange ! --src-range 1.2.3.4-1.2.3.9 --dst-range 1.1.1.1-1.1.1.1",
	    struct xt_iprange_mtinfo, IP(0x01020304), IP(0x01020309),
	    IP(0x01010101), IP(0x01010101),
	    IPRANGE_SRC | IPRANGE_SRC_INV | IPRANGE_DST),
	MATCH(IPV6, 0, "iprange", 1, "-m iprange --dst-range ::1-2001:db8::5",
	      struct xt_iprange_mtinfo, .flags = IPRANGE_DST,
	      .dst_min.all = { 0, 0, 0, __cpu_to_be32(1) },
	      .dst_max.all = { __cpu_to_be32(0x20010db8), 0, 0,
			   __cpu_to_be32(5) }),
	ANY("length", 0, "length ! --length 5:65535", struct xt_length_info, 5,
	    ALL, 1),
	ANY("mac", 0, "mac ! --mac-source aa:bb:22:33:44:55",
	    struct xt_mac_info, { 0xaa, 0xbb, 0x22, 0x33, 0x44, 0x55 }, 1),
	ANY("pkttype", 0, "pkttype ! --pkt-type broadcast",
	    struct xt_pkttype_info, PACKET_BROADCAST, 1),
	ANY("pkttype", 0, "pkttype --pkt-type 77", struct xt_pkttype_info, 77),
	ANY("statistic", 0,
	    "statistic --mode random ! --probability 0.33333300008",
	    struct xt_statistic_info, XT_STATISTIC_MODE_RANDOM,
	    XT_STATISTIC_INVERT, .u.random.probability = 715827167),
	/* What the kernel is asked for */
	ANY("statistic", 0, "statistic[0]", struct xt_statistic_info,
	    XT_STATISTIC_MODE_NTH),
	ANY("recent", 1, "recent[1]", uint64_t, 0),
	MATCH(IPV6, 0, "conntrack", 3, "-m conntrack[3]",
	      struct xt_conntrack_mtinfo3, .match_flags = XT_CONNTRACK_ORIGSRC),
};

static int match_line(const struct match_case *c, char *line, size_t size)
{
	struct make_entry *e;
	struct make mk;
	int ret;

	make_init(&mk);
	mk.family = c->family;
	e = make_verdict(&mk, VERDICT_ACCEPT);
	if (c->proto)
		make_proto(e, c->proto);
	memcpy(make_match(e, c->name, c->revision, c->size), c->data, c->size);
	end_input(&mk);
	ret = first_line(&mk, 0, line, size);
	make_free(&mk);
	return ret;
}

TEST(matches)
{
	for (size_t i = 0; i < ARRAY_SIZE(match_cases); i++) {
		const struct match_case *c = &match_cases[i];
		char line[512] = "", want[512];

		snprintf(want, sizeof(want), "-A INPUT %s -j ACCEPT", c->line);
		EXPECT_EQ(0, match_line(c, line, sizeof(line)))
			TH_LOG("%s", c->line);
		EXPECT_STREQ(want, line);
	}
}

/* --- Base headers --- */

static void set_iface(char *name, unsigned char *mask, const char *want,
		      int bytes)
{
	memcpy(name, want, strlen(want));
	memset(mask, 0xff, bytes);
}

static void addrs(struct make_entry *e)
{
	e->ip.src.s_addr = htonl(0x0a000000);
	e->ip.smsk.s_addr = htonl(0xff00ff00);
	e->ip.dst.s_addr = htonl(0x01020304);
	e->ip.dmsk.s_addr = UINT32_MAX;
	e->ip.invflags = IPT_INV_DSTIP;
}

static void not_any(struct make_entry *e)
{
	e->ip.invflags = IPT_INV_SRCIP;
	e->ip.dst.s_addr = htonl(0x0a000000);
	e->ip.dmsk.s_addr = htonl(0xff000000);
}

static void ifaces(struct make_entry *e)
{
	set_iface(e->ip.iniface, e->ip.iniface_mask, "eth", 3);
	set_iface(e->ip.outiface, e->ip.outiface_mask, "lo", 3);
	e->ip.invflags = IPT_INV_VIA_OUT;
}

static void long_iface(struct make_entry *e)
{
	set_iface(e->ip.iniface, e->ip.iniface_mask, "abcdefghijklmno",
		  IFNAMSIZ);
}

static void fragment(struct make_entry *e)
{
	e->ip.proto = 253;
	e->ip.flags = IPT_F_FRAG;
	e->ip.invflags = IPT_INV_FRAG | IPT_INV_PROTO;
}

static void addrs6(struct make_entry *e)
{
	e->ip6.src.s6_addr32[0] = htonl(0x20010db8);
	e->ip6.smsk.s6_addr32[0] = UINT32_MAX;
	e->ip6.dst.s6_addr[15] = 1;
	memset(&e->ip6.dmsk, 0xff, sizeof(e->ip6.dmsk));
	e->ip6.invflags = IP6T_INV_DSTIP;
}

static void odd_mask6(struct make_entry *e)
{
	e->ip6.src.s6_addr32[0] = htonl(0x20010000);
	e->ip6.smsk.s6_addr[0] = 0xff;
	e->ip6.smsk.s6_addr[1] = 0xff;
	e->ip6.smsk.s6_addr[15] = 0xff;
	e->ip6.proto = IPPROTO_MH;
	e->ip6.flags = IP6T_F_PROTO;
}

static void not_any6(struct make_entry *e)
{
	e->ip6.invflags = IP6T_INV_SRCIP;
	set_iface(e->ip6.iniface, e->ip6.iniface_mask, "ppp", 3);
}

static const struct base_case {
	uint16_t family;
	void (*fill)(struct make_entry *e);
	const char *line;
} base_cases[] = {
	{ NFPROTO_IPV4, addrs, "-s 10.0.0.0/255.0.255.0 ! -d 1.2.3.4/32" },
	{ NFPROTO_IPV4, not_any, "! -s 0.0.0.0/0 -d 10.0.0.0/8" },
	{ NFPROTO_IPV4, ifaces, "-i eth+ ! -o lo" },
	{ NFPROTO_IPV4, long_iface, "-i abcdefghijklmno" },
	{ NFPROTO_IPV4, fragment, "! -p 253 ! -f" },
	{ NFPROTO_IPV6, addrs6, "-s 2001:db8::/32 ! -d ::1/128" },
	{ NFPROTO_IPV6, odd_mask6, "-s 2001::/ffff::ff -p mobility-header" },
	{ NFPROTO_IPV6, not_any6, "! -s ::/0 -i ppp+" },
};

TEST(base_headers)
{
	for (size_t i = 0; i < ARRAY_SIZE(base_cases); i++) {
		const struct base_case *c = &base_cases[i];
		char line[512] = "", want[512];
		struct make mk;

		make_init(&mk);
		mk.family = c->family;
		c->fill(make_verdict(&mk, VERDICT_DROP));
		end_input(&mk);
		EXPECT_EQ(0, first_line(&mk, 0, line, sizeof(line)));
		snprintf(want, sizeof(want), "-A INPUT %s -j DROP", c->line);
		EXPECT_STREQ(want, line);
		make_free(&mk);
	}
}

/* --- Targets, and what is no rule --- */

/* Each way on there is, and a chain */
static void make_targets(struct make *mk)
{
	struct xt_mark_tginfo2 mark = { 5, 0xff };
	struct make_entry *e;

	make_jump(mk, 9);
	make_goto(mk, 9);
	make_verdict(mk, VERDICT_RETURN);
	make_verdict(mk, VERDICT_QUEUE);
	e = make_target(mk, "MARK", 2, sizeof(mark));
	memcpy(e->target + sizeof(struct xt_entry_target), &mark, sizeof(mark));
	make_target(mk, "LOG", 0, 40);
	make_jump(mk, 7);
	make_verdict(mk, VERDICT_ACCEPT);
	make_head(mk, "web server");
	make_verdict(mk, VERDICT_DROP);
	make_verdict(mk, VERDICT_RETURN);
	make_head(mk, "ERROR");
	make_hook(mk, NF_INET_LOCAL_IN, 0, 7);
}

static const char *const target_lines[] = {
	"-A INPUT -j web server",
	"-A INPUT -g web server",
	"-A INPUT -j RETURN",
	"-A INPUT -j QUEUE",
	"-A INPUT -j MARK --set-xmark 0x5/0xff",
	"-A INPUT -j LOG[0]",
	"-A INPUT",
	"-P INPUT ACCEPT",
	"-N web server",
	"-A web server -j DROP",
	"# end of web server",
	"# end of the table",
};

TEST(targets)
{
	char line[512];
	struct make mk;

	make_init(&mk);
	make_targets(&mk);
	ASSERT_EQ(ARRAY_SIZE(target_lines), mk.num);
	for (size_t i = 0; i < ARRAY_SIZE(target_lines); i++) {
		memset(line, 0, sizeof(line));
		EXPECT_EQ(0, first_line(&mk, i, line, sizeof(line)));
		EXPECT_STREQ(target_lines[i], line);
	}
	make_free(&mk);
}

/* Without the blob there is nothing to print */
TEST(no_blob)
{
	struct ir_ruleset *rs;
	struct refusal why;
	struct make mk;
	char line[8] = "";
	size_t size;
	void *blob;
	FILE *out;

	make_init(&mk);
	end_input(&mk);
	blob = make_blob(&mk, &size);
	ASSERT_EQ(0, bpfilter_blob_read(blob, size, NFPROTO_IPV4, &rs, &why));
	free(blob);
	out = fmemopen(line, sizeof(line), "w");
	bpfilter_rule_text(rs, 0, out);
	fclose(out);
	EXPECT_STREQ("", line);
	bpfilter_ir_free(rs);
	make_free(&mk);
}

#define ZEROS	"0,0,0,0,0,0,0,0,0,0,0,0,0,0,0"

/* A rule that is refused has a line as far as it was understood */
TEST(refused)
{
	struct xt_multiport_v1 ports = { .count = 255, .flags = 0 };
	struct make_entry *e;
	char line[512] = "";
	struct make mk;

	make_init(&mk);
	e = make_verdict(&mk, VERDICT_ACCEPT);
	make_proto(e, IPPROTO_TCP);
	memcpy(make_match(e, "multiport", 1, sizeof(ports)), &ports,
	       sizeof(ports));
	make_match(e, "recent", 1, 8);
	end_input(&mk);
	EXPECT_NE(0, first_line(&mk, 0, line, sizeof(line)));
	EXPECT_STREQ("-A INPUT -p tcp -m multiport --sports " ZEROS
		     " -j ACCEPT", line);
	EXPECT_NE(0, first_line(&mk, 1, line, sizeof(line)));
	make_free(&mk);
}

TEST_HARNESS_MAIN
