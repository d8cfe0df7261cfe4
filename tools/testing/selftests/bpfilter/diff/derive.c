// SPDX-License-Identifier: GPL-2.0
#include <netinet/in.h>
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

#define MAX_TRIES	12
/* Protocols that translation tells connections apart by ports in */
#define NUM_CLASSES	4

struct derive {
	const struct ruleset *rs;
	const struct devs *devs;
	const struct owners *owners;
	struct pools pools;
	struct rng rng;
	unsigned long budget;		/* rules that may still be walked */
	struct paths paths;
	uint16_t next_port;
	uint64_t port_user[NUM_CLASSES][65536];
};

#define ANY_SRC4	0xc6336401	/* 198.51.100.1 */
#define ANY_DST4	0xcb007101	/* 203.0.113.1 */
#define ANY_SRC6	((__uint128_t)0x20010db800010000 << 64 | 1)
#define ANY_DST6	((__uint128_t)0x20010db800020000 << 64 | 1)

static __uint128_t any_addr(struct derive *d, __uint128_t base)
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
	static const uint8_t usual[] = { 6, 6, 6, 17, 17, 0, 0, 136, 132, 47 };
	uint8_t proto = usual[rng_below(&d->rng, ARRAY_SIZE(usual))];

	if (d->pools.num_proto && rng_one_in(&d->rng, 2))
		return d->pools.proto[rng_below(&d->rng, d->pools.num_proto)];
	return proto ? proto : d->rs->family->icmp;
}

static uint8_t any_flags(struct derive *d)
{
	static const uint8_t usual[] = { 0x02, 0x12, 0x10, 0x18, 0x11, 0x04 };

	return usual[rng_below(&d->rng, ARRAY_SIZE(usual))];
}

static uint8_t any_icmp(struct derive *d)
{
	static const uint8_t types4[] = { 8, 0, 3, 11, 5, 12, 13 };
	static const uint8_t types6[] = { 128, 129, 1, 3, 128, 4, 135 };

	return (d->rs->family->v6 ? types6 : types4)[rng_below(&d->rng, 7)];
}

/* Any but lo, which cannot forward; a third of the time one no rule names */
static int any_dev(struct derive *d)
{
	if (rng_one_in(&d->rng, 3))
		return DEV_FIRST;
	return DEV_FIRST + rng_below(&d->rng, d->devs->num - DEV_FIRST);
}

static void any_fields(struct derive *d, struct spec *s)
{
	unsigned int owner = rng_below(&d->rng, d->owners->num);

	s->field[FIELD_TTL] = 64;
	s->field[FIELD_MAC] = 0x020000000002;
	s->field[FIELD_SPI] = 256;
	s->field[FIELD_FRAG_ID] = 1;
	if (s->way != WAY_OUT)
		return;
	s->field[FIELD_UID] = d->owners->uid[owner];
	s->field[FIELD_GID] = d->owners->gid[owner];
}

static void any_spec(struct derive *d, struct spec *s, enum way way)
{
	bool v6 = d->rs->family->v6;

	memset(s, 0, sizeof(*s));
	s->family = d->rs->family;
	s->way = way;
	s->in = way == WAY_OUT ? DEV_NONE : any_dev(d);
	s->out = way == WAY_IN ? DEV_NONE : any_dev(d);
	s->src = any_addr(d, v6 ? ANY_SRC6 : ANY_SRC4);
	s->dst = any_addr(d, v6 ? ANY_DST6 : ANY_DST4);
	s->proto = any_proto(d);
	s->ihl = 5;
	s->sport = any_port(d);
	s->dport = any_port(d);
	s->flags = any_flags(d);
	s->icmp_type = any_icmp(d);
	s->doff = DOFF_RIGHT;
	s->cut = CUT_NONE;
	s->payload = rng_below(&d->rng, 64);
	s->linear = LINEAR_ALL;
	any_fields(d, s);
	if (d->rs->conntrack && rng_one_in(&d->rng, 3))
		s->ct = rng_below(&d->rng, NUM_CT_KINDS);
}

static enum way any_way(struct derive *d, enum hook hook)
{
	static const enum way ways[NUM_HOOKS][2] = {
		[HOOK_PREROUTING]	= { WAY_IN, WAY_THROUGH },
		[HOOK_INPUT]		= { WAY_IN, WAY_IN },
		[HOOK_FORWARD]		= { WAY_THROUGH, WAY_THROUGH },
		[HOOK_OUTPUT]		= { WAY_OUT, WAY_OUT },
		[HOOK_POSTROUTING]	= { WAY_OUT, WAY_THROUGH },
	};

	return ways[hook][rng_below(&d->rng, 2)];
}

/* What cannot be: lo neither forwards nor is it another device's neighbour */
static bool settle_way(struct spec *s)
{
	return s->way != WAY_THROUGH || (s->in != DEV_LO && s->out != DEV_LO);
}

static bool make_hit(struct derive *d, struct spec *s, enum hook h,
		     const struct rule *r)
{
	bool nat = d->rs->chains[r->chain].table == TABLE_NAT;
	const struct rule *path[MAX_PATH];
	unsigned int depth = paths_to(&d->paths, h, r->chain, path);

	for (int i = 0; i < MAX_TRIES; i++) {
		any_spec(d, s, any_way(d, h));
		if (nat)
			s->ct = CT_NONE;
		for (unsigned int p = depth; p; p--)
			spec_force(s, path[p - 1], d->devs, &d->rng);
		spec_force(s, r, d->devs, &d->rng);
		if (settle_way(s) && spec_reaches(s, d->rs, d->devs, r,
						  &d->budget))
			return true;
	}
	return false;
}

/* A hook from which the rule can be reached, HOOK_INPUT if from none */
static enum hook any_hook(struct derive *d, const struct rule *r)
{
	int start = rng_below(&d->rng, NUM_HOOKS);

	for (int i = 0; i < NUM_HOOKS; i++)
		if (d->paths.reached[(start + i) % NUM_HOOKS][r->chain])
			return (start + i) % NUM_HOOKS;
	return HOOK_INPUT;
}

static unsigned int port_class(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return 0;
	case IPPROTO_UDP:
		return 1;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return 2;
	}
	return 3;
}

/* Never 0 */
static uint64_t tuple_hash(const struct tuple *t)
{
	uint64_t h = t->src ^ (t->src >> 64);

	h = h * 0x9e3779b97f4a7c15ULL + (uint64_t)(t->dst ^ (t->dst >> 64));
	h = h * 0x9e3779b97f4a7c15ULL + t->dport * 65536ULL + t->sport;
	return (h * 256 + t->proto) | 1;
}

/* A source port that must not be seen, or that looks like that of a service */
static bool nat_changes_port(const struct tuple *t)
{
	return proto_has_ports(t->proto) &&
	       (!t->sport || (t->sport < 16384 && t->dport >= 32768));
}

/*
 * Where NAT has to tell two connections apart that became one, it chooses a
 * port or an ICMP id at random, for each namespace another: one connection only
 * for each client's port then. Returns false if the rule leaves none.
 */
static bool avoid_nat_clash(struct derive *d, struct spec *s,
			    const struct rule *r)
{
	bool reply = s->ct == CT_ERROR ||
		     (s->ct == CT_REPLY && s->proto != s->family->icmp);
	uint16_t *port = reply ? &s->dport : &s->sport;
	const struct range_test *asked;
	struct spec as = *s;
	struct conn conn;
	uint64_t *user;

	if (!(d->rs->tables & (1 << TABLE_NAT)))
		return true;
	asked = r ? (reply ? &r->dport : &r->sport) : NULL;
	if (!r || (!asked->num && !r->ports.num && !r->conntrack))
		*port = 20000 + d->next_port++ % 40000;
	if (as.ct == CT_NONE || as.ct == CT_INVALID)
		as.ct = CT_ORIGINAL;
	as.sport = s->sport;
	as.dport = s->dport;
	spec_conn(&as, &conn);
	if (nat_changes_port(&conn.orig))
		return false;
	user = &d->port_user[port_class(conn.orig.proto)][*port];
	if (!*user)
		*user = tuple_hash(&conn.orig);
	return *user == tuple_hash(&conn.orig);
}

/*
 * A connection of GRE that netlink made is without the timeout that the first
 * packet else takes from the settings: it ends in the tick after its next
 * packet, in one namespace perhaps earlier than in the other.
 */
static void add_spec(struct derive *d, struct spec *s, unsigned int rule,
		     const char *why, struct step_list *steps)
{
	const struct rule *r = d->rs->num_rules ? &d->rs->rules[rule] : NULL;

	s->src &= s->family->addr_all;
	s->dst &= s->family->addr_all;
	if (s->way == WAY_THROUGH && s->in == DEV_LO)
		s->in = DEV_FIRST;
	if (s->way == WAY_THROUGH && s->out == DEV_LO)
		s->out = DEV_FIRST;
	if (s->proto == IPPROTO_GRE && s->ct != CT_INVALID)
		s->ct = CT_NONE;
	if (avoid_nat_clash(d, s, r))
		steps_add(steps, s, d->owners, rule, why);
}

static void add_hits(struct derive *d, unsigned int rule,
		     struct step_list *steps)
{
	const struct rule *r = &d->rs->rules[rule];

	for (int h = 0; h < NUM_HOOKS; h++) {
		struct spec s;

		if (!d->paths.reached[h][r->chain])
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
	add_spec(d, &s, rule, why ? why : "hit", steps);
}

/* For tables without rules: their policies count too */
static void add_any(struct derive *d, struct step_list *steps)
{
	struct spec s;

	any_spec(d, &s, rng_below(&d->rng, NUM_WAYS));
	add_spec(d, &s, 0, "any", steps);
}

void derive_steps(const struct ruleset *rs, const struct devs *devs,
		  const struct owners *owners, uint64_t seed,
		  unsigned int packets, struct step_list *steps)
{
	static struct derive d;

	memset(&d, 0, sizeof(d));
	d.rs = rs;
	d.devs = devs;
	d.owners = owners;
	rng_seed(&d.rng, seed);
	pools_make(&d.pools, rs);
	paths_make(&d.paths, rs);
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
	paths_free(&d.paths);
}
