// SPDX-License-Identifier: GPL-2.0
/*
 * What a classifier costs, found out by use.
 */
#include <stdlib.h>
#include <string.h>

#include "cls_impl.h"

#define SAMPLE_MAX	64

/* Bytes of struct run_state up to the last word that is looked at */
static uint32_t state_bytes(const struct cls_rules *rules)
{
	uint32_t bytes = 0;

	for (uint32_t d = 0; d < rules->num_dims; d++)
		if (rules->dims[d].off + sizeof(uint32_t) > bytes)
			bytes = rules->dims[d].off + sizeof(uint32_t);
	return bytes;
}

/* A packet that a rule matches, in its ranges' middle */
static void state_for(const struct cls_builder *b, uint32_t rule, char *state)
{
	for (uint32_t d = 0; d < b->rules->num_dims; d++) {
		const struct cls_range *range = cls_range(b, rule, d);
		const struct cls_dim *dim = &b->rules->dims[d];
		uint32_t value = range->lo + (range->hi - range->lo) / 2, word;

		memcpy(&word, state + dim->off, sizeof(word));
		word &= ~(cls_dim_max(dim) << dim->shift);
		word |= value << dim->shift;
		memcpy(state + dim->off, &word, sizeof(word));
	}
}

/* Numbers of candidates up to the one at @record */
static uint32_t count_until(const uint32_t *candidates, uint32_t num,
			    uint32_t record)
{
	for (uint32_t i = 0; i < num; i++)
		if (candidates[i] == record)
			return i + 1;
	return num;
}

/**
 * cls_sample() - fill in stats what packets meet
 * @b:		builder that is done
 * @root:	the trees' roots
 * @num_trees:	number of @root
 *
 * Stats stay zero without memory for a packet.
 */
void cls_sample(const struct cls_builder *b, const uint32_t *root,
		uint32_t num_trees)
{
	uint32_t n = b->rules->num_rules, num = n < SAMPLE_MAX ? n : SAMPLE_MAX;
	char *state = calloc(1, state_bytes(b->rules) + 1);
	uint32_t steps = 0, candidates = 0;

	if (!state)
		return;
	for (uint32_t i = 0; i < num; i++) {
		uint32_t rule = (uint64_t)n * i / num, seen[SAMPLE_MAX];
		uint32_t found;

		state_for(b, rule, state);
		for (uint32_t t = 0; t < num_trees; t++)
			cls_descend(b->buf, root[t], state, &steps);
		found = cls_lookup(b->buf, root, num_trees, state, 0, seen,
				   SAMPLE_MAX);
		candidates += count_until(seen, found < SAMPLE_MAX ? found :
					  SAMPLE_MAX, b->rules->record[rule]);
	}
	b->stats->steps = 100 * steps / num;
	b->stats->candidates = 100 * candidates / num;
	free(state);
}
