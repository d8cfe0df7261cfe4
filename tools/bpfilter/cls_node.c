// SPDX-License-Identifier: GPL-2.0
/*
 * A set of rules becomes a tree: the split that promises most, or a list.
 */
#include "cls_impl.h"

/* A dim that fewer rules than one in so many restrict splits too little */
#define FEW_RESTRICT	4

/* Work that does not depend on the number of rules */
#define WORK_NODE	100

/* Sets so small are lists without a look */
#define LIST_ALWAYS	2

/* See what a node's rules ask for */
static void narrow(const struct cls_builder *b, struct cls_node *node)
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

/* Few enough to leave out: splits by other dims do more */
static bool is_poor(const struct cls_node *node, uint32_t dim, uint32_t most)
{
	uint32_t num = node->hull[dim].num;

	return !num || (uint64_t)num * FEW_RESTRICT < most;
}

/*
 * What a split by a dim costs at best: rules that cover the region stay with
 * each of the others.
 */
static float least_cost(const struct cls_builder *b, const struct cls_node *node,
			uint32_t dim)
{
	uint32_t narrow = node->hull[dim].num, wide = node->set.num - narrow;
	float rest = narrow * cls_rest(b, wide + 1) + wide * cls_rest(b, wide);

	return CLS_NS_CUT + rest / node->set.num + (node->depth ? b->miss : 0);
}

/* Can the best split be looked for? If so, that is work */
static bool take_work(struct cls_builder *b, const struct cls_node *node,
		      uint32_t most)
{
	uint64_t work = WORK_NODE;

	for (uint32_t d = 0; d < b->rules->num_dims; d++)
		if (!is_poor(node, d, most))
			work += node->set.num;
	if (work > node->work)
		return false;
	b->worked += work;
	return true;
}

static struct cls_split choose(struct cls_builder *b, const struct cls_node *node)
{
	struct cls_split best = {
		.kind = CLS_LIST, .cost = cls_list_cost(b, node->set.num),
	};
	uint32_t most = 0;

	for (uint32_t d = 0; d < b->rules->num_dims; d++)
		if (node->hull[d].num > most)
			most = node->hull[d].num;
	if (!most || !take_work(b, node, most))
		return best;
	for (uint32_t d = 0; d < b->rules->num_dims; d++) {
		const struct cls_hull *hull = &node->hull[d];

		if (is_poor(node, d, most) ||
		    least_cost(b, node, d) >= best.cost)
			continue;
		if (hull->lo != hull->hi)
			cls_try_cells(b, node, d, &best);
		if (node->set.num <= CLS_EXACT_MAX)
			cls_try_exact(b, node, d, &best);
		else
			cls_try_hull(b, node, d, &best);
	}
	cls_try_hash(b, node, &best);
	return best;
}

/* Builds a node and all below, from its set, regions, limits and depth */
static uint32_t build_node(struct cls_builder *b, struct cls_node *node)
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
	narrow(b, node);
	split = choose(b, node);
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
 * cls_share_start() - see what is left for children
 * @b:		builder
 * @node:	node, of which all but the children is there
 * @before:	the buffer's length before the node
 * @rules:	number of rules in all its children
 *
 * Return: that.
 */
struct cls_share cls_share_start(const struct cls_builder *b,
				 const struct cls_node *node, uint32_t before,
				 uint64_t rules)
{
	uint32_t own = b->buf->len - before;

	return (struct cls_share){
		.bytes = node->bytes > own ? node->bytes - own : 0,
		.work = node->work,
		.rules = rules,
	};
}

/**
 * cls_child() - build a node's child
 * @b:		builder
 * @parent:	node, or NULL for a root
 * @set:	the child's rules
 * @share:	what it takes its part of
 * @dim:	dim whose region gets smaller, or -1
 * @range:	to what
 *
 * Return: a ref.
 */
uint32_t cls_child(struct cls_builder *b, const struct cls_node *parent,
		   struct cls_set set, struct cls_share *share, int dim,
		   struct cls_range range)
{
	uint64_t used = b->buf->len, worked = b->worked;
	struct cls_node node;
	uint32_t ref;

	if (set.num <= LIST_ALWAYS && parent && parent->depth < b->stats->deepest)
		return cls_list(b, set);
	node.set = set;
	node.bytes = share->bytes * set.num / share->rules;
	node.work = share->work * set.num / share->rules;
	node.depth = parent ? parent->depth + 1 : 0;
	for (uint32_t d = 0; d < b->rules->num_dims; d++) {
		node.region[d].lo = parent ? parent->region[d].lo : 0;
		node.region[d].hi = parent ? parent->region[d].hi :
				    cls_dim_max(&b->rules->dims[d]);
	}
	if (dim >= 0)
		node.region[dim] = range;
	ref = build_node(b, &node);
	used = b->buf->len - used;
	worked = b->worked - worked;
	share->bytes -= used < share->bytes ? used : share->bytes;
	share->work -= worked < share->work ? worked : share->work;
	share->rules -= set.num;
	return ref;
}
