// SPDX-License-Identifier: GPL-2.0
/*
 * load_state(): what a program does once per packet before its first rule.
 *
 *	r6	struct bpf_nf_ctx
 *	r7	struct run_state
 *	r8	struct sk_buff
 *	r9	a scalar that has to live through a call
 *
 * Returns 0, or 1 if there is no row of counters for this CPU.
 */
#include "gen.h"

static void store(struct gen *g, uint8_t size, int16_t off)
{
	asm_emit(&g->code, BPF_STX_MEM(size, GEN_STATE, BPF_REG_1, off));
}

/* A CPU without a row cannot be; the verifier wants to see it handled */
static void load_row(struct gen *g)
{
	struct asm_buf *a = &g->code;
	uint32_t ok = asm_label(a);

	asm_helper(a, BPF_FUNC_get_smp_processor_id);
	asm_jmp32(a, BPF_JLT, BPF_REG_0, g->img->nr_cpus, ok);
	asm_emit(a, BPF_MOV64_IMM(BPF_REG_0, 1));
	asm_emit(a, BPF_EXIT_INSN());
	asm_bind(a, ok);
	asm_emit(a, BPF_MOV64_REG(BPF_REG_1, BPF_REG_0));
	asm_emit(a, BPF_ALU64_IMM(BPF_MUL, BPF_REG_1, g->img->counter_stride));
	store(g, BPF_W, GEN_OFF(row));
}

static void load_len(struct gen *g)
{
	gen_kernel_load(g, BPF_REG_1, BPF_REG_8, KBTF_SKB_LEN, BPF_W);
	store(g, BPF_DW, GEN_OFF(len));
}

/*
 * The network header is in the linear area at all hooks. Leaves its address in
 * r0.
 */
static void load_ip(struct gen *g)
{
	struct asm_buf *a = &g->code;

	if (!gen_source_needed(g, GEN_SOURCE_IP) && !g->plan->need.headers)
		return;
	gen_kernel_load(g, BPF_REG_1, BPF_REG_8, KBTF_SKB_HEAD, BPF_DW);
	gen_kernel_load(g, BPF_REG_2, BPF_REG_8, KBTF_SKB_NETWORK_HEADER,
			BPF_H);
	asm_emit(a, BPF_ALU64_REG(BPF_ADD, BPF_REG_1, BPF_REG_2));
	gen_kernel_cast(g, KBTF_TYPE_IPHDR);
	gen_source_load(g, GEN_SOURCE_IP, BPF_REG_0, 0);
}

/* Without a device the name is empty, as nulldevname in ipt_do_table() */
static void load_iface(struct gen *g, enum ir_field field,
		       enum kbtf_member member)
{
	struct asm_buf *a = &g->code;
	int16_t off = gen_field_off(field);
	uint32_t none = asm_label(a), done = asm_label(a);
	int i;

	if (!gen_needs_field(g, field))
		return;
	gen_kernel_load(g, BPF_REG_1, GEN_CTX, KBTF_CTX_STATE, BPF_DW);
	gen_kernel_load(g, BPF_REG_1, BPF_REG_1, member, BPF_DW);
	asm_jmp(a, BPF_JEQ, BPF_REG_1, 0, none);
	asm_emit(a, BPF_ALU64_IMM(BPF_ADD, BPF_REG_1,
				  g->env->btf->member[KBTF_DEV_NAME]));
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

/**
 * gen_load_state() - emit load_state()
 * @g:		program
 */
void gen_load_state(struct gen *g)
{
	struct asm_buf *a = &g->code;

	asm_bind(a, g->load_state);
	asm_emit(a, BPF_MOV64_REG(GEN_CTX, BPF_REG_1));
	asm_emit(a, BPF_MOV64_REG(GEN_STATE, BPF_REG_2));
	load_row(g);
	gen_kernel_load(g, BPF_REG_8, GEN_CTX, KBTF_CTX_SKB, BPF_DW);
	load_len(g);
	load_ip(g);
	gen_load_l4(g);
	gen_load_ct(g);
	load_iface(g, IR_FIELD_IFACE_IN, KBTF_STATE_IN);
	load_iface(g, IR_FIELD_IFACE_OUT, KBTF_STATE_OUT);
	asm_emit(a, BPF_MOV64_IMM(BPF_REG_0, 0));
	asm_emit(a, BPF_EXIT_INSN());
}
