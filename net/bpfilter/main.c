// SPDX-License-Identifier: GPL-2.0-only
/*
 * bpfilter: iptables rulesets compiled to BPF programs. See internal.h for the
 * way through the files and Documentation/networking/bpfilter.rst for the
 * whole.
 */

#include <linux/module.h>
#include <linux/netfilter/x_tables.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "internal.h"

static unsigned int bpfilter_net_id __read_mostly;

/**
 * bpfilter_pernet - bpfilter's part of a network namespace
 * @net:	network namespace
 *
 * Return: it; it lives as long as @net and the module.
 */
struct bpfilter_net *bpfilter_pernet(const struct net *net)
{
	return net_generic(net, bpfilter_net_id);
}

/* iptables-save looks for tables in /proc/net/ip_tables_names and its like */
static int __net_init names_init(struct net *net)
{
	if (xt_proto_init(net, NFPROTO_IPV4))
		return -ENOMEM;
	if (IS_ENABLED(CONFIG_IPV6) && xt_proto_init(net, NFPROTO_IPV6)) {
		xt_proto_fini(net, NFPROTO_IPV4);
		return -ENOMEM;
	}
	return 0;
}

static void names_exit(struct net *net)
{
	if (IS_ENABLED(CONFIG_IPV6))
		xt_proto_fini(net, NFPROTO_IPV6);
	xt_proto_fini(net, NFPROTO_IPV4);
}

static int __net_init tables_init(struct net *net)
{
	struct bpfilter_net *bn = bpfilter_pernet(net);
	int err = 0;

	mutex_lock(&bn->lock);
	if (bn->enabled)
		err = bpfilter_table_begin(net);
	mutex_unlock(&bn->lock);
	return err;
}

static int __net_init bpfilter_net_init(struct net *net)
{
	struct bpfilter_net *bn = bpfilter_pernet(net);
	int err;

	mutex_init(&bn->replace_lock);
	init_waitqueue_head(&bn->replace_wait);
	mutex_init(&bn->lock);
	bn->net = net;

	err = names_init(net);
	if (err)
		return err;
	err = bpfilter_sysctl_init(net);
	if (err)
		goto err_names;
	err = tables_init(net);
	if (err)
		goto err_tables;
	return 0;

err_tables:
	bpfilter_sysctl_exit(net);
	bpfilter_table_pre_exit(net);
	synchronize_rcu();
	bpfilter_table_exit(net);
err_names:
	names_exit(net);
	return err;
}

static void __net_exit bpfilter_net_pre_exit(struct net *net)
{
	/* The sysctl's handler can give back tables: it goes first */
	bpfilter_sysctl_exit(net);
	bpfilter_table_pre_exit(net);
}

static void __net_exit bpfilter_net_exit(struct net *net)
{
	bpfilter_table_exit(net);
	names_exit(net);
}

static struct pernet_operations bpfilter_net_ops = {
	.init		= bpfilter_net_init,
	.pre_exit	= bpfilter_net_pre_exit,
	.exit		= bpfilter_net_exit,
	.id		= &bpfilter_net_id,
	.size		= sizeof(struct bpfilter_net),
};

static int __init bpfilter_init(void)
{
	int err;

	err = bpfilter_umh_init();
	if (err)
		return err;
	err = bpfilter_req_init();
	if (err)
		goto err_umh;
	err = register_pernet_subsys(&bpfilter_net_ops);
	if (err)
		goto err_req;
	bpfilter_sockopt_register(&bpfilter_option_ops);
	return 0;

err_req:
	bpfilter_req_exit();
err_umh:
	bpfilter_umh_exit();
	return err;
}

/* The use count is zero: no option is being served, no table has rules */
static void __exit bpfilter_exit(void)
{
	bpfilter_sockopt_unregister();
	unregister_pernet_subsys(&bpfilter_net_ops);
	bpfilter_req_exit();
	bpfilter_umh_exit();
}

module_init(bpfilter_init);
module_exit(bpfilter_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("iptables rulesets as BPF programs");
