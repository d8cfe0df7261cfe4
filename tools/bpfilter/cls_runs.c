// SPDX-License-Identifier: GPL-2.0
/*
 * Nodes that split a set by the values of one dim: cuts and searches.
 *
 * Either way the dim's values fall into runs which no two neighbours of hold
 * the same rules in the same manner. A cut has a ref for each of its cells,
 * several of which may be one run; a search has one for each run.
 *
 * Runs with the same rules share a child if each of them lies wholly within
 * all of its rules' ranges: then the dim has no more to say below.
 */
#include <string.h>

#include "cls_impl.h"

/**
 * struct run_map - runs of a dim
 * @first:	arena: first value of each run
 * @num:	number of runs
 * @last:	last value of the last run
 * @start:	arena: where each run's rules start, and where the last one's end
 * @partial:	arena: a rule covers only some of the run's values
 */
struct run_map {
	uint32_t first;
	uint32_t num;
	uint32_t last;
	uint32_t start;
	uint32_t partial;
};

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
			  const struct cls_split *split, struct run_map *map)
{
	struct cls_range base = cells_base(node, split);
	uint32_t num = 1U << split->bits;
	uint32_t *first;

	mark_cells(b, node, split, base);
	for (uint32_t i = 0; i < num; i++)
		map->num += b->cells.mark[i];
	map->last = base.hi;
	map->first = cls_push(b, map->num);
	if (b->error)
		return;
	first = cls_numbers(b, map->first);
	for (uint32_t i = 0; i < num; i++)
		if (b->cells.mark[i])
			*first++ = base.lo + (i << split->shift);
}

static void runs_exact(struct cls_builder *b, const struct cls_node *node,
		       const struct cls_split *split, struct run_map *map)
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

struct run_span {
	uint32_t a;
	uint32_t z;
};

static struct run_span span_of(const struct cls_builder *b,
			       const struct run_map *map,
			       const struct cls_range *range)
{
	const uint32_t *first = cls_numbers(b, map->first);
	struct run_span s = { 0, map->num - 1 };

	if (range->lo > first[0])
		s.a = run_at(first, map->num, range->lo);
	if (range->hi < map->last)
		s.z = run_at(first, map->num, range->hi);
	return s;
}

static uint32_t run_last(const struct cls_builder *b, const struct run_map *map,
			 uint32_t run)
{
	return run + 1 < map->num ? cls_numbers(b, map->first)[run + 1] - 1 :
				    map->last;
}

static void count_rules(struct cls_builder *b, const struct cls_node *node,
			uint32_t dim, const struct run_map *map)
{
	const uint32_t *rule = cls_numbers(b, node->set.start);
	uint32_t *start = cls_numbers(b, map->start);
	uint32_t *partial = cls_numbers(b, map->partial);

	memset(start, 0, (map->num + 2) * sizeof(*start));
	memset(partial, 0, map->num * sizeof(*partial));
	for (uint32_t i = 0; i < node->set.num; i++) {
		const struct cls_range *range = cls_range(b, rule[i], dim);
		struct run_span s = span_of(b, map, range);

		start[s.a + 1]++;
		start[s.z + 2]--;
		if (range->lo > cls_numbers(b, map->first)[s.a])
			partial[s.a] = 1;
		if (range->hi < run_last(b, map, s.z))
			partial[s.z] = 1;
	}
	/* From changes to numbers, from numbers to where they end */
	for (uint32_t i = 1; i <= map->num; i++)
		start[i] += start[i - 1];
	for (uint32_t i = 1; i <= map->num; i++)
		start[i] += start[i - 1];
}

static void deal_rules(struct cls_builder *b, const struct cls_node *node,
		       uint32_t dim, const struct run_map *map)
{
	const uint32_t *rule = cls_numbers(b, node->set.start);
	uint32_t *start = cls_numbers(b, map->start);

	for (uint32_t i = 0; i < node->set.num; i++) {
		struct run_span s = span_of(b, map, cls_range(b, rule[i], dim));

		for (uint32_t run = s.a; run <= s.z; run++)
			b->arena[start[run]++] = rule[i];
	}
	memmove(start + 1, start, map->num * sizeof(*start));
}

static void fill_runs(struct cls_builder *b, const struct cls_node *node,
		      uint32_t dim, struct run_map *map)
{
	uint32_t room, total;

	map->start = cls_push(b, map->num + 2);
	map->partial = cls_push(b, map->num);
	if (b->error)
		return;
	count_rules(b, node, dim, map);
	total = cls_numbers(b, map->start)[map->num];
	room = cls_push(b, total);
	if (b->error)
		return;
	for (uint32_t i = 0; i <= map->num; i++)
		cls_numbers(b, map->start)[i] += room;
	deal_rules(b, node, dim, map);
	cls_numbers(b, map->start)[0] = room;
}

/* --- The node --- */

static uint32_t cut_new(struct cls_builder *b, const struct cls_node *node,
			const struct cls_split *split)
{
	const struct cls_dim *dim = &b->rules->dims[split->dim];
	uint32_t off = data_alloc(b->buf, sizeof(struct data_cut) +
				  (sizeof(uint32_t) << split->bits),
				  DATA_NODE_ALIGN);
	struct data_cut *cut;

	if (!off)
		return 0;
	cut = data_at(b->buf, off);
	cut->off = dim->off;
	cut->shift = dim->shift + split->shift;
	cut->mask = (1U << split->bits) - 1;
	return off;
}

static void cut_set(struct cls_builder *b, uint32_t off,
		    const struct run_map *map, const struct cls_split *split,
		    uint32_t run, uint32_t ref)
{
	uint32_t base = cls_numbers(b, map->first)[0];
	uint32_t i = (cls_numbers(b, map->first)[run] - base) >> split->shift;
	uint32_t end = (run_last(b, map, run) - base) >> split->shift;
	struct data_cut *cut = data_at(b->buf, off);

	for (; i <= end; i++)
		cut->ref[i] = ref;
}

static uint32_t search_new(struct cls_builder *b, const struct cls_split *split,
			   const struct run_map *map)
{
	const struct cls_dim *dim = &b->rules->dims[split->dim];
	uint32_t num = map->num - 1;
	uint32_t off = data_alloc(b->buf, sizeof(struct data_search) +
				  (2ULL * num + 1) * sizeof(uint32_t),
				  DATA_NODE_ALIGN);
	struct data_search *search;

	if (!off)
		return 0;
	search = data_at(b->buf, off);
	search->kind = DATA_NODE_SEARCH;
	search->off = dim->off;
	search->shift = dim->shift + split->shift;
	search->num = num;
	search->mask = cls_dim_max(dim) >> split->shift;
	for (uint32_t i = 0; i < num; i++)
		search->bound[i] = cls_numbers(b, map->first)[i + 1] >> split->shift;
	return off;
}

/* Children whose runs lie within all of their rules, by hash: run + 1 */
struct memo {
	uint32_t start;
	uint32_t bits;
};

static struct memo memo_new(struct cls_builder *b, uint32_t num)
{
	struct memo memo = { .bits = cls_log2_up(num) + 1 };

	memo.start = cls_push(b, 1U << memo.bits);
	if (!b->error)
		memset(cls_numbers(b, memo.start), 0,
		       sizeof(uint32_t) << memo.bits);
	return memo;
}

static struct cls_set run_set(const struct cls_builder *b,
			      const struct run_map *map, uint32_t run)
{
	const uint32_t *start = cls_numbers(b, map->start);

	return (struct cls_set){ start[run], start[run + 1] - start[run] };
}

static bool same_set(const struct cls_builder *b, struct cls_set x,
		     struct cls_set y)
{
	return x.num == y.num && !memcmp(cls_numbers(b, x.start),
					 cls_numbers(b, y.start),
					 x.num * sizeof(uint32_t));
}

/* The run before @run that it can share a child with, else itself */
static uint32_t memo_find(struct cls_builder *b, const struct memo *memo,
			  const struct run_map *map, uint32_t run)
{
	struct cls_set set = run_set(b, map, run);
	uint32_t *slot = cls_numbers(b, memo->start), i;
	uint64_t hash = 0;

	if (cls_numbers(b, map->partial)[run])
		return run;
	for (i = 0; i < set.num; i++)
		hash = cls_key_add(hash, b->arena[set.start + i] + 1);
	for (i = hash >> (64 - memo->bits); slot[i];
	     i = (i + 1) & ((1U << memo->bits) - 1))
		if (same_set(b, run_set(b, map, slot[i] - 1), set))
			return slot[i] - 1;
	slot[i] = run + 1;
	return run;
}

/* Numbers the children's twins; returns the rules of all others */
static uint64_t find_twins(struct cls_builder *b, const struct run_map *map,
			   uint32_t twin)
{
	struct memo memo = memo_new(b, map->num);
	uint64_t rules = 0;

	for (uint32_t run = 0; run < map->num && !b->error; run++) {
		uint32_t same = memo_find(b, &memo, map, run);

		cls_numbers(b, twin)[run] = same;
		if (same == run)
			rules += run_set(b, map, run).num;
	}
	return rules;
}

static void set_ref(struct cls_builder *b, uint32_t off,
		    const struct run_map *map, const struct cls_split *split,
		    uint32_t run, uint32_t ref)
{
	struct data_search *search;

	if (split->kind == CLS_CUT) {
		cut_set(b, off, map, split, run, ref);
		return;
	}
	search = data_at(b->buf, off);
	search->bound[search->num + run] = ref;
}

static uint32_t build_child(struct cls_builder *b, const struct cls_node *node,
			    const struct cls_split *split,
			    const struct run_map *map, uint32_t run,
			    struct cls_share *share)
{
	struct cls_range range = {
		cls_numbers(b, map->first)[run], run_last(b, map, run)
	};

	return cls_child(b, node, run_set(b, map, run), share, split->dim, range);
}

/*
 * What is only a list comes first: the memory that it does not need is good for
 * others.
 */
static void build_children(struct cls_builder *b, const struct cls_node *node,
			   const struct cls_split *split,
			   const struct run_map *map, uint32_t off,
			   uint32_t before)
{
	struct cls_share share;
	uint32_t twin = cls_push(b, map->num), refs = cls_push(b, map->num);

	if (b->error)
		return;
	share = cls_share_start(b, node, before, find_twins(b, map, twin));
	for (uint32_t large = 0; large < 2; large++) {
		for (uint32_t run = 0; run < map->num && !b->error; run++) {
			uint32_t ref;

			if (cls_numbers(b, twin)[run] != run ||
			    (run_set(b, map, run).num > CLS_LIST_FINE) != large)
				continue;
			ref = build_child(b, node, split, map, run, &share);
			cls_numbers(b, refs)[run] = ref;
		}
	}
	for (uint32_t run = 0; run < map->num && !b->error; run++)
		set_ref(b, off, map, split, run,
			cls_numbers(b, refs)[cls_numbers(b, twin)[run]]);
}

/**
 * cls_emit_runs() - build a cut or a search, and all below
 * @b:		builder
 * @node:	node
 * @split:	what to build
 *
 * Return: a ref.
 */
uint32_t cls_emit_runs(struct cls_builder *b, const struct cls_node *node,
		       const struct cls_split *split)
{
	bool cut = split->kind == CLS_CUT;
	uint32_t before = b->buf->len, off;
	struct run_map map = { 0 };

	if (cut || split->kind == CLS_SEARCH_CELLS)
		runs_of_cells(b, node, split, &map);
	else
		runs_exact(b, node, split, &map);
	if (!b->error)
		fill_runs(b, node, split->dim, &map);
	if (b->error)
		return 0;
	off = cut ? cut_new(b, node, split) : search_new(b, split, &map);
	if (!off)
		return 0;
	build_children(b, node, split, &map, off, before);
	return off | (cut ? DATA_REF_CUT : DATA_REF_NODE);
}
