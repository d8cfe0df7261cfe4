// SPDX-License-Identifier: GPL-2.0-only
/*
 * Table nat: the NAT core asks it about the first packet of each connection
 * and keeps the answer. So it has no hooks of its own but is registered with
 * the core's, per family, hook and priority.
 *
 * The core takes its own mutex, and knows an entry by the address of its
 * struct nf_hook_ops: that must stay until an RCU grace period after it was
 * unregistered, as must what packets use.
 */

#include <net/netfilter/nf_nat.h>

#include "internal.h"

static int register_one(struct net *net, const struct nf_hook_ops *ops)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (ops->pf == NFPROTO_IPV6)
		return nf_nat_ipv6_register_fn(net, ops);
#endif
	return nf_nat_ipv4_register_fn(net, ops);
}

static void unregister_one(struct net *net, const struct nf_hook_ops *ops)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (ops->pf == NFPROTO_IPV6) {
		nf_nat_ipv6_unregister_fn(net, ops);
		return;
	}
#endif
	nf_nat_ipv4_unregister_fn(net, ops);
}

/**
 * bpfilter_nat_register - have the NAT core ask a table
 * @net:	network namespace
 * @ops:	one for each hook
 * @num:	how many
 *
 * Return: 0; an error of the NAT core, then none is registered but some may
 * still run.
 */
int bpfilter_nat_register(struct net *net, const struct nf_hook_ops *ops,
			  unsigned int num)
{
	unsigned int i;
	int err;

	for (i = 0; i < num; i++) {
		err = register_one(net, &ops[i]);
		if (err) {
			bpfilter_nat_unregister(net, ops, i);
			return err;
		}
	}
	return 0;
}

/**
 * bpfilter_nat_exchange - have the NAT core ask another table than so far
 * @net:	network namespace
 * @from:	registered, one for each hook
 * @to:		one for each hook
 * @num:	how many
 *
 * Return: as nf_hook_entries_exchange().
 */
int bpfilter_nat_exchange(struct net *net, const struct nf_hook_ops *from,
			  const struct nf_hook_ops *to, unsigned int num)
{
	return nf_nat_exchange_fn(net, from->pf, from, to, num);
}

/**
 * bpfilter_nat_unregister - undo bpfilter_nat_register()
 * @net:	network namespace
 * @ops:	as there
 * @num:	as there
 */
void bpfilter_nat_unregister(struct net *net, const struct nf_hook_ops *ops,
			     unsigned int num)
{
	while (num)
		unregister_one(net, &ops[--num]);
}
