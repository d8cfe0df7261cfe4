// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "ir_build.h"
#include "parse.h"
#include "parse_case.h"

static void must(bool good)
{
	if (!good)
		abort();
}

/* A table of one rule that has a base header without tests and one match */
static struct ir_ruleset *make_rule(uint16_t family,
				    const struct match_desc *desc)
{
	struct ir_ruleset *rs = bpfilter_ir_new();
	struct ir_rule *rule;
	struct ir_match *match;

	must(rs);
	rs->family = family;
	rule = bpfilter_ir_rule_add(rs);
	must(rule && bpfilter_ir_match_add(rs));
	match = bpfilter_ir_match_add(rs);
	must(match);
	match->desc = desc;
	rule->chain = -1;
	rule->num_matches = 2;
	return rs;
}

/* The lines "         NAME: TEST" of the dump, without the name */
static void dump_tests(const struct ir_ruleset *rs, const char *name,
		       char *out, size_t size)
{
	char *text, *line, *rest;
	size_t text_size;
	FILE *f = open_memstream(&text, &text_size);

	must(f);
	bpfilter_ir_dump(rs, f);
	fclose(f);
	*out = '\0';
	for (line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		line += strspn(line, " ");
		if (strncmp(line, name, strlen(name)) ||
		    line[strlen(name)] != ':')
			continue;
		strncat(out, line + strlen(name) + 2, size - strlen(out) - 1);
		strncat(out, "\n", size - strlen(out) - 1);
	}
	free(text);
}

/**
 * parse_case_run() - let the parser do its work
 * @c:		the data
 * @family:	family of the table
 * @why:	set to the refusal, if it is one
 * @text:	set to the tests, or to nothing if there are none
 * @size:	bytes of @text
 *
 * Return: what the parser returned, or -1 without one for data of this size.
 */
int parse_case_run(const struct parse_case *c, uint16_t family,
		   struct refusal *why, char *text, size_t size)
{
	const struct match_desc *desc = bpfilter_match_find(c->name,
							    c->revision,
							    family);
	struct parse_ctx ctx = {
		.why = why,
		.where = { .what = "match", .name = c->name,
			   .revision = c->revision },
		.proto = c->proto,
		.invflags = c->invflags,
	};
	int ret;

	memset(why, 0, sizeof(*why));
	*text = '\0';
	if (!desc || desc->size != c->size)
		return -1;
	ctx.rs = make_rule(family, desc);
	ret = desc->parse(&ctx, c->data);
	if (!ret)
		dump_tests(ctx.rs, c->name, text, size);
	bpfilter_ir_free(ctx.rs);
	return ret;
}

/* The reason in a refusal, which is native's as well or not given at all */
const char *parse_case_refusal(const struct refusal *why)
{
	const char *reason = strstr(why->text, ": ");

	return why->native && reason ? reason + 2 : "";
}
