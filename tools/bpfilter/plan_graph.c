// SPDX-License-Identifier: GPL-2.0
/*
 * The graph of a table's chains: scanned once, then ordered for each hook.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plan_graph.h"

/*
 * Chains overlap only where a forged blob jumps into their middle; listing
 * what such a one reaches could take the square of its rules.
 */
#define SCAN_MAX	4000000U

static int add_call(struct plan_graph *pg, uint32_t target)
{
	uint32_t room = pg->max_calls ? pg->max_calls * 2 : 64;
	uint32_t *bigger;

	if (pg->num_calls == pg->max_calls) {
		bigger = realloc(pg->calls, room * sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		pg->calls = bigger;
		pg->max_calls = room;
	}
	pg->calls[pg->num_calls++] = target;
	return 0;
}

static int scan_chain(struct plan_graph *pg, uint32_t chain)
{
	const struct ir_chain *c = &pg->rs->chains[chain];
	struct plan_chain *pc = &pg->chains[chain];
	uint32_t i;

	pc->calls = pg->num_calls;
	for (i = c->first; i < c->end; i++) {
		const struct ir_rule *r = &pg->rs->rules[i];
		struct plan_cost cost = plan_rule_cost(pg->rs, r);

		pc->own.insns += cost.insns;
		pc->own.branches += cost.branches;
		plan_need_rule(&pc->need, pg->rs, r);
		if ((r->action == IR_ACTION_JUMP ||
		     r->action == IR_ACTION_GOTO) &&
		    add_call(pg, r->target_chain))
			return -ENOMEM;
	}
	pc->num_calls = pg->num_calls - pc->calls;
	return plan_count_rules(pg->rs, c->first, c->end, &pc->rules);
}

static bool is_scannable(const struct ir_ruleset *rs)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < rs->num_chains; i++)
		sum += rs->chains[i].end - rs->chains[i].first;
	return sum <= SCAN_MAX;
}

/**
 * plan_graph_make() - scan a table's chains
 * @pg:		filled; release it with plan_graph_free(), also after an error
 * @rs:		the table, must outlive the graph
 * @why:	where a refusal goes
 *
 * Return: 0, or -ENOMEM or -EINVAL after a refusal.
 */
int plan_graph_make(struct plan_graph *pg, const struct ir_ruleset *rs,
		    struct refusal *why)
{
	uint32_t i;

	memset(pg, 0, sizeof(*pg));
	pg->rs = rs;
	if (!is_scannable(rs))
		return plan_refuse(pg, -1, why, "chains of more than %u rules",
				   SCAN_MAX);
	pg->chains = calloc(rs->num_chains, sizeof(*pg->chains));
	pg->nodes = calloc(rs->num_chains, sizeof(*pg->nodes));
	pg->reached = calloc(rs->num_chains, sizeof(*pg->reached));
	pg->order = calloc(rs->num_chains, sizeof(*pg->order));
	if (!pg->chains || !pg->nodes || !pg->reached || !pg->order)
		goto err_nomem;
	for (i = 0; i < rs->num_chains; i++)
		if (scan_chain(pg, i))
			goto err_nomem;
	return 0;

err_nomem:
	return bpfilter_refuse(why, ENOMEM, false, NULL, "out of memory");
}

/**
 * plan_graph_free() - release a graph
 * @pg:		graph
 */
void plan_graph_free(struct plan_graph *pg)
{
	free(pg->chains);
	free(pg->calls);
	free(pg->nodes);
	free(pg->reached);
	free(pg->order);
	memset(pg, 0, sizeof(*pg));
}

/* --- One hook --- */

enum visit {
	VISIT_NONE,
	VISIT_OPEN,
	VISIT_DONE,
};

/* struct walk - a walk in depth, with a stack of its own */
struct walk {
	uint32_t *stack;
	uint32_t *next_call;
	uint8_t *visit;
	uint32_t depth;
};

static int open_chain(struct walk *w, uint32_t chain)
{
	if (w->visit[chain] == VISIT_OPEN)
		return -ELOOP;
	if (w->visit[chain] == VISIT_NONE) {
		w->visit[chain] = VISIT_OPEN;
		w->next_call[chain] = 0;
		w->stack[w->depth++] = chain;
	}
	return 0;
}

/* Chains are done in reverse order: each after all that it jumps to */
static int walk_chains(struct plan_graph *pg, struct walk *w, uint32_t root)
{
	uint32_t place = pg->rs->num_chains;
	int err = open_chain(w, root);

	while (!err && w->depth) {
		uint32_t chain = w->stack[w->depth - 1];
		const struct plan_chain *pc = &pg->chains[chain];

		if (w->next_call[chain] < pc->num_calls) {
			err = open_chain(w, pg->calls[pc->calls +
						      w->next_call[chain]++]);
			continue;
		}
		w->visit[chain] = VISIT_DONE;
		w->depth--;
		pg->reached[--place] = chain;
	}
	pg->num_reached = pg->rs->num_chains - place;
	memmove(pg->reached, pg->reached + place,
		pg->num_reached * sizeof(*pg->reached));
	return err;
}

/**
 * plan_graph_reach() - order the chains that a hook reaches, to @pg->reached
 * @pg:		graph
 * @hook:	hook that the table has
 * @why:	where a refusal goes
 *
 * Return: 0, or a negative errno after a refusal.
 */
int plan_graph_reach(struct plan_graph *pg, int hook, struct refusal *why)
{
	uint32_t num = pg->rs->num_chains;
	struct walk w = {
		.stack = calloc(num, sizeof(*w.stack)),
		.next_call = calloc(num, sizeof(*w.next_call)),
		.visit = calloc(num, sizeof(*w.visit)),
	};
	int err = -ENOMEM;

	memset(pg->nodes, 0, num * sizeof(*pg->nodes));
	if (w.stack && w.next_call && w.visit)
		err = walk_chains(pg, &w, pg->rs->hook_chain[hook]);
	free(w.stack);
	free(w.next_call);
	free(w.visit);
	if (err == -ELOOP)
		return plan_refuse(pg, hook, why, "chains form a loop");
	if (err)
		return bpfilter_refuse(why, ENOMEM, false, NULL,
				       "out of memory");
	return 0;
}

/* Callees come first in reverse order */
static void sum_costs(struct plan_graph *pg, uint32_t chain)
{
	const struct plan_chain *pc = &pg->chains[chain];
	struct plan_node *n = &pg->nodes[chain];
	uint32_t i;

	n->full = n->own;
	n->walk = n->own.insns;
	for (i = 0; i < n->code_calls; i++) {
		const struct plan_node *to =
			&pg->nodes[pg->calls[pc->calls + i]];

		if (!to->is_code)
			continue;
		n->walk = plan_sum(n->walk, to->walk);
		if (!to->is_inline)
			continue;
		n->full.insns = plan_sum(n->full.insns, to->full.insns);
		n->full.branches = plan_sum(n->full.branches,
					    to->full.branches);
	}
}

static void sum_sites(struct plan_graph *pg, uint32_t chain)
{
	const struct plan_chain *pc = &pg->chains[chain];
	const struct plan_node *n = &pg->nodes[chain];
	uint64_t copies = n->is_inline ? n->sites : 1;
	uint32_t i;

	for (i = 0; i < n->code_calls; i++) {
		struct plan_node *to = &pg->nodes[pg->calls[pc->calls + i]];

		if (to->is_code)
			to->sites = plan_sum(to->sites, copies);
	}
}

/**
 * plan_graph_sum() - compute all sums anew after @is_inline changed
 * @pg:		graph after plan_part()
 */
void plan_graph_sum(struct plan_graph *pg)
{
	uint32_t i;

	for (i = pg->num_order; i-- > 0;)
		sum_costs(pg, pg->order[i]);
	for (i = 0; i < pg->num_order; i++)
		pg->nodes[pg->order[i]].sites = 0;
	for (i = 0; i < pg->num_order; i++)
		sum_sites(pg, pg->order[i]);
}
