// SPDX-License-Identifier: GPL-2.0
/*
 * Which rules share a tree.
 *
 * Rules that want any value of a dim spoil a tree that lives of that dim: they
 * end up in each of its lists. So groups are divided, beginning with one of
 * all rules, by how large a rule's range in a dim is, as long as the estimates
 * for both halves plus one more tree are below that for the whole.
 */
#include <string.h>

#include "cls_impl.h"

/* Estimates look at no more rules than about so many */
#define SAMPLE_MAX	2048

/* struct cut_at - rules whose values differ in bit @shift or above */
struct cut_at {
	float gain;
	uint32_t dim;
	uint32_t shift;
};

struct group {
	struct cls_set set;
	float cost;
	struct cut_at cut;
};

static bool is_wide(const struct cls_builder *b, uint32_t rule, uint32_t dim,
		    uint32_t shift)
{
	const struct cls_range *range = cls_range(b, rule, dim);

	return cls_differ(range->lo, range->hi) > shift;
}

static struct cls_set sample(struct cls_builder *b, struct cls_set set)
{
	uint32_t step = (set.num + SAMPLE_MAX - 1) / SAMPLE_MAX;
	struct cls_set some = { 0 };

	if (step <= 1)
		return set;
	some.start = cls_push(b, set.num / step + 1);
	if (b->error)
		return set;
	for (uint32_t i = 0; i < set.num; i += step)
		b->arena[some.start + some.num++] = b->arena[set.start + i];
	return some;
}

static float estimate(struct cls_builder *b, struct cls_set set)
{
	struct cls_node node = { .set = set };

	cls_root_node(b, &node);
	cls_narrow(b, &node);
	return cls_choose(b, &node).cost;
}

/* Divide a set: narrow rules first, wide ones behind, in room for all */
static void divide(struct cls_builder *b, struct cls_set set, uint32_t dim,
		   uint32_t shift, struct cls_set half[2])
{
	uint32_t *rule = cls_numbers(b, set.start);
	uint32_t *to = cls_numbers(b, half[0].start), wide = 0;

	half[0].num = 0;
	for (uint32_t i = 0; i < set.num; i++)
		if (!is_wide(b, rule[i], dim, shift))
			to[half[0].num++] = rule[i];
	half[1].start = half[0].start + half[0].num;
	to += half[0].num;
	for (uint32_t i = 0; i < set.num; i++)
		if (is_wide(b, rule[i], dim, shift))
			to[wide++] = rule[i];
	half[1].num = wide;
}

static void try_cut(struct cls_builder *b, struct cls_set some,
		    struct group *g, uint32_t dim, uint32_t shift)
{
	size_t arena_len = b->arena_len;
	struct cls_set half[2];
	float gain;

	half[0].start = cls_push(b, some.num);
	if (b->error)
		return;
	divide(b, some, dim, shift, half);
	if (half[0].num && half[1].num) {
		gain = g->cost - CLS_NS_TREE - estimate(b, half[0]) -
		       estimate(b, half[1]);
		if (gain > g->cut.gain)
			g->cut = (struct cut_at){ gain, dim, shift };
	}
	b->arena_len = arena_len;
}

/* Shifts worth a try: every fourth, if it divides other than the last one */
static void try_dim(struct cls_builder *b, struct cls_set some, struct group *g,
		    uint32_t dim)
{
	uint32_t num[33] = { 0 }, narrow = 0, bits = b->rules->dims[dim].bits;
	uint32_t tried = 0;

	for (uint32_t i = 0; i < some.num; i++) {
		const struct cls_range *r =
			cls_range(b, cls_numbers(b, some.start)[i], dim);

		num[cls_differ(r->lo, r->hi)]++;
	}
	for (uint32_t shift = 0; shift < bits; shift++) {
		narrow += num[shift];
		if (shift % 4 && shift + 1 < bits)
			continue;
		if (narrow == tried || narrow == some.num)
			continue;
		tried = narrow;
		try_cut(b, some, g, dim, shift);
	}
}

static void look_at(struct cls_builder *b, struct group *g)
{
	size_t arena_len = b->arena_len;
	struct cls_set some = sample(b, g->set);

	g->cut = (struct cut_at){ 0 };
	g->cost = estimate(b, some);
	for (uint32_t d = 0; d < b->rules->num_dims && !b->error; d++)
		try_dim(b, some, g, d);
	b->arena_len = arena_len;
}

/**
 * cls_partition() - divide rules into groups
 * @b:		builder
 * @all:	all rules
 * @out:	gets the groups, in the arena; room for %DATA_TREES_MAX
 *
 * Return: number of groups.
 */
uint32_t cls_partition(struct cls_builder *b, struct cls_set all,
		       struct cls_set *out)
{
	struct group group[DATA_TREES_MAX];
	uint32_t num = 1;

	group[0].set = all;
	look_at(b, &group[0]);
	while (num < DATA_TREES_MAX && !b->error) {
		struct group *best = &group[0];
		struct cls_set half[2];

		for (uint32_t i = 1; i < num; i++)
			if (group[i].cut.gain > best->cut.gain)
				best = &group[i];
		if (best->cut.gain <= 0)
			break;
		half[0].start = cls_push(b, best->set.num);
		if (b->error)
			break;
		divide(b, best->set, best->cut.dim, best->cut.shift, half);
		best->set = half[0];
		group[num].set = half[1];
		look_at(b, best);
		look_at(b, &group[num++]);
	}
	for (uint32_t i = 0; i < num; i++)
		out[i] = group[i].set;
	return num;
}
