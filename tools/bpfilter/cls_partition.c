// SPDX-License-Identifier: GPL-2.0
/*
 * Which rules share a tree.
 *
 * A tree that lives of a dim repeats a rule with a large range in that dim in
 * all the places of rules with smaller ones. So groups are divided, beginning
 * with one of all rules, by the size of ranges in some dim:
 *
 *  - few rules: as long as both halves and one more tree promise to cost less
 *    than the whole. More than two trees are rare.
 *
 *  - many rules: by the dims that tell most of their rules apart, whatever
 *    that promises. The promise of a division is only good when the next one
 *    is not needed, and memory decides.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cls_impl.h"

/* From so many rules on memory counts for more than nodes on the way */
#define MANY_RULES	20000
/* Then groups are divided by so many dims, 8 being the most trees */
#define MANY_DIMS	2
/* ... in which no greater share of pairs of rules with small ranges overlaps */
#define MANY_OVERLAP	0.05f

/**
 * struct partition - groups
 * @b:		builder
 * @some:	sample, divided likewise
 * @set:	a group's rules, in the arena
 * @cost:	what it promises to cost
 * @cut:	where it had best be divided
 * @gain:	by how much cheaper that is, 0: not to be divided
 * @num:	number of groups
 */
struct partition {
	struct cls_builder *b;
	struct cls_some *some;
	struct cls_set set[DATA_TREES_MAX];
	float cost[DATA_TREES_MAX];
	struct cls_cut cut[DATA_TREES_MAX];
	float gain[DATA_TREES_MAX];
	uint32_t num;
};

/* A group's narrow rules stay, its wide ones become the last group's */
static void divide_set(struct partition *p, uint32_t group, struct cls_cut cut)
{
	struct cls_set set = p->set[group], half[2] = { 0 };
	struct cls_builder *b = p->b;

	for (uint32_t wide = 0; wide < 2; wide++) {
		half[wide].start = cls_push(b, set.num);
		if (b->error)
			return;
		for (uint32_t i = 0; i < set.num; i++) {
			uint32_t rule = b->arena[set.start + i];

			if (cls_is_wide(cls_range(b, rule, cut.dim), cut) == wide)
				b->arena[half[wide].start + half[wide].num++] = rule;
		}
		b->arena_len = half[wide].start + half[wide].num;
	}
	p->set[group] = half[0];
	p->set[p->num] = half[1];
}

/* Both halves become groups; false if there is only one */
static bool divide(struct partition *p, uint32_t group, struct cls_cut cut)
{
	struct cls_set whole = p->set[group];

	divide_set(p, group, cut);
	if (p->b->error)
		return false;
	if (!p->set[group].num || !p->set[p->num].num) {
		p->set[group] = whole;
		return false;
	}
	cls_some_divide(p->some, group, cut, p->num++);
	return true;
}

/* --- Many rules --- */

static struct cls_cut wide_cut(const struct partition *p, uint32_t dim)
{
	return (struct cls_cut){ dim, p->b->rules->dims[dim].bits * 3 / 4 };
}

/* Share of pairs that overlap, of narrow rules; 1 if all are narrow */
static float narrow_overlap(struct partition *p, uint32_t dim)
{
	float overlap = 1;

	if (cls_some_divide(p->some, 0, wide_cut(p, dim), 1) < p->some->num)
		overlap = cls_some_overlap(p->some, 0, dim);
	cls_some_unite(p->some, 0, 1);
	return overlap;
}

static void divide_many(struct partition *p)
{
	float overlap[CLS_DIMS_MAX];

	for (uint32_t d = 0; d < p->b->rules->num_dims; d++)
		overlap[d] = narrow_overlap(p, d);
	for (uint32_t i = 0; i < MANY_DIMS; i++) {
		uint32_t best = 0, num = p->num;

		for (uint32_t d = 1; d < p->b->rules->num_dims; d++)
			if (overlap[d] < overlap[best])
				best = d;
		if (overlap[best] > MANY_OVERLAP)
			break;
		for (uint32_t g = 0; g < num && !p->b->error; g++)
			divide(p, g, wide_cut(p, best));
		overlap[best] = 1;
	}
}

/* --- Few rules --- */

static void try_cut(struct partition *p, uint32_t group, struct cls_cut cut)
{
	uint32_t other = p->num;
	float gain;

	cls_some_divide(p->some, group, cut, other);
	gain = p->cost[group] - CLS_NS_TREE -
	       cls_some_promise(p->some, group) -
	       cls_some_promise(p->some, other);
	if (gain > p->gain[group]) {
		p->gain[group] = gain;
		p->cut[group] = cut;
	}
	cls_some_unite(p->some, group, other);
}

/* Shifts worth a try: every fourth, if it divides other than the last one */
static void try_dim(struct partition *p, uint32_t group, uint32_t dim)
{
	uint32_t bits = p->b->rules->dims[dim].bits, all = 0, narrow = 0, tried = 0;
	uint32_t num[33] = { 0 };

	for (uint32_t i = 0; i < p->some->num; i++) {
		const struct cls_range *range = cls_range(p->b, p->some->rule[i],
							  dim);

		if (p->some->group[i] != group)
			continue;
		num[cls_differ(range->lo, range->hi)]++;
		all++;
	}
	for (uint32_t shift = 0; shift < bits; shift++) {
		narrow += num[shift];
		if ((shift % 4 && shift + 1 < bits) || narrow == tried)
			continue;
		if (narrow == all)
			break;
		tried = narrow;
		try_cut(p, group, (struct cls_cut){ dim, shift });
	}
}

static void look_at(struct partition *p, uint32_t group)
{
	p->gain[group] = 0;
	p->cost[group] = cls_some_promise(p->some, group);
	if (p->num == DATA_TREES_MAX)
		return;
	for (uint32_t d = 0; d < p->b->rules->num_dims; d++)
		try_dim(p, group, d);
}

static uint32_t best_group(const struct partition *p)
{
	uint32_t best = 0;

	for (uint32_t i = 1; i < p->num; i++)
		if (p->gain[i] > p->gain[best])
			best = i;
	return best;
}

static void divide_few(struct partition *p)
{
	look_at(p, 0);
	while (p->num < DATA_TREES_MAX) {
		uint32_t best = best_group(p), other = p->num;

		if (p->gain[best] <= 0 || !divide(p, best, p->cut[best]))
			break;
		look_at(p, best);
		look_at(p, other);
	}
}

/**
 * cls_partition() - divide rules into groups
 * @b:		builder
 * @all:	all rules
 * @group:	gets the groups, in the arena; room for %DATA_TREES_MAX
 *
 * Return: number of groups.
 */
uint32_t cls_partition(struct cls_builder *b, struct cls_set all,
		       struct cls_set *group)
{
	struct cls_some *some = calloc(1, sizeof(*some));
	struct partition p = { .b = b, .some = some, .num = 1 };

	if (!some) {
		b->error = -ENOMEM;
		return 0;
	}
	some->b = b;
	p.set[0] = all;
	cls_some_take(some, all);
	if (all.num >= MANY_RULES)
		divide_many(&p);
	if (p.num == 1)
		divide_few(&p);
	memcpy(group, p.set, p.num * sizeof(*group));
	free(some);
	return p.num;
}
