// SPDX-License-Identifier: GPL-2.0
#include "ir_build.h"
#include "pass_shadow.h"

/* Two rules, of which the earlier one may cover the other: see pass_shadow.c */

/**
 * shadow_looks_at_mark() - whether a test looks at the packet's mark
 * @t:		test
 *
 * Return: true if it does.
 */
bool shadow_looks_at_mark(const struct ir_test *t)
{
	return t->field == IR_FIELD_MARK && (t->kind == IR_TEST_MASKED ||
					     t->kind == IR_TEST_RANGE ||
					     t->kind == IR_TEST_ANY_BIT);
}

/**
 * shadow_rule_marks() - whether a rule looks at the mark
 * @rs:		the ruleset
 * @rule:	its index
 *
 * Return: true if one of its tests does.
 */
bool shadow_rule_marks(const struct ir_ruleset *rs, uint32_t rule)
{
	const struct ir_rule *r = &rs->rules[rule];
	const struct ir_match *m = &rs->matches[r->first_match];

	for (uint32_t i = 0; i < r->num_matches; i++)
		for (uint32_t k = 0; k < m[i].num; k++)
			if (shadow_looks_at_mark(&rs->tests[m[i].first + k]))
				return true;
	return false;
}

/* The place of the fact that implies a test, counted from 1; 0: none does */
static uint32_t implied_at(const struct shadow_query *q,
			   const struct ir_test *t, uint32_t before)
{
	for (uint32_t i = 0; i < q->num; i++) {
		const struct shadow_fact *fact = &q->facts[i];
		bool is_own = fact->rule == q->rule;

		if (is_own && fact->place >= before)
			continue;
		if (bpfilter_test_implies(q->rs, &q->rs->tests[fact->test], t))
			return is_own ? fact->place + 1 : 1;
	}
	return 0;
}

static bool needs_none(const struct ir_test *t)
{
	return bpfilter_ir_test_may_end(t) ||
	       (t->kind == IR_TEST_CONST && t->value && !t->invert);
}

/**
 * shadow_covers() - whether an earlier rule holds wherever a rule does
 * @q:		the rule
 * @by:		index of the earlier one
 * @decided:	filled with the number of tests of the rule that say so
 *
 * Return: true if it does.
 */
bool shadow_covers(const struct shadow_query *q, uint32_t by, uint32_t *decided)
{
	const struct ir_rule *r = &q->rs->rules[by];
	const struct ir_match *m = &q->rs->matches[r->first_match];

	*decided = 0;
	for (uint32_t i = 0; i < r->num_matches; i++) {
		for (uint32_t k = 0; k < m[i].num; k++) {
			const struct ir_test *t = &q->rs->tests[m[i].first + k];
			uint32_t place;

			if (needs_none(t))
				continue;
			place = implied_at(q, t, UINT32_MAX);
			if (!place)
				return false;
			if (place > *decided)
				*decided = place;
		}
	}
	return true;
}

static bool same_question(const struct ir_test *a, const struct ir_test *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == IR_TEST_HEADER)
		return a->header == b->header;
	return a->kind == IR_TEST_PRESENT && a->value == b->value;
}

/*
 * Has rule @by put the question of test @t, at @place, to each packet that this
 * rule puts it to? Those have passed the tests before it.
 */
static bool asked_before(const struct shadow_query *q, uint32_t by,
			 const struct ir_test *t, uint32_t place)
{
	const struct ir_rule *r = &q->rs->rules[by];
	const struct ir_match *m = &q->rs->matches[r->first_match];

	for (uint32_t i = 0; i < r->num_matches; i++) {
		for (uint32_t k = 0; k < m[i].num; k++) {
			const struct ir_test *other =
				&q->rs->tests[m[i].first + k];

			if (same_question(t, other))
				return true;
			if (bpfilter_ir_test_may_end(other) ||
			    !implied_at(q, other, place))
				return false;
		}
	}
	return false;
}

/**
 * shadow_can_go() - whether nothing is missed without a rule that is covered
 * @q:		the rule
 * @by:		index of the rule that covers it
 * @decided:	from shadow_covers()
 *
 * Return: true if none of its tests drops or asks more than that rule's.
 */
bool shadow_can_go(const struct shadow_query *q, uint32_t by, uint32_t decided)
{
	const struct ir_rule *r = &q->rs->rules[q->rule];
	const struct ir_match *m = &q->rs->matches[r->first_match];
	uint32_t place = 0;

	for (uint32_t i = 0; i < r->num_matches; i++) {
		for (uint32_t k = 0; k < m[i].num; k++, place++) {
			const struct ir_test *t = &q->rs->tests[m[i].first + k];

			if (place >= decided)
				return true;
			if (bpfilter_ir_test_matters(t) &&
			    !asked_before(q, by, t, place))
				return false;
		}
	}
	return true;
}
