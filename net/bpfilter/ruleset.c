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

static struct bpfilter_ruleset *
ruleset_alloc(const struct bpfilter_family *family, struct ipt_replace *replace)
{
	struct bpfilter_ruleset *ruleset;

	ruleset = kzalloc(sizeof(*ruleset), GFP_KERNEL_ACCOUNT);
	if (!ruleset)
		return NULL;
	ruleset->family = family;
	ruleset->replace = replace;
	memset(ruleset->hook_entry, 0xff, sizeof(ruleset->hook_entry));
	memset(ruleset->underflow, 0xff, sizeof(ruleset->underflow));
	return ruleset;
}

/**
 * bpfilter_ruleset_copy - copy a ruleset from user space
 * @family:	its family
 * @head:	its head, copied before
 * @arg:	the option's value, of which the head is not read again
 *
 * Return: the ruleset, unchecked; ERR_PTR: -ENOMEM, -EFAULT.
 */
struct bpfilter_ruleset *
bpfilter_ruleset_copy(const struct bpfilter_family *family,
		      const struct ipt_replace *head, sockptr_t arg)
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

	ruleset = ruleset_alloc(family, replace);
	if (!ruleset) {
		kvfree(replace);
		return ERR_PTR(-ENOMEM);
	}
	return ruleset;
}

/* Can this end a base chain? If so the verdict goes to @policy. */
static bool entry_is_policy(const struct bpfilter_family *family,
			    const void *e, unsigned int *policy)
{
	const struct xt_standard_target *t;

	t = (const void *)bpfilter_entry_target(family, e);
	if (!bpfilter_entry_is_unconditional(family, e) ||
	    strcmp(t->target.u.user.name, XT_STANDARD_TARGET))
		return false;
	*policy = -t->verdict - 1;
	return *policy == NF_DROP || *policy == NF_ACCEPT;
}

/* As ip_checkentry() and ip6_checkentry() of the native engines */
static bool entry_flags_known(const struct bpfilter_family *family,
			      const void *e)
{
	return !(bpfilter_entry_flags(family, e) & ~family->flags_mask) &&
	       !(bpfilter_entry_invflags(family, e) & ~IPT_INV_MASK);
}

/* Nothing of @e beyond the ruleset's end is read */
static int check_entry_size(const struct bpfilter_family *family,
			    const void *e, const void *end)
{
	unsigned int size;

	if (!IS_ALIGNED((unsigned long)e, __alignof__(struct ipt_entry)) ||
	    e + family->head_size >= end)
		return -EINVAL;
	size = bpfilter_entry_next_offset(family, e);
	if (e + size > end ||
	    size < family->head_size + sizeof(struct xt_entry_target))
		return -EINVAL;
	if (!entry_flags_known(family, e))
		return -EINVAL;
	return xt_check_entry_offsets(e, e + family->head_size,
				      bpfilter_entry_target_offset(family, e),
				      size);
}

/* Is the entry at @offset a hook's first or last one? */
static int check_entry_hooks(struct bpfilter_ruleset *ruleset,
			     const void *e, unsigned int offset,
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
		if (!entry_is_policy(ruleset->family, e, &ruleset->policy[i]))
			return -EINVAL;
		ruleset->underflow[i] = offset;
		ruleset->policy_number[i] = number;
	}
	return 0;
}

static int check_entry(struct bpfilter_ruleset *ruleset, void *e,
		       unsigned int number)
{
	const struct ipt_replace *replace = ruleset->replace;
	const void *begin = replace->entries;
	int err;

	err = check_entry_size(ruleset->family, e, begin + replace->size);
	if (!err)
		err = check_entry_hooks(ruleset, e, e - begin, number);
	if (err)
		return err;
	bpfilter_entry_complete_flags(ruleset->family, e);
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
	unsigned int number = 0;
	void *e;
	int err;

	if (replace->num_entries > BPFILTER_MAX_SIZE / sizeof(unsigned int))
		return -ENOMEM;

	for (e = bpfilter_entry_first(ruleset); e;
	     e = bpfilter_entry_next(ruleset, e)) {
		err = check_entry(ruleset, e, number++);
		if (err)
			return err;
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
	const struct bpfilter_family *family = ruleset->family;
	unsigned int i = 0;
	void *e;
	int err;

	if (!commitment->counters.rows && !commitment->refused) {
		err = bpfilter_counters_alloc(&commitment->counters,
					      bpfilter_ruleset_number(ruleset));
		if (err)
			return err;
	}
	for (e = bpfilter_entry_first(ruleset); e;
	     e = bpfilter_entry_next(ruleset, e)) {
		bpfilter_entry_set_comefrom(family, e,
					    commitment->comefrom[i++]);
		memset(bpfilter_entry_counters(family, e), 0,
		       sizeof(struct xt_counters));
		cond_resched();
	}
	kvfree(commitment->comefrom);
	commitment->comefrom = NULL;

	ruleset->commitment = *commitment;
	memset(commitment, 0, sizeof(*commitment));
	return 0;
}

/* Returns the entry's size */
static unsigned int initial_entry(const struct bpfilter_family *family, void *e,
				  size_t target_size)
{
	const unsigned int size = family->head_size + target_size;

	bpfilter_entry_set_offsets(family, e, family->head_size, size);
	bpfilter_entry_target(family, e)->u.user.target_size = target_size;
	return size;
}

static unsigned int initial_policy(const struct bpfilter_family *family,
				   void *e, unsigned int policy)
{
	struct xt_standard_target *t;
	unsigned int size;

	size = initial_entry(family, e, sizeof(*t));
	t = (void *)bpfilter_entry_target(family, e);
	t->verdict = -(int)policy - 1;
	return size;
}

static void initial_end(const struct bpfilter_family *family, void *e)
{
	struct xt_error_target *t;

	initial_entry(family, e, sizeof(*t));
	t = (void *)bpfilter_entry_target(family, e);
	strscpy(t->target.u.user.name, XT_ERROR_TARGET);
	strscpy(t->errorname, XT_ERROR_TARGET);
}

static size_t initial_size(const struct bpfilter_spec *spec,
			   const struct bpfilter_family *family)
{
	const unsigned int hooks = hweight32(spec->xt.valid_hooks);

	return hooks * (family->head_size + sizeof(struct xt_standard_target)) +
	       family->head_size + sizeof(struct xt_error_target);
}

/* A policy for each hook and the entry that ends every table */
static struct ipt_replace *initial_replace(const struct bpfilter_spec *spec,
					   const struct bpfilter_family *family)
{
	struct ipt_replace *replace;
	void *e;
	int i;

	replace = kzalloc(sizeof(*replace) + initial_size(spec, family),
			  GFP_KERNEL_ACCOUNT);
	if (!replace)
		return NULL;
	strscpy(replace->name, spec->xt.name);
	replace->valid_hooks = spec->xt.valid_hooks;
	replace->num_entries = hweight32(spec->xt.valid_hooks) + 1;
	replace->size = initial_size(spec, family);
	e = replace->entries;
	for (i = 0; i < NF_INET_NUMHOOKS; i++) {
		if (!(spec->xt.valid_hooks & (1 << i)))
			continue;
		replace->hook_entry[i] = e - (void *)replace->entries;
		replace->underflow[i] = replace->hook_entry[i];
		e += initial_policy(family, e, bpfilter_spec_policy(spec, i));
	}
	initial_end(family, e);
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
 * Return: a complete ruleset; ERR_PTR(-ENOMEM).
 */
struct bpfilter_ruleset *
bpfilter_ruleset_initial(const struct bpfilter_spec *spec)
{
	const struct bpfilter_family *family =
		bpfilter_family_get(spec->xt.af);
	struct bpfilter_commitment commitment = {};
	struct bpfilter_ruleset *ruleset;
	struct ipt_replace *replace;
	int err;

	replace = initial_replace(spec, family);
	if (!replace)
		return ERR_PTR(-ENOMEM);
	ruleset = ruleset_alloc(family, replace);
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
