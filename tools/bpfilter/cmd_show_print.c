// SPDX-License-Identifier: GPL-2.0
/* What "bpfilter show" gathered, plain and as JSON */
#include <stdio.h>
#include <string.h>

#include "cmd_show.h"

static const char *const helper_states[] = {
	[BPFILTER_HELPER_NONE]	= "none",
	[BPFILTER_HELPER_IDLE]	= "idle",
	[BPFILTER_HELPER_BUSY]	= "busy",
};

static const char *helper_state(uint32_t state)
{
	return state < ARRAY_SIZE(helper_states) ? helper_states[state] :
	       "unknown";
}

/* Plain output */

static void prog_plain(const struct show_table *t, unsigned int hook)
{
	const struct prog_desc *prog = &t->prog[hook];

	printf("        %s", bpfilter_ir_hook_name(hook));
	if (!t->owned->prog_id[hook])
		printf("  no program");
	else
		printf("  prog %u", t->owned->prog_id[hook]);
	if (t->known & (1U << hook))
		printf("  name %s  xlated %uB  jited %uB", prog->name,
		       prog->xlated, prog->jited);
	printf("\n");
}

static uint32_t ext_uses(const struct rules_ext *ext, bool bridged)
{
	return bridged ? ext->bridged : ext->translated;
}

/* One line for each list that is not empty: names and how many rules each has */
static void exts_plain(const struct rules *rules, bool is_target, bool bridged)
{
	bool first = true;
	uint32_t i;

	for (i = 0; i < rules->num_exts; i++) {
		const struct rules_ext *ext = &rules->exts[i];

		if (ext->is_target != is_target || !ext_uses(ext, bridged))
			continue;
		if (first)
			printf("        %s %s",
			       bridged ? "bridged" : "translated",
			       is_target ? "targets" : "matches");
		first = false;
		printf("  %s", ext->name);
		if (ext->revision)
			printf(".%u", ext->revision);
		printf(" %u", ext_uses(ext, bridged));
	}
	if (!first)
		printf("\n");
}

static void rules_plain(const struct show_table *t)
{
	const struct bpfilter_status_table *st = t->owned;

	printf("        bridged extensions %u  in entries %u\n",
	       st->num_bridged, st->num_bridged_entries);
	exts_plain(&t->rules, false, false);
	exts_plain(&t->rules, false, true);
	exts_plain(&t->rules, true, false);
	exts_plain(&t->rules, true, true);
}

static void owned_plain(const struct show_table *t)
{
	const struct bpfilter_status_table *st = t->owned;
	unsigned int hook;

	rules_plain(t);

	for (hook = 0; hook < BPFILTER_NUMHOOKS; hook++)
		if (st->valid_hooks & (1U << hook))
			prog_plain(t, hook);

	if (!st->counter_map_id)
		return;
	printf("        counters  map %u", st->counter_map_id);
	if (t->map_bytes)
		printf("  %lluB", (unsigned long long)t->map_bytes);
	if (t->data_map_id)
		printf("\n        data  map %u", t->data_map_id);
	if (t->data_bytes)
		printf("  %lluB", (unsigned long long)t->data_bytes);
	printf("\n        compiled in %.3fms  loaded in %.3fms\n",
	       st->compile_ns / 1e6, st->load_ns / 1e6);
}

static void table_plain(const struct show_table *t)
{
	printf("    %s %s  engine %s", t->fam->word, t->name,
	       t->owned ? "bpfilter" : "native");
	if (t->sized)
		printf("  rules %u  chains %u  entries %u  size %uB",
		       t->rules.rules, t->rules.chains, t->entries, t->size);
	if (t->owned)
		printf("  generation %llu",
		       (unsigned long long)t->owned->generation);
	printf("\n");
	if (t->owned)
		owned_plain(t);
	plan_plain(t);
}

static void netns_plain(const struct show_netns *ns)
{
	unsigned int i;

	printf("netns %s", ns->name ? ns->name : "(current)");
	if (ns->error) {
		printf("  error: %s\n", strerror(-ns->error));
		return;
	}
	printf("  bpfilter %s\n", ns->status->enabled ? "on" : "off");
	for (i = 0; i < ns->num_tables; i++)
		table_plain(&ns->tables[i]);
}

static void helper_plain(const struct bpfilter_status *st)
{
	printf("helper %s", helper_state(st->helper_state));
	if (st->helper_pid)
		printf("  pid %u", st->helper_pid);
	printf("  starts %llu  deaths %llu\n",
	       (unsigned long long)st->helper_starts,
	       (unsigned long long)st->helper_deaths);
}

static void show_plain(const struct show *show)
{
	unsigned int i;

	helper_plain(show->ns[0].status);
	for (i = 0; i < show->num; i++)
		netns_plain(&show->ns[i]);
}

/* JSON output */

static void prog_json(json_writer_t *json, const struct show_table *t,
		      unsigned int hook)
{
	const struct prog_desc *prog = &t->prog[hook];
	uint32_t id = t->owned->prog_id[hook];

	jsonw_start_object(json);
	jsonw_string_field(json, "hook", bpfilter_ir_hook_name(hook));
	if (id)
		jsonw_uint_field(json, "id", id);
	if (t->known & (1U << hook)) {
		jsonw_string_field(json, "name", prog->name);
		jsonw_uint_field(json, "bytes_xlated", prog->xlated);
		jsonw_uint_field(json, "bytes_jited", prog->jited);
	}
	jsonw_end_object(json);
}

static void map_json(json_writer_t *json, const char *name, uint32_t id,
		     uint64_t bytes)
{
	jsonw_name(json, name);
	jsonw_start_object(json);
	jsonw_uint_field(json, "map_id", id);
	if (bytes)
		jsonw_uint_field(json, "bytes", bytes);
	jsonw_end_object(json);
}

static void ext_json(json_writer_t *json, const struct rules_ext *ext)
{
	jsonw_start_object(json);
	jsonw_string_field(json, "kind", ext->is_target ? "target" : "match");
	jsonw_string_field(json, "name", ext->name);
	jsonw_uint_field(json, "revision", ext->revision);
	jsonw_uint_field(json, "translated", ext->translated);
	jsonw_uint_field(json, "bridged", ext->bridged);
	jsonw_end_object(json);
}

static void rules_json(json_writer_t *json, const struct show_table *t)
{
	uint32_t i;

	jsonw_uint_field(json, "bridged", t->owned->num_bridged);
	jsonw_uint_field(json, "entries_bridged",
			 t->owned->num_bridged_entries);
	if (!t->sized)
		return;
	jsonw_name(json, "extensions");
	jsonw_start_array(json);
	for (i = 0; i < t->rules.num_exts; i++)
		ext_json(json, &t->rules.exts[i]);
	jsonw_end_array(json);
}

static void owned_json(json_writer_t *json, const struct show_table *t)
{
	const struct bpfilter_status_table *st = t->owned;
	unsigned int hook;

	rules_json(json, t);
	jsonw_uint_field(json, "generation", st->generation);
	jsonw_name(json, "hooks");
	jsonw_start_array(json);
	for (hook = 0; hook < BPFILTER_NUMHOOKS; hook++)
		if (st->valid_hooks & (1U << hook))
			prog_json(json, t, hook);
	jsonw_end_array(json);

	if (!st->counter_map_id)
		return;
	map_json(json, "counters", st->counter_map_id, t->map_bytes);
	if (t->data_map_id)
		map_json(json, "data", t->data_map_id, t->data_bytes);
	jsonw_uint_field(json, "compile_ns", st->compile_ns);
	jsonw_uint_field(json, "load_ns", st->load_ns);
}

static void table_json(json_writer_t *json, const struct show_table *t)
{
	jsonw_start_object(json);
	jsonw_string_field(json, "name", t->name);
	jsonw_string_field(json, "family", t->fam->word);
	jsonw_string_field(json, "engine", t->owned ? "bpfilter" : "native");
	if (t->sized) {
		jsonw_uint_field(json, "rules", t->rules.rules);
		jsonw_uint_field(json, "chains", t->rules.chains);
		jsonw_uint_field(json, "entries", t->entries);
		jsonw_uint_field(json, "bytes", t->size);
	}
	if (t->owned)
		owned_json(json, t);
	plan_json(json, t);
	jsonw_end_object(json);
}

static void netns_json(json_writer_t *json, const struct show_netns *ns)
{
	unsigned int i;

	jsonw_start_object(json);
	if (ns->name)
		jsonw_string_field(json, "name", ns->name);
	else
		jsonw_null_field(json, "name");
	if (ns->error) {
		jsonw_string_field(json, "error", strerror(-ns->error));
	} else {
		jsonw_bool_field(json, "enabled", ns->status->enabled);
		jsonw_name(json, "tables");
		jsonw_start_array(json);
		for (i = 0; i < ns->num_tables; i++)
			table_json(json, &ns->tables[i]);
		jsonw_end_array(json);
	}
	jsonw_end_object(json);
}

static void helper_json(json_writer_t *json, const struct bpfilter_status *st)
{
	jsonw_name(json, "helper");
	jsonw_start_object(json);
	jsonw_string_field(json, "state", helper_state(st->helper_state));
	if (st->helper_pid)
		jsonw_uint_field(json, "pid", st->helper_pid);
	jsonw_uint_field(json, "starts", st->helper_starts);
	jsonw_uint_field(json, "deaths", st->helper_deaths);
	jsonw_end_object(json);
}

static void show_json(json_writer_t *json, const struct show *show)
{
	unsigned int i;

	jsonw_start_object(json);
	jsonw_uint_field(json, "protocol", show->ns[0].status->version);
	helper_json(json, show->ns[0].status);
	jsonw_name(json, "netns");
	jsonw_start_array(json);
	for (i = 0; i < show->num; i++)
		netns_json(json, &show->ns[i]);
	jsonw_end_array(json);
	jsonw_end_object(json);
}

/**
 * show_print - print all that was gathered
 * @ctx:	options
 * @show:	what was gathered
 */
void show_print(struct cmd_ctx *ctx, const struct show *show)
{
	if (ctx->json)
		show_json(ctx->json, show);
	else
		show_plain(show);
}
