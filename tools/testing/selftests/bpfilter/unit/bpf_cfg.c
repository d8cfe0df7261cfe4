// SPDX-License-Identifier: GPL-2.0
/*
 * Which instructions of a program can be reached: the kernel refuses one that
 * has others.
 */
#include <stdlib.h>

#include "bpf_vm.h"

/* struct walk - instructions seen, and those of them still to be followed */
struct walk {
	bool *seen;
	uint32_t *todo;
	uint32_t num_todo;
};

static void reach(struct walk *w, const struct vm_prog *prog, int64_t pc)
{
	if (pc < 0 || pc >= prog->num_insns || w->seen[pc])
		return;
	w->seen[pc] = true;
	w->todo[w->num_todo++] = pc;
}

static bool is_wide(const struct bpf_insn *in)
{
	return in->code == (BPF_LD | BPF_IMM | BPF_DW);
}

static void follow(struct walk *w, const struct vm_prog *prog, uint32_t pc)
{
	const struct bpf_insn *in = &prog->insns[pc];
	uint8_t class = BPF_CLASS(in->code), op = BPF_OP(in->code);

	if (class != BPF_JMP && class != BPF_JMP32) {
		if (is_wide(in))
			w->seen[pc + 1] = true;
		reach(w, prog, pc + (is_wide(in) ? 2 : 1));
		return;
	}
	if (op == BPF_EXIT)
		return;
	if (op == BPF_JA) {
		reach(w, prog, pc + 1 + (class == BPF_JMP ? in->off : in->imm));
		return;
	}
	reach(w, prog, pc + 1);
	if (op != BPF_CALL)
		reach(w, prog, pc + 1 + in->off);
	else if (in->src_reg == BPF_PSEUDO_CALL)
		reach(w, prog, pc + 1 + in->imm);
}

/**
 * vm_unreached() - look for an instruction that no path leads to
 * @prog:	program
 *
 * Return: its index, or -1 if there is none.
 */
int vm_unreached(const struct vm_prog *prog)
{
	struct walk w = {
		.seen = calloc(prog->num_insns, sizeof(*w.seen)),
		.todo = calloc(prog->num_insns, sizeof(*w.todo)),
	};
	int found = -1;

	reach(&w, prog, 0);
	while (w.num_todo)
		follow(&w, prog, w.todo[--w.num_todo]);
	for (uint32_t i = 0; i < prog->num_insns && found < 0; i++)
		if (!w.seen[i])
			found = i;
	free(w.seen);
	free(w.todo);
	return found;
}
