// SPDX-License-Identifier: GPL-2.0
/*
 * Reading the kernel's own structs, with offsets from its BTF.
 */
#include <errno.h>

#include "gen.h"

/**
 * gen_kernel_load() - read a member of a kernel struct
 * @g:		program
 * @reg:	destination
 * @base:	register that points to the struct
 * @member:	member
 * @size:	BPF_B, BPF_H, BPF_W or BPF_DW
 */
void gen_kernel_load(struct gen *g, uint8_t reg, uint8_t base,
		     enum kbtf_member member, uint8_t size)
{
	asm_emit(&g->code, BPF_LDX_MEM(size, reg, base,
				       g->env->btf->member[member]));
}

/**
 * gen_kernel_cast() - make the address in r1 readable as a struct
 * @g:		program
 * @type:	the struct
 *
 * The result is in r0; a read through it that faults gives 0. Loses r1 to r5.
 */
void gen_kernel_cast(struct gen *g, enum kbtf_type type)
{
	asm_emit(&g->code, BPF_MOV64_IMM(BPF_REG_2, g->env->btf->type[type]));
	asm_kfunc(&g->code, g->env->btf->func[KBTF_FUNC_RDONLY_CAST]);
}

static bool is_ct_member(int member)
{
	return member >= KBTF_CT_STATUS;
}

static int lacks(const struct gen *g, struct refusal *why, const char *what,
		 const char *name)
{
	const struct refuse_where where = { .table = g->rs->table };

	return bpfilter_refuse(why, EINVAL, false, &where,
			       "the kernel's BTF does not have %s %s", what,
			       name);
}

/**
 * gen_needs_conn() - does the program look into struct nf_conn?
 * @g:		program
 *
 * Return: whether it does.
 */
bool gen_needs_conn(const struct gen *g)
{
	return gen_source_needed(g, GEN_SOURCE_CONN) ||
	       gen_needs_field(g, IR_FIELD_CT_EXPIRES) || g->plan->need.ct_nat;
}

/**
 * gen_kernel_check() - does the kernel have what a program reads and calls?
 * @g:		program, before it is emitted
 * @why:	where a refusal goes
 *
 * Return: 0, or -EINVAL after a refusal.
 */
int gen_kernel_check(const struct gen *g, struct refusal *why)
{
	const struct kernel_btf *kb = g->env->btf;
	bool conn = gen_needs_conn(g);
	int i;

	for (i = 0; i < KBTF_TYPE_COUNT; i++)
		if (kb->type[i] == KBTF_NONE && (conn || i != KBTF_TYPE_NF_CONN))
			return lacks(g, why, "struct",
				     bpfilter_kernel_btf_type_name(i));
	for (i = 0; i < KBTF_FUNC_COUNT; i++)
		if (kb->func[i] == KBTF_NONE)
			return lacks(g, why, "function",
				     bpfilter_kernel_btf_func_name(i));
	for (i = 0; i < KBTF_MEMBER_COUNT; i++)
		if (kb->member[i] == KBTF_NONE && (conn || !is_ct_member(i)) &&
		    (g->plan->need.ct || i != KBTF_SKB_NFCT))
			return lacks(g, why, "member",
				     bpfilter_kernel_btf_member_name(i));
	return 0;
}
