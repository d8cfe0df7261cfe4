// SPDX-License-Identifier: GPL-2.0
#include "ir_set_impl.h"

/*
 * A test that looks at a field stands for a set of values. One test implies
 * another if its set is part of the other's, and excludes it if they have no
 * value in common. "No" means not known: sets of unlike kinds are compared by
 * what is easily told of them.
 *
 * Both answers hold if both tests look at the same value. That of some fields
 * can change without any rule's doing: see bpfilter_test_lasts().
 */

/* --- Sets, not inverted --- */

/* Range @i of a set, or the least one that holds all of its values */
static void range_at(const struct set *s, uint32_t i, struct ir_word *lo,
		     struct ir_word *hi)
{
	if (s->kind == SET_MASKED) {
		*lo = s->lo;
		*hi = either(s->lo, but(s->max, s->mask));
	} else if (s->kind == SET_RANGES && s->ranges) {
		*lo = word(s->ranges[i].lo);
		*hi = word(s->ranges[i].hi);
	} else if (s->kind == SET_RANGES) {
		*lo = s->lo;
		*hi = s->hi;
	} else {
		*lo = word(0);
		*hi = s->max;
	}
}

static uint32_t num_ranges(const struct set *s)
{
	return s->kind == SET_RANGES ? s->num : 1;
}

static bool range_in_ranges(struct ir_word lo, struct ir_word hi,
			    const struct set *s)
{
	for (uint32_t i = 0; i < s->num; i++) {
		struct ir_word first, last;

		range_at(s, i, &first, &last);
		if (!below(lo, first) && !below(last, hi))
			return true;
	}
	return false;
}

static bool is_in_ranges(const struct set *part, const struct set *whole)
{
	for (uint32_t i = 0; i < num_ranges(part); i++) {
		struct ir_word lo, hi;

		range_at(part, i, &lo, &hi);
		if (!below(hi, lo) && !range_in_ranges(lo, hi, whole))
			return false;
	}
	return true;
}

/* A range has all upper bits in common that its ends have */
static bool is_in_masked(const struct set *part, const struct set *whole)
{
	if (part->kind == SET_MASKED)
		return within(whole->mask, part->mask) &&
		       equal(both(part->lo, whole->mask), whole->lo);
	if (part->kind != SET_RANGES || !is_low_ones(but(whole->max,
							 whole->mask)))
		return false;
	for (uint32_t i = 0; i < part->num; i++) {
		struct ir_word lo, hi;

		range_at(part, i, &lo, &hi);
		if (!below(hi, lo) && (!equal(both(lo, whole->mask), whole->lo) ||
				       !equal(both(hi, whole->mask), whole->lo)))
			return false;
	}
	return true;
}

static bool is_in_any_bit(const struct set *part, const struct set *whole)
{
	if (part->kind == SET_MASKED)
		return !is_zero(both(both(part->lo, part->mask), whole->mask));
	return (part->kind == SET_ANY_BIT || part->kind == SET_STATES) &&
	       within(part->mask, whole->mask);
}

static bool is_part(const struct set *part, const struct set *whole)
{
	switch (whole->kind) {
	case SET_MASKED:
		return is_in_masked(part, whole);
	case SET_RANGES:
		return is_in_ranges(part, whole);
	case SET_ANY_BIT:
		return is_in_any_bit(part, whole);
	case SET_STATES:
		return part->kind == SET_STATES &&
		       within(part->mask, whole->mask);
	case SET_UNKNOWN:
		break;
	}
	return false;
}

static bool ranges_apart(const struct set *a, const struct set *b)
{
	for (uint32_t i = 0; i < num_ranges(a); i++) {
		for (uint32_t k = 0; k < num_ranges(b); k++) {
			struct ir_word a_lo, a_hi, b_lo, b_hi;

			range_at(a, i, &a_lo, &a_hi);
			range_at(b, k, &b_lo, &b_hi);
			if (!below(a_hi, b_lo) && !below(b_hi, a_lo))
				return false;
		}
	}
	return true;
}

static bool no_bit_of(const struct set *any, const struct set *masked)
{
	return any->kind == SET_ANY_BIT && masked->kind == SET_MASKED &&
	       within(any->mask, masked->mask) &&
	       is_zero(both(masked->lo, any->mask));
}

static bool are_apart(const struct set *a, const struct set *b)
{
	if (a->kind == SET_UNKNOWN || b->kind == SET_UNKNOWN ||
	    a->field == FIELD_EITHER_PORT)
		return false;
	if (a->kind == SET_STATES && b->kind == SET_STATES)
		return is_zero(both(a->mask, b->mask));
	if (a->kind == SET_MASKED && b->kind == SET_MASKED)
		return !equal(both(a->lo, b->mask), both(b->lo, a->mask));
	return no_bit_of(a, b) || no_bit_of(b, a) || ranges_apart(a, b);
}

/* --- Tests --- */

/* Whoever reads 8 or more bytes of a header with ports has read the ports */
static bool header_implies(enum ir_header given, enum ir_header asked)
{
	return given == asked ||
	       (asked == IR_HEADER_PORTS &&
		(given == IR_HEADER_TCP || given == IR_HEADER_UDP ||
		 given == IR_HEADER_SCTP));
}

/* Which field a test looks at, if it names one */
static int field_of(const struct ir_test *t)
{
	switch (t->kind) {
	case IR_TEST_MASKED:
	case IR_TEST_BYTES:
	case IR_TEST_RANGE:
	case IR_TEST_BYTES_RANGE:
	case IR_TEST_ANY_BIT:
		return t->field;
	case IR_TEST_PORTS:
	case IR_TEST_PRESENT:
	case IR_TEST_HEADER:
	case IR_TEST_CONN:
	case IR_TEST_RANDOM:
	case IR_TEST_BRIDGE:
	case IR_TEST_CONST:
		break;
	}
	return -1;
}

/* Nothing to compare: most pairs of tests are such */
static bool fields_differ(const struct ir_test *a, const struct ir_test *b)
{
	int x = field_of(a), y = field_of(b);

	return x >= 0 && y >= 0 && x != y;
}

static bool same_option(const struct ir_test *a, const struct ir_test *b)
{
	return a->kind == IR_TEST_PRESENT && b->kind == IR_TEST_PRESENT &&
	       a->value == b->value;
}

static bool fields_meet(const struct set *given, const struct set *asked)
{
	if (asked->field == FIELD_EITHER_PORT && !asked->invert &&
	    (given->field == IR_FIELD_L4_SPORT ||
	     given->field == IR_FIELD_L4_DPORT))
		return true;
	return given->field == asked->field;
}

/**
 * bpfilter_test_implies() - whether a test holds wherever another does
 * @rs:		the ruleset
 * @given:	a test that holds; of its match it was not left out because there
 *		is no connection
 * @asked:	the other
 *
 * Return: true if it does, false if that is not known.
 */
bool bpfilter_test_implies(const struct ir_ruleset *rs,
			   const struct ir_test *given,
			   const struct ir_test *asked)
{
	struct set g, a;

	if (fields_differ(given, asked))
		return false;
	if (asked->kind == IR_TEST_CONST)
		return asked->invert != !!asked->value;
	if (asked->kind == IR_TEST_HEADER)
		return given->kind == IR_TEST_HEADER &&
		       header_implies(given->header, asked->header);
	if (asked->kind == IR_TEST_CONN)
		return given->kind == IR_TEST_CONN && !given->value;
	if (asked->kind == IR_TEST_PRESENT)
		return same_option(given, asked) &&
		       given->invert == asked->invert;

	bpfilter_set_read(rs, given, &g);
	bpfilter_set_read(rs, asked, &a);
	if (g.kind == SET_UNKNOWN || a.kind == SET_UNKNOWN ||
	    !fields_meet(&g, &a))
		return false;
	if (!g.invert && !a.invert)
		return is_part(&g, &a);
	if (!g.invert)
		return are_apart(&g, &a);
	return a.invert && is_part(&a, &g);
}

/**
 * bpfilter_test_excludes() - whether a test never holds where another does
 * @rs:		the ruleset
 * @given:	a test that holds, as above
 * @asked:	the other
 *
 * Return: true if it does not, false if that is not known.
 */
bool bpfilter_test_excludes(const struct ir_ruleset *rs,
			    const struct ir_test *given,
			    const struct ir_test *asked)
{
	struct set g, a;

	if (fields_differ(given, asked))
		return false;
	if (same_option(given, asked))
		return given->invert != asked->invert;
	bpfilter_set_read(rs, given, &g);
	bpfilter_set_read(rs, asked, &a);
	if (g.kind == SET_UNKNOWN || a.kind == SET_UNKNOWN ||
	    g.field != a.field)
		return false;
	if (!g.invert && !a.invert)
		return are_apart(&g, &a);
	if (!g.invert)
		return is_part(&g, &a);
	return !a.invert && is_part(&a, &g);
}

/**
 * bpfilter_test_lasts() - whether a test says the same until a target interferes
 * @t:		test
 *
 * The expiry, the status and the mark of a connection change when another
 * packet of it is seen, on another CPU. A random number is another each time,
 * and of the kernel's own matches nothing is known. All else is the packet's
 * own.
 *
 * Return: true if so.
 */
bool bpfilter_test_lasts(const struct ir_test *t)
{
	if (t->kind == IR_TEST_RANDOM || t->kind == IR_TEST_BRIDGE)
		return false;
	if (t->kind == IR_TEST_HEADER || t->kind == IR_TEST_CONN ||
	    t->kind == IR_TEST_CONST || t->kind == IR_TEST_PORTS)
		return true;
	return t->field != IR_FIELD_CT_EXPIRES &&
	       t->field != IR_FIELD_CT_STATUS && t->field != IR_FIELD_CT_MARK;
}

static uint64_t mix(uint64_t hash, struct ir_word w)
{
	return bpfilter_ir_mix(bpfilter_ir_mix(hash, w.hi), w.lo);
}

/**
 * bpfilter_test_hash() - a number that tests which say the same have in common
 * @rs:		the ruleset
 * @t:		test
 *
 * Return: the number.
 */
uint64_t bpfilter_test_hash(const struct ir_ruleset *rs,
			    const struct ir_test *t)
{
	uint64_t hash = bpfilter_ir_mix(t->kind, t->invert);
	struct set s;

	bpfilter_set_read(rs, t, &s);
	if (s.kind == SET_UNKNOWN)
		return bpfilter_ir_mix(hash, t->kind == IR_TEST_HEADER ?
				       (uint64_t)t->header : t->value);
	hash = bpfilter_ir_mix(s.kind << 8 | s.invert, s.field);
	hash = mix(mix(mix(hash, s.lo), s.hi), s.mask);
	for (uint32_t i = 0; s.ranges && i < s.num; i++)
		hash = bpfilter_ir_mix(hash, (uint32_t)s.ranges[i].lo << 16 |
				       s.ranges[i].hi);
	return hash;
}

/**
 * bpfilter_test_key() - a test as bits that a field must have
 * @rs:		the ruleset
 * @t:		test
 * @key:	filled
 *
 * Return: false if it does not ask for such.
 */
bool bpfilter_test_key(const struct ir_ruleset *rs, const struct ir_test *t,
		       struct ir_key *key)
{
	struct set s;

	bpfilter_set_read(rs, t, &s);
	if (s.kind != SET_MASKED || s.invert || s.field == FIELD_EITHER_PORT)
		return false;
	*key = (struct ir_key) {
		.field = s.field,
		.mask = s.mask,
		.value = s.lo,
	};
	return true;
}
