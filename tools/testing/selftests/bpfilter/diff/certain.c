// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"

/*
 * Extensions whose answer depends on time or chance, in one place. Both sides
 * have loaded the ruleset as it is by now; what traffic is compared on has these
 * rules changed, on both sides alike, so that the answer is certain but the
 * extension still has to give it. What cannot be made certain is left out.
 *
 * What depends on earlier packets only (quota, connbytes, statistic nth, ...)
 * is as certain as the packets are, and so is cpu: all runs on one.
 */

#define MAX_WORDS 256

/**
 * struct line - a rule as iptables-save prints it
 * @word:	its words, quotes and all
 * @num:	number of @word
 * @from:	first word of the extension in question, its -m or -j
 * @to:		first word behind it
 */
struct line {
	char *word[MAX_WORDS];
	unsigned int num;
	unsigned int from;
	unsigned int to;
};

static void split(struct line *l, char *s)
{
	l->num = 0;
	while (*s && l->num < MAX_WORDS) {
		bool quoted = *s == '"';

		l->word[l->num++] = s;
		for (s += quoted; *s && (quoted ? *s != '"' : *s != ' '); s++)
			if (*s == '\\' && s[1])
				s++;
		s += quoted && *s;
		if (*s)
			*s++ = '\0';
	}
}

static int find(const struct line *l, const char *option)
{
	for (unsigned int i = l->from; i < l->to; i++)
		if (!strcmp(l->word[i], option))
			return i;
	return -1;
}

static void take_out(struct line *l, unsigned int at, unsigned int num)
{
	memmove(&l->word[at], &l->word[at + num],
		(l->num - at - num) * sizeof(*l->word));
	l->num -= num;
	l->to -= num;
}

/* Set an option's argument, adding the option if it is not there */
static void set(struct line *l, const char *option, const char *value)
{
	int at = find(l, option);

	if (at < 0 && l->num + 2 <= MAX_WORDS) {
		at = l->to;
		memmove(&l->word[at + 2], &l->word[at],
			(l->num - at) * sizeof(*l->word));
		l->word[at] = xstrdup(option);
		l->num += 2;
		l->to += 2;
	}
	l->word[at + 1] = xstrdup(value);
}

static void set_number(struct line *l, const char *option, unsigned int value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	set(l, option, text);
}

static unsigned int number(const struct line *l, const char *option,
			   unsigned int otherwise)
{
	int at = find(l, option);

	return at < 0 ? otherwise : strtoul(l->word[at + 1], NULL, 0);
}

/*
 * As many packets as the burst allows for, and no token more for an hour. The
 * kernel has no room for bursts above 31 at that rate, if it ticks 300 times.
 */
static bool slow_limit(struct line *l)
{
	unsigned int burst = number(l, "--limit-burst", 5);

	set(l, "--limit", "1/hour");
	set_number(l, "--limit-burst", burst > 30 ? 30 : burst);
	return true;
}

/* The same for each entry, none of which is forgotten. Not for rates of bytes */
static bool slow_hashlimit(struct line *l)
{
	const char *option = find(l, "--hashlimit-above") < 0 ?
			     "--hashlimit-upto" : "--hashlimit-above";
	unsigned int burst = number(l, "--hashlimit-burst", 5);
	int at = find(l, option);

	if (at < 0 || strstr(l->word[at + 1], "b/s") ||
	    find(l, "--hashlimit-rate-match") >= 0)
		return false;
	set(l, option, "1/hour");
	set_number(l, "--hashlimit-burst", burst > 10 ? 10 : burst);
	set_number(l, "--hashlimit-htable-expire", 3600 * 1000);
	return true;
}

/* All packets of a run are recent then */
static bool long_recent(struct line *l)
{
	if (find(l, "--seconds") >= 0)
		set(l, "--seconds", "100000");
	return true;
}

static bool count_statistic(struct line *l)
{
	int at = find(l, "--probability");
	double p;

	if (at < 0)
		return true;
	p = strtod(l->word[at + 1], NULL);
	set(l, "--mode", "nth");
	l->word[at] = "--every";
	set_number(l, "--every", p > 0.00001 ? (unsigned int)(1 / p + 0.5) :
					       100000);
	set(l, "--packet", "0");
	return true;
}

/* Always or never */
static bool fix_time(struct line *l)
{
	bool never = l->num & 1;

	take_out(l, l->from + 2, l->to - l->from - 2);
	set(l, never ? "--datestop" : "--datestart", "2000-01-01T00:00:00");
	return true;
}

/*
 * Which connections are gone is looked at once per tick, and packets of assured
 * ones are dropped if none is left: xt_connlimit.c takes 0 for a lack of memory.
 * A packet of a new one is counted itself.
 */
static bool far_connlimit(struct line *l)
{
	l->word[l->from] = "-m conntrack --ctstate NEW -m";
	set(l, find(l, "--connlimit-above") < 0 ? "--connlimit-upto" :
	    "--connlimit-above", "1000000");
	return true;
}

static void take_option(struct line *l, const char *option)
{
	int at = find(l, option);

	if (at >= 0)
		take_out(l, at, 1);
}

/* Where the ports begin in "ADDR:LO-HI" or "[ADDR]:LO-HI", NULL: none */
static char *ports_of(char *to)
{
	char *colon = strrchr(to, ':');

	if (!colon || (strchr(to, ':') != colon && colon[-1] != ']'))
		return NULL;
	return colon + 1;
}

/* "LO-HI" to "LO", or to no ports at all if there are so many */
static void one_port(struct line *l, const char *option, bool addr)
{
	int at = find(l, option);
	char *ports, *dash;

	if (at < 0)
		return;
	l->word[at + 1] = xstrdup(l->word[at + 1]);
	ports = addr ? ports_of(l->word[at + 1]) : l->word[at + 1];
	dash = ports ? strchr(ports, '-') : NULL;
	if (!dash)
		return;
	if (!addr && strtoul(dash + 1, NULL, 10) - strtoul(ports, NULL, 10) >
	    30000)
		take_out(l, at, 2);
	else
		*dash = '\0';
}

/* Sources that are translated get a port at random if theirs does not do */
static bool certain_nat(struct line *l)
{
	take_option(l, "--random");
	take_option(l, "--random-fully");
	if (!strcmp(l->word[l->from + 1], "SNAT"))
		one_port(l, "--to-source", true);
	if (!strcmp(l->word[l->from + 1], "MASQUERADE"))
		one_port(l, "--to-ports", false);
	return true;
}

/*
 * A copy is sent by this host. If OUTPUT has it routed again, to this host for
 * one, it is back at INPUT and copied again, without an end, and what the queue
 * has no room for is a matter of time.
 */
static bool few_copies(struct line *l)
{
	l->word[l->from] = "-m quota --quota 5000 -j";
	return true;
}

/* What has been put together is taken apart again with an id made up then */
static bool any_fragid(struct line *l)
{
	int at = find(l, "--fragid");

	if (at < 0)
		return true;
	if (!strcmp(l->word[at - 1], "!"))
		take_out(l, at - 1, 3);
	else
		take_out(l, at, 2);
	return true;
}

static bool cannot(struct line *l)
{
	return false;
}

/**
 * struct chance - an extension whose answer is not certain
 * @kind:	-m or -j
 * @name:	its name
 * @change:	makes it so; false: the rule has to be left out
 * @how:	what that does, for the report
 */
struct chance {
	const char *kind;
	const char *name;
	bool (*change)(struct line *l);
	const char *how;
};

static const struct chance chances[] = {
	{ "-m", "limit", slow_limit, "1/hour" },
	{ "-m", "hashlimit", slow_hashlimit, "1/hour" },
	{ "-m", "recent", long_recent, "seconds out of reach" },
	{ "-m", "statistic", count_statistic, "every n-th, not at random" },
	{ "-m", "time", fix_time, "always or never" },
	{ "-m", "connlimit", far_connlimit,
	  "of new connections, limit out of reach" },
	{ "-m", "frag", any_fragid, "of any id" },
	{ "-m", "rateest", cannot, "left out" },
	{ "-j", "SNAT", certain_nat, "no random port" },
	{ "-j", "DNAT", certain_nat, "no random port" },
	{ "-j", "MASQUERADE", certain_nat, "no random port" },
	{ "-j", "REDIRECT", certain_nat, "no random port" },
	{ "-j", "NETMAP", certain_nat, "no random port" },
	{ "-j", "TEE", few_copies, "of 5,000 bytes" },
};

struct tally {
	unsigned int changed[ARRAY_SIZE(chances)];
	unsigned int left_out[ARRAY_SIZE(chances)];
};

static bool is_extension(const char *word)
{
	return !strcmp(word, "-m") || !strcmp(word, "-j") || !strcmp(word, "-g");
}

static bool line_is(const struct line *l, unsigned int i,
		    const struct chance *c)
{
	return i + 1 < l->num && !strcmp(l->word[i], c->kind) &&
	       !strcmp(l->word[i + 1], c->name);
}

static char *join(const struct line *l)
{
	struct text t = { 0 };

	for (unsigned int i = 0; i < l->num; i++) {
		if (i)
			text_add(&t, " ", 1);
		text_add(&t, l->word[i], strlen(l->word[i]));
	}
	return t.s;
}

/* Apply the list to a rule; false if it has to be left out */
static bool change_line(struct line *l, struct tally *tally)
{
	for (unsigned int i = 0; i < l->num; i++) {
		for (size_t c = 0; c < ARRAY_SIZE(chances); c++) {
			char *before;

			if (!line_is(l, i, &chances[c]))
				continue;
			l->from = i;
			l->to = i + 2;
			while (l->to < l->num && !is_extension(l->word[l->to]))
				l->to++;
			before = join(l);
			if (!chances[c].change(l)) {
				tally->left_out[c]++;
				return false;
			}
			tally->changed[c] += strcmp(before, join(l)) != 0;
			free(before);
		}
	}
	return true;
}

static void report(const struct tally *tally, struct text *done)
{
	char text[128];

	for (size_t c = 0; c < ARRAY_SIZE(chances); c++) {
		const char *how = tally->left_out[c] ? "left out" :
						       chances[c].how;
		unsigned int num = tally->changed[c] + tally->left_out[c];

		if (!num)
			continue;
		snprintf(text, sizeof(text), "%s%u %s %s", done->len ? ", " : "",
			 num, chances[c].name, how);
		text_add(done, text, strlen(text));
	}
}

char *rules_make_certain(const char *saved, struct text *done)
{
	struct tally tally = { 0 };
	struct text all = { 0 };
	struct line l;

	for (const char *at = saved; *at;) {
		size_t len = strcspn(at, "\n");
		char *copy = xrealloc(NULL, len + 1);
		bool keep = true;

		memcpy(copy, at, len);
		copy[len] = '\0';
		at += len + (at[len] == '\n');
		split(&l, copy);
		if (copy[0] == '[' || copy[0] == '-')
			keep = change_line(&l, &tally);
		if (!keep)
			continue;
		copy = join(&l);
		if (copy)
			text_add(&all, copy, strlen(copy));
		text_add(&all, "\n", 1);
	}
	report(&tally, done);
	if (done->len)
		return all.s;
	text_free(&all);
	return NULL;
}
