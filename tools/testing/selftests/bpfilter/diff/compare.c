// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "entries.h"
#include "load.h"

/* Both sides, step by step and side by side */

/* Steps between two looks at what came out; a device's queue holds 500 packets */
#define BATCH		64
#define MAX_TABLES	8
#define MAX_LINES	6

void pair_open(struct pair *pair, bool native_only)
{
	memset(pair, 0, sizeof(*pair));
	side_open(&pair->side[0], "native", false);
	side_open(&pair->side[1], native_only ? "native too" : "bpfilter",
		  !native_only);
}

void pair_close(struct pair *pair)
{
	for (int i = 0; i < NUM_SIDES; i++)
		side_close(&pair->side[i]);
}

void pair_add_devs(struct pair *pair, const struct devs *devs)
{
	for (int i = 0; i < NUM_SIDES; i++)
		side_add_devs(&pair->side[i], devs);
}

int pair_load(struct pair *pair, const struct input *in, char **said)
{
	static const char * const ipset[] = { "ipset", "-exist", "restore", NULL };

	for (int i = 0; i < NUM_SIDES; i++) {
		if (in->ipset &&
		    run_in(&pair->side[i], ipset, in->ipset, said))
			return i;
		if (rules_load(&pair->side[i], in->text[i], said))
			return i;
	}
	return -1;
}

static void print_step(const struct step_list *steps, unsigned int num)
{
	const struct step *st = &steps->step[num];

	printf("# step %u, %s, made for rule %u\n", num, st->why, st->rule + 1);
	if (st->kind != STEP_CONN)
		packet_print(st->data, st->len);
}

static void print_frames(const struct side *side)
{
	printf("# %s: %u packets out\n", side->name, side->num_frames);
	for (unsigned int i = 0; i < side->num_frames && i < 4; i++) {
		const struct frame *f = &side->frames[i];

		printf("#   device %d\n", f->dev);
		packet_print(f->data + 14, f->len - 14);
	}
}

/* True if the same packets came out in the same order */
static bool drain(struct pair *pair)
{
	struct side *a = &pair->side[0], *b = &pair->side[1];

	side_drain(a);
	side_drain(b);
	pair->num_out += a->num_frames;
	if (a->num_frames != b->num_frames)
		return false;
	for (unsigned int i = 0; i < a->num_frames; i++)
		if (!frames_equal(&a->frames[i], &b->frames[i]))
			return false;
	return true;
}

/* One step on both; true if both had the same success */
static bool do_step(struct pair *pair, const struct step *st)
{
	int err[NUM_SIDES];

	for (int i = 0; i < NUM_SIDES; i++)
		err[i] = side_do(&pair->side[i], st);
	if (err[0] == err[1])
		return true;
	printf("# errors %d and %d\n", -err[0], -err[1]);
	return false;
}

bool pair_run(struct pair *pair, const struct step_list *steps, bool verbose)
{
	bool equal = true;

	for (unsigned int i = 0; i < steps->num; i++) {
		if (verbose)
			print_step(steps, i);
		equal &= do_step(pair, &steps->step[i]);
		if (i % BATCH == BATCH - 1 || i == steps->num - 1)
			equal &= drain(pair);
	}
	return equal;
}

static bool counters_equal(struct pair *pair, struct entries *e,
			   const struct ruleset *rs)
{
	int num;

	for (int i = 0; i < NUM_SIDES; i++)
		entries_get(&pair->side[i], &e[i]);
	num = entries_differ(&e[0], &e[1]);
	if (num < 0)
		return true;
	entries_print(&e[0], &e[1], num, rs);
	return false;
}

/* Reading a big table takes longer than a packet does */
static unsigned int steps_per_look(const struct entries *e)
{
	return 1 + e->size / 65536;
}

bool pair_run_slowly(struct pair *pair, const struct ruleset *rs,
		     const struct step_list *steps)
{
	struct entries e[NUM_SIDES] = { 0 };
	unsigned int wait = 0;
	bool equal = true;

	for (unsigned int i = 0; i < steps->num && equal; i++) {
		bool out;

		equal = do_step(pair, &steps->step[i]);
		out = drain(pair);
		equal &= out;
		if (!wait || !equal || i == steps->num - 1) {
			equal &= counters_equal(pair, e, rs);
			wait = steps_per_look(&e[0]);
		}
		wait--;
		if (equal)
			continue;
		if (steps_per_look(&e[0]) > 1)
			printf("# one of the last %u steps, up to\n",
			       steps_per_look(&e[0]));
		print_step(steps, i);
		if (!out)
			for (int s = 0; s < NUM_SIDES; s++)
				print_frames(&pair->side[s]);
	}
	for (int i = 0; i < NUM_SIDES; i++)
		entries_free(&e[i]);
	return !equal;
}

bool text_compare(const char *what, const char *a, const char *b)
{
	unsigned int shown = 0;

	if (!strcmp(a, b))
		return true;
	printf("# %s differs:\n", what);
	while ((*a || *b) && shown < MAX_LINES) {
		int la = strcspn(a, "\n"), lb = strcspn(b, "\n");

		if (la != lb || memcmp(a, b, la)) {
			printf("# - %.*s\n# + %.*s\n", la, a, lb, b);
			shown++;
		}
		a += la + (a[la] == '\n');
		b += lb + (b[lb] == '\n');
	}
	return false;
}

bool pair_compare(struct pair *pair, const struct input *in,
		  const struct ruleset *rs, struct entries *e)
{
	struct table_name tables[MAX_TABLES];
	char what[320];
	unsigned int num = tables_find(in->text[0], tables, MAX_TABLES);
	struct entries other = { 0 };
	bool equal = true;

	for (unsigned int i = 0; i < num; i++) {
		char *a = rules_save(&pair->side[0], tables[i].s);
		char *b = rules_save(&pair->side[1], tables[i].s);

		snprintf(what, sizeof(what), "iptables-save -c -t %s", tables[i].s);
		equal &= text_compare(what, a, b);
		free(a);
		free(b);
	}
	entries_get(&pair->side[0], e);
	entries_get(&pair->side[1], &other);
	equal &= !entries_print_bytes(e, &other, rs);
	entries_free(&other);
	return equal;
}
