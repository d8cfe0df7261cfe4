// SPDX-License-Identifier: GPL-2.0
/* A packet on its way through the hooks and tables of a ruleset */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/netfilter.h>

#include "cmd_test.h"
#include "ir_dump.h"
#include "match.h"

/* Ways that are tried for one packet before it counts as not known */
#define WALKS_MAX	512

#define FIELD(name)	(1ULL << IR_FIELD_##name)

#define CT_FIELDS	(FIELD(CT_STATE) | FIELD(CT_STATUS) | FIELD(CT_REPLY) | \
			 FIELD(CT_PROTO) | FIELD(CT_ORIGSRC) | \
			 FIELD(CT_ORIGDST) | FIELD(CT_REPLSRC) | \
			 FIELD(CT_REPLDST) | FIELD(CT_ORIGSRC_PORT) | \
			 FIELD(CT_ORIGDST_PORT) | FIELD(CT_REPLSRC_PORT) | \
			 FIELD(CT_REPLDST_PORT) | FIELD(CT_MARK) | \
			 FIELD(CT_EXPIRES) | PACKET_UNKNOWN_NAT)

/**
 * struct walk - one way of a packet
 * @t:		the ruleset
 * @tt:		the table that it is in
 * @given:	the packet before the first hook
 * @pkt:	what it is now
 * @choices:	what is not known of it
 * @rerouted:	it may go out by another device than it was to
 * @result:	what becomes of it; @because is not filled
 */
struct walk {
	const struct test *t;
	const struct test_table *tt;
	const struct packet *given;
	struct packet pkt;
	struct test_choices *choices;
	bool rerouted;
	struct test_result result;
};

/* --- Answers --- */

static unsigned int walk_match(struct eval_view *v, const struct ir_rule *rule,
			       uint32_t index)
{
	const struct walk *w = v->ctx;

	return test_match_set(w->t, v->rs->bridged[index].name);
}

static unsigned int walk_random(struct eval_view *v, uint32_t below)
{
	const struct walk *w = v->ctx;
	const struct test_assumed *said;

	if (!below || below > INT32_MAX)
		return below ? EVAL_HOLDS : EVAL_FAILS;
	said = test_assumed_find(w->t, "statistic");
	if (said)
		return said->yes ? EVAL_HOLDS : EVAL_FAILS;
	return EVAL_FAILS | EVAL_HOLDS;
}

static void unsure_name(const struct eval_view *v, char *name, size_t size)
{
	const struct ir_test *t = v->unsure;
	const char *field = "state";

	if (t->kind == IR_TEST_BRIDGE) {
		snprintf(name, size, "%s", v->rs->bridged[t->value].name);
		return;
	}
	if (t->kind == IR_TEST_PORTS)
		field = "ports";
	else if (t->kind == IR_TEST_HEADER)
		field = "header";
	else if (t->kind != IR_TEST_CONN && t->kind != IR_TEST_RANDOM)
		field = bpfilter_ir_field_name(t->field);
	if (t->kind == IR_TEST_RANDOM)
		snprintf(name, size, "statistic");
	else if (v->unsure_in->desc)
		snprintf(name, size, "%s (%s)", v->unsure_in->desc->name, field);
	else
		snprintf(name, size, "%s", field);
}

/* Whether such a rule matches makes no difference but to its counter */
static bool is_harmless(const struct walk *w, const struct ir_rule *rule)
{
	struct test_effect e;

	if (rule->action == IR_ACTION_CONTINUE)
		return true;
	if (rule->action != IR_ACTION_BRIDGE)
		return false;
	e = test_target_effect(w->t, w->tt, rule);
	return e.went == 1U << EVAL_WENT_ON && !e.loses && !e.untracks &&
	       !e.tcp;
}

static unsigned int walk_choose(struct eval_view *v, const struct ir_rule *rule,
				unsigned int set)
{
	struct walk *w = v->ctx;
	char name[48];

	if (set == (EVAL_FAILS | EVAL_HOLDS) && is_harmless(w, rule))
		return EVAL_FAILS;
	unsure_name(v, name, sizeof(name));
	return choices_pick(w->choices, set, name);
}

static bool has_tcp_header(const struct eval_view *v)
{
	unsigned int len = v->len - v->at.thoff, header;

	if (v->at.proto != IPPROTO_TCP || v->at.fragoff ||
	    v->at.thoff > v->len || len < 20)
		return false;
	header = (v->bytes[v->at.thoff + 12] >> 4) * 4;
	return header >= 20 && header <= len;
}

/* The state belongs to the packet, which the view shows */
static void untrack(struct walk *w, struct eval_view *v)
{
	w->pkt.conn = false;
	w->pkt.untracked = true;
	w->pkt.unknown &= ~CT_FIELDS;
	v->unknown &= ~CT_FIELDS;
	w->result.untracked = true;
}

static enum eval_went walk_target(struct eval_view *v,
				  const struct ir_rule *rule)
{
	struct walk *w = v->ctx;
	struct test_effect e = test_target_effect(w->t, w->tt, rule);
	unsigned int went = e.went;

	if (e.tcp && !has_tcp_header(v))
		went |= 1U << EVAL_WENT_DROP;
	if (went & (went - 1))
		went = choices_pick(w->choices, went,
				    v->rs->bridged[rule->bridged].name);
	if (e.untracks)
		untrack(w, v);
	v->unknown |= e.loses;
	return __builtin_ctz(went);
}

static void walk_count(struct eval_view *v, uint32_t rule)
{
}

static const struct eval_ops walk_ops = {
	.match = walk_match,
	.target = walk_target,
	.random = walk_random,
	.choose = walk_choose,
	.count = walk_count,
};

/* --- Hooks and tables --- */

static void no_device(struct packet *pkt, char name[16], uint64_t field)
{
	memset(name, 0, 16);
	pkt->unknown &= ~field;
}

/* Devices that a packet has at a hook, and what was below it */
static void at_hook(struct walk *w, int hook, bool from_here)
{
	struct packet *pkt = &w->pkt;

	if (hook == NF_INET_PRE_ROUTING || hook == NF_INET_LOCAL_IN) {
		no_device(pkt, pkt->out, FIELD(IFACE_OUT));
	} else if (!w->rerouted) {
		memcpy(pkt->out, w->given->out, sizeof(pkt->out));
		pkt->unknown |= w->given->unknown & FIELD(IFACE_OUT);
	}
	if (from_here) {
		no_device(pkt, pkt->in, FIELD(IFACE_IN) | FIELD(MAC_SADDR));
		pkt->link.no_header = true;
	}
}

/* Chains that do nothing are not what decides */
static bool is_idle(const struct ir_ruleset *rs, int hook)
{
	const struct ir_chain *c = &rs->chains[rs->hook_chain[hook]];

	return c->first == rs->hook_underflow[hook] &&
	       rs->rules[c->first].action == IR_ACTION_ACCEPT;
}

static void walk_decided(struct walk *w, const struct eval_view *v,
			 enum eval_verdict verdict)
{
	w->result.decision[w->result.num++] = (struct test_decision) {
		w->tt, v->rule,
	};
	w->result.verdict = verdict == EVAL_ACCEPT ? TEST_ACCEPT : TEST_DROP;
}

/* What the table changed stays; a packet that got another way, too */
static void walk_take(struct walk *w, const struct eval_view *v, int hook)
{
	w->pkt.unknown |= v->unknown & ~CT_FIELDS;
	w->pkt.unknown &= v->unknown | ~FIELD(MARK);
	if (hook == NF_INET_LOCAL_OUT && (v->mark != w->pkt.mark ||
					  v->unknown & FIELD(MARK))) {
		w->rerouted = true;
		w->pkt.unknown |= FIELD(IFACE_OUT);
	}
	w->pkt.mark = v->mark;
}

/* Table raw comes before connections, but on lo, where packets still have one */
static void hide_connection(struct packet *pkt)
{
	if (!strcmp(pkt->in, "lo")) {
		pkt->unknown |= CT_FIELDS;
		return;
	}
	pkt->conn = false;
	pkt->untracked = false;
	pkt->unknown &= ~CT_FIELDS;
}

static int walk_table(struct walk *w, int hook, bool is_raw)
{
	struct eval_view v = {
		.rs = w->tt->t.rs, .ops = &walk_ops, .ctx = w,
	};
	const struct packet before = w->pkt;
	enum eval_verdict verdict;
	int err;

	if (is_idle(v.rs, hook))
		return 0;
	if (is_raw)
		hide_connection(&w->pkt);
	err = bpfilter_eval(&v, hook, &w->pkt, &verdict);
	if (err)
		return err;
	walk_decided(w, &v, verdict);
	if (is_raw && !w->result.untracked) {
		w->pkt.conn = before.conn;
		w->pkt.untracked = before.untracked;
		w->pkt.unknown = (w->pkt.unknown & ~CT_FIELDS) |
				 (before.unknown & CT_FIELDS);
	}
	walk_take(w, &v, hook);
	return 0;
}

static bool has_hook(const struct test_table *tt, int hook)
{
	return tt->src && tt->t.rs->hook_chain[hook] >= 0;
}

static int walk_hook(struct walk *w, int hook, bool from_here)
{
	int i, err = 0;

	at_hook(w, hook, from_here);
	for (i = 0; !err && w->result.verdict == TEST_ACCEPT &&
	     i < BPFILTER_NUM_TABLES; i++) {
		const char *name = bpfilter_table_hooks[i].name;

		w->tt = &w->t->table[i];
		if (has_hook(w->tt, hook) && strcmp(name, "nat"))
			err = walk_table(w, hook, !strcmp(name, "raw"));
	}
	return err;
}

/* Between the hooks a forwarded packet gets older */
static void walk_between(struct walk *w, int hook)
{
	if (hook == NF_INET_PRE_ROUTING && w->pkt.ttl)
		w->pkt.ttl--;
}

static int walk_path(struct walk *w, const struct test_path *path)
{
	bool from_here = path->hook[0] == NF_INET_LOCAL_OUT;
	int i, err = 0;

	w->result.verdict = TEST_ACCEPT;
	for (i = 0; !err && i < path->num; i++) {
		if (i && path->hook[i] == NF_INET_FORWARD)
			walk_between(w, path->hook[i - 1]);
		if (w->result.verdict == TEST_ACCEPT)
			err = walk_hook(w, path->hook[i], from_here);
	}
	return err;
}

/* --- All ways --- */

static int walk_once(const struct test *t, const struct packet *pkt,
		     const struct test_path *path,
		     struct test_choices *choices, struct test_result *out)
{
	struct walk w = {
		.t = t, .given = pkt, .pkt = *pkt, .choices = choices,
	};
	int err = walk_path(&w, path);

	*out = w.result;
	return err;
}

static void say_unknown(struct test_result *r, const struct test_choice *c)
{
	r->verdict = TEST_UNKNOWN;
	r->num = 0;
	r->several = false;
	snprintf(r->because, sizeof(r->because), "%s", c->name);
}

static bool same_decisions(const struct test_result *a,
			   const struct test_result *b)
{
	unsigned int i;

	if (a->num != b->num)
		return false;
	for (i = 0; i < a->num; i++)
		if (a->decision[i].table != b->decision[i].table ||
		    a->decision[i].rule != b->decision[i].rule)
			return false;
	return true;
}

static void compare(struct test_result *r, const struct test_result *other,
		    const struct test_choices *c)
{
	if (other->verdict != r->verdict)
		say_unknown(r, &c->choice[c->changed]);
	else if (!r->several && !same_decisions(r, other))
		r->several = true;
}

/**
 * test_packet - what becomes of a packet
 * @t:		the ruleset
 * @pkt:	the packet, at the first hook
 * @path:	hooks that it gets to as long as it is accepted
 * @out:	filled
 *
 * Return: 0 or a negative errno
 */
int test_packet(const struct test *t, const struct packet *pkt,
		const struct test_path *path, struct test_result *out)
{
	struct test_choices choices = {};
	unsigned int walks = 1;
	int err;

	memset(out, 0, sizeof(*out));
	err = walk_once(t, pkt, path, &choices, out);
	while (!err && out->verdict != TEST_UNKNOWN &&
	       choices_next(&choices)) {
		struct test_result other;

		if (choices.full || ++walks > WALKS_MAX) {
			say_unknown(out, &choices.choice[0]);
			break;
		}
		err = walk_once(t, pkt, path, &choices, &other);
		if (!err)
			compare(out, &other, &choices);
	}
	if (out->several)
		out->num = 0;
	return err;
}
