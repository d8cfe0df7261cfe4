// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which tables there are: hooks, priorities and parameters as the native
 * engines' table modules have them.
 */

#include <linux/kconfig.h>
#include <linux/module.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <linux/string.h>

#include "internal.h"

#define FILTER_HOOKS	((1 << NF_INET_LOCAL_IN) | \
			 (1 << NF_INET_FORWARD) | \
			 (1 << NF_INET_LOCAL_OUT))
#define NAT_HOOKS	((1 << NF_INET_PRE_ROUTING) | \
			 (1 << NF_INET_LOCAL_IN) | \
			 (1 << NF_INET_LOCAL_OUT) | \
			 (1 << NF_INET_POST_ROUTING))
#define MANGLE_HOOKS	((1 << NF_INET_NUMHOOKS) - 1)
#define RAW_HOOKS	((1 << NF_INET_PRE_ROUTING) | \
			 (1 << NF_INET_LOCAL_OUT))
#define SECURITY_HOOKS	FILTER_HOOKS

#define HAVE_NAT	IS_ENABLED(CONFIG_NF_NAT)
#define HAVE_SECURITY	IS_ENABLED(CONFIG_SECURITY)
#define HAVE_IPV6	IS_ENABLED(CONFIG_IPV6)

/* The code below knows one number for both families */
static_assert((int)NF_IP_PRI_RAW_BEFORE_DEFRAG ==
	      (int)NF_IP6_PRI_RAW_BEFORE_DEFRAG);
static_assert((int)NF_IP_PRI_NAT_DST == (int)NF_IP6_PRI_NAT_DST);
static_assert((int)NF_IP_PRI_NAT_SRC == (int)NF_IP6_PRI_NAT_SRC);

static bool forward __read_mostly = true;
module_param(forward, bool, 0444);
MODULE_PARM_DESC(forward, "Does table filter forward packets before it has rules?");

static bool raw_before_defrag __read_mostly;
module_param(raw_before_defrag, bool, 0444);
MODULE_PARM_DESC(raw_before_defrag, "Does table raw see packets before they are put together?");

/* In the order in which packets meet them */
const struct bpfilter_spec bpfilter_specs[BPFILTER_NUM_TABLES] = {
	{
		.xt.name	= "raw",
		.xt.af		= NFPROTO_IPV4,
		.xt.valid_hooks	= RAW_HOOKS,
		.xt.priority	= NF_IP_PRI_RAW,
		.xt.me		= THIS_MODULE,
		.hook		= bpfilter_hook,
		.available	= true,
	},
	{
		.xt.name	= "mangle",
		.xt.af		= NFPROTO_IPV4,
		.xt.valid_hooks	= MANGLE_HOOKS,
		.xt.priority	= NF_IP_PRI_MANGLE,
		.xt.me		= THIS_MODULE,
		.hook		= bpfilter_mangle_hook,
		.available	= true,
	},
	{
		.xt.name	= "nat",
		.xt.af		= NFPROTO_IPV4,
		.xt.valid_hooks	= NAT_HOOKS,
		.xt.me		= THIS_MODULE,
		.hook		= bpfilter_hook,
		.available	= HAVE_NAT,
		.nat		= true,
	},
	{
		.xt.name	= "filter",
		.xt.af		= NFPROTO_IPV4,
		.xt.valid_hooks	= FILTER_HOOKS,
		.xt.priority	= NF_IP_PRI_FILTER,
		.xt.me		= THIS_MODULE,
		.hook		= bpfilter_hook,
		.available	= true,
	},
	{
		.xt.name	= "security",
		.xt.af		= NFPROTO_IPV4,
		.xt.valid_hooks	= SECURITY_HOOKS,
		.xt.priority	= NF_IP_PRI_SECURITY,
		.xt.me		= THIS_MODULE,
		.hook		= bpfilter_hook,
		.available	= HAVE_SECURITY,
	},
	{
		.xt.name	= "raw",
		.xt.af		= NFPROTO_IPV6,
		.xt.valid_hooks	= RAW_HOOKS,
		.xt.priority	= NF_IP6_PRI_RAW,
		.xt.me		= THIS_MODULE,
		.hook		= bpfilter_hook,
		.available	= HAVE_IPV6,
	},
	{
		.xt.name	= "mangle",
		.xt.af		= NFPROTO_IPV6,
		.xt.valid_hooks	= MANGLE_HOOKS,
		.xt.priority	= NF_IP6_PRI_MANGLE,
		.xt.me		= THIS_MODULE,
		.hook		= bpfilter_mangle_hook,
		.available	= HAVE_IPV6,
	},
	{
		.xt.name	= "nat",
		.xt.af		= NFPROTO_IPV6,
		.xt.valid_hooks	= NAT_HOOKS,
		.xt.me		= THIS_MODULE,
		.hook		= bpfilter_hook,
		.available	= HAVE_IPV6 && HAVE_NAT,
		.nat		= true,
	},
	{
		.xt.name	= "filter",
		.xt.af		= NFPROTO_IPV6,
		.xt.valid_hooks	= FILTER_HOOKS,
		.xt.priority	= NF_IP6_PRI_FILTER,
		.xt.me		= THIS_MODULE,
		.hook		= bpfilter_hook,
		.available	= HAVE_IPV6,
	},
	{
		.xt.name	= "security",
		.xt.af		= NFPROTO_IPV6,
		.xt.valid_hooks	= SECURITY_HOOKS,
		.xt.priority	= NF_IP6_PRI_SECURITY,
		.xt.me		= THIS_MODULE,
		.hook		= bpfilter_hook,
		.available	= HAVE_IPV6 && HAVE_SECURITY,
	},
};

/**
 * bpfilter_spec_find - find a table by its name
 * @family:	its family
 * @name:	its name
 *
 * Return: its number in bpfilter_specs; -1 if this kernel has no such table.
 */
int bpfilter_spec_find(const struct bpfilter_family *family, const char *name)
{
	const struct bpfilter_spec *spec;
	int i;

	for (i = 0; i < BPFILTER_NUM_TABLES; i++) {
		spec = &bpfilter_specs[i];
		if (spec->available && spec->xt.af == family->nfproto &&
		    !strcmp(spec->xt.name, name))
			return i;
	}
	return -1;
}

/**
 * bpfilter_spec_priority - where among the others on a hook a table comes
 * @spec:	table
 * @hook:	one of its hooks
 *
 * Return: the hook's priority.
 */
int bpfilter_spec_priority(const struct bpfilter_spec *spec, unsigned int hook)
{
	if (spec->nat)
		return hook == NF_INET_PRE_ROUTING ||
		       hook == NF_INET_LOCAL_OUT ? NF_IP_PRI_NAT_DST :
						   NF_IP_PRI_NAT_SRC;
	if (raw_before_defrag && !strcmp(spec->xt.name, "raw"))
		return NF_IP_PRI_RAW_BEFORE_DEFRAG;
	return spec->xt.priority;
}

/**
 * bpfilter_spec_policy - what becomes of packets in a table without rules
 * @spec:	table
 * @hook:	one of its hooks
 *
 * Return: NF_ACCEPT or NF_DROP.
 */
unsigned int bpfilter_spec_policy(const struct bpfilter_spec *spec,
				  unsigned int hook)
{
	if (!forward && hook == NF_INET_FORWARD &&
	    !strcmp(spec->xt.name, "filter"))
		return NF_DROP;
	return NF_ACCEPT;
}

/**
 * bpfilter_spec_unasked - does a table exist before anybody asks for it?
 * @spec:	table
 *
 * As the native engine's table filter does that is not to forward packets.
 *
 * Return: true if it does.
 */
bool bpfilter_spec_unasked(const struct bpfilter_spec *spec)
{
	return spec->available &&
	       bpfilter_spec_policy(spec, NF_INET_FORWARD) == NF_DROP;
}
