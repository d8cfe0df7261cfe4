/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_PLAN_H
#define BPFILTER_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "compile.h"
#include "ir.h"

/*
 * The plan of a table: for each hook which chains become functions of its
 * program, which ones are copied to where they are jumped to, how long chains
 * are cut, and what the program must know of a packet before the first rule;
 * and which chains are data instead, that a function of its own walks. A chain
 * that data jumps to is data, too.
 */

/* Where a chain's rules go, if not to a function */
#define PLAN_INLINE	UINT32_MAX	/* to each place that jumps to it */
#define PLAN_UNREACHED	(UINT32_MAX - 1)	/* nowhere */
#define PLAN_WALKED	(UINT32_MAX - 2)	/* to the data map, for walk() */

/**
 * struct plan_func - a function that walks rules
 * @chain:	chain that they belong to
 * @first:	index of its first rule
 * @end:	index behind its last rule
 * @num_segments: this many functions, those behind this one in the array, hold
 *		the chain's rules before @first and are called for them
 * @is_segment:	it is one of those: it also returns where its rules end
 */
struct plan_func {
	uint32_t chain;
	uint32_t first;
	uint32_t end;
	uint32_t num_segments;
	bool is_segment;
};

/**
 * struct plan_need - what tests look at, and what extensions are handed
 * @fields:	mask of 1 << enum ir_field
 * @headers:	mask of 1 << enum ir_header
 * @ct:		whether there is a connection, or its state
 * @ct_nat:	whether its state includes address translation
 * @thoff:	where the transport header is
 * @kept_fragoff: IPv6: the fragment offset that an earlier rule left
 * @reload:	the packet can change on the way: all of this is read again
 * @mark:	data looks at the mark, which it cannot read itself
 * @odd:	classifiers must not be asked about packets that rules drop or
 *		remember without matching
 * @addr6:	mask of PLAN_ADDR6_*: IPv6 addresses in host order; of a chain that
 *		is code what would be needed if it were data
 */
struct plan_need {
	uint64_t fields;
	uint32_t headers;
	bool ct;
	bool ct_nat;
	bool thoff;
	bool kept_fragoff;
	bool reload;
	bool mark;
	bool odd;
	uint8_t addr6;
};

#define PLAN_ADDR6_SRC	1
#define PLAN_ADDR6_DST	2

/**
 * struct plan_hook - plan of one hook's program
 * @funcs:	its functions, callers before those they call; the first is the
 *		hook's own chain, as far as that is not data
 * @func_of:	for each chain an index in @funcs, PLAN_INLINE, PLAN_WALKED or
 *		PLAN_UNREACHED: where code that jumps to it finds it
 * @data:	for each chain whether packets can get to it as data; some of
 *		these are code as well
 * @num_funcs:	number of @funcs, 0 if the hook needs no program
 * @need:	what its rules look at
 */
struct plan_hook {
	struct plan_func *funcs;
	uint32_t *func_of;
	bool *data;
	uint32_t num_funcs;
	struct plan_need need;
};

/**
 * struct plan - plan of a table
 * @hook:	by hook
 * @is_data:	for each chain whether it is data at any hook
 * @data_first:	for each chain the index of its first rule that is data: those
 *		before it, of a hook's own chain, are code only
 * @num_chains:	number of @is_data
 * @depth:	most chains of data that a packet can be in at once
 */
struct plan {
	struct plan_hook hook[BPFILTER_NUMHOOKS];
	bool *is_data;
	uint32_t *data_first;
	uint32_t num_chains;
	uint32_t depth;
};

/**
 * struct plan_place - what became of a chain at a hook
 * @functions:	number of functions that hold its rules, 0: none of its own
 * @inlined:	its rules are copied to where code jumps to it
 * @data:	what it is in the data map, borrowed; NULL: nothing
 *
 * A chain can be both: code for jumps from code, data for those from data, or
 * code up to some rule and data from there on.
 */
struct plan_place {
	uint32_t functions;
	bool inlined;
	const struct data_made *data;
};

/**
 * struct plan_rule_place - where a rule went at a hook
 * @func:	the function that has its code, borrowed; NULL: none
 * @inlined:	its code is copied to where code jumps to its chain
 * @data:	its chain in the data map, borrowed; NULL: it is not there
 * @record:	offset of its record in the data map; 0: it has none
 */
struct plan_rule_place {
	const struct gen_func *func;
	bool inlined;
	const struct data_made *data;
	uint32_t record;
};

int bpfilter_plan_records(const struct ir_ruleset *rs,
			  const struct data_table *data, uint32_t **records);
bool bpfilter_plan_rule(const struct ir_ruleset *rs, const struct plan *plan,
			const struct gen_image *img, const uint32_t *records,
			unsigned int hook, uint32_t rule,
			struct plan_rule_place *out);
uint64_t bpfilter_plan_cost(const struct ir_ruleset *rs,
			    const struct plan *plan,
			    const struct data_table *data, unsigned int hook,
			    uint32_t chain);
bool bpfilter_plan_describe(const struct plan *plan,
			    const struct data_table *data, unsigned int hook,
			    uint32_t chain, struct plan_place *out);

#endif /* BPFILTER_PLAN_H */
