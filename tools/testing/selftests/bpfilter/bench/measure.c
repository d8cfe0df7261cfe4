// SPDX-License-Identifier: GPL-2.0
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <linux/netfilter.h>

#include "../diff/entries.h"
#include "bench.h"

/*
 * The engines take turns, so that what changes with time on this machine changes
 * for all. Before, each gets the same packets once to see that the same number
 * of them is let through: else there is no figure.
 */

/* Packets come in batches of that many */
#define BATCH		64

/* Packets that show what an engine lets through: in this time natively */
#define CHECK_MS	1000
#define CHECK_MAX	65536

/**
 * struct pass - packets through one engine
 * @ns:		for one, on average
 * @packets:	all of them
 * @lane:	by lane those that the ruleset let through
 * @accepted:	their share
 * @bad:	some got lost, or were where they should not be
 */
struct pass {
	double ns;
	uint64_t packets;
	uint64_t lane[MAX_LANES];
	double accepted;
	bool bad;
};

static uint32_t lane_packets(const struct lane *lane, uint64_t packets)
{
	uint32_t n = packets * lane->share / BATCH;

	return (n ? n : 1) * BATCH;
}

void gauge_set(const struct bench *b, const struct lane *lane, uint32_t next)
{
	struct gauge *g = b->in.gauge;

	for (int h = 0; h < NUM_HOOKS; h++) {
		bool last = h == HOOK_INPUT || h == HOOK_POSTROUTING ||
			    (h == HOOK_FORWARD && !b->maker.post);

		g->hook[h].seen = 0;
		g->hook[h].verdict = last || h == (int)lane->end ? NF_DROP :
								   NF_ACCEPT;
	}
	g->packets = 0;
	g->next = next;
	g->base = lane->base;
	g->mask = lane->mask;
}

/* Packets that ended at another hook than theirs */
static bool strayed(const struct bench *b, const struct lane *lane)
{
	for (int h = 0; h < NUM_HOOKS; h++) {
		bool before = h == HOOK_PREROUTING || h == HOOK_FORWARD;

		if (h != (int)lane->end && b->in.gauge->hook[h].seen &&
		    (!before || h > (int)lane->end))
			return true;
	}
	return false;
}

/* @round: each goes on in the rows where the one before ended */
static struct pass run(struct bench *b, struct world *w,
		       const struct traffic *t, uint64_t packets,
		       unsigned int round)
{
	const struct gauge *g = b->in.gauge;
	struct pass p = { 0 };

	side_enter(&w->side);
	for (unsigned int i = 0; i < t->num_lanes; i++) {
		const struct lane *lane = &t->lane[i];
		uint32_t n = lane_packets(lane, packets);

		world_route(w, lane->out);
		gauge_set(b, lane, round * n);
		p.ns += lane->share *
			instrument_send(&b->in, w->side.ifindex[lane->in], n);
		p.lane[i] = g->hook[lane->end].seen;
		p.accepted += lane->share * p.lane[i] / n;
		p.packets += n;
		p.bad |= g->packets != n || p.lane[i] > n || strayed(b, lane);
	}
	return p;
}

/* --- Before --- */

static bool compared(const struct bench *b, enum engine_id id,
		     const struct pass *p, const struct pass *native,
		     const struct traffic *t, uint64_t packets)
{
	bool all = id == ENGINE_FLOOR || id == ENGINE_EMPTY;

	for (unsigned int i = 0; i < t->num_lanes; i++) {
		uint64_t want = native->lane[i];

		if (all)
			want = lane_packets(&t->lane[i], packets);
		if (p->lane[i] != want && (all || !b->chance))
			return false;
	}
	return !p->bad;
}

/* Drop the engines that do not do what native does */
static void check_world(struct bench *b, struct world *w,
			const struct traffic *t, uint64_t packets,
			const struct pass *native, struct figures *r)
{
	struct pass p = run(b, w, t, packets, 0);

	r->point[w->id].accepted = p.accepted;
	r->point[w->id].compared = p.packets;
	if (compared(b, w->id, &p, native, t, packets))
		return;
	complain(b, "%s: %.4f of the packets of %s pass, natively %.4f%s",
		 engine_names[w->id], p.accepted, traffic_names[t->id],
		 native->accepted, p.bad ? ", and some got lost" : "");
	r->point[w->id].accepted = -1;
}

static void read_entries(struct bench *b, struct entries *e)
{
	for (int i = 0; i < NUM_TABLES; i++)
		if (b->rs.tables & (1 << i))
			entries_get(&b->world[ENGINE_NATIVE].side, i, &e[i]);
}

static void count_hits(struct bench *b, struct entries *before,
		       struct entries *after, struct figures *r)
{
	for (int i = 0; i < NUM_TABLES; i++) {
		unsigned int total;

		if (!(b->rs.tables & (1 << i)))
			continue;
		r->hit += entries_hit(&before[i], &after[i], &total);
		r->entries += total;
		entries_free(&before[i]);
		entries_free(&after[i]);
	}
}

static void check(struct bench *b, const struct traffic *t, struct figures *r)
{
	struct entries before[NUM_TABLES] = { 0 }, after[NUM_TABLES] = { 0 };
	struct world *w = &b->world[ENGINE_NATIVE];
	struct pass native = run(b, w, t, BATCH, 0);
	uint64_t packets = CHECK_MS * 1e6 / (native.ns + 1);

	if (packets > CHECK_MAX)
		packets = CHECK_MAX;
	read_entries(b, before);
	native = run(b, w, t, packets, 0);
	read_entries(b, after);
	count_hits(b, before, after, r);
	if (native.bad)
		complain(b, "native: packets of %s got lost",
			 traffic_names[t->id]);
	for (int i = 0; i < NUM_ENGINES; i++)
		if (world_usable(&b->world[i]))
			check_world(b, &b->world[i], t, packets, &native, r);
}

/* --- Timed --- */

/* So many that a run takes long enough, and all together not too long */
static uint64_t choose_packets(struct bench *b, struct world *w,
			       const struct traffic *t)
{
	struct pass p = run(b, w, t, BATCH, 0);
	uint64_t want, most;

	p = run(b, w, t, b->o.ms * 1e5 / (p.ns + 1), 0);
	want = b->o.ms * 1.1e6 / (p.ns + 1);
	most = b->o.cap * 1e9 / (p.ns + 1) / b->o.rounds;
	if (want < 8 * BATCH)
		want = 8 * BATCH;
	if (want > most)
		want = most;
	return (want / BATCH + 1) * BATCH;
}

/* What passes may differ from the packets that were compared by chance only */
static bool share_is_off(const struct bench *b, const struct point *pt,
			 double accepted)
{
	double a = pt->accepted;
	double sigma = sqrt(a * (1 - a) *
			    (1.0 / pt->packets + 1.0 / pt->compared));

	return !b->chance && fabs(accepted - a) > 5 * sigma + 0.000001;
}

static void time_world(struct bench *b, struct world *w,
		       const struct traffic *t, unsigned int round,
		       struct point *pt)
{
	struct pass p;

	run(b, w, t, pt->packets < 16 * BATCH ? BATCH : pt->packets / 16, round);
	p = run(b, w, t, pt->packets, round);
	if (p.bad || share_is_off(b, pt, p.accepted)) {
		complain(b, "%s: %.4f of the packets of %s pass in round %u, %.4f before%s",
			 engine_names[w->id], p.accepted, traffic_names[t->id],
			 round, pt->accepted, p.bad ? ", and some got lost" : "");
		pt->accepted = -1;
		return;
	}
	samples_add(&pt->ns, p.ns);
}

/* Hooks of tables up to where packets end */
static double count_hooks(const struct bench *b, const struct traffic *t)
{
	double sum = 0;

	for (unsigned int i = 0; i < t->num_lanes; i++) {
		const struct lane *lane = &t->lane[i];

		for (int n = 0; n < NUM_TABLES * NUM_HOOKS; n++) {
			int table = n / NUM_HOOKS, h = n % NUM_HOOKS;
			bool on_way = h == HOOK_PREROUTING ||
				      h == (int)lane->end ||
				      (h == HOOK_FORWARD &&
				       lane->end == HOOK_POSTROUTING);

			if (b->rs.tables & (1 << table) && on_way &&
			    table_has_hook(table, h))
				sum += lane->share;
		}
	}
	return sum;
}

void measure(struct bench *b, const struct traffic *t, struct figures *r)
{
	memset(r, 0, sizeof(*r));
	r->traffic = t;
	r->hooks = count_hooks(b, t);
	instrument_set_headers(&b->in, t->header, t->num);
	check(b, t, r);
	for (int i = 0; i < NUM_ENGINES; i++)
		if (world_usable(&b->world[i]) && r->point[i].accepted >= 0)
			r->point[i].packets = choose_packets(b, &b->world[i], t);
	for (unsigned int round = 0; round < b->o.rounds; round++)
		for (int i = 0; i < NUM_ENGINES; i++)
			if (world_usable(&b->world[i]) &&
			    r->point[i].accepted >= 0)
				time_world(b, &b->world[i], t, round,
					   &r->point[i]);
}
