// SPDX-License-Identifier: GPL-2.0
/*
 * Packets as words, spelled as iptables spells matches
 *
 * What is not said of a packet is not known, but for what has a usual value: a
 * new connection, SYN of TCP, an echo request of ICMP, a TTL of 64.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <linux/netfilter.h>

#include "cmd_test.h"

#define FIELD(name)	(1ULL << IR_FIELD_##name)

/**
 * struct words - a packet while it is put together
 * @t:		test
 * @pkt:	the packet
 * @path:	where it goes
 * @proto:	it has a protocol
 * @sport:	source port
 * @dport:	destination port
 * @flags:	of TCP
 * @icmp:	type and code
 * @len:	of all of it, 0: as long as it has to be
 */
struct words {
	const struct test *t;
	struct packet *pkt;
	struct test_path *path;
	bool proto;
	uint16_t sport;
	uint16_t dport;
	uint8_t flags;
	uint8_t icmp[2];
	unsigned int len;
};

/* --- Values --- */

static bool number_read(const char *text, unsigned long max,
			unsigned long *number)
{
	char *end;

	errno = 0;
	*number = strtoul(text, &end, 0);
	return *text && *text != '-' && !*end && !errno && *number <= max;
}

/**
 * test_address_read - an address
 * @family:	NFPROTO_IPV4 or NFPROTO_IPV6
 * @text:	the address; a mask of all of it may follow
 * @addr:	filled in network byte order, of IPv4 the first four bytes
 *
 * Return: 0, or -EINVAL if it is none
 */
int test_address_read(uint16_t family, const char *text, uint8_t addr[16])
{
	const char *all = family == NFPROTO_IPV6 ? "/128" : "/32";
	size_t len = strlen(text), suffix = strlen(all);
	char copy[INET6_ADDRSTRLEN + 8];

	if (len >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, len + 1);
	if (len > suffix && !strcmp(copy + len - suffix, all))
		copy[len - suffix] = '\0';
	memset(addr, 0, 16);
	return inet_pton(family == NFPROTO_IPV6 ? AF_INET6 : AF_INET, copy,
			 addr) == 1 ? 0 : -EINVAL;
}

/**
 * test_device_read - the name of a device
 * @text:	name, empty for none
 * @name:	filled
 *
 * Return: 0, or -EINVAL if it is too long
 */
int test_device_read(const char *text, char name[16])
{
	if (strlen(text) >= 16)
		return -EINVAL;
	memset(name, 0, 16);
	memcpy(name, text, strlen(text));
	return 0;
}

/**
 * test_path_read - hooks by name
 * @text:	names with commas between them
 * @path:	filled
 *
 * Return: 0, or -EINVAL
 */
int test_path_read(const char *text, struct test_path *path)
{
	char copy[64], *word, *next;
	int hook;

	path->num = 0;
	snprintf(copy, sizeof(copy), "%s", text);
	for (word = strtok_r(copy, ",", &next); word;
	     word = strtok_r(NULL, ",", &next)) {
		for (hook = 0; hook < BPFILTER_NUMHOOKS; hook++)
			if (!strcmp(bpfilter_ir_hook_name(hook), word))
				break;
		if (hook == BPFILTER_NUMHOOKS || path->num == TEST_HOOKS_MAX)
			return -EINVAL;
		path->hook[path->num++] = hook;
	}
	return path->num ? 0 : -EINVAL;
}

static const struct {
	const char *name;
	bool conn;
	bool untracked;
	enum ip_conntrack_info ctinfo;
} states[] = {
	{ "NEW", true, false, IP_CT_NEW },
	{ "ESTABLISHED", true, false, IP_CT_ESTABLISHED },
	{ "RELATED", true, false, IP_CT_RELATED },
	{ "INVALID", false, false, 0 },
	{ "UNTRACKED", false, true, 0 },
};

/**
 * test_state_read - the state of a packet's connection
 * @text:	as of the match conntrack
 * @pkt:	gets it
 *
 * Return: 0, or -EINVAL
 */
int test_state_read(const char *text, struct packet *pkt)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(states); i++) {
		if (strcmp(states[i].name, text))
			continue;
		pkt->conn = states[i].conn;
		pkt->untracked = states[i].untracked;
		pkt->ctinfo = states[i].ctinfo;
		pkt->unknown &= ~FIELD(CT_STATE);
		/* An established one has two directions, and a new one the first */
		if (states[i].ctinfo == IP_CT_NEW || !states[i].conn)
			pkt->unknown &= ~FIELD(CT_REPLY);
		else
			pkt->unknown |= FIELD(CT_REPLY);
		return 0;
	}
	return -EINVAL;
}

/* --- Words --- */

static int word_address(struct words *w, const char *value, bool source)
{
	struct packet *pkt = w->pkt;
	uint8_t addr[16];
	uint32_t word;

	if (test_address_read(w->t->ctx->family, value, addr))
		return -EINVAL;
	memcpy(&word, addr, sizeof(word));
	memcpy(source ? pkt->saddr6 : pkt->daddr6, addr, sizeof(addr));
	if (source)
		pkt->saddr = ntohl(word);
	else
		pkt->daddr = ntohl(word);
	pkt->unknown &= source ? ~(FIELD(IP_SADDR) | FIELD(IP6_SADDR)) :
				 ~(FIELD(IP_DADDR) | FIELD(IP6_DADDR));
	return 0;
}

static int word_source(struct words *w, const char *value)
{
	return word_address(w, value, true);
}

static int word_destination(struct words *w, const char *value)
{
	return word_address(w, value, false);
}

/* Names that /etc/protocols need not have */
static const struct {
	const char *name;
	uint8_t proto;
} protocols[] = {
	{ "tcp", IPPROTO_TCP },
	{ "udp", IPPROTO_UDP },
	{ "udplite", IPPROTO_UDPLITE },
	{ "icmp", IPPROTO_ICMP },
	{ "icmpv6", IPPROTO_ICMPV6 },
	{ "ipv6-icmp", IPPROTO_ICMPV6 },
	{ "sctp", IPPROTO_SCTP },
	{ "esp", IPPROTO_ESP },
	{ "ah", IPPROTO_AH },
	{ "gre", IPPROTO_GRE },
};

static int word_protocol(struct words *w, const char *value)
{
	const struct protoent *entry;
	unsigned long number;
	unsigned int i;

	w->proto = true;
	for (i = 0; i < ARRAY_SIZE(protocols); i++) {
		if (strcmp(protocols[i].name, value))
			continue;
		w->pkt->proto = protocols[i].proto;
		return 0;
	}
	if (number_read(value, UINT8_MAX, &number)) {
		w->pkt->proto = number;
		return 0;
	}
	entry = getprotobyname(value);
	if (entry)
		w->pkt->proto = entry->p_proto;
	return entry ? 0 : -EINVAL;
}

static int word_port(struct words *w, const char *value, bool source)
{
	const struct servent *entry = NULL;
	unsigned long number;

	if (!number_read(value, UINT16_MAX, &number)) {
		entry = getservbyname(value, NULL);
		if (!entry)
			return -EINVAL;
		number = ntohs(entry->s_port);
	}
	*(source ? &w->sport : &w->dport) = number;
	w->pkt->unknown &= source ? ~FIELD(L4_SPORT) : ~FIELD(L4_DPORT);
	return 0;
}

static int word_sport(struct words *w, const char *value)
{
	return word_port(w, value, true);
}

static int word_dport(struct words *w, const char *value)
{
	return word_port(w, value, false);
}

static int word_flags(struct words *w, const char *value)
{
	static const char *const names[] = {
		"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR",
	};
	char copy[64], *word, *next;
	unsigned int i;

	w->flags = 0;
	snprintf(copy, sizeof(copy), "%s", value);
	for (word = strtok_r(copy, ",", &next); word;
	     word = strtok_r(NULL, ",", &next)) {
		for (i = 0; i < ARRAY_SIZE(names); i++)
			if (!strcmp(names[i], word))
				break;
		if (i == ARRAY_SIZE(names) && strcmp(word, "NONE"))
			return -EINVAL;
		w->flags |= i < ARRAY_SIZE(names) ? 1 << i : 0;
	}
	return 0;
}

static int word_icmp(struct words *w, const char *value)
{
	char copy[32], *slash;
	unsigned long type, code = 0;

	snprintf(copy, sizeof(copy), "%s", value);
	slash = strchr(copy, '/');
	if (slash)
		*slash = '\0';
	if (!number_read(copy, UINT8_MAX, &type) ||
	    (slash && !number_read(slash + 1, UINT8_MAX, &code)))
		return -EINVAL;
	w->icmp[0] = type;
	w->icmp[1] = code;
	return 0;
}

static int word_in(struct words *w, const char *value)
{
	w->pkt->unknown &= ~FIELD(IFACE_IN);
	return test_device_read(value, w->pkt->in);
}

static int word_out(struct words *w, const char *value)
{
	w->pkt->unknown &= ~FIELD(IFACE_OUT);
	return test_device_read(value, w->pkt->out);
}

static int word_state(struct words *w, const char *value)
{
	return test_state_read(value, w->pkt);
}

static int word_number(const char *value, unsigned long max, void *to,
		       size_t size)
{
	unsigned long number;
	uint32_t word;
	uint8_t byte;

	if (!number_read(value, max, &number))
		return -EINVAL;
	word = number;
	byte = number;
	memcpy(to, size == sizeof(word) ? (void *)&word : (void *)&byte, size);
	return 0;
}

static int word_mark(struct words *w, const char *value)
{
	w->pkt->unknown &= ~FIELD(MARK);
	return word_number(value, UINT32_MAX, &w->pkt->mark, 4);
}

static int word_ttl(struct words *w, const char *value)
{
	return word_number(value, UINT8_MAX, &w->pkt->ttl, 1);
}

static int word_tos(struct words *w, const char *value)
{
	return word_number(value, UINT8_MAX, &w->pkt->tos, 1);
}

static int word_length(struct words *w, const char *value)
{
	return word_number(value, UINT16_MAX, &w->len, 4);
}

static int word_mac(struct words *w, const char *value)
{
	uint8_t *m = w->pkt->link.source;
	int used = 0;

	w->pkt->unknown &= ~FIELD(MAC_SADDR);
	w->pkt->link.len = 14;
	if (sscanf(value, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &m[0], &m[1],
		   &m[2], &m[3], &m[4], &m[5], &used) != 6)
		return -EINVAL;
	return value[used] ? -EINVAL : 0;
}

static int word_hook(struct words *w, const char *value)
{
	return test_path_read(value, w->path);
}

static const struct {
	const char *name;
	const char *other;
	int (*read)(struct words *w, const char *value);
} words[] = {
	{ "-s", "--source", word_source },
	{ "-d", "--destination", word_destination },
	{ "-p", "--protocol", word_protocol },
	{ "--sport", "--source-port", word_sport },
	{ "--dport", "--destination-port", word_dport },
	{ "--tcp-flags", NULL, word_flags },
	{ "--icmp-type", "--icmpv6-type", word_icmp },
	{ "-i", "--in-interface", word_in },
	{ "-o", "--out-interface", word_out },
	{ "--ctstate", "--state", word_state },
	{ "--mark", NULL, word_mark },
	{ "--ttl", "--hl", word_ttl },
	{ "--tos", NULL, word_tos },
	{ "--length", NULL, word_length },
	{ "--mac-source", NULL, word_mac },
	{ "--hook", NULL, word_hook },
};

static int word_read(struct words *w, const char *word, const char *value)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(words[i].name, word) ||
		    (words[i].other && !strcmp(words[i].other, word)))
			return value ? words[i].read(w, value) : -ENODATA;
	return -ENOENT;
}

/* --- The packet --- */

static void put16(uint8_t *to, uint16_t value)
{
	to[0] = value >> 8;
	to[1] = value;
}

static void transport_make(struct words *w)
{
	struct packet *pkt = w->pkt;
	unsigned int headers;

	switch (pkt->proto) {
	case IPPROTO_TCP:
		pkt->l4_len = 20;
		pkt->l4[12] = 5 << 4;
		pkt->l4[13] = w->flags;
		break;
	case IPPROTO_SCTP:
		pkt->l4_len = 12;
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		pkt->l4_len = 8;
		memcpy(pkt->l4, w->icmp, sizeof(w->icmp));
		pkt->unknown &= ~(FIELD(L4_SPORT) | FIELD(L4_DPORT));
		break;
	case IPPROTO_AH:
		pkt->l4_len = 12;
		break;
	default:
		pkt->l4_len = 8;
		break;
	}
	if (pkt->proto != IPPROTO_ICMP && pkt->proto != IPPROTO_ICMPV6) {
		put16(pkt->l4, w->sport);
		put16(pkt->l4 + 2, w->dport);
	}
	headers = packet_headers_len(pkt) + pkt->l4_len;
	if (w->len > headers)
		pkt->more_len = w->len - headers;
}

static void words_begin(struct words *w)
{
	struct packet *pkt = w->pkt;

	*pkt = w->t->pkt;
	*w->path = w->t->path;
	pkt->is_ip6 = w->t->ctx->family == NFPROTO_IPV6;
	pkt->ttl = 64;
	if (pkt->unknown & FIELD(CT_STATE))
		test_state_read("NEW", pkt);
	w->flags = 1 << 1;
	w->icmp[0] = pkt->is_ip6 ? 128 : 8;
	pkt->unknown |= FIELD(IP_SADDR) | FIELD(IP_DADDR) | FIELD(IP6_SADDR) |
			FIELD(IP6_DADDR) | FIELD(L4_SPORT) | FIELD(L4_DPORT) |
			FIELD(L4_SPI) | FIELD(TCP_OPTION) | FIELD(MAC_SADDR) |
			FIELD(PKTTYPE);
}

/**
 * test_words_read - a packet from its words
 * @t:		test
 * @text:	words, cut up
 * @pkt:	filled
 * @path:	filled
 * @bad:	after an error: what is wrong
 * @size:	bytes of @bad
 *
 * Return: 0 or -EINVAL
 */
int test_words_read(const struct test *t, char *text, struct packet *pkt,
		    struct test_path *path, char *bad, size_t size)
{
	struct words w = { .t = t, .pkt = pkt, .path = path };
	char *word, *value, *next;
	int err;

	words_begin(&w);
	for (word = strtok_r(text, " \t", &next); word;
	     word = strtok_r(NULL, " \t", &next)) {
		value = strtok_r(NULL, " \t", &next);
		err = word_read(&w, word, value);
		if (err == -ENOENT)
			snprintf(bad, size, "\"%s\" is unknown", word);
		else if (err)
			snprintf(bad, size, "\"%s\" of \"%s\"",
				 value ? value : "no value", word);
		if (err)
			return -EINVAL;
	}
	if (!w.proto) {
		snprintf(bad, size, "no protocol, \"-p\"");
		return -EINVAL;
	}
	transport_make(&w);
	return 0;
}
