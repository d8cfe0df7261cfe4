/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_GEN_ASM_H
#define BPFILTER_GEN_ASM_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/filter.h>

/*
 * The assembler: instructions, labels, and branches that name labels.
 *
 * Emission never fails at the call: the first error sticks in @error and
 * everything after it is ignored, so that emitters read straight. Distances
 * are looked at in asm_finish() only: it drops jumps to the next instruction
 * and makes branches long that reach too far for 16 bit.
 */

#define ASM_UNBOUND	UINT32_MAX

/**
 * struct asm_label - a place in the code
 * @pos:	index of the instruction that it stands before, or ASM_UNBOUND
 * @refs:	branches and calls that name it
 */
struct asm_label {
	uint32_t pos;
	uint32_t refs;
};

/* struct asm_fixup - instruction @pos branches to or calls @label */
struct asm_fixup {
	uint32_t pos;
	uint32_t label;
};

/**
 * struct asm_buf - code under construction
 * @insns:	instructions; after asm_finish() the final ones
 * @labels:	labels by number
 * @fixups:	branches and calls, in the order of instructions
 * @num_insns:	number of @insns
 * @num_labels:	number of @labels
 * @num_fixups:	number of @fixups
 * @max_insns:	room in @insns
 * @max_labels:	room in @labels
 * @max_fixups:	room in @fixups
 * @error:	first error as a negative errno, 0 for none
 */
struct asm_buf {
	struct bpf_insn *insns;
	struct asm_label *labels;
	struct asm_fixup *fixups;
	uint32_t num_insns;
	uint32_t num_labels;
	uint32_t num_fixups;
	uint32_t max_insns;
	uint32_t max_labels;
	uint32_t max_fixups;
	int error;
};

void asm_free(struct asm_buf *a);
int asm_finish(struct asm_buf *a);

uint32_t asm_label(struct asm_buf *a);
void asm_bind(struct asm_buf *a, uint32_t label);
bool asm_used(const struct asm_buf *a, uint32_t label);
uint32_t asm_pos(const struct asm_buf *a, uint32_t label);

void asm_emit(struct asm_buf *a, struct bpf_insn insn);
void asm_imm64(struct asm_buf *a, uint8_t reg, uint64_t imm);
void asm_map_value(struct asm_buf *a, uint8_t reg, uint32_t map, uint32_t off);

/* Branches; the comparison is one of BPF_JEQ and its like */
void asm_ja(struct asm_buf *a, uint32_t label);
void asm_jmp(struct asm_buf *a, uint8_t cmp, uint8_t reg, int32_t imm,
	     uint32_t label);
void asm_jmp32(struct asm_buf *a, uint8_t cmp, uint8_t reg, uint32_t imm,
	       uint32_t label);
void asm_jmp_reg(struct asm_buf *a, uint8_t cmp, uint8_t reg, uint8_t src,
		 uint32_t label);
void asm_jmp32_reg(struct asm_buf *a, uint8_t cmp, uint8_t reg, uint8_t src,
		   uint32_t label);
void asm_may_goto(struct asm_buf *a, uint32_t label);

/* Calls: a function of the same program, a helper, a function of the kernel */
void asm_call(struct asm_buf *a, uint32_t label);
void asm_helper(struct asm_buf *a, int helper);
void asm_kfunc(struct asm_buf *a, int32_t btf_id);

#endif /* BPFILTER_GEN_ASM_H */
