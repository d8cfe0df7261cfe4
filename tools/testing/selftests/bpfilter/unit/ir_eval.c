// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>

#include "ir_eval.h"

/**
 * struct playing - one packet on its way
 * @play:	what becomes of it
 * @turn:	how often it was changed
 * @out:	what it does
 * @broken:	it matched a rule that never matches
 */
struct playing {
	const struct packet_play *play;
	unsigned int turn;
	struct ir_outcome *out;
	bool broken;
};

/* What the kernel's own extensions are handed, and how they answer */
static uint8_t ask(struct eval_view *v, const struct ir_rule *rule,
		   enum packet_asked what, uint32_t index)
{
	const struct playing *p = v->ctx;

	if (v->pkt->is_ip6 && rule->no_thoff)
		packet_call(&p->out->calls, what, index, 0, v->kept_fragoff);
	else
		packet_call(&p->out->calls, what, index, v->at.thoff,
			    v->at.fragoff);
	return p->play->pkts->answers[index % PACKET_ANSWERS];
}

static unsigned int play_match(struct eval_view *v, const struct ir_rule *rule,
			       uint32_t index)
{
	static const unsigned int sets[] = {
		EVAL_FAILS, EVAL_HOLDS, EVAL_DROPS, EVAL_HOTDROPS,
	};

	uint8_t answer = ask(v, rule, PACKET_ASKED_MATCH, index);

	if (answer & PACKET_ANSWER_CHANGE)
		v->mark = packet_written_mark(index);
	return sets[answer & PACKET_ANSWER_MATCH];
}

static enum eval_went play_target(struct eval_view *v,
				  const struct ir_rule *rule)
{
	uint8_t answer = ask(v, rule, PACKET_ASKED_TARGET, rule->bridged);
	struct playing *p = v->ctx;

	if (!(answer & PACKET_ANSWER_GO_ON) ||
	    v->rs->bridged[rule->bridged].is_final)
		return EVAL_WENT_DROP;
	if (answer & PACKET_ANSWER_CHANGE && p->turn + 1 < p->play->num)
		eval_view_change(v, &p->play->pkts[++p->turn]);
	return EVAL_WENT_ON;
}

static unsigned int play_random(struct eval_view *v, uint32_t below)
{
	const struct playing *p = v->ctx;

	return (p->play->random & 0x7fffffff) < below ? EVAL_HOLDS : EVAL_FAILS;
}

/* All is known of these packets */
static unsigned int play_choose(struct eval_view *v, const struct ir_rule *rule,
				unsigned int set)
{
	abort();
}

static void play_count(struct eval_view *v, uint32_t rule)
{
	struct playing *p = v->ctx;

	p->broken |= v->rs->rules[rule].never;
	p->out->packets[rule]++;
	if (p->out->bytes)
		p->out->bytes[rule] += eval_packet_len(v);
	if (v->pkt->traced)
		packet_call(&p->out->calls, PACKET_ASKED_TRACE, rule, 0, 0);
}

static void play_mark(struct eval_view *v, const struct ir_rule *rule)
{
	const struct playing *p = v->ctx;

	packet_call(&p->out->calls, PACKET_ASKED_MARK, rule->mark_keep,
		    rule->mark_flip, 0);
}

static const struct eval_ops play_ops = {
	.match = play_match,
	.target = play_target,
	.random = play_random,
	.choose = play_choose,
	.count = play_count,
	.set_mark = play_mark,
};

/**
 * ir_play() - send a packet through a ruleset
 * @rs:		the ruleset
 * @hook:	the hook that it enters, one that the table has
 * @play:	the packet
 * @out:	filled, where not given
 *
 * Return: how the packet ends; EVAL_BROKEN also if it matched a rule of which a
 * pass says that it never matches.
 */
enum eval_verdict ir_play(const struct ir_ruleset *rs, int hook,
			  const struct packet_play *play,
			  struct ir_outcome *out)
{
	struct playing p = { .play = play, .out = out };
	struct eval_view view = { .rs = rs, .ops = &play_ops, .ctx = &p };
	enum eval_verdict verdict;

	out->calls.num = 0;
	if (bpfilter_eval(&view, hook, play->pkts, &verdict))
		abort();
	out->mark = view.mark;
	return p.broken ? EVAL_BROKEN : verdict;
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
enum eval_verdict ir_eval(const struct ir_ruleset *rs, int hook,
			  const struct packet *pkt, uint64_t *counters)
{
	const struct packet_play play = { pkt, 1, pkt->mark };
	struct ir_outcome out = { .packets = counters };

	return ir_play(rs, hook, &play, &out);
}
