// SPDX-License-Identifier: GPL-2.0
/*
 * walk(): looking for a record whose first test does not rule it out. Most
 * records that classifiers name fail there, so nothing else is done for them:
 * where the search is stays in registers until a record is found.
 */
#include "gen_walk.h"

#define SHAPE_OFF(member)	((int16_t)offsetof(struct data_shape, member))
#define FIRST_TEST		((int16_t)sizeof(struct data_shape))
#define FIRST_OFF(member)						\
	((int16_t)(FIRST_TEST + offsetof(struct data_test, member)))

/**
 * walk_first_test() - does a record's first test rule it out?
 * @g:		program
 * @w:		walk
 * @fails:	where to branch to if it does
 * @found:	if not; or it goes on behind
 *
 * r6 is the record, r1 points to its shape. Uses r0 and r2 to r5.
 */
void walk_first_test(struct gen *g, const struct walk *w, uint32_t fails,
		     uint32_t found)
{
	struct asm_buf *a = &g->code;

	walk_test(g, w, FIRST_TEST, found);
	asm_jmp32_reg(a, BPF_JLE, BPF_REG_2, BPF_REG_3, found);
	asm_emit(a, BPF_LDX_MEM(BPF_B, BPF_REG_0, BPF_REG_1, FIRST_OFF(no)));
	asm_jmp32(a, BPF_JEQ, BPF_REG_0, DATA_RULE_FAILS, fails);
}

/**
 * walk_scan_list() - look for a record in the list at offset r9
 * @g:		program
 * @w:		walk
 *
 * Only the last record of a chain has no test, and that is in no list.
 */
void walk_scan_list(struct gen *g, const struct walk *w)
{
	struct asm_buf *a = &g->code;
	uint32_t found = asm_label(a);

	gen_step(g, "walk: find a rule in the list by its first test");
	walk_loop(g, w, w->scan_list, WALK_LIVE);
	walk_point(g, w, BPF_REG_1, WALK_LIST);
	asm_emit(a, BPF_LDX_MEM(BPF_W, WALK_RECORD, BPF_REG_1, 0));
	asm_emit(a, BPF_ALU32_IMM(BPF_ADD, WALK_LIST, sizeof(uint32_t)));
	walk_load(g, BPF_W, BPF_REG_2, GEN_OFF(last));
	asm_jmp32_reg(a, BPF_JGE, WALK_RECORD, BPF_REG_2, w->last);
	walk_point(g, w, BPF_REG_1, WALK_RECORD);
	walk_shape(g, w, BPF_REG_1, BPF_REG_2);
	walk_first_test(g, w, w->scan_list, found);
	asm_bind(a, found);
	walk_store(g, BPF_W, WALK_LIST, GEN_OFF(list));
	asm_ja(a, w->run);
}

/**
 * walk_scan_all() - look for a record from r6 on
 * @g:		program
 * @w:		walk
 */
void walk_scan_all(struct gen *g, const struct walk *w)
{
	struct asm_buf *a = &g->code;
	uint32_t fails = asm_label(a);

	gen_step(g, "walk: find a rule of the chain by its first test");
	walk_loop(g, w, w->scan_all, WALK_LIVE);
	walk_point(g, w, BPF_REG_1, WALK_RECORD);
	walk_shape(g, w, BPF_REG_1, BPF_REG_2);
	asm_emit(a, BPF_LDX_MEM(BPF_H, BPF_REG_2, BPF_REG_1, SHAPE_OFF(tests)));
	asm_jmp32(a, BPF_JEQ, BPF_REG_2, 0, w->run);
	asm_emit(a, BPF_LDX_MEM(BPF_H, WALK_SIZE, BPF_REG_1, SHAPE_OFF(size)));
	walk_first_test(g, w, fails, w->run);
	asm_ja(a, w->run);
	asm_bind(a, fails);
	asm_emit(a, BPF_ALU32_IMM(BPF_LSH, WALK_SIZE, 2));
	asm_emit(a, BPF_ALU32_REG(BPF_ADD, WALK_RECORD, WALK_SIZE));
	asm_ja(a, w->scan_all);
}
