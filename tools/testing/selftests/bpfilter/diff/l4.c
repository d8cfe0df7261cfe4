// SPDX-License-Identifier: GPL-2.0
#include <netinet/in.h>

#include "build.h"

/* Transport headers */

uint32_t sum_bytes(const uint8_t *data, unsigned int len, uint32_t sum)
{
	for (unsigned int i = 0; i < len; i++)
		sum += i & 1 ? data[i] : (uint32_t)data[i] << 8;
	return sum;
}

uint16_t sum_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static uint32_t sum_addr(__uint128_t addr)
{
	uint32_t sum = 0;

	for (; addr; addr >>= 16)
		sum += addr & 0xffff;
	return sum;
}

/* Checksum over pseudo header and packet, into the packet at @off */
static void set_l4_csum(struct buf *b, const struct spec *s, unsigned int off)
{
	uint32_t sum = s->proto + b->len + sum_addr(s->src) + sum_addr(s->dst);

	set16(b, off, sum_fold(sum_bytes(b->data, b->len, sum)));
}

static void put_payload(struct buf *b, unsigned int len)
{
	for (unsigned int i = 0; i < len; i++)
		put8(b, 'a' + i % 26);
}

static void put_tcp(struct buf *b, const struct spec *s)
{
	unsigned int words = 5 + (s->options_len + 3) / 4;

	put16(b, s->sport);
	put16(b, s->dport);
	put32(b, 1000);
	put32(b, s->flags & 0x10 ? 2000 : 0);
	put8(b, (s->doff == DOFF_RIGHT ? words : (unsigned int)s->doff) << 4);
	put8(b, s->flags);
	put16(b, 1024);
	put16(b, 0);
	put16(b, s->flags & 0x20 ? 1 : 0);
	for (unsigned int i = 0; i < (words - 5) * 4; i++)
		put8(b, i < s->options_len ? s->options[i] : 0);
	put_payload(b, s->payload);
	set_l4_csum(b, s, 16);
}

/* UDP, or UDP-Lite with a checksum over everything */
static void put_udp(struct buf *b, const struct spec *s)
{
	put16(b, s->sport);
	put16(b, s->dport);
	put16(b, s->proto == IPPROTO_UDP ? 8 + s->payload : 0);
	put16(b, 0);
	put_payload(b, s->payload);
	set_l4_csum(b, s, 6);
}

/* Its checksum stands in little endian */
static void set_crc32c(struct buf *b, unsigned int off)
{
	uint32_t crc = ~0U;

	for (unsigned int i = 0; i < b->len; i++) {
		crc ^= b->data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	crc = ~crc;
	for (int i = 0; i < 4; i++)
		b->data[off + i] = crc >> 8 * i;
}

/* An INIT chunk, so that conntrack takes it for the first of a connection */
static void put_sctp(struct buf *b, const struct spec *s)
{
	put16(b, s->sport);
	put16(b, s->dport);
	put32(b, 0);
	put32(b, 0);
	put16(b, 0x0100);
	put16(b, 20);
	for (int i = 0; i < 4; i++)
		put32(b, 0x00010001);
	put_payload(b, s->payload);
	set_crc32c(b, 8);
}

/* A request */
static void put_dccp(struct buf *b, const struct spec *s)
{
	put16(b, s->sport);
	put16(b, s->dport);
	put16(b, 0x0500);
	put16(b, 0);
	put32(b, 0x01000000);
	put32(b, 1);
	put32(b, 0);
	put_payload(b, s->payload);
	set_l4_csum(b, s, 6);
}

/* The packet of a connection that an ICMP error is about: UDP without data */
static void put_quoted(struct buf *b, const struct spec *s)
{
	unsigned int start = b->len;

	if (s->family->v6) {
		put32(b, 0x60000000);
		put32(b, 0x00081140);
	} else {
		put16(b, 0x4500);
		put16(b, 28);
		put32(b, 0x12344000);
		put16(b, 0x4011);
		put16(b, 0);
	}
	put_address(b, s->family, s->dst);
	put_address(b, s->family, s->src);
	if (!s->family->v6)
		set16(b, start + 10, sum_fold(sum_bytes(b->data + start, 20, 0)));
	put16(b, s->dport);
	put16(b, s->sport);
	put16(b, 8);
	/* IPv4 knows UDP without a checksum, IPv6 does not */
	put16(b, s->family->v6 ?
	      sum_fold(IPPROTO_UDP + 16 + s->dport + s->sport +
		       sum_addr(s->dst) + sum_addr(s->src)) : 0);
}

static void put_icmp(struct buf *b, const struct spec *s)
{
	put8(b, s->icmp_type);
	put8(b, s->icmp_code);
	put16(b, 0);
	put16(b, s->ct == CT_ERROR ? 0 : s->sport);
	put16(b, 0);
	if (s->ct == CT_ERROR)
		put_quoted(b, s);
	else
		put_payload(b, s->payload);
	if (s->family->v6)
		set_l4_csum(b, s, 2);
	else
		set16(b, 2, sum_fold(sum_bytes(b->data, b->len, 0)));
}

/* AH of IPv4, whose header is none of IP's there, or ESP */
static void put_ipsec(struct buf *b, const struct spec *s)
{
	if (s->proto == IPPROTO_AH)
		put32(b, 0x06040000);
	put32(b, s->field[FIELD_SPI]);
	put32(b, 1);
	put_payload(b, 16 + s->payload);
}

static void put_mh(struct buf *b, const struct spec *s)
{
	put8(b, IPPROTO_NONE);
	put8(b, 0);
	put8(b, s->field[FIELD_MH_TYPE]);
	put8(b, 0);
	put32(b, 0);
	set_l4_csum(b, s, 4);
}

/* Any other: begins as if it had ports, for who looks at them nevertheless */
static void put_other(struct buf *b, const struct spec *s)
{
	put16(b, s->sport);
	put16(b, s->dport);
	put_payload(b, 16 + s->payload);
}

/* ICMP of the other family is no more than a number */
static bool is_foreign(const struct spec *s)
{
	return s->proto == (s->family->v6 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

void put_l4(struct buf *b, const struct spec *s)
{
	static const struct {
		uint8_t proto;
		uint8_t csum;
		void (*put)(struct buf *b, const struct spec *s);
	} protos[] = {
		{ IPPROTO_TCP, 16, put_tcp },
		{ IPPROTO_UDP, 6, put_udp },
		{ IPPROTO_UDPLITE, 6, put_udp },
		{ IPPROTO_ICMP, 2, put_icmp },
		{ IPPROTO_ICMPV6, 2, put_icmp },
		{ IPPROTO_SCTP, 8, put_sctp },
		{ IPPROTO_DCCP, 6, put_dccp },
		{ IPPROTO_ESP, 0, put_ipsec },
		{ IPPROTO_AH, 0, put_ipsec },
		{ IPPROTO_MH, 4, put_mh },
	};

	for (size_t i = 0; i < ARRAY_SIZE(protos) && !is_foreign(s); i++) {
		if (protos[i].proto != s->proto)
			continue;
		protos[i].put(b, s);
		if (s->bad_csum)
			b->data[protos[i].csum] ^= 0x55;
		return;
	}
	put_other(b, s);
}
