// SPDX-License-Identifier: GPL-2.0
/*
 * A plan as text: for each hook a line per chain.
 */
#include <stdio.h>

#include "ir_build.h"
#include "plan.h"

static void dump_code(const struct plan_hook *ph, uint32_t chain, FILE *out)
{
	uint32_t func = ph->func_of[chain];

	if (func == PLAN_INLINE)
		fprintf(out, " code, copied to where it is jumped to");
	else if (func < ph->num_funcs && ph->funcs[func].num_segments)
		fprintf(out, " code in %u functions",
			ph->funcs[func].num_segments + 1);
	else if (func < ph->num_funcs)
		fprintf(out, " code");
}

static void dump_data(const struct data_made *made, FILE *out)
{
	fprintf(out, " data, %u records", made->records);
	if (made->trees)
		fprintf(out, ", %u trees", made->trees);
	fprintf(out, ", %u bytes", made->bytes);
}

static void dump_chain(const struct plan_hook *ph, const struct ir_chain *c,
		       uint32_t chain, const struct data_table *data, FILE *out)
{
	bool code = ph->func_of[chain] != PLAN_WALKED &&
		    ph->func_of[chain] != PLAN_UNREACHED;

	if (!code && !ph->data[chain])
		return;
	fprintf(out, "  %s:", c->name);
	if (code)
		dump_code(ph, chain, out);
	if (code && ph->data[chain])
		fputs(" and", out);
	if (ph->data[chain])
		dump_data(&data->chains[chain], out);
	fputc('\n', out);
}

/**
 * bpfilter_plan_dump() - print a plan
 * @plan:	plan
 * @rs:		its table
 * @data:	what bpfilter_gen() made of its data
 * @out:	where to
 */
void bpfilter_plan_dump(const struct plan *plan, const struct ir_ruleset *rs,
			const struct data_table *data, FILE *out)
{
	for (int hook = 0; hook < BPFILTER_NUMHOOKS; hook++) {
		const struct plan_hook *ph = &plan->hook[hook];

		if (!ph->num_funcs)
			continue;
		fprintf(out, "%s:\n", bpfilter_ir_hook_name(hook));
		for (uint32_t i = 0; i < rs->num_chains; i++)
			dump_chain(ph, &rs->chains[i], i, data, out);
	}
}
