// SPDX-License-Identifier: GPL-2.0
#include <netinet/in.h>
#include <string.h>

#include "spec.h"

/* What a packet's protocol and connection are, and what conntrack knows of it */

bool proto_has_ports(uint8_t proto)
{
	static const uint8_t protos[] = {
		IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE, IPPROTO_SCTP,
		IPPROTO_DCCP,
	};

	return memchr(protos, proto, sizeof(protos));
}

bool icmp_is_echo(uint8_t proto, uint8_t type)
{
	if (proto == IPPROTO_ICMPV6)
		return type == 128 || type == 129;
	return type == 8 || type == 0;
}

unsigned int spec_l4_len(const struct spec *s)
{
	switch (s->proto) {
	case IPPROTO_TCP:
		return 20 + (s->options_len + 3) / 4 * 4;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return 8;
	}
	return 20;
}

unsigned int spec_len(const struct spec *s)
{
	return (s->family->v6 ? 40 : s->ihl * 4) + spec_l4_len(s) + s->payload;
}

static uint8_t icmp_inverse(uint8_t proto, uint8_t type)
{
	static const uint8_t inverse[] = {
		[0] = 8, [8] = 0, [13] = 14, [14] = 13,
		[15] = 16, [16] = 15, [17] = 18, [18] = 17,
	};

	if (proto == IPPROTO_ICMPV6)
		return type == 128 || type == 129 ? type ^ 1 : type;
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

	if (t->proto == IPPROTO_ICMP || t->proto == IPPROTO_ICMPV6) {
		inv.sport = t->sport;
		inv.dport = icmp_inverse(t->proto, t->dport >> 8) << 8 |
			    (t->dport & 0xff);
	}
	return inv;
}

/*
 * Addresses that connections are translated to; no rule needs to name them. Two
 * connections hardly ever get the same: the kernel would choose ports at random.
 */
#define NAT_NET4	((__uint128_t)0x0afe0000)	/* 10.254.0.0/16 */
#define NAT_NET6	((__uint128_t)0x20010db8fffe0000 << 64)
#define MASTER_SRC4	0xc0000261			/* 192.0.2.97 */
#define MASTER_SRC6	(NAT_NET6 | (__uint128_t)1 << 64)

static __uint128_t nat_addr(const struct spec *s, const struct tuple *t)
{
	const uint64_t parts[] = {
		t->src >> 64, t->src, t->dst >> 64, t->dst,
		(uint64_t)t->sport << 32 | t->dport << 8 | t->proto,
	};
	uint64_t h = 0;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		h = (h ^ parts[i]) * 0x9e3779b97f4a7c15ULL;
		h ^= h >> 32;
	}
	return s->family->v6 ? NAT_NET6 + (uint32_t)h : NAT_NET4 + (uint16_t)h;
}

bool spec_conn(const struct spec *s, struct conn *conn)
{
	memset(conn, 0, sizeof(*conn));
	if (s->ct == CT_NONE || s->ct == CT_INVALID)
		return false;
	conn->family = s->family;
	conn->orig.src = s->src;
	conn->orig.dst = s->dst;
	conn->orig.proto = s->ct == CT_ERROR ? IPPROTO_UDP : s->proto;
	if (conn->orig.proto == s->family->icmp) {
		conn->orig.sport = s->sport;
		conn->orig.dport = s->icmp_type << 8 | s->icmp_code;
	} else if (s->ct == CT_ERROR || proto_has_ports(s->proto)) {
		conn->orig.sport = s->sport;
		conn->orig.dport = s->dport;
	}
	if (s->ct == CT_REPLY || s->ct == CT_ERROR)
		conn->orig = tuple_inverse(&conn->orig);
	if (s->ct == CT_SNAT)
		conn->nat_src = nat_addr(s, &conn->orig);
	if (s->ct == CT_DNAT)
		conn->nat_dst = nat_addr(s, &conn->orig);
	if (s->ct == CT_EXPECTED) {
		conn->expected = true;
		conn->master = conn->orig;
		conn->master.src = s->family->v6 ? MASTER_SRC6 : MASTER_SRC4;
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
