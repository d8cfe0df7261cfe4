// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>
#include <linux/netfilter.h>

#include "bench.h"

/*
 * Lanes: packets that come in by one device, are routed the same way and end at
 * one hook at the latest. One run of the program that makes packets is for one
 * device, so each lane has its own, behind each other.
 *
 * "At the latest": a packet that the ruleset drops ends at the hook where the
 * native engine drops it, in all namespaces, else the floor would go a longer
 * way than the firewall. Where rules may drop before the last hook, or change a
 * packet's way, the native engine is asked for each packet.
 */

/* Headers, unless there are more rules than that */
#define MIN_HEADERS	16384
#define MAX_HEADERS	131072

/* Lanes with less than one in so many packets are left out */
#define MIN_SHARE	256

const char * const traffic_names[NUM_TRAFFICS] = { "uniform", "zipf", "miss" };

static uint32_t power_of_two(uint32_t n)
{
	uint32_t p = 1;

	while (p < n)
		p *= 2;
	return p;
}

/* One header and what is known of its way */
struct placed {
	struct header header;
	enum hook end;
	uint32_t order;
};

static int by_lane(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;

	if (x->header.in != y->header.in)
		return x->header.in - y->header.in;
	if (x->header.out != y->header.out)
		return x->header.out - y->header.out;
	if (x->end != y->end)
		return (int)x->end - (int)y->end;
	return x->order < y->order ? -1 : x->order > y->order;
}

static bool same_lane(const struct placed *a, const struct placed *b)
{
	return a->header.in == b->header.in && a->header.out == b->header.out &&
	       a->end == b->end;
}

static struct placed *place(const struct bench *b, const struct traffic *t)
{
	struct placed *p = xrealloc(NULL, (t->num + 1) * sizeof(*p));

	for (uint32_t i = 0; i < t->num; i++) {
		p[i].header = t->header[i];
		p[i].order = i;
		p[i].end = t->header[i].out == DEV_LO ? HOOK_INPUT :
			   b->maker.post ? HOOK_POSTROUTING : HOOK_FORWARD;
	}
	qsort(p, t->num, sizeof(*p), by_lane);
	return p;
}

/* --- Where packets end --- */

static enum hook native_end(const struct bench *b, struct header *h)
{
	const struct gauge *g = b->in.gauge;

	if (g->hook[HOOK_INPUT].seen) {
		h->out = DEV_LO;
		return HOOK_INPUT;
	}
	if (b->ends & (1 << HOOK_PREROUTING) && !g->hook[HOOK_PREROUTING].seen)
		return HOOK_PREROUTING;
	if (h->out == DEV_LO)
		return HOOK_INPUT;
	if (b->maker.post && g->hook[HOOK_FORWARD].seen)
		return HOOK_POSTROUTING;
	return HOOK_FORWARD;
}

static void gauge_reset(struct gauge *g)
{
	for (int h = 0; h < NUM_HOOKS; h++) {
		g->hook[h].seen = 0;
		g->hook[h].verdict = NF_DROP;
	}
	g->packets = 0;
}

/* Each packet alone through the native engine */
static void ask_native(struct bench *b, struct placed *p, uint32_t num)
{
	uint32_t slots = power_of_two(num);
	struct header *header = calloc(slots, sizeof(*header));
	struct world *w = &b->world[ENGINE_NATIVE];
	struct gauge *g = b->in.gauge;

	for (uint32_t i = 0; header && i < num; i++)
		header[i] = p[i].header;
	instrument_set_headers(&b->in, header, slots);
	free(header);
	side_enter(&w->side);
	for (uint32_t i = 0; i < num; i++) {
		gauge_reset(g);
		g->hook[HOOK_PREROUTING].verdict = NF_ACCEPT;
		g->hook[HOOK_FORWARD].verdict = b->maker.post ? NF_ACCEPT :
								NF_DROP;
		g->next = 0;
		g->mask = 0;
		g->base = i;
		world_route(w, p[i].header.out);
		instrument_send(&b->in, w->side.ifindex[p[i].header.in], 1);
		p[i].end = native_end(b, &p[i].header);
	}
	qsort(p, num, sizeof(*p), by_lane);
}

static bool must_ask(const struct bench *b)
{
	return b->maker.post || b->ends & (1 << HOOK_PREROUTING) ||
	       b->rs.tables & (1 << TABLE_NAT);
}

/* --- Lanes --- */

/* Packets to rows of a power of two, the last ones of which are the first again */
static void add_lane(struct traffic *t, const struct placed *p, uint32_t num)
{
	uint32_t size = power_of_two(num);
	struct lane *lane;

	if (t->num_lanes == MAX_LANES)
		return;
	lane = &t->lane[t->num_lanes++];
	lane->in = p->header.in;
	lane->out = p->header.out;
	lane->end = p->end;
	lane->base = t->num;
	lane->mask = size - 1;
	lane->share = num;
	t->header = xrealloc(t->header, (t->num + size) * sizeof(*t->header));
	for (uint32_t i = 0; i < size; i++)
		t->header[t->num + i] = p[i % num].header;
	t->num += size;
}

static void add_lanes(struct traffic *t, const struct placed *p, uint32_t num)
{
	uint32_t first = 0, slots;
	double sum = 0;

	t->num = 0;
	for (uint32_t i = 1; i <= num; i++) {
		if (i < num && same_lane(&p[i], &p[first]))
			continue;
		if ((i - first) * MIN_SHARE >= num)
			add_lane(t, p + first, i - first);
		first = i;
	}
	for (unsigned int i = 0; i < t->num_lanes; i++)
		sum += t->lane[i].share;
	for (unsigned int i = 0; i < t->num_lanes; i++)
		t->lane[i].share /= sum;
	slots = power_of_two(t->num);
	t->header = xrealloc(t->header, slots * sizeof(*t->header));
	memset(t->header + t->num, 0, (slots - t->num) * sizeof(*t->header));
	t->num = slots;
}

void traffic_make(struct bench *b, struct traffic *t, enum traffic_id id)
{
	uint32_t num = power_of_two(b->rs.num_rules);
	struct placed *p;

	memset(t, 0, sizeof(*t));
	t->id = id;
	if (num < MIN_HEADERS || must_ask(b))
		num = MIN_HEADERS;
	if (num > MAX_HEADERS)
		num = MAX_HEADERS;
	if (id == TRAFFIC_MISS)
		headers_for_none(&b->maker, t, num);
	else
		headers_for_rules(&b->maker, t, num);
	num = t->num;
	if (!num)
		return;
	p = place(b, t);
	if (must_ask(b))
		ask_native(b, p, num);
	add_lanes(t, p, num);
	free(p);
}

void traffic_free(struct traffic *t)
{
	free(t->header);
}
