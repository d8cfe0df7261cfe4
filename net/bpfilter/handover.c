// SPDX-License-Identifier: GPL-2.0-only
/*
 * A table changes its engine: BPFILTER_SO_SET_TAKEOVER, BPFILTER_SO_SET_RELEASE.
 *
 * All that can fail comes first, while the engine that has the table goes on:
 * its rules are read, and the other engine checks, compiles or translates them
 * and has everything ready but its hooks. Then the hooks change:
 *
 * - Each hook's array is replaced by one that differs in a single place, where
 *   the other engine's hook stands instead. A packet walks either the old array
 *   or the new one, so each packet meets exactly one of the engines: none is
 *   let through, none is judged, changed or counted twice. Registering the one
 *   and then unregistering the other would have packets meet both; the reverse
 *   order neither. Unregistering would also drop what waits in NFQUEUE.
 *   (A CT rule with a helper does that all the same when it is freed, as in any
 *   replace.)
 * - Hooks change one after the other. A packet may meet one engine at one hook
 *   and the other at the next, with the same rules; that is no different when a
 *   ruleset is replaced between the two.
 * - After a grace period no packet is with the old hooks. So its counters are
 *   final, and are added to those that the new engine began meanwhile.
 *
 * From the exchange to the end both engines' locks are held: nobody can read
 * counters that are not complete, or change rules that are about to go.
 *
 * Locking: bpfilter_net.replace_lock throughout, as for a replace, then
 * bpfilter_net.lock, then x_tables' mutex of the family.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/compat.h>
#include <linux/err.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/netfilter/x_tables.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "internal.h"

/**
 * struct handover - a change under way
 * @publisher:	for a takeover, what becomes of the compiled ruleset
 * @sk:		caller's socket
 * @family:	of the table
 * @spec:	the table
 * @blob:	its ruleset as an option value
 * @buffer:	for a takeover, as many bytes as @blob's entries have
 * @sums:	zeroed, for the old engine's counters
 * @user:	where the report goes
 * @report:	what is known so far
 */
struct handover {
	struct bpfilter_publisher publisher;
	struct sock *sk;
	const struct bpfilter_family *family;
	const struct bpfilter_spec *spec;
	struct ipt_replace *blob;
	void *buffer;
	struct xt_counters *sums;
	void __user *user;
	struct bpfilter_handover_report report;
};

static struct bpfilter_table *owned_table(const struct handover *ho)
{
	struct bpfilter_net *bn = bpfilter_pernet(sock_net(ho->sk));

	return READ_ONCE(bn->tables[ho->spec - bpfilter_specs]);
}

/* The table changes its hooks; what it counted with the old ones is final then */
static int exchange_hooks(struct handover *ho, struct bpfilter_table *table,
			  struct nf_hook_ops *native, bool take)
{
	u64 begin, end;
	int err;

	begin = ktime_get_ns();
	err = bpfilter_table_exchange(table, native, take);
	end = ktime_get_ns();
	if (err)
		return err;
	/* x_tables' mutex is held, which all namespaces share */
	synchronize_rcu_expedited();
	ho->report.switch_ns = end - begin;
	ho->report.settle_ns = ktime_get_ns() - end;
	return 0;
}

/* Under all locks, and nothing fails once the hooks are exchanged */
static int take_locked(struct handover *ho, struct bpfilter_table *table,
		       struct xt_table *native)
{
	const struct xt_table_info *info = native->private;
	int err;

	/* Table nat has no hooks yet in the middle of its making */
	if (!native->ops ||
	    !bpfilter_native_same(ho->family, native, ho->blob, ho->buffer))
		return -EAGAIN;
	err = exchange_hooks(ho, table, native->ops, true);
	if (err)
		return err;
	bpfilter_native_counters_read(ho->family, info, ho->sums);
	bpfilter_counters_add(&table->ruleset->commitment.counters, ho->sums,
			      info->number);
	return 0;
}

/* Takes the native table's place; what was in it goes to @info */
static int take_native(struct handover *ho, struct bpfilter_table *table,
		       struct xt_table_info **info, struct module **me)
{
	struct xt_table *native;
	int err;

	native = xt_find_table_lock(table->net, ho->family->nfproto,
				    ho->blob->name);
	if (IS_ERR(native))
		return PTR_ERR(native);
	*me = native->me;
	err = take_locked(ho, table, native);
	if (!err) {
		*info = xt_withdraw_table(native);
		table->placeholder = native;
		bpfilter_table_install(table);
	}
	xt_table_unlock(native);
	if (err)
		module_put(*me);
	return err;
}

static int takeover_publish(struct bpfilter_publisher *publisher,
			    struct net *net, struct bpfilter_ruleset **ruleset)
{
	struct handover *ho = container_of(publisher, struct handover,
					   publisher);
	struct bpfilter_net *bn = bpfilter_pernet(net);
	struct xt_table_info *info;
	struct bpfilter_table *table;
	struct module *me;
	int err;

	table = bpfilter_table_prepare(net, ho->spec, *ruleset);
	if (!table)
		return -ENOMEM;
	mutex_lock(&bn->lock);
	err = take_native(ho, table, &info, &me);
	mutex_unlock(&bn->lock);
	if (err) {
		kfree(table);
		return err;
	}
	*ruleset = NULL;
	bpfilter_native_free(net, ho->family, me, info);
	module_put(me);
	return 0;
}

static int takeover_compile(struct handover *ho)
{
	struct bpfilter_ruleset *ruleset;
	int err;

	ruleset = bpfilter_ruleset_copy(ho->family, ho->blob,
					KERNEL_SOCKPTR(ho->blob));
	if (IS_ERR(ruleset))
		return PTR_ERR(ruleset);
	ho->publisher.publish = takeover_publish;
	ho->publisher.message = ho->report.message;
	err = bpfilter_replace_ruleset(sock_net(ho->sk), &ruleset,
				       &ho->publisher);
	bpfilter_ruleset_free(ruleset);
	return err;
}

/* The ruleset on its way; with room for what may not fail later */
static int set_blob(struct handover *ho, struct ipt_replace *blob)
{
	if (IS_ERR(blob))
		return PTR_ERR(blob);
	ho->blob = blob;
	ho->report.num_entries = blob->num_entries;
	ho->sums = kvcalloc(blob->num_entries, sizeof(*ho->sums),
			    GFP_KERNEL_ACCOUNT);
	return ho->sums ? 0 : -ENOMEM;
}

static int takeover(struct handover *ho)
{
	struct net *net = sock_net(ho->sk);
	int err;

	if (!bpfilter_enabled(net))
		return -EACCES;
	if (owned_table(ho))
		return -EALREADY;
	err = set_blob(ho, bpfilter_native_read(net, ho->family,
						ho->spec->xt.name));
	if (err)
		return err;
	/* Hooks are exchanged one for one */
	if (ho->blob->valid_hooks != ho->spec->xt.valid_hooks)
		return -EOPNOTSUPP;
	ho->buffer = kvmalloc(ho->blob->size, GFP_KERNEL_ACCOUNT);
	if (!ho->buffer)
		return -ENOMEM;
	return takeover_compile(ho);
}

/*
 * The native engine makes its table, without rules, beside ours. Only table nat
 * gets hooks by that, which ask nothing of a packet and are taken away again
 * before the table has rules.
 */
static struct xt_table *native_create(const struct handover *ho)
{
	struct net *net = sock_net(ho->sk);
	struct xt_table *native;

	native = xt_admit_table_lock(net, ho->family->nfproto,
				     ho->spec->xt.name);
	if (IS_ERR(native))
		return native == ERR_PTR(-ENOENT) ? ERR_PTR(-EOPNOTSUPP) :
						    native;
	ho->blob->num_counters = native->private->number;
	xt_table_unlock(native);
	if (ho->spec->nat) {
		bpfilter_nat_unregister(net, native->ops,
					hweight32(native->valid_hooks));
		synchronize_rcu();
	}
	return native;
}

/*
 * Its own replace, which checks and translates the ruleset as if iptables had
 * sent it. Where the report goes there is room for the counters of the table
 * without rules, which the report then overwrites.
 */
static int native_fill(const struct handover *ho)
{
	struct ipt_replace *blob = ho->blob;

	BUILD_BUG_ON(sizeof(ho->report) <
		     (NF_INET_NUMHOOKS + 1) * sizeof(struct xt_counters));
	blob->counters = ho->user;
	return nf_setsockopt(ho->sk, ho->family->nfproto, IPT_SO_SET_REPLACE,
			     KERNEL_SOCKPTR(blob), sizeof(*blob) + blob->size);
}

/* Under all locks, and nothing fails once the hooks are exchanged */
static int give_locked(struct handover *ho, struct bpfilter_table *table,
		       struct xt_table *native)
{
	const struct xt_table_info *info = native->private;
	int err;

	err = exchange_hooks(ho, table, native->ops, false);
	if (err)
		return err;
	bpfilter_counters_read_old(table->ruleset, ho->sums);
	/*
	 * Unless a replace that found the table native long ago got in after
	 * native_fill(): then its rules are in force and begin to count.
	 */
	if (info->number == ho->blob->num_entries)
		bpfilter_native_counters_add(ho->family, info, ho->sums);
	return 0;
}

static int give_native(struct handover *ho)
{
	struct net *net = sock_net(ho->sk);
	struct bpfilter_net *bn = bpfilter_pernet(net);
	struct xt_table *native;
	int err;

	mutex_lock(&bn->lock);
	native = xt_find_table_lock(net, ho->family->nfproto,
				    ho->spec->xt.name);
	err = PTR_ERR_OR_ZERO(native);
	if (!err) {
		err = give_locked(ho, owned_table(ho), native);
		module_put(native->me);
		xt_table_unlock(native);
	}
	if (!err)
		bpfilter_table_remove(owned_table(ho));
	mutex_unlock(&bn->lock);
	return err;
}

static int release_to(struct handover *ho, struct xt_table *native)
{
	struct module *me = native->me;
	int err;

	err = native_fill(ho);
	if (!err)
		err = give_native(ho);
	if (err)
		bpfilter_native_free(sock_net(ho->sk), ho->family, me,
				     xt_unregister_table(native));
	module_put(me);
	return err;
}

/* The ruleset in force cannot change: replace_lock is held */
static int release(struct handover *ho)
{
	const struct bpfilter_table *table = owned_table(ho);
	struct xt_table *native;
	int err;

	if (!table)
		return -ENOENT;
	err = set_blob(ho, bpfilter_native_blob(ho->family,
						table->ruleset->replace,
						table->ruleset->replace->entries));
	if (err)
		return err;
	native = native_create(ho);
	if (IS_ERR(native))
		return PTR_ERR(native);
	return release_to(ho, native);
}

static int copy_option(struct handover *ho, sockptr_t arg, unsigned int len)
{
	struct bpfilter_handover option;
	int i;

	if (in_compat_syscall() || len != sizeof(option))
		return -EINVAL;
	if (copy_from_sockptr(&option, arg, sizeof(option)))
		return -EFAULT;
	if (option.reserved || (option.family != NFPROTO_IPV4 &&
				option.family != NFPROTO_IPV6))
		return -EINVAL;
	option.name[sizeof(option.name) - 1] = '\0';

	ho->family = bpfilter_family_get(option.family);
	ho->user = u64_to_user_ptr(option.report);
	if (clear_user(ho->user, sizeof(ho->report)))
		return -EFAULT;
	i = bpfilter_spec_find(ho->family, option.name);
	if (i < 0 || !ho->family->native)
		return -EOPNOTSUPP;
	ho->spec = &bpfilter_specs[i];
	return 0;
}

static int handover(struct sock *sk, sockptr_t arg, unsigned int len,
		    int (*move)(struct handover *ho))
{
	struct bpfilter_net *bn = bpfilter_pernet(sock_net(sk));
	struct handover *ho;
	int err;

	if (!ns_capable(sock_net(sk)->user_ns, CAP_NET_ADMIN))
		return -EPERM;
	ho = kzalloc(sizeof(*ho), GFP_KERNEL_ACCOUNT);
	if (!ho)
		return -ENOMEM;
	ho->sk = sk;
	err = copy_option(ho, arg, len);
	if (err)
		goto free;
	err = bpfilter_replace_lock(bn);
	if (err)
		goto free;
	err = move(ho);
	bpfilter_replace_unlock(bn);

	/* Too late to fail, it was writable before */
	if (copy_to_user(ho->user, &ho->report, sizeof(ho->report)))
		net_warn_ratelimited("bpfilter: cannot copy the report to user space after a change of engine\n");
free:
	kvfree(ho->buffer);
	kvfree(ho->sums);
	kvfree(ho->blob);
	kfree(ho);
	return err;
}

/**
 * bpfilter_takeover - BPFILTER_SO_SET_TAKEOVER
 * @sk:		socket of the network namespace
 * @arg:	struct bpfilter_handover
 * @len:	its length
 *
 * Return: 0; -EPERM, -EACCES, -EALREADY, -ENOENT, -EOPNOTSUPP, -EAGAIN as
 * struct bpfilter_handover says, or what bpfilter_replace() returns; then the
 * native engine has the table as before.
 */
int bpfilter_takeover(struct sock *sk, sockptr_t arg, unsigned int len)
{
	return handover(sk, arg, len, takeover);
}

/**
 * bpfilter_release - BPFILTER_SO_SET_RELEASE
 * @sk:		socket of the network namespace
 * @arg:	struct bpfilter_handover
 * @len:	its length
 *
 * Return: 0; -EPERM, -ENOENT, -EOPNOTSUPP, -EAGAIN as struct bpfilter_handover
 * says, or what the native engine's replace returns; then bpfilter has the
 * table as before.
 */
int bpfilter_release(struct sock *sk, sockptr_t arg, unsigned int len)
{
	return handover(sk, arg, len, release);
}
