// SPDX-License-Identifier: GPL-2.0
/*
 * walk(): descending a classifier, from a ref to one that names a record or a
 * list. See data.h for the nodes.
 */
#include "gen_walk.h"

#define CUT_OFF(member)		((int16_t)offsetof(struct data_cut, member))
#define HASH_OFF(member)	((int16_t)offsetof(struct data_hash, member))
#define SEARCH_OFF(member)	((int16_t)offsetof(struct data_search, member))
#define PART_OFF(member)	((int16_t)offsetof(struct data_part, member))

/* Read the word of struct run_state at place @reg to @reg */
static void load_place(struct gen *g, const struct walk *w, uint8_t reg)
{
	struct asm_buf *a = &g->code;

	asm_jmp(a, BPF_JGT, reg, WALK_STATE_LAST, w->drop);
	asm_emit(a, BPF_ALU64_REG(BPF_ADD, reg, GEN_STATE));
	asm_emit(a, BPF_LDX_MEM(BPF_W, reg, reg, 0));
}

/* A reg of (word >> shift) & mask; all three lie where r1 points to. Uses r2 */
static void load_key(struct gen *g, const struct walk *w, uint8_t key,
		     int16_t off, uint8_t shift_size, int16_t shift,
		     int16_t mask)
{
	struct asm_buf *a = &g->code;

	asm_emit(a, BPF_LDX_MEM(BPF_H, key, BPF_REG_1, off));
	load_place(g, w, key);
	asm_emit(a, BPF_LDX_MEM(shift_size, BPF_REG_2, BPF_REG_1, shift));
	asm_emit(a, BPF_ALU32_REG(BPF_RSH, key, BPF_REG_2));
	asm_emit(a, BPF_LDX_MEM(BPF_W, BPF_REG_2, BPF_REG_1, mask));
	asm_emit(a, BPF_ALU32_REG(BPF_AND, key, BPF_REG_2));
}

/* Read the ref at offset r3, of which @off bytes are still to be added, to r3 */
static void load_ref(struct gen *g, const struct walk *w, int16_t off,
		     uint32_t next)
{
	struct asm_buf *a = &g->code;

	walk_point(g, w, BPF_REG_1, BPF_REG_3);
	asm_emit(a, BPF_LDX_MEM(BPF_W, BPF_REG_3, BPF_REG_1, off));
	asm_ja(a, next);
}

/* Nodes: r3 is the offset, r1 points there */

static void descend_cut(struct gen *g, const struct walk *w, uint32_t next)
{
	struct asm_buf *a = &g->code;

	gen_step(g, "walk: classifier: an array by bits of a word");
	load_key(g, w, BPF_REG_4, CUT_OFF(off), BPF_B, CUT_OFF(shift),
		 CUT_OFF(mask));
	asm_emit(a, BPF_ALU64_IMM(BPF_LSH, BPF_REG_4, 2));
	asm_emit(a, BPF_ALU64_REG(BPF_ADD, BPF_REG_3, BPF_REG_4));
	load_ref(g, w, CUT_OFF(ref), next);
}

/* r0 is the hash, r5 how many parts it has. Behind the last one comes @done */
static void hash_part(struct gen *g, const struct walk *w, int part,
		      uint32_t done)
{
	const int16_t at = HASH_OFF(part) + part * sizeof(struct data_part);
	struct asm_buf *a = &g->code;

	load_key(g, w, BPF_REG_4, at + PART_OFF(off), BPF_H,
		 at + PART_OFF(shift), at + PART_OFF(mask));
	if (part)
		asm_emit(a, BPF_ALU64_REG(BPF_XOR, BPF_REG_0, BPF_REG_4));
	else
		asm_emit(a, BPF_MOV64_REG(BPF_REG_0, BPF_REG_4));
	asm_imm64(a, BPF_REG_4, DATA_HASH_MUL);
	asm_emit(a, BPF_ALU64_REG(BPF_MUL, BPF_REG_0, BPF_REG_4));
	if (part + 1 < DATA_PARTS_MAX)
		asm_jmp32(a, BPF_JEQ, BPF_REG_5, part + 1, done);
}

static void descend_hash(struct gen *g, const struct walk *w, uint32_t next)
{
	struct asm_buf *a = &g->code;
	uint32_t done = asm_label(a);

	gen_step(g, "walk: classifier: a hash table");
	asm_emit(a, BPF_LDX_MEM(BPF_B, BPF_REG_5, BPF_REG_1,
				HASH_OFF(num_parts)));
	for (int i = 0; i < DATA_PARTS_MAX; i++)
		hash_part(g, w, i, done);
	asm_bind(a, done);
	asm_emit(a, BPF_LDX_MEM(BPF_H, BPF_REG_2, BPF_REG_1, HASH_OFF(shift)));
	asm_emit(a, BPF_ALU64_REG(BPF_RSH, BPF_REG_0, BPF_REG_2));
	asm_emit(a, BPF_ALU64_IMM(BPF_LSH, BPF_REG_0, 2));
	asm_emit(a, BPF_ALU64_REG(BPF_ADD, BPF_REG_3, BPF_REG_0));
	asm_emit(a, BPF_ALU64_IMM(BPF_LSH, BPF_REG_5, 3));
	asm_emit(a, BPF_ALU64_REG(BPF_ADD, BPF_REG_3, BPF_REG_5));
	load_ref(g, w, HASH_OFF(part), next);
}

/**
 * walk_halve() - find the first of ascending words that is above a key
 * @g:		program
 * @w:		walk
 *
 * There are r0 of them from offset r4 on, r5 is the key. r4 becomes the offset of
 * the one that is found, or that behind the last; r3 stays. Uses r0 to r2.
 */
void walk_halve(struct gen *g, const struct walk *w)
{
	struct asm_buf *a = &g->code;
	uint32_t again = asm_label(a), lower = asm_label(a);
	uint32_t done = asm_label(a);

	walk_loop(g, w, again, 1 << BPF_REG_0 | 1 << BPF_REG_3 |
			       1 << BPF_REG_4 | 1 << BPF_REG_5);
	asm_jmp32(a, BPF_JEQ, BPF_REG_0, 0, done);
	asm_emit(a, BPF_MOV32_REG(BPF_REG_1, BPF_REG_0));
	asm_emit(a, BPF_ALU64_IMM(BPF_RSH, BPF_REG_1, 1));
	asm_emit(a, BPF_ALU64_IMM(BPF_LSH, BPF_REG_1, 2));
	asm_emit(a, BPF_ALU64_REG(BPF_ADD, BPF_REG_1, BPF_REG_4));
	walk_point(g, w, BPF_REG_2, BPF_REG_1);
	asm_emit(a, BPF_LDX_MEM(BPF_W, BPF_REG_2, BPF_REG_2, 0));
	asm_jmp32_reg(a, BPF_JGT, BPF_REG_2, BPF_REG_5, lower);
	asm_emit(a, BPF_ALU64_IMM(BPF_ADD, BPF_REG_1, sizeof(uint32_t)));
	asm_emit(a, BPF_MOV32_REG(BPF_REG_4, BPF_REG_1));
	asm_emit(a, BPF_ALU32_IMM(BPF_SUB, BPF_REG_0, 1));
	asm_bind(a, lower);
	asm_emit(a, BPF_ALU32_IMM(BPF_RSH, BPF_REG_0, 1));
	asm_ja(a, again);
	asm_bind(a, done);
}

/*
 * The ref that belongs to where the search for a bound ends lies as many words
 * behind that as there are bounds.
 */
static void descend_search(struct gen *g, const struct walk *w, uint32_t next)
{
	struct asm_buf *a = &g->code;

	gen_step(g, "walk: classifier: bounds, searched by halves");
	load_key(g, w, BPF_REG_5, SEARCH_OFF(off), BPF_H, SEARCH_OFF(shift),
		 SEARCH_OFF(mask));
	asm_emit(a, BPF_LDX_MEM(BPF_H, BPF_REG_0, BPF_REG_1, SEARCH_OFF(num)));
	asm_emit(a, BPF_MOV64_REG(BPF_REG_4, BPF_REG_3));
	asm_emit(a, BPF_MOV64_REG(BPF_REG_2, BPF_REG_0));
	asm_emit(a, BPF_ALU64_IMM(BPF_LSH, BPF_REG_2, 2));
	asm_emit(a, BPF_ALU64_REG(BPF_ADD, BPF_REG_3, BPF_REG_2));
	asm_emit(a, BPF_ALU64_REG(BPF_SUB, BPF_REG_3, BPF_REG_4));
	asm_emit(a, BPF_ALU64_IMM(BPF_ADD, BPF_REG_4, SEARCH_OFF(bound)));
	walk_halve(g, w);
	asm_emit(a, BPF_ALU64_REG(BPF_ADD, BPF_REG_3, BPF_REG_4));
	load_ref(g, w, 0, next);
}

/**
 * walk_descend() - descend from ref r3
 * @g:		program
 * @w:		walk
 * @leaf:	where it ends: r3 is a ref of kind r4 to a record or a list
 */
void walk_descend(struct gen *g, const struct walk *w, uint32_t leaf)
{
	struct asm_buf *a = &g->code;
	uint32_t next = asm_label(a), node = asm_label(a);
	uint32_t search = asm_label(a);

	gen_step(g, "walk: the classifier's next node");
	walk_loop(g, w, next, 1 << BPF_REG_3);
	asm_emit(a, BPF_MOV32_REG(BPF_REG_4, BPF_REG_3));
	asm_emit(a, BPF_ALU32_IMM(BPF_AND, BPF_REG_4, DATA_REF_KIND));
	asm_jmp32(a, BPF_JLT, BPF_REG_4, DATA_REF_CUT, leaf);
	asm_emit(a, BPF_ALU32_IMM(BPF_AND, BPF_REG_3, ~DATA_REF_KIND));
	walk_point(g, w, BPF_REG_1, BPF_REG_3);
	asm_jmp32(a, BPF_JNE, BPF_REG_4, DATA_REF_CUT, node);
	descend_cut(g, w, next);
	asm_bind(a, node);
	asm_emit(a, BPF_LDX_MEM(BPF_B, BPF_REG_2, BPF_REG_1, HASH_OFF(kind)));
	asm_jmp32(a, BPF_JNE, BPF_REG_2, DATA_NODE_HASH, search);
	descend_hash(g, w, next);
	asm_bind(a, search);
	descend_search(g, w, next);
}
