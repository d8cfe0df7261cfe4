// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "steps.h"

/* From the description of a packet to its bytes */

#define MAX_PACKET	1500
#define IP_DONT_FRAGMENT	0x4000
#define IP_MORE_FRAGMENTS	0x2000

struct buf {
	uint8_t data[MAX_PACKET];
	unsigned int len;
};

static void put8(struct buf *b, uint8_t v)
{
	if (b->len == sizeof(b->data))
		die("packet too long");
	b->data[b->len++] = v;
}

static void put16(struct buf *b, uint16_t v)
{
	put8(b, v >> 8);
	put8(b, v);
}

static void put32(struct buf *b, uint32_t v)
{
	put16(b, v >> 16);
	put16(b, v);
}

static void set16(struct buf *b, unsigned int off, uint16_t v)
{
	b->data[off] = v >> 8;
	b->data[off + 1] = v;
}

static uint32_t sum_bytes(const uint8_t *data, unsigned int len, uint32_t sum)
{
	for (unsigned int i = 0; i < len; i++)
		sum += i & 1 ? data[i] : (uint32_t)data[i] << 8;
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* Checksum over pseudo header and packet, into the packet at @off */
static void set_l4_csum(struct buf *b, const struct spec *s, unsigned int off)
{
	uint32_t sum = s->proto + b->len;

	sum += (s->src >> 16) + (s->src & 0xffff);
	sum += (s->dst >> 16) + (s->dst & 0xffff);
	set16(b, off, fold(sum_bytes(b->data, b->len, sum)));
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

/* The packet of a connection that an ICMP error is about */
static void put_quoted(struct buf *b, const struct spec *s)
{
	unsigned int start = b->len;

	put16(b, 0x4500);
	put16(b, 28);
	put32(b, 0x12344000);
	put16(b, 0x4011);
	put16(b, 0);
	put32(b, s->dst);
	put32(b, s->src);
	set16(b, start + 10, fold(sum_bytes(b->data + start, 20, 0)));
	put16(b, s->dport);
	put16(b, s->sport);
	put32(b, 0x00080000);
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
	set16(b, 2, fold(sum_bytes(b->data, b->len, 0)));
}

/* Any other: begins as if it had ports, for who looks at them nevertheless */
static void put_other(struct buf *b, const struct spec *s)
{
	put16(b, s->sport);
	put16(b, s->dport);
	put_payload(b, 16 + s->payload);
}

static void put_l4(struct buf *b, const struct spec *s)
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
	};

	for (size_t i = 0; i < ARRAY_SIZE(protos); i++) {
		if (protos[i].proto != s->proto)
			continue;
		protos[i].put(b, s);
		if (s->bad_csum)
			b->data[protos[i].csum] ^= 0x55;
		return;
	}
	put_other(b, s);
}

/* One packet of the transport bytes @l4 from @off on */
static void put_ip(struct buf *b, const struct spec *s, uint16_t id,
		   const uint8_t *l4, unsigned int len, uint16_t frag)
{
	put16(b, 0x4000 | s->ihl << 8);
	put16(b, s->ihl * 4 + len);
	put16(b, id);
	put16(b, frag);
	put8(b, 64);
	put8(b, s->proto);
	put16(b, 0);
	put32(b, s->src);
	put32(b, s->dst);
	for (int i = 20; i < s->ihl * 4; i++)
		put8(b, 1);
	set16(b, 10, fold(sum_bytes(b->data, b->len, 0)));
	for (unsigned int i = 0; i < len; i++)
		put8(b, l4[i]);
	for (unsigned int i = 0; i < s->padding; i++)
		put8(b, 0xee);
}

static struct step *new_step(struct step_list *steps, unsigned int rule,
			     const char *why)
{
	struct step *st;

	steps->step = grow(steps->step, steps->num, sizeof(*steps->step));
	st = &steps->step[steps->num++];
	memset(st, 0, sizeof(*st));
	st->rule = rule;
	st->why = why;
	return st;
}

/* Which way a packet has to take to get to its hook and devices */
static void set_path(struct step *st, const struct spec *s)
{
	st->dst = s->dst;
	st->linear = s->linear;
	if (s->hook == HOOK_OUTPUT) {
		st->kind = STEP_SEND;
		st->dev = s->out;
		st->route = s->out == DEV_LO ? DEV_LO : ROUTE_NONE;
	} else if (s->in == DEV_LO) {
		st->kind = STEP_SEND;
		st->dev = DEV_LO;
		st->route = DEV_LO;
	} else {
		st->kind = STEP_RECEIVE;
		st->dev = s->in;
		st->route = s->hook == HOOK_INPUT ? DEV_LO : s->out;
	}
}

static void add_packet(struct step_list *steps, const struct spec *s,
		       unsigned int rule, const char *why, const uint8_t *l4,
		       unsigned int len, uint16_t frag, uint16_t id)
{
	struct step *st = new_step(steps, rule, why);
	struct buf b = { .len = 0 };

	put_ip(&b, s, id, l4, len, frag);
	set_path(st, s);
	st->len = b.len;
	st->data = memcpy(xrealloc(NULL, b.len), b.data, b.len);
	steps->packets++;
}

/* Two fragments that together are the packet */
static void add_split(struct step_list *steps, const struct spec *s,
		      unsigned int rule, const char *why, const struct buf *l4,
		      uint16_t id)
{
	unsigned int at = s->split * 8;

	for (int i = 0; i < 2; i++) {
		bool second = i ^ s->swapped;

		if (second)
			add_packet(steps, s, rule, why, l4->data + at,
				   l4->len - at, s->split, id);
		else
			add_packet(steps, s, rule, why, l4->data, at,
				   IP_MORE_FRAGMENTS, id);
	}
}

void steps_add(struct step_list *steps, const struct spec *s,
	       unsigned int rule, const char *why)
{
	struct buf l4 = { .len = 0 };
	uint16_t frag = s->fragoff;
	uint16_t id = steps->packets % 0xffff + 1;
	struct conn conn;

	if (spec_conn(s, &conn)) {
		struct step *st = new_step(steps, rule, why);

		st->kind = STEP_CONN;
		st->conn = conn;
	}
	put_l4(&l4, s);
	if (s->split && s->split * 8U < l4.len) {
		add_split(steps, s, rule, why, &l4, id);
		return;
	}
	if (s->df)
		frag |= IP_DONT_FRAGMENT;
	if (s->mf)
		frag |= IP_MORE_FRAGMENTS;
	if (s->cut != CUT_NONE && s->cut < (int)l4.len)
		l4.len = s->cut;
	add_packet(steps, s, rule, why, l4.data, l4.len, frag, id);
}

void steps_free(struct step_list *steps)
{
	for (unsigned int i = 0; i < steps->num; i++)
		free(steps->step[i].data);
	free(steps->step);
	memset(steps, 0, sizeof(*steps));
}

static void print_addr(const char *what, const uint8_t *p)
{
	printf(" %s=%u.%u.%u.%u", what, p[0], p[1], p[2], p[3]);
}

static unsigned int get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static void print_l4(uint8_t proto, const uint8_t *p, unsigned int len)
{
	if (proto == IPPROTO_ICMP && len >= 2)
		printf(" type=%u code=%u", p[0], p[1]);
	else if (proto != IPPROTO_ICMP && len >= 4)
		printf(" sport=%u dport=%u", get16(p), get16(p + 2));
	if (proto == IPPROTO_TCP && len >= 14)
		printf(" doff=%u flags=0x%02x", p[12] >> 4, p[13]);
}

void packet_print(const uint8_t *data, unsigned int len)
{
	unsigned int hlen = len ? (data[0] & 15) * 4 : 0;

	printf("#   %u bytes", len);
	if (len >= 20) {
		print_addr("src", data + 12);
		print_addr("dst", data + 16);
		printf(" proto=%u ihl=%u id=%u", data[9], data[0] & 15,
		       get16(data + 4));
		printf(" frag=%u%s%s", get16(data + 6) & 0x1fff,
		       data[6] & 0x20 ? "+" : "", data[6] & 0x40 ? " df" : "");
		if (hlen <= len)
			print_l4(data[9], data + hlen, len - hlen);
	}
	for (unsigned int i = 0; i < len; i++)
		printf("%s%02x", i % 32 ? i % 4 ? "" : " " : "\n#   ", data[i]);
	printf("\n");
}
