// SPDX-License-Identifier: GPL-2.0
/*
 * Classifiers under test: they are built, looked over, and what they name for a
 * packet is compared with what a look at each rule says.
 */
#include <stdlib.h>
#include <string.h>

#include "cls_case.h"
#include "data.h"

void cls_case_free(struct cls_case *c)
{
	free(c->ranges);
	free(c->record);
	data_free(&c->buf);
	memset(c, 0, sizeof(*c));
}

void cls_case_dim(struct cls_case *c, uint32_t word, uint8_t shift, uint8_t bits)
{
	uint16_t off = word * sizeof(uint32_t);

	c->dims[c->num_dims++] = (struct cls_dim){ off, shift, bits };
}

uint32_t cls_case_max(const struct cls_case *c, uint32_t dim)
{
	return UINT32_MAX >> (32 - c->dims[dim].bits);
}

/* A rule that wants nothing, for the caller to change */
struct cls_range *cls_case_rule(struct cls_case *c)
{
	struct cls_range *ranges;

	if (c->num_rules == c->max_rules) {
		c->max_rules = c->max_rules ? c->max_rules * 2 : 64;
		c->ranges = realloc(c->ranges, sizeof(*ranges) * c->max_rules *
				    CLS_DIMS_MAX);
	}
	ranges = &c->ranges[(size_t)c->num_rules++ * c->num_dims];
	for (uint32_t d = 0; d < c->num_dims; d++)
		ranges[d] = (struct cls_range){ 0, cls_case_max(c, d) };
	return ranges;
}

/* Records first, as in a chain, then the classifier */
int cls_case_build(struct cls_case *c)
{
	struct cls_rules rules = {
		.dims = c->dims, .num_dims = c->num_dims,
		.num_rules = c->num_rules, .ranges = c->ranges,
	};

	c->record = calloc(c->num_rules + 1, sizeof(*c->record));
	for (uint32_t i = 0; i < c->num_rules; i++)
		c->record[i] = data_alloc(&c->buf, sizeof(struct data_record) *
					  (1 + i % 3), DATA_RECORD_ALIGN);
	rules.record = c->record;
	return cls_build(&c->buf, &rules, c->root, &c->num_trees, &c->stats);
}

/* --- Is all in its place? --- */

#define REFS_MAX	0x400000

/**
 * struct look - refs still to be looked at
 * @c:		case
 * @ref:	stack
 * @num:	number of @ref
 * @seen:	by offset / 4: has been on the stack
 */
struct look {
	const struct cls_case *c;
	uint32_t *ref;
	uint32_t num;
	uint8_t *seen;
};

static bool inside(const struct cls_case *c, uint32_t off, uint64_t bytes)
{
	return off && !(off % DATA_NODE_ALIGN) && off + bytes <= c->buf.len;
}

static bool is_record(const struct cls_case *c, uint32_t off)
{
	uint32_t low = 0, num = c->num_rules;

	while (num) {
		uint32_t half = num / 2;

		if (c->record[low + half] < off) {
			low += half + 1;
			num -= half + 1;
		} else {
			num = half;
		}
	}
	return low < c->num_rules && c->record[low] == off;
}

static const char *push(struct look *l, const uint32_t *ref, uint32_t num)
{
	for (uint32_t i = 0; i < num; i++) {
		uint32_t off = ref[i] & ~DATA_REF_KIND;

		if (!ref[i])
			continue;
		if (!inside(l->c, off, 0))
			return "a ref leads out of the map";
		if (l->seen[off / 4])
			continue;
		l->seen[off / 4] = 1;
		if (l->num == REFS_MAX)
			return "too many refs";
		l->ref[l->num++] = ref[i];
	}
	return NULL;
}

static const char *verify_list(const struct cls_case *c, uint32_t off)
{
	const struct data_list *list = data_at(&c->buf, off);
	uint32_t last = 0;

	if (!inside(c, off, sizeof(*list)) ||
	    !inside(c, off, sizeof(*list) + 4 * (list->num + 1ULL)))
		return "a list leads out of the map";
	for (uint32_t i = 0; i < list->num; i++) {
		if (list->record[i] <= last)
			return "a list does not ascend";
		if (!is_record(c, list->record[i]))
			return "a list names what is no record";
		last = list->record[i];
	}
	return list->record[list->num] == DATA_LIST_END ? NULL :
							  "a list has no end";
}

static const char *verify_cut(struct look *l, uint32_t off)
{
	const struct data_cut *cut = data_at(&l->c->buf, off);

	if (!inside(l->c, off, sizeof(*cut)) ||
	    !inside(l->c, off, sizeof(*cut) + 4 * (cut->mask + 1ULL)))
		return "a cut leads out of the map";
	if (cut->zero || cut->shift > 31 || cut->mask & (cut->mask + 1))
		return "a cut is malformed";
	return push(l, cut->ref, cut->mask + 1);
}

static const char *verify_hash(struct look *l, uint32_t off)
{
	const struct data_hash *hash = data_at(&l->c->buf, off);
	uint64_t bytes = sizeof(*hash) + hash->num_parts * sizeof(hash->part[0]);

	if (!hash->num_parts || hash->num_parts > DATA_PARTS_MAX ||
	    hash->shift < 33 || hash->shift > 63)
		return "a hash is malformed";
	if (!inside(l->c, off, bytes + (4ULL << (64 - hash->shift))))
		return "a hash leads out of the map";
	return push(l, (const uint32_t *)&hash->part[hash->num_parts],
		    1U << (64 - hash->shift));
}

static const char *verify_search(struct look *l, uint32_t off)
{
	const struct data_search *search = data_at(&l->c->buf, off);

	if (!search->num || search->zero || search->shift > 31)
		return "a search is malformed";
	if (!inside(l->c, off, sizeof(*search) + 4 * (2ULL * search->num + 1)))
		return "a search leads out of the map";
	for (uint32_t i = 1; i < search->num; i++)
		if (search->bound[i] <= search->bound[i - 1])
			return "bounds do not ascend";
	return push(l, &search->bound[search->num], search->num + 1);
}

static const char *verify_ref(struct look *l, uint32_t ref)
{
	uint32_t off = ref & ~DATA_REF_KIND;

	switch (ref & DATA_REF_KIND) {
	case DATA_REF_RECORD:
		return is_record(l->c, off) ? NULL : "a ref names no record";
	case DATA_REF_LIST:
		return verify_list(l->c, off);
	case DATA_REF_CUT:
		return verify_cut(l, off);
	}
	if (!inside(l->c, off, sizeof(struct data_search)))
		return "a node leads out of the map";
	if (*(const uint8_t *)data_at(&l->c->buf, off) == DATA_NODE_HASH)
		return verify_hash(l, off);
	return verify_search(l, off);
}

/* What is wrong with the trees' memory, or NULL */
const char *cls_case_verify(const struct cls_case *c)
{
	struct look l = { .c = c };
	const char *wrong;

	if (c->num_trees > DATA_TREES_MAX)
		return "too many trees";
	l.ref = malloc(REFS_MAX * sizeof(*l.ref));
	l.seen = calloc(c->buf.len / 4 + 1, 1);
	wrong = push(&l, c->root, c->num_trees);
	while (!wrong && l.num)
		wrong = verify_ref(&l, l.ref[--l.num]);
	free(l.ref);
	free(l.seen);
	return wrong;
}

/* --- Packets --- */

void cls_packet_set(const struct cls_case *c, struct cls_packet *p, uint32_t dim,
		    uint32_t value)
{
	uint32_t *word = &p->word[c->dims[dim].off / sizeof(uint32_t)];
	uint8_t shift = c->dims[dim].shift;

	*word &= ~(cls_case_max(c, dim) << shift);
	*word |= value << shift;
}

static uint32_t packet_get(const struct cls_case *c, const struct cls_packet *p,
			   uint32_t dim)
{
	return p->word[c->dims[dim].off / sizeof(uint32_t)] >>
	       c->dims[dim].shift & cls_case_max(c, dim);
}

/* All bits, those of no dim included */
void cls_packet_random(const struct cls_case *c, struct rng *r,
		       struct cls_packet *p)
{
	for (uint32_t i = 0; i < CLS_CASE_WORDS; i++)
		p->word[i] = rng_below(r, UINT32_MAX);
}

/* Within a rule's ranges, or at their ends, or just outside of some */
void cls_packet_near(const struct cls_case *c, struct rng *r, uint32_t rule,
		     struct cls_packet *p)
{
	const struct cls_range *range = &c->ranges[(size_t)rule * c->num_dims];

	cls_packet_random(c, r, p);
	for (uint32_t d = 0; d < c->num_dims; d++, range++) {
		uint32_t span = range->hi - range->lo;
		uint32_t value = range->lo + (span ? rng_below(r, span) : 0);

		if (rng_one_in(r, 3))
			value = rng_one_in(r, 2) ? range->lo : range->hi;
		if (rng_one_in(r, 4 * c->num_dims))
			value = rng_one_in(r, 2) ? range->lo - 1 : range->hi + 1;
		cls_packet_set(c, p, d, value & cls_case_max(c, d));
	}
}

bool cls_case_matches(const struct cls_case *c, uint32_t rule,
		      const struct cls_packet *p)
{
	const struct cls_range *range = &c->ranges[(size_t)rule * c->num_dims];

	for (uint32_t d = 0; d < c->num_dims; d++) {
		uint32_t value = packet_get(c, p, d);

		if (value < range[d].lo || value > range[d].hi)
			return false;
	}
	return true;
}

/*
 * Returns how many rules are named from rule @from_rule on, or -1 if one that
 * matches is not among them or they do not ascend.
 */
int cls_case_look_up(const struct cls_case *c, const struct cls_packet *p,
		     uint32_t from_rule)
{
	uint32_t *named = malloc((c->num_rules + 1) * sizeof(*named)), num, i = 0;
	int result;

	num = cls_lookup(&c->buf, c->root, c->num_trees, p,
			 c->record[from_rule], named, c->num_rules);
	result = num <= c->num_rules ? (int)num : -1;
	for (uint32_t rule = from_rule; rule < c->num_rules && result >= 0; rule++) {
		if (i < num && named[i] == c->record[rule])
			i++;
		else if (cls_case_matches(c, rule, p))
			result = -1;
	}
	if (i != num)
		result = -1;
	free(named);
	return result;
}
