// SPDX-License-Identifier: GPL-2.0
/*
 * What a rule costs as code, and what it looks at.
 */
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/xt_conntrack.h>

#include "plan_graph.h"

/* By kind of test; more than any case of it takes */
static const struct plan_cost test_cost[] = {
	[IR_TEST_MASKED]	= { 3, 1 },
	[IR_TEST_BYTES]		= { 14, 2 },
	[IR_TEST_RANGE]		= { 3, 1 },
	[IR_TEST_BYTES_RANGE]	= { 28, 8 },
	[IR_TEST_PORTS]		= { 3, 1 },	/* and for each range */
	[IR_TEST_ANY_BIT]	= { 3, 1 },
	[IR_TEST_PRESENT]	= { 5, 2 },
	[IR_TEST_HEADER]	= { 4, 2 },
	[IR_TEST_CONN]		= { 2, 1 },
	[IR_TEST_RANDOM]	= { 3, 1 },
	[IR_TEST_BRIDGE]	= { 12, 3 },
	[IR_TEST_CONST]		= { 1, 0 },
};

/* By action: call, compare and exit at most */
static const struct plan_cost action_cost[] = {
	[IR_ACTION_ACCEPT]	= { 2, 0 },
	[IR_ACTION_DROP]	= { 2, 0 },
	[IR_ACTION_RETURN]	= { 2, 0 },
	[IR_ACTION_JUMP]	= { 5, 1 },
	[IR_ACTION_GOTO]	= { 5, 1 },
	[IR_ACTION_CONTINUE]	= { 0, 0 },
	[IR_ACTION_BRIDGE]	= { 16, 3 },
	[IR_ACTION_SET_MARK]	= { 6, 0 },
};

#define COUNT_INSNS	9

static void add_cost(struct plan_cost *sum, const struct plan_cost *more)
{
	sum->insns += more->insns;
	sum->branches += more->branches;
}

/**
 * plan_rule_cost() - cost of a rule, without what it jumps to
 * @rs:		the table
 * @rule:	rule
 *
 * Return: its cost.
 */
struct plan_cost plan_rule_cost(const struct ir_ruleset *rs,
				const struct ir_rule *rule)
{
	struct plan_cost cost = { COUNT_INSNS, 0 };
	uint32_t m, t;

	for (m = 0; m < rule->num_matches; m++) {
		const struct ir_match *match =
			&rs->matches[rule->first_match + m];

		for (t = 0; t < match->num; t++)
			add_cost(&cost,
				 &test_cost[rs->tests[match->first + t].kind]);
	}
	add_cost(&cost, &action_cost[rule->action]);
	return cost;
}

static void need_field(struct plan_need *need, const struct ir_test *t)
{
	const uint64_t nat = XT_CONNTRACK_STATE_SNAT | XT_CONNTRACK_STATE_DNAT;

	need->fields |= 1ULL << t->field;
	if (t->field >= IR_FIELD_CT_STATE && t->field <= IR_FIELD_CT_EXPIRES)
		need->ct = true;
	if (t->field == IR_FIELD_CT_STATE &&
	    (t->kind == IR_TEST_RANGE || t->mask & nat))
		need->ct_nat = true;
}

static void need_test(struct plan_need *need, const struct ir_test *t)
{
	switch (t->kind) {
	case IR_TEST_MASKED:
	case IR_TEST_BYTES:
	case IR_TEST_RANGE:
	case IR_TEST_ANY_BIT:
	case IR_TEST_PRESENT:
	case IR_TEST_BYTES_RANGE:
		need_field(need, t);
		break;
	case IR_TEST_HEADER:
		/* These two say whether there is one */
		need->fields |= 1ULL << IR_FIELD_IP_PROTO |
				1ULL << IR_FIELD_IP_FRAGOFF;
		need->headers |= 1U << t->header;
		break;
	case IR_TEST_CONN:
		need->ct = true;
		break;
	case IR_TEST_PORTS:
	case IR_TEST_RANDOM:
	case IR_TEST_BRIDGE:
	case IR_TEST_CONST:
		break;
	}
}

/**
 * plan_need_rule() - add what a rule looks at
 * @need:	sum
 * @rs:		the table
 * @rule:	rule
 */
void plan_need_rule(struct plan_need *need, const struct ir_ruleset *rs,
		    const struct ir_rule *rule)
{
	uint32_t m, t;

	for (m = 0; m < rule->num_matches; m++) {
		const struct ir_match *match =
			&rs->matches[rule->first_match + m];

		for (t = 0; t < match->num; t++)
			need_test(need, &rs->tests[match->first + t]);
	}
}

/**
 * plan_need_merge() - add one need to another
 * @need:	sum
 * @more:	what to add
 */
void plan_need_merge(struct plan_need *need, const struct plan_need *more)
{
	need->fields |= more->fields;
	need->headers |= more->headers;
	need->ct |= more->ct;
	need->ct_nat |= more->ct_nat;
}
