// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include <netinet/in.h>
#include <linux/netfilter.h>

#include "random.h"

/* A policy, the end of a chain and a head ask for nothing, and have to */
static bool asks(const struct make_entry *e)
{
	static const struct make_entry empty;
	size_t size = e->family == NFPROTO_IPV6 ? sizeof(e->ip6) :
						  sizeof(e->ip);

	return e->matches_len || memcmp(&e->ip, &empty.ip, size);
}

static void change_base4(struct rng *r, struct ipt_ip *ip)
{
	if (rng_one_in(r, 2)) {
		random_addr(r, &ip->src, &ip->smsk);
	} else if (rng_one_in(r, 2)) {
		ip->smsk.s_addr = 0;
		ip->dmsk.s_addr = 0;
	} else {
		memset(ip->iniface_mask, 0, sizeof(ip->iniface_mask));
		random_iface(r, ip->outiface, ip->outiface_mask);
	}
}

static void change_base6(struct rng *r, struct ip6t_ip6 *ip)
{
	if (rng_one_in(r, 2)) {
		ip->src.s6_addr[15] = 1;
		memset(&ip->smsk, 0xff, sizeof(ip->smsk));
	} else if (rng_one_in(r, 2)) {
		memset(&ip->smsk, 0, sizeof(ip->smsk));
		memset(&ip->dmsk, 0, sizeof(ip->dmsk));
	} else {
		memset(ip->iniface_mask, 0, sizeof(ip->iniface_mask));
		random_iface(r, ip->outiface, ip->outiface_mask);
	}
}

static void repeat(struct rng *r, struct make_entry *e,
		   const struct make_entry *from)
{
	e->ip6 = from->ip6;
	e->matches_len = 0;
	if (rng_one_in(r, 3)) {
		if (e->family == NFPROTO_IPV6)
			change_base6(r, &e->ip6);
		else
			change_base4(r, &e->ip);
	}
	if (rng_one_in(r, 4))
		return;
	memcpy(e->matches, from->matches, from->matches_len);
	e->matches_len = from->matches_len;
}

/**
 * random_repeat() - let rules ask for what earlier ones ask for
 * @r:		source of numbers
 * @mk:		the blob; of its rules those change that ask for something
 *
 * Some ask for the same, some for more, some for less. What rules do, and where
 * they jump to, stays.
 */
void random_repeat(struct rng *r, struct make *mk)
{
	for (uint32_t i = 1; i < mk->num; i++) {
		uint32_t back = 1 + rng_below(r, i < 4 ? i : 4);
		struct make_entry *e = &mk->entries[i];

		if (asks(e) && asks(e - back) && !rng_one_in(r, 3))
			repeat(r, e, e - back);
	}
}
