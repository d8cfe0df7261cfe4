/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_CLS_CASE_H
#define UNIT_CLS_CASE_H

#include <stdbool.h>
#include <stdint.h>

#include "cls.h"
#include "data.h"
#include "random.h"

#define CLS_CASE_WORDS	32

/**
 * struct cls_case - rules, and the classifier built of them
 * @dims:	what they restrict, each in a word or half a word of its own
 * @num_dims:	number of @dims
 * @ranges:	rule by rule
 * @record:	by rule, once it is built
 * @num_rules:	number of rules
 * @max_rules:	room
 * @buf:	holds records and nodes
 * @root:	trees
 * @num_trees:	number of @root
 * @stats:	what was built
 */
struct cls_case {
	struct cls_dim dims[CLS_DIMS_MAX];
	uint32_t num_dims;
	struct cls_range *ranges;
	uint32_t *record;
	uint32_t num_rules;
	uint32_t max_rules;
	struct data_buf buf;
	uint32_t root[DATA_TREES_MAX];
	uint32_t num_trees;
	struct cls_stats stats;
};

/* struct cls_packet - what stands in for struct run_state */
struct cls_packet {
	uint32_t word[CLS_CASE_WORDS];
};

void cls_case_free(struct cls_case *c);
void cls_case_dim(struct cls_case *c, uint32_t word, uint8_t shift, uint8_t bits);
struct cls_range *cls_case_rule(struct cls_case *c);
int cls_case_build(struct cls_case *c);
const char *cls_case_verify(const struct cls_case *c);

uint32_t cls_case_max(const struct cls_case *c, uint32_t dim);
bool cls_case_matches(const struct cls_case *c, uint32_t rule,
		      const struct cls_packet *p);
int cls_case_look_up(const struct cls_case *c, const struct cls_packet *p,
		     uint32_t from_rule);

void cls_packet_set(const struct cls_case *c, struct cls_packet *p, uint32_t dim,
		    uint32_t value);
void cls_packet_random(const struct cls_case *c, struct rng *r,
		       struct cls_packet *p);
void cls_packet_near(const struct cls_case *c, struct rng *r, uint32_t rule,
		     struct cls_packet *p);

#endif /* UNIT_CLS_CASE_H */
