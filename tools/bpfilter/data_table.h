/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_DATA_TABLE_H
#define BPFILTER_DATA_TABLE_H

#include <stdint.h>

#include "data_buf.h"

/*
 * A table's rules as data: what of its chains the plan wants in the data map,
 * see data.h for how it lies there.
 */

/* Shortest chain that gets classifiers, in rules, unless told otherwise */
#define DATA_TREE_RULES		12

/* Fewest records of which packets for any of them find few in a cache */
#define DATA_FAR_RECORDS	4096

/* Room for what walk() reads at the greatest offset, see WALK_PAD */
#define DATA_BYTES_SPARE	64

/* Where DATA_LIST_END lies by itself: a list without records */
#define DATA_EMPTY_LIST		DATA_FIRST

/**
 * enum data_feature - what a chain asks of walk()
 * @DATA_MATCH:		bridged matches
 * @DATA_RANDOM:	random numbers
 * @DATA_KEEP:		tests that keep a fragment offset
 * @DATA_RETURN:	rules that return
 * @DATA_JUMP:		rules that jump
 * @DATA_GOTO:		rules that go to a chain
 * @DATA_CONTINUE:	rules that only count
 * @DATA_TARGET:	bridged targets
 * @DATA_RELOAD:	those that can change the packet and go on
 * @DATA_SET_MARK:	rules that set the mark
 * @DATA_TREE:		a classifier
 * @DATA_TREES:		more than one of the same chain
 * @DATA_MARK_TREE:	classifiers that look at the mark
 * @DATA_FAR:		more records than caches hold, evenly spaced
 * @DATA_WRITES:	bridged matches that can change the packet
 */
enum data_feature {
	DATA_MATCH	= 1 << 0,
	DATA_RANDOM	= 1 << 1,
	DATA_KEEP	= 1 << 2,
	DATA_RETURN	= 1 << 3,
	DATA_JUMP	= 1 << 4,
	DATA_GOTO	= 1 << 5,
	DATA_CONTINUE	= 1 << 6,
	DATA_TARGET	= 1 << 7,
	DATA_RELOAD	= 1 << 8,
	DATA_SET_MARK	= 1 << 9,
	DATA_TREE	= 1 << 10,
	DATA_TREES	= 1 << 11,
	DATA_MARK_TREE	= 1 << 12,
	DATA_FAR	= 1 << 13,
	DATA_WRITES	= 1 << 14,
};

/**
 * struct data_made - a chain in the data map
 * @off:	of its struct data_chain, 0 if it is not there
 * @bytes:	of its records and classifiers
 * @records:	number of its records
 * @trees:	number of its classifiers
 * @features:	mask of enum data_feature
 */
struct data_made {
	uint32_t off;
	uint32_t bytes;
	uint32_t records;
	uint32_t trees;
	uint32_t features;
};

/**
 * struct data_table - contents of a table's data map
 * @buf:	bytes, none if no chain is data
 * @shapes:	where in them shapes start
 * @chains:	by chain, NULL likewise
 */
struct data_table {
	struct data_buf buf;
	uint32_t shapes;
	struct data_made *chains;
};

struct compile_env;
struct ir_ruleset;
struct plan;
struct refusal;

int data_table_make(struct data_table *t, const struct ir_ruleset *rs,
		    const struct plan *plan, const struct compile_env *env,
		    struct refusal *why);
void data_table_free(struct data_table *t);

#endif /* BPFILTER_DATA_TABLE_H */
