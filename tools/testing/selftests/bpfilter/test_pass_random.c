// SPDX-License-Identifier: GPL-2.0
/*
 * No pass, alone or with others, changes a verdict, a counter, the mark or what
 * the kernel is asked: random rulesets of both families, and packets.
 */
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>

#include "../kselftest_harness.h"
#include "compile.h"
#include "passes.h"
#include "unit/ir_eval.h"
#include "unit/random.h"
#include "unit/vm_compare.h"

#define NUM_PASSES	4
#define NONE		((1 << NUM_PASSES) - 1)
/* Seconds that a busy machine may take */
#define SLOW		300

#define RULESETS	2500
#define PACKETS		16
#define MAX_RULES	256

/**
 * struct tally - what a series of rulesets came to
 * @dead:	by the passes that were left out, rules that were found dead
 * @never:	by enum ir_never, rules that never match
 * @calls:	questions to the kernel
 * @taken:	rulesets that were read
 */
struct tally {
	unsigned long dead[1 << NUM_PASSES];
	unsigned long never[IR_NEVER_CHAIN + 1];
	unsigned long calls;
	unsigned long taken;
};

static int compare_packet(const struct ir_ruleset *before,
			  const struct ir_ruleset *after, int hook,
			  const struct packet_play *play, struct tally *t)
{
	uint64_t want_packets[MAX_RULES] = {}, got_packets[MAX_RULES] = {};
	struct ir_outcome want = { .packets = want_packets };
	struct ir_outcome got = { .packets = got_packets };
	enum eval_verdict verdict = ir_play(before, hook, play, &want);

	t->calls += want.calls.num;
	if (verdict == EVAL_BROKEN ||
	    verdict != ir_play(after, hook, play, &got))
		return -1;
	return memcmp(want_packets, got_packets, sizeof(want_packets)) ||
	       want.mark != got.mark ||
	       !packet_calls_equal(&want.calls, &got.calls);
}

static int compare_packets(struct rng *r, const struct ir_ruleset *before,
			   const struct ir_ruleset *after, struct tally *t)
{
	struct packet pkts[2];
	const struct packet_play play = {
		.pkts = pkts, .num = ARRAY_SIZE(pkts),
		.random = rng_below(r, 9) << 28,
	};

	for (int n = 0; n < PACKETS; n++) {
		int hook = NF_INET_LOCAL_IN + rng_below(r, 3);

		if (before->hook_chain[hook] < 0)
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(pkts); i++)
			random_all_packet(r, before->family, hook, &pkts[i]);
		vm_mend_answers(before, &pkts[0]);
		if (compare_packet(before, after, hook, &play, t))
			return -1;
	}
	return 0;
}

static int compare_passes(struct rng *r, const struct make *mk, uint32_t skip,
			  struct tally *t)
{
	struct ir_ruleset *before, *after = NULL;
	struct refusal why;
	size_t size;
	void *blob = make_blob(mk, &size);
	int bad = 0;

	if (bpfilter_blob_read(blob, size, mk->family, &before, &why))
		goto out;
	bad = bpfilter_blob_read(blob, size, mk->family, &after, &why) ||
	      bpfilter_passes_run_but(after, skip, &why) ||
	      compare_packets(r, before, after, t);
	t->taken++;
	for (uint32_t i = 0; i < after->num_rules; i++) {
		t->dead[skip] += after->rules[i].dead;
		t->never[after->rules[i].never]++;
	}
	if (bad) {
		bpfilter_ir_dump(before, stderr);
		bpfilter_ir_dump(after, stderr);
	}
out:
	bpfilter_ir_free(after);
	bpfilter_ir_free(before);
	free(blob);
	return bad;
}

static int compare_series(uint16_t family, enum random_shape shape,
			  enum random_tests tests, bool repeat, struct tally *t)
{
	memset(t, 0, sizeof(*t));
	for (uint32_t seed = 1; seed <= RULESETS; seed++) {
		struct rng r = { .state = seed * 0x9e3779b97f4a7c15 };
		uint32_t skip = seed % (1 << NUM_PASSES);
		struct make mk;
		int bad;

		make_init(&mk);
		mk.family = family;
		random_ruleset(&r, &mk, shape, tests);
		if (repeat)
			random_repeat(&r, &mk);
		bad = compare_passes(&r, &mk, skip, t);
		make_free(&mk);
		if (bad) {
			fprintf(stderr, "# seed %u\n", seed);
			return -1;
		}
	}
	for (unsigned int i = IR_NEVER_TEST; i <= IR_NEVER_CHAIN; i++)
		fprintf(stderr, "# %lu rules never match, reason %u\n",
			t->never[i], i);
	fprintf(stderr,
		"# %lu taken, %lu rules found dead by all passes, %lu by none, %lu questions\n",
		t->taken, t->dead[0], t->dead[NONE], t->calls);
	return 0;
}

FIXTURE(passes)
{
	struct tally t;
};

FIXTURE_VARIANT(passes)
{
	uint16_t family;
	enum random_shape shape;
};

FIXTURE_VARIANT_ADD(passes, ipv4_legal)
{
	.family = NFPROTO_IPV4,
	.shape = RANDOM_LEGAL,
};

FIXTURE_VARIANT_ADD(passes, ipv4_forged)
{
	.family = NFPROTO_IPV4,
	.shape = RANDOM_FORGED,
};

FIXTURE_VARIANT_ADD(passes, ipv6_legal)
{
	.family = NFPROTO_IPV6,
	.shape = RANDOM_LEGAL,
};

FIXTURE_VARIANT_ADD(passes, ipv6_forged)
{
	.family = NFPROTO_IPV6,
	.shape = RANDOM_FORGED,
};

FIXTURE_SETUP(passes)
{
}

FIXTURE_TEARDOWN(passes)
{
	EXPECT_LT(0, self->t.taken);
	EXPECT_LT(0, self->t.dead[0]);
	EXPECT_EQ(0, self->t.dead[NONE]);
}

TEST_F_TIMEOUT(passes, chains_stay_the_same, SLOW)
{
	EXPECT_EQ(0, compare_series(variant->family, variant->shape,
				    RANDOM_FEW, false, &self->t));
}

TEST_F_TIMEOUT(passes, rules_stay_the_same, SLOW)
{
	EXPECT_EQ(0, compare_series(variant->family, variant->shape,
				    RANDOM_ALL, false, &self->t));
	EXPECT_LT(0, self->t.calls);
}

TEST_F_TIMEOUT(passes, repeated_rules_stay_the_same, SLOW)
{
	EXPECT_EQ(0, compare_series(variant->family, variant->shape,
				    RANDOM_ALL, true, &self->t));
	if (variant->shape == RANDOM_FORGED)
		return;
	for (int i = IR_NEVER_TEST; i <= IR_NEVER_CHAIN; i++) {
		EXPECT_LT(0, self->t.never[i])
			TH_LOG("reason %u", i);
	}
}

TEST_HARNESS_MAIN
