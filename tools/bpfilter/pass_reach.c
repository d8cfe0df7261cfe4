// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>

#include "ir_build.h"
#include "passes.h"

/*
 * Rules and chains that no packet gets to.
 *
 * Invariant: what is marked dead is not on any way from a hook, where a rule
 * leads on to the next unless it always matches and is final, and, if it may
 * match, to the chain that it jumps or goes to. A target of the kernel's own may go
 * on. A hook's policy is also reached from a return or goto in the hook's own
 * chain.
 */

/**
 * struct reach - state of the search
 * @rs:		the ruleset
 * @rule:	which rules are reached; the ways on from one are always the
 *		same, so a walk ends where another was before
 * @chain:	which chains are on @todo, or were
 * @todo:	chains to walk
 * @num:	number of @todo
 */
struct reach {
	struct ir_ruleset *rs;
	bool *rule;
	bool *chain;
	uint32_t *todo;
	uint32_t num;
};

static void reach_chain(struct reach *r, uint32_t chain)
{
	if (r->chain[chain])
		return;
	r->chain[chain] = true;
	r->todo[r->num++] = chain;
}

static void reach_rule(struct reach *r, const struct ir_rule *rule)
{
	if (rule->dead || rule->never)
		return;
	if (rule->action == IR_ACTION_JUMP || rule->action == IR_ACTION_GOTO)
		reach_chain(r, rule->target_chain);
}

static void walk_chain(struct reach *r, const struct ir_chain *chain)
{
	for (uint32_t i = chain->first; i < chain->end && !r->rule[i]; i++) {
		r->rule[i] = true;
		reach_rule(r, &r->rs->rules[i]);
	}
}

static bool leads_to_policy(const struct ir_rule *rule)
{
	return !rule->dead && !rule->never && (rule->action == IR_ACTION_RETURN ||
			       rule->action == IR_ACTION_GOTO);
}

static void reach_policy(struct reach *r, int hook)
{
	const struct ir_ruleset *rs = r->rs;
	const struct ir_chain *chain;

	if (rs->hook_chain[hook] < 0)
		return;
	chain = &rs->chains[rs->hook_chain[hook]];
	for (uint32_t i = chain->first; i < chain->end; i++)
		if (leads_to_policy(&rs->rules[i]))
			r->rule[rs->hook_underflow[hook]] = true;
}

/* A chain is walked up to its end, so this rule is behind it or in no such chain */
static void reach_not(const struct reach *r, struct ir_rule *rule)
{
	const struct ir_chain *chain = NULL;

	rule->dead = true;
	if (rule->chain >= 0)
		chain = &r->rs->chains[rule->chain];
	if (chain && r->chain[rule->chain] && !rule->is_head)
		bpfilter_ir_never(rule, IR_NEVER_BEHIND, chain->end - 1);
	else
		bpfilter_ir_never(rule, IR_NEVER_CHAIN, 0);
}

static void reach_all(struct reach *r)
{
	struct ir_ruleset *rs = r->rs;

	for (int h = 0; h < IR_NUMHOOKS; h++)
		if (rs->hook_chain[h] >= 0)
			reach_chain(r, rs->hook_chain[h]);
	while (r->num)
		walk_chain(r, &rs->chains[r->todo[--r->num]]);
	for (int h = 0; h < IR_NUMHOOKS; h++)
		reach_policy(r, h);

	for (uint32_t i = 0; i < rs->num_rules; i++)
		if (!r->rule[i])
			reach_not(r, &rs->rules[i]);
	for (uint32_t c = 0; c < rs->num_chains; c++)
		rs->chains[c].dead = !r->chain[c];
}

static int reach_run(struct ir_ruleset *rs, struct refusal *why)
{
	struct reach r = { .rs = rs };
	int ret = 0;

	r.rule = calloc((size_t)rs->num_rules + 1, sizeof(*r.rule));
	r.chain = calloc((size_t)rs->num_chains + 1, sizeof(*r.chain));
	r.todo = calloc((size_t)rs->num_chains + 1, sizeof(*r.todo));
	if (r.rule && r.chain && r.todo && !bpfilter_ir_set_ends(rs))
		reach_all(&r);
	else
		ret = bpfilter_refuse(why, ENOMEM, false, NULL,
				      "out of memory");
	free(r.todo);
	free(r.chain);
	free(r.rule);
	return ret;
}

const struct pass bpfilter_pass_reach = {
	.name = "reach",
	.run = reach_run,
};
