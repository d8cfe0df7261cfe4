// SPDX-License-Identifier: GPL-2.0
/*
 * What base header and matches become: the tests of one rule as the dump shows
 * them, as read and after all passes, or why the rule is refused.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_state.h>
#include <linux/netfilter/xt_tcpudp.h>

#include "../kselftest_harness.h"
#include "compile.h"
#include "unit/blob_make.h"

/* Base header */

static void ip_nothing(struct make_entry *e)
{
}

static void ip_prefix(struct make_entry *e)
{
	e->ip.src.s_addr = htonl(0x0a000000);
	e->ip.smsk.s_addr = htonl(0xffffff00);
	e->ip.dst.s_addr = htonl(0xc0a80001);
	e->ip.dmsk.s_addr = htonl(0xffffffff);
	e->ip.invflags = IPT_INV_DSTIP;
}

static void ip_odd_mask(struct make_entry *e)
{
	e->ip.src.s_addr = htonl(0x0a000001);
	e->ip.smsk.s_addr = htonl(0xff0000ff);
}

static void ip_outside_mask(struct make_entry *e)
{
	e->ip.src.s_addr = htonl(0x0a000001);
	e->ip.smsk.s_addr = htonl(0xffffff00);
}

static void ip_not_outside_mask(struct make_entry *e)
{
	ip_outside_mask(e);
	e->ip.invflags = IPT_INV_SRCIP;
}

static void ip_not_any(struct make_entry *e)
{
	e->ip.invflags = IPT_INV_DSTIP;
}

static void set_iface(char *name, unsigned char *mask, const char *want,
		      size_t len)
{
	memcpy(name, want, strlen(want));
	memset(mask, 0xff, len);
}

static void iface_names(struct make_entry *e)
{
	set_iface(e->ip.iniface, e->ip.iniface_mask, "eth0", 5);
	set_iface(e->ip.outiface, e->ip.outiface_mask, "ppp", 3);
	e->ip.invflags = IPT_INV_VIA_OUT;
}

static void iface_odd_mask(struct make_entry *e)
{
	set_iface(e->ip.iniface, e->ip.iniface_mask, "eth0", 1);
	e->ip.iniface_mask[3] = 0xf0;
}

static void iface_not_any(struct make_entry *e)
{
	e->ip.invflags = IPT_INV_VIA_IN;
}

static void proto_not_tcp(struct make_entry *e)
{
	e->ip.proto = IPPROTO_TCP;
	e->ip.invflags = IPT_INV_PROTO;
}

static void proto_not_any(struct make_entry *e)
{
	e->ip.invflags = IPT_INV_PROTO;
}

static void proto_too_big(struct make_entry *e)
{
	e->ip.proto = 0x106;
}

static void frag(struct make_entry *e)
{
	e->ip.flags = IPT_F_FRAG;
}

static void frag_not(struct make_entry *e)
{
	e->ip.flags = IPT_F_FRAG;
	e->ip.invflags = IPT_INV_FRAG;
}

static void frag_not_nothing(struct make_entry *e)
{
	e->ip.invflags = IPT_INV_FRAG;
}

static void tos_flag(struct make_entry *e)
{
	e->ip.invflags = IPT_INV_TOS;
}

/* tcp, udp, icmp */

static struct xt_tcp *tcp_any(struct make_entry *e)
{
	struct xt_tcp *t = make_match(e, "tcp", 0, sizeof(*t));

	e->ip.proto = IPPROTO_TCP;
	*t = (struct xt_tcp) { .spts = { 0, 65535 }, .dpts = { 0, 65535 } };
	return t;
}

static void tcp_nothing(struct make_entry *e)
{
	tcp_any(e);
}

static void tcp_ports(struct make_entry *e)
{
	struct xt_tcp *t = tcp_any(e);

	t->spts[0] = 1024;
	t->dpts[0] = 80;
	t->dpts[1] = 80;
	t->invflags = XT_TCP_INV_SRCPT;
}

static void tcp_not_any_port(struct make_entry *e)
{
	tcp_any(e)->invflags = XT_TCP_INV_DSTPT;
}

static void tcp_ports_backwards(struct make_entry *e)
{
	struct xt_tcp *t = tcp_any(e);

	t->dpts[0] = 90;
	t->dpts[1] = 80;
}

static void tcp_syn(struct make_entry *e)
{
	struct xt_tcp *t = tcp_any(e);

	t->flg_mask = 0x17;
	t->flg_cmp = 0x02;
}

static void tcp_not_all_none(struct make_entry *e)
{
	struct xt_tcp *t = tcp_any(e);

	t->flg_mask = 0x3f;
	t->invflags = XT_TCP_INV_FLAGS;
}

static void tcp_no_option(struct make_entry *e)
{
	struct xt_tcp *t = tcp_any(e);

	t->option = 5;
	t->invflags = XT_TCP_INV_OPTION;
}

static void tcp_inverted_option_zero(struct make_entry *e)
{
	tcp_any(e)->invflags = XT_TCP_INV_OPTION;
}

static void tcp_bad_flags(struct make_entry *e)
{
	tcp_any(e)->invflags = 0x10;
}

static void tcp_bad_proto(struct make_entry *e)
{
	tcp_any(e);
	e->ip.proto = IPPROTO_UDP;
}

static void tcp_not_proto(struct make_entry *e)
{
	tcp_any(e);
	e->ip.invflags = IPT_INV_PROTO;
}

static void tcp_bad_size(struct make_entry *e)
{
	make_match(e, "tcp", 0, sizeof(struct xt_tcp) + 8);
	e->ip.proto = IPPROTO_TCP;
}

static void tcp_bad_revision(struct make_entry *e)
{
	make_match(e, "tcp", 1, sizeof(struct xt_tcp));
	e->ip.proto = IPPROTO_TCP;
}

static void udp_ports(struct make_entry *e)
{
	struct xt_udp *u = make_match(e, "udp", 0, sizeof(*u));

	e->ip.proto = IPPROTO_UDP;
	u->spts[1] = 65535;
	u->dpts[0] = 53;
	u->dpts[1] = 54;
	u->invflags = XT_UDP_INV_DSTPT;
}

static void udp_bad_flags(struct make_entry *e)
{
	udp_ports(e);
	((struct xt_udp *)(e->matches + sizeof(struct xt_entry_match)))->invflags =
		4;
}

static void udplite_port(struct make_entry *e)
{
	struct xt_udp *u = make_match(e, "udplite", 0, sizeof(*u));

	e->ip.proto = IPPROTO_UDPLITE;
	u->spts[1] = 65535;
	u->dpts[0] = 7;
	u->dpts[1] = 7;
}

static struct ipt_icmp *icmp(struct make_entry *e, int type, int lo, int hi)
{
	struct ipt_icmp *i = make_match(e, "icmp", 0, sizeof(*i));

	e->ip.proto = IPPROTO_ICMP;
	i->type = type;
	i->code[0] = lo;
	i->code[1] = hi;
	return i;
}

static void icmp_echo(struct make_entry *e)
{
	icmp(e, 8, 0, 255);
}

static void icmp_not_code(struct make_entry *e)
{
	icmp(e, 3, 4, 4)->invflags = IPT_ICMP_INV;
}

static void icmp_any(struct make_entry *e)
{
	icmp(e, 255, 1, 0);
}

static void icmp_not_any(struct make_entry *e)
{
	icmp(e, 255, 0, 255)->invflags = IPT_ICMP_INV;
}

static void icmp_bad_flags(struct make_entry *e)
{
	icmp(e, 8, 0, 255)->invflags = 2;
}

/* state, conntrack, comment */

static void state_new(struct make_entry *e)
{
	struct xt_state_info *s = make_match(e, "state", 0, sizeof(*s));

	s->statemask = XT_STATE_BIT(IP_CT_NEW) | XT_STATE_UNTRACKED;
}

static void state_unknown(struct make_entry *e)
{
	struct xt_state_info *s = make_match(e, "state", 0, sizeof(*s));

	s->statemask = 1 << 20 | 1 << 8;
}

static struct xt_conntrack_mtinfo3 *ct3(struct make_entry *e, uint16_t flags)
{
	struct xt_conntrack_mtinfo3 *i = make_match(e, "conntrack", 3,
						    sizeof(*i));

	i->match_flags = flags;
	return i;
}

static void ct_nothing(struct make_entry *e)
{
	ct3(e, 0);
}

static void ct_state(struct make_entry *e)
{
	ct3(e, XT_CONNTRACK_STATE)->state_mask =
		XT_CONNTRACK_STATE_BIT(IP_CT_ESTABLISHED) |
		XT_CONNTRACK_STATE_UNTRACKED | XT_CONNTRACK_STATE_DNAT;
}

static void ct_state_and_more(struct make_entry *e)
{
	struct xt_conntrack_mtinfo3 *i =
		ct3(e, XT_CONNTRACK_STATE | XT_CONNTRACK_DIRECTION |
		       XT_CONNTRACK_PROTO | XT_CONNTRACK_STATE_ALIAS);

	i->state_mask = XT_CONNTRACK_STATE_INVALID;
	i->invert_flags = XT_CONNTRACK_STATE | XT_CONNTRACK_DIRECTION;
	i->l4proto = IPPROTO_UDP;
}

static void ct_all(struct make_entry *e)
{
	struct xt_conntrack_mtinfo3 *i = ct3(e, 0x1ffe);

	i->origsrc_addr.ip = htonl(0x0a000001);
	i->origsrc_mask.ip = htonl(0xffffff00);
	i->origdst_mask.ip = htonl(0xffffffff);
	i->replsrc_mask.ip = htonl(0xff000000);
	i->invert_flags = XT_CONNTRACK_REPLDST | XT_CONNTRACK_REPLSRC_PORT;
	i->l4proto = IPPROTO_TCP;
	i->origsrc_port_high = 1023;
	i->origdst_port = 80;
	i->origdst_port_high = 80;
	i->replsrc_port_high = 65535;
	i->repldst_port = 2;
	i->repldst_port_high = 1;
	i->status_mask = IPS_ASSURED | IPS_DYING;
	i->expires_min = 1;
	i->expires_max = 60;
}

static void ct_rev1(struct make_entry *e)
{
	struct xt_conntrack_mtinfo1 *i = make_match(e, "conntrack", 1,
						    sizeof(*i));

	i->match_flags = XT_CONNTRACK_STATE | XT_CONNTRACK_STATUS |
			 XT_CONNTRACK_ORIGDST_PORT;
	i->state_mask = 0xff;
	i->status_mask = IPS_SEEN_REPLY;
	i->origdst_port = htons(443);
}

static void ct_rev2(struct make_entry *e)
{
	struct xt_conntrack_mtinfo2 *i = make_match(e, "conntrack", 2,
						    sizeof(*i));

	i->match_flags = XT_CONNTRACK_REPLSRC_PORT | XT_CONNTRACK_STATUS;
	i->invert_flags = XT_CONNTRACK_STATUS;
	i->replsrc_port = htons(53);
	i->status_mask = IPS_CONFIRMED;
}

static void ct_rev0(struct make_entry *e)
{
	make_match(e, "conntrack", 0, 64);
}

static void comment(struct make_entry *e)
{
	make_match(e, "comment", 0, sizeof(struct xt_comment_info));
}

static void comment_bad_size(struct make_entry *e)
{
	make_match(e, "comment", 0, 8);
}

static void name_without_end(struct make_entry *e)
{
	make_match(e, "a-name-of-twenty-nine-letters", 0, 8);
}

static void unknown_with_odd_name(struct make_entry *e)
{
	make_match(e, "f\noo", 3, 8);
}

static void middle_bridged(struct make_entry *e)
{
	struct xt_mark_mtinfo1 *mark;

	tcp_any(e);
	mark = make_match(e, "mark", 1, sizeof(*mark));
	mark->invert = 2;
	ct_nothing(e);
}

static void several(struct make_entry *e)
{
	tcp_ports(e);
	comment(e);
	ct_state(e);
}

#define TCP		"ip_proto == tcp\ntcp: header tcp\n"
#define UDP		"ip_proto == udp\nudp: header udp\n"
#define ICMP		"ip_proto == icmp\nicmp: header icmp\n"
#define WHERE		"filter/INPUT rule 1: match "
#define CONN		"conntrack: connection, or fail the match\n"
#define CONN_END	"conntrack: connection, or end with the match\n"

/**
 * struct rule_case - one rule and what becomes of it
 * @desc:	what it is about
 * @fill:	makes the rule
 * @tests:	its tests as read, NULL if it is refused
 * @simple:	its tests after all passes, NULL for no change
 * @refusal:	why it is refused, behind WHERE; native refuses it as well
 */
struct rule_case {
	const char *desc;
	void (*fill)(struct make_entry *e);
	const char *tests;
	const char *simple;
	const char *refusal;
};

static const struct rule_case rule_cases[] = {
	{ "nothing", ip_nothing, "" },
	{ "addresses", ip_prefix,
	  "ip_saddr == 10.0.0.0/24\nip_daddr != 192.168.0.1\n" },
	{ "address, odd mask", ip_odd_mask,
	  "ip_saddr == 10.0.0.1/255.0.0.255\n" },
	{ "address outside its mask", ip_outside_mask,
	  "ip_saddr == 10.0.0.1/24\n", "never\n" },
	{ "inverted address outside its mask", ip_not_outside_mask,
	  "ip_saddr != 10.0.0.1/24\n", "" },
	{ "any address inverted", ip_not_any,
	  "ip_daddr != 0.0.0.0/0\n", "never\n" },
	{ "interfaces", iface_names,
	  "iface_in == \"eth0\"\niface_out != \"ppp+\"\n",
	  "iface_in == \"eth0\"\n" },
	{ "interface, odd mask", iface_odd_mask,
	  "iface_in == 65000030000000000000000000000000/ff0000f0000000000000000000000000\n" },
	{ "any interface inverted", iface_not_any,
	  "iface_in != \"+\"\n", "never\n" },
	{ "protocol inverted", proto_not_tcp, "ip_proto != tcp\n" },
	{ "any protocol inverted", proto_not_any, "" },
	{ "protocol of more than 8 bit", proto_too_big,
	  "ip_proto == 262\n", "never\n" },
	{ "fragments", frag, "ip_fragoff any of 0x1fff\n" },
	{ "no fragments", frag_not, "ip_fragoff none of 0x1fff\n" },
	{ "inversion without -f", frag_not_nothing, "never\n" },
	{ "inversion of TOS means nothing", tos_flag, "" },

	{ "tcp", tcp_nothing, TCP },
	{ "tcp ports", tcp_ports, TCP
	  "tcp: l4_sport != 1024-65535\ntcp: l4_dport == 80\n" },
	{ "tcp, any port inverted", tcp_not_any_port, TCP
	  "tcp: l4_dport != 0-65535\n", TCP "tcp: never\n" },
	{ "tcp ports backwards", tcp_ports_backwards, TCP
	  "tcp: l4_dport == 90-80\n", TCP "tcp: never\n" },
	{ "tcp flags", tcp_syn, TCP
	  "tcp: tcp_flags & FIN,SYN,RST,ACK == SYN\n" },
	{ "tcp flags inverted", tcp_not_all_none, TCP
	  "tcp: tcp_flags & FIN,SYN,RST,PSH,ACK,URG != 0x0\n" },
	{ "tcp option inverted", tcp_no_option, TCP
	  "tcp: tcp_option lacks 5\n" },
	{ "tcp option 0 is none", tcp_inverted_option_zero,
	  TCP },
	{ "tcp flags unknown", tcp_bad_flags,
	  .refusal = "\"tcp\" revision 0: unknown flags 0x10" },
	{ "tcp, wrong protocol", tcp_bad_proto,
	  .refusal = "\"tcp\" revision 0: only for protocol 6" },
	{ "tcp, protocol inverted", tcp_not_proto,
	  .refusal = "\"tcp\" revision 0: only for protocol 6" },
	{ "tcp, wrong size", tcp_bad_size,
	  .refusal = "\"tcp\" revision 0: 24 bytes, must be 16" },
	{ "tcp revision", tcp_bad_revision,
	  "ip_proto == tcp\nkernel's own tcp revision 1\n" },
	{ "udp ports", udp_ports, UDP
	  "udp: l4_dport != 53-54\n" },
	{ "udp flags unknown", udp_bad_flags,
	  .refusal = "\"udp\" revision 0: unknown flags 0x4" },
	{ "udplite port", udplite_port,
	  "ip_proto == udplite\nudplite: header udp\nudplite: l4_dport == 7\n" },
	{ "icmp type", icmp_echo, ICMP
	  "icmp: icmp_typecode == 8/0-8/255\n" },
	{ "icmp type and code inverted", icmp_not_code, ICMP
	  "icmp: icmp_typecode != 3/4\n" },
	{ "icmp any", icmp_any, ICMP },
	{ "icmp any inverted", icmp_not_any, ICMP
	  "icmp: never\n" },
	{ "icmp flags unknown", icmp_bad_flags,
	  .refusal = "\"icmp\" revision 0: unknown flags 0x2" },

	{ "state", state_new, "state: ct_state any of NEW,UNTRACKED\n" },
	{ "state that no packet has", state_unknown,
	  "state: ct_state any of 0x0\n", "state: never\n" },
	{ "conntrack, nothing", ct_nothing, CONN },
	{ "conntrack state", ct_state,
	  "conntrack: ct_state any of ESTABLISHED,UNTRACKED,DNAT\n" CONN_END,
	  "conntrack: ct_state any of ESTABLISHED,UNTRACKED,DNAT\n" },
	{ "conntrack state and more", ct_state_and_more,
	  "conntrack: ct_state none of INVALID\n" CONN_END
	  "conntrack: ct_reply != 0\nconntrack: ct_proto == udp\n" },
	{ "conntrack, all but the state", ct_all, CONN
	  "conntrack: ct_reply == 0\n"
	  "conntrack: ct_origsrc == 10.0.0.0/24\n"
	  "conntrack: ct_origdst == 0.0.0.0\n"
	  "conntrack: ct_replsrc == 0.0.0.0/8\n"
	  "conntrack: ct_repldst != 0.0.0.0/0\n"
	  "conntrack: ct_proto == tcp\n"
	  "conntrack: ct_origsrc_port == 0-1023\n"
	  "conntrack: ct_origdst_port == 80\n"
	  "conntrack: ct_replsrc_port != 0-65535\n"
	  "conntrack: ct_repldst_port == 2-1\n"
	  "conntrack: ct_status any of ASSURED,0x200\n"
	  "conntrack: ct_expires == 1-60\n", "conntrack: never\n" },
	{ "conntrack revision 1", ct_rev1,
	  "conntrack: ct_state any of INVALID,NEW,RELATED,ESTABLISHED,SNAT,DNAT,0x30\n"
	  CONN_END "conntrack: ct_origdst_port == 443\n"
	  "conntrack: ct_status any of SEEN_REPLY\n" },
	{ "conntrack revision 2", ct_rev2, CONN
	  "conntrack: ct_replsrc_port == 53\n"
	  "conntrack: ct_status none of CONFIRMED\n" },
	{ "conntrack revision 0", ct_rev0,
	  "kernel's own conntrack revision 0\n" },
	{ "comment", comment, "" },
	{ "comment, wrong size", comment_bad_size,
	  .refusal = "\"comment\" revision 0: 8 bytes, must be 256" },
	{ "name without end", name_without_end,
	  .refusal = "\"a-name-of-twenty-nine-letters\" revision 0: name without an end" },
	{ "unknown match", unknown_with_odd_name,
	  "kernel's own f?oo revision 3\n" },
	{ "match in the middle left to the kernel", middle_bridged,
	  TCP "kernel's own mark revision 1\n" CONN },
	{ "several matches", several, TCP
	  "tcp: l4_sport != 1024-65535\ntcp: l4_dport == 80\n"
	  "conntrack: ct_state any of ESTABLISHED,UNTRACKED,DNAT\n" CONN_END,
	  TCP
	  "tcp: l4_sport != 1024-65535\ntcp: l4_dport == 80\n"
	  "conntrack: ct_state any of ESTABLISHED,UNTRACKED,DNAT\n" },
};

static int read_rule(void (*fill)(struct make_entry *e),
		     struct ir_ruleset **rs, struct refusal *why)
{
	struct make mk;
	size_t size;
	void *blob;
	int ret;

	make_init(&mk);
	fill(make_verdict(&mk, VERDICT_ACCEPT));
	make_verdict(&mk, VERDICT_DROP);
	make_head(&mk, "ERROR");
	make_hook(&mk, NF_INET_LOCAL_IN, 0, 1);
	blob = make_blob(&mk, &size);
	ret = bpfilter_blob_read(blob, size, NFPROTO_IPV4, rs, why);
	free(blob);
	make_free(&mk);
	return ret;
}

/* The tests of the first rule: the dump's lines of deepest indentation */
static void rule_tests(const struct ir_ruleset *rs, char *out, size_t size)
{
	static const char indent[] = "         ";
	char *text, *line, *rest;
	size_t text_size;
	FILE *f = open_memstream(&text, &text_size);

	bpfilter_ir_dump(rs, f);
	fclose(f);
	*out = '\0';
	line = strtok_r(strstr(text, "  0: "), "\n", &rest);
	while ((line = strtok_r(NULL, "\n", &rest))) {
		if (strncmp(line, indent, strlen(indent)))
			break;
		strncat(out, line + strlen(indent), size - strlen(out) - 1);
		strncat(out, "\n", size - strlen(out) - 1);
	}
	free(text);
}

TEST(rules_become_tests)
{
	for (size_t i = 0; i < ARRAY_SIZE(rule_cases); i++) {
		const struct rule_case *c = &rule_cases[i];
		struct ir_ruleset *rs;
		struct refusal why;
		char text[2048];

		if (c->refusal)
			continue;
		ASSERT_EQ(0, read_rule(c->fill, &rs, &why))
			TH_LOG("%s: %s", c->desc, why.text);
		rule_tests(rs, text, sizeof(text));
		EXPECT_STREQ(c->tests, text) TH_LOG("%s", c->desc);
		EXPECT_EQ(0, bpfilter_passes_run(rs, &why));
		rule_tests(rs, text, sizeof(text));
		EXPECT_STREQ(c->simple ?: c->tests, text)
			TH_LOG("%s, simplified", c->desc);
		bpfilter_ir_free(rs);
	}
}

TEST(rules_are_refused)
{
	for (size_t i = 0; i < ARRAY_SIZE(rule_cases); i++) {
		const struct rule_case *c = &rule_cases[i];
		struct ir_ruleset *rs;
		struct refusal why;

		if (!c->refusal)
			continue;
		EXPECT_EQ(-EINVAL, read_rule(c->fill, &rs, &why));
		EXPECT_EQ(0, strncmp(WHERE, why.text, strlen(WHERE)));
		EXPECT_STREQ(c->refusal, why.text + strlen(WHERE));
		EXPECT_TRUE(why.native) TH_LOG("%s", c->desc);
		ASSERT_NE(NULL, rs);
		EXPECT_EQ(1U << NF_INET_LOCAL_IN, rs->rules[0].comefrom);
		bpfilter_ir_free(rs);
	}
}

TEST_HARNESS_MAIN
