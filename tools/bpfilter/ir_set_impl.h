/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_IR_SET_IMPL_H
#define BPFILTER_IR_SET_IMPL_H

#include "ir_set.h"

/* What ir_set.c and ir_set_read.c share */

/**
 * enum set_kind - what a set is made of
 * @SET_UNKNOWN:	nothing is known of it
 * @SET_MASKED:		(value & mask) == lo
 * @SET_RANGES:		ranges of values
 * @SET_ANY_BIT:	(value & mask) != 0
 * @SET_STATES:		the states of a connection in mask, of which a packet
 *			has one
 */
enum set_kind {
	SET_UNKNOWN,
	SET_MASKED,
	SET_RANGES,
	SET_ANY_BIT,
	SET_STATES,
};

/* Stands for a test that looks at both ports, behind all fields */
#define FIELD_EITHER_PORT	IR_FIELD_COUNT

/**
 * struct set - the set of a test
 * @kind:	what it is made of
 * @field:	of which field
 * @invert:	all other values instead
 * @lo:		for MASKED the value, for RANGES the first of a single range
 * @hi:		for RANGES the last of a single range
 * @mask:	for MASKED, ANY_BIT and STATES
 * @max:	the field's highest value
 * @ranges:	for RANGES several ones, or NULL
 * @num:	number of ranges
 */
struct set {
	enum set_kind kind;
	unsigned int field;
	bool invert;
	struct ir_word lo;
	struct ir_word hi;
	struct ir_word mask;
	struct ir_word max;
	const struct ir_range *ranges;
	uint32_t num;
};

/* Numbers of 128 bit */

static inline struct ir_word word(uint64_t lo)
{
	return (struct ir_word) { .lo = lo };
}

static inline struct ir_word word_of_bytes(const uint8_t *bytes)
{
	struct ir_word w = {};

	for (int i = 0; i < 8; i++) {
		w.hi = w.hi << 8 | bytes[i];
		w.lo = w.lo << 8 | bytes[8 + i];
	}
	return w;
}

static inline struct ir_word both(struct ir_word a, struct ir_word b)
{
	return (struct ir_word) { a.hi & b.hi, a.lo & b.lo };
}

static inline struct ir_word but(struct ir_word a, struct ir_word b)
{
	return (struct ir_word) { a.hi & ~b.hi, a.lo & ~b.lo };
}

static inline struct ir_word either(struct ir_word a, struct ir_word b)
{
	return (struct ir_word) { a.hi | b.hi, a.lo | b.lo };
}

static inline bool is_zero(struct ir_word a)
{
	return !(a.hi | a.lo);
}

static inline bool equal(struct ir_word a, struct ir_word b)
{
	return a.hi == b.hi && a.lo == b.lo;
}

static inline bool below(struct ir_word a, struct ir_word b)
{
	return a.hi != b.hi ? a.hi < b.hi : a.lo < b.lo;
}

static inline bool within(struct ir_word part, struct ir_word whole)
{
	return is_zero(but(part, whole));
}

/* Ones only, from the lowest bit on, or zero */
static inline bool is_low_ones(struct ir_word a)
{
	if (a.hi)
		return a.lo == UINT64_MAX && !(a.hi & (a.hi + 1));
	return !(a.lo & (a.lo + 1));
}

static inline bool is_single_bit(struct ir_word a)
{
	return __builtin_popcountll(a.hi) + __builtin_popcountll(a.lo) == 1;
}

void bpfilter_set_read(const struct ir_ruleset *rs, const struct ir_test *t,
		       struct set *s);

#endif /* BPFILTER_IR_SET_IMPL_H */
