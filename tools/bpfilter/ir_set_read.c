// SPDX-License-Identifier: GPL-2.0
#include <netinet/in.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/xt_conntrack.h>

#include "ir_build.h"
#include "ir_set_impl.h"

/*
 * Tests as sets. What can be said in several ways is said in one, so that more
 * of it can be compared: a range that is a network, an inverted bit.
 */

#define CT_STATES	(XT_CONNTRACK_STATE_INVALID |			\
			 XT_CONNTRACK_STATE_BIT(IP_CT_ESTABLISHED) |	\
			 XT_CONNTRACK_STATE_BIT(IP_CT_RELATED) |	\
			 XT_CONNTRACK_STATE_BIT(IP_CT_NEW) |		\
			 XT_CONNTRACK_STATE_UNTRACKED)

static void read_field(struct set *s, const struct ir_test *t)
{
	uint64_t max = bpfilter_ir_field_max(t->field);

	s->field = t->field;
	s->invert = t->invert;
	s->max = max ? word(max) : (struct ir_word) { UINT64_MAX, UINT64_MAX };
}

static void read_masked(struct set *s, struct ir_word value,
			struct ir_word mask)
{
	s->kind = SET_MASKED;
	s->lo = value;
	s->mask = mask;
}

static void read_range(struct set *s, struct ir_word lo, struct ir_word hi)
{
	s->kind = SET_RANGES;
	s->lo = lo;
	s->hi = below(s->max, hi) ? s->max : hi;
	s->num = 1;
}

static void read_any_bit(struct set *s, struct ir_word mask)
{
	bool is_states = s->field == IR_FIELD_CT_STATE &&
			 within(mask, word(CT_STATES));

	s->kind = is_states ? SET_STATES : SET_ANY_BIT;
	s->mask = mask;
	if (!is_states || !s->invert)
		return;
	s->mask = but(word(CT_STATES), mask);
	s->invert = false;
}

static void read_ports(const struct ir_ruleset *rs, struct set *s,
		       const struct ir_test *t)
{
	static const unsigned int fields[] = {
		[IR_PORTS_SRC] = IR_FIELD_L4_SPORT,
		[IR_PORTS_DST] = IR_FIELD_L4_DPORT,
		[IR_PORTS_SRC | IR_PORTS_DST] = FIELD_EITHER_PORT,
	};

	s->kind = SET_RANGES;
	s->field = fields[t->ports];
	s->invert = t->invert;
	s->max = word(UINT16_MAX);
	s->ranges = &rs->ranges[t->first_range];
	s->num = t->num_ranges;
}

/* "None of these bits" is a value under a mask, and so is one bit */
static void read_as_masked(struct set *s)
{
	if (s->kind == SET_ANY_BIT && (s->invert || is_single_bit(s->mask))) {
		s->kind = SET_MASKED;
		s->lo = s->invert ? word(0) : s->mask;
		s->invert = false;
	}
	if (s->kind == SET_MASKED && s->invert && is_single_bit(s->mask) &&
	    within(s->lo, s->mask)) {
		s->lo = but(s->mask, s->lo);
		s->invert = false;
	}
}

/* A range that is all values with the same upper bits */
static void range_as_masked(struct set *s)
{
	struct ir_word free;

	if (s->kind != SET_RANGES || s->ranges || below(s->hi, s->lo))
		return;
	free = either(but(s->lo, s->hi), but(s->hi, s->lo));
	if (!is_low_ones(free) || !is_zero(both(s->lo, free)))
		return;
	s->kind = SET_MASKED;
	s->mask = but(s->max, free);
}

/**
 * bpfilter_set_read() - the set that a test stands for
 * @rs:		the ruleset
 * @t:		test
 * @s:		filled; of %SET_UNKNOWN if it stands for none
 */
void bpfilter_set_read(const struct ir_ruleset *rs, const struct ir_test *t,
		       struct set *s)
{
	*s = (struct set) {};
	switch (t->kind) {
	case IR_TEST_MASKED:
		read_field(s, t);
		read_masked(s, word(t->value), word(t->mask));
		break;
	case IR_TEST_BYTES:
		read_field(s, t);
		read_masked(s, word_of_bytes(t->bytes),
			    word_of_bytes(t->bytes_mask));
		break;
	case IR_TEST_RANGE:
		read_field(s, t);
		read_range(s, word(t->lo), word(t->hi));
		break;
	case IR_TEST_BYTES_RANGE:
		read_field(s, t);
		read_range(s, word_of_bytes(t->bytes),
			   word_of_bytes(t->bytes_hi));
		break;
	case IR_TEST_ANY_BIT:
		read_field(s, t);
		read_any_bit(s, word(t->mask));
		break;
	case IR_TEST_PORTS:
		read_ports(rs, s, t);
		break;
	case IR_TEST_PRESENT:
	case IR_TEST_HEADER:
	case IR_TEST_CONN:
	case IR_TEST_RANDOM:
	case IR_TEST_BRIDGE:
	case IR_TEST_CONST:
		break;
	}
	if (s->num == 1 && s->ranges) {
		read_range(s, word(s->ranges->lo), word(s->ranges->hi));
		s->ranges = NULL;
	}
	if (s->field != FIELD_EITHER_PORT)
		range_as_masked(s);
	read_as_masked(s);
}
