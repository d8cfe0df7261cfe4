// SPDX-License-Identifier: GPL-2.0
/*
 * A set of rules becomes a tree: the split that promises most, or a list.
 */
#include "cls_impl.h"

/* A dim that fewer rules than one in so many restrict splits too little */
#define FEW_RESTRICT	4

/* Sets so small are lists without a look */
#define LIST_ALWAYS	2

/**
 * cls_narrow() - see what a node's rules ask for
 * @b:		builder
 * @node:	node, its set and regions; gets its hulls
 */
void cls_narrow(const struct cls_builder *b, struct cls_node *node)
{
	const uint32_t *rule = cls_numbers(b, node->set.start);
	uint32_t num_dims = b->rules->num_dims;

	for (uint32_t d = 0; d < num_dims; d++)
		node->hull[d] = (struct cls_hull){ UINT32_MAX, 0, 0 };
	for (uint32_t i = 0; i < node->set.num; i++) {
		const struct cls_range *range = cls_range(b, rule[i], 0);

		for (uint32_t d = 0; d < num_dims; d++, range++) {
			struct cls_hull *hull = &node->hull[d];

			if (cls_covers(range, &node->region[d]))
				continue;
			hull->num++;
			if (range->lo < hull->lo)
				hull->lo = range->lo;
			if (range->hi > hull->hi)
				hull->hi = range->hi;
		}
	}
	for (uint32_t d = 0; d < num_dims; d++) {
		struct cls_hull *hull = &node->hull[d];

		if (hull->lo < node->region[d].lo)
			hull->lo = node->region[d].lo;
		if (hull->hi > node->region[d].hi)
			hull->hi = node->region[d].hi;
	}
}

/**
 * cls_choose() - find the best split
 * @b:		builder
 * @node:	node, narrowed
 *
 * Return: the split, of kind LIST if none pays.
 */
struct cls_split cls_choose(struct cls_builder *b, const struct cls_node *node)
{
	struct cls_split best = {
		.kind = CLS_LIST, .cost = cls_list_cost(b, node->set.num),
	};
	uint32_t most = 0;

	for (uint32_t d = 0; d < b->rules->num_dims; d++)
		if (node->hull[d].num > most)
			most = node->hull[d].num;
	for (uint32_t d = 0; d < b->rules->num_dims; d++) {
		const struct cls_hull *hull = &node->hull[d];

		if (!hull->num || (uint64_t)hull->num * FEW_RESTRICT < most)
			continue;
		if (hull->lo != hull->hi)
			cls_try_cells(b, node, d, &best);
		if (node->set.num <= CLS_EXACT_MAX)
			cls_try_exact(b, node, d, &best);
		else
			cls_try_hull(b, node, d, &best);
	}
	if (most)
		cls_try_hash(b, node, &best);
	return best;
}

/**
 * cls_node() - build a tree
 * @b:		builder
 * @node:	its root: set, regions, budget and depth; gets its hulls
 *
 * Return: a ref.
 */
uint32_t cls_node(struct cls_builder *b, struct cls_node *node)
{
	size_t arena_len = b->arena_len;
	struct cls_split split;
	uint32_t ref;

	if (b->error)
		return 0;
	if (node->depth > b->stats->deepest)
		b->stats->deepest = node->depth;
	if (node->set.num <= LIST_ALWAYS || node->depth >= CLS_DEPTH_MAX)
		return cls_list(b, node->set);
	cls_narrow(b, node);
	split = cls_choose(b, node);
	if (split.kind == CLS_LIST)
		return cls_list(b, node->set);
	b->stats->nodes++;
	if (split.kind == CLS_HASH)
		ref = cls_emit_hash(b, node, &split);
	else
		ref = cls_emit_runs(b, node, &split);
	b->arena_len = arena_len;
	return ref;
}

/**
 * cls_child() - build a node's child
 * @b:		builder
 * @parent:	node
 * @set:	the child's rules
 * @share:	memory that it takes its part of
 * @dim:	dim whose region gets smaller, or -1
 * @range:	to what
 *
 * Return: a ref.
 */
uint32_t cls_child(struct cls_builder *b, const struct cls_node *parent,
		   struct cls_set set, struct cls_share *share, int dim,
		   struct cls_range range)
{
	uint32_t before = b->buf->len, used, ref;
	struct cls_node node;

	if (set.num <= LIST_ALWAYS && parent->depth < b->stats->deepest)
		return cls_list(b, set);
	node.set = set;
	node.budget = share->bytes * set.num / share->rules;
	node.depth = parent->depth + 1;
	for (uint32_t d = 0; d < b->rules->num_dims; d++)
		node.region[d] = parent->region[d];
	if (dim >= 0)
		node.region[dim] = range;
	ref = cls_node(b, &node);
	used = b->buf->len - before;
	share->bytes -= used < share->bytes ? used : share->bytes;
	share->rules -= set.num;
	return ref;
}
