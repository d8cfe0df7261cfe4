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

static const struct ir_rule *rule_of(const struct test_decision *d)
{
	return &d->table->t.rs->rules[d->rule];
}

static const char *chain_of(const struct test_decision *d)
{
	return d->table->t.rs->chains[rule_of(d)->chain].name;
}

static const struct test_decision *last(const struct test_result *r)
{
	return &r->decision[r->num - 1];
}

/**
 * test_place - where the verdict was made
 * @r:		result, with a decision
 * @text:	filled with "CHAIN:RULE" or "CHAIN:policy"
 * @size:	bytes of @text
 */
void test_place(const struct test_result *r, char *text, size_t size)
{
	const struct test_decision *d = last(r);

	if (rule_of(d)->is_policy)
		snprintf(text, size, "%s:policy", chain_of(d));
	else
		snprintf(text, size, "%s:%u", chain_of(d), rule_of(d)->number);
}

static void result_plain(const struct test_result *r)
{
	char place[64];

	printf("%s", test_verdict_name(r->verdict));
	if (r->because[0])
		printf("  (%s)", r->because);
	if (r->several)
		printf("  by one of several rules");
	if (r->num) {
		test_place(r, place, sizeof(place));
		printf("  %s/%s  %s", last(r)->table->src->name, place,
		       text_line(&last(r)->table->src->text, last(r)->rule));
	}
	printf("\n");
}

static void decision_json(json_writer_t *json, const struct test_decision *d)
{
	jsonw_start_object(json);
	jsonw_string_field(json, "table", d->table->src->name);
	jsonw_string_field(json, "chain", chain_of(d));
	if (rule_of(d)->is_policy)
		jsonw_bool_field(json, "policy", true);
	else
		jsonw_uint_field(json, "rule", rule_of(d)->number);
	jsonw_string_field(json, "text",
			   text_line(&d->table->src->text, d->rule));
	jsonw_end_object(json);
}

static void result_json(json_writer_t *json, const struct test_result *r)
{
	unsigned int i;

	jsonw_string_field(json, "verdict", test_verdict_name(r->verdict));
	if (r->because[0])
		jsonw_string_field(json, "because", r->because);
	if (r->several)
		jsonw_bool_field(json, "several", true);
	jsonw_name(json, "decided");
	jsonw_start_array(json);
	for (i = 0; i < r->num; i++)
		decision_json(json, &r->decision[i]);
	jsonw_end_array(json);
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
