// SPDX-License-Identifier: GPL-2.0
/*
 * Emitted programs against a model of the native engine: random rulesets, with
 * and without the passes, and packets through both, in all shapes that a packet
 * can have in memory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/x_tables.h>

#include "../kselftest_harness.h"
#include "compile.h"
#include "plan.h"
#include "unit/blob_model.h"
#include "unit/bpf_vm.h"
#include "unit/random.h"
#include "unit/shake_plan.h"

#define RULESETS	1500
#define PACKETS		24
#define MAX_RULES	256
#define CPUS		2

/**
 * struct tally - what a series of rulesets came to
 * @taken:	compiled
 * @programs:	programs among them
 * @packets:	packets that went through one
 * @accepted:	of those
 * @copied:	of those, with a transport header out of the linear area
 * @matches:	rules that counted a packet
 */
struct tally {
	unsigned int taken;
	unsigned int programs;
	unsigned long packets;
	unsigned long accepted;
	unsigned long copied;
	unsigned long matches;
};

/* struct subject - a ruleset under test, its programs with @frames at most */
struct subject {
	const void *blob;
	struct ir_ruleset *rs;
	struct gen_image img;
	struct xt_counters *counters;
	uint32_t frames;
};

/* --- Rulesets --- */

static int translate(struct rng *r, struct subject *s, size_t size, bool passes,
		     struct refusal *why)
{
	struct kernel_btf kb;
	const struct compile_env env = { &kb, CPUS, VM_HZ };
	struct plan *plan = NULL;
	int ret;

	vm_kernel_btf(&kb);
	ret = bpfilter_blob_read(s->blob, size, NFPROTO_IPV4, &s->rs, why);
	if (!ret && passes)
		ret = bpfilter_passes_run(s->rs, why);
	if (!ret)
		ret = bpfilter_plan_make(s->rs, &plan, why);
	s->frames = 8;
	if (!ret && passes && rng_one_in(r, 2)) {
		shake_plan(r, s->rs, plan);
		s->frames = VM_FRAMES_MAX;
	}
	if (!ret)
		ret = bpfilter_gen(s->rs, plan, &env, &s->img, why);
	bpfilter_plan_free(plan);
	return ret;
}

static void random_shape(struct rng *r, const struct packet *pkt,
			 struct vm_shape *shape)
{
	shape->linear = rng_one_in(r, 2) ? pkt->l4_len :
			rng_below(r, pkt->l4_len + 1);
}

/* 0 if the row of the CPU that ran the program, and no other, says @want */
static int compare_counters(const struct subject *s, const uint64_t *want,
			    uint32_t cpu, uint32_t len)
{
	uint32_t row = s->img.counter_stride / sizeof(struct xt_counters);

	for (uint32_t i = 0; i < s->rs->num_rules; i++) {
		const struct xt_counters *mine = &s->counters[cpu * row + i];
		const struct xt_counters *other = &s->counters[!cpu * row + i];

		if (mine->pcnt != want[i] || mine->bcnt != want[i] * len ||
		    other->pcnt || other->bcnt)
			return fprintf(stderr, "# counter of rule %u\n", i);
	}
	return 0;
}

static int compare_packet(struct subject *s, int hook, const struct packet *pkt,
			  const struct vm_shape *shape, struct tally *t)
{
	const struct vm_prog prog = {
		s->img.prog[hook].insns, s->img.prog[hook].num_insns,
		s->counters, (size_t)s->img.counter_stride * CPUS, s->frames,
	};
	uint64_t want[MAX_RULES] = {}, result = -1;
	uint64_t want_result =
		model_run(s->blob, hook, pkt, want) == MODEL_ACCEPT;
	const struct packet_play play = { pkt, 1, 0 };
	struct vm_world w;
	const char *fault;

	vm_world_make(&w, &play, shape);
	memset(s->counters, 0, prog.counters_size);
	fault = vm_run(&w, &prog, &result);
	if (fault)
		return fprintf(stderr, "# the program %s\n", fault);
	if (result != want_result)
		return fprintf(stderr, "# result %llu\n",
			       (unsigned long long)result);
	t->packets++;
	t->accepted += result;
	t->copied += shape->linear < 20 && shape->linear < pkt->l4_len;
	for (uint32_t i = 0; i < s->rs->num_rules; i++)
		t->matches += want[i];
	return compare_counters(s, want, w.cpu, w.skb.len);
}

static int compare_packets(struct rng *r, struct subject *s, struct tally *t)
{
	struct vm_shape shape;
	struct packet pkt;

	for (int n = 0; n < PACKETS; n++) {
		int hook = NF_INET_LOCAL_IN + rng_below(r, 3);

		if (!s->img.prog[hook].num_insns)
			continue;
		random_packet(r, hook, &pkt);
		if (rng_one_in(r, 3))
			pkt.expires = 0;
		pkt.ip_options = rng_one_in(r, 3) ? rng_below(r, 11) : 0;
		random_shape(r, &pkt, &shape);
		if (compare_packet(s, hook, &pkt, &shape, t))
			return -1;
	}
	return 0;
}

static int compare_subject(struct rng *r, struct subject *s, size_t size,
			   bool passes, struct tally *t)
{
	struct refusal why;
	int bad = translate(r, s, size, passes, &why);

	if (bad) {
		/* Refusals of the blob reader have a test of their own */
		bad = s->img.nr_cpus != 0;
	} else {
		t->taken++;
		for (int hook = 0; hook < BPFILTER_NUMHOOKS; hook++)
			t->programs += s->img.prog[hook].num_insns != 0;
		s->counters = calloc(CPUS, s->img.counter_stride);
		bad = compare_packets(r, s, t);
		free(s->counters);
	}
	if (bad)
		bpfilter_ir_dump(s->rs, stderr);
	bpfilter_gen_free(&s->img);
	bpfilter_ir_free(s->rs);
	return bad;
}

static int compare_ruleset(struct rng *r, enum random_shape shape,
			   enum random_tests tests, bool passes,
			   struct tally *t)
{
	struct subject s = {};
	struct make mk;
	size_t size;
	void *blob;
	int bad;

	make_init(&mk);
	random_ruleset(r, &mk, shape, tests);
	blob = make_blob(&mk, &size);
	s.blob = blob;
	bad = compare_subject(r, &s, size, passes, t);
	free(blob);
	make_free(&mk);
	return bad;
}

static int compare_series(enum random_shape shape, enum random_tests tests,
			  bool passes, struct tally *t)
{
	memset(t, 0, sizeof(*t));
	for (uint32_t seed = 1; seed <= RULESETS; seed++) {
		struct rng r = { .state = seed * 0x9e3779b97f4a7c15 };

		if (compare_ruleset(&r, shape, tests, passes, t)) {
			fprintf(stderr, "# seed %u\n", seed);
			return -1;
		}
	}
	fprintf(stderr,
		"# %u taken, %u programs, %lu packets, %lu accepted, %lu copied, %lu rules counted\n",
		t->taken, t->programs, t->packets, t->accepted, t->copied,
		t->matches);
	return 0;
}

FIXTURE(random) { };
FIXTURE_VARIANT(random)
{
	enum random_shape shape;
	enum random_tests tests;
	bool passes;
	unsigned int taken;
};

FIXTURE_VARIANT_ADD(random, legal_chains)
{
	.shape = RANDOM_LEGAL, .tests = RANDOM_FEW, .passes = true,
	.taken = RULESETS,
};

FIXTURE_VARIANT_ADD(random, legal_chains_as_they_are)
{
	.shape = RANDOM_LEGAL, .tests = RANDOM_FEW, .passes = false,
	.taken = RULESETS,
};

FIXTURE_VARIANT_ADD(random, legal_rules)
{
	.shape = RANDOM_LEGAL, .tests = RANDOM_MANY, .passes = true,
	.taken = RULESETS,
};

FIXTURE_VARIANT_ADD(random, legal_rules_as_they_are)
{
	.shape = RANDOM_LEGAL, .tests = RANDOM_MANY, .passes = false,
	.taken = RULESETS,
};

FIXTURE_VARIANT_ADD(random, forged_chains)
{
	.shape = RANDOM_FORGED, .tests = RANDOM_FEW, .passes = true,
	.taken = RULESETS / 20,
};

FIXTURE_VARIANT_ADD(random, forged_rules_as_they_are)
{
	.shape = RANDOM_FORGED, .tests = RANDOM_MANY, .passes = false,
	.taken = RULESETS / 20,
};

FIXTURE_SETUP(random) { }
FIXTURE_TEARDOWN(random) { }

TEST_F(random, programs_do_as_native)
{
	struct tally t;

	ASSERT_EQ(0, compare_series(variant->shape, variant->tests,
				    variant->passes, &t));
	EXPECT_LE(variant->taken, t.taken);
	EXPECT_LT(t.taken / 2, t.programs);
	EXPECT_LT(t.packets / 10, t.accepted);
	EXPECT_GT(t.packets - t.packets / 10, t.accepted);
	EXPECT_LT(t.packets / 20, t.copied);
	EXPECT_LT(t.packets, t.matches);
}

TEST_HARNESS_MAIN
