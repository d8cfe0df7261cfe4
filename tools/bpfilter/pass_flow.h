/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_PASS_FLOW_H
#define BPFILTER_PASS_FLOW_H

#include "ir.h"

/* What rules and chains do to packets besides testing them */

/* What of a packet may be another behind a rule */
#define FLOW_MARK	1	/* its mark */
#define FLOW_ALL	2	/* anything */

/**
 * struct flow - what a chain does to packets that enter it
 * @changes:	mask of FLOW_*, what may be changed when it is left
 * @returns:	packets may come back from it, as far as is known
 * @live_refs:	rules that are not dead and jump or go to it
 * @caller:	with one such rule its index
 */
struct flow {
	uint8_t changes;
	bool returns;
	uint32_t live_refs;
	uint32_t caller;
};

int bpfilter_flow_make(const struct ir_ruleset *rs, struct flow **flows);
uint8_t bpfilter_flow_changes(const struct ir_ruleset *rs,
			      const struct ir_rule *rule);
bool bpfilter_flow_ends(const struct ir_ruleset *rs, const struct flow *flows,
			const struct ir_rule *rule);

#endif /* BPFILTER_PASS_FLOW_H */
