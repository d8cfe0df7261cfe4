// SPDX-License-Identifier: GPL-2.0
#include <netinet/in.h>

#include "spec.h"

/* Force a packet into a rule: what fits already stays as it is */

struct force {
	struct spec *s;
	const struct rule *r;
	const struct devs *devs;
	struct rng *rng;
};

static uint32_t pick(struct force *f, uint32_t n)
{
	return rng_below(f->rng, n);
}

static void force_addr(struct force *f, __uint128_t *addr,
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

static void force_addr_range(struct force *f, __uint128_t *addr,
			     const struct addr_range_test *t)
{
	if (!t->set || (*addr >= t->lo && *addr <= t->hi) != t->inv)
		return;
	if (t->inv)
		*addr = t->hi + 1;
	else
		*addr = pick(f, 2) ? t->lo : t->hi;
}

static void force_dev(struct force *f, int *dev, const struct dev_test *t)
{
	unsigned int start = pick(f, f->devs->num);

	if (*dev == DEV_NONE || dev_test_matches(t, f->devs->name[*dev]))
		return;
	for (int i = 0; i < f->devs->num; i++) {
		int at = (start + i) % f->devs->num;

		if (dev_test_matches(t, f->devs->name[at])) {
			*dev = at;
			return;
		}
	}
}

static void force_byte(uint8_t *value, const struct byte_test *t)
{
	if (!t->set || (*value == t->value) != t->inv)
		return;
	*value = t->inv ? (t->value == 17 ? 6 : 17) : t->value;
}

static void force_range(struct force *f, uint16_t *value,
			const struct range_test *t)
{
	const struct range *r;

	if (!t->num)
		return;
	r = &t->range[pick(f, t->num)];
	if (t->inv) {
		while (*value >= r->lo && *value <= r->hi && r->hi - r->lo < 65535)
			*value = rng_next(f->rng);
	} else if (*value < r->lo || *value > r->hi) {
		*value = r->lo;
		if (r->hi > r->lo && pick(f, 2))
			*value += pick(f, r->hi - r->lo + 1);
	}
}

static void force_field(struct force *f, enum field field)
{
	const struct field_test *t = &f->r->field[field];
	uint64_t *value = &f->s->field[field], wanted;

	if (field_matches(t, *value))
		return;
	if (t->inv)
		wanted = t->lo ? t->lo - 1 : t->hi + 1;
	else
		wanted = t->lo + (t->hi > t->lo ? pick(f, t->hi - t->lo + 1) : 0);
	*value = (*value & ~t->mask) | (wanted & t->mask);
}

/* As long as the rule wants it, if its headers are not longer than that */
static void force_length(struct force *f)
{
	unsigned int headers = spec_len(f->s) - f->s->payload;
	uint64_t wanted;

	f->s->field[FIELD_LENGTH] = spec_len(f->s);
	force_field(f, FIELD_LENGTH);
	wanted = f->s->field[FIELD_LENGTH];
	if (wanted >= headers && wanted <= 1400)
		f->s->payload = wanted - headers;
}

static void force_tcp(struct spec *s, const struct rule *r)
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
		s->options[2] = 1400 >> 8;
		s->options[3] = 1400 & 0xff;
		s->options_len = 4;
	}
}

static void force_icmp(struct spec *s, const struct icmp_test *t)
{
	if (!t->set || t->type < 0)
		return;
	if (t->inv) {
		if (s->icmp_type == t->type)
			s->icmp_type = t->type ? 0 : 8;
		return;
	}
	s->icmp_type = t->type;
	s->icmp_code = t->code.lo;
}

/* Extension headers in the order in which they should stand */
static void force_ext(struct spec *s, enum ext_kind kind)
{
	unsigned int at = 0;

	for (unsigned int i = 0; i < s->num_exts; i++)
		if (s->ext[i].kind == kind)
			return;
	if (s->num_exts == MAX_EXTS)
		s->num_exts--;
	while (at < s->num_exts && s->ext[at].kind < kind)
		at++;
	for (unsigned int i = s->num_exts; i > at; i--)
		s->ext[i] = s->ext[i - 1];
	s->ext[at] = (struct ext){ .kind = kind, .claim = CLAIM_RIGHT };
	s->num_exts++;
}

static void force_exts(struct force *f)
{
	struct spec *s = f->s;

	for (int kind = 0; kind < NUM_EXT_KINDS; kind++)
		if (f->r->exts & (1 << kind))
			force_ext(s, kind);
	/* The rule counts bytes, all of them */
	for (unsigned int i = 0; i < s->num_exts; i++) {
		unsigned int len = s->field[FIELD_OPT_LEN] / 8;

		if (f->r->field[FIELD_OPT_LEN].mask && len && len < 16 &&
		    (s->ext[i].kind == EXT_HOP || s->ext[i].kind == EXT_DST))
			s->ext[i].len = len - 1;
		if (s->ext[i].kind == EXT_ROUTING &&
		    f->r->field[FIELD_SEGMENTS].mask)
			s->ext[i].len = 2;
	}
}

/* An address that is in all the sets that it should be in, if there is one */
static void force_sets(struct force *f, __uint128_t *addr, bool dst)
{
	unsigned int start = pick(f, NUM_SET_ADDRS);

	for (unsigned int i = 0; i < NUM_SET_ADDRS; i++) {
		unsigned int at = (start + i) % NUM_SET_ADDRS;
		unsigned int fits = 0, asked = 0;

		for (unsigned int n = 0; n < f->r->num_sets; n++) {
			const struct set_test *t = &f->r->sets[n];

			asked += t->dst == dst;
			fits += t->dst == dst &&
				set_has_addr(t->name, at) != t->inv;
		}
		if (!asked || fits < asked)
			continue;
		*addr = set_addr(f->s->family, at);
		return;
	}
}

/* A kind of connection that shows one of these states */
static void force_state(struct force *f, const struct bits_test *t)
{
	for (int i = 0; t->bits && i < 4 * NUM_CT_KINDS; i++) {
		struct ct_view v;

		spec_ct_view(f->s, &v);
		if (!!(v.state & t->bits) != t->inv)
			return;
		f->s->ct = pick(f, NUM_CT_KINDS);
	}
}

static void force_status(struct force *f, const struct bits_test *t)
{
	for (int i = 0; t->bits && i < 4 * NUM_CT_KINDS; i++) {
		struct ct_view v;

		spec_ct_view(f->s, &v);
		if (!!(v.status & t->bits) != t->inv)
			return;
		f->s->ct = pick(f, NUM_CT_KINDS);
	}
}

/* Ends of the original tuple are the packet's own, or swapped in a reply */
static void force_ends(struct force *f)
{
	const struct rule *r = f->r;
	struct spec *s = f->s;
	bool reply;

	if (r->ct_dir == DIR_REPLY)
		s->ct = CT_REPLY;
	else if (r->ct_dir == DIR_ORIGINAL && s->ct == CT_REPLY)
		s->ct = CT_ORIGINAL;
	reply = s->ct == CT_REPLY;
	force_byte(&s->proto, &r->ct_proto);
	force_addr(f, reply ? &s->dst : &s->src, &r->ct_addr[CT_ORIGSRC]);
	force_addr(f, reply ? &s->src : &s->dst, &r->ct_addr[CT_ORIGDST]);
	force_addr(f, reply ? &s->src : &s->dst, &r->ct_addr[CT_REPLSRC]);
	force_addr(f, reply ? &s->dst : &s->src, &r->ct_addr[CT_REPLDST]);
	force_range(f, reply ? &s->dport : &s->sport, &r->ct_port[CT_ORIGSRC]);
	force_range(f, reply ? &s->sport : &s->dport, &r->ct_port[CT_ORIGDST]);
	force_range(f, reply ? &s->sport : &s->dport, &r->ct_port[CT_REPLSRC]);
	force_range(f, reply ? &s->dport : &s->sport, &r->ct_port[CT_REPLDST]);
}

/* What a kind of connection asks of the packet itself */
static void settle_ct(struct spec *s)
{
	if (s->ct == CT_ERROR) {
		s->proto = s->family->icmp;
		if (s->icmp_type != 11 && s->icmp_type != 12)
			s->icmp_type = s->family->icmp_error;
	}
	if (s->ct == CT_INVALID) {
		s->bad_csum = true;
		if (s->proto == IPPROTO_TCP)
			s->flags |= 0x03;
	}
}

void spec_force(struct spec *s, const struct rule *r, const struct devs *devs,
		struct rng *rng)
{
	struct force f = { .s = s, .r = r, .devs = devs, .rng = rng };

	force_sets(&f, &s->src, false);
	force_sets(&f, &s->dst, true);
	force_addr(&f, &s->src, &r->src);
	force_addr(&f, &s->dst, &r->dst);
	force_addr_range(&f, &s->src, &r->src_range);
	force_addr_range(&f, &s->dst, &r->dst_range);
	force_dev(&f, &s->in, &r->in);
	force_dev(&f, &s->out, &r->out);
	force_byte(&s->proto, &r->proto);
	force_range(&f, &s->sport, &r->sport);
	force_range(&f, &s->dport, &r->dport);
	force_range(&f, pick(&f, 2) ? &s->sport : &s->dport, &r->ports);
	force_tcp(s, r);
	force_icmp(s, &r->icmp);
	for (int i = 0; i < NUM_FIELDS; i++)
		if (i != FIELD_LENGTH)
			force_field(&f, i);
	force_length(&f);
	force_exts(&f);
	if (r->frag > 0)
		s->fragoff = pick(&f, 2) ? 185 : 2;
	if (r->conntrack) {
		force_state(&f, &r->state);
		force_status(&f, &r->status);
		force_ends(&f);
	}
	settle_ct(s);
}
