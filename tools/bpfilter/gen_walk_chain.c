// SPDX-License-Identifier: GPL-2.0
/*
 * walk(): which records of a chain are tried, and in what order.
 *
 * Without classifiers that is all of them, and so it is for a packet that rules
 * may drop without matching. Else each classifier names a record or a list of
 * them; from there on records come from that list, or if there are several
 * lists from the one whose next record is the first. Then comes the chain's
 * last record, behind which there is nothing.
 */
#include "gen_walk.h"

#define CHAIN_OFF(member)	((int16_t)offsetof(struct data_chain, member))
#define SHAPE_OFF(member)	((int16_t)offsetof(struct data_shape, member))
#define LIST_OFF(member)	((int16_t)offsetof(struct data_list, member))

/* --- Entering a chain --- */

/* Nothing but the last record remains to be tried */
static void try_last(struct gen *g, const struct walk *w)
{
	asm_bind(&g->code, w->last);
	gen_step(g, "walk: only the chain's last rule is left");
	walk_set(g, GEN_OFF(list), WALK_LAST);
	walk_load(g, BPF_W, WALK_RECORD, GEN_OFF(last));
	asm_ja(&g->code, w->run);
}

/* All records from the position on; r1 points to the chain */
static void enter_all(struct gen *g, const struct walk *w)
{
	struct asm_buf *a = &g->code;

	gen_step(g, "walk: try all rules of the chain");
	walk_set(g, GEN_OFF(list), WALK_ALL);
	asm_emit(a, BPF_LDX_MEM(BPF_W, WALK_RECORD, BPF_REG_1,
				CHAIN_OFF(first)));
	walk_load(g, BPF_W, BPF_REG_2, GEN_OFF(pos));
	asm_jmp32_reg(a, BPF_JGE, WALK_RECORD, BPF_REG_2, w->scan_all);
	asm_emit(a, BPF_MOV32_REG(WALK_RECORD, BPF_REG_2));
	walk_scan_all(g, w);
}

/**
 * walk_open_list() - find where to go on in a list
 * @g:		program
 * @w:		walk
 *
 * r3 is a ref to a list and becomes the offset of the first record's in it that
 * is at or behind the position. That is searched by halves: where many rules of
 * a list jump, or change what classifiers look at, the chain is entered again
 * after each of them. Uses r0 to r5.
 */
void walk_open_list(struct gen *g, const struct walk *w)
{
	struct asm_buf *a = &g->code;
	uint32_t found = asm_label(a);

	gen_step(g, "walk: pass by rules of the list that are done with");
	asm_emit(a, BPF_ALU32_IMM(BPF_AND, BPF_REG_3, ~DATA_REF_KIND));
	asm_emit(a, BPF_MOV32_REG(BPF_REG_4, BPF_REG_3));
	asm_emit(a, BPF_ALU32_IMM(BPF_ADD, BPF_REG_4, LIST_OFF(record)));
	walk_load(g, BPF_W, BPF_REG_5, GEN_OFF(pos));
	asm_jmp32(a, BPF_JEQ, BPF_REG_5, WALK_START, found);
	walk_point(g, w, BPF_REG_1, BPF_REG_3);
	asm_emit(a, BPF_LDX_MEM(BPF_W, BPF_REG_0, BPF_REG_1, LIST_OFF(num)));
	asm_emit(a, BPF_ALU32_IMM(BPF_SUB, BPF_REG_5, 1));
	walk_halve(g, w);
	asm_bind(a, found);
	asm_emit(a, BPF_MOV32_REG(BPF_REG_3, BPF_REG_4));
}

/*
 * The one classifier named a record or a list, r3; r4 is which of both. What
 * lies before the position is done with.
 */
static void take_leaf(struct gen *g, const struct walk *w)
{
	struct asm_buf *a = &g->code;
	uint32_t list = asm_label(a);

	gen_step(g, "walk: a classifier named a rule, or a list of them");
	walk_load(g, BPF_W, BPF_REG_1, GEN_OFF(pos));
	asm_jmp32(a, BPF_JNE, BPF_REG_4, DATA_REF_RECORD, list);
	asm_jmp32_reg(a, BPF_JLT, BPF_REG_3, BPF_REG_1, w->last);
	walk_set(g, GEN_OFF(list), WALK_LAST);
	asm_emit(a, BPF_MOV32_REG(WALK_RECORD, BPF_REG_3));
	asm_ja(a, w->run);

	asm_bind(a, list);
	walk_open_list(g, w);
	asm_emit(a, BPF_MOV32_REG(WALK_LIST, BPF_REG_3));
	walk_scan_list(g, w);
}

/* The next of several classifiers: its root to r3 */
static void load_root(struct gen *g, const struct walk *w, uint32_t descend)
{
	struct asm_buf *a = &g->code;

	gen_step(g, "walk: ask the chain's next classifier");
	walk_load(g, BPF_W, BPF_REG_2, GEN_OFF(chain));
	asm_emit(a, BPF_MOV64_REG(BPF_REG_3, WALK_TREE));
	asm_emit(a, BPF_ALU64_IMM(BPF_LSH, BPF_REG_3, 2));
	asm_emit(a, BPF_ALU64_REG(BPF_ADD, BPF_REG_2, BPF_REG_3));
	walk_point(g, w, BPF_REG_1, BPF_REG_2);
	asm_emit(a, BPF_LDX_MEM(BPF_W, BPF_REG_3, BPF_REG_1, CHAIN_OFF(root)));
	asm_ja(a, descend);
}

/* Ask the classifiers of the chain that r1 points to */
static void enter_trees(struct gen *g, const struct walk *w)
{
	struct asm_buf *a = &g->code;
	uint32_t descend = asm_label(a), leaf = asm_label(a);
	uint32_t tree = asm_label(a), single = asm_label(a);

	gen_step(g, "walk: ask the chain's classifiers");
	asm_emit(a, BPF_LDX_MEM(BPF_W, BPF_REG_3, BPF_REG_1, CHAIN_OFF(root)));
	asm_bind(a, descend);
	walk_descend(g, w, leaf);
	asm_bind(a, leaf);
	if (walk_has(g, DATA_TREES)) {
		asm_jmp32(a, BPF_JEQ, WALK_TREES, 1, single);
		walk_keep_leaf(g, w);
		walk_next_tree(g, tree);
		walk_merge(g, w);
		asm_bind(a, tree);
		load_root(g, w, descend);
	}
	asm_bind(a, single);
	take_leaf(g, w);
}

/**
 * walk_enter() - enter chain r6 at the position that struct run_state has
 * @g:		program
 * @w:		walk
 */
void walk_enter(struct gen *g, const struct walk *w)
{
	struct asm_buf *a = &g->code;
	uint32_t all = asm_label(a);

	gen_step(g, "walk: enter a chain");
	walk_loop(g, w, w->enter, 0);
	walk_point(g, w, BPF_REG_1, WALK_RECORD);
	walk_store(g, BPF_W, WALK_RECORD, GEN_OFF(chain));
	if (!walk_has(g, DATA_TREE)) {
		enter_all(g, w);
		return;
	}
	asm_emit(a, BPF_LDX_MEM(BPF_W, WALK_TREES, BPF_REG_1,
				CHAIN_OFF(num_trees)));
	asm_jmp32(a, BPF_JEQ, WALK_TREES, 0, all);
	if (g->plan->need.odd) {
		walk_load(g, BPF_W, BPF_REG_2, GEN_OFF(odd));
		asm_jmp32(a, BPF_JNE, BPF_REG_2, 0, all);
	}
	asm_emit(a, BPF_LDX_MEM(BPF_W, BPF_REG_2, BPF_REG_1, CHAIN_OFF(last)));
	walk_store(g, BPF_W, BPF_REG_2, GEN_OFF(last));
	if (walk_has(g, DATA_TREES)) {
		walk_store(g, BPF_W, WALK_TREES, GEN_OFF(trees));
		walk_set(g, GEN_OFF(tree), 0);
	}
	enter_trees(g, w);
	asm_bind(a, all);
	enter_all(g, w);
}

/* --- Going on --- */

/* Behind record r6, which is not the chain's last */
static void next_all(struct gen *g, const struct walk *w)
{
	struct asm_buf *a = &g->code;

	walk_again(g, BPF_REG_1, WALK_RECORD);
	walk_shape(g, w, BPF_REG_2, BPF_REG_3);
	asm_emit(a, BPF_LDX_MEM(BPF_H, BPF_REG_2, BPF_REG_2, SHAPE_OFF(size)));
	asm_emit(a, BPF_ALU32_IMM(BPF_LSH, BPF_REG_2, 2));
	asm_emit(a, BPF_ALU32_REG(BPF_ADD, WALK_RECORD, BPF_REG_2));
	asm_ja(a, w->scan_all);
}

static void next_merged(struct gen *g, const struct walk *w)
{
	struct asm_buf *a = &g->code;

	asm_emit(a, BPF_ALU32_IMM(BPF_ADD, WALK_RECORD, 1));
	walk_store(g, BPF_W, WALK_RECORD, GEN_OFF(pos));
	asm_ja(a, w->merge);
}

/**
 * walk_next() - look for the record to try behind r6
 * @g:		program
 * @w:		walk
 */
void walk_next(struct gen *g, const struct walk *w)
{
	struct asm_buf *a = &g->code;
	uint32_t all = asm_label(a), merged = asm_label(a);

	asm_bind(a, w->next);
	gen_step(g, "walk: on to the next rule");
	if (!walk_has(g, DATA_TREE)) {
		next_all(g, w);
		return;
	}
	walk_load(g, BPF_W, WALK_LIST, GEN_OFF(list));
	asm_jmp32(a, BPF_JEQ, WALK_LIST, WALK_LAST, w->last);
	asm_jmp32(a, BPF_JEQ, WALK_LIST, WALK_ALL, all);
	if (walk_has(g, DATA_TREES))
		asm_jmp32(a, BPF_JEQ, WALK_LIST, WALK_MERGE, merged);
	asm_ja(a, w->scan_list);
	try_last(g, w);
	asm_bind(a, all);
	next_all(g, w);
	if (!walk_has(g, DATA_TREES))
		return;
	asm_bind(a, merged);
	next_merged(g, w);
}
