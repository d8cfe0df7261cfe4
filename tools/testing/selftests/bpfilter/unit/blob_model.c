// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_state.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter_ipv4/ip_tables.h>

#include "blob_model.h"

#define HOOKS		5
#define ON_PATH		0x80000000

/* Entries */

static const struct ipt_entry *entry_at(const void *blob, uint32_t off)
{
	return (const void *)((const char *)blob + sizeof(struct ipt_replace) +
			      off);
}

static const char *target_name(const struct ipt_entry *e)
{
	return ((const struct xt_entry_target *)
		((const char *)e + e->target_offset))->u.user.name;
}

static bool target_is(const struct ipt_entry *e, const char *name)
{
	return !strcmp(target_name(e), name);
}

static int target_verdict(const struct ipt_entry *e)
{
	return ((const struct xt_standard_target *)
		((const char *)e + e->target_offset))->verdict;
}

static bool is_unconditional(const struct ipt_entry *e)
{
	struct ipt_ip none;

	memset(&none, 0, sizeof(none));
	return e->target_offset == sizeof(*e) &&
	       memcmp(&e->ip, &none, sizeof(none)) == 0;
}

/* The number of the entry at an offset, -1 if none starts there */
static int entry_index(const void *blob, uint32_t off)
{
	const struct ipt_replace *repl = blob;
	uint32_t at = 0;
	int index = 0;

	while (at < repl->size && at != off) {
		at += entry_at(blob, at)->next_offset;
		index++;
	}
	return at < repl->size ? index : -1;
}

/* Where packets come from */

static int visit(const void *blob, uint32_t off, int hook, uint32_t *comefrom)
{
	const struct ipt_replace *repl = blob;
	const struct ipt_entry *e;
	int index, ret;

	if (off >= repl->size)
		return -ELOOP;
	index = entry_index(blob, off);
	if (index < 0 || (comefrom[index] & ON_PATH))
		return -ELOOP;
	if (comefrom[index] & (1U << hook))
		return 0;
	comefrom[index] |= ON_PATH | 1U << hook;

	e = entry_at(blob, off);
	if (target_is(e, "") && target_verdict(e) < 0 && is_unconditional(e)) {
		comefrom[index] &= ~ON_PATH;
		return 0;
	}
	if (target_is(e, "") && target_verdict(e) >= 0) {
		ret = visit(blob, target_verdict(e), hook, comefrom);
		if (ret)
			return ret;
	}
	ret = visit(blob, off + e->next_offset, hook, comefrom);
	comefrom[index] &= ~ON_PATH;
	return ret;
}

/**
 * model_sources() - which hooks reach which entry
 * @blob:	the blob
 * @comefrom:	one for each entry, filled
 *
 * Return: 0 or -ELOOP.
 */
int model_sources(const void *blob, uint32_t *comefrom)
{
	const struct ipt_replace *repl = blob;
	int ret;

	memset(comefrom, 0, sizeof(*comefrom) * repl->num_entries);
	for (int h = 0; h < HOOKS; h++) {
		if (!(repl->valid_hooks & (1U << h)))
			continue;
		ret = visit(blob, repl->hook_entry[h], h, comefrom);
		if (ret)
			return ret;
	}
	return 0;
}

/* Matches */

static uint16_t read_u16(const uint8_t *p)
{
	return p[0] * 256 + p[1];
}

static bool in_range(unsigned int v, unsigned int lo, unsigned int hi, bool inv)
{
	return (v >= lo && v <= hi) ^ inv;
}

static bool name_matches(const char *dev, const char *want,
			 const unsigned char *mask, bool inv)
{
	bool same = true;

	for (int i = 0; i < IFNAMSIZ; i++)
		if ((dev[i] ^ want[i]) & mask[i])
			same = false;
	return same ^ inv;
}

static bool ip_matches(const struct ipt_ip *ip, const struct packet *p)
{
	bool frag_fails = (ip->flags & IPT_F_FRAG) && p->fragoff == 0;
	bool same_proto = p->proto == ip->proto;

	if (((htonl(p->saddr) & ip->smsk.s_addr) == ip->src.s_addr) ==
	    !!(ip->invflags & IPT_INV_SRCIP))
		return false;
	if (((htonl(p->daddr) & ip->dmsk.s_addr) == ip->dst.s_addr) ==
	    !!(ip->invflags & IPT_INV_DSTIP))
		return false;
	if (!name_matches(p->in, ip->iniface, ip->iniface_mask,
			  ip->invflags & IPT_INV_VIA_IN))
		return false;
	if (!name_matches(p->out, ip->outiface, ip->outiface_mask,
			  ip->invflags & IPT_INV_VIA_OUT))
		return false;
	if (ip->proto && same_proto == !!(ip->invflags & IPT_INV_PROTO))
		return false;
	return frag_fails == !!(ip->invflags & IPT_INV_FRAG);
}

static bool tcp_option_found(const struct packet *p, int want, unsigned int len)
{
	const uint8_t *op = p->l4 + 20;

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

static bool tcp_matches(const struct xt_tcp *t, const struct packet *p,
			bool *hotdrop)
{
	unsigned int doff = p->l4[12] >> 4;

	if (p->fragoff) {
		*hotdrop = p->fragoff == 1;
		return false;
	}
	if (p->l4_len < 20) {
		*hotdrop = true;
		return false;
	}
	if (!in_range(read_u16(p->l4), t->spts[0], t->spts[1],
		      t->invflags & XT_TCP_INV_SRCPT) ||
	    !in_range(read_u16(p->l4 + 2), t->dpts[0], t->dpts[1],
		      t->invflags & XT_TCP_INV_DSTPT))
		return false;
	if (((p->l4[13] & t->flg_mask) == t->flg_cmp) ==
	    !!(t->invflags & XT_TCP_INV_FLAGS))
		return false;
	if (!t->option)
		return true;
	if (doff < 5 || (doff > 5 && p->l4_len < doff * 4)) {
		*hotdrop = true;
		return false;
	}
	return tcp_option_found(p, t->option, doff * 4 - 20) ^
	       !!(t->invflags & XT_TCP_INV_OPTION);
}

static bool udp_matches(const struct xt_udp *u, const struct packet *p,
			bool *hotdrop)
{
	if (p->fragoff)
		return false;
	if (p->l4_len < 8) {
		*hotdrop = true;
		return false;
	}
	return in_range(read_u16(p->l4), u->spts[0], u->spts[1],
			u->invflags & XT_UDP_INV_SRCPT) &&
	       in_range(read_u16(p->l4 + 2), u->dpts[0], u->dpts[1],
			u->invflags & XT_UDP_INV_DSTPT);
}

static bool icmp_matches(const struct ipt_icmp *c, const struct packet *p,
			 bool *hotdrop)
{
	bool same;

	if (p->fragoff)
		return false;
	if (p->l4_len < 8) {
		*hotdrop = true;
		return false;
	}
	same = c->type == 255 ||
	       (p->l4[0] == c->type && p->l4[1] >= c->code[0] &&
		p->l4[1] <= c->code[1]);
	return same ^ !!(c->invflags & IPT_ICMP_INV);
}

static bool state_matches(const struct xt_state_info *s, const struct packet *p)
{
	unsigned int bit;

	if (p->conn)
		bit = XT_STATE_BIT(p->ctinfo);
	else
		bit = p->untracked ? XT_STATE_UNTRACKED : XT_STATE_INVALID;
	return s->statemask & bit;
}

/* A connection's part of a packet: a condition that was asked for, and holds */
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

static bool ct_matches(const void *data, int rev, const struct packet *p)
{
	const struct xt_conntrack_mtinfo1 *i1 = data;
	const struct xt_conntrack_mtinfo2 *i2 = data;
	struct xt_conntrack_mtinfo3 info, *i = &info;
	unsigned int states = rev == 1 ? i1->state_mask : i2->state_mask;
	unsigned int status = rev == 1 ? i1->status_mask : i2->status_mask;

	memset(i, 0, sizeof(*i));
	memcpy(i, data, rev == 1 ? sizeof(*i1) : rev == 2 ? sizeof(*i2) :
							    sizeof(*i));
	if (!ct_state_holds(i, states, p))
		return false;
	if (!p->conn)
		return i->match_flags & XT_CONNTRACK_STATE;
	return ct_holds(i, XT_CONNTRACK_DIRECTION,
			p->ctinfo < IP_CT_IS_REPLY) &&
	       ct_holds(i, XT_CONNTRACK_ORIGSRC,
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
				i->repldst_port_high)) &&
	       ct_holds(i, XT_CONNTRACK_STATUS, status & p->status) &&
	       ct_holds(i, XT_CONNTRACK_EXPIRES,
			p->expires >= i->expires_min &&
			p->expires <= i->expires_max);
}

static bool match_matches(const struct xt_entry_match *m,
			  const struct packet *p, bool *hotdrop)
{
	const char *name = m->u.user.name;

	if (!strcmp(name, "tcp"))
		return tcp_matches((const void *)m->data, p, hotdrop);
	if (!strcmp(name, "udp") || !strcmp(name, "udplite"))
		return udp_matches((const void *)m->data, p, hotdrop);
	if (!strcmp(name, "icmp"))
		return icmp_matches((const void *)m->data, p, hotdrop);
	if (!strcmp(name, "state"))
		return state_matches((const void *)m->data, p);
	if (!strcmp(name, "conntrack"))
		return ct_matches(m->data, m->u.user.revision, p);
	if (!strcmp(name, "comment"))
		return true;
	abort();
}

static bool entry_matches(const struct ipt_entry *e, const struct packet *p,
			  bool *hotdrop)
{
	uint32_t pos = sizeof(*e);

	if (!ip_matches(&e->ip, p))
		return false;
	while (pos < e->target_offset) {
		const struct xt_entry_match *m =
			(const void *)((const char *)e + pos);

		if (!match_matches(m, p, hotdrop))
			return false;
		pos += m->u.match_size;
	}
	return true;
}

/* The way of a packet */

static uint32_t count_heads(const void *blob)
{
	const struct ipt_replace *repl = blob;
	uint32_t heads = 0;

	for (uint32_t at = 0; at < repl->size;
	     at += entry_at(blob, at)->next_offset)
		heads += target_is(entry_at(blob, at), "ERROR");
	return heads;
}

static enum model_verdict model_walk(const void *blob, int hook,
				     const struct packet *p, uint64_t *counters,
				     uint32_t *stack, uint32_t slots)
{
	const struct ipt_replace *repl = blob;
	uint32_t off = repl->hook_entry[hook], depth = 0;

	for (;;) {
		const struct ipt_entry *e = entry_at(blob, off);
		uint32_t next = off + e->next_offset;
		bool hotdrop = false;
		int v;

		if (!entry_matches(e, p, &hotdrop)) {
			if (hotdrop)
				return MODEL_DROP;
			off = next;
			continue;
		}
		counters[entry_index(blob, off)]++;
		if (!target_is(e, ""))
			return MODEL_DROP;
		v = target_verdict(e);
		if (v == XT_RETURN) {
			if (!depth) {
				off = repl->underflow[hook];
			} else {
				off = stack[--depth];
				off += entry_at(blob, off)->next_offset;
			}
			continue;
		}
		if (v < 0)
			return -v - 1 == NF_ACCEPT ? MODEL_ACCEPT : MODEL_DROP;
		if ((uint32_t)v != next && !(e->ip.flags & IPT_F_GOTO)) {
			if (depth >= slots)
				return MODEL_OVERFLOW;
			stack[depth++] = off;
		}
		off = v;
	}
}

/**
 * model_run() - send a packet through a blob
 * @blob:	the blob; model_sources() does not fail on it
 * @hook:	the hook that the packet enters
 * @pkt:	the packet
 * @counters:	one for each entry; those that count the packet are incremented
 *
 * Return: how the packet ends.
 */
enum model_verdict model_run(const void *blob, int hook,
			     const struct packet *pkt, uint64_t *counters)
{
	uint32_t slots = count_heads(blob);
	uint32_t *stack = calloc(slots + 1, sizeof(*stack));
	enum model_verdict verdict;

	if (!stack)
		abort();
	verdict = model_walk(blob, hook, pkt, counters, stack, slots);
	free(stack);
	return verdict;
}
