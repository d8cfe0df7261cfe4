// SPDX-License-Identifier: GPL-2.0
/*
 * Reading the kernel's own structs and calling its functions, with what its BTF
 * says of them. A program that needs what the kernel does not have is emitted
 * to its end, then refused.
 */
#include <errno.h>

#include "gen.h"

/* Only the first thing that is missing is told about */
static int32_t known(struct gen *g, int32_t number, const char *what,
		     const char *name)
{
	if (number != KBTF_NONE)
		return number;
	if (!g->lacks) {
		g->lacks_what = what;
		g->lacks = name;
	}
	return 0;
}

/**
 * gen_kernel_offset() - offset of a member of a kernel struct
 * @g:		program
 * @member:	member
 *
 * Return: the offset.
 */
int32_t gen_kernel_offset(struct gen *g, enum kbtf_member member)
{
	return known(g, g->env->btf->member[member], "member",
		     bpfilter_kernel_btf_member_name(member));
}

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
				       gen_kernel_offset(g, member)));
}

/**
 * gen_kernel_bits() - read a bit field of a kernel struct
 * @g:		program
 * @reg:	destination
 * @base:	register that points to the struct
 * @bits:	bit field
 */
void gen_kernel_bits(struct gen *g, uint8_t reg, uint8_t base,
		     enum kbtf_bits bits)
{
	const struct kernel_bits *b = &g->env->btf->bits[bits];
	int32_t off = known(g, b->off, "bit field",
			    bpfilter_kernel_btf_bits_name(bits));

	asm_emit(&g->code, BPF_LDX_MEM(BPF_B, reg, base, off));
	if (b->shift)
		asm_emit(&g->code, BPF_ALU64_IMM(BPF_RSH, reg, b->shift));
	asm_emit(&g->code, BPF_ALU64_IMM(BPF_AND, reg, b->mask));
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
	int32_t id = known(g, g->env->btf->type[type], "struct",
			   bpfilter_kernel_btf_type_name(type));

	asm_emit(&g->code, BPF_MOV64_IMM(BPF_REG_2, id));
	gen_kernel_call(g, KBTF_FUNC_RDONLY_CAST);
}

/**
 * gen_kernel_call() - call a function of the kernel
 * @g:		program
 * @func:	function
 *
 * The result is in r0. Loses r1 to r5.
 */
void gen_kernel_call(struct gen *g, enum kbtf_func func)
{
	asm_kfunc(&g->code, known(g, g->env->btf->func[func], "function",
				  bpfilter_kernel_btf_func_name(func)));
}

/**
 * gen_kernel_check() - did the kernel have all that the program needs?
 * @g:		program, after it was emitted
 * @why:	where a refusal goes
 *
 * Return: 0, or -EINVAL after a refusal.
 */
int gen_kernel_check(const struct gen *g, struct refusal *why)
{
	const struct refuse_where where = { .table = g->rs->table };

	if (!g->lacks)
		return 0;
	return bpfilter_refuse(why, EINVAL, false, &where,
			       "the kernel's BTF does not have %s %s",
			       g->lacks_what, g->lacks);
}
