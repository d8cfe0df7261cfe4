// SPDX-License-Identifier: GPL-2.0
/*
 * Which reports are about the same packet
 *
 * Two packets can have the same key: somebody sends the same twice. But a packet
 * meets hooks and tables in one order, and its way through a table begins in the
 * hook's own chain and gets to each rule of that once at most: chains that it
 * jumps to return behind the jump. So what goes back is another packet. A packet
 * that the host sends to itself is received a second time; that is told as
 * another packet, which it is for the tables.
 */
#include <stdio.h>
#include <string.h>
#include <linux/netfilter.h>

#include "cmd_trace.h"

/* Hooks from which a packet can come to this one */
static const unsigned int before[BPFILTER_NUMHOOKS] = {
	[NF_INET_LOCAL_IN]	= 1 << NF_INET_PRE_ROUTING,
	[NF_INET_FORWARD]	= 1 << NF_INET_PRE_ROUTING,
	[NF_INET_POST_ROUTING]	= 1 << NF_INET_PRE_ROUTING |
				  1 << NF_INET_FORWARD |
				  1 << NF_INET_LOCAL_OUT,
};

/* Tables by priority; at INPUT and POSTROUTING nat comes last */
static const char *const order[] = { "raw", "mangle", "nat", "filter",
				     "security" };
static const char *const order_end[] = { "raw", "mangle", "filter", "security",
					 "nat" };

static unsigned int table_place(unsigned int hook, const char *name)
{
	bool end = hook == NF_INET_LOCAL_IN || hook == NF_INET_POST_ROUTING;
	const char *const *names = end ? order_end : order;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(order); i++)
		if (!strcmp(names[i], name))
			break;
	return i;
}

static bool is_own_chain(const struct trace_report *r)
{
	return !strcmp(r->chain, bpfilter_ir_hook_name(r->hook));
}

/* Can the packet be where the report says, from where it was seen last? */
static bool goes_on(const struct trace_way *way, const struct trace_report *r)
{
	unsigned int was, is;

	if (way->hook != r->hook)
		return before[r->hook] & (1U << way->hook);
	was = table_place(way->hook, way->table);
	is = table_place(r->hook, r->table);
	if (was != is)
		return is > was;
	return !is_own_chain(r) || r->number > way->number;
}

/* Of several that are alike the last one */
static struct trace_way *way_find(struct trace_track *track,
				  const struct trace_report *r, uint64_t key)
{
	struct trace_way *found = NULL;
	unsigned int i;

	for (i = 0; i < TRACE_WAYS; i++) {
		struct trace_way *way = &track->way[i];

		if (way->id && way->key == key &&
		    way->family == r->fam->family &&
		    (!found || way->id > found->id) && goes_on(way, r))
			found = way;
	}
	return found;
}

/* A packet that was seen long ago has gone its way */
static struct trace_way *way_new(struct trace_track *track,
				 const struct trace_report *r, uint64_t key)
{
	struct trace_way *way = &track->way[track->oldest];

	track->oldest = (track->oldest + 1) % TRACE_WAYS;
	memset(way, 0, sizeof(*way));
	way->id = ++track->num;
	way->key = key;
	way->family = r->fam->family;
	return way;
}

/**
 * trace_track - which packet is a report about?
 * @track:	packets so far
 * @report:	report
 * @key:	the packet's key
 * @new_hook:	set to whether it is the packet's first one at this hook
 *
 * Return: the packet
 */
struct trace_way *trace_track(struct trace_track *track,
			      const struct trace_report *report, uint64_t key,
			      bool *new_hook)
{
	struct trace_way *way = way_find(track, report, key);
	bool is_new = !way;

	if (is_new)
		way = way_new(track, report, key);
	*new_hook = is_new || way->hook != report->hook;
	if (*new_hook || strcmp(way->table, report->table))
		way->number = 0;
	way->hook = report->hook;
	snprintf(way->table, sizeof(way->table), "%s", report->table);
	if (is_own_chain(report))
		way->number = report->number;
	return way;
}
