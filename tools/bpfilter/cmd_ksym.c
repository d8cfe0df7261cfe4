// SPDX-License-Identifier: GPL-2.0
/*
 * Names of the kernel functions that a loaded program calls
 *
 * The kernel hands out such a call as the distance of the function from
 * __bpf_call_base. /proc/kallsyms has the addresses of both for those who may
 * see them. It is long and the functions are few, so it is read for each
 * program rather than kept.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"

#define PROC_KALLSYMS	"/proc/kallsyms"
#define CALL_BASE	"__bpf_call_base"

/**
 * struct ksym - a line of /proc/kallsyms
 * @addr:	address
 * @name:	name
 */
struct ksym {
	unsigned long long addr;
	char name[64];
};

/* Look at each symbol until @visit returns false */
static int ksym_walk(bool (*visit)(const struct ksym *sym, void *data),
		     void *data)
{
	FILE *f = fopen(PROC_KALLSYMS, "re");
	struct ksym sym;
	char line[512];

	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%llx %*c %63s", &sym.addr, sym.name) == 2 &&
		    !visit(&sym, data))
			break;
	fclose(f);
	return 0;
}

static bool base_visit(const struct ksym *sym, void *data)
{
	uint64_t *base = data;

	if (strcmp(sym->name, CALL_BASE))
		return true;
	*base = sym->addr;
	return false;
}

/**
 * struct naming - names being found
 * @code:	the program
 * @base:	address of __bpf_call_base
 * @left:	calls that have no name yet
 */
struct naming {
	struct code *code;
	uint64_t base;
	uint32_t left;
};

static bool name_visit(const struct ksym *sym, void *data)
{
	struct naming *n = data;
	int64_t distance = sym->addr - n->base;
	uint32_t i;

	for (i = 0; i < n->code->num_calls; i++) {
		struct code_call *call = &n->code->calls[i];

		if (call->imm != distance || call->name[0])
			continue;
		snprintf(call->name, sizeof(call->name), "%s", sym->name);
		n->left--;
	}
	return n->left;
}

static bool is_kernel_call(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP | BPF_CALL) &&
	       insn->src_reg != BPF_PSEUDO_CALL;
}

static int call_add(struct code *code, int32_t imm)
{
	struct code_call *calls;

	if (code_call_find(code, imm))
		return 0;
	calls = realloc(code->calls, (code->num_calls + 1) * sizeof(*calls));
	if (!calls)
		return -ENOMEM;
	code->calls = calls;
	calls[code->num_calls++] = (struct code_call) { .imm = imm };
	return 0;
}

static int calls_collect(struct code *code)
{
	uint32_t i;
	int ret = 0;

	for (i = 0; !ret && i < code->num_insns; i++)
		if (is_kernel_call(&code->insns[i]))
			ret = call_add(code, code->insns[i].imm);
	return ret;
}

/**
 * ksym_name_calls - find the names of the kernel functions that code calls
 * @code:	instructions of a loaded program; its calls are filled
 *
 * A name that is not found or may not be seen stays empty.
 *
 * Return: 0 or -ENOMEM
 */
int ksym_name_calls(struct code *code)
{
	struct naming n = { .code = code };
	int ret;

	ret = calls_collect(code);
	if (ret || !code->num_calls)
		return ret;

	/* Addresses that may not be seen are 0 */
	n.left = code->num_calls;
	if (!ksym_walk(base_visit, &n.base) && n.base)
		ksym_walk(name_visit, &n);
	return 0;
}
