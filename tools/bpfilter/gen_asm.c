// SPDX-License-Identifier: GPL-2.0
/*
 * The assembler of the emitter, see gen_asm.h.
 *
 * While code is emitted each instruction counts as one and a branch's offset
 * is left open. asm_finish() knows all distances and gives each instruction
 * its final size:
 *
 *	0	a jump to where control goes anyhow
 *	1	most
 *	3	a conditional branch beyond 16 bit: it hops to a long jump that
 *		a short one skips. Not the opposite comparison over a long
 *		jump, which would be 2, since BPF_JSET has no opposite
 *
 * The kernel takes every instruction that it removes itself (a jump to the
 * next one, unreachable code) out with a copy of the whole program, so none
 * of those may be left.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gen_asm.h"

#define INSNS_MAX	(4U * 1024 * 1024)

static bool grow(struct asm_buf *a, void **array, uint32_t num, uint32_t *max,
		 size_t size)
{
	uint32_t room = *max ? *max * 2 : 256;
	void *bigger;

	if (a->error)
		return false;
	if (num < *max)
		return true;
	if (num >= INSNS_MAX) {
		a->error = -E2BIG;
		return false;
	}
	bigger = realloc(*array, room * size);
	if (!bigger) {
		a->error = -ENOMEM;
		return false;
	}
	*array = bigger;
	*max = room;
	return true;
}

/**
 * asm_free() - release an assembler's memory
 * @a:		assembler
 */
void asm_free(struct asm_buf *a)
{
	free(a->insns);
	free(a->labels);
	free(a->fixups);
	memset(a, 0, sizeof(*a));
}

/* --- Labels --- */

/**
 * asm_label() - create a label, not bound yet
 * @a:		assembler
 *
 * Return: its number.
 */
uint32_t asm_label(struct asm_buf *a)
{
	if (!grow(a, (void **)&a->labels, a->num_labels, &a->max_labels,
		  sizeof(*a->labels)))
		return 0;
	a->labels[a->num_labels].pos = ASM_UNBOUND;
	a->labels[a->num_labels].refs = 0;
	return a->num_labels++;
}

/**
 * asm_bind() - put a label before the next instruction
 * @a:		assembler
 * @label:	label, bound only once
 */
void asm_bind(struct asm_buf *a, uint32_t label)
{
	if (a->error)
		return;
	if (label >= a->num_labels || a->labels[label].pos != ASM_UNBOUND) {
		a->error = -EINVAL;
		return;
	}
	a->labels[label].pos = a->num_insns;
}

/**
 * asm_used() - does anything branch to a label so far?
 * @a:		assembler
 * @label:	label
 *
 * Return: whether anything does.
 */
bool asm_used(const struct asm_buf *a, uint32_t label)
{
	return !a->error && a->labels[label].refs;
}

/**
 * asm_pos() - where a label ended up
 * @a:		assembler, after asm_finish()
 * @label:	label
 *
 * Return: index of the instruction behind it.
 */
uint32_t asm_pos(const struct asm_buf *a, uint32_t label)
{
	return a->labels[label].pos;
}

/* --- Instructions --- */

/**
 * asm_emit() - append an instruction
 * @a:		assembler
 * @insn:	instruction, no branch
 */
void asm_emit(struct asm_buf *a, struct bpf_insn insn)
{
	if (grow(a, (void **)&a->insns, a->num_insns, &a->max_insns,
		 sizeof(*a->insns)))
		a->insns[a->num_insns++] = insn;
}

static void emit_wide(struct asm_buf *a, uint8_t reg, uint8_t src,
		      uint32_t first, uint32_t second)
{
	asm_emit(a, BPF_RAW_INSN(BPF_LD | BPF_DW | BPF_IMM, reg, src, 0, first));
	asm_emit(a, BPF_RAW_INSN(0, 0, 0, 0, second));
}

/**
 * asm_imm64() - load a 64-bit constant in the shortest way
 * @a:		assembler
 * @reg:	destination
 * @imm:	constant
 */
void asm_imm64(struct asm_buf *a, uint8_t reg, uint64_t imm)
{
	if ((int64_t)imm == (int32_t)imm)
		asm_emit(a, BPF_MOV64_IMM(reg, (int32_t)imm));
	else if (imm <= UINT32_MAX)
		asm_emit(a, BPF_MOV32_IMM(reg, (int32_t)imm));
	else
		emit_wide(a, reg, 0, (uint32_t)imm, imm >> 32);
}

/**
 * asm_map_value() - load an address in the value of a map with one element
 * @a:		assembler
 * @reg:	destination
 * @map:	index of the map in the array of descriptors at load
 * @off:	offset in the value
 */
void asm_map_value(struct asm_buf *a, uint8_t reg, uint32_t map, uint32_t off)
{
	emit_wide(a, reg, BPF_PSEUDO_MAP_IDX_VALUE, map, off);
}

/**
 * asm_helper() - call a helper function
 * @a:		assembler
 * @helper:	BPF_FUNC_*
 */
void asm_helper(struct asm_buf *a, int helper)
{
	asm_emit(a, BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, 0, 0, helper));
}

/**
 * asm_kfunc() - call a function of the kernel
 * @a:		assembler
 * @btf_id:	its id in vmlinux's BTF
 */
void asm_kfunc(struct asm_buf *a, int32_t btf_id)
{
	asm_emit(a, BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_KFUNC_CALL,
				 0, btf_id));
}

/* --- Branches --- */

static void emit_branch(struct asm_buf *a, struct bpf_insn insn, uint32_t label)
{
	if (!grow(a, (void **)&a->fixups, a->num_fixups, &a->max_fixups,
		  sizeof(*a->fixups)))
		return;
	a->fixups[a->num_fixups].pos = a->num_insns;
	a->fixups[a->num_fixups++].label = label;
	a->labels[label].refs++;
	asm_emit(a, insn);
}

/**
 * asm_ja() - jump
 * @a:		assembler
 * @label:	where to
 */
void asm_ja(struct asm_buf *a, uint32_t label)
{
	emit_branch(a, BPF_JMP_A(0), label);
}

/**
 * asm_jmp() - branch if a 64-bit register compares to a constant
 * @a:		assembler
 * @cmp:	comparison
 * @reg:	register
 * @imm:	constant, its sign extended to 64 bit
 * @label:	where to
 */
void asm_jmp(struct asm_buf *a, uint8_t cmp, uint8_t reg, int32_t imm,
	     uint32_t label)
{
	emit_branch(a, BPF_JMP_IMM(cmp, reg, imm, 0), label);
}

/**
 * asm_jmp32() - branch if the low half of a register compares to a constant
 * @a:		assembler
 * @cmp:	comparison
 * @reg:	register
 * @imm:	constant
 * @label:	where to
 */
void asm_jmp32(struct asm_buf *a, uint8_t cmp, uint8_t reg, uint32_t imm,
	       uint32_t label)
{
	emit_branch(a, BPF_JMP32_IMM(cmp, reg, (int32_t)imm, 0), label);
}

/**
 * asm_jmp_reg() - branch if two 64-bit registers compare
 * @a:		assembler
 * @cmp:	comparison
 * @reg:	its left side
 * @src:	its right side
 * @label:	where to
 */
void asm_jmp_reg(struct asm_buf *a, uint8_t cmp, uint8_t reg, uint8_t src,
		 uint32_t label)
{
	emit_branch(a, BPF_JMP_REG(cmp, reg, src, 0), label);
}

/**
 * asm_jmp32_reg() - branch if the low halves of two registers compare
 * @a:		assembler
 * @cmp:	comparison
 * @reg:	register of its left side
 * @src:	register of its right side
 * @label:	where to
 */
void asm_jmp32_reg(struct asm_buf *a, uint8_t cmp, uint8_t reg, uint8_t src,
		   uint32_t label)
{
	emit_branch(a, BPF_JMP32_REG(cmp, reg, src, 0), label);
}

/**
 * asm_may_goto() - branch if the program has gone on for too long
 * @a:		assembler
 * @label:	where to
 *
 * The verifier takes a loop that has one of these for one that ends.
 */
void asm_may_goto(struct asm_buf *a, uint32_t label)
{
	emit_branch(a, BPF_RAW_INSN(BPF_JMP | BPF_JCOND, 0, BPF_MAY_GOTO, 0, 0),
		    label);
}

/**
 * asm_call() - call a function of the same program
 * @a:		assembler
 * @label:	its first instruction
 */
void asm_call(struct asm_buf *a, uint32_t label)
{
	emit_branch(a, BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL,
				    0, 0), label);
}

/* --- Layout --- */

static bool is_jump(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP | BPF_JA);
}

static bool is_call(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP | BPF_CALL);
}

/* pos[i] is where instruction i goes, pos[num_insns] where the code ends */
static void sum_sizes(const uint8_t *size, uint32_t *pos, uint32_t num)
{
	uint32_t i, sum = 0;

	for (i = 0; i < num; i++) {
		pos[i] = sum;
		sum += size[i];
	}
	pos[num] = sum;
}

/*
 * From the end backwards: a jump is dropped if everything between it and its
 * target was dropped.
 */
static void drop_jumps(const struct asm_buf *a, uint8_t *size)
{
	uint32_t n = a->num_fixups, kept = a->num_insns;
	uint32_t i;

	for (i = a->num_insns; i-- > 0;) {
		const struct asm_fixup *f = n ? &a->fixups[n - 1] : NULL;
		bool branch = f && f->pos == i;
		uint32_t target;

		if (branch)
			n--;
		target = branch ? a->labels[f->label].pos : 0;
		if (branch && is_jump(&a->insns[i]) && target > i &&
		    target <= kept)
			size[i] = 0;
		else
			kept = i;
	}
}

/* Where the instruction that holds the offset looks at its target from */
static int64_t distance(const struct asm_buf *a, const struct asm_fixup *f,
			const uint8_t *size, const uint32_t *pos)
{
	uint32_t end = pos[f->pos] + size[f->pos];

	return (int64_t)pos[a->labels[f->label].pos] - end;
}

static bool fits16(int64_t v)
{
	return v >= INT16_MIN && v <= INT16_MAX;
}

/* Returns whether any branch had to grow: then distances changed again */
static bool lengthen(const struct asm_buf *a, uint8_t *size,
		     const uint32_t *pos)
{
	bool changed = false;
	uint32_t i;

	for (i = 0; i < a->num_fixups; i++) {
		const struct asm_fixup *f = &a->fixups[i];
		const struct bpf_insn *insn = &a->insns[f->pos];

		if (size[f->pos] != 1 || is_jump(insn) || is_call(insn))
			continue;
		if (fits16(distance(a, f, size, pos)))
			continue;
		size[f->pos] = 3;
		changed = true;
	}
	return changed;
}

static void write_branch(struct bpf_insn *out, struct bpf_insn insn,
			 unsigned int size, int64_t dist)
{
	struct bpf_insn gotol = BPF_RAW_INSN(BPF_JMP32 | BPF_JA, 0, 0, 0, dist);

	if (is_call(&insn)) {
		insn.imm = dist;
		out[0] = insn;
	} else if (size == 3) {
		insn.off = 1;
		out[0] = insn;
		out[1] = BPF_JMP_A(1);
		out[2] = gotol;
	} else if (is_jump(&insn) && !fits16(dist)) {
		out[0] = gotol;
	} else {
		insn.off = dist;
		out[0] = insn;
	}
}

static void write_out(const struct asm_buf *a, const uint8_t *size,
		      const uint32_t *pos, struct bpf_insn *out)
{
	const struct asm_fixup *f = a->fixups;
	const struct asm_fixup *end = f + a->num_fixups;
	uint32_t i;

	for (i = 0; i < a->num_insns; i++) {
		bool branch = f < end && f->pos == i;

		if (branch && size[i])
			write_branch(&out[pos[i]], a->insns[i], size[i],
				     distance(a, f, size, pos));
		else if (!branch)
			out[pos[i]] = a->insns[i];
		f += branch;
	}
}

static int layout(struct asm_buf *a, uint8_t *size, uint32_t *pos)
{
	struct bpf_insn *out;
	uint32_t i;

	memset(size, 1, a->num_insns);
	drop_jumps(a, size);
	do {
		sum_sizes(size, pos, a->num_insns);
	} while (lengthen(a, size, pos));

	out = calloc(pos[a->num_insns] + 1, sizeof(*out));
	if (!out)
		return -ENOMEM;
	write_out(a, size, pos, out);

	for (i = 0; i < a->num_labels; i++)
		if (a->labels[i].pos != ASM_UNBOUND)
			a->labels[i].pos = pos[a->labels[i].pos];
	free(a->insns);
	a->insns = out;
	a->num_insns = pos[a->num_insns];
	a->max_insns = a->num_insns;
	return 0;
}

static int check_labels(const struct asm_buf *a)
{
	uint32_t i;

	for (i = 0; i < a->num_labels; i++)
		if (a->labels[i].refs && a->labels[i].pos == ASM_UNBOUND)
			return -EINVAL;
	return 0;
}

/**
 * asm_finish() - settle all branches
 * @a:		assembler; nothing may be emitted afterwards
 *
 * Return: 0, or the first error of all that was done with @a:
 * * -EINVAL	a label was bound twice, or is used and was never bound
 * * -E2BIG	more instructions than any program may have
 * * -ENOMEM	out of memory
 */
int asm_finish(struct asm_buf *a)
{
	uint32_t *pos;
	uint8_t *size;

	if (!a->error)
		a->error = check_labels(a);
	if (a->error)
		return a->error;

	size = malloc(a->num_insns + 1);
	pos = malloc((a->num_insns + 1) * sizeof(*pos));
	if (size && pos)
		a->error = layout(a, size, pos);
	else
		a->error = -ENOMEM;
	free(pos);
	free(size);
	return a->error;
}
