// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netfilter/nfnetlink_queue.h>

#include "netlink.h"
#include "pktrun.h"

/* Where packets may end up: sockets, queues and logs of user space */

enum kind {
	LISTEN_UDP,
	LISTEN_TCP,
	LISTEN_QUEUE,
	LISTEN_NFLOG,
};

struct listener {
	enum kind kind;
	int fd;
	int num;
	int verdict;
};

#define MAX_LISTENERS 8

static struct listener listeners[MAX_LISTENERS];
static int num_listeners;

static struct listener *listener_add(enum kind kind, int fd, int num)
{
	struct listener *l = &listeners[num_listeners];

	if (num_listeners++ == MAX_LISTENERS)
		die("too many listeners");
	l->kind = kind;
	l->fd = fd;
	l->num = num;
	return l;
}

/* --- Sockets --- */

static void set_transparent(int fd, int family)
{
	int one = 1;

	if (setsockopt(fd, SOL_IP, IP_TRANSPARENT, &one, sizeof(one)) ||
	    (family == AF_INET6 &&
	     setsockopt(fd, SOL_IPV6, IPV6_TRANSPARENT, &one, sizeof(one))))
		die("transparent: %s", strerror(errno));
}

void set_mark(int fd, int mark)
{
	if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)))
		die("mark of a socket: %s", strerror(errno));
}

/* Without @addr to any address */
static void bind_to(int fd, int family, const char *addr, int port)
{
	struct sockaddr_in6 sin6 = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(port),
	};
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
	};

	if (addr && inet_pton(family, addr, family == AF_INET ?
			      (void *)&sin.sin_addr :
			      (void *)&sin6.sin6_addr) != 1)
		die("no address: %s", addr);
	if (family == AF_INET ? bind(fd, (void *)&sin, sizeof(sin)) :
				bind(fd, (void *)&sin6, sizeof(sin6)))
		die("bind to port %d: %s", port, strerror(errno));
}

/* listen udp|tcp PORT [transparent] [bind=ADDRESS] [mark=N] */
void listen_socket(struct words *w, int family)
{
	const char *addr = word(w, "bind"), *mark = word(w, "mark");
	bool udp = word(w, "udp"), tcp = word(w, "tcp");
	int fd, port;

	if (udp == tcp || w->num < 3)
		die("listen udp or tcp?");
	w->used[2] = true;
	port = atoi(w->word[2]);
	fd = socket(family, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK,
		    0);
	if (fd < 0)
		die("socket: %s", strerror(errno));
	if (word(w, "transparent"))
		set_transparent(fd, family);
	if (mark)
		set_mark(fd, atoi(mark));
	words_check(w);
	bind_to(fd, family, addr, port);
	if (tcp && listen(fd, 8))
		die("listen: %s", strerror(errno));
	listener_add(udp ? LISTEN_UDP : LISTEN_TCP, fd, port);
}

static const char *name_of(const struct sockaddr_in6 *sin6, char *buf)
{
	const struct sockaddr_in *sin = (const void *)sin6;

	if (sin6->sin6_family == AF_INET)
		inet_ntop(AF_INET, &sin->sin_addr, buf, INET6_ADDRSTRLEN);
	else
		inet_ntop(AF_INET6, &sin6->sin6_addr, buf, INET6_ADDRSTRLEN);
	return buf;
}

static void drain_udp(struct listener *l)
{
	char buf[4096], name[INET6_ADDRSTRLEN];
	struct sockaddr_in6 from;
	socklen_t from_len;
	ssize_t len;

	for (;;) {
		from_len = sizeof(from);
		len = recvfrom(l->fd, buf, sizeof(buf), 0, (void *)&from,
			       &from_len);
		if (len < 0)
			return;
		printf("socket udp %d: len %zd from %s %u\n", l->num, len,
		       name_of(&from, name), ntohs(from.sin6_port));
	}
}

/* A socket under repair ends without a packet */
static void end_in_silence(int fd)
{
	int one = 1;

	if (setsockopt(fd, SOL_TCP, TCP_REPAIR, &one, sizeof(one)))
		die("repair: %s", strerror(errno));
}

/*
 * The connection stays open as long as this runs: its end would be packets, too,
 * as many as are repeated until somebody looks at the counters.
 */
static void drain_tcp(struct listener *l)
{
	char from_name[INET6_ADDRSTRLEN], to_name[INET6_ADDRSTRLEN];
	struct sockaddr_in6 from, to;
	socklen_t len = sizeof(from);
	int fd;

	for (;;) {
		fd = accept(l->fd, (void *)&from, &len);
		if (fd < 0)
			return;
		end_in_silence(fd);
		len = sizeof(to);
		getsockname(fd, (void *)&to, &len);
		printf("socket tcp %d: connection from %s %u to %s %u\n",
		       l->num, name_of(&from, from_name),
		       ntohs(from.sin6_port), name_of(&to, to_name),
		       ntohs(to.sin6_port));
		len = sizeof(from);
	}
}

/* --- NFQUEUE --- */

static int parse_verdict(struct words *w)
{
	if (word(w, "accept"))
		return NF_ACCEPT;
	if (word(w, "drop"))
		return NF_DROP;
	if (word(w, "repeat"))
		return NF_REPEAT;
	die("which verdict?");
}

static void queue_config(int fd, int num, uint8_t cmd)
{
	struct nfqnl_msg_config_cmd config = { .command = cmd };
	struct nfqnl_msg_config_params params = {
		.copy_range = htonl(0xffff),
		.copy_mode = NFQNL_COPY_PACKET,
	};
	struct nlmsg m;

	nl_start(&m, NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_CONFIG, NLM_F_ACK,
		 AF_UNSPEC, num);
	nl_put(&m, NFQA_CFG_CMD, &config, sizeof(config));
	nl_put(&m, NFQA_CFG_PARAMS, &params, sizeof(params));
	nl_talk(fd, &m, "NFQUEUE");
}

/* queue NUMBER accept|drop|repeat */
void listen_queue(struct words *w, int family)
{
	int fd = nl_open(NETLINK_NETFILTER), num;
	struct listener *l;

	if (w->num < 2)
		die("which queue?");
	w->used[1] = true;
	num = atoi(w->word[1]);
	queue_config(fd, num, NFQNL_CFG_CMD_BIND);
	l = listener_add(LISTEN_QUEUE, fd, num);
	l->verdict = parse_verdict(w);
	words_check(w);
}

static void give_verdict(struct listener *l, uint32_t id, int verdict)
{
	struct nfqnl_msg_verdict_hdr v = {
		.verdict = htonl(verdict),
		.id = id,
	};
	struct nlmsg m;

	nl_start(&m, NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_VERDICT, 0, AF_UNSPEC,
		 l->num);
	nl_put(&m, NFQA_VERDICT_HDR, &v, sizeof(v));
	if (send(l->fd, &m, m.nlh.nlmsg_len, 0) < 0)
		die("verdict: %s", strerror(errno));
}

static void drain_queue(struct listener *l)
{
	const struct nfqnl_msg_packet_hdr *hdr;
	const uint8_t *payload;
	struct nlmsg m;
	size_t len;

	while (nl_recv(l->fd, &m)) {
		hdr = nl_attr(&m, NFQA_PACKET_HDR, &len);
		if (!hdr)
			continue;
		printf("queue %d: hook %u", l->num, hdr->hook);
		payload = nl_attr(&m, NFQA_PAYLOAD, &len);
		packet_print(payload, len);
		putchar('\n');
		give_verdict(l, hdr->packet_id, l->verdict);
		/* One repetition: for ever would be too long */
		if (l->verdict == NF_REPEAT)
			l->verdict = NF_ACCEPT;
	}
}

/* --- NFLOG --- */

/* nflog GROUP */
void listen_nflog(struct words *w)
{
	struct nfulnl_msg_config_cmd cmd = { .command = NFULNL_CFG_CMD_BIND };
	struct nfulnl_msg_config_mode mode = {
		.copy_range = htonl(0xffff),
		.copy_mode = NFULNL_COPY_PACKET,
	};
	uint32_t threshold = htonl(1);
	int fd = nl_open(NETLINK_NETFILTER), group;
	struct nlmsg m;

	if (w->num != 2)
		die("which group?");
	group = atoi(w->word[1]);
	nl_start(&m, NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG, NLM_F_ACK,
		 AF_UNSPEC, group);
	nl_put(&m, NFULA_CFG_CMD, &cmd, sizeof(cmd));
	nl_put(&m, NFULA_CFG_MODE, &mode, sizeof(mode));
	nl_put(&m, NFULA_CFG_QTHRESH, &threshold, sizeof(threshold));
	nl_talk(fd, &m, "NFLOG");
	listener_add(LISTEN_NFLOG, fd, group);
}

static void drain_nflog(struct listener *l)
{
	const struct nfulnl_msg_packet_hdr *hdr;
	const uint8_t *payload;
	const char *prefix;
	struct nlmsg m;
	size_t len;

	while (nl_recv(l->fd, &m)) {
		hdr = nl_attr(&m, NFULA_PACKET_HDR, &len);
		if (!hdr)
			continue;
		prefix = nl_attr(&m, NFULA_PREFIX, &len);
		printf("nflog %d: hook %u prefix \"%s\"", l->num, hdr->hook,
		       prefix ? prefix : "");
		payload = nl_attr(&m, NFULA_PAYLOAD, &len);
		packet_print(payload, len);
		putchar('\n');
	}
}

void listen_drain(void)
{
	static void (*const drain[])(struct listener *l) = {
		[LISTEN_UDP]	= drain_udp,
		[LISTEN_TCP]	= drain_tcp,
		[LISTEN_QUEUE]	= drain_queue,
		[LISTEN_NFLOG]	= drain_nflog,
	};

	for (int i = 0; i < num_listeners; i++)
		drain[listeners[i].kind](&listeners[i]);
}
