// SPDX-License-Identifier: GPL-2.0-only
/*
 * Table mangle: a packet of a local process has a route when it comes to the
 * hook LOCAL_OUT. If the table changes what the route may depend on, the packet
 * is routed anew, as the native engines' table modules do for each family.
 */

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <linux/skbuff.h>
#include <linux/string.h>
#include <net/ipv6.h>

#include "internal.h"

/* struct key4 - what an IPv4 route may depend on */
struct key4 {
	__be32 saddr;
	__be32 daddr;
	u32 mark;
	u8 tos;
};

/* struct key6 - what an IPv6 route may depend on, or the native engine thinks */
struct key6 {
	struct in6_addr saddr;
	struct in6_addr daddr;
	u32 mark;
	__be32 flow;		/* version, traffic class and flow label */
	u8 hop_limit;
};

static struct key4 key4_of(const struct sk_buff *skb)
{
	const struct iphdr *ip = ip_hdr(skb);

	return (struct key4) {
		.saddr	= ip->saddr,
		.daddr	= ip->daddr,
		.mark	= skb->mark,
		.tos	= ip->tos,
	};
}

static struct key6 key6_of(const struct sk_buff *skb)
{
	const struct ipv6hdr *ip6 = ipv6_hdr(skb);

	return (struct key6) {
		.saddr		= ip6->saddr,
		.daddr		= ip6->daddr,
		.mark		= skb->mark,
		.flow		= *(const __be32 *)ip6,
		.hop_limit	= ip6->hop_limit,
	};
}

static bool key4_same(const struct key4 *a, const struct key4 *b)
{
	return a->saddr == b->saddr && a->daddr == b->daddr &&
	       a->mark == b->mark && a->tos == b->tos;
}

static bool key6_same(const struct key6 *a, const struct key6 *b)
{
	return ipv6_addr_equal(&a->saddr, &b->saddr) &&
	       ipv6_addr_equal(&a->daddr, &b->daddr) &&
	       a->mark == b->mark && a->flow == b->flow &&
	       a->hop_limit == b->hop_limit;
}

/* After these two the packet may be gone */
static bool has_packet(unsigned int verdict)
{
	verdict &= NF_VERDICT_MASK;
	return verdict != NF_DROP && verdict != NF_STOLEN;
}

static unsigned int mangle_out4(void *priv, struct sk_buff *skb,
				const struct nf_hook_state *state)
{
	const struct key4 before = key4_of(skb);
	unsigned int verdict;
	struct key4 after;
	int err;

	verdict = bpfilter_hook(priv, skb, state);
	if (!has_packet(verdict))
		return verdict;
	after = key4_of(skb);
	if (key4_same(&before, &after))
		return verdict;
	err = ip_route_me_harder(state->net, state->sk, skb, RTN_UNSPEC);
	return err < 0 ? NF_DROP_ERR(err) : verdict;
}

static unsigned int mangle_out6(void *priv, struct sk_buff *skb,
				const struct nf_hook_state *state)
{
	const struct key6 before = key6_of(skb);
	unsigned int verdict;
	struct key6 after;
	int err;

	verdict = bpfilter_hook(priv, skb, state);
	if (!has_packet(verdict))
		return verdict;
	after = key6_of(skb);
	if (key6_same(&before, &after))
		return verdict;
	err = nf_ip6_route_me_harder(state->net, state->sk, skb);
	return err < 0 ? NF_DROP_ERR(err) : verdict;
}

/**
 * bpfilter_mangle_hook - run the ruleset of table mangle on a packet
 * @priv:	struct bpfilter_table
 * @skb:	packet
 * @state:	hook and devices
 *
 * Return: as bpfilter_hook(); NF_DROP with an error if there is no new route.
 */
unsigned int bpfilter_mangle_hook(void *priv, struct sk_buff *skb,
				  const struct nf_hook_state *state)
{
	if (state->hook != NF_INET_LOCAL_OUT)
		return bpfilter_hook(priv, skb, state);
	if (state->pf == NFPROTO_IPV6)
		return mangle_out6(priv, skb, state);
	return mangle_out4(priv, skb, state);
}
