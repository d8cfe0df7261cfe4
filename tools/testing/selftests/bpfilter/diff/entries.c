// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <stddef.h>
#include <linux/netfilter_ipv4/ip_tables.h>

#include "entries.h"

/* The table as the kernel gives it to iptables, counters and all */

void entries_get(const struct side *side, struct entries *e)
{
	struct ipt_getinfo info = { .name = "filter" };
	socklen_t len = sizeof(info);
	struct ipt_get_entries *get;

	if (getsockopt(side->ipt, SOL_IP, IPT_SO_GET_INFO, &info, &len))
		die("%s: GET_INFO: %s", side->name, strerror(errno));
	len = sizeof(*get) + info.size;
	get = xrealloc(NULL, len);
	memset(get, 0, sizeof(*get));
	memcpy(get->name, info.name, sizeof(get->name));
	get->size = info.size;
	if (getsockopt(side->ipt, SOL_IP, IPT_SO_GET_ENTRIES, get, &len))
		die("%s: GET_ENTRIES: %s", side->name, strerror(errno));
	e->blob = xrealloc(e->blob, info.size);
	e->size = info.size;
	memcpy(e->blob, get->entrytable, info.size);
	memcpy(e->hook_entry, info.hook_entry, sizeof(e->hook_entry));
	free(get);
}

void entries_free(struct entries *e)
{
	free(e->blob);
	e->blob = NULL;
}

/**
 * struct cursor - a walk over entries that knows their names
 * @e:		the entries
 * @off:	offset of the current one
 * @num:	its number
 * @chain:	name of its chain
 * @rule:	its number there, 0 for the head of a user chain
 */
struct cursor {
	const struct entries *e;
	unsigned int off;
	int num;
	char chain[32];
	unsigned int rule;
};

static const struct ipt_entry *cursor_entry(const struct cursor *c)
{
	return (const void *)(c->e->blob + c->off);
}

static void cursor_name(struct cursor *c)
{
	static const struct {
		unsigned int hook;
		const char *name;
	} hooks[] = { { 1, "INPUT" }, { 2, "FORWARD" }, { 3, "OUTPUT" } };
	const struct ipt_entry *entry = cursor_entry(c);
	const struct xt_error_target *t =
		(const void *)((const char *)entry + entry->target_offset);

	c->rule++;
	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
		if (c->e->hook_entry[hooks[i].hook] != c->off)
			continue;
		snprintf(c->chain, sizeof(c->chain), "%s", hooks[i].name);
		c->rule = 1;
	}
	if (strcmp(t->target.u.user.name, XT_ERROR_TARGET))
		return;
	snprintf(c->chain, sizeof(c->chain), "%s", t->errorname);
	c->rule = 0;
}

static struct cursor cursor_start(const struct entries *e)
{
	struct cursor c = { .e = e };

	cursor_name(&c);
	return c;
}

static bool cursor_next(struct cursor *c)
{
	c->off += cursor_entry(c)->next_offset;
	c->num++;
	if (c->off >= c->e->size)
		return false;
	cursor_name(c);
	return true;
}

int entries_differ(const struct entries *a, const struct entries *b)
{
	struct cursor x = cursor_start(a), y = cursor_start(b);

	do {
		if (memcmp(&cursor_entry(&x)->counters,
			   &cursor_entry(&y)->counters,
			   sizeof(struct xt_counters)))
			return x.num;
	} while (cursor_next(&x) & cursor_next(&y));
	return -1;
}

static void print_name(const struct cursor *c, const struct ruleset *rs)
{
	int chain = ruleset_find_chain(rs, c->chain);
	const struct chain *ch = chain < 0 ? NULL : &rs->chains[chain];

	printf("filter/%s", c->chain);
	if (!c->rule)
		printf(" head");
	else if (ch && c->rule <= ch->num)
		printf(" rule %u: %s", c->rule,
		       rs->rules[ch->first + c->rule - 1].text);
	else
		printf(" %s", ch && ch->hook >= 0 ? "policy" : "end");
}

/* Byte @at is in a string of @size bytes at @start, behind its end */
static bool behind_string(const struct ipt_entry *entry, unsigned int at,
			  unsigned int start, unsigned int size)
{
	const char *str = (const char *)entry + start;

	return at >= start && at < start + size &&
	       at - start >= strnlen(str, size);
}

static bool behind_name(const struct ipt_entry *entry, unsigned int at,
			unsigned int ext)
{
	return behind_string(entry, at,
			     ext + offsetof(struct xt_entry_match, u.user.name),
			     XT_EXTENSION_MAXNAMELEN);
}

/*
 * iptables-restore leaves what it finds in memory behind the names of matches,
 * targets and chains, and counters are compared elsewhere.
 */
static bool byte_is_free(const struct ipt_entry *entry, unsigned int at)
{
	unsigned int target = entry->target_offset;
	unsigned int counters = offsetof(struct ipt_entry, counters);
	const struct xt_error_target *t =
		(const void *)((const char *)entry + target);
	const struct xt_entry_match *m;

	if (at >= counters && at < counters + sizeof(struct xt_counters))
		return true;
	for (unsigned int off = sizeof(*entry); off < target;
	     off += m->u.match_size) {
		m = (const void *)((const char *)entry + off);
		if (behind_name(entry, at, off))
			return true;
	}
	if (behind_name(entry, at, target))
		return true;
	return !strcmp(t->target.u.user.name, XT_ERROR_TARGET) &&
	       behind_string(entry, at,
			     target + offsetof(struct xt_error_target, errorname),
			     sizeof(t->errorname));
}

/* First byte of the entry that differs and matters, -1 if none */
static int entry_bytes_differ(const struct entries *a, const struct entries *b,
			      const struct cursor *c)
{
	const struct ipt_entry *entry = cursor_entry(c);

	for (unsigned int i = 0; i < entry->next_offset; i++)
		if (a->blob[c->off + i] != b->blob[c->off + i] &&
		    !byte_is_free(entry, i))
			return i;
	return -1;
}

bool entries_print_bytes(const struct entries *a, const struct entries *b,
			 const struct ruleset *rs)
{
	struct cursor x = cursor_start(a);

	if (a->size != b->size ||
	    memcmp(a->hook_entry, b->hook_entry, sizeof(a->hook_entry))) {
		printf("# GET_INFO differs: %u and %u bytes\n", a->size,
		       b->size);
		return true;
	}
	do {
		int at = entry_bytes_differ(a, b, &x);

		if (at < 0)
			continue;
		printf("# GET_ENTRIES differs at byte %d of entry %d: 0x%02x and 0x%02x, ",
		       at, x.num, a->blob[x.off + at], b->blob[x.off + at]);
		print_name(&x, rs);
		printf("\n");
		return true;
	} while (cursor_next(&x));
	return false;
}

void entries_print(const struct entries *a, const struct entries *b, int num,
		   const struct ruleset *rs)
{
	struct cursor x = cursor_start(a), y = cursor_start(b);
	const struct xt_counters *p, *q;

	while (x.num < num && cursor_next(&x))
		cursor_next(&y);
	p = &cursor_entry(&x)->counters;
	q = &cursor_entry(&y)->counters;
	printf("# ");
	print_name(&x, rs);
	printf("\n#   packets %llu and %llu, bytes %llu and %llu\n",
	       (unsigned long long)p->pcnt, (unsigned long long)q->pcnt,
	       (unsigned long long)p->bcnt, (unsigned long long)q->bcnt);
}

unsigned int entries_hit(const struct entries *e, unsigned int *total)
{
	struct cursor c = cursor_start(e);
	unsigned int hit = 0;

	*total = 0;
	do {
		if (!c.rule)
			continue;
		++*total;
		if (cursor_entry(&c)->counters.pcnt)
			hit++;
	} while (cursor_next(&c));
	return hit;
}

uint64_t entries_rule_packets(const struct entries *e, const struct ruleset *rs,
			      unsigned int rule)
{
	const struct rule *r = &rs->rules[rule];
	struct cursor c = cursor_start(e);

	do {
		if (c.rule == r->number &&
		    !strcmp(c.chain, rs->chains[r->chain].name))
			return cursor_entry(&c)->counters.pcnt;
	} while (cursor_next(&c));
	return 0;
}
