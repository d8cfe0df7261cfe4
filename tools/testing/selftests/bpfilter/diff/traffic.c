// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "side.h"

/* Packets into a namespace and out of it */

#define ETH_LEN 14

static const uint8_t eth_header[ETH_LEN] = {
	2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00,
};

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
	memcpy(head, eth_header, ETH_LEN);
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
	return writev(side->tap[st->dev], iov, num) < 0 ? -errno : 0;
}

static int send_raw(struct side *side, const struct step *st)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(st->dst),
	};

	if (sendto(side->raw[st->dev], st->data, st->len, 0, (void *)&sin,
		   sizeof(sin)) < 0)
		return -errno;
	return 0;
}

/* Returns 0 or a negative errno, which must be the same on both sides */
int side_do(struct side *side, const struct step *st)
{
	if (st->kind == STEP_CONN)
		return side_add_conn(side, &st->conn);
	side_set_route(side, st->dst, st->route);
	if (st->kind == STEP_SEND)
		return send_raw(side, st);
	return receive(side, st);
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
static void normalize(struct frame *f)
{
	uint8_t *ip = f->data + ETH_LEN;
	unsigned int hlen;

	if (f->len < ETH_LEN + 20)
		return;
	memset(ip + 4, 0, 2);
	memset(ip + 10, 0, 2);
	hlen = (ip[0] & 15) * 4;
	if (ip[9] != IPPROTO_ICMP || f->len < ETH_LEN + hlen + 20 ||
	    ip[hlen] != 14)
		return;
	memset(ip + hlen + 2, 0, 2);
	memset(ip + hlen + 12, 0, 8);
}

bool frames_equal(const struct frame *a, const struct frame *b)
{
	struct frame x, y;

	if (a->dev != b->dev || a->len != b->len)
		return false;
	if (!memcmp(a->data, b->data, a->len))
		return true;
	x = *a;
	y = *b;
	normalize(&x);
	normalize(&y);
	return !memcmp(x.data, y.data, x.len);
}
