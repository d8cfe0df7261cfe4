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

static char *replace_rule(const struct ruleset *rs, unsigned int rule,
			  const char *text)
{
	size_t size = 256 + strlen(text);
	char *all, *to;

	for (unsigned int i = 0; i < rs->num_rules; i++)
		size += strlen(rs->rules[i].text) + 1;
	all = xrealloc(NULL, size + 80 * rs->num_chains);
	to = all + sprintf(all, "*filter\n");
	for (unsigned int i = 0; i < rs->num_chains; i++) {
		const struct chain *c = &rs->chains[i];
		const char *policy = "-";

		if (c->hook >= 0)
			policy = c->policy == ACTION_DROP ? "DROP" : "ACCEPT";
		to += sprintf(to, ":%s %s [0:0]\n", c->name, policy);
	}
	for (unsigned int i = 0; i < rs->num_rules; i++)
		to += sprintf(to, "%s\n", i == rule ? text : rs->rules[i].text);
	sprintf(to, "COMMIT\n");
	return all;
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
	snprintf(text, size, "-A %s -s 255.255.255.254/32%s", chain, rest);
	return text;
}

/* One more or less in a port, an ICMP type or the last byte of an address */
static char *edge(const struct rule *r, struct rng *rng)
{
	static const char * const names[] = {
		" --dport ", " --sport ", " -d ", " -s ", " --icmp-type ",
	};
	unsigned int start = rng_below(rng, ARRAY_SIZE(names));
	size_t size = strlen(r->text) + 16;
	char *text = xrealloc(NULL, size);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *name = names[(start + i) % ARRAY_SIZE(names)];
		const char *at = strstr(r->text, name), *end;
		unsigned int value;

		if (!at)
			continue;
		at += strlen(name);
		end = at + strcspn(at, " :/");
		if (*end == '/' && atoi(end + 1) != 32)
			continue;
		while (end > at && end[-1] >= '0' && end[-1] <= '9')
			end--;
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
		const struct entries *e, enum change_kind kind, uint64_t seed)
{
	struct rng rng;

	rng_seed(&rng, seed);
	for (unsigned int i = 0; rs->num_rules && i < 20 * rs->num_rules; i++) {
		unsigned int rule = rng_below(&rng, rs->num_rules);
		const struct rule *r = &rs->rules[rule];
		char *text;

		if (!entries_rule_packets(e, rs, rule))
			continue;
		text = kind == CHANGE_NEVER ? never(rs, r) : edge(r, &rng);
		if (!text)
			continue;
		in->text[0] = table_extract(in->text[0], "filter");
		in->text[1] = replace_rule(rs, rule, text);
		printf("# changed to %s\n", text);
		free(text);
		return rule;
	}
	return -1;
}
