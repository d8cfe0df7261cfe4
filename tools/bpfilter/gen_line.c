// SPDX-License-Identifier: GPL-2.0
/*
 * Source lines: which rule, or which step, instructions are there for. The
 * debugging tools of BPF show them above the instructions.
 */
#include <errno.h>
#include <stdlib.h>

#include "gen.h"

/* What follows belongs to @line */
static void add_line(struct gen *g, struct gen_line line)
{
	uint32_t room = g->max_lines ? g->max_lines * 2 : 256;
	struct gen_line *bigger;

	if (g->num_lines == g->max_lines) {
		bigger = realloc(g->lines, room * sizeof(*bigger));
		if (!bigger) {
			g->code.error = -ENOMEM;
			return;
		}
		g->lines = bigger;
		g->max_lines = room;
	}
	line.insn_off = asm_label(&g->code);
	asm_bind(&g->code, line.insn_off);
	g->lines[g->num_lines++] = line;
}

/**
 * gen_line_func() - a function that walks rules starts here
 * @g:		program
 * @func:	function
 */
void gen_line_func(struct gen *g, const struct plan_func *func)
{
	add_line(g, (struct gen_line) {
		.kind = func == g->plan->funcs ? GEN_LINE_TABLE :
						 GEN_LINE_CHAIN,
		.chain = func->chain,
		.rule = func->first,
	});
}

/**
 * gen_line_rule() - a rule starts here
 * @g:		program
 * @rule:	its index
 */
void gen_line_rule(struct gen *g, uint32_t rule)
{
	add_line(g, (struct gen_line) { .kind = GEN_LINE_RULE, .rule = rule });
}

/**
 * gen_line_data() - a chain is handed to walk() here
 * @g:		program
 * @chain:	its index
 */
void gen_line_data(struct gen *g, uint32_t chain)
{
	add_line(g, (struct gen_line) { .kind = GEN_LINE_DATA, .chain = chain });
}

/**
 * gen_step() - a step of a function that is not made of rules starts here
 * @g:		program
 * @step:	what it does, static
 */
void gen_step(struct gen *g, const char *step)
{
	add_line(g, (struct gen_line) { .kind = GEN_LINE_STEP, .step = step });
}

/**
 * gen_lines_settle() - hand a program its lines
 * @g:		program, its code settled
 * @prog:	gets those that have instructions
 *
 * Return: 0 or -ENOMEM.
 */
int gen_lines_settle(const struct gen *g, struct gen_prog *prog)
{
	uint32_t end = g->code.num_insns;

	prog->lines = calloc(g->num_lines + 1, sizeof(*prog->lines));
	if (!prog->lines)
		return -ENOMEM;
	for (uint32_t i = g->num_lines; i-- > 0;) {
		struct gen_line line = g->lines[i];

		line.insn_off = asm_pos(&g->code, line.insn_off);
		if (line.insn_off >= end)
			continue;
		end = line.insn_off;
		prog->lines[g->num_lines - ++prog->num_lines] = line;
	}
	for (uint32_t i = 0; i < prog->num_lines; i++)
		prog->lines[i] = prog->lines[g->num_lines - prog->num_lines + i];
	return 0;
}
