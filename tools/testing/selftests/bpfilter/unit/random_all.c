// SPDX-License-Identifier: GPL-2.0
/* Both families, and all that the translator knows */
#include <string.h>
#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <linux/if_packet.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_connmark.h>
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
#include <linux/netfilter/xt_statistic.h>
#include <linux/netfilter_ipv4/ipt_ah.h>
#include <linux/netfilter_ipv4/ipt_ttl.h>

#include "random.h"

static const struct in6_addr addrs[] = {
	{},
	{ .s6_addr = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } },
	{ .s6_addr = { 0x20, 0x01, 0x0d, 0xb8, [15] = 2 } },
	{ .s6_addr = { 0x20, 0x01, 0x0d, 0xb8, [7] = 1, [15] = 1 } },
	{ .s6_addr = { 0xfe, 0x80, [15] = 1 } },
	{ .s6_addr = { 0xff, 0x02, [15] = 1 } },
};

static const uint8_t tos_values[] = { 0, 1, 3, 16, 184, 255 };
static const uint8_t ttl_values[] = { 0, 1, 64, 255 };
static const uint32_t mark_values[] = { 0, 1, 2, 0x10, 0xffffffff };
static const uint32_t mark_masks[] = { 0, 1, 0xff, 0xffffffff };
static const uint32_t spi_values[] = { 0, 0x1020304, 0x3040506, 0xffffffff };

static const struct in6_addr *pick_addr6(struct rng *r)
{
	return &addrs[rng_below(r, ARRAY_SIZE(addrs))];
}

static uint8_t pick_tos(struct rng *r)
{
	return tos_values[rng_below(r, ARRAY_SIZE(tos_values))];
}

static uint8_t pick_ttl(struct rng *r)
{
	return ttl_values[rng_below(r, ARRAY_SIZE(ttl_values))];
}

static uint32_t pick_mark(struct rng *r)
{
	return mark_values[rng_below(r, ARRAY_SIZE(mark_values))];
}

static uint32_t pick_mark_mask(struct rng *r)
{
	return mark_masks[rng_below(r, ARRAY_SIZE(mark_masks))];
}

static uint32_t pick_spi(struct rng *r)
{
	return spi_values[rng_below(r, ARRAY_SIZE(spi_values))];
}

/* --- Base headers --- */

static void random_addr6(struct rng *r, struct in6_addr *addr,
			 struct in6_addr *mask)
{
	static const uint8_t lens[] = { 0, 16, 32, 64, 128, 128 };
	unsigned int len = lens[rng_below(r, ARRAY_SIZE(lens))];

	*addr = *pick_addr6(r);
	for (unsigned int i = 0; i < len; i++)
		mask->s6_addr[i / 8] |= 0x80 >> i % 8;
	if (rng_one_in(r, 8))
		mask->s6_addr[rng_below(r, 16)] ^= 0x81;
	for (unsigned int i = 0; i < 16 && !rng_one_in(r, 8); i++)
		addr->s6_addr[i] &= mask->s6_addr[i];
}

static void random_ip6(struct rng *r, struct ip6t_ip6 *ip)
{
	static const uint8_t protos[] = {
		IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMPV6, IPPROTO_NONE,
		IPPROTO_FRAGMENT, IPPROTO_ESP,
	};

	if (rng_one_in(r, 3))
		random_addr6(r, &ip->src, &ip->smsk);
	if (rng_one_in(r, 3))
		random_addr6(r, &ip->dst, &ip->dmsk);
	if (rng_one_in(r, 4))
		random_iface(r, ip->iniface, ip->iniface_mask);
	if (rng_one_in(r, 4))
		random_iface(r, ip->outiface, ip->outiface_mask);
	if (rng_one_in(r, 3))
		ip->proto = rng_one_in(r, 10) ? 0x106 : protos[rng_below(r, ARRAY_SIZE(protos))];
	if (rng_one_in(r, 6))
		ip->flags |= IP6T_F_PROTO;
	if (rng_one_in(r, 8))
		ip->flags |= IP6T_F_TOS;
	if (rng_one_in(r, 3))
		ip->invflags = 1U << rng_below(r, 7);
}

/**
 * random_all_few() - let an entry look at the source
 * @r:		source of numbers
 * @e:		the entry
 */
void random_all_few(struct rng *r, struct make_entry *e)
{
	if (e->family == NFPROTO_IPV6)
		random_addr6(r, &e->ip6.src, &e->ip6.smsk);
	else
		random_addr(r, &e->ip.src, &e->ip.smsk);
}

/* --- Matches that need a protocol --- */

static void random_multiport(struct rng *r, struct make_entry *e)
{
	static const uint8_t protos[] = {
		IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE, IPPROTO_SCTP,
		IPPROTO_DCCP,
	};
	struct xt_multiport_v1 *m = make_match(e, "multiport", 1, sizeof(*m));

	make_proto(e, protos[rng_below(r, ARRAY_SIZE(protos))]);
	m->flags = rng_below(r, 3);
	m->invert = rng_one_in(r, 3);
	while (m->count < 4 && !rng_one_in(r, 5)) {
		uint16_t lo = pick_port(r), hi = pick_port(r);

		m->ports[m->count] = lo < hi ? lo : hi;
		m->pflags[m->count++] = lo != hi;
		if (lo != hi)
			m->ports[m->count++] = lo < hi ? hi : lo;
	}
}

static void random_sctp(struct rng *r, struct make_entry *e)
{
	struct xt_sctp_info *i = make_match(e, "sctp", 0, sizeof(*i));

	make_proto(e, IPPROTO_SCTP);
	random_ports(r, i->spts);
	random_ports(r, i->dpts);
	i->flags = rng_below(r, 4);
	i->invflags = rng_below(r, 4) & i->flags;
	if (!rng_one_in(r, 6))
		return;
	i->flags |= XT_SCTP_CHUNK_TYPES;
	i->chunk_match_type = SCTP_CHUNK_MATCH_ANY;
}

static void random_spis(struct rng *r, uint32_t spis[2])
{
	spis[0] = pick_spi(r);
	spis[1] = rng_one_in(r, 2) ? spis[0] : pick_spi(r);
}

static void random_esp(struct rng *r, struct make_entry *e)
{
	struct xt_esp *i = make_match(e, "esp", 0, sizeof(*i));

	make_proto(e, IPPROTO_ESP);
	random_spis(r, i->spis);
	i->invflags = rng_one_in(r, 3);
}

/* Of IPv6 it is another match, which looks into extension headers */
static void random_ah(struct rng *r, struct make_entry *e)
{
	struct ipt_ah *i;

	if (e->family == NFPROTO_IPV6) {
		random_esp(r, e);
		return;
	}
	i = make_match(e, "ah", 0, sizeof(*i));
	make_proto(e, IPPROTO_AH);
	random_spis(r, i->spis);
	i->invflags = rng_one_in(r, 3);
}

/* --- Matches that do not --- */

static void random_mark(struct rng *r, struct make_entry *e)
{
	struct xt_mark_mtinfo1 *i = make_match(e, "mark", 1, sizeof(*i));

	i->mark = pick_mark(r);
	i->mask = pick_mark_mask(r);
	i->invert = rng_one_in(r, 3);
}

static void random_connmark(struct rng *r, struct make_entry *e)
{
	struct xt_connmark_mtinfo1 *i = make_match(e, "connmark", 1,
						   sizeof(*i));

	i->mark = pick_mark(r);
	i->mask = pick_mark_mask(r);
	i->invert = rng_one_in(r, 3);
}

static void random_end(struct rng *r, bool ip6, union nf_inet_addr *addr)
{
	struct in_addr mask;

	if (ip6)
		addr->in6 = *pick_addr6(r);
	else
		random_addr(r, &addr->in, &mask);
}

static void random_iprange(struct rng *r, struct make_entry *e)
{
	struct xt_iprange_mtinfo *i = make_match(e, "iprange", 1, sizeof(*i));
	bool ip6 = e->family == NFPROTO_IPV6;

	random_end(r, ip6, &i->src_min);
	random_end(r, ip6, &i->src_max);
	random_end(r, ip6, &i->dst_min);
	random_end(r, ip6, &i->dst_max);
	i->flags = rng_below(r, 4) | rng_below(r, 4) << 4;
}

/* Refused where it cannot know the sender, so there are few */
static void random_mac(struct rng *r, struct make_entry *e)
{
	struct xt_mac_info *i;

	if (!rng_one_in(r, 20)) {
		random_mark(r, e);
		return;
	}
	i = make_match(e, "mac", 0, sizeof(*i));
	i->srcaddr[5] = rng_below(r, 3);
	i->invert = rng_one_in(r, 3);
}

static void random_pkttype(struct rng *r, struct make_entry *e)
{
	struct xt_pkttype_info *i = make_match(e, "pkttype", 0, sizeof(*i));

	i->pkttype = rng_below(r, 6);
	i->invert = rng_one_in(r, 3);
}

static void random_length(struct rng *r, struct make_entry *e)
{
	struct xt_length_info *i = make_match(e, "length", 0, sizeof(*i));

	i->min = rng_below(r, 100);
	i->max = i->min + rng_below(r, 100) - 20;
	i->invert = rng_one_in(r, 3);
}

static void random_ttl(struct rng *r, struct make_entry *e)
{
	bool ip6 = e->family == NFPROTO_IPV6;
	struct ipt_ttl_info *i = make_match(e, ip6 ? "hl" : "ttl", 0,
					    sizeof(*i));

	i->mode = rng_below(r, 4);
	i->ttl = pick_ttl(r);
}

static void random_dscp(struct rng *r, struct make_entry *e)
{
	struct xt_dscp_info *i = make_match(e, "dscp", 0, sizeof(*i));

	i->dscp = pick_tos(r) >> XT_DSCP_SHIFT;
	i->invert = rng_one_in(r, 3);
}

static void random_tos(struct rng *r, struct make_entry *e)
{
	struct xt_tos_match_info *i = make_match(e, "tos", 1, sizeof(*i));

	i->tos_mask = pick_tos(r);
	i->tos_value = pick_tos(r) & i->tos_mask;
	i->invert = rng_one_in(r, 3);
}

static void random_ecn(struct rng *r, struct make_entry *e)
{
	struct xt_ecn_info *i = make_match(e, "ecn", 0, sizeof(*i));

	i->operation = rng_one_in(r, 4) ? 0 : XT_ECN_OP_MATCH_IP;
	i->invert = rng_one_in(r, 3) ? XT_ECN_OP_MATCH_IP : 0;
	i->ip_ect = rng_below(r, 4);
}

static void random_statistic(struct rng *r, struct make_entry *e)
{
	struct xt_statistic_info *i = make_match(e, "statistic", 0,
						 sizeof(*i));

	if (rng_one_in(r, 6)) {
		i->mode = XT_STATISTIC_MODE_NTH;
		return;
	}
	i->u.random.probability = rng_below(r, 5) << 29;
	i->flags = rng_one_in(r, 3);
}

/* Matches of the kernel's own: one can write, and one nobody knows */
static void random_bridged(struct rng *r, struct make_entry *e)
{
	if (rng_one_in(r, 3))
		make_match(e, "socket", 3, 1);
	else if (rng_one_in(r, 2))
		make_match(e, "limit", 0, 40);
	else
		make_match(e, "unheard-of", 3, 1 + rng_below(r, 40));
}

static void (*const with_proto[])(struct rng *, struct make_entry *) = {
	random_multiport, random_sctp, random_esp, random_ah, random_match,
	random_match,
};

static void (*const without_proto[])(struct rng *, struct make_entry *) = {
	random_mark, random_connmark, random_iprange, random_mac,
	random_pkttype, random_length, random_ttl, random_dscp, random_tos,
	random_ecn, random_statistic, random_bridged, random_bridged,
};

/**
 * random_all_tests() - fill an entry's base header and give it matches
 * @r:		source of numbers
 * @e:		the entry, a GOTO perhaps
 */
void random_all_tests(struct rng *r, struct make_entry *e)
{
	if (e->family == NFPROTO_IPV6)
		random_ip6(r, &e->ip6);
	else
		random_ip(r, &e->ip);
	if (rng_one_in(r, 3))
		with_proto[rng_below(r, ARRAY_SIZE(with_proto))](r, e);
	for (int n = rng_below(r, 3); n > 0; n--)
		without_proto[rng_below(r, ARRAY_SIZE(without_proto))](r, e);
}

/**
 * random_all_target() - append an entry with a target of some kind
 * @r:		source of numbers
 * @mk:		the blob
 *
 * Return: the entry.
 */
struct make_entry *random_all_target(struct rng *r, struct make *mk)
{
	static const char *const names[] = {
		"LOG", "REJECT", "TCPMSS", "UNHEARD-OF"
	};
	struct make_entry *e;
	struct xt_mark_tginfo2 *mark;

	if (rng_one_in(r, 10))
		return make_verdict(mk, VERDICT_QUEUE);
	if (!rng_one_in(r, 3))
		return make_target(mk, names[rng_below(r, ARRAY_SIZE(names))], 0, 16);
	e = make_target(mk, "MARK", 2, sizeof(*mark));
	mark = (void *)(e->target + sizeof(struct xt_entry_target));
	mark->mark = pick_mark(r);
	mark->mask = pick_mark_mask(r);
	return e;
}

/* --- Packets --- */

static void random_ext_header(struct rng *r, struct packet *p, uint8_t type,
			      uint8_t next)
{
	uint8_t *h = p->ext + p->ext_len;
	unsigned int len = 8;

	h[0] = next;
	if (type == IPPROTO_FRAGMENT) {
		h[3] = rng_one_in(r, 2) ? 8 * rng_below(r, 3) : 1;
	} else if (rng_one_in(r, 4)) {
		h[1] = type == IPPROTO_AH ? 2 : 1;
		len = 16;
	}
	/* One that claims to be longer than the packet */
	if (rng_one_in(r, 20))
		h[1] = 0xff;
	p->ext_len += len;
}

/* Up to three headers in front of the transport header that @p has */
static void random_exts(struct rng *r, struct packet *p)
{
	static const uint8_t types[] = {
		IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_FRAGMENT, IPPROTO_AH,
		IPPROTO_DSTOPTS,
	};
	unsigned int num = rng_one_in(r, 2) ? 0 : 1 + rng_below(r, 3);
	uint8_t chain[4];

	for (unsigned int i = 0; i < num; i++)
		chain[i] = types[rng_below(r, ARRAY_SIZE(types))];
	chain[num] = p->proto;
	p->proto = chain[0];
	for (unsigned int i = 0; i < num; i++)
		random_ext_header(r, p, chain[i], chain[i + 1]);
	if (p->ext_len && rng_one_in(r, 12)) {
		p->ext_len = rng_below(r, p->ext_len);
		p->l4_len = 0;
	}
}

static void random_packet6(struct rng *r, int hook, struct packet *p)
{
	static const uint8_t protos[] = {
		IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMPV6, IPPROTO_UDPLITE,
		IPPROTO_ESP, IPPROTO_SCTP, IPPROTO_DCCP, IPPROTO_NONE,
	};

	memset(p, 0, sizeof(*p));
	p->is_ip6 = true;
	memcpy(p->saddr6, pick_addr6(r), sizeof(p->saddr6));
	memcpy(p->daddr6, pick_addr6(r), sizeof(p->daddr6));
	p->proto = protos[rng_below(r, ARRAY_SIZE(protos))];
	if (hook != NF_INET_LOCAL_OUT)
		random_dev(r, p->in);
	if (hook != NF_INET_PRE_ROUTING && hook != NF_INET_LOCAL_IN)
		random_dev(r, p->out);
	random_l4(r, p);
	random_conn(r, p);
	random_exts(r, p);
}

static void random_packet4(struct rng *r, int hook, struct packet *p)
{
	static const uint8_t protos[] = {
		IPPROTO_SCTP, IPPROTO_DCCP, IPPROTO_AH,
	};

	random_packet(r, hook, p);
	if (rng_one_in(r, 4)) {
		p->proto = protos[rng_below(r, ARRAY_SIZE(protos))];
		random_l4(r, p);
	}
	p->ip_options = rng_one_in(r, 3) ? rng_below(r, 11) : 0;
	p->no_len = rng_one_in(r, 8);
	p->gso_size = rng_one_in(r, 2) ? 100 : 0;
	p->gso_type = rng_below(r, 4);
}

static void random_link(struct rng *r, struct packet_link *l)
{
	l->no_dev = rng_one_in(r, 20);
	l->not_ether = rng_one_in(r, 10);
	l->no_header = rng_one_in(r, 10);
	l->len = rng_one_in(r, 10) ? rng_below(r, 20) - 3 : ETHER_HDR_LEN;
	l->source[5] = rng_below(r, 3);
	l->type = rng_below(r, 6);
}

/**
 * random_all_packet() - make a packet with all that can be looked at
 * @r:		source of numbers
 * @family:	NFPROTO_IPV4 or NFPROTO_IPV6
 * @hook:	the hook that it will enter: decides which devices it has
 * @pkt:	the packet
 */
void random_all_packet(struct rng *r, uint16_t family, int hook,
		       struct packet *pkt)
{
	if (family == NFPROTO_IPV6)
		random_packet6(r, hook, pkt);
	else
		random_packet4(r, hook, pkt);
	pkt->traced = rng_one_in(r, 8);
	pkt->tos = pick_tos(r);
	pkt->ttl = pick_ttl(r);
	pkt->mark = pick_mark(r);
	pkt->ct_mark = pick_mark(r);
	random_link(r, &pkt->link);
	for (int i = 0; i < PACKET_ANSWERS; i++)
		pkt->answers[i] = rng_one_in(r, 4) ? rng_below(r, 8) :
				  1 | (rng_below(r, 2) << 2);
}
