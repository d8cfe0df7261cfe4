// SPDX-License-Identifier: GPL-2.0
/*
 * Planner and emitter: rulesets at the verifier's limits, compared with a
 * model of the native engine, and what is refused.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_tcpudp.h>

#include "../kselftest_harness.h"
#include "compile.h"
#include "gen.h"
#include "plan.h"
#include "unit/blob_make.h"
#include "unit/blob_model.h"
#include "unit/bpf_vm.h"
#include "unit/shapes.h"

FIXTURE(table)
{
	struct make mk;
	struct kernel_btf kb;
	struct compile_env env;
	struct refusal why;
	struct ir_ruleset *rs;
	struct plan *plan;
	struct gen_image img;
	void *blob;
};

FIXTURE_SETUP(table)
{
	memset(self, 0, sizeof(*self));
	make_init(&self->mk);
	vm_kernel_btf(&self->kb);
	self->env = (struct compile_env) {
		&self->kb, 2, VM_HZ, PLAN_CODE,
	};
}

FIXTURE_TEARDOWN(table)
{
	bpfilter_gen_free(&self->img);
	bpfilter_plan_free(self->plan);
	bpfilter_ir_free(self->rs);
	free(self->blob);
	make_free(&self->mk);
}

static int translate(struct _test_data_table *t)
{
	size_t size;
	int ret;

	t->blob = make_blob(&t->mk, &size);
	ret = bpfilter_blob_read(t->blob, size, NFPROTO_IPV4, &t->rs, &t->why);
	if (!ret)
		ret = bpfilter_passes_run(t->rs, &t->why);
	if (!ret)
		ret = bpfilter_plan_make(t->rs, &t->env, &t->plan, &t->why);
	if (!ret)
		ret = bpfilter_gen(t->rs, t->plan, &t->env, &t->img, &t->why);
	return ret;
}

/* --- Running them --- */

static int check_counters(const struct _test_data_table *t,
			  const struct xt_counters *got, const uint64_t *want)
{
	for (uint32_t i = 0; i < t->rs->num_rules; i++)
		if (got[i].pcnt != want[i])
			return -1;
	return 0;
}

/* As often as rules counted it, a packet that is traced has to be told about */
static int check_traces(const struct _test_data_table *t,
			const struct packet_calls *calls, const uint64_t *want)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < t->rs->num_rules; i++)
		sum += want[i];
	for (uint64_t i = 0; i < calls->num && i < PACKET_CALLS_MAX; i++)
		if (calls->calls[i].what != PACKET_ASKED_TRACE ||
		    !want[calls->calls[i].index])
			return -1;
	return calls->num != sum;
}

/* 0 if a packet fares at INPUT as in the model */
static int compare_packet(struct _test_data_table *t, const struct packet *pkt)
{
	const struct gen_prog *gp = &t->img.prog[NF_INET_LOCAL_IN];
	struct packet_play play = { pkt, 1, 0 };
	struct vm_shape shape = { .linear = 20 };
	uint64_t *want = calloc(t->rs->num_rules, sizeof(*want));
	struct vm_prog prog = {
		.insns = gp->insns, .num_insns = gp->num_insns,
		.counters = calloc(2, t->img.counter_stride),
		.counters_size = 2 * t->img.counter_stride, .frames = 8,
	};
	struct vm_world w;
	uint64_t result;
	const char *fault;
	int bad;

	vm_world_make(&w, &play, &shape);
	fault = vm_run(&w, &prog, &result);
	if (fault)
		fprintf(stderr, "# the program %s\n", fault);
	bad = fault || result != model_run(t->blob, NF_INET_LOCAL_IN, pkt,
					   want);
	if (!bad)
		bad = check_counters(t, prog.counters + t->img.counter_stride,
				     want);
	if (!bad && pkt->traced)
		bad = check_traces(t, &w.calls, want);
	free(prog.counters);
	free(want);
	return bad;
}

/* 0 if a packet from @saddr does, traced or not */
static int compare(struct _test_data_table *t, uint32_t saddr)
{
	struct packet pkt = { .saddr = saddr, .proto = IPPROTO_TCP,
			      .l4_len = 20 };

	if (compare_packet(t, &pkt))
		return -1;
	pkt.traced = true;
	return compare_packet(t, &pkt);
}

/* --- Shape of programs --- */

TEST_F(table, policies_need_no_program)
{
	shape_end_input(&self->mk, 0);
	shape_end(&self->mk);
	ASSERT_EQ(0, translate(self));
	for (int hook = 0; hook < BPFILTER_NUMHOOKS; hook++)
		EXPECT_EQ(0, self->img.prog[hook].num_insns);
}

TEST_F(table, only_hooks_with_rules_have_programs)
{
	shape_source(make_verdict(&self->mk, VERDICT_DROP), 1);
	shape_end_input(&self->mk, 0);
	shape_end(&self->mk);
	ASSERT_EQ(0, translate(self));
	EXPECT_LT(0, self->img.prog[NF_INET_LOCAL_IN].num_insns);
	EXPECT_EQ(0, self->img.prog[NF_INET_FORWARD].num_insns);
	EXPECT_STREQ("filter_INPUT",
		     self->img.prog[NF_INET_LOCAL_IN].funcs[0].name);
	EXPECT_EQ(0, compare(self, 1));
	EXPECT_EQ(0, compare(self, 2));
}

static bool has_insns(const struct gen_prog *prog, const struct bpf_insn *want,
		      uint32_t num)
{
	for (uint32_t i = 0; i + num <= prog->num_insns; i++)
		if (!memcmp(prog->insns + i, want, num * sizeof(*want)))
			return true;
	return false;
}

TEST_F(table, rule_as_instructions)
{
	struct make_entry *e = make_verdict(&self->mk, VERDICT_DROP);

	self->kb.func[KBTF_FUNC_TRACE] = KBTF_NONE;
	shape_source(e, 0x0a000000);
	e->ip.smsk.s_addr = htonl(0xff000000);
	shape_end_input(&self->mk, 0);
	shape_end(&self->mk);
	ASSERT_EQ(0, translate(self));

	/* r8 points to the middle of the row, here to its last counter */
	const int16_t off = 16 - self->img.counter_stride;
	const struct bpf_insn want[] = {
		BPF_LDX_MEM(BPF_W, BPF_REG_1, BPF_REG_7, GEN_OFF(saddr)),
		BPF_ALU32_IMM(BPF_AND, BPF_REG_1, 0xff000000),
		BPF_JMP32_IMM(BPF_JNE, BPF_REG_1, 0x0a000000, 9),
		BPF_LDX_MEM(BPF_DW, BPF_REG_3, BPF_REG_8, off),
		BPF_ALU64_IMM(BPF_ADD, BPF_REG_3, 1),
		BPF_STX_MEM(BPF_DW, BPF_REG_8, BPF_REG_3, off),
		BPF_LDX_MEM(BPF_DW, BPF_REG_3, BPF_REG_8, off + 8),
		BPF_LDX_MEM(BPF_DW, BPF_REG_4, BPF_REG_7, GEN_OFF(len)),
		BPF_ALU64_REG(BPF_ADD, BPF_REG_3, BPF_REG_4),
		BPF_STX_MEM(BPF_DW, BPF_REG_8, BPF_REG_3, off + 8),
		BPF_MOV64_IMM(BPF_REG_0, 0),
		BPF_EXIT_INSN(),
	};
	EXPECT_TRUE(has_insns(&self->img.prog[NF_INET_LOCAL_IN], want,
			      ARRAY_SIZE(want)));
}

/* What a rule that can be traced takes more on the way of other packets */
TEST_F(table, trace_as_instructions)
{
	const struct gen_prog *prog = &self->img.prog[NF_INET_LOCAL_IN];
	const struct bpf_insn load = BPF_LDX_MEM(BPF_B, BPF_REG_1, BPF_REG_7,
						 GEN_OFF(trace));
	uint32_t i, at = 0;

	shape_source(make_verdict(&self->mk, VERDICT_DROP), 1);
	shape_end_input(&self->mk, 0);
	shape_end(&self->mk);
	ASSERT_EQ(0, translate(self));
	for (i = 0; i < prog->num_insns && !at; i++)
		if (!memcmp(&prog->insns[i], &load, sizeof(load)))
			at = i;
	ASSERT_LT(0, at);

	const struct bpf_insn *aside = &prog->insns[at + 2 +
						    prog->insns[at + 1].off];
	const struct bpf_insn want[] = {
		BPF_MOV64_REG(BPF_REG_1, BPF_REG_6),
		BPF_MOV64_REG(BPF_REG_2, BPF_REG_9),
		BPF_MOV32_IMM(BPF_REG_3, 0),
		BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_KFUNC_CALL, 0,
			     self->kb.func[KBTF_FUNC_TRACE]),
	};
	const struct bpf_insn back = aside[ARRAY_SIZE(want)];

	EXPECT_EQ(BPF_JMP | BPF_JNE, prog->insns[at + 1].code);
	EXPECT_EQ(0, memcmp(aside, want, sizeof(want)));
	EXPECT_EQ(BPF_JMP | BPF_JA, back.code);
	EXPECT_EQ(at + 2, (aside - prog->insns) + ARRAY_SIZE(want) + 1 +
			  back.off);
}

TEST_F(table, functions_have_names_in_c)
{
	static const char * const chains[] = { "a-b", "a_b", "9", "a.b" };
	static const char * const names[] = { "a_b", "a_b_2", "_9", "a_b_3" };
	const struct gen_prog *prog = &self->img.prog[NF_INET_LOCAL_IN];
	uint32_t heads = ARRAY_SIZE(chains) + 3;
	unsigned int i, j, found = 0;

	for (i = 0; i < ARRAY_SIZE(chains); i++)
		shape_source(make_jump(&self->mk, heads + 3 * i + 1), i);
	shape_end_input(&self->mk, 0);
	for (i = 0; i < ARRAY_SIZE(chains); i++) {
		make_head(&self->mk, chains[i]);
		shape_source(make_verdict(&self->mk, VERDICT_DROP), i);
		make_verdict(&self->mk, VERDICT_RETURN);
	}
	shape_end(&self->mk);
	ASSERT_EQ(0, translate(self));
	for (i = 0; i < prog->num_funcs; i++)
		for (j = 0; j < ARRAY_SIZE(names); j++)
			found += !strcmp(prog->funcs[i].name, names[j]);
	EXPECT_EQ(ARRAY_SIZE(names), found);
	for (i = 0; i < 5; i++)
		EXPECT_EQ(0, compare(self, i));
}

/* --- Limits that a plan works around --- */

FIXTURE(nest) { };
FIXTURE_VARIANT(nest)
{
	uint32_t depth;
	uint32_t inlined;
};

FIXTURE_VARIANT_ADD(nest, fits_the_frames) { 7, 0 };
FIXTURE_VARIANT_ADD(nest, one_too_deep) { 8, 1 };
FIXTURE_VARIANT_ADD(nest, deep) { 300, 293 };
FIXTURE_SETUP(nest) { }
FIXTURE_TEARDOWN(nest) { }

TEST_F(nest, runs_in_eight_frames)
{
	struct _test_data_table t = {};
	uint32_t inlined = 0;

	vm_kernel_btf(&t.kb);
	t.env = (struct compile_env) { &t.kb, 2, VM_HZ, PLAN_CODE };
	make_init(&t.mk);
	shape_nest(&t.mk, variant->depth);
	ASSERT_EQ(0, translate(&t));
	for (uint32_t i = 0; i < t.rs->num_chains; i++)
		inlined += t.plan->hook[NF_INET_LOCAL_IN].func_of[i] ==
			   PLAN_INLINE;
	EXPECT_EQ(variant->inlined, inlined);
	EXPECT_EQ(0, compare(&t, 0));
	EXPECT_EQ(0, compare(&t, variant->depth - 1));
	EXPECT_EQ(0, compare(&t, variant->depth));
	bpfilter_gen_free(&t.img);
	bpfilter_plan_free(t.plan);
	bpfilter_ir_free(t.rs);
	free(t.blob);
	make_free(&t.mk);
}

/* Let the packet be changed in the innermost of @num chains of shape_nest() */
static void change_innermost(struct make *mk, uint32_t num, bool options)
{
	struct make_entry *e = &mk->entries[4 + (num - 1) * 4 + 2];
	struct xt_entry_target *t = (void *)e->target;
	struct xt_tcp *tcp;

	memcpy(t->u.user.name, "foreign", sizeof("foreign"));
	if (!options)
		return;
	tcp = make_match(e, "tcp", 0, sizeof(*tcp));
	e->ip.proto = IPPROTO_TCP;
	tcp->spts[1] = UINT16_MAX;
	tcp->dpts[1] = UINT16_MAX;
	tcp->option = 8;
	tcp->invflags = XT_TCP_INV_OPTION;
}

FIXTURE(change) { };
FIXTURE_VARIANT(change)
{
	uint32_t depth;
	bool options;
	uint32_t inlined;
};

FIXTURE_VARIANT_ADD(change, fits_the_frames) { 6, false, 0 };
FIXTURE_VARIANT_ADD(change, takes_a_frame) { 7, false, 1 };
FIXTURE_VARIANT_ADD(change, takes_two) { 7, true, 2 };
FIXTURE_SETUP(change) { }
FIXTURE_TEARDOWN(change) { }

TEST_F(change, runs_in_eight_frames)
{
	struct packet pkts[] = {
		{
			.saddr = variant->depth - 1, .proto = IPPROTO_TCP,
			.l4_len = 24, .l4 = { [12] = 0x60 },
			.answers = {
				PACKET_ANSWER_GO_ON | PACKET_ANSWER_CHANGE,
			},
		},
		{ .proto = IPPROTO_TCP, .l4_len = 24, .l4 = { [12] = 0x60 } },
	};
	struct packet_play play = { pkts, 2, 0 };
	struct vm_shape shape = { .linear = 0 };
	struct _test_data_table t = {};
	uint32_t i, inlined = 0;
	struct vm_prog prog = { .frames = 8 };
	struct vm_world w;
	uint64_t result;

	vm_kernel_btf(&t.kb);
	t.env = (struct compile_env) { &t.kb, 2, VM_HZ, PLAN_CODE };
	make_init(&t.mk);
	shape_nest(&t.mk, variant->depth);
	/* Nothing of the innermost chain before it */
	shape_source(&t.mk.entries[4 + (variant->depth - 1) * 4 + 1], 99);
	change_innermost(&t.mk, variant->depth, variant->options);
	ASSERT_EQ(0, translate(&t));
	for (i = 0; i < t.rs->num_chains; i++)
		inlined += t.plan->hook[NF_INET_LOCAL_IN].func_of[i] ==
			   PLAN_INLINE;
	EXPECT_EQ(variant->inlined, inlined);

	prog.insns = t.img.prog[NF_INET_LOCAL_IN].insns;
	prog.num_insns = t.img.prog[NF_INET_LOCAL_IN].num_insns;
	prog.counters_size = 2 * t.img.counter_stride;
	prog.counters = calloc(1, prog.counters_size);
	vm_world_make(&w, &play, &shape);
	EXPECT_EQ(NULL, vm_run(&w, &prog, &result));
	EXPECT_EQ(1, w.turn);
	EXPECT_EQ(1, result);
	free(prog.counters);
	bpfilter_gen_free(&t.img);
	bpfilter_plan_free(t.plan);
	bpfilter_ir_free(t.rs);
	free(t.blob);
	make_free(&t.mk);
}

TEST_F(table, more_chains_than_functions)
{
	uint32_t i;

	shape_fan(&self->mk, 700);
	ASSERT_EQ(0, translate(self));
	EXPECT_GE(256, self->img.prog[NF_INET_LOCAL_IN].num_funcs);
	EXPECT_LE(200, self->img.prog[NF_INET_LOCAL_IN].num_funcs);
	for (i = 0; i <= 700; i += 50) {
		EXPECT_EQ(0, compare(self, i));
		EXPECT_EQ(0, compare(self, i + 1));
	}
}

/* Rules with many tests each: the chain is cut, and counters get far away */
TEST_F(table, long_chain)
{
	uint32_t i;

	shape_tests(&self->mk, 12000);
	ASSERT_EQ(0, translate(self));
	EXPECT_LT(0, self->plan->hook[NF_INET_LOCAL_IN].funcs[0].num_segments);
	for (i = 0; i <= 6000; i += 500)
		EXPECT_EQ(0, compare(self, i));
}

/* --- Refusals --- */

TEST_F(table, nest_too_deep)
{
	shape_nest(&self->mk, 600);
	EXPECT_EQ(-EINVAL, translate(self));
	EXPECT_FALSE(self->why.native);
	EXPECT_STREQ("filter/INPUT: chains nested 601 deep, at most 512",
		     self->why.text);
}

TEST_F(table, too_many_instructions)
{
	shape_final(&self->mk, 50000);
	EXPECT_EQ(-EINVAL, translate(self));
	EXPECT_STREQ("filter/INPUT: needs about 1050018 instructions, at most 750000",
		     self->why.text);
}

/* Each chain jumps to the next one ten times: few rules, many paths */
TEST_F(table, too_many_paths)
{
	uint32_t i, j, head = 4;
	char name[16];

	make_jump(&self->mk, head + 1);
	shape_end_input(&self->mk, 0);
	for (i = 0; i < 9; i++, head += 12) {
		snprintf(name, sizeof(name), "c%u", i);
		make_head(&self->mk, name);
		for (j = 0; j < 10; j++)
			shape_source(i < 8 ? make_jump(&self->mk, head + 13) :
				       make_verdict(&self->mk, VERDICT_DROP), j);
		make_verdict(&self->mk, VERDICT_RETURN);
	}
	shape_end(&self->mk);
	EXPECT_EQ(-EINVAL, translate(self));
	EXPECT_NE(NULL, strstr(self->why.text, "instructions on all paths"));
}

TEST_F(table, too_many_counters)
{
	shape_final(&self->mk, 5000);
	self->env.nr_cpus = 8192;
	EXPECT_EQ(-EINVAL, translate(self));
	EXPECT_STREQ("filter: counters of 5004 rules for 8192 CPUs need more than 512 MiB",
		     self->why.text);
}

static void make_state_rule(struct make *mk, uint16_t states)
{
	struct make_entry *e = make_verdict(mk, VERDICT_DROP);
	struct xt_conntrack_mtinfo3 *info =
		make_match(e, "conntrack", 3, sizeof(*info));

	info->match_flags = XT_CONNTRACK_STATE;
	info->state_mask = states;
	shape_end_input(mk, 0);
	shape_end(mk);
}

TEST_F(table, kernel_without_connections)
{
	self->kb.type[KBTF_TYPE_NF_CONN] = KBTF_NONE;
	make_state_rule(&self->mk, XT_CONNTRACK_STATE_SNAT);
	EXPECT_EQ(-EINVAL, translate(self));
	EXPECT_STREQ("filter: the kernel's BTF does not have struct nf_conn",
		     self->why.text);
}

TEST_F(table, states_do_not_need_connections)
{
	self->kb.type[KBTF_TYPE_NF_CONN] = KBTF_NONE;
	self->kb.member[KBTF_CT_STATUS] = KBTF_NONE;
	make_state_rule(&self->mk, XT_CONNTRACK_STATE_BIT(IP_CT_NEW));
	EXPECT_EQ(0, translate(self));
}

static void make_port_rule(struct make *mk)
{
	struct make_entry *e = make_verdict(mk, VERDICT_DROP);
	struct xt_tcp *tcp = make_match(e, "tcp", 0, sizeof(*tcp));

	e->ip.proto = IPPROTO_TCP;
	tcp->spts[1] = UINT16_MAX;
	tcp->dpts[1] = 80;
	shape_end_input(mk, 0);
	shape_end(mk);
}

TEST_F(table, kernel_without_member)
{
	self->kb.member[KBTF_SKB_DATA_LEN] = KBTF_NONE;
	make_port_rule(&self->mk);
	EXPECT_EQ(-EINVAL, translate(self));
	EXPECT_STREQ("filter: the kernel's BTF does not have member sk_buff.data_len",
		     self->why.text);
}

TEST_F(table, kernel_without_bpfilter)
{
	struct make_entry *e = make_verdict(&self->mk, VERDICT_DROP);

	make_match(e, "foreign", 0, 8);
	shape_end_input(&self->mk, 0);
	shape_end(&self->mk);
	self->kb.func[KBTF_FUNC_XT_MATCH] = KBTF_NONE;
	EXPECT_EQ(-EINVAL, translate(self));
	EXPECT_STREQ("filter: the kernel's BTF does not have function bpfilter_xt_match",
		     self->why.text);
}

TEST_F(table, kernel_without_member_that_nobody_needs)
{
	self->kb.member[KBTF_SKB_DATA_LEN] = KBTF_NONE;
	self->kb.type[KBTF_TYPE_IPV6HDR] = KBTF_NONE;
	self->kb.func[KBTF_FUNC_XT_MATCH] = KBTF_NONE;
	self->kb.bits[KBTF_BITS_SKB_PKT_TYPE].off = KBTF_NONE;
	shape_source(make_verdict(&self->mk, VERDICT_DROP), 1);
	shape_end_input(&self->mk, 0);
	shape_end(&self->mk);
	EXPECT_EQ(0, translate(self));
}

TEST_HARNESS_MAIN
