// SPDX-License-Identifier: GPL-2.0-only
/*
 * What user space reads back of a table: byte for byte what the native engine
 * writes for the same ruleset, and no byte that it leaves alone. User space
 * sees the extensions' own names and revisions, and zeroes instead of what
 * extensions keep for themselves.
 */

#include <linux/err.h>
#include <linux/mm.h>
#include <linux/netfilter/x_tables.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

#include "internal.h"

static void info_fill(struct ipt_getinfo *info,
		      const struct bpfilter_table *table)
{
	const struct bpfilter_ruleset *ruleset = table->ruleset;

	memset(info, 0, sizeof(*info));
	info->valid_hooks = table->spec->xt.valid_hooks;
	memcpy(info->hook_entry, ruleset->hook_entry,
	       sizeof(info->hook_entry));
	memcpy(info->underflow, ruleset->underflow, sizeof(info->underflow));
	info->num_entries = bpfilter_ruleset_number(ruleset);
	info->size = bpfilter_ruleset_size(ruleset);
	strscpy(info->name, table->spec->xt.name);
}

/**
 * bpfilter_info_get - IPT_SO_GET_INFO
 * @net:	network namespace
 * @family:	of the table
 * @user:	struct ipt_getinfo, with the table's name
 * @len:	its length
 *
 * Return: 0; -EINVAL, -EFAULT; -ENOPROTOOPT or another error of
 * bpfilter_table_get_lock().
 */
int bpfilter_info_get(struct net *net, const struct bpfilter_family *family,
		      void __user *user, int len)
{
	char name[XT_TABLE_MAXNAMELEN];
	struct bpfilter_table *table;
	struct ipt_getinfo info;

	if (len != sizeof(info))
		return -EINVAL;
	if (copy_from_user(name, user, sizeof(name)))
		return -EFAULT;
	name[sizeof(name) - 1] = '\0';

	table = bpfilter_table_get_lock(net, family, name);
	if (IS_ERR(table))
		return PTR_ERR(table);
	info_fill(&info, table);
	bpfilter_table_unlock(table);
	return copy_to_user(user, &info, sizeof(info)) ? -EFAULT : 0;
}

static int matches_to_user(void __user *user,
			   const struct bpfilter_family *family, const void *e)
{
	const struct xt_entry_match *m;

	for (m = bpfilter_match_first(family, e); m;
	     m = bpfilter_match_next(family, e, m))
		if (xt_match_to_user(m, user + ((const void *)m - e)))
			return -EFAULT;
	return 0;
}

static int entry_to_user(void __user *user,
			 const struct bpfilter_family *family, const void *e,
			 const struct xt_counters *counters)
{
	const size_t head = family->counters;

	if (copy_to_user(user, e, head) ||
	    copy_to_user(user + head, counters, sizeof(*counters)))
		return -EFAULT;
	if (matches_to_user(user, family, e))
		return -EFAULT;
	if (xt_target_to_user(bpfilter_entry_target(family, e),
			      user + bpfilter_entry_target_offset(family, e)))
		return -EFAULT;
	return 0;
}

static int entries_to_user(void __user *user,
			   const struct bpfilter_ruleset *ruleset)
{
	const void *begin = ruleset->replace->entries;
	struct xt_counters *sums;
	unsigned int i = 0;
	const void *e;
	int err = 0;

	sums = kvcalloc(bpfilter_ruleset_number(ruleset), sizeof(*sums),
			GFP_KERNEL);
	if (!sums)
		return -ENOMEM;
	bpfilter_counters_read(ruleset, sums);

	for (e = bpfilter_entry_first(ruleset); e;
	     e = bpfilter_entry_next(ruleset, e)) {
		err = entry_to_user(user + (e - begin), ruleset->family, e,
				    &sums[i++]);
		if (err)
			break;
		cond_resched();
	}
	kvfree(sums);
	return err;
}

/**
 * bpfilter_entries_get - IPT_SO_GET_ENTRIES
 * @net:	network namespace
 * @family:	of the table
 * @user:	struct ipt_get_entries, with the table's name and size
 * @len:	length of all
 *
 * Return: 0; -EAGAIN if the size is not the table's (any more); -EINVAL,
 * -EFAULT, -ENOMEM; -ENOPROTOOPT or another error of
 * bpfilter_table_get_lock().
 */
int bpfilter_entries_get(struct net *net, const struct bpfilter_family *family,
			 struct ipt_get_entries __user *user, int len)
{
	struct bpfilter_table *table;
	struct ipt_get_entries get;
	int err = -EAGAIN;

	if (len < (int)sizeof(get))
		return -EINVAL;
	if (copy_from_user(&get, user, sizeof(get)))
		return -EFAULT;
	if (len != sizeof(get) + (u64)get.size)
		return -EINVAL;
	get.name[sizeof(get.name) - 1] = '\0';

	table = bpfilter_table_get_lock(net, family, get.name);
	if (IS_ERR(table))
		return PTR_ERR(table);
	if (get.size == bpfilter_ruleset_size(table->ruleset))
		err = entries_to_user(user->entrytable, table->ruleset);
	bpfilter_table_unlock(table);
	return err;
}
