// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "bench.h"

/*
 * Packets that no rule is for: none that asks for an address, a port or an ICMP
 * type. Rules for everything match them all the same. Each packet is held
 * against all rules, so these are brought to a compact form.
 */

/* Rules that packets are held against, in all */
#define MISS_BUDGET	(400UL * 1000 * 1000)

/**
 * struct brief - what must fit if a packet matches a rule
 * @src:	source address, in @src_mask
 * @src_mask:	0 for any
 * @dst:	destination
 * @dst_mask:	likewise
 * @sport:	lowest and highest
 * @dport:	likewise
 * @proto:	protocol
 * @any_proto:	it does not matter
 */
struct brief {
	__uint128_t src;
	__uint128_t src_mask;
	__uint128_t dst;
	__uint128_t dst_mask;
	struct range sport;
	struct range dport;
	uint8_t proto;
	bool any_proto;
};

struct briefs {
	struct brief *brief;
	uint32_t num;
};

static struct range brief_range(const struct range_test *t)
{
	struct range r = { 0, 65535 };

	if (!t->num || t->inv)
		return r;
	r = t->range[0];
	for (unsigned int i = 1; i < t->num; i++) {
		if (t->range[i].lo < r.lo)
			r.lo = t->range[i].lo;
		if (t->range[i].hi > r.hi)
			r.hi = t->range[i].hi;
	}
	return r;
}

static void make_brief(struct brief *b, const struct rule *r)
{
	memset(b, 0, sizeof(*b));
	if (!r->src.inv) {
		b->src = r->src.addr;
		b->src_mask = r->src.mask;
	}
	if (!r->dst.inv) {
		b->dst = r->dst.addr;
		b->dst_mask = r->dst.mask;
	}
	b->sport = brief_range(&r->sport);
	b->dport = brief_range(&r->dport);
	b->proto = r->proto.value;
	b->any_proto = !r->proto.set || r->proto.inv;
}

static bool is_particular(const struct rule *r)
{
	return (r->src.mask && !r->src.inv) || (r->dst.mask && !r->dst.inv) ||
	       (r->sport.num && !r->sport.inv) ||
	       (r->dport.num && !r->dport.inv) || r->ports.num ||
	       r->src_range.set || r->dst_range.set || r->icmp.set;
}

static void make_briefs(const struct maker *m, enum way how, struct briefs *all)
{
	const struct ruleset *rs = m->rs;

	all->brief = xrealloc(NULL, (rs->num_rules + 1) * sizeof(*all->brief));
	all->num = 0;
	for (uint32_t i = 0; i < rs->num_rules; i++)
		if (is_particular(&rs->rules[i]) &&
		    maker_reaches(m, how, rs->rules[i].chain))
			make_brief(&all->brief[all->num++], &rs->rules[i]);
}

static bool brief_fits(const struct brief *b, const struct spec *s)
{
	return (s->src & b->src_mask) == b->src &&
	       (s->dst & b->dst_mask) == b->dst &&
	       s->sport >= b->sport.lo && s->sport <= b->sport.hi &&
	       s->dport >= b->dport.lo && s->dport <= b->dport.hi &&
	       (b->any_proto || s->proto == b->proto);
}

static bool misses(const struct briefs *all, const struct spec *s,
		   unsigned long *budget)
{
	uint32_t i = 0;

	while (i < all->num && !brief_fits(&all->brief[i], s))
		i++;
	*budget -= i < *budget ? i + 1 : *budget;
	return i == all->num;
}

void headers_for_none(struct maker *m, struct traffic *t, uint32_t num)
{
	enum way way = m->through ? WAY_THROUGH : WAY_IN;
	unsigned long budget = MISS_BUDGET;
	struct briefs all;

	make_briefs(m, way, &all);
	t->header = xrealloc(NULL, num * sizeof(*t->header));
	t->num = 0;
	for (uint32_t i = 0; t->num < num && i < 16 * num && budget; i++) {
		struct spec s;

		maker_any(m, &s, way);
		t->num += misses(&all, &s, &budget) &&
			  maker_build(m, &s, &t->header[t->num]);
	}
	free(all.brief);
}
