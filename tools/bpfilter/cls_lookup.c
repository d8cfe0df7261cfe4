// SPDX-License-Identifier: GPL-2.0
/*
 * Looking up, as programs do it: for tests and for estimates.
 */
#include <string.h>

#include "cls.h"
#include "data.h"

static uint32_t load32(const void *state, uint16_t off)
{
	uint32_t word;

	memcpy(&word, (const char *)state + off, sizeof(word));
	return word;
}

static uint32_t step_cut(const struct data_cut *cut, const void *state)
{
	return cut->ref[(load32(state, cut->off) >> cut->shift) & cut->mask];
}

static uint32_t step_hash(const struct data_hash *hash, const void *state)
{
	const struct data_part *part = hash->part;
	const uint32_t *ref = (const uint32_t *)(part + hash->num_parts);
	uint64_t h = 0;

	for (uint8_t i = 0; i < hash->num_parts; i++, part++) {
		h ^= (load32(state, part->off) >> part->shift) & part->mask;
		h *= DATA_HASH_MUL;
	}
	return ref[h >> hash->shift];
}

static uint32_t step_search(const struct data_search *search, const void *state)
{
	uint32_t key = (load32(state, search->off) >> search->shift) & search->mask;
	uint32_t low = 0, num = search->num;

	while (num) {
		uint32_t half = num / 2;

		if (search->bound[low + half] <= key) {
			low += half + 1;
			num -= half + 1;
		} else {
			num = half;
		}
	}
	return search->bound[search->num + low];
}

/**
 * cls_descend() - walk a tree
 * @buf:	buffer that holds it
 * @ref:	its root
 * @state:	the packet's struct run_state
 * @steps:	gets the number of nodes on the way added, or NULL
 *
 * Return: a ref of a record or of a list; 0: no rule of the tree matches.
 */
uint32_t cls_descend(const struct data_buf *buf, uint32_t ref,
		     const void *state, uint32_t *steps)
{
	while (ref & DATA_REF_CUT) {
		const void *node = data_at(buf, ref & ~DATA_REF_KIND);

		if ((ref & DATA_REF_KIND) == DATA_REF_CUT)
			ref = step_cut(node, state);
		else if (*(const uint8_t *)node == DATA_NODE_HASH)
			ref = step_hash(node, state);
		else
			ref = step_search(node, state);
		if (steps)
			++*steps;
	}
	return ref;
}

/* What a tree's way ended at: ascending, and at its end a great offset */
static const uint32_t *open_list(const struct data_buf *buf, uint32_t ref,
				 uint32_t single[2])
{
	const struct data_list *list = data_at(buf, ref & ~DATA_REF_KIND);

	if (ref & DATA_REF_LIST)
		return list->record;
	single[0] = ref ? ref : DATA_LIST_END;
	single[1] = DATA_LIST_END;
	return single;
}

/**
 * cls_lookup() - find the rules that may match a packet
 * @buf:	buffer that holds the trees
 * @root:	their roots
 * @num_trees:	number of @root
 * @state:	the packet's struct run_state
 * @from:	offset of the first record to name
 * @candidates:	gets offsets of records, ascending
 * @max:	room in @candidates
 *
 * Return: how many there are; if more than @max only the first are stored.
 */
uint32_t cls_lookup(const struct data_buf *buf, const uint32_t *root,
		    uint32_t num_trees, const void *state, uint32_t from,
		    uint32_t *candidates, uint32_t max)
{
	const uint32_t *head[DATA_TREES_MAX];
	uint32_t single[DATA_TREES_MAX][2];
	uint32_t num = 0;

	for (uint32_t i = 0; i < num_trees; i++)
		head[i] = open_list(buf, cls_descend(buf, root[i], state, NULL),
				    single[i]);
	for (;;) {
		uint32_t next = DATA_LIST_END;

		for (uint32_t i = 0; i < num_trees; i++) {
			while (*head[i] < from)
				head[i]++;
			if (*head[i] < next)
				next = *head[i];
		}
		if (next == DATA_LIST_END)
			return num;
		if (num < max)
			candidates[num] = next;
		num++;
		from = next + 1;
	}
}
