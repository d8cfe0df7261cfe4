// SPDX-License-Identifier: GPL-2.0
/*
 * Which chains are code and which are data.
 *
 * A rule as code costs its tests and nothing else, but all rules before the
 * one that matches are tested. As data a chain costs more to get into, and
 * each rule that may match costs several times as much as in code, but there
 * are few of those, however many rules there are. So a chain is data from a
 * number of rules on, if enough of them look at something that a classifier
 * can tell packets apart by.
 *
 * Code also takes time to load, for each rule as much as packets by the ten
 * thousand, while loading the program that walks data takes the same time for
 * any number of rules. So beyond a size shorter chains are data, too, at last
 * all: first those that get classifiers, then all user chains, then the hook's
 * own. That never fails, so it also is what becomes of what the verifier's
 * limits do not allow as code (see plan_limits.h).
 *
 * But a long chain whose rules no classifier can tell apart is much dearer as
 * data: all its rules are tested there as well, and behind each jump that comes
 * back its classifiers are asked again. Packets soon lose more by that than
 * loading takes, so the size is another one there, and that goes for the chains
 * that such a chain jumps to as well.
 *
 * A chain that data jumps to is data. It is code, too, if code jumps to it and
 * it does not want to be data.
 *
 * The first rules of a hook's own chain often take most packets (those of
 * established connections, of the loopback device) and say nothing of
 * addresses and ports. If the chain is data, such rules at its start are code
 * nevertheless, and what follows them is a chain of its own.
 */
#include <string.h>

#include "plan.h"
#include "plan_graph.h"
#include "plan_limits.h"

/*
 * Costs in tenths of a nanosecond, measured with lists of addresses on one
 * machine. What counts is how they relate.
 */
#define COST_CODE_RULE	4	/* a rule that does not match */
#define COST_DATA_ENTER	200	/* calling walk(), and what classifiers say */
#define COST_DATA_RULE	30	/* a rule from among those that they name */
#define COST_DATA_AGAIN	250	/* one behind which they are asked again */

/* By so much or more a chain is much dearer as data than as code */
#define COST_DEAR	1000

/* Share of a chain's rules that a packet is tested by, matching or not */
#define RULES_TESTED	3
#define RULES_TESTED_OF	4

/*
 * More code than that takes longer to load than packets would gain by it. So
 * many instructions of chains that are much dearer as data count for one.
 */
#define AUTO_INSNS_MAX	10000
#define DEAR_INSNS_PER	32

static uint64_t code_cost(uint64_t rules)
{
	return rules * COST_CODE_RULE * RULES_TESTED / RULES_TESTED_OF;
}

/*
 * Of rules that classifiers do not leave out one is that which matches: it costs
 * the same whatever share of them is tested before.
 */
static uint64_t data_cost(const struct plan_rules *r, bool has_trees)
{
	uint64_t met = r->num, again = 0;

	if (has_trees) {
		met -= r->num_selective + !!r->num_selective;
		again = r->num_again < met ? r->num_again : met;
	}
	return COST_DATA_ENTER + COST_DATA_RULE +
	       ((met - again) * COST_DATA_RULE + again * COST_DATA_AGAIN) *
	       RULES_TESTED / RULES_TESTED_OF;
}

static bool is_cheaper_as_data(const struct plan_graph *pg, uint32_t chain,
			       const struct compile_env *env)
{
	const struct plan_rules *r = &pg->chains[chain].rules;

	return plan_wants_tree(pg->rs, chain, env) &&
	       code_cost(r->num) > data_cost(r, true);
}

static bool is_dear_as_data(const struct plan_graph *pg, uint32_t chain,
			    const struct compile_env *env)
{
	const struct plan_rules *r = &pg->chains[chain].rules;

	return plan_wants_tree(pg->rs, chain, env) &&
	       data_cost(r, true) > code_cost(r->num) + COST_DEAR;
}

/**
 * plan_wants_tree() - does a chain get classifiers if it is data?
 * @rs:		the table
 * @chain:	chain
 * @env:	what it is compiled for
 *
 * Return: whether it does, if its rules limit anything.
 */
bool plan_wants_tree(const struct ir_ruleset *rs, uint32_t chain,
		     const struct compile_env *env)
{
	const struct ir_chain *c = &rs->chains[chain];

	return c->end - c->first >= (env->tree_rules ? env->tree_rules :
						       DATA_TREE_RULES);
}

/* As good as any, and the same for the same ruleset */
static bool draw(uint32_t seed, uint32_t chain)
{
	uint64_t x = ((uint64_t)seed << 32 | chain) + 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x >> 63;
}

/* Choices of PLAN_AUTO, from most code to none */
enum attempt {
	ATTEMPT_COST,
	ATTEMPT_TREES,
	ATTEMPT_DEAR_TREES,
	ATTEMPT_USER_CHAINS,
	ATTEMPT_ALL,
	ATTEMPTS,
};

static bool choose_auto(const struct plan_graph *pg, uint32_t chain,
			const struct compile_env *env, unsigned int attempt)
{
	switch ((enum attempt)attempt) {
	case ATTEMPT_COST:
		return is_cheaper_as_data(pg, chain, env);
	case ATTEMPT_TREES:
		return plan_wants_tree(pg->rs, chain, env) &&
		       !is_dear_as_data(pg, chain, env);
	case ATTEMPT_DEAR_TREES:
		return plan_wants_tree(pg->rs, chain, env);
	case ATTEMPT_USER_CHAINS:
		return chain != pg->reached[0];
	case ATTEMPT_ALL:
	case ATTEMPTS:
		break;
	}
	return true;
}

static void mark_dear(struct plan_graph *pg, uint32_t chain)
{
	const struct plan_chain *pc = &pg->chains[chain];

	pg->nodes[chain].is_dear = true;
	for (uint32_t i = 0; i < pc->num_calls; i++)
		pg->nodes[pg->calls[pc->calls + i]].is_dear = true;
}

/**
 * plan_choose() - choose which chains want to be data
 * @pg:		graph after plan_graph_reach()
 * @env:	what is compiled for
 * @attempt:	0, then one more each time that the verifier's limits did not
 *		allow the choice
 *
 * Return: whether there is another choice.
 */
bool plan_choose(struct plan_graph *pg, const struct compile_env *env,
		 unsigned int attempt)
{
	static const unsigned int attempts[] = {
		[PLAN_AUTO] = ATTEMPTS, [PLAN_CODE] = 1, [PLAN_DATA] = 1,
		[PLAN_MIXED] = ATTEMPTS + 1,
	};
	uint32_t i;

	if (attempt >= attempts[env->plan])
		return false;
	for (i = 0; i < pg->num_reached; i++) {
		uint32_t chain = pg->reached[i];
		bool data = false;

		switch (env->plan) {
		case PLAN_AUTO:
			data = choose_auto(pg, chain, env, attempt);
			break;
		case PLAN_CODE:
			break;
		case PLAN_DATA:
			data = true;
			break;
		case PLAN_MIXED:
			data = attempt ?
			       choose_auto(pg, chain, env, attempt - 1) :
			       draw(env->seed, chain);
			break;
		}
		pg->nodes[chain].wants_data = data;
		if (is_dear_as_data(pg, chain, env))
			mark_dear(pg, chain);
	}
	return true;
}

/* --- The start of a hook's own chain --- */

/* Longest start of a chain that is code while the rest is data, in rules */
#define START_RULES_MAX	8

static bool is_broad_field(enum ir_field field)
{
	switch (field) {
	case IR_FIELD_IP_SADDR:
	case IR_FIELD_IP_DADDR:
	case IR_FIELD_IP6_SADDR:
	case IR_FIELD_IP6_DADDR:
	case IR_FIELD_L4_SPORT:
	case IR_FIELD_L4_DPORT:
		return false;
	default:
		return true;
	}
}

/*
 * Does a rule take packets without regard to where they come from and go to?
 * It would be in the way of any classifier, and often takes most packets.
 */
static bool is_broad(const struct ir_ruleset *rs, const struct ir_rule *rule)
{
	uint32_t m, t;

	for (m = 0; m < rule->num_matches; m++) {
		const struct ir_match *match =
			&rs->matches[rule->first_match + m];

		for (t = 0; t < match->num; t++) {
			const struct ir_test *test =
				&rs->tests[match->first + t];

			if (test->kind == IR_TEST_PORTS)
				return false;
			if (plan_test_selects(test) &&
			    !is_broad_field(test->field))
				return false;
		}
	}
	return true;
}

static uint32_t count_broad(const struct ir_ruleset *rs,
			    const struct ir_chain *c)
{
	uint32_t i;

	for (i = 0; i < START_RULES_MAX && c->first + i + 1 < c->end; i++)
		if (!is_broad(rs, &rs->rules[c->first + i]))
			break;
	return i;
}

/* How many of the first rules are code although the chain wants to be data */
static uint32_t start_of(const struct plan_graph *pg,
			 const struct compile_env *env, unsigned int attempt)
{
	uint32_t chain = pg->reached[0];
	const struct ir_chain *c = &pg->rs->chains[chain];
	uint32_t hooks = 0;

	for (int i = 0; i < BPFILTER_NUMHOOKS; i++)
		hooks += pg->rs->hook_chain[i] == (int)chain;
	if (c->refs || hooks != 1)
		return 0;
	if (env->plan == PLAN_AUTO && attempt < ATTEMPT_ALL)
		return count_broad(pg->rs, c);
	if (env->plan == PLAN_MIXED && !attempt && draw(~env->seed, chain))
		return env->seed % (c->end - c->first);
	return 0;
}

static void split_chain(struct plan_graph *pg, uint32_t chain, uint32_t start)
{
	const struct ir_chain *c = &pg->rs->chains[chain];
	struct plan_node *n = &pg->nodes[chain];
	uint32_t i;

	n->is_code = true;
	n->code_end = c->first + start;
	n->code_calls = 0;
	memset(&n->own, 0, sizeof(n->own));
	for (i = c->first; i < n->code_end; i++) {
		const struct ir_rule *r = &pg->rs->rules[i];
		struct plan_cost cost = plan_rule_cost(pg->rs, r);

		n->own.insns += cost.insns;
		n->own.branches += cost.branches;
		n->code_calls += r->action == IR_ACTION_JUMP ||
				 r->action == IR_ACTION_GOTO;
	}
}

/* --- What becomes of the choice --- */

static void part_calls(struct plan_graph *pg, uint32_t chain)
{
	const struct plan_chain *pc = &pg->chains[chain];
	const struct plan_node *n = &pg->nodes[chain];
	bool is_split = n->is_code && pg->rs->chains[chain].end != n->code_end;
	uint32_t i;

	for (i = 0; i < pc->num_calls; i++) {
		struct plan_node *to = &pg->nodes[pg->calls[pc->calls + i]];
		bool in_code = n->is_code && i < n->code_calls;
		bool in_data = n->is_data && (!is_split || !in_code);

		if (in_data || (in_code && to->wants_data))
			to->is_data = true;
		if (in_code && !to->wants_data)
			to->is_code = true;
	}
}

static void reset_node(struct plan_graph *pg, uint32_t chain)
{
	struct plan_node *n = &pg->nodes[chain];

	*n = (struct plan_node) {
		.wants_data = n->wants_data,
		.is_dear = n->is_dear,
		.code_end = pg->rs->chains[chain].end,
		.code_calls = pg->chains[chain].num_calls,
		.own = pg->chains[chain].own,
	};
}

/**
 * plan_part() - find what is code and what is data by what the chains want
 * @pg:		graph after plan_choose(): @pg->order becomes what is code
 * @env:	what is compiled for
 * @attempt:	as plan_choose()
 */
void plan_part(struct plan_graph *pg, const struct compile_env *env,
	       unsigned int attempt)
{
	uint32_t i, own = pg->reached[0], start;

	for (i = 0; i < pg->num_reached; i++)
		reset_node(pg, pg->reached[i]);
	pg->nodes[own].is_data = pg->nodes[own].wants_data;
	pg->nodes[own].is_code = !pg->nodes[own].wants_data;
	start = pg->nodes[own].wants_data ? start_of(pg, env, attempt) : 0;
	if (start)
		split_chain(pg, own, start);

	pg->num_order = 0;
	for (i = 0; i < pg->num_reached; i++) {
		part_calls(pg, pg->reached[i]);
		if (pg->nodes[pg->reached[i]].is_code)
			pg->order[pg->num_order++] = pg->reached[i];
	}
}

/**
 * plan_is_too_much() - is there more code than is worth it?
 * @pg:		graph after plan_part()
 * @env:	what is compiled for
 *
 * What is not need not be tried to fit into the limits, which takes time.
 *
 * Return: whether there is.
 */
bool plan_is_too_much(const struct plan_graph *pg,
		      const struct compile_env *env)
{
	uint64_t insns = 0;
	uint32_t i;

	if (env->plan != PLAN_AUTO)
		return false;
	for (i = 0; i < pg->num_order; i++) {
		const struct plan_node *n = &pg->nodes[pg->order[i]];

		insns += n->is_dear ? n->own.insns / DEAR_INSNS_PER :
				      n->own.insns;
	}
	return insns > AUTO_INSNS_MAX;
}

/* Index behind the last rule that is code */
static uint32_t code_end(const struct ir_chain *c, const struct plan_hook *ph,
			 uint32_t chain)
{
	uint32_t end = c->first;

	if (ph->func_of[chain] == PLAN_INLINE)
		return c->end;
	for (uint32_t i = 0; i < ph->num_funcs; i++)
		if (ph->funcs[i].chain == chain &&
		    ph->funcs[i].first < ph->funcs[i].end &&
		    ph->funcs[i].end > end)
			end = ph->funcs[i].end;
	return end;
}

/**
 * bpfilter_plan_cost() - about what a packet costs in a chain
 * @rs:		the table
 * @plan:	its plan
 * @data:	what bpfilter_gen() made of its data
 * @hook:	hook
 * @chain:	index of the chain, one that packets of the hook get to
 *
 * This is what the plan is chosen by, so it is an estimate: what chains cost
 * that it jumps to is not in it, nor what the kernel's own extensions cost. Of a
 * chain that is code and data it is what the code costs.
 *
 * Return: tenths of a nanosecond.
 */
uint64_t bpfilter_plan_cost(const struct ir_ruleset *rs,
			    const struct plan *plan,
			    const struct data_table *data, unsigned int hook,
			    uint32_t chain)
{
	const struct plan_hook *ph = &plan->hook[hook];
	const struct ir_chain *c = &rs->chains[chain];
	uint32_t end = code_end(c, ph, chain);
	struct plan_rules rules;
	uint64_t cost;

	cost = code_cost(plan_count_live(rs, c->first, end));
	if (end < c->end && ph->data[chain]) {
		/* Without memory it is an estimate all the same */
		plan_count_rules(rs, end, c->end, &rules);
		cost += data_cost(&rules, data->chains[chain].trees);
	}
	return cost;
}
