// SPDX-License-Identifier: GPL-2.0-only
/*
 * IPT_SO_SET_REPLACE from beginning to end.
 *
 * The order of the steps is the order in which the native engine finds errors:
 * the value's head, structure, loops (the helper's answer), extensions, and
 * only then whether the table and the number of its counters fit. A refusal
 * that the native engine does not know comes after the extensions, so that an
 * error which it does know is reported instead.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/compat.h>
#include <linux/err.h>
#include <linux/net.h>
#include <linux/sched.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <linux/wait.h>

#include "internal.h"

static int copy_head(struct ipt_replace *head, sockptr_t arg, unsigned int len)
{
	if (len < sizeof(*head))
		return -EINVAL;
	if (copy_from_sockptr(head, arg, sizeof(*head)))
		return -EFAULT;
	if (head->num_counters >= INT_MAX / sizeof(struct xt_counters))
		return -ENOMEM;
	if (!head->num_counters)
		return -EINVAL;
	if (len < (u64)head->size + sizeof(*head))
		return -EINVAL;
	head->name[sizeof(head->name) - 1] = '\0';
	return 0;
}

/*
 * The helper's part. What its answer means for the caller stays in the request
 * until the extensions had their say.
 */
static int compile(struct net *net, struct bpfilter_ruleset *ruleset,
		   struct bpfilter_req **reqp)
{
	struct bpfilter_req *req;

	req = bpfilter_req_run(net, ruleset->family, ruleset->replace);
	if (!req)
		return -ENOMEM;
	*reqp = req;
	if (!req->commitment.parked)
		return req->error;
	return bpfilter_ruleset_adopt(ruleset, &req->commitment);
}

/* Does the ruleset fit the table in force? As the native __do_replace(). */
static int fits_table(const struct bpfilter_table *table,
		      const struct ipt_replace *replace)
{
	if (replace->valid_hooks != table->spec->xt.valid_hooks)
		return -EINVAL;
	if (replace->num_counters != bpfilter_ruleset_number(table->ruleset))
		return -EAGAIN;
	return 0;
}

/* On success the old ruleset takes the new one's place, for the caller to free */
static int swap_ruleset(struct net *net, struct bpfilter_ruleset **ruleset)
{
	const struct ipt_replace *replace = (*ruleset)->replace;
	struct bpfilter_table *table;
	int err;

	table = bpfilter_table_get_lock(net, (*ruleset)->family,
					replace->name);
	if (IS_ERR(table))
		return PTR_ERR(table);
	err = fits_table(table, replace);
	if (!err)
		*ruleset = bpfilter_table_swap(table, *ruleset);
	bpfilter_table_unlock(table);
	return err;
}

/* Too late to fail: the new ruleset is in force */
static void old_counters_to_user(void __user *user,
				 const struct bpfilter_ruleset *old,
				 struct xt_counters *counters)
{
	const unsigned int number = bpfilter_ruleset_number(old);

	bpfilter_counters_read_old(old, counters);
	if (copy_to_user(user, counters, number * sizeof(*counters)))
		net_warn_ratelimited("bpfilter: cannot copy counters to user space after a replace\n");
}

static int replace_publish(struct bpfilter_publisher *publisher,
			   struct net *net, struct bpfilter_ruleset **ruleset)
{
	const struct ipt_replace *replace = (*ruleset)->replace;
	void __user *user = replace->counters;
	struct xt_counters *counters;
	int err;

	counters = xt_counters_alloc(replace->num_counters);
	if (!counters)
		return -ENOMEM;
	err = swap_ruleset(net, ruleset);
	if (!err)
		old_counters_to_user(user, *ruleset, counters);
	vfree(counters);
	return err;
}

/* With the helper's answer */
static int replace_compiled(struct net *net, struct bpfilter_ruleset **ruleset,
			    const struct bpfilter_req *req,
			    struct bpfilter_publisher *publisher)
{
	int err;

	err = bpfilter_ext_check(net, *ruleset);
	if (err)
		return err;
	err = req->error;
	if (!err)
		err = bpfilter_bridge_build(*ruleset);
	if (!err)
		err = publisher->publish(publisher, net, ruleset);
	if (*ruleset)
		bpfilter_ext_cleanup(net, *ruleset);
	return err;
}

/* To the log, and to a caller that passes it on */
static void tell_refusal(const struct bpfilter_req *req,
			 const struct bpfilter_publisher *publisher)
{
	if (!*req->message)
		return;
	pr_notice_ratelimited("%s\n", req->message);
	if (publisher->message)
		strscpy(publisher->message, req->message, BPFILTER_MESSAGE_MAX);
}

/**
 * bpfilter_replace_ruleset - from a ruleset's copy to its being in force
 * @net:	network namespace, replace_lock of its bpfilter_net is held
 * @ruleset:	bpfilter_ruleset_copy(); becomes what the caller has to free:
 *		this one after an error, else the one that it replaced or NULL
 * @publisher:	what is to be done with the complete ruleset
 *
 * Return: 0; an error as bpfilter_replace(), or of the publisher.
 */
int bpfilter_replace_ruleset(struct net *net, struct bpfilter_ruleset **ruleset,
			     struct bpfilter_publisher *publisher)
{
	struct bpfilter_req *req = NULL;
	int err;

	err = bpfilter_ruleset_check(*ruleset);
	if (err)
		return err;

	err = compile(net, *ruleset, &req);
	if (!err)
		err = replace_compiled(net, ruleset, req, publisher);
	if (err && req && err == req->error)
		tell_refusal(req, publisher);
	if (req)
		bpfilter_req_free(req);
	return err;
}

/* From here on the table stays bpfilter's: only giving back takes it away */
static int claim_table(struct net *net, const struct bpfilter_family *family,
		       const char *name)
{
	struct bpfilter_table *table;

	table = bpfilter_table_get_lock(net, family, name);
	if (IS_ERR(table))
		return PTR_ERR(table);
	bpfilter_table_unlock(table);
	return 0;
}

static int replace_locked(struct net *net, const struct bpfilter_family *family,
			  const struct ipt_replace *head, sockptr_t arg)
{
	struct bpfilter_publisher publisher = { .publish = replace_publish };
	struct bpfilter_ruleset *ruleset;
	int err;

	err = claim_table(net, family, head->name);
	if (err)
		return err;
	ruleset = bpfilter_ruleset_copy(family, head, arg);
	if (IS_ERR(ruleset))
		return PTR_ERR(ruleset);
	err = bpfilter_replace_ruleset(net, &ruleset, &publisher);
	bpfilter_ruleset_free(ruleset);
	return err;
}

/**
 * bpfilter_replace_lock - take a namespace's replace_lock
 * @bn:		bpfilter in the namespace
 *
 * Whoever has it may wait for the helper, and a system that suspends freezes
 * both. So who waits for it has to let itself be frozen as well, which
 * mutex_lock_killable() does not.
 *
 * Return: 0, or -EINTR if the caller is killed.
 */
int bpfilter_replace_lock(struct bpfilter_net *bn)
{
	return wait_event_state(bn->replace_wait,
				mutex_trylock(&bn->replace_lock),
				(TASK_KILLABLE | TASK_FREEZABLE)) ? -EINTR : 0;
}

/**
 * bpfilter_replace_unlock - give it up
 * @bn:		bpfilter in the namespace
 */
void bpfilter_replace_unlock(struct bpfilter_net *bn)
{
	mutex_unlock(&bn->replace_lock);
	wake_up(&bn->replace_wait);
}

/**
 * bpfilter_replace - IPT_SO_SET_REPLACE
 * @net:	network namespace
 * @family:	of the table
 * @arg:	struct ipt_replace and the entries
 * @len:	length of all
 *
 * Return: 0; what the native engine returns for the same reason; and -EINVAL
 * for a ruleset that cannot be compiled, -EIO without a working helper,
 * -ETIMEDOUT if it takes too long, -EINTR if the caller is killed. With
 * -ENOPROTOOPT the table is not bpfilter's. After any error the old ruleset
 * is in force.
 */
int bpfilter_replace(struct net *net, const struct bpfilter_family *family,
		     sockptr_t arg, unsigned int len)
{
	struct bpfilter_net *bn = bpfilter_pernet(net);
	struct ipt_replace head;
	int err;

	err = copy_head(&head, arg, len);
	if (err)
		return err;
	err = bpfilter_replace_lock(bn);
	if (err)
		return err;
	err = replace_locked(net, family, &head, arg);
	bpfilter_replace_unlock(bn);
	return err;
}
