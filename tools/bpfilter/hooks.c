// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include <netinet/in.h>
#include <linux/bits.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>

#include "hooks.h"

#define HOOKS_LOCAL	(BIT(NF_INET_LOCAL_IN) | BIT(NF_INET_FORWARD) | \
			 BIT(NF_INET_LOCAL_OUT))
#define HOOKS_ALL	(BIT(NF_INET_NUMHOOKS) - 1)

#define SAME_PRIORITY(n)	{ (n), (n), (n), (n), (n) }

const struct table_hooks bpfilter_table_hooks[BPFILTER_NUM_TABLES] = {
	{
		.name = "raw",
		.hooks = BIT(NF_INET_PRE_ROUTING) | BIT(NF_INET_LOCAL_OUT),
		.priority = SAME_PRIORITY(NF_IP_PRI_RAW),
	},
	{
		.name = "mangle",
		.hooks = HOOKS_ALL,
		.priority = SAME_PRIORITY(NF_IP_PRI_MANGLE),
	},
	{
		.name = "nat",
		.hooks = HOOKS_ALL & ~BIT(NF_INET_FORWARD),
		.priority = {
			[NF_INET_PRE_ROUTING] = NF_IP_PRI_NAT_DST,
			[NF_INET_LOCAL_IN] = NF_IP_PRI_NAT_SRC,
			[NF_INET_LOCAL_OUT] = NF_IP_PRI_NAT_DST,
			[NF_INET_POST_ROUTING] = NF_IP_PRI_NAT_SRC,
		},
	},
	{
		.name = "filter",
		.hooks = HOOKS_LOCAL,
		.priority = SAME_PRIORITY(NF_IP_PRI_FILTER),
	},
	{
		.name = "security",
		.hooks = HOOKS_LOCAL,
		.priority = SAME_PRIORITY(NF_IP_PRI_SECURITY),
	},
};

/**
 * bpfilter_table_hooks_find() - where native hooks a table
 * @name:	name of the table
 *
 * Return: its hooks, NULL if native has no such table.
 */
const struct table_hooks *bpfilter_table_hooks_find(const char *name)
{
	for (int i = 0; i < BPFILTER_NUM_TABLES; i++)
		if (!strcmp(bpfilter_table_hooks[i].name, name))
			return &bpfilter_table_hooks[i];
	return NULL;
}
