// SPDX-License-Identifier: GPL-2.0
#include <netinet/in.h>
#include <string.h>

#include "spec.h"

/*
 * Ways to change a packet that hits a rule, most of them to the edge of what
 * the rule asks for or just beyond. Each says what it did, NULL if the rule has
 * nothing that it applies to.
 */

struct vary {
	struct spec *s;
	const struct rule *r;
	const struct ruleset *rs;
	const struct devs *devs;
	struct rng *rng;
};

static uint32_t pick(struct vary *v, uint32_t n)
{
	return rng_below(v->rng, n);
}

static __uint128_t any_bit(struct vary *v)
{
	return (__uint128_t)1 << pick(v, 8 * v->s->family->addr_len);
}

static const char *vary_addr(struct vary *v, __uint128_t *addr,
			     const struct addr_test *t)
{
	__uint128_t last = t->addr | ~t->mask;

	if (!t->mask)
		return NULL;
	switch (pick(v, 6)) {
	case 0:
		*addr = t->addr;
		return "first address";
	case 1:
		*addr = t->addr - 1;
		return "address before the first";
	case 2:
		*addr = last;
		return "last address";
	case 3:
		*addr = last + 1;
		return "address behind the last";
	case 4:
		*addr ^= t->mask & any_bit(v);
		return "one address bit changed under the mask";
	default:
		*addr ^= ~t->mask & any_bit(v);
		return "one address bit changed outside the mask";
	}
}

static const char *vary_src(struct vary *v)
{
	return vary_addr(v, &v->s->src, &v->r->src);
}

static const char *vary_dst(struct vary *v)
{
	return vary_addr(v, &v->s->dst, &v->r->dst);
}

static const char *vary_addr_range(struct vary *v, __uint128_t *addr,
				   const struct addr_range_test *t)
{
	if (!t->set)
		return NULL;
	switch (pick(v, 4)) {
	case 0:
		*addr = t->lo;
		return "first address of the range";
	case 1:
		*addr = t->lo - 1;
		return "address before the range";
	case 2:
		*addr = t->hi;
		return "last address of the range";
	default:
		*addr = t->hi + 1;
		return "address behind the range";
	}
}

static const char *vary_src_range(struct vary *v)
{
	return vary_addr_range(v, &v->s->src, &v->r->src_range);
}

static const char *vary_dst_range(struct vary *v)
{
	return vary_addr_range(v, &v->s->dst, &v->r->dst_range);
}

/* In the sets or not, now and then just beyond all of them */
static const char *vary_set(struct vary *v)
{
	__uint128_t addr = set_addr(v->s->family, pick(v, NUM_SET_ADDRS + 1));

	if (!v->r->num_sets)
		return NULL;
	if (pick(v, 2))
		v->s->src = addr;
	else
		v->s->dst = addr;
	return "another address of the sets";
}

static const char *vary_in(struct vary *v)
{
	if (v->s->in == DEV_NONE)
		return NULL;
	v->s->in = pick(v, v->devs->num);
	return "any input device";
}

static const char *vary_out(struct vary *v)
{
	if (v->s->out == DEV_NONE)
		return NULL;
	v->s->out = pick(v, v->devs->num);
	return "any output device";
}

static const char *vary_proto(struct vary *v)
{
	static const uint8_t values[] = { 0, 1, 6, 17, 136, 132, 4, 255, 58, 50, 51, 59 };

	switch (pick(v, 3)) {
	case 0:
		v->s->proto++;
		return "next protocol";
	case 1:
		v->s->proto--;
		return "previous protocol";
	default:
		v->s->proto = values[pick(v, ARRAY_SIZE(values))];
		return "any protocol";
	}
}

static const char *vary_port(struct vary *v, uint16_t *port,
			     const struct range_test *t)
{
	static const uint16_t edges[] = { 0, 1, 65534, 65535 };
	const struct range *r;

	if (!t->num)
		return NULL;
	r = &t->range[pick(v, t->num)];
	switch (pick(v, 5)) {
	case 0:
		*port = r->lo;
		return "first port";
	case 1:
		*port = r->lo - 1;
		return "port before the first";
	case 2:
		*port = r->hi;
		return "last port";
	case 3:
		*port = r->hi + 1;
		return "port behind the last";
	default:
		*port = edges[pick(v, ARRAY_SIZE(edges))];
		return "a port at the edge of all";
	}
}

static const char *vary_sport(struct vary *v)
{
	return vary_port(v, &v->s->sport, &v->r->sport);
}

static const char *vary_dport(struct vary *v)
{
	return vary_port(v, &v->s->dport, &v->r->dport);
}

static const char *vary_either_port(struct vary *v)
{
	return vary_port(v, pick(v, 2) ? &v->s->sport : &v->s->dport,
			 &v->r->ports);
}

static const char *vary_swapped_ports(struct vary *v)
{
	uint16_t port = v->s->sport;

	v->s->sport = v->s->dport;
	v->s->dport = port;
	return "ports swapped";
}

static const char *vary_flag(struct vary *v)
{
	if (v->s->proto != IPPROTO_TCP)
		return NULL;
	v->s->flags ^= 1 << pick(v, 8);
	return "one TCP flag changed";
}

static const char *vary_flags(struct vary *v)
{
	if (v->s->proto != IPPROTO_TCP)
		return NULL;
	v->s->flags = rng_next(v->rng);
	return "any TCP flags";
}

/* Bytes of which many make a list of options that is cut off or loops */
static const char *vary_options(struct vary *v)
{
	static const uint8_t kinds[] = { 0, 1, 2, 3, 4, 5, 8, 30, 255 };
	struct spec *s = v->s;

	if (s->proto != IPPROTO_TCP)
		return NULL;
	s->options_len = pick(v, 41);
	for (int i = 0; i < s->options_len; i++) {
		s->options[i] = kinds[pick(v, ARRAY_SIZE(kinds))];
		if (v->r->tcp_option.set && pick(v, 8) == 0)
			s->options[i] = v->r->tcp_option.value;
	}
	return "any TCP options";
}

/* The option that the rule asks for, where it may or may not be found */
static const char *vary_option_place(struct vary *v)
{
	struct spec *s = v->s;
	unsigned int at = pick(v, 36);

	if (s->proto != IPPROTO_TCP || !v->r->tcp_option.set)
		return NULL;
	memset(s->options, 1, sizeof(s->options));
	s->options[at] = v->r->tcp_option.value;
	s->options[at + 1] = pick(v, 4);
	s->options_len = at + 1 + pick(v, 4);
	return "TCP option at any place";
}

static const char *vary_doff(struct vary *v)
{
	if (v->s->proto != IPPROTO_TCP)
		return NULL;
	v->s->doff = pick(v, 16);
	return "any TCP data offset";
}

static const char *vary_icmp(struct vary *v)
{
	struct spec *s = v->s;

	if (s->proto != s->family->icmp)
		return NULL;
	switch (pick(v, 6)) {
	case 0:
		s->icmp_type++;
		return "next ICMP type";
	case 1:
		s->icmp_type--;
		return "previous ICMP type";
	case 2:
		s->icmp_code++;
		return "next ICMP code";
	case 3:
		s->icmp_code--;
		return "previous ICMP code";
	case 4:
		s->icmp_type = 255;
		return "ICMP type 255";
	default:
		s->icmp_type = pick(v, 20) + (s->family->v6 ? 128 : 0);
		s->icmp_code = pick(v, 4);
		return "any ICMP type and code";
	}
}

static const char *vary_fragment(struct vary *v)
{
	static const uint16_t offsets[] = { 0, 1, 2, 3, 185, 8191 };

	v->s->fragoff = offsets[pick(v, ARRAY_SIZE(offsets))];
	v->s->mf = pick(v, 2) || !v->s->fragoff;
	return "a fragment";
}

static const char *vary_split(struct vary *v)
{
	v->s->split = 1 + pick(v, 4);
	v->s->swapped = pick(v, 2);
	v->s->payload = 40 + pick(v, 40);
	return "in two fragments";
}

static const char *vary_df(struct vary *v)
{
	if (v->s->family->v6)
		return NULL;
	v->s->df = true;
	return "do not fragment";
}

static const char *vary_cut(struct vary *v)
{
	v->s->cut = pick(v, v->s->num_exts ? 64 : 24);
	return "transport header cut off";
}

static const char *vary_fragment_cut(struct vary *v)
{
	vary_fragment(v);
	vary_cut(v);
	return "a short fragment";
}

static const char *vary_ip_options(struct vary *v)
{
	if (v->s->family->v6)
		return NULL;
	v->s->ihl = 6 + pick(v, 10);
	return "with IP options";
}

static const char *vary_linear(struct vary *v)
{
	if (v->s->in == DEV_NONE || v->s->in == DEV_LO)
		return NULL;
	v->s->linear = pick(v, 2) ? 0 : pick(v, 64);
	return "not linear";
}

static const char *vary_linear_cut(struct vary *v)
{
	if (!vary_linear(v))
		return NULL;
	vary_cut(v);
	return "not linear, transport header cut off";
}

static const char *vary_padding(struct vary *v)
{
	if (v->s->in == DEV_NONE || v->s->in == DEV_LO)
		return NULL;
	v->s->padding = 1 + pick(v, 40);
	if (pick(v, 2))
		v->s->cut = pick(v, 8);
	return "padded";
}

static const char *vary_csum(struct vary *v)
{
	v->s->bad_csum = true;
	return "wrong checksum";
}

static const char *vary_payload(struct vary *v)
{
	v->s->payload = pick(v, 1200);
	return "any payload";
}

static const char *vary_ct(struct vary *v)
{
	if (!v->rs->conntrack)
		return NULL;
	v->s->ct = pick(v, NUM_CT_KINDS);
	if (v->s->ct == CT_ERROR) {
		v->s->proto = v->s->family->icmp;
		v->s->icmp_type = v->s->family->icmp_error;
	}
	if (v->s->ct == CT_INVALID)
		v->s->bad_csum = true;
	return "another connection state";
}

static const char *vary_ct_addr(struct vary *v)
{
	unsigned int end = pick(v, NUM_CT_ENDS);

	if (!v->r->conntrack)
		return NULL;
	return vary_addr(v, pick(v, 2) ? &v->s->src : &v->s->dst,
			 &v->r->ct_addr[end]);
}

static const char *vary_ct_port(struct vary *v)
{
	unsigned int end = pick(v, NUM_CT_ENDS);

	if (!v->r->conntrack)
		return NULL;
	return vary_port(v, pick(v, 2) ? &v->s->sport : &v->s->dport,
			 &v->r->ct_port[end]);
}

/* Fields that the rule asks for, to their edges and beyond */
static const char *vary_field(struct vary *v)
{
	unsigned int start = pick(v, NUM_FIELDS);

	for (int i = 0; i < NUM_FIELDS; i++) {
		enum field field = (start + i) % NUM_FIELDS;
		const struct field_test *t = &v->r->field[field];
		uint64_t *value = &v->s->field[field];

		if (!t->mask || field == FIELD_LENGTH)
			continue;
		switch (pick(v, 5)) {
		case 0:
			*value = t->lo;
			return "first value";
		case 1:
			*value = t->lo - 1;
			return "value before the first";
		case 2:
			*value = t->hi;
			return "last value";
		case 3:
			*value = t->hi + 1;
			return "value behind the last";
		default:
			*value ^= 1ULL << pick(v, field == FIELD_MAC ? 40 : 32);
			return "one bit of a value changed";
		}
	}
	return NULL;
}

static const char *vary_any_field(struct vary *v)
{
	static const uint8_t ttls[] = { 0, 1, 2, 63, 128, 255 };

	switch (pick(v, 3)) {
	case 0:
		v->s->field[FIELD_TTL] = ttls[pick(v, ARRAY_SIZE(ttls))];
		return "another TTL";
	case 1:
		v->s->field[FIELD_TOS] = pick(v, 256);
		return "any TOS";
	default:
		v->s->field[FIELD_MARK] = 1U << pick(v, 32);
		return "any mark";
	}
}

static const char *vary_pkt(struct vary *v)
{
	v->s->field[FIELD_PKT] = pick(v, 3);
	return "broadcast or multicast";
}

static const char *vary_length(struct vary *v)
{
	const struct field_test *t = &v->r->field[FIELD_LENGTH];
	unsigned int headers = spec_len(v->s) - v->s->payload;
	uint64_t wanted = (pick(v, 2) ? t->lo : t->hi) + pick(v, 3) - 1;

	if (!t->mask || wanted < headers || wanted > 1400)
		return NULL;
	v->s->payload = wanted - headers;
	return "a length at the edge";
}

static const char *vary_ipv6(struct vary *v)
{
	return v->s->family->v6 ? spec_vary6(v->s, v->rng) : NULL;
}

static const char *vary_nothing(struct vary *v)
{
	return "hit";
}

static const char *(* const ways[])(struct vary *v) = {
	vary_src, vary_src, vary_dst, vary_dst,
	vary_src_range, vary_dst_range, vary_set, vary_set,
	vary_field, vary_field, vary_field, vary_any_field, vary_pkt,
	vary_length, vary_ipv6, vary_ipv6, vary_ipv6, vary_ipv6, vary_ipv6,
	vary_in, vary_out, vary_proto,
	vary_sport, vary_sport, vary_dport, vary_dport, vary_either_port,
	vary_swapped_ports,
	vary_flag, vary_flags, vary_options, vary_option_place,
	vary_option_place, vary_doff,
	vary_icmp, vary_icmp,
	vary_fragment, vary_fragment, vary_fragment_cut, vary_split, vary_df,
	vary_cut, vary_cut,
	vary_ip_options,
	vary_linear, vary_linear, vary_linear_cut,
	vary_padding, vary_csum, vary_payload,
	vary_ct, vary_ct, vary_ct_addr, vary_ct_port,
	vary_nothing, vary_nothing, vary_nothing,
};

/* Extension headers may come to a payload that was as long as can be without */
static void fit(struct spec *s)
{
	unsigned int len = spec_len(s) - s->payload + s->padding, room;

	for (unsigned int i = 0; i < s->num_exts; i++)
		len += 12 + 8 * s->ext[i].len;
	room = len < MAX_PACKET ? MAX_PACKET - len : 0;
	if (s->payload > room)
		s->payload = room;
}

const char *spec_vary(struct spec *s, const struct rule *r,
		      const struct ruleset *rs, const struct devs *devs,
		      struct rng *rng)
{
	struct vary v = {
		.s = s, .r = r, .rs = rs, .devs = devs, .rng = rng,
	};
	const char *how = ways[rng_below(rng, ARRAY_SIZE(ways))](&v);

	fit(s);
	return how;
}
