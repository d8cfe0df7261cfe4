// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <linux/if_packet.h>
#include <linux/netfilter/xt_conntrack.h>

#include "ir_view.h"

#define GSO_TCPV4	1

/* Take the packet as its turn has it */
void ir_view_turn(struct ir_view *v)
{
	const struct packet_transport before = v->at;

	v->pkt = &v->play->pkts[v->turn];
	v->len = packet_bytes(v->pkt, v->bytes);
	v->mark = v->pkt->mark;
	packet_transport(v->bytes, v->len, v->pkt->is_ip6, &v->at);
	if (v->turn && !v->pkt->is_ip6) {
		v->at.thoff = before.thoff;
		v->at.fragoff = before.fragoff;
	}
}

/* --- Fields --- */

/* A byte of the transport header; those that are not there have no say */
static uint8_t l4_u8(const struct ir_view *v, unsigned int off)
{
	off += v->at.thoff;
	return off < v->len ? v->bytes[off] : 0;
}

static uint16_t l4_u16(const struct ir_view *v, unsigned int off)
{
	return l4_u8(v, off) << 8 | l4_u8(v, off + 1);
}

static uint32_t l4_u32(const struct ir_view *v, unsigned int off)
{
	return (uint32_t)l4_u16(v, off) << 16 | l4_u16(v, off + 2);
}

static bool l4_has(const struct ir_view *v, unsigned int off, unsigned int len)
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

static uint32_t ip_len(const struct ir_view *v)
{
	const struct packet *pkt = v->pkt;

	if (pkt->is_ip6 || !pkt->no_len)
		return v->len;
	return pkt->gso_size && pkt->gso_type & GSO_TCPV4 ? v->len : 0;
}

static uint8_t pkttype(const struct packet *pkt)
{
	if (pkt->link.type != PACKET_LOOPBACK)
		return pkt->link.type;
	if (pkt->is_ip6 || IN_MULTICAST(pkt->daddr))
		return PACKET_MULTICAST;
	return PACKET_BROADCAST;
}

static uint32_t l4_spi(const struct ir_view *v)
{
	return l4_u32(v, v->at.proto == IPPROTO_AH ? 4 : 0);
}

static uint64_t field_value(const struct ir_view *v, enum ir_field field)
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
static void mac_source(const struct ir_view *v, uint8_t out[ETHER_ADDR_LEN])
{
	const struct packet_link *l = &v->pkt->link;

	memcpy(out, l->len < 0 ? v->bytes + 6 - l->len : l->source,
	       ETHER_ADDR_LEN);
}

/* Devices do not change on the way */
static void field_bytes(const struct ir_view *v, enum ir_field field,
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
		memcpy(out, v->play->pkts->in, IR_BYTES_MAX);
		return;
	case IR_FIELD_IFACE_OUT:
		memcpy(out, v->play->pkts->out, IR_BYTES_MAX);
		return;
	case IR_FIELD_MAC_SADDR:
		memset(out, 0, IR_BYTES_MAX);
		mac_source(v, out);
		return;
	default:
		abort();
	}
}

/* --- Tests --- */

static bool bytes_hold(const struct ir_view *v, const struct ir_test *t)
{
	uint8_t field[IR_BYTES_MAX];

	field_bytes(v, t->field, field);
	for (int i = 0; i < IR_BYTES_MAX; i++)
		if ((field[i] & t->bytes_mask[i]) != t->bytes[i])
			return false;
	return true;
}

static bool bytes_in_range(const struct ir_view *v, const struct ir_test *t)
{
	uint8_t field[IR_BYTES_MAX];

	field_bytes(v, t->field, field);
	return memcmp(t->bytes, field, IR_BYTES_MAX) <= 0 &&
	       memcmp(field, t->bytes_hi, IR_BYTES_MAX) <= 0;
}

static bool ports_hold(const struct ir_view *v, const struct ir_test *t)
{
	for (uint32_t i = 0; i < t->num_ranges; i++) {
		const struct ir_range *r = &v->rs->ranges[t->first_range + i];
		uint16_t sport = l4_u16(v, 0), dport = l4_u16(v, 2);

		if (t->ports & IR_PORTS_SRC && sport >= r->lo && sport <= r->hi)
			return true;
		if (t->ports & IR_PORTS_DST && dport >= r->lo && dport <= r->hi)
			return true;
	}
	return false;
}

static enum outcome option_present(const struct ir_view *v,
				   const struct ir_test *t)
{
	unsigned int end = (l4_u8(v, 12) >> 4) * 4;
	unsigned int i = 20;

	if (end < 20)
		return TEST_DROPS;
	if (end > 20 && !l4_has(v, 0, end))
		return TEST_DROPS;
	while (i < end) {
		if (l4_u8(v, i) == t->value)
			return !t->invert;
		if (l4_u8(v, i) < 2 || i == end - 1 || !l4_u8(v, i + 1))
			i++;
		else
			i += l4_u8(v, i + 1);
	}
	return t->invert;
}

static enum outcome ether_readable(const struct ir_view *v)
{
	const struct packet_link *l = &v->pkt->link;

	if (l->no_dev || l->not_ether || l->no_header)
		return TEST_FAILS;
	/* A negative length counts as a large one */
	return l->len < 0 || l->len >= ETHER_HDR_LEN;
}

static enum outcome header_readable(struct ir_view *v, enum ir_header header)
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
		return v->at.found ? TEST_HOLDS : TEST_DROPS;
	}
	if (header == IR_HEADER_TCP && v->at.fragoff == 1)
		return TEST_DROPS;
	if (v->at.fragoff)
		return TEST_FAILS;
	return l4_has(v, 0, min[header]) ? TEST_HOLDS : TEST_DROPS;
}

/* What the kernel's own extensions are handed, and how they answer */
uint8_t ir_view_ask(struct ir_view *v, const struct ir_rule *rule,
		    enum packet_asked what, uint32_t index)
{
	if (v->pkt->is_ip6 && rule->no_thoff)
		packet_call(&v->out->calls, what, index, 0, v->kept_fragoff);
	else
		packet_call(&v->out->calls, what, index, v->at.thoff,
			    v->at.fragoff);
	return v->play->pkts->answers[index % PACKET_ANSWERS];
}

static enum outcome ask_match(struct ir_view *v, const struct ir_rule *rule,
			      uint32_t index)
{
	uint8_t answer = ir_view_ask(v, rule, PACKET_ASKED_MATCH, index) &
			 PACKET_ANSWER_MATCH;

	if (answer == 3)
		v->dropping = true;
	return answer == 2 ? TEST_DROPS : answer != 0;
}

static enum outcome test_eval(struct ir_view *v, const struct ir_rule *rule,
			      const struct ir_test *t)
{
	uint64_t value;

	switch (t->kind) {
	case IR_TEST_MASKED:
		value = field_value(v, t->field);
		return ((value & t->mask) == t->value) != t->invert;
	case IR_TEST_BYTES:
		return bytes_hold(v, t) != t->invert;
	case IR_TEST_RANGE:
		value = field_value(v, t->field);
		return (t->lo <= value && value <= t->hi) != t->invert;
	case IR_TEST_BYTES_RANGE:
		return bytes_in_range(v, t) != t->invert;
	case IR_TEST_PORTS:
		return ports_hold(v, t) != t->invert;
	case IR_TEST_ANY_BIT:
		value = field_value(v, t->field);
		return !!(value & t->mask) != t->invert;
	case IR_TEST_PRESENT:
		return option_present(v, t);
	case IR_TEST_HEADER:
		return header_readable(v, t->header);
	case IR_TEST_CONN:
		return v->pkt->conn;
	case IR_TEST_RANDOM:
		return ((v->play->random & 0x7fffffff) < t->value) !=
		       t->invert;
	case IR_TEST_BRIDGE:
		return ask_match(v, rule, t->value);
	case IR_TEST_CONST:
		return !!t->value != t->invert;
	}
	abort();
}

static enum outcome match_eval(struct ir_view *v, const struct ir_rule *rule,
			       const struct ir_match *m)
{
	for (uint32_t i = 0; i < m->num; i++) {
		const struct ir_test *t = &v->rs->tests[m->first + i];
		enum outcome out = test_eval(v, rule, t);

		if (t->kind == IR_TEST_CONN && out == TEST_FAILS)
			return t->value;
		if (out != TEST_HOLDS)
			return out;
	}
	return TEST_HOLDS;
}

/* Whether a rule matches */
enum outcome ir_view_rule(struct ir_view *v, const struct ir_rule *rule)
{
	v->dropping = false;
	for (uint32_t m = 0; m < rule->num_matches; m++) {
		enum outcome out =
			match_eval(v, rule,
				   &v->rs->matches[rule->first_match + m]);

		if (out == TEST_FAILS && v->dropping)
			return TEST_DROPS;
		if (out != TEST_HOLDS)
			return out;
	}
	return TEST_HOLDS;
}
