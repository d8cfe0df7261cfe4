// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>

#include "shake_plan.h"

static void inline_some(struct rng *r, const struct ir_ruleset *rs,
			struct plan_hook *ph)
{
	for (uint32_t i = 0; i < rs->num_chains; i++)
		if (ph->func_of[i] && ph->func_of[i] < ph->num_funcs &&
		    rng_one_in(r, 2))
			ph->func_of[i] = PLAN_INLINE;
}

/* Put a segment with some of its rules behind each function that has none */
static void cut_some(struct rng *r, const struct ir_ruleset *rs,
		     struct plan_hook *ph)
{
	struct plan_func *funcs = calloc(2 * ph->num_funcs, sizeof(*funcs));
	uint32_t num = 0;

	for (uint32_t i = 0; i < ph->num_funcs; i++) {
		struct plan_func f = ph->funcs[i];
		uint32_t len = 0;

		if (f.end > f.first && !f.num_segments && !f.is_segment)
			len = rng_below(r, f.end - f.first);
		if (ph->func_of[f.chain] == i)
			ph->func_of[f.chain] = num;
		f.first += len;
		f.num_segments += len > 0;
		funcs[num++] = f;
		if (len)
			funcs[num++] = (struct plan_func) {
				.chain = f.chain, .first = f.first - len,
				.end = f.first, .is_segment = true,
			};
	}
	free(ph->funcs);
	ph->funcs = funcs;
	ph->num_funcs = num;
}

/**
 * shake_plan() - make a plan that only a large ruleset would have
 * @r:		source of numbers
 * @rs:		the ruleset
 * @plan:	its plan
 *
 * Some chains become inline, all others are cut: programs may need more frames
 * then than the kernel has.
 */
void shake_plan(struct rng *r, const struct ir_ruleset *rs, struct plan *plan)
{
	for (int hook = 0; hook < BPFILTER_NUMHOOKS; hook++) {
		if (!plan->hook[hook].num_funcs)
			continue;
		inline_some(r, rs, &plan->hook[hook]);
		cut_some(r, rs, &plan->hook[hook]);
	}
}
