// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tables: who owns one, what is in force in it.
 *
 * A table goes to bpfilter when it is first asked for in a network namespace
 * where bpfilter is enabled and the native engine has not got it. x_tables'
 * list of tables, under its mutex, decides: our placeholder keeps the native
 * engine from registering the same name, its table keeps us from reserving it.
 * From then on it is bpfilter's until the namespace ends, the module is
 * unloaded, bpfilter is disabled while the table is as new, or handover.c moves
 * it, which is also how a native table becomes bpfilter's.
 *
 * Locking: bpfilter_net.lock. Under it x_tables' mutex is taken and hooks are
 * registered and unregistered. Packets take no lock, see bpfilter_table_swap().
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/audit.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <net/net_namespace.h>

#include "internal.h"

/* As the native engine: rules pin the module, a table without does not */
static bool has_rules(const struct bpfilter_table *table,
		      const struct bpfilter_ruleset *ruleset)
{
	return bpfilter_ruleset_number(ruleset) > table->initial_entries;
}

/* Would packets fare the same with no table at all? */
static bool is_pristine(const struct bpfilter_table *table)
{
	const struct bpfilter_ruleset *ruleset = table->ruleset;
	int i;

	if (has_rules(table, ruleset))
		return false;
	/* Connections keep what rules said that may be gone */
	if (table->spec->nat && table->generation)
		return false;
	for (i = 0; i < NF_INET_NUMHOOKS; i++)
		if (table->spec->xt.valid_hooks & (1 << i) &&
		    (ruleset->commitment.prog[i] ||
		     ruleset->policy[i] != NF_ACCEPT))
			return false;
	return true;
}

static void audit_table(const struct bpfilter_table *table,
			const struct bpfilter_ruleset *ruleset,
			enum audit_nfcfgop op)
{
	audit_log_nfcfg(table->spec->xt.name, table->spec->xt.af,
			bpfilter_ruleset_number(ruleset), op, GFP_KERNEL);
}

/* For the netns exit, or when no hook can run the ruleset any more */
static void ruleset_destroy(struct net *net, struct bpfilter_ruleset *ruleset)
{
	bpfilter_ext_cleanup(net, ruleset);
	bpfilter_ruleset_free(ruleset);
}

static struct bpfilter_ruleset *ruleset_create(struct net *net,
					       const struct bpfilter_spec *spec)
{
	struct bpfilter_ruleset *ruleset;
	int err;

	ruleset = bpfilter_ruleset_initial(spec);
	if (IS_ERR(ruleset))
		return ruleset;
	err = bpfilter_ext_check(net, ruleset);
	if (err) {
		bpfilter_ruleset_free(ruleset);
		return ERR_PTR(err);
	}
	return ruleset;
}

/* hook_ops_type stays undefined: @priv is not a program */
static void fill_hooks(struct bpfilter_table *table)
{
	const struct bpfilter_spec *spec = table->spec;
	struct nf_hook_ops *ops;
	int i;

	for (i = 0; i < NF_INET_NUMHOOKS; i++) {
		if (!(spec->xt.valid_hooks & (1 << i)))
			continue;
		ops = &table->ops[table->num_ops++];
		ops->hook = spec->hook;
		ops->priv = table;
		ops->pf = spec->xt.af;
		ops->hooknum = i;
		ops->priority = bpfilter_spec_priority(spec, i);
	}
}

static int register_hooks(struct bpfilter_table *table)
{
	int err;

	if (table->spec->nat)
		err = bpfilter_nat_register(table->net, table->ops,
					    table->num_ops);
	else
		err = nf_register_net_hooks(table->net, table->ops,
					    table->num_ops);
	if (err)
		synchronize_rcu();	/* some may have been there and run */
	return err;
}

/* Without placeholder, ruleset and hooks */
static struct bpfilter_table *table_alloc(struct net *net,
					  const struct bpfilter_spec *spec)
{
	struct bpfilter_table *table;

	table = kzalloc(sizeof(*table), GFP_KERNEL_ACCOUNT);
	if (!table)
		return NULL;
	table->net = net;
	table->spec = spec;
	table->initial_entries = hweight32(spec->xt.valid_hooks) + 1;
	fill_hooks(table);
	return table;
}

static struct bpfilter_table *table_create(struct net *net,
					   const struct bpfilter_spec *spec)
{
	struct bpfilter_table *table;
	int err = -ENOMEM;

	table = table_alloc(net, spec);
	if (!table)
		goto err;
	table->placeholder = xt_reserve_table(net, &spec->xt);
	if (IS_ERR(table->placeholder)) {
		err = PTR_ERR(table->placeholder);
		goto err_free;
	}
	table->ruleset = ruleset_create(net, spec);
	if (IS_ERR(table->ruleset)) {
		err = PTR_ERR(table->ruleset);
		goto err_release;
	}
	err = register_hooks(table);
	if (err)
		goto err_destroy;
	audit_table(table, table->ruleset, AUDIT_XT_OP_REGISTER);
	return table;

err_destroy:
	ruleset_destroy(net, table->ruleset);
err_release:
	xt_release_table(table->placeholder);
err_free:
	kfree(table);
err:
	return ERR_PTR(err);
}

/*
 * After its hooks are unregistered and RCU readers gone. The name is given up
 * last: the native engine may take it the moment after.
 */
static void table_destroy(struct bpfilter_table *table)
{
	audit_table(table, table->ruleset, AUDIT_XT_OP_UNREGISTER);
	if (has_rules(table, table->ruleset))
		module_put(THIS_MODULE);
	ruleset_destroy(table->net, table->ruleset);
	xt_release_table(table->placeholder);
	kfree(table);
}

static void unregister_hooks(const struct bpfilter_table *table)
{
	if (table->spec->nat)
		bpfilter_nat_unregister(table->net, table->ops,
					table->num_ops);
	else
		nf_unregister_net_hooks(table->net, table->ops,
					table->num_ops);
}

/*
 * A table that is not bpfilter's is the native engine's. Where the kernel has
 * none there is nobody else to say that there is no such table.
 */
static int not_ours(const struct bpfilter_family *family)
{
	return family->native ? -ENOPROTOOPT : -ENOENT;
}

/**
 * bpfilter_table_served - does bpfilter have a say in a network namespace?
 * @net:	network namespace
 *
 * Return: true if it is enabled there or owns a table.
 */
bool bpfilter_table_served(struct net *net)
{
	struct bpfilter_net *bn = bpfilter_pernet(net);
	int i;

	if (bpfilter_enabled(net))
		return true;
	for (i = 0; i < BPFILTER_NUM_TABLES; i++)
		if (READ_ONCE(bn->tables[i]))
			return true;
	return false;
}

/**
 * bpfilter_table_get - find a table, or make it if it is up to bpfilter
 * @net:	network namespace, its bpfilter_net.lock is held
 * @family:	of the table
 * @name:	of the table
 *
 * Return: the table; ERR_PTR: -ENOPROTOOPT if it is the native engine's,
 * -ENOENT if there is no such table and no native engine, -ENOMEM or another
 * error if it cannot be made.
 */
struct bpfilter_table *bpfilter_table_get(struct net *net,
					  const struct bpfilter_family *family,
					  const char *name)
{
	struct bpfilter_net *bn = bpfilter_pernet(net);
	struct bpfilter_table *table;
	int i;

	lockdep_assert_held(&bn->lock);

	i = bpfilter_spec_find(family, name);
	if (i < 0)
		return ERR_PTR(not_ours(family));
	if (bn->tables[i])
		return bn->tables[i];
	if (!bpfilter_enabled(net))
		return ERR_PTR(not_ours(family));

	table = table_create(net, &bpfilter_specs[i]);
	if (table == ERR_PTR(-EEXIST))
		return ERR_PTR(not_ours(family));
	if (!IS_ERR(table))
		WRITE_ONCE(bn->tables[i], table);
	return table;
}

/**
 * bpfilter_table_claimable - would bpfilter_table_get() find or make a table?
 * @net:	network namespace
 * @family:	of the table
 * @name:	of the table
 *
 * Return: 0 if it would, and memory is not a question; else what it returns.
 */
int bpfilter_table_claimable(struct net *net,
			     const struct bpfilter_family *family,
			     const char *name)
{
	struct bpfilter_net *bn = bpfilter_pernet(net);
	bool claimable = false;
	int i;

	i = bpfilter_spec_find(family, name);
	mutex_lock(&bn->lock);
	if (i >= 0)
		claimable = bn->tables[i] ||
			    (bpfilter_enabled(net) &&
			     !xt_find_table(net, family->nfproto, name));
	mutex_unlock(&bn->lock);
	return claimable ? 0 : not_ours(family);
}

/**
 * bpfilter_table_get_lock - find or make a table and lock it
 * @net:	network namespace
 * @family:	of the table
 * @name:	of the table
 *
 * Return: the table, for bpfilter_table_unlock(); ERR_PTR as
 * bpfilter_table_get(), then nothing is locked.
 */
struct bpfilter_table *
bpfilter_table_get_lock(struct net *net, const struct bpfilter_family *family,
			const char *name)
{
	struct bpfilter_net *bn = bpfilter_pernet(net);
	struct bpfilter_table *table;

	mutex_lock(&bn->lock);
	table = bpfilter_table_get(net, family, name);
	if (IS_ERR(table))
		mutex_unlock(&bn->lock);
	return table;
}

/**
 * bpfilter_table_unlock - end what bpfilter_table_get_lock() began
 * @table:	what it returned
 */
void bpfilter_table_unlock(const struct bpfilter_table *table)
{
	mutex_unlock(&bpfilter_pernet(table->net)->lock);
}

/* Until each CPU is in no run, or in one that began after the call */
static void wait_for_runs(void)
{
	const seqcount_t *seq;
	unsigned int cpu, start;

	for_each_possible_cpu(cpu) {
		seq = &per_cpu(xt_recseq, cpu);
		start = raw_read_seqcount(seq);
		while (start & 1 && raw_read_seqcount(seq) == start) {
			cond_resched();
			cpu_relax();
		}
	}
}

/* Called with a reference on the module, by way of the socket option */
static void update_use_count(const struct bpfilter_table *table,
			     const struct bpfilter_ruleset *old,
			     const struct bpfilter_ruleset *ruleset)
{
	if (!has_rules(table, old) && has_rules(table, ruleset))
		__module_get(THIS_MODULE);
	else if (has_rules(table, old) && !has_rules(table, ruleset))
		module_put(THIS_MODULE);
}

/**
 * bpfilter_table_swap - put another ruleset in force
 * @table:	table, its namespace's bpfilter_net.lock is held
 * @ruleset:	complete ruleset whose extensions are checked
 *
 * One store publishes programs, counters and policies of all hooks: a run uses
 * either the old ruleset or the new one, and there is no moment without one.
 * A run makes its CPU's sequence odd before it loads the pointer, with a full
 * barrier in between; here the store comes before the reads of the sequences,
 * also with a full barrier. So either the run sees the new pointer, or we see
 * its odd sequence and wait until it changes. After that nobody counts in the
 * old ruleset, its counters are final, and none of its memory is in use.
 *
 * Return: the old ruleset.
 */
struct bpfilter_ruleset *
bpfilter_table_swap(struct bpfilter_table *table,
		    struct bpfilter_ruleset *ruleset)
{
	struct bpfilter_ruleset *old = table->ruleset;

	lockdep_assert_held(&bpfilter_pernet(table->net)->lock);

	/* Pairs with the address dependency in bpfilter_hook() */
	smp_store_release(&table->ruleset, ruleset);
	/* Pairs with the barrier in xt_write_recseq_begin() */
	smp_mb();
	wait_for_runs();

	table->generation++;
	update_use_count(table, old, ruleset);
	audit_table(table, old, AUDIT_XT_OP_REPLACE);
	return old;
}

static void destroy_all(struct bpfilter_table *tables[])
{
	int i;

	for (i = 0; i < BPFILTER_NUM_TABLES; i++)
		if (tables[i])
			table_destroy(tables[i]);
}

/**
 * bpfilter_table_prepare - make a table that is to take a native one's place
 * @net:	network namespace
 * @spec:	what it is
 * @ruleset:	complete ruleset whose extensions are checked
 *
 * Return: the table, without hooks; or NULL. To undo it: kfree().
 */
struct bpfilter_table *
bpfilter_table_prepare(struct net *net, const struct bpfilter_spec *spec,
		       struct bpfilter_ruleset *ruleset)
{
	struct bpfilter_table *table = table_alloc(net, spec);

	if (table)
		table->ruleset = ruleset;
	return table;
}

/**
 * bpfilter_table_exchange - put a table's hooks where others are, or back
 * @table:	table, its namespace's bpfilter_net.lock is held
 * @native:	native hooks of the same table
 * @take:	@native is registered and @table is to be, else the reverse
 *
 * What comes gets the priorities of what goes: a table keeps its place, also if
 * raw_before_defrag is not the same in both engines.
 *
 * Return: as nf_hook_entries_exchange(); on success no packet is with the hooks
 * that went once an RCU grace period has passed.
 */
int bpfilter_table_exchange(struct bpfilter_table *table,
			    struct nf_hook_ops *native, bool take)
{
	const struct nf_hook_ops *from = take ? native : table->ops;
	struct nf_hook_ops *to = take ? table->ops : native;
	const unsigned int num = table->num_ops;
	unsigned int i, j;

	for (i = 0; i < num; i++)
		for (j = 0; j < num; j++)
			if (to[j].hooknum == from[i].hooknum)
				to[j].priority = from[i].priority;
	if (table->spec->nat)
		return bpfilter_nat_exchange(table->net, from, to, num);
	return nf_exchange_net_hooks(table->net, from, to, num);
}

/**
 * bpfilter_table_install - begin to own a table whose hooks are in place
 * @table:	table with ruleset and placeholder, bpfilter_net.lock is held
 *
 * Called with a reference on the module, by way of the socket option.
 */
void bpfilter_table_install(struct bpfilter_table *table)
{
	struct bpfilter_net *bn = bpfilter_pernet(table->net);

	lockdep_assert_held(&bn->lock);

	/* Its rules came with it: connections may depend on what they said */
	table->generation = 1;
	if (has_rules(table, table->ruleset))
		__module_get(THIS_MODULE);
	audit_table(table, table->ruleset, AUDIT_XT_OP_REGISTER);
	WRITE_ONCE(bn->tables[table->spec - bpfilter_specs], table);
}

/**
 * bpfilter_table_remove - own a table no longer
 * @table:	table whose hooks are gone for an RCU grace period,
 *		bpfilter_net.lock is held; freed
 */
void bpfilter_table_remove(struct bpfilter_table *table)
{
	struct bpfilter_net *bn = bpfilter_pernet(table->net);

	lockdep_assert_held(&bn->lock);

	WRITE_ONCE(bn->tables[table->spec - bpfilter_specs], NULL);
	table_destroy(table);
}

/**
 * bpfilter_table_begin - make the tables that exist without being asked for
 * @net:	network namespace, its bpfilter_net.lock is held, bpfilter is
 *		enabled
 *
 * Return: 0; an error if one that the native engine has not got cannot be made.
 */
int bpfilter_table_begin(struct net *net)
{
	const struct bpfilter_family *family;
	const struct bpfilter_spec *spec;
	struct bpfilter_table *table;
	int i, err;

	for (i = 0; i < BPFILTER_NUM_TABLES; i++) {
		spec = &bpfilter_specs[i];
		if (!bpfilter_spec_unasked(spec))
			continue;
		family = bpfilter_family_get(spec->xt.af);
		table = bpfilter_table_get(net, family, spec->xt.name);
		err = PTR_ERR_OR_ZERO(table);
		if (err && err != not_ours(family))
			return err;
	}
	return 0;
}

/**
 * bpfilter_table_give_back - give up tables in which nothing was changed
 * @net:	network namespace, both locks of its bpfilter_net are held
 */
void bpfilter_table_give_back(struct net *net)
{
	struct bpfilter_table *given[BPFILTER_NUM_TABLES] = {};
	struct bpfilter_net *bn = bpfilter_pernet(net);
	int i;

	lockdep_assert_held(&bn->replace_lock);
	lockdep_assert_held(&bn->lock);

	for (i = 0; i < BPFILTER_NUM_TABLES; i++) {
		if (!bn->tables[i] || !is_pristine(bn->tables[i]))
			continue;
		given[i] = bn->tables[i];
		unregister_hooks(given[i]);
	}
	synchronize_rcu();
	destroy_all(given);
	/*
	 * Whoever finds them served waits for the lock. Sooner the native
	 * engine would be asked for a table whose name is still taken.
	 */
	for (i = 0; i < BPFILTER_NUM_TABLES; i++)
		if (given[i])
			WRITE_ONCE(bn->tables[i], NULL);
}

/**
 * bpfilter_table_pre_exit - take all tables off the packets' way
 * @net:	network namespace that ends, or all of them when the module does
 */
void bpfilter_table_pre_exit(struct net *net)
{
	struct bpfilter_net *bn = bpfilter_pernet(net);
	int i;

	for (i = 0; i < BPFILTER_NUM_TABLES; i++)
		if (bn->tables[i])
			unregister_hooks(bn->tables[i]);
}

/**
 * bpfilter_table_exit - free all tables
 * @net:	network namespace, an RCU grace period after
 *		bpfilter_table_pre_exit()
 */
void bpfilter_table_exit(struct net *net)
{
	destroy_all(bpfilter_pernet(net)->tables);
}
