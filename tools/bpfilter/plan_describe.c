// SPDX-License-Identifier: GPL-2.0
/* What a plan made of a chain, for those who print it */
#include "plan.h"

/**
 * bpfilter_plan_describe() - what became of a chain at a hook
 * @plan:	plan
 * @data:	what bpfilter_gen() made of its data
 * @hook:	hook
 * @chain:	index of the chain
 * @out:	filled
 *
 * Return: false if no packet gets to the chain from this hook
 */
bool bpfilter_plan_describe(const struct plan *plan,
			    const struct data_table *data, unsigned int hook,
			    uint32_t chain, struct plan_place *out)
{
	const struct plan_hook *ph = &plan->hook[hook];
	uint32_t func;

	*out = (struct plan_place) {};
	if (!ph->num_funcs)
		return false;
	func = ph->func_of[chain];
	out->inlined = func == PLAN_INLINE;
	if (func < ph->num_funcs)
		out->functions = ph->funcs[func].num_segments + 1;
	if (ph->data[chain])
		out->data = &data->chains[chain];
	return out->inlined || out->functions || out->data;
}
