// SPDX-License-Identifier: GPL-2.0
/* Where a rule went: functions, records of the data map, the kernel's own code */
#include <stdio.h>

#include "cmd_view.h"
#include "ir_dump.h"

static bool place_at(const struct view *v, unsigned int hook, uint32_t entry,
		     struct plan_rule_place *place)
{
	const struct translation *t = &v->translation;

	return v->records &&
	       bpfilter_plan_rule(t->rs, t->plan, &t->img, v->records, hook,
				  entry, place);
}

/* Those of the rule stand together */
static uint32_t first_bridged(const struct ir_ruleset *rs, uint32_t entry)
{
	uint32_t lo = 0, hi = rs->num_bridged;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (rs->bridged[mid].rule < entry)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Plain output */

static void place_plain(unsigned int hook, const struct plan_rule_place *place)
{
	printf("%s:", bpfilter_ir_hook_name(hook));
	if (place->func)
		printf(" code %s", place->func->name);
	if (place->inlined)
		printf(" code, copied");
	if (place->data && place->data->trees)
		printf(" data, record %u, %u classifier%s", place->record,
		       place->data->trees, place->data->trees > 1 ? "s" : "");
	else if (place->data)
		printf(" data, record %u", place->record);
}

static void bridged_plain(const struct view *v, uint32_t entry,
			  const char *indent)
{
	const struct ir_ruleset *rs = v->translation.rs;
	uint32_t i = first_bridged(rs, entry);

	if (i == rs->num_bridged || rs->bridged[i].rule != entry)
		return;
	printf("%sbridge:", indent);
	for (; i < rs->num_bridged && rs->bridged[i].rule == entry; i++) {
		printf(" %s ", rs->bridged[i].is_target ? "target" : "match");
		ir_dump_name(stdout, rs->bridged[i].name);
		if (rs->bridged[i].revision)
			printf(".%u", rs->bridged[i].revision);
	}
	printf("\n");
}

/**
 * where_plain - print where a rule went as text
 * @v:		the table
 * @entry:	index of the rule
 * @indent:	in front of each line
 */
void where_plain(const struct view *v, uint32_t entry, const char *indent)
{
	struct plan_rule_place place;
	const char *sep = indent;
	unsigned int hook;

	for (hook = 0; hook < BPFILTER_NUMHOOKS; hook++) {
		if (!place_at(v, hook, entry, &place))
			continue;
		printf("%s", sep);
		place_plain(hook, &place);
		sep = "; ";
	}
	if (sep != indent)
		printf("\n");
	bridged_plain(v, entry, indent);
}

/* JSON output */

static void place_json(json_writer_t *json, unsigned int hook,
		       const struct plan_rule_place *place)
{
	jsonw_start_object(json);
	jsonw_string_field(json, "hook", bpfilter_ir_hook_name(hook));
	if (place->func)
		jsonw_string_field(json, "function", place->func->name);
	jsonw_bool_field(json, "copied", place->inlined);
	if (place->data) {
		jsonw_uint_field(json, "record", place->record);
		jsonw_uint_field(json, "classifiers", place->data->trees);
	}
	jsonw_end_object(json);
}

static void bridged_json(json_writer_t *json, const struct ir_bridged *b)
{
	jsonw_start_object(json);
	jsonw_string_field(json, "kind", b->is_target ? "target" : "match");
	blob_name_json(json, "name", b->name);
	jsonw_uint_field(json, "revision", b->revision);
	jsonw_end_object(json);
}

/**
 * where_json - print where a rule went as members of an object
 * @json:	where to
 * @v:		the table
 * @entry:	index of the rule
 */
void where_json(json_writer_t *json, const struct view *v, uint32_t entry)
{
	const struct ir_ruleset *rs = v->translation.rs;
	struct plan_rule_place place;
	unsigned int hook;
	uint32_t i;

	jsonw_name(json, "where");
	jsonw_start_array(json);
	for (hook = 0; hook < BPFILTER_NUMHOOKS; hook++)
		if (place_at(v, hook, entry, &place))
			place_json(json, hook, &place);
	jsonw_end_array(json);

	jsonw_name(json, "bridged");
	jsonw_start_array(json);
	for (i = first_bridged(rs, entry);
	     i < rs->num_bridged && rs->bridged[i].rule == entry; i++)
		bridged_json(json, &rs->bridged[i]);
	jsonw_end_array(json);
}
