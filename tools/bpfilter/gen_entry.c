// SPDX-License-Identifier: GPL-2.0
/*
 * load_state(): what a program does once per packet before its first rule, and
 * load_packet(), which is part of it unless targets can change the packet.
 *
 * load_state() returns 1 if there is no row of counters for this CPU; else
 * both return 0.
 */
#include <netinet/in.h>
#include <linux/netfilter.h>

#include "gen.h"

static void store(struct gen *g, uint8_t size, int16_t off)
{
	asm_emit(&g->code, BPF_STX_MEM(size, GEN_STATE, BPF_REG_1, off));
}

/**
 * gen_enter() - take a function's arguments
 * @g:		program
 */
void gen_enter(struct gen *g)
{
	struct asm_buf *a = &g->code;

	asm_emit(a, BPF_MOV64_REG(GEN_SKB, BPF_REG_1));
	asm_emit(a, BPF_MOV64_REG(GEN_HOOK, BPF_REG_2));
	asm_emit(a, BPF_MOV64_REG(GEN_STATE, BPF_REG_3));
}

/**
 * gen_call() - call another function of the program
 * @g:		program
 * @label:	function
 */
void gen_call(struct gen *g, uint32_t label)
{
	struct asm_buf *a = &g->code;

	asm_emit(a, BPF_MOV64_REG(BPF_REG_1, GEN_SKB));
	asm_emit(a, BPF_MOV64_REG(BPF_REG_2, GEN_HOOK));
	asm_emit(a, BPF_MOV64_REG(BPF_REG_3, GEN_STATE));
	asm_call(a, label);
}

static void leave(struct gen *g, int result)
{
	asm_emit(&g->code, BPF_MOV64_IMM(BPF_REG_0, result));
	asm_emit(&g->code, BPF_EXIT_INSN());
}

/* --- What stays as it is at the entry to the table --- */

/* A CPU without a row cannot be; the verifier wants to see it handled */
static void load_row(struct gen *g)
{
	struct asm_buf *a = &g->code;
	uint32_t ok = asm_label(a);

	gen_step(g, "this CPU's row of counters");
	asm_helper(a, BPF_FUNC_get_smp_processor_id);
	asm_jmp32(a, BPF_JLT, BPF_REG_0, g->img->nr_cpus, ok);
	leave(g, 1);
	asm_bind(a, ok);
	asm_emit(a, BPF_MOV64_REG(BPF_REG_1, BPF_REG_0));
	asm_emit(a, BPF_ALU64_IMM(BPF_MUL, BPF_REG_1, g->img->counter_stride));
	store(g, BPF_W, GEN_OFF(row));
}

/* Without a device the name is empty, as nulldevname in ipt_do_table() */
static void load_iface(struct gen *g, enum ir_field field,
		       enum kbtf_member member)
{
	struct asm_buf *a = &g->code;
	int16_t off = gen_field_off(field);
	uint32_t none, done;
	int i;

	if (!gen_needs_field(g, field))
		return;
	none = asm_label(a);
	done = asm_label(a);
	gen_step(g, field == IR_FIELD_IFACE_IN ?
		    "name of the input device" : "name of the output device");
	gen_kernel_load(g, BPF_REG_1, GEN_HOOK, member, BPF_DW);
	asm_jmp(a, BPF_JEQ, BPF_REG_1, 0, none);
	asm_emit(a, BPF_ALU64_IMM(BPF_ADD, BPF_REG_1,
				  gen_kernel_offset(g, KBTF_DEV_NAME)));
	gen_kernel_cast(g, KBTF_TYPE_TWO_U64);
	for (i = 0; i < 2; i++) {
		asm_emit(a, BPF_LDX_MEM(BPF_DW, BPF_REG_1, BPF_REG_0, 8 * i));
		store(g, BPF_DW, off + 8 * i);
	}
	asm_ja(a, done);
	asm_bind(a, none);
	for (i = 0; i < 2; i++)
		asm_emit(a, BPF_ST_MEM(BPF_DW, GEN_STATE, off + 8 * i, 0));
	asm_bind(a, done);
}

static void load_kept(struct gen *g)
{
	load_row(g);
	load_iface(g, IR_FIELD_IFACE_IN, KBTF_STATE_IN);
	load_iface(g, IR_FIELD_IFACE_OUT, KBTF_STATE_OUT);
	if (g->rs->family == NFPROTO_IPV4)
		gen_keep_ipv4(g);
	else if (g->plan->need.kept_fragoff)
		asm_emit(&g->code, BPF_ST_MEM(BPF_H, GEN_STATE,
					      GEN_OFF(kept_fragoff), 0));
}

/* --- What the packet says --- */

static void load_len(struct gen *g)
{
	gen_step(g, "length, tracing, mark");
	gen_kernel_load(g, BPF_REG_1, GEN_SKB, KBTF_SKB_LEN, BPF_W);
	store(g, BPF_DW, GEN_OFF(len));
}

/* Kernels without the target TRACE do not have the function */
static void load_trace(struct gen *g)
{
	if (g->env->btf->func[KBTF_FUNC_TRACE] == KBTF_NONE ||
	    gen_is_filter(g))
		return;
	gen_kernel_bits(g, BPF_REG_1, GEN_SKB, KBTF_BITS_SKB_NF_TRACE);
	store(g, BPF_B, GEN_OFF(trace));
}

/**
 * gen_set_odd() - note that rules can do something to a packet unmatched
 * @g:		program
 */
void gen_set_odd(struct gen *g)
{
	if (g->plan->need.odd)
		asm_emit(&g->code, BPF_ST_MEM(BPF_W, GEN_STATE, GEN_OFF(odd),
					      1));
}

/* What IPv6 rules remember of fragments is that their packet is one */
static void load_odd_fragment(struct gen *g)
{
	struct asm_buf *a = &g->code;

	if (!g->plan->need.odd || !g->plan->need.kept_fragoff)
		return;
	asm_emit(a, BPF_LDX_MEM(BPF_W, BPF_REG_1, GEN_STATE, GEN_OFF(odd)));
	gen_field_read(g, BPF_REG_2, IR_FIELD_IP_FRAGOFF);
	asm_emit(a, BPF_ALU64_REG(BPF_OR, BPF_REG_1, BPF_REG_2));
	asm_emit(a, BPF_LDX_MEM(BPF_H, BPF_REG_2, GEN_STATE,
				GEN_OFF(kept_fragoff)));
	asm_emit(a, BPF_ALU64_REG(BPF_OR, BPF_REG_1, BPF_REG_2));
	store(g, BPF_W, GEN_OFF(odd));
}

static void load_packet(struct gen *g)
{
	load_len(g);
	load_trace(g);
	if (g->plan->need.mark)
		gen_load_mark(g, GEN_SKB);
	if (g->plan->need.odd)
		asm_emit(&g->code, BPF_ST_MEM(BPF_W, GEN_STATE, GEN_OFF(odd),
					      0));
	if (g->rs->family == NFPROTO_IPV4)
		gen_load_ipv4(g);
	else
		gen_load_ipv6(g);
	load_odd_fragment(g);
	gen_load_link(g);
	gen_load_ct(g);
}

/**
 * gen_load_packet() - emit load_packet(), if rules may call it
 * @g:		program
 */
void gen_load_packet(struct gen *g)
{
	asm_bind(&g->code, g->load_packet);
	gen_step(g, "load_packet");
	gen_enter(g);
	load_packet(g);
	leave(g, 0);
}

/**
 * gen_load_state() - emit load_state()
 * @g:		program
 */
void gen_load_state(struct gen *g)
{
	asm_bind(&g->code, g->load_state);
	gen_step(g, "load_state");
	gen_enter(g);
	load_kept(g);
	if (!g->plan->need.reload)
		load_packet(g);
	gen_step(g, "on to the rules");
	leave(g, 0);
}
