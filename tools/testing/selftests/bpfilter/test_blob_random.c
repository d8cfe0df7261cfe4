// SPDX-License-Identifier: GPL-2.0
/*
 * The blob reader against a model of the native engine: random rulesets, whose
 * chains iptables could have made or not, and packets through both.
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

#define RULESETS	4000
#define PACKETS		24
#define MAX_RULES	256

/**
 * struct tally - what a series of rulesets came to
 * @taken:	compiled
 * @loops:	refused, as the model does
 * @full:	refused since the jump stack can overflow
 * @overflows:	packets that made the model's jump stack overflow
 * @matches:	rules that counted a packet
 */
struct tally {
	unsigned int taken;
	unsigned int loops;
	unsigned int full;
	unsigned int overflows;
	unsigned long matches;
};

/* 0 if the reader and the model agree on where packets come from */
static int compare_sources(const struct ir_ruleset *rs, const void *blob,
			   int ret)
{
	uint32_t comefrom[MAX_RULES];
	int want = model_sources(blob, comefrom);

	if (want || !rs)
		return want != ret || rs;
	for (uint32_t i = 0; i < rs->num_rules; i++)
		if (rs->rules[i].comefrom != comefrom[i])
			return -1;
	return 0;
}

/* 0 if a packet fares the same */
static int compare_packet(const struct ir_ruleset *rs, const void *blob,
			  int hook, const struct packet *pkt, struct tally *t)
{
	static const enum ir_verdict want_verdict[] = {
		[MODEL_DROP] = IR_VERDICT_DROP,
		[MODEL_ACCEPT] = IR_VERDICT_ACCEPT,
	};
	uint64_t want[MAX_RULES] = {}, got[MAX_RULES] = {};
	enum model_verdict verdict = model_run(blob, hook, pkt, want);

	for (uint32_t i = 0; i < rs->num_rules; i++)
		t->matches += want[i];
	if (verdict == MODEL_OVERFLOW) {
		t->overflows++;
		return -1;
	}
	if (ir_eval(rs, hook, pkt, got) != want_verdict[verdict])
		return -1;
	return memcmp(want, got, sizeof(want));
}

static int compare_packets(struct rng *r, const struct ir_ruleset *rs,
			   const void *blob, struct tally *t)
{
	struct packet pkt;

	for (int n = 0; n < PACKETS; n++) {
		int hook = NF_INET_LOCAL_IN + rng_below(r, 3);

		if (rs->hook_chain[hook] < 0)
			continue;
		random_packet(r, hook, &pkt);
		if (compare_packet(rs, blob, hook, &pkt, t))
			return -1;
	}
	return 0;
}

static int compare_ruleset(struct rng *r, enum random_shape shape,
			   enum random_tests tests, struct tally *t)
{
	struct ir_ruleset *rs;
	struct refusal why;
	struct make mk;
	size_t size;
	void *blob;
	int ret, bad;

	make_init(&mk);
	random_ruleset(r, &mk, shape, tests);
	blob = make_blob(&mk, &size);
	ret = bpfilter_blob_read(blob, size, NFPROTO_IPV4, &rs, &why);
	bad = compare_sources(rs, blob, ret);
	t->taken += !ret;
	t->loops += !rs;
	t->full += rs && ret;
	if (!bad && !ret)
		bad = compare_packets(r, rs, blob, t);
	if (bad && rs)
		bpfilter_ir_dump(rs, stderr);
	bpfilter_ir_free(rs);
	free(blob);
	make_free(&mk);
	return bad;
}

static int compare_series(enum random_shape shape, enum random_tests tests,
			  struct tally *t)
{
	memset(t, 0, sizeof(*t));
	for (uint32_t seed = 1; seed <= RULESETS; seed++) {
		struct rng r = { .state = seed * 0x9e3779b97f4a7c15 };

		if (compare_ruleset(&r, shape, tests, t)) {
			fprintf(stderr, "# seed %u\n", seed);
			return -1;
		}
	}
	fprintf(stderr,
		"# %u taken, %u loops, %u full stacks, %lu rules counted\n",
		t->taken, t->loops, t->full, t->matches);
	return 0;
}

TEST(legal_chains)
{
	struct tally t;

	ASSERT_EQ(0, compare_series(RANDOM_LEGAL, RANDOM_FEW, &t));
	EXPECT_EQ(RULESETS, t.taken);
	EXPECT_LT(RULESETS * PACKETS, t.matches);
}

TEST(legal_rules)
{
	struct tally t;

	ASSERT_EQ(0, compare_series(RANDOM_LEGAL, RANDOM_MANY, &t));
	EXPECT_EQ(RULESETS, t.taken);
	EXPECT_LT(RULESETS * PACKETS, t.matches);
}

TEST(forged_chains)
{
	struct tally t;

	ASSERT_EQ(0, compare_series(RANDOM_FORGED, RANDOM_FEW, &t));
	EXPECT_LT(RULESETS / 20, t.taken);
	EXPECT_LT(RULESETS / 20, t.loops);
	EXPECT_LT(0, t.full);
}

TEST(forged_rules)
{
	struct tally t;

	ASSERT_EQ(0, compare_series(RANDOM_FORGED, RANDOM_MANY, &t));
	EXPECT_LT(RULESETS / 20, t.taken);
	EXPECT_LT(RULESETS / 20, t.loops);
}

TEST_HARNESS_MAIN
