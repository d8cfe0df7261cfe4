// SPDX-License-Identifier: GPL-2.0
/*
 * What a rule leaves to the kernel: matches and targets that are not
 * translated, the mark, and messages about packets that are traced.
 *
 * A match of the kernel's own can ask for the packet to be dropped, and hold
 * nevertheless. As in ipt_do_table(), the rest of the rule is looked at then,
 * its counter takes the packet, its target runs if it is one of the kernel's
 * own, and after that, or if the rest does not match, the packet is dropped. So
 * struct run_state keeps what the rule's bridged matches said, GEN_MATCH_HELD or _HELD_DROP.
 */
#include <errno.h>
#include <stdlib.h>
#include <netinet/in.h>
#include <linux/netfilter.h>

#include "gen.h"
#include "match.h"
#include "plan_graph.h"

/* Packet and hook state: what every function here takes first */
static void load_run(struct gen *g)
{
	asm_emit(&g->code, BPF_MOV64_REG(BPF_REG_1, GEN_SKB));
	asm_emit(&g->code, BPF_MOV64_REG(BPF_REG_2, GEN_HOOK));
}

static void load_constant(struct gen *g, uint8_t reg, uint32_t value)
{
	asm_emit(&g->code, BPF_MOV32_IMM(reg, (int32_t)value));
}

/* --- Extensions --- */

/*
 * Offset of the transport header and of the fragment. ip6t_do_table() forgets
 * the former from rule to rule, but not the latter.
 */
static void load_offsets(struct gen *g)
{
	struct asm_buf *a = &g->code;

	if (g->rs->family == NFPROTO_IPV6 && g->rule->no_thoff) {
		load_constant(g, BPF_REG_4, 0);
		asm_emit(a, BPF_LDX_MEM(BPF_H, BPF_REG_5, GEN_STATE,
					GEN_OFF(kept_fragoff)));
		return;
	}
	asm_emit(a, BPF_LDX_MEM(BPF_W, BPF_REG_4, GEN_STATE, GEN_OFF(thoff)));
	asm_emit(a, BPF_LDX_MEM(BPF_H, BPF_REG_5, GEN_STATE,
				GEN_OFF(fragoff)));
}

static void call_extension(struct gen *g, enum kbtf_func func, uint32_t index)
{
	load_run(g);
	load_constant(g, BPF_REG_3, index);
	load_offsets(g);
	gen_kernel_call(g, func);
}

/**
 * gen_bridge_match() - emit a match of the kernel's own
 * @g:		program
 * @t:		test
 * @to:		where to leave to
 */
void gen_bridge_match(struct gen *g, const struct ir_test *t,
		      const struct gen_exits *to)
{
	struct asm_buf *a = &g->code;

	call_extension(g, KBTF_FUNC_XT_MATCH, t->value);
	asm_jmp(a, BPF_JEQ, BPF_REG_0, GEN_MATCH_DROP, g->drop);
	if (bpfilter_match_writes(g->rs, t)) {
		asm_emit(a, BPF_STX_MEM(BPF_B, GEN_STATE, BPF_REG_0,
					GEN_OFF(answer)));
		gen_call(g, g->load_packet);
		asm_emit(a, BPF_LDX_MEM(BPF_B, BPF_REG_0, GEN_STATE,
					GEN_OFF(answer)));
	}
	asm_jmp(a, BPF_JEQ, BPF_REG_0, GEN_MATCH_NO, to->fail);
	if (g->bridged) {
		asm_emit(a, BPF_LDX_MEM(BPF_B, BPF_REG_1, GEN_STATE,
					GEN_OFF(said)));
		asm_emit(a, BPF_ALU64_REG(BPF_OR, BPF_REG_0, BPF_REG_1));
	}
	asm_emit(a, BPF_STX_MEM(BPF_B, GEN_STATE, BPF_REG_0, GEN_OFF(said)));
	g->bridged = true;
}

/**
 * gen_bridge_held() - drop the packet if a bridged match asked for it and held
 * @g:		program, behind a rule's bridged match
 */
void gen_bridge_held(struct gen *g)
{
	asm_emit(&g->code, BPF_LDX_MEM(BPF_B, BPF_REG_1, GEN_STATE,
				       GEN_OFF(said)));
	asm_jmp(&g->code, BPF_JSET, BPF_REG_1, GEN_MATCH_DROP_BIT, g->drop);
}

/* The one target of a filter */
static void set_trace(struct gen *g)
{
	load_run(g);
	gen_kernel_call(g, KBTF_FUNC_SET_TRACE);
}

/**
 * gen_bridge_target() - emit a target of the kernel's own
 * @g:		program
 *
 * If it returns 0 the run is over, and the verdict is with the kernel; one that
 * is final never returns anything else.
 */
void gen_bridge_target(struct gen *g)
{
	if (gen_is_filter(g)) {
		set_trace(g);
		return;
	}
	call_extension(g, KBTF_FUNC_XT_TARGET, g->rule->bridged);
	if (g->rs->bridged[g->rule->bridged].is_final) {
		asm_ja(&g->code, g->drop);
		return;
	}
	asm_jmp(&g->code, BPF_JEQ, BPF_REG_0, 0, g->drop);
	if (g->bridged)
		gen_bridge_held(g);
	if (plan_reloads(g->rs, g->rule))
		gen_call(g, g->load_packet);
	else if (g->plan->need.mark)
		gen_load_mark(g, GEN_SKB);
}

/**
 * gen_load_mark() - read the mark for rules that are data
 * @g:		program that has such ones
 * @skb:	register that points to the packet
 */
void gen_load_mark(struct gen *g, uint8_t skb)
{
	gen_kernel_load(g, BPF_REG_1, skb, KBTF_SKB_MARK, BPF_W);
	asm_emit(&g->code, BPF_STX_MEM(BPF_W, GEN_STATE, BPF_REG_1,
				       GEN_OFF(mark)));
}

/**
 * gen_set_mark() - emit a target that changes the mark
 * @g:		program
 */
void gen_set_mark(struct gen *g)
{
	load_run(g);
	load_constant(g, BPF_REG_3, g->rule->mark_keep);
	load_constant(g, BPF_REG_4, g->rule->mark_flip);
	gen_kernel_call(g, KBTF_FUNC_SET_MARK);
	if (g->plan->need.mark)
		gen_load_mark(g, GEN_SKB);
}

/* --- Traces --- */

/* How far the code of a trace may be from its rule, with room for branches */
#define ASIDE_MAX	12000

static void put_aside(struct gen *g, const struct gen_aside *aside)
{
	uint32_t room = g->max_asides ? g->max_asides * 2 : 64;
	struct gen_aside *bigger;

	if (g->num_asides == g->max_asides) {
		bigger = realloc(g->asides, room * sizeof(*bigger));
		if (!bigger) {
			g->code.error = -ENOMEM;
			return;
		}
		g->asides = bigger;
		g->max_asides = room;
	}
	if (!g->num_asides)
		g->asides_pos = g->code.num_insns;
	g->asides[g->num_asides++] = *aside;
}

/**
 * gen_trace() - tell of a rule that matched a packet which is traced
 * @g:		program
 * @rule:	index of the rule
 *
 * Packets are not, as a rule: so what it takes is put aside. Rules of a filter
 * are no table's: there is nothing to tell.
 */
void gen_trace(struct gen *g, uint32_t rule)
{
	struct gen_aside aside = { .rule = rule };

	if (g->env->btf->func[KBTF_FUNC_TRACE] == KBTF_NONE ||
	    gen_is_filter(g))
		return;
	aside.label = asm_label(&g->code);
	aside.back = asm_label(&g->code);
	asm_emit(&g->code, BPF_LDX_MEM(BPF_B, BPF_REG_1, GEN_STATE,
				       GEN_OFF(trace)));
	asm_jmp(&g->code, BPF_JNE, BPF_REG_1, 0, aside.label);
	asm_bind(&g->code, aside.back);
	put_aside(g, &aside);
}

static void emit_aside(struct gen *g, const struct gen_aside *aside)
{
	asm_bind(&g->code, aside->label);
	gen_line_rule(g, aside->rule);
	load_run(g);
	load_constant(g, BPF_REG_3, aside->rule);
	gen_kernel_call(g, KBTF_FUNC_TRACE);
	asm_ja(&g->code, aside->back);
}

/**
 * gen_asides() - emit what was put aside
 * @g:		program
 * @end:	at the end of a function; else only if it must not wait
 */
void gen_asides(struct gen *g, bool end)
{
	uint32_t over, i;

	if (!g->num_asides ||
	    (!end && g->code.num_insns - g->asides_pos < ASIDE_MAX))
		return;
	over = asm_label(&g->code);
	if (!end)
		asm_ja(&g->code, over);
	for (i = 0; i < g->num_asides; i++)
		emit_aside(g, &g->asides[i]);
	g->num_asides = 0;
	asm_bind(&g->code, over);
}
