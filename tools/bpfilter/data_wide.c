// SPDX-License-Identifier: GPL-2.0
/*
 * Tests that take more than one node: fields of bytes, word by word, and lists
 * of ports.
 */
#include <endian.h>
#include <string.h>

#include "data_rule.h"
#include "gen.h"

#define WORDS	(IR_BYTES_MAX / 4)

static uint32_t word_of(const uint8_t *bytes, int word)
{
	uint32_t v;

	memcpy(&v, bytes + 4 * word, sizeof(v));
	return v;
}

/* Host order */
static uint32_t number_of(const uint8_t *bytes, int word)
{
	return be32toh(word_of(bytes, word));
}

/* --- Bytes under a mask --- */

static void limit_word(struct data_rule *dr, enum ir_field field, int word,
		       const struct ir_test *t)
{
	uint32_t value = number_of(t->bytes, word);
	uint32_t mask = number_of(t->bytes_mask, word);

	switch (field) {
	case IR_FIELD_IP6_SADDR:
		data_limit(dr, DATA_DIM_ADDR6 + word, value, value | ~mask);
		break;
	case IR_FIELD_IP6_DADDR:
		data_limit(dr, DATA_DIM_ADDR6 + 4 + word, value, value | ~mask);
		break;
	case IR_FIELD_IFACE_IN:
		data_limit(dr, DATA_DIM_NAME + word, word_of(t->bytes, word),
			   word_of(t->bytes_mask, word));
		break;
	case IR_FIELD_IFACE_OUT:
		data_limit(dr, DATA_DIM_NAME + 4 + word,
			   word_of(t->bytes, word),
			   word_of(t->bytes_mask, word));
		break;
	default:
		break;
	}
}

static int last_word(const struct ir_test *t, int num)
{
	while (num > 1 && !word_of(t->bytes_mask, num - 1))
		num--;
	return num - 1;
}

/**
 * data_put_bytes() - append a test of bytes under a mask
 * @dr:		rule
 * @t:		test, not constant
 */
void data_put_bytes(struct data_rule *dr, const struct ir_test *t)
{
	int size = gen_field_size(t->field) / 4;
	int last = last_word(t, size < WORDS ? size : WORDS);
	int differs = data_label(dr);

	for (int i = 0; i <= last; i++) {
		uint32_t mask = word_of(t->bytes_mask, i);
		int yes = DATA_TO_NEXT, no = DATA_TO_FAIL;

		if (!mask)
			continue;
		if (t->invert) {
			yes = i == last ? DATA_TO_FAIL : DATA_TO_NEXT;
			no = differs;
		}
		data_put_word(dr, gen_field_off(t->field) + 4 * i, mask,
			      word_of(t->bytes, i), 0, yes, no);
		if (!t->invert)
			limit_word(dr, t->field, i, t);
	}
	data_bind(dr, differs);
}

/* --- Bytes as one number --- */

static uint32_t addr6_off(enum ir_field field, int word)
{
	return GEN_OFF(addr6) + 4 * word +
	       (field == IR_FIELD_IP6_DADDR ? 16 : 0);
}

/*
 * Lead to @out if the field is below @lo, else on. Word by word: greater will
 * do, less will not, equal asks the next one.
 */
static void put_lowest(struct data_rule *dr, enum ir_field field,
		       const uint8_t *lo, int out)
{
	int in = data_label(dr);
	uint32_t v, off;

	for (int i = 0; i < WORDS - 1; i++) {
		v = number_of(lo, i);
		off = addr6_off(field, i);
		if (v != UINT32_MAX)
			data_put_word(dr, off, UINT32_MAX, v + 1,
				      UINT32_MAX - v - 1, in, DATA_TO_NEXT);
		data_put_word(dr, off, UINT32_MAX, v, 0, DATA_TO_NEXT, out);
	}
	v = number_of(lo, WORDS - 1);
	data_put_word(dr, addr6_off(field, WORDS - 1), UINT32_MAX, v,
		      UINT32_MAX - v, DATA_TO_NEXT, out);
	data_bind(dr, in);
}

/* Likewise if it is above @hi */
static void put_highest(struct data_rule *dr, enum ir_field field,
			const uint8_t *hi, int out)
{
	int in = data_label(dr);
	uint32_t v, off;

	for (int i = 0; i < WORDS - 1; i++) {
		v = number_of(hi, i);
		off = addr6_off(field, i);
		if (v)
			data_put_word(dr, off, UINT32_MAX, 0, v - 1, in,
				      DATA_TO_NEXT);
		data_put_word(dr, off, UINT32_MAX, v, 0, DATA_TO_NEXT, out);
	}
	v = number_of(hi, WORDS - 1);
	data_put_word(dr, addr6_off(field, WORDS - 1), UINT32_MAX, 0, v,
		      DATA_TO_NEXT, out);
	data_bind(dr, in);
}

/* As long as both ends have the same words these are exact */
static void limit_number(struct data_rule *dr, const struct ir_test *t)
{
	uint32_t dim = DATA_DIM_ADDR6 +
		       (t->field == IR_FIELD_IP6_DADDR ? 4 : 0);

	for (int i = 0; i < WORDS; i++) {
		uint32_t lo = number_of(t->bytes, i);
		uint32_t hi = number_of(t->bytes_hi, i);

		data_limit(dr, dim + i, lo, hi);
		if (lo != hi)
			return;
	}
}

/**
 * data_put_bytes_range() - append a test of bytes as one number
 * @dr:		rule
 * @t:		test of an IPv6 address, not constant
 */
void data_put_bytes_range(struct data_rule *dr, const struct ir_test *t)
{
	int holds = data_label(dr);
	int out = t->invert ? holds : DATA_TO_FAIL;

	put_lowest(dr, t->field, t->bytes, out);
	put_highest(dr, t->field, t->bytes_hi, out);
	if (t->invert)
		data_put_word(dr, 0, 0, 1, 0, DATA_TO_NEXT, DATA_TO_FAIL);
	else
		limit_number(dr, t);
	data_bind(dr, holds);
}

/* --- Ports --- */

static void limit_ports(struct data_rule *dr, const struct ir_test *t)
{
	const struct ir_range *r = &dr->rs->ranges[t->first_range];
	uint32_t lo = UINT16_MAX, hi = 0, i;

	if (t->invert || t->ports == (IR_PORTS_SRC | IR_PORTS_DST))
		return;
	for (i = 0; i < t->num_ranges; i++) {
		if (r[i].lo > r[i].hi)
			continue;
		lo = r[i].lo < lo ? r[i].lo : lo;
		hi = r[i].hi > hi ? r[i].hi : hi;
	}
	data_limit(dr, t->ports & IR_PORTS_SRC ? IR_FIELD_L4_SPORT :
						 IR_FIELD_L4_DPORT, lo, hi);
}

/**
 * data_put_ports() - append a test of ports against a list
 * @dr:		rule
 * @t:		test, not constant
 */
void data_put_ports(struct data_rule *dr, const struct ir_test *t)
{
	const struct ir_range *r = &dr->rs->ranges[t->first_range];
	int found = data_label(dr);
	int yes = t->invert ? DATA_TO_FAIL : found;
	uint32_t i;

	for (i = 0; i < t->num_ranges; i++) {
		if (r[i].lo > r[i].hi)
			continue;
		if (t->ports & IR_PORTS_SRC)
			data_put_range(dr, IR_FIELD_L4_SPORT, r[i].lo, r[i].hi,
				       yes, DATA_TO_NEXT);
		if (t->ports & IR_PORTS_DST)
			data_put_range(dr, IR_FIELD_L4_DPORT, r[i].lo, r[i].hi,
				       yes, DATA_TO_NEXT);
	}
	/* Without memory there is none */
	if (!t->invert && dr->num_nodes)
		dr->node[dr->num_nodes - 1].no = DATA_TO_FAIL;
	data_bind(dr, found);
	limit_ports(dr, t);
}
