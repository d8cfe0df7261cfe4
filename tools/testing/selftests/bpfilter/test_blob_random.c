// SPDX-License-Identifier: GPL-2.0
/*
 * The blob reader and the passes against a model of the native engines: random
 * rulesets of both families, whose chains iptables could have made or not, and
 * packets through both. Bridged extensions answer at random, and may change the
 * packet.
 */
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>

#include "../kselftest_harness.h"
#include "compile.h"
#include "unit/blob_model.h"
#include "unit/ir_eval.h"
#include "unit/random.h"
#include "unit/vm_compare.h"

/* Seconds that a busy machine may take */
#define SLOW		300

#define RULESETS	4000
#define PACKETS		24
#define MAX_RULES	256

/**
 * struct series - rulesets of one kind
 * @family:	of their tables
 * @shape:	how chains hang together
 * @tests:	what rules test
 */
struct series {
	uint16_t family;
	enum random_shape shape;
	enum random_tests tests;
};

/**
 * struct tally - what a series of rulesets came to
 * @taken:	compiled
 * @loops:	refused, as the model does
 * @full:	refused since the jump stack can overflow
 * @refused:	refused for another reason
 * @matches:	rules that counted a packet
 * @calls:	questions to the kernel
 * @accepted:	packets that were accepted
 */
struct tally {
	unsigned int taken;
	unsigned int loops;
	unsigned int full;
	unsigned int refused;
	unsigned long matches;
	unsigned long calls;
	unsigned long accepted;
};

/* 0 if the reader and the model agree on where packets come from */
static int compare_sources(const struct ir_ruleset *rs, const void *blob,
			   uint16_t family, int ret)
{
	uint32_t comefrom[MAX_RULES];
	int want = model_sources(blob, family, comefrom);

	if (want || !rs)
		return want != ret || rs;
	for (uint32_t i = 0; i < rs->num_rules; i++)
		if (rs->rules[i].comefrom != comefrom[i])
			return -1;
	return 0;
}

/* 0 if a packet fares the same */
static int compare_packet(const struct ir_ruleset *rs, const struct model *m,
			  int hook, const struct packet_play *play,
			  struct tally *t)
{
	uint64_t want_packets[MAX_RULES] = {}, got_packets[MAX_RULES] = {};
	uint64_t want_bytes[MAX_RULES] = {}, got_bytes[MAX_RULES] = {};
	struct ir_outcome want = { want_packets, want_bytes };
	struct ir_outcome got = { got_packets, got_bytes };
	enum model_verdict verdict = model_play(m, hook, play, &want);

	for (uint32_t i = 0; i < rs->num_rules; i++)
		t->matches += want_packets[i];
	t->calls += want.calls.num;
	t->accepted += verdict == MODEL_ACCEPT;
	if (verdict == MODEL_OVERFLOW ||
	    ir_play(rs, hook, play, &got) !=
	    (verdict == MODEL_ACCEPT ? EVAL_ACCEPT : EVAL_DROP))
		return -1;
	return memcmp(want_packets, got_packets, sizeof(want_packets)) ||
	       memcmp(want_bytes, got_bytes, sizeof(want_bytes)) ||
	       want.mark != got.mark ||
	       !packet_calls_equal(&want.calls, &got.calls);
}

static int compare_packets(struct rng *r, const struct ir_ruleset *rs,
			   const struct model *m, struct tally *t)
{
	struct packet pkts[2];
	const struct packet_play play = {
		.pkts = pkts, .num = ARRAY_SIZE(pkts),
		.random = rng_below(r, 9) << 28,
	};

	for (int n = 0; n < PACKETS; n++) {
		int hook = NF_INET_LOCAL_IN + rng_below(r, 3);

		if (rs->hook_chain[hook] < 0)
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(pkts); i++)
			random_all_packet(r, m->family, hook, &pkts[i]);
		vm_mend_answers(rs, &pkts[0]);
		if (compare_packet(rs, m, hook, &play, t))
			return -1;
	}
	return 0;
}

static void tally_ruleset(struct tally *t, const struct ir_ruleset *rs, int ret,
			  const struct refusal *why)
{
	t->taken += !ret;
	t->loops += !rs;
	t->full += rs && ret && !why->native;
	t->refused += rs && ret && why->native;
}

/* As it was read, then as the passes leave it */
static int compare_ruleset(struct rng *r, struct ir_ruleset *rs,
			   const struct model *m, struct tally *t)
{
	struct refusal why = {};

	if (compare_packets(r, rs, m, t))
		return -1;
	if (bpfilter_passes_run(rs, &why))
		return -1;
	return compare_packets(r, rs, m, t);
}

static int compare_blob(struct rng *r, const struct series *s, struct tally *t)
{
	struct model m = { .family = s->family };
	struct ir_ruleset *rs;
	struct refusal why;
	struct make mk;
	size_t size;
	void *blob;
	int ret, bad;

	make_init(&mk);
	mk.family = s->family;
	random_ruleset(r, &mk, s->shape, s->tests);
	blob = make_blob(&mk, &size);
	ret = bpfilter_blob_read(blob, size, s->family, &rs, &why);
	bad = compare_sources(rs, blob, s->family, ret);
	tally_ruleset(t, rs, ret, &why);
	if (!bad && !ret) {
		m.blob = blob;
		m.bridged = rs->bridged;
		m.num_bridged = rs->num_bridged;
		bad = compare_ruleset(r, rs, &m, t);
	}
	if (bad && rs)
		bpfilter_ir_dump(rs, stderr);
	bpfilter_ir_free(rs);
	free(blob);
	make_free(&mk);
	return bad;
}

static int compare_series(const struct series *s, struct tally *t)
{
	memset(t, 0, sizeof(*t));
	for (uint32_t seed = 1; seed <= RULESETS; seed++) {
		struct rng r = { .state = seed * 0x9e3779b97f4a7c15 };

		if (compare_blob(&r, s, t)) {
			fprintf(stderr, "# seed %u\n", seed);
			return -1;
		}
	}
	fprintf(stderr,
		"# %u taken, %u loops, %u full stacks, %u others refused, %lu rules counted, %lu questions, %lu accepted\n",
		t->taken, t->loops, t->full, t->refused, t->matches, t->calls,
		t->accepted);
	return 0;
}

FIXTURE(random)
{
	struct tally t;
};

FIXTURE_VARIANT(random)
{
	uint16_t family;
};

FIXTURE_VARIANT_ADD(random, ipv4)
{
	.family = NFPROTO_IPV4,
};

FIXTURE_VARIANT_ADD(random, ipv6)
{
	.family = NFPROTO_IPV6,
};

FIXTURE_SETUP(random)
{
}

FIXTURE_TEARDOWN(random)
{
}

static int random_series(uint16_t family, enum random_shape shape,
			 enum random_tests tests, struct tally *t)
{
	const struct series s = { family, shape, tests };

	return compare_series(&s, t);
}

TEST_F_TIMEOUT(random, legal_chains, SLOW)
{
	ASSERT_EQ(0, random_series(variant->family, RANDOM_LEGAL, RANDOM_FEW,
				   &self->t));
	EXPECT_EQ(RULESETS, self->t.taken);
	EXPECT_LT(RULESETS * PACKETS, self->t.matches);
}

/* Some rules test for what the hook cannot know, which native refuses too */
TEST_F_TIMEOUT(random, legal_rules, SLOW)
{
	ASSERT_EQ(0, random_series(variant->family, RANDOM_LEGAL, RANDOM_ALL,
				   &self->t));
	EXPECT_EQ(RULESETS, self->t.taken + self->t.refused);
	EXPECT_LT(RULESETS / 2, self->t.taken);
	EXPECT_LT(RULESETS * PACKETS / 2, self->t.matches);
	EXPECT_LT(RULESETS * PACKETS / 4, self->t.calls);
	EXPECT_LT(RULESETS * PACKETS / 4, self->t.accepted);
}

TEST_F_TIMEOUT(random, forged_chains, SLOW)
{
	ASSERT_EQ(0, random_series(variant->family, RANDOM_FORGED, RANDOM_FEW,
				   &self->t));
	EXPECT_LT(RULESETS / 20, self->t.taken);
	EXPECT_LT(RULESETS / 20, self->t.loops);
	EXPECT_LT(0, self->t.full);
}

TEST_F_TIMEOUT(random, forged_rules, SLOW)
{
	ASSERT_EQ(0, random_series(variant->family, RANDOM_FORGED, RANDOM_ALL,
				   &self->t));
	EXPECT_LT(RULESETS / 20, self->t.taken);
	EXPECT_LT(RULESETS / 20, self->t.loops);
}

/* Rules as they were before there was more to know */
TEST(legal_rules_of_old)
{
	struct tally t;

	ASSERT_EQ(0, random_series(NFPROTO_IPV4, RANDOM_LEGAL, RANDOM_MANY,
				   &t));
	EXPECT_EQ(RULESETS, t.taken);
	EXPECT_LT(RULESETS * PACKETS, t.matches);
}

TEST_HARNESS_MAIN
