// SPDX-License-Identifier: GPL-2.0
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "../diff/build.h"
#include "bench.h"

/*
 * Packets from rules. All are new connections of one length, without options or
 * extension headers, and whole: what a rule asks for beyond that is not made.
 */

/* Where the checksum is in a UDP header */
#define UDP_CSUM_OFF	6

/* Rules that are walked to see if packets get to their rules */
#define WALK_BUDGET	(20UL * 1000 * 1000)

/* How often a name occurs in rules */
struct named {
	char name[16];
	unsigned int times;
};

static void count_name(struct named *named, unsigned int *num,
		       const struct dev_test *t)
{
	char name[32];
	unsigned int i = 0;

	snprintf(name, sizeof(name), "%s%s", t->name, t->wild ? "0" : "");
	if (!*t->name || t->inv || strlen(name) > 15 || !strcmp(name, "lo"))
		return;
	while (i < *num && strcmp(named[i].name, name))
		i++;
	if (i == MAX_DEVS)
		return;
	if (i == *num)
		memcpy(named[(*num)++].name, name, strlen(name) + 1);
	named[i].times++;
}

static int by_times(const void *a, const void *b)
{
	const struct named *x = a, *y = b;

	return (x->times < y->times) - (x->times > y->times);
}

static int add_dev(struct devs *devs, const char *name)
{
	for (int i = 0; i < devs->num; i++)
		if (!strcmp(devs->name[i], name))
			return i;
	memcpy(devs->name[devs->num], name, strlen(name) + 1);
	return devs->num++;
}

/* The names that occur most; without any, one that no rule knows */
static unsigned int add_named(struct maker *m, bool in, int *dev,
			      const char *other)
{
	struct named named[MAX_DEVS] = { 0 };
	unsigned int num = 0;

	for (unsigned int i = 0; i < m->rs->num_rules; i++)
		count_name(named, &num, in ? &m->rs->rules[i].in :
					     &m->rs->rules[i].out);
	qsort(named, num, sizeof(*named), by_times);
	if (num > MAX_NAMED)
		num = MAX_NAMED;
	for (unsigned int i = 0; i < num; i++)
		dev[i] = add_dev(&m->devs, named[i].name);
	if (!num)
		dev[num++] = add_dev(&m->devs, other);
	return num;
}

static unsigned int count_reached(const struct maker *m, enum hook hook)
{
	unsigned int sum = 0;

	for (unsigned int i = 0; i < m->rs->num_chains; i++)
		if (m->paths.reached[hook][i])
			sum += m->rs->chains[i].num;
	return sum;
}

void maker_open(struct maker *m, const struct ruleset *rs, uint64_t seed)
{
	unsigned int through, in;

	m->rs = rs;
	rng_seed(&m->rng, seed);
	paths_make(&m->paths, rs);
	pools_make(&m->pools, rs);
	add_dev(&m->devs, "lo");
	m->num_in = add_named(m, true, m->in, "bench0");
	m->num_out = add_named(m, false, m->out, "bench1");
	through = count_reached(m, HOOK_POSTROUTING);
	m->post = through;
	through += count_reached(m, HOOK_FORWARD);
	in = count_reached(m, HOOK_INPUT);
	m->through = through > in;
	m->early = !through && !in && count_reached(m, HOOK_PREROUTING);
}

void maker_close(struct maker *m)
{
	paths_free(&m->paths);
	pools_free(&m->pools);
}

bool maker_reaches(const struct maker *m, enum way how, unsigned int chain)
{
	if (m->paths.reached[HOOK_PREROUTING][chain])
		return true;
	if (how == WAY_IN)
		return m->paths.reached[HOOK_INPUT][chain];
	return m->paths.reached[HOOK_FORWARD][chain] ||
	       m->paths.reached[HOOK_POSTROUTING][chain];
}

/* --- Any packet --- */

static __uint128_t any_addr(struct maker *m)
{
	uint32_t r = rng_next(&m->rng);

	if (m->rs->family->v6)
		return (__uint128_t)0x20010db8 << 96 |
		       (__uint128_t)rng_next(&m->rng) << 64 | r;
	switch (r % 4) {
	case 0:
		return 0x0a000000 | r >> 8;
	case 1:
		return 0xac100000 | r >> 12;
	case 2:
		return 0xc0a80000 | r >> 16;
	}
	return rng_next(&m->rng);
}

static uint8_t any_proto(struct maker *m)
{
	if (m->pools.num_proto)
		return m->pools.proto[rng_below(&m->rng, m->pools.num_proto)];
	return IPPROTO_UDP;
}

void maker_any(struct maker *m, struct spec *s, enum way how)
{
	memset(s, 0, sizeof(*s));
	s->family = m->rs->family;
	s->way = how;
	s->in = m->in[rng_below(&m->rng, m->num_in)];
	s->out = how == WAY_IN ? DEV_NONE :
				 m->out[rng_below(&m->rng, m->num_out)];
	s->src = any_addr(m);
	s->dst = any_addr(m);
	s->proto = any_proto(m);
	s->ihl = 5;
	s->sport = 1024 + rng_below(&m->rng, 64512);
	s->dport = 1024 + rng_below(&m->rng, 64512);
	s->flags = 0x02;
	s->icmp_type = s->family->v6 ? 128 : 8;
	s->field[FIELD_TTL] = 64;
	s->field[FIELD_MAC] = 0x020000000002;
	s->field[FIELD_SPI] = 256;
	s->field[FIELD_FRAG_ID] = 1;
	s->doff = DOFF_RIGHT;
	s->cut = CUT_NONE;
	s->linear = LINEAR_ALL;
}

/* --- To bytes --- */

/* Addresses with which no packet gets to a hook behind routing */
static bool addr4_routes(uint32_t addr)
{
	return addr >> 24 && addr >> 24 != 127 && addr >> 28 != 14 &&
	       addr != 0xffffffff;
}

static bool addr6_routes(__uint128_t addr)
{
	return addr >> 32 && addr >> 120 != 0xff && addr >> 118 != 0x3fa;
}

static bool addr_passes(const struct maker *m, __uint128_t addr)
{
	if (m->early && !m->rs->family->v6)
		return true;
	return m->rs->family->v6 ? addr6_routes(addr) : addr4_routes(addr);
}

/* It is one of those that are made, see above */
static bool is_plain(const struct spec *s)
{
	return !s->num_exts && !s->options_len && !s->fragoff && !s->mf &&
	       !s->split && s->ihl == 5 && s->doff == DOFF_RIGHT &&
	       (s->ct == CT_NONE || s->ct == CT_INVALID) &&
	       !s->field[FIELD_MARK] && !s->field[FIELD_PKT] &&
	       s->field[FIELD_MAC] == 0x020000000002 &&
	       s->in > DEV_LO && s->out != DEV_LO;
}

bool maker_build(const struct maker *m, const struct spec *s, struct header *h)
{
	struct piece p = { .whole = true, .id = 1 };
	struct buf l4 = { .len = 0 }, b = { .len = 0 };
	struct spec plain = *s;

	if (!is_plain(s) || spec_l4_len(s) > L4_LEN ||
	    !addr_passes(m, s->src) || !addr_passes(m, s->dst))
		return false;
	plain.payload = L4_LEN - spec_l4_len(s);
	put_l4(&l4, &plain);
	if (l4.len != L4_LEN)
		return false;
	/* None is as good, and the same for all */
	if (s->proto == IPPROTO_UDP && !s->family->v6)
		memset(&l4.data[UDP_CSUM_OFF], 0, sizeof(uint16_t));
	p.data = l4.data;
	p.len = l4.len;
	if (s->family->v6)
		put_ipv6(&b, &plain, &p);
	else
		put_ipv4(&b, &plain, &p);
	memset(h, 0, sizeof(*h));
	memcpy(h->bytes, b.data, b.len);
	h->in = s->in;
	h->out = s->way == WAY_IN ? DEV_LO : s->out;
	return true;
}

/* --- For rules --- */

static enum way hook_way(const struct maker *m, enum hook hook)
{
	if (hook == HOOK_PREROUTING)
		return m->through ? WAY_THROUGH : WAY_IN;
	return hook == HOOK_INPUT ? WAY_IN : WAY_THROUGH;
}

static enum hook any_hook(struct maker *m, const struct rule *r)
{
	static const enum hook hooks[] = {
		HOOK_PREROUTING, HOOK_INPUT, HOOK_FORWARD, HOOK_POSTROUTING,
	};
	unsigned int start = rng_below(&m->rng, ARRAY_SIZE(hooks));

	for (unsigned int i = 0; i < ARRAY_SIZE(hooks); i++) {
		enum hook h = hooks[(start + i) % ARRAY_SIZE(hooks)];

		if (m->paths.reached[h][r->chain])
			return h;
	}
	return NUM_HOOKS;
}

static bool try_rule(struct maker *m, const struct rule *r, struct header *h,
		     bool *hits)
{
	enum hook hook = any_hook(m, r);
	const struct rule *path[MAX_PATH];
	unsigned int depth = paths_to(&m->paths, hook, r->chain, path);
	struct spec s;

	maker_any(m, &s, hook_way(m, hook));
	for (; depth; depth--)
		spec_force(&s, path[depth - 1], &m->devs, &m->rng);
	spec_force(&s, r, &m->devs, &m->rng);
	*hits = m->budget && spec_reaches(&s, m->rs, &m->devs, r, &m->budget);
	return maker_build(m, &s, h);
}

/* One that gets to its rule, or else one that fits it */
static bool header_for_rule(struct maker *m, const struct rule *r,
			    struct header *h)
{
	bool made = false, hits = false;
	struct header other;

	for (int i = 0; i < 4 && !hits; i++) {
		if (!try_rule(m, r, &other, &hits))
			continue;
		*h = other;
		made = true;
		if (!m->budget)
			break;
	}
	return made;
}

static void shuffle(struct maker *m, uint32_t *order, uint32_t num)
{
	for (uint32_t i = num; i > 1; i--) {
		uint32_t at = rng_below(&m->rng, i), other = order[i - 1];

		order[i - 1] = order[at];
		order[at] = other;
	}
}

/* Rules that packets can get to, in a random order */
static uint32_t find_rules(struct maker *m, struct traffic *t, uint32_t *order)
{
	uint32_t num = 0;

	for (uint32_t i = 0; i < m->rs->num_rules; i++) {
		const struct rule *r = &m->rs->rules[i];
		struct header h;

		if (any_hook(m, r) == NUM_HOOKS)
			continue;
		if (header_for_rule(m, r, &h))
			order[num++] = i;
		else
			t->no_rules++;
	}
	shuffle(m, order, num);
	t->rules = num;
	return num;
}

/* Cumulated shares of ranks, for Zipf's law */
static double *make_ranks(uint32_t num)
{
	double *sum = xrealloc(NULL, num * sizeof(*sum)), at = 0;

	for (uint32_t i = 0; i < num; i++) {
		at += 1.0 / (i + 1);
		sum[i] = at;
	}
	return sum;
}

static uint32_t draw_rank(struct maker *m, const double *sum, uint32_t num)
{
	double x = sum[num - 1] * rng_next(&m->rng) / 4294967296.0;
	uint32_t lo = 0, hi = num - 1;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (sum[mid] <= x)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static uint32_t next_rule(struct maker *m, const uint32_t *order, uint32_t rules,
			  const double *ranks, uint32_t i)
{
	return order[ranks ? draw_rank(m, ranks, rules) : i % rules];
}

void headers_for_rules(struct maker *m, struct traffic *t, uint32_t num)
{
	uint32_t *order = xrealloc(NULL, (m->rs->num_rules + 1) * sizeof(*order));
	double *ranks = NULL;
	uint32_t rules;

	m->budget = 0;
	rules = find_rules(m, t, order);
	m->budget = WALK_BUDGET;
	t->header = xrealloc(NULL, num * sizeof(*t->header));
	t->num = 0;
	if (t->id == TRAFFIC_ZIPF && rules)
		ranks = make_ranks(rules);
	for (uint32_t i = 0; rules && i < num; i++) {
		uint32_t at = next_rule(m, order, rules, ranks, i);

		if (!ranks && i % rules == 0)
			shuffle(m, order, rules);
		t->num += header_for_rule(m, &m->rs->rules[at],
					  &t->header[t->num]);
	}
	free(ranks);
	free(order);
}
