// SPDX-License-Identifier: GPL-2.0
/* What "bpfilter load" says */
#include <stdio.h>

#include "cmd_load.h"

#define SUMMARY	"%u rule%s cannot be run without bpfilter in the kernel, nothing was loaded"

/**
 * load_print_refused - why rules cannot be loaded
 * @l:		the tables
 */
void load_print_refused(const struct load *l)
{
	json_writer_t *json = l->ctx->json;
	char text[128];
	unsigned int i;

	snprintf(text, sizeof(text), SUMMARY, l->num_refused,
		 l->num_refused == 1 ? "" : "s");
	if (!json) {
		for (i = 0; i < l->num_refused; i++)
			fprintf(stderr, "%s\n", l->refused[i]);
		cmd_error(l->ctx, "%s", text);
		return;
	}
	jsonw_start_object(json);
	jsonw_string_field(json, "error", text);
	jsonw_name(json, "refused");
	jsonw_start_array(json);
	for (i = 0; i < l->num_refused; i++)
		jsonw_string(json, l->refused[i]);
	jsonw_end_array(json);
	jsonw_end_object(json);
}

static void table_json(json_writer_t *json, const struct load_table *t)
{
	int hook;

	jsonw_start_object(json);
	jsonw_string_field(json, "family",
			   table_family_find(t->src->family)->word);
	jsonw_string_field(json, "name", t->src->name);
	jsonw_name(json, "hooks");
	jsonw_start_array(json);
	for (hook = 0; hook < BPFILTER_NUMHOOKS; hook++) {
		if (t->link[hook].fd < 0)
			continue;
		jsonw_start_object(json);
		jsonw_string_field(json, "hook", bpfilter_ir_hook_name(hook));
		jsonw_int_field(json, "priority", t->link[hook].priority);
		jsonw_end_object(json);
	}
	jsonw_end_array(json);
	jsonw_end_object(json);
}

static void table_plain(const struct load_table *t)
{
	int hook;

	printf("%s %s", table_family_find(t->src->family)->word, t->src->name);
	for (hook = 0; hook < BPFILTER_NUMHOOKS; hook++)
		if (t->link[hook].fd >= 0)
			printf("  %s at %d", bpfilter_ir_hook_name(hook),
			       t->link[hook].priority);
	printf("%s\n", t->is_loaded ? "" : "  nothing to run");
}

/**
 * load_print - what was loaded
 * @l:		the tables
 */
void load_print(const struct load *l)
{
	json_writer_t *json = l->ctx->json;
	unsigned int i;

	if (json) {
		jsonw_start_object(json);
		jsonw_name(json, "tables");
		jsonw_start_array(json);
	}
	for (i = 0; i < l->num; i++) {
		if (json)
			table_json(json, &l->table[i]);
		else
			table_plain(&l->table[i]);
	}
	if (json) {
		jsonw_end_array(json);
		jsonw_end_object(json);
	}
}
