// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bridge's table: which extensions of a ruleset its programs may call.
 *
 * The helper names them by entry and offset. Here each name becomes a pointer
 * to the extension as the stub found and checked it; whatever is not exactly
 * where an entry has an extension makes the commit invalid. So the helper
 * chooses among what was checked, but cannot make up anything.
 */

#include <linux/err.h>
#include <linux/mm.h>
#include <linux/netfilter/x_tables.h>
#include <linux/sched.h>

#include "internal.h"

/* struct build - a table in the making: names that are left, and whose turn */
struct build {
	const struct bpfilter_family *family;
	const struct bpfilter_bridged *names;
	struct bpfilter_bridge *bridge;
	unsigned int entry;
};

static bool is_named(const struct build *b, unsigned int num,
		     unsigned int offset)
{
	const struct bpfilter_bridged *name = &b->names[b->bridge->num];

	return b->bridge->num < num && name->entry == b->entry &&
	       name->offset == offset;
}

static struct bpfilter_ext *add_ext(struct build *b, const void *entry)
{
	struct bpfilter_ext *ext;

	/* @num bounds @exts */
	b->bridge->num++;
	ext = &b->bridge->exts[b->bridge->num - 1];
	ext->hooks = bpfilter_entry_comefrom(b->family, entry);
	return ext;
}

/* Of the built-in targets only the standard one can be meant, and only so */
static bool target_fits(const struct xt_entry_target *t)
{
	if (t->u.kernel.target->target)
		return true;
	return !strcmp(t->u.kernel.target->name, XT_STANDARD_TARGET) &&
	       ((const struct xt_standard_target *)t)->verdict == -NF_QUEUE - 1;
}

static int add_entry(struct build *b, void *entry, unsigned int num)
{
	const unsigned int first = b->bridge->num;
	struct xt_entry_target *t = bpfilter_entry_target(b->family, entry);
	struct xt_entry_match *m;
	struct bpfilter_ext *ext;

	for (m = bpfilter_match_first(b->family, entry); m;
	     m = bpfilter_match_next(b->family, entry, m))
		if (is_named(b, num, (void *)m - entry))
			add_ext(b, entry)->match = m;
	if (is_named(b, num, (void *)t - entry)) {
		if (!target_fits(t))
			return -EINVAL;
		ext = add_ext(b, entry);
		ext->is_target = true;
		ext->target = t;
	}
	if (b->bridge->num > first)
		b->bridge->num_entries++;
	return 0;
}

/**
 * bpfilter_bridge_build - resolve the names of bridged extensions
 * @ruleset:	its extensions are checked, its commitment has the names
 *
 * Return: 0, @ruleset->bridge is set unless there are no names; -EINVAL if a
 * name means nothing; -ENOMEM.
 */
int bpfilter_bridge_build(struct bpfilter_ruleset *ruleset)
{
	const unsigned int num = ruleset->commitment.num_bridged;
	struct build b = {
		.family	= ruleset->family,
		.names	= ruleset->commitment.bridged,
	};
	void *entry;
	int err;

	if (!num)
		return 0;
	b.bridge = kvzalloc(struct_size(b.bridge, exts, num),
			    GFP_KERNEL_ACCOUNT);
	if (!b.bridge)
		return -ENOMEM;
	ruleset->bridge = b.bridge;

	for (entry = bpfilter_entry_first(ruleset); entry;
	     entry = bpfilter_entry_next(ruleset, entry)) {
		err = add_entry(&b, entry, num);
		if (err)
			return err;
		b.entry++;
		cond_resched();
	}
	if (b.bridge->num != num)
		return -EINVAL;
	kvfree(ruleset->commitment.bridged);
	ruleset->commitment.bridged = NULL;
	return 0;
}
