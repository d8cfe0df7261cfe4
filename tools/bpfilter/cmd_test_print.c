// SPDX-License-Identifier: GPL-2.0
/* What "bpfilter test" says */
#include <stdio.h>

#include "cmd_test.h"

/**
 * test_verdict_name - a verdict as a word
 * @verdict:	verdict
 *
 * Return: the word
 */
const char *test_verdict_name(enum test_verdict verdict)
{
	static const char *const names[] = {
		[TEST_DROP] = "DROP",
		[TEST_ACCEPT] = "ACCEPT",
		[TEST_UNKNOWN] = "unknown",
		[TEST_NO_PACKET] = "malformed",
	};

	return names[verdict];
}

static const struct ir_rule *rule_of(const struct test_result *r)
{
	return &r->table->t.rs->rules[r->rule];
}

static const char *chain_of(const struct test_result *r)
{
	return r->table->t.rs->chains[rule_of(r)->chain].name;
}

/**
 * test_place - where it was decided
 * @r:		result, with a table
 * @text:	filled with "CHAIN:RULE" or "CHAIN:policy"
 * @size:	bytes of @text
 */
void test_place(const struct test_result *r, char *text, size_t size)
{
	const struct ir_rule *rule = rule_of(r);

	if (rule->is_policy)
		snprintf(text, size, "%s:policy", chain_of(r));
	else
		snprintf(text, size, "%s:%u", chain_of(r), rule->number);
}

static void result_plain(const struct test_result *r)
{
	char place[64];

	printf("%s", test_verdict_name(r->verdict));
	if (r->because[0])
		printf("  (%s)", r->because);
	if (r->table && r->one_rule) {
		test_place(r, place, sizeof(place));
		printf("  %s/%s  %s", r->table->src->name, place,
		       text_line(&r->table->src->text, r->rule));
	}
	printf("\n");
}

static void rule_json(json_writer_t *json, const struct test_result *r)
{
	const struct ir_rule *rule = rule_of(r);

	jsonw_string_field(json, "table", r->table->src->name);
	jsonw_string_field(json, "chain", chain_of(r));
	if (rule->is_policy)
		jsonw_bool_field(json, "policy", true);
	else
		jsonw_uint_field(json, "rule", rule->number);
	jsonw_string_field(json, "text",
			   text_line(&r->table->src->text, r->rule));
}

static void result_json(json_writer_t *json, const struct test_result *r)
{
	jsonw_string_field(json, "verdict", test_verdict_name(r->verdict));
	if (r->because[0])
		jsonw_string_field(json, "because", r->because);
	if (r->table && r->one_rule)
		rule_json(json, r);
}

/**
 * test_result_print - print what became of a packet
 * @t:		test
 * @number:	the packet's, 0 for none
 * @what:	the packet as words, or NULL
 * @r:		what became of it
 */
void test_result_print(const struct test *t, unsigned int number,
		       const char *what, const struct test_result *r)
{
	json_writer_t *json = t->ctx->json;

	if (!json) {
		if (number)
			printf("%u  ", number);
		result_plain(r);
		return;
	}
	jsonw_start_object(json);
	if (number)
		jsonw_uint_field(json, "number", number);
	if (what)
		jsonw_string_field(json, "packet", what);
	result_json(json, r);
	jsonw_end_object(json);
}
