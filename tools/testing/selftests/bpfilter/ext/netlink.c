// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/netfilter/nfnetlink.h>

#include "netlink.h"
#include "pktrun.h"

int nl_open(int proto)
{
	struct sockaddr_nl nl = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW, proto);

	if (fd < 0 || bind(fd, (void *)&nl, sizeof(nl)))
		die("netlink %d: %s", proto, strerror(errno));
	return fd;
}

void *nl_start_body(struct nlmsg *m, uint16_t type, uint16_t flags, size_t size)
{
	memset(m, 0, sizeof(*m));
	m->nlh.nlmsg_len = NLMSG_LENGTH(size);
	m->nlh.nlmsg_type = type;
	m->nlh.nlmsg_flags = NLM_F_REQUEST | flags;
	return NLMSG_DATA(&m->nlh);
}

void nl_start(struct nlmsg *m, uint16_t type, uint16_t flags, uint8_t family,
	      uint16_t res_id)
{
	struct nfgenmsg *nfg;

	nfg = nl_start_body(m, type, flags, sizeof(*nfg));
	nfg->nfgen_family = family;
	nfg->res_id = htons(res_id);
}

struct nlattr *nl_put(struct nlmsg *m, uint16_t type, const void *data,
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

struct nlattr *nl_nest(struct nlmsg *m, uint16_t type)
{
	return nl_put(m, type | NLA_F_NESTED, NULL, 0);
}

void nl_nest_end(struct nlmsg *m, struct nlattr *nest)
{
	nest->nla_len = (void *)m + m->nlh.nlmsg_len - (void *)nest;
}

void nl_talk(int fd, struct nlmsg *m, const char *what)
{
	const struct nlmsgerr *err = NLMSG_DATA(&m->nlh);

	if (send(fd, m, m->nlh.nlmsg_len, 0) < 0 ||
	    recv(fd, m, sizeof(*m), 0) < (ssize_t)NLMSG_LENGTH(sizeof(*err)))
		die("%s: %s", what, strerror(errno));
	if (m->nlh.nlmsg_type == NLMSG_ERROR && err->error)
		die("%s: %s", what, strerror(-err->error));
}

bool nl_recv(int fd, struct nlmsg *m)
{
	memset(m, 0, sizeof(*m));
	return recv(fd, m, sizeof(*m), MSG_DONTWAIT) > 0;
}

const void *nl_attr(const struct nlmsg *m, uint16_t type, size_t *len)
{
	const void *at = (void *)m + NLMSG_SPACE(sizeof(struct nfgenmsg));
	const void *end = (void *)m + m->nlh.nlmsg_len;
	const struct nlattr *a;

	*len = 0;
	for (; at + NLA_HDRLEN <= end; at += NLA_ALIGN(a->nla_len)) {
		a = at;
		if (a->nla_len < NLA_HDRLEN)
			break;
		if ((a->nla_type & NLA_TYPE_MASK) != type)
			continue;
		*len = a->nla_len - NLA_HDRLEN;
		return at + NLA_HDRLEN;
	}
	return NULL;
}
