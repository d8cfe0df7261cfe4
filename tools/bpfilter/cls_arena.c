// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of the builder of classifiers, and the lists that it shares.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cls_impl.h"

#define ARENA_MAX	0x40000000
#define LIST_BITS_FIRST	10

static bool cells_init(struct cls_cells *c, uint32_t num_rules)
{
	size_t num = (1U << cls_cell_bits(num_rules)) + 2;

	c->over = malloc(num * sizeof(*c->over));
	c->start = malloc(num * sizeof(*c->start));
	c->weight = malloc(num * sizeof(*c->weight));
	c->mark = malloc(num * sizeof(*c->mark));
	return c->over && c->start && c->weight && c->mark;
}

/**
 * cls_builder_init() - get a builder its memory
 * @b:		builder, all zeroes but for buffer, rules and stats
 *
 * Return: false without memory; free it in either case.
 */
bool cls_builder_init(struct cls_builder *b)
{
	uint32_t n = b->rules->num_rules;

	cls_cost_init(b);
	b->bucket_bits = cls_log2_up(n) + 2;
	b->bucket = malloc(sizeof(*b->bucket) << b->bucket_bits);
	b->key = malloc(sizeof(*b->key) * (n + 1));
	b->list_bits = LIST_BITS_FIRST;
	b->list = calloc(1U << b->list_bits, sizeof(*b->list));
	return cells_init(&b->cells, n) && b->bucket && b->key && b->list;
}

/**
 * cls_builder_free() - release a builder's memory
 * @b:		builder
 */
void cls_builder_free(struct cls_builder *b)
{
	free(b->cells.over);
	free(b->cells.start);
	free(b->cells.weight);
	free(b->cells.mark);
	free(b->bucket);
	free(b->key);
	free(b->list);
	free(b->arena);
}

/**
 * cls_push() - take numbers from the arena
 * @b:		builder
 * @num:	how many; not initialised
 *
 * They go back when the caller sets the arena's length to what it was. Memory
 * moves: nothing may hold an address over this.
 *
 * Return: the first one's index, or 0 with the builder's error set.
 */
uint32_t cls_push(struct cls_builder *b, size_t num)
{
	size_t start = b->arena_len, room = b->arena_max ? b->arena_max : 1024;
	uint32_t *bigger;

	if (b->error)
		return 0;
	if (start + num > ARENA_MAX) {
		b->error = -E2BIG;
		return 0;
	}
	while (room < start + num)
		room *= 2;
	if (room > b->arena_max) {
		bigger = realloc(b->arena, room * sizeof(*b->arena));
		if (!bigger) {
			b->error = -ENOMEM;
			return 0;
		}
		b->arena = bigger;
		b->arena_max = room;
	}
	b->arena_len = start + num;
	return start;
}

/* --- Lists: each exists once --- */

static uint64_t list_hash(const struct data_list *list)
{
	uint64_t h = 0;

	for (uint32_t i = 0; i < list->num; i++)
		h = cls_key_add(h, list->record[i]);
	return h;
}

static void list_insert(struct cls_builder *b, uint64_t hash, uint32_t off)
{
	uint32_t i = hash >> (64 - b->list_bits);

	while (b->list[i])
		i = (i + 1) & ((1U << b->list_bits) - 1);
	b->list[i] = off;
}

static void lists_grow(struct cls_builder *b)
{
	uint32_t *old = b->list, num = 1U << b->list_bits;
	uint32_t *bigger = calloc((size_t)num * 2, sizeof(*bigger));

	if (!bigger) {
		b->error = -ENOMEM;
		return;
	}
	b->list = bigger;
	b->list_bits++;
	for (uint32_t i = 0; i < num; i++)
		if (old[i])
			list_insert(b, list_hash(data_at(b->buf, old[i])), old[i]);
	free(old);
}

static bool list_equals(const struct cls_builder *b, uint32_t off,
			const uint32_t *rule, uint32_t num)
{
	const struct data_list *list = data_at(b->buf, off);

	if (list->num != num)
		return false;
	for (uint32_t i = 0; i < num; i++)
		if (list->record[i] != b->rules->record[rule[i]])
			return false;
	return true;
}

static uint32_t list_find(const struct cls_builder *b, uint64_t hash,
			  const uint32_t *rule, uint32_t num)
{
	uint32_t i = hash >> (64 - b->list_bits);

	while (b->list[i] && !list_equals(b, b->list[i], rule, num))
		i = (i + 1) & ((1U << b->list_bits) - 1);
	return b->list[i];
}

static uint32_t list_new(struct cls_builder *b, const uint32_t *rule, uint32_t num)
{
	uint32_t off = data_alloc(b->buf, cls_list_bytes(num), DATA_NODE_ALIGN);
	struct data_list *list;

	if (!off)
		return 0;
	list = data_at(b->buf, off);
	list->num = num;
	for (uint32_t i = 0; i < num; i++)
		list->record[i] = b->rules->record[rule[i]];
	list->record[num] = DATA_LIST_END;
	b->stats->lists++;
	if (num > b->stats->longest)
		b->stats->longest = num;
	return off;
}

/**
 * cls_list() - what names all rules of a set
 * @b:		builder
 * @set:	may be empty
 *
 * Return: a ref.
 */
uint32_t cls_list(struct cls_builder *b, struct cls_set set)
{
	const uint32_t *rule = cls_numbers(b, set.start);
	uint64_t hash = 0;
	uint32_t off;

	if (!set.num)
		return 0;
	if (set.num == 1)
		return b->rules->record[*rule] | DATA_REF_RECORD;
	for (uint32_t i = 0; i < set.num; i++)
		hash = cls_key_add(hash, b->rules->record[rule[i]]);
	off = list_find(b, hash, rule, set.num);
	if (!off) {
		off = list_new(b, rule, set.num);
		if (!off)
			return 0;
		list_insert(b, hash, off);
		if (++b->num_list * 2 > 1U << b->list_bits)
			lists_grow(b);
	}
	return off | DATA_REF_LIST;
}
