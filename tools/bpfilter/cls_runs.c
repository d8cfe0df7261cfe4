// SPDX-License-Identifier: GPL-2.0
/*
 * The values of a dim fall into runs, no two neighbours of which hold the same
 * rules in the same manner: by cells, by the bounds of all ranges, or by those
 * of what restricts the dim at all.
 */
#include <string.h>

#include "cls_impl.h"

static uint32_t run_at(const uint32_t *first, uint32_t num, uint32_t key)
{
	uint32_t low = 0;

	while (num > 1) {
		uint32_t half = num / 2;

		if (first[low + half] <= key) {
			low += half;
			num -= half;
		} else {
			num = half;
		}
	}
	return low;
}

/* --- Where runs begin --- */

static struct cls_range cells_base(const struct cls_node *node,
				   const struct cls_split *split)
{
	const struct cls_hull *hull = &node->hull[split->dim];
	uint32_t bits = split->bits + split->shift;
	uint32_t below = bits == 32 ? UINT32_MAX : (1U << bits) - 1;

	return (struct cls_range){ hull->lo & ~below, hull->lo | below };
}

static void mark_cells(const struct cls_builder *b, const struct cls_node *node,
		       const struct cls_split *split, struct cls_range base)
{
	const uint32_t *rule = cls_numbers(b, node->set.start);
	uint32_t inner = (1U << split->shift) - 1;
	uint8_t *mark = b->cells.mark;

	memset(mark, 0, (1U << split->bits) + 2);
	mark[0] = 1;
	for (uint32_t i = 0; i < node->set.num; i++) {
		const struct cls_range *range = cls_range(b, rule[i], split->dim);

		if (range->lo > base.lo) {
			uint32_t a = (range->lo - base.lo) >> split->shift;

			mark[a] = 1;
			if (range->lo & inner)
				mark[a + 1] = 1;
		}
		if (range->hi < base.hi) {
			uint32_t z = (range->hi - base.lo) >> split->shift;

			mark[z + 1] = 1;
			if (~range->hi & inner)
				mark[z] = 1;
		}
	}
}

static void runs_of_cells(struct cls_builder *b, const struct cls_node *node,
			  const struct cls_split *split, struct cls_runs *map)
{
	struct cls_range base = cells_base(node, split);
	uint32_t num = 1U << split->bits;
	uint32_t *first;

	mark_cells(b, node, split, base);
	for (uint32_t i = 0; i < num; i++)
		map->num += b->cells.mark[i];
	map->last = base.hi;
	map->shift = split->shift;
	map->is_cells = true;
	map->first = cls_push(b, map->num);
	if (b->error)
		return;
	first = cls_numbers(b, map->first);
	for (uint32_t i = 0, run = 0; i < num; i++) {
		if (b->cells.mark[i])
			first[run++] = base.lo + (i << split->shift);
		b->cells.over[i] = run - 1;
	}
}

static void runs_exact(struct cls_builder *b, const struct cls_node *node,
		       const struct cls_split *split, struct cls_runs *map)
{
	const struct cls_range *region = &node->region[split->dim];
	const struct cls_hull *hull = &node->hull[split->dim];
	uint32_t bound[2 * CLS_EXACT_MAX], num = 0;

	if (split->kind == CLS_SEARCH_EXACT) {
		num = cls_bounds(b, node, split->dim, bound);
	} else {
		if (hull->lo > region->lo)
			bound[num++] = hull->lo;
		if (hull->hi < region->hi)
			bound[num++] = hull->hi + 1;
	}
	map->num = num + 1;
	map->last = region->hi;
	map->first = cls_push(b, map->num);
	if (b->error)
		return;
	*cls_numbers(b, map->first) = region->lo;
	memcpy(cls_numbers(b, map->first) + 1, bound, num * sizeof(*bound));
}

/* --- Which rules lie in them --- */

/**
 * cls_runs_last() - last value of a run
 * @b:		builder
 * @map:	runs
 * @run:	which one
 *
 * Return: that.
 */
uint32_t cls_runs_last(const struct cls_builder *b, const struct cls_runs *map,
		       uint32_t run)
{
	return run + 1 < map->num ? cls_numbers(b, map->first)[run + 1] - 1 :
				    map->last;
}

/**
 * cls_runs_set() - rules of a run
 * @b:		builder
 * @map:	runs
 * @run:	which one
 *
 * Return: them.
 */
struct cls_set cls_runs_set(const struct cls_builder *b,
			    const struct cls_runs *map, uint32_t run)
{
	const uint32_t *start = cls_numbers(b, map->start);

	return (struct cls_set){ start[run], start[run + 1] - start[run] };
}

/* struct run_span - the runs that a rule's range touches */
struct run_span {
	uint32_t a;
	uint32_t z;
};

/* Of @map's runs by cell, or searched for */
static struct run_span span_of(const struct cls_builder *b,
			       const struct cls_runs *map,
			       const struct cls_range *range)
{
	const uint32_t *first = cls_numbers(b, map->first);
	uint32_t lo = range->lo > first[0] ? range->lo : first[0];
	uint32_t hi = range->hi < map->last ? range->hi : map->last;

	if (map->is_cells)
		return (struct run_span) {
			b->cells.over[(lo - first[0]) >> map->shift],
			b->cells.over[(hi - first[0]) >> map->shift],
		};
	return (struct run_span) {
		run_at(first, map->num, lo), run_at(first, map->num, hi),
	};
}

/* Finds each rule's runs, too */
static void count_rules(struct cls_builder *b, const struct cls_node *node,
			uint32_t dim, const struct cls_runs *map,
			struct run_span *span)
{
	const uint32_t *rule = cls_numbers(b, node->set.start);
	uint32_t *start = cls_numbers(b, map->start);
	uint32_t *partial = cls_numbers(b, map->partial);

	memset(start, 0, (map->num + 2) * sizeof(*start));
	memset(partial, 0, map->num * sizeof(*partial));
	for (uint32_t i = 0; i < node->set.num; i++) {
		const struct cls_range *range = cls_range(b, rule[i], dim);
		struct run_span s = span_of(b, map, range);

		span[i] = s;
		start[s.a + 1]++;
		start[s.z + 2]--;
		if (range->lo > cls_numbers(b, map->first)[s.a])
			partial[s.a] = 1;
		if (range->hi < cls_runs_last(b, map, s.z))
			partial[s.z] = 1;
	}
	/* From changes to numbers, from numbers to where they end */
	for (uint32_t i = 1; i <= map->num; i++)
		start[i] += start[i - 1];
	for (uint32_t i = 1; i <= map->num; i++)
		start[i] += start[i - 1];
}

static void deal_rules(struct cls_builder *b, const struct cls_node *node,
		       const struct cls_runs *map, const struct run_span *span)
{
	const uint32_t *rule = cls_numbers(b, node->set.start);
	uint32_t *start = cls_numbers(b, map->start);

	for (uint32_t i = 0; i < node->set.num; i++)
		for (uint32_t run = span[i].a; run <= span[i].z; run++)
			b->arena[start[run]++] = rule[i];
	memmove(start + 1, start, map->num * sizeof(*start));
}

static void fill_runs(struct cls_builder *b, const struct cls_node *node,
		      uint32_t dim, struct cls_runs *map)
{
	uint32_t room, total, span;

	map->start = cls_push(b, map->num + 2);
	map->partial = cls_push(b, map->num);
	span = cls_push(b, 2ULL * node->set.num);
	if (b->error)
		return;
	count_rules(b, node, dim, map, (void *)cls_numbers(b, span));
	total = cls_numbers(b, map->start)[map->num];
	room = cls_push(b, total);
	if (b->error)
		return;
	for (uint32_t i = 0; i <= map->num; i++)
		cls_numbers(b, map->start)[i] += room;
	deal_rules(b, node, map, (void *)cls_numbers(b, span));
	cls_numbers(b, map->start)[0] = room;
}

/**
 * cls_runs_find() - find the runs of a split, and the rules in each
 * @b:		builder
 * @node:	node
 * @split:	a cut or a search
 *
 * Return: the runs, in the arena.
 */
struct cls_runs cls_runs_find(struct cls_builder *b, const struct cls_node *node,
			      const struct cls_split *split)
{
	struct cls_runs map = { 0 };

	if (split->kind == CLS_CUT || split->kind == CLS_SEARCH_CELLS)
		runs_of_cells(b, node, split, &map);
	else
		runs_exact(b, node, split, &map);
	if (!b->error)
		fill_runs(b, node, split->dim, &map);
	return map;
}
