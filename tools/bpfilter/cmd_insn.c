// SPDX-License-Identifier: GPL-2.0
/*
 * BPF instructions as text, through the kernel's own disassembler
 *
 * A call names its function. Before loading, the instruction holds the distance
 * of one in the same program, or the number of one of the kernel; in what the
 * kernel hands out of a loaded program it is the other way round.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disasm.h"
#include "compile.h"
#include "kernel_btf.h"
#include "cmd.h"

/**
 * struct insn_printer - state while one program is printed
 * @code:	the program
 * @pos:	index of the instruction at hand
 * @line:	number of lines that are done with
 * @text:	its text without the line's end
 * @scratch:	part of it that a callback made
 */
struct insn_printer {
	const struct code *code;
	uint32_t pos;
	uint32_t line;
	char text[256];
	char scratch[128];
};

static void __printf(2, 3)
insn_text(void *private_data, const char *fmt, ...)
{
	struct insn_printer *p = private_data;
	va_list args;

	va_start(args, fmt);
	vsnprintf(p->text, sizeof(p->text), fmt, args);
	va_end(args);
	p->text[strcspn(p->text, "\n")] = '\0';
}

static int offset_compare(const void *key, const void *elem)
{
	const struct code_func *func = elem;
	int64_t off = *(const int64_t *)key;

	return (off > func->insn_off) - (off < func->insn_off);
}

static const struct code_func *func_by_offset(const struct code *code,
					      int64_t off)
{
	return bsearch(&off, code->funcs, code->num_funcs,
		       sizeof(*code->funcs), offset_compare);
}

/* Where the kernel hides numbers it leaves the distance, if that has 16 bits */
static const struct code_func *func_called(const struct insn_printer *p,
					   const struct bpf_insn *insn)
{
	const struct code *code = p->code;
	int64_t next = (int64_t)p->pos + 1;

	if (!code->id)
		return func_by_offset(code, next + insn->imm);
	if (!insn->imm)
		return func_by_offset(code, next + insn->off);
	return (uint32_t)insn->imm < code->num_funcs ?
	       &code->funcs[insn->imm] : NULL;
}

/**
 * code_call_find - look up a kernel function that a loaded program calls
 * @code:	the program
 * @imm:	what the call has in the instruction
 *
 * Return: the function, or NULL
 */
const struct code_call *code_call_find(const struct code *code, int32_t imm)
{
	uint32_t i;

	for (i = 0; i < code->num_calls; i++)
		if (code->calls[i].imm == imm)
			return &code->calls[i];
	return NULL;
}

/* Before loading helpers have numbers that the disassembler knows */
static const char *kfunc_name(const struct kernel_btf *btf, int32_t id)
{
	int func;

	for (func = 0; btf && func < KBTF_FUNC_COUNT; func++)
		if (btf->func[func] == id)
			return bpfilter_kernel_btf_func_name(func);
	return NULL;
}

static const char *kernel_func_name(const struct code *code,
				    const struct bpf_insn *insn)
{
	const struct code_call *call;

	if (!code->id)
		return insn->src_reg == BPF_PSEUDO_KFUNC_CALL && !insn->off ?
		       kfunc_name(code->btf, insn->imm) : NULL;
	call = code_call_find(code, insn->imm);
	return call && call->name[0] ? call->name : NULL;
}

static const char *call_text(void *private_data, const struct bpf_insn *insn)
{
	struct insn_printer *p = private_data;
	const struct code_func *func;

	if (insn->src_reg != BPF_PSEUDO_CALL)
		return kernel_func_name(p->code, insn);

	func = func_called(p, insn);
	if (!func)
		return NULL;
	snprintf(p->scratch, sizeof(p->scratch), "%+lld <%s>",
		 (long long)func->insn_off - p->pos - 1, func->name);
	return p->scratch;
}

static const char *imm_text(void *private_data, const struct bpf_insn *insn,
			    __u64 full_imm)
{
	struct insn_printer *p = private_data;
	uint32_t off = insn[1].imm;

	if (insn->src_reg == BPF_PSEUDO_MAP_IDX_VALUE)
		snprintf(p->scratch, sizeof(p->scratch), "%s+%u",
			 insn->imm == GEN_MAP_DATA ? "data" : "counters", off);
	else if (insn->src_reg == BPF_PSEUDO_MAP_VALUE)
		snprintf(p->scratch, sizeof(p->scratch), "map[id:%u]+%u",
			 insn->imm, off);
	else if (insn->src_reg == BPF_PSEUDO_MAP_FD)
		snprintf(p->scratch, sizeof(p->scratch), "map[id:%u]",
			 insn->imm);
	else
		snprintf(p->scratch, sizeof(p->scratch), "0x%llx",
			 (unsigned long long)full_imm);
	return p->scratch;
}

/* The line that starts at the instruction at hand, NULL for none */
static char *line_here(struct insn_printer *p)
{
	const struct code *code = p->code;

	while (p->line < code->num_lines &&
	       code->lines[p->line].insn_off < p->pos)
		p->line++;
	if (p->line == code->num_lines ||
	    code->lines[p->line].insn_off != p->pos)
		return NULL;
	return code->lines[p->line].text;
}

static void insn_plain(struct insn_printer *p)
{
	const struct code_func *func = func_by_offset(p->code, p->pos);
	const char *line = line_here(p);

	if (func)
		printf("%s:\n", func->name);
	if (line)
		printf("; %s\n", line);
	printf("%5u: %s\n", p->pos, p->text);
}

static void insn_json(json_writer_t *json, struct insn_printer *p)
{
	const struct code_func *func = func_by_offset(p->code, p->pos);
	char *line = line_here(p);

	jsonw_start_object(json);
	jsonw_uint_field(json, "offset", p->pos);
	if (func)
		jsonw_string_field(json, "function", func->name);
	if (line) {
		line_make_ascii(line);
		jsonw_string_field(json, "source", line);
	}
	jsonw_string_field(json, "disasm", p->text);
	jsonw_end_object(json);
}

static bool is_wide(const struct bpf_insn *insn)
{
	return insn->code == (BPF_LD | BPF_IMM | BPF_DW);
}

static void insns_print(struct cmd_ctx *ctx, const struct code *code)
{
	struct insn_printer p = { .code = code };
	const struct bpf_insn_cbs cbs = {
		.cb_print	= insn_text,
		.cb_call	= call_text,
		.cb_imm		= imm_text,
		.private_data	= &p,
	};

	for (; p.pos < code->num_insns; p.pos++) {
		const struct bpf_insn *insn = &code->insns[p.pos];
		bool wide = is_wide(insn);

		if (wide && p.pos + 1 == code->num_insns)
			break;
		print_bpf_insn(&cbs, insn, true);
		if (ctx->json)
			insn_json(ctx->json, &p);
		else
			insn_plain(&p);
		p.pos += wide;
	}
}

static void code_plain(struct cmd_ctx *ctx, const struct code *code)
{
	printf("%s: ", bpfilter_ir_hook_name(code->hook));
	if (code->id)
		printf("program %u, %u instructions as verified\n", code->id,
		       code->num_insns);
	else if (code->num_insns)
		printf("%u instructions, not loaded\n", code->num_insns);
	else
		printf("no program\n");
	insns_print(ctx, code);
}

static void code_json(struct cmd_ctx *ctx, const struct code *code)
{
	jsonw_start_object(ctx->json);
	jsonw_string_field(ctx->json, "hook",
			   bpfilter_ir_hook_name(code->hook));
	if (code->id)
		jsonw_uint_field(ctx->json, "id", code->id);
	jsonw_bool_field(ctx->json, "loaded", code->id);
	jsonw_name(ctx->json, "insns");
	jsonw_start_array(ctx->json);
	insns_print(ctx, code);
	jsonw_end_array(ctx->json);
	jsonw_end_object(ctx->json);
}

/**
 * code_print - print the instructions of one hook
 * @ctx:	options
 * @code:	instructions; none for a hook without a program
 */
void code_print(struct cmd_ctx *ctx, const struct code *code)
{
	if (ctx->json)
		code_json(ctx, code);
	else
		code_plain(ctx, code);
}

/**
 * code_free - release what a struct code owns
 * @code:	code, left empty
 */
void code_free(struct code *code)
{
	for (uint32_t i = 0; i < code->num_lines; i++)
		free(code->lines[i].text);
	free(code->lines);
	free(code->insns);
	free(code->funcs);
	free(code->calls);
	memset(code, 0, sizeof(*code));
}
