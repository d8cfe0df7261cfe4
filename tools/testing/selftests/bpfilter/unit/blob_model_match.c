// SPDX-License-Identifier: GPL-2.0
/* What native's matches say of a packet */
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <linux/if_packet.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_connmark.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_dscp.h>
#include <linux/netfilter/xt_ecn.h>
#include <linux/netfilter/xt_esp.h>
#include <linux/netfilter/xt_iprange.h>
#include <linux/netfilter/xt_length.h>
#include <linux/netfilter/xt_mac.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_pkttype.h>
#include <linux/netfilter/xt_sctp.h>
#include <linux/netfilter/xt_state.h>
#include <linux/netfilter/xt_statistic.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv4/ipt_ah.h>
#include <linux/netfilter_ipv4/ipt_ttl.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include "blob_model.h"

#define GSO_TCPV4	1	/* SKB_GSO_TCPV4 */

static bool is_ip6(const struct sight *s)
{
	return s->family == NFPROTO_IPV6;
}

static uint16_t read_u16(const uint8_t *p)
{
	return p[0] * 256 + p[1];
}

static uint32_t read_u32(const uint8_t *p)
{
	return read_u16(p) * 65536U + read_u16(p + 2);
}

static bool in_range(unsigned int v, unsigned int lo, unsigned int hi, bool inv)
{
	return (v >= lo && v <= hi) ^ inv;
}

/* --- Behind the IP header --- */

/* As skb_header_pointer() from the transport header on */
static const uint8_t *transport(const struct sight *s, unsigned int len)
{
	return s->thoff + len <= s->len ? s->bytes + s->thoff : NULL;
}

/* NULL if the match is decided without it: not the first fragment, or dropped */
static const uint8_t *first_header(struct sight *s, unsigned int len)
{
	const uint8_t *h;

	if (s->fragoff)
		return NULL;
	h = transport(s, len);
	s->hotdrop |= !h;
	return h;
}

static bool tcp_option_found(const uint8_t *op, int want, unsigned int len)
{
	for (unsigned int i = 0; i < len;) {
		if (op[i] == want)
			return true;
		if (op[i] < 2 || i + 1 == len || op[i + 1] == 0)
			i += 1;
		else
			i += op[i + 1];
	}
	return false;
}

static bool tcp_option(struct sight *s, const struct xt_tcp *t)
{
	unsigned int doff = transport(s, 20)[12] >> 4;
	const uint8_t *h = transport(s, doff * 4);

	if (doff < 5 || (doff > 5 && !h)) {
		s->hotdrop = true;
		return false;
	}
	return tcp_option_found(transport(s, 20) + 20, t->option,
				doff * 4 - 20) ^
	       !!(t->invflags & XT_TCP_INV_OPTION);
}

static bool tcp_match(struct sight *s, const void *data)
{
	const struct xt_tcp *t = data;
	const uint8_t *h;

	s->hotdrop |= s->fragoff == 1;
	h = first_header(s, 20);
	if (!h)
		return false;
	if (!in_range(read_u16(h), t->spts[0], t->spts[1],
		      t->invflags & XT_TCP_INV_SRCPT) ||
	    !in_range(read_u16(h + 2), t->dpts[0], t->dpts[1],
		      t->invflags & XT_TCP_INV_DSTPT))
		return false;
	if (((h[13] & t->flg_mask) == t->flg_cmp) ==
	    !!(t->invflags & XT_TCP_INV_FLAGS))
		return false;
	return !t->option || tcp_option(s, t);
}

static bool udp_match(struct sight *s, const void *data)
{
	const struct xt_udp *u = data;
	const uint8_t *h = first_header(s, 8);

	return h && in_range(read_u16(h), u->spts[0], u->spts[1],
			     u->invflags & XT_UDP_INV_SRCPT) &&
	       in_range(read_u16(h + 2), u->dpts[0], u->dpts[1],
			u->invflags & XT_UDP_INV_DSTPT);
}

/* Both families have one layout, but type 255 is any for IPv4 only */
static bool icmp_match(struct sight *s, const void *data)
{
	const struct ipt_icmp *c = data;
	const uint8_t *h = first_header(s, 8);
	bool same;

	if (!h)
		return false;
	same = (!is_ip6(s) && c->type == 255) ||
	       (h[0] == c->type && h[1] >= c->code[0] && h[1] <= c->code[1]);
	return same ^ !!(c->invflags & IPT_ICMP_INV);
}

static bool multiport_has(const struct xt_multiport_v1 *m, uint16_t port)
{
	for (unsigned int i = 0; i < m->count; i++) {
		uint16_t first = m->ports[i];
		uint16_t last = m->pflags[i] ? m->ports[++i] : first;

		if (port >= first && port <= last)
			return true;
	}
	return false;
}

static bool multiport_match(struct sight *s, const void *data)
{
	const struct xt_multiport_v1 *m = data;
	const uint8_t *h = first_header(s, 4);
	bool src, dst;

	if (!h)
		return false;
	src = m->flags != XT_MULTIPORT_DESTINATION &&
	      multiport_has(m, read_u16(h));
	dst = m->flags != XT_MULTIPORT_SOURCE &&
	      multiport_has(m, read_u16(h + 2));
	return (src || dst) ^ !!m->invert;
}

static bool sctp_match(struct sight *s, const void *data)
{
	const struct xt_sctp_info *i = data;
	const uint8_t *h = first_header(s, 12);

	if (!h)
		return false;
	if (i->flags & XT_SCTP_SRC_PORTS &&
	    !in_range(read_u16(h), i->spts[0], i->spts[1],
		      i->invflags & XT_SCTP_SRC_PORTS))
		return false;
	return !(i->flags & XT_SCTP_DEST_PORTS) ||
	       in_range(read_u16(h + 2), i->dpts[0], i->dpts[1],
			i->invflags & XT_SCTP_DEST_PORTS);
}

static bool ah_match(struct sight *s, const void *data)
{
	const struct ipt_ah *a = data;
	const uint8_t *h = first_header(s, 12);

	return h && in_range(read_u32(h + 4), a->spis[0], a->spis[1],
			     a->invflags & IPT_AH_INV_SPI);
}

static bool esp_match(struct sight *s, const void *data)
{
	const struct xt_esp *e = data;
	const uint8_t *h = first_header(s, 8);

	return h && in_range(read_u32(h), e->spis[0], e->spis[1],
			     e->invflags & XT_ESP_INV_SPI);
}

/* --- The IP header --- */

static uint8_t ds_field(const struct sight *s)
{
	return is_ip6(s) ? read_u16(s->bytes) >> 4 : s->bytes[1];
}

static bool dscp_match(struct sight *s, const void *data)
{
	const struct xt_dscp_info *d = data;

	return (ds_field(s) >> 2 == d->dscp) ^ !!d->invert;
}

static bool tos_match(struct sight *s, const void *data)
{
	const struct xt_tos_match_info *t = data;

	return ((ds_field(s) & t->tos_mask) == t->tos_value) ^ !!t->invert;
}

static bool ecn_match(struct sight *s, const void *data)
{
	const struct xt_ecn_info *e = data;

	if (e->operation & ~XT_ECN_OP_MATCH_IP)
		abort();
	return !e->operation || ((ds_field(s) & 3) == e->ip_ect) ^
				!!(e->invert & XT_ECN_OP_MATCH_IP);
}

static bool compare_hops(uint8_t hops, unsigned int mode, uint8_t with)
{
	switch (mode) {
	case IPT_TTL_EQ:
		return hops == with;
	case IPT_TTL_NE:
		return hops != with;
	case IPT_TTL_LT:
		return hops < with;
	case IPT_TTL_GT:
		return hops > with;
	}
	abort();
}

/* struct ip6t_hl_info is the same, mode by mode */
static bool ttl_match(struct sight *s, const void *data)
{
	const struct ipt_ttl_info *t = data;

	return compare_hops(s->bytes[is_ip6(s) ? 7 : 8], t->mode, t->ttl);
}

/* A packet that is about to be cut may be longer than its header can say */
static unsigned int packet_len(const struct sight *s)
{
	unsigned int len = read_u16(s->bytes + 2);

	if (is_ip6(s))
		return s->len;
	if (!len && s->pkt->gso_size && s->pkt->gso_type & GSO_TCPV4)
		return s->len;
	return len;
}

static bool length_match(struct sight *s, const void *data)
{
	const struct xt_length_info *l = data;

	return in_range(packet_len(s), l->min, l->max, l->invert);
}

static bool addr_in(const struct sight *s, const uint8_t *addr,
		    const union nf_inet_addr *lo, const union nf_inet_addr *hi)
{
	size_t len = is_ip6(s) ? 16 : 4;

	return memcmp(addr, lo, len) >= 0 && memcmp(addr, hi, len) <= 0;
}

static bool iprange_match(struct sight *s, const void *data)
{
	const struct xt_iprange_mtinfo *i = data;
	const uint8_t *src = s->bytes + (is_ip6(s) ? 8 : 12);
	const uint8_t *dst = s->bytes + (is_ip6(s) ? 24 : 16);

	if (i->flags & IPRANGE_SRC &&
	    addr_in(s, src, &i->src_min, &i->src_max) ==
	    !!(i->flags & IPRANGE_SRC_INV))
		return false;
	return !(i->flags & IPRANGE_DST) ||
	       addr_in(s, dst, &i->dst_min, &i->dst_max) !=
	       !!(i->flags & IPRANGE_DST_INV);
}

/* --- Beside the packet --- */

static bool mark_match(struct sight *s, const void *data)
{
	const struct xt_mark_mtinfo1 *m = data;

	return ((s->mark & m->mask) == m->mark) ^ m->invert;
}

static bool mac_match(struct sight *s, const void *data)
{
	const struct packet_link *l = &s->pkt->link;
	const struct xt_mac_info *m = data;
	const uint8_t *source = l->source;

	if (l->no_dev || l->not_ether || l->no_header)
		return false;
	if (l->len >= 0 && l->len < ETHER_HDR_LEN)
		return false;
	/* The length is one without a sign: a header within the packet will do */
	if (l->len < 0)
		source = s->bytes - l->len + ETHER_ADDR_LEN;
	return !memcmp(source, m->srcaddr, ETHER_ADDR_LEN) ^ m->invert;
}

static bool pkttype_match(struct sight *s, const void *data)
{
	const struct xt_pkttype_info *p = data;
	int type = s->pkt->link.type;

	if (type == PACKET_LOOPBACK)
		type = is_ip6(s) || s->bytes[16] >> 4 == 0xe ?
		       PACKET_MULTICAST : PACKET_BROADCAST;
	return (type == p->pkttype) ^ p->invert;
}

static bool statistic_match(struct sight *s, const void *data)
{
	const struct xt_statistic_info *i = data;
	bool hit = (s->random & 0x7fffffff) < i->u.random.probability;

	if (i->mode != XT_STATISTIC_MODE_RANDOM)
		abort();
	return hit ^ !!(i->flags & XT_STATISTIC_INVERT);
}

static bool comment_match(struct sight *s, const void *data)
{
	return true;
}

/* --- Connections --- */

static bool state_match(struct sight *s, const void *data)
{
	const struct xt_state_info *i = data;
	const struct packet *p = s->pkt;
	unsigned int bit;

	if (p->conn)
		bit = XT_STATE_BIT(p->ctinfo);
	else
		bit = p->untracked ? XT_STATE_UNTRACKED : XT_STATE_INVALID;
	return i->statemask & bit;
}

static bool connmark_match(struct sight *s, const void *data)
{
	const struct xt_connmark_mtinfo1 *m = data;

	return s->pkt->conn &&
	       ((s->pkt->ct_mark & m->mask) == m->mark) ^ m->invert;
}

/* A condition that was asked for, and holds */
static bool ct_holds(const struct xt_conntrack_mtinfo3 *i, unsigned int flag,
		     bool same)
{
	if (!(i->match_flags & flag))
		return true;
	return same ^ !!(i->invert_flags & flag);
}

static bool ct_addr(uint32_t addr, const union nf_inet_addr *want,
		    const union nf_inet_addr *mask)
{
	return ((htonl(addr) ^ want->ip) & mask->ip) == 0;
}

static bool ct_port(int rev, uint16_t port, uint16_t lo, uint16_t hi)
{
	if (rev == 3)
		return port >= lo && port <= hi;
	return htons(port) == lo;
}

static bool ct_state_holds(const struct xt_conntrack_mtinfo3 *i,
			   unsigned int mask, const struct packet *p)
{
	unsigned int bits;

	if (!p->conn) {
		bits = p->untracked ? XT_CONNTRACK_STATE_UNTRACKED :
				      XT_CONNTRACK_STATE_INVALID;
	} else {
		bits = XT_CONNTRACK_STATE_BIT(p->ctinfo);
		if (p->status & IPS_SRC_NAT)
			bits |= XT_CONNTRACK_STATE_SNAT;
		if (p->status & IPS_DST_NAT)
			bits |= XT_CONNTRACK_STATE_DNAT;
	}
	return ct_holds(i, XT_CONNTRACK_STATE, mask & bits);
}

static bool ct_tuples_hold(const struct xt_conntrack_mtinfo3 *i, int rev,
			   const struct packet *p)
{
	return ct_holds(i, XT_CONNTRACK_ORIGSRC,
			ct_addr(p->orig.src, &i->origsrc_addr,
				&i->origsrc_mask)) &&
	       ct_holds(i, XT_CONNTRACK_ORIGDST,
			ct_addr(p->orig.dst, &i->origdst_addr,
				&i->origdst_mask)) &&
	       ct_holds(i, XT_CONNTRACK_REPLSRC,
			ct_addr(p->repl.src, &i->replsrc_addr,
				&i->replsrc_mask)) &&
	       ct_holds(i, XT_CONNTRACK_REPLDST,
			ct_addr(p->repl.dst, &i->repldst_addr,
				&i->repldst_mask)) &&
	       ct_holds(i, XT_CONNTRACK_PROTO, p->ct_proto == i->l4proto) &&
	       ct_holds(i, XT_CONNTRACK_ORIGSRC_PORT,
			ct_port(rev, p->orig.sport, i->origsrc_port,
				i->origsrc_port_high)) &&
	       ct_holds(i, XT_CONNTRACK_ORIGDST_PORT,
			ct_port(rev, p->orig.dport, i->origdst_port,
				i->origdst_port_high)) &&
	       ct_holds(i, XT_CONNTRACK_REPLSRC_PORT,
			ct_port(rev, p->repl.sport, i->replsrc_port,
				i->replsrc_port_high)) &&
	       ct_holds(i, XT_CONNTRACK_REPLDST_PORT,
			ct_port(rev, p->repl.dport, i->repldst_port,
				i->repldst_port_high));
}

#define CT_ADDRS	(XT_CONNTRACK_ORIGSRC | XT_CONNTRACK_ORIGDST | \
			 XT_CONNTRACK_REPLSRC | XT_CONNTRACK_REPLDST)

static bool ct_match(struct sight *s, const void *data, int rev)
{
	const struct xt_conntrack_mtinfo1 *i1 = data;
	const struct xt_conntrack_mtinfo2 *i2 = data;
	struct xt_conntrack_mtinfo3 info, *i = &info;
	unsigned int states = rev == 1 ? i1->state_mask : i2->state_mask;
	unsigned int status = rev == 1 ? i1->status_mask : i2->status_mask;
	const struct packet *p = s->pkt;

	memset(i, 0, sizeof(*i));
	memcpy(i, data, rev == 1 ? sizeof(*i1) : rev == 2 ? sizeof(*i2) :
							    sizeof(*i));
	if (!ct_state_holds(i, states, p))
		return false;
	if (!p->conn)
		return i->match_flags & XT_CONNTRACK_STATE;
	/* Tuples are those of IPv4 here */
	if (is_ip6(s) && i->match_flags & CT_ADDRS)
		abort();
	return ct_holds(i, XT_CONNTRACK_DIRECTION,
			p->ctinfo < IP_CT_IS_REPLY) &&
	       ct_tuples_hold(i, rev, p) &&
	       ct_holds(i, XT_CONNTRACK_STATUS, status & p->status) &&
	       ct_holds(i, XT_CONNTRACK_EXPIRES,
			p->expires >= i->expires_min &&
			p->expires <= i->expires_max);
}

static const struct {
	const char *name;
	bool (*match)(struct sight *s, const void *data);
} matches[] = {
	{ "ah", ah_match },
	{ "comment", comment_match },
	{ "connmark", connmark_match },
	{ "dscp", dscp_match },
	{ "ecn", ecn_match },
	{ "esp", esp_match },
	{ "hl", ttl_match },
	{ "icmp", icmp_match },
	{ "icmp6", icmp_match },
	{ "iprange", iprange_match },
	{ "length", length_match },
	{ "mac", mac_match },
	{ "mark", mark_match },
	{ "multiport", multiport_match },
	{ "pkttype", pkttype_match },
	{ "sctp", sctp_match },
	{ "state", state_match },
	{ "statistic", statistic_match },
	{ "tcp", tcp_match },
	{ "tos", tos_match },
	{ "ttl", ttl_match },
	{ "udp", udp_match },
	{ "udplite", udp_match },
};

/**
 * model_match() - ask a match of native's
 * @s:		the packet
 * @name:	the match's name
 * @revision:	its revision
 * @data:	its data
 *
 * Return: whether it matches; it may want the packet dropped.
 */
bool model_match(struct sight *s, const char *name, unsigned int revision,
		 const void *data)
{
	if (!strcmp(name, "conntrack"))
		return ct_match(s, data, revision);
	for (size_t i = 0; i < ARRAY_SIZE(matches); i++)
		if (!strcmp(matches[i].name, name))
			return matches[i].match(s, data);
	abort();
}
