/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DIFF_BUILD_H
#define DIFF_BUILD_H

#include "spec.h"

/* Bytes of a packet as they grow */

struct buf {
	uint8_t data[MAX_PACKET];
	unsigned int len;
};

static inline void put8(struct buf *b, uint8_t v)
{
	if (b->len == sizeof(b->data))
		die("packet too long");
	b->data[b->len++] = v;
}

static inline void put16(struct buf *b, uint16_t v)
{
	put8(b, v >> 8);
	put8(b, v);
}

static inline void put32(struct buf *b, uint32_t v)
{
	put16(b, v >> 16);
	put16(b, v);
}

static inline void set16(struct buf *b, unsigned int off, uint16_t v)
{
	b->data[off] = v >> 8;
	b->data[off + 1] = v;
}

static inline void put_bytes(struct buf *b, const uint8_t *data,
			     unsigned int len)
{
	for (unsigned int i = 0; i < len; i++)
		put8(b, data[i]);
}

static inline void put_address(struct buf *b, const struct family *f,
			       __uint128_t addr)
{
	uint8_t bytes[16];

	addr_put(f, bytes, addr);
	put_bytes(b, bytes, f->addr_len);
}

/* Sum of 16 bit words, added to @sum, and what a header says of it */
uint32_t sum_bytes(const uint8_t *data, unsigned int len, uint32_t sum);
uint16_t sum_fold(uint32_t sum);

/* The transport header and what follows it, in l4.c */
void put_l4(struct buf *b, const struct spec *s);

/**
 * struct piece - what of the transport bytes goes into a packet
 * @data:	these
 * @len:	their number
 * @fragoff:	as in struct spec
 * @mf:		same
 * @id:		IP id, or that of an IPv6 fragment header
 * @whole:	it is no fragment that was split off
 */
struct piece {
	const uint8_t *data;
	unsigned int len;
	uint16_t fragoff;
	bool mf;
	uint32_t id;
	bool whole;
};

/* One packet; @s->cut counts for it if it is whole */
void put_ipv4(struct buf *b, const struct spec *s, const struct piece *p);
void put_ipv6(struct buf *b, const struct spec *s, const struct piece *p);

#endif /* DIFF_BUILD_H */
