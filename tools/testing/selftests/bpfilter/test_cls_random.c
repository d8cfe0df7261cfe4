// SPDX-License-Identifier: GPL-2.0
/*
 * Classifiers against a look at each rule: random rules over random dims, and
 * packets at the rules' edges. A rule that matches must be named, and in order.
 */
#include <stdlib.h>
#include <string.h>

#include "../kselftest_harness.h"
#include "data.h"
#include "unit/cls_case.h"

#define CASES		1200
#define PACKETS		60

/**
 * struct taste - how values of a dim are made
 * @how:	what kind of range is usual
 * @values:	number of different bases
 * @open:	one rule in so many does not mind
 */
struct taste {
	uint32_t how;
	uint32_t values;
	uint32_t open;
};

static void random_dims(struct cls_case *c, struct rng *r, struct taste *taste)
{
	static const uint8_t bits[] = { 1, 4, 8, 16, 31, 32 };
	uint32_t num = 1 + rng_below(r, rng_one_in(r, 4) ? 12 : 5);

	for (uint32_t d = 0; d < num; d++) {
		uint8_t width = bits[rng_below(r, 6)];

		cls_case_dim(c, d, width == 32 ? 0 : rng_below(r, 33 - width),
			     width);
		taste[d].how = rng_below(r, 4);
		taste[d].values = 1 + rng_below(r, 1 << rng_below(r, 12));
		taste[d].open = 1 + rng_below(r, 8);
	}
}

static uint32_t random_base(const struct taste *t, struct rng *r, uint32_t max)
{
	uint64_t nth = rng_below(r, t->values);

	if (rng_one_in(r, 10))
		return rng_below(r, UINT32_MAX) & max;
	return nth * 0x9e3779b9u & max;
}

static void random_range(const struct taste *t, struct rng *r, uint32_t bits,
			 uint32_t max, struct cls_range *range)
{
	uint32_t base = random_base(t, r, max);
	uint32_t low = rng_one_in(r, 3) ? rng_below(r, bits) : bits / 4;
	uint32_t host = (1U << low) - 1;

	if (rng_one_in(r, t->open))
		return;
	switch (rng_one_in(r, 5) ? rng_below(r, 4) : t->how) {
	case 0:
		range->lo = base;
		range->hi = base;
		break;
	case 1:
		range->lo = base & ~host;
		range->hi = base | host;
		break;
	case 2:
		range->lo = base;
		range->hi = max - base < host ? max : base + host;
		break;
	default:
		if (rng_one_in(r, 2))
			range->lo = base;
		else
			range->hi = base;
		break;
	}
}

static void random_rules(struct cls_case *c, struct rng *r,
			 const struct taste *taste)
{
	uint32_t num = rng_below(r, 1 << rng_below(r, 11));

	for (uint32_t i = 0; i < num; i++) {
		struct cls_range *range = cls_case_rule(c);

		for (uint32_t d = 0; d < c->num_dims; d++)
			random_range(&taste[d], r, c->dims[d].bits,
				     cls_case_max(c, d), &range[d]);
	}
}

/*
 * What has no upper bound and what has one, from the same odd value on, or both
 * the other way round: a part of the dim that is no block of bits.
 */
static void random_one_sided(struct cls_case *c, struct rng *r)
{
	uint32_t bits = rng_one_in(r, 2) ? 16 : 32, max, bound, num;
	bool up = rng_one_in(r, 2);

	cls_case_dim(c, 0, 0, bits);
	cls_case_dim(c, 1, 0, 8);
	max = cls_case_max(c, 0);
	bound = rng_below(r, UINT32_MAX) & (max >> rng_below(r, bits));
	num = 100 + rng_below(r, 200);
	for (uint32_t i = 0; i < num; i++) {
		struct cls_range *range = cls_case_rule(c);
		uint32_t room = rng_below(r, 1U << rng_below(r, bits));

		if (rng_one_in(r, 3))
			continue;
		range[0].lo = up ? bound : 0;
		range[0].hi = up ? max : bound;
		if (!rng_one_in(r, 40))
			continue;
		if (up)
			range[0].hi = max - bound < room ? max : bound + room;
		else
			range[0].lo = bound < room ? 0 : bound - room;
	}
}

/* Returns the number of the packet that is answered wrongly, or -1 */
static int run_packets(const struct cls_case *c, struct rng *r)
{
	struct cls_packet p;

	for (int i = 0; i < PACKETS && c->num_rules; i++) {
		uint32_t from = rng_one_in(r, 3) ? rng_below(r, c->num_rules) : 0;

		if (rng_one_in(r, 8))
			cls_packet_random(c, r, &p);
		else
			cls_packet_near(c, r, rng_below(r, c->num_rules), &p);
		if (cls_case_look_up(c, &p, from) < 0)
			return i;
	}
	return -1;
}

FIXTURE(rules)
{
};

FIXTURE_SETUP(rules)
{
}

FIXTURE_TEARDOWN(rules)
{
}

/* A machine that does other things, too, may take long */
TEST_F_TIMEOUT(rules, all_that_match_are_named, 600)
{
	uint64_t rules = 0, trees = 0, nodes = 0;

	for (uint32_t seed = 1; seed <= CASES; seed++) {
		struct taste taste[CLS_DIMS_MAX];
		struct rng r = { seed };
		struct cls_case c = { 0 };

		random_dims(&c, &r, taste);
		random_rules(&c, &r, taste);
		ASSERT_EQ(0, cls_case_build(&c))
			TH_LOG("seed %u", seed);
		ASSERT_EQ(NULL, cls_case_verify(&c))
			TH_LOG("seed %u: %s", seed, cls_case_verify(&c));
		ASSERT_GE(1024ULL * c.num_rules + 4096, c.stats.bytes)
			TH_LOG("seed %u", seed);
		ASSERT_EQ(-1, run_packets(&c, &r))
			TH_LOG("seed %u: %u rules, %u dims", seed, c.num_rules,
			       c.num_dims);
		rules += c.num_rules;
		trees += c.num_trees;
		nodes += c.stats.nodes;
		cls_case_free(&c);
	}
	TH_LOG("%llu rules, %llu trees, %llu nodes", (unsigned long long)rules,
	       (unsigned long long)trees, (unsigned long long)nodes);
	EXPECT_LT(50 * CASES, rules);
	EXPECT_LT(CASES, trees);
	EXPECT_LT(CASES, nodes);
}

TEST_F_TIMEOUT(rules, open_ends, 600)
{
	for (uint32_t seed = 1; seed <= CASES; seed++) {
		struct cls_packet p = { 0 };
		struct rng r = { seed };
		struct cls_case c = { 0 };

		random_one_sided(&c, &r);
		ASSERT_EQ(0, cls_case_build(&c));
		ASSERT_EQ(NULL, cls_case_verify(&c));
		for (int i = 0; i < PACKETS; i++) {
			cls_packet_random(&c, &r, &p);
			ASSERT_LE(0, cls_case_look_up(&c, &p, 0))
				TH_LOG("seed %u, packet %d", seed, i);
		}
		cls_case_free(&c);
	}
}

TEST_HARNESS_MAIN
