// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include "blob_model.h"

#define HOOKS		5
#define ON_PATH		0x80000000

/* --- Entries --- */

/**
 * struct entry - an entry of a blob
 * @ip:		its base header, IPv4
 * @ip6:	its base header, IPv6, NULL for IPv4
 * @header:	bytes before its matches
 * @target:	offset of its target
 * @next:	offset of the next entry
 */
struct entry {
	const struct ipt_ip *ip;
	const struct ip6t_ip6 *ip6;
	unsigned int header;
	unsigned int target;
	unsigned int next;
};

static const char *bytes_at(const void *blob, uint32_t off)
{
	return (const char *)blob + sizeof(struct ipt_replace) + off;
}

static struct entry entry_at(const void *blob, uint16_t family, uint32_t off)
{
	const struct ip6t_entry *e6 = (const void *)bytes_at(blob, off);
	const struct ipt_entry *e = (const void *)e6;

	if (family == NFPROTO_IPV6)
		return (struct entry) {
			NULL, &e6->ipv6, sizeof(*e6), e6->target_offset,
			e6->next_offset,
		};
	return (struct entry) {
		&e->ip, NULL, sizeof(*e), e->target_offset, e->next_offset,
	};
}

static const struct xt_entry_target *target_of(const void *blob, uint32_t off,
					       const struct entry *e)
{
	return (const void *)(bytes_at(blob, off) + e->target);
}

static bool target_is(const struct xt_entry_target *t, const char *name)
{
	return !strcmp(t->u.user.name, name);
}

static int target_verdict(const struct xt_entry_target *t)
{
	return ((const struct xt_standard_target *)t)->verdict;
}

static bool is_unconditional(const struct entry *e)
{
	struct ip6t_ip6 none6;
	struct ipt_ip none;

	if (e->target != e->header)
		return false;
	memset(&none, 0, sizeof(none));
	memset(&none6, 0, sizeof(none6));
	return e->ip ? memcmp(e->ip, &none, sizeof(none)) == 0 :
		       memcmp(e->ip6, &none6, sizeof(none6)) == 0;
}

static bool is_goto(const struct entry *e)
{
	return e->ip ? e->ip->flags & IPT_F_GOTO : e->ip6->flags & IP6T_F_GOTO;
}

/* The number of the entry at an offset, -1 if none starts there */
static int entry_index(const void *blob, uint16_t family, uint32_t off)
{
	const struct ipt_replace *repl = blob;
	uint32_t at = 0;
	int index = 0;

	while (at < repl->size && at != off) {
		at += entry_at(blob, family, at).next;
		index++;
	}
	return at < repl->size ? index : -1;
}

/* --- Where packets come from --- */

/* struct visit - a walk from one hook through a blob */
struct visit {
	const void *blob;
	uint16_t family;
	int hook;
	uint32_t *comefrom;
};

static int visit(const struct visit *v, uint32_t off)
{
	const struct ipt_replace *repl = v->blob;
	const struct xt_entry_target *t;
	struct entry e;
	int index, ret;

	if (off >= repl->size)
		return -ELOOP;
	index = entry_index(v->blob, v->family, off);
	if (index < 0 || (v->comefrom[index] & ON_PATH))
		return -ELOOP;
	if (v->comefrom[index] & (1U << v->hook))
		return 0;
	v->comefrom[index] |= ON_PATH | 1U << v->hook;

	e = entry_at(v->blob, v->family, off);
	t = target_of(v->blob, off, &e);
	if (target_is(t, "") && target_verdict(t) < 0 && is_unconditional(&e)) {
		v->comefrom[index] &= ~ON_PATH;
		return 0;
	}
	if (target_is(t, "") && target_verdict(t) >= 0) {
		ret = visit(v, target_verdict(t));
		if (ret)
			return ret;
	}
	ret = visit(v, off + e.next);
	v->comefrom[index] &= ~ON_PATH;
	return ret;
}

/**
 * model_sources() - which hooks reach which entry
 * @blob:	the blob
 * @family:	of the table
 * @comefrom:	one for each entry, filled
 *
 * Return: 0 or -ELOOP.
 */
int model_sources(const void *blob, uint16_t family, uint32_t *comefrom)
{
	const struct ipt_replace *repl = blob;
	int ret;

	memset(comefrom, 0, sizeof(*comefrom) * repl->num_entries);
	for (int h = 0; h < HOOKS; h++) {
		const struct visit v = { blob, family, h, comefrom };

		if (!(repl->valid_hooks & (1U << h)))
			continue;
		ret = visit(&v, repl->hook_entry[h]);
		if (ret)
			return ret;
	}
	return 0;
}

/* --- Base headers --- */

static bool name_matches(const char *dev, const char *want,
			 const unsigned char *mask, bool inv)
{
	bool same = true;

	for (int i = 0; i < IFNAMSIZ; i++)
		if ((dev[i] ^ want[i]) & mask[i])
			same = false;
	return same ^ inv;
}

/* Devices are those at the start: the hook state does not change */
static bool ip_matches(const struct sight *s, const struct ipt_ip *ip,
		       const struct packet *devs)
{
	bool frag_fails = (ip->flags & IPT_F_FRAG) && s->fragoff == 0;
	bool same_proto = s->bytes[9] == ip->proto;
	uint32_t src, dst;

	memcpy(&src, s->bytes + 12, 4);
	memcpy(&dst, s->bytes + 16, 4);
	if (((src & ip->smsk.s_addr) == ip->src.s_addr) ==
	    !!(ip->invflags & IPT_INV_SRCIP))
		return false;
	if (((dst & ip->dmsk.s_addr) == ip->dst.s_addr) ==
	    !!(ip->invflags & IPT_INV_DSTIP))
		return false;
	if (!name_matches(devs->in, ip->iniface, ip->iniface_mask,
			  ip->invflags & IPT_INV_VIA_IN))
		return false;
	if (!name_matches(devs->out, ip->outiface, ip->outiface_mask,
			  ip->invflags & IPT_INV_VIA_OUT))
		return false;
	if (ip->proto && same_proto == !!(ip->invflags & IPT_INV_PROTO))
		return false;
	return frag_fails == !!(ip->invflags & IPT_INV_FRAG);
}

static bool addr6_matches(const uint8_t *addr, const struct in6_addr *want,
			  const struct in6_addr *mask, bool inv)
{
	bool same = true;

	for (int i = 0; i < 16; i++)
		if ((addr[i] ^ want->s6_addr[i]) & mask->s6_addr[i])
			same = false;
	return same ^ inv;
}

/* Native has set IP6T_F_PROTO by then if there is a protocol */
static bool proto6_matches(struct sight *s, const struct ip6t_ip6 *ip)
{
	struct packet_transport t;

	if (!(ip->flags & IP6T_F_PROTO) && !ip->proto)
		return true;
	packet_transport(s->bytes, s->len, true, &t);
	if (!t.found) {
		s->hotdrop = true;
		return false;
	}
	s->fragoff = t.fragoff;
	s->thoff = t.thoff;
	if (t.proto == ip->proto)
		return !(ip->invflags & IP6T_INV_PROTO);
	return !ip->proto || ip->invflags & IP6T_INV_PROTO;
}

static bool ip6_matches(struct sight *s, const struct ip6t_ip6 *ip,
			const struct packet *devs)
{
	s->thoff = 0;
	return addr6_matches(s->bytes + 8, &ip->src, &ip->smsk,
			     ip->invflags & IP6T_INV_SRCIP) &&
	       addr6_matches(s->bytes + 24, &ip->dst, &ip->dmsk,
			     ip->invflags & IP6T_INV_DSTIP) &&
	       name_matches(devs->in, ip->iniface, ip->iniface_mask,
			    ip->invflags & IP6T_INV_VIA_IN) &&
	       name_matches(devs->out, ip->outiface, ip->outiface_mask,
			    ip->invflags & IP6T_INV_VIA_OUT) &&
	       proto6_matches(s, ip);
}

/* --- The way of a packet --- */

/**
 * struct walk - one packet on its way
 * @m:		the table
 * @hook:	the hook that it entered
 * @play:	what becomes of it
 * @turn:	which of its packets it is
 * @sight:	what it looks like
 * @out:	what happens
 * @off:	offset of the entry where it is
 * @stack:	offsets of the jumps to return to
 * @depth:	number of @stack
 * @slots:	room in @stack
 * @verdict:	how it ended, once @done
 * @done:	it ended
 */
struct walk {
	const struct model *m;
	int hook;
	const struct packet_play *play;
	unsigned int turn;
	struct sight sight;
	struct ir_outcome *out;
	uint32_t off;
	uint32_t *stack;
	uint32_t depth;
	uint32_t slots;
	enum model_verdict verdict;
	bool done;
};

static void walk_end(struct walk *w, enum model_verdict verdict)
{
	w->verdict = verdict;
	w->done = true;
}

static void walk_look(struct walk *w)
{
	struct sight *s = &w->sight;

	s->pkt = &w->play->pkts[w->turn];
	s->len = packet_bytes(s->pkt, s->bytes);
	s->mark = s->pkt->mark;
}

/* IPv4 keeps both offsets from the start on, IPv6 asks for them by rule */
static void walk_start(struct walk *w)
{
	struct sight *s = &w->sight;

	s->family = w->m->family;
	s->random = w->play->random;
	walk_look(w);
	if (s->family == NFPROTO_IPV6)
		return;
	s->thoff = (s->bytes[0] & 15) * 4;
	s->fragoff = (s->bytes[6] * 256 + s->bytes[7]) & 0x1fff;
}

static uint32_t rule_at(const struct walk *w, uint32_t off)
{
	return entry_index(w->m->blob, w->m->family, off);
}

/* The number of the extension at an offset in this entry, -1 if it is none */
static int bridged_at(const struct walk *w, uint32_t offset)
{
	uint32_t rule = rule_at(w, w->off);

	for (uint32_t i = 0; i < w->m->num_bridged; i++)
		if (w->m->bridged[i].rule == rule &&
		    w->m->bridged[i].offset == offset)
			return i;
	return -1;
}

static uint8_t ask(struct walk *w, enum packet_asked what, uint32_t index)
{
	packet_call(&w->out->calls, what, index, w->sight.thoff,
		    w->sight.fragoff);
	return w->play->pkts->answers[index % PACKET_ANSWERS];
}

static bool walk_match(struct walk *w, uint32_t pos,
		       const struct xt_entry_match *m)
{
	int index = bridged_at(w, pos);
	uint8_t answer;

	if (index < 0)
		return model_match(&w->sight, m->u.user.name,
				   m->u.user.revision, m->data);
	answer = ask(w, PACKET_ASKED_MATCH, index);
	if (answer & PACKET_ANSWER_CHANGE)
		w->sight.mark = packet_written_mark(index);
	w->sight.hotdrop |= answer & 2;
	return answer & 1;
}

static bool entry_matches(struct walk *w, const struct entry *e)
{
	uint32_t pos = e->header;

	if (e->ip ? !ip_matches(&w->sight, e->ip, w->play->pkts) :
		    !ip6_matches(&w->sight, e->ip6, w->play->pkts))
		return false;
	while (pos < e->target) {
		const struct xt_entry_match *m =
			(const void *)(bytes_at(w->m->blob, w->off) + pos);

		if (!walk_match(w, pos, m))
			return false;
		pos += m->u.match_size;
	}
	return true;
}

static void walk_count(struct walk *w)
{
	uint32_t rule = rule_at(w, w->off);

	w->out->packets[rule]++;
	if (w->out->bytes)
		w->out->bytes[rule] += w->sight.len;
	if (w->sight.pkt->traced)
		packet_call(&w->out->calls, PACKET_ASKED_TRACE, rule, 0, 0);
}

static void walk_return(struct walk *w)
{
	const struct ipt_replace *repl = w->m->blob;

	if (!w->depth) {
		w->off = repl->underflow[w->hook];
		return;
	}
	w->off = w->stack[--w->depth];
	w->off += entry_at(w->m->blob, w->m->family, w->off).next;
}

static void walk_jump(struct walk *w, const struct entry *e, uint32_t to)
{
	if (to != w->off + e->next && !is_goto(e)) {
		if (w->depth >= w->slots) {
			walk_end(w, MODEL_OVERFLOW);
			return;
		}
		w->stack[w->depth++] = w->off;
	}
	w->off = to;
}

static void walk_standard(struct walk *w, const struct entry *e, int v)
{
	if (v == XT_RETURN)
		walk_return(w);
	else if (v < 0)
		walk_end(w, -v - 1 == NF_ACCEPT && !w->sight.hotdrop ?
			    MODEL_ACCEPT : MODEL_DROP);
	else
		walk_jump(w, e, v);
}

/* Of a packet about to be dropped nobody gets to see the mark */
static void walk_mark(struct walk *w, const struct entry *e,
		      const struct xt_entry_target *t)
{
	struct xt_mark_tginfo2 info;

	if (!target_is(t, "MARK"))
		abort();
	if (w->sight.hotdrop)
		return;
	memcpy(&info, t->data, sizeof(info));
	packet_call(&w->out->calls, PACKET_ASKED_MARK, ~info.mask, info.mark,
		    0);
	w->sight.mark = (w->sight.mark & ~info.mask) ^ info.mark;
	w->off += e->next;
}

static void walk_bridged(struct walk *w, const struct entry *e, uint32_t index)
{
	uint8_t answer = ask(w, PACKET_ASKED_TARGET, index);

	if (!(answer & PACKET_ANSWER_GO_ON)) {
		walk_end(w, MODEL_DROP);
		return;
	}
	if (answer & PACKET_ANSWER_CHANGE && w->turn + 1 < w->play->num) {
		w->turn++;
		walk_look(w);
	}
	w->off += e->next;
}

static void walk_target(struct walk *w, const struct entry *e)
{
	const struct xt_entry_target *t = target_of(w->m->blob, w->off, e);
	int index = bridged_at(w, e->target);
	int v = target_is(t, "") ? target_verdict(t) : 0;

	if (index >= 0 && v == -NF_QUEUE - 1) {
		ask(w, PACKET_ASKED_TARGET, index);
		walk_end(w, MODEL_DROP);
	} else if (index >= 0) {
		walk_bridged(w, e, index);
	} else if (target_is(t, "")) {
		walk_standard(w, e, v);
	} else if (target_is(t, "ERROR")) {
		walk_end(w, MODEL_DROP);
	} else {
		walk_mark(w, e, t);
	}
}

/* As the loop of ipt_do_table(): hotdrop ends it after whatever came before */
static void walk_step(struct walk *w)
{
	struct entry e = entry_at(w->m->blob, w->m->family, w->off);

	if (entry_matches(w, &e)) {
		walk_count(w);
		walk_target(w, &e);
	} else {
		w->off += e.next;
	}
	if (!w->done && w->sight.hotdrop)
		walk_end(w, MODEL_DROP);
}

static uint32_t count_heads(const struct model *m)
{
	const struct ipt_replace *repl = m->blob;
	uint32_t heads = 0;

	for (uint32_t at = 0; at < repl->size;) {
		struct entry e = entry_at(m->blob, m->family, at);

		heads += target_is(target_of(m->blob, at, &e), "ERROR");
		at += e.next;
	}
	return heads;
}

/**
 * model_play() - send a packet through a table
 * @m:		the table
 * @hook:	the hook that the packet enters
 * @play:	the packet
 * @out:	filled, where not given
 *
 * Return: how the packet ends.
 */
enum model_verdict model_play(const struct model *m, int hook,
			      const struct packet_play *play,
			      struct ir_outcome *out)
{
	const struct ipt_replace *repl = m->blob;
	struct walk w = {
		.m = m, .hook = hook, .play = play, .out = out,
		.off = repl->hook_entry[hook], .slots = count_heads(m),
	};

	out->calls.num = 0;
	w.stack = calloc(w.slots + 1, sizeof(*w.stack));
	if (!w.stack)
		abort();
	walk_start(&w);
	while (!w.done)
		walk_step(&w);
	free(w.stack);
	out->mark = w.sight.mark;
	return w.verdict;
}

/**
 * model_run() - send a packet through a blob of IPv4
 * @blob:	the blob, without bridged extensions
 * @hook:	the hook that the packet enters
 * @pkt:	the packet
 * @counters:	one for each entry; those that count the packet are incremented
 *
 * Return: how the packet ends.
 */
enum model_verdict model_run(const void *blob, int hook,
			     const struct packet *pkt, uint64_t *counters)
{
	const struct model m = { .blob = blob, .family = NFPROTO_IPV4 };
	const struct packet_play play = { .pkts = pkt, .num = 1 };
	struct ir_outcome out = { .packets = counters };

	return model_play(&m, hook, &play, &out);
}
