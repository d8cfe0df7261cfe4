// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "entries.h"
#include "load.h"

/*
 * A test that cannot fail proves nothing: make one rule of the second side
 * wrong in a way that the packets sent are bound to show.
 */

static void add(struct text *t, const char *s)
{
	text_add(t, s, strlen(s));
}

static void add_table(struct text *t, const struct ruleset *rs,
		      enum table_id table, unsigned int rule, const char *text)
{
	char head[80];

	snprintf(head, sizeof(head), "*%s\n", table_names[table]);
	add(t, head);
	for (unsigned int i = 0; i < rs->num_chains; i++) {
		const struct chain *c = &rs->chains[i];
		const char *policy = "-";

		if (c->table != table)
			continue;
		if (c->hook >= 0)
			policy = c->policy == ACTION_DROP ? "DROP" : "ACCEPT";
		snprintf(head, sizeof(head), ":%s %s [0:0]\n", c->name, policy);
		add(t, head);
	}
	for (unsigned int i = 0; i < rs->num_rules; i++) {
		if (rs->chains[rs->rules[i].chain].table != table)
			continue;
		add(t, i == rule ? text : rs->rules[i].text);
		add(t, "\n");
	}
	add(t, "COMMIT\n");
}

/* All tables, one rule replaced */
static char *with_rule(const struct ruleset *rs, int rule, const char *text)
{
	struct text t = { 0 };

	for (int i = 0; i < NUM_TABLES; i++)
		if (rs->tables & (1 << i))
			add_table(&t, rs, i, rule, text);
	return t.s;
}

/* Take "! -s ADDRESS" out and ask for an address that is never sent from */
static char *never(const struct ruleset *rs, const struct rule *r)
{
	const char *chain = rs->chains[r->chain].name;
	const char *rest = r->text + strlen("-A ") + strlen(chain);
	size_t size = strlen(r->text) + 64;
	char *text = xrealloc(NULL, size);

	if (!strncmp(rest, " ! -s ", 6))
		rest += 6 + strcspn(rest + 6, " ");
	else if (!strncmp(rest, " -s ", 4))
		rest += 4 + strcspn(rest + 4, " ");
	snprintf(text, size, "-A %s -s %s%s", chain, rs->family->v6 ?
		 "100::dead/128" : "255.255.255.254/32", rest);
	return text;
}

/* One more or less in a port, an ICMP type or the last byte of an address */
static char *edge(const struct rule *r, bool v6, struct rng *rng)
{
	static const char * const names[] = {
		" --dport ", " --sport ", " --icmp-type ", " --icmpv6-type ",
		" -d ", " -s ",
	};
	unsigned int start = rng_below(rng, ARRAY_SIZE(names));
	size_t size = strlen(r->text) + 16;
	char *text = xrealloc(NULL, size);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *name = names[(start + i) % ARRAY_SIZE(names)];
		const char *at = strstr(r->text, name), *end;
		unsigned int value;

		/* Addresses of IPv4 only */
		if (!at || (v6 && strlen(name) == 4))
			continue;
		at += strlen(name);
		end = at + strcspn(at, " :/");
		if (*end == '/' && atoi(end + 1) != 32)
			continue;
		while (end > at && end[-1] >= '0' && end[-1] <= '9')
			end--;
		if (*end < '0' || *end > '9')
			continue;
		value = atoi(end);
		value += value ? -1 : 1;
		snprintf(text, size, "%.*s%u%s", (int)(end - r->text), r->text,
			 value, end + strspn(end, "0123456789"));
		return text;
	}
	free(text);
	return NULL;
}

int change_rule(struct input *in, const struct ruleset *rs,
		const struct entries *before, const struct entries *after,
		enum change_kind kind, uint64_t seed)
{
	struct rng rng;

	rng_seed(&rng, seed);
	for (unsigned int i = 0; rs->num_rules && i < 20 * rs->num_rules; i++) {
		unsigned int rule = rng_below(&rng, rs->num_rules);
		const struct rule *r = &rs->rules[rule];
		enum table_id t = rs->chains[r->chain].table;
		char *text;

		if (entries_rule_packets(&after[t], rs, rule) ==
		    entries_rule_packets(&before[t], rs, rule))
			continue;
		text = kind == CHANGE_NEVER ? never(rs, r) :
					      edge(r, rs->family->v6, &rng);
		if (!text)
			continue;
		in->text[0] = with_rule(rs, -1, NULL);
		in->text[1] = with_rule(rs, rule, text);
		printf("# changed to %s\n", text);
		free(text);
		return rule;
	}
	return -1;
}
