// SPDX-License-Identifier: GPL-2.0
/*
 * What a chain's records limit, as the builder of classifiers takes it.
 *
 * Fields that rules look at only if an earlier test of theirs held need not be
 * there in a packet: then no such rule matches, so it does not matter what the
 * classifier makes of the bytes that are there instead.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/netfilter/xt_conntrack.h>

#include "cls.h"
#include "data_chain.h"
#include "gen.h"

/**
 * struct tree_maker - classifiers in the making
 * @mk:		chain
 * @used:	by kind of limit, how many records have one
 * @mask:	by word of a name, bits that any of them looks at
 * @place:	by kind of limit its number in @dim, or -1
 * @dim:	what the builder is told about
 * @num_dims:	number of @dim
 */
struct tree_maker {
	struct data_maker *mk;
	uint32_t used[DATA_DIMS];
	uint32_t mask[8];
	int place[DATA_DIMS];
	struct cls_dim dim[CLS_DIMS_MAX];
	uint32_t num_dims;
};

/* --- Dimensions --- */

static void count_limits(struct tree_maker *tm)
{
	for (uint32_t i = 0; i < tm->mk->num_limits; i++) {
		const struct data_limit *l = &tm->mk->limit[i].limit;

		tm->used[l->dim]++;
		if (l->dim >= DATA_DIM_NAME && l->dim < DATA_DIM_ADDR6)
			tm->mask[l->dim - DATA_DIM_NAME] |= l->hi;
	}
}

static struct cls_dim field_dim(enum ir_field field)
{
	struct data_word w = data_word_of(field);

	return (struct cls_dim) {
		.off = w.off, .shift = w.shift,
		.bits = 8 * gen_field_size(field),
	};
}

static struct cls_dim ct_kind_dim(void)
{
	struct cls_dim dim = field_dim(IR_FIELD_CT_STATE);

	dim.bits = __builtin_ctz(XT_CONNTRACK_STATE_SNAT);
	return dim;
}

/* Of a name's word only what is asked for: bytes behind its end are any */
static struct cls_dim name_dim(const struct tree_maker *tm, uint32_t word)
{
	uint32_t mask = tm->mask[word];

	return (struct cls_dim) {
		.off = (word < 4 ? GEN_OFF(in) : GEN_OFF(out)) + 4 * (word & 3),
		.shift = __builtin_ctz(mask),
		.bits = 32 - __builtin_clz(mask) - __builtin_ctz(mask),
	};
}

static struct cls_dim dim_of(const struct tree_maker *tm, uint32_t dim)
{
	if (dim < DATA_DIM_CT_KIND)
		return field_dim(dim);
	if (dim == DATA_DIM_CT_KIND)
		return ct_kind_dim();
	if (dim < DATA_DIM_ADDR6)
		return name_dim(tm, dim - DATA_DIM_NAME);
	return (struct cls_dim) {
		.off = GEN_OFF(addr6) + 4 * (dim - DATA_DIM_ADDR6), .bits = 32,
	};
}

static void add_dim(struct tree_maker *tm, uint32_t dim)
{
	tm->place[dim] = tm->num_dims;
	tm->dim[tm->num_dims++] = dim_of(tm, dim);
}

/* If there are too many, those that fewest records limit are left out */
static void choose_dims(struct tree_maker *tm)
{
	while (tm->num_dims < CLS_DIMS_MAX) {
		uint32_t best = 0;

		for (uint32_t i = 1; i < DATA_DIMS; i++)
			if (tm->place[i] < 0 && tm->used[i] > tm->used[best])
				best = i;
		if (tm->place[best] >= 0 || !tm->used[best])
			return;
		add_dim(tm, best);
		tm->used[best] = 0;
	}
}

/* --- Ranges --- */

static uint32_t dim_max(const struct cls_dim *dim)
{
	return UINT32_MAX >> (32 - dim->bits);
}

static struct cls_range range_of(const struct tree_maker *tm,
				 const struct data_limit *l)
{
	const struct cls_dim *dim = &tm->dim[tm->place[l->dim]];
	uint32_t value, any;

	if (l->dim < DATA_DIM_NAME || l->dim >= DATA_DIM_ADDR6)
		return (struct cls_range) { l->lo, l->hi };
	value = l->lo >> dim->shift;
	any = ~(l->hi >> dim->shift) & dim_max(dim);
	return (struct cls_range) { value, value | any };
}

static void narrow(struct cls_range *r, struct cls_range by)
{
	uint32_t lo = r->lo > by.lo ? r->lo : by.lo;
	uint32_t hi = r->hi < by.hi ? r->hi : by.hi;

	/* A rule that nothing matches may as well match too much */
	if (lo <= hi)
		*r = (struct cls_range) { lo, hi };
}

static struct cls_range *make_ranges(const struct tree_maker *tm, uint32_t num)
{
	struct cls_range *ranges = calloc((size_t)num * tm->num_dims,
					  sizeof(*ranges));
	uint32_t i, d;

	if (!ranges)
		return NULL;
	for (i = 0; i < num; i++)
		for (d = 0; d < tm->num_dims; d++)
			ranges[(size_t)i * tm->num_dims + d].hi =
				dim_max(&tm->dim[d]);
	for (i = 0; i < tm->mk->num_limits; i++) {
		const struct chain_limit *l = &tm->mk->limit[i];
		int place = tm->place[l->limit.dim];

		if (place >= 0 && l->record < num)
			narrow(&ranges[(size_t)l->record * tm->num_dims + place],
			       range_of(tm, &l->limit));
	}
	return ranges;
}

static int build(struct tree_maker *tm, struct data_made *made)
{
	struct data_maker *mk = tm->mk;
	uint32_t root[DATA_TREES_MAX], num = mk->num_records - 1;
	struct cls_rules rules = {
		.dims = tm->dim, .num_dims = tm->num_dims,
		.num_rules = num, .record = mk->record,
	};
	struct cls_range *ranges = make_ranges(tm, num);
	struct cls_stats stats;
	struct data_chain *dc;
	int err;

	if (!ranges)
		return -ENOMEM;
	rules.ranges = ranges;
	err = cls_build(&mk->t->buf, &rules, root, &made->trees, &stats);
	free(ranges);
	if (err)
		return err;
	dc = data_at(&mk->t->buf, made->off);
	dc->num_trees = made->trees;
	memcpy(dc->root, root, made->trees * sizeof(*root));
	return 0;
}

/**
 * data_tree_make() - give a chain its classifiers
 * @mk:		maker, with the chain's records and limits
 * @chain:	chain, with room for its roots
 *
 * Return: 0 or a negative errno.
 */
int data_tree_make(struct data_maker *mk, uint32_t chain)
{
	struct data_made *made = &mk->t->chains[chain];
	struct tree_maker tm = { .mk = mk };
	int err;

	memset(tm.place, -1, sizeof(tm.place));
	count_limits(&tm);
	choose_dims(&tm);
	if (!tm.num_dims || mk->num_records < 2)
		return 0;
	err = build(&tm, made);
	if (made->trees)
		made->features |= DATA_TREE;
	if (made->trees > 1)
		made->features |= DATA_TREES;
	if (made->trees && tm.place[IR_FIELD_MARK] >= 0)
		made->features |= DATA_MARK_TREE;
	return err;
}
