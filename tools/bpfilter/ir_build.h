/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_IR_BUILD_H
#define BPFILTER_IR_BUILD_H

#include "ir.h"

/* What the blob reader and the passes share to make and change a ruleset */

#define IR_NUMHOOKS	5

uint64_t bpfilter_ir_field_max(enum ir_field field);

struct ir_ruleset *bpfilter_ir_new(void);
struct ir_rule *bpfilter_ir_rule_add(struct ir_ruleset *rs);
struct ir_chain *bpfilter_ir_chain_add(struct ir_ruleset *rs);
struct ir_match *bpfilter_ir_match_add(struct ir_ruleset *rs);
int bpfilter_ir_test_add(struct ir_ruleset *rs, const struct ir_test *test);
int bpfilter_ir_range_add(struct ir_ruleset *rs, const struct ir_range *range);
int bpfilter_ir_bridged_add(struct ir_ruleset *rs,
			    const struct ir_bridged *bridged);

void bpfilter_ir_never(struct ir_rule *rule, enum ir_never why, uint32_t by);
int bpfilter_ir_rule_kill(struct ir_ruleset *rs, struct ir_rule *rule);
bool bpfilter_ir_rule_always(const struct ir_ruleset *rs,
			     const struct ir_rule *rule);
bool bpfilter_ir_rule_ends(const struct ir_ruleset *rs,
			   const struct ir_rule *rule);
bool bpfilter_ir_test_matters(const struct ir_test *t);
bool bpfilter_ir_test_may_end(const struct ir_test *t);
bool bpfilter_ir_goes_on(const struct ir_ruleset *rs,
			 const struct ir_rule *rule);
int bpfilter_ir_set_ends(struct ir_ruleset *rs);

#endif /* BPFILTER_IR_BUILD_H */
