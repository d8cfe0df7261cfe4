// SPDX-License-Identifier: GPL-2.0
/*
 * The source of a program: one line for each rule, as iptables-save has it, in
 * a "file" named for its family, table and chain, at the rule's number. What is
 * not a rule is a comment.
 *
 * The kernel keeps all of it for as long as the program lives, and goes through
 * it whenever the verifier patches an instruction. So there is an end to it:
 * behind PROG_LINES_MAX lines or PROG_LINES_TEXT bytes of them only functions,
 * which must have one, get a line. What the planner makes code of its own accord
 * is shorter than that.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/netfilter.h>
#include <bpf/btf.h>

#include "ir_text.h"
#include "prog_lines.h"

/* Bits of the column, which stands below the number */
#define NUMBER_SHIFT	10

/**
 * struct printer - lines in the making
 * @btf:	where their text goes
 * @rs:		the table
 * @img:	its programs
 * @hook:	hook of the one at hand
 * @out:	the line at hand
 * @text:	what was written to @out
 * @size:	bytes of @text
 * @bytes:	bytes of all lines
 */
struct printer {
	struct btf *btf;
	const struct ir_ruleset *rs;
	const struct gen_image *img;
	int hook;
	FILE *out;
	char *text;
	size_t size;
	size_t bytes;
};

/* --- The text of a line --- */

static const char *family_name(const struct ir_ruleset *rs)
{
	return rs->family == NFPROTO_IPV6 ? "ipv6" : "ipv4";
}

static void print_name(const struct printer *p, uint32_t chain)
{
	const char *name = p->rs->chains[chain].name;

	text_name(p->out, name, strlen(name));
}

static void print_table(const struct printer *p, const struct gen_line *line)
{
	fprintf(p->out, "# table %s %s, hook %s", p->rs->table,
		family_name(p->rs), bpfilter_ir_hook_name(p->hook));
	if (p->img->netns)
		fprintf(p->out, ", netns %u", p->img->netns);
}

static void print_chain(const struct printer *p, const struct gen_line *line)
{
	fputs("# chain ", p->out);
	print_name(p, line->chain);
	if (line->rule != p->rs->chains[line->chain].first)
		fprintf(p->out, " from rule %u on",
			p->rs->rules[line->rule].number);
}

static void print_rule(const struct printer *p, const struct gen_line *line)
{
	bpfilter_rule_text(p->rs, line->rule, p->out);
}

static void print_data(const struct printer *p, const struct gen_line *line)
{
	const struct data_made *made = &p->img->data.chains[line->chain];

	fputs("# chain ", p->out);
	print_name(p, line->chain);
	fprintf(p->out, " as data: %u records, %u classifier%s", made->records,
		made->trees, made->trees == 1 ? "" : "s");
}

static void print_step(const struct printer *p, const struct gen_line *line)
{
	fprintf(p->out, "# %s", line->step);
}

static void (*const printers[])(const struct printer *p,
				const struct gen_line *line) = {
	[GEN_LINE_TABLE]	= print_table,
	[GEN_LINE_CHAIN]	= print_chain,
	[GEN_LINE_RULE]		= print_rule,
	[GEN_LINE_DATA]		= print_data,
	[GEN_LINE_STEP]		= print_step,
};

/**
 * bpfilter_prog_line_text() - print a line of a program's source
 * @rs:		the table; without its blob rules have no text
 * @img:	its image
 * @hook:	hook of the program
 * @line:	one of its lines
 * @out:	where to
 */
void bpfilter_prog_line_text(const struct ir_ruleset *rs,
			     const struct gen_image *img, int hook,
			     const struct gen_line *line, FILE *out)
{
	const struct printer p = {
		.rs = rs, .img = img, .hook = hook, .out = out,
	};

	printers[line->kind](&p, line);
}

/* --- Lines --- */

/* Offset of what was printed among the strings, or a negative errno */
static int add_text(struct printer *p)
{
	fputc('\0', p->out);
	if (fflush(p->out))
		return -ENOMEM;
	rewind(p->out);
	p->bytes += strlen(p->text) + 1;
	return btf__add_str(p->btf, p->text);
}

/* The chain that lists a rule; one that stands in none is the table's */
static int add_file(struct printer *p, const struct gen_line *line)
{
	int chain = line->kind == GEN_LINE_RULE ?
		    p->rs->rules[line->rule].chain : (int)line->chain;

	fprintf(p->out, "%s/%s", family_name(p->rs), p->rs->table);
	if (chain >= 0 && line->kind != GEN_LINE_STEP) {
		fputc('/', p->out);
		print_name(p, chain);
	}
	return add_text(p);
}

static int add_line(struct printer *p, const struct gen_line *line,
		    struct bpf_line_info *info)
{
	uint32_t number = line->kind == GEN_LINE_RULE ?
			  p->rs->rules[line->rule].number : 0;
	int file, text;

	file = add_file(p, line);
	if (file < 0)
		return file;
	printers[line->kind](p, line);
	text = add_text(p);
	if (text < 0)
		return text;
	*info = (struct bpf_line_info) {
		.insn_off = line->insn_off,
		.file_name_off = file,
		.line_off = text,
		.line_col = number << NUMBER_SHIFT,
	};
	return 0;
}

static bool starts_func(const struct gen_prog *prog, uint32_t *func,
			uint32_t insn_off)
{
	while (*func < prog->num_funcs &&
	       prog->funcs[*func].insn_off < insn_off)
		++*func;
	return *func < prog->num_funcs &&
	       prog->funcs[*func].insn_off == insn_off;
}

static const struct gen_line no_more = {
	.kind = GEN_LINE_STEP,
	.step = "rules from here on, without lines: there are too many",
};

static int add_lines(struct printer *p, struct prog_lines *pl)
{
	const struct gen_prog *prog = &p->img->prog[p->hook];
	uint32_t func = 0;
	bool full = false;
	int err = 0;

	for (uint32_t i = 0; i < prog->num_lines && !err; i++) {
		struct gen_line line = prog->lines[i];
		bool must = starts_func(prog, &func, line.insn_off);

		if (full && !must)
			continue;
		if (!full && !must &&
		    (pl->num >= PROG_LINES_MAX || p->bytes >= PROG_LINES_TEXT)) {
			full = true;
			line = no_more;
			line.insn_off = prog->lines[i].insn_off;
		}
		err = add_line(p, &line, &pl->info[pl->num++]);
	}
	return err;
}

/**
 * bpfilter_prog_lines_make() - print a program's source
 * @pl:		filled; the caller frees @pl->info, also after an error
 * @btf:	gets the strings
 * @rs:		the table; without its blob rules have no text
 * @img:	its image
 * @hook:	hook of the program
 *
 * Return: 0 or a negative errno.
 */
int bpfilter_prog_lines_make(struct prog_lines *pl, struct btf *btf,
			     const struct ir_ruleset *rs,
			     const struct gen_image *img, int hook)
{
	struct printer p = {
		.btf = btf, .rs = rs, .img = img, .hook = hook,
	};
	int err = -ENOMEM;

	pl->num = 0;
	pl->info = calloc(img->prog[hook].num_lines + 1, sizeof(*pl->info));
	p.out = open_memstream(&p.text, &p.size);
	if (pl->info && p.out)
		err = add_lines(&p, pl);
	if (p.out)
		fclose(p.out);
	free(p.text);
	return err;
}
