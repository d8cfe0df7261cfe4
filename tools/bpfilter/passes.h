/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_PASSES_H
#define BPFILTER_PASSES_H

#include "ir.h"
#include "refuse.h"

/**
 * struct pass - one step to simpler rules
 * @name:	what switches it off
 * @run:	changes the ruleset. Returns 0, or a negative errno after noting
 *		the refusal
 *
 * No pass may change a verdict or a counter, whatever the packet. A pass leaves
 * rules, chains and matches where they are: it removes or replaces tests within
 * a match, moves the end of chains, and marks what needs no code and what never
 * matches.
 */
struct pass {
	const char *name;
	int (*run)(struct ir_ruleset *rs, struct refusal *why);
};

extern const struct pass bpfilter_pass_hook;
extern const struct pass bpfilter_pass_simplify;
extern const struct pass bpfilter_pass_shadow;
extern const struct pass bpfilter_pass_reach;

#define PASS_SKIP_ALL	UINT32_MAX

uint32_t bpfilter_pass_bit(const char *name);
int bpfilter_passes_run_but(struct ir_ruleset *rs, uint32_t skip,
			    struct refusal *why);

#endif /* BPFILTER_PASSES_H */
