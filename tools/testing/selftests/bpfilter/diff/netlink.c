// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "side.h"

/* Routes and connections */

struct msg {
	struct nlmsghdr nlh;
	uint8_t data[1000];
};

static int nl_open(int proto)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, proto);
	struct timeval tv = { .tv_sec = 10 };

	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	return fd;
}

static void *msg_start(struct msg *m, uint16_t type, uint16_t flags,
		       size_t size)
{
	memset(m, 0, sizeof(*m));
	m->nlh.nlmsg_len = NLMSG_LENGTH(size);
	m->nlh.nlmsg_type = type;
	m->nlh.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	return NLMSG_DATA(&m->nlh);
}

static struct nlattr *msg_attr(struct msg *m, uint16_t type, const void *data,
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

static void msg_be32(struct msg *m, uint16_t type, uint32_t value)
{
	value = htonl(value);
	msg_attr(m, type, &value, sizeof(value));
}

static void msg_be16(struct msg *m, uint16_t type, uint16_t value)
{
	value = htons(value);
	msg_attr(m, type, &value, sizeof(value));
}

static void msg_u8(struct msg *m, uint16_t type, uint8_t value)
{
	msg_attr(m, type, &value, sizeof(value));
}

static struct nlattr *msg_nest(struct msg *m, uint16_t type)
{
	return msg_attr(m, type | NLA_F_NESTED, NULL, 0);
}

static void msg_nest_end(struct msg *m, struct nlattr *nest)
{
	nest->nla_len = (void *)m + m->nlh.nlmsg_len - (void *)nest;
}

/* Send and wait for the answer; returns its error */
static int msg_talk(int fd, struct msg *m)
{
	struct {
		struct nlmsghdr nlh;
		struct nlmsgerr err;
		uint8_t rest[1200];
	} answer;

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
	uint32_t dst[CACHE_SIZE];
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

static void route_msg(struct msg *m, uint8_t type, uint8_t table, int ifindex,
		      uint8_t dst_len)
{
	struct rtmsg *rtm;

	rtm = msg_start(m, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE,
			sizeof(*rtm));
	rtm->rtm_family = AF_INET;
	rtm->rtm_dst_len = dst_len;
	rtm->rtm_table = table;
	rtm->rtm_protocol = RTPROT_STATIC;
	rtm->rtm_type = type;
	rtm->rtm_scope = type == RTN_LOCAL ? RT_SCOPE_HOST : RT_SCOPE_LINK;
	msg_attr(m, RTA_OIF, &ifindex, sizeof(ifindex));
}

void side_set_default_route(struct side *side, int dev)
{
	struct msg m;
	int err;

	route_msg(&m, RTN_UNICAST, RT_TABLE_MAIN, side->ifindex[dev], 0);
	err = msg_talk(side->route, &m);
	if (err)
		die("default route: %s", strerror(-err));
}

/* Some addresses have no route, multicast for one: an error is no concern */
static void set_route(struct side *side, uint32_t dst, int route)
{
	uint32_t be_dst = htonl(dst);
	struct msg m;

	route_msg(&m, route == DEV_LO ? RTN_LOCAL : RTN_UNICAST, RT_TABLE_LOCAL,
		  side->ifindex[route], 32);
	msg_attr(&m, RTA_DST, &be_dst, sizeof(be_dst));
	msg_talk(side->route, &m);
}

void side_set_route(struct side *side, uint32_t dst, int route)
{
	struct route_cache *c = side->routes;
	uint32_t slot = (dst * 2654435761U) >> 16;

	if (route == ROUTE_NONE)
		return;
	if (c->set[slot] && c->dst[slot] == dst && c->route[slot] == route)
		return;
	set_route(side, dst, route);
	c->set[slot] = true;
	c->dst[slot] = dst;
	c->route[slot] = route;
}

static void put_tuple(struct msg *m, uint16_t type, const struct tuple *t)
{
	struct nlattr *tuple = msg_nest(m, type), *nest;

	nest = msg_nest(m, CTA_TUPLE_IP);
	msg_be32(m, CTA_IP_V4_SRC, t->src);
	msg_be32(m, CTA_IP_V4_DST, t->dst);
	msg_nest_end(m, nest);
	nest = msg_nest(m, CTA_TUPLE_PROTO);
	msg_u8(m, CTA_PROTO_NUM, t->proto);
	if (t->proto == IPPROTO_ICMP) {
		msg_be16(m, CTA_PROTO_ICMP_ID, t->sport);
		msg_u8(m, CTA_PROTO_ICMP_TYPE, t->dport >> 8);
		msg_u8(m, CTA_PROTO_ICMP_CODE, t->dport);
	} else {
		msg_be16(m, CTA_PROTO_SRC_PORT, t->sport);
		msg_be16(m, CTA_PROTO_DST_PORT, t->dport);
	}
	msg_nest_end(m, nest);
	msg_nest_end(m, tuple);
}

/* Established, and any sequence number is right */
static void put_tcp_info(struct msg *m)
{
	struct nf_ct_tcp_flags flags = {
		.flags = IP_CT_TCP_FLAG_BE_LIBERAL,
		.mask = IP_CT_TCP_FLAG_BE_LIBERAL,
	};
	struct nlattr *info = msg_nest(m, CTA_PROTOINFO);
	struct nlattr *tcp = msg_nest(m, CTA_PROTOINFO_TCP);

	msg_u8(m, CTA_PROTOINFO_TCP_STATE, TCP_CONNTRACK_ESTABLISHED);
	msg_attr(m, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, &flags, sizeof(flags));
	msg_attr(m, CTA_PROTOINFO_TCP_FLAGS_REPLY, &flags, sizeof(flags));
	msg_nest_end(m, tcp);
	msg_nest_end(m, info);
}

static void put_nat(struct msg *m, uint16_t type, uint32_t addr)
{
	struct nlattr *nat = msg_nest(m, type);

	msg_be32(m, CTA_NAT_V4_MINIP, addr);
	msg_be32(m, CTA_NAT_V4_MAXIP, addr);
	msg_nest_end(m, nat);
}

static int add_conn(struct side *side, const struct conn *c)
{
	struct tuple repl = tuple_inverse(&c->orig);
	uint32_t status = IPS_CONFIRMED;
	struct nfgenmsg *nfg;
	struct msg m;

	if (!c->expected)
		status |= IPS_SEEN_REPLY | IPS_ASSURED;
	nfg = msg_start(&m, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW,
			NLM_F_CREATE | NLM_F_EXCL, sizeof(*nfg));
	nfg->nfgen_family = AF_INET;
	put_tuple(&m, CTA_TUPLE_ORIG, &c->orig);
	put_tuple(&m, CTA_TUPLE_REPLY, &repl);
	if (c->expected)
		put_tuple(&m, CTA_TUPLE_MASTER, &c->master);
	msg_be32(&m, CTA_STATUS, status);
	msg_be32(&m, CTA_TIMEOUT, 3000);
	if (c->orig.proto == IPPROTO_TCP)
		put_tcp_info(&m);
	if (c->nat_src)
		put_nat(&m, CTA_NAT_SRC, c->nat_src);
	if (c->nat_dst)
		put_nat(&m, CTA_NAT_DST, c->nat_dst);
	return msg_talk(side->ct, &m);
}

/* A master that is there already will do */
int side_add_conn(struct side *side, const struct conn *conn)
{
	struct conn master = { .orig = conn->master };

	if (conn->expected)
		add_conn(side, &master);
	return add_conn(side, conn);
}
