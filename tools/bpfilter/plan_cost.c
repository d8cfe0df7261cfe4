// SPDX-License-Identifier: GPL-2.0
/*
 * What a rule costs as code, and what it looks at.
 */
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/xt_conntrack.h>

#include "match.h"
#include "plan_graph.h"

/* By kind of test; more than any case of it takes */
static const struct plan_cost test_cost[] = {
	[IR_TEST_MASKED]	= { 3, 1 },
	[IR_TEST_BYTES]		= { 14, 2 },
	[IR_TEST_RANGE]		= { 3, 1 },
	[IR_TEST_BYTES_RANGE]	= { 23, 6 },
	[IR_TEST_PORTS]		= { 3, 0 },	/* and for each range */
	[IR_TEST_ANY_BIT]	= { 3, 1 },
	[IR_TEST_PRESENT]	= { 5, 2 },
	[IR_TEST_HEADER]	= { 4, 2 },
	[IR_TEST_CONN]		= { 2, 1 },
	[IR_TEST_RANDOM]	= { 3, 1 },
	[IR_TEST_BRIDGE]	= { 17, 4 },
	[IR_TEST_CONST]		= { 1, 0 },
};

/* Source and destination port compared with one range */
static const struct plan_cost range_cost = { 6, 2 };

/*
 * The verifier comes to what follows a rule that goes on from more than one
 * side, and looks at it again until it knows that it has seen the like.
 */
#define SEEN_AGAIN		16

/* By action: call, compare and exit at most */
static const struct plan_cost action_cost[] = {
	[IR_ACTION_ACCEPT]	= { 2, 0 },
	[IR_ACTION_DROP]	= { 2, 0 },
	[IR_ACTION_RETURN]	= { 2, 0 },
	[IR_ACTION_JUMP]	= { 6 + SEEN_AGAIN, 1 },
	[IR_ACTION_GOTO]	= { 6, 1 },
	[IR_ACTION_CONTINUE]	= { 0 + SEEN_AGAIN, 0 },
	[IR_ACTION_BRIDGE]	= { 11 + SEEN_AGAIN, 1 },
	[IR_ACTION_SET_MARK]	= { 5 + SEEN_AGAIN, 0 },
};

/* Counting the packet, and telling about it if it is traced */
static const struct plan_cost count_cost = { 9 + 7, 1 };

static void add_cost(struct plan_cost *sum, const struct plan_cost *more)
{
	sum->insns += more->insns;
	sum->branches += more->branches;
}

static void add_test_cost(struct plan_cost *sum, const struct ir_test *t)
{
	uint32_t i;

	add_cost(sum, &test_cost[t->kind]);
	for (i = 0; t->kind == IR_TEST_PORTS && i < t->num_ranges; i++)
		add_cost(sum, &range_cost);
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
	struct plan_cost cost = count_cost;
	uint32_t m, t;

	for (m = 0; m < rule->num_matches; m++) {
		const struct ir_match *match =
			&rs->matches[rule->first_match + m];

		for (t = 0; t < match->num; t++)
			add_test_cost(&cost, &rs->tests[match->first + t]);
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
	/* A packet of the loopback device: its destination decides */
	if (t->field == IR_FIELD_PKTTYPE)
		need->fields |= 1ULL << IR_FIELD_IP_DADDR;
}

/* Words in host order are what data compares */
static void need_addr6(struct plan_need *need, const struct ir_test *t)
{
	if (t->field == IR_FIELD_IP6_SADDR)
		need->addr6 |= PLAN_ADDR6_SRC;
	if (t->field == IR_FIELD_IP6_DADDR)
		need->addr6 |= PLAN_ADDR6_DST;
}

static void need_ports(struct plan_need *need, const struct ir_test *t)
{
	if (t->ports & IR_PORTS_SRC)
		need->fields |= 1ULL << IR_FIELD_L4_SPORT;
	if (t->ports & IR_PORTS_DST)
		need->fields |= 1ULL << IR_FIELD_L4_DPORT;
}

static void need_test(struct plan_need *need, const struct ir_test *t)
{
	switch (t->kind) {
	case IR_TEST_BYTES_RANGE:
		need_addr6(need, t);
		need_field(need, t);
		break;
	case IR_TEST_MASKED:
	case IR_TEST_BYTES:
	case IR_TEST_RANGE:
	case IR_TEST_ANY_BIT:
	case IR_TEST_PRESENT:
		need_field(need, t);
		break;
	case IR_TEST_PORTS:
		need_ports(need, t);
		break;
	case IR_TEST_HEADER:
		/* Says which transport header there is */
		need->fields |= 1ULL << IR_FIELD_IP_PROTO;
		need->headers |= 1U << t->header;
		break;
	case IR_TEST_CONN:
		need->ct = true;
		break;
	case IR_TEST_RANDOM:
	case IR_TEST_BRIDGE:
	case IR_TEST_CONST:
		break;
	}
}

/**
 * plan_reloads() - must the packet be read again behind a rule?
 * @rs:		the table
 * @rule:	rule
 *
 * Return: whether its target can change what tests look at and go on.
 */
bool plan_reloads(const struct ir_ruleset *rs, const struct ir_rule *rule)
{
	const struct ir_bridged *b;
	const struct target_desc *desc;

	if (rule->action != IR_ACTION_BRIDGE)
		return false;
	b = &rs->bridged[rule->bridged];
	if (b->is_final)
		return false;
	desc = bpfilter_target_find(b->name, b->revision, rs->family);
	return !desc || desc->effect == TARGET_EFFECT_ANY;
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
	need->reload |= plan_reloads(rs, rule) || bpfilter_rule_writes(rs, rule);
	if (rule->action != IR_ACTION_BRIDGE && !bpfilter_rule_asks(rs, rule))
		return;
	if (rule->no_thoff)
		need->kept_fragoff = true;
	else
		need->thoff = true;
}

/**
 * plan_need_data() - what a chain needs besides if it is data
 * @need:	sum
 * @chain:	what the chain's rules need
 * @tree:	it gets classifiers
 */
void plan_need_data(struct plan_need *need, const struct plan_need *chain,
		    bool tree)
{
	need->addr6 |= chain->addr6;
	need->mark |= chain->fields & 1ULL << IR_FIELD_MARK;
	if (!tree)
		return;
	need->odd |= chain->headers;
	if (chain->fields & 1ULL << IR_FIELD_IP6_SADDR)
		need->addr6 |= PLAN_ADDR6_SRC;
	if (chain->fields & 1ULL << IR_FIELD_IP6_DADDR)
		need->addr6 |= PLAN_ADDR6_DST;
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
	need->thoff |= more->thoff;
	need->kept_fragoff |= more->kept_fragoff;
	need->reload |= more->reload;
}
