// SPDX-License-Identifier: GPL-2.0
/*
 * Connections of captured packets, as far as conntrack's answer is certain
 *
 * A flow is kept when its first packet was accepted, as conntrack confirms it
 * then. Packets in its direction are NEW until one came the other way, from then
 * on all are ESTABLISHED. Of TCP a flow starts with SYN or, picked up in its
 * middle, with ACK; a packet without a flow that starts none is INVALID. So is an
 * answer of ICMP that nobody asked for, and what conntrack calls malformed. Errors
 * of ICMP are RELATED if they are about a flow. Of SCTP and DCCP nothing is known,
 * and neither windows of TCP nor timeouts nor NAT nor helpers have a
 * part in this.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <linux/netfilter.h>

#include "cmd_test.h"

#define FIELD(name)	(1ULL << IR_FIELD_##name)

#define TUPLE_FIELDS	(FIELD(CT_PROTO) | FIELD(CT_ORIGSRC) | \
			 FIELD(CT_ORIGDST) | FIELD(CT_REPLSRC) | \
			 FIELD(CT_REPLDST) | FIELD(CT_ORIGSRC_PORT) | \
			 FIELD(CT_ORIGDST_PORT) | FIELD(CT_REPLSRC_PORT) | \
			 FIELD(CT_REPLDST_PORT))

#define TCP_FIN		0x01
#define TCP_SYN		0x02
#define TCP_RST		0x04
#define TCP_ACK		0x10
#define TCP_URG		0x20

/* Types of ICMPv6 that have no other name here */
#define NODE_QUERY	139
#define NODE_REPLY	140
#define MLD2_REPORT	143

#define FLOW_BITS	14

/**
 * struct tuple - one direction of a flow
 * @src:	source address, of IPv4 in the first four bytes
 * @dst:	destination address
 * @sport:	source port, or what stands for it
 * @dport:	destination port
 * @proto:	protocol
 */
struct tuple {
	uint8_t src[16];
	uint8_t dst[16];
	uint16_t sport;
	uint16_t dport;
	uint8_t proto;
};

/**
 * struct flow - a connection
 * @next:	with the same hash
 * @orig:	tuple of its first packet
 * @replied:	one came the other way
 * @closing:	FIN or RST of TCP was seen
 */
struct flow {
	struct flow *next;
	struct tuple orig;
	bool replied;
	bool closing;
};

struct test_flows {
	struct flow *hash[1 << FLOW_BITS];
};

/* --- Tuples --- */

static uint16_t get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

/* Requests that have an answer, and the answer's type */
static const uint8_t asks4[][2] = {
	{ ICMP_ECHO, ICMP_ECHOREPLY },
	{ ICMP_TIMESTAMP, ICMP_TIMESTAMPREPLY },
	{ ICMP_INFO_REQUEST, ICMP_INFO_REPLY },
	{ ICMP_ADDRESS, ICMP_ADDRESSREPLY },
};

static const uint8_t asks6[][2] = {
	{ ICMP6_ECHO_REQUEST, ICMP6_ECHO_REPLY },
	{ NODE_QUERY, NODE_REPLY },
};

static bool icmp_pair(uint8_t proto, uint8_t type, bool answer, uint8_t *other)
{
	const uint8_t (*pair)[2] = proto == IPPROTO_ICMP ? asks4 : asks6;
	size_t i, num = proto == IPPROTO_ICMP ? ARRAY_SIZE(asks4) :
						ARRAY_SIZE(asks6);

	for (i = 0; i < num; i++) {
		if (pair[i][answer] != type)
			continue;
		*other = pair[i][!answer];
		return true;
	}
	return false;
}

static bool is_icmp(uint8_t proto)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

static bool has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP ||
	       proto == IPPROTO_UDPLITE || proto == IPPROTO_SCTP ||
	       proto == IPPROTO_DCCP;
}

/* An echo's id stands for the source port, type and code for the other */
static bool tuple_l4(struct tuple *t, const uint8_t *l4, unsigned int len)
{
	if (is_icmp(t->proto)) {
		if (len < 8)
			return false;
		t->sport = get16(l4 + 4);
		t->dport = get16(l4);
	} else if (has_ports(t->proto)) {
		if (len < 4)
			return false;
		t->sport = get16(l4);
		t->dport = get16(l4 + 2);
	}
	return true;
}

static void put_ipv4(uint8_t to[16], uint32_t addr)
{
	addr = htonl(addr);
	memcpy(to, &addr, sizeof(addr));
}

static void tuple_addresses(struct tuple *t, const struct packet *pkt)
{
	memset(t, 0, sizeof(*t));
	if (pkt->is_ip6) {
		memcpy(t->src, pkt->saddr6, 16);
		memcpy(t->dst, pkt->daddr6, 16);
	} else {
		put_ipv4(t->src, pkt->saddr);
		put_ipv4(t->dst, pkt->daddr);
	}
}

static uint8_t transport_proto(const struct packet *pkt)
{
	uint8_t bytes[PACKET_MAX];
	struct packet_transport at;

	packet_transport(bytes, packet_bytes(pkt, bytes), pkt->is_ip6, &at);
	return at.proto;
}

static bool tuple_make(struct tuple *t, const struct packet *pkt)
{
	tuple_addresses(t, pkt);
	t->proto = transport_proto(pkt);
	return tuple_l4(t, pkt->l4, pkt->l4_len);
}

static bool tuple_turn(const struct tuple *t, struct tuple *turned)
{
	uint8_t type;

	*turned = *t;
	memcpy(turned->src, t->dst, sizeof(turned->src));
	memcpy(turned->dst, t->src, sizeof(turned->dst));
	if (!is_icmp(t->proto)) {
		turned->sport = t->dport;
		turned->dport = t->sport;
		return true;
	}
	if (!icmp_pair(t->proto, t->dport >> 8, true, &type))
		return false;
	turned->dport = type << 8 | (t->dport & 0xff);
	return true;
}

/* --- The table --- */

static struct flow **slot(struct test_flows *flows, const struct tuple *t)
{
	const uint8_t *p = (const void *)t;
	uint32_t h = 2166136261U;
	size_t i;

	for (i = 0; i < sizeof(*t); i++)
		h = (h ^ p[i]) * 16777619U;
	return &flows->hash[(h ^ h >> FLOW_BITS) & ((1 << FLOW_BITS) - 1)];
}

static struct flow *find(struct test_flows *flows, const struct tuple *t)
{
	struct flow *f = *slot(flows, t);

	while (f && memcmp(&f->orig, t, sizeof(*t)))
		f = f->next;
	return f;
}

/**
 * test_flows_new - a table of no flows
 *
 * Return: it, freed with test_flows_free(), or NULL
 */
struct test_flows *test_flows_new(void)
{
	return calloc(1, sizeof(struct test_flows));
}

/**
 * test_flows_free - free a table
 * @flows:	it, or NULL
 */
void test_flows_free(struct test_flows *flows)
{
	size_t i;

	for (i = 0; flows && i < ARRAY_SIZE(flows->hash); i++) {
		while (flows->hash[i]) {
			struct flow *f = flows->hash[i];

			flows->hash[i] = f->next;
			free(f);
		}
	}
	free(flows);
}

/* --- States --- */

static void set_invalid(struct packet *pkt)
{
	pkt->conn = false;
	pkt->untracked = false;
}

static void set_conn(struct packet *pkt, enum ip_conntrack_info ctinfo)
{
	pkt->conn = true;
	pkt->ctinfo = ctinfo;
}

static uint32_t tuple_word(const uint8_t addr[16])
{
	return (uint32_t)get16(addr) << 16 | get16(addr + 2);
}

/* Addresses of IPv6 no test looks at */
static void set_tuples(struct packet *pkt, const struct tuple *orig)
{
	struct tuple repl;

	pkt->ct_proto = orig->proto;
	if (is_icmp(orig->proto) || !tuple_turn(orig, &repl))
		return;
	pkt->orig = (struct packet_tuple) {
		tuple_word(orig->src), tuple_word(orig->dst),
		orig->sport, orig->dport,
	};
	pkt->repl = (struct packet_tuple) {
		tuple_word(repl.src), tuple_word(repl.dst),
		repl.sport, repl.dport,
	};
	pkt->unknown &= ~TUPLE_FIELDS;
}

/* Flags that go together, without those that go with all */
static bool is_tcp_valid(const struct packet *pkt)
{
	static const uint8_t valid[] = {
		TCP_SYN, TCP_SYN | TCP_URG, TCP_SYN | TCP_ACK, TCP_RST,
		TCP_RST | TCP_ACK, TCP_FIN | TCP_ACK,
		TCP_FIN | TCP_ACK | TCP_URG, TCP_ACK, TCP_ACK | TCP_URG,
	};
	unsigned int header = (pkt->l4[12] >> 4) * 4;
	uint8_t flags = pkt->l4[13] & (TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK |
				       TCP_URG);
	size_t i;

	if (pkt->l4_len < 20 || header < 20 || header > pkt->l4_len)
		return false;
	for (i = 0; i < ARRAY_SIZE(valid); i++)
		if (valid[i] == flags)
			return true;
	return false;
}

static bool is_udp_valid(const struct packet *pkt)
{
	unsigned int len = get16(pkt->l4 + 4);

	return pkt->l4_len >= 8 && len >= 8 &&
	       len <= pkt->l4_len + pkt->more_len;
}

static bool is_valid(const struct packet *pkt, const struct tuple *t)
{
	if (t->proto == IPPROTO_TCP)
		return is_tcp_valid(pkt);
	if (t->proto == IPPROTO_UDP)
		return is_udp_valid(pkt);
	return t->proto != IPPROTO_ICMP || t->dport >> 8 <= NR_ICMP_TYPES;
}

static bool starts_tcp(const struct packet *pkt)
{
	uint8_t flags = pkt->l4_len > 13 ? pkt->l4[13] : 0;

	if (flags & (TCP_RST | TCP_FIN))
		return false;
	if (flags & TCP_SYN)
		return !(flags & TCP_ACK);
	return flags & TCP_ACK;
}

static bool is_error(uint8_t proto, uint8_t type)
{
	if (proto == IPPROTO_ICMPV6)
		return type < 128;
	return type == ICMP_DEST_UNREACH || type == ICMP_SOURCE_QUENCH ||
	       type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETERPROB ||
	       type == ICMP_REDIRECT;
}

/* The tuple of the packet that an error is about, if there is one */
static bool inner_tuple(const struct packet *pkt, struct tuple *t)
{
	const uint8_t *ip = pkt->l4 + 8;
	unsigned int header = pkt->is_ip6 ? 40 : (ip[0] & 0xf) * 4;

	memset(t, 0, sizeof(*t));
	if (pkt->l4_len < 8 + header + 4 || header < 20 ||
	    ip[0] >> 4 != (pkt->is_ip6 ? 6 : 4))
		return false;
	t->proto = ip[pkt->is_ip6 ? 6 : 9];
	memcpy(t->src, ip + (pkt->is_ip6 ? 8 : 12), pkt->is_ip6 ? 16 : 4);
	memcpy(t->dst, ip + (pkt->is_ip6 ? 24 : 16), pkt->is_ip6 ? 16 : 4);
	return tuple_l4(t, ip + header, pkt->l4_len - 8 - header);
}

/* An error goes back to who sent what it is about */
static void find_related(struct test_flows *flows, struct packet *pkt)
{
	struct tuple inner, turned;

	set_invalid(pkt);
	if (!inner_tuple(pkt, &inner)) {
		/* What is not here might be what it takes */
		if (pkt->more_len)
			pkt->unknown |= FIELD(CT_STATE);
	} else if (find(flows, &inner)) {
		set_conn(pkt, IP_CT_RELATED_REPLY);
	} else if (tuple_turn(&inner, &turned) && find(flows, &turned)) {
		set_conn(pkt, IP_CT_RELATED);
	}
}

/* Neighbours and multicast listeners */
static bool is_never_tracked(const struct tuple *t)
{
	uint8_t type = t->dport >> 8;

	return t->proto == IPPROTO_ICMPV6 &&
	       ((type >= MLD_LISTENER_QUERY && type <= ND_NEIGHBOR_ADVERT) ||
		type == MLD2_REPORT);
}

static void find_new(struct packet *pkt, const struct tuple *t)
{
	uint8_t other;

	set_conn(pkt, IP_CT_NEW);
	if (t->proto == IPPROTO_TCP && !starts_tcp(pkt))
		set_invalid(pkt);
	if (is_icmp(t->proto) && !icmp_pair(t->proto, t->dport >> 8, false,
					    &other))
		set_invalid(pkt);
	if (is_never_tracked(t)) {
		set_invalid(pkt);
		pkt->untracked = true;
	}
	if (pkt->conn)
		set_tuples(pkt, t);
}

static bool reopens(const struct packet *pkt, const struct flow *f)
{
	return f->closing && f->orig.proto == IPPROTO_TCP &&
	       pkt->l4_len > 13 && (pkt->l4[13] & (TCP_SYN | TCP_ACK)) ==
				   TCP_SYN;
}

static void note_closing(const struct packet *pkt, struct flow *f)
{
	if (f->orig.proto == IPPROTO_TCP && pkt->l4_len > 13 &&
	    pkt->l4[13] & (TCP_FIN | TCP_RST))
		f->closing = true;
}

static void find_known(struct packet *pkt, struct flow *f, bool reply)
{
	if (reopens(pkt, f)) {
		f->closing = false;
		f->replied = false;
		if (!reply) {
			find_new(pkt, &f->orig);
			return;
		}
		pkt->unknown |= FIELD(CT_STATE);
	}
	f->replied |= reply;
	note_closing(pkt, f);
	if (reply)
		set_conn(pkt, IP_CT_ESTABLISHED_REPLY);
	else
		set_conn(pkt, f->replied ? IP_CT_ESTABLISHED : IP_CT_NEW);
	set_tuples(pkt, &f->orig);
}

/**
 * test_flow_find - which part a packet has in a connection
 * @flows:	connections so far
 * @pkt:	gets its state
 */
void test_flow_find(struct test_flows *flows, struct packet *pkt)
{
	struct tuple t, turned;
	struct flow *f;

	pkt->unknown &= ~(FIELD(CT_STATE) | FIELD(CT_REPLY));
	if (!tuple_make(&t, pkt) || !is_valid(pkt, &t)) {
		set_invalid(pkt);
		return;
	}
	/* These have a way of their own to begin and to end */
	if (t.proto == IPPROTO_SCTP || t.proto == IPPROTO_DCCP) {
		pkt->unknown |= FIELD(CT_STATE);
		return;
	}
	if (is_icmp(t.proto) && is_error(t.proto, t.dport >> 8)) {
		pkt->unknown |= FIELD(CT_REPLY);
		find_related(flows, pkt);
		return;
	}
	f = find(flows, &t);
	if (f) {
		find_known(pkt, f, false);
		return;
	}
	f = tuple_turn(&t, &turned) ? find(flows, &turned) : NULL;
	if (f)
		find_known(pkt, f, true);
	else
		find_new(pkt, &t);
}

/**
 * test_flow_keep - a packet was accepted
 * @flows:	gets its connection if that is new
 * @pkt:	the packet
 *
 * Return: 0 or -ENOMEM
 */
int test_flow_keep(struct test_flows *flows, const struct packet *pkt)
{
	struct tuple t;
	struct flow *f;

	if (!pkt->conn || pkt->ctinfo != IP_CT_NEW || !tuple_make(&t, pkt) ||
	    find(flows, &t))
		return 0;
	f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->orig = t;
	f->next = *slot(flows, &t);
	*slot(flows, &t) = f;
	return 0;
}
