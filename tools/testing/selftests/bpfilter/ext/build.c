// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pktrun.h"

/* Packets from words */

static const struct {
	const char *name;
	uint8_t num;
} protos[] = {
	{ "icmp", IPPROTO_ICMP }, { "icmp6", IPPROTO_ICMPV6 },
	{ "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP },
	{ "udplite", IPPROTO_UDPLITE }, { "sctp", IPPROTO_SCTP },
	{ "dccp", IPPROTO_DCCP }, { "esp", IPPROTO_ESP },
	{ "ah", IPPROTO_AH }, { "ipcomp", IPPROTO_COMP },
	{ "mh", IPPROTO_MH }, { "l2tp", 115 }, { "none", IPPROTO_NONE },
	{ "hbh", IPPROTO_HOPOPTS }, { "dst", IPPROTO_DSTOPTS },
	{ "rt", IPPROTO_ROUTING }, { "frag", IPPROTO_FRAGMENT },
};

static uint8_t proto_num(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(protos); i++)
		if (strlen(protos[i].name) == len &&
		    !strncmp(protos[i].name, name, len))
			return protos[i].num;
	if (!isdigit(*name))
		die("no protocol \"%.*s\"", (int)len, name);
	return atoi(name);
}

/* --- Bytes --- */

void put(struct bytes *b, const void *data, size_t len)
{
	if (b->len + len > sizeof(b->data))
		die("packet too long");
	memcpy(b->data + b->len, data, len);
	b->len += len;
}

void put8(struct bytes *b, uint8_t value)
{
	put(b, &value, sizeof(value));
}

void put16(struct bytes *b, uint16_t value)
{
	value = htons(value);
	put(b, &value, sizeof(value));
}

void put32(struct bytes *b, uint32_t value)
{
	value = htonl(value);
	put(b, &value, sizeof(value));
}

void put_hex(struct bytes *b, const char *hex)
{
	unsigned int byte;

	for (; *hex; hex += 2) {
		if (sscanf(hex, "%2x", &byte) != 1 || !hex[1])
			die("not hexadecimal: %s", hex);
		put8(b, byte);
	}
}

static void set16(struct bytes *b, size_t at, uint16_t value)
{
	value = htons(value);
	memcpy(b->data + at, &value, sizeof(value));
}

uint32_t csum_add(const void *data, size_t len, uint32_t sum)
{
	const uint8_t *p = data;

	for (; len > 1; len -= 2, p += 2)
		sum += p[0] << 8 | p[1];
	if (len)
		sum += p[0] << 8;
	return sum;
}

uint16_t csum_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

uint32_t csum_l4(int family, const void *saddr, const void *daddr,
		 uint8_t proto, const void *data, size_t len)
{
	size_t addr_len = family == AF_INET ? 4 : 16;
	uint32_t sum = proto + len;

	sum = csum_add(saddr, addr_len, sum);
	sum = csum_add(daddr, addr_len, sum);
	return csum_add(data, len, sum);
}

/* --- Transport headers --- */

/* In data= a blank is "_" and the end of a line "$" */
static void put_payload(struct words *w, struct bytes *b)
{
	const char *data = word(w, "data"), *hex = word(w, "hex");
	long len = word_num(w, "len", 0);

	for (; data && *data; data++) {
		if (*data == '$')
			put(b, "\r\n", 2);
		else
			put8(b, *data == '_' ? ' ' : *data);
	}
	if (hex)
		put_hex(b, hex);
	while (len--)
		put8(b, 'x');
}

static uint8_t tcp_flags(const char *flags)
{
	static const char names[] = "FSRPAUEC";
	uint8_t value = 0;
	const char *found;

	for (; *flags; flags++) {
		found = strchr(names, *flags);
		if (!found)
			die("no TCP flag %c", *flags);
		value |= 1 << (found - names);
	}
	return value;
}

/* ack=DEVICE: of the SYN that came out there last */
static uint32_t ack_number(struct words *w)
{
	const char *value = word(w, "ack");

	if (value && !isdigit(*value))
		return dev_syn_seq(value) + 1;
	return word_num(w, "ack", 0);
}

static void put_tcp(struct words *w, struct bytes *b)
{
	const char *opts = word(w, "opts"), *flags = word(w, "flags");
	long mss = word_num(w, "mss", 0);
	struct bytes o = { 0 };

	if (mss) {
		put16(&o, 0x0204);
		put16(&o, mss);
	}
	if (opts)
		put_hex(&o, opts);
	while (o.len % 4)
		put8(&o, 1);
	put16(b, word_num(w, "sport", 1000));
	put16(b, word_num(w, "dport", 2000));
	put32(b, word_num(w, "seq", 0));
	put32(b, ack_number(w));
	put8(b, (5 + o.len / 4) << 4);
	put8(b, tcp_flags(flags ? flags : "S"));
	put16(b, word_num(w, "win", 1000));
	put32(b, 0);
	put(b, o.data, o.len);
	put_payload(w, b);
}

static void put_udp(struct words *w, struct bytes *b)
{
	put16(b, word_num(w, "sport", 1000));
	put16(b, word_num(w, "dport", 2000));
	put32(b, 0);
	put_payload(w, b);
	set16(b, 4, word_num(w, "udplen", b->len));
}

static void put_icmp(struct words *w, struct bytes *b, int request)
{
	put8(b, word_num(w, "type", request));
	put8(b, word_num(w, "code", 0));
	put16(b, 0);
	put16(b, word_num(w, "icmpid", 1));
	put16(b, word_num(w, "icmpseq", 1));
	put_payload(w, b);
}

static void put_sctp(struct words *w, struct bytes *b)
{
	put16(b, word_num(w, "sport", 1000));
	put16(b, word_num(w, "dport", 2000));
	put32(b, 0);
	put32(b, 0);
	put8(b, word_num(w, "chunk", 1));
	put8(b, 0);
	put16(b, 20);
	for (int i = 0; i < 4; i++)
		put32(b, i + 1);
}

static void put_dccp(struct words *w, struct bytes *b)
{
	const char *opts = word(w, "opts");
	struct bytes o = { 0 };

	if (opts)
		put_hex(&o, opts);
	while (o.len % 4)
		put8(&o, 0);
	put16(b, word_num(w, "sport", 1000));
	put16(b, word_num(w, "dport", 2000));
	put8(b, (20 + o.len) / 4);
	put8(b, 0);
	put16(b, 0);
	put8(b, word_num(w, "type", 0) << 1 | 1);
	put8(b, 0);
	put16(b, 0);
	put32(b, 1);
	put32(b, 0);
	put(b, o.data, o.len);
}

static void put_ah(struct words *w, struct bytes *b)
{
	put8(b, IPPROTO_NONE);
	put8(b, word_num(w, "ahlen", 4));
	put16(b, word_num(w, "ahres", 0));
	put32(b, word_num(w, "spi", 1));
	put32(b, 1);
	put(b, "authenticated", 12);
}

static void put_ipcomp(struct words *w, struct bytes *b)
{
	put8(b, IPPROTO_NONE);
	put8(b, 0);
	put16(b, word_num(w, "spi", 1));
	put_payload(w, b);
}

/* Mobility header, without payload */
static void put_mh(struct words *w, struct bytes *b)
{
	put8(b, word_num(w, "payload", IPPROTO_NONE));
	put8(b, 0);
	put8(b, word_num(w, "type", 0));
	put8(b, 0);
	put32(b, 0);
}

static void put_esp(struct words *w, struct bytes *b)
{
	put32(b, word_num(w, "spi", 1));
	put32(b, 1);
	put_payload(w, b);
}

static void put_icmp4(struct words *w, struct bytes *b)
{
	put_icmp(w, b, 8);
}

static void put_icmp6(struct words *w, struct bytes *b)
{
	put_icmp(w, b, 128);
}

static void put_l4(struct words *w, uint8_t proto, struct bytes *b)
{
	static void (*const makers[256])(struct words *w, struct bytes *b) = {
		[IPPROTO_AH]		= put_ah,
		[IPPROTO_COMP]		= put_ipcomp,
		[IPPROTO_DCCP]		= put_dccp,
		[IPPROTO_ESP]		= put_esp,
		[IPPROTO_ICMP]		= put_icmp4,
		[IPPROTO_ICMPV6]	= put_icmp6,
		[IPPROTO_MH]		= put_mh,
		[IPPROTO_SCTP]		= put_sctp,
		[IPPROTO_TCP]		= put_tcp,
		[IPPROTO_UDP]		= put_udp,
		[IPPROTO_UDPLITE]	= put_udp,
	};

	if (makers[proto])
		makers[proto](w, b);
	else
		put_payload(w, b);
}

/* Offset of the checksum in the transport header, 0 if it has none here */
static size_t csum_offset(int family, uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return 16;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_DCCP:
		return 6;
	case IPPROTO_ICMPV6:
		return family == AF_INET6 ? 2 : 0;
	default:
		return 0;
	}
}

static void put_csum(struct words *w, int family, const void *saddr,
		     const void *daddr, uint8_t proto, struct bytes *b)
{
	size_t at = csum_offset(family, proto);
	uint16_t sum;

	if (word(w, "badsum"))
		return;
	if (proto == IPPROTO_ICMP && b->len >= 4) {
		set16(b, 2, ~csum_fold(csum_add(b->data, b->len, 0)));
	} else if (at && b->len >= at + 2) {
		sum = ~csum_fold(csum_l4(family, saddr, daddr, proto, b->data,
					 b->len));
		set16(b, at, sum ? sum : 0xffff);
	}
}

/* --- IP headers --- */

static void get_addr(struct words *w, int family, const char *key,
		     const char *otherwise, void *addr)
{
	const char *text = word(w, key);

	text = text ? text : otherwise;
	if (inet_pton(family, text, addr) != 1)
		die("no address: %s", text);
}

/* frag=OFFSET or frag=OFFSET+ if more follow, in bytes */
static uint16_t frag_field(struct words *w, unsigned int shift, uint16_t more)
{
	const char *frag = word(w, "frag");

	if (!frag)
		return 0;
	return (atoi(frag) / 8) << shift | (strchr(frag, '+') ? more : 0);
}

static void put_ipv4(struct words *w, uint8_t proto, const void *saddr,
		     const void *daddr, const struct bytes *l4,
		     struct bytes *b)
{
	const char *opts = word(w, "ipopts");
	struct bytes o = { 0 };
	size_t hlen;

	if (opts)
		put_hex(&o, opts);
	while (o.len % 4)
		put8(&o, 0);
	hlen = 20 + o.len;
	put8(b, 0x40 | hlen / 4);
	put8(b, word_num(w, "tos", 0));
	put16(b, word_num(w, "iplen", hlen + l4->len));
	put16(b, word_num(w, "id", 1));
	put16(b, frag_field(w, 0, 0x2000) | (word(w, "df") ? 0x4000 : 0));
	put8(b, word_num(w, "ttl", 64));
	put8(b, proto);
	put16(b, 0);
	put(b, saddr, 4);
	put(b, daddr, 4);
	put(b, o.data, o.len);
	set16(b, 10, ~csum_fold(csum_add(b->data, hlen, 0)));
	put(b, l4->data, l4->len);
}

/* One of ext=NAME[:HEX][/...]: HEX is what follows the first two bytes */
static void put_ext_header(struct bytes *b, uint8_t type, uint8_t next,
			   const char *hex)
{
	struct bytes h = { 0 };
	unsigned int unit = type == IPPROTO_AH ? 4 : 8;

	put8(&h, next);
	put8(&h, 0);
	put_hex(&h, hex);
	while (h.len % unit || h.len < 8)
		put8(&h, 0);
	h.data[1] = type == IPPROTO_AH ? h.len / 4 - 2 : h.len / 8 - 1;
	put(b, h.data, h.len);
}

static uint8_t ext_type(const char *ext)
{
	return proto_num(ext, strcspn(ext, ":/"));
}

static void put_ext_headers(struct bytes *b, const char *ext, uint8_t last)
{
	while (ext) {
		size_t len = strcspn(ext, "/");
		const char *end = ext[len] ? ext + len + 1 : NULL;
		char hex[256] = "";

		if (memchr(ext, ':', len))
			snprintf(hex, sizeof(hex), "%.*s",
				 (int)(ext + len - strchr(ext, ':') - 1),
				 strchr(ext, ':') + 1);
		put_ext_header(b, ext_type(ext), end ? ext_type(end) : last,
			       hex);
		ext = end;
	}
}

static void put_ipv6(struct words *w, uint8_t proto, const void *saddr,
		     const void *daddr, const struct bytes *l4,
		     struct bytes *b)
{
	const char *ext = word(w, "ext");
	struct bytes h = { 0 };

	put_ext_headers(&h, ext, word(w, "frag") ? IPPROTO_FRAGMENT : proto);
	if (word(w, "frag")) {
		put8(&h, proto);
		put8(&h, 0);
		put16(&h, frag_field(w, 3, 1));
		put32(&h, word_num(w, "id", 1));
	}
	put32(b, 6U << 28 | word_num(w, "tos", 0) << 20 |
	      word_num(w, "flow", 0));
	put16(b, word_num(w, "iplen", h.len + l4->len));
	put8(b, ext ? ext_type(ext) :
	     word(w, "frag") ? IPPROTO_FRAGMENT : proto);
	put8(b, word_num(w, "ttl", 64));
	put(b, saddr, 16);
	put(b, daddr, 16);
	put(b, h.data, h.len);
	put(b, l4->data, l4->len);
}

void packet_make(struct words *w, int family, struct bytes *pkt)
{
	bool v4 = family == AF_INET, local = word(w, "local");
	const char *in = word(w, "in"), *frag = word(w, "frag");
	const char *a = v4 ? "10.1.0.2" : "fd01::2";
	const char *b = v4 ? "10.2.0.2" : "fd02::2";
	const char *r = v4 ? "10.1.0.1" : "fd01::1";
	uint8_t saddr[16], daddr[16], proto;
	struct bytes l4 = { 0 };
	long cut = word_num(w, "cut", 0);

	proto = proto_num(w->word[0], strlen(w->word[0]));
	if (!v4 && proto == IPPROTO_ICMP)
		proto = IPPROTO_ICMPV6;
	if (in && !strcmp(in, "out0")) {
		const char *other = a;

		a = b;
		b = other;
	}
	get_addr(w, family, "src", local ? r : a, saddr);
	get_addr(w, family, "dst", b, daddr);
	if (frag && atoi(frag)) {
		put_payload(w, &l4);
	} else {
		put_l4(w, proto, &l4);
		put_csum(w, family, saddr, daddr, proto, &l4);
	}
	if (cut > (long)l4.len)
		die("nothing left of the packet");
	l4.len -= cut;
	pkt->len = 0;
	if (v4)
		put_ipv4(w, proto, saddr, daddr, &l4, pkt);
	else
		put_ipv6(w, proto, saddr, daddr, &l4, pkt);
}
