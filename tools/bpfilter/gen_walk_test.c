// SPDX-License-Identifier: GPL-2.0
/*
 * walk(): what a test asks for.
 *
 * Part of that is in the record's shape, part in the record itself. What is in
 * neither is added nevertheless, as nothing: a branch that depends on the kind
 * of test would cost more, since no CPU can foresee it.
 */
#include "gen_walk.h"

#define TEST_OFF(member)	((int16_t)offsetof(struct data_test, member))

/* Load word @num of those that r5 points to, or 0 if the test does not @own it */
static void load_own(struct gen *g, uint8_t reg, int num, int16_t own)
{
	struct asm_buf *a = &g->code;

	asm_emit(a, BPF_LDX_MEM(BPF_W, reg, BPF_REG_5, num * sizeof(uint32_t)));
	asm_emit(a, BPF_LDX_MEM(BPF_B, BPF_REG_4, BPF_REG_1, own));
	asm_emit(a, BPF_ALU32_REG(BPF_MUL, reg, BPF_REG_4));
}

/* Point r5 to the test's words in record r6 */
static void point_to_words(struct gen *g, const struct walk *w, int16_t test)
{
	asm_emit(&g->code, BPF_LDX_MEM(BPF_H, BPF_REG_4, BPF_REG_1,
				       test + TEST_OFF(at)));
	asm_emit(&g->code, BPF_ALU64_REG(BPF_ADD, BPF_REG_4, WALK_RECORD));
	walk_point(g, w, BPF_REG_5, BPF_REG_4);
}

/**
 * walk_lo() - load the smallest value that a test asks for to r3
 * @g:		program
 * @w:		walk
 * @test:	where the test is behind r1
 *
 * Uses r4 and r5.
 */
void walk_lo(struct gen *g, const struct walk *w, int16_t test)
{
	struct asm_buf *a = &g->code;

	point_to_words(g, w, test);
	load_own(g, BPF_REG_3, 0, test + TEST_OFF(own_lo));
	asm_emit(a, BPF_LDX_MEM(BPF_W, BPF_REG_4, BPF_REG_1,
				test + TEST_OFF(lo)));
	asm_emit(a, BPF_ALU32_REG(BPF_ADD, BPF_REG_3, BPF_REG_4));
}

/**
 * walk_test() - do what a test says that looks at a word
 * @g:		program
 * @w:		walk
 * @test:	where the test is behind r1, in the shape of record r6
 * @others:	where to branch to if it is of another kind, r2
 *
 * It holds if r2 is not greater than r3, as numbers of 32 bits. Uses r4 and r5.
 */
void walk_test(struct gen *g, const struct walk *w, int16_t test,
	       uint32_t others)
{
	struct asm_buf *a = &g->code;

	asm_emit(a, BPF_LDX_MEM(BPF_H, BPF_REG_2, BPF_REG_1,
				test + TEST_OFF(off)));
	asm_jmp(a, BPF_JGT, BPF_REG_2, WALK_STATE_LAST, others);
	asm_emit(a, BPF_ALU64_REG(BPF_ADD, BPF_REG_2, GEN_STATE));
	asm_emit(a, BPF_LDX_MEM(BPF_W, BPF_REG_2, BPF_REG_2, 0));
	asm_emit(a, BPF_LDX_MEM(BPF_W, BPF_REG_3, BPF_REG_1,
				test + TEST_OFF(mask)));
	asm_emit(a, BPF_ALU32_REG(BPF_AND, BPF_REG_2, BPF_REG_3));
	asm_emit(a, BPF_LDX_MEM(BPF_W, BPF_REG_3, BPF_REG_1,
				test + TEST_OFF(lo)));
	asm_emit(a, BPF_ALU32_REG(BPF_SUB, BPF_REG_2, BPF_REG_3));
	point_to_words(g, w, test);
	load_own(g, BPF_REG_3, 0, test + TEST_OFF(own_lo));
	asm_emit(a, BPF_ALU32_REG(BPF_SUB, BPF_REG_2, BPF_REG_3));
	load_own(g, BPF_REG_3, 1, test + TEST_OFF(own_span));
	asm_emit(a, BPF_LDX_MEM(BPF_W, BPF_REG_4, BPF_REG_1,
				test + TEST_OFF(span)));
	asm_emit(a, BPF_ALU32_REG(BPF_ADD, BPF_REG_3, BPF_REG_4));
}
