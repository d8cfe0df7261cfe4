// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>

#include "ir_view.h"

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
 * @out:	what it does
 * @at:		where it is
 * @stack:	jumps to return to
 * @depth:	number of @stack
 * @verdict:	how it ended, once @done
 * @done:	it ended
 */
struct run {
	const struct ir_ruleset *rs;
	int hook;
	struct ir_view view;
	struct ir_outcome *out;
	struct place at;
	struct place *stack;
	uint32_t depth;
	enum ir_verdict verdict;
	bool done;
};

static void run_end(struct run *r, enum ir_verdict verdict)
{
	r->verdict = verdict;
	r->done = true;
}

static void run_enter(struct run *r, uint32_t chain)
{
	if (r->rs->chains[chain].dead)
		run_end(r, IR_VERDICT_BROKEN);
	r->at = (struct place) { chain, r->rs->chains[chain].first };
}

/* Count, and tell if it is to be told */
static void run_count(struct run *r, uint32_t rule)
{
	r->out->packets[rule]++;
	if (r->out->bytes)
		r->out->bytes[rule] += r->view.len;
	if (r->view.pkt->traced)
		packet_call(&r->out->calls, PACKET_ASKED_TRACE, rule, 0, 0);
}

static void run_policy(struct run *r)
{
	uint32_t policy = r->rs->hook_underflow[r->hook];

	run_count(r, policy);
	if (r->rs->rules[policy].dead)
		run_end(r, IR_VERDICT_BROKEN);
	else
		run_end(r, r->rs->rules[policy].action == IR_ACTION_ACCEPT);
}

static void run_target(struct run *r, const struct ir_rule *rule)
{
	bool is_final = r->rs->bridged[rule->bridged].is_final;
	uint8_t answer = ir_view_ask(&r->view, rule, PACKET_ASKED_TARGET,
				     rule->bridged);

	if (!(answer & PACKET_ANSWER_GO_ON) || is_final) {
		run_end(r, IR_VERDICT_DROP);
		return;
	}
	if (answer & PACKET_ANSWER_CHANGE &&
	    r->view.turn + 1 < r->view.play->num) {
		r->view.turn++;
		ir_view_turn(&r->view);
	}
	if (r->view.dropping)
		run_end(r, IR_VERDICT_DROP);
	r->at.pc++;
}

static void run_set_mark(struct run *r, const struct ir_rule *rule)
{
	struct ir_view *v = &r->view;

	packet_call(&r->out->calls, PACKET_ASKED_MARK, rule->mark_keep,
		    rule->mark_flip, 0);
	v->mark = (v->mark & rule->mark_keep) ^ rule->mark_flip;
	r->at.pc++;
}

static void run_action(struct run *r, const struct ir_rule *rule)
{
	switch (rule->action) {
	case IR_ACTION_ACCEPT:
		run_end(r, IR_VERDICT_ACCEPT);
		break;
	case IR_ACTION_DROP:
		run_end(r, IR_VERDICT_DROP);
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
			run_end(r, IR_VERDICT_BROKEN);
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
	run_count(r, r->at.pc);
	if (rule->dead || rule->never)
		run_end(r, IR_VERDICT_BROKEN);
	else if (r->view.dropping && rule->action != IR_ACTION_BRIDGE)
		run_end(r, IR_VERDICT_DROP);
	else
		run_action(r, rule);
}

static void run_step(struct run *r)
{
	const struct ir_rule *rule;

	if (r->at.pc >= r->rs->chains[r->at.chain].end) {
		run_end(r, IR_VERDICT_BROKEN);
		return;
	}
	rule = &r->rs->rules[r->at.pc];
	switch (ir_view_rule(&r->view, rule)) {
	case TEST_FAILS:
		r->at.pc++;
		break;
	case TEST_DROPS:
		run_end(r, rule->dead ? IR_VERDICT_BROKEN : IR_VERDICT_DROP);
		break;
	case TEST_HOLDS:
		run_held(r, rule);
		break;
	}
}

/**
 * ir_play() - send a packet through a ruleset
 * @rs:		the ruleset
 * @hook:	the hook that it enters, one that the table has
 * @play:	the packet
 * @out:	filled, where not given
 *
 * Return: how the packet ends.
 */
enum ir_verdict ir_play(const struct ir_ruleset *rs, int hook,
			const struct packet_play *play,
			struct ir_outcome *out)
{
	struct run r = {
		.rs = rs, .hook = hook, .out = out,
		.view = { .rs = rs, .play = play, .out = out },
	};

	out->calls.num = 0;
	ir_view_turn(&r.view);
	r.stack = calloc((size_t)rs->num_rules + 2, sizeof(*r.stack));
	if (!r.stack)
		abort();
	run_enter(&r, rs->hook_chain[hook]);
	while (!r.done)
		run_step(&r);
	free(r.stack);
	out->mark = r.view.mark;
	return r.verdict;
}

/**
 * ir_eval() - send a packet through a ruleset, for its verdict and counters
 * @rs:		the ruleset
 * @hook:	the hook that it enters, one that the table has
 * @pkt:	the packet
 * @counters:	one for each rule; those that count the packet are incremented
 *
 * Return: how the packet ends.
 */
enum ir_verdict ir_eval(const struct ir_ruleset *rs, int hook,
			const struct packet *pkt, uint64_t *counters)
{
	const struct packet_play play = { pkt, 1, pkt->mark };
	struct ir_outcome out = { .packets = counters };

	return ir_play(rs, hook, &play, &out);
}
