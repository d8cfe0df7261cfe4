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
 * are cut, and what the program must know of a packet before the first rule.
 */

/* enum plan_place - where a chain's rules go, if not to a function */
#define PLAN_INLINE	UINT32_MAX	/* to each place that jumps to it */
#define PLAN_UNREACHED	(UINT32_MAX - 1)	/* nowhere */

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
 */
struct plan_need {
	uint64_t fields;
	uint32_t headers;
	bool ct;
	bool ct_nat;
	bool thoff;
	bool kept_fragoff;
	bool reload;
};

/**
 * struct plan_hook - plan of one hook's program
 * @funcs:	its functions, callers before those they call; the first is the
 *		hook's own chain
 * @func_of:	for each chain an index in @funcs, PLAN_INLINE or
 *		PLAN_UNREACHED
 * @num_funcs:	number of @funcs, 0 if the hook needs no program
 * @need:	what its rules look at
 */
struct plan_hook {
	struct plan_func *funcs;
	uint32_t *func_of;
	uint32_t num_funcs;
	struct plan_need need;
};

/* struct plan - plans by hook */
struct plan {
	struct plan_hook hook[BPFILTER_NUMHOOKS];
};

#endif /* BPFILTER_PLAN_H */
