// SPDX-License-Identifier: GPL-2.0
/*
 * Emitted programs against a model of the native engines: random rulesets, with
 * and without the passes, and packets through both, in all shapes that a packet
 * can have in memory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>

#include "../kselftest_harness.h"
#include "compile.h"
#include "gen_walk.h"
#include "plan.h"
#include "unit/blob_model.h"
#include "unit/shake_plan.h"
#include "unit/vm_compare.h"

#define RULESETS	1500
#define PACKETS		24
#define TURNS		3
#define MAX_RULES	256
#define CPUS		2

/**
 * struct tally - what a series of rulesets came to
 * @taken:	compiled
 * @programs:	programs among them
 * @packets:	packets that went through one
 * @accepted:	of those
 * @copied:	of those, with a transport header out of the linear area
 * @asked:	times that the kernel was asked something
 * @matches:	rules that counted a packet
 */
struct tally {
	unsigned int taken;
	unsigned int programs;
	unsigned long packets;
	unsigned long accepted;
	unsigned long copied;
	unsigned long asked;
	unsigned long matches;
};

/* struct subject - a ruleset under test, its programs with @frames at most */
struct subject {
	uint16_t family;
	const void *blob;
	struct ir_ruleset *rs;
	struct gen_image img;
	uint32_t frames;
	enum compile_use use;
};

/* --- Rulesets --- */

/* Chains that are data get classifiers even if they are short */
static int translate(struct rng *r, struct subject *s, size_t size,
		     enum plan_mode mode, bool passes, struct refusal *why)
{
	struct kernel_btf kb;
	const struct compile_env env = {
		&kb, CPUS, VM_HZ, mode, r->state, 2 + rng_below(r, 6),
		.far_records = rng_one_in(r, 2) ? 1 : UINT32_MAX,
		.use = s->use,
	};
	struct plan *plan = NULL;
	int ret;

	vm_kernel_btf(&kb);
	ret = bpfilter_blob_read(s->blob, size, s->family, &s->rs, why);
	if (!ret && passes)
		ret = bpfilter_passes_run(s->rs, why);
	if (!ret)
		ret = bpfilter_plan_make(s->rs, &env, &plan, why);
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

static int compare_packet(struct subject *s, struct vm_case *c,
			  struct tally *t)
{
	const struct model model = {
		s->blob, s->family, s->rs->bridged, s->rs->num_bridged,
	};
	uint64_t packets[MAX_RULES] = {}, bytes[MAX_RULES] = {};
	struct ir_outcome want = { .packets = packets, .bytes = bytes };
	unsigned int linear = c->shape.linear;
	struct vm_world w;

	c->result = model_play(&model, c->hook, &c->play, &want) ==
		    MODEL_ACCEPT;
	c->want = &want;
	if (vm_compare(c, &w))
		return -1;
	t->packets++;
	t->accepted += c->result;
	t->copied += linear < 20 && linear < c->play.pkts->l4_len;
	t->asked += want.calls.num;
	for (uint32_t i = 0; i < s->rs->num_rules; i++)
		t->matches += packets[i];
	return 0;
}

static int compare_packets(struct rng *r, struct subject *s, struct tally *t)
{
	struct packet pkts[TURNS];
	struct vm_case c = {
		.img = &s->img, .num_rules = s->rs->num_rules,
		.frames = s->frames, .play = { pkts, TURNS },
	};

	for (int n = 0; n < PACKETS; n++) {
		c.hook = NF_INET_LOCAL_IN + rng_below(r, 3);
		if (!s->img.prog[c.hook].num_insns)
			continue;
		for (int i = 0; i < TURNS; i++) {
			random_all_packet(r, s->family, c.hook, &pkts[i]);
			if (rng_one_in(r, 3))
				pkts[i].expires = 0;
		}
		vm_mend_answers(s->rs, &pkts[0]);
		c.play.random = rng_below(r, 9) << 28;
		random_shape(r, &pkts[0], &c.shape);
		if (s->use == COMPILE_LINKS)
			c.taken = rng_below(r, WALK_STACKS);
		if (compare_packet(s, &c, t))
			return -1;
	}
	return 0;
}

static int compare_subject(struct rng *r, struct subject *s, size_t size,
			   enum plan_mode mode, bool passes, struct tally *t)
{
	struct refusal why;
	int bad = translate(r, s, size, mode, passes, &why);

	if (bad) {
		/* Refusals of the blob reader have a test of their own */
		bad = s->img.nr_cpus != 0;
	} else {
		t->taken++;
		for (int hook = 0; hook < BPFILTER_NUMHOOKS; hook++)
			t->programs += s->img.prog[hook].num_insns != 0;
		bad = vm_check_code(&s->img) || compare_packets(r, s, t);
	}
	if (bad)
		bpfilter_ir_dump(s->rs, stderr);
	bpfilter_gen_free(&s->img);
	bpfilter_ir_free(s->rs);
	return bad;
}

static int compare_ruleset(struct rng *r, uint16_t family,
			   enum random_shape shape, enum random_tests tests,
			   enum plan_mode mode, bool passes,
			   enum compile_use use, struct tally *t)
{
	struct subject s = { .family = family, .use = use };
	struct make mk;
	size_t size;
	void *blob;
	int bad;

	make_init(&mk);
	mk.family = family;
	random_ruleset(r, &mk, shape, tests);
	blob = make_blob(&mk, &size);
	s.blob = blob;
	bad = compare_subject(r, &s, size, mode, passes, t);
	free(blob);
	make_free(&mk);
	return bad;
}

static int compare_series(uint16_t family, enum random_shape shape,
			  enum random_tests tests, enum plan_mode mode,
			  bool passes, enum compile_use use, struct tally *t)
{
	memset(t, 0, sizeof(*t));
	for (uint32_t seed = 1; seed <= RULESETS; seed++) {
		struct rng r = { .state = seed * 0x9e3779b97f4a7c15 };

		if (compare_ruleset(&r, family, shape, tests, mode, passes,
				    use, t)) {
			fprintf(stderr, "# seed %u\n", seed);
			return -1;
		}
	}
	fprintf(stderr,
		"# %u taken, %u programs, %lu packets, %lu accepted, %lu copied, %lu questions, %lu rules counted\n",
		t->taken, t->programs, t->packets, t->accepted, t->copied,
		t->asked, t->matches);
	return 0;
}

FIXTURE(random) { };
FIXTURE_VARIANT(random)
{
	uint16_t family;
	enum random_shape shape;
	enum random_tests tests;
	enum plan_mode mode;
	bool passes;
	enum compile_use use;
	unsigned int taken;
};

#define SERIES_FOR(u, f, s, t, m, p, n)					\
	{								\
		.family = NFPROTO_##f, .shape = RANDOM_##s,		\
		.tests = RANDOM_##t, .mode = PLAN_##m, .passes = (p),	\
		.use = COMPILE_##u, .taken = (n),			\
	}
#define SERIES(...)	SERIES_FOR(TABLE, __VA_ARGS__)
/* Programs of links share a CPU with what interrupts them */
#define LINKS(...)	SERIES_FOR(LINKS, __VA_ARGS__)

FIXTURE_VARIANT_ADD(random, chains)
	SERIES(IPV4, LEGAL, FEW, CODE, true, RULESETS);
FIXTURE_VARIANT_ADD(random, chains_as_they_are)
	SERIES(IPV4, LEGAL, FEW, CODE, false, RULESETS);
FIXTURE_VARIANT_ADD(random, rules)
	SERIES(IPV4, LEGAL, MANY, CODE, true, RULESETS);
FIXTURE_VARIANT_ADD(random, rules_as_they_are)
	SERIES(IPV4, LEGAL, MANY, CODE, false, RULESETS);
FIXTURE_VARIANT_ADD(random, all)
	SERIES(IPV4, LEGAL, ALL, CODE, true, RULESETS / 10 * 9);
FIXTURE_VARIANT_ADD(random, all_as_it_is)
	SERIES(IPV4, LEGAL, ALL, CODE, false, RULESETS / 10 * 9);
FIXTURE_VARIANT_ADD(random, forged_chains)
	SERIES(IPV4, FORGED, FEW, CODE, true, RULESETS / 20);
FIXTURE_VARIANT_ADD(random, forged_rules_as_they_are)
	SERIES(IPV4, FORGED, MANY, CODE, false, RULESETS / 20);
FIXTURE_VARIANT_ADD(random, forged_all)
	SERIES(IPV4, FORGED, ALL, CODE, true, RULESETS / 20);
FIXTURE_VARIANT_ADD(random, chains6)
	SERIES(IPV6, LEGAL, FEW, CODE, true, RULESETS);
FIXTURE_VARIANT_ADD(random, all6)
	SERIES(IPV6, LEGAL, ALL, CODE, true, RULESETS / 10 * 9);
FIXTURE_VARIANT_ADD(random, all6_as_it_is)
	SERIES(IPV6, LEGAL, ALL, CODE, false, RULESETS / 10 * 9);
FIXTURE_VARIANT_ADD(random, forged_all6)
	SERIES(IPV6, FORGED, ALL, CODE, true, RULESETS / 20);
FIXTURE_VARIANT_ADD(random, chains_data)
	SERIES(IPV4, LEGAL, FEW, DATA, true, RULESETS);
FIXTURE_VARIANT_ADD(random, chains_data_as_they_are)
	SERIES(IPV4, LEGAL, FEW, DATA, false, RULESETS);
FIXTURE_VARIANT_ADD(random, chains_mixed)
	SERIES(IPV4, LEGAL, FEW, MIXED, true, RULESETS);
FIXTURE_VARIANT_ADD(random, rules_data)
	SERIES(IPV4, LEGAL, MANY, DATA, true, RULESETS);
FIXTURE_VARIANT_ADD(random, rules_mixed)
	SERIES(IPV4, LEGAL, MANY, MIXED, true, RULESETS);
FIXTURE_VARIANT_ADD(random, rules_auto)
	SERIES(IPV4, LEGAL, MANY, AUTO, true, RULESETS);
FIXTURE_VARIANT_ADD(random, all_data)
	SERIES(IPV4, LEGAL, ALL, DATA, true, RULESETS / 10 * 9);
FIXTURE_VARIANT_ADD(random, all_data_as_it_is)
	SERIES(IPV4, LEGAL, ALL, DATA, false, RULESETS / 10 * 9);
FIXTURE_VARIANT_ADD(random, all_mixed)
	SERIES(IPV4, LEGAL, ALL, MIXED, true, RULESETS / 10 * 9);
FIXTURE_VARIANT_ADD(random, forged_rules_data)
	SERIES(IPV4, FORGED, MANY, DATA, false, RULESETS / 20);
FIXTURE_VARIANT_ADD(random, forged_all_mixed)
	SERIES(IPV4, FORGED, ALL, MIXED, true, RULESETS / 20);
FIXTURE_VARIANT_ADD(random, chains6_data)
	SERIES(IPV6, LEGAL, FEW, DATA, true, RULESETS);
FIXTURE_VARIANT_ADD(random, all6_data)
	SERIES(IPV6, LEGAL, ALL, DATA, true, RULESETS / 10 * 9);
FIXTURE_VARIANT_ADD(random, all6_data_as_it_is)
	SERIES(IPV6, LEGAL, ALL, DATA, false, RULESETS / 10 * 9);
FIXTURE_VARIANT_ADD(random, all6_mixed)
	SERIES(IPV6, LEGAL, ALL, MIXED, true, RULESETS / 10 * 9);
FIXTURE_VARIANT_ADD(random, forged_all6_data)
	SERIES(IPV6, FORGED, ALL, DATA, true, RULESETS / 20);

FIXTURE_VARIANT_ADD(random, links_chains_data)
	LINKS(IPV4, LEGAL, FEW, DATA, true, RULESETS);
FIXTURE_VARIANT_ADD(random, links_chains_data_as_they_are)
	LINKS(IPV4, LEGAL, FEW, DATA, false, RULESETS);
FIXTURE_VARIANT_ADD(random, links_rules_mixed)
	LINKS(IPV4, LEGAL, MANY, MIXED, true, RULESETS);
FIXTURE_VARIANT_ADD(random, links_rules_code)
	LINKS(IPV4, LEGAL, MANY, CODE, true, RULESETS);
FIXTURE_VARIANT_ADD(random, links_chains6_data)
	LINKS(IPV6, LEGAL, FEW, DATA, true, RULESETS);

FIXTURE_SETUP(random) { }
FIXTURE_TEARDOWN(random) { }

TEST_F_TIMEOUT(random, programs_do_as_native, 300)
{
	struct tally t;

	ASSERT_EQ(0, compare_series(variant->family, variant->shape,
				    variant->tests, variant->mode,
				    variant->passes, variant->use, &t));
	EXPECT_LE(variant->taken, t.taken);
	EXPECT_LT(t.taken / 2, t.programs);
	EXPECT_LT(t.packets / 10, t.accepted);
	EXPECT_GT(t.packets - t.packets / 10, t.accepted);
	EXPECT_LT(t.packets / 20, t.copied);
	EXPECT_LT(t.packets, t.matches);
	if (variant->tests == RANDOM_ALL)
		EXPECT_LT(t.packets / 8, t.asked);
}

TEST_HARNESS_MAIN
