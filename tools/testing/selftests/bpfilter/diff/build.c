// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "steps.h"

/* From the description of a packet to its bytes */

#define IP_DONT_FRAGMENT	0x4000
#define IP_MORE_FRAGMENTS	0x2000

void put_ipv4(struct buf *b, const struct spec *s, const struct piece *p)
{
	unsigned int len = p->len;
	uint16_t frag = p->fragoff | (p->mf ? IP_MORE_FRAGMENTS : 0);

	if (p->whole && s->df)
		frag |= IP_DONT_FRAGMENT;
	if (p->whole && s->cut != CUT_NONE && s->cut < (int)len)
		len = s->cut;
	put8(b, 0x40 | s->ihl);
	put8(b, s->field[FIELD_TOS]);
	put16(b, s->ihl * 4 + len);
	put16(b, p->id);
	put16(b, frag);
	put8(b, s->field[FIELD_TTL]);
	put8(b, s->proto);
	put16(b, 0);
	put_address(b, s->family, s->src);
	put_address(b, s->family, s->dst);
	for (int i = 20; i < s->ihl * 4; i++)
		put8(b, 1);
	set16(b, 10, sum_fold(sum_bytes(b->data, b->len, 0)));
	put_bytes(b, p->data, len);
	for (unsigned int i = 0; i < s->padding; i++)
		put8(b, 0xee);
}

static struct step *new_step(struct step_list *steps, unsigned int rule,
			     const char *why)
{
	struct step *st;

	steps->step = grow(steps->step, steps->num, sizeof(*steps->step));
	st = &steps->step[steps->num++];
	memset(st, 0, sizeof(*st));
	st->rule = rule;
	st->why = why;
	return st;
}

/*
 * Which way a packet has to take to get to its hook and devices. IPv6 sends by a
 * device only where a route leads.
 */
static void set_path(struct step *st, const struct spec *s)
{
	st->dst = s->dst;
	st->linear = s->linear;
	st->mark = s->field[FIELD_MARK];
	st->mac = s->field[FIELD_MAC];
	st->pkt = s->field[FIELD_PKT];
	if (s->way == WAY_OUT) {
		st->kind = STEP_SEND;
		st->dev = s->out;
		st->route = s->out == DEV_LO || s->family->v6 ? s->out :
								ROUTE_NONE;
	} else if (s->in == DEV_LO) {
		st->kind = STEP_SEND;
		st->dev = DEV_LO;
		st->route = DEV_LO;
	} else {
		st->kind = STEP_RECEIVE;
		st->dev = s->in;
		st->route = s->way == WAY_IN ? DEV_LO : s->out;
	}
}

/* The user that has both ids, or the closest */
static unsigned int find_owner(const struct owners *owners,
			       const struct spec *s)
{
	unsigned int found = 0;

	for (unsigned int i = 0; i < owners->num; i++) {
		bool uid = owners->uid[i] == s->field[FIELD_UID];
		bool gid = owners->gid[i] == s->field[FIELD_GID];

		if (uid && gid)
			return i;
		if (uid && s->field[FIELD_UID])
			found = i;
		if (gid && s->field[FIELD_GID] && !found)
			found = i;
	}
	return found;
}

struct adding {
	struct step_list *steps;
	const struct spec *s;
	const struct owners *owners;
	unsigned int rule;
	const char *why;
};

static void add_packet(const struct adding *a, const struct piece *p)
{
	struct step *st = new_step(a->steps, a->rule, a->why);
	struct buf b = { .len = 0 };

	if (a->s->family->v6)
		put_ipv6(&b, a->s, p);
	else
		put_ipv4(&b, a->s, p);
	set_path(st, a->s);
	st->owner = find_owner(a->owners, a->s);
	st->len = b.len;
	st->data = memcpy(xrealloc(NULL, b.len), b.data, b.len);
	a->steps->packets++;
}

/* Two fragments that together are the packet */
static void add_split(const struct adding *a, const struct buf *l4, uint32_t id)
{
	unsigned int at = a->s->split * 8;

	for (int i = 0; i < 2; i++) {
		bool second = i ^ a->s->swapped;
		struct piece p = { .data = l4->data, .len = at, .id = id };

		if (second) {
			p.data = l4->data + at;
			p.len = l4->len - at;
			p.fragoff = a->s->split;
		}
		p.mf = !second;
		add_packet(a, &p);
	}
}

void steps_add(struct step_list *steps, const struct spec *s,
	       const struct owners *owners, unsigned int rule, const char *why)
{
	struct adding a = {
		.steps = steps, .s = s, .owners = owners, .rule = rule,
		.why = why,
	};
	struct buf l4 = { .len = 0 };
	struct piece p = {
		.fragoff = s->fragoff, .mf = s->mf, .whole = true,
		.id = steps->packets % 0xffff + 1,
	};
	struct conn conn;

	if (spec_conn(s, &conn)) {
		struct step *st = new_step(steps, rule, why);

		st->kind = STEP_CONN;
		st->conn = memcpy(xrealloc(NULL, sizeof(conn)), &conn,
				  sizeof(conn));
	}
	put_l4(&l4, s);
	if (s->family->v6 && s->field[FIELD_FRAG_ID] != 1)
		p.id = s->field[FIELD_FRAG_ID];
	if (s->split && s->split * 8U < l4.len) {
		add_split(&a, &l4, p.id);
		return;
	}
	p.data = l4.data;
	p.len = l4.len;
	add_packet(&a, &p);
}

void steps_free(struct step_list *steps)
{
	for (unsigned int i = 0; i < steps->num; i++) {
		free(steps->step[i].data);
		free(steps->step[i].conn);
	}
	free(steps->step);
	memset(steps, 0, sizeof(*steps));
}
