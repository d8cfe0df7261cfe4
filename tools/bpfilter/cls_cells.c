// SPDX-License-Identifier: GPL-2.0
/*
 * How well a dim splits a set.
 *
 * A dim is divided into cells that are equally large, as many as pay with that
 * number of rules, below the bits in which all rules agree. One pass over the
 * rules counts them by cell; coarser cells follow from finer ones. What counts
 * as new in memory are the cells which hold other rules than their neighbour.
 */
#include <string.h>

#include "cls_impl.h"

/* struct cell_view - where cells lie in a dim */
struct cell_view {
	uint32_t base;
	uint32_t last;
	uint32_t shift;
	uint32_t bits;
};

static struct cell_view view_of(const struct cls_node *node, uint32_t dim,
				uint32_t differ)
{
	const struct cls_hull *hull = &node->hull[dim];
	uint32_t bits = cls_cell_bits(node->set.num);
	uint32_t below = differ == 32 ? UINT32_MAX : (1U << differ) - 1;
	struct cell_view v;

	v.bits = bits < differ ? bits : differ;
	v.shift = differ - v.bits;
	v.base = hull->lo & ~below;
	v.last = hull->lo | below;
	return v;
}

/*
 * A value beside the cells is looked up in one of them all the same: only rules
 * that cover the region match it, and those lie in all cells. Unless cells reach
 * beyond the region: then they have to hold all of it.
 */
static struct cell_view safe_view(const struct cls_node *node, uint32_t dim)
{
	const struct cls_range *region = &node->region[dim];
	const struct cls_hull *hull = &node->hull[dim];
	struct cell_view v;

	v = view_of(node, dim, cls_differ(hull->lo, hull->hi));
	if (v.base >= region->lo && v.last <= region->hi)
		return v;
	return view_of(node, dim, cls_differ(region->lo, region->hi));
}

static void cells_clear(const struct cls_cells *c, uint32_t num)
{
	memset(c->over, 0, (num + 2) * sizeof(*c->over));
	memset(c->start, 0, (num + 2) * sizeof(*c->start));
	memset(c->weight, 0, (num + 2) * sizeof(*c->weight));
	memset(c->mark, 0, (num + 2) * sizeof(*c->mark));
}

static void cells_add(const struct cls_cells *c, const struct cell_view *v,
		      const struct cls_range *range)
{
	uint32_t lo = range->lo > v->base ? range->lo : v->base;
	uint32_t hi = range->hi < v->last ? range->hi : v->last;
	uint32_t inner = (1U << v->shift) - 1;
	uint32_t a = (lo - v->base) >> v->shift, z = (hi - v->base) >> v->shift;
	float weight = 1.0f / (z - a + 1);

	c->over[a]++;
	c->over[z + 1]--;
	c->start[a]++;
	c->weight[a] += weight;
	c->weight[z + 1] -= weight;
	c->mark[a] = 1;
	c->mark[z + 1] = 1;
	if (lo & inner)
		c->mark[a + 1] = 1;
	if (~hi & inner)
		c->mark[z] = 1;
}

static void cells_fill(struct cls_builder *b, const struct cls_node *node,
		       uint32_t dim, const struct cell_view *v)
{
	const uint32_t *rule = cls_numbers(b, node->set.start);
	const struct cls_cells *c = &b->cells;
	uint32_t num = 1U << v->bits;
	int32_t over = 0;
	float weight = 0;

	cells_clear(c, num);
	for (uint32_t i = 0; i < node->set.num; i++)
		cells_add(c, v, cls_range(b, rule[i], dim));
	for (uint32_t i = 0; i < num; i++) {
		over += c->over[i];
		weight += c->weight[i];
		c->over[i] = over;
		c->weight[i] = weight;
	}
	c->mark[0] = 1;
}

/*
 * From cells to cells twice as large. A mark inside of a cell is a change in
 * front of the next one, too.
 */
static void cells_fold(struct cls_cells c, uint32_t num)
{
	uint8_t inner = 0;

	for (uint32_t i = 0; i < num; i++) {
		uint8_t odd = c.mark[2 * i + 1];

		c.over[i] = c.over[2 * i] + c.start[2 * i + 1];
		c.start[i] = c.start[2 * i] + c.start[2 * i + 1];
		c.weight[i] = c.weight[2 * i] + c.weight[2 * i + 1];
		c.mark[i] = c.mark[2 * i] | odd | inner;
		inner = odd;
	}
}

struct cells_sum {
	uint64_t bytes;
	uint32_t runs;
	float rest;
};

static struct cells_sum cells_sum(const struct cls_builder *b, uint32_t num)
{
	const struct cls_cells c = b->cells;
	struct cells_sum sum = { 0 };

	for (uint32_t i = 0; i < num; i++) {
		sum.rest += c.weight[i] * cls_rest(b, c.over[i]);
		if (!c.mark[i])
			continue;
		sum.runs++;
		sum.bytes += cls_rest_bytes(c.over[i]);
	}
	return sum;
}

/**
 * cls_offer() - take a split if it is better and within the node's budget
 * @b:		builder
 * @node:	node
 * @bytes:	of the split's node, and the lists if it had no children but those
 * @split:	its cost without @bytes, which get added
 * @best:	replaced by what is better
 */
void cls_offer(struct cls_builder *b, const struct cls_node *node,
	       uint64_t bytes, struct cls_split *split, struct cls_split *best)
{
	split->cost += cls_bytes_cost(b, bytes, node->set.num);
	if (node->depth)
		split->cost += b->miss;
	if (bytes <= node->bytes && split->cost < best->cost)
		*best = *split;
}

/**
 * cls_search_cost() - what a search costs
 * @runs:	bounds and one
 *
 * Return: ns.
 */
float cls_search_cost(uint32_t runs)
{
	return CLS_NS_SEARCH + CLS_NS_SEARCH_STEP * cls_log2_up(runs);
}

/**
 * cls_try_cells() - look at cuts of a dim, and at searches for cells
 * @b:		builder
 * @node:	node
 * @dim:	dim in which the set's hull has more than one value
 * @best:	replaced by what is better
 */
void cls_try_cells(struct cls_builder *b, const struct cls_node *node,
		   uint32_t dim, struct cls_split *best)
{
	struct cell_view v = safe_view(node, dim);
	struct cls_split split = { .dim = dim };

	cells_fill(b, node, dim, &v);
	for (; v.bits; v.bits--, v.shift++) {
		struct cells_sum sum = cells_sum(b, 1U << v.bits);
		float rest = sum.rest / node->set.num;

		/* Nor are larger cells: there rules meet more others */
		if (CLS_NS_CUT + rest >= best->cost)
			break;
		split.shift = v.shift;
		split.bits = v.bits;
		split.kind = CLS_CUT;
		split.cost = CLS_NS_CUT + rest;
		cls_offer(b, node, sum.bytes + sizeof(struct data_cut) +
		      (sizeof(uint32_t) << v.bits), &split, best);
		/* Of few rules all bounds are searched for, see cls_try_exact() */
		if (node->set.num > CLS_EXACT_MAX && sum.runs > 1 &&
		    sum.runs <= UINT16_MAX) {
			split.kind = CLS_SEARCH_CELLS;
			split.cost = cls_search_cost(sum.runs) + rest;
			cls_offer(b, node, sum.bytes + sizeof(struct data_search) +
			      2 * sizeof(uint32_t) * sum.runs, &split, best);
		}
		cells_fold(b->cells, 1U << (v.bits - 1));
	}
}
