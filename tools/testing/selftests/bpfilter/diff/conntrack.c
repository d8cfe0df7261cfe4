// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "msg.h"
#include "side.h"

/* Connections: put there before packets come, looked at when all are through */

static void put_icmp(struct msg *m, const struct tuple *t)
{
	bool v6 = t->proto == IPPROTO_ICMPV6;

	msg_be16(m, v6 ? CTA_PROTO_ICMPV6_ID : CTA_PROTO_ICMP_ID, t->sport);
	msg_u8(m, v6 ? CTA_PROTO_ICMPV6_TYPE : CTA_PROTO_ICMP_TYPE,
	       t->dport >> 8);
	msg_u8(m, v6 ? CTA_PROTO_ICMPV6_CODE : CTA_PROTO_ICMP_CODE, t->dport);
}

static void put_tuple(struct msg *m, uint16_t type, const struct family *f,
		      const struct tuple *t)
{
	struct nlattr *tuple = msg_nest(m, type), *nest;

	nest = msg_nest(m, CTA_TUPLE_IP);
	msg_addr(m, f, f->v6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, t->src);
	msg_addr(m, f, f->v6 ? CTA_IP_V6_DST : CTA_IP_V4_DST, t->dst);
	msg_nest_end(m, nest);
	nest = msg_nest(m, CTA_TUPLE_PROTO);
	msg_u8(m, CTA_PROTO_NUM, t->proto);
	if (t->proto == f->icmp) {
		put_icmp(m, t);
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

static void put_nat(struct msg *m, const struct family *f, uint16_t type,
		    __uint128_t addr)
{
	struct nlattr *nat = msg_nest(m, type);

	msg_addr(m, f, f->v6 ? CTA_NAT_V6_MINIP : CTA_NAT_V4_MINIP, addr);
	msg_addr(m, f, f->v6 ? CTA_NAT_V6_MAXIP : CTA_NAT_V4_MAXIP, addr);
	msg_nest_end(m, nat);
}

static void *ct_start(struct msg *m, uint8_t type, uint16_t flags, int af)
{
	struct nfgenmsg *nfg;

	nfg = msg_start(m, NFNL_SUBSYS_CTNETLINK << 8 | type, flags,
			sizeof(*nfg));
	nfg->nfgen_family = af;
	return nfg;
}

static int add_conn(struct side *side, const struct conn *c)
{
	struct tuple repl = tuple_inverse(&c->orig);
	uint32_t status = IPS_CONFIRMED;
	struct msg m;

	if (!c->expected)
		status |= IPS_SEEN_REPLY | IPS_ASSURED;
	ct_start(&m, IPCTNL_MSG_CT_NEW, NLM_F_CREATE | NLM_F_EXCL,
		 c->family->af);
	put_tuple(&m, CTA_TUPLE_ORIG, c->family, &c->orig);
	put_tuple(&m, CTA_TUPLE_REPLY, c->family, &repl);
	if (c->expected)
		put_tuple(&m, CTA_TUPLE_MASTER, c->family, &c->master);
	msg_be32(&m, CTA_STATUS, status);
	msg_be32(&m, CTA_TIMEOUT, 3000);
	if (c->orig.proto == IPPROTO_TCP)
		put_tcp_info(&m);
	if (c->nat_src)
		put_nat(&m, c->family, CTA_NAT_SRC, c->nat_src);
	if (c->nat_dst)
		put_nat(&m, c->family, CTA_NAT_DST, c->nat_dst);
	return msg_talk(side->ct, &m);
}

/* A master that is there already will do */
int side_add_conn(struct side *side, const struct conn *conn)
{
	struct conn master = { .family = conn->family, .orig = conn->master };

	if (conn->expected)
		add_conn(side, &master);
	return add_conn(side, conn);
}

/* What a connection's attributes are called; those without a name must differ */
static const char * const attr_names[] = {
	[CTA_TUPLE_ORIG]	= "orig",
	[CTA_TUPLE_REPLY]	= "reply",
	[CTA_STATUS]		= "status",
	[CTA_PROTOINFO]		= "protoinfo",
	[CTA_HELP]		= "help",
	[CTA_NAT_SRC]		= "nat_src",
	[CTA_NAT_DST]		= "nat_dst",
	[CTA_MARK]		= "mark",
	[CTA_COUNTERS_ORIG]	= "counters_orig",
	[CTA_COUNTERS_REPLY]	= "counters_reply",
	[CTA_TUPLE_MASTER]	= "master",
	[CTA_SEQ_ADJ_ORIG]	= "seq_adj_orig",
	[CTA_SEQ_ADJ_REPLY]	= "seq_adj_reply",
	[CTA_SECMARK]		= "secmark",
	[CTA_ZONE]		= "zone",
	[CTA_LABELS]		= "labels",
};

static void add_hex(struct text *t, const uint8_t *data, size_t len)
{
	char hex[3];

	for (size_t i = 0; i < len; i++) {
		snprintf(hex, sizeof(hex), "%02x", data[i]);
		text_add(t, hex, 2);
	}
}

static const struct nlattr *next_attr(const struct nlattr *a, size_t *len)
{
	size_t step = NLA_ALIGN(a->nla_len);

	*len = *len > step ? *len - step : 0;
	return (const void *)a + step;
}

static bool attr_ok(const struct nlattr *a, size_t len)
{
	return len >= NLA_HDRLEN && a->nla_len >= NLA_HDRLEN && a->nla_len <= len;
}

static void add_attrs(struct text *t, const struct nlattr *a, size_t len,
		      unsigned int depth)
{
	for (; attr_ok(a, len); a = next_attr(a, &len)) {
		unsigned int type = a->nla_type & NLA_TYPE_MASK;
		const void *data = (const void *)a + NLA_HDRLEN;
		size_t size = a->nla_len - NLA_HDRLEN;
		char name[32];

		if (depth)
			snprintf(name, sizeof(name), " %u:", type);
		else if (type >= ARRAY_SIZE(attr_names) || !attr_names[type])
			continue;
		else
			snprintf(name, sizeof(name), " %s=", attr_names[type]);
		text_add(t, name, strlen(name));
		if (!(a->nla_type & NLA_F_NESTED)) {
			add_hex(t, data, size);
			continue;
		}
		text_add(t, "{", 1);
		add_attrs(t, data, size, depth + 1);
		text_add(t, " }", 2);
	}
}

struct lines {
	char **line;
	unsigned int num;
};

static void add_line(struct lines *lines, const struct nlmsghdr *nlh)
{
	size_t hdr = NLMSG_LENGTH(NLMSG_ALIGN(sizeof(struct nfgenmsg)));
	struct text t = { 0 };

	add_attrs(&t, (const void *)nlh + hdr, nlh->nlmsg_len - hdr, 0);
	text_add(&t, "\n", 1);
	lines->line = grow(lines->line, lines->num, sizeof(*lines->line));
	lines->line[lines->num++] = t.s;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char * const *)a, *(char * const *)b);
}

/* Read the answers to a dump; false when it has ended */
static bool read_lines(int fd, struct lines *lines)
{
	static uint64_t buf[8192];
	const struct nlmsghdr *nlh = (const void *)buf;
	ssize_t left = recv(fd, buf, sizeof(buf), 0);
	int len = left;

	if (left < 0)
		die("list of connections: %s", strerror(errno));
	for (; NLMSG_OK(nlh, len); nlh = NLMSG_NEXT(nlh, len)) {
		if (nlh->nlmsg_type == NLMSG_DONE)
			return false;
		if (nlh->nlmsg_type == NLMSG_ERROR)
			die("no list of connections");
		add_line(lines, nlh);
	}
	return true;
}

char *side_conns(struct side *side)
{
	struct lines lines = { 0 };
	struct text all = { 0 };
	struct msg m;

	ct_start(&m, IPCTNL_MSG_CT_GET, NLM_F_DUMP, AF_UNSPEC);
	if (send(side->ct, &m, m.nlh.nlmsg_len, 0) < 0)
		die("list of connections: %s", strerror(errno));
	while (read_lines(side->ct, &lines))
		;
	qsort(lines.line, lines.num, sizeof(*lines.line), by_text);
	text_add(&all, "", 0);
	for (unsigned int i = 0; i < lines.num; i++) {
		text_add(&all, lines.line[i], strlen(lines.line[i]));
		free(lines.line[i]);
	}
	free(lines.line);
	return all.s;
}
