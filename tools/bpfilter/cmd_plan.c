// SPDX-License-Identifier: GPL-2.0
/* What "bpfilter show --plan" says of a table: what became of each chain */
#include <stdio.h>

#include "cmd_show.h"

/* Plain output */

static void code_plain(const struct plan_place *c)
{
	if (c->inlined)
		printf("  code, copied");
	if (c->functions)
		printf("  code, %u function%s", c->functions,
		       c->functions > 1 ? "s" : "");
}

static void data_plain(const struct data_made *data)
{
	printf("  data, %u records", data->records);
	if (data->trees)
		printf(", %u classifier%s", data->trees,
		       data->trees > 1 ? "s" : "");
	printf(", %uB", data->bytes);
}

static void chain_plain(const char *name, const struct plan_place *c)
{
	printf("            %s", name);
	code_plain(c);
	if (c->data)
		data_plain(c->data);
	printf("\n");
}

static void hook_plain(const struct translation *c, unsigned int hook)
{
	struct plan_place chain;
	bool any = false;
	uint32_t i;

	for (i = 0; i < c->rs->num_chains; i++) {
		if (!bpfilter_plan_describe(c->plan, &c->img.data, hook, i,
					    &chain))
			continue;
		if (!any)
			printf("        plan of %s\n",
			       bpfilter_ir_hook_name(hook));
		any = true;
		chain_plain(c->rs->chains[i].name, &chain);
	}
}

/**
 * plan_plain - print a table's plan as text
 * @t:		table
 */
void plan_plain(const struct show_table *t)
{
	unsigned int hook;

	if (!t->translation)
		return;
	if (t->refusal.text[0]) {
		printf("        no plan: %s\n", t->refusal.text);
		return;
	}
	for (hook = 0; hook < BPFILTER_NUMHOOKS; hook++)
		hook_plain(t->translation, hook);
}

/* JSON output */

static void chain_json(json_writer_t *json, const char *name,
		       const struct plan_place *c)
{
	jsonw_start_object(json);
	jsonw_string_field(json, "chain", name);
	jsonw_bool_field(json, "copied", c->inlined);
	jsonw_uint_field(json, "functions", c->functions);
	if (c->data) {
		jsonw_name(json, "data");
		jsonw_start_object(json);
		jsonw_uint_field(json, "records", c->data->records);
		jsonw_uint_field(json, "classifiers", c->data->trees);
		jsonw_uint_field(json, "bytes", c->data->bytes);
		jsonw_end_object(json);
	}
	jsonw_end_object(json);
}

static void hook_json(json_writer_t *json, const struct translation *c,
		      unsigned int hook)
{
	struct plan_place chain;
	uint32_t i;

	jsonw_start_object(json);
	jsonw_string_field(json, "hook", bpfilter_ir_hook_name(hook));
	jsonw_name(json, "chains");
	jsonw_start_array(json);
	for (i = 0; i < c->rs->num_chains; i++)
		if (bpfilter_plan_describe(c->plan, &c->img.data, hook, i,
					   &chain))
			chain_json(json, c->rs->chains[i].name, &chain);
	jsonw_end_array(json);
	jsonw_end_object(json);
}

/**
 * plan_json - print a table's plan as members of an object
 * @json:	where to
 * @t:		table
 */
void plan_json(json_writer_t *json, const struct show_table *t)
{
	unsigned int hook;

	if (!t->translation)
		return;
	if (t->refusal.text[0]) {
		jsonw_string_field(json, "plan_error", t->refusal.text);
		return;
	}
	jsonw_name(json, "plan");
	jsonw_start_array(json);
	for (hook = 0; hook < BPFILTER_NUMHOOKS; hook++)
		if (t->translation->rs->valid_hooks & (1U << hook))
			hook_json(json, t->translation, hook);
	jsonw_end_array(json);
}
