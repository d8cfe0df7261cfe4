// SPDX-License-Identifier: GPL-2.0
/*
 * How many of a chain's rules classifiers leave to be tested.
 *
 * A classifier tells rules apart by the values that they ask for. What counts is
 * not that a rule asks for something but that the others ask for something else:
 * where all rules ask for TCP it leaves all of them. So for each field it is
 * counted how many tests ask for it, and how many of them for the same value. A
 * packet gets to a rule in the share that these have among those, of the rule's
 * fields the one with the least; a rule that asks for nothing gets all packets.
 *
 * That takes packets to be for each rule equally often, and values that differ
 * to exclude each other: prefixes that overlap are not looked at. Of ports the
 * share is no less than what their range has of all ports, and a list of ports
 * is the range from its first to its last, which is all that classifiers hold.
 */
#include <errno.h>
#include <stdlib.h>

#include "ir_set.h"
#include "plan_graph.h"

/* All packets, as a share */
#define SHARE_ALL	0x100000U

/* Where so many places are taken the last stands for what finds none */
#define PROBES_MAX	16

/**
 * plan_test_selects() - does a test ask for what a classifier can look for?
 * @t:		test
 *
 * Return: whether it asks for a value, or a range of them, of such a field.
 */
bool plan_test_selects(const struct ir_test *t)
{
	switch (t->kind) {
	case IR_TEST_BYTES:
		return !t->invert && t->field != IR_FIELD_MAC_SADDR &&
		       (t->field < IR_FIELD_CT_ORIGSRC ||
			t->field > IR_FIELD_CT_REPLDST);
	case IR_TEST_MASKED:
	case IR_TEST_RANGE:
	case IR_TEST_BYTES_RANGE:
		return !t->invert;
	case IR_TEST_PORTS:
		return !t->invert &&
		       t->ports != (IR_PORTS_SRC | IR_PORTS_DST);
	case IR_TEST_ANY_BIT:
	case IR_TEST_PRESENT:
	case IR_TEST_HEADER:
	case IR_TEST_CONN:
	case IR_TEST_RANDOM:
	case IR_TEST_BRIDGE:
	case IR_TEST_CONST:
		return false;
	}
	return false;
}

/* struct cursor - on the way through the tests of a rule; starts with zeroes */
struct cursor {
	uint32_t match;
	uint32_t test;
};

/*
 * The next test that a classifier can look for. None of those behind a match
 * that the kernel is asked for: that has to be asked whatever they say.
 */
static const struct ir_test *next_test(const struct ir_ruleset *rs,
				       const struct ir_rule *rule,
				       struct cursor *at)
{
	for (; at->match < rule->num_matches; at->match++, at->test = 0) {
		const struct ir_match *match =
			&rs->matches[rule->first_match + at->match];

		while (at->test < match->num) {
			const struct ir_test *t =
				&rs->tests[match->first + at->test++];

			if (t->kind == IR_TEST_BRIDGE)
				return NULL;
			if (plan_test_selects(t))
				return t;
		}
	}
	return NULL;
}

/* --- What a test asks for --- */

static enum ir_field field_of(const struct ir_test *t)
{
	if (t->kind != IR_TEST_PORTS)
		return t->field;
	return t->ports & IR_PORTS_SRC ? IR_FIELD_L4_SPORT : IR_FIELD_L4_DPORT;
}

static struct ir_range range_of_list(const struct ir_ruleset *rs,
				     const struct ir_test *t)
{
	struct ir_range all = { UINT16_MAX, 0 };

	for (uint32_t i = 0; i < t->num_ranges; i++) {
		const struct ir_range *r = &rs->ranges[t->first_range + i];

		if (r->lo > r->hi)
			continue;
		all.lo = r->lo < all.lo ? r->lo : all.lo;
		all.hi = r->hi > all.hi ? r->hi : all.hi;
	}
	return all;
}

static uint64_t hash_of(const struct ir_ruleset *rs, const struct ir_test *t)
{
	struct ir_range r;

	if (t->kind != IR_TEST_PORTS)
		return bpfilter_test_hash(rs, t);
	r = range_of_list(rs, t);
	return bpfilter_ir_mix(bpfilter_ir_mix(t->kind, t->ports),
			       (uint32_t)r.lo << 16 | r.hi);
}

/* What a range of ports has of all ports */
static uint32_t share_of_ports(const struct ir_ruleset *rs,
			       const struct ir_test *t)
{
	struct ir_range r = { 0, 0 };
	enum ir_field field = field_of(t);

	if (t->kind == IR_TEST_PORTS)
		r = range_of_list(rs, t);
	else if (t->kind == IR_TEST_RANGE &&
		 (field == IR_FIELD_L4_SPORT || field == IR_FIELD_L4_DPORT))
		r = (struct ir_range) { t->lo, t->hi };
	return r.lo < r.hi ? (r.hi - r.lo) * (SHARE_ALL >> 16) : 0;
}

/* --- Counting --- */

/* struct value - @num tests ask for what @hash stands for; 0: a free place */
struct value {
	uint64_t hash;
	uint32_t num;
};

/**
 * struct tally - what the rules of a chain ask for
 * @rs:		the table
 * @values:	hash table of @mask + 1 places, most of them free
 * @mask:	all bits of an index in @values
 * @asking:	by field, how many tests ask for it
 */
struct tally {
	const struct ir_ruleset *rs;
	struct value *values;
	uint32_t mask;
	uint32_t asking[IR_FIELD_COUNT];
};

static struct value *find_value(const struct tally *ty, uint64_t hash)
{
	struct value *v = NULL;

	for (uint32_t i = 0; i < PROBES_MAX; i++) {
		v = &ty->values[(hash + i) & ty->mask];
		if (!v->num || v->hash == hash)
			break;
	}
	return v;
}

static void add_rule(struct tally *ty, const struct ir_rule *rule)
{
	struct cursor at = {};
	const struct ir_test *t;

	while ((t = next_test(ty->rs, rule, &at))) {
		uint64_t hash = hash_of(ty->rs, t);
		struct value *v = find_value(ty, hash);

		if (!v->num)
			v->hash = hash;
		v->num++;
		ty->asking[field_of(t)]++;
	}
}

static uint32_t share_of_test(const struct tally *ty, const struct ir_test *t)
{
	uint64_t same = find_value(ty, hash_of(ty->rs, t))->num;
	uint32_t ports = share_of_ports(ty->rs, t);
	uint32_t share = same * SHARE_ALL / ty->asking[field_of(t)];

	if (share < ports)
		share = ports;
	if (!share)
		return 1;
	return share < SHARE_ALL ? share : SHARE_ALL;
}

/* Of the packets that classifiers are asked about, those that get to a rule */
static uint32_t share_of_rule(const struct tally *ty,
			      const struct ir_rule *rule)
{
	uint32_t share, least = SHARE_ALL;
	struct cursor at = {};
	const struct ir_test *t;

	while ((t = next_test(ty->rs, rule, &at))) {
		share = share_of_test(ty, t);
		if (least > share)
			least = share;
	}
	return least;
}

static int tally_make(struct tally *ty, uint32_t first, uint32_t end)
{
	uint64_t num = 0, room = 1;

	for (uint32_t i = first; i < end; i++) {
		const struct ir_rule *rule = &ty->rs->rules[i];
		struct cursor at = {};

		while (!rule->dead && next_test(ty->rs, rule, &at))
			num++;
	}
	while (room < 4 * num)
		room *= 2;
	if (room > UINT32_MAX)
		return -ENOMEM;
	ty->values = calloc(room, sizeof(*ty->values));
	if (!ty->values)
		return -ENOMEM;
	ty->mask = room - 1;
	for (uint32_t i = first; i < end; i++)
		if (!ty->rs->rules[i].dead)
			add_rule(ty, &ty->rs->rules[i]);
	return 0;
}

static bool may_fail(const struct ir_test *t)
{
	return !plan_test_selects(t) && t->kind != IR_TEST_HEADER &&
	       t->kind != IR_TEST_CONN;
}

/* Does a rule match whenever a classifier names it, as far as that is known? */
static bool is_sure(const struct ir_ruleset *rs, const struct ir_rule *rule)
{
	for (uint32_t m = 0; m < rule->num_matches; m++) {
		const struct ir_match *match =
			&rs->matches[rule->first_match + m];

		for (uint32_t t = 0; t < match->num; t++)
			if (may_fail(&rs->tests[match->first + t]))
				return false;
	}
	return true;
}

/* Are classifiers asked again behind a rule that they always name? */
static bool asks_again(const struct ir_ruleset *rs, const struct ir_rule *rule)
{
	return (rule->action == IR_ACTION_JUMP || plan_reloads(rs, rule)) &&
	       is_sure(rs, rule);
}

/**
 * plan_count_live() - count rules that need code
 * @rs:		the table
 * @first:	index of the first rule
 * @end:	index behind the last one
 *
 * Return: how many of them do.
 */
uint32_t plan_count_live(const struct ir_ruleset *rs, uint32_t first,
			 uint32_t end)
{
	uint32_t num = 0;

	for (uint32_t i = first; i < end; i++)
		num += !rs->rules[i].dead;
	return num;
}

/**
 * plan_count_rules() - count rules by what classifiers do for them
 * @rs:		the table
 * @first:	index of the first rule
 * @end:	index behind the last one
 * @out:	filled; after an error classifiers tell none of them apart
 *
 * Takes time and memory in proportion to the rules' tests.
 *
 * Return: 0 or -ENOMEM.
 */
int plan_count_rules(const struct ir_ruleset *rs, uint32_t first, uint32_t end,
		     struct plan_rules *out)
{
	struct tally ty = { .rs = rs };
	uint64_t left_out = 0;
	int err = tally_make(&ty, first, end);

	*out = (struct plan_rules) {
		.num = plan_count_live(rs, first, end),
	};
	for (uint32_t i = first; !err && i < end; i++) {
		const struct ir_rule *rule = &rs->rules[i];
		uint32_t share;

		if (rule->dead)
			continue;
		share = share_of_rule(&ty, rule);
		left_out += SHARE_ALL - share;
		out->num_again += share == SHARE_ALL && asks_again(rs, rule);
	}
	free(ty.values);
	out->num_selective = left_out / SHARE_ALL;
	return err;
}
