// SPDX-License-Identifier: GPL-2.0
/* What "bpfilter explain" says of a table, as text */
#include <stdio.h>

#include "cmd_explain.h"
#include "ir_dump.h"

static const char *plural(uint32_t num)
{
	return num == 1 ? "" : "s";
}

static void rule_plain(const struct view *v, uint32_t entry)
{
	char name[64];

	printf("    %s  %s\n",
	       view_rule_name(v->translation.rs, entry, name, sizeof(name)),
	       text_line(&v->text, entry));
}

static void never_rules(const struct explained *e)
{
	const struct ir_ruleset *rs = e->view->translation.rs;
	uint32_t i;

	printf("  never match: %u rule%s\n", e->never, plural(e->never));
	for (i = 0; i < rs->num_rules; i++) {
		if (!view_lists(rs, i) || !rs->rules[i].never)
			continue;
		rule_plain(e->view, i);
		never_plain(e->view, i, "        ");
	}
}

static void repeats(const struct explained *e)
{
	const struct ir_ruleset *rs = e->view->translation.rs;
	char name[64];
	uint32_t i;

	printf("  repeated: %u rule%s\n", e->repeats, plural(e->repeats));
	for (i = 0; i < rs->num_rules; i++) {
		if (!view_lists(rs, i) || !explain_repeats(e, i))
			continue;
		rule_plain(e->view, i);
		printf("        the same as %s\n",
		       view_rule_name(rs, e->same_as[i], name, sizeof(name)));
	}
}

static void bridged_rules(const struct explained *e)
{
	const struct ir_ruleset *rs = e->view->translation.rs;
	uint32_t i, last = UINT32_MAX;

	printf("  bridged: %u rule%s\n", e->bridged, plural(e->bridged));
	for (i = 0; i < rs->num_bridged; i++) {
		const struct ir_bridged *b = &rs->bridged[i];

		if (b->rule == last)
			continue;
		last = b->rule;
		rule_plain(e->view, b->rule);
		where_plain(e->view, b->rule, "        ");
	}
}

static void place_plain(const struct plan_place *place)
{
	if (place->inlined)
		printf("  code, copied");
	if (place->functions)
		printf("  code, %u function%s", place->functions,
		       plural(place->functions));
	if (place->data)
		printf("  data, %u record%s, %u classifier%s",
		       place->data->records, plural(place->data->records),
		       place->data->trees, plural(place->data->trees));
}

static void chain_at_hook(const struct view *v, uint32_t chain,
			  unsigned int hook)
{
	const struct translation *t = &v->translation;
	struct plan_place place;
	uint64_t cost;

	if (!bpfilter_plan_describe(t->plan, &t->img.data, hook, chain,
				    &place))
		return;
	cost = bpfilter_plan_cost(t->rs, t->plan, &t->img.data, hook, chain);
	printf("        %s", bpfilter_ir_hook_name(hook));
	place_plain(&place);
	printf("  about %llu.%lluns\n", (unsigned long long)cost / 10,
	       (unsigned long long)cost % 10);
}

static void chain_plain(const struct view *v, uint32_t chain)
{
	const struct ir_ruleset *rs = v->translation.rs;
	const char *state = explain_chain_state(rs, chain);
	const struct ir_chain *c = &rs->chains[chain];
	unsigned int hook;
	uint32_t i, rules = 0;

	for (i = c->first; i < c->listed_end; i++)
		rules += view_lists(rs, i);
	printf("    ");
	ir_dump_name(stdout, c->name);
	printf("  rules %u", rules);
	if (c->hook < 0)
		printf("  references %u", c->refs);
	if (state)
		printf("  %s", state);
	printf("\n");
	for (hook = 0; v->records && hook < BPFILTER_NUMHOOKS; hook++)
		chain_at_hook(v, chain, hook);
}

/**
 * explain_plain - print what there is to say of a table
 * @e:		the table
 */
void explain_plain(const struct explained *e)
{
	const struct view *v = e->view;
	uint32_t i;

	printf("%s %s  rules %u\n", v->fam->word, v->name, e->rules);
	if (v->refusal.text[0])
		printf("  refused: %s\n", v->refusal.text);
	if (!v->translation.rs)
		return;
	never_rules(e);
	repeats(e);
	bridged_rules(e);
	printf("  chains: %u\n", v->translation.rs->num_chains);
	for (i = 0; i < v->translation.rs->num_chains; i++)
		chain_plain(v, i);
}
