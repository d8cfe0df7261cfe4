// SPDX-License-Identifier: GPL-2.0
/*
 * Which chains are code and which are data.
 *
 * A rule as code costs its tests and nothing else, but all rules before the
 * one that matches are tested. As data a chain costs more to get into, and
 * each rule that may match costs several times as much as in code, but there
 * are few of those, however many rules there are. So a chain is data from a
 * number of rules on.
 *
 * What the verifier's limits do not allow as code (see plan_limits.h) is data
 * as well: first all user chains, then the hook's own. That never fails.
 *
 * A chain that data jumps to is data. It is code, too, if code jumps to it and
 * it does not want to be data.
 */
#include <string.h>

#include "plan.h"
#include "plan_graph.h"
#include "plan_limits.h"

/* Costs in tenths of a nanosecond, as measured on the machine of the author */
#define COST_CODE_RULE	10	/* a rule that does not match: one or two tests */
#define COST_DATA_ENTER	60	/* calling walk() and descending a classifier */
#define COST_DATA_RULE	80	/* testing a candidate */

/* Half of the rules are tested on average before one matches; or all */
static bool is_cheaper_as_data(const struct plan_graph *pg, uint32_t chain,
			       const struct compile_env *env)
{
	const struct ir_chain *c = &pg->rs->chains[chain];
	uint64_t rules = c->end - c->first;

	return plan_wants_tree(pg->rs, chain, env) &&
	       rules * COST_CODE_RULE > COST_DATA_ENTER + 2 * COST_DATA_RULE;
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

static bool choose_auto(const struct plan_graph *pg, uint32_t chain,
			const struct compile_env *env, unsigned int attempt)
{
	if (!attempt)
		return is_cheaper_as_data(pg, chain, env);
	return attempt > 1 || chain != pg->reached[0];
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
		[PLAN_AUTO] = 3, [PLAN_CODE] = 1, [PLAN_DATA] = 1,
		[PLAN_MIXED] = 3,
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
			       choose_auto(pg, chain, env, attempt) :
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
