// SPDX-License-Identifier: GPL-2.0-only
/*
 * The built-in part: offers the socket options of iptables to bpfilter, which
 * may be a module, before the native engine sees them.
 *
 * Locking: bpfilter_ops is read under RCU, which is left once the module is
 * pinned. It is written by the module's init and exit only.
 */

#include <linux/bpfilter.h>
#include <linux/capability.h>
#include <linux/kmod.h>
#include <linux/module.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <linux/rcupdate.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <uapi/linux/bpfilter.h>

static const struct bpfilter_sockopt_ops __rcu *bpfilter_ops;

/* The same numbers in both families */
static_assert(IPT_SO_SET_REPLACE == IP6T_SO_SET_REPLACE);
static_assert(IPT_SO_SET_ADD_COUNTERS == IP6T_SO_SET_ADD_COUNTERS);
static_assert(IPT_SO_GET_INFO == IP6T_SO_GET_INFO);
static_assert(IPT_SO_GET_ENTRIES == IP6T_SO_GET_ENTRIES);

/**
 * bpfilter_sockopt_register - start to offer options
 * @ops:	stays valid until bpfilter_sockopt_unregister() returns
 */
void bpfilter_sockopt_register(const struct bpfilter_sockopt_ops *ops)
{
	rcu_assign_pointer(bpfilter_ops, ops);
}
EXPORT_SYMBOL_GPL(bpfilter_sockopt_register);

/**
 * bpfilter_sockopt_unregister - stop to offer options
 *
 * For the exit of the module: its use count is zero, so no call runs, and
 * once this returns none can start.
 */
void bpfilter_sockopt_unregister(void)
{
	RCU_INIT_POINTER(bpfilter_ops, NULL);
	synchronize_rcu();
}
EXPORT_SYMBOL_GPL(bpfilter_sockopt_unregister);

/* Exact numbers: others between 64 and 80 are not iptables' */
static bool is_set_option(u8 nfproto, int optname)
{
	if (optname == IPT_SO_SET_REPLACE || optname == IPT_SO_SET_ADD_COUNTERS)
		return true;
	return nfproto == NFPROTO_IPV4 &&
	       (optname == BPFILTER_SO_SET_COMMIT ||
		optname == BPFILTER_SO_SET_TAKEOVER ||
		optname == BPFILTER_SO_SET_RELEASE);
}

/* IPv6 has socket options of its own where IPv4 asks for revisions */
static bool is_get_option(u8 nfproto, int optname)
{
	if (optname == IPT_SO_GET_INFO || optname == IPT_SO_GET_ENTRIES)
		return true;
	if (nfproto == NFPROTO_IPV6)
		return optname == IP6T_SO_GET_REVISION_MATCH ||
		       optname == IP6T_SO_GET_REVISION_TARGET;
	return optname == IPT_SO_GET_REVISION_MATCH ||
	       optname == IPT_SO_GET_REVISION_TARGET ||
	       optname == BPFILTER_SO_GET_STATUS;
}

/* The module in use or NULL; with a reference, for ops_put() */
static const struct bpfilter_sockopt_ops *ops_get(void)
{
	const struct bpfilter_sockopt_ops *ops;

	rcu_read_lock();
	ops = rcu_dereference(bpfilter_ops);
	if (ops && !try_module_get(ops->owner))
		ops = NULL;
	rcu_read_unlock();
	return ops;
}

static void ops_put(const struct bpfilter_sockopt_ops *ops)
{
	module_put(ops->owner);
}

/*
 * Where bpfilter is the default the first use of a table loads it, as it loads
 * the native engine's table modules. Where it is not, whoever wants it loads
 * it and sets the sysctl.
 */
static const struct bpfilter_sockopt_ops *ops_request(struct sock *sk)
{
	const struct bpfilter_sockopt_ops *ops = ops_get();

	if (ops || !IS_ENABLED(CONFIG_BPFILTER_DEFAULT_ON))
		return ops;
	if (!ns_capable(sock_net(sk)->user_ns, CAP_NET_ADMIN))
		return NULL;
	request_module("bpfilter");
	return ops_get();
}

static int offer_set(struct sock *sk, u8 nfproto, int optname,
		     sockptr_t optval, unsigned int optlen)
{
	const struct bpfilter_sockopt_ops *ops;
	int err;

	if (!is_set_option(nfproto, optname))
		return -ENOPROTOOPT;

	ops = optname == IPT_SO_SET_REPLACE ? ops_request(sk) : ops_get();
	if (!ops)
		return -ENOPROTOOPT;
	err = ops->set(sk, nfproto, optname, optval, optlen);
	ops_put(ops);
	return err;
}

static int offer_get(struct sock *sk, u8 nfproto, int optname,
		     char __user *optval, int *optlen)
{
	const struct bpfilter_sockopt_ops *ops;
	int err;

	if (!is_get_option(nfproto, optname))
		return -ENOPROTOOPT;

	ops = optname == IPT_SO_GET_INFO ? ops_request(sk) : ops_get();
	if (!ops)
		return -ENOPROTOOPT;
	err = ops->get(sk, nfproto, optname, optval, optlen);
	ops_put(ops);
	return err;
}

/**
 * bpfilter_ip_set_sockopt - offer a SOL_IP option that is set
 * @sk:		socket, not locked; it tells the network namespace
 * @optname:	option
 * @optval:	its value
 * @optlen:	bytes at @optval
 *
 * Return: -ENOPROTOOPT if the option is not bpfilter's; else the result that
 * goes to user space.
 */
int bpfilter_ip_set_sockopt(struct sock *sk, int optname, sockptr_t optval,
			    unsigned int optlen)
{
	return offer_set(sk, NFPROTO_IPV4, optname, optval, optlen);
}

/**
 * bpfilter_ip_get_sockopt - offer a SOL_IP option that is read
 * @sk:		socket, not locked; it tells the network namespace
 * @optname:	option
 * @optval:	where its value goes; some options read their arguments here
 * @optlen:	bytes at @optval; lowered to the bytes written
 *
 * Return: -ENOPROTOOPT if the option is not bpfilter's; else the result that
 * goes to user space.
 */
int bpfilter_ip_get_sockopt(struct sock *sk, int optname, char __user *optval,
			    int *optlen)
{
	return offer_get(sk, NFPROTO_IPV4, optname, optval, optlen);
}

#if IS_ENABLED(CONFIG_IPV6)
/**
 * bpfilter_ipv6_set_sockopt - offer a SOL_IPV6 option that is set
 * @sk:		as bpfilter_ip_set_sockopt()
 * @optname:	as there
 * @optval:	as there
 * @optlen:	as there
 *
 * Return: as there.
 */
int bpfilter_ipv6_set_sockopt(struct sock *sk, int optname, sockptr_t optval,
			      unsigned int optlen)
{
	return offer_set(sk, NFPROTO_IPV6, optname, optval, optlen);
}
EXPORT_SYMBOL_GPL(bpfilter_ipv6_set_sockopt);

/**
 * bpfilter_ipv6_get_sockopt - offer a SOL_IPV6 option that is read
 * @sk:		as bpfilter_ip_get_sockopt()
 * @optname:	as there
 * @optval:	as there
 * @optlen:	as there
 *
 * Return: as there.
 */
int bpfilter_ipv6_get_sockopt(struct sock *sk, int optname, char __user *optval,
			      int *optlen)
{
	return offer_get(sk, NFPROTO_IPV6, optname, optval, optlen);
}
EXPORT_SYMBOL_GPL(bpfilter_ipv6_get_sockopt);
#endif
