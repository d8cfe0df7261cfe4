// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "spec.h"

/*
 * A plain reading of rules, to find out whether a packet that was made for a
 * rule gets as far as to it. Guidance only: see rules.h.
 */

static bool addr_matches(const struct addr_test *t, uint32_t addr)
{
	return !t->mask || ((addr & t->mask) == t->addr) != t->inv;
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

static bool ports_match(const struct rule *r, const struct spec *s)
{
	if (!r->sport.num && !r->dport.num && !r->ports.num)
		return true;
	if (s->fragoff || s->cut != CUT_NONE || !spec_has_ports(s))
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
	if (s->proto != 1 || s->fragoff || s->cut != CUT_NONE)
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

static const char *dev_name(const struct devs *devs, int dev)
{
	return dev == DEV_NONE ? "" : devs->name[dev];
}

bool spec_matches(const struct spec *s, const struct rule *r,
		  const struct devs *devs)
{
	return addr_matches(&r->src, s->src) && addr_matches(&r->dst, s->dst) &&
	       dev_test_matches(&r->in, dev_name(devs, s->in)) &&
	       dev_test_matches(&r->out, dev_name(devs, s->out)) &&
	       byte_matches(&r->proto, s->proto) &&
	       (!r->frag || (r->frag > 0) == !!s->fragoff) &&
	       ports_match(r, s) && tcp_matches(r, s) &&
	       icmp_matches(&r->icmp, s) && ct_matches(r, s);
}

static const struct chain *hook_chain(const struct ruleset *rs, enum hook hook)
{
	for (unsigned int i = 0; i < rs->num_chains; i++)
		if (rs->chains[i].hook == (int)hook)
			return &rs->chains[i];
	return NULL;
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

bool spec_reaches(const struct spec *s, const struct ruleset *rs,
		  const struct devs *devs, const struct rule *target,
		  unsigned long *budget)
{
	struct walk w = { .chain = hook_chain(rs, s->hook) };

	while (w.chain && *budget) {
		const struct rule *r;

		if (w.next == w.chain->num) {
			if (!walk_return(&w))
				return false;
			continue;
		}
		r = &rs->rules[w.chain->first + w.next++];
		--*budget;
		if (!spec_matches(s, r, devs))
			continue;
		if (r == target)
			return true;
		if (!walk_follow(&w, rs, r))
			return false;
	}
	return false;
}

static uint8_t icmp_inverse(uint8_t type)
{
	static const uint8_t inverse[] = {
		[0] = 8, [8] = 0, [13] = 14, [14] = 13,
		[15] = 16, [16] = 15, [17] = 18, [18] = 17,
	};

	return type < ARRAY_SIZE(inverse) ? inverse[type] : type;
}

/* Conntrack keeps an ICMP id as source port, type and code as destination */
struct tuple tuple_inverse(const struct tuple *t)
{
	struct tuple inv = {
		.src	= t->dst,
		.dst	= t->src,
		.sport	= t->dport,
		.dport	= t->sport,
		.proto	= t->proto,
	};

	if (t->proto == 1) {
		inv.sport = t->sport;
		inv.dport = icmp_inverse(t->dport >> 8) << 8 | (t->dport & 0xff);
	}
	return inv;
}

/*
 * Addresses that connections are translated to; no rule needs to name them. Two
 * connections hardly ever get the same: the kernel would choose ports at random.
 */
#define NAT_NET		0x0afe0000	/* 10.254.0.0/16 */
#define MASTER_SRC	0xc0000261	/* 192.0.2.97 */

static uint32_t nat_addr(const struct tuple *t)
{
	uint32_t h = t->src * 31 + t->dst;

	h = h * 31 + (t->sport << 16 | t->dport) + t->proto;
	return NAT_NET + (h * 2654435761U >> 16);
}

bool spec_conn(const struct spec *s, struct conn *conn)
{
	memset(conn, 0, sizeof(*conn));
	if (s->ct == CT_NONE || s->ct == CT_INVALID)
		return false;
	conn->orig.src = s->src;
	conn->orig.dst = s->dst;
	conn->orig.proto = s->ct == CT_ERROR ? 17 : s->proto;
	if (conn->orig.proto == 1) {
		conn->orig.sport = s->sport;
		conn->orig.dport = s->icmp_type << 8 | s->icmp_code;
	} else if (s->ct == CT_ERROR || spec_has_ports(s)) {
		conn->orig.sport = s->sport;
		conn->orig.dport = s->dport;
	}
	if (s->ct == CT_REPLY || s->ct == CT_ERROR)
		conn->orig = tuple_inverse(&conn->orig);
	if (s->ct == CT_SNAT)
		conn->nat_src = nat_addr(&conn->orig);
	if (s->ct == CT_DNAT)
		conn->nat_dst = nat_addr(&conn->orig);
	if (s->ct == CT_EXPECTED) {
		conn->expected = true;
		conn->master = conn->orig;
		conn->master.src = MASTER_SRC;
	}
	return true;
}

static const unsigned int kind_state[NUM_CT_KINDS] = {
	[CT_NONE]	= STATE_NEW,
	[CT_ORIGINAL]	= STATE_ESTABLISHED,
	[CT_REPLY]	= STATE_ESTABLISHED,
	[CT_EXPECTED]	= STATE_RELATED,
	[CT_SNAT]	= STATE_ESTABLISHED | STATE_SNAT,
	[CT_DNAT]	= STATE_ESTABLISHED | STATE_DNAT,
	[CT_ERROR]	= STATE_RELATED,
	[CT_INVALID]	= STATE_INVALID,
};

static unsigned int kind_status(enum ct_kind kind)
{
	if (kind == CT_NONE || kind == CT_INVALID)
		return 0;
	if (kind == CT_EXPECTED)
		return STATUS_CONFIRMED | STATUS_EXPECTED;
	return STATUS_CONFIRMED | STATUS_SEEN_REPLY | STATUS_ASSURED;
}

void spec_ct_view(const struct spec *s, struct ct_view *v)
{
	struct spec as = *s;
	struct tuple repl;
	struct conn c;

	/* One that is made by the packet looks as one made for it */
	if (s->ct == CT_NONE)
		as.ct = CT_ORIGINAL;
	spec_conn(&as, &c);
	v->state = kind_state[s->ct];
	v->status = kind_status(s->ct);
	v->dir = s->ct == CT_REPLY || s->ct == CT_ERROR ? DIR_REPLY :
							  DIR_ORIGINAL;
	v->proto = c.orig.proto;
	v->addr[CT_ORIGSRC] = c.orig.src;
	v->addr[CT_ORIGDST] = c.orig.dst;
	v->addr[CT_REPLSRC] = c.nat_dst ? c.nat_dst : c.orig.dst;
	v->addr[CT_REPLDST] = c.nat_src ? c.nat_src : c.orig.src;
	repl = tuple_inverse(&c.orig);
	v->port[CT_ORIGSRC] = c.orig.sport;
	v->port[CT_ORIGDST] = c.orig.dport;
	v->port[CT_REPLSRC] = repl.sport;
	v->port[CT_REPLDST] = repl.dport;
}
