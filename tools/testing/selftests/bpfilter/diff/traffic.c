// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip6.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "side.h"

/* Packets into a namespace and out of it */

#define ETH_LEN 14

static void put_eth(uint8_t *eth, const struct side *side,
		    const struct step *st)
{
	static const uint8_t dst[3][6] = {
		{ 2, 0, 0, 0, 0, 1 },
		{ 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
		{ 1, 0, 0x5e, 0, 0, 1 },
	};

	memcpy(eth, dst[st->pkt % 3], 6);
	for (int i = 0; i < 6; i++)
		eth[6 + i] = st->mac >> (40 - 8 * i);
	eth[12] = side->family->ethertype >> 8;
	eth[13] = side->family->ethertype & 0xff;
}

/*
 * The first piece is the skb's linear area, the others are its pages. Two of
 * those, so that a header may lie across them.
 */
static int receive(struct side *side, const struct step *st)
{
	unsigned int linear = st->len, rest;
	uint8_t head[ETH_LEN + 1500];
	struct iovec iov[3];
	int num = 1;

	if (st->linear != LINEAR_ALL && st->linear < st->len)
		linear = st->linear;
	put_eth(head, side, st);
	memcpy(head + ETH_LEN, st->data, linear);
	iov[0].iov_base = head;
	iov[0].iov_len = ETH_LEN + linear;
	rest = st->len - linear;
	if (rest > 1) {
		iov[num].iov_base = st->data + linear;
		iov[num++].iov_len = rest / 2;
	}
	if (rest) {
		iov[num].iov_base = st->data + st->len - (rest - rest / 2);
		iov[num++].iov_len = rest - rest / 2;
	}
	mark_next(st->mark);
	return writev(side->tap[st->dev], iov, num) < 0 ? -errno : 0;
}

/* A raw socket with headers of its own, of another user */
int raw_open(const struct family *f, uint32_t uid, uint32_t gid)
{
	int one = 1, size = 8 << 20, fd;

	setfsgid(gid);
	setfsuid(uid);
	fd = socket(f->af, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_RAW);
	setfsuid(0);
	setfsgid(0);
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) ||
	    (f->v6 && setsockopt(fd, SOL_IPV6, IPV6_HDRINCL, &one, sizeof(one))))
		die("raw socket: %s", strerror(errno));
	return fd;
}

/* Room for a mark and a device */
union control {
	struct cmsghdr align;
	char data[CMSG_SPACE(sizeof(struct in6_pktinfo)) +
		  CMSG_SPACE(sizeof(uint32_t))];
};

static void put_cmsg(struct msghdr *msg, int level, int type, const void *data,
		     size_t len)
{
	struct cmsghdr *c = msg->msg_control + msg->msg_controllen;

	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), data, len);
	msg->msg_controllen += CMSG_SPACE(len);
}

static void put_device(struct msghdr *msg, const struct family *f, int ifindex)
{
	struct in6_pktinfo info6 = { .ipi6_ifindex = ifindex };
	struct in_pktinfo info = { .ipi_ifindex = ifindex };

	if (f->v6)
		put_cmsg(msg, SOL_IPV6, IPV6_PKTINFO, &info6, sizeof(info6));
	else
		put_cmsg(msg, SOL_IP, IP_PKTINFO, &info, sizeof(info));
}

static int send_raw(struct side *side, const struct step *st)
{
	struct iovec iov = { .iov_base = st->data, .iov_len = st->len };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in sin = { .sin_family = AF_INET };
	union control control = { 0 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
	};

	if (side->family->v6) {
		addr_put(side->family, (uint8_t *)&sin6.sin6_addr, st->dst);
		msg.msg_name = &sin6;
		msg.msg_namelen = sizeof(sin6);
	} else {
		addr_put(side->family, (uint8_t *)&sin.sin_addr, st->dst);
		msg.msg_name = &sin;
		msg.msg_namelen = sizeof(sin);
	}
	put_device(&msg, side->family, side->ifindex[st->dev]);
	if (st->mark)
		put_cmsg(&msg, SOL_SOCKET, SO_MARK, &st->mark, sizeof(st->mark));
	return sendmsg(side->raw[st->owner], &msg, 0) < 0 ? -errno : 0;
}

/*
 * On a busy machine the kernel may leave packets that go by lo to a thread of
 * its own. Whoever releases a socket's lock has to do that work before.
 */
static void finish_packets(struct side *side)
{
	int one = 1;

	for (int i = 0; i < 2; i++)
		setsockopt(side->status, SOL_SOCKET, SO_BROADCAST, &one,
			   sizeof(one));
}

/* Returns 0 or a negative errno, which must be the same on both sides */
int side_do(struct side *side, const struct step *st)
{
	int err;

	if (st->kind == STEP_CONN)
		return side_add_conn(side, st->conn);
	side_set_route(side, st->dst, st->route);
	if (st->kind == STEP_SEND)
		err = send_raw(side, st);
	else
		err = receive(side, st);
	finish_packets(side);
	return err;
}

static void drain_dev(struct side *side, int dev)
{
	for (;;) {
		struct frame *f;
		ssize_t n;

		side->frames = grow(side->frames, side->num_frames, sizeof(*side->frames));
		f = &side->frames[side->num_frames];
		n = read(side->tap[dev], f->data, sizeof(f->data));
		if (n < 0)
			return;
		f->dev = dev;
		f->len = n;
		side->num_frames++;
	}
}

static int by_dev(const void *a, const void *b)
{
	const struct epoll_event *x = a, *y = b;

	return (int)x->data.u32 - (int)y->data.u32;
}

/* Device by device, each in the order in which its packets came */
void side_drain(struct side *side)
{
	struct epoll_event ev[MAX_DEVS];
	int n = epoll_wait(side->poll, ev, MAX_DEVS, 0);

	side->num_frames = 0;
	if (n > 1)
		qsort(ev, n, sizeof(*ev), by_dev);
	for (int i = 0; i < n; i++)
		drain_dev(side, ev[i].data.u32);
}

/*
 * What the stack makes up for packets of its own differs from one namespace to
 * the other: the IP id, with it the checksum, and the time of a timestamp reply.
 */
static void normalize4(uint8_t *ip, unsigned int len)
{
	unsigned int hlen = (ip[0] & 15) * 4;

	memset(ip + 4, 0, 2);
	memset(ip + 10, 0, 2);
	if (ip[9] != IPPROTO_ICMP || len < hlen + 20 || ip[hlen] != 14)
		return;
	memset(ip + hlen + 2, 0, 2);
	memset(ip + hlen + 12, 0, 8);
}

/*
 * The id of a fragment that the stack made, behind whatever headers, perhaps in
 * what an ICMP error quotes. That changes the error's checksum.
 */
static void normalize6(uint8_t *ip, unsigned int len)
{
	unsigned int off = 40;
	uint8_t next = ip[6];

	while (off + 8 <= len && (next == IPPROTO_HOPOPTS ||
				  next == IPPROTO_DSTOPTS ||
				  next == IPPROTO_ROUTING)) {
		next = ip[off];
		off += (ip[off + 1] + 1) * 8;
	}
	if (next == IPPROTO_FRAGMENT && off + 8 <= len)
		memset(ip + off + 4, 0, 4);
	if (next != IPPROTO_ICMPV6 || off + 48 > len || ip[off] & 0x80)
		return;
	memset(ip + off + 2, 0, 2);
	normalize6(ip + off + 8, len - off - 8);
}

static void normalize(const struct family *f, struct frame *frame)
{
	if (frame->len < ETH_LEN + f->header_len)
		return;
	if (f->v6)
		normalize6(frame->data + ETH_LEN, frame->len - ETH_LEN);
	else
		normalize4(frame->data + ETH_LEN, frame->len - ETH_LEN);
}

bool frames_equal(const struct family *f, const struct frame *a,
		  const struct frame *b)
{
	struct frame x, y;

	if (a->dev != b->dev || a->len != b->len)
		return false;
	if (!memcmp(a->data, b->data, a->len))
		return true;
	x = *a;
	y = *b;
	normalize(f, &x);
	normalize(f, &y);
	return !memcmp(x.data, y.data, x.len);
}
