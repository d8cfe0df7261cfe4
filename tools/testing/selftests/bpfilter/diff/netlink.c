// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/rtnetlink.h>

#include "msg.h"
#include "side.h"

/* Messages, addresses and routes */

static int nl_open(int proto)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, proto);
	struct timeval tv = { .tv_sec = 10 };

	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	return fd;
}

void *msg_start(struct msg *m, uint16_t type, uint16_t flags, size_t size)
{
	memset(m, 0, sizeof(*m));
	m->nlh.nlmsg_len = NLMSG_LENGTH(size);
	m->nlh.nlmsg_type = type;
	m->nlh.nlmsg_flags = NLM_F_REQUEST | flags;
	return NLMSG_DATA(&m->nlh);
}

struct nlattr *msg_attr(struct msg *m, uint16_t type, const void *data,
			size_t len)
{
	struct nlattr *a = (void *)m + NLMSG_ALIGN(m->nlh.nlmsg_len);

	a->nla_type = type;
	a->nla_len = NLA_HDRLEN + len;
	if (len)
		memcpy((void *)a + NLA_HDRLEN, data, len);
	m->nlh.nlmsg_len = NLMSG_ALIGN(m->nlh.nlmsg_len) +
			   NLA_ALIGN(a->nla_len);
	return a;
}

void msg_be32(struct msg *m, uint16_t type, uint32_t value)
{
	value = htonl(value);
	msg_attr(m, type, &value, sizeof(value));
}

void msg_be16(struct msg *m, uint16_t type, uint16_t value)
{
	value = htons(value);
	msg_attr(m, type, &value, sizeof(value));
}

void msg_u8(struct msg *m, uint16_t type, uint8_t value)
{
	msg_attr(m, type, &value, sizeof(value));
}

void msg_addr(struct msg *m, const struct family *f, uint16_t type,
	      __uint128_t addr)
{
	uint8_t bytes[16];

	addr_put(f, bytes, addr);
	msg_attr(m, type, bytes, f->addr_len);
}

struct nlattr *msg_nest(struct msg *m, uint16_t type)
{
	return msg_attr(m, type | NLA_F_NESTED, NULL, 0);
}

void msg_nest_end(struct msg *m, struct nlattr *nest)
{
	nest->nla_len = (void *)m + m->nlh.nlmsg_len - (void *)nest;
}

int msg_talk(int fd, struct msg *m)
{
	struct {
		struct nlmsghdr nlh;
		struct nlmsgerr err;
		uint8_t rest[1200];
	} answer;

	m->nlh.nlmsg_flags |= NLM_F_ACK;
	if (send(fd, m, m->nlh.nlmsg_len, 0) < 0)
		return -errno;
	if (recv(fd, &answer, sizeof(answer), 0) < 0)
		return -errno;
	if (answer.nlh.nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	return answer.err.error;
}

/*
 * Host routes, as many as there are destinations. All are in table local, where
 * one that delivers and one that forwards replace each other.
 */

#define CACHE_SIZE 65536

struct route_cache {
	__uint128_t dst[CACHE_SIZE];
	int8_t route[CACHE_SIZE];
	bool set[CACHE_SIZE];
};

void side_open_netlink(struct side *side)
{
	side->route = nl_open(NETLINK_ROUTE);
	side->ct = nl_open(NETLINK_NETFILTER);
	if (side->route < 0 || side->ct < 0)
		die("netlink: %s", strerror(errno));
	side->routes = calloc(1, sizeof(*side->routes));
	if (!side->routes)
		die("out of memory");
}

void side_close_netlink(struct side *side)
{
	close(side->route);
	close(side->ct);
	free(side->routes);
}

/* Address of a device, for what the stack sends of its own accord */
#define OWN_ADDR4	0xc0000201	/* 192.0.2.1 */
#define OWN_ADDR6	((__uint128_t)0x20010db8ffff0000 << 64 | 1)

void side_set_address(struct side *side, int dev)
{
	__uint128_t addr = side->family->v6 ? OWN_ADDR6 : OWN_ADDR4;
	struct ifaddrmsg *ifa;
	struct msg m;
	int err;

	ifa = msg_start(&m, RTM_NEWADDR, NLM_F_CREATE, sizeof(*ifa));
	ifa->ifa_family = side->family->af;
	ifa->ifa_prefixlen = 8 * side->family->addr_len;
	ifa->ifa_index = side->ifindex[dev];
	ifa->ifa_flags = side->family->v6 ? IFA_F_NODAD : 0;
	msg_addr(&m, side->family, IFA_LOCAL, addr);
	msg_addr(&m, side->family, IFA_ADDRESS, addr);
	err = msg_talk(side->route, &m);
	if (err)
		die("address: %s", strerror(-err));
	side_set_route(side, addr, DEV_LO);
}

static void route_msg(struct msg *m, const struct side *side, uint8_t type,
		      uint8_t table, int dev, uint8_t dst_len)
{
	struct rtmsg *rtm;

	rtm = msg_start(m, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE,
			sizeof(*rtm));
	rtm->rtm_family = side->family->af;
	rtm->rtm_dst_len = dst_len;
	rtm->rtm_table = table;
	rtm->rtm_protocol = RTPROT_STATIC;
	rtm->rtm_type = type;
	rtm->rtm_scope = type == RTN_LOCAL ? RT_SCOPE_HOST : RT_SCOPE_LINK;
	msg_attr(m, RTA_OIF, &side->ifindex[dev], sizeof(side->ifindex[dev]));
}

void side_set_default_route(struct side *side, int dev)
{
	struct msg m;
	int err;

	route_msg(&m, side, dev == DEV_LO ? RTN_LOCAL : RTN_UNICAST,
		  RT_TABLE_MAIN, dev, 0);
	err = msg_talk(side->route, &m);
	if (err)
		die("default route: %s", strerror(-err));
}

/* Some addresses have no route, multicast for one: an error is no concern */
static void set_route(struct side *side, __uint128_t dst, int route)
{
	struct msg m;

	route_msg(&m, side, route == DEV_LO ? RTN_LOCAL : RTN_UNICAST,
		  RT_TABLE_LOCAL, route, 8 * side->family->addr_len);
	msg_addr(&m, side->family, RTA_DST, dst);
	msg_talk(side->route, &m);
}

static uint32_t route_slot(__uint128_t dst)
{
	uint64_t h = (uint64_t)(dst >> 64) * 31 + (uint64_t)dst;

	return (h * 0x9e3779b97f4a7c15ULL) >> 48;
}

void side_set_route(struct side *side, __uint128_t dst, int route)
{
	struct route_cache *c = side->routes;
	uint32_t slot = route_slot(dst);

	if (route == ROUTE_NONE)
		return;
	if (c->set[slot] && c->dst[slot] == dst && c->route[slot] == route)
		return;
	set_route(side, dst, route);
	c->set[slot] = true;
	c->dst[slot] = dst;
	c->route[slot] = route;
}
