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
 * A chain that data jumps to is data. It is code, too, if code jumps to it and
 * it does not want to be data.
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
#define COST_DATA_RULE	30	/* the rule that matches, from among a few */

/* Share of a chain's rules that a packet is tested by, matching or not */
#define RULES_TESTED	3
#define RULES_TESTED_OF	4

/* More code than that takes longer to load than packets would gain by it */
#define AUTO_INSNS_MAX	10000

static uint64_t code_cost(uint64_t rules)
{
	return rules * COST_CODE_RULE * RULES_TESTED / RULES_TESTED_OF;
}

static bool is_cheaper_as_data(const struct plan_graph *pg, uint32_t chain,
			       const struct compile_env *env)
{
	const struct ir_chain *c = &pg->rs->chains[chain];

	return plan_wants_tree(pg->rs, chain, env) &&
	       code_cost(pg->chains[chain].num_selective) >
	       COST_DATA_ENTER + COST_DATA_RULE +
	       code_cost(c->end - c->first - pg->chains[chain].num_selective) *
	       (COST_DATA_RULE / COST_CODE_RULE);
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
		return plan_wants_tree(pg->rs, chain, env);
	case ATTEMPT_USER_CHAINS:
		return chain != pg->reached[0];
	case ATTEMPT_ALL:
	case ATTEMPTS:
		break;
	}
	return true;
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
	}
	return true;
}

static void part_calls(struct plan_graph *pg, uint32_t chain)
{
	const struct plan_chain *pc = &pg->chains[chain];
	const struct plan_node *n = &pg->nodes[chain];
	uint32_t i;

	for (i = 0; i < pc->num_calls; i++) {
		struct plan_node *to = &pg->nodes[pg->calls[pc->calls + i]];

		to->is_data |= n->is_data;
		if (n->is_code && to->wants_data)
			to->is_data = true;
		else if (n->is_code)
			to->is_code = true;
	}
}

/**
 * plan_part() - find what is code and what is data by what the chains want
 * @pg:		graph after plan_choose(): @pg->order becomes what is code
 */
void plan_part(struct plan_graph *pg)
{
	uint32_t i;

	for (i = 0; i < pg->num_reached; i++) {
		struct plan_node *n = &pg->nodes[pg->reached[i]];
		bool wants_data = n->wants_data;

		memset(n, 0, sizeof(*n));
		n->wants_data = wants_data;
		n->is_code = !i && !wants_data;
		n->is_data = !i && wants_data;
	}
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
	for (i = 0; i < pg->num_order; i++)
		insns += pg->chains[pg->order[i]].own.insns;
	return insns > AUTO_INSNS_MAX;
}
