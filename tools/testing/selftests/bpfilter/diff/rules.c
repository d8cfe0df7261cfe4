// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules.h"
#include "util.h"

/*
 * iptables-save is line oriented: "*TABLE" begins a table, ":CHAIN POLICY [p:b]"
 * declares a chain, "[p:b] -A CHAIN OPTION..." appends a rule.
 */

#define MAX_WORDS 256

const char * const table_names[NUM_TABLES] = {
	"raw", "mangle", "nat", "filter", "security",
};

const char * const hook_names[NUM_HOOKS] = {
	"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING",
};

enum table_id table_find(const char *name)
{
	int t = 0;

	while (t < NUM_TABLES && strcmp(table_names[t], name))
		t++;
	return t;
}

/* Split a line in place; "..." is one word, in which \ quotes */
static unsigned int split(char *s, char **words)
{
	unsigned int num = 0;

	while (*s && num < MAX_WORDS) {
		char *to = s;
		bool quoted = *s == '"';

		words[num++] = to;
		for (s += quoted; *s && (quoted ? *s != '"' : *s != ' '); s++) {
			if (*s == '\\' && s[1])
				s++;
			*to++ = *s;
		}
		s += quoted && *s;
		while (*s == ' ')
			s++;
		*to = '\0';
	}
	return num;
}

static void parse_rule(struct ruleset *rs, enum table_id table, const char *line)
{
	char *words[MAX_WORDS], *copy = xstrdup(line);
	unsigned int num = split(copy, words);
	int chain = num > 1 ? ruleset_find_chain(rs, table, words[1]) : -1;
	struct rule *r;

	if (chain < 0)
		die("rule of an unknown chain: %s", line);
	rs->rules = grow(rs->rules, rs->num_rules, sizeof(*rs->rules));
	r = &rs->rules[rs->num_rules++];
	memset(r, 0, sizeof(*r));
	r->text = xstrdup(line);
	r->chain = chain;
	rule_parse(rs, table, r, words + 2, num - 2);
	rs->conntrack |= r->conntrack;
	free(copy);
}

static unsigned int hash_name(const char *name)
{
	uint32_t h = 0;

	while (*name)
		h = (h ^ (uint8_t)*name++) * 16777619U;
	return (h ^ h >> 16) % CHAIN_HASH_SIZE;
}

static void parse_chain(struct ruleset *rs, enum table_id table, const char *line)
{
	unsigned int *bucket;
	struct chain *c;
	char policy[32];

	rs->chains = grow(rs->chains, rs->num_chains, sizeof(*rs->chains));
	c = &rs->chains[rs->num_chains++];
	memset(c, 0, sizeof(*c));
	c->table = table;
	c->hook = -1;
	if (sscanf(line, ":%31s %31s", c->name, policy) != 2)
		die("no chain: %s", line);
	bucket = &rs->chain_hash[hash_name(c->name)];
	c->same_hash = *bucket;
	*bucket = rs->num_chains;
	c->policy = strcmp(policy, "DROP") ? ACTION_ACCEPT : ACTION_DROP;
	if (!strcmp(policy, "-"))
		return;
	for (int h = 0; h < NUM_HOOKS; h++) {
		if (strcmp(c->name, hook_names[h]))
			continue;
		c->hook = h;
		rs->hook_chain[table][h] = rs->num_chains;
	}
}

/* iptables-save lists the rules chain by chain */
static void number_rules(struct ruleset *rs)
{
	for (unsigned int i = 0; i < rs->num_rules; i++) {
		struct chain *c = &rs->chains[rs->rules[i].chain];

		if (!c->num)
			c->first = i;
		rs->rules[i].number = ++c->num;
	}
}

void ruleset_parse(struct ruleset *rs, const struct family *f, const char *text)
{
	char *copy = xstrdup(text), *save;
	char *line = strtok_r(copy, "\n", &save);
	enum table_id table = NUM_TABLES;

	memset(rs, 0, sizeof(*rs));
	rs->family = f;
	for (; line; line = strtok_r(NULL, "\n", &save)) {
		if (line[0] == '*') {
			table = table_find(line + 1);
			if (table == NUM_TABLES)
				die("unknown table: %s", line);
			rs->tables |= 1 << table;
		}
		if (line[0] == '[') {
			line = strchr(line, ' ');
			if (!line++)
				die("a counter without a rule");
		}
		if (line[0] == ':')
			parse_chain(rs, table, line);
		else if (line[0] == '-')
			parse_rule(rs, table, line);
	}
	free(copy);
	number_rules(rs);
}

void ruleset_free(struct ruleset *rs)
{
	for (unsigned int i = 0; i < rs->num_rules; i++)
		free(rs->rules[i].text);
	free(rs->rules);
	free(rs->chains);
	memset(rs, 0, sizeof(*rs));
}

int ruleset_find_chain(const struct ruleset *rs, enum table_id table,
		       const char *name)
{
	unsigned int i = rs->chain_hash[hash_name(name)];

	for (; i; i = rs->chains[i - 1].same_hash)
		if (rs->chains[i - 1].table == table &&
		    !strcmp(rs->chains[i - 1].name, name))
			return i - 1;
	return -1;
}

bool dev_test_matches(const struct dev_test *test, const char *name)
{
	size_t len = strlen(test->name);
	bool same;

	if (test->wild)
		same = !strncmp(name, test->name, len);
	else if (len)
		same = !strcmp(name, test->name);
	else
		return true;
	return same != test->inv;
}
