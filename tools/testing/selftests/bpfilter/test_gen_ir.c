// SPDX-License-Identifier: GPL-2.0
/*
 * Emitted programs against an interpreter of the IR: all fields, tests and
 * actions of both families, with extensions of the kernel's own that say
 * anything and targets that change the packet. What the kernel is asked, and
 * with which offsets, has to be the same too.
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
#include "unit/bpf_vm.h"
#include "unit/ir_eval.h"
#include "unit/random_ir.h"
#include "unit/shake_plan.h"

#define RULESETS	3000
#define PACKETS		60
#define TURNS		3
#define MAX_RULES	256
#define CPUS		2

/**
 * struct tally - what a series of rulesets came to
 * @programs:	programs
 * @packets:	packets that went through one
 * @accepted:	of those
 * @asked:	times that the kernel was asked something
 * @changed:	times that a target changed the packet
 * @counted:	rules that counted a packet
 */
struct tally {
	unsigned int programs;
	unsigned long packets;
	unsigned long accepted;
	unsigned long asked;
	unsigned long changed;
	unsigned long counted;
};

/**
 * struct subject - a ruleset under test
 * @rs:		as it was made
 * @passed:	as it was compiled
 * @img:	its programs
 * @counters:	of them
 * @frames:	that they may take
 */
struct subject {
	struct ir_ruleset *rs;
	struct ir_ruleset *passed;
	struct gen_image img;
	struct xt_counters *counters;
	uint32_t frames;
};

/* --- Rulesets --- */

static int translate(struct rng *r, struct subject *s, bool passes)
{
	struct kernel_btf kb;
	const struct compile_env env = { &kb, CPUS, VM_HZ };
	struct refusal why = {};
	struct plan *plan = NULL;
	int ret = 0;

	vm_kernel_btf(&kb);
	if (passes)
		ret = bpfilter_passes_run(s->passed, &why);
	if (!ret)
		ret = bpfilter_plan_make(s->passed, &plan, &why);
	s->frames = 8;
	if (!ret && rng_one_in(r, 2)) {
		shake_plan(r, s->passed, plan);
		s->frames = VM_FRAMES_MAX;
	}
	if (!ret)
		ret = bpfilter_gen(s->passed, plan, &env, &s->img, &why);
	bpfilter_plan_free(plan);
	if (ret)
		fprintf(stderr, "# %s\n", why.text);
	return ret;
}

/* --- Packets --- */

/* 0 if the row of the CPU that ran the program, and no other, says @want */
static int compare_counters(const struct subject *s,
			    const struct ir_outcome *want, uint32_t cpu)
{
	uint32_t row = s->img.counter_stride / sizeof(struct xt_counters);

	for (uint32_t i = 0; i < s->rs->num_rules; i++) {
		const struct xt_counters *mine = &s->counters[cpu * row + i];
		const struct xt_counters *other = &s->counters[!cpu * row + i];

		if (mine->pcnt != want->packets[i] ||
		    mine->bcnt != want->bytes[i] || other->pcnt || other->bcnt)
			return fprintf(stderr, "# counter of rule %u\n", i);
	}
	return 0;
}

static int compare_calls(const struct packet_calls *got,
			 const struct packet_calls *want)
{
	if (got->num != want->num)
		return fprintf(stderr, "# %u calls, not %u\n", got->num,
			       want->num);
	for (unsigned int i = 0; i < got->num && i < PACKET_CALLS_MAX; i++) {
		const struct packet_call *g = &got->calls[i];
		const struct packet_call *w = &want->calls[i];

		if (memcmp(g, w, sizeof(*g)))
			return fprintf(stderr,
				       "# call %u: %u of %u at %u, %u, not %u of %u at %u, %u\n",
				       i, g->what, g->index, g->thoff,
				       g->fragoff, w->what, w->index, w->thoff,
				       w->fragoff);
	}
	return 0;
}

static void count_packet(struct tally *t, const struct subject *s,
			 const struct ir_outcome *out, const struct vm_world *w,
			 uint64_t result)
{
	t->packets++;
	t->accepted += result;
	t->asked += out->calls.num;
	t->changed += w->turn;
	for (uint32_t i = 0; i < s->rs->num_rules; i++)
		t->counted += out->packets[i];
}

static int compare_packet(struct subject *s, int hook,
			  const struct packet_play *play,
			  const struct vm_shape *shape, struct tally *t)
{
	const struct vm_prog prog = {
		s->img.prog[hook].insns, s->img.prog[hook].num_insns,
		s->counters, (size_t)s->img.counter_stride * CPUS, s->frames,
	};
	uint64_t packets[MAX_RULES] = {}, bytes[MAX_RULES] = {}, result = -1;
	struct ir_outcome want = { .packets = packets, .bytes = bytes };
	enum ir_verdict verdict = ir_play(s->rs, hook, play, &want);
	struct vm_world w;
	const char *fault;

	vm_world_make(&w, play, shape);
	memset(s->counters, 0, prog.counters_size);
	fault = vm_run(&w, &prog, &result);
	if (fault)
		return fprintf(stderr, "# the program %s\n", fault);
	if (compare_calls(&w.calls, &want.calls))
		return -1;
	if (result != verdict)
		return fprintf(stderr, "# result %llu, not %u\n",
			       (unsigned long long)result, verdict);
	if (w.skb.mark != want.mark)
		return fprintf(stderr, "# mark %#x, not %#x\n", w.skb.mark,
			       want.mark);
	count_packet(t, s, &want, &w, result);
	return compare_counters(s, &want, w.cpu);
}

static void random_play(struct rng *r, const struct ir_ruleset *rs,
			struct packet pkts[TURNS], struct packet_play *play,
			struct vm_shape *shape)
{
	for (int i = 0; i < TURNS; i++) {
		random_ir_packet(r, rs->family, &pkts[i]);
		if (rng_one_in(r, 3))
			pkts[i].expires = 0;
	}
	random_answers(r, rs, &pkts[0]);
	shape->linear = rng_one_in(r, 2) ? PACKET_L4_MAX :
			rng_below(r, PACKET_L4_MAX);
	play->pkts = pkts;
	play->num = TURNS;
	play->random = (uint32_t)rng_below(r, 4) << 30 | rng_below(r, 200);
}

static int compare_packets(struct rng *r, struct subject *s, struct tally *t)
{
	struct packet pkts[TURNS];
	struct packet_play play;
	struct vm_shape shape;

	for (int n = 0; n < PACKETS; n++) {
		int hook = rng_below(r, BPFILTER_NUMHOOKS);

		random_play(r, s->rs, pkts, &play, &shape);
		/* What passes know of hooks */
		if (hook == NF_INET_LOCAL_OUT)
			memset(pkts[0].in, 0, sizeof(pkts[0].in));
		if (hook == NF_INET_PRE_ROUTING || hook == NF_INET_LOCAL_IN)
			memset(pkts[0].out, 0, sizeof(pkts[0].out));
		if (!s->img.prog[hook].num_insns)
			continue;
		if (compare_packet(s, hook, &play, &shape, t))
			return fprintf(stderr, "# packet %d at %s\n", n,
				       bpfilter_ir_hook_name(hook));
	}
	return 0;
}

/* 0 if the kernel would find no instructions that nothing leads to */
static int check_programs(const struct subject *s, struct tally *t)
{
	for (int hook = 0; hook < BPFILTER_NUMHOOKS; hook++) {
		const struct vm_prog prog = {
			.insns = s->img.prog[hook].insns,
			.num_insns = s->img.prog[hook].num_insns,
		};
		int at = vm_unreached(&prog);

		if (at >= 0)
			return fprintf(stderr, "# %s: nothing leads to %d\n",
				       bpfilter_ir_hook_name(hook), at);
		t->programs += prog.num_insns != 0;
	}
	return 0;
}

static int compare_ruleset(uint64_t seed, uint16_t family, bool passes,
			   struct tally *t)
{
	struct rng r = { seed }, again = { seed };
	struct subject s = {
		.rs = random_ir(&r, family), .passed = random_ir(&again, family),
	};
	int bad = translate(&r, &s, passes);

	if (!bad) {
		s.counters = calloc(CPUS, s.img.counter_stride);
		bad = check_programs(&s, t) || compare_packets(&r, &s, t);
		free(s.counters);
	}
	if (bad)
		bpfilter_ir_dump(s.passed, stderr);
	bpfilter_gen_free(&s.img);
	bpfilter_ir_free(s.passed);
	bpfilter_ir_free(s.rs);
	return bad;
}

FIXTURE(random) { };
FIXTURE_VARIANT(random)
{
	uint16_t family;
	bool passes;
};

FIXTURE_VARIANT_ADD(random, ipv4) { NFPROTO_IPV4, true };
FIXTURE_VARIANT_ADD(random, ipv4_as_it_is) { NFPROTO_IPV4, false };
FIXTURE_VARIANT_ADD(random, ipv6) { NFPROTO_IPV6, true };
FIXTURE_VARIANT_ADD(random, ipv6_as_it_is) { NFPROTO_IPV6, false };
FIXTURE_SETUP(random) { }
FIXTURE_TEARDOWN(random) { }

TEST_F_TIMEOUT(random, programs_do_as_the_ir_says, 300)
{
	struct tally t = {};
	uint32_t seed;

	for (seed = 1; seed <= RULESETS; seed++) {
		ASSERT_EQ(0, compare_ruleset(seed * 0x9e3779b97f4a7c15,
					     variant->family, variant->passes,
					     &t))
			TH_LOG("seed %u", seed);
	}
	fprintf(stderr,
		"# %u programs, %lu packets, %lu accepted, %lu questions, %lu changes, %lu rules counted\n",
		t.programs, t.packets, t.accepted, t.asked, t.changed,
		t.counted);
	EXPECT_LT(RULESETS, t.programs);
	EXPECT_LT(t.packets / 5, t.accepted);
	EXPECT_GT(t.packets - t.packets / 5, t.accepted);
	EXPECT_LT(t.packets / 2, t.asked);
	EXPECT_LT(t.packets / 20, t.changed);
	EXPECT_LT(t.packets, t.counted);
}

TEST_HARNESS_MAIN
