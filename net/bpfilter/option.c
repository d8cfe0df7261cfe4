// SPDX-License-Identifier: GPL-2.0-only
/*
 * The socket options: who may use them, and which file serves them.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/capability.h>
#include <linux/compat.h>
#include <linux/err.h>
#include <linux/kmod.h>
#include <linux/module.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <linux/user_namespace.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "internal.h"

/*
 * 32-bit callers on a 64-bit kernel lay out entries in another way. They are
 * refused where a table is bpfilter's or would become so, and else left to the
 * native engine. The four options that this is for begin with the table's name.
 */
static int refuse_compat(struct net *net, const struct bpfilter_family *family,
			 sockptr_t arg, unsigned int len)
{
	char name[XT_TABLE_MAXNAMELEN];
	int err;

	if (len < sizeof(name))
		return -EINVAL;
	if (copy_from_sockptr(name, arg, sizeof(name)))
		return -EFAULT;
	name[sizeof(name) - 1] = '\0';

	err = bpfilter_table_claimable(net, family, name);
	if (err)
		return err;
	pr_notice_ratelimited("%s: %s[%d] is a 32-bit program, which bpfilter does not serve\n",
			      name, current->comm, task_pid_nr(current));
	return -EINVAL;
}

static int set_table(struct net *net, const struct bpfilter_family *family,
		     int optname, sockptr_t arg, unsigned int len)
{
	if (in_compat_syscall())
		return refuse_compat(net, family, arg, len);
	if (optname == IPT_SO_SET_REPLACE)
		return bpfilter_replace(net, family, arg, len);
	return bpfilter_counters_set(net, family, arg, len);
}

static int get_table(struct net *net, const struct bpfilter_family *family,
		     int optname, void __user *user, int len)
{
	if (in_compat_syscall())
		return refuse_compat(net, family, USER_SOCKPTR(user),
				     max(len, 0));
	if (optname == IPT_SO_GET_INFO)
		return bpfilter_info_get(net, family, user, len);
	return bpfilter_entries_get(net, family, user, len);
}

/* The options that are bpfilter's own; -ENOPROTOOPT if it is none of them */
static int set_own(struct sock *sk, int optname, sockptr_t optval,
		   unsigned int optlen)
{
	switch (optname) {
	case BPFILTER_SO_SET_COMMIT:
		return bpfilter_commit(optval, optlen);
	case BPFILTER_SO_SET_TAKEOVER:
		return bpfilter_takeover(sk, optval, optlen);
	case BPFILTER_SO_SET_RELEASE:
		return bpfilter_release(sk, optval, optlen);
	}
	return -ENOPROTOOPT;
}

static int option_set(struct sock *sk, u8 nfproto, int optname,
		      sockptr_t optval, unsigned int optlen)
{
	struct net *net = sock_net(sk);

	if (optname != IPT_SO_SET_REPLACE && optname != IPT_SO_SET_ADD_COUNTERS)
		return set_own(sk, optname, optval, optlen);

	if (!bpfilter_table_served(net))
		return -ENOPROTOOPT;
	if (!ns_capable(net->user_ns, CAP_NET_ADMIN))
		return -EPERM;
	return set_table(net, bpfilter_family_get(nfproto), optname, optval,
			 optlen);
}

static int ipv4_get(struct net *net, int optname, char __user *optval,
		    int *optlen)
{
	const struct bpfilter_family *family =
		bpfilter_family_get(NFPROTO_IPV4);

	switch (optname) {
	case BPFILTER_SO_GET_STATUS:
		return bpfilter_status_get(net, optval, optlen);
	case IPT_SO_GET_REVISION_MATCH:
		return bpfilter_ext_revision(family, optval, *optlen, false);
	case IPT_SO_GET_REVISION_TARGET:
		return bpfilter_ext_revision(family, optval, *optlen, true);
	}
	return get_table(net, family, optname, optval, *optlen);
}

static int ipv6_get(struct net *net, int optname, char __user *optval,
		    int *optlen)
{
	const struct bpfilter_family *family =
		bpfilter_family_get(NFPROTO_IPV6);

	switch (optname) {
	case IP6T_SO_GET_REVISION_MATCH:
		return bpfilter_ext_revision(family, optval, *optlen, false);
	case IP6T_SO_GET_REVISION_TARGET:
		return bpfilter_ext_revision(family, optval, *optlen, true);
	}
	return get_table(net, family, optname, optval, *optlen);
}

/*
 * iptables loads the native engine itself, unless it finds the list of tables
 * in /proc. That is there with bpfilter, too, so what is left to the native
 * engine has to bring it in. The ERROR target tells whether it is there: it
 * comes with the engine, even if bpfilter has its own.
 */
static void load_native(u8 nfproto)
{
	const struct bpfilter_family *family = bpfilter_family_get(nfproto);
	int revision;

	if (!family->native || !capable(CAP_NET_ADMIN))
		return;
	try_then_request_module(xt_find_revision(nfproto, XT_ERROR_TARGET, 0,
						 true, &revision),
				"%s", family->native_module);
}

static int try_get(struct net *net, u8 nfproto, int optname,
		   char __user *optval, int *optlen)
{
	if (optname != BPFILTER_SO_GET_STATUS && !bpfilter_table_served(net))
		return -ENOPROTOOPT;
	if (!ns_capable(net->user_ns, CAP_NET_ADMIN))
		return -EPERM;
	if (nfproto == NFPROTO_IPV6)
		return ipv6_get(net, optname, optval, optlen);
	return ipv4_get(net, optname, optval, optlen);
}

static int option_get(struct sock *sk, u8 nfproto, int optname,
		      char __user *optval, int *optlen)
{
	int err;

	err = try_get(sock_net(sk), nfproto, optname, optval, optlen);
	if (err == -ENOPROTOOPT)
		load_native(nfproto);
	return err;
}

const struct bpfilter_sockopt_ops bpfilter_option_ops = {
	.owner	= THIS_MODULE,
	.set	= option_set,
	.get	= option_get,
};
