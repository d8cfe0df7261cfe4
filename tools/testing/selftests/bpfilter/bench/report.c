// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

/* Lines of the tables that results are; their first lines are the caller's */

static FILE *out_open(const struct bench *b, const char *name)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", b->o.out, name);
	f = fopen(path, "a");
	if (!f)
		die("%s: %s", path, strerror(errno));
	return f;
}

void complain(struct bench *b, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	FILE *f;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	b->errors++;
	fprintf(stderr, "# error: %s: %s\n", b->o.name, text);
	f = out_open(b, "errors.txt");
	fprintf(f, "%s: %s\n", b->o.name, text);
	fclose(f);
}

void report_left_out(const struct bench *b, enum engine_id id)
{
	FILE *f = out_open(b, "left-out.txt");

	fprintf(f, "%s, %u rules: %s: %s\n", b->o.name, b->rs.num_rules,
		engine_names[id], b->world[id].why);
	printf("# left out: %s: %s: %s\n", b->o.name, engine_names[id],
	       b->world[id].why);
	fclose(f);
}

/* Cost above the floor: see the README */
static double above(const struct figures *r, enum engine_id id)
{
	double floor = samples_median(&r->point[ENGINE_FLOOR].ns);
	double empty = samples_median(&r->point[ENGINE_EMPTY].ns);
	double dropped = 1 - r->point[id].accepted;
	double hook = r->hooks ? (empty - floor) / r->hooks : 0;

	return samples_median(&r->point[id].ns) - floor + dropped * hook;
}

static bool is_reported(const struct bench *b, const struct figures *r,
			enum engine_id id)
{
	return b->o.engines & (1 << id) && r->point[id].ns.num &&
	       r->point[id].accepted >= 0 && r->point[ENGINE_FLOOR].ns.num &&
	       r->point[ENGINE_EMPTY].ns.num;
}

static void put_loads(FILE *f, const struct world *w)
{
	if (w->load_ms.num)
		fprintf(f, ",%.3f,%.0f\n", samples_median(&w->load_ms),
			samples_median(&w->memory));
	else
		fprintf(f, ",,\n");
}

static void report_result(const struct bench *b, const struct figures *r,
			  enum engine_id id)
{
	const struct point *pt = &r->point[id];
	FILE *f = out_open(b, "results.csv");

	fprintf(f, "%s,%s,%u,%s,%.1f,%.1f", engine_names[id], b->o.name,
		b->rs.num_rules, traffic_names[r->traffic->id],
		samples_median(&pt->ns), above(r, id));
	put_loads(f, &b->world[id]);
	fclose(f);
}

static void report_spread(const struct bench *b, const struct figures *r,
			  enum engine_id id)
{
	const struct point *pt = &r->point[id];
	FILE *f = out_open(b, "spread.csv");

	fprintf(f, "%s,%s,%u,%s,%u,%llu,%.1f,%.1f,%.1f,%.4f,%u,%u,%u,%u,%u,%u\n",
		engine_names[id], b->o.name, b->rs.num_rules,
		traffic_names[r->traffic->id], pt->ns.num,
		(unsigned long long)pt->packets, samples_min(&pt->ns),
		samples_median(&pt->ns), samples_max(&pt->ns), pt->accepted,
		r->hit, r->entries, r->traffic->rules, r->traffic->no_rules,
		r->traffic->num_lanes, b->world[id].load_ms.num);
	fclose(f);
}

void report_points(struct bench *b, const struct figures *r)
{
	for (int i = 0; i < NUM_ENGINES; i++) {
		if (!is_reported(b, r, i))
			continue;
		report_result(b, r, i);
		report_spread(b, r, i);
	}
}

static void report_append(const struct bench *b, const struct world *w)
{
	const struct samples *s = &w->append_ms;
	FILE *f;

	if (!s->num)
		return;
	f = out_open(b, "append.csv");
	fprintf(f, "%s,%s,%u,%.3f,%u,%.3f,%.3f\n", engine_names[w->id],
		b->o.name, b->rs.num_rules, samples_median(s), s->num,
		samples_min(s), samples_max(s));
	fclose(f);
}

static void report_load(const struct bench *b, const struct world *w)
{
	const struct samples *s = &w->load_ms;
	FILE *f;

	if (!s->num)
		return;
	f = out_open(b, "loads.csv");
	fprintf(f, "%s,%s,%u,%.3f,%u,%.3f,%.3f,%.0f,%.0f,%.0f\n",
		engine_names[w->id], b->o.name, b->rs.num_rules,
		samples_median(s), s->num, samples_min(s), samples_max(s),
		samples_median(&w->memory), samples_min(&w->memory),
		samples_max(&w->memory));
	fclose(f);
}

void report_loads(const struct bench *b)
{
	for (int i = 0; i < NUM_ENGINES; i++) {
		if (!(b->o.engines & (1 << i)))
			continue;
		report_load(b, &b->world[i]);
		report_append(b, &b->world[i]);
	}
}
