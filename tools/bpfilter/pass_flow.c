// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <netinet/in.h>
#include <linux/netfilter.h>

#include "ir_build.h"
#include "match.h"
#include "pass_flow.h"

/*
 * A chain is known when all chains are that it leads to. They are found in that
 * order by a walk with a stack of its own; a way in circles, which only rules
 * that no packet gets to can have, is met with the worst.
 */

enum state {
	STATE_NEW,
	STATE_ENTERED,
	STATE_KNOWN,
};

/**
 * struct place - a chain that is being walked
 * @chain:	which
 * @next:	rule to look at next
 */
struct place {
	uint32_t chain;
	uint32_t next;
};

/**
 * struct walk - state of the search
 * @rs:		the ruleset
 * @flows:	what is known
 * @state:	by chain
 * @stack:	chains on the way
 * @depth:	number of @stack
 */
struct walk {
	const struct ir_ruleset *rs;
	struct flow *flows;
	enum state *state;
	struct place *stack;
	uint32_t depth;
};

static bool leads_to_chain(const struct ir_rule *rule)
{
	return rule->action == IR_ACTION_JUMP ||
	       rule->action == IR_ACTION_GOTO;
}

static const struct target_desc *bridged_desc(const struct ir_ruleset *rs,
					      const struct ir_rule *rule)
{
	const struct ir_bridged *b = &rs->bridged[rule->bridged];

	return bpfilter_target_find(b->name, b->revision, rs->family);
}

/**
 * bpfilter_flow_changes() - what a rule itself may change for those behind it
 * @rs:		the ruleset
 * @rule:	one of its rules
 *
 * Of a match of the kernel's own that is not known to write to packets it is
 * taken that it may set the mark, and what is known of its targets leaves out
 * the mark.
 *
 * Return: mask of FLOW_*.
 */
uint8_t bpfilter_flow_changes(const struct ir_ruleset *rs,
			      const struct ir_rule *rule)
{
	uint8_t changes = bpfilter_rule_asks(rs, rule) ? FLOW_MARK : 0;
	const struct target_desc *desc;

	if (bpfilter_rule_writes(rs, rule))
		return FLOW_ALL | FLOW_MARK;
	if (rule->action == IR_ACTION_SET_MARK)
		changes |= FLOW_MARK;
	if (rule->action != IR_ACTION_BRIDGE ||
	    rs->bridged[rule->bridged].is_final)
		return changes;
	desc = bridged_desc(rs, rule);
	if (desc && desc->effect == TARGET_EFFECT_ENDS)
		return changes;
	if (!desc || desc->effect == TARGET_EFFECT_ANY)
		return FLOW_ALL | FLOW_MARK;
	return changes | FLOW_MARK;
}

/**
 * bpfilter_flow_ends() - whether a packet that matches is kept from what follows
 * @rs:		the ruleset
 * @flows:	by chain
 * @rule:	one of its rules
 *
 * Return: true if it does not get to the next rule of the chain.
 */
bool bpfilter_flow_ends(const struct ir_ruleset *rs, const struct flow *flows,
			const struct ir_rule *rule)
{
	const struct target_desc *desc;

	switch (rule->action) {
	case IR_ACTION_ACCEPT:
	case IR_ACTION_DROP:
	case IR_ACTION_RETURN:
	case IR_ACTION_GOTO:
		return true;
	case IR_ACTION_JUMP:
		return !flows[rule->target_chain].returns;
	case IR_ACTION_BRIDGE:
		desc = bridged_desc(rs, rule);
		return rs->bridged[rule->bridged].is_final ||
		       (desc && desc->effect == TARGET_EFFECT_ENDS);
	case IR_ACTION_CONTINUE:
	case IR_ACTION_SET_MARK:
		return false;
	}
	return false;
}

static void add_rule(struct walk *w, struct flow *flow,
		     const struct ir_rule *rule)
{
	flow->changes |= bpfilter_flow_changes(w->rs, rule);
	if (rule->action == IR_ACTION_RETURN)
		flow->returns = true;
	if (!leads_to_chain(rule))
		return;
	flow->changes |= w->flows[rule->target_chain].changes;
	if (rule->action == IR_ACTION_GOTO)
		flow->returns |= w->flows[rule->target_chain].returns;
}

static void enter(struct walk *w, uint32_t chain)
{
	w->state[chain] = STATE_ENTERED;
	w->stack[w->depth++] = (struct place) {
		.chain = chain,
		.next = w->rs->chains[chain].first,
	};
}

/* Chains that are entered are not known yet: whoever asks meets a circle */
static void leave(struct walk *w)
{
	uint32_t chain = w->stack[--w->depth].chain;
	const struct ir_chain *c = &w->rs->chains[chain];
	struct flow sum = {};
	bool ends = false;

	for (uint32_t i = c->first; i < c->end && !ends; i++) {
		const struct ir_rule *rule = &w->rs->rules[i];

		if (rule->dead)
			continue;
		add_rule(w, &sum, rule);
		ends = bpfilter_flow_ends(w->rs, w->flows, rule) &&
		       bpfilter_ir_rule_always(w->rs, rule);
	}
	w->flows[chain].changes = sum.changes;
	w->flows[chain].returns = sum.returns || !ends;
	w->state[chain] = STATE_KNOWN;
}

/* To the next chain that is not known, or out of this one */
static void step(struct walk *w)
{
	struct place *at = &w->stack[w->depth - 1];
	const struct ir_chain *c = &w->rs->chains[at->chain];

	while (at->next < c->end) {
		const struct ir_rule *rule = &w->rs->rules[at->next++];

		if (!rule->dead && leads_to_chain(rule) &&
		    w->state[rule->target_chain] == STATE_NEW) {
			enter(w, rule->target_chain);
			return;
		}
	}
	leave(w);
}

static void walk_all(struct walk *w)
{
	const struct ir_ruleset *rs = w->rs;

	for (uint32_t c = 0; c < rs->num_chains; c++) {
		w->flows[c].changes = FLOW_ALL | FLOW_MARK;
		w->flows[c].returns = true;
	}
	for (uint32_t c = 0; c < rs->num_chains; c++) {
		if (w->state[c] != STATE_NEW)
			continue;
		enter(w, c);
		while (w->depth)
			step(w);
	}
}

static void count_refs(const struct ir_ruleset *rs, struct flow *flows)
{
	for (uint32_t i = 0; i < rs->num_rules; i++) {
		const struct ir_rule *rule = &rs->rules[i];

		if (rule->dead || !leads_to_chain(rule))
			continue;
		flows[rule->target_chain].live_refs++;
		flows[rule->target_chain].caller = i;
	}
}

/**
 * bpfilter_flow_make() - find out what all chains do to packets
 * @rs:		the ruleset, the ends of its chains set
 * @flows:	filled with an array, by chain, that the caller frees
 *
 * Each rule is looked at three times, if no two chains share rules.
 *
 * Return: 0 or -ENOMEM.
 */
int bpfilter_flow_make(const struct ir_ruleset *rs, struct flow **flows)
{
	struct walk w = { .rs = rs };
	size_t num = (size_t)rs->num_chains + 1;

	w.flows = calloc(num, sizeof(*w.flows));
	w.state = calloc(num, sizeof(*w.state));
	w.stack = calloc(num, sizeof(*w.stack));
	*flows = w.flows;
	if (w.flows && w.state && w.stack) {
		walk_all(&w);
		count_refs(rs, w.flows);
	}
	free(w.stack);
	free(w.state);
	return w.flows && w.state && w.stack ? 0 : -ENOMEM;
}
