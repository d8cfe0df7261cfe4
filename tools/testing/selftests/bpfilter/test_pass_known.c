// SPDX-License-Identifier: GPL-2.0
/*
 * What the passes know of tests and targets, and what they must not assume of
 * those that only the kernel has
 */
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_iprange.h>
#include <linux/netfilter/xt_mac.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_statistic.h>

#include "../kselftest_harness.h"
#include "compile.h"
#include "passes.h"
#include "unit/blob_make.h"

/*
 * A table of one hook: its rules, then its policy. Its rules are here for
 * themselves, and may be in each other's way.
 */
static struct ir_ruleset *read_table(struct make *mk, int hook)
{
	struct ir_ruleset *rs;
	struct refusal why;
	size_t size;
	void *blob;

	make_verdict(mk, VERDICT_DROP);
	make_hook(mk, hook, 0, mk->num - 1);
	make_head(mk, "ERROR");
	blob = make_blob(mk, &size);
	if (bpfilter_blob_read(blob, size, mk->family, &rs, &why) ||
	    bpfilter_passes_run_but(rs, bpfilter_pass_bit("shadow"), &why))
		fprintf(stderr, "# %s\n", why.text);
	free(blob);
	make_free(mk);
	return rs;
}

static uint32_t num_tests(const struct ir_ruleset *rs, uint32_t rule)
{
	const struct ir_rule *r = &rs->rules[rule];
	uint32_t num = 0;

	for (uint32_t m = 0; m < r->num_matches; m++)
		num += rs->matches[r->first_match + m].num;
	return num;
}

static bool has_test(const struct ir_ruleset *rs, uint32_t rule,
		     enum ir_test_kind kind)
{
	const struct ir_rule *r = &rs->rules[rule];

	for (uint32_t m = 0; m < r->num_matches; m++) {
		const struct ir_match *match = &rs->matches[r->first_match + m];

		for (uint32_t t = 0; t < match->num; t++)
			if (rs->tests[match->first + t].kind == kind)
				return true;
	}
	return false;
}

/* --- Tests that are known --- */

enum known {
	KNOWN_NEVER,	/* the rule dies */
	KNOWN_ALWAYS,	/* the rule has no test left */
	KNOWN_NOT,	/* the test stays */
};

static void fill_chance(struct make_entry *e, uint32_t below, bool invert)
{
	struct xt_statistic_info *i = make_match(e, "statistic", 0,
						 sizeof(*i));

	i->u.random.probability = below;
	i->flags = invert;
}

static void chance_none(struct make_entry *e)
{
	fill_chance(e, 0, false);
}

static void chance_not_none(struct make_entry *e)
{
	fill_chance(e, 0, true);
}

static void chance_nearly_sure(struct make_entry *e)
{
	fill_chance(e, 0x7fffffff, false);
}

static void chance_sure(struct make_entry *e)
{
	fill_chance(e, 0x80000000, false);
}

static void chance_not_sure(struct make_entry *e)
{
	fill_chance(e, 0x80000000, true);
}

static void fill_range(struct make_entry *e, uint8_t lo, uint8_t hi,
		       uint8_t flags)
{
	struct xt_iprange_mtinfo *i = make_match(e, "iprange", 1, sizeof(*i));

	i->flags = flags;
	memset(&i->src_min, lo, sizeof(i->src_min));
	memset(&i->src_max, hi, sizeof(i->src_max));
}

static void range_all(struct make_entry *e)
{
	fill_range(e, 0, 0xff, IPRANGE_SRC);
}

static void range_not_all(struct make_entry *e)
{
	fill_range(e, 0, 0xff, IPRANGE_SRC | IPRANGE_SRC_INV);
}

static void range_backwards(struct make_entry *e)
{
	fill_range(e, 2, 1, IPRANGE_SRC);
}

static void range_not_backwards(struct make_entry *e)
{
	fill_range(e, 2, 1, IPRANGE_SRC | IPRANGE_SRC_INV);
}

static void range_one(struct make_entry *e)
{
	fill_range(e, 2, 2, IPRANGE_SRC);
}

static void range_all_but_one(struct make_entry *e)
{
	fill_range(e, 0, 0xfe, IPRANGE_SRC);
}

static void address_without_mask(struct make_entry *e)
{
	if (e->family == NFPROTO_IPV6)
		e->ip6.invflags = IP6T_INV_SRCIP;
	else
		e->ip.invflags = IPT_INV_SRCIP;
}

static const struct known_case {
	const char *desc;
	void (*fill)(struct make_entry *e);
	enum known known;
} known_cases[] = {
	{ "chance of nothing", chance_none, KNOWN_NEVER },
	{ "chance of nothing inverted", chance_not_none, KNOWN_ALWAYS },
	{ "chance of all but one", chance_nearly_sure, KNOWN_NOT },
	{ "chance of all", chance_sure, KNOWN_ALWAYS },
	{ "chance of all inverted", chance_not_sure, KNOWN_NEVER },
	{ "range of all", range_all, KNOWN_ALWAYS },
	{ "range of all inverted", range_not_all, KNOWN_NEVER },
	{ "range backwards", range_backwards, KNOWN_NEVER },
	{ "range backwards inverted", range_not_backwards, KNOWN_ALWAYS },
	{ "range of one", range_one, KNOWN_NOT },
	{ "range of nearly all", range_all_but_one, KNOWN_NOT },
	{ "no address inverted", address_without_mask, KNOWN_NEVER },
};

FIXTURE(known)
{
	struct make mk;
};

FIXTURE_VARIANT(known)
{
	uint16_t family;
};

FIXTURE_VARIANT_ADD(known, ipv4)
{
	.family = NFPROTO_IPV4,
};

FIXTURE_VARIANT_ADD(known, ipv6)
{
	.family = NFPROTO_IPV6,
};

FIXTURE_SETUP(known)
{
	make_init(&self->mk);
	self->mk.family = variant->family;
}

FIXTURE_TEARDOWN(known)
{
}

TEST_F(known, outcomes)
{
	for (size_t i = 0; i < ARRAY_SIZE(known_cases); i++) {
		const struct known_case *c = &known_cases[i];
		struct ir_ruleset *rs;

		make_init(&self->mk);
		self->mk.family = variant->family;
		c->fill(make_verdict(&self->mk, VERDICT_ACCEPT));
		rs = read_table(&self->mk, NF_INET_FORWARD);
		ASSERT_NE(NULL, rs);
		EXPECT_EQ(c->known == KNOWN_NEVER, rs->rules[0].dead)
			TH_LOG("%s", c->desc);
		EXPECT_EQ(c->known == KNOWN_ALWAYS, !num_tests(rs, 0))
			TH_LOG("%s", c->desc);
		bpfilter_ir_free(rs);
	}
}

static struct xt_multiport_v1 *add_multiport(struct make_entry *e, bool invert)
{
	struct xt_multiport_v1 *m = make_match(e, "multiport", 1, sizeof(*m));

	make_proto(e, IPPROTO_TCP);
	m->invert = invert;
	return m;
}

/* The ports' header is looked for in any case, since that may drop */
TEST_F(known, port_lists)
{
	struct xt_multiport_v1 *m;
	struct ir_ruleset *rs;

	add_multiport(make_verdict(&self->mk, VERDICT_ACCEPT), false);
	add_multiport(make_verdict(&self->mk, VERDICT_ACCEPT), true);
	m = add_multiport(make_verdict(&self->mk, VERDICT_ACCEPT), false);
	m->count = 3;
	m->ports[0] = 5;
	m->ports[2] = 65535;
	m->pflags[1] = 1;
	rs = read_table(&self->mk, NF_INET_FORWARD);
	ASSERT_NE(NULL, rs);
	for (uint32_t i = 0; i < 3; i++) {
		EXPECT_FALSE(rs->rules[i].dead);
		EXPECT_TRUE(has_test(rs, i, IR_TEST_HEADER));
		EXPECT_FALSE(has_test(rs, i, IR_TEST_PORTS));
	}
	EXPECT_TRUE(has_test(rs, 0, IR_TEST_CONST));
	EXPECT_FALSE(has_test(rs, 1, IR_TEST_CONST));
	EXPECT_FALSE(has_test(rs, 2, IR_TEST_CONST));
	bpfilter_ir_free(rs);
}

/* A packet without an Ethernet header is not dropped for that */
TEST_F(known, ether_does_not_matter)
{
	struct make_entry *e = make_verdict(&self->mk, VERDICT_ACCEPT);
	struct ir_ruleset *rs;

	make_match(e, "mac", 0, sizeof(struct xt_mac_info));
	chance_none(e);
	rs = read_table(&self->mk, NF_INET_FORWARD);
	ASSERT_NE(NULL, rs);
	EXPECT_TRUE(rs->rules[0].dead);
	bpfilter_ir_free(rs);
}

/* --- The kernel's own extensions --- */

/* Asked before what never holds, it is asked still: it may count or drop */
TEST_F(known, bridged_match_before_never)
{
	struct make_entry *e = make_verdict(&self->mk, VERDICT_ACCEPT);
	struct ir_ruleset *rs;

	make_match(e, "limit", 0, 40);
	chance_none(e);
	make_match(e, "limit", 0, 40);
	rs = read_table(&self->mk, NF_INET_FORWARD);
	ASSERT_NE(NULL, rs);
	EXPECT_FALSE(rs->rules[0].dead);
	EXPECT_TRUE(has_test(rs, 0, IR_TEST_BRIDGE));
	EXPECT_EQ(2, num_tests(rs, 0));
	bpfilter_ir_free(rs);
}

/* Behind what never holds native does not ask either */
TEST_F(known, bridged_match_behind_never)
{
	struct make_entry *e = make_verdict(&self->mk, VERDICT_ACCEPT);
	struct ir_ruleset *rs;

	chance_none(e);
	make_match(e, "limit", 0, 40);
	rs = read_table(&self->mk, NF_INET_FORWARD);
	ASSERT_NE(NULL, rs);
	EXPECT_TRUE(rs->rules[0].dead);
	EXPECT_FALSE(has_test(rs, 0, IR_TEST_BRIDGE));
	bpfilter_ir_free(rs);
}

TEST_F(known, bridged_match_may_fail)
{
	struct ir_ruleset *rs;

	make_match(make_verdict(&self->mk, VERDICT_ACCEPT), "limit", 0, 40);
	rs = read_table(&self->mk, NF_INET_FORWARD);
	ASSERT_NE(NULL, rs);
	EXPECT_EQ(2, rs->chains[0].end);
	EXPECT_FALSE(rs->rules[1].dead);
	bpfilter_ir_free(rs);
}

TEST_F(known, bridged_target_may_go_on)
{
	struct ir_ruleset *rs;

	make_target(&self->mk, "DNAT", 0, 16);
	rs = read_table(&self->mk, NF_INET_FORWARD);
	ASSERT_NE(NULL, rs);
	EXPECT_EQ(IR_ACTION_BRIDGE, rs->rules[0].action);
	EXPECT_EQ(2, rs->chains[0].end);
	EXPECT_FALSE(rs->rules[1].dead);
	bpfilter_ir_free(rs);
}

/* A queue is left to the kernel too, but nothing comes back from there */
TEST_F(known, queue_ends_the_chain)
{
	struct ir_ruleset *rs;

	make_verdict(&self->mk, VERDICT_QUEUE);
	rs = read_table(&self->mk, NF_INET_FORWARD);
	ASSERT_NE(NULL, rs);
	EXPECT_EQ(IR_ACTION_BRIDGE, rs->rules[0].action);
	EXPECT_EQ(1, rs->chains[0].end);
	EXPECT_TRUE(rs->rules[1].dead);
	bpfilter_ir_free(rs);
}

/* A policy that only a RETURN behind a bridged target leads to is reached */
TEST_F(known, bridged_target_before_return)
{
	struct ir_ruleset *rs;

	make_target(&self->mk, "LOG", 0, 40);
	make_verdict(&self->mk, VERDICT_RETURN);
	rs = read_table(&self->mk, NF_INET_FORWARD);
	ASSERT_NE(NULL, rs);
	EXPECT_EQ(2, rs->chains[0].end);
	EXPECT_FALSE(rs->rules[1].dead);
	EXPECT_FALSE(rs->rules[2].dead);
	bpfilter_ir_free(rs);
}

/* --- The walk through extension headers --- */

/* It may drop, so a rule with any protocol is not one without tests */
TEST(any_protocol_of_ipv6_is_looked_for)
{
	struct ir_ruleset *rs;
	struct make mk;

	make_init(&mk);
	mk.family = NFPROTO_IPV6;
	make_verdict(&mk, VERDICT_ACCEPT)->ip6.flags = IP6T_F_PROTO;
	rs = read_table(&mk, NF_INET_FORWARD);
	ASSERT_NE(NULL, rs);
	EXPECT_EQ(1, num_tests(rs, 0));
	EXPECT_TRUE(has_test(rs, 0, IR_TEST_HEADER));
	EXPECT_FALSE(rs->rules[0].no_thoff);
	EXPECT_FALSE(rs->rules[1].dead);
	bpfilter_ir_free(rs);
}

TEST(impossible_protocol_of_ipv6_is_looked_for)
{
	struct make_entry *e;
	struct ir_ruleset *rs;
	struct make mk;

	make_init(&mk);
	mk.family = NFPROTO_IPV6;
	e = make_verdict(&mk, VERDICT_ACCEPT);
	e->ip6.proto = 0x106;
	rs = read_table(&mk, NF_INET_FORWARD);
	ASSERT_NE(NULL, rs);
	EXPECT_FALSE(rs->rules[0].dead);
	EXPECT_TRUE(has_test(rs, 0, IR_TEST_HEADER));
	EXPECT_TRUE(has_test(rs, 0, IR_TEST_CONST));
	bpfilter_ir_free(rs);
}

TEST_HARNESS_MAIN
