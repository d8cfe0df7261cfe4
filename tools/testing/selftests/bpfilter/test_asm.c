// SPDX-License-Identifier: GPL-2.0
/*
 * The assembler: labels, distances, what it drops and what it lengthens.
 */
#include <errno.h>
#include <string.h>

#include "../kselftest_harness.h"
#include "gen_asm.h"
#include "unit/bpf_vm.h"

#define IS_LONG_JUMP(insn)	((insn).code == (BPF_JMP32 | BPF_JA))

FIXTURE(code)
{
	struct asm_buf a;
};

FIXTURE_SETUP(code)
{
	memset(&self->a, 0, sizeof(self->a));
}

FIXTURE_TEARDOWN(code)
{
	asm_free(&self->a);
}

static void fill(struct asm_buf *a, uint32_t num)
{
	for (uint32_t i = 0; i < num; i++)
		asm_emit(a, BPF_ALU64_IMM(BPF_ADD, BPF_REG_0, 1));
}

/* Finish and run. Returns r0, or all ones if something is wrong */
static uint64_t run(struct asm_buf *a)
{
	static char counters[8];
	struct vm_prog prog = { .counters = counters, .frames = 8 };
	struct packet pkt = {};
	struct packet_play play = { &pkt, 1, 0 };
	struct vm_shape shape = {};
	struct vm_world w;
	uint64_t result;

	if (asm_finish(a))
		return -1;
	prog.insns = a->insns;
	prog.num_insns = a->num_insns;
	vm_world_make(&w, &play, &shape);
	return vm_run(&w, &prog, &result) ? -1ULL : result;
}

TEST_F(code, branches_reach_their_labels)
{
	struct asm_buf *a = &self->a;
	uint32_t forth = asm_label(a), back = asm_label(a);

	asm_emit(a, BPF_MOV64_IMM(BPF_REG_0, 0));
	asm_bind(a, back);
	asm_emit(a, BPF_ALU64_IMM(BPF_ADD, BPF_REG_0, 1));
	asm_jmp(a, BPF_JGT, BPF_REG_0, 2, forth);
	asm_ja(a, back);
	asm_bind(a, forth);
	asm_emit(a, BPF_EXIT_INSN());
	ASSERT_EQ(0, asm_finish(a));
	ASSERT_EQ(5, a->num_insns);
	EXPECT_EQ(1, a->insns[2].off);
	EXPECT_EQ(-3, a->insns[3].off);
	EXPECT_EQ(4, asm_pos(a, forth));
}

TEST_F(code, jumps_to_the_next_instruction_go)
{
	struct asm_buf *a = &self->a;
	uint32_t end = asm_label(a), mid = asm_label(a);

	asm_emit(a, BPF_MOV64_IMM(BPF_REG_0, 7));
	asm_ja(a, end);
	asm_bind(a, mid);
	asm_ja(a, end);
	asm_bind(a, end);
	asm_emit(a, BPF_EXIT_INSN());
	EXPECT_EQ(7, run(a));
	EXPECT_EQ(2, a->num_insns);
	EXPECT_EQ(1, asm_pos(a, mid));
	EXPECT_EQ(1, asm_pos(a, end));
}

TEST_F(code, jumps_over_something_stay)
{
	struct asm_buf *a = &self->a;
	uint32_t end = asm_label(a);

	asm_emit(a, BPF_MOV64_IMM(BPF_REG_0, 7));
	asm_ja(a, end);
	fill(a, 1);
	asm_bind(a, end);
	asm_emit(a, BPF_EXIT_INSN());
	EXPECT_EQ(7, run(a));
	EXPECT_EQ(4, a->num_insns);
}

/* A branch over @distance instructions, taken or not */
static uint64_t run_forward(struct asm_buf *a, uint32_t distance, bool taken)
{
	uint32_t far = asm_label(a);

	asm_emit(a, BPF_MOV64_IMM(BPF_REG_0, 0));
	asm_jmp(a, taken ? BPF_JNE : BPF_JEQ, BPF_REG_1, 0, far);
	fill(a, distance);
	asm_bind(a, far);
	asm_emit(a, BPF_EXIT_INSN());
	return run(a);
}

TEST_F(code, forward_branch_of_16_bit_stays_short)
{
	EXPECT_EQ(0, run_forward(&self->a, 32767, true));
	EXPECT_EQ(32767 + 3, self->a.num_insns);
	EXPECT_EQ(32767, self->a.insns[1].off);
}

TEST_F(code, forward_branch_beyond_becomes_long)
{
	EXPECT_EQ(0, run_forward(&self->a, 32768, true));
	EXPECT_EQ(32768 + 5, self->a.num_insns);
	EXPECT_TRUE(IS_LONG_JUMP(self->a.insns[3]));
}

TEST_F(code, long_branch_not_taken_goes_on)
{
	EXPECT_EQ(100000, run_forward(&self->a, 100000, false));
}

TEST_F(code, long_jump)
{
	struct asm_buf *a = &self->a;
	uint32_t far = asm_label(a);

	asm_emit(a, BPF_MOV64_IMM(BPF_REG_0, 5));
	asm_ja(a, far);
	fill(a, 40000);
	asm_bind(a, far);
	asm_emit(a, BPF_EXIT_INSN());
	EXPECT_EQ(5, run(a));
	EXPECT_EQ(40003, a->num_insns);
	EXPECT_TRUE(IS_LONG_JUMP(a->insns[1]));
}

/* Count down to 0 over a body of @distance instructions */
static uint64_t run_backward(struct asm_buf *a, uint32_t distance)
{
	uint32_t again = asm_label(a);

	asm_emit(a, BPF_MOV64_IMM(BPF_REG_0, 0));
	asm_emit(a, BPF_MOV64_IMM(BPF_REG_2, 3));
	asm_bind(a, again);
	fill(a, distance - 2);
	asm_emit(a, BPF_ALU64_IMM(BPF_SUB, BPF_REG_2, 1));
	asm_jmp(a, BPF_JNE, BPF_REG_2, 0, again);
	asm_emit(a, BPF_EXIT_INSN());
	return run(a);
}

TEST_F(code, backward_branch_of_16_bit_stays_short)
{
	EXPECT_EQ(3 * 32766, run_backward(&self->a, 32768));
	EXPECT_EQ(32768 + 3, self->a.num_insns);
}

TEST_F(code, backward_branch_beyond_becomes_long)
{
	EXPECT_EQ(3 * 32767, run_backward(&self->a, 32769));
	EXPECT_EQ(32769 + 5, self->a.num_insns);
}

/* The inner branch grows and moves the target of the outer one out of reach */
TEST_F(code, one_long_branch_makes_another)
{
	struct asm_buf *a = &self->a;
	uint32_t outer = asm_label(a), inner = asm_label(a);

	asm_emit(a, BPF_MOV64_IMM(BPF_REG_0, 0));
	asm_jmp(a, BPF_JNE, BPF_REG_1, 0, outer);
	asm_jmp(a, BPF_JNE, BPF_REG_1, 0, inner);
	fill(a, 32766);
	asm_bind(a, outer);
	fill(a, 2);
	asm_bind(a, inner);
	asm_emit(a, BPF_EXIT_INSN());
	EXPECT_EQ(2, run(a));
	EXPECT_EQ(32766 + 2 + 2 + 2 * 3, a->num_insns);
}

TEST_F(code, calls_count_in_instructions)
{
	struct asm_buf *a = &self->a;
	uint32_t func = asm_label(a), end = asm_label(a);

	asm_call(a, func);
	asm_jmp(a, BPF_JEQ, BPF_REG_0, 0, end);
	asm_ja(a, end);
	asm_bind(a, end);
	asm_emit(a, BPF_EXIT_INSN());
	asm_bind(a, func);
	asm_emit(a, BPF_MOV64_IMM(BPF_REG_0, 9));
	asm_emit(a, BPF_EXIT_INSN());
	EXPECT_EQ(9, run(a));
	EXPECT_EQ(2, a->insns[0].imm);
}

static uint64_t run_constant(struct asm_buf *a, uint64_t imm)
{
	asm_imm64(a, BPF_REG_0, imm);
	asm_emit(a, BPF_EXIT_INSN());
	return run(a);
}

FIXTURE(constant) { };
FIXTURE_VARIANT(constant)
{
	uint64_t imm;
	uint32_t insns;
};

FIXTURE_VARIANT_ADD(constant, zero) { 0, 1 };
FIXTURE_VARIANT_ADD(constant, high_bit_of_32) { 0x80000000, 1 };
FIXTURE_VARIANT_ADD(constant, ones_of_32) { 0xffffffff, 1 };
FIXTURE_VARIANT_ADD(constant, wide) { 0x100000000, 2 };
FIXTURE_VARIANT_ADD(constant, minus_one) { UINT64_MAX, 1 };
FIXTURE_VARIANT_ADD(constant, low_of_negative) { 0xffffffff7fffffff, 2 };
FIXTURE_SETUP(constant) { }
FIXTURE_TEARDOWN(constant) { }

TEST_F(constant, loads_in_few_instructions)
{
	struct asm_buf a = {};

	EXPECT_EQ(variant->imm, run_constant(&a, variant->imm));
	EXPECT_EQ(variant->insns + 1, a.num_insns);
	asm_free(&a);
}

TEST_F(code, label_without_place)
{
	asm_ja(&self->a, asm_label(&self->a));
	asm_emit(&self->a, BPF_EXIT_INSN());
	EXPECT_EQ(-EINVAL, asm_finish(&self->a));
}

TEST_F(code, label_that_nobody_uses)
{
	asm_label(&self->a);
	asm_emit(&self->a, BPF_EXIT_INSN());
	EXPECT_EQ(0, asm_finish(&self->a));
}

TEST_F(code, label_with_two_places)
{
	uint32_t label = asm_label(&self->a);

	asm_bind(&self->a, label);
	asm_emit(&self->a, BPF_EXIT_INSN());
	asm_bind(&self->a, label);
	EXPECT_EQ(-EINVAL, asm_finish(&self->a));
}

TEST_F(code, first_error_stays)
{
	self->a.error = -ENOMEM;
	fill(&self->a, 5);
	asm_ja(&self->a, asm_label(&self->a));
	EXPECT_EQ(0, self->a.num_insns);
	EXPECT_EQ(-ENOMEM, asm_finish(&self->a));
}

TEST_F(code, more_than_any_program_may_have)
{
	fill(&self->a, 5000000);
	EXPECT_EQ(-E2BIG, asm_finish(&self->a));
}

TEST_HARNESS_MAIN
