// SPDX-License-Identifier: GPL-2.0
/*
 * Reports of rules, through nfnetlink_log
 *
 * nf_log_trace() hands them to the namespace's logger as messages for the
 * kernel's log, which say nothing of a group: nfnetlink_log sends those to group
 * 0. One socket can have that, so owning it is also the lock that keeps two
 * traces in a namespace apart. The kernel gives it up when the socket is closed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/compiler.h>
#include <linux/types.h>

/* tools/include's linux/types.h does not have what the next header needs */
#ifndef __aligned_be64
#define __aligned_be64 __be64 __aligned(8)
#endif

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>

#include "cmd_trace.h"

#define GROUP		0
#define PREFIX		"TRACE: "
#define INSTANCES	"/proc/net/netfilter/nfnetlink_log"

/* All headers, and of the payload enough to know a packet again */
#define COPY_BYTES	256
#define SOCKET_BYTES	(8 << 20)
#define MESSAGE_MAX	(64 << 10)

/**
 * struct request - a message that configures the group
 * @nlh:	header
 * @nfg:	family and group
 * @attrs:	attributes
 */
struct request {
	struct nlmsghdr nlh;
	struct nfgenmsg nfg;
	char attrs[128];
};

static void request_add(struct request *req, uint16_t type, const void *data,
			size_t size)
{
	struct nlattr *a = (void *)((char *)req + NLMSG_ALIGN(req->nlh.nlmsg_len));

	a->nla_type = type;
	a->nla_len = NLA_HDRLEN + size;
	memcpy((char *)a + NLA_HDRLEN, data, size);
	req->nlh.nlmsg_len = NLMSG_ALIGN(req->nlh.nlmsg_len) +
			     NLA_ALIGN(a->nla_len);
}

static void request_start(struct request *req)
{
	memset(req, 0, sizeof(*req));
	req->nlh.nlmsg_len = NLMSG_LENGTH(sizeof(req->nfg));
	req->nlh.nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG;
	req->nlh.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	req->nfg.nfgen_family = AF_UNSPEC;
	req->nfg.version = NFNETLINK_V0;
	req->nfg.res_id = htons(GROUP);
}

static int request_do(int sk, struct request *req)
{
	struct {
		struct nlmsghdr nlh;
		struct nlmsgerr err;
		char rest[512];
	} answer;
	ssize_t n;

	if (send(sk, req, req->nlh.nlmsg_len, 0) < 0)
		return -errno;
	do {
		n = recv(sk, &answer, sizeof(answer), 0);
		if (n < 0)
			return -errno;
	} while (n < (ssize_t)sizeof(struct nlmsghdr) ||
		 answer.nlh.nlmsg_type != NLMSG_ERROR);
	return answer.err.error;
}

static int group_take(int sk)
{
	const struct nfulnl_msg_config_cmd cmd = { NFULNL_CFG_CMD_BIND };
	const struct nfulnl_msg_config_mode mode = {
		.copy_mode = NFULNL_COPY_PACKET,
		.copy_range = htonl(COPY_BYTES),
	};
	const uint16_t flags = htons(NFULNL_CFG_F_SEQ);
	struct request req;

	request_start(&req);
	request_add(&req, NFULA_CFG_CMD, &cmd, sizeof(cmd));
	request_add(&req, NFULA_CFG_MODE, &mode, sizeof(mode));
	request_add(&req, NFULA_CFG_FLAGS, &flags, sizeof(flags));
	return request_do(sk, &req);
}

/* Port of the socket that has the group, 0: none has or there is no telling */
static uint32_t group_owner(void)
{
	FILE *f = fopen(INSTANCES, "re");
	unsigned int group, port;
	char line[128];
	uint32_t owner = 0;

	if (!f)
		return 0;
	while (!owner && fgets(line, sizeof(line), f))
		if (sscanf(line, "%u %u", &group, &port) == 2 && group == GROUP)
			owner = port;
	fclose(f);
	return owner;
}

static int open_error(struct cmd_ctx *ctx, int err)
{
	uint32_t owner = err == -EPERM || err == -EBUSY ? group_owner() : 0;

	if (owner)
		return cmd_error(ctx, "group %u of nfnetlink_log belongs to port id %u (ulogd?)",
				 GROUP, owner);
	if (err == -EPERM)
		return cmd_error(ctx, "not permitted: this takes CAP_NET_ADMIN");
	if (err == -EINVAL || err == -EPROTONOSUPPORT || err == -EOPNOTSUPP)
		return cmd_error(ctx, "no nfnetlink_log in this kernel, or not loaded");
	return cmd_error(ctx, "nfnetlink_log: %s", strerror(-err));
}

/* More than the default, so that a burst of packets fits; less is no error */
static void socket_grow(int sk)
{
	const int bytes = SOCKET_BYTES;

	if (setsockopt(sk, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		setsockopt(sk, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
}

/**
 * trace_log_open - have reports come in
 * @ctx:	options
 * @log:	filled; closed with trace_log_close()
 *
 * None comes before the logger is taken, see cmd_trace_logger.c.
 *
 * Return: enum cmd_status
 */
int trace_log_open(struct cmd_ctx *ctx, struct trace_log *log)
{
	int ret;

	memset(log, 0, sizeof(*log));
	log->sk = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	if (log->sk < 0)
		return open_error(ctx, -errno);
	socket_grow(log->sk);
	ret = group_take(log->sk);
	if (!ret)
		return CMD_OK;
	trace_log_close(log);
	return open_error(ctx, ret);
}

/**
 * trace_log_close - have no more reports come in
 * @log:	may be closed already
 */
void trace_log_close(struct trace_log *log)
{
	if (log->sk >= 0)
		close(log->sk);
	log->sk = -1;
}

/* Messages */

/* Is an attribute there as a whole? */
static bool attr_ok(const struct nlattr *a, size_t left)
{
	return left >= sizeof(*a) && a->nla_len >= sizeof(*a) &&
	       a->nla_len <= left;
}

static const void *attr_data(const struct nlattr *a)
{
	return (const char *)a + NLA_HDRLEN;
}

static uint32_t attr_be32(const struct nlattr *a)
{
	uint32_t value = 0;

	if (a->nla_len >= NLA_HDRLEN + sizeof(value))
		memcpy(&value, attr_data(a), sizeof(value));
	return ntohl(value);
}

static bool part_copy(char *to, size_t room, const char *from, size_t len)
{
	if (!len || len >= room)
		return false;
	memcpy(to, from, len);
	to[len] = '\0';
	return true;
}

/*
 * "TRACE: table:chain:kind:number ". A chain's name may have colons, the
 * others have none.
 */
static bool prefix_read(const char *text, size_t len, struct trace_report *r)
{
	const char *end, *chain, *kind, *number;
	char *stop;

	len = strnlen(text, len);
	if (len < strlen(PREFIX) || strncmp(text, PREFIX, strlen(PREFIX)))
		return false;
	end = text + len;
	text += strlen(PREFIX);
	chain = memchr(text, ':', end - text);
	number = memrchr(text, ':', end - text);
	kind = number ? memrchr(text, ':', number - text) : NULL;
	if (!chain || !kind || chain >= kind)
		return false;
	r->number = strtoul(number + 1, &stop, 10);
	return stop > number + 1 &&
	       part_copy(r->table, sizeof(r->table), text, chain - text) &&
	       part_copy(r->chain, sizeof(r->chain), chain + 1,
			 kind - chain - 1) &&
	       part_copy(r->kind, sizeof(r->kind), kind + 1,
			 number - kind - 1);
}

/**
 * struct reading - a message while it is read
 * @report:	what it says
 * @seq:	its number
 * @traced:	it is about a rule
 */
struct reading {
	struct trace_report report;
	uint32_t seq;
	bool traced;
};

static void attr_read(const struct nlattr *a, struct reading *r)
{
	const struct nfulnl_msg_packet_hdr *hdr = attr_data(a);
	size_t len = a->nla_len - NLA_HDRLEN;

	switch (a->nla_type & NLA_TYPE_MASK) {
	case NFULA_PACKET_HDR:
		if (len >= sizeof(*hdr))
			r->report.hook = hdr->hook;
		break;
	case NFULA_PREFIX:
		r->traced = prefix_read(attr_data(a), len, &r->report);
		break;
	case NFULA_MARK:
		r->report.mark = attr_be32(a);
		break;
	case NFULA_IFINDEX_INDEV:
		r->report.in = attr_be32(a);
		break;
	case NFULA_IFINDEX_OUTDEV:
		r->report.out = attr_be32(a);
		break;
	case NFULA_SEQ:
		r->seq = attr_be32(a);
		break;
	case NFULA_PAYLOAD:
		r->report.data = attr_data(a);
		r->report.len = len;
		break;
	}
}

static bool message_read(const struct nlmsghdr *nlh, struct reading *r)
{
	const struct nfgenmsg *nfg = NLMSG_DATA(nlh);
	const struct nlattr *a;
	size_t left;

	if (nlh->nlmsg_type != (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET) ||
	    nlh->nlmsg_len < NLMSG_LENGTH(sizeof(*nfg)))
		return false;
	r->report.fam = table_family_find(nfg->nfgen_family);
	left = nlh->nlmsg_len - NLMSG_LENGTH(sizeof(*nfg));
	a = (const void *)(nfg + 1);
	while (attr_ok(a, left)) {
		size_t size = NLA_ALIGN(a->nla_len);

		attr_read(a, r);
		if (size >= left)
			break;
		left -= size;
		a = (const void *)((const char *)a + size);
	}
	return true;
}

static int message_do(struct trace_log *log, const struct nlmsghdr *nlh,
		      trace_report_fn fn, void *priv)
{
	struct reading r = {};

	if (!message_read(nlh, &r))
		return 0;
	log->lost += (uint32_t)(r.seq - log->seq);
	log->seq = r.seq + 1;
	if (!r.traced || !r.report.fam || r.report.hook >= BPFILTER_NUMHOOKS)
		return 0;
	return fn(priv, &r.report);
}

/**
 * trace_log_read - read reports that came in
 * @log:	where from
 * @fn:		called for each; a negative errno ends the reading
 * @priv:	for @fn
 *
 * Does not wait. What else is logged in the namespace is left out.
 *
 * Return: 1, 0 if nothing was there, or a negative errno
 */
int trace_log_read(struct trace_log *log, trace_report_fn fn, void *priv)
{
	static char buf[MESSAGE_MAX] __aligned(NLMSG_ALIGNTO);
	const struct nlmsghdr *nlh = (const void *)buf;
	ssize_t n = recv(log->sk, buf, sizeof(buf), MSG_DONTWAIT);
	unsigned int left;
	int ret = 0;

	if (n < 0 && errno == ENOBUFS) {
		log->overrun = true;
		return 1;
	}
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	for (left = n; !ret && NLMSG_OK(nlh, left); nlh = NLMSG_NEXT(nlh, left))
		ret = message_do(log, nlh, fn, priv);
	return ret ? ret : 1;
}
