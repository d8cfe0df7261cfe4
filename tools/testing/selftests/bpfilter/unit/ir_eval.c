// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/netfilter/xt_conntrack.h>

#include "ir_eval.h"

#define L4_MIN_TCP	20
#define L4_MIN_UDP	8
#define L4_MIN_ICMP	8

/* Each test holds, does not, or drops the packet */
enum outcome {
	TEST_FAILS,
	TEST_HOLDS,
	TEST_DROPS,
};

static uint16_t l4_u16(const struct packet *pkt, unsigned int off)
{
	return pkt->l4[off] << 8 | pkt->l4[off + 1];
}

static uint64_t ct_state(const struct packet *pkt)
{
	uint64_t state;

	if (!pkt->conn)
		return pkt->untracked ? XT_CONNTRACK_STATE_UNTRACKED :
					XT_CONNTRACK_STATE_INVALID;
	state = XT_CONNTRACK_STATE_BIT(pkt->ctinfo);
	if (pkt->status & IPS_SRC_NAT)
		state |= XT_CONNTRACK_STATE_SNAT;
	if (pkt->status & IPS_DST_NAT)
		state |= XT_CONNTRACK_STATE_DNAT;
	return state;
}

static uint64_t field_value(const struct packet *pkt, enum ir_field field)
{
	switch (field) {
	case IR_FIELD_IP_SADDR:
		return pkt->saddr;
	case IR_FIELD_IP_DADDR:
		return pkt->daddr;
	case IR_FIELD_IP_PROTO:
		return pkt->proto;
	case IR_FIELD_IP_FRAGOFF:
		return pkt->fragoff;
	case IR_FIELD_L4_SPORT:
	case IR_FIELD_ICMP_TYPECODE:
		return l4_u16(pkt, 0);
	case IR_FIELD_L4_DPORT:
		return l4_u16(pkt, 2);
	case IR_FIELD_TCP_FLAGS:
		return pkt->l4[13];
	case IR_FIELD_CT_STATE:
		return ct_state(pkt);
	case IR_FIELD_CT_STATUS:
		return pkt->status & 0xffff;
	case IR_FIELD_CT_REPLY:
		return pkt->ctinfo >= IP_CT_IS_REPLY;
	case IR_FIELD_CT_PROTO:
		return pkt->ct_proto;
	case IR_FIELD_CT_ORIGSRC:
		return pkt->orig.src;
	case IR_FIELD_CT_ORIGDST:
		return pkt->orig.dst;
	case IR_FIELD_CT_REPLSRC:
		return pkt->repl.src;
	case IR_FIELD_CT_REPLDST:
		return pkt->repl.dst;
	case IR_FIELD_CT_ORIGSRC_PORT:
		return pkt->orig.sport;
	case IR_FIELD_CT_ORIGDST_PORT:
		return pkt->orig.dport;
	case IR_FIELD_CT_REPLSRC_PORT:
		return pkt->repl.sport;
	case IR_FIELD_CT_REPLDST_PORT:
		return pkt->repl.dport;
	case IR_FIELD_CT_EXPIRES:
		return pkt->expires;
	case IR_FIELD_IFACE_IN:
	case IR_FIELD_IFACE_OUT:
	case IR_FIELD_TCP_OPTION:
	case IR_FIELD_COUNT:
		break;
	}
	abort();
}

static bool bytes_hold(const struct packet *pkt, const struct ir_test *t)
{
	const char *name = t->field == IR_FIELD_IFACE_IN ? pkt->in : pkt->out;

	for (int i = 0; i < IR_BYTES_MAX; i++)
		if (((uint8_t)name[i] & t->bytes_mask[i]) != t->bytes[i])
			return false;
	return true;
}

static enum outcome option_present(const struct packet *pkt,
				   const struct ir_test *t)
{
	unsigned int end = (pkt->l4[12] >> 4) * 4;
	unsigned int i = L4_MIN_TCP;

	if (end < L4_MIN_TCP)
		return TEST_DROPS;
	if (end > L4_MIN_TCP && pkt->l4_len < end)
		return TEST_DROPS;
	while (i < end) {
		if (pkt->l4[i] == t->value)
			return !t->invert;
		if (pkt->l4[i] < 2 || i == end - 1 || !pkt->l4[i + 1])
			i++;
		else
			i += pkt->l4[i + 1];
	}
	return t->invert;
}

static enum outcome header_readable(const struct packet *pkt,
				    enum ir_header header)
{
	static const unsigned int min[] = {
		[IR_HEADER_TCP] = L4_MIN_TCP,
		[IR_HEADER_UDP] = L4_MIN_UDP,
		[IR_HEADER_ICMP] = L4_MIN_ICMP,
	};

	if (header == IR_HEADER_TCP && pkt->fragoff == 1)
		return TEST_DROPS;
	if (pkt->fragoff)
		return TEST_FAILS;
	return pkt->l4_len < min[header] ? TEST_DROPS : TEST_HOLDS;
}

static enum outcome test_eval(const struct packet *pkt,
			      const struct ir_test *t)
{
	uint64_t v;

	switch (t->kind) {
	case IR_TEST_MASKED:
		v = field_value(pkt, t->field);
		return ((v & t->mask) == t->value) != t->invert;
	case IR_TEST_BYTES:
		return bytes_hold(pkt, t) != t->invert;
	case IR_TEST_RANGE:
		v = field_value(pkt, t->field);
		return (t->lo <= v && v <= t->hi) != t->invert;
	case IR_TEST_ANY_BIT:
		v = field_value(pkt, t->field);
		return !!(v & t->mask) != t->invert;
	case IR_TEST_PRESENT:
		return option_present(pkt, t);
	case IR_TEST_HEADER:
		return header_readable(pkt, t->header);
	case IR_TEST_CONN:
		return pkt->conn;
	case IR_TEST_CONST:
		return !!t->value != t->invert;
	}
	abort();
}

static enum outcome match_eval(const struct ir_ruleset *rs,
			       const struct ir_match *m,
			       const struct packet *pkt)
{
	for (uint32_t i = 0; i < m->num; i++) {
		const struct ir_test *t = &rs->tests[m->first + i];
		enum outcome out = test_eval(pkt, t);

		if (t->kind == IR_TEST_CONN && out == TEST_FAILS)
			return t->value;
		if (out != TEST_HOLDS)
			return out;
	}
	return TEST_HOLDS;
}

static enum outcome rule_eval(const struct ir_ruleset *rs,
			      const struct ir_rule *rule,
			      const struct packet *pkt)
{
	for (uint32_t m = 0; m < rule->num_matches; m++) {
		enum outcome out =
			match_eval(rs, &rs->matches[rule->first_match + m],
				   pkt);

		if (out != TEST_HOLDS)
			return out;
	}
	return TEST_HOLDS;
}

/* Where a packet is: at rule @pc of a walk through @chain */
struct place {
	uint32_t chain;
	uint32_t pc;
};

/**
 * struct run - one packet on its way
 * @rs:		the ruleset
 * @hook:	the hook that it entered
 * @at:		where it is
 * @stack:	jumps to return to
 * @depth:	number of @stack
 * @verdict:	how it ended, once @done
 * @done:	it ended
 */
struct run {
	const struct ir_ruleset *rs;
	int hook;
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

static void run_policy(struct run *r, uint64_t *counters)
{
	uint32_t policy = r->rs->hook_underflow[r->hook];

	counters[policy]++;
	if (r->rs->rules[policy].dead)
		run_end(r, IR_VERDICT_BROKEN);
	else
		run_end(r, r->rs->rules[policy].action == IR_ACTION_ACCEPT);
}

static void run_action(struct run *r, const struct ir_rule *rule,
		       uint64_t *counters)
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
			run_policy(r, counters);
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
	}
}

static void run_step(struct run *r, const struct packet *pkt,
		     uint64_t *counters)
{
	const struct ir_rule *rule;

	if (r->at.pc >= r->rs->chains[r->at.chain].end) {
		run_end(r, IR_VERDICT_BROKEN);
		return;
	}
	rule = &r->rs->rules[r->at.pc];
	switch (rule_eval(r->rs, rule, pkt)) {
	case TEST_FAILS:
		r->at.pc++;
		break;
	case TEST_DROPS:
		run_end(r, rule->dead ? IR_VERDICT_BROKEN : IR_VERDICT_DROP);
		break;
	case TEST_HOLDS:
		counters[r->at.pc]++;
		if (rule->dead)
			run_end(r, IR_VERDICT_BROKEN);
		else
			run_action(r, rule, counters);
		break;
	}
}

/**
 * ir_eval() - send a packet through a ruleset
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
	struct run r = { .rs = rs, .hook = hook };

	r.stack = calloc((size_t)rs->num_rules + 2, sizeof(*r.stack));
	if (!r.stack)
		abort();
	run_enter(&r, rs->hook_chain[hook]);
	while (!r.done)
		run_step(&r, pkt, counters);
	free(r.stack);
	return r.verdict;
}
