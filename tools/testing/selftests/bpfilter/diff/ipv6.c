// SPDX-License-Identifier: GPL-2.0
#include <netinet/in.h>

#include "build.h"

/* IPv6 headers, extension headers included */

static const uint8_t ext_protos[NUM_EXT_KINDS] = {
	[EXT_HOP]	= IPPROTO_HOPOPTS,
	[EXT_DST]	= IPPROTO_DSTOPTS,
	[EXT_ROUTING]	= IPPROTO_ROUTING,
	[EXT_FRAGMENT]	= IPPROTO_FRAGMENT,
	[EXT_AUTH]	= IPPROTO_AH,
	[EXT_NONE]	= IPPROTO_NONE,
};

/* Padding only */
static void put_options(struct buf *b, const struct ext *e)
{
	unsigned int len = 6 + 8 * e->len;

	while (len) {
		unsigned int n = len > 257 ? 257 : len;

		if (n == 1) {
			put8(b, 0);
		} else {
			put8(b, 1);
			put8(b, n - 2);
			for (unsigned int i = 2; i < n; i++)
				put8(b, 0);
		}
		len -= n;
	}
}

static void put_routing(struct buf *b, const struct spec *s,
			const struct ext *e)
{
	put8(b, s->field[FIELD_RT_TYPE]);
	put8(b, s->field[FIELD_SEGMENTS]);
	put32(b, 0);
	for (unsigned int i = 0; i < e->len; i++) {
		put32(b, i & 1 ? 0 : 0x20010db8);
		put32(b, i);
	}
}

static void put_fragment(struct buf *b, const struct piece *p)
{
	put16(b, p->fragoff << 3 | p->mf);
	put32(b, p->id);
}

static void put_auth(struct buf *b, const struct spec *s, const struct ext *e)
{
	put16(b, 0);
	put32(b, s->field[FIELD_SPI]);
	put32(b, 1);
	for (unsigned int i = 0; i < e->len; i++)
		put32(b, i);
}

static uint8_t ext_len(const struct ext *e)
{
	if (e->claim != CLAIM_RIGHT)
		return e->claim;
	if (e->kind == EXT_FRAGMENT)
		return 0;
	return e->kind == EXT_AUTH ? e->len + 1 : e->len;
}

static void put_ext(struct buf *b, const struct spec *s, const struct ext *e,
		    uint8_t next, const struct piece *p)
{
	put8(b, next);
	put8(b, ext_len(e));
	switch (e->kind) {
	case EXT_HOP:
	case EXT_DST:
		put_options(b, e);
		break;
	case EXT_ROUTING:
		put_routing(b, s, e);
		break;
	case EXT_FRAGMENT:
		put_fragment(b, p);
		break;
	case EXT_AUTH:
		put_auth(b, s, e);
		break;
	case EXT_NONE:
	case NUM_EXT_KINDS:
		put16(b, 0);
		put32(b, 0);
		break;
	}
}

/* The headers asked for; a fragment's own stands last unless it has a place */
static unsigned int find_exts(const struct spec *s, const struct piece *p,
			      struct ext *ext)
{
	bool fragment = !p->fragoff && !p->mf;
	unsigned int num = 0;

	for (; num < s->num_exts; num++) {
		ext[num] = s->ext[num];
		fragment |= ext[num].kind == EXT_FRAGMENT;
	}
	if (!fragment)
		ext[num++] = (struct ext){
			.kind = EXT_FRAGMENT, .claim = CLAIM_RIGHT,
		};
	return num;
}

static uint8_t proto_of(const struct spec *s, const struct ext *ext,
			unsigned int num, unsigned int i)
{
	return i < num ? ext_protos[ext[i].kind] : s->proto;
}

void put_ipv6(struct buf *b, const struct spec *s, const struct piece *p)
{
	struct ext ext[MAX_EXTS + 1];
	unsigned int num = find_exts(s, p, ext);
	unsigned int start = b->len;

	put32(b, 0x60000000 | (s->field[FIELD_TOS] & 0xff) << 20);
	put16(b, 0);
	put8(b, proto_of(s, ext, num, 0));
	put8(b, s->field[FIELD_TTL]);
	put_address(b, s->family, s->src);
	put_address(b, s->family, s->dst);
	for (unsigned int i = 0; i < num; i++)
		put_ext(b, s, &ext[i], proto_of(s, ext, num, i + 1), p);
	put_bytes(b, p->data, p->len);
	if (p->whole && s->cut != CUT_NONE && s->cut + 40U < b->len - start)
		b->len = start + 40 + s->cut;
	set16(b, start + 4, b->len - start - 40 + s->len_error);
	for (unsigned int i = 0; i < s->padding; i++)
		put8(b, 0xee);
}
