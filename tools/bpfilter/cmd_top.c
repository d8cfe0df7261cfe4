// SPDX-License-Identifier: GPL-2.0
/*
 * bpfilter top - rules by what passes them now
 *
 * Counters come from the option that iptables reads them with, so it does not
 * matter which engine runs a table. A rate is what a counter grew by between
 * two samples. Rules that were inserted or deleted meanwhile move the others:
 * within each chain those at its beginning and at its end that say the same as
 * before are the same. Any other rule has no rate until the next sample.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd_top.h"

/**
 * struct top_args - the arguments of the command
 * @fam:	family whose tables are watched, NULL: both
 * @table:	name of the one table, NULL: all
 */
struct top_args {
	const struct table_family *fam;
	const char *table;
};

static double clock_seconds(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* What a counter grew by; one that is smaller was set to zero in between */
static uint64_t grown(uint64_t before, uint64_t now)
{
	return now < before ? now : now - before;
}

static void rule_compare(struct top_table *t, uint32_t rule,
			 const struct live_table *old, uint32_t rule_old)
{
	struct live_count before = live_count(old, rule_old);
	struct live_count now = live_count(&t->live, rule);

	t->delta[rule].packets = grown(before.packets, now.packets);
	t->delta[rule].bytes = grown(before.bytes, now.bytes);
}

static const struct ir_chain *chain_find(const struct live_table *lt,
					 const char *name)
{
	uint32_t i;

	for (i = 0; i < lt->rs->num_chains; i++)
		if (!strcmp(lt->rs->chains[i].name, name))
			return &lt->rs->chains[i];
	return NULL;
}

static void chain_compare(struct top_table *t, const struct ir_chain *chain,
			  const struct live_table *old)
{
	const struct ir_chain *was = chain_find(old, chain->name);
	uint32_t a, b, end_a, end_b;

	if (!was)
		return;
	a = chain->first;
	b = was->first;
	end_a = chain->listed_end;
	end_b = was->listed_end;
	for (; a < end_a && b < end_b; a++, b++) {
		if (!live_same_rule(&t->live, a, old, b))
			break;
		rule_compare(t, a, old, b);
	}
	for (; a < end_a && b < end_b; end_a--, end_b--) {
		if (!live_same_rule(&t->live, end_a - 1, old, end_b - 1))
			break;
		rule_compare(t, end_a - 1, old, end_b - 1);
	}
}

static int table_changed(struct top_table *t, const struct live_table *old)
{
	uint32_t num = t->live.rs->num_rules;
	uint32_t i;
	void *p;

	p = reallocarray(t->delta, num, sizeof(*t->delta));
	if (!p)
		return -ENOMEM;
	t->delta = p;
	for (i = 0; i < num; i++)
		t->delta[i].packets = TOP_UNKNOWN;
	if (!old)
		return 0;
	for (i = 0; i < t->live.rs->num_chains; i++)
		chain_compare(t, &t->live.rs->chains[i], old);
	return 0;
}

/* The rules are those of the last sample */
static int table_counted(struct top_table *t, struct live_count *before)
{
	uint32_t i;

	for (i = 0; i < t->live.rs->num_rules; i++) {
		struct live_count now = live_count(&t->live, i);

		t->delta[i].packets = grown(before[i].packets, now.packets);
		t->delta[i].bytes = grown(before[i].bytes, now.bytes);
	}
	return 0;
}

static struct live_count *counts_of(const struct live_table *lt)
{
	struct live_count *counts;
	uint32_t i;

	counts = calloc(lt->rs->num_rules, sizeof(*counts));
	for (i = 0; counts && i < lt->rs->num_rules; i++)
		counts[i] = live_count(lt, i);
	return counts;
}

/* A table can go away with its module: then it is watched no more */
static int table_sample(struct top_table *t)
{
	struct live_table old = {};
	struct live_count *before;
	int sk, ret;

	before = counts_of(&t->live);
	if (!before)
		return -ENOMEM;
	sk = table_socket(t->live.fam);
	ret = sk < 0 ? sk : live_update(sk, &t->live, &old);
	if (ret > 0)
		ret = table_changed(t, &old);
	else if (!ret)
		ret = table_counted(t, before);
	if (ret == -ENOENT)
		t->gone = true;
	if (sk >= 0)
		close(sk);
	live_free(&old);
	free(before);
	return t->gone ? 0 : ret;
}

static int table_add(struct top *top, int sk, const struct table_family *fam,
		     const char *name)
{
	struct top_table *t;
	int ret;

	t = reallocarray(top->tables, top->num_tables + 1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	top->tables = t;
	t += top->num_tables++;
	memset(t, 0, sizeof(*t));
	ret = live_fetch(sk, fam, name, &t->live);
	return ret ? ret : table_changed(t, NULL);
}

static bool is_watched(const struct top *top, const struct table_family *fam,
		       const char *name)
{
	uint32_t i;

	for (i = 0; i < top->num_tables; i++)
		if (top->tables[i].live.fam == fam &&
		    !strcmp(top->tables[i].live.name, name))
			return !top->tables[i].gone;
	return false;
}

/* Tables that came to be since the last sample; asking for one would make it */
static int family_add(struct top *top, const struct top_args *args,
		      const struct table_family *fam)
{
	struct table_names names;
	unsigned int i;
	int sk, ret;

	if (args->fam && args->fam != fam)
		return 0;
	sk = table_socket(fam);
	if (sk < 0)
		return sk == -EAFNOSUPPORT ? 0 : sk;
	ret = table_names(fam, &names);
	for (i = 0; !ret && i < names.num; i++)
		if ((!args->table || !strcmp(args->table, names.name[i])) &&
		    !is_watched(top, fam, names.name[i]))
			ret = table_add(top, sk, fam, names.name[i]);
	free(names.name);
	close(sk);
	return ret;
}

static int tables_add(struct top *top, const struct top_args *args)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < TABLE_NUM_FAMILIES; i++)
		ret = family_add(top, args, &table_families[i]);
	return ret;
}

static int tables_sample(struct top *top, const struct top_args *args)
{
	uint32_t i, num = top->num_tables;
	int ret = 0;

	for (i = 0; !ret && i < num; i++)
		if (!top->tables[i].gone)
			ret = table_sample(&top->tables[i]);
	return ret ? ret : tables_add(top, args);
}

/* Lines */

static int compare(double a, double b)
{
	return a < b ? 1 : a > b ? -1 : 0;
}

static int line_compare(const void *a, const void *b)
{
	const struct top_line *x = a, *y = b;
	int ret = compare(x->packets, y->packets);

	if (!ret)
		ret = compare(x->bytes, y->bytes);
	if (!ret && x->table != y->table)
		ret = x->table < y->table ? -1 : 1;
	return ret ? ret : x->rule < y->rule ? -1 : 1;
}

/* As iptables lists them: no heads and ends of user chains, but policies */
static bool is_listed(const struct ir_ruleset *rs, uint32_t rule)
{
	const struct ir_rule *r = &rs->rules[rule];

	if (r->is_head || r->chain < 0)
		return false;
	return r->is_policy || rule + 1 < rs->chains[r->chain].listed_end;
}

static void line_add(struct top *top, const struct top_table *t, uint32_t rule,
		     bool all)
{
	const struct live_count *delta = &t->delta[rule];
	struct top_line *line = &top->lines[top->num_lines];
	bool known = delta->packets != TOP_UNKNOWN;

	if (!is_listed(t->live.rs, rule) ||
	    (!all && (!known || !delta->packets)))
		return;
	*line = (struct top_line) {
		.table = t, .rule = rule, .known = known,
	};
	if (known) {
		line->packets = delta->packets / top->seconds;
		line->bytes = delta->bytes / top->seconds;
	}
	top->num_lines++;
}

static int lines_make(struct top *top, bool all)
{
	uint32_t i, rule, num = 0;
	void *p;

	for (i = 0; i < top->num_tables; i++)
		num += top->tables[i].live.rs->num_rules;
	p = reallocarray(top->lines, num + 1, sizeof(*top->lines));
	if (!p)
		return -ENOMEM;
	top->lines = p;
	top->num_lines = 0;
	for (i = 0; i < top->num_tables; i++) {
		const struct top_table *t = &top->tables[i];

		for (rule = 0; !t->gone && rule < t->live.rs->num_rules; rule++)
			line_add(top, t, rule, all);
	}
	qsort(top->lines, top->num_lines, sizeof(*top->lines), line_compare);
	return 0;
}

/* The command */

static void sleep_until(double when)
{
	struct timespec ts = {
		.tv_sec = when,
		.tv_nsec = (when - (time_t)when) * 1e9,
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) ==
	       EINTR)
		;
}

static int watch(struct cmd_ctx *ctx, const struct top_args *args,
		 struct top *top)
{
	double last = clock_seconds(CLOCK_MONOTONIC), now;
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && (!ctx->count || i < ctx->count); i++) {
		sleep_until(last + ctx->interval);
		ret = tables_sample(top, args);
		now = clock_seconds(CLOCK_MONOTONIC);
		top->time = clock_seconds(CLOCK_REALTIME);
		top->seconds = now - last;
		last = now;
		if (!ret)
			ret = lines_make(top, ctx->all);
		if (!ret)
			top_print(ctx, top);
		if (ferror(stdout))
			ret = -EPIPE;
	}
	return ret;
}

static int top_run(struct cmd_ctx *ctx, const struct top_args *args,
		   struct top *top)
{
	int ret = tables_add(top, args);

	if (!ret && args->table && !top->num_tables)
		return cmd_error(ctx, "no %s%stable \"%s\" in this network namespace",
				 args->fam ? args->fam->word : "",
				 args->fam ? " " : "", args->table);
	if (!ret)
		ret = watch(ctx, args, top);
	if (ret == -EPERM)
		return cmd_error(ctx, "not permitted: this takes CAP_NET_ADMIN");
	return ret ? cmd_error(ctx, "%s", strerror(-ret)) : CMD_OK;
}

static void top_free(struct top *top)
{
	uint32_t i;

	for (i = 0; i < top->num_tables; i++) {
		live_free(&top->tables[i].live);
		free(top->tables[i].delta);
	}
	free(top->tables);
	free(top->lines);
}

/**
 * cmd_top - the command "top"
 * @ctx:	options
 * @argc:	number of arguments
 * @argv:	arguments
 *
 * Return: enum cmd_status
 */
int cmd_top(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct top_args args = {};
	struct top top = {};
	int ret;

	if (argc) {
		args.fam = table_family_word(argv[0]);
		argc -= !!args.fam;
		argv += !!args.fam;
	}
	if (argc)
		args.table = *argv;
	if (argc > 1)
		return cmd_usage(ctx, "top takes no argument \"%s\"", argv[1]);

	ret = top_run(ctx, &args, &top);
	top_free(&top);
	return ret;
}
