// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "spec.h"

/*
 * A plain reading of rules, to find out whether a packet that was made for a
 * rule gets as far as to it. Guidance only: see rules.h.
 */

static bool addr_matches(const struct addr_test *t, __uint128_t addr)
{
	return !t->mask || ((addr & t->mask) == t->addr) != t->inv;
}

static bool addr_range_matches(const struct addr_range_test *t,
			       __uint128_t addr)
{
	return !t->set || (addr >= t->lo && addr <= t->hi) != t->inv;
}

static bool in_ranges(const struct range_test *t, uint32_t value)
{
	for (unsigned int i = 0; i < t->num; i++)
		if (value >= t->range[i].lo && value <= t->range[i].hi)
			return true;
	return false;
}

static bool range_matches(const struct range_test *t, uint32_t value)
{
	return !t->num || in_ranges(t, value) != t->inv;
}

static bool byte_matches(const struct byte_test *t, uint8_t value)
{
	return !t->set || (value == t->value) != t->inv;
}

static bool bits_match(const struct bits_test *t, unsigned int bits)
{
	return !t->bits || !!(bits & t->bits) != t->inv;
}

bool field_matches(const struct field_test *t, uint64_t value)
{
	value &= t->mask;
	return !t->mask || (value >= t->lo && value <= t->hi) != t->inv;
}

static bool fields_match(const struct rule *r, const struct spec *s)
{
	for (int i = 0; i < NUM_FIELDS; i++) {
		uint64_t value = s->field[i];

		if (i == FIELD_LENGTH)
			value = spec_len(s);
		if (!field_matches(&r->field[i], value))
			return false;
	}
	return true;
}

static bool ports_match(const struct rule *r, const struct spec *s)
{
	if (!r->sport.num && !r->dport.num && !r->ports.num)
		return true;
	if (s->fragoff || s->cut != CUT_NONE || !proto_has_ports(s->proto))
		return false;
	if (r->ports.num && (in_ranges(&r->ports, s->sport) ||
			     in_ranges(&r->ports, s->dport)) == r->ports.inv)
		return false;
	return range_matches(&r->sport, s->sport) &&
	       range_matches(&r->dport, s->dport);
}

static bool has_tcp_option(const struct spec *s, uint8_t kind)
{
	for (int i = 0; i < s->options_len;) {
		if (s->options[i] == kind)
			return true;
		if (s->options[i] < 2 || i + 1 == s->options_len ||
		    !s->options[i + 1])
			i++;
		else
			i += s->options[i + 1];
	}
	return false;
}

static bool tcp_matches(const struct rule *r, const struct spec *s)
{
	if (!r->flags.set && !r->tcp_option.set)
		return true;
	if (s->proto != 6 || s->fragoff || s->cut != CUT_NONE)
		return false;
	if (r->flags.set &&
	    ((s->flags & r->flags.mask) == r->flags.value) == r->flags.inv)
		return false;
	return !r->tcp_option.set ||
	       has_tcp_option(s, r->tcp_option.value) != r->tcp_option.inv;
}

static bool icmp_matches(const struct icmp_test *t, const struct spec *s)
{
	bool same;

	if (!t->set)
		return true;
	if (s->proto != s->family->icmp || s->fragoff || s->cut != CUT_NONE)
		return false;
	same = t->type < 0 ||
	       (s->icmp_type == t->type && s->icmp_code >= t->code.lo &&
		s->icmp_code <= t->code.hi);
	return same != t->inv;
}

static bool ct_matches(const struct rule *r, const struct spec *s)
{
	struct ct_view v;

	if (!r->conntrack)
		return true;
	spec_ct_view(s, &v);
	if (!bits_match(&r->state, v.state) ||
	    !bits_match(&r->status, v.status) ||
	    !byte_matches(&r->ct_proto, v.proto))
		return false;
	if (r->ct_dir != DIR_ANY && r->ct_dir != v.dir)
		return false;
	for (int i = 0; i < NUM_CT_ENDS; i++)
		if (!addr_matches(&r->ct_addr[i], v.addr[i]) ||
		    !range_matches(&r->ct_port[i], v.port[i]))
			return false;
	return true;
}

/* Sets of which the addresses are not known are empty */
static bool sets_match(const struct rule *r, const struct spec *s)
{
	for (unsigned int n = 0; n < r->num_sets; n++) {
		const struct set_test *t = &r->sets[n];
		__uint128_t addr = t->dst ? s->dst : s->src;
		bool found = false;

		for (unsigned int i = 0; i < NUM_SET_ADDRS && !found; i++)
			found = addr == set_addr(s->family, i) &&
				set_has_addr(t->name, i);
		if (found == t->inv)
			return false;
	}
	return true;
}

static const char *dev_name(const struct devs *devs, int dev)
{
	return dev == DEV_NONE ? "" : devs->name[dev];
}

static bool spec_matches(const struct spec *s, const struct rule *r,
			 const struct devs *devs)
{
	return addr_matches(&r->src, s->src) && addr_matches(&r->dst, s->dst) &&
	       dev_test_matches(&r->in, dev_name(devs, s->in)) &&
	       dev_test_matches(&r->out, dev_name(devs, s->out)) &&
	       byte_matches(&r->proto, s->proto) &&
	       (!r->frag || (r->frag > 0) == !!s->fragoff) &&
	       addr_range_matches(&r->src_range, s->src) &&
	       addr_range_matches(&r->dst_range, s->dst) &&
	       ports_match(r, s) && tcp_matches(r, s) &&
	       icmp_matches(&r->icmp, s) && fields_match(r, s) &&
	       ct_matches(r, s) && sets_match(r, s);
}

/* A walk through the chains; the kernel refuses loops, so the stack is bounded */
struct walk {
	const struct chain *chain;
	unsigned int next;
	unsigned int depth;
	struct {
		const struct chain *chain;
		unsigned int next;
	} stack[256];
};

/* Back to the caller; false from a hook's own chain */
static bool walk_return(struct walk *w)
{
	if (!w->depth)
		return false;
	w->depth--;
	w->chain = w->stack[w->depth].chain;
	w->next = w->stack[w->depth].next;
	return true;
}

static bool walk_enter(struct walk *w, const struct chain *chain, bool push)
{
	if (push) {
		if (w->depth == ARRAY_SIZE(w->stack))
			return false;
		w->stack[w->depth].chain = w->chain;
		w->stack[w->depth].next = w->next;
		w->depth++;
	}
	w->chain = chain;
	w->next = 0;
	return true;
}

/* What a matching rule does to the walk; false: it ends */
static bool walk_follow(struct walk *w, const struct ruleset *rs,
			const struct rule *r)
{
	switch (r->action) {
	case ACTION_NONE:
	case ACTION_OTHER:
		return true;
	case ACTION_RETURN:
		return walk_return(w);
	case ACTION_JUMP:
	case ACTION_GOTO:
		return walk_enter(w, &rs->chains[r->target_chain],
				  r->action == ACTION_JUMP);
	case ACTION_ACCEPT:
	case ACTION_DROP:
		break;
	}
	return false;
}

enum outcome {
	OUTCOME_ON,
	OUTCOME_DROPPED,
	OUTCOME_FOUND,
};

/* One hook of one table; the rules may change the packet's mark */
static enum outcome walk_chain(struct spec *s, const struct ruleset *rs,
			       const struct devs *devs,
			       const struct chain *base,
			       const struct rule *target, unsigned long *budget)
{
	struct walk w = { .chain = base };

	while (*budget) {
		const struct rule *r;

		if (w.next == w.chain->num) {
			if (walk_return(&w))
				continue;
			break;
		}
		r = &rs->rules[w.chain->first + w.next++];
		--*budget;
		if (!spec_matches(s, r, devs))
			continue;
		if (r == target)
			return OUTCOME_FOUND;
		if (r->mark_set)
			s->field[FIELD_MARK] = (s->field[FIELD_MARK] &
						r->mark.keep) ^ r->mark.flip;
		if (walk_follow(&w, rs, r))
			continue;
		if (r->action == ACTION_RETURN)
			break;
		return r->action == ACTION_DROP ? OUTCOME_DROPPED : OUTCOME_ON;
	}
	return base->policy == ACTION_DROP ? OUTCOME_DROPPED : OUTCOME_ON;
}

/* The hooks of each way, that by lo both of them */
static const enum hook ways[NUM_WAYS + 1][4] = {
	[WAY_IN]	= { HOOK_PREROUTING, HOOK_INPUT, NUM_HOOKS },
	[WAY_THROUGH]	= { HOOK_PREROUTING, HOOK_FORWARD, HOOK_POSTROUTING,
			    NUM_HOOKS },
	[WAY_OUT]	= { HOOK_OUTPUT, HOOK_POSTROUTING, NUM_HOOKS },
	[NUM_WAYS]	= { HOOK_OUTPUT, HOOK_POSTROUTING, HOOK_PREROUTING,
			    HOOK_INPUT },
};

static const enum hook *spec_hooks(const struct spec *s)
{
	return ways[s->in == DEV_LO || s->out == DEV_LO ? NUM_WAYS : s->way];
}

bool spec_passes(const struct spec *s, enum hook hook)
{
	const enum hook *hooks = spec_hooks(s);

	for (int i = 0; i < 4 && hooks[i] != NUM_HOOKS; i++)
		if (hooks[i] == hook)
			return true;
	return false;
}

/* By priority: the source is translated last, the destination before filtering */
static unsigned int find_stages(const struct spec *s, struct stage *stages)
{
	static const enum table_id first[] = {
		TABLE_RAW, TABLE_MANGLE, TABLE_NAT, TABLE_FILTER, TABLE_SECURITY,
	};
	static const enum table_id last[] = {
		TABLE_RAW, TABLE_MANGLE, TABLE_FILTER, TABLE_SECURITY, TABLE_NAT,
	};
	const enum hook *hooks = spec_hooks(s);
	unsigned int num = 0;

	for (int i = 0; i < 4 && hooks[i] != NUM_HOOKS; i++) {
		bool late = hooks[i] == HOOK_INPUT ||
			    hooks[i] == HOOK_POSTROUTING;

		for (int t = 0; t < NUM_TABLES; t++) {
			stages[num].hook = hooks[i];
			stages[num++].table = late ? last[t] : first[t];
		}
	}
	return num;
}

/* The devices that a hook sees; by lo both are known but never at once */
static void see_devs(struct spec *s, const struct spec *whole, enum hook hook)
{
	bool lo = whole->in == DEV_LO || whole->out == DEV_LO;

	s->in = lo ? DEV_LO : whole->in;
	s->out = lo ? DEV_LO : whole->out;
	if (hook == HOOK_OUTPUT || hook == HOOK_POSTROUTING)
		s->in = DEV_NONE;
	if (hook == HOOK_PREROUTING || hook == HOOK_INPUT)
		s->out = DEV_NONE;
}

bool spec_reaches(const struct spec *whole, const struct ruleset *rs,
		  const struct devs *devs, const struct rule *target,
		  unsigned long *budget)
{
	struct stage stages[MAX_STAGES];
	unsigned int num = find_stages(whole, stages);
	struct spec s = *whole;

	for (unsigned int i = 0; i < num; i++) {
		unsigned int chain =
			rs->hook_chain[stages[i].table][stages[i].hook];
		enum outcome outcome;

		if (!chain || !*budget)
			continue;
		/* Only the first packet of a connection */
		if (stages[i].table == TABLE_NAT && s.ct != CT_NONE)
			continue;
		see_devs(&s, whole, stages[i].hook);
		outcome = walk_chain(&s, rs, devs, &rs->chains[chain - 1],
				     target, budget);
		if (outcome != OUTCOME_ON)
			return outcome == OUTCOME_FOUND;
	}
	return false;
}
