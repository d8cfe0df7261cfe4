// SPDX-License-Identifier: GPL-2.0
/*
 * The IR for the command: the library's text, or JSON
 *
 * In JSON a chain has the rules that iptables lists under its name, and each
 * rule its matches with their tests. The names are those of the enums in ir.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "ir_text.h"
#include "match.h"

static const char *const header_names[] = {
	[IR_HEADER_TCP]		= "tcp",
	[IR_HEADER_UDP]		= "udp",
	[IR_HEADER_ICMP]	= "icmp",
	[IR_HEADER_PORTS]	= "ports",
	[IR_HEADER_SCTP]	= "sctp",
	[IR_HEADER_AH]		= "ah",
	[IR_HEADER_ESP]		= "esp",
	[IR_HEADER_IP6]		= "ip6",
	[IR_HEADER_ETHER]	= "ether",
};

static const char *const action_names[] = {
	[IR_ACTION_ACCEPT]	= "accept",
	[IR_ACTION_DROP]	= "drop",
	[IR_ACTION_RETURN]	= "return",
	[IR_ACTION_JUMP]	= "jump",
	[IR_ACTION_GOTO]	= "goto",
	[IR_ACTION_CONTINUE]	= "continue",
	[IR_ACTION_BRIDGE]	= "bridge",
	[IR_ACTION_SET_MARK]	= "set_mark",
};

/**
 * blob_name_json - print a name that comes from a blob as a member of an object
 * @json:	where to
 * @key:	name of the member
 * @name:	the name; of its bytes those that cannot be printed become "?"
 */
void blob_name_json(json_writer_t *json, const char *key, const char *name)
{
	char text[sizeof(((struct ir_chain *)0)->name)];
	unsigned int i;

	for (i = 0; name[i] && i < sizeof(text) - 1; i++)
		text[i] = name[i] > 0x1f && name[i] < 0x7f ? name[i] : '?';
	text[i] = '\0';
	jsonw_string_field(json, key, text);
}

static void bytes_json(json_writer_t *json, const char *name,
		       const uint8_t *bytes)
{
	char text[2 * IR_BYTES_MAX + 1];
	unsigned int i;

	for (i = 0; i < IR_BYTES_MAX; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	jsonw_string_field(json, name, text);
}

static void masked_json(json_writer_t *json, const struct ir_ruleset *rs,
			const struct ir_test *t)
{
	jsonw_uint_field(json, "value", t->value);
	jsonw_uint_field(json, "mask", t->mask);
}

static void any_bit_json(json_writer_t *json, const struct ir_ruleset *rs,
			 const struct ir_test *t)
{
	jsonw_uint_field(json, "mask", t->mask);
}

static void name_json(json_writer_t *json, const struct ir_ruleset *rs,
		      const struct ir_test *t)
{
	bytes_json(json, "bytes", t->bytes);
	bytes_json(json, "mask", t->bytes_mask);
}

static void range_json(json_writer_t *json, const struct ir_ruleset *rs,
		       const struct ir_test *t)
{
	jsonw_uint_field(json, "lo", t->lo);
	jsonw_uint_field(json, "hi", t->hi);
}

static void value_json(json_writer_t *json, const struct ir_ruleset *rs,
		       const struct ir_test *t)
{
	jsonw_uint_field(json, "value", t->value);
}

static void header_json(json_writer_t *json, const struct ir_ruleset *rs,
			const struct ir_test *t)
{
	jsonw_string_field(json, "header", header_names[t->header]);
}

static void bytes_range_json(json_writer_t *json, const struct ir_ruleset *rs,
			     const struct ir_test *t)
{
	bytes_json(json, "lo", t->bytes);
	bytes_json(json, "hi", t->bytes_hi);
}

static void ports_json(json_writer_t *json, const struct ir_ruleset *rs,
		       const struct ir_test *t)
{
	uint32_t i;

	jsonw_bool_field(json, "source", t->ports & IR_PORTS_SRC);
	jsonw_bool_field(json, "destination", t->ports & IR_PORTS_DST);
	jsonw_name(json, "ranges");
	jsonw_start_array(json);
	for (i = 0; i < t->num_ranges; i++) {
		jsonw_start_array(json);
		jsonw_uint(json, rs->ranges[t->first_range + i].lo);
		jsonw_uint(json, rs->ranges[t->first_range + i].hi);
		jsonw_end_array(json);
	}
	jsonw_end_array(json);
}

static void bridged_json(json_writer_t *json, const struct ir_bridged *b)
{
	blob_name_json(json, "name", b->name);
	jsonw_uint_field(json, "revision", b->revision);
}

static void bridge_json(json_writer_t *json, const struct ir_ruleset *rs,
			const struct ir_test *t)
{
	bridged_json(json, &rs->bridged[t->value]);
}

/**
 * struct test_kind - a kind of test in JSON
 * @name:	its name
 * @has_field:	it looks at a field
 * @print:	prints what it compares with
 */
struct test_kind {
	const char *name;
	bool has_field;
	void (*print)(json_writer_t *json, const struct ir_ruleset *rs,
		      const struct ir_test *t);
};

static const struct test_kind test_kinds[] = {
	[IR_TEST_MASKED]	= { "masked",	true,	masked_json },
	[IR_TEST_BYTES]		= { "bytes",	true,	name_json },
	[IR_TEST_RANGE]		= { "range",	true,	range_json },
	[IR_TEST_BYTES_RANGE]	= { "bytes_range", true, bytes_range_json },
	[IR_TEST_PORTS]		= { "ports",	false,	ports_json },
	[IR_TEST_ANY_BIT]	= { "any_bit",	true,	any_bit_json },
	[IR_TEST_PRESENT]	= { "present",	true,	value_json },
	[IR_TEST_HEADER]	= { "header",	false,	header_json },
	[IR_TEST_CONN]		= { "conn",	false,	value_json },
	[IR_TEST_RANDOM]	= { "random",	false,	value_json },
	[IR_TEST_BRIDGE]	= { "bridge",	false,	bridge_json },
	[IR_TEST_CONST]		= { "const",	false,	value_json },
};

static void test_json(json_writer_t *json, const struct ir_ruleset *rs,
		      const struct ir_test *t)
{
	const struct test_kind *kind = &test_kinds[t->kind];

	jsonw_start_object(json);
	jsonw_string_field(json, "kind", kind->name);
	if (kind->has_field)
		jsonw_string_field(json, "field",
				   bpfilter_ir_field_name(t->field));
	kind->print(json, rs, t);
	if (t->invert)
		jsonw_bool_field(json, "invert", true);
	jsonw_end_object(json);
}

static void match_json(json_writer_t *json, const struct ir_ruleset *rs,
		       const struct ir_match *m)
{
	uint32_t i;

	jsonw_start_object(json);
	if (m->desc) {
		jsonw_string_field(json, "name", m->desc->name);
		jsonw_uint_field(json, "revision", m->desc->revision);
	}
	jsonw_name(json, "tests");
	jsonw_start_array(json);
	for (i = 0; i < m->num; i++)
		test_json(json, rs, &rs->tests[m->first + i]);
	jsonw_end_array(json);
	jsonw_end_object(json);
}

static void hooks_json(json_writer_t *json, const char *name, uint32_t mask)
{
	unsigned int hook;

	jsonw_name(json, name);
	jsonw_start_array(json);
	for (hook = 0; hook < BPFILTER_NUMHOOKS; hook++)
		if (mask & (1U << hook))
			jsonw_string(json, bpfilter_ir_hook_name(hook));
	jsonw_end_array(json);
}

static void action_json(json_writer_t *json, const struct ir_ruleset *rs,
			const struct ir_rule *rule)
{
	jsonw_string_field(json, "action", action_names[rule->action]);
	if (rule->action == IR_ACTION_JUMP || rule->action == IR_ACTION_GOTO)
		blob_name_json(json, "chain",
			       rs->chains[rule->target_chain].name);
	if (rule->action == IR_ACTION_BRIDGE) {
		jsonw_name(json, "target");
		jsonw_start_object(json);
		bridged_json(json, &rs->bridged[rule->bridged]);
		jsonw_end_object(json);
	}
	if (rule->action == IR_ACTION_SET_MARK) {
		jsonw_uint_field(json, "keep", rule->mark_keep);
		jsonw_uint_field(json, "flip", rule->mark_flip);
	}
}

static void text_json(json_writer_t *json, const struct ir_ruleset *rs,
		      uint32_t entry)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return;
	bpfilter_rule_text(rs, entry, out);
	fclose(out);
	if (text && *text) {
		line_make_ascii(text);
		jsonw_string_field(json, "text", text);
	}
	free(text);
}

static void rule_json(json_writer_t *json, const struct ir_ruleset *rs,
		      uint32_t entry)
{
	const struct ir_rule *rule = &rs->rules[entry];
	uint32_t i;

	jsonw_start_object(json);
	jsonw_uint_field(json, "number", rule->number);
	jsonw_uint_field(json, "entry", entry);
	jsonw_uint_field(json, "offset", rule->offset);
	text_json(json, rs, entry);
	hooks_json(json, "comefrom", rule->comefrom);
	if (rule->is_policy)
		jsonw_bool_field(json, "policy", true);
	if (rule->dead)
		jsonw_bool_field(json, "dead", true);
	jsonw_name(json, "matches");
	jsonw_start_array(json);
	for (i = 0; i < rule->num_matches; i++)
		match_json(json, rs, &rs->matches[rule->first_match + i]);
	jsonw_end_array(json);
	action_json(json, rs, rule);
	jsonw_end_object(json);
}

static void chain_json(json_writer_t *json, const struct ir_ruleset *rs,
		       const struct ir_chain *chain)
{
	uint32_t i;

	jsonw_start_object(json);
	blob_name_json(json, "name", chain->name);
	jsonw_bool_field(json, "hook", chain->hook >= 0);
	jsonw_uint_field(json, "refs", chain->refs);
	if (chain->dead)
		jsonw_bool_field(json, "dead", true);
	jsonw_name(json, "rules");
	jsonw_start_array(json);
	for (i = chain->first; i < chain->listed_end; i++)
		rule_json(json, rs, i);
	jsonw_end_array(json);
	jsonw_end_object(json);
}

static void ir_json(json_writer_t *json, const struct ir_ruleset *rs)
{
	uint32_t i;

	blob_name_json(json, "table", rs->table);
	jsonw_string_field(json, "family",
			   table_family_find(rs->family)->word);
	jsonw_uint_field(json, "entries", rs->num_rules);
	jsonw_name(json, "chains");
	jsonw_start_array(json);
	for (i = 0; i < rs->num_chains; i++)
		chain_json(json, rs, &rs->chains[i]);
	jsonw_end_array(json);
}

/**
 * ir_print - print the IR of a ruleset
 * @ctx:	options
 * @rs:		the ruleset; as JSON its members go into the object at hand
 */
void ir_print(struct cmd_ctx *ctx, const struct ir_ruleset *rs)
{
	if (ctx->json)
		ir_json(ctx->json, rs);
	else
		bpfilter_ir_dump(rs, stdout);
}
