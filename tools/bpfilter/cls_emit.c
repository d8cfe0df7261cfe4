// SPDX-License-Identifier: GPL-2.0
/*
 * Nodes that split a set by the values of one dim: cuts and searches.
 *
 * A cut has a ref for each of its cells, several of which may be one run; a
 * search has one for each run. Runs with the same rules share a child if each
 * of them lies wholly within all of its rules' ranges: then the dim has no more
 * to say below.
 */
#include <string.h>

#include "cls_impl.h"

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
		    const struct cls_runs *map, const struct cls_split *split,
		    uint32_t run, uint32_t ref)
{
	uint32_t base = cls_numbers(b, map->first)[0];
	uint32_t i = (cls_numbers(b, map->first)[run] - base) >> split->shift;
	uint32_t end = (cls_runs_last(b, map, run) - base) >> split->shift;
	struct data_cut *cut = data_at(b->buf, off);

	for (; i <= end; i++)
		cut->ref[i] = ref;
}

static uint32_t search_new(struct cls_builder *b, const struct cls_split *split,
			   const struct cls_runs *map)
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

static bool same_set(const struct cls_builder *b, struct cls_set x,
		     struct cls_set y)
{
	return x.num == y.num && !memcmp(cls_numbers(b, x.start),
					 cls_numbers(b, y.start),
					 x.num * sizeof(uint32_t));
}

/* The run before @run that it can share a child with, else itself */
static uint32_t memo_find(struct cls_builder *b, const struct memo *memo,
			  const struct cls_runs *map, uint32_t run)
{
	struct cls_set set = cls_runs_set(b, map, run);
	uint32_t *slot = cls_numbers(b, memo->start), i;
	uint64_t hash = 0;

	if (cls_numbers(b, map->partial)[run])
		return run;
	for (i = 0; i < set.num; i++)
		hash = cls_key_add(hash, b->arena[set.start + i] + 1);
	for (i = hash >> (64 - memo->bits); slot[i];
	     i = (i + 1) & ((1U << memo->bits) - 1))
		if (same_set(b, cls_runs_set(b, map, slot[i] - 1), set))
			return slot[i] - 1;
	slot[i] = run + 1;
	return run;
}

/* Numbers the children's twins; returns the rules of all others */
static uint64_t find_twins(struct cls_builder *b, const struct cls_runs *map,
			   uint32_t twin)
{
	struct memo memo = memo_new(b, map->num);
	uint64_t rules = 0;

	for (uint32_t run = 0; run < map->num && !b->error; run++) {
		uint32_t same = memo_find(b, &memo, map, run);

		cls_numbers(b, twin)[run] = same;
		if (same == run)
			rules += cls_runs_set(b, map, run).num;
	}
	return rules;
}

static void set_ref(struct cls_builder *b, uint32_t off,
		    const struct cls_runs *map, const struct cls_split *split,
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
			    const struct cls_runs *map, uint32_t run,
			    struct cls_share *share)
{
	struct cls_range range = {
		cls_numbers(b, map->first)[run], cls_runs_last(b, map, run)
	};

	return cls_child(b, node, cls_runs_set(b, map, run), share, split->dim, range);
}

/*
 * What is only a list comes first: the memory that it does not need is good for
 * others.
 */
static void build_children(struct cls_builder *b, const struct cls_node *node,
			   const struct cls_split *split,
			   const struct cls_runs *map, uint32_t off,
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
			    (cls_runs_set(b, map, run).num > CLS_LIST_FINE) != large)
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
	struct cls_runs map;

	map = cls_runs_find(b, node, split);
	if (b->error)
		return 0;
	off = cut ? cut_new(b, node, split) : search_new(b, split, &map);
	if (!off)
		return 0;
	build_children(b, node, split, &map, off, before);
	return off | (cut ? DATA_REF_CUT : DATA_REF_NODE);
}
