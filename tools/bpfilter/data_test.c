// SPDX-License-Identifier: GPL-2.0
/*
 * Tests as nodes: a node asks for ((word & mask) - lo) <= span of a 32 bit word
 * of struct run_state, in which smaller fields are where they are.
 */
#include <endian.h>
#include <linux/netfilter/xt_conntrack.h>

#include "data_rule.h"
#include "gen.h"

/* How far up in its word @size bytes at an offset are */
static uint32_t shift_of(uint32_t off, uint32_t size)
{
#if __BYTE_ORDER == __BIG_ENDIAN
	return 8 * (4 - size - (off & 3));
#else
	return 8 * (off & 3);
#endif
}

/**
 * data_word_of() - where a field is
 * @field:	field of at most 32 bit
 *
 * Return: offset of the word that has it, how far up, and its greatest value.
 */
struct data_word data_word_of(enum ir_field field)
{
	uint32_t off = gen_field_off(field), size = gen_field_size(field);

	return (struct data_word) {
		.off = off & ~3U, .shift = shift_of(off, size),
		.max = gen_field_max(field),
	};
}

/**
 * data_put_range() - append a node that asks for a range
 * @dr:		rule
 * @field:	of what, at most 32 bit
 * @lo:		smallest
 * @hi:		greatest
 * @yes:	as data_put()
 * @no:		as data_put()
 */
void data_put_range(struct data_rule *dr, enum ir_field field, uint32_t lo,
		    uint32_t hi, int yes, int no)
{
	struct data_word w = data_word_of(field);

	data_put_word(dr, w.off, w.max << w.shift, lo << w.shift,
		      (hi - lo) << w.shift, yes, no);
}

/* --- By kind --- */

static void put_masked(struct data_rule *dr, const struct ir_test *t)
{
	struct data_word w = data_word_of(t->field);
	uint32_t mask = t->mask & w.max;
	int next = DATA_TO_NEXT, fail = DATA_TO_FAIL;

	data_put_word(dr, w.off, mask << w.shift, t->value << w.shift, 0,
		      t->invert ? fail : next, t->invert ? next : fail);
	if (!t->invert)
		data_limit(dr, t->field, t->value, t->value | (w.max & ~mask));
}

static void limit_range(struct data_rule *dr, const struct ir_test *t,
			uint32_t lo, uint32_t hi)
{
	uint32_t max = gen_field_max(t->field);

	if (!t->invert)
		data_limit(dr, t->field, lo, hi);
	else if (!lo)
		data_limit(dr, t->field, hi + 1, max);
	else if (hi == max)
		data_limit(dr, t->field, 0, lo - 1);
}

static void put_range(struct data_rule *dr, const struct ir_test *t)
{
	uint64_t max = gen_field_max(t->field);
	uint32_t lo = t->lo, hi = t->hi < max ? t->hi : max;
	int next = DATA_TO_NEXT, fail = DATA_TO_FAIL;

	data_put_range(dr, t->field, lo, hi, t->invert ? fail : next,
		       t->invert ? next : fail);
	limit_range(dr, t, lo, hi);
}

/* All that a connection's state can be, besides whether it is translated */
#define CT_KINDS							\
	(XT_CONNTRACK_STATE_INVALID | XT_CONNTRACK_STATE_UNTRACKED |	\
	 XT_CONNTRACK_STATE_BIT(IP_CT_ESTABLISHED) |			\
	 XT_CONNTRACK_STATE_BIT(IP_CT_RELATED) |			\
	 XT_CONNTRACK_STATE_BIT(IP_CT_NEW))

/* Low bits of the state: one of the kinds, or 0 for one that is above */
#define CT_KIND_MAX	(XT_CONNTRACK_STATE_SNAT - 1)

static void limit_ct_state(struct data_rule *dr, const struct ir_test *t)
{
	uint32_t kinds = CT_KINDS & (t->invert ? ~t->mask : t->mask);
	uint32_t lo = UINT32_MAX, hi = 0;

	if (t->mask & (XT_CONNTRACK_STATE_SNAT | XT_CONNTRACK_STATE_DNAT))
		return;
	for (uint32_t bit = 1; bit <= CT_KINDS; bit <<= 1) {
		if (!(kinds & bit))
			continue;
		if (lo > (bit & CT_KIND_MAX))
			lo = bit & CT_KIND_MAX;
		if (hi < (bit & CT_KIND_MAX))
			hi = bit & CT_KIND_MAX;
	}
	if (lo <= hi)
		data_limit(dr, DATA_DIM_CT_KIND, lo, hi);
}

static void put_any_bit(struct data_rule *dr, const struct ir_test *t)
{
	struct data_word w = data_word_of(t->field);
	uint32_t mask = (t->mask & w.max) << w.shift;
	int next = DATA_TO_NEXT, fail = DATA_TO_FAIL;

	data_put_word(dr, w.off, mask, 0, 0, t->invert ? next : fail,
		      t->invert ? fail : next);
	if (t->field == IR_FIELD_CT_STATE)
		limit_ct_state(dr, t);
}

/* A byte that has an enum gen_status: go on if it is GEN_OK */
static void put_status(struct data_rule *dr, uint32_t off, bool misses,
		       bool drops)
{
	const uint32_t shift = shift_of(off, 1);
	int ok = data_label(dr);

	if (misses && drops) {
		data_put_word(dr, off & ~3U, 0xffU << shift, GEN_OK << shift,
			      0, ok, DATA_TO_NEXT);
		data_put_word(dr, off & ~3U, 0xffU << shift,
			      GEN_NO_MATCH << shift, 0, DATA_TO_FAIL,
			      DATA_TO_DROP);
	} else {
		data_put_word(dr, off & ~3U, 0xffU << shift, GEN_OK << shift,
			      0, DATA_TO_NEXT,
			      drops ? DATA_TO_DROP : DATA_TO_FAIL);
	}
	data_bind(dr, ok);
}

static void put_present(struct data_rule *dr, const struct ir_test *t)
{
	uint32_t word = 4 * (t->value >> 5 & (GEN_OPTION_WORDS - 1));
	int next = DATA_TO_NEXT, fail = DATA_TO_FAIL;

	put_status(dr, GEN_OFF(opt_status), false, true);
	data_put_word(dr, GEN_OFF(options) + word, 1U << (t->value & 31), 0, 0,
		      t->invert ? next : fail, t->invert ? fail : next);
}

static void put_ip6(struct data_rule *dr)
{
	const struct data_test keep = { .off = DATA_TEST_KEEP };

	put_status(dr, GEN_OFF(ip6), false, true);
	if (!dr->keeps)
		return;
	data_put(dr, &keep, DATA_TO_NEXT, DATA_TO_NEXT);
	dr->features |= DATA_KEEP;
}

static void put_header(struct data_rule *dr, const struct ir_test *t)
{
	switch (t->header) {
	case IR_HEADER_TCP:
	case IR_HEADER_UDP:
	case IR_HEADER_ICMP:
	case IR_HEADER_SCTP:
	case IR_HEADER_AH:
	case IR_HEADER_ESP:
		put_status(dr, GEN_OFF(l4), true, true);
		break;
	case IR_HEADER_PORTS:
		put_status(dr, GEN_OFF(ports), true, true);
		break;
	case IR_HEADER_IP6:
		put_ip6(dr);
		break;
	case IR_HEADER_ETHER:
		put_status(dr, GEN_OFF(ether), true, false);
		break;
	case IR_HEADER_COUNT:
		break;
	}
}

/* Without a connection the rest of the match does not have to hold */
static void put_conn(struct data_rule *dr, const struct ir_test *t, int matched)
{
	const uint32_t off = GEN_OFF(ct);
	const uint32_t shift = shift_of(off, 1);

	data_put_word(dr, off & ~3U, 0xffU << shift, 0, 0,
		      t->value ? matched : DATA_TO_FAIL, DATA_TO_NEXT);
	if (t->value)
		dr->firm = false;
}

static void put_random(struct data_rule *dr, const struct ir_test *t)
{
	const struct data_test test = {
		.off = DATA_TEST_RANDOM, .lo = t->value,
	};
	int next = DATA_TO_NEXT, fail = DATA_TO_FAIL;

	data_put(dr, &test, t->invert ? fail : next, t->invert ? next : fail);
	dr->features |= DATA_RANDOM;
}

static void put_bridge(struct data_rule *dr, const struct ir_test *t)
{
	const struct data_test test = {
		.off = DATA_TEST_BRIDGE, .lo = t->value,
	};

	data_put(dr, &test, DATA_TO_NEXT, DATA_TO_FAIL);
	dr->features |= DATA_MATCH;
	dr->firm = false;
}

/**
 * data_put_test() - append a test
 * @dr:		rule
 * @t:		test, not constant
 * @matched:	label behind the match that it belongs to
 */
void data_put_test(struct data_rule *dr, const struct ir_test *t, int matched)
{
	switch (t->kind) {
	case IR_TEST_MASKED:
		put_masked(dr, t);
		break;
	case IR_TEST_BYTES:
		data_put_bytes(dr, t);
		break;
	case IR_TEST_RANGE:
		put_range(dr, t);
		break;
	case IR_TEST_BYTES_RANGE:
		data_put_bytes_range(dr, t);
		break;
	case IR_TEST_PORTS:
		data_put_ports(dr, t);
		break;
	case IR_TEST_ANY_BIT:
		put_any_bit(dr, t);
		break;
	case IR_TEST_PRESENT:
		put_present(dr, t);
		break;
	case IR_TEST_HEADER:
		put_header(dr, t);
		break;
	case IR_TEST_CONN:
		put_conn(dr, t, matched);
		break;
	case IR_TEST_RANDOM:
		put_random(dr, t);
		break;
	case IR_TEST_BRIDGE:
		put_bridge(dr, t);
		break;
	case IR_TEST_CONST:
		break;
	}
}
