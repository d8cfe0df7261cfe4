// SPDX-License-Identifier: GPL-2.0
/*
 * Rules, and the functions that walk them.
 *
 * A rule is its tests, which branch to behind the rule if one fails, then its
 * counter, then its action:
 *
 *	ACCEPT, DROP	r0 = verdict; exit
 *	RETURN		r0 = GEN_RETURN; exit, or in the entry on to the policy
 *	JUMP		call; go on behind the rule if r0 is GEN_RETURN, else
 *			leave with what r0 says
 *	GOTO		call; leave with what r0 says, GEN_RETURN included
 *
 * A chain that the plan wants inline stands where the call would: then its
 * RETURN is a jump to behind the rule, and what a GOTO in it returns to as well.
 * Chains can stand within each other to any depth, so the walk keeps a stack
 * of its own.
 *
 * Matches and targets of the kernel's own are calls, see gen_bridge.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <linux/netfilter.h>
#include <linux/netfilter/x_tables.h>

#include "gen.h"

#define COUNTER_SIZE	((uint32_t)sizeof(struct xt_counters))
#define NO_LABEL	UINT32_MAX

/**
 * struct gen_frame - a chain in the making
 * @rule:	index of the next rule
 * @end:	index behind the last one
 * @ret:	label that RETURN jumps to, NO_LABEL to leave the function
 * @after:	label behind the rule that jumped here, NO_LABEL in the function's
 *		own chain
 * @cut:	no packet walks on from the last rule that was emitted
 */
struct gen_frame {
	uint32_t rule;
	uint32_t end;
	uint32_t ret;
	uint32_t after;
	bool cut;
};

/* --- Leaving --- */

static void leave_with(struct gen *g, enum gen_result result)
{
	asm_emit(&g->code, BPF_MOV64_IMM(BPF_REG_0, result));
	asm_emit(&g->code, BPF_EXIT_INSN());
}

/* RETURN from a chain whose frame says where to */
static void leave_chain(struct gen *g, uint32_t ret)
{
	if (ret != NO_LABEL)
		asm_ja(&g->code, ret);
	else if (gen_is_entry(g))
		asm_ja(&g->code, g->policy);
	else
		leave_with(g, GEN_RETURN);
}

/* Leave with the final verdict in r0 */
static void leave_final(struct gen *g)
{
	if (gen_is_entry(g))
		asm_ja(&g->code, g->verdict);
	else
		asm_emit(&g->code, BPF_EXIT_INSN());
}

/* --- Counters --- */

/*
 * Offset of a rule's counter from r8. Out of the reach of an instruction the
 * address goes to r2 first. Returns the register to use and sets @off.
 */
static uint8_t counter_base(struct gen *g, uint32_t rule, int16_t *off)
{
	int64_t dist = (int64_t)rule * COUNTER_SIZE - g->bias;

	if (dist >= INT16_MIN && dist + COUNTER_SIZE <= INT16_MAX) {
		*off = dist;
		return GEN_COUNTERS;
	}
	*off = 0;
	asm_emit(&g->code, BPF_MOV64_REG(BPF_REG_2, GEN_COUNTERS));
	asm_emit(&g->code, BPF_ALU64_IMM(BPF_ADD, BPF_REG_2, (int32_t)dist));
	return BPF_REG_2;
}

/*
 * Can a packet come in while this program counts another? Where packets come in
 * softirqs are off, in the kernel's bpfilter always. Links where tasks send do
 * not turn them off, and tasks can be preempted: there it takes a single
 * instruction.
 */
static bool is_interrupted(const struct gen *g)
{
	return gen_is_link(g) && (g->hook == NF_INET_LOCAL_OUT ||
				  g->hook == NF_INET_POST_ROUTING);
}

/**
 * gen_align() - have the verifier know that an offset is a multiple of 8
 * @g:		program
 * @reg:	it is one
 *
 * That matters for atomic operations only.
 */
void gen_align(struct gen *g, uint8_t reg)
{
	if (gen_is_link(g))
		asm_emit(&g->code, BPF_ALU64_IMM(BPF_AND, reg, -8));
}

/**
 * gen_count() - count the packet
 * @g:		program
 * @base:	register that points to struct xt_counters, but for
 * @off:	that many bytes
 *
 * r3 and r4 are used. What is added by a single instruction has to be aligned, and
 * known to be.
 */
void gen_count(struct gen *g, uint8_t base, int16_t off)
{
	int16_t pcnt = off + offsetof(struct xt_counters, pcnt);
	int16_t bcnt = off + offsetof(struct xt_counters, bcnt);
	struct asm_buf *a = &g->code;

	if (is_interrupted(g)) {
		asm_emit(a, BPF_LDX_MEM(BPF_DW, BPF_REG_4, GEN_STATE,
					GEN_OFF(len)));
		asm_emit(a, BPF_MOV64_IMM(BPF_REG_3, 1));
		asm_emit(a, BPF_ATOMIC_OP(BPF_DW, BPF_ADD, base, BPF_REG_3,
					  pcnt));
		asm_emit(a, BPF_ATOMIC_OP(BPF_DW, BPF_ADD, base, BPF_REG_4,
					  bcnt));
		return;
	}
	asm_emit(a, BPF_LDX_MEM(BPF_DW, BPF_REG_3, base, pcnt));
	asm_emit(a, BPF_ALU64_IMM(BPF_ADD, BPF_REG_3, 1));
	asm_emit(a, BPF_STX_MEM(BPF_DW, base, BPF_REG_3, pcnt));
	asm_emit(a, BPF_LDX_MEM(BPF_DW, BPF_REG_3, base, bcnt));
	asm_emit(a, BPF_LDX_MEM(BPF_DW, BPF_REG_4, GEN_STATE, GEN_OFF(len)));
	asm_emit(a, BPF_ALU64_REG(BPF_ADD, BPF_REG_3, BPF_REG_4));
	asm_emit(a, BPF_STX_MEM(BPF_DW, base, BPF_REG_3, bcnt));
}

/* Count the packet, and tell about it if it is traced */
static void count(struct gen *g, uint32_t rule)
{
	int16_t off;
	uint8_t base = counter_base(g, rule, &off);

	gen_count(g, base, off);
	gen_trace(g, rule);
}

/* --- Actions --- */

static void push_frame(struct gen *g, uint32_t rule, uint32_t end, uint32_t ret,
		       uint32_t after)
{
	struct gen_frame *bigger;

	if (g->num_frames == g->max_frames) {
		uint32_t room = g->max_frames ? g->max_frames * 2 : 16;

		bigger = realloc(g->frames, room * sizeof(*bigger));
		if (!bigger) {
			g->code.error = -ENOMEM;
			return;
		}
		g->frames = bigger;
		g->max_frames = room;
	}
	g->frames[g->num_frames++] = (struct gen_frame) {
		.rule = rule, .end = end, .ret = ret, .after = after,
	};
}

static void call_func(struct gen *g, uint32_t func)
{
	gen_call(g, g->func_label[func]);
}

/* Call what walks a chain that is not inline */
static void call_chain(struct gen *g, uint32_t chain)
{
	uint32_t func = g->plan->func_of[chain];

	if (func == PLAN_WALKED)
		gen_call_walk(g, chain);
	else
		call_func(g, func);
}

static void emit_jump(struct gen *g, uint32_t chain, uint32_t next)
{
	uint32_t func = g->plan->func_of[chain];
	const struct ir_chain *c = &g->rs->chains[chain];

	if (func == PLAN_INLINE) {
		push_frame(g, c->first, c->end, next, next);
		return;
	}
	call_chain(g, chain);
	asm_jmp(&g->code, BPF_JEQ, BPF_REG_0, GEN_RETURN, next);
	leave_final(g);
}

static void emit_goto(struct gen *g, uint32_t chain, uint32_t ret,
		      uint32_t next)
{
	uint32_t func = g->plan->func_of[chain];
	const struct ir_chain *c = &g->rs->chains[chain];

	if (func == PLAN_INLINE) {
		push_frame(g, c->first, c->end, ret, next);
		return;
	}
	call_chain(g, chain);
	if (ret != NO_LABEL)
		asm_jmp(&g->code, BPF_JEQ, BPF_REG_0, GEN_RETURN, ret);
	else if (gen_is_entry(g))
		asm_jmp(&g->code, BPF_JEQ, BPF_REG_0, GEN_RETURN, g->policy);
	leave_final(g);
}

/*
 * Emit what a rule does once it matched; @ret is its chain's. Returns whether
 * that opened a frame, which then ends by binding @next.
 */
static bool emit_action(struct gen *g, const struct ir_rule *r, uint32_t ret,
			uint32_t next)
{
	uint32_t depth = g->num_frames;

	switch (r->action) {
	case IR_ACTION_ACCEPT:
		leave_with(g, GEN_ACCEPT);
		break;
	case IR_ACTION_DROP:
		leave_with(g, GEN_DROP);
		break;
	case IR_ACTION_RETURN:
		leave_chain(g, ret);
		break;
	case IR_ACTION_JUMP:
		emit_jump(g, r->target_chain, next);
		break;
	case IR_ACTION_GOTO:
		emit_goto(g, r->target_chain, ret, next);
		break;
	case IR_ACTION_CONTINUE:
		break;
	case IR_ACTION_BRIDGE:
		gen_bridge_target(g);
		break;
	case IR_ACTION_SET_MARK:
		gen_set_mark(g);
		break;
	}
	return g->num_frames > depth;
}

/* --- Rules --- */

/*
 * Once the kernel was asked, a rule that does not match is left through
 * @asked, since what was asked may want the packet dropped.
 */
static bool emit_matches(struct gen *g, uint32_t next, uint32_t asked)
{
	const struct ir_rule *r = g->rule;
	uint32_t i;

	g->bridged = false;
	for (i = 0; i < r->num_matches; i++)
		if (!gen_match(g, &g->rs->matches[r->first_match + i],
			       g->bridged ? asked : next))
			return false;
	return true;
}

/* What emit_matches() leaves through, out of the way of what follows */
static void emit_asked(struct gen *g, bool holds, uint32_t next,
		       uint32_t asked)
{
	uint32_t matched = asm_label(&g->code);

	if (!asm_used(&g->code, asked))
		return;
	if (holds)
		asm_ja(&g->code, matched);
	asm_bind(&g->code, asked);
	gen_bridge_held(g);
	asm_ja(&g->code, next);
	asm_bind(&g->code, matched);
}

static bool is_final(const struct gen *g, const struct ir_rule *r)
{
	switch (r->action) {
	case IR_ACTION_ACCEPT:
	case IR_ACTION_DROP:
	case IR_ACTION_RETURN:
	case IR_ACTION_GOTO:
		return true;
	case IR_ACTION_BRIDGE:
		return g->rs->bridged[r->bridged].is_final;
	case IR_ACTION_JUMP:
	case IR_ACTION_CONTINUE:
	case IR_ACTION_SET_MARK:
		return false;
	}
	return false;
}

/* What follows in the chain could not be reached and must not be there */
static void cut_frame(struct gen_frame *f)
{
	f->rule = f->end;
	f->cut = true;
}

/* Emit the innermost frame's next rule */
static void emit_rule(struct gen *g)
{
	uint32_t frame = g->num_frames - 1;
	uint32_t index = g->frames[frame].rule++;
	const struct ir_rule *r = &g->rs->rules[index];
	uint32_t next = asm_label(&g->code), asked = asm_label(&g->code);
	bool opened = false, holds;

	g->rule = r;
	gen_line_rule(g, index);
	holds = emit_matches(g, next, asked);
	emit_asked(g, holds, next, asked);
	if (holds) {
		count(g, index);
		if (g->bridged && r->action != IR_ACTION_BRIDGE)
			gen_bridge_held(g);
		opened = emit_action(g, r, g->frames[frame].ret, next);
		if (is_final(g, r) && !asm_used(&g->code, next))
			cut_frame(&g->frames[frame]);
	}
	if (!opened)
		asm_bind(&g->code, next);
}

/*
 * The innermost frame's chain ends. The copy of a chain that lets no packet
 * return cuts short the rules behind the jump to it, if that always happens.
 * Returns whether packets walk on from the end of the function's own chain.
 */
static bool end_frame(struct gen *g)
{
	const struct gen_frame f = g->frames[--g->num_frames];

	if (f.after == NO_LABEL)
		return !f.cut;
	asm_bind(&g->code, f.after);
	if (!asm_used(&g->code, f.after))
		cut_frame(&g->frames[g->num_frames - 1]);
	return true;
}

/*
 * Emit the function's rules and all that stands within them. A chain ends with
 * a rule that always matches and never goes on: only a segment can be walked
 * to its end. Returns whether packets get there.
 */
static bool emit_rules(struct gen *g, const struct plan_func *func)
{
	bool walked = true;

	push_frame(g, func->first, func->end, NO_LABEL, NO_LABEL);
	while (g->num_frames && !g->code.error) {
		struct gen_frame *f = &g->frames[g->num_frames - 1];

		if (f->rule < f->end) {
			gen_asides(g, false);
			emit_rule(g);
		} else {
			walked = end_frame(g);
		}
	}
	g->num_frames = 0;
	return walked;
}

/* --- Functions --- */

/*
 * Point r8 to the counters of this CPU, in the middle of what loads and stores
 * reach from there. That the row is in range is known, but not to the verifier.
 */
static void load_counters(struct gen *g)
{
	uint32_t first = g->func->first * COUNTER_SIZE;
	uint32_t last = g->img->counter_stride - COUNTER_SIZE;
	uint32_t last_row = (g->img->nr_cpus - 1) * g->img->counter_stride;
	struct asm_buf *a = &g->code;

	g->bias = first - INT16_MIN < last ? first - INT16_MIN : last;
	asm_emit(a, BPF_LDX_MEM(BPF_W, BPF_REG_1, GEN_STATE, GEN_OFF(row)));
	asm_jmp(a, BPF_JGT, BPF_REG_1, last_row, g->drop);
	gen_align(g, BPF_REG_1);
	asm_map_value(a, GEN_COUNTERS, 0, g->bias);
	asm_emit(a, BPF_ALU64_REG(BPF_ADD, GEN_COUNTERS, BPF_REG_1));
}

/* The entry holds struct run_state, the other functions are handed it */
static void enter_program(struct gen *g)
{
	struct asm_buf *a = &g->code;

	gen_kernel_load(g, GEN_SKB, BPF_REG_1, KBTF_CTX_SKB, BPF_DW);
	gen_kernel_load(g, GEN_HOOK, BPF_REG_1, KBTF_CTX_STATE, BPF_DW);
	asm_emit(a, BPF_MOV64_REG(GEN_STATE, BPF_REG_10));
	asm_emit(a, BPF_ALU64_IMM(BPF_ADD, GEN_STATE,
				  -(int)sizeof(struct run_state)));
	gen_call(g, g->load_state);
	asm_jmp(a, BPF_JNE, BPF_REG_0, 0, g->drop);
	if (g->plan->need.reload)
		gen_call(g, g->load_packet);
}

/* Let the segments walk the rules before this function's own */
static void call_segments(struct gen *g)
{
	uint32_t self = g->func - g->plan->funcs;
	uint32_t i, next;

	for (i = 1; i <= g->func->num_segments; i++) {
		next = asm_label(&g->code);
		gen_line_func(g, g->func + i);
		call_func(g, self + i);
		asm_jmp(&g->code, BPF_JEQ, BPF_REG_0, GEN_SEGMENT_END, next);
		if (gen_is_entry(g))
			asm_jmp(&g->code, BPF_JEQ, BPF_REG_0, GEN_RETURN,
				g->policy);
		leave_final(g);
		asm_bind(&g->code, next);
	}
}

/* The rest of the hook's own chain, or all of it */
static bool goes_on_as_data(const struct gen *g, const struct plan_func *func)
{
	return gen_is_entry(g) && g->plan->data[func->chain] &&
	       (func->first == func->end ||
		func->end < g->rs->chains[func->chain].end);
}

/* What of the hook's own chain is data: its verdict, or on to the policy */
static void walk_own(struct gen *g)
{
	gen_call_walk(g, g->func->chain);
	asm_jmp(&g->code, BPF_JEQ, BPF_REG_0, GEN_RETURN, g->policy);
	leave_final(g);
}

/* Where RETURN from the hook's own chain leads: the policy counts and decides */
static void emit_policy(struct gen *g)
{
	uint32_t index = g->rs->hook_underflow[g->hook];

	if (!asm_used(&g->code, g->policy))
		return;
	asm_bind(&g->code, g->policy);
	gen_line_rule(g, index);
	count(g, index);
	leave_with(g, g->rs->rules[index].action == IR_ACTION_ACCEPT ?
		   GEN_ACCEPT : GEN_DROP);
}

/* r0 comes from a function: make it what the kernel takes as a verdict */
static void emit_verdict(struct gen *g)
{
	if (!asm_used(&g->code, g->verdict))
		return;
	asm_bind(&g->code, g->verdict);
	gen_step(g, "a chain's function has the verdict");
	asm_jmp(&g->code, BPF_JNE, BPF_REG_0, GEN_ACCEPT, g->drop);
	leave_with(g, GEN_ACCEPT);
}

/**
 * gen_func() - emit a function that walks rules
 * @g:		program
 * @func:	function, one of g->plan->funcs
 */
void gen_func(struct gen *g, const struct plan_func *func)
{
	struct asm_buf *a = &g->code;
	bool walked;

	g->func = func;
	g->drop = asm_label(a);
	g->policy = asm_label(a);
	g->verdict = asm_label(a);

	asm_bind(a, g->func_label[func - g->plan->funcs]);
	gen_line_func(g, func);
	if (gen_is_entry(g))
		enter_program(g);
	else
		gen_enter(g);
	load_counters(g);
	call_segments(g);
	walked = emit_rules(g, func);
	if (walked && func->is_segment) {
		gen_step(g, "on to the chain's next part");
		leave_with(g, GEN_SEGMENT_END);
	} else if (walked && goes_on_as_data(g, func)) {
		walk_own(g);
	}
	if (gen_is_entry(g)) {
		emit_policy(g);
		emit_verdict(g);
	}
	asm_bind(a, g->drop);
	gen_step(g, "drop");
	leave_with(g, gen_is_filter(g) && gen_is_entry(g) ? GEN_ACCEPT :
							    GEN_DROP);
	gen_asides(g, true);
}
