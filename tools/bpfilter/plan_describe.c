// SPDX-License-Identifier: GPL-2.0
/* What a plan made of chains and rules, for those who print it */
#include <errno.h>
#include <stdlib.h>
#include <linux/netfilter/x_tables.h>

#include "data.h"
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

static uint32_t next_record(const struct data_table *data, uint32_t off)
{
	const struct data_record *rec = data_at(&data->buf, off);
	const struct data_shape *shape = data_at(&data->buf,
						 data->shapes + rec->shape);

	return off + shape->size * sizeof(uint32_t);
}

static void chain_records(const struct data_table *data,
			  const struct data_made *made, uint32_t *records)
{
	const struct data_chain *dc = data_at(&data->buf, made->off);
	uint32_t off = dc->first;

	for (uint32_t i = 0; i < made->records; i++) {
		const struct data_record *rec = data_at(&data->buf, off);

		records[rec->counter / sizeof(struct xt_counters)] = off;
		off = next_record(data, off);
	}
}

/**
 * bpfilter_plan_records() - which record each rule has
 * @rs:		the table
 * @data:	what bpfilter_gen() made of its data
 * @records:	filled with an array, by rule, that the caller frees: an offset in
 *		the data map, 0 for none
 *
 * Return: 0 or -ENOMEM.
 */
int bpfilter_plan_records(const struct ir_ruleset *rs,
			  const struct data_table *data, uint32_t **records)
{
	*records = calloc((size_t)rs->num_rules + 1, sizeof(**records));
	if (!*records)
		return -ENOMEM;
	for (uint32_t c = 0; data->chains && c < rs->num_chains; c++)
		if (data->chains[c].off)
			chain_records(data, &data->chains[c], *records);
	return 0;
}

static const struct gen_func *func_of_rule(const struct gen_prog *prog,
					   uint32_t rule)
{
	for (uint32_t i = 0; i < prog->num_funcs; i++)
		if (prog->funcs[i].first <= rule && rule < prog->funcs[i].end)
			return &prog->funcs[i];
	return NULL;
}

/**
 * bpfilter_plan_rule() - where a rule went
 * @rs:		the table
 * @plan:	its plan
 * @img:	what bpfilter_gen() made of it
 * @records:	from bpfilter_plan_records()
 * @hook:	hook
 * @rule:	index of the rule
 * @out:	filled
 *
 * Return: false if packets of this hook do not get to it, or it needs no code
 * there.
 */
bool bpfilter_plan_rule(const struct ir_ruleset *rs, const struct plan *plan,
			const struct gen_image *img, const uint32_t *records,
			unsigned int hook, uint32_t rule,
			struct plan_rule_place *out)
{
	const struct plan_hook *ph = &plan->hook[hook];
	int32_t chain = rs->rules[rule].chain;

	*out = (struct plan_rule_place) {};
	if (!ph->num_funcs || chain < 0 || rs->rules[rule].dead)
		return false;
	out->func = func_of_rule(&img->prog[hook], rule);
	out->inlined = ph->func_of[chain] == PLAN_INLINE;
	if (ph->data[chain] && records[rule]) {
		out->data = &img->data.chains[chain];
		out->record = records[rule];
	}
	return out->func || out->inlined || out->data;
}
