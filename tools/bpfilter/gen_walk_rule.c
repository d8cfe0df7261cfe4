// SPDX-License-Identifier: GPL-2.0
/*
 * walk(): the tests of a record.
 */
#include <linux/netfilter/x_tables.h>

#include "gen_walk.h"

#define SHAPE_OFF(member)	((int16_t)offsetof(struct data_shape, member))
#define CHAIN_OFF(member)	((int16_t)offsetof(struct data_chain, member))
#define TEST_OFF(member)	((int16_t)offsetof(struct data_test, member))

/* Highest number that a test for chance draws */
#define RANDOM_MAX	0x7fffffff

/**
 * struct tests - the loop over a record's tests
 * @again:	look at test r9
 * @others:	its kind r2 is not that which looks at a word; r1 points to it
 * @yes:	it holds; r1 points to it
 * @no:		it does not, likewise
 */
struct tests {
	uint32_t again;
	uint32_t others;
	uint32_t yes;
	uint32_t no;
};

/* Those of other kinds are calls, most of them, so r1 is lost */

static void leave_yes(struct gen *g, const struct tests *t)
{
	walk_again_shape(g, BPF_REG_1, WALK_TEST);
	asm_ja(&g->code, t->yes);
}

static void test_random(struct gen *g, const struct tests *t)
{
	struct asm_buf *a = &g->code;

	asm_helper(a, BPF_FUNC_get_prandom_u32);
	asm_emit(a, BPF_ALU32_IMM(BPF_AND, BPF_REG_0, RANDOM_MAX));
	walk_again_shape(g, BPF_REG_1, WALK_TEST);
	asm_emit(a, BPF_LDX_MEM(BPF_W, BPF_REG_2, BPF_REG_1, TEST_OFF(lo)));
	asm_jmp32_reg(a, BPF_JLT, BPF_REG_0, BPF_REG_2, t->yes);
	asm_ja(a, t->no);
}

static void test_keep(struct gen *g, const struct tests *t)
{
	walk_load(g, BPF_H, BPF_REG_2, GEN_OFF(fragoff));
	walk_store(g, BPF_H, BPF_REG_2, GEN_OFF(kept_fragoff));
	leave_yes(g, t);
}

static void test_bridge(struct gen *g, const struct walk *w,
			const struct tests *t)
{
	struct asm_buf *a = &g->code;

	walk_lo(g, w, 0);
	walk_ask(g, w, KBTF_FUNC_XT_MATCH);
	asm_jmp32(a, BPF_JEQ, BPF_REG_0, GEN_MATCH_DROP, w->drop);
	if (walk_has(g, DATA_WRITES))
		walk_reload(g, w, DATA_RECORD_WRITES);
	walk_again_shape(g, BPF_REG_1, WALK_TEST);
	asm_jmp32(a, BPF_JEQ, BPF_REG_0, GEN_MATCH_NO, t->no);
	walk_load(g, BPF_B, BPF_REG_2, GEN_OFF(said));
	asm_emit(a, BPF_ALU32_REG(BPF_OR, BPF_REG_2, BPF_REG_0));
	walk_store(g, BPF_B, BPF_REG_2, GEN_OFF(said));
	asm_ja(a, t->yes);
}

static void test_others(struct gen *g, const struct walk *w,
			const struct tests *t)
{
	struct asm_buf *a = &g->code;
	uint32_t random = asm_label(a), keep = asm_label(a);

	asm_bind(a, t->others);
	gen_step(g, "walk: a test that is no comparison");
	if (walk_has(g, DATA_RANDOM))
		asm_jmp32(a, BPF_JEQ, BPF_REG_2, DATA_TEST_RANDOM, random);
	if (walk_has(g, DATA_KEEP))
		asm_jmp32(a, BPF_JEQ, BPF_REG_2, DATA_TEST_KEEP, keep);
	if (walk_has(g, DATA_MATCH))
		test_bridge(g, w, t);
	else
		asm_ja(a, w->drop);
	if (walk_has(g, DATA_RANDOM)) {
		asm_bind(a, random);
		test_random(g, t);
	}
	if (walk_has(g, DATA_KEEP)) {
		asm_bind(a, keep);
		test_keep(g, t);
	}
}

/*
 * Where a test leads to. Mostly that is the next test or the rule's end, which
 * the CPU can foresee, so that it need not wait for what it adds to r9.
 */
static void go_on(struct gen *g, const struct walk *w, const struct tests *t)
{
	struct asm_buf *a = &g->code;
	uint32_t step = asm_label(a), failed = asm_label(a);

	asm_bind(a, t->yes);
	gen_step(g, "walk: where the test leads");
	asm_emit(a, BPF_LDX_MEM(BPF_B, BPF_REG_0, BPF_REG_1, TEST_OFF(yes)));
	asm_jmp32(a, BPF_JEQ, BPF_REG_0, DATA_RULE_MATCHES, w->matched);
	asm_jmp32(a, BPF_JNE, BPF_REG_0, 1, step);
	asm_emit(a, BPF_ALU32_IMM(BPF_ADD, WALK_TEST,
				  sizeof(struct data_test)));
	asm_ja(a, t->again);

	asm_bind(a, t->no);
	asm_emit(a, BPF_LDX_MEM(BPF_B, BPF_REG_0, BPF_REG_1, TEST_OFF(no)));
	asm_bind(a, step);
	asm_jmp32(a, BPF_JEQ, BPF_REG_0, DATA_RULE_FAILS, failed);
	asm_jmp32(a, BPF_JEQ, BPF_REG_0, DATA_RULE_MATCHES, w->matched);
	asm_jmp32(a, BPF_JEQ, BPF_REG_0, DATA_DROP_PACKET, w->drop);
	asm_emit(a, BPF_ALU32_IMM(BPF_MUL, BPF_REG_0,
				  sizeof(struct data_test)));
	asm_emit(a, BPF_ALU32_REG(BPF_ADD, WALK_TEST, BPF_REG_0));
	asm_ja(a, t->again);

	asm_bind(a, failed);
	if (walk_has(g, DATA_MATCH))
		walk_held(g, w);
	if (walk_has(g, DATA_WRITES) && walk_volatile(g))
		walk_ask_again(g, w, DATA_RECORD_WRITES);
	asm_ja(a, w->next);
}

/*
 * Have the counter of record r6 fetched while the record itself is: both are in
 * no cache if packets are for any of many rules, and the record, which says
 * where its counter is, would have to come first. What is read is not used.
 */
static void fetch_counter(struct gen *g, const struct walk *w)
{
	const uint32_t last = (g->rs->num_rules - 1) *
			      sizeof(struct xt_counters);
	struct asm_buf *a = &g->code;
	uint32_t wrong = asm_label(a);

	gen_step(g, "walk: fetch the rule's counter");
	walk_load(g, BPF_W, BPF_REG_2, GEN_OFF(chain));
	walk_point(g, w, BPF_REG_1, BPF_REG_2);
	asm_emit(a, BPF_MOV32_REG(BPF_REG_2, WALK_RECORD));
	asm_emit(a, BPF_LDX_MEM(BPF_W, BPF_REG_3, BPF_REG_1, CHAIN_OFF(first)));
	asm_emit(a, BPF_ALU64_REG(BPF_SUB, BPF_REG_2, BPF_REG_3));
	asm_emit(a, BPF_LDX_MEM(BPF_W, BPF_REG_3, BPF_REG_1, CHAIN_OFF(scale)));
	asm_emit(a, BPF_ALU64_REG(BPF_MUL, BPF_REG_2, BPF_REG_3));
	asm_emit(a, BPF_ALU64_IMM(BPF_RSH, BPF_REG_2, DATA_SCALE_SHIFT));
	asm_emit(a, BPF_LDX_MEM(BPF_W, BPF_REG_3, BPF_REG_1,
				CHAIN_OFF(counter)));
	asm_emit(a, BPF_ALU64_REG(BPF_ADD, BPF_REG_2, BPF_REG_3));
	asm_jmp(a, BPF_JGT, BPF_REG_2, last, wrong);
	asm_emit(a, BPF_ALU64_REG(BPF_ADD, BPF_REG_2, GEN_COUNTERS));
	asm_emit(a, BPF_LDX_MEM(BPF_DW, BPF_REG_2, BPF_REG_2, 0));
	asm_bind(a, wrong);
}

/* Point r1 to record r6, and r9 to its first test or branch to @bare */
static void start(struct gen *g, const struct walk *w, uint32_t bare)
{
	struct asm_buf *a = &g->code;

	asm_bind(a, w->run);
	if (walk_has(g, DATA_FAR))
		fetch_counter(g, w);
	walk_point(g, w, BPF_REG_1, WALK_RECORD);
	if (walk_has(g, DATA_MATCH))
		asm_emit(a, BPF_ST_MEM(BPF_B, GEN_STATE, GEN_OFF(said), 0));
	walk_shape(g, w, BPF_REG_2, WALK_TEST);
	asm_emit(a, BPF_LDX_MEM(BPF_H, BPF_REG_2, BPF_REG_2, SHAPE_OFF(tests)));
	asm_jmp32(a, BPF_JEQ, BPF_REG_2, 0, bare);
	asm_emit(a, BPF_ALU32_IMM(BPF_ADD, WALK_TEST,
				  sizeof(struct data_shape)));
	/* As the loop leaves what it uses */
	asm_emit(a, BPF_MOV32_REG(BPF_REG_3, BPF_REG_2));
	asm_emit(a, BPF_MOV32_REG(BPF_REG_0, BPF_REG_2));
}

/**
 * walk_run() - try record r6
 * @g:		program
 * @w:		walk
 */
void walk_run(struct gen *g, const struct walk *w)
{
	struct asm_buf *a = &g->code;
	bool others = walk_has(g, DATA_MATCH | DATA_RANDOM | DATA_KEEP);
	const struct tests t = {
		.again = asm_label(a),
		.others = others ? asm_label(a) : w->drop,
		.yes = asm_label(a), .no = asm_label(a),
	};
	uint32_t bare = asm_label(a);

	gen_step(g, "walk: try a rule");
	start(g, w, bare);
	gen_step(g, "walk: the rule's next test");
	walk_loop(g, w, t.again, WALK_LIVE);
	walk_point_shape(g, w, BPF_REG_1, WALK_TEST);
	walk_test(g, w, 0, t.others);
	asm_jmp32_reg(a, BPF_JGT, BPF_REG_2, BPF_REG_3, t.no);
	go_on(g, w, &t);
	if (others)
		test_others(g, w, &t);
	/* A round without a test must have an end, too */
	walk_loop(g, w, bare, 0);
}
