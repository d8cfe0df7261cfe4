// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters: rows of struct xt_counters, one per possible CPU, in the programs'
 * map or, for a table without any program, in memory of our own.
 */

#include <linux/bottom_half.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/netfilter/x_tables.h>
#include <linux/sched.h>
#include <linux/seqlock.h>
#include <linux/vmalloc.h>

#include "internal.h"

/**
 * bpfilter_counters_alloc - make rows for a table without any program
 * @counters:	filled in; all zero
 * @number:	entries to count for
 *
 * Return: 0 or -ENOMEM.
 */
int bpfilter_counters_alloc(struct bpfilter_counters *counters,
			    unsigned int number)
{
	const u64 stride = ALIGN((u64)number * sizeof(struct xt_counters),
				 BPFILTER_ROW_ALIGN);

	if (stride * nr_cpu_ids > INT_MAX)
		return -ENOMEM;
	counters->rows = kvzalloc(stride * nr_cpu_ids, GFP_KERNEL_ACCOUNT);
	if (!counters->rows)
		return -ENOMEM;
	counters->stride = stride;
	counters->map_id = 0;
	return 0;
}

/**
 * bpfilter_counters_free - free rows
 * @counters:	those of a map are left to the programs that use it
 */
void bpfilter_counters_free(struct bpfilter_counters *counters)
{
	if (!counters->map_id)
		kvfree(counters->rows);
	counters->rows = NULL;
}

/* Both numbers as they were between two runs on that CPU */
static struct xt_counters read_entry(const struct xt_counters *from,
				     const seqcount_t *seq)
{
	struct xt_counters pair;
	unsigned int start;

	do {
		start = read_seqcount_begin(seq);
		pair.pcnt = READ_ONCE(from->pcnt);
		pair.bcnt = READ_ONCE(from->bcnt);
	} while (read_seqcount_retry(seq, start));
	return pair;
}

/**
 * bpfilter_counters_read - sum up the counters of a ruleset in force
 * @ruleset:	ruleset; its table's lock is held
 * @sums:	zeroed array by entry number
 */
void bpfilter_counters_read(const struct bpfilter_ruleset *ruleset,
			    struct xt_counters *sums)
{
	const unsigned int number = bpfilter_ruleset_number(ruleset);
	const struct xt_counters *row;
	struct xt_counters pair;
	unsigned int cpu, i;

	for_each_possible_cpu(cpu) {
		row = bpfilter_counters_row(&ruleset->commitment.counters, cpu);
		for (i = 0; i < number; i++) {
			pair = read_entry(&row[i], &per_cpu(xt_recseq, cpu));
			ADD_COUNTER(sums[i], pair.bcnt, pair.pcnt);
			cond_resched();
		}
	}
}

/**
 * bpfilter_counters_read_old - sum up counters that do not change any more
 * @ruleset:	replaced ruleset
 * @sums:	zeroed array by entry number
 */
void bpfilter_counters_read_old(const struct bpfilter_ruleset *ruleset,
				struct xt_counters *sums)
{
	const unsigned int number = bpfilter_ruleset_number(ruleset);
	const struct xt_counters *row;
	unsigned int cpu, i;

	for_each_possible_cpu(cpu) {
		row = bpfilter_counters_row(&ruleset->commitment.counters, cpu);
		for (i = 0; i < number; i++) {
			ADD_COUNTER(sums[i], row[i].bcnt, row[i].pcnt);
			cond_resched();
		}
	}
}

/**
 * bpfilter_counters_add - count into this CPU's row, as a run would
 * @counters:	rows
 * @add:	what to add, by entry number
 * @number:	of @add
 */
void bpfilter_counters_add(const struct bpfilter_counters *counters,
			   const struct xt_counters *add, unsigned int number)
{
	struct xt_counters *row;
	unsigned int addend, i;

	local_bh_disable();
	addend = xt_write_recseq_begin();
	row = bpfilter_counters_row(counters, smp_processor_id());
	for (i = 0; i < number; i++)
		ADD_COUNTER(row[i], add[i].bcnt, add[i].pcnt);
	xt_write_recseq_end(addend);
	local_bh_enable();
}

/**
 * bpfilter_counters_set - IPT_SO_SET_ADD_COUNTERS
 * @net:	network namespace
 * @family:	of the table
 * @arg:	struct xt_counters_info
 * @len:	its length
 *
 * Return: 0; -EINVAL for a wrong length or number of counters; -EFAULT,
 * -ENOMEM; -ENOPROTOOPT or another error of bpfilter_table_get_lock().
 */
int bpfilter_counters_set(struct net *net, const struct bpfilter_family *family,
			  sockptr_t arg, unsigned int len)
{
	struct bpfilter_ruleset *ruleset;
	struct xt_counters_info info;
	struct bpfilter_table *table;
	struct xt_counters *add;
	int err = 0;

	add = xt_copy_counters(arg, len, &info);
	if (IS_ERR(add))
		return PTR_ERR(add);

	table = bpfilter_table_get_lock(net, family, info.name);
	if (IS_ERR(table)) {
		err = PTR_ERR(table);
		goto free;
	}
	ruleset = table->ruleset;
	if (bpfilter_ruleset_number(ruleset) == info.num_counters)
		bpfilter_counters_add(&ruleset->commitment.counters, add,
				      info.num_counters);
	else
		err = -EINVAL;
	bpfilter_table_unlock(table);
free:
	vfree(add);
	return err;
}
