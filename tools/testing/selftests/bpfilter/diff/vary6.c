// SPDX-License-Identifier: GPL-2.0
#include <netinet/in.h>

#include "spec.h"

/* Ways to change an IPv6 packet: its extension headers */

static void set_ext(struct spec *s, unsigned int at, enum ext_kind kind,
		    unsigned int len)
{
	s->ext[at] = (struct ext){
		.kind = kind, .len = len, .claim = CLAIM_RIGHT,
	};
}

static const char *one_ext(struct spec *s, struct rng *rng)
{
	static const enum ext_kind kinds[] = {
		EXT_HOP, EXT_DST, EXT_ROUTING, EXT_FRAGMENT, EXT_AUTH,
	};

	set_ext(s, 0, kinds[rng_below(rng, ARRAY_SIZE(kinds))],
		rng_below(rng, 4));
	s->num_exts = 1;
	return "one extension header";
}

static const char *some_exts(struct spec *s, struct rng *rng)
{
	s->num_exts = 1 + rng_below(rng, MAX_EXTS);
	for (unsigned int i = 0; i < s->num_exts; i++)
		set_ext(s, i, rng_below(rng, NUM_EXT_KINDS), rng_below(rng, 3));
	return "any extension headers";
}

/* So many bytes in front of the transport header that it is hardly linear */
static const char *long_exts(struct spec *s, struct rng *rng)
{
	s->num_exts = 1 + rng_below(rng, 3);
	for (unsigned int i = 0; i < s->num_exts; i++)
		set_ext(s, i, i ? EXT_DST : EXT_HOP, rng_below(rng, 30));
	s->payload %= 200;
	return "long extension headers";
}

/* It says that it is longer or shorter than it is */
static const char *wrong_ext(struct spec *s, struct rng *rng)
{
	static const uint8_t claims[] = { 0, 1, 2, 3, 8, 254, 255 };
	struct ext *e;

	some_exts(s, rng);
	e = &s->ext[rng_below(rng, s->num_exts)];
	e->claim = claims[rng_below(rng, ARRAY_SIZE(claims))];
	return "an extension header of wrong length";
}

static const char *cut_exts(struct spec *s, struct rng *rng)
{
	some_exts(s, rng);
	s->cut = rng_below(rng, 20 * s->num_exts);
	return "extension headers cut off";
}

/* The fragment header where it should not be, a fragment behind it */
static const char *odd_fragment(struct spec *s, struct rng *rng)
{
	some_exts(s, rng);
	set_ext(s, rng_below(rng, s->num_exts), EXT_FRAGMENT, 0);
	s->fragoff = rng_below(rng, 2) ? 0 : 1 + rng_below(rng, 200);
	s->mf = rng_below(rng, 2);
	return "a fragment among extension headers";
}

static const char *routing_ext(struct spec *s, struct rng *rng)
{
	static const uint8_t types[] = { 0, 2, 3, 4, 253, 255 };

	set_ext(s, 0, EXT_ROUTING, 2 * rng_below(rng, 4));
	s->num_exts = 1;
	s->field[FIELD_RT_TYPE] = types[rng_below(rng, ARRAY_SIZE(types))];
	s->field[FIELD_SEGMENTS] = rng_below(rng, 4);
	return "a routing header";
}

static const char *nothing_follows(struct spec *s, struct rng *rng)
{
	s->num_exts = 0;
	s->proto = IPPROTO_NONE;
	return "no next header";
}

/* An extension header's number as the protocol of the rest */
static const char *ext_as_proto(struct spec *s, struct rng *rng)
{
	static const uint8_t protos[] = { 0, 43, 44, 51, 60, 59, 135 };

	s->proto = protos[rng_below(rng, ARRAY_SIZE(protos))];
	return "an extension header without room";
}

/* Only a raw socket's packets get to rules like that, and padded ones */
static const char *wrong_length(struct spec *s, struct rng *rng)
{
	if (rng_below(rng, 2))
		one_ext(s, rng);
	s->len_error = (int)rng_below(rng, 64) - 48;
	return "a payload length that is wrong";
}

const char *spec_vary6(struct spec *s, struct rng *rng)
{
	static const char *(* const ways[])(struct spec *s, struct rng *rng) = {
		one_ext, one_ext, one_ext, some_exts, some_exts, long_exts,
		wrong_ext, cut_exts, odd_fragment, odd_fragment, routing_ext,
		nothing_follows, ext_as_proto, wrong_length,
	};

	return ways[rng_below(rng, ARRAY_SIZE(ways))](s, rng);
}
