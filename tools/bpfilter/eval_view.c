// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <linux/if_packet.h>
#include <linux/netfilter/xt_conntrack.h>

#include "eval.h"

/* The part of the IR's interpreter that looks at packets */

/* enum of the kernel: SKB_GSO_TCPV4 | SKB_GSO_TCPV6, a train of TCP segments */
#define GSO_TCP		0x11

#define EVAL_UNKNOWN	(EVAL_FAILS | EVAL_HOLDS)

/* A set of one */
static unsigned int known(bool holds)
{
	return holds ? EVAL_HOLDS : EVAL_FAILS;
}

static unsigned int inverted(unsigned int set, bool invert)
{
	if (!invert || set == EVAL_UNKNOWN)
		return set;
	return known(set == EVAL_FAILS);
}

static void view_set(struct eval_view *v, const struct packet *pkt)
{
	v->pkt = pkt;
	v->len = packet_bytes(pkt, v->bytes);
	v->mark = pkt->mark;
	v->unknown |= pkt->unknown;
	packet_transport(v->bytes, v->len, pkt->is_ip6, &v->at);
}

/**
 * eval_view_open() - look at a packet that enters a table
 * @v:		its ruleset and operations are set
 * @pkt:	packet
 */
void eval_view_open(struct eval_view *v, const struct packet *pkt)
{
	v->first = pkt;
	v->unknown = 0;
	v->kept_fragoff = 0;
	view_set(v, pkt);
}

/**
 * eval_view_change() - a target changed the packet
 * @v:		view
 * @pkt:	what it is now
 */
void eval_view_change(struct eval_view *v, const struct packet *pkt)
{
	const struct packet_transport before = v->at;

	view_set(v, pkt);
	if (!pkt->is_ip6) {
		v->at.thoff = before.thoff;
		v->at.fragoff = before.fragoff;
	}
}

/**
 * eval_packet_len() - how long is the packet?
 * @v:		view
 *
 * Return: number of bytes, as skb->len.
 */
unsigned int eval_packet_len(const struct eval_view *v)
{
	return v->len + v->pkt->more_len;
}

static bool is_unknown(const struct eval_view *v, enum ir_field field)
{
	return v->unknown & 1ULL << field;
}

/* --- Fields --- */

/* A byte of the transport header; those that are not there have no say */
static uint8_t l4_u8(const struct eval_view *v, unsigned int off)
{
	off += v->at.thoff;
	return off < v->len ? v->bytes[off] : 0;
}

static uint16_t l4_u16(const struct eval_view *v, unsigned int off)
{
	return l4_u8(v, off) << 8 | l4_u8(v, off + 1);
}

static uint32_t l4_u32(const struct eval_view *v, unsigned int off)
{
	return (uint32_t)l4_u16(v, off) << 16 | l4_u16(v, off + 2);
}

static bool l4_has(const struct eval_view *v, unsigned int off, unsigned int len)
{
	return v->at.thoff + off + len <= v->len;
}

static uint64_t ct_state(const struct packet *pkt)
{
	uint64_t state;

	if (!pkt->conn)
		return pkt->untracked ? XT_CONNTRACK_STATE_UNTRACKED :
					XT_CONNTRACK_STATE_INVALID;
	state = XT_CONNTRACK_STATE_BIT(pkt->ctinfo);
	if (pkt->status & IPS_SRC_NAT)
		state |= XT_CONNTRACK_STATE_SNAT;
	if (pkt->status & IPS_DST_NAT)
		state |= XT_CONNTRACK_STATE_DNAT;
	return state;
}

static uint32_t ip_len(const struct eval_view *v)
{
	const struct packet *pkt = v->pkt;

	if (pkt->is_ip6 || !pkt->no_len)
		return eval_packet_len(v);
	return pkt->gso_size && pkt->gso_type & GSO_TCP ? eval_packet_len(v) : 0;
}

static uint8_t pkttype(const struct packet *pkt)
{
	if (pkt->link.type != PACKET_LOOPBACK)
		return pkt->link.type;
	if (pkt->is_ip6 || IN_MULTICAST(pkt->daddr))
		return PACKET_MULTICAST;
	return PACKET_BROADCAST;
}

static uint32_t l4_spi(const struct eval_view *v)
{
	return l4_u32(v, v->at.proto == IPPROTO_AH ? 4 : 0);
}

static uint64_t field_value(const struct eval_view *v, enum ir_field field)
{
	const struct packet *pkt = v->pkt;

	switch (field) {
	case IR_FIELD_IP_SADDR:
		return pkt->saddr;
	case IR_FIELD_IP_DADDR:
		return pkt->daddr;
	case IR_FIELD_IP_PROTO:
		return v->at.proto;
	case IR_FIELD_IP_FRAGOFF:
		return v->at.fragoff;
	case IR_FIELD_IP_TOS:
		return pkt->tos;
	case IR_FIELD_IP_TTL:
		return pkt->ttl;
	case IR_FIELD_IP_LEN:
		return ip_len(v);
	case IR_FIELD_L4_SPORT:
	case IR_FIELD_ICMP_TYPECODE:
		return l4_u16(v, 0);
	case IR_FIELD_L4_DPORT:
		return l4_u16(v, 2);
	case IR_FIELD_TCP_FLAGS:
		return l4_u8(v, 13);
	case IR_FIELD_L4_SPI:
		return l4_spi(v);
	case IR_FIELD_MARK:
		return v->mark;
	case IR_FIELD_PKTTYPE:
		return pkttype(pkt);
	case IR_FIELD_CT_STATE:
		return ct_state(pkt);
	case IR_FIELD_CT_STATUS:
		return pkt->status & 0xffff;
	case IR_FIELD_CT_REPLY:
		return pkt->ctinfo >= IP_CT_IS_REPLY;
	case IR_FIELD_CT_PROTO:
		return pkt->ct_proto;
	case IR_FIELD_CT_ORIGSRC:
		return pkt->orig.src;
	case IR_FIELD_CT_ORIGDST:
		return pkt->orig.dst;
	case IR_FIELD_CT_REPLSRC:
		return pkt->repl.src;
	case IR_FIELD_CT_REPLDST:
		return pkt->repl.dst;
	case IR_FIELD_CT_ORIGSRC_PORT:
		return pkt->orig.sport;
	case IR_FIELD_CT_ORIGDST_PORT:
		return pkt->orig.dport;
	case IR_FIELD_CT_REPLSRC_PORT:
		return pkt->repl.sport;
	case IR_FIELD_CT_REPLDST_PORT:
		return pkt->repl.dport;
	case IR_FIELD_CT_MARK:
		return pkt->ct_mark;
	case IR_FIELD_CT_EXPIRES:
		return pkt->expires;
	case IR_FIELD_IP6_SADDR:
	case IR_FIELD_IP6_DADDR:
	case IR_FIELD_IFACE_IN:
	case IR_FIELD_IFACE_OUT:
	case IR_FIELD_TCP_OPTION:
	case IR_FIELD_MAC_SADDR:
	case IR_FIELD_COUNT:
		break;
	}
	abort();
}

/* A MAC header behind the start of the network header is part of that */
static void mac_source(const struct eval_view *v, uint8_t out[ETHER_ADDR_LEN])
{
	const struct packet_link *l = &v->pkt->link;

	memcpy(out, l->len < 0 ? v->bytes + 6 - l->len : l->source,
	       ETHER_ADDR_LEN);
}

/* Devices do not change on the way */
static void field_bytes(const struct eval_view *v, enum ir_field field,
			uint8_t out[IR_BYTES_MAX])
{
	switch (field) {
	case IR_FIELD_IP6_SADDR:
		memcpy(out, v->pkt->saddr6, IR_BYTES_MAX);
		return;
	case IR_FIELD_IP6_DADDR:
		memcpy(out, v->pkt->daddr6, IR_BYTES_MAX);
		return;
	case IR_FIELD_IFACE_IN:
		memcpy(out, v->first->in, IR_BYTES_MAX);
		return;
	case IR_FIELD_IFACE_OUT:
		memcpy(out, v->first->out, IR_BYTES_MAX);
		return;
	case IR_FIELD_MAC_SADDR:
		memset(out, 0, IR_BYTES_MAX);
		mac_source(v, out);
		return;
	default:
		abort();
	}
}

/* --- Tests, each of which says a set --- */

static bool is_state_unknown(const struct eval_view *v, uint64_t mask)
{
	if (is_unknown(v, IR_FIELD_CT_STATE))
		return true;
	return mask & (XT_CONNTRACK_STATE_SNAT | XT_CONNTRACK_STATE_DNAT) &&
	       v->unknown & PACKET_UNKNOWN_NAT && v->pkt->conn;
}

static bool is_value_unknown(const struct eval_view *v, const struct ir_test *t,
			     uint64_t mask)
{
	if (t->field == IR_FIELD_CT_STATE)
		return is_state_unknown(v, mask);
	return is_unknown(v, t->field);
}

static unsigned int masked(const struct eval_view *v, const struct ir_test *t)
{
	if (is_value_unknown(v, t, t->mask))
		return EVAL_UNKNOWN;
	return known((field_value(v, t->field) & t->mask) == t->value);
}

static unsigned int any_bit(const struct eval_view *v, const struct ir_test *t)
{
	uint64_t value;

	if (is_unknown(v, t->field))
		return EVAL_UNKNOWN;
	value = field_value(v, t->field);
	if (!(value & t->mask) && is_value_unknown(v, t, t->mask))
		return EVAL_UNKNOWN;
	return known(value & t->mask);
}

static unsigned int in_range(const struct eval_view *v, const struct ir_test *t)
{
	uint64_t value;

	if (is_value_unknown(v, t, UINT64_MAX))
		return EVAL_UNKNOWN;
	value = field_value(v, t->field);
	return known(t->lo <= value && value <= t->hi);
}

static unsigned int bytes_masked(const struct eval_view *v,
				 const struct ir_test *t)
{
	uint8_t field[IR_BYTES_MAX];

	if (is_unknown(v, t->field))
		return EVAL_UNKNOWN;
	field_bytes(v, t->field, field);
	for (int i = 0; i < IR_BYTES_MAX; i++)
		if ((field[i] & t->bytes_mask[i]) != t->bytes[i])
			return EVAL_FAILS;
	return EVAL_HOLDS;
}

static unsigned int bytes_in_range(const struct eval_view *v,
				   const struct ir_test *t)
{
	uint8_t field[IR_BYTES_MAX];

	if (is_unknown(v, t->field))
		return EVAL_UNKNOWN;
	field_bytes(v, t->field, field);
	return known(memcmp(t->bytes, field, IR_BYTES_MAX) <= 0 &&
		     memcmp(field, t->bytes_hi, IR_BYTES_MAX) <= 0);
}

static bool port_in_ranges(const struct eval_view *v, const struct ir_test *t,
			   uint16_t port)
{
	for (uint32_t i = 0; i < t->num_ranges; i++) {
		const struct ir_range *r = &v->rs->ranges[t->first_range + i];

		if (port >= r->lo && port <= r->hi)
			return true;
	}
	return false;
}

/* One that holds is enough */
static unsigned int ports(const struct eval_view *v, const struct ir_test *t)
{
	bool no_sport = is_unknown(v, IR_FIELD_L4_SPORT);
	bool no_dport = is_unknown(v, IR_FIELD_L4_DPORT);

	if (t->ports & IR_PORTS_SRC && !no_sport &&
	    port_in_ranges(v, t, l4_u16(v, 0)))
		return EVAL_HOLDS;
	if (t->ports & IR_PORTS_DST && !no_dport &&
	    port_in_ranges(v, t, l4_u16(v, 2)))
		return EVAL_HOLDS;
	if ((t->ports & IR_PORTS_SRC && no_sport) ||
	    (t->ports & IR_PORTS_DST && no_dport))
		return EVAL_UNKNOWN;
	return EVAL_FAILS;
}

static unsigned int option_present(const struct eval_view *v,
				   const struct ir_test *t)
{
	unsigned int end = (l4_u8(v, 12) >> 4) * 4;
	unsigned int i = 20;

	if (end < 20)
		return EVAL_DROPS;
	if (end > 20 && !l4_has(v, 0, end))
		return EVAL_DROPS;
	if (is_unknown(v, IR_FIELD_TCP_OPTION))
		return EVAL_UNKNOWN;
	while (i < end) {
		if (l4_u8(v, i) == t->value)
			return known(!t->invert);
		if (l4_u8(v, i) < 2 || i == end - 1 || !l4_u8(v, i + 1))
			i++;
		else
			i += l4_u8(v, i + 1);
	}
	return known(t->invert);
}

static unsigned int ether_readable(const struct eval_view *v)
{
	const struct packet_link *l = &v->pkt->link;

	if (is_unknown(v, IR_FIELD_MAC_SADDR))
		return EVAL_UNKNOWN;
	if (l->no_dev || l->not_ether || l->no_header)
		return EVAL_FAILS;
	/* A negative length counts as a large one */
	return known(l->len < 0 || l->len >= ETHER_HDR_LEN);
}

static unsigned int header_readable(struct eval_view *v, enum ir_header header)
{
	static const unsigned int min[] = {
		[IR_HEADER_TCP] = 20,
		[IR_HEADER_UDP] = 8,
		[IR_HEADER_ICMP] = 8,
		[IR_HEADER_PORTS] = 4,
		[IR_HEADER_SCTP] = 12,
		[IR_HEADER_AH] = 12,
		[IR_HEADER_ESP] = 8,
	};

	if (header == IR_HEADER_ETHER)
		return ether_readable(v);
	if (header == IR_HEADER_IP6) {
		v->kept_fragoff = v->at.fragoff;
		return v->at.found ? EVAL_HOLDS : EVAL_DROPS;
	}
	if (header == IR_HEADER_TCP && v->at.fragoff == 1)
		return EVAL_DROPS;
	if (v->at.fragoff)
		return EVAL_FAILS;
	return l4_has(v, 0, min[header]) ? EVAL_HOLDS : EVAL_DROPS;
}

static unsigned int ask_match(struct eval_view *v, const struct ir_rule *rule,
			      uint32_t index)
{
	unsigned int set = v->ops->match(v, rule, index);

	if (set != EVAL_HOTDROPS)
		return set;
	v->dropping = true;
	return EVAL_HOLDS;
}

static unsigned int test_eval(struct eval_view *v, const struct ir_rule *rule,
			      const struct ir_test *t)
{
	switch (t->kind) {
	case IR_TEST_MASKED:
		return inverted(masked(v, t), t->invert);
	case IR_TEST_BYTES:
		return inverted(bytes_masked(v, t), t->invert);
	case IR_TEST_RANGE:
		return inverted(in_range(v, t), t->invert);
	case IR_TEST_BYTES_RANGE:
		return inverted(bytes_in_range(v, t), t->invert);
	case IR_TEST_PORTS:
		return inverted(ports(v, t), t->invert);
	case IR_TEST_ANY_BIT:
		return inverted(any_bit(v, t), t->invert);
	case IR_TEST_PRESENT:
		return option_present(v, t);
	case IR_TEST_HEADER:
		return header_readable(v, t->header);
	case IR_TEST_CONN:
		return is_unknown(v, IR_FIELD_CT_STATE) ? EVAL_UNKNOWN :
							  known(v->pkt->conn);
	case IR_TEST_RANDOM:
		return inverted(v->ops->random(v, t->value), t->invert);
	case IR_TEST_BRIDGE:
		return ask_match(v, rule, t->value);
	case IR_TEST_CONST:
		return known(!!t->value != t->invert);
	}
	abort();
}

static void note_unsure(struct eval_view *v, const struct ir_match *m,
			const struct ir_test *t, unsigned int set)
{
	if (v->unsure || !(set & (set - 1)))
		return;
	v->unsure = t;
	v->unsure_in = m;
}

/*
 * What follows a test is looked at where that holds. Without a connection a match
 * ends at IR_TEST_CONN.
 */
static unsigned int match_eval(struct eval_view *v, const struct ir_rule *rule,
			       const struct ir_match *m)
{
	unsigned int set = EVAL_HOLDS, ended = 0;

	for (uint32_t i = 0; set & EVAL_HOLDS && i < m->num; i++) {
		const struct ir_test *t = &v->rs->tests[m->first + i];
		unsigned int out = test_eval(v, rule, t);

		note_unsure(v, m, t, out);
		if (t->kind == IR_TEST_CONN && out & EVAL_FAILS) {
			ended |= known(t->value);
			out &= ~EVAL_FAILS;
		}
		set = (set & ~EVAL_HOLDS) | out;
	}
	return set | ended;
}

/**
 * eval_view_rule() - does a rule match?
 * @v:		view of the packet; notes what is not known of it
 * @rule:	rule
 *
 * Return: the set of what it can say, see EVAL_FAILS.
 */
unsigned int eval_view_rule(struct eval_view *v, const struct ir_rule *rule)
{
	unsigned int set = EVAL_HOLDS;

	v->dropping = false;
	v->unsure = NULL;
	for (uint32_t m = 0; set & EVAL_HOLDS && m < rule->num_matches; m++)
		set = (set & ~EVAL_HOLDS) |
		      match_eval(v, rule,
				 &v->rs->matches[rule->first_match + m]);
	if (set & EVAL_FAILS && v->dropping)
		set = (set & ~EVAL_FAILS) | EVAL_DROPS;
	return set;
}
