// SPDX-License-Identifier: GPL-2.0
/*
 * Tests that compare more than one value: fields of bytes, of which struct
 * run_state has two halves in the order of the packet, and lists of ports.
 *
 * The verifier takes out what it finds to be never reached, each time with a
 * copy of the whole program: so nothing here may compare what it knows the
 * answer to, if only that comparison leads somewhere.
 */
#include <endian.h>
#include <string.h>

#include "gen.h"

/* --- Bytes under a mask --- */

static uint64_t half_of(const uint8_t *bytes, int half)
{
	uint64_t v;

	memcpy(&v, bytes + 8 * half, sizeof(v));
	return v;
}

/* A field of 8 bytes has zeroes behind them */
static void read_half(struct gen *g, uint8_t reg, enum ir_field field, int half)
{
	if (8 * half >= gen_field_size(field))
		asm_emit(&g->code, BPF_MOV64_IMM(reg, 0));
	else
		asm_emit(&g->code, BPF_LDX_MEM(BPF_DW, reg, GEN_STATE,
					       gen_field_off(field) +
					       8 * half));
}

/**
 * gen_bytes_const() - is a test for bytes decided without a packet?
 * @t:		test
 * @value:	set to the outcome, @t->invert not considered
 *
 * Return: whether it is.
 */
bool gen_bytes_const(const struct ir_test *t, bool *value)
{
	int i, size = gen_field_size(t->field);
	bool masked = false, beyond = false;

	for (i = 0; i < IR_BYTES_MAX; i++) {
		uint8_t can = i < size ? t->bytes_mask[i] : 0;

		masked |= can;
		beyond |= t->bytes[i] & ~can;
	}
	*value = !beyond;
	return beyond || !masked;
}

/* Branch to @label if a half of the field compares by @cmp */
static void emit_half(struct gen *g, const struct ir_test *t, int half,
		      uint8_t cmp, uint32_t label)
{
	struct asm_buf *a = &g->code;
	uint64_t mask = half_of(t->bytes_mask, half);

	read_half(g, BPF_REG_1, t->field, half);
	if (mask != UINT64_MAX) {
		asm_imm64(a, BPF_REG_2, mask);
		asm_emit(a, BPF_ALU64_REG(BPF_AND, BPF_REG_1, BPF_REG_2));
	}
	asm_imm64(a, BPF_REG_2, half_of(t->bytes, half));
	asm_jmp_reg(a, cmp, BPF_REG_1, BPF_REG_2, label);
}

static bool half_asked(const struct ir_test *t, int half)
{
	return 8 * half < gen_field_size(t->field) &&
	       half_of(t->bytes_mask, half);
}

/**
 * gen_bytes() - emit a test of bytes under a mask
 * @g:		program
 * @t:		test, not constant
 * @to:		where to leave to
 */
void gen_bytes(struct gen *g, const struct ir_test *t,
	       const struct gen_exits *to)
{
	bool first = half_asked(t, 0), second = half_asked(t, 1);
	uint32_t differs = asm_label(&g->code);

	/* Inverted, a first half that differs will do */
	if (first && t->invert && second)
		emit_half(g, t, 0, BPF_JNE, differs);
	else if (first)
		emit_half(g, t, 0, t->invert ? BPF_JEQ : BPF_JNE, to->fail);
	if (second)
		emit_half(g, t, 1, t->invert ? BPF_JEQ : BPF_JNE, to->fail);
	asm_bind(&g->code, differs);
}

/* --- Bytes as one number --- */

/* struct end - of a range: the comparisons that mean out of it, and within */
struct end {
	const uint8_t *bytes;
	uint8_t out;
	uint8_t in;
};

static bool all_are(const uint8_t *bytes, uint8_t value)
{
	for (int i = 0; i < IR_BYTES_MAX; i++)
		if (bytes[i] != value)
			return false;
	return true;
}

/**
 * gen_bytes_range_const() - is a test for a range decided without a packet?
 * @t:		test
 * @value:	set to the outcome, @t->invert not considered
 *
 * Return: whether it is.
 */
bool gen_bytes_range_const(const struct ir_test *t, bool *value)
{
	*value = memcmp(t->bytes, t->bytes_hi, IR_BYTES_MAX) <= 0;
	return !*value ||
	       (all_are(t->bytes, 0) && all_are(t->bytes_hi, 0xff));
}

/* Read a half as a number; r1 = that of the field, r2 = that of the end */
static void read_numbers(struct gen *g, const struct ir_test *t,
			 const struct end *end, int half)
{
	read_half(g, BPF_REG_1, t->field, half);
	asm_emit(&g->code, BPF_ENDIAN(BPF_TO_BE, BPF_REG_1, 64));
	asm_imm64(&g->code, BPF_REG_2, be64toh(half_of(end->bytes, half)));
}

/* Branch to @out if the field is out of the range at this end */
static void emit_end(struct gen *g, const struct ir_test *t,
		     const struct end *end, uint32_t out)
{
	struct asm_buf *a = &g->code;
	uint32_t in = asm_label(a);

	read_numbers(g, t, end, 0);
	asm_jmp_reg(a, end->in, BPF_REG_1, BPF_REG_2, in);
	asm_jmp_reg(a, BPF_JNE, BPF_REG_1, BPF_REG_2, out);
	read_numbers(g, t, end, 1);
	asm_jmp_reg(a, end->out, BPF_REG_1, BPF_REG_2, out);
	asm_bind(a, in);
}

/**
 * gen_bytes_range() - emit a test of bytes as one number
 * @g:		program
 * @t:		test, not constant
 * @to:		where to leave to
 */
void gen_bytes_range(struct gen *g, const struct ir_test *t,
		     const struct gen_exits *to)
{
	const struct end lo = { t->bytes, BPF_JLT, BPF_JGT };
	const struct end hi = { t->bytes_hi, BPF_JGT, BPF_JLT };
	uint32_t holds = asm_label(&g->code);
	uint32_t out = t->invert ? holds : to->fail;

	if (!all_are(t->bytes, 0))
		emit_end(g, t, &lo, out);
	if (!all_are(t->bytes_hi, 0xff))
		emit_end(g, t, &hi, out);
	if (t->invert)
		asm_ja(&g->code, to->fail);
	asm_bind(&g->code, holds);
}

/* --- Ports --- */

/**
 * gen_ports_const() - is a test for ports decided without a packet?
 * @rs:		the table
 * @t:		test
 * @value:	set to the outcome, @t->invert not considered
 *
 * Return: whether it is.
 */
bool gen_ports_const(const struct ir_ruleset *rs, const struct ir_test *t,
		     bool *value)
{
	const struct ir_range *r = &rs->ranges[t->first_range];
	bool some = false, all = false;
	uint32_t i;

	for (i = 0; i < t->num_ranges && t->ports; i++) {
		some |= r[i].lo <= r[i].hi;
		all |= r[i].lo == 0 && r[i].hi == UINT16_MAX;
	}
	*value = all;
	return all || !some;
}

/* Branch to @label if @reg is in the range. Uses r3 */
static void emit_range(struct gen *g, uint8_t reg, const struct ir_range *r,
		       uint32_t label)
{
	struct asm_buf *a = &g->code;

	if (r->lo == r->hi) {
		asm_jmp32(a, BPF_JEQ, reg, r->lo, label);
		return;
	}
	if (r->lo) {
		asm_emit(a, BPF_MOV64_REG(BPF_REG_3, reg));
		asm_emit(a, BPF_ALU32_IMM(BPF_SUB, BPF_REG_3, r->lo));
		reg = BPF_REG_3;
	}
	asm_jmp32(a, BPF_JLE, reg, r->hi - r->lo, label);
}

/**
 * gen_ports() - emit a test of ports against a list
 * @g:		program
 * @t:		test, not constant
 * @to:		where to leave to
 */
void gen_ports(struct gen *g, const struct ir_test *t,
	       const struct gen_exits *to)
{
	const struct ir_range *r = &g->rs->ranges[t->first_range];
	uint32_t found = asm_label(&g->code);
	uint32_t label = t->invert ? to->fail : found;
	uint32_t i;

	if (t->ports & IR_PORTS_SRC)
		gen_field_read(g, BPF_REG_1, IR_FIELD_L4_SPORT);
	if (t->ports & IR_PORTS_DST)
		gen_field_read(g, BPF_REG_2, IR_FIELD_L4_DPORT);
	for (i = 0; i < t->num_ranges; i++) {
		if (r[i].lo > r[i].hi)
			continue;
		if (t->ports & IR_PORTS_SRC)
			emit_range(g, BPF_REG_1, &r[i], label);
		if (t->ports & IR_PORTS_DST)
			emit_range(g, BPF_REG_2, &r[i], label);
	}
	if (!t->invert)
		asm_ja(&g->code, to->fail);
	asm_bind(&g->code, found);
}
