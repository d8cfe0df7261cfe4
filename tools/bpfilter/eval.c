// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>

#include "eval.h"

/* Where a packet is: at rule @pc of a walk through @chain */
struct place {
	uint32_t chain;
	uint32_t pc;
};

/**
 * struct run - one packet on its way
 * @rs:		the ruleset
 * @hook:	the hook that it entered
 * @view:	what it looks like
 * @at:		where it is
 * @stack:	jumps to return to
 * @depth:	number of @stack
 * @verdict:	how it ended, once @done
 * @done:	it ended
 */
struct run {
	const struct ir_ruleset *rs;
	int hook;
	struct eval_view *view;
	struct place at;
	struct place *stack;
	uint32_t depth;
	enum eval_verdict verdict;
	bool done;
};

static void run_end(struct run *r, enum eval_verdict verdict)
{
	r->verdict = verdict;
	r->done = true;
}

static void run_enter(struct run *r, uint32_t chain)
{
	if (r->rs->chains[chain].dead)
		run_end(r, EVAL_BROKEN);
	r->at = (struct place) { chain, r->rs->chains[chain].first };
}

static void run_policy(struct run *r)
{
	uint32_t policy = r->rs->hook_underflow[r->hook];

	r->view->rule = policy;
	r->view->ops->count(r->view, policy);
	if (r->rs->rules[policy].dead)
		run_end(r, EVAL_BROKEN);
	else
		run_end(r, r->rs->rules[policy].action == IR_ACTION_ACCEPT);
}

static void run_target(struct run *r, const struct ir_rule *rule)
{
	switch (r->view->ops->target(r->view, rule)) {
	case EVAL_WENT_DROP:
		run_end(r, EVAL_DROP);
		break;
	case EVAL_WENT_ACCEPT:
		run_end(r, EVAL_ACCEPT);
		break;
	case EVAL_WENT_ON:
		if (r->view->dropping)
			run_end(r, EVAL_DROP);
		r->at.pc++;
		break;
	}
}

static void run_set_mark(struct run *r, const struct ir_rule *rule)
{
	struct eval_view *v = r->view;

	if (v->ops->set_mark)
		v->ops->set_mark(v, rule);
	v->mark = (v->mark & rule->mark_keep) ^ rule->mark_flip;
	if (!rule->mark_keep)
		v->unknown &= ~(1ULL << IR_FIELD_MARK);
	r->at.pc++;
}

static void run_action(struct run *r, const struct ir_rule *rule)
{
	switch (rule->action) {
	case IR_ACTION_ACCEPT:
		run_end(r, EVAL_ACCEPT);
		break;
	case IR_ACTION_DROP:
		run_end(r, EVAL_DROP);
		break;
	case IR_ACTION_RETURN:
		if (!r->depth) {
			run_policy(r);
			break;
		}
		r->at = r->stack[--r->depth];
		r->at.pc++;
		break;
	case IR_ACTION_JUMP:
		if (r->depth > r->rs->num_rules) {
			run_end(r, EVAL_BROKEN);
			break;
		}
		r->stack[r->depth++] = r->at;
		run_enter(r, rule->target_chain);
		break;
	case IR_ACTION_GOTO:
		run_enter(r, rule->target_chain);
		break;
	case IR_ACTION_CONTINUE:
		r->at.pc++;
		break;
	case IR_ACTION_BRIDGE:
		run_target(r, rule);
		break;
	case IR_ACTION_SET_MARK:
		run_set_mark(r, rule);
		break;
	}
}

static void run_held(struct run *r, const struct ir_rule *rule)
{
	r->view->ops->count(r->view, r->at.pc);
	if (rule->dead || rule->never)
		run_end(r, EVAL_BROKEN);
	else if (r->view->dropping && rule->action != IR_ACTION_BRIDGE)
		run_end(r, EVAL_DROP);
	else
		run_action(r, rule);
}

static unsigned int run_rule(struct run *r, const struct ir_rule *rule)
{
	unsigned int set = eval_view_rule(r->view, rule);

	if (set & (set - 1))
		set &= r->view->ops->choose(r->view, rule, set);
	return set;
}

static void run_step(struct run *r)
{
	const struct ir_rule *rule;

	if (r->at.pc >= r->rs->chains[r->at.chain].end) {
		run_end(r, EVAL_BROKEN);
		return;
	}
	r->view->rule = r->at.pc;
	rule = &r->rs->rules[r->at.pc];
	switch (run_rule(r, rule)) {
	case EVAL_FAILS:
		r->at.pc++;
		break;
	case EVAL_HOLDS:
		run_held(r, rule);
		break;
	default:
		run_end(r, rule->dead ? EVAL_BROKEN : EVAL_DROP);
		break;
	}
}

/**
 * bpfilter_eval() - send a packet through a table
 * @view:	with the ruleset, and who is asked; the rest is filled: it tells the
 *		mark in the end
 * @hook:	the hook that it enters, one that the table has
 * @pkt:	the packet
 * @verdict:	how it ends
 *
 * Return: 0 or -ENOMEM.
 */
int bpfilter_eval(struct eval_view *view, int hook, const struct packet *pkt,
		  enum eval_verdict *verdict)
{
	struct run r = { .rs = view->rs, .hook = hook, .view = view };

	eval_view_open(view, pkt);
	r.stack = calloc((size_t)r.rs->num_rules + 2, sizeof(*r.stack));
	if (!r.stack)
		return -ENOMEM;
	run_enter(&r, r.rs->hook_chain[hook]);
	while (!r.done)
		run_step(&r);
	free(r.stack);
	*verdict = r.verdict;
	return 0;
}
