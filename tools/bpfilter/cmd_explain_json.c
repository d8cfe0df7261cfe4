// SPDX-License-Identifier: GPL-2.0
/* What "bpfilter explain" says of a table, as JSON */
#include "cmd_explain.h"

static void rule_members(json_writer_t *json, const struct view *v,
			 uint32_t entry)
{
	const struct ir_ruleset *rs = v->translation.rs;
	const struct ir_rule *rule = &rs->rules[entry];

	blob_name_json(json, "chain", rule->chain < 0 ? "" :
		       rs->chains[rule->chain].name);
	jsonw_uint_field(json, "number", rule->number);
	jsonw_string_field(json, "text", text_line(&v->text, entry));
}

static void never_rules(json_writer_t *json, const struct explained *e)
{
	const struct ir_ruleset *rs = e->view->translation.rs;
	uint32_t i;

	jsonw_name(json, "never");
	jsonw_start_array(json);
	for (i = 0; i < rs->num_rules; i++) {
		if (!view_lists(rs, i) || !rs->rules[i].never)
			continue;
		jsonw_start_object(json);
		rule_members(json, e->view, i);
		never_json(json, e->view, i);
		jsonw_end_object(json);
	}
	jsonw_end_array(json);
}

static void repeats(json_writer_t *json, const struct explained *e)
{
	const struct ir_ruleset *rs = e->view->translation.rs;
	uint32_t i;

	jsonw_name(json, "repeated");
	jsonw_start_array(json);
	for (i = 0; i < rs->num_rules; i++) {
		if (!view_lists(rs, i) || !explain_repeats(e, i))
			continue;
		jsonw_start_object(json);
		rule_members(json, e->view, i);
		jsonw_uint_field(json, "same_as",
				 rs->rules[e->same_as[i]].number);
		jsonw_end_object(json);
	}
	jsonw_end_array(json);
}

static void bridged(json_writer_t *json, const struct explained *e)
{
	const struct ir_ruleset *rs = e->view->translation.rs;
	uint32_t i, last = UINT32_MAX;

	jsonw_name(json, "bridged");
	jsonw_start_array(json);
	for (i = 0; i < rs->num_bridged; i++) {
		if (rs->bridged[i].rule == last)
			continue;
		last = rs->bridged[i].rule;
		jsonw_start_object(json);
		rule_members(json, e->view, last);
		where_json(json, e->view, last);
		jsonw_end_object(json);
	}
	jsonw_end_array(json);
}

static void place_json(json_writer_t *json, const struct view *v,
		       uint32_t chain, unsigned int hook)
{
	const struct translation *t = &v->translation;
	struct plan_place place;
	uint64_t cost;

	if (!bpfilter_plan_describe(t->plan, &t->img.data, hook, chain,
				    &place))
		return;
	cost = bpfilter_plan_cost(t->rs, t->plan, &t->img.data, hook, chain);
	jsonw_start_object(json);
	jsonw_string_field(json, "hook", bpfilter_ir_hook_name(hook));
	jsonw_bool_field(json, "copied", place.inlined);
	jsonw_uint_field(json, "functions", place.functions);
	if (place.data) {
		jsonw_uint_field(json, "records", place.data->records);
		jsonw_uint_field(json, "classifiers", place.data->trees);
	}
	jsonw_uint_field(json, "estimated_ps", cost * 100);
	jsonw_end_object(json);
}

static void chain_json(json_writer_t *json, const struct view *v,
		       uint32_t chain)
{
	const struct ir_ruleset *rs = v->translation.rs;
	const struct ir_chain *c = &rs->chains[chain];
	unsigned int hook;
	uint32_t i, rules = 0;

	for (i = c->first; i < c->listed_end; i++)
		rules += view_lists(rs, i);
	jsonw_start_object(json);
	blob_name_json(json, "name", c->name);
	jsonw_uint_field(json, "rules", rules);
	if (c->hook < 0)
		jsonw_uint_field(json, "references", c->refs);
	if (explain_chain_state(rs, chain))
		jsonw_string_field(json, "state",
				   explain_chain_state(rs, chain));
	jsonw_name(json, "places");
	jsonw_start_array(json);
	for (hook = 0; v->records && hook < BPFILTER_NUMHOOKS; hook++)
		place_json(json, v, chain, hook);
	jsonw_end_array(json);
	jsonw_end_object(json);
}

static void read_json(json_writer_t *json, const struct explained *e)
{
	uint32_t i;

	never_rules(json, e);
	repeats(json, e);
	bridged(json, e);
	jsonw_name(json, "chains");
	jsonw_start_array(json);
	for (i = 0; i < e->view->translation.rs->num_chains; i++)
		chain_json(json, e->view, i);
	jsonw_end_array(json);
}

/**
 * explain_json - print what there is to say of a table, as an object
 * @json:	where to
 * @e:		the table
 */
void explain_json(json_writer_t *json, const struct explained *e)
{
	const struct view *v = e->view;

	jsonw_start_object(json);
	jsonw_string_field(json, "family", v->fam->word);
	blob_name_json(json, "table", v->name);
	jsonw_uint_field(json, "rules", e->rules);
	if (v->refusal.text[0])
		jsonw_string_field(json, "refusal", v->refusal.text);
	if (v->translation.rs)
		read_json(json, e);
	jsonw_end_object(json);
}
