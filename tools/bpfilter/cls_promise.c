// SPDX-License-Identifier: GPL-2.0
/*
 * What groups of rules promise to cost, each with a tree of its own.
 *
 * In a dim an average rule's range overlaps those of some others. Those with
 * the same range need more nodes to tell them apart. The others are repeated in
 * each other's places, which takes memory, too. As a share of pairs of rules
 * both can be learned from a sample.
 */
#include <stdlib.h>
#include <string.h>

#include "cls_impl.h"

/* With more dims samples are smaller, as all of them are looked at for each */
#define SAMPLE_DIMS	8

/* A share of fewer pairs says nothing */
#define OVERLAP_MIN	8

/* A node */
#define NS_LEVEL	8.0f
/* Ranges that overlap without being the same: what repeating them costs, ... */
#define NS_REPEAT	0.3f
/* ... and where the memory to do so is at its end */
#define REPEAT_MAX	20
#define NS_NO_ROOM	1.0f

static const struct cls_range *range_of(const struct cls_some *some, uint32_t i,
					uint32_t dim)
{
	return cls_range(some->b, some->rule[i], dim);
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

/**
 * cls_some_take() - take a sample
 * @some:	gets it; all zeroes but for the builder
 * @all:	rules that have not been divided yet
 */
void cls_some_take(struct cls_some *some, struct cls_set all)
{
	struct order order[CLS_SOME_MAX];

	some->num = CLS_SOME_MAX;
	if (some->b->rules->num_dims > SAMPLE_DIMS)
		some->num = CLS_SOME_MAX * SAMPLE_DIMS / some->b->rules->num_dims;
	if (some->num > all.num)
		some->num = all.num;
	some->scale = (float)all.num / some->num;
	for (uint32_t i = 0; i < some->num; i++)
		some->rule[i] = cls_numbers(some->b, all.start)
				[(uint64_t)all.num * i / some->num];
	for (uint32_t d = 0; d < some->b->rules->num_dims; d++) {
		for (uint32_t i = 0; i < some->num; i++)
			order[i].key = (uint64_t)range_of(some, i, d)->lo << 32 |
				       range_of(some, i, d)->hi;
		sort_by(some->by_lo[d], order, some->num);
		for (uint32_t i = 0; i < some->num; i++)
			order[i].key = range_of(some, i, d)->hi;
		sort_by(some->by_hi[d], order, some->num);
	}
}

/* --- Pairs --- */

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
static struct pairs count_pairs(const struct cls_some *some, uint32_t group,
				uint32_t dim)
{
	const struct cls_range *last = NULL;
	struct pairs n = { 0 };
	uint64_t apart = 0;
	uint32_t run = 0, ended = 0;

	for (uint32_t i = 0, e = 0; i < some->num; i++) {
		const struct cls_range *range = range_of(some, some->by_lo[dim][i], dim);

		if (some->group[some->by_lo[dim][i]] != group)
			continue;
		for (; range_of(some, some->by_hi[dim][e], dim)->hi < range->lo; e++)
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

/**
 * cls_some_overlap() - see how far a dim fails to tell rules apart
 * @some:	sample
 * @group:	whose rules
 * @dim:	dim
 *
 * Return: the share of pairs of two rules that overlap; 1 for fewer than
 *	%OVERLAP_MIN rules.
 */
float cls_some_overlap(const struct cls_some *some, uint32_t group, uint32_t dim)
{
	struct pairs n = count_pairs(some, group, dim);

	if (n.rules < OVERLAP_MIN)
		return 1;
	return (float)(n.overlap - n.rules) / n.rules / n.rules;
}

/* --- What a group promises --- */

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
static float promise(const struct cls_some *some, uint32_t group)
{
	uint32_t num_dims = some->b->rules->num_dims, used = 0;
	float left = 0, cost = 0, overlap[CLS_DIMS_MAX], others[CLS_DIMS_MAX];

	for (uint32_t d = 0; d < num_dims; d++) {
		struct pairs n = count_pairs(some, group, d);
		float all = n.rules ? (float)n.rules * n.rules : 1;

		left = some->scale * n.rules;
		overlap[d] = n.overlap / all;
		others[d] = (n.overlap - n.same) / all;
	}
	for (;;) {
		float best = cls_list_cost(some->b, left);
		uint32_t dim = num_dims;

		for (uint32_t d = 0; d < num_dims; d++) {
			float with = NS_LEVEL + repeat_cost(left * others[d]) +
				     cls_rest(some->b, left * overlap[d]);

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

/**
 * cls_some_promise() - estimate what a tree for a group costs
 * @some:	sample
 * @group:	group
 *
 * Return: ns, for that share of packets which is meant for the group.
 */
float cls_some_promise(const struct cls_some *some, uint32_t group)
{
	uint32_t num = 0;

	for (uint32_t i = 0; i < some->num; i++)
		num += some->group[i] == group;
	return promise(some, group) * num / some->num;
}

/* --- Groups --- */

/**
 * cls_some_divide() - make a group's wide rules another group
 * @some:	sample
 * @group:	group
 * @cut:	which rules are wide
 * @other:	number of the new group
 *
 * Return: how many rules stay.
 */
uint32_t cls_some_divide(struct cls_some *some, uint32_t group,
			 struct cls_cut cut, uint32_t other)
{
	uint32_t stay = 0;

	for (uint32_t i = 0; i < some->num; i++) {
		if (some->group[i] != group)
			continue;
		if (cls_is_wide(range_of(some, i, cut.dim), cut))
			some->group[i] = other;
		else
			stay++;
	}
	return stay;
}

/**
 * cls_some_unite() - make two groups one again
 * @some:	sample
 * @group:	group that stays
 * @other:	group that goes
 */
void cls_some_unite(struct cls_some *some, uint32_t group, uint32_t other)
{
	for (uint32_t i = 0; i < some->num; i++)
		if (some->group[i] == other)
			some->group[i] = group;
}
