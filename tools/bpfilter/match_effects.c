// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include <linux/kernel.h>

#include "match.h"

/*
 * Matches of the kernel's own that write to the packet, whatever their answer:
 * "socket" restores a socket's mark, "cluster" takes what was sent to a group's
 * hardware address as sent to this host. No other match of the kernel does.
 */
static const struct {
	const char *name;
	uint8_t revision;
} writers[] = {
	{ "cluster", 0 },
	{ "socket", 3 },
};

/**
 * bpfilter_match_may_write() - whether a match can change the packet
 * @name:	its name
 * @revision:	its revision
 *
 * Return: true if what was read from the packet has to be read anew behind it.
 */
bool bpfilter_match_may_write(const char *name, uint8_t revision)
{
	for (size_t i = 0; i < ARRAY_SIZE(writers); i++)
		if (!strcmp(name, writers[i].name) &&
		    revision == writers[i].revision)
			return true;
	return false;
}

/**
 * bpfilter_match_writes() - whether a test can change the packet
 * @rs:		the ruleset
 * @t:		a test of it
 *
 * Return: likewise.
 */
bool bpfilter_match_writes(const struct ir_ruleset *rs, const struct ir_test *t)
{
	const struct ir_bridged *b;

	if (t->kind != IR_TEST_BRIDGE)
		return false;
	b = &rs->bridged[t->value];
	return bpfilter_match_may_write(b->name, b->revision);
}

typedef bool (*test_fn)(const struct ir_ruleset *rs, const struct ir_test *t);

static bool any_test(const struct ir_ruleset *rs, const struct ir_rule *rule,
		     test_fn is)
{
	const struct ir_match *m = &rs->matches[rule->first_match];

	for (uint32_t i = 0; i < rule->num_matches; i++)
		for (uint32_t t = 0; t < m[i].num; t++)
			if (is(rs, &rs->tests[m[i].first + t]))
				return true;
	return false;
}

/**
 * bpfilter_rule_writes() - whether a rule's tests can change the packet
 * @rs:		the ruleset
 * @rule:	a rule of it
 *
 * Return: true if one of them can.
 */
bool bpfilter_rule_writes(const struct ir_ruleset *rs,
			  const struct ir_rule *rule)
{
	return any_test(rs, rule, bpfilter_match_writes);
}

static bool is_bridged(const struct ir_ruleset *rs, const struct ir_test *t)
{
	return t->kind == IR_TEST_BRIDGE;
}

/**
 * bpfilter_rule_asks() - whether a rule has a match of the kernel's own
 * @rs:		the ruleset
 * @rule:	a rule of it
 *
 * Return: true if one of its tests calls the kernel's extension.
 */
bool bpfilter_rule_asks(const struct ir_ruleset *rs, const struct ir_rule *rule)
{
	return any_test(rs, rule, is_bridged);
}
