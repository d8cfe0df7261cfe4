// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_state.h>
#include <linux/netfilter/xt_tcpudp.h>

#include "random.h"

static const uint32_t addrs[] = {
	0, 0x0a000001, 0x0a000002, 0x0a000102, 0xc0a80001, 0xffffffff,
};

static const uint32_t masks[] = {
	0, 0xff000000, 0xffffff00, 0xffffffff, 0xffffffff, 0xff00ff00,
};

static const uint16_t ports[] = {
	0, 1, 22, 53, 80, 443, 1024, 65534, 65535,
};

static const uint8_t protos[] = {
	IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_UDPLITE, IPPROTO_ESP,
};

static const char *const ifaces[] = { "", "lo", "eth0", "eth1", "eth10" };

static const uint8_t icmp_types[] = { 0, 3, 8, 11, 255 };

static uint64_t rng_next(struct rng *r)
{
	r->state ^= r->state << 13;
	r->state ^= r->state >> 7;
	r->state ^= r->state << 17;
	return r->state;
}

/* A number from 0 to @limit - 1 */
uint32_t rng_below(struct rng *r, uint32_t limit)
{
	return (rng_next(r) >> 16) % limit;
}

/* True once in @n times */
bool rng_one_in(struct rng *r, uint32_t n)
{
	return rng_below(r, n) == 0;
}

uint32_t pick_addr(struct rng *r)
{
	return addrs[rng_below(r, ARRAY_SIZE(addrs))];
}

static uint32_t pick_mask(struct rng *r)
{
	return masks[rng_below(r, ARRAY_SIZE(masks))];
}

uint16_t pick_port(struct rng *r)
{
	return ports[rng_below(r, ARRAY_SIZE(ports))];
}

static uint8_t pick_proto(struct rng *r)
{
	return protos[rng_below(r, ARRAY_SIZE(protos))];
}

static uint8_t pick_icmp_type(struct rng *r)
{
	return icmp_types[rng_below(r, ARRAY_SIZE(icmp_types))];
}

const char *pick_iface(struct rng *r)
{
	return ifaces[rng_below(r, ARRAY_SIZE(ifaces))];
}

/* Base header */

/* An address, seldom with bits outside its mask */
void random_addr(struct rng *r, struct in_addr *addr, struct in_addr *mask)
{
	uint32_t m = pick_mask(r);
	uint32_t a = pick_addr(r);

	mask->s_addr = htonl(m);
	addr->s_addr = htonl(rng_one_in(r, 8) ? a : a & m);
}

/* A name under a mask that is seldom odd */
void random_iface(struct rng *r, char *name, unsigned char *mask)
{
	const char *want = pick_iface(r);
	int len = strlen(want);

	memset(mask, 0, IFNAMSIZ);
	memcpy(name, want, len);
	if (len)
		memset(mask, 0xff, rng_one_in(r, 3) ? len - 1 : len + 1);
	if (rng_one_in(r, 10))
		mask[rng_below(r, IFNAMSIZ)] ^= 0x0f;
}

/**
 * random_ip() - fill a base header
 * @r:	source of numbers
 * @ip:	the header, all zero
 */
void random_ip(struct rng *r, struct ipt_ip *ip)
{
	if (rng_one_in(r, 3))
		random_addr(r, &ip->src, &ip->smsk);
	if (rng_one_in(r, 3))
		random_addr(r, &ip->dst, &ip->dmsk);
	if (rng_one_in(r, 4))
		random_iface(r, ip->iniface, ip->iniface_mask);
	if (rng_one_in(r, 4))
		random_iface(r, ip->outiface, ip->outiface_mask);
	if (rng_one_in(r, 3))
		ip->proto = rng_one_in(r, 10) ? 0x106 : pick_proto(r);
	if (rng_one_in(r, 8))
		ip->flags |= IPT_F_FRAG;
	if (rng_one_in(r, 3))
		ip->invflags = 1U << rng_below(r, 7);
}

/* Matches: each sets the protocol that it needs */

/* Any port, one, or a range that may be empty */
void random_ports(struct rng *r, uint16_t range[2])
{
	range[0] = 0;
	range[1] = 65535;
	if (rng_one_in(r, 2))
		return;
	range[0] = pick_port(r);
	range[1] = rng_one_in(r, 2) ? range[0] : pick_port(r);
}

static void random_tcp(struct rng *r, struct make_entry *e)
{
	struct xt_tcp *t = make_match(e, "tcp", 0, sizeof(*t));

	make_proto(e, IPPROTO_TCP);
	random_ports(r, t->spts);
	random_ports(r, t->dpts);
	if (rng_one_in(r, 3)) {
		t->flg_mask = rng_below(r, 64);
		t->flg_cmp = rng_below(r, 64) & t->flg_mask;
		if (rng_one_in(r, 8))
			t->flg_cmp ^= 1;
	}
	if (rng_one_in(r, 3))
		t->option = 1 + rng_below(r, 6);
	if (rng_one_in(r, 2))
		t->invflags = rng_below(r, XT_TCP_INV_MASK + 1);
}

static void random_udp(struct rng *r, struct make_entry *e)
{
	bool lite = rng_one_in(r, 4);
	struct xt_udp *u = make_match(e, lite ? "udplite" : "udp", 0,
				      sizeof(*u));

	make_proto(e, lite ? IPPROTO_UDPLITE : IPPROTO_UDP);
	random_ports(r, u->spts);
	random_ports(r, u->dpts);
	if (rng_one_in(r, 3))
		u->invflags = rng_below(r, XT_UDP_INV_MASK + 1);
}

static void random_icmp(struct rng *r, struct make_entry *e)
{
	bool ip6 = e->family == NFPROTO_IPV6;
	struct ipt_icmp *i = make_match(e, ip6 ? "icmp6" : "icmp", 0,
					sizeof(*i));

	make_proto(e, ip6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	i->type = pick_icmp_type(r);
	i->code[0] = rng_below(r, 3);
	i->code[1] = rng_one_in(r, 2) ? 255 : rng_below(r, 3);
	i->invflags = rng_one_in(r, 3);
}

static void random_state(struct rng *r, struct make_entry *e)
{
	struct xt_state_info *s = make_match(e, "state", 0, sizeof(*s));

	s->statemask = rng_below(r, 512);
}

static void random_ct_addr(struct rng *r, union nf_inet_addr *addr,
			   union nf_inet_addr *mask)
{
	addr->ip = htonl(pick_addr(r));
	mask->ip = htonl(pick_mask(r));
}

static void random_conntrack(struct rng *r, struct make_entry *e)
{
	static const size_t sizes[] = {
		sizeof(struct xt_conntrack_mtinfo1),
		sizeof(struct xt_conntrack_mtinfo2),
		sizeof(struct xt_conntrack_mtinfo3),
	};
	struct xt_conntrack_mtinfo3 i = {};
	int rev = 1 + rng_below(r, 3);
	void *data = make_match(e, "conntrack", rev, sizes[rev - 1]);

	random_ct_addr(r, &i.origsrc_addr, &i.origsrc_mask);
	random_ct_addr(r, &i.origdst_addr, &i.origdst_mask);
	random_ct_addr(r, &i.replsrc_addr, &i.replsrc_mask);
	random_ct_addr(r, &i.repldst_addr, &i.repldst_mask);
	i.expires_min = rng_below(r, 100);
	i.expires_max = rng_below(r, 100);
	i.l4proto = rng_one_in(r, 10) ? 0x106 : pick_proto(r);
	i.origsrc_port = pick_port(r);
	i.origdst_port = pick_port(r);
	i.replsrc_port = pick_port(r);
	i.repldst_port = pick_port(r);
	i.origsrc_port_high = pick_port(r);
	i.origdst_port_high = pick_port(r);
	i.replsrc_port_high = pick_port(r);
	i.repldst_port_high = pick_port(r);
	for (int n = rng_below(r, 3); n >= 0; n--)
		i.match_flags |= 1U << rng_below(r, 14);
	if (rng_one_in(r, 2))
		i.match_flags |= XT_CONNTRACK_STATE;
	i.invert_flags = rng_one_in(r, 2) ? rng_below(r, 1 << 14) : 0;
	i.state_mask = rng_below(r, 512);
	i.status_mask = rng_below(r, 65536);
	if (rev != 3) {
		i.origsrc_port = htons(i.origsrc_port);
		i.origdst_port = htons(i.origdst_port);
		i.replsrc_port = htons(i.replsrc_port);
		i.repldst_port = htons(i.repldst_port);
	}
	memcpy(data, &i, sizes[rev - 1]);
	if (rev == 1) {
		((struct xt_conntrack_mtinfo1 *)data)->state_mask = i.state_mask;
		((struct xt_conntrack_mtinfo1 *)data)->status_mask =
			i.status_mask;
	}
}

static void random_comment(struct rng *r, struct make_entry *e)
{
	make_match(e, "comment", 0, sizeof(struct xt_comment_info));
}

/**
 * random_match() - append a match to an entry
 * @r:	source of numbers
 * @e:	the entry; its protocol becomes what the match needs
 *
 * Only the first match of an entry may be one that needs a protocol.
 */
void random_match(struct rng *r, struct make_entry *e)
{
	static void (*const any[])(struct rng *, struct make_entry *) = {
		random_state, random_conntrack, random_comment, random_tcp,
		random_udp, random_icmp,
	};

	any[rng_below(r, e->matches_len ? 3 : ARRAY_SIZE(any))](r, e);
}

/* Rulesets */

static void random_rule(struct rng *r, struct make *mk, uint32_t first_target,
			uint32_t num_targets, enum random_tests tests)
{
	static const int verdicts[] = {
		VERDICT_ACCEPT, VERDICT_DROP, VERDICT_RETURN, VERDICT_RETURN,
	};
	struct make_entry *e;

	if (tests == RANDOM_ALL && rng_one_in(r, 4))
		e = random_all_target(r, mk);
	else if (!num_targets || rng_one_in(r, 3))
		e = make_verdict(mk, verdicts[rng_below(r, ARRAY_SIZE(verdicts))]);
	else if (rng_one_in(r, 4))
		e = make_goto(mk, first_target + rng_below(r, num_targets));
	else
		e = make_jump(mk, first_target + rng_below(r, num_targets));

	if (tests == RANDOM_FEW) {
		if (!rng_one_in(r, 6))
			random_all_few(r, e);
		return;
	}
	if (tests == RANDOM_ALL) {
		random_all_tests(r, e);
		return;
	}
	random_ip(r, &e->ip);
	for (int n = rng_below(r, 3); n > 0; n--)
		random_match(r, e);
}

#define MAX_CHAINS	12

/* Jumps name the user chain, 0 and up, until all chains have their place */
static void place_jumps(struct make *mk, const uint32_t *chain_first)
{
	for (uint32_t i = 0; i < mk->num; i++)
		if (mk->entries[i].jump != MAKE_NO_JUMP)
			mk->entries[i].jump =
				chain_first[mk->entries[i].jump];
}

static void legal_ruleset(struct rng *r, struct make *mk,
			  enum random_tests tests)
{
	uint32_t users = rng_below(r, MAX_CHAINS);
	uint32_t first[MAX_CHAINS];
	char name[16];

	for (int h = NF_INET_LOCAL_IN; h <= NF_INET_LOCAL_OUT; h++) {
		uint32_t start = mk->num;

		for (uint32_t n = rng_below(r, 6); n; n--)
			random_rule(r, mk, 0, users, tests);
		make_verdict(mk, rng_one_in(r, 2) ? VERDICT_ACCEPT :
						    VERDICT_DROP);
		make_hook(mk, h, start, mk->num - 1);
	}
	for (uint32_t c = 0; c < users; c++) {
		snprintf(name, sizeof(name), "chain%u", c);
		make_head(mk, name);
		first[c] = mk->num;
		for (uint32_t n = rng_below(r, 5); n; n--)
			random_rule(r, mk, c + 1, users - c - 1, tests);
		make_verdict(mk, VERDICT_RETURN);
	}
	make_head(mk, "ERROR");
	place_jumps(mk, first);
}

/* Mostly forward, since backward jumps tend to be loops */
static void forge_jumps(struct rng *r, struct make *mk)
{
	for (uint32_t i = 0; i < mk->num; i++) {
		uint32_t *jump = &mk->entries[i].jump;

		if (*jump == MAKE_NO_JUMP)
			continue;
		*jump = rng_one_in(r, 12) ? rng_below(r, mk->num) :
			i + 1 + rng_below(r, mk->num - i);
		/* A jump to offset 0 is malformed */
		if (!*jump)
			*jump = i + 1;
	}
}

static void forged_ruleset(struct rng *r, struct make *mk,
			   enum random_tests tests)
{
	uint32_t rules = 4 + rng_below(r, 30);
	int h = NF_INET_LOCAL_IN;

	for (uint32_t i = 0; i < rules; i++) {
		bool policy = h <= NF_INET_LOCAL_OUT && rng_one_in(r, 4);

		if (policy)
			make_verdict(mk, rng_one_in(r, 2) ? VERDICT_ACCEPT :
							    VERDICT_DROP);
		else if (rng_one_in(r, 6))
			make_head(mk, "forged");
		else
			random_rule(r, mk, 0, 1, tests);
		if (policy) {
			/* The entry point is any, but behind the last one */
			uint32_t low = h == NF_INET_LOCAL_IN ? 0 :
				       mk->hook_entry[h - 1] + 1;

			make_hook(mk, h, low + rng_below(r, mk->num - low),
				  mk->num - 1);
			h++;
		}
	}
	if (!rng_one_in(r, 8))
		make_verdict(mk, VERDICT_RETURN);
	make_head(mk, "ERROR");
	forge_jumps(r, mk);
}

/**
 * random_ruleset() - fill a blob in the making
 * @r:		source of numbers
 * @mk:		the blob, initialised and empty
 * @shape:	how chains hang together
 * @tests:	what rules test
 */
void random_ruleset(struct rng *r, struct make *mk, enum random_shape shape,
		    enum random_tests tests)
{
	if (shape == RANDOM_LEGAL)
		legal_ruleset(r, mk, tests);
	else
		forged_ruleset(r, mk, tests);
}

/* Packets */

/* The name of a device, or none */
void random_dev(struct rng *r, char *name)
{
	const char *dev = pick_iface(r);

	memcpy(name, dev, strlen(dev) + 1);
}

/* What follows the IP header, for the packet's protocol */
void random_l4(struct rng *r, struct packet *p)
{
	uint16_t sport = pick_port(r), dport = pick_port(r);

	p->l4_len = rng_one_in(r, 8) ? rng_below(r, 24) : PACKET_L4_MAX;
	for (unsigned int i = 0; i < PACKET_L4_MAX; i++)
		p->l4[i] = rng_below(r, 7);
	if (p->proto == IPPROTO_ICMP || p->proto == IPPROTO_ICMPV6) {
		p->l4[0] = pick_icmp_type(r);
		p->l4[1] = rng_below(r, 4);
		return;
	}
	p->l4[0] = sport >> 8;
	p->l4[1] = sport;
	p->l4[2] = dport >> 8;
	p->l4[3] = dport;
	p->l4[12] = rng_below(r, 16) << 4;
	p->l4[13] = rng_below(r, 64);
}

static void random_tuple(struct rng *r, struct packet_tuple *t)
{
	t->src = pick_addr(r);
	t->dst = pick_addr(r);
	t->sport = pick_port(r);
	t->dport = pick_port(r);
}

/* A connection, or none */
void random_conn(struct rng *r, struct packet *p)
{
	p->conn = !rng_one_in(r, 4);
	p->untracked = !p->conn && rng_one_in(r, 2);
	if (!p->conn)
		return;
	p->ctinfo = rng_below(r, IP_CT_NUMBER);
	p->status = rng_below(r, 1 << 17);
	p->ct_proto = p->proto;
	p->expires = rng_below(r, 100);
	random_tuple(r, &p->orig);
	random_tuple(r, &p->repl);
}

/**
 * random_packet() - make a packet
 * @r:		source of numbers
 * @hook:	the hook that it will enter: decides which devices it has
 * @pkt:	the packet
 */
void random_packet(struct rng *r, int hook, struct packet *pkt)
{
	memset(pkt, 0, sizeof(*pkt));
	pkt->traced = rng_one_in(r, 8);
	pkt->saddr = pick_addr(r);
	pkt->daddr = pick_addr(r);
	pkt->proto = pick_proto(r);
	if (rng_one_in(r, 6))
		pkt->fragoff = 1 + rng_below(r, 3);
	if (hook != NF_INET_LOCAL_OUT)
		random_dev(r, pkt->in);
	if (hook != NF_INET_PRE_ROUTING && hook != NF_INET_LOCAL_IN)
		random_dev(r, pkt->out);
	random_l4(r, pkt);
	random_conn(r, pkt);
}
