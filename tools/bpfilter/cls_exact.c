// SPDX-License-Identifier: GPL-2.0
/*
 * How well a search splits a set whose ranges begin and end anywhere.
 */
#include <string.h>

#include "cls_impl.h"

#define BOUNDS_MAX	(2 * CLS_EXACT_MAX)

/* Insert what is not there yet; returns the number of @v then */
static uint32_t insert(uint32_t *v, uint32_t num, uint32_t x)
{
	uint32_t at = num;

	while (at && v[at - 1] > x)
		at--;
	if (at && v[at - 1] == x)
		return num;
	memmove(v + at + 1, v + at, (num - at) * sizeof(*v));
	v[at] = x;
	return num + 1;
}

/**
 * cls_bounds() - values at which the set's rules change
 * @b:		builder
 * @node:	node of at most %CLS_EXACT_MAX rules
 * @dim:	dim
 * @bound:	gets the first value of each run but the lowest one, ascending;
 *		room for two per rule
 *
 * Return: how many.
 */
uint32_t cls_bounds(const struct cls_builder *b, const struct cls_node *node,
		    uint32_t dim, uint32_t *bound)
{
	const uint32_t *rule = cls_numbers(b, node->set.start);
	const struct cls_range *region = &node->region[dim];
	uint32_t num = 0;

	for (uint32_t i = 0; i < node->set.num; i++) {
		const struct cls_range *range = cls_range(b, rule[i], dim);

		if (range->lo > region->lo)
			num = insert(bound, num, range->lo);
		if (range->hi < region->hi)
			num = insert(bound, num, range->hi + 1);
	}
	return num;
}

/* Number of bounds that are at most @key */
static uint32_t run_of(const uint32_t *bound, uint32_t num, uint32_t key)
{
	uint32_t low = 0;

	while (num) {
		uint32_t half = num / 2;

		if (bound[low + half] <= key) {
			low += half + 1;
			num -= half + 1;
		} else {
			num = half;
		}
	}
	return low;
}

struct runs {
	int32_t over[BOUNDS_MAX + 2];
	float weight[BOUNDS_MAX + 2];
};

static void count_runs(const struct cls_builder *b, const struct cls_node *node,
		       uint32_t dim, const uint32_t *bound, uint32_t num,
		       struct runs *r)
{
	const uint32_t *rule = cls_numbers(b, node->set.start);

	memset(r->over, 0, (num + 2) * sizeof(*r->over));
	memset(r->weight, 0, (num + 2) * sizeof(*r->weight));
	for (uint32_t i = 0; i < node->set.num; i++) {
		const struct cls_range *range = cls_range(b, rule[i], dim);
		uint32_t a = run_of(bound, num, range->lo);
		uint32_t z = run_of(bound, num, range->hi);
		float weight = 1.0f / (z - a + 1);

		r->over[a]++;
		r->over[z + 1]--;
		r->weight[a] += weight;
		r->weight[z + 1] -= weight;
	}
}

/**
 * cls_try_exact() - look at a search for all of a dim's bounds
 * @b:		builder
 * @node:	node of at most %CLS_EXACT_MAX rules
 * @dim:	dim that not all of them cover
 * @best:	replaced by what is better
 */
void cls_try_exact(struct cls_builder *b, const struct cls_node *node,
		   uint32_t dim, struct cls_split *best)
{
	struct cls_split split = { .kind = CLS_SEARCH_EXACT, .dim = dim };
	uint32_t bound[BOUNDS_MAX], num;
	uint64_t bytes = sizeof(struct data_search);
	int32_t over = 0;
	float weight = 0, rest = 0;
	struct runs r;

	num = cls_bounds(b, node, dim, bound);
	count_runs(b, node, dim, bound, num, &r);
	for (uint32_t i = 0; i <= num; i++) {
		over += r.over[i];
		weight += r.weight[i];
		rest += weight * cls_rest(b, over);
		bytes += 2 * sizeof(uint32_t) + cls_rest_bytes(over);
	}
	split.cost = cls_search_cost(num + 1) + rest / node->set.num;
	cls_offer(b, node, bytes, &split, best);
}

/**
 * cls_try_hull() - look at a search that only keeps off what is outside
 * @b:		builder
 * @node:	node
 * @dim:	dim that not all of its rules cover
 * @best:	replaced by what is better
 *
 * Rules that cover the dim meet packets outside of what the others want.
 */
void cls_try_hull(struct cls_builder *b, const struct cls_node *node,
		  uint32_t dim, struct cls_split *best)
{
	struct cls_split split = { .kind = CLS_SEARCH_HULL, .dim = dim };
	const struct cls_hull *hull = &node->hull[dim];
	uint32_t n = node->set.num, outside = n - hull->num;
	uint64_t bytes = sizeof(struct data_search) +
		5 * sizeof(uint32_t) + cls_rest_bytes(n) +
		(uint64_t)cls_rest_bytes(outside);

	if (hull->lo <= node->region[dim].lo && hull->hi >= node->region[dim].hi)
		return;
	split.cost = cls_search_cost(3) + (hull->num * cls_rest(b, n) +
					   outside * cls_rest(b, outside)) / n;
	cls_offer(b, node, bytes, &split, best);
}
