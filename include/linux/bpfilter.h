/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LINUX_BPFILTER_H
#define _LINUX_BPFILTER_H

#include <linux/errno.h>
#include <linux/sockptr.h>
#include <linux/types.h>

struct module;
struct sock;

/**
 * struct bpfilter_sockopt_ops - the part of bpfilter that may be a module
 * @owner:	pinned while one of the calls below runs
 * @set:	setsockopt() of one of bpfilter's options; nfproto is NFPROTO_IPV4
 *		if it is one of SOL_IP, NFPROTO_IPV6 if one of SOL_IPV6
 * @get:	likewise getsockopt(); may lower *optlen
 *
 * Both return -ENOPROTOOPT for an option, a table or a network namespace that
 * bpfilter does not serve, which then is the native engine's.
 */
struct bpfilter_sockopt_ops {
	struct module *owner;
	int (*set)(struct sock *sk, u8 nfproto, int optname, sockptr_t optval,
		   unsigned int optlen);
	int (*get)(struct sock *sk, u8 nfproto, int optname,
		   char __user *optval, int *optlen);
};

#ifdef CONFIG_BPFILTER
int bpfilter_ip_set_sockopt(struct sock *sk, int optname, sockptr_t optval,
			    unsigned int optlen);
int bpfilter_ip_get_sockopt(struct sock *sk, int optname, char __user *optval,
			    int *optlen);
int bpfilter_ipv6_set_sockopt(struct sock *sk, int optname, sockptr_t optval,
			      unsigned int optlen);
int bpfilter_ipv6_get_sockopt(struct sock *sk, int optname, char __user *optval,
			      int *optlen);

void bpfilter_sockopt_register(const struct bpfilter_sockopt_ops *ops);
void bpfilter_sockopt_unregister(void);
#else
static inline int bpfilter_ip_set_sockopt(struct sock *sk, int optname,
					  sockptr_t optval,
					  unsigned int optlen)
{
	return -ENOPROTOOPT;
}

static inline int bpfilter_ip_get_sockopt(struct sock *sk, int optname,
					  char __user *optval, int *optlen)
{
	return -ENOPROTOOPT;
}

static inline int bpfilter_ipv6_set_sockopt(struct sock *sk, int optname,
					    sockptr_t optval,
					    unsigned int optlen)
{
	return -ENOPROTOOPT;
}

static inline int bpfilter_ipv6_get_sockopt(struct sock *sk, int optname,
					    char __user *optval, int *optlen)
{
	return -ENOPROTOOPT;
}
#endif /* CONFIG_BPFILTER */

#endif /* _LINUX_BPFILTER_H */
