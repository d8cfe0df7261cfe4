// SPDX-License-Identifier: GPL-2.0
/*
 * Have connections tracked in the current network namespace
 *
 * The kernel tracks connections where somebody asked for it: natively each rule
 * that looks at them. Programs that links attach cannot ask. So a table of
 * nf_tables asks for them, with a rule about connections in a chain that no
 * packet gets to. The table goes with its namespace, or when it is released.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <sys/socket.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include "cmd_track.h"

#define TRACK_TABLE	"bpfilter"
#define TRACK_CHAIN	"track"

#define BATCH_MAX	2048

/**
 * struct batch - messages that take effect together
 * @bytes:	the messages
 * @len:	bytes of them
 * @num:	how many, each of which is answered
 * @family:	NFPROTO_*
 */
struct batch {
	union {
		struct nlmsghdr align;
		char bytes[BATCH_MAX];
	};
	unsigned int len;
	unsigned int num;
	uint16_t family;
};

/* Messages have a bounded number of short parts, so that there is room */

static struct nlmsghdr *message_begin(struct batch *b, uint16_t type,
				      uint16_t flags, uint16_t res_id)
{
	struct nlmsghdr *nlh = (void *)(b->bytes + b->len);
	struct nfgenmsg *nfg = NLMSG_DATA(nlh);

	memset(nlh, 0, NLMSG_SPACE(sizeof(*nfg)));
	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = b->num;
	nfg->nfgen_family = b->family;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = htons(res_id);
	b->len += NLMSG_SPACE(sizeof(*nfg));
	return nlh;
}

static void message_end(struct batch *b, struct nlmsghdr *nlh)
{
	nlh->nlmsg_len = b->bytes + b->len - (char *)nlh;
}

static void put(struct batch *b, uint16_t type, const void *data, size_t len)
{
	struct nlattr *nla = (void *)(b->bytes + b->len);

	memset(nla, 0, NLA_HDRLEN + NLA_ALIGN(len));
	nla->nla_type = type;
	nla->nla_len = NLA_HDRLEN + len;
	if (len)
		memcpy((char *)nla + NLA_HDRLEN, data, len);
	b->len += NLA_HDRLEN + NLA_ALIGN(len);
}

static void put_string(struct batch *b, uint16_t type, const char *text)
{
	put(b, type, text, strlen(text) + 1);
}

static void put_be32(struct batch *b, uint16_t type, uint32_t value)
{
	value = htonl(value);
	put(b, type, &value, sizeof(value));
}

static struct nlattr *nest_begin(struct batch *b, uint16_t type)
{
	struct nlattr *nla = (void *)(b->bytes + b->len);

	put(b, type | NLA_F_NESTED, NULL, 0);
	return nla;
}

static void nest_end(struct batch *b, struct nlattr *nla)
{
	nla->nla_len = b->bytes + b->len - (char *)nla;
}

/* Commands of nf_tables */

static struct nlmsghdr *command_begin(struct batch *b, uint16_t command,
				      uint16_t flags)
{
	b->num++;
	return message_begin(b, NFNL_SUBSYS_NFTABLES << 8 | command,
			     NLM_F_ACK | flags, 0);
}

static void table_command(struct batch *b, uint16_t command, uint16_t flags)
{
	struct nlmsghdr *nlh = command_begin(b, command, flags);

	put_string(b, NFTA_TABLE_NAME, TRACK_TABLE);
	message_end(b, nlh);
}

static void chain_new(struct batch *b)
{
	struct nlmsghdr *nlh = command_begin(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE);

	put_string(b, NFTA_CHAIN_TABLE, TRACK_TABLE);
	put_string(b, NFTA_CHAIN_NAME, TRACK_CHAIN);
	message_end(b, nlh);
}

/* "ct state", of which nothing becomes */
static void rule_new(struct batch *b)
{
	struct nlmsghdr *nlh = command_begin(b, NFT_MSG_NEWRULE,
					     NLM_F_CREATE | NLM_F_APPEND);
	struct nlattr *list, *elem, *data;

	put_string(b, NFTA_RULE_TABLE, TRACK_TABLE);
	put_string(b, NFTA_RULE_CHAIN, TRACK_CHAIN);
	list = nest_begin(b, NFTA_RULE_EXPRESSIONS);
	elem = nest_begin(b, NFTA_LIST_ELEM);
	put_string(b, NFTA_EXPR_NAME, "ct");
	data = nest_begin(b, NFTA_EXPR_DATA);
	put_be32(b, NFTA_CT_DREG, NFT_REG_1);
	put_be32(b, NFTA_CT_KEY, NFT_CT_STATE);
	nest_end(b, data);
	nest_end(b, elem);
	nest_end(b, list);
	message_end(b, nlh);
}

/* Whether it was there or not, it is gone */
static void table_drop(struct batch *b)
{
	table_command(b, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	table_command(b, NFT_MSG_DELTABLE, 0);
}

/* Sending */

/* One answer for each command; the first error counts */
static int answers_read(int sk, unsigned int num)
{
	int err = 0;

	while (num) {
		struct {
			struct nlmsghdr nlh;
			struct nlmsgerr e;
		} answer;
		ssize_t len = recv(sk, &answer, sizeof(answer), 0);

		if (len < 0)
			return -errno;
		if (len < (ssize_t)sizeof(answer) ||
		    answer.nlh.nlmsg_type != NLMSG_ERROR)
			continue;
		if (!err)
			err = answer.e.error;
		/* Number 0 is the batch, of which nothing came then */
		num = answer.e.msg.nlmsg_seq ? num - 1 : 0;
	}
	return err;
}

static int batch_send(struct batch *b)
{
	const struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	int sk, err = 0;

	sk = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	if (sk < 0)
		return -errno;
	if (sendto(sk, b->bytes, b->len, 0, (const void *)&to, sizeof(to)) < 0)
		err = -errno;
	else
		err = answers_read(sk, b->num);
	close(sk);
	return err;
}

static void batch_begin(struct batch *b)
{
	message_end(b, message_begin(b, NFNL_MSG_BATCH_BEGIN, 0,
				     NFNL_SUBSYS_NFTABLES));
}

static void batch_end(struct batch *b)
{
	message_end(b, message_begin(b, NFNL_MSG_BATCH_END, 0,
				     NFNL_SUBSYS_NFTABLES));
}

/**
 * track_hold - have connections tracked in the current network namespace
 * @family:	those of NFPROTO_IPV4 or NFPROTO_IPV6
 *
 * Return: 0 or a negative errno
 */
int track_hold(uint16_t family)
{
	struct batch b = { .family = family };

	batch_begin(&b);
	table_drop(&b);
	table_command(&b, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	chain_new(&b);
	rule_new(&b);
	batch_end(&b);
	return batch_send(&b);
}

/**
 * track_release - take track_hold() back, also if it was not called
 * @family:	as for track_hold()
 *
 * Return: 0 or a negative errno
 */
int track_release(uint16_t family)
{
	struct batch b = { .family = family };

	batch_begin(&b);
	table_drop(&b);
	batch_end(&b);
	return batch_send(&b);
}
