/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_CLS_H
#define BPFILTER_CLS_H

#include <stdint.h>

#include "data_buf.h"

#define CLS_DIMS_MAX	32

/**
 * struct cls_dim - something that rules restrict: some bits of a word
 * @off:	the word's place in struct run_state, a multiple of 4
 * @shift:	lowest bit
 * @bits:	number of bits, 1 to 32; @shift + @bits is at most 32
 */
struct cls_dim {
	uint16_t off;
	uint8_t shift;
	uint8_t bits;
};

struct cls_range {
	uint32_t lo;
	uint32_t hi;
};

/**
 * struct cls_rules - rules of a chain, in its order
 * @dims:	what at least one of the rules restricts
 * @num_dims:	at most %CLS_DIMS_MAX, may be 0
 * @num_rules:	any number, may be 0
 * @record:	offset of each rule's record, ascending
 * @ranges:	what each rule asks for, @num_dims of them per rule. From 0 to the
 *		dim's greatest value: anything. @lo is at most @hi
 */
struct cls_rules {
	const struct cls_dim *dims;
	uint32_t num_dims;
	uint32_t num_rules;
	const uint32_t *record;
	const struct cls_range *ranges;
};

/**
 * struct cls_stats - what was built
 * @bytes:	of nodes and lists
 * @num_trees:	number of roots
 * @deepest:	most nodes on a way from a root to a list
 * @longest:	most records in a list
 * @nodes:	number of nodes
 * @lists:	number of lists
 * @steps:	nodes that a packet meets on its way, in hundredths
 * @candidates:	rules that it is compared with, the one that it is meant for
 *		included, likewise
 *
 * The last two are averages over packets for a sample of the rules.
 */
struct cls_stats {
	uint64_t bytes;
	uint32_t num_trees;
	uint32_t deepest;
	uint32_t longest;
	uint32_t nodes;
	uint32_t lists;
	uint32_t steps;
	uint32_t candidates;
};

int cls_build(struct data_buf *buf, const struct cls_rules *rules,
	      uint32_t *root, uint32_t *num_trees, struct cls_stats *stats);

/* cls_lookup.c */

uint32_t cls_descend(const struct data_buf *buf, uint32_t ref,
		     const void *state, uint32_t *steps);
uint32_t cls_lookup(const struct data_buf *buf, const uint32_t *root,
		    uint32_t num_trees, const void *state, uint32_t from,
		    uint32_t *candidates, uint32_t max);

#endif /* BPFILTER_CLS_H */
