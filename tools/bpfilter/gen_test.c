// SPDX-License-Identifier: GPL-2.0
/*
 * Tests: each kind has an emitter whose code goes on if the test holds and
 * branches away if not.
 *
 * Fields have at most 32 bit (those of bytes apart), so comparisons are 32 bit
 * wide: then any value fits an instruction's constant.
 */
#include <string.h>

#include "gen.h"

/**
 * struct gen_exits - where a test can leave to
 * @fail:	the rule does not match
 * @matched:	the match that the test belongs to does
 */
struct gen_exits {
	uint32_t fail;
	uint32_t matched;
};

/* --- Tests that do not look at the packet --- */

static bool masked_const(const struct ir_test *t, bool *value)
{
	*value = !t->value;
	return t->value & ~(t->mask & gen_field_max(t->field)) ||
	       !(t->mask & gen_field_max(t->field));
}

static bool any_bit_const(const struct ir_test *t, bool *value)
{
	*value = false;
	return !(t->mask & gen_field_max(t->field));
}

static bool range_const(const struct ir_test *t, bool *value)
{
	uint64_t max = gen_field_max(t->field);

	*value = t->lo == 0;
	return t->lo > t->hi || t->lo > max || (t->lo == 0 && t->hi >= max);
}

static bool bytes_const(const struct ir_test *t, bool *value)
{
	bool masked = false, beyond = false;
	int i;

	for (i = 0; i < IR_BYTES_MAX; i++) {
		masked |= t->bytes_mask[i];
		beyond |= t->bytes[i] & ~t->bytes_mask[i];
	}
	*value = !beyond;
	return beyond || !masked;
}

/**
 * gen_test_is_const() - does a test have the same outcome for all packets?
 * @t:		test
 * @value:	set to that outcome
 *
 * Return: whether it has.
 */
bool gen_test_is_const(const struct ir_test *t, bool *value)
{
	bool is_const = false;

	switch (t->kind) {
	case IR_TEST_MASKED:
		is_const = masked_const(t, value);
		break;
	case IR_TEST_BYTES:
		is_const = bytes_const(t, value);
		break;
	case IR_TEST_RANGE:
		is_const = range_const(t, value);
		break;
	case IR_TEST_ANY_BIT:
		is_const = any_bit_const(t, value);
		break;
	case IR_TEST_CONST:
		*value = t->value;
		is_const = true;
		break;
	case IR_TEST_PRESENT:
	case IR_TEST_HEADER:
	case IR_TEST_CONN:
	case IR_TEST_BYTES_RANGE:
	case IR_TEST_PORTS:
	case IR_TEST_RANDOM:
	case IR_TEST_BRIDGE:
		break;
	}
	if (is_const)
		*value ^= t->invert;
	return is_const;
}

/* --- Emitters by kind --- */

static void emit_masked(struct gen *g, const struct ir_test *t,
			const struct gen_exits *to)
{
	uint64_t max = gen_field_max(t->field);

	gen_field_read(g, BPF_REG_1, t->field);
	if ((t->mask & max) != max)
		asm_emit(&g->code, BPF_ALU32_IMM(BPF_AND, BPF_REG_1,
						 (uint32_t)t->mask));
	asm_jmp32(&g->code, t->invert ? BPF_JEQ : BPF_JNE, BPF_REG_1,
		  t->value, to->fail);
}

static void emit_any_bit(struct gen *g, const struct ir_test *t,
			 const struct gen_exits *to)
{
	gen_field_read(g, BPF_REG_1, t->field);
	if (t->invert) {
		asm_jmp32(&g->code, BPF_JSET, BPF_REG_1, t->mask, to->fail);
		return;
	}
	asm_emit(&g->code, BPF_ALU32_IMM(BPF_AND, BPF_REG_1,
					 (uint32_t)t->mask));
	asm_jmp32(&g->code, BPF_JEQ, BPF_REG_1, 0, to->fail);
}

/* One comparison for both ends: what is below @lo wraps to a high value */
static void emit_range(struct gen *g, const struct ir_test *t,
		       const struct gen_exits *to)
{
	uint64_t max = gen_field_max(t->field);
	uint32_t hi = t->hi < max ? t->hi : max;
	uint32_t lo = t->lo;

	gen_field_read(g, BPF_REG_1, t->field);
	if (lo == hi) {
		asm_jmp32(&g->code, t->invert ? BPF_JEQ : BPF_JNE, BPF_REG_1,
			  lo, to->fail);
		return;
	}
	if (lo)
		asm_emit(&g->code, BPF_ALU32_IMM(BPF_SUB, BPF_REG_1, lo));
	asm_jmp32(&g->code, t->invert ? BPF_JLE : BPF_JGT, BPF_REG_1, hi - lo,
		  to->fail);
}

/* Half of a field of bytes: branch to @label if it compares by @cmp */
static void emit_half(struct gen *g, const struct ir_test *t, int half,
		      uint8_t cmp, uint32_t label)
{
	struct asm_buf *a = &g->code;
	uint64_t value, mask;

	memcpy(&value, t->bytes + 8 * half, sizeof(value));
	memcpy(&mask, t->bytes_mask + 8 * half, sizeof(mask));
	if (!mask)
		return;
	asm_emit(a, BPF_LDX_MEM(BPF_DW, BPF_REG_1, GEN_STATE,
				gen_field_off(t->field) + 8 * half));
	if (mask != UINT64_MAX) {
		asm_imm64(a, BPF_REG_2, mask);
		asm_emit(a, BPF_ALU64_REG(BPF_AND, BPF_REG_1, BPF_REG_2));
	}
	asm_imm64(a, BPF_REG_2, value);
	asm_jmp_reg(a, cmp, BPF_REG_1, BPF_REG_2, label);
}

static bool half_asked(const struct ir_test *t, int half)
{
	uint64_t mask;

	memcpy(&mask, t->bytes_mask + 8 * half, sizeof(mask));
	return mask;
}

static void emit_bytes(struct gen *g, const struct ir_test *t,
		       const struct gen_exits *to)
{
	uint32_t differs = asm_label(&g->code);
	bool both = half_asked(t, 0) && half_asked(t, 1);

	if (!t->invert) {
		emit_half(g, t, 0, BPF_JNE, to->fail);
		emit_half(g, t, 1, BPF_JNE, to->fail);
		return;
	}
	emit_half(g, t, 0, both ? BPF_JNE : BPF_JEQ,
		  both ? differs : to->fail);
	emit_half(g, t, 1, BPF_JEQ, to->fail);
	asm_bind(&g->code, differs);
}

/* Go on only if enum gen_l4 at @off is GEN_L4_OK */
static void emit_status(struct gen *g, int16_t off, bool can_miss,
			const struct gen_exits *to)
{
	struct asm_buf *a = &g->code;
	uint32_t ok = asm_label(a);

	asm_emit(a, BPF_LDX_MEM(BPF_B, BPF_REG_1, GEN_STATE, off));
	if (can_miss) {
		asm_jmp32(a, BPF_JEQ, BPF_REG_1, GEN_L4_OK, ok);
		asm_jmp32(a, BPF_JEQ, BPF_REG_1, GEN_L4_NO_MATCH, to->fail);
		asm_ja(a, g->drop);
	} else {
		asm_jmp32(a, BPF_JNE, BPF_REG_1, GEN_L4_OK, g->drop);
	}
	asm_bind(a, ok);
}

static void emit_present(struct gen *g, const struct ir_test *t,
			 const struct gen_exits *to)
{
	struct asm_buf *a = &g->code;
	int16_t word = 4 * (t->value >> 5 & (GEN_OPTION_WORDS - 1));
	uint32_t bit = 1U << (t->value & 31);

	emit_status(g, GEN_OFF(opt_status), false, to);
	asm_emit(a, BPF_LDX_MEM(BPF_W, BPF_REG_1, GEN_STATE,
				GEN_OFF(options) + word));
	asm_emit(a, BPF_ALU32_IMM(BPF_AND, BPF_REG_1, bit));
	asm_jmp32(a, t->invert ? BPF_JNE : BPF_JEQ, BPF_REG_1, 0, to->fail);
}

static void emit_header(struct gen *g, const struct ir_test *t,
			const struct gen_exits *to)
{
	emit_status(g, GEN_OFF(l4), true, to);
}

static void emit_conn(struct gen *g, const struct ir_test *t,
		      const struct gen_exits *to)
{
	asm_emit(&g->code, BPF_LDX_MEM(BPF_B, BPF_REG_1, GEN_STATE,
				       GEN_OFF(ct)));
	asm_jmp32(&g->code, BPF_JEQ, BPF_REG_1, 0,
		  t->value ? to->matched : to->fail);
}

/* Constant tests are dealt with before */
static void (*const emit_kind[])(struct gen *g, const struct ir_test *t,
				 const struct gen_exits *to) = {
	[IR_TEST_MASKED]	= emit_masked,
	[IR_TEST_BYTES]		= emit_bytes,
	[IR_TEST_RANGE]		= emit_range,
	[IR_TEST_ANY_BIT]	= emit_any_bit,
	[IR_TEST_PRESENT]	= emit_present,
	[IR_TEST_HEADER]	= emit_header,
	[IR_TEST_CONN]		= emit_conn,
};

/* --- Matches --- */

/* Asking for a connection last, where the answer changes nothing */
static bool is_idle(const struct ir_test *t, bool last)
{
	return last && t->kind == IR_TEST_CONN && t->value;
}

/* Returns whether the test can hold */
static bool emit_test(struct gen *g, const struct ir_test *t, bool last,
		      const struct gen_exits *to)
{
	bool value;

	if (gen_test_is_const(t, &value)) {
		if (!value)
			asm_ja(&g->code, to->fail);
		return value;
	}
	if (!is_idle(t, last))
		emit_kind[t->kind](g, t, to);
	return true;
}

/**
 * gen_match() - emit a match
 * @g:		program
 * @match:	match
 * @fail:	label to branch to if the packet does not match
 *
 * Return: whether it can match at all. If not, nothing may follow before
 * another label.
 */
bool gen_match(struct gen *g, const struct ir_match *match, uint32_t fail)
{
	struct gen_exits to = { fail, asm_label(&g->code) };
	bool can_hold = true;
	uint32_t i;

	for (i = 0; can_hold && i < match->num; i++)
		can_hold = emit_test(g, &g->rs->tests[match->first + i],
				     i + 1 == match->num, &to);
	asm_bind(&g->code, to.matched);
	return can_hold || asm_used(&g->code, to.matched);
}
