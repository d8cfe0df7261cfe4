// SPDX-License-Identifier: GPL-2.0
/*
 * Which rules share a tree.
 *
 * A tree that lives of a dim repeats a rule with a large range in that dim in
 * all the places of rules with smaller ones. So groups are divided, beginning
 * with one of all rules, by the size of ranges in some dim, as long as both
 * halves and one more tree promise to cost less than the whole.
 *
 * What a group promises follows from its best dim: from the number of rules
 * whose ranges overlap an average rule's there. Those of them with the same
 * range need more nodes to tell them apart, the others need memory, too. As a
 * share of pairs of rules, that can be learned from a sample.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cls_impl.h"

#define SAMPLE_MAX	512
/* ... for so many dims, then less */
#define SAMPLE_DIMS	8

/* From so many rules on memory counts for more than nodes on the way */
#define MANY_RULES	20000
/* Then groups are divided by so many dims, 8 being the most trees */
#define MANY_DIMS	2
/* ... in which of all pairs no greater share overlaps */
#define MANY_OVERLAP	0.05f
#define NARROW_MIN	8
/* A node */
#define NS_LEVEL	8.0f
/* Ranges that overlap without being the same: what repeating them costs, ... */
#define NS_REPEAT	0.3f
/* ... and where the memory to do so is at its end */
#define REPEAT_MAX	20
#define NS_NO_ROOM	1.0f

/**
 * struct some - a sample of all rules
 * @rule:	numbers of the rules, ascending
 * @by_lo:	per dim, indices of @rule in the order of ranges
 * @by_hi:	per dim, in the order of where ranges end
 * @group:	in which group each is
 * @num:	how many
 * @scale:	rules for each of these
 */
struct some {
	uint32_t rule[SAMPLE_MAX];
	uint16_t by_lo[CLS_DIMS_MAX][SAMPLE_MAX];
	uint16_t by_hi[CLS_DIMS_MAX][SAMPLE_MAX];
	uint8_t group[SAMPLE_MAX];
	uint32_t num;
	float scale;
};

/* struct cut_at - rules whose values differ in bit @shift or above, or not */
struct cut_at {
	float gain;
	uint8_t dim;
	uint8_t shift;
};

struct partition {
	struct cls_builder *b;
	struct some *some;
	struct cut_at cut[DATA_TREES_MAX];
	float cost[DATA_TREES_MAX];
	struct cls_set set[DATA_TREES_MAX];
	uint32_t num;
};

static bool is_wide(const struct cls_range *range, uint32_t shift)
{
	return cls_differ(range->lo, range->hi) > shift;
}

static const struct cls_range *range_of(const struct partition *p, uint32_t i,
					uint32_t dim)
{
	return cls_range(p->b, p->some->rule[i], dim);
}

/* --- The sample --- */

struct order {
	uint64_t key;
	uint16_t i;
};

static int order_cmp(const void *a, const void *b)
{
	const struct order *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->i - y->i;
}

static void sort_by(uint16_t *to, struct order *order, uint32_t num)
{
	for (uint32_t i = 0; i < num; i++)
		order[i].i = i;
	qsort(order, num, sizeof(*order), order_cmp);
	for (uint32_t i = 0; i < num; i++)
		to[i] = order[i].i;
}

static void sample_take(struct partition *p, struct cls_set all)
{
	struct order order[SAMPLE_MAX];
	struct some *some = p->some;

	some->num = SAMPLE_MAX;
	if (p->b->rules->num_dims > SAMPLE_DIMS)
		some->num = SAMPLE_MAX * SAMPLE_DIMS / p->b->rules->num_dims;
	if (some->num > all.num)
		some->num = all.num;
	some->scale = (float)all.num / some->num;
	for (uint32_t i = 0; i < some->num; i++)
		some->rule[i] = (uint64_t)all.num * i / some->num;
	for (uint32_t d = 0; d < p->b->rules->num_dims; d++) {
		for (uint32_t i = 0; i < some->num; i++)
			order[i].key = (uint64_t)range_of(p, i, d)->lo << 32 |
				       range_of(p, i, d)->hi;
		sort_by(some->by_lo[d], order, some->num);
		for (uint32_t i = 0; i < some->num; i++)
			order[i].key = range_of(p, i, d)->hi;
		sort_by(some->by_hi[d], order, some->num);
	}
}

/* --- What a group promises --- */

/* struct pairs - pairs of rules of a group, each rule paired with itself, too */
struct pairs {
	uint64_t overlap;
	uint64_t same;
	uint32_t rules;
};

/*
 * Two ranges do not overlap if one ends before the other starts: with ranges in
 * the order of their starts that is counted along those in the order of ends.
 */
static struct pairs count_pairs(const struct partition *p, uint32_t group,
				uint32_t dim)
{
	const struct cls_range *last = NULL;
	const struct some *some = p->some;
	struct pairs n = { 0 };
	uint64_t apart = 0;
	uint32_t run = 0, ended = 0;

	for (uint32_t i = 0, e = 0; i < some->num; i++) {
		const struct cls_range *range = range_of(p, some->by_lo[dim][i], dim);

		if (some->group[some->by_lo[dim][i]] != group)
			continue;
		for (; range_of(p, some->by_hi[dim][e], dim)->hi < range->lo; e++)
			ended += some->group[some->by_hi[dim][e]] == group;
		apart += ended;
		n.rules++;
		if (!last || memcmp(last, range, sizeof(*last)))
			run = 0;
		n.same += 2 * run++ + 1;
		last = range;
	}
	n.overlap = (uint64_t)n.rules * n.rules - 2 * apart;
	return n;
}

/* What repeating @num rules in the places of each other one costs */
static float repeat_cost(float num)
{
	float cost = NS_REPEAT * num;

	if (num > REPEAT_MAX)
		cost += NS_NO_ROOM * (num - REPEAT_MAX);
	return cost;
}

/*
 * One dim after the other, the best one first, as if they had nothing to do
 * with each other: of @left rules that an average one meets, its dim keeps off
 * those that do not overlap it.
 */
static float promise(const struct partition *p, uint32_t group)
{
	uint32_t num_dims = p->b->rules->num_dims, used = 0;
	float left = 0, cost = 0, overlap[CLS_DIMS_MAX], others[CLS_DIMS_MAX];

	for (uint32_t d = 0; d < num_dims; d++) {
		struct pairs n = count_pairs(p, group, d);
		float all = n.rules ? (float)n.rules * n.rules : 1;

		left = p->some->scale * n.rules;
		overlap[d] = n.overlap / all;
		others[d] = (n.overlap - n.same) / all;
	}
	for (;;) {
		float best = cls_list_cost(p->b, left);
		uint32_t dim = num_dims;

		for (uint32_t d = 0; d < num_dims; d++) {
			float with = NS_LEVEL + repeat_cost(left * others[d]) +
				     cls_rest(p->b, left * overlap[d]);

			if (!(used & 1U << d) && with < best) {
				best = with;
				dim = d;
			}
		}
		if (dim == num_dims)
			return cost + best;
		cost += NS_LEVEL + repeat_cost(left * others[dim]);
		left *= overlap[dim];
		used |= 1U << dim;
	}
}

/* For those packets that are meant for the group */
static float share_cost(const struct partition *p, uint32_t group)
{
	uint32_t num = 0;

	for (uint32_t i = 0; i < p->some->num; i++)
		num += p->some->group[i] == group;
	return promise(p, group) * num / p->some->num;
}

/* --- Dividing --- */

/* Wide rules of a group become another one's; returns how many stay */
static uint32_t divide_sample(const struct partition *p, uint32_t group,
			      uint32_t dim, uint32_t shift, uint32_t other)
{
	uint32_t stay = 0;

	for (uint32_t i = 0; i < p->some->num; i++) {
		if (p->some->group[i] != group)
			continue;
		if (is_wide(range_of(p, i, dim), shift))
			p->some->group[i] = other;
		else
			stay++;
	}
	return stay;
}

static void unite_sample(const struct partition *p, uint32_t group, uint32_t other)
{
	for (uint32_t i = 0; i < p->some->num; i++)
		if (p->some->group[i] == other)
			p->some->group[i] = group;
}

static void try_cut(struct partition *p, uint32_t group, uint32_t dim,
		    uint32_t shift)
{
	uint32_t other = p->num;
	float gain;

	divide_sample(p, group, dim, shift, other);
	gain = p->cost[group] - CLS_NS_TREE - share_cost(p, group) -
	       share_cost(p, other);
	if (gain > p->cut[group].gain)
		p->cut[group] = (struct cut_at){ gain, dim, shift };
	unite_sample(p, group, other);
}

/* Shifts worth a try: every fourth, if it divides other than the last one */
static void try_dim(struct partition *p, uint32_t group, uint32_t dim)
{
	uint32_t bits = p->b->rules->dims[dim].bits, all = 0, narrow = 0, tried = 0;
	uint32_t num[33] = { 0 };

	for (uint32_t i = 0; i < p->some->num; i++) {
		const struct cls_range *range = range_of(p, i, dim);

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
		try_cut(p, group, dim, shift);
	}
}

static void look_at(struct partition *p, uint32_t group)
{
	p->cut[group].gain = 0;
	p->cost[group] = share_cost(p, group);
	if (p->num == DATA_TREES_MAX)
		return;
	for (uint32_t d = 0; d < p->b->rules->num_dims; d++)
		try_dim(p, group, d);
}

/* A set's narrow rules, and behind them its wide ones */
static void divide(struct partition *p, uint32_t group, uint32_t other)
{
	struct cls_set set = p->set[group], half[2] = { 0 };
	struct cut_at cut = p->cut[group];
	struct cls_builder *b = p->b;

	for (uint32_t wide = 0; wide < 2; wide++) {
		half[wide].start = cls_push(b, set.num);
		if (b->error)
			return;
		for (uint32_t i = 0; i < set.num; i++) {
			uint32_t rule = b->arena[set.start + i];

			if (is_wide(cls_range(b, rule, cut.dim), cut.shift) == wide)
				b->arena[half[wide].start + half[wide].num++] = rule;
		}
		b->arena_len = half[wide].start + half[wide].num;
	}
	p->set[group] = half[0];
	p->set[other] = half[1];
}

/* Both halves become groups; false if there is only one */
static bool divide_at(struct partition *p, uint32_t group, struct cut_at cut)
{
	uint32_t other = p->num;

	p->cut[group] = cut;
	divide(p, group, other);
	if (p->b->error || !p->set[other].num)
		return false;
	if (!p->set[group].num) {
		p->set[group] = p->set[other];
		return false;
	}
	divide_sample(p, group, cut.dim, cut.shift, other);
	p->num++;
	return true;
}

/* --- Many rules: by all dims that tell most of their rules apart --- */

static uint32_t wide_shift(const struct partition *p, uint32_t dim)
{
	return p->b->rules->dims[dim].bits * 3 / 4;
}

/* Share of pairs that overlap, of rules that are narrow in the dim, or 1 */
static float narrow_overlap(struct partition *p, uint32_t dim)
{
	struct pairs n;

	divide_sample(p, 0, dim, wide_shift(p, dim), 1);
	n = count_pairs(p, 0, dim);
	unite_sample(p, 0, 1);
	if (n.rules < NARROW_MIN || n.rules == p->some->num)
		return 1;
	return (float)(n.overlap - n.rules) / n.rules / n.rules;
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
			divide_at(p, g, (struct cut_at){ 0, best,
							 wide_shift(p, best) });
		overlap[best] = 1;
	}
}

/* --- Few rules: one cut after the other --- */

static uint32_t best_cut(const struct partition *p)
{
	uint32_t best = 0;

	for (uint32_t i = 1; i < p->num; i++)
		if (p->cut[i].gain > p->cut[best].gain)
			best = i;
	return best;
}

static void divide_few(struct partition *p)
{
	look_at(p, 0);
	while (p->num < DATA_TREES_MAX && !p->b->error) {
		uint32_t best = best_cut(p), other = p->num;

		if (p->cut[best].gain <= 0 || !divide_at(p, best, p->cut[best]))
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
	struct some *some = calloc(1, sizeof(*some));
	struct partition p = { .b = b, .some = some, .num = 1 };

	if (!some) {
		b->error = -ENOMEM;
		return 0;
	}
	p.set[0] = all;
	sample_take(&p, all);
	if (all.num >= MANY_RULES)
		divide_many(&p);
	if (p.num == 1)
		divide_few(&p);
	memcpy(group, p.set, p.num * sizeof(*group));
	free(some);
	return p.num;
}
