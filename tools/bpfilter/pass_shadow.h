/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_PASS_SHADOW_H
#define BPFILTER_PASS_SHADOW_H

#include "ir.h"
#include "ir_set.h"

/* What pass_shadow.c and its parts share */

#define SHADOW_FACTS_MAX	32	/* of one rule */
#define SHADOW_CONTEXT_MAX	32	/* of those that lead to its chain */
#define SHADOW_SHAPES_MAX	64	/* of one chain */
#define SHADOW_DIMS_MAX		6	/* of one shape */
#define SHADOW_BUCKET_MAX	16	/* rules of one hash */
#define SHADOW_CHAIN_MAX	64	/* and with the same place in the table */
#define SHADOW_WORK_MAX		4096	/* pairs of tests, on average of rules */

/**
 * struct shadow_fact - a test that holds for each packet that a rule may match
 * @test:	its index
 * @place:	its place among the tests of its rule
 * @rule:	index of its rule
 * @time:	when that rule was looked at
 * @has_key:	@key is valid
 * @key:	the test as bits of a field
 */
struct shadow_fact {
	uint32_t test;
	uint32_t place;
	uint32_t rule;
	uint64_t time;
	bool has_key;
	struct ir_key key;
};

/**
 * struct shadow_shape - which bits of which fields a rule asks for
 * @fields:	mask of 1 << enum ir_field
 * @num:	number of @field
 * @field:	the fields, rising
 * @mask:	their bits
 */
struct shadow_shape {
	uint64_t fields;
	uint32_t num;
	enum ir_field field[SHADOW_DIMS_MAX];
	struct ir_word mask[SHADOW_DIMS_MAX];
};

/**
 * struct shadow_list - the shapes of rules of one chain
 * @chain:	the chain
 * @num:	number of @shape
 * @shape:	the shapes
 */
struct shadow_list {
	uint32_t chain;
	uint32_t num;
	struct shadow_shape shape[SHADOW_SHAPES_MAX];
};

/**
 * struct shadow_entry - a rule that keeps packets from those behind it
 * @hash:	of what it asks for
 * @time:	when it was looked at
 * @rule:	its index
 * @next:	entry with the same place in the table, 0: none
 */
struct shadow_entry {
	uint64_t hash;
	uint64_t time;
	uint32_t rule;
	uint32_t next;
};

/**
 * struct shadow_index - such rules, found by what they ask for
 * @bucket:	by hash the first entry, 0: none
 * @mask:	number of @bucket less one
 * @entries:	the entries, from 1 on
 * @num:	number of @entries, with that which is not used
 */
struct shadow_index {
	uint32_t *bucket;
	uint32_t mask;
	struct shadow_entry *entries;
	uint32_t num;
};

/**
 * struct shadow_query - the rule that may be shadowed
 * @rs:		the ruleset
 * @rule:	its index
 * @facts:	what holds for its packets
 * @num:	number of @facts
 * @fields:	mask of 1 << enum ir_field: those with a key among @facts
 */
struct shadow_query {
	const struct ir_ruleset *rs;
	uint32_t rule;
	const struct shadow_fact *facts;
	uint32_t num;
	uint64_t fields;
};

/* pass_shadow_cover.c */
bool shadow_looks_at_mark(const struct ir_test *t);
bool shadow_rule_marks(const struct ir_ruleset *rs, uint32_t rule);
bool shadow_covers(const struct shadow_query *q, uint32_t by,
		   uint32_t *decided);
bool shadow_can_go(const struct shadow_query *q, uint32_t by, uint32_t decided);

/* pass_shadow_index.c */
int shadow_index_init(struct shadow_index *index, uint32_t num_rules);
void shadow_index_free(struct shadow_index *index);
void shadow_index_add(struct shadow_index *index, struct shadow_list *list,
		      const struct shadow_query *q, uint64_t time);

typedef bool (*shadow_visit_fn)(void *arg, const struct shadow_entry *entry);

void shadow_index_visit(const struct shadow_index *index,
			const struct shadow_list *list,
			const struct shadow_query *q, shadow_visit_fn visit,
			void *arg);

#endif /* BPFILTER_PASS_SHADOW_H */
