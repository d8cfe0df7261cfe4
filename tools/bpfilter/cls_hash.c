// SPDX-License-Identifier: GPL-2.0
/*
 * Nodes that split a set by a hash over the highest bits of several dims.
 *
 * A rule has one key if all that it asks for agrees in those bits; where they
 * end is chosen so that nearly all do. The few others ("extra") go into every
 * bucket. As keys are not kept a packet may meet rules of other keys: regions
 * do not get smaller below a hash.
 */
#include <string.h>

#include "cls_impl.h"

/* Each bucket in use has one to three that are not */
#define SPARSE		4

/* How many rules may be extra, tried one after the other */
static const uint32_t extra_allowed[] = { 0, 2, 8 };

/* For struct cls_builder's key: the rule is extra */
#define NO_KEY		UINT64_MAX

#define DIFFER_MAX	32

/* struct histogram - rules by the bits in which their values differ, per dim */
struct histogram {
	uint32_t num[CLS_DIMS_MAX][DIFFER_MAX + 1];
};

static void histogram_fill(const struct cls_builder *b,
			   const struct cls_node *node, struct histogram *h)
{
	const uint32_t *rule = cls_numbers(b, node->set.start);
	uint32_t num_dims = b->rules->num_dims;

	memset(h->num, 0, num_dims * sizeof(h->num[0]));
	for (uint32_t i = 0; i < node->set.num; i++) {
		const struct cls_range *range = cls_range(b, rule[i], 0);

		for (uint32_t d = 0; d < num_dims; d++, range++)
			h->num[d][cls_differ(range->lo, range->hi)]++;
	}
}

/* Number of low bits to leave out so that at most @extra rules differ above */
static uint32_t shift_for(const struct histogram *h, uint32_t dim,
			  uint32_t extra)
{
	uint32_t shift = DIFFER_MAX, above = 0;

	while (shift && above + h->num[dim][shift] <= extra)
		above += h->num[dim][shift--];
	return shift;
}

/* The same for each dim; false if that is what @shift has already */
static bool find_shifts(const struct cls_builder *b, const struct histogram *h,
			uint32_t extra, uint8_t *shift)
{
	bool differ = false;

	for (uint32_t d = 0; d < b->rules->num_dims; d++) {
		uint32_t found = shift_for(h, d, extra);

		differ |= found != shift[d];
		shift[d] = found;
	}
	return differ;
}

static bool has_key(const struct cls_range *range, uint32_t shift)
{
	return cls_differ(range->lo, range->hi) <= shift;
}

/* --- Estimates --- */

struct hash_sum {
	uint32_t bits;
	uint32_t used;
	uint32_t extra;
};

/* Rules by bucket if @part were added to their keys */
static struct hash_sum count_buckets(struct cls_builder *b,
				     const struct cls_node *node,
				     struct cls_key_part part)
{
	const uint32_t *rule = cls_numbers(b, node->set.start);
	struct hash_sum sum = { .bits = cls_log2_up(node->set.num) + 1 };
	uint32_t *bucket = b->bucket;

	memset(bucket, 0, sizeof(*bucket) << sum.bits);
	for (uint32_t i = 0; i < node->set.num; i++) {
		const struct cls_range *range = cls_range(b, rule[i], part.dim);
		uint64_t h = b->key[i];

		if (h == NO_KEY || !has_key(range, part.shift)) {
			sum.extra++;
			continue;
		}
		h = cls_key_add(h, range->lo >> part.shift);
		sum.used += !bucket[h >> (64 - sum.bits)]++;
	}
	return sum;
}

/* Half the buckets */
static void fold_buckets(struct cls_builder *b, struct hash_sum *sum)
{
	uint32_t *bucket = b->bucket, num = 1U << --sum->bits;

	sum->used = 0;
	for (uint32_t i = 0; i < num; i++) {
		bucket[i] = bucket[2 * i] + bucket[2 * i + 1];
		sum->used += !!bucket[i];
	}
}

static void try_part(struct cls_builder *b, const struct cls_node *node,
		     struct cls_split *split, struct cls_split *best)
{
	struct cls_key_part part = split->part[split->num_parts - 1];
	struct hash_sum sum = count_buckets(b, node, part);
	uint64_t bytes = sizeof(struct data_hash) +
			 split->num_parts * sizeof(struct data_part);
	float rest;

	if (sum.used < 2)
		return;
	while (sum.bits > 1 && sum.used * SPARSE <= 1U << sum.bits)
		fold_buckets(b, &sum);
	rest = sum.extra * cls_rest(b, sum.extra);
	bytes += sizeof(uint32_t) << sum.bits;
	for (uint32_t i = 0; i < 1U << sum.bits; i++) {
		uint32_t own = b->bucket[i], num = own + sum.extra;

		if (!own)
			continue;
		rest += own * cls_rest(b, num);
		bytes += cls_rest_bytes(num);
	}
	split->bits = sum.bits;
	split->cost = CLS_NS_HASH + split->num_parts * CLS_NS_PART +
		      rest / node->set.num;
	cls_offer(b, node, bytes, split, best);
}

static void keys_add(struct cls_builder *b, const struct cls_node *node,
		     struct cls_key_part part)
{
	const uint32_t *rule = cls_numbers(b, node->set.start);

	for (uint32_t i = 0; i < node->set.num; i++) {
		const struct cls_range *range = cls_range(b, rule[i], part.dim);

		if (b->key[i] == NO_KEY)
			continue;
		b->key[i] = !has_key(range, part.shift) ? NO_KEY :
			cls_key_add(b->key[i], range->lo >> part.shift);
	}
}

static bool part_is_used(const struct cls_split *split, uint32_t dim)
{
	for (uint32_t i = 0; i < split->num_parts; i++)
		if (split->part[i].dim == dim)
			return true;
	return false;
}

/* The best part to add to @split; false if none makes it better */
static bool add_part(struct cls_builder *b, const struct cls_node *node,
		     const uint8_t *shift, struct cls_split *split)
{
	struct cls_split best = *split;

	for (uint32_t d = 0; d < b->rules->num_dims; d++) {
		const struct cls_hull *hull = &node->hull[d];
		struct cls_split try = *split;

		if (!hull->num || cls_differ(hull->lo, hull->hi) <= shift[d] ||
		    part_is_used(split, d))
			continue;
		try.part[try.num_parts++] = (struct cls_key_part){ d, shift[d] };
		try_part(b, node, &try, &best);
	}
	if (best.num_parts == split->num_parts)
		return false;
	*split = best;
	return true;
}

/**
 * cls_try_hash() - look at hashes
 * @b:		builder
 * @node:	node
 * @best:	replaced by what is better
 */
void cls_try_hash(struct cls_builder *b, const struct cls_node *node,
		  struct cls_split *best)
{
	uint8_t shift[CLS_DIMS_MAX];
	struct histogram h;

	/* Not even if each rule had a bucket of its own */
	if (best->cost <= CLS_NS_HASH + CLS_NS_PART + cls_rest(b, 1))
		return;
	histogram_fill(b, node, &h);
	memset(shift, DIFFER_MAX + 1, sizeof(shift));
	for (uint32_t i = 0; i < sizeof(extra_allowed) / sizeof(uint32_t); i++) {
		struct cls_split split = { .kind = CLS_HASH, .cost = best->cost };

		if (extra_allowed[i] * 2 >= node->set.num)
			break;
		if (!find_shifts(b, &h, extra_allowed[i], shift))
			continue;
		memset(b->key, 0, node->set.num * sizeof(*b->key));
		while (split.num_parts < DATA_PARTS_MAX &&
		       add_part(b, node, shift, &split))
			keys_add(b, node, split.part[split.num_parts - 1]);
		if (split.num_parts && split.cost < best->cost)
			*best = split;
	}
}

/* --- Building --- */

static uint64_t key_of(const struct cls_builder *b,
		       const struct cls_split *split, uint32_t rule)
{
	uint64_t h = 0;

	for (uint32_t i = 0; i < split->num_parts; i++) {
		const struct cls_key_part *part = &split->part[i];
		const struct cls_range *range = cls_range(b, rule, part->dim);

		if (!has_key(range, part->shift))
			return NO_KEY;
		h = cls_key_add(h, range->lo >> part->shift);
	}
	return h;
}

static uint32_t hash_new(struct cls_builder *b, const struct cls_split *split)
{
	uint32_t off = data_alloc(b->buf, sizeof(struct data_hash) +
				  split->num_parts * sizeof(struct data_part) +
				  (sizeof(uint32_t) << split->bits),
				  DATA_NODE_ALIGN);
	struct data_hash *hash;

	if (!off)
		return 0;
	hash = data_at(b->buf, off);
	hash->kind = DATA_NODE_HASH;
	hash->num_parts = split->num_parts;
	hash->shift = 64 - split->bits;
	for (uint32_t i = 0; i < split->num_parts; i++) {
		const struct cls_key_part *part = &split->part[i];
		const struct cls_dim *dim = &b->rules->dims[part->dim];

		hash->part[i].off = dim->off;
		hash->part[i].shift = dim->shift + part->shift;
		hash->part[i].mask = cls_dim_max(dim) >> part->shift;
	}
	return off;
}

/**
 * struct hash_map - rules by bucket
 * @start:	arena: where each bucket's rules start, and where the last one's end
 * @used:	arena: numbers of buckets in use
 * @num_used:	how many
 * @extra:	rules that have no key
 */
struct hash_map {
	uint32_t start;
	uint32_t used;
	uint32_t num_used;
	struct cls_set extra;
};

static void count_rules(struct cls_builder *b, const struct cls_node *node,
			const struct cls_split *split, struct hash_map *map)
{
	const uint32_t *rule = cls_numbers(b, node->set.start);
	uint32_t *start = cls_numbers(b, map->start);
	uint32_t *used = cls_numbers(b, map->used);

	memset(start, 0, ((1U << split->bits) + 1) * sizeof(*start));
	for (uint32_t i = 0; i < node->set.num; i++) {
		uint64_t h = key_of(b, split, rule[i]);

		if (h == NO_KEY) {
			cls_numbers(b, map->extra.start)[map->extra.num++] = rule[i];
			continue;
		}
		h >>= 64 - split->bits;
		if (!start[h]++)
			used[map->num_used++] = h;
	}
}

static void deal_rules(struct cls_builder *b, const struct cls_node *node,
		       const struct cls_split *split, const struct hash_map *map)
{
	const uint32_t *rule = cls_numbers(b, node->set.start);
	const uint32_t *used = cls_numbers(b, map->used);
	uint32_t *start = cls_numbers(b, map->start);

	for (uint32_t i = 0; i < node->set.num; i++) {
		uint64_t h = key_of(b, split, rule[i]);

		if (h != NO_KEY) {
			b->arena[start[h >> (64 - split->bits)]++] = rule[i];
			continue;
		}
		for (uint32_t u = 0; u < map->num_used; u++)
			b->arena[start[used[u]]++] = rule[i];
	}
}

/* Returns the number of rules in all buckets */
static uint32_t fill_buckets(struct cls_builder *b, const struct cls_node *node,
			     const struct cls_split *split, struct hash_map *map)
{
	uint32_t num = 1U << split->bits, room, total, *start;

	map->start = cls_push(b, num + 1);
	map->used = cls_push(b, num);
	map->extra.start = cls_push(b, node->set.num);
	if (b->error)
		return 0;
	count_rules(b, node, split, map);
	total = node->set.num - map->extra.num + map->extra.num * map->num_used;
	room = cls_push(b, total);
	if (b->error)
		return 0;
	start = cls_numbers(b, map->start);
	for (uint32_t i = 0, at = room; i <= num; i++) {
		uint32_t own = i < num ? start[i] : 0;

		start[i] = at;
		at += own ? own + map->extra.num : 0;
	}
	deal_rules(b, node, split, map);
	memmove(start + 1, start, num * sizeof(*start));
	start[0] = room;
	return total;
}

static struct cls_set bucket_set(const struct cls_builder *b,
				 const struct hash_map *map, uint32_t bucket)
{
	const uint32_t *start = cls_numbers(b, map->start);

	return (struct cls_set){ start[bucket], start[bucket + 1] - start[bucket] };
}

static void set_ref(struct cls_builder *b, uint32_t off,
		    const struct cls_split *split, uint32_t bucket, uint32_t ref)
{
	struct data_hash *hash = data_at(b->buf, off);

	((uint32_t *)&hash->part[split->num_parts])[bucket] = ref;
}

/**
 * cls_emit_hash() - build a hash, and all below
 * @b:		builder
 * @node:	node
 * @split:	what to build
 *
 * Return: a ref.
 */
uint32_t cls_emit_hash(struct cls_builder *b, const struct cls_node *node,
		       const struct cls_split *split)
{
	uint32_t before = b->buf->len, off = hash_new(b, split), empty;
	struct cls_share share;
	struct hash_map map = { 0 };

	if (!off)
		return 0;
	share = cls_share_start(b, node, before,
				fill_buckets(b, node, split, &map));
	if (b->error)
		return 0;
	empty = cls_list(b, map.extra);
	for (uint32_t i = 0; i < 1U << split->bits; i++)
		set_ref(b, off, split, i, empty);
	for (uint32_t large = 0; large < 2; large++) {
		for (uint32_t i = 0; i < map.num_used && !b->error; i++) {
			uint32_t bucket = cls_numbers(b, map.used)[i];
			struct cls_set set = bucket_set(b, &map, bucket);
			bool is_large = set.num > CLS_LIST_FINE;

			if (is_large != large)
				continue;
			set_ref(b, off, split, bucket,
				cls_child(b, node, set, &share, -1,
					  (struct cls_range){ 0 }));
		}
	}
	return off | DATA_REF_NODE;
}
