// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rulesets: copied from user space once, checked so far that every later walk
 * over the copy stays inside it, and freed.
 *
 * The checks are those of the native engine, in its order and with its errors
 * (translate_table() up to the search for loops). What rules mean is for the
 * helper, which gets a ruleset only after this.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/netfilter/x_tables.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "internal.h"

#define NO_OFFSET	0xffffffff

static struct bpfilter_ruleset *ruleset_alloc(struct ipt_replace *replace)
{
	struct bpfilter_ruleset *ruleset;

	ruleset = kzalloc(sizeof(*ruleset), GFP_KERNEL_ACCOUNT);
	if (!ruleset)
		return NULL;
	ruleset->replace = replace;
	memset(ruleset->hook_entry, 0xff, sizeof(ruleset->hook_entry));
	memset(ruleset->underflow, 0xff, sizeof(ruleset->underflow));
	return ruleset;
}

/**
 * bpfilter_ruleset_copy - copy a ruleset from user space
 * @head:	its head, copied before
 * @arg:	the option's value, of which the head is not read again
 *
 * Return: the ruleset, unchecked; ERR_PTR: -ENOMEM, -EFAULT.
 */
struct bpfilter_ruleset *bpfilter_ruleset_copy(const struct ipt_replace *head,
					       sockptr_t arg)
{
	struct bpfilter_ruleset *ruleset;
	struct ipt_replace *replace;

	/* The native engine's limit covers its struct xt_table_info */
	if (head->size >= BPFILTER_MAX_SIZE - sizeof(struct xt_table_info))
		return ERR_PTR(-ENOMEM);
	replace = kvmalloc(sizeof(*head) + head->size, GFP_KERNEL_ACCOUNT);
	if (!replace)
		return ERR_PTR(-ENOMEM);
	*replace = *head;
	if (copy_from_sockptr_offset(replace->entries, arg, sizeof(*head),
				     head->size)) {
		kvfree(replace);
		return ERR_PTR(-EFAULT);
	}

	ruleset = ruleset_alloc(replace);
	if (!ruleset) {
		kvfree(replace);
		return ERR_PTR(-ENOMEM);
	}
	return ruleset;
}

/* As ip_tables' unconditional(): no condition at all, no match */
static bool entry_is_unconditional(const struct ipt_entry *e)
{
	static const struct ipt_ip any;

	return e->target_offset == sizeof(*e) &&
	       !memcmp(&e->ip, &any, sizeof(any));
}

/* Can this end a base chain? If so the verdict goes to @policy. */
static bool entry_is_policy(const struct ipt_entry *e, unsigned int *policy)
{
	const struct xt_standard_target *t;

	t = (const void *)e + e->target_offset;
	if (!entry_is_unconditional(e) ||
	    strcmp(t->target.u.user.name, XT_STANDARD_TARGET))
		return false;
	*policy = -t->verdict - 1;
	return *policy == NF_DROP || *policy == NF_ACCEPT;
}

/* As ip_tables' ip_checkentry() */
static bool entry_flags_known(const struct ipt_ip *ip)
{
	return !(ip->flags & ~IPT_F_MASK) && !(ip->invflags & ~IPT_INV_MASK);
}

/* Nothing of @e beyond the ruleset's end is read */
static int check_entry_size(const struct ipt_entry *e, const void *end)
{
	if (!IS_ALIGNED((unsigned long)e, __alignof__(*e)) ||
	    (void *)e + sizeof(*e) >= end ||
	    (void *)e + e->next_offset > end)
		return -EINVAL;
	if (e->next_offset < sizeof(*e) + sizeof(struct xt_entry_target))
		return -EINVAL;
	if (!entry_flags_known(&e->ip))
		return -EINVAL;
	return xt_check_entry_offsets(e, e->elems, e->target_offset,
				      e->next_offset);
}

/* Is the entry at @offset a hook's first or last one? */
static int check_entry_hooks(struct bpfilter_ruleset *ruleset,
			     const struct ipt_entry *e, unsigned int offset,
			     unsigned int number)
{
	const struct ipt_replace *replace = ruleset->replace;
	int i;

	for (i = 0; i < NF_INET_NUMHOOKS; i++) {
		if (!(replace->valid_hooks & (1 << i)))
			continue;
		if (offset == replace->hook_entry[i])
			ruleset->hook_entry[i] = offset;
		if (offset != replace->underflow[i])
			continue;
		if (!entry_is_policy(e, &ruleset->policy[i]))
			return -EINVAL;
		ruleset->underflow[i] = offset;
		ruleset->policy_number[i] = number;
	}
	return 0;
}

/* The part of xt_check_table_hooks() that it needs a xt_table_info for */
static int check_hooks(const struct bpfilter_ruleset *ruleset)
{
	struct xt_table_info info = {};

	memcpy(info.hook_entry, ruleset->hook_entry, sizeof(info.hook_entry));
	memcpy(info.underflow, ruleset->underflow, sizeof(info.underflow));
	return xt_check_table_hooks(&info, ruleset->replace->valid_hooks);
}

/**
 * bpfilter_ruleset_check - check a ruleset's structure
 * @ruleset:	its hooks and policies are filled in
 *
 * Afterwards entries, matches and targets can be walked.
 *
 * Return: 0; -EINVAL for a bad size, offset, alignment, flag, verdict, hook or
 * number of entries; -ENOMEM for more entries than the native engine takes.
 */
int bpfilter_ruleset_check(struct bpfilter_ruleset *ruleset)
{
	const struct ipt_replace *replace = ruleset->replace;
	const void *begin = replace->entries;
	const void *end = begin + replace->size;
	const struct ipt_entry *e;
	unsigned int number = 0;
	int err;

	if (replace->num_entries > BPFILTER_MAX_SIZE / sizeof(unsigned int))
		return -ENOMEM;

	xt_entry_foreach(e, ruleset->replace->entries, ruleset->replace->size) {
		err = check_entry_size(e, end);
		if (!err)
			err = check_entry_hooks(ruleset, e, (void *)e - begin,
						number);
		if (err)
			return err;
		number++;
		cond_resched();
	}
	if (number != replace->num_entries)
		return -EINVAL;
	return check_hooks(ruleset);
}

/**
 * bpfilter_ruleset_adopt - complete a ruleset with what the helper made of it
 * @ruleset:	checked ruleset
 * @commitment:	programs, counters and hook masks; moved, empty on success
 *
 * Counters start at zero, those that user space sent along are for
 * IPT_SO_SET_ADD_COUNTERS.
 *
 * Return: 0; -ENOMEM, then @commitment is unchanged.
 */
int bpfilter_ruleset_adopt(struct bpfilter_ruleset *ruleset,
			   struct bpfilter_commitment *commitment)
{
	struct ipt_entry *e;
	unsigned int i = 0;
	int err;

	if (!commitment->counters.rows && !commitment->refused) {
		err = bpfilter_counters_alloc(&commitment->counters,
					      bpfilter_ruleset_number(ruleset));
		if (err)
			return err;
	}
	xt_entry_foreach(e, ruleset->replace->entries, ruleset->replace->size) {
		e->comefrom = commitment->comefrom[i++];
		memset(&e->counters, 0, sizeof(e->counters));
		cond_resched();
	}
	kvfree(commitment->comefrom);
	commitment->comefrom = NULL;

	ruleset->commitment = *commitment;
	memset(commitment, 0, sizeof(*commitment));
	return 0;
}

static void initial_policy(struct ipt_standard *policy)
{
	policy->entry.target_offset = sizeof(policy->entry);
	policy->entry.next_offset = sizeof(*policy);
	policy->target.target.u.user.target_size = sizeof(policy->target);
	policy->target.verdict = -NF_ACCEPT - 1;
}

static void initial_end(struct ipt_error *end)
{
	end->entry.target_offset = sizeof(end->entry);
	end->entry.next_offset = sizeof(*end);
	end->target.target.u.user.target_size = sizeof(end->target);
	strscpy(end->target.target.u.user.name, XT_ERROR_TARGET);
	strscpy(end->target.errorname, XT_ERROR_TARGET);
}

/* A policy for each hook and the entry that ends every table */
static struct ipt_replace *initial_replace(const struct xt_table *spec)
{
	const unsigned int hooks = hweight32(spec->valid_hooks);
	struct ipt_replace *replace;
	unsigned int size = 0;
	int i;

	replace = kzalloc(sizeof(*replace) +
			  hooks * sizeof(struct ipt_standard) +
			  sizeof(struct ipt_error), GFP_KERNEL_ACCOUNT);
	if (!replace)
		return NULL;
	strscpy(replace->name, spec->name);
	replace->valid_hooks = spec->valid_hooks;
	replace->num_entries = hooks + 1;
	for (i = 0; i < NF_INET_NUMHOOKS; i++) {
		if (!(spec->valid_hooks & (1 << i)))
			continue;
		replace->hook_entry[i] = size;
		replace->underflow[i] = size;
		initial_policy((void *)replace->entries + size);
		size += sizeof(struct ipt_standard);
	}
	initial_end((void *)replace->entries + size);
	replace->size = size + sizeof(struct ipt_error);
	return replace;
}

/* In a table without rules each policy is reached from its own hook only */
static int initial_commitment(struct bpfilter_commitment *commitment,
			      const struct bpfilter_ruleset *ruleset)
{
	const unsigned int number = bpfilter_ruleset_number(ruleset);
	int i;

	commitment->comefrom = kvcalloc(number, sizeof(u32), GFP_KERNEL);
	if (!commitment->comefrom)
		return -ENOMEM;
	for (i = 0; i < NF_INET_NUMHOOKS; i++)
		if (ruleset->underflow[i] != NO_OFFSET)
			commitment->comefrom[ruleset->policy_number[i]] = 1 << i;
	return 0;
}

/**
 * bpfilter_ruleset_initial - make the content of a table without rules
 * @spec:	the table
 *
 * Return: a complete ruleset that accepts everything; ERR_PTR(-ENOMEM).
 */
struct bpfilter_ruleset *bpfilter_ruleset_initial(const struct xt_table *spec)
{
	struct bpfilter_commitment commitment = {};
	struct bpfilter_ruleset *ruleset;
	struct ipt_replace *replace;
	int err;

	replace = initial_replace(spec);
	if (!replace)
		return ERR_PTR(-ENOMEM);
	ruleset = ruleset_alloc(replace);
	if (!ruleset) {
		kfree(replace);
		return ERR_PTR(-ENOMEM);
	}

	err = bpfilter_ruleset_check(ruleset);
	if (!err)
		err = initial_commitment(&commitment, ruleset);
	if (!err)
		err = bpfilter_ruleset_adopt(ruleset, &commitment);
	if (err) {
		bpfilter_commitment_drop(&commitment);
		bpfilter_ruleset_free(ruleset);
		return ERR_PTR(err);
	}
	return ruleset;
}

/**
 * bpfilter_ruleset_free - free a ruleset
 * @ruleset:	out of use: extensions cleaned up, no hook runs it; may be NULL
 */
void bpfilter_ruleset_free(struct bpfilter_ruleset *ruleset)
{
	if (!ruleset)
		return;
	kvfree(ruleset->bridge);
	bpfilter_commitment_drop(&ruleset->commitment);
	kvfree(ruleset->replace);
	kfree(ruleset);
}
