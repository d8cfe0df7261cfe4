// SPDX-License-Identifier: GPL-2.0
/*
 * Emitted programs against an interpreter of the IR: all fields, tests and
 * actions of both families, with extensions of the kernel's own that say
 * anything and targets that change the packet. What the kernel is asked, and
 * with which offsets, has to be the same too.
 */
#include <stdio.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>

#include "../kselftest_harness.h"
#include "compile.h"
#include "plan.h"
#include "plan_graph.h"
#include "unit/random_ir.h"
#include "unit/shake_plan.h"
#include "unit/vm_compare.h"

#define RULESETS	3000
#define PACKETS		60
#define TURNS		3
#define MAX_RULES	1024
#define LONG_RULESETS	150
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

/* struct subject - a ruleset as it was made and as it was compiled */
struct subject {
	struct ir_ruleset *rs;
	struct ir_ruleset *passed;
	struct gen_image img;
	uint32_t frames;
};

/* --- Rulesets --- */

/* Chains that are data get classifiers even if they are short */
static int translate(struct rng *r, struct subject *s, enum plan_mode mode,
		     bool passes)
{
	struct kernel_btf kb;
	const struct compile_env env = {
		&kb, CPUS, VM_HZ, mode, r->state, 2 + rng_below(r, 6),
		.far_records = rng_one_in(r, 2) ? 1 : UINT32_MAX,
	};
	struct refusal why = {};
	struct plan *plan = NULL;
	int ret = 0;

	vm_kernel_btf(&kb);
	if (passes)
		ret = bpfilter_passes_run(s->passed, &why);
	if (!ret)
		ret = bpfilter_plan_make(s->passed, &env, &plan, &why);
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

static int compare_packet(const struct subject *s, struct vm_case *c,
			  struct tally *t)
{
	uint64_t packets[MAX_RULES] = {}, bytes[MAX_RULES] = {};
	struct ir_outcome want = { .packets = packets, .bytes = bytes };
	struct vm_world w;

	c->result = ir_play(s->rs, c->hook, &c->play, &want);
	c->want = &want;
	if (vm_compare(c, &w))
		return -1;
	t->packets++;
	t->accepted += c->result;
	t->asked += want.calls.num;
	t->changed += w.turn;
	for (uint32_t i = 0; i < s->rs->num_rules; i++)
		t->counted += packets[i];
	return 0;
}

static void random_play(struct rng *r, const struct ir_ruleset *rs,
			struct packet pkts[TURNS], struct vm_case *c)
{
	for (int i = 0; i < TURNS; i++) {
		random_ir_packet(r, rs->family, &pkts[i]);
		if (rng_one_in(r, 3))
			pkts[i].expires = 0;
	}
	random_answers(r, &pkts[0]);
	vm_mend_answers(rs, &pkts[0]);
	/* What passes know of hooks */
	if (c->hook == NF_INET_LOCAL_OUT)
		memset(pkts[0].in, 0, sizeof(pkts[0].in));
	if (c->hook == NF_INET_PRE_ROUTING || c->hook == NF_INET_LOCAL_IN)
		memset(pkts[0].out, 0, sizeof(pkts[0].out));
	c->shape.linear = rng_one_in(r, 2) ? PACKET_L4_MAX :
			  rng_below(r, PACKET_L4_MAX);
	c->play.pkts = pkts;
	c->play.num = TURNS;
	c->play.random = rng_below(r, 4) << 30 | rng_below(r, 200);
}

static int compare_packets(struct rng *r, struct subject *s, struct tally *t)
{
	struct packet pkts[TURNS];
	struct vm_case c = {
		.img = &s->img, .num_rules = s->rs->num_rules,
		.frames = s->frames,
	};

	for (int n = 0; n < PACKETS; n++) {
		c.hook = rng_below(r, BPFILTER_NUMHOOKS);
		if (!s->img.prog[c.hook].num_insns)
			continue;
		random_play(r, s->rs, pkts, &c);
		if (compare_packet(s, &c, t))
			return fprintf(stderr, "# packet %d at %s\n", n,
				       bpfilter_ir_hook_name(c.hook));
	}
	return 0;
}

typedef struct ir_ruleset *(*make_fn)(struct rng *r, uint16_t family);

static int compare_ruleset(uint64_t seed, uint16_t family, make_fn make,
			   enum plan_mode mode, bool passes, struct tally *t)
{
	struct rng r = { seed }, again = { seed };
	struct subject s = {
		.rs = make(&r, family), .passed = make(&again, family),
	};
	int bad = translate(&r, &s, mode, passes);

	for (int hook = 0; hook < BPFILTER_NUMHOOKS; hook++)
		t->programs += s.img.prog[hook].num_insns != 0;
	if (!bad)
		bad = vm_check_code(&s.img) || compare_packets(&r, &s, t);
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
	enum plan_mode mode;
	bool passes;
};

FIXTURE_VARIANT_ADD(random, ipv4) { NFPROTO_IPV4, PLAN_CODE, true };
FIXTURE_VARIANT_ADD(random, ipv4_as_it_is) { NFPROTO_IPV4, PLAN_CODE, false };
FIXTURE_VARIANT_ADD(random, ipv4_data) { NFPROTO_IPV4, PLAN_DATA, true };
FIXTURE_VARIANT_ADD(random, ipv4_data_as_it_is) {
	NFPROTO_IPV4, PLAN_DATA, false,
};

FIXTURE_VARIANT_ADD(random, ipv4_mixed) { NFPROTO_IPV4, PLAN_MIXED, true };
FIXTURE_VARIANT_ADD(random, ipv4_auto) { NFPROTO_IPV4, PLAN_AUTO, true };
FIXTURE_VARIANT_ADD(random, ipv6) { NFPROTO_IPV6, PLAN_CODE, true };
FIXTURE_VARIANT_ADD(random, ipv6_as_it_is) { NFPROTO_IPV6, PLAN_CODE, false };
FIXTURE_VARIANT_ADD(random, ipv6_data) { NFPROTO_IPV6, PLAN_DATA, true };
FIXTURE_VARIANT_ADD(random, ipv6_data_as_it_is) {
	NFPROTO_IPV6, PLAN_DATA, false,
};

FIXTURE_VARIANT_ADD(random, ipv6_mixed) { NFPROTO_IPV6, PLAN_MIXED, true };
FIXTURE_VARIANT_ADD(random, ipv6_auto) { NFPROTO_IPV6, PLAN_AUTO, true };
FIXTURE_SETUP(random) { }
FIXTURE_TEARDOWN(random) { }

TEST_F_TIMEOUT(random, programs_do_as_the_ir_says, 300)
{
	struct tally t = {};
	uint32_t seed;

	for (seed = 1; seed <= RULESETS; seed++) {
		ASSERT_EQ(0, compare_ruleset(seed * 0x9e3779b97f4a7c15,
					     variant->family, random_ir,
					     variant->mode, variant->passes,
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

/* --- Long chains --- */

FIXTURE(chains) { };
FIXTURE_VARIANT(chains)
{
	uint16_t family;
	enum plan_mode mode;
	bool passes;
};

FIXTURE_VARIANT_ADD(chains, ipv4) { NFPROTO_IPV4, PLAN_DATA, true };
FIXTURE_VARIANT_ADD(chains, ipv4_as_it_is) { NFPROTO_IPV4, PLAN_DATA, false };
FIXTURE_VARIANT_ADD(chains, ipv4_mixed) { NFPROTO_IPV4, PLAN_MIXED, true };
FIXTURE_VARIANT_ADD(chains, ipv4_auto) { NFPROTO_IPV4, PLAN_AUTO, true };
FIXTURE_VARIANT_ADD(chains, ipv6) { NFPROTO_IPV6, PLAN_DATA, true };
FIXTURE_VARIANT_ADD(chains, ipv6_as_it_is) { NFPROTO_IPV6, PLAN_DATA, false };
FIXTURE_VARIANT_ADD(chains, ipv6_mixed) { NFPROTO_IPV6, PLAN_MIXED, true };
FIXTURE_VARIANT_ADD(chains, ipv6_auto) { NFPROTO_IPV6, PLAN_AUTO, true };
FIXTURE_SETUP(chains) { }
FIXTURE_TEARDOWN(chains) { }

TEST_F_TIMEOUT(chains, long_ones_do_as_the_ir_says, 300)
{
	struct tally t = {};
	uint32_t seed;

	for (seed = 1; seed <= LONG_RULESETS; seed++) {
		ASSERT_EQ(0, compare_ruleset(seed * 0x9e3779b97f4a7c15,
					     variant->family, random_ir_long,
					     variant->mode, variant->passes,
					     &t))
			TH_LOG("seed %u", seed);
	}
	fprintf(stderr,
		"# %u programs, %lu packets, %lu accepted, %lu questions, %lu changes, %lu rules counted\n",
		t.programs, t.packets, t.accepted, t.asked, t.changed,
		t.counted);
	EXPECT_LT(t.packets, t.counted);
}

/* --- Costs --- */

/* What a function has besides its rules: its start, its policy, its exits */
#define OTHER_INSNS	41
#define OTHER_BRANCHES	4

static struct plan_cost cost_of(const struct ir_ruleset *rs,
				const struct plan_func *f)
{
	struct plan_cost sum = { OTHER_INSNS, OTHER_BRANCHES };

	for (uint32_t i = f->first; i < f->end; i++) {
		struct plan_cost cost = plan_rule_cost(rs, &rs->rules[i]);

		sum.insns += cost.insns;
		sum.branches += cost.branches;
	}
	return sum;
}

static bool is_branch(const struct bpf_insn *in)
{
	uint8_t class = BPF_CLASS(in->code), op = BPF_OP(in->code);

	return (class == BPF_JMP || class == BPF_JMP32) && op != BPF_JA &&
	       op != BPF_CALL && op != BPF_EXIT;
}

static int check_cost(const struct gen_prog *prog, uint32_t func,
		      const struct plan_cost *cost)
{
	uint32_t first = prog->funcs[func].insn_off;
	uint32_t end = prog->funcs[func + 1].insn_off;
	uint32_t branches = 0;

	for (uint32_t i = first; i < end; i++)
		branches += is_branch(&prog->insns[i]);
	if (end - first <= cost->insns && branches <= cost->branches)
		return 0;
	return fprintf(stderr,
		       "# %s: %u instructions, %u branches, planned %llu, %llu\n",
		       prog->funcs[func].name, end - first, branches,
		       (unsigned long long)cost->insns,
		       (unsigned long long)cost->branches);
}

/* Functions that rules walk come first, as planned unless nobody calls them */
static int check_costs(const struct ir_ruleset *rs, const struct plan *plan,
		       const struct gen_image *img, uint32_t *checked)
{
	for (int hook = 0; hook < BPFILTER_NUMHOOKS; hook++) {
		const struct plan_hook *ph = &plan->hook[hook];
		const struct gen_prog *prog = &img->prog[hook];
		uint32_t at = 0;

		for (uint32_t i = 0; i < ph->num_funcs; i++) {
			struct plan_cost cost = cost_of(rs, &ph->funcs[i]);
			const char *name = rs->chains[ph->funcs[i].chain].name;

			if (i && strcmp(prog->funcs[at].name, name))
				continue;
			if (check_cost(prog, at++, &cost))
				return -1;
			++*checked;
		}
	}
	return 0;
}

TEST_F(random, costs_as_planned)
{
	struct kernel_btf kb;
	const struct compile_env env = { &kb, CPUS, VM_HZ, PLAN_CODE };
	struct refusal why = {};
	uint32_t seed, checked = 0;

	vm_kernel_btf(&kb);
	for (seed = 1; seed <= RULESETS; seed++) {
		struct rng r = { seed * 0x9e3779b97f4a7c15 };
		struct ir_ruleset *rs = random_ir(&r, variant->family);
		struct gen_image img = {};
		struct plan *plan = NULL;

		ASSERT_EQ(0, bpfilter_plan_make(rs, &env, &plan, &why));
		ASSERT_EQ(0, bpfilter_gen(rs, plan, &env, &img, &why));
		ASSERT_EQ(0, check_costs(rs, plan, &img, &checked))
			bpfilter_ir_dump(rs, stderr);
		bpfilter_gen_free(&img);
		bpfilter_plan_free(plan);
		bpfilter_ir_free(rs);
	}
	EXPECT_LT(5 * RULESETS, checked);
}

TEST_HARNESS_MAIN
