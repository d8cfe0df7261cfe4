// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>

#include "ir_build.h"
#include "passes.h"

/*
 * Tests whose outcome is known.
 *
 * Invariant: for every packet the rule matches, does not match or drops as
 * before. A test that always holds goes. Behind one that never holds nothing is
 * looked at; it stays, so that the tests alone still tell. The rule is dead
 * then, unless a test before can drop the packet or is one of the kernel's own,
 * which is asked as often as native asks it.
 *
 * A test for a connection can end its match early with success, so behind it a
 * test that never holds decides for packets with a connection only.
 */

enum outcome {
	OUTCOME_UNKNOWN,
	OUTCOME_NEVER,
	OUTCOME_ALWAYS,
};

static enum outcome outcome(bool holds, bool invert)
{
	return holds != invert ? OUTCOME_ALWAYS : OUTCOME_NEVER;
}

static enum outcome masked_outcome(const struct ir_test *t)
{
	if (t->value & ~t->mask)
		return outcome(false, t->invert);
	if (!(t->mask & bpfilter_ir_field_max(t->field)))
		return outcome(!t->value, t->invert);
	return OUTCOME_UNKNOWN;
}

static enum outcome bytes_outcome(const struct ir_test *t)
{
	uint8_t any = 0;

	for (int i = 0; i < IR_BYTES_MAX; i++) {
		if (t->bytes[i] & ~t->bytes_mask[i])
			return outcome(false, t->invert);
		any |= t->bytes_mask[i];
	}
	return any ? OUTCOME_UNKNOWN : outcome(true, t->invert);
}

static enum outcome range_outcome(const struct ir_test *t)
{
	uint64_t max = bpfilter_ir_field_max(t->field);

	if (t->lo > t->hi || t->lo > max)
		return outcome(false, t->invert);
	if (!t->lo && t->hi >= max)
		return outcome(true, t->invert);
	return OUTCOME_UNKNOWN;
}

static enum outcome bytes_range_outcome(const struct ir_test *t)
{
	static const uint8_t zeroes[IR_BYTES_MAX];
	uint8_t ones[IR_BYTES_MAX];

	memset(ones, 0xff, sizeof(ones));
	if (memcmp(t->bytes, t->bytes_hi, IR_BYTES_MAX) > 0)
		return outcome(false, t->invert);
	if (!memcmp(t->bytes, zeroes, IR_BYTES_MAX) &&
	    !memcmp(t->bytes_hi, ones, IR_BYTES_MAX))
		return outcome(true, t->invert);
	return OUTCOME_UNKNOWN;
}

static enum outcome ports_outcome(const struct ir_ruleset *rs,
				  const struct ir_test *t)
{
	bool empty = true;

	for (uint32_t i = 0; i < t->num_ranges; i++) {
		const struct ir_range *r = &rs->ranges[t->first_range + i];

		if (!r->lo && r->hi == UINT16_MAX)
			return outcome(true, t->invert);
		empty &= r->lo > r->hi;
	}
	return empty ? outcome(false, t->invert) : OUTCOME_UNKNOWN;
}

/* It has no memory, so that nothing is lost if it is not asked */
static enum outcome random_outcome(const struct ir_test *t)
{
	if (!t->value || t->value > INT32_MAX)
		return outcome(t->value, t->invert);
	return OUTCOME_UNKNOWN;
}

static enum outcome any_bit_outcome(const struct ir_test *t)
{
	if (!(t->mask & bpfilter_ir_field_max(t->field)))
		return outcome(false, t->invert);
	return OUTCOME_UNKNOWN;
}

static enum outcome test_outcome(const struct ir_ruleset *rs,
				 const struct ir_test *t)
{
	switch (t->kind) {
	case IR_TEST_MASKED:
		return masked_outcome(t);
	case IR_TEST_BYTES:
		return bytes_outcome(t);
	case IR_TEST_RANGE:
		return range_outcome(t);
	case IR_TEST_BYTES_RANGE:
		return bytes_range_outcome(t);
	case IR_TEST_PORTS:
		return ports_outcome(rs, t);
	case IR_TEST_RANDOM:
		return random_outcome(t);
	case IR_TEST_ANY_BIT:
		return any_bit_outcome(t);
	case IR_TEST_CONST:
		return outcome(t->value, t->invert);
	case IR_TEST_PRESENT:
	case IR_TEST_HEADER:
	case IR_TEST_CONN:
	case IR_TEST_BRIDGE:
		return OUTCOME_UNKNOWN;
	}
	return OUTCOME_UNKNOWN;
}

static const struct ir_test test_never = { .kind = IR_TEST_CONST };

/**
 * struct seen - what came before in a rule
 * @matters:	a test that does more than to hold or not
 * @never:	a match that never matches
 */
struct seen {
	bool matters;
	bool never;
};

static void simplify_match(struct ir_ruleset *rs, struct ir_match *match,
			   struct seen *seen)
{
	struct ir_test *tests = rs->tests + match->first;
	bool may_end = false, never = false;
	uint32_t num = 0;

	for (uint32_t t = 0; t < match->num && !never; t++) {
		enum outcome out = test_outcome(rs, &tests[t]);

		if (out == OUTCOME_ALWAYS)
			continue;
		never = out == OUTCOME_NEVER;
		tests[num++] = never ? test_never : tests[t];
		may_end |= bpfilter_ir_test_may_end(&tests[num - 1]);
		seen->matters |= bpfilter_ir_test_matters(&tests[num - 1]);
	}
	if (num && bpfilter_ir_test_may_end(&tests[num - 1]))
		num--;
	match->num = num;
	seen->never |= never && !may_end;
}

static int simplify_rule(struct ir_ruleset *rs, struct ir_rule *rule)
{
	struct ir_match *matches = rs->matches + rule->first_match;
	struct seen seen = {};

	for (uint32_t m = 0; m < rule->num_matches; m++) {
		if (seen.never)
			matches[m].num = 0;
		else
			simplify_match(rs, &matches[m], &seen);
	}
	if (!seen.never)
		return 0;
	bpfilter_ir_never(rule, IR_NEVER_TEST, 0);
	return seen.matters ? 0 : bpfilter_ir_rule_kill(rs, rule);
}

static int simplify_run(struct ir_ruleset *rs, struct refusal *why)
{
	for (uint32_t i = 0; i < rs->num_rules; i++)
		if (simplify_rule(rs, &rs->rules[i]))
			return bpfilter_refuse(why, ENOMEM, false, NULL,
					       "out of memory");
	return 0;
}

const struct pass bpfilter_pass_simplify = {
	.name = "simplify",
	.run = simplify_run,
};
