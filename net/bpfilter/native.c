// SPDX-License-Identifier: GPL-2.0-only
/*
 * What bpfilter knows of a table of the native engine: how to read it, to read
 * and to add to its counters, and to free what is left of it.
 *
 * The native engine's entries in force and bpfilter's working copy have one
 * layout: names of extensions are pointers, extensions keep what they like in
 * their data. What differs is where counters are.
 *
 * Locking: a native table's content is under x_tables' mutex of its family,
 * which xt_find_table_lock() takes and xt_table_unlock() gives back.
 */

#include <linux/bottom_half.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/netfilter/x_tables.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "internal.h"

/* What an extension keeps for itself begins behind @keep bytes, if at all */
static void hide_data(unsigned char *data, unsigned int len, unsigned int keep)
{
	if (keep < len)
		memset(data + keep, 0, len - keep);
}

/* As xt_match_to_user() writes it */
static void match_to_blob(struct xt_entry_match *m)
{
	const struct xt_match *match = m->u.kernel.match;

	strscpy_pad(m->u.user.name, match->name);
	m->u.user.revision = match->revision;
	hide_data(m->data, m->u.match_size - sizeof(*m),
		  match->usersize ?: match->matchsize);
}

/* As xt_target_to_user() writes it */
static void target_to_blob(struct xt_entry_target *t)
{
	const struct xt_target *target = t->u.kernel.target;

	strscpy_pad(t->u.user.name, target->name);
	t->u.user.revision = target->revision;
	hide_data(t->data, t->u.target_size - sizeof(*t),
		  target->usersize ?: target->targetsize);
}

/* Entries in force become what user space would send */
static void entries_to_blob(const struct bpfilter_family *family, void *entries,
			    unsigned int size)
{
	struct xt_entry_match *m;
	void *e;

	for (e = entries; e < entries + size;
	     e += bpfilter_entry_next_offset(family, e)) {
		for (m = bpfilter_match_first(family, e); m;
		     m = bpfilter_match_next(family, e, m))
			match_to_blob(m);
		target_to_blob(bpfilter_entry_target(family, e));
		memset(bpfilter_entry_counters(family, e), 0,
		       sizeof(struct xt_counters));
		bpfilter_entry_set_comefrom(family, e, 0);
		cond_resched();
	}
}

/**
 * bpfilter_native_blob - make the option value that would set a table
 * @family:	of the table
 * @head:	its head
 * @entries:	its entries in force, the native engine's or bpfilter's
 *
 * Return: value of IPT_SO_SET_REPLACE for kvfree(); ERR_PTR(-ENOMEM).
 */
struct ipt_replace *
bpfilter_native_blob(const struct bpfilter_family *family,
		     const struct ipt_replace *head, const void *entries)
{
	struct ipt_replace *blob;

	blob = kvmalloc(sizeof(*blob) + head->size, GFP_KERNEL_ACCOUNT);
	if (!blob)
		return ERR_PTR(-ENOMEM);
	*blob = *head;
	memcpy(blob->entries, entries, head->size);
	entries_to_blob(family, blob->entries, head->size);
	return blob;
}

static struct ipt_replace *read_locked(const struct bpfilter_family *family,
				       const struct xt_table *native)
{
	const struct xt_table_info *info = native->private;
	struct ipt_replace head = {
		.valid_hooks	= native->valid_hooks,
		.num_entries	= info->number,
		.size		= info->size,
		.num_counters	= info->number,
	};

	strscpy(head.name, native->name);
	memcpy(head.hook_entry, info->hook_entry, sizeof(head.hook_entry));
	memcpy(head.underflow, info->underflow, sizeof(head.underflow));
	return bpfilter_native_blob(family, &head, info->entries);
}

/**
 * bpfilter_native_read - read a table of the native engine
 * @net:	network namespace
 * @family:	of the table
 * @name:	of the table
 *
 * Return: value of IPT_SO_SET_REPLACE for kvfree(), without counters; ERR_PTR:
 * -ENOENT if the native engine has no such table here, -ENOMEM.
 */
struct ipt_replace *bpfilter_native_read(struct net *net,
					 const struct bpfilter_family *family,
					 const char *name)
{
	struct ipt_replace *blob;
	struct xt_table *native;

	/* The one below would make a table */
	if (!xt_find_table(net, family->nfproto, name))
		return ERR_PTR(-ENOENT);
	native = xt_find_table_lock(net, family->nfproto, name);
	if (IS_ERR(native))
		return ERR_CAST(native);
	blob = read_locked(family, native);
	module_put(native->me);
	xt_table_unlock(native);
	return blob;
}

/**
 * bpfilter_native_same - is a table what it was?
 * @family:	of the table
 * @native:	the table, locked
 * @blob:	what bpfilter_native_read() returned
 * @buffer:	as many bytes as the entries of @blob have
 *
 * An address would not tell: a ruleset that was freed may have given its memory
 * to the one that is there now.
 *
 * Return: true if the same rules are in force.
 */
bool bpfilter_native_same(const struct bpfilter_family *family,
			  const struct xt_table *native,
			  const struct ipt_replace *blob, void *buffer)
{
	const struct xt_table_info *info = native->private;

	if (native->valid_hooks != blob->valid_hooks ||
	    info->number != blob->num_entries || info->size != blob->size ||
	    memcmp(info->hook_entry, blob->hook_entry,
		   sizeof(info->hook_entry)) ||
	    memcmp(info->underflow, blob->underflow, sizeof(info->underflow)))
		return false;
	memcpy(buffer, info->entries, info->size);
	entries_to_blob(family, buffer, info->size);
	return !memcmp(buffer, blob->entries, info->size);
}

/**
 * bpfilter_native_counters_read - sum up counters that do not change any more
 * @family:	of the table
 * @info:	its content, which no hook uses any more
 * @sums:	zeroed array by entry number
 */
void bpfilter_native_counters_read(const struct bpfilter_family *family,
				   const struct xt_table_info *info,
				   struct xt_counters *sums)
{
	const void *end = info->entries + info->size;
	const struct xt_counters *counter;
	unsigned int cpu, i;
	void *e;

	for_each_possible_cpu(cpu) {
		i = 0;
		for (e = (void *)info->entries; e < end;
		     e += bpfilter_entry_next_offset(family, e)) {
			counter = xt_get_per_cpu_counter(bpfilter_entry_counters(family, e),
							 cpu);
			ADD_COUNTER(sums[i], counter->bcnt, counter->pcnt);
			i++;
		}
		cond_resched();
	}
}

/**
 * bpfilter_native_counters_add - count into this CPU's counters, as packets do
 * @family:	of the table
 * @info:	its content; x_tables' mutex of @family is held
 * @add:	what to add, by entry number
 */
void bpfilter_native_counters_add(const struct bpfilter_family *family,
				  const struct xt_table_info *info,
				  const struct xt_counters *add)
{
	const void *end = info->entries + info->size;
	struct xt_counters *counter;
	unsigned int addend;
	void *e;

	local_bh_disable();
	addend = xt_write_recseq_begin();
	for (e = (void *)info->entries; e < end;
	     e += bpfilter_entry_next_offset(family, e)) {
		counter = xt_get_this_cpu_counter(bpfilter_entry_counters(family, e));
		ADD_COUNTER(*counter, add->bcnt, add->pcnt);
		add++;
	}
	xt_write_recseq_end(addend);
	local_bh_enable();
}

/**
 * bpfilter_native_free - free the content of a table of the native engine
 * @net:	network namespace
 * @family:	of the table
 * @me:		the table's module, of which rules hold a reference
 * @info:	what xt_withdraw_table() or xt_unregister_table() returned
 *
 * As the native engine does when a table is unregistered.
 */
void bpfilter_native_free(struct net *net, const struct bpfilter_family *family,
			  struct module *me, struct xt_table_info *info)
{
	void *end = info->entries + info->size;
	void *e, *next;

	for (e = info->entries; e < end; e = next) {
		next = e + bpfilter_entry_next_offset(family, e);
		bpfilter_ext_cleanup_entry(net, family, e);
		xt_percpu_counter_free(bpfilter_entry_counters(family, e));
		cond_resched();
	}
	if (info->number > info->initial_entries)
		module_put(me);
	xt_free_table_info(info);
}
