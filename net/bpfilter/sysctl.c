// SPDX-License-Identifier: GPL-2.0-only
/*
 * net.netfilter.bpfilter: do tables that come into use go to bpfilter?
 * net.netfilter.bpfilter_userns: may namespaces of other user namespaces?
 *
 * A container's own root may write the sysctls of its network namespace. That
 * it can have rulesets of its making compiled is for the host to decide, hence
 * the second one, which only the initial namespace has.
 */

#include <linux/capability.h>
#include <linux/slab.h>
#include <linux/sysctl.h>
#include <linux/user_namespace.h>
#include <net/net_namespace.h>

#include "internal.h"

static bool may_enable(const struct net *net)
{
	return net->user_ns == &init_user_ns ||
	       READ_ONCE(bpfilter_pernet(&init_net)->userns);
}

/**
 * bpfilter_enabled - do tables that come into use go to bpfilter?
 * @net:	network namespace
 *
 * Where bpfilter_userns became 0 meanwhile they do not, whatever the
 * namespace's own root has asked for.
 *
 * Return: true if they do.
 */
bool bpfilter_enabled(const struct net *net)
{
	return READ_ONCE(bpfilter_pernet(net)->enabled) && may_enable(net);
}

static int set_enabled(struct net *net, bool enabled)
{
	struct bpfilter_net *bn = bpfilter_pernet(net);
	bool before;
	int err;

	if (enabled && !may_enable(net))
		return -EPERM;
	err = bpfilter_replace_lock(bn);
	if (err)
		return err;
	mutex_lock(&bn->lock);
	before = bn->enabled;
	WRITE_ONCE(bn->enabled, enabled);
	if (enabled)
		err = bpfilter_table_begin(net);
	else
		bpfilter_table_give_back(net);
	/* A table that was made before the error stays, as it would at 0 */
	if (err)
		WRITE_ONCE(bn->enabled, before);
	mutex_unlock(&bn->lock);
	bpfilter_replace_unlock(bn);
	return err;
}

static int enabled_handler(const struct ctl_table *table, int write,
			   void *buffer, size_t *lenp, loff_t *ppos)
{
	struct bpfilter_net *bn = table->data;
	u8 value = READ_ONCE(bn->enabled);
	struct ctl_table copy = *table;
	int err;

	copy.data = &value;
	err = proc_dou8vec_minmax(&copy, write, buffer, lenp, ppos);
	if (!err && write)
		err = set_enabled(bn->net, value);
	return err;
}

/* In the order that bpfilter_sysctl_init() counts on */
static const struct ctl_table sysctl_template[] = {
	{
		.procname	= "bpfilter",
		.maxlen		= sizeof(u8),
		.mode		= 0644,
		.proc_handler	= enabled_handler,
		.extra1		= SYSCTL_ZERO,
		.extra2		= SYSCTL_ONE,
	},
	{
		.procname	= "bpfilter_userns",
		.maxlen		= sizeof(u8),
		.mode		= 0644,
		.proc_handler	= proc_dou8vec_minmax,
		.extra1		= SYSCTL_ZERO,
		.extra2		= SYSCTL_ONE,
	},
};

/**
 * bpfilter_sysctl_init - decide whether a namespace begins with bpfilter
 * @net:	new network namespace
 *
 * Return: 0 or -ENOMEM.
 */
int bpfilter_sysctl_init(struct net *net)
{
	struct bpfilter_net *bn = bpfilter_pernet(net);
	struct ctl_table *table;

	bn->enabled = IS_ENABLED(CONFIG_BPFILTER_DEFAULT_ON) && may_enable(net);

	table = kmemdup(sysctl_template, sizeof(sysctl_template), GFP_KERNEL);
	if (!table)
		return -ENOMEM;
	table[0].data = bn;
	table[1].data = &bn->userns;
	bn->sysctl = register_net_sysctl_sz(net, "net/netfilter", table,
					    net_eq(net, &init_net) ? 2 : 1);
	if (!bn->sysctl) {
		kfree(table);
		return -ENOMEM;
	}
	return 0;
}

/**
 * bpfilter_sysctl_exit - undo bpfilter_sysctl_init()
 * @net:	network namespace
 */
void bpfilter_sysctl_exit(struct net *net)
{
	struct bpfilter_net *bn = bpfilter_pernet(net);
	const struct ctl_table *table = bn->sysctl->ctl_table_arg;

	unregister_net_sysctl_table(bn->sysctl);
	kfree(table);
}
