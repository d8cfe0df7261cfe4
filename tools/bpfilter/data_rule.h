/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_DATA_RULE_H
#define BPFILTER_DATA_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "data.h"
#include "data_table.h"
#include "ir.h"

/*
 * A rule on its way into the data map: its tests become the nodes of a graph,
 * and those of them that must hold, limits.
 *
 * Nothing here fails at the call: the first error sticks in @error.
 */

/* Where a node leads to, besides a label's number */
#define DATA_TO_NEXT	(-1)	/* the node behind it */
#define DATA_TO_FAIL	(-2)	/* the rule does not match */
#define DATA_TO_DROP	(-3)	/* it drops the packet */

/**
 * struct data_node - a node, its exits and what is its record's not settled yet
 * @test:	what it looks at
 * @yes:	a label or one of DATA_TO_*
 * @no:		likewise
 */
struct data_node {
	struct data_test test;
	int yes;
	int no;
};

/* What limits can be about: fields of at most 32 bit, and beyond those: */
#define DATA_DIM_CT_KIND	IR_FIELD_COUNT	/* low bits of CT_STATE */
#define DATA_DIM_NAME		(DATA_DIM_CT_KIND + 1)	/* in, out: 4 words each */
#define DATA_DIM_ADDR6		(DATA_DIM_NAME + 8)	/* source, destination */
#define DATA_DIMS		(DATA_DIM_ADDR6 + 8)

/**
 * struct data_limit - what a packet must have for the rule to do anything
 * @dim:	which number of it
 * @lo:		smallest, of a word of a name the value
 * @hi:		greatest, of a word of a name the mask
 */
struct data_limit {
	uint32_t dim;
	uint32_t lo;
	uint32_t hi;
};

/**
 * struct data_rule - a rule in the making
 * @rs:		the table
 * @keeps:	its bridged extensions may see a fragment offset that an earlier
 *		rule found
 * @node:	nodes
 * @label:	for each label the number of nodes before it
 * @limit:	limits
 * @num_nodes:	number of @node
 * @num_labels:	number of @label
 * @num_limits:	number of @limit
 * @max_nodes:	room in @node
 * @max_labels:	room in @label
 * @max_limits:	room in @limit
 * @features:	mask of enum data_feature
 * @firm:	the test at hand must hold for the rule to match, and before it
 *		comes nothing that anybody can tell was done
 * @never:	it does nothing to any packet: no record is needed
 * @error:	first error as a negative errno, 0 for none
 */
struct data_rule {
	const struct ir_ruleset *rs;
	bool keeps;
	struct data_node *node;
	uint32_t *label;
	struct data_limit *limit;
	uint32_t num_nodes;
	uint32_t num_labels;
	uint32_t num_limits;
	uint32_t max_nodes;
	uint32_t max_labels;
	uint32_t max_limits;
	uint32_t features;
	bool firm;
	bool never;
	int error;
};

/* data_rule.c */
void data_rule_make(struct data_rule *dr, const struct ir_rule *rule);
uint32_t data_rule_words(const struct data_rule *dr, uint32_t first);
void data_rule_write(struct data_rule *dr, struct data_test *out,
		     uint32_t *word, uint32_t first);
void data_rule_free(struct data_rule *dr);
int data_label(struct data_rule *dr);
void data_bind(struct data_rule *dr, int label);
void data_put(struct data_rule *dr, const struct data_test *test, int yes,
	      int no);
void data_put_word(struct data_rule *dr, uint32_t off, uint32_t mask,
		   uint32_t lo, uint32_t span, int yes, int no);
void data_limit(struct data_rule *dr, uint32_t dim, uint32_t lo, uint32_t hi);

/* data_test.c */
struct data_word {
	uint32_t off;
	uint32_t shift;
	uint32_t max;
};

struct data_word data_word_of(enum ir_field field);
void data_put_range(struct data_rule *dr, enum ir_field field, uint32_t lo,
		    uint32_t hi, int yes, int no);
void data_put_test(struct data_rule *dr, const struct ir_test *t, int matched);

/* data_wide.c */
void data_put_bytes(struct data_rule *dr, const struct ir_test *t);
void data_put_bytes_range(struct data_rule *dr, const struct ir_test *t);
void data_put_ports(struct data_rule *dr, const struct ir_test *t);

#endif /* BPFILTER_DATA_RULE_H */
