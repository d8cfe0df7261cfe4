// SPDX-License-Identifier: GPL-2.0
/*
 * Tests: each kind has an emitter whose code goes on if the test holds and
 * branches away if not.
 *
 * Fields have at most 32 bit (those of bytes apart), so comparisons are 32 bit
 * wide: then any value fits an instruction's constant.
 */
#include "gen.h"

/* Highest number that IR_TEST_RANDOM draws */
#define RANDOM_MAX	0x7fffffffU

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

static bool random_const(const struct ir_test *t, bool *value)
{
	*value = t->value;
	return !t->value || t->value > RANDOM_MAX;
}

/**
 * gen_test_is_const() - does a test have the same outcome for all packets?
 * @rs:		the table
 * @t:		test
 * @value:	set to that outcome
 *
 * Return: whether it has.
 */
bool gen_test_is_const(const struct ir_ruleset *rs, const struct ir_test *t,
		       bool *value)
{
	bool is_const = false;

	switch (t->kind) {
	case IR_TEST_MASKED:
		is_const = masked_const(t, value);
		break;
	case IR_TEST_BYTES:
		is_const = gen_bytes_const(t, value);
		break;
	case IR_TEST_RANGE:
		is_const = range_const(t, value);
		break;
	case IR_TEST_BYTES_RANGE:
		is_const = gen_bytes_range_const(t, value);
		break;
	case IR_TEST_PORTS:
		is_const = gen_ports_const(rs, t, value);
		break;
	case IR_TEST_ANY_BIT:
		is_const = any_bit_const(t, value);
		break;
	case IR_TEST_RANDOM:
		is_const = random_const(t, value);
		break;
	case IR_TEST_CONST:
		*value = t->value;
		is_const = true;
		break;
	case IR_TEST_PRESENT:
	case IR_TEST_HEADER:
	case IR_TEST_CONN:
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

/* Whether enum gen_status can say that a packet does not match, or drops */
enum status_ways {
	STATUS_MISSES	= 1,
	STATUS_DROPS	= 2,
};

/* Go on only if enum gen_status at @off is GEN_OK */
static void emit_status(struct gen *g, int16_t off, unsigned int ways,
			const struct gen_exits *to)
{
	struct asm_buf *a = &g->code;
	uint32_t ok = asm_label(a);

	asm_emit(a, BPF_LDX_MEM(BPF_B, BPF_REG_1, GEN_STATE, off));
	if (ways == (STATUS_MISSES | STATUS_DROPS)) {
		asm_jmp32(a, BPF_JEQ, BPF_REG_1, GEN_OK, ok);
		asm_jmp32(a, BPF_JEQ, BPF_REG_1, GEN_NO_MATCH, to->fail);
		asm_ja(a, g->drop);
	} else {
		asm_jmp32(a, BPF_JNE, BPF_REG_1, GEN_OK,
			  ways == STATUS_DROPS ? g->drop : to->fail);
	}
	asm_bind(a, ok);
}

static void emit_present(struct gen *g, const struct ir_test *t,
			 const struct gen_exits *to)
{
	struct asm_buf *a = &g->code;
	int16_t word = 4 * (t->value >> 5 & (GEN_OPTION_WORDS - 1));
	uint32_t bit = 1U << (t->value & 31);

	emit_status(g, GEN_OFF(opt_status), STATUS_DROPS, to);
	asm_emit(a, BPF_LDX_MEM(BPF_W, BPF_REG_1, GEN_STATE,
				GEN_OFF(options) + word));
	asm_emit(a, BPF_ALU32_IMM(BPF_AND, BPF_REG_1, bit));
	asm_jmp32(a, t->invert ? BPF_JNE : BPF_JEQ, BPF_REG_1, 0, to->fail);
}

/*
 * The fragment offset that ip6_packet_match() found stays in native's
 * parameters for the rules that follow and do not look themselves.
 */
static void emit_ip6(struct gen *g, const struct gen_exits *to)
{
	emit_status(g, GEN_OFF(ip6), STATUS_DROPS, to);
	if (!g->plan->need.kept_fragoff)
		return;
	gen_field_read(g, BPF_REG_1, IR_FIELD_IP_FRAGOFF);
	asm_emit(&g->code, BPF_STX_MEM(BPF_H, GEN_STATE, BPF_REG_1,
				       GEN_OFF(kept_fragoff)));
}

static void emit_header(struct gen *g, const struct ir_test *t,
			const struct gen_exits *to)
{
	switch (t->header) {
	case IR_HEADER_TCP:
	case IR_HEADER_UDP:
	case IR_HEADER_ICMP:
	case IR_HEADER_SCTP:
	case IR_HEADER_AH:
	case IR_HEADER_ESP:
		emit_status(g, GEN_OFF(l4), STATUS_MISSES | STATUS_DROPS, to);
		break;
	case IR_HEADER_PORTS:
		emit_status(g, GEN_OFF(ports), STATUS_MISSES | STATUS_DROPS,
			    to);
		break;
	case IR_HEADER_IP6:
		emit_ip6(g, to);
		break;
	case IR_HEADER_ETHER:
		emit_status(g, GEN_OFF(ether), STATUS_MISSES, to);
		break;
	case IR_HEADER_COUNT:
		break;
	}
}

static void emit_conn(struct gen *g, const struct ir_test *t,
		      const struct gen_exits *to)
{
	asm_emit(&g->code, BPF_LDX_MEM(BPF_B, BPF_REG_1, GEN_STATE,
				       GEN_OFF(ct)));
	asm_jmp32(&g->code, BPF_JEQ, BPF_REG_1, 0,
		  t->value ? to->matched : to->fail);
}

static void emit_random(struct gen *g, const struct ir_test *t,
			const struct gen_exits *to)
{
	asm_helper(&g->code, BPF_FUNC_get_prandom_u32);
	asm_emit(&g->code, BPF_ALU32_IMM(BPF_AND, BPF_REG_0, RANDOM_MAX));
	asm_jmp32(&g->code, t->invert ? BPF_JLT : BPF_JGE, BPF_REG_0, t->value,
		  to->fail);
}

/* Constant tests are dealt with before */
static void (*const emit_kind[])(struct gen *g, const struct ir_test *t,
				 const struct gen_exits *to) = {
	[IR_TEST_MASKED]	= emit_masked,
	[IR_TEST_BYTES]		= gen_bytes,
	[IR_TEST_RANGE]		= emit_range,
	[IR_TEST_BYTES_RANGE]	= gen_bytes_range,
	[IR_TEST_PORTS]		= gen_ports,
	[IR_TEST_ANY_BIT]	= emit_any_bit,
	[IR_TEST_PRESENT]	= emit_present,
	[IR_TEST_HEADER]	= emit_header,
	[IR_TEST_CONN]		= emit_conn,
	[IR_TEST_RANDOM]	= emit_random,
	[IR_TEST_BRIDGE]	= gen_bridge_match,
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

	if (gen_test_is_const(g->rs, t, &value)) {
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
