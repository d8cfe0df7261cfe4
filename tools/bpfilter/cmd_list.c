// SPDX-License-Identifier: GPL-2.0
/*
 * bpfilter rules - live rules, their counters, and where each of them went
 *
 * Of a table that the native engine runs it is told where its rules would go.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd_view.h"
#include "ir_dump.h"

/**
 * struct list_args - the arguments of the command
 * @fam:	family, NULL: both
 * @table:	table, NULL: all
 * @chain:	chain, NULL: all
 */
struct list_args {
	const struct table_family *fam;
	const char *table;
	const char *chain;
};

static int args_read(struct cmd_ctx *ctx, struct list_args *args, int argc,
		     char **argv)
{
	if (argc) {
		args->fam = table_family_word(argv[0]);
		argc -= !!args->fam;
		argv += !!args->fam;
	}
	if (argc)
		args->table = argv[0];
	if (argc > 1)
		args->chain = argv[1];
	if (argc > 2)
		return cmd_usage(ctx, "rules does not know \"%s\"", argv[2]);
	return CMD_OK;
}

static bool wants_chain(const struct list_args *args,
			const struct ir_chain *chain)
{
	return !args->chain || !strcmp(args->chain, chain->name);
}

/* A chain that a jump into the middle of another makes is not listed */
static bool is_listed(const struct ir_ruleset *rs, uint32_t chain)
{
	return rs->rules[rs->chains[chain].first].chain == (int32_t)chain;
}

static bool view_has_chain(const struct view *v, const struct list_args *args)
{
	const struct ir_ruleset *rs = v->translation.rs;
	uint32_t i;

	for (i = 0; rs && i < rs->num_chains; i++)
		if (is_listed(rs, i) && wants_chain(args, &rs->chains[i]))
			return true;
	return false;
}

/* Plain output */

static void rule_plain(const struct view *v, uint32_t entry)
{
	const struct xt_counters *c = view_counters(v, entry);

	printf("    %5u [%llu:%llu] %s\n",
	       v->translation.rs->rules[entry].number, c->pcnt, c->bcnt,
	       text_line(&v->text, entry));
	where_plain(v, entry, "          ");
	never_plain(v, entry, "          ");
}

static void chain_plain(const struct view *v, const struct ir_chain *chain)
{
	const struct ir_ruleset *rs = v->translation.rs;
	uint32_t i;

	printf("  ");
	ir_dump_name(stdout, chain->name);
	if (chain->hook >= 0) {
		uint32_t policy = rs->hook_underflow[chain->hook];
		const struct xt_counters *c = view_counters(v, policy);

		printf("  policy %s [%llu:%llu]\n",
		       rs->rules[policy].action == IR_ACTION_ACCEPT ?
		       "ACCEPT" : "DROP", c->pcnt, c->bcnt);
	} else {
		printf("  references %u\n", chain->refs);
	}
	for (i = chain->first; i < chain->listed_end; i++)
		if (view_lists(rs, i))
			rule_plain(v, i);
}

static void view_plain(const struct view *v, const struct list_args *args)
{
	const struct ir_ruleset *rs = v->translation.rs;
	uint32_t i;

	printf("%s %s  engine %s\n", v->fam->word, v->name,
	       v->native ? "native" : "bpfilter");
	if (v->refusal.text[0])
		printf("  refused: %s\n", v->refusal.text);
	for (i = 0; rs && i < rs->num_chains; i++)
		if (is_listed(rs, i) && wants_chain(args, &rs->chains[i]))
			chain_plain(v, &rs->chains[i]);
}

/* JSON output */

static void counters_json(json_writer_t *json, const struct view *v,
			  uint32_t entry)
{
	const struct xt_counters *c = view_counters(v, entry);

	jsonw_uint_field(json, "packets", c->pcnt);
	jsonw_uint_field(json, "bytes", c->bcnt);
}

static void rule_json(json_writer_t *json, const struct view *v, uint32_t entry)
{
	jsonw_start_object(json);
	jsonw_uint_field(json, "number", v->translation.rs->rules[entry].number);
	jsonw_uint_field(json, "entry", entry);
	counters_json(json, v, entry);
	jsonw_string_field(json, "text", text_line(&v->text, entry));
	where_json(json, v, entry);
	never_json(json, v, entry);
	jsonw_end_object(json);
}

static void policy_json(json_writer_t *json, const struct view *v,
			const struct ir_chain *chain)
{
	const struct ir_ruleset *rs = v->translation.rs;
	uint32_t policy = rs->hook_underflow[chain->hook];

	jsonw_name(json, "policy");
	jsonw_start_object(json);
	jsonw_string_field(json, "verdict",
			   rs->rules[policy].action == IR_ACTION_ACCEPT ?
			   "ACCEPT" : "DROP");
	jsonw_uint_field(json, "entry", policy);
	counters_json(json, v, policy);
	jsonw_end_object(json);
}

static void chain_json(json_writer_t *json, const struct view *v,
		       const struct ir_chain *chain)
{
	const struct ir_ruleset *rs = v->translation.rs;
	uint32_t i;

	jsonw_start_object(json);
	blob_name_json(json, "name", chain->name);
	if (chain->hook >= 0)
		policy_json(json, v, chain);
	else
		jsonw_uint_field(json, "references", chain->refs);
	jsonw_name(json, "rules");
	jsonw_start_array(json);
	for (i = chain->first; i < chain->listed_end; i++)
		if (view_lists(rs, i))
			rule_json(json, v, i);
	jsonw_end_array(json);
	jsonw_end_object(json);
}

static void view_json(json_writer_t *json, const struct view *v,
		      const struct list_args *args)
{
	const struct ir_ruleset *rs = v->translation.rs;
	uint32_t i;

	jsonw_start_object(json);
	jsonw_string_field(json, "family", v->fam->word);
	jsonw_string_field(json, "table", v->name);
	jsonw_string_field(json, "engine", v->native ? "native" : "bpfilter");
	if (v->refusal.text[0])
		jsonw_string_field(json, "refusal", v->refusal.text);
	jsonw_name(json, "chains");
	jsonw_start_array(json);
	for (i = 0; rs && i < rs->num_chains; i++)
		if (is_listed(rs, i) && wants_chain(args, &rs->chains[i]))
			chain_json(json, v, &rs->chains[i]);
	jsonw_end_array(json);
	jsonw_end_object(json);
}

/* The command */

static int list_print(struct cmd_ctx *ctx, const struct views *views,
		      const struct list_args *args)
{
	bool any = !args->chain;
	unsigned int i;

	for (i = 0; i < views->num; i++)
		any |= view_has_chain(&views->view[i], args);
	if (!any)
		return cmd_error(ctx, "no chain \"%s\" in table \"%s\"",
				 args->chain, args->table);
	if (ctx->json) {
		jsonw_start_object(ctx->json);
		jsonw_name(ctx->json, "tables");
		jsonw_start_array(ctx->json);
	}
	for (i = 0; i < views->num; i++) {
		if (ctx->json)
			view_json(ctx->json, &views->view[i], args);
		else
			view_plain(&views->view[i], args);
	}
	if (ctx->json) {
		jsonw_end_array(ctx->json);
		jsonw_end_object(ctx->json);
	}
	return CMD_OK;
}

/**
 * cmd_rules - the command "rules"
 * @ctx:	options
 * @argc:	number of arguments
 * @argv:	arguments
 *
 * Return: enum cmd_status
 */
int cmd_rules(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct list_args args = {};
	struct views views;
	int ret;

	ret = args_read(ctx, &args, argc, argv);
	if (ret != CMD_OK)
		return ret;
	ret = views_fetch(ctx, args.fam, args.table, &views);
	if (ret == CMD_OK)
		ret = list_print(ctx, &views, &args);
	views_free(&views);
	return ret;
}
