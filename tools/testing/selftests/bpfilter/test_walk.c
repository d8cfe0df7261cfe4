// SPDX-License-Identifier: GPL-2.0
/*
 * walk() where random rulesets hardly get: what a rule without a target changes,
 * and lists of rules that it comes back to again and again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_mark.h>

#include "../kselftest_harness.h"
#include "compile.h"
#include "plan.h"
#include "unit/blob_model.h"
#include "unit/vm_compare.h"

#define CPUS		2
#define MARKS		100
#define JUMPS		3000
#define MAX_RULES	(4 * JUMPS + 3)

#define CHAIN_SOURCE	0x0b000000
#define OTHER_SOURCE	0x0c000001

/* struct walk_case - a ruleset, its programs, a packet and what counts it */
struct walk_case {
	struct make mk;
	struct packet pkt;
	void *blob;
	struct ir_ruleset *rs;
	struct gen_image img;
	uint64_t packets[MAX_RULES];
	uint64_t bytes[MAX_RULES];
};

FIXTURE(walk)
{
	struct walk_case c;
};

FIXTURE_SETUP(walk)
{
	make_init(&self->c.mk);
	self->c.mk.name = "mangle";
	self->c.pkt = (struct packet) {
		.proto = IPPROTO_UDP, .l4_len = 20, .saddr = OTHER_SOURCE,
		.in = "eth0",
	};
}

FIXTURE_TEARDOWN(walk)
{
	bpfilter_gen_free(&self->c.img);
	bpfilter_ir_free(self->c.rs);
	make_free(&self->c.mk);
	free(self->c.blob);
}

static int compile(struct walk_case *wc, enum plan_mode mode)
{
	struct kernel_btf kb;
	const struct compile_env env = { &kb, CPUS, VM_HZ, mode };
	struct plan *plan = NULL;
	struct refusal why;
	size_t size;
	int ret;

	vm_kernel_btf(&kb);
	wc->blob = make_blob(&wc->mk, &size);
	ret = bpfilter_blob_read(wc->blob, size, NFPROTO_IPV4, &wc->rs,
				 &why);
	if (!ret)
		ret = bpfilter_passes_run(wc->rs, &why);
	if (!ret)
		ret = bpfilter_plan_make(wc->rs, &env, &plan, &why);
	if (!ret)
		ret = bpfilter_gen(wc->rs, plan, &env, &wc->img, &why);
	bpfilter_plan_free(plan);
	return ret;
}

/* Does the program do as the native engine, in so many rounds of its loops? */
static int compare(struct walk_case *wc, int hook, uint32_t rounds)
{
	const struct model model = {
		wc->blob, NFPROTO_IPV4, wc->rs->bridged,
		wc->rs->num_bridged,
	};
	struct ir_outcome want = {
		.packets = wc->packets, .bytes = wc->bytes,
	};
	struct vm_case c = {
		.img = &wc->img, .num_rules = wc->rs->num_rules,
		.frames = 8, .hook = hook, .play = { &wc->pkt, 1 },
		.shape = { .linear = wc->pkt.l4_len }, .rounds = rounds,
	};
	struct vm_world w;

	c.result = model_play(&model, hook, &c.play, &want) == MODEL_ACCEPT;
	c.want = &want;
	return vm_compare(&c, &w);
}

static void ask_source(struct make_entry *e, uint32_t addr)
{
	e->ip.src.s_addr = htonl(addr);
	e->ip.smsk.s_addr = UINT32_MAX;
}

static void ask_mark(struct make_entry *e, uint32_t mark)
{
	struct xt_mark_mtinfo1 *m = make_match(e, "mark", 1, sizeof(*m));

	m->mark = mark;
	m->mask = UINT32_MAX;
}

/* -m socket --restore-skmark, and nothing else to do; then rules by mark */
TEST_F(walk, match_that_writes_without_a_target)
{
	uint32_t counted = packet_written_mark(0);

	make_match(make_jump(&self->c.mk, 1), "socket", 3, 1);
	for (int i = 1; i <= MARKS; i++)
		ask_mark(make_verdict(&self->c.mk, VERDICT_DROP), i);
	make_verdict(&self->c.mk, VERDICT_ACCEPT);
	make_hook(&self->c.mk, NF_INET_PRE_ROUTING, 0, MARKS + 1);
	make_head(&self->c.mk, "ERROR");
	self->c.pkt.answers[0] = 1 | PACKET_ANSWER_CHANGE;

	ASSERT_EQ(0, compile(&self->c, PLAN_DATA));
	EXPECT_EQ(0, compare(&self->c, NF_INET_PRE_ROUTING, 0));
	EXPECT_EQ(1, self->c.packets[0]);
	EXPECT_EQ(1, self->c.packets[counted]);
}

/* INPUT: a rule that tells packets apart, then jumps that all packets take */
static void make_jumps(struct make *mk, uint32_t num)
{
	uint32_t chain = num + 2;

	ask_source(make_verdict(mk, VERDICT_DROP), CHAIN_SOURCE - 1);
	for (uint32_t i = 0; i < num; i++)
		make_jump(mk, chain + 3 * i + 1);
	make_verdict(mk, VERDICT_ACCEPT);
	make_hook(mk, NF_INET_LOCAL_IN, 0, num + 1);
	for (uint32_t i = 0; i < num; i++) {
		char name[16];

		snprintf(name, sizeof(name), "c%u", i);
		make_head(mk, name);
		ask_source(make_verdict(mk, VERDICT_DROP), CHAIN_SOURCE + i);
		make_verdict(mk, VERDICT_RETURN);
	}
	make_head(mk, "ERROR");
}

TEST_F(walk, jumps_that_come_back_to_a_list)
{
	make_jumps(&self->c.mk, JUMPS / 10);
	ASSERT_EQ(0, compile(&self->c, PLAN_DATA));
	EXPECT_EQ(0, compare(&self->c, NF_INET_LOCAL_IN, 8 * JUMPS / 10));
}

TEST_F(walk, jumps_that_come_back_to_several_lists)
{
	uint32_t most = 0;

	make_jumps(&self->c.mk, JUMPS);
	ASSERT_EQ(0, compile(&self->c, PLAN_DATA));
	for (uint32_t i = 0; i < self->c.rs->num_chains; i++)
		if (self->c.img.data.chains[i].trees > most)
			most = self->c.img.data.chains[i].trees;
	ASSERT_LT(1, most);
	EXPECT_EQ(0, compare(&self->c, NF_INET_LOCAL_IN, 32 * JUMPS));
}

/* Each rule sets the mark, which classifiers look at */
TEST_F(walk, classifiers_are_asked_again_for_a_long_list)
{
	for (int i = 0; i < JUMPS; i++) {
		struct make_entry *e = make_target(&self->c.mk, "MARK", 2,
						   sizeof(struct xt_mark_tginfo2));
		struct xt_mark_tginfo2 *info =
			(void *)(e->target + sizeof(struct xt_entry_target));

		*info = (struct xt_mark_tginfo2) { .mark = 1, .mask = 1 };
		if (!i)
			ask_mark(e, 7);
	}
	make_verdict(&self->c.mk, VERDICT_ACCEPT);
	make_hook(&self->c.mk, NF_INET_LOCAL_IN, 0, JUMPS);
	make_head(&self->c.mk, "ERROR");

	ASSERT_EQ(0, compile(&self->c, PLAN_DATA));
	EXPECT_EQ(0, compare(&self->c, NF_INET_LOCAL_IN, 32 * JUMPS));
}

TEST_HARNESS_MAIN
