// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compare.h"
#include "entries.h"
#include "load.h"

/* Both sides, step by step and side by side */

/* Steps between two looks at what came out; a device's queue holds 500 packets */
#define BATCH		64
#define MAX_LINES	6

/* LOG is silent in namespaces, unless the first one wants it otherwise */
static bool log_is_on(void)
{
	int fd = open("/proc/sys/net/netfilter/nf_log_all_netns", O_RDONLY);
	char c = '0';

	if (fd < 0)
		return false;
	if (read(fd, &c, 1) != 1)
		c = '0';
	close(fd);
	return c == '1';
}

void pair_open(struct pair *pair, const struct family *f, bool native_only)
{
	static int log = -1;

	/* Only seen before the first namespace was made */
	if (log < 0)
		log = log_is_on();
	memset(pair, 0, sizeof(*pair));
	pair->log = log;
	side_open(&pair->side[0], "native", f, false);
	side_open(&pair->side[1], native_only ? "native too" : "bpfilter", f,
		  !native_only);
}

void pair_close(struct pair *pair)
{
	for (int i = 0; i < NUM_SIDES; i++)
		side_close(&pair->side[i]);
}

void pair_add_devs(struct pair *pair, const struct devs *devs,
		   const struct owners *owners)
{
	for (int i = 0; i < NUM_SIDES; i++)
		side_add_devs(&pair->side[i], devs, owners);
	if (pair->log)
		klog_mark();
}

static void print_step(const struct step_list *steps, unsigned int num)
{
	const struct step *st = &steps->step[num];

	printf("# step %u, %s, made for rule %u\n", num, st->why, st->rule + 1);
	if (st->kind == STEP_CONN)
		return;
	printf("#   %s by device %d, route %d, mark 0x%x, user %u\n",
	       st->kind == STEP_SEND ? "sent" : "received", st->dev, st->route,
	       st->mark, st->owner);
	packet_print(st->data, st->len);
}

static void print_frames(const struct side *side)
{
	printf("# %s: %u packets out\n", side->name, side->num_frames);
	for (unsigned int i = 0; i < side->num_frames && i < 4; i++) {
		const struct frame *f = &side->frames[i];
		uint32_t mark, priority;

		memcpy(&mark, f->data, 4);
		memcpy(&priority, f->data + 4, 4);
		printf("#   device %d, mark 0x%x, priority 0x%x\n", f->dev, mark,
		       priority);
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
		if (!frames_equal(a->family, &a->frames[i], &b->frames[i]))
			return false;
	return true;
}

/* One step on both; true if both had the same success */
static bool do_step(struct pair *pair, const struct step *st)
{
	int err[NUM_SIDES];

	for (int i = 0; i < NUM_SIDES; i++) {
		err[i] = side_do(&pair->side[i], st);
		if (pair->log)
			klog_read(&pair->side[i].log);
	}
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

/* Of one table; prints the first entry whose counters differ */
static bool counters_equal(struct pair *pair, const struct ruleset *rs,
			   struct entries *e, enum table_id table)
{
	int num;

	for (int i = 0; i < NUM_SIDES; i++)
		entries_get(&pair->side[i], table, &e[i]);
	num = entries_differ(&e[0], &e[1]);
	if (num < 0)
		return true;
	entries_print(&e[0], &e[1], num, rs);
	return false;
}

static bool all_counters_equal(struct pair *pair, const struct ruleset *rs,
			       unsigned int *size)
{
	struct entries e[NUM_SIDES] = { 0 };
	bool equal = true;

	*size = 0;
	for (int t = 0; t < NUM_TABLES; t++) {
		if (!(rs->tables & (1 << t)))
			continue;
		equal &= counters_equal(pair, rs, e, t);
		*size += e[0].size;
	}
	for (int i = 0; i < NUM_SIDES; i++)
		entries_free(&e[i]);
	return equal;
}

static bool logs_equal(struct pair *pair)
{
	char *log[NUM_SIDES], *complaint;
	bool equal;

	for (int i = 0; i < NUM_SIDES; i++) {
		struct text *t = &pair->side[i].log;

		text_add(t, "", 0);
		log[i] = t->s;
		complaint = klog_complaint(log[i]);
		if (complaint) {
			printf("# the kernel complains: %s\n", complaint);
			return false;
		}
		klog_keep_packets(log[i]);
	}
	equal = text_compare("kernel log", log[0], log[1]);
	for (int i = 0; i < NUM_SIDES; i++)
		text_free(&pair->side[i].log);
	return equal;
}

bool pair_run_slowly(struct pair *pair, const struct ruleset *rs,
		     const struct step_list *steps)
{
	unsigned int wait = 0, size = 0;
	bool equal = true;

	for (unsigned int i = 0; i < steps->num && equal; i++) {
		bool out;

		equal = do_step(pair, &steps->step[i]);
		out = drain(pair);
		equal &= out;
		if (pair->log)
			equal &= logs_equal(pair);
		if (!wait || !equal || i == steps->num - 1) {
			equal &= all_counters_equal(pair, rs, &size);
			/* Reading a big table takes longer than a packet */
			wait = 1 + size / 65536;
		}
		wait--;
		if (equal)
			continue;
		if (size >= 65536)
			printf("# one of the last %u steps, up to\n",
			       1 + size / 65536);
		print_step(steps, i);
		if (!out)
			for (int s = 0; s < NUM_SIDES; s++)
				print_frames(&pair->side[s]);
	}
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

/* Table by table: in which order they come depends on which was used first */
static bool saved_equal(struct pair *pair, const char *saved)
{
	char *other = rules_save(&pair->side[1]), what[320];
	bool equal = true;

	for (int t = 0; t < NUM_TABLES; t++) {
		char *a = table_extract(saved, table_names[t]);
		char *b = table_extract(other, table_names[t]);

		snprintf(what, sizeof(what), "%s-save -c, table %s",
			 pair->side[0].family->command, table_names[t]);
		equal &= text_compare(what, a ? a : "(none)", b ? b : "(none)");
		free(a);
		free(b);
	}
	free(other);
	return equal;
}

bool pair_compare_rules(struct pair *pair, const struct ruleset *rs,
			const char *saved)
{
	struct entries e[NUM_SIDES] = { 0 };
	bool equal = !saved || saved_equal(pair, saved);

	for (int t = 0; t < NUM_TABLES; t++) {
		if (!(rs->tables & (1 << t)))
			continue;
		for (int i = 0; i < NUM_SIDES; i++)
			entries_get(&pair->side[i], t, &e[i]);
		equal &= !entries_print_bytes(&e[0], &e[1], rs);
	}
	for (int i = 0; i < NUM_SIDES; i++)
		entries_free(&e[i]);
	return equal;
}

void pair_get_entries(struct pair *pair, const struct ruleset *rs,
		      struct entries *e)
{
	for (int t = 0; t < NUM_TABLES; t++)
		if (rs->tables & (1 << t))
			entries_get(&pair->side[0], t, &e[t]);
}

bool pair_compare(struct pair *pair, const struct ruleset *rs,
		  struct entries *e)
{
	char *conns[NUM_SIDES];
	bool equal = true;

	for (int t = 0; t < NUM_TABLES; t++) {
		struct entries pair_e[NUM_SIDES] = { 0 };

		if (!(rs->tables & (1 << t)))
			continue;
		equal &= counters_equal(pair, rs, pair_e, t);
		equal &= !entries_print_bytes(&pair_e[0], &pair_e[1], rs);
		e[t] = pair_e[0];
		entries_free(&pair_e[1]);
	}
	for (int i = 0; i < NUM_SIDES; i++)
		conns[i] = side_conns(&pair->side[i]);
	equal &= text_compare("list of connections", conns[0], conns[1]);
	free(conns[0]);
	free(conns[1]);
	if (pair->log)
		equal &= logs_equal(pair);
	return equal;
}
