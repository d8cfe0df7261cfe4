// SPDX-License-Identifier: GPL-2.0
/* The passes: what each of them does to rules made for it */
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_tcpudp.h>

#include "../kselftest_harness.h"
#include "compile.h"
#include "passes.h"
#include "unit/blob_make.h"

static uint32_t all_but(const char *name)
{
	return ~bpfilter_pass_bit(name);
}

static struct ir_ruleset *read_made(struct make *mk)
{
	struct ir_ruleset *rs;
	struct refusal why;
	size_t size;
	void *blob = make_blob(mk, &size);

	if (bpfilter_blob_read(blob, size, mk->family, &rs, &why))
		fprintf(stderr, "# %s\n", why.text);
	free(blob);
	make_free(mk);
	return rs;
}

static struct ir_ruleset *read_and_run(struct make *mk, uint32_t skip)
{
	struct ir_ruleset *rs = read_made(mk);
	struct refusal why = {};

	if (rs && bpfilter_passes_run_but(rs, skip, &why))
		fprintf(stderr, "# %s\n", why.text);
	return rs;
}

static const struct ir_test *first_test(const struct ir_ruleset *rs,
					uint32_t rule)
{
	const struct ir_match *m = &rs->matches[rs->rules[rule].first_match];

	return m->num ? &rs->tests[m->first] : NULL;
}

static uint32_t num_tests(const struct ir_ruleset *rs, uint32_t rule)
{
	const struct ir_rule *r = &rs->rules[rule];
	uint32_t num = 0;

	for (uint32_t m = 0; m < r->num_matches; m++)
		num += rs->matches[r->first_match + m].num;
	return num;
}

TEST(passes_have_names)
{
	EXPECT_EQ(1, bpfilter_pass_bit("hook"));
	EXPECT_EQ(2, bpfilter_pass_bit("simplify"));
	EXPECT_EQ(4, bpfilter_pass_bit("shadow"));
	EXPECT_EQ(8, bpfilter_pass_bit("reach"));
	EXPECT_EQ(0, bpfilter_pass_bit("none"));
}

/* Hooks */

static void set_iface(const char *want, char *name, unsigned char *mask)
{
	if (!want)
		return;
	memcpy(name, want, strlen(want));
	memset(mask, 0xff, strlen(want) + 1);
}

/* The two inversions have one value in both families */
static void rule_with_ifaces(struct make *mk, const char *in, const char *out,
			     uint8_t invert)
{
	struct make_entry *e = make_verdict(mk, VERDICT_ACCEPT);

	if (mk->family == NFPROTO_IPV6) {
		set_iface(in, e->ip6.iniface, e->ip6.iniface_mask);
		set_iface(out, e->ip6.outiface, e->ip6.outiface_mask);
		e->ip6.invflags = invert;
	} else {
		set_iface(in, e->ip.iniface, e->ip.iniface_mask);
		set_iface(out, e->ip.outiface, e->ip.outiface_mask);
		e->ip.invflags = invert;
	}
}

/* One rule for each hook, and each hook's policy */
static struct ir_ruleset *ifaces_at_hooks(uint16_t family, const char *in,
					  const char *out, uint8_t invert)
{
	struct make mk;

	make_init(&mk);
	mk.family = family;
	for (int h = 0; h < 5; h++) {
		rule_with_ifaces(&mk, in, out, invert);
		make_verdict(&mk, VERDICT_DROP);
		make_hook(&mk, h, 2 * h, 2 * h + 1);
	}
	make_head(&mk, "ERROR");
	return read_and_run(&mk, all_but("hook"));
}

FIXTURE(hook)
{
	int nothing;
};

FIXTURE_VARIANT(hook)
{
	uint16_t family;
};

FIXTURE_VARIANT_ADD(hook, ipv4)
{
	.family = NFPROTO_IPV4,
};

FIXTURE_VARIANT_ADD(hook, ipv6)
{
	.family = NFPROTO_IPV6,
};

FIXTURE_SETUP(hook)
{
}

FIXTURE_TEARDOWN(hook)
{
}

TEST_F(hook, missing_device_is_the_empty_name)
{
	static const struct {
		const char *in, *out;
		uint8_t invert;
		enum ir_test_kind kind[5];
		uint64_t value;
	} cases[] = {
		{ "eth0", NULL, 0, { [NF_INET_LOCAL_OUT] = IR_TEST_CONST } },
		{ "eth0", NULL, IPT_INV_VIA_IN,
		  { [NF_INET_LOCAL_OUT] = IR_TEST_CONST }, 1 },
		{ "", NULL, 0, { [NF_INET_LOCAL_OUT] = IR_TEST_CONST }, 1 },
		{ NULL, "eth0", 0,
		  { [NF_INET_PRE_ROUTING] = IR_TEST_CONST,
		    [NF_INET_LOCAL_IN] = IR_TEST_CONST } },
		{ NULL, "eth0", IPT_INV_VIA_OUT,
		  { [NF_INET_PRE_ROUTING] = IR_TEST_CONST,
		    [NF_INET_LOCAL_IN] = IR_TEST_CONST }, 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ir_ruleset *rs = ifaces_at_hooks(variant->family,
							cases[i].in,
							cases[i].out,
							cases[i].invert);

		ASSERT_NE(NULL, rs);
		for (int h = 0; h < 5; h++) {
			const struct ir_test *t = first_test(rs, 2 * h);

			if (cases[i].kind[h] != IR_TEST_CONST) {
				EXPECT_EQ(IR_TEST_BYTES, t->kind);
				continue;
			}
			EXPECT_EQ(IR_TEST_CONST, t->kind)
				TH_LOG("case %zu, hook %d", i, h);
			EXPECT_EQ(cases[i].value, t->value);
		}
		bpfilter_ir_free(rs);
	}
}

/* INPUT and FORWARD go to a chain that looks at the output device */
TEST(shared_chain_keeps_its_test)
{
	struct ir_ruleset *rs;
	struct make mk;

	make_init(&mk);
	make_jump(&mk, 5);
	make_verdict(&mk, VERDICT_DROP);
	make_jump(&mk, 5);
	make_verdict(&mk, VERDICT_DROP);
	make_head(&mk, "shared");
	rule_with_ifaces(&mk, NULL, "eth0", 0);
	make_verdict(&mk, VERDICT_RETURN);
	make_head(&mk, "ERROR");
	make_hook(&mk, NF_INET_LOCAL_IN, 0, 1);
	make_hook(&mk, NF_INET_FORWARD, 2, 3);
	rs = read_and_run(&mk, 0);
	ASSERT_NE(NULL, rs);
	EXPECT_EQ(IR_TEST_BYTES, first_test(rs, 5)->kind);
	EXPECT_FALSE(rs->rules[5].dead);
	bpfilter_ir_free(rs);
}

/* Tests that are known */

/* One rule on FORWARD that @fill makes, simplified */
static struct ir_ruleset *simplified(void (*fill)(struct make_entry *e))
{
	struct make mk;

	make_init(&mk);
	fill(make_verdict(&mk, VERDICT_ACCEPT));
	make_verdict(&mk, VERDICT_DROP);
	make_head(&mk, "ERROR");
	make_hook(&mk, NF_INET_FORWARD, 0, 1);
	return read_and_run(&mk, all_but("simplify"));
}

static struct xt_tcp *add_tcp(struct make_entry *e)
{
	struct xt_tcp *tcp = make_match(e, "tcp", 0, sizeof(*tcp));

	e->ip.proto = IPPROTO_TCP;
	tcp->spts[1] = 65535;
	tcp->dpts[1] = 65535;
	return tcp;
}

static void never_then_header(struct make_entry *e)
{
	e->ip.invflags = IPT_INV_SRCIP;
	add_tcp(e);
}

static void header_then_never(struct make_entry *e)
{
	add_tcp(e)->invflags = XT_TCP_INV_SRCPT;
	make_match(e, "comment", 0, sizeof(struct xt_comment_info));
	make_match(e, "state", 0, 4);
}

/* New, or with a connection whose source port is none */
static void state_then_never(struct make_entry *e)
{
	struct xt_conntrack_mtinfo3 *i = make_match(e, "conntrack", 3,
						    sizeof(*i));

	i->match_flags = XT_CONNTRACK_STATE | XT_CONNTRACK_ORIGSRC_PORT |
			 XT_CONNTRACK_ORIGDST_PORT;
	i->state_mask = XT_CONNTRACK_STATE_INVALID;
	i->origsrc_port = 1;
	add_tcp(e);
}

static void known_to_hold(struct make_entry *e)
{
	e->ip.src.s_addr = 1;
	e->ip.invflags = IPT_INV_SRCIP;
}

TEST(never_kills_the_rule)
{
	struct ir_ruleset *rs = simplified(never_then_header);

	ASSERT_NE(NULL, rs);
	EXPECT_TRUE(rs->rules[0].dead);
	EXPECT_EQ(1, num_tests(rs, 0));
	EXPECT_EQ(IR_TEST_CONST, first_test(rs, 0)->kind);
	EXPECT_EQ(0, first_test(rs, 0)->value);
	bpfilter_ir_free(rs);
}

/* The protocol and the header stay: the rule drops what is too short */
TEST(never_spares_what_drops)
{
	struct ir_ruleset *rs = simplified(header_then_never);

	ASSERT_NE(NULL, rs);
	EXPECT_FALSE(rs->rules[0].dead);
	EXPECT_EQ(3, num_tests(rs, 0));
	EXPECT_EQ(0, rs->matches[rs->rules[0].first_match + 3].num);
	bpfilter_ir_free(rs);
}

TEST(never_spares_packets_without_connection)
{
	struct ir_ruleset *rs = simplified(state_then_never);
	const struct ir_match *ct;

	ASSERT_NE(NULL, rs);
	EXPECT_FALSE(rs->rules[0].dead);
	ct = &rs->matches[rs->rules[0].first_match + 1];
	ASSERT_EQ(3, ct->num);
	EXPECT_EQ(IR_TEST_CONN, rs->tests[ct->first + 1].kind);
	EXPECT_EQ(IR_TEST_CONST, rs->tests[ct->first + 2].kind);
	EXPECT_EQ(1, ct[1].num);
	bpfilter_ir_free(rs);
}

TEST(known_tests_go)
{
	struct ir_ruleset *rs = simplified(known_to_hold);

	ASSERT_NE(NULL, rs);
	EXPECT_EQ(0, num_tests(rs, 0));
	EXPECT_FALSE(rs->rules[0].dead);
	bpfilter_ir_free(rs);
}

/* Ways */

TEST(unreached_rules_die)
{
	static const bool dead[] = {
		false,		/* 0: conditional RETURN */
		false,		/* 1: jump to "used" */
		false,		/* 2: ACCEPT */
		true,		/* 3: behind it, jump to "unused" */
		false,		/* 4: policy of INPUT, through 0 */
		false,		/* 5: DROP */
		true,		/* 6: policy of FORWARD */
		true, false,	/* 7, 8: "used" */
		true, true,	/* 9, 10: "unused" */
		true,		/* 11: end */
	};
	struct ir_ruleset *rs;
	struct make mk;

	make_init(&mk);
	make_verdict(&mk, VERDICT_RETURN)->ip.proto = IPPROTO_TCP;
	make_jump(&mk, 8);
	make_verdict(&mk, VERDICT_ACCEPT);
	make_jump(&mk, 10);
	make_verdict(&mk, VERDICT_ACCEPT);
	make_verdict(&mk, VERDICT_DROP);
	make_verdict(&mk, VERDICT_DROP);
	make_head(&mk, "used");
	make_verdict(&mk, VERDICT_RETURN);
	make_head(&mk, "unused");
	make_verdict(&mk, VERDICT_RETURN);
	make_head(&mk, "ERROR");
	make_hook(&mk, NF_INET_LOCAL_IN, 0, 4);
	make_hook(&mk, NF_INET_FORWARD, 5, 6);
	rs = read_and_run(&mk, all_but("reach"));
	ASSERT_NE(NULL, rs);
	ASSERT_EQ(ARRAY_SIZE(dead), rs->num_rules);
	for (uint32_t i = 0; i < rs->num_rules; i++) {
		EXPECT_EQ(dead[i], rs->rules[i].dead)
			TH_LOG("rule %u", i);
	}
	ASSERT_EQ(4, rs->num_chains);
	EXPECT_FALSE(rs->chains[0].dead);
	EXPECT_FALSE(rs->chains[1].dead);
	EXPECT_FALSE(rs->chains[2].dead);
	EXPECT_TRUE(rs->chains[3].dead);
	bpfilter_ir_free(rs);
}

/* A rule that turns out to match always ends its chain */
TEST(simplified_rule_ends_its_chain)
{
	struct ir_ruleset *rs;
	struct make mk;

	make_init(&mk);
	known_to_hold(make_verdict(&mk, VERDICT_DROP));
	make_verdict(&mk, VERDICT_ACCEPT);
	make_head(&mk, "ERROR");
	make_hook(&mk, NF_INET_LOCAL_IN, 0, 1);
	rs = read_and_run(&mk, 0);
	ASSERT_NE(NULL, rs);
	EXPECT_EQ(1, rs->chains[0].end);
	EXPECT_EQ(2, rs->chains[0].listed_end);
	EXPECT_TRUE(rs->rules[1].dead);
	bpfilter_ir_free(rs);
}

/* All passes, one table, before and after */

static struct make *golden_table(struct make *mk)
{
	make_init(mk);
	rule_with_ifaces(mk, "lo", NULL, 0);
	rule_with_ifaces(mk, NULL, "eth1", 0);
	make_jump(mk, 8);
	make_verdict(mk, VERDICT_DROP);
	make_verdict(mk, VERDICT_ACCEPT);
	rule_with_ifaces(mk, "eth0", NULL, IPT_INV_VIA_IN);
	make_verdict(mk, VERDICT_DROP);
	make_head(mk, "ssh");
	add_tcp(make_verdict(mk, VERDICT_ACCEPT))->dpts[0] = 22;
	state_then_never(make_verdict(mk, VERDICT_DROP));
	make_verdict(mk, VERDICT_RETURN);
	make_head(mk, "ERROR");
	make_hook(mk, NF_INET_LOCAL_IN, 0, 3);
	make_hook(mk, NF_INET_FORWARD, 4, 4);
	make_hook(mk, NF_INET_LOCAL_OUT, 5, 6);
	return mk;
}

static const char golden_before[] =
"table filter ipv4, hooks INPUT,FORWARD,OUTPUT, 12 rules, 4 chains\n"
"\n"
"chain INPUT, hook INPUT, policy 3, rules 0-3\n"
"  0: rule 1 [INPUT] ACCEPT\n"
"         iface_in == \"lo\"\n"
"  1: rule 2 [INPUT] ACCEPT\n"
"         iface_out == \"eth1\"\n"
"  2: rule 3 [INPUT] JUMP ssh\n"
"  3: policy [INPUT] DROP\n"
"\n"
"chain FORWARD, hook FORWARD, policy 4, rules 4-4\n"
"  4: policy [FORWARD] ACCEPT\n"
"\n"
"chain OUTPUT, hook OUTPUT, policy 6, rules 5-6\n"
"  5: rule 1 [OUTPUT] ACCEPT\n"
"         iface_in != \"eth0\"\n"
"  6: policy [OUTPUT] DROP\n"
"\n"
"chain ssh, 1 refs, rules 8-10\n"
"  7: head [none] DROP\n"
"  8: rule 1 [INPUT] ACCEPT\n"
"         ip_proto == tcp\n"
"         tcp: header tcp\n"
"         tcp: l4_dport == 22-65535\n"
"  9: rule 2 [INPUT] DROP\n"
"         ip_proto == tcp\n"
"         conntrack: ct_state any of INVALID\n"
"         conntrack: connection, or end with the match\n"
"         conntrack: ct_origsrc_port == 1-0\n"
"         conntrack: ct_origdst_port == 0\n"
"         tcp: header tcp\n"
"  10: rule 3 [INPUT] RETURN\n"
"\n"
"  11: end [none] DROP\n";

static const char golden_after[] =
"table filter ipv4, hooks INPUT,FORWARD,OUTPUT, 12 rules, 4 chains\n"
"\n"
"chain INPUT, hook INPUT, policy 3, rules 0-3\n"
"  0: rule 1 [INPUT] ACCEPT\n"
"         iface_in == \"lo\"\n"
"  1: rule 2 [INPUT] ACCEPT, dead\n"
"         never\n"
"  2: rule 3 [INPUT] JUMP ssh\n"
"  3: policy [INPUT] DROP\n"
"\n"
"chain FORWARD, hook FORWARD, policy 4, rules 4-4\n"
"  4: policy [FORWARD] ACCEPT\n"
"\n"
"chain OUTPUT, hook OUTPUT, policy 6, rules 5-5\n"
"  5: rule 1 [OUTPUT] ACCEPT\n"
"  6: policy [OUTPUT] DROP, dead\n"
"\n"
"chain ssh, 1 refs, rules 8-10\n"
"  7: head [none] DROP, dead\n"
"  8: rule 1 [INPUT] ACCEPT\n"
"         ip_proto == tcp\n"
"         tcp: header tcp\n"
"         tcp: l4_dport == 22-65535\n"
"  9: rule 2 [INPUT] DROP\n"
"         ip_proto == tcp\n"
"         conntrack: ct_state any of INVALID\n"
"         conntrack: connection, or end with the match\n"
"         conntrack: never\n"
"         tcp: header tcp\n"
"  10: rule 3 [INPUT] RETURN\n"
"\n"
"  11: end [none] DROP, dead\n";

static char *dump_text(const struct ir_ruleset *rs)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	bpfilter_ir_dump(rs, f);
	fclose(f);
	return text;
}

TEST(golden)
{
	struct ir_ruleset *rs;
	struct refusal why;
	struct make mk;
	char *text;

	rs = read_made(golden_table(&mk));
	ASSERT_NE(NULL, rs);
	text = dump_text(rs);
	EXPECT_STREQ(golden_before, text);
	free(text);
	EXPECT_EQ(0, bpfilter_passes_run(rs, &why));
	text = dump_text(rs);
	EXPECT_STREQ(golden_after, text);
	free(text);
	bpfilter_ir_free(rs);
}

TEST_HARNESS_MAIN
