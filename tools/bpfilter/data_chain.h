/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_DATA_CHAIN_H
#define BPFILTER_DATA_CHAIN_H

#include <stdint.h>

#include "data_rule.h"
#include "data_shape.h"
#include "data_table.h"

/**
 * struct chain_limit - a limit of one of a chain's records
 * @record:	number of the record
 * @limit:	limit
 */
struct chain_limit {
	uint32_t record;
	struct data_limit limit;
};

/* struct chain_jump - a record to be told where the chain is that it names */
struct chain_jump {
	uint32_t record;
	uint32_t chain;
};

/**
 * struct data_maker - chains in the making
 * @rs:		the table
 * @t:		where they go
 * @shapes:	of all records
 * @shape:	shape of the chain's latest record, which is added to @shapes when
 *		it is known where the next one lies
 * @max_tests:	room in @shape
 * @tree_rules:	shortest chain that gets classifiers
 * @far_records: shortest chain whose counters are fetched ahead
 * @rule:	rule in the making
 * @record:	offsets of the chain's records
 * @limit:	their limits
 * @jump:	records of all chains that jump or go to a chain
 * @num_records: number of @record
 * @num_limits:	number of @limit
 * @num_jumps:	number of @jump
 * @max_records: room in @record
 * @max_limits:	room in @limit
 * @max_jumps:	room in @jump
 */
struct data_maker {
	const struct ir_ruleset *rs;
	struct data_table *t;
	struct data_shapes shapes;
	struct data_shape *shape;
	uint32_t max_tests;
	uint32_t tree_rules;
	uint32_t far_records;
	struct data_rule rule;
	uint32_t *record;
	struct chain_limit *limit;
	struct chain_jump *jump;
	uint32_t num_records;
	uint32_t num_limits;
	uint32_t num_jumps;
	uint32_t max_records;
	uint32_t max_limits;
	uint32_t max_jumps;
};

/* data_chain.c */
int data_chain_make(struct data_maker *mk, uint32_t chain, uint32_t first);

/* data_tree.c */
int data_tree_make(struct data_maker *mk, uint32_t chain);

#endif /* BPFILTER_DATA_CHAIN_H */
