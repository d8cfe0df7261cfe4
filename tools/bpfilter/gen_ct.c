// SPDX-License-Identifier: GPL-2.0
/*
 * Connection tracking, as xt_conntrack's conntrack_mt() sees it: a pointer to
 * struct nf_conn whose low bits say how the packet relates to the connection.
 */
#include <assert.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/xt_conntrack.h>

#include "gen.h"

/* Low bits of skb->_nfct: enum ip_conntrack_info, and its one kernel-only value */
#define CTINFO_MASK		7
#define CTINFO_UNTRACKED	7

static void store(struct gen *g, uint8_t size, uint8_t reg, int16_t off)
{
	asm_emit(&g->code, BPF_STX_MEM(size, GEN_STATE, reg, off));
}

/* No connection: r1 is enum ip_conntrack_info */
static void load_none(struct gen *g, uint32_t done)
{
	struct asm_buf *a = &g->code;
	uint32_t known = asm_label(a);

	asm_emit(a, BPF_ST_MEM(BPF_B, GEN_STATE, GEN_OFF(ct), 0));
	asm_emit(a, BPF_MOV64_IMM(BPF_REG_2, XT_CONNTRACK_STATE_INVALID));
	asm_jmp(a, BPF_JNE, BPF_REG_1, CTINFO_UNTRACKED, known);
	asm_emit(a, BPF_MOV64_IMM(BPF_REG_2, XT_CONNTRACK_STATE_UNTRACKED));
	asm_bind(a, known);
	store(g, BPF_H, BPF_REG_2, GEN_OFF(ct_state));
	asm_ja(a, done);
}

/*
 * A connection: r1 is enum ip_conntrack_info, XT_CONNTRACK_STATE_BIT() and the
 * direction come from it.
 */
static void load_info(struct gen *g)
{
	struct asm_buf *a = &g->code;
	uint32_t original = asm_label(a);

	asm_emit(a, BPF_ST_MEM(BPF_B, GEN_STATE, GEN_OFF(ct), 1));
	asm_emit(a, BPF_ST_MEM(BPF_B, GEN_STATE, GEN_OFF(ct_reply), 0));
	asm_jmp(a, BPF_JLT, BPF_REG_1, IP_CT_IS_REPLY, original);
	asm_emit(a, BPF_ST_MEM(BPF_B, GEN_STATE, GEN_OFF(ct_reply), 1));
	asm_emit(a, BPF_ALU64_IMM(BPF_MOD, BPF_REG_1, IP_CT_IS_REPLY));
	asm_bind(a, original);
	asm_emit(a, BPF_MOV64_IMM(BPF_REG_2, XT_CONNTRACK_STATE_BIT(0)));
	asm_emit(a, BPF_ALU64_REG(BPF_LSH, BPF_REG_2, BPF_REG_1));
	store(g, BPF_H, BPF_REG_2, GEN_OFF(ct_state));
}

static_assert((IPS_SRC_NAT << 2) == XT_CONNTRACK_STATE_SNAT, "bits differ");
static_assert((IPS_DST_NAT << 2) == XT_CONNTRACK_STATE_DNAT, "bits differ");

/* r0 points to struct nf_conn. Both status bits stand as the states' do */
static void load_nat(struct gen *g)
{
	struct asm_buf *a = &g->code;

	gen_kernel_load(g, BPF_REG_1, BPF_REG_0, KBTF_CT_STATUS, BPF_DW);
	asm_emit(a, BPF_ALU64_IMM(BPF_AND, BPF_REG_1, IPS_NAT_MASK));
	asm_emit(a, BPF_ALU64_IMM(BPF_LSH, BPF_REG_1, 2));
	asm_emit(a, BPF_LDX_MEM(BPF_H, BPF_REG_2, GEN_STATE,
				GEN_OFF(ct_state)));
	asm_emit(a, BPF_ALU64_REG(BPF_OR, BPF_REG_2, BPF_REG_1));
	store(g, BPF_H, BPF_REG_2, GEN_OFF(ct_state));
}

/* As nf_ct_expires() / HZ. r0 points to struct nf_conn and is lost */
static void load_expires(struct gen *g)
{
	struct asm_buf *a = &g->code;
	uint32_t ahead = asm_label(a);

	gen_kernel_load(g, GEN_SCALAR, BPF_REG_0, KBTF_CT_TIMEOUT, BPF_W);
	asm_helper(a, BPF_FUNC_jiffies64);
	asm_emit(a, BPF_ALU32_REG(BPF_SUB, GEN_SCALAR, BPF_REG_0));
	asm_emit(a, BPF_MOV32_REG(BPF_REG_1, GEN_SCALAR));
	asm_jmp32(a, BPF_JSGE, BPF_REG_1, 0, ahead);
	asm_emit(a, BPF_MOV32_IMM(BPF_REG_1, 0));
	asm_bind(a, ahead);
	asm_emit(a, BPF_ALU32_IMM(BPF_DIV, BPF_REG_1, g->env->hz));
	store(g, BPF_W, BPF_REG_1, GEN_OFF(ct_expires));
}

/* Do rules look into struct nf_conn? */
static bool needs_conn(const struct gen *g)
{
	return gen_source_needed(g, GEN_SOURCE_CONN) ||
	       gen_needs_field(g, IR_FIELD_CT_EXPIRES) || g->plan->need.ct_nat;
}

static void load_conn(struct gen *g)
{
	asm_emit(&g->code, BPF_MOV64_REG(BPF_REG_1, GEN_SCALAR));
	gen_kernel_cast(g, KBTF_TYPE_NF_CONN);
	if (g->plan->need.ct_nat)
		load_nat(g);
	gen_source_load(g, GEN_SOURCE_CONN, BPF_REG_0, 0);
	if (gen_needs_field(g, IR_FIELD_CT_EXPIRES))
		load_expires(g);
}

/**
 * gen_load_ct() - read the packet's connection, if rules ask for it
 * @g:		program
 */
void gen_load_ct(struct gen *g)
{
	struct asm_buf *a = &g->code;
	uint32_t conn, done;

	if (!g->plan->need.ct)
		return;
	conn = asm_label(a);
	done = asm_label(a);
	gen_step(g, "connection");
	gen_kernel_load(g, GEN_SCALAR, GEN_SKB, KBTF_SKB_NFCT, BPF_DW);
	asm_emit(a, BPF_MOV64_REG(BPF_REG_1, GEN_SCALAR));
	asm_emit(a, BPF_ALU64_IMM(BPF_AND, BPF_REG_1, CTINFO_MASK));
	asm_emit(a, BPF_ALU64_IMM(BPF_AND, GEN_SCALAR, ~CTINFO_MASK));
	asm_jmp(a, BPF_JNE, GEN_SCALAR, 0, conn);
	load_none(g, done);
	asm_bind(a, conn);
	load_info(g);
	if (needs_conn(g))
		load_conn(g);
	asm_bind(a, done);
}
