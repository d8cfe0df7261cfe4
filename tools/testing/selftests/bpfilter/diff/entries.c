// SPDX-License-Identifier: GPL-2.0
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include "entries.h"

/*
 * A table as the kernel gives it to iptables, counters and all. The options and
 * their structures are the same in both families, but for the entries.
 */

static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo));
static_assert(offsetof(struct ipt_get_entries, entrytable) ==
	      offsetof(struct ip6t_get_entries, entrytable));

void entries_get(const struct side *side, enum table_id table, struct entries *e)
{
	struct ipt_getinfo info = { 0 };
	socklen_t len = sizeof(info);
	struct ipt_get_entries *get;

	snprintf(info.name, sizeof(info.name), "%s", table_names[table]);
	if (getsockopt(side->ipt, side->family->level, IPT_SO_GET_INFO, &info,
		       &len))
		die("%s: GET_INFO %s: %s", side->name, info.name,
		    strerror(errno));
	len = sizeof(*get) + info.size;
	get = xrealloc(NULL, len);
	memset(get, 0, sizeof(*get));
	memcpy(get->name, info.name, sizeof(get->name));
	get->size = info.size;
	if (getsockopt(side->ipt, side->family->level, IPT_SO_GET_ENTRIES, get,
		       &len))
		die("%s: GET_ENTRIES %s: %s", side->name, info.name,
		    strerror(errno));
	e->family = side->family;
	e->table = table;
	e->blob = xrealloc(e->blob, info.size);
	e->size = info.size;
	memcpy(e->blob, get->entrytable, info.size);
	e->valid_hooks = info.valid_hooks;
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

static const uint8_t *cursor_entry(const struct cursor *c)
{
	return c->e->blob + c->off;
}

static uint16_t get_u16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static unsigned int cursor_target(const struct cursor *c)
{
	return get_u16(cursor_entry(c) + c->e->family->target_offset);
}

static unsigned int cursor_size(const struct cursor *c)
{
	return get_u16(cursor_entry(c) + c->e->family->next_offset);
}

static const struct xt_counters *cursor_counters(const struct cursor *c)
{
	return (const void *)(cursor_entry(c) + c->e->family->counters);
}

static void cursor_name(struct cursor *c)
{
	const struct xt_error_target *t =
		(const void *)(cursor_entry(c) + cursor_target(c));

	c->rule++;
	for (int h = 0; h < NUM_HOOKS; h++) {
		if (!(c->e->valid_hooks & (1 << h)) ||
		    c->e->hook_entry[h] != c->off)
			continue;
		snprintf(c->chain, sizeof(c->chain), "%s", hook_names[h]);
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
	c->off += cursor_size(c);
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
		if (memcmp(cursor_counters(&x), cursor_counters(&y),
			   sizeof(struct xt_counters)))
			return x.num;
	} while (cursor_next(&x) & cursor_next(&y));
	return -1;
}

static void print_name(const struct cursor *c, const struct ruleset *rs)
{
	int chain = ruleset_find_chain(rs, c->e->table, c->chain);
	const struct chain *ch = chain < 0 ? NULL : &rs->chains[chain];

	printf("%s/%s", table_names[c->e->table], c->chain);
	if (!c->rule)
		printf(" head");
	else if (ch && c->rule <= ch->num)
		printf(" rule %u: %s", c->rule,
		       rs->rules[ch->first + c->rule - 1].text);
	else
		printf(" %s", ch && ch->hook >= 0 ? "policy" : "end");
}

/* Byte @at is in a string of @size bytes at @start, behind its end */
static bool behind_string(const uint8_t *entry, unsigned int at,
			  unsigned int start, unsigned int size)
{
	const char *str = (const char *)entry + start;

	return at >= start && at < start + size &&
	       at - start >= strnlen(str, size);
}

static bool behind_name(const uint8_t *entry, unsigned int at,
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
static bool byte_is_free(const struct cursor *c, unsigned int at)
{
	const struct family *f = c->e->family;
	const uint8_t *entry = cursor_entry(c);
	unsigned int target = cursor_target(c);
	const struct xt_error_target *t = (const void *)(entry + target);
	const struct xt_entry_match *m;

	if (at >= f->counters && at < f->counters + sizeof(struct xt_counters))
		return true;
	for (unsigned int off = f->entry_size; off < target;
	     off += m->u.match_size) {
		m = (const void *)(entry + off);
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
	for (unsigned int i = 0; i < cursor_size(c); i++)
		if (a->blob[c->off + i] != b->blob[c->off + i] &&
		    !byte_is_free(c, i))
			return i;
	return -1;
}

bool entries_print_bytes(const struct entries *a, const struct entries *b,
			 const struct ruleset *rs)
{
	struct cursor x = cursor_start(a);

	if (a->size != b->size || a->valid_hooks != b->valid_hooks ||
	    memcmp(a->hook_entry, b->hook_entry, sizeof(a->hook_entry))) {
		printf("# GET_INFO %s differs: %u and %u bytes\n",
		       table_names[a->table], a->size, b->size);
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
	p = cursor_counters(&x);
	q = cursor_counters(&y);
	printf("# ");
	print_name(&x, rs);
	printf("\n#   packets %llu and %llu, bytes %llu and %llu\n",
	       (unsigned long long)p->pcnt, (unsigned long long)q->pcnt,
	       (unsigned long long)p->bcnt, (unsigned long long)q->bcnt);
}

unsigned int entries_hit(const struct entries *before,
			 const struct entries *after, unsigned int *total)
{
	struct cursor x = cursor_start(before), y = cursor_start(after);
	unsigned int hit = 0;

	*total = 0;
	do {
		if (!y.rule)
			continue;
		++*total;
		if (cursor_counters(&x)->pcnt != cursor_counters(&y)->pcnt)
			hit++;
	} while (cursor_next(&x) & cursor_next(&y));
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
			return cursor_counters(&c)->pcnt;
	} while (cursor_next(&c));
	return 0;
}
