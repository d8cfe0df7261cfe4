// SPDX-License-Identifier: GPL-2.0
/*
 * Which chains are copied to where they are jumped to. None, as long as the
 * limits of the verifier allow a function for each: a function is verified once
 * however often it is called, and its name can be seen.
 *
 * Depth. Chains get levels so that each stands below all that jump to it. If
 * there are more levels than frames on the stack, neighbouring levels are
 * merged: all chains of the lower one become inline. Then a chain that is a
 * function has only callers in groups of levels above its own, so no path has
 * more frames than there are groups.
 *
 * Number. If there are too many functions, those that grow the code least
 * become inline: first all that are jumped to once.
 */
#include <errno.h>
#include <stdlib.h>

#include "plan_graph.h"
#include "plan_limits.h"

/* --- Depth --- */

/**
 * struct level - one level of chains
 * @growth:	instructions that copies of its chains add
 * @branches:	of its chains, and of merged levels above it
 * @merged:	merged with the level above it
 */
struct level {
	uint64_t growth;
	uint64_t branches;
	bool merged;
};

/* A chain too long for one function is walked one frame below its own */
static uint32_t frames_of(const struct plan_graph *pg, uint32_t chain)
{
	return plan_is_cut(pg, chain, pg->nodes[chain].own.branches) ? 2 : 1;
}

/* Returns the number of levels */
static uint32_t set_levels(struct plan_graph *pg)
{
	uint32_t i, j, num = 1;

	for (i = 0; i < pg->num_order; i++) {
		uint32_t chain = pg->order[i];
		const struct plan_chain *pc = &pg->chains[chain];
		uint32_t below = pg->nodes[chain].level + frames_of(pg, chain);

		for (j = 0; j < pg->nodes[chain].code_calls; j++) {
			struct plan_node *to =
				&pg->nodes[pg->calls[pc->calls + j]];

			if (to->is_code && to->level < below)
				to->level = below;
		}
		if (num < below)
			num = below;
	}
	return num;
}

static void weigh_levels(const struct plan_graph *pg, struct level *levels)
{
	uint32_t i;

	for (i = 0; i < pg->num_order; i++) {
		uint32_t chain = pg->order[i];
		const struct plan_node *n = &pg->nodes[chain];
		struct level *l = &levels[n->level];
		uint64_t copies = n->sites ? n->sites - 1 : 0;

		l->growth = plan_sum(l->growth,
				     plan_product(copies, n->full.insns));
		l->branches = plan_sum(l->branches,
				       n->own.branches);
	}
}

/*
 * Merge the level that costs least with the one above: copies first, then the
 * size of what gets together.
 */
static void merge_one(struct level *levels, uint32_t num)
{
	uint64_t best = UINT64_MAX, cost;
	uint32_t i, top = 0, best_top = 0, choice = 0;

	for (i = 1; i < num; i++) {
		if (levels[i].merged)
			continue;
		cost = levels[i].growth * 2 + levels[top].branches +
		       levels[i].branches;
		if (cost < best) {
			best = cost;
			choice = i;
			best_top = top;
		}
		top = i;
	}
	levels[choice].merged = true;
	levels[best_top].branches += levels[choice].branches;
}

/**
 * plan_inline_for_depth() - make chains inline until the rest fits the frames
 * @pg:		graph after plan_graph_sum()
 * @hook:	for refusals
 * @why:	where a refusal goes
 *
 * Return: 0, or a negative errno after a refusal.
 */
int plan_inline_for_depth(struct plan_graph *pg, int hook, struct refusal *why)
{
	uint32_t num = set_levels(pg);
	struct level *levels;
	uint32_t i, groups;

	if (num <= pg->frames_max)
		return 0;
	if (num > PLAN_LEVELS_MAX)
		return plan_refuse(pg, hook, why,
				   "chains nested %u deep, at most %u", num,
				   PLAN_LEVELS_MAX);
	levels = calloc(num, sizeof(*levels));
	if (!levels)
		return bpfilter_refuse(why, ENOMEM, false, NULL,
				       "out of memory");
	weigh_levels(pg, levels);
	for (groups = num; groups > pg->frames_max; groups--)
		merge_one(levels, num);
	for (i = 0; i < pg->num_order; i++) {
		struct plan_node *n = &pg->nodes[pg->order[i]];

		n->is_inline = levels[n->level].merged;
	}
	free(levels);
	return 0;
}

/* --- Number --- */

struct candidate {
	uint32_t chain;
	uint64_t growth;
	uint64_t insns;
};

static int compare(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->growth != y->growth)
		return x->growth < y->growth ? -1 : 1;
	if (x->insns != y->insns)
		return x->insns < y->insns ? -1 : 1;
	return x->chain < y->chain ? -1 : x->chain > y->chain;
}

/* The first chain in order is the hook's own: it is the entry */
static uint32_t list_candidates(const struct plan_graph *pg,
				struct candidate *list)
{
	uint32_t i, num = 0;

	for (i = 1; i < pg->num_order; i++) {
		const struct plan_node *n = &pg->nodes[pg->order[i]];

		if (n->is_inline ||
		    n->full.branches > PLAN_INLINE_BRANCHES)
			continue;
		list[num].chain = pg->order[i];
		list[num].insns = n->full.insns;
		list[num++].growth = plan_product(n->sites - 1,
						  n->full.insns);
	}
	return num;
}

/**
 * plan_inline_for_count() - make functions inline because they are too many
 * @pg:		graph after plan_graph_sum()
 * @excess:	how many are too many
 *
 * Half of the excess at a time, so that what the first ones add to others is
 * seen before these are chosen.
 *
 * Return: number of chains that became inline, 0 if none can, or -ENOMEM.
 */
int plan_inline_for_count(struct plan_graph *pg, uint32_t excess)
{
	struct candidate *list = calloc(pg->num_order, sizeof(*list));
	uint32_t i, num, take = excess / 2 + 1;

	if (!list)
		return -ENOMEM;
	num = list_candidates(pg, list);
	qsort(list, num, sizeof(*list), compare);
	if (take > num)
		take = num;
	for (i = 0; i < take; i++)
		pg->nodes[list[i].chain].is_inline = true;
	free(list);
	return take;
}
