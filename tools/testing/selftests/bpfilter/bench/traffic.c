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

/* Lanes that get as many packets as were asked for, if all are alike */
#define CAPTURE_LANES	8

/* Packets that are sent to see where they end */
#define BLOCK		64

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

static enum hook last_hook(const struct maker *m, const struct header *h)
{
	if (m->early)
		return HOOK_PREROUTING;
	if (h->out == DEV_LO)
		return HOOK_INPUT;
	return m->post ? HOOK_POSTROUTING : HOOK_FORWARD;
}

static struct placed *place(const struct bench *b, const struct traffic *t)
{
	struct placed *p = xrealloc(NULL, (t->num + 1) * sizeof(*p));

	for (uint32_t i = 0; i < t->num; i++) {
		p[i].header = t->header[i];
		p[i].order = i;
		p[i].end = last_hook(&b->maker, &t->header[i]);
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

/* All headers into the table, as they lie */
static void set_headers(struct bench *b, const struct placed *p, uint32_t num)
{
	uint32_t slots = power_of_two(num);
	struct header *header = calloc(slots, sizeof(*header));

	if (!header)
		die("out of memory");
	for (uint32_t i = 0; i < num; i++)
		header[i] = p[i].header;
	instrument_set_headers(&b->in, header, slots);
	free(header);
}

/* Some headers of one lane, at most BLOCK; @last: hook where all end */
static void send_some(struct bench *b, struct world *w, const struct placed *p,
		      uint32_t first, uint32_t num, enum hook last)
{
	struct gauge *g = b->in.gauge;

	for (int h = 0; h < NUM_HOOKS; h++) {
		bool on = h == HOOK_PREROUTING ||
			  (h == HOOK_FORWARD && b->maker.post);

		g->hook[h].seen = 0;
		g->hook[h].verdict = on && h != (int)last ? NF_ACCEPT : NF_DROP;
	}
	g->next = 0;
	g->mask = BLOCK - 1;
	g->base = first;
	world_route(w, p[first].header.out);
	instrument_send(&b->in, w->side.ifindex[p[first].header.in], num);
}

/* Each packet alone through the native engine */
static void ask_native(struct bench *b, struct placed *p, uint32_t num)
{
	struct world *w = &b->world[ENGINE_NATIVE];

	set_headers(b, p, num);
	side_enter(&w->side);
	for (uint32_t i = 0; i < num; i++) {
		send_some(b, w, p, i, 1, NUM_HOOKS);
		p[i].end = native_end(b, &p[i].header);
	}
	qsort(p, num, sizeof(*p), by_lane);
}

static bool arrive(struct bench *b, const struct placed *p, uint32_t first,
		   uint32_t num)
{
	enum hook end = p[first].end;

	send_some(b, &b->world[ENGINE_FLOOR], p, first, num, end);
	for (int h = HOOK_INPUT; h < NUM_HOOKS; h++)
		if (h != (int)end && b->in.gauge->hook[h].seen &&
		    (h != HOOK_FORWARD || end != HOOK_POSTROUTING))
			return false;
	return b->in.gauge->hook[end].seen == num;
}

/*
 * Leave out packets that do not get to their hook even where there are no rules,
 * for their addresses. Returns how many are left.
 */
static uint32_t keep_arriving(struct bench *b, struct placed *p, uint32_t num)
{
	struct placed *from = xrealloc(NULL, num * sizeof(*from));
	uint32_t kept = 0, n;

	memcpy(from, p, num * sizeof(*from));
	set_headers(b, from, num);
	side_enter(&b->world[ENGINE_FLOOR].side);
	for (uint32_t i = 0; i < num; i += n) {
		for (n = 1; n < BLOCK && i + n < num; n++)
			if (!same_lane(&from[i], &from[i + n]))
				break;
		if (arrive(b, from, i, n)) {
			memcpy(p + kept, from + i, n * sizeof(*p));
			kept += n;
			continue;
		}
		for (uint32_t k = i; k < i + n; k++)
			if (arrive(b, from, k, 1))
				p[kept++] = from[k];
	}
	free(from);
	return kept;
}

static bool must_ask(const struct bench *b)
{
	return !b->maker.early &&
	       (b->maker.post || b->ends & (1 << HOOK_PREROUTING) ||
		b->rs.tables & (1 << TABLE_NAT));
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
	/* Enough for several lanes */
	if (b->o.capture && num > CAPTURE_LANES * b->o.capture)
		num = power_of_two(CAPTURE_LANES * b->o.capture);
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
	num = keep_arriving(b, p, num);
	if (num < t->num)
		printf("# %s: %s: %u of %u packets would get to no rule\n",
		       b->o.name, traffic_names[id], t->num - num, t->num);
	if (num)
		add_lanes(t, p, num);
	free(p);
}

void traffic_free(struct traffic *t)
{
	free(t->header);
}
