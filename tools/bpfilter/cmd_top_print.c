// SPDX-License-Identifier: GPL-2.0
/*
 * What "bpfilter top" sampled: on a terminal in place of the last sample, as
 * many rules as there are lines, else one block or JSON object after another.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cmd_top.h"

#define HEADER_LINES	2

static const struct ir_rule *rule_of(const struct top_line *line)
{
	return &line->table->live.rs->rules[line->rule];
}

static const char *chain_of(const struct top_line *line)
{
	return line->table->live.rs->chains[rule_of(line)->chain].name;
}

/* Plain output */

static void window_size(struct winsize *size)
{
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, size) || !size->ws_row) {
		size->ws_row = 24;
		size->ws_col = 80;
	}
}

static void place_plain(FILE *out, const struct top_line *line)
{
	const struct live_table *lt = &line->table->live;

	fprintf(out, "  %s %s", lt->fam->word, lt->name);
	if (!rule_of(line)->is_policy)
		fprintf(out, " %u", rule_of(line)->number);
	fprintf(out, "  %s", live_text(lt, line->rule));
}

static void line_plain(FILE *out, const struct top_line *line)
{
	struct live_count total = live_count(&line->table->live, line->rule);

	if (line->known)
		fprintf(out, "%12.1f %14.1f", line->packets, line->bytes);
	else
		fprintf(out, "%12s %14s", "-", "-");
	fprintf(out, " %14llu %16llu", (unsigned long long)total.packets,
		(unsigned long long)total.bytes);
	place_plain(out, line);
	fputc('\n', out);
}

static void lines_plain(FILE *out, const struct top *top, uint32_t num)
{
	uint32_t i;

	fprintf(out, "%12s %14s %14s %16s  %s\n", "packets/s", "bytes/s",
		"packets", "bytes", "rule");
	for (i = 0; i < top->num_lines && i < num; i++)
		line_plain(out, &top->lines[i]);
}

/* Lines that do not fit would scroll the first ones away: cut them */
static void print_cut(const char *text, unsigned int width)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		printf("%.*s\033[K\n", (int)(len < width ? len : width), text);
		text += len + (text[len] == '\n');
	}
}

static void print_screen(const struct top *top)
{
	struct winsize size = {};
	size_t len = 0;
	char *text = NULL;
	FILE *out;

	window_size(&size);
	out = open_memstream(&text, &len);
	if (!out)
		return;
	fprintf(out, "%u tables, %u rules that packets passed in %.1f s\n",
		top->num_tables, top->num_lines, top->seconds);
	lines_plain(out, top, size.ws_row > HEADER_LINES + 1 ?
		    size.ws_row - HEADER_LINES - 1 : 1);
	if (!fclose(out)) {
		printf("\033[H");
		print_cut(text, size.ws_col);
		printf("\033[J");
	}
	free(text);
}

static void print_plain(const struct top *top)
{
	if (isatty(STDOUT_FILENO)) {
		print_screen(top);
	} else {
		lines_plain(stdout, top, UINT32_MAX);
		putchar('\n');
	}
	fflush(stdout);
}

/* JSON output */

static void line_json(json_writer_t *json, const struct top_line *line)
{
	const struct live_table *lt = &line->table->live;
	struct live_count total = live_count(lt, line->rule);

	jsonw_start_object(json);
	jsonw_string_field(json, "family", lt->fam->word);
	jsonw_string_field(json, "table", lt->name);
	jsonw_string_field(json, "chain", chain_of(line));
	jsonw_uint_field(json, "number", rule_of(line)->number);
	jsonw_bool_field(json, "policy", rule_of(line)->is_policy);
	live_json(json, lt, line->rule);
	jsonw_uint_field(json, "packets", total.packets);
	jsonw_uint_field(json, "bytes", total.bytes);
	if (line->known) {
		jsonw_float_field_fmt(json, "packets_per_second", "%.3f",
				      line->packets);
		jsonw_float_field_fmt(json, "bytes_per_second", "%.3f",
				      line->bytes);
	}
	jsonw_end_object(json);
}

static void print_json(struct cmd_ctx *ctx, const struct top *top)
{
	json_writer_t *json = ctx->json;
	uint32_t i;

	jsonw_start_object(json);
	jsonw_float_field_fmt(json, "time", "%.3f", top->time);
	jsonw_float_field_fmt(json, "seconds", "%.6f", top->seconds);
	jsonw_name(json, "rules");
	jsonw_start_array(json);
	for (i = 0; i < top->num_lines; i++)
		line_json(json, &top->lines[i]);
	jsonw_end_array(json);
	jsonw_end_object(json);
	cmd_json_end(ctx);
}

/**
 * top_print - print a sample
 * @ctx:	options
 * @top:	the sample
 */
void top_print(struct cmd_ctx *ctx, const struct top *top)
{
	if (ctx->json)
		print_json(ctx, top);
	else
		print_plain(top);
}
