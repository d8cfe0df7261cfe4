// SPDX-License-Identifier: GPL-2.0
/*
 * bpfilter explain - what is wrong with a ruleset, and what becomes of it
 *
 * What never matches is what the translator's passes say, and they leave it
 * out of the programs: there is no second opinion. Rules that say the same as
 * another and do not end a packet's way (they count or log it twice) are
 * something that only the text tells.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_explain.h"

/**
 * explain_chain_state - why packets do not get to a chain
 * @rs:		the ruleset, behind passes
 * @chain:	index of the chain
 *
 * Return: a word, or NULL if they may get there
 */
const char *explain_chain_state(const struct ir_ruleset *rs, uint32_t chain)
{
	if (!rs->chains[chain].dead)
		return NULL;
	return rs->chains[chain].refs ? "unreachable" : "unreferenced";
}

/**
 * explain_repeats - whether a rule says the same as an earlier one
 * @e:		the table
 * @entry:	index of the rule
 *
 * Return: true if it does, and may match
 */
bool explain_repeats(const struct explained *e, uint32_t entry)
{
	return e->same_as[entry] != entry &&
	       !e->view->translation.rs->rules[entry].never;
}

/* Rules that are the same */

/**
 * struct line - a rule's text
 * @chain:	its chain
 * @text:	the text
 * @entry:	its index
 */
struct line {
	int32_t chain;
	const char *text;
	uint32_t entry;
};

static int line_compare(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	int ret;

	if (x->chain != y->chain)
		return x->chain < y->chain ? -1 : 1;
	ret = strcmp(x->text, y->text);
	if (ret)
		return ret;
	return x->entry < y->entry ? -1 : x->entry > y->entry;
}

static void lines_group(const struct line *lines, uint32_t num,
			uint32_t *same_as)
{
	uint32_t first = 0;
	uint32_t i;

	for (i = 1; i < num; i++) {
		if (lines[i].chain != lines[first].chain ||
		    strcmp(lines[i].text, lines[first].text))
			first = i;
		same_as[lines[i].entry] = lines[first].entry;
	}
}

static int find_same(struct explained *e)
{
	const struct ir_ruleset *rs = e->view->translation.rs;
	struct line *lines;
	uint32_t i, num = 0;

	e->same_as = calloc((size_t)rs->num_rules + 1, sizeof(*e->same_as));
	lines = calloc((size_t)rs->num_rules + 1, sizeof(*lines));
	if (!e->same_as || !lines) {
		free(lines);
		return -ENOMEM;
	}
	for (i = 0; i < rs->num_rules; i++) {
		e->same_as[i] = i;
		if (!view_lists(rs, i))
			continue;
		lines[num++] = (struct line) {
			.chain = rs->rules[i].chain,
			.text = text_line(&e->view->text, i),
			.entry = i,
		};
	}
	qsort(lines, num, sizeof(*lines), line_compare);
	lines_group(lines, num, e->same_as);
	free(lines);
	return 0;
}

/* The table */

static void count_rules(struct explained *e)
{
	const struct ir_ruleset *rs = e->view->translation.rs;
	uint32_t i, last = UINT32_MAX;

	for (i = 0; i < rs->num_rules; i++) {
		if (!view_lists(rs, i))
			continue;
		e->rules++;
		e->never += !!rs->rules[i].never;
		e->repeats += explain_repeats(e, i);
	}
	for (i = 0; i < rs->num_bridged; i++) {
		e->bridged += rs->bridged[i].rule != last;
		last = rs->bridged[i].rule;
	}
}

static int explain_one(struct cmd_ctx *ctx, const struct view *v)
{
	struct explained e = { .view = v };
	int ret = 0;

	if (v->translation.rs) {
		ret = find_same(&e);
		if (!ret)
			count_rules(&e);
	}
	if (!ret && ctx->json)
		explain_json(ctx->json, &e);
	else if (!ret)
		explain_plain(&e);
	free(e.same_as);
	return ret;
}

static int explain_all(struct cmd_ctx *ctx, const struct views *views)
{
	unsigned int i;
	int ret = 0;

	if (ctx->json) {
		jsonw_start_object(ctx->json);
		jsonw_name(ctx->json, "tables");
		jsonw_start_array(ctx->json);
	}
	for (i = 0; i < views->num && !ret; i++)
		ret = explain_one(ctx, &views->view[i]);
	if (ctx->json) {
		jsonw_end_array(ctx->json);
		jsonw_end_object(ctx->json);
	}
	return ret ? cmd_error(ctx, "%s", strerror(-ret)) : CMD_OK;
}

/**
 * cmd_explain - the command "explain"
 * @ctx:	options
 * @argc:	number of arguments
 * @argv:	arguments: the name of a file, or nothing for the live tables
 *
 * Return: enum cmd_status
 */
int cmd_explain(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct views views;
	int ret;

	if (argc > 1)
		return cmd_usage(ctx, "explain does not know \"%s\"", argv[1]);
	ret = argc ? views_load(ctx, argv[0], &views) :
		     views_fetch(ctx, NULL, NULL, &views);
	if (ret == CMD_OK)
		ret = explain_all(ctx, &views);
	views_free(&views);
	return ret;
}
