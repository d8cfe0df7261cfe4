// SPDX-License-Identifier: GPL-2.0
/*
 * walk(): records that several classifiers of a chain name. Each has a cursor:
 * the first record of its list that is still to be tried, and where the list
 * goes on.
 *
 * As in the loops of gen_walk_scan.c, records whose first test fails are passed
 * by. That is before those of other lists are tried that come before them: if
 * what tests look at can change on the way, the chain is entered again, see
 * walk_volatile().
 */
#include "gen_walk.h"

#define HEAD	GEN_OFF(cursor[0].head)
#define NEXT	GEN_OFF(cursor[0].next)

/* Load the classifier's number to r9 and point r4 to its cursor */
static void point_to_cursor(struct gen *g, const struct walk *w)
{
	struct asm_buf *a = &g->code;

	walk_load(g, BPF_W, WALK_TREE, GEN_OFF(tree));
	asm_jmp(a, BPF_JGE, WALK_TREE, DATA_TREES_MAX, w->drop);
	asm_emit(a, BPF_MOV64_REG(BPF_REG_4, WALK_TREE));
	asm_emit(a, BPF_ALU64_IMM(BPF_LSH, BPF_REG_4, 3));
	asm_emit(a, BPF_ALU64_REG(BPF_ADD, BPF_REG_4, GEN_STATE));
}

static void store_cursor(struct gen *g, uint8_t head, uint8_t next)
{
	struct asm_buf *a = &g->code;

	asm_emit(a, BPF_STX_MEM(BPF_W, BPF_REG_4, head, HEAD));
	asm_emit(a, BPF_STX_MEM(BPF_W, BPF_REG_4, next, NEXT));
}

/**
 * walk_next_tree() - go on with the next classifier, if r9 is not the last
 * @g:		program
 * @more:	where to
 */
void walk_next_tree(struct gen *g, uint32_t more)
{
	struct asm_buf *a = &g->code;

	asm_emit(a, BPF_ALU32_IMM(BPF_ADD, WALK_TREE, 1));
	walk_store(g, BPF_W, WALK_TREE, GEN_OFF(tree));
	walk_load(g, BPF_W, BPF_REG_2, GEN_OFF(trees));
	asm_jmp32_reg(a, BPF_JLT, WALK_TREE, BPF_REG_2, more);
}

/**
 * walk_keep_leaf() - note what a classifier named
 * @g:		program
 * @w:		walk
 *
 * r3 is a record or a list, r4 which of both. Of a list nothing has been read
 * yet, which is as if a record before all others had been.
 */
void walk_keep_leaf(struct gen *g, const struct walk *w)
{
	struct asm_buf *a = &g->code;
	uint32_t record = asm_label(a), store = asm_label(a);

	gen_step(g, "walk: keep what the classifier named");
	asm_jmp32(a, BPF_JEQ, BPF_REG_4, DATA_REF_RECORD, record);
	walk_open_list(g, w);
	asm_emit(a, BPF_MOV32_REG(BPF_REG_5, BPF_REG_3));
	asm_emit(a, BPF_MOV32_IMM(BPF_REG_3, 0));
	asm_ja(a, store);
	asm_bind(a, record);
	asm_emit(a, BPF_MOV32_IMM(BPF_REG_5, DATA_EMPTY_LIST));
	asm_bind(a, store);
	point_to_cursor(g, w);
	store_cursor(g, BPF_REG_3, BPF_REG_5);
}

/* Move the cursor that r4 points to up to a record r6 that may match */
static void advance(struct gen *g, const struct walk *w)
{
	struct asm_buf *a = &g->code;
	uint32_t skip = asm_label(a), found = asm_label(a);

	asm_emit(a, BPF_LDX_MEM(BPF_W, WALK_LIST, BPF_REG_4, NEXT));
	walk_loop(g, w, skip, WALK_LIVE);
	walk_point(g, w, BPF_REG_1, WALK_LIST);
	asm_emit(a, BPF_LDX_MEM(BPF_W, WALK_RECORD, BPF_REG_1, 0));
	asm_emit(a, BPF_ALU32_IMM(BPF_ADD, WALK_LIST, sizeof(uint32_t)));
	walk_load(g, BPF_W, BPF_REG_2, GEN_OFF(last));
	asm_jmp32_reg(a, BPF_JGE, WALK_RECORD, BPF_REG_2, found);
	walk_load(g, BPF_W, BPF_REG_2, GEN_OFF(pos));
	asm_jmp32_reg(a, BPF_JLT, WALK_RECORD, BPF_REG_2, skip);
	walk_point(g, w, BPF_REG_1, WALK_RECORD);
	walk_shape(g, w, BPF_REG_1, BPF_REG_2);
	walk_first_test(g, w, skip, found);
	asm_bind(a, found);
	asm_emit(a, BPF_MOV32_REG(BPF_REG_5, WALK_LIST));
	point_to_cursor(g, w);
	store_cursor(g, WALK_RECORD, BPF_REG_5);
}

/**
 * walk_merge() - find the first record at or behind the position in any list
 * @g:		program
 * @w:		walk
 */
void walk_merge(struct gen *g, const struct walk *w)
{
	struct asm_buf *a = &g->code;
	uint32_t tree = asm_label(a), known = asm_label(a);
	uint32_t later = asm_label(a);

	asm_bind(a, w->merge);
	gen_step(g, "walk: the first of the rules that classifiers named");
	walk_set(g, GEN_OFF(list), WALK_MERGE);
	walk_set(g, GEN_OFF(tree), 0);
	walk_load(g, BPF_W, BPF_REG_2, GEN_OFF(last));
	walk_store(g, BPF_W, BPF_REG_2, GEN_OFF(best));

	walk_loop(g, w, tree, 0);
	point_to_cursor(g, w);
	asm_emit(a, BPF_LDX_MEM(BPF_W, WALK_RECORD, BPF_REG_4, HEAD));
	walk_load(g, BPF_W, BPF_REG_2, GEN_OFF(pos));
	asm_jmp32_reg(a, BPF_JGE, WALK_RECORD, BPF_REG_2, known);
	advance(g, w);
	asm_bind(a, known);
	walk_load(g, BPF_W, BPF_REG_2, GEN_OFF(best));
	asm_jmp32_reg(a, BPF_JGE, WALK_RECORD, BPF_REG_2, later);
	walk_store(g, BPF_W, WALK_RECORD, GEN_OFF(best));
	asm_bind(a, later);
	walk_next_tree(g, tree);
	walk_load(g, BPF_W, WALK_RECORD, GEN_OFF(best));
	asm_ja(a, w->run);
}
