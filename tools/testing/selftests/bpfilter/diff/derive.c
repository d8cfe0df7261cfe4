// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "spec.h"
#include "steps.h"

/*
 * Packets from rules. To hit a rule a packet must fit it and the rules that
 * jump to its chain, and no rule before may decide. The first is made to
 * happen: start with a random packet and force it into each of these rules.
 * The second is hoped for: walk the rules and try again some times.
 */

#define MAX_DEPTH	64
#define MAX_TRIES	12

struct derive {
	const struct ruleset *rs;
	const struct devs *devs;
	struct pools pools;
	struct rng rng;
	unsigned long budget;		/* rules that may still be walked */
	unsigned int *via[NUM_HOOKS];	/* by chain: rule that gets there + 1 */
	bool *reached[NUM_HOOKS];	/* by chain */
	uint16_t next_sport;
	uint8_t sport_used[65536];
};

static uint32_t any_addr(struct derive *d, uint32_t base)
{
	if (d->pools.num_addr && rng_one_in(&d->rng, 2))
		return d->pools.addr[rng_below(&d->rng, d->pools.num_addr)];
	return base + rng_below(&d->rng, 4);
}

static uint16_t any_port(struct derive *d)
{
	if (d->pools.num_port && rng_one_in(&d->rng, 2))
		return d->pools.port[rng_below(&d->rng, d->pools.num_port)];
	return 1024 + rng_below(&d->rng, 16384);
}

static uint8_t any_proto(struct derive *d)
{
	static const uint8_t usual[] = { 6, 6, 6, 17, 17, 1, 1, 136, 132, 47 };

	if (d->pools.num_proto && rng_one_in(&d->rng, 2))
		return d->pools.proto[rng_below(&d->rng, d->pools.num_proto)];
	return usual[rng_below(&d->rng, ARRAY_SIZE(usual))];
}

static uint8_t any_flags(struct derive *d)
{
	static const uint8_t usual[] = { 0x02, 0x12, 0x10, 0x18, 0x11, 0x04 };

	return usual[rng_below(&d->rng, ARRAY_SIZE(usual))];
}

/* Any but lo, which cannot forward; a third of the time one no rule names */
static int any_dev(struct derive *d)
{
	if (rng_one_in(&d->rng, 3))
		return DEV_FIRST;
	return DEV_FIRST + rng_below(&d->rng, d->devs->num - DEV_FIRST);
}

static void any_spec(struct derive *d, struct spec *s, enum hook hook)
{
	static const uint8_t types[] = { 8, 0, 3, 11, 5, 12, 13 };

	memset(s, 0, sizeof(*s));
	s->hook = hook;
	s->in = hook == HOOK_OUTPUT ? DEV_NONE : any_dev(d);
	s->out = hook == HOOK_INPUT ? DEV_NONE : any_dev(d);
	s->src = any_addr(d, 0xc6336401);	/* 198.51.100.1 */
	s->dst = any_addr(d, 0xcb007101);	/* 203.0.113.1 */
	s->proto = any_proto(d);
	s->ihl = 5;
	s->sport = any_port(d);
	s->dport = any_port(d);
	s->flags = any_flags(d);
	s->icmp_type = types[rng_below(&d->rng, ARRAY_SIZE(types))];
	s->doff = DOFF_RIGHT;
	s->cut = CUT_NONE;
	s->payload = rng_below(&d->rng, 64);
	s->linear = LINEAR_ALL;
	if (d->rs->conntrack && rng_one_in(&d->rng, 3))
		s->ct = rng_below(&d->rng, NUM_CT_KINDS);
}

static void force_addr(struct derive *d, uint32_t *addr,
		       const struct addr_test *t)
{
	bool fits = (*addr & t->mask) == t->addr;

	if (!t->mask || fits != t->inv)
		return;
	if (t->inv)
		*addr ^= t->mask & -t->mask;
	else
		*addr = (*addr & ~t->mask) | t->addr;
}

static void force_dev(struct derive *d, int *dev, const struct dev_test *t)
{
	unsigned int start = rng_below(&d->rng, d->devs->num);

	if (*dev == DEV_NONE || dev_test_matches(t, d->devs->name[*dev]))
		return;
	for (int i = 0; i < d->devs->num; i++) {
		int at = (start + i) % d->devs->num;

		if (dev_test_matches(t, d->devs->name[at])) {
			*dev = at;
			return;
		}
	}
}

static void force_byte(struct derive *d, uint8_t *value,
		       const struct byte_test *t)
{
	if (!t->set || (*value == t->value) != t->inv)
		return;
	*value = t->inv ? (t->value == 17 ? 6 : 17) : t->value;
}

static void force_range(struct derive *d, uint16_t *value,
			const struct range_test *t)
{
	const struct range *r;

	if (!t->num)
		return;
	r = &t->range[rng_below(&d->rng, t->num)];
	if (t->inv) {
		while (*value >= r->lo && *value <= r->hi && r->hi - r->lo < 65535)
			*value = rng_next(&d->rng);
	} else if (*value < r->lo || *value > r->hi) {
		*value = r->lo;
		if (r->hi > r->lo && rng_one_in(&d->rng, 2))
			*value += rng_below(&d->rng, r->hi - r->lo + 1);
	}
}

static void force_tcp(struct derive *d, struct spec *s, const struct rule *r)
{
	uint8_t mask = r->flags.mask;

	if (r->flags.set && !r->flags.inv)
		s->flags = (s->flags & ~mask) | (r->flags.value & mask);
	if (r->flags.set && r->flags.inv &&
	    (s->flags & mask) == r->flags.value)
		s->flags ^= mask & -mask;
	if (r->tcp_option.set && !r->tcp_option.inv) {
		s->options[0] = r->tcp_option.value;
		s->options[1] = 4;
		s->options_len = 4;
	}
}

static void force_icmp(struct derive *d, struct spec *s,
		       const struct icmp_test *t)
{
	if (!t->set || t->type < 0)
		return;
	if (t->inv) {
		if (s->icmp_type == t->type)
			s->icmp_type = t->type == 8 ? 0 : 8;
		return;
	}
	s->icmp_type = t->type;
	s->icmp_code = t->code.lo;
}

/* A kind of connection that shows one of these states */
static void force_state(struct derive *d, struct spec *s,
			const struct bits_test *t)
{
	for (int i = 0; t->bits && i < 4 * NUM_CT_KINDS; i++) {
		struct ct_view v;

		spec_ct_view(s, &v);
		if (!!(v.state & t->bits) != t->inv)
			return;
		s->ct = rng_below(&d->rng, NUM_CT_KINDS);
	}
}

static void force_status(struct derive *d, struct spec *s,
			 const struct bits_test *t)
{
	for (int i = 0; t->bits && i < 4 * NUM_CT_KINDS; i++) {
		struct ct_view v;

		spec_ct_view(s, &v);
		if (!!(v.status & t->bits) != t->inv)
			return;
		s->ct = rng_below(&d->rng, NUM_CT_KINDS);
	}
}

/* Ends of the original tuple are the packet's own, or swapped in a reply */
static void force_ends(struct derive *d, struct spec *s, const struct rule *r)
{
	bool reply;

	if (r->ct_dir == DIR_REPLY)
		s->ct = CT_REPLY;
	else if (r->ct_dir == DIR_ORIGINAL && s->ct == CT_REPLY)
		s->ct = CT_ORIGINAL;
	reply = s->ct == CT_REPLY;
	force_byte(d, &s->proto, &r->ct_proto);
	force_addr(d, reply ? &s->dst : &s->src, &r->ct_addr[CT_ORIGSRC]);
	force_addr(d, reply ? &s->src : &s->dst, &r->ct_addr[CT_ORIGDST]);
	force_addr(d, reply ? &s->src : &s->dst, &r->ct_addr[CT_REPLSRC]);
	force_addr(d, reply ? &s->dst : &s->src, &r->ct_addr[CT_REPLDST]);
	force_range(d, reply ? &s->dport : &s->sport, &r->ct_port[CT_ORIGSRC]);
	force_range(d, reply ? &s->sport : &s->dport, &r->ct_port[CT_ORIGDST]);
	force_range(d, reply ? &s->sport : &s->dport, &r->ct_port[CT_REPLSRC]);
	force_range(d, reply ? &s->dport : &s->sport, &r->ct_port[CT_REPLDST]);
}

/* What a kind of connection asks of the packet itself */
static void settle_ct(struct spec *s)
{
	if (s->ct == CT_ERROR) {
		s->proto = 1;
		if (s->icmp_type != 11 && s->icmp_type != 12)
			s->icmp_type = 3;
	}
	if (s->ct == CT_INVALID) {
		s->bad_csum = true;
		if (s->proto == 6)
			s->flags |= 0x03;
	}
}

static void force_rule(struct derive *d, struct spec *s, const struct rule *r)
{
	force_addr(d, &s->src, &r->src);
	force_addr(d, &s->dst, &r->dst);
	force_dev(d, &s->in, &r->in);
	force_dev(d, &s->out, &r->out);
	force_byte(d, &s->proto, &r->proto);
	force_range(d, &s->sport, &r->sport);
	force_range(d, &s->dport, &r->dport);
	force_range(d, rng_one_in(&d->rng, 2) ? &s->sport : &s->dport,
		    &r->ports);
	force_tcp(d, s, r);
	force_icmp(d, s, &r->icmp);
	if (r->frag > 0)
		s->fragoff = rng_one_in(&d->rng, 2) ? 185 : 2;
	if (r->conntrack) {
		force_state(d, s, &r->state);
		force_status(d, s, &r->status);
		force_ends(d, s, r);
	}
	settle_ct(s);
}

/* Rules that lead from the hook to a chain, the last one first */
static unsigned int path_to(const struct derive *d, enum hook h,
			    unsigned int chain, const struct rule **path)
{
	unsigned int depth = 0;

	while (d->via[h][chain] && depth < MAX_DEPTH) {
		path[depth] = &d->rs->rules[d->via[h][chain] - 1];
		chain = path[depth++]->chain;
	}
	return depth;
}

static bool make_hit(struct derive *d, struct spec *s, enum hook h,
		     const struct rule *r)
{
	const struct rule *path[MAX_DEPTH];
	unsigned int depth = path_to(d, h, r->chain, path);

	for (int i = 0; i < MAX_TRIES; i++) {
		any_spec(d, s, h);
		for (unsigned int p = depth; p; p--)
			force_rule(d, s, path[p - 1]);
		force_rule(d, s, r);
		if (s->hook == HOOK_FORWARD && s->in == DEV_LO)
			return false;
		if (spec_reaches(s, d->rs, d->devs, r, &d->budget))
			return true;
	}
	return false;
}

static void reach_chain(struct derive *d, enum hook h, unsigned int chain)
{
	unsigned int *todo = xrealloc(NULL, sizeof(*todo) * d->rs->num_chains);
	unsigned int num = 0;

	d->reached[h][chain] = true;
	todo[num++] = chain;
	for (unsigned int at = 0; at < num; at++) {
		const struct chain *c = &d->rs->chains[todo[at]];

		for (unsigned int i = c->first; i < c->first + c->num; i++) {
			const struct rule *r = &d->rs->rules[i];

			if ((r->action != ACTION_JUMP &&
			     r->action != ACTION_GOTO) ||
			    d->reached[h][r->target_chain])
				continue;
			d->reached[h][r->target_chain] = true;
			d->via[h][r->target_chain] = i + 1;
			todo[num++] = r->target_chain;
		}
	}
	free(todo);
}

static void find_paths(struct derive *d)
{
	for (int h = 0; h < NUM_HOOKS; h++) {
		size_t n = d->rs->num_chains;

		d->via[h] = xrealloc(NULL, n * sizeof(*d->via[h]));
		memset(d->via[h], 0, n * sizeof(*d->via[h]));
		d->reached[h] = xrealloc(NULL, n * sizeof(*d->reached[h]));
		memset(d->reached[h], 0, n * sizeof(*d->reached[h]));
	}
	for (unsigned int i = 0; i < d->rs->num_chains; i++)
		if (d->rs->chains[i].hook >= 0)
			reach_chain(d, d->rs->chains[i].hook, i);
}

/* A hook from which the rule can be reached, HOOK_INPUT if from none */
static enum hook any_hook(struct derive *d, const struct rule *r)
{
	int start = rng_below(&d->rng, NUM_HOOKS);

	for (int i = 0; i < NUM_HOOKS; i++)
		if (d->reached[(start + i) % NUM_HOOKS][r->chain])
			return (start + i) % NUM_HOOKS;
	return HOOK_INPUT;
}

/*
 * Where NAT has to tell two connections apart that became one, it chooses a
 * port or an ICMP id at random, for each namespace another: one connection only
 * for each source port then. Returns false if the rule leaves none.
 */
static bool avoid_nat_clash(struct derive *d, struct spec *s,
			    const struct rule *r)
{
	if (!d->rs->nat)
		return true;
	if (!r || (!r->sport.num && !r->ports.num && !r->conntrack))
		s->sport = 20000 + d->next_sport++ % 40000;
	return !d->sport_used[s->sport]++;
}

static void add_spec(struct derive *d, struct spec *s, unsigned int rule,
		     const char *why, struct step_list *steps)
{
	const struct rule *r = d->rs->num_rules ? &d->rs->rules[rule] : NULL;

	if (avoid_nat_clash(d, s, r))
		steps_add(steps, s, rule, why);
}

static void add_hits(struct derive *d, unsigned int rule,
		     struct step_list *steps)
{
	const struct rule *r = &d->rs->rules[rule];

	for (int h = 0; h < NUM_HOOKS; h++) {
		struct spec s;

		if (!d->reached[h][r->chain])
			continue;
		if (make_hit(d, &s, h, r))
			add_spec(d, &s, rule, "hit", steps);
		else
			add_spec(d, &s, rule, "hit, perhaps", steps);
	}
}

static void add_varied(struct derive *d, unsigned int rule,
		       struct step_list *steps)
{
	const struct rule *r = &d->rs->rules[rule];
	const char *why = NULL;
	struct spec s;

	make_hit(d, &s, any_hook(d, r), r);
	for (int i = 0; i < 16 && !why; i++)
		why = spec_vary(&s, r, d->rs, d->devs, &d->rng);
	if (rng_one_in(&d->rng, 4))
		spec_vary(&s, r, d->rs, d->devs, &d->rng);
	if (s.hook == HOOK_FORWARD && s.in == DEV_LO)
		s.in = DEV_FIRST;
	add_spec(d, &s, rule, why ? why : "hit", steps);
}

/* For a table without rules: its policies count too */
static void add_any(struct derive *d, struct step_list *steps)
{
	struct spec s;

	any_spec(d, &s, rng_below(&d->rng, NUM_HOOKS));
	add_spec(d, &s, 0, "any", steps);
}

void derive_steps(const struct ruleset *rs, const struct devs *devs,
		  uint64_t seed, unsigned int packets, struct step_list *steps)
{
	static struct derive d;

	memset(&d, 0, sizeof(d));
	d.rs = rs;
	d.devs = devs;
	rng_seed(&d.rng, seed);
	pools_make(&d.pools, rs);
	find_paths(&d);
	d.budget = 50UL * 1000 * 1000;
	for (unsigned int i = 0; i < rs->num_rules; i++)
		add_hits(&d, i, steps);
	d.budget += 50UL * 1000 * 1000;
	for (unsigned int i = 0; steps->packets < packets && i < 2 * packets; i++) {
		if (rs->num_rules)
			add_varied(&d, i % rs->num_rules, steps);
		else
			add_any(&d, steps);
	}
	pools_free(&d.pools);
	for (int h = 0; h < NUM_HOOKS; h++) {
		free(d.via[h]);
		free(d.reached[h]);
	}
}
