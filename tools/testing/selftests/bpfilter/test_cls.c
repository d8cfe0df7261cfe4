// SPDX-License-Identifier: GPL-2.0
/*
 * Classifiers of rules of one kind, small and large: whatever matches is named,
 * and what that costs in nodes, candidates and memory.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../kselftest_harness.h"
#include "data.h"
#include "unit/cls_case.h"

#define LARGE		20000
#define PACKETS		2000

/* Dims of general rules */
enum {
	SADDR,
	DADDR,
	SPORT,
	DPORT,
	PROTO,
};

FIXTURE(cls)
{
	struct cls_case c;
	struct rng r;
	uint64_t named;
	uint32_t most;
	uint32_t steps;
};

FIXTURE_SETUP(cls)
{
	memset(self, 0, sizeof(*self));
	self->r.state = 20;
}

FIXTURE_TEARDOWN(cls)
{
	cls_case_free(&self->c);
}

static void dims_tuple(struct cls_case *c)
{
	cls_case_dim(c, 0, 0, 32);
	cls_case_dim(c, 1, 0, 32);
	cls_case_dim(c, 2, 0, 16);
	cls_case_dim(c, 2, 16, 16);
	cls_case_dim(c, 3, 8, 8);
}

static void exactly(struct cls_range *range, uint32_t value)
{
	range->lo = value;
	range->hi = value;
}

static void prefix(struct cls_range *range, uint32_t addr, uint32_t len)
{
	uint32_t host = len ? (1ULL << (32 - len)) - 1 : UINT32_MAX;

	range->lo = addr & ~host;
	range->hi = addr | host;
}

static uint32_t depth(const struct cls_case *c, const struct cls_packet *p)
{
	uint32_t steps = 0;

	for (uint32_t i = 0; i < c->num_trees; i++)
		cls_descend(&c->buf, c->root[i], p, &steps);
	return steps;
}

/* Looks packets up; false if one is answered wrongly */
static bool look_up(struct cls_case *c, struct rng *r, uint64_t *named,
		    uint32_t *most, uint32_t *steps, bool near)
{
	struct cls_packet p;

	*named = 0;
	*most = 0;
	*steps = 0;
	for (uint32_t i = 0; i < PACKETS; i++) {
		int num;

		if (near)
			cls_packet_near(c, r, rng_below(r, c->num_rules), &p);
		else
			cls_packet_random(c, r, &p);
		num = cls_case_look_up(c, &p, 0);
		if (num < 0)
			return false;
		*named += num;
		*most = (uint32_t)num > *most ? (uint32_t)num : *most;
		*steps += depth(c, &p);
	}
	return true;
}

#define BUILD()								\
	do {								\
		ASSERT_EQ(0, cls_case_build(&self->c));			\
		ASSERT_EQ(NULL, cls_case_verify(&self->c));		\
	} while (0)

#define LOOK_UP(near)							\
	ASSERT_TRUE(look_up(&self->c, &self->r, &self->named, &self->most,	\
			    &self->steps, near))

TEST_F(cls, no_rules)
{
	dims_tuple(&self->c);
	BUILD();
	EXPECT_EQ(0, self->c.num_trees);
	EXPECT_EQ(0, self->c.stats.bytes);
}

TEST_F(cls, one_rule)
{
	dims_tuple(&self->c);
	exactly(&cls_case_rule(&self->c)[DPORT], 80);
	BUILD();
	EXPECT_EQ(1, self->c.num_trees);
	EXPECT_EQ(self->c.record[0] | DATA_REF_RECORD, self->c.root[0]);
	EXPECT_EQ(0, self->c.stats.bytes);
}

TEST_F(cls, no_dims)
{
	struct cls_packet p = { 0 };

	for (uint32_t i = 0; i < 100; i++)
		cls_case_rule(&self->c);
	BUILD();
	EXPECT_EQ(100, cls_case_look_up(&self->c, &p, 0));
	EXPECT_EQ(1, cls_case_look_up(&self->c, &p, 99));
}

TEST_F(cls, too_many_dims)
{
	struct cls_rules rules = { .num_dims = CLS_DIMS_MAX + 1, .num_rules = 1 };
	struct cls_case *c = &self->c;

	EXPECT_EQ(-EINVAL, cls_build(&c->buf, &rules, c->root, &c->num_trees,
				     &c->stats));
}

TEST_F(cls, error_of_the_buffer)
{
	dims_tuple(&self->c);
	for (uint32_t i = 0; i < 100; i++)
		exactly(&cls_case_rule(&self->c)[DPORT], i);
	self->c.buf.error = -E2BIG;
	EXPECT_EQ(-E2BIG, cls_case_build(&self->c));
}

/* Nothing tells them apart, but packets that none matches are told from others */
TEST_F(cls, alike)
{
	dims_tuple(&self->c);
	for (uint32_t i = 0; i < 10000; i++) {
		struct cls_range *range = cls_case_rule(&self->c);

		exactly(&range[SADDR], 0x0a000001);
		exactly(&range[DPORT], 80);
	}
	BUILD();
	EXPECT_GT(5 * 10000, self->c.stats.bytes);
	LOOK_UP(false);
	EXPECT_EQ(0, self->named);
}

/*
 * Ports from 1024 on, and what is narrower but begins there too: what tells the
 * latter apart must not hide the former from ports far above.
 */
TEST_F(cls, open_end_above_an_odd_bound)
{
	struct cls_packet p = { 0 };

	dims_tuple(&self->c);
	for (uint32_t i = 0; i < 141; i++) {
		struct cls_range *range = cls_case_rule(&self->c);

		exactly(&range[PROTO], 6);
		if (i <= 80)
			range[DPORT] = (struct cls_range){ 1024,
							   i < 80 ? 65535 : 4999 };
	}
	BUILD();
	cls_packet_set(&self->c, &p, PROTO, 6);
	for (uint32_t port = 0; port < 65536; port++) {
		cls_packet_set(&self->c, &p, DPORT, port);
		ASSERT_LE(0, cls_case_look_up(&self->c, &p, 0))
			TH_LOG("port %u", port);
	}
}

TEST_F(cls, from_a_position_on)
{
	struct cls_packet p;

	dims_tuple(&self->c);
	for (uint32_t i = 0; i < 300; i++)
		prefix(&cls_case_rule(&self->c)[SADDR], 0xc0a80101, i % 33);
	BUILD();
	for (uint32_t i = 0; i < 300; i++) {
		cls_packet_near(&self->c, &self->r, i, &p);
		ASSERT_LE(0, cls_case_look_up(&self->c, &p, i));
		ASSERT_LE(0, cls_case_look_up(&self->c, &p, 299 - i));
	}
}

TEST_F(cls, deterministic)
{
	struct cls_case other = { 0 };
	struct rng r = { 9 };

	dims_tuple(&self->c);
	dims_tuple(&other);
	for (uint32_t i = 0; i < 3000; i++) {
		struct cls_range *range = cls_case_rule(&self->c);

		prefix(&range[rng_below(&r, 2)], rng_below(&r, UINT32_MAX),
		       rng_below(&r, 33));
		exactly(&range[DPORT], rng_below(&r, 100));
		memcpy(cls_case_rule(&other), range, sizeof(*range) * 5);
	}
	BUILD();
	EXPECT_EQ(0, cls_case_build(&other));
	EXPECT_EQ(self->c.buf.len, other.buf.len);
	EXPECT_EQ(0, memcmp(self->c.buf.bytes, other.buf.bytes, other.buf.len));
	cls_case_free(&other);
}

/* A list of addresses: one node, and hardly a rule too many */
TEST_F(cls, addresses)
{
	cls_case_dim(&self->c, 5, 0, 32);
	for (uint32_t i = 0; i < LARGE; i++)
		exactly(cls_case_rule(&self->c), rng_below(&self->r, UINT32_MAX));
	BUILD();
	EXPECT_EQ(1, self->c.num_trees);
	EXPECT_GT(40 * LARGE, self->c.stats.bytes);
	LOOK_UP(true);
	EXPECT_GT(PACKETS * 11 / 10, self->steps);
	EXPECT_GT(PACKETS * 13 / 10, self->named);
	LOOK_UP(false);
	EXPECT_GT(PACKETS * 5 / 10, self->named);
}

TEST_F(cls, stats)
{
	struct cls_stats *stats = &self->c.stats;

	dims_tuple(&self->c);
	for (uint32_t i = 0; i < 500; i++)
		exactly(&cls_case_rule(&self->c)[SADDR], i * 7);
	exactly(&cls_case_rule(&self->c)[DPORT], 80);
	BUILD();
	EXPECT_EQ(self->c.num_trees, stats->num_trees);
	EXPECT_EQ(self->c.buf.len - stats->bytes, self->c.record[500] +
		  sizeof(struct data_record) * (1 + 500 % 3));
	EXPECT_LE(1, stats->nodes);
	EXPECT_LE(1, stats->deepest);
	EXPECT_LE(2, stats->longest);
	EXPECT_LE(1, stats->lists);
	EXPECT_LE(90, stats->steps);
	EXPECT_GE(300, stats->steps);
	EXPECT_LE(100, stats->candidates);
	EXPECT_GE(200, stats->candidates);
}

/* Clusters leave cuts of the highest bits empty but for few of them */
TEST_F(cls, addresses_in_clusters)
{
	cls_case_dim(&self->c, 5, 0, 32);
	for (uint32_t i = 0; i < LARGE; i++)
		exactly(cls_case_rule(&self->c), 0x0a000000 + (i & 7) * 0x100000 +
			i / 8 * 3);
	BUILD();
	EXPECT_GT(40 * LARGE, self->c.stats.bytes);
	LOOK_UP(true);
	EXPECT_GT(PACKETS * 2, self->steps);
	EXPECT_GT(PACKETS * 15 / 10, self->named);
}

TEST_F(cls, prefixes)
{
	cls_case_dim(&self->c, 5, 0, 32);
	for (uint32_t i = 0; i < LARGE; i++)
		prefix(cls_case_rule(&self->c), rng_below(&self->r, UINT32_MAX),
		       8 + rng_below(&self->r, 25));
	BUILD();
	EXPECT_GT(100 * LARGE, self->c.stats.bytes);
	LOOK_UP(true);
	EXPECT_GT(PACKETS * 8, self->steps);
}

/* Two words of an IPv6 address: the first is nearly always the same */
TEST_F(cls, prefixes_over_words)
{
	cls_case_dim(&self->c, 4, 0, 32);
	cls_case_dim(&self->c, 5, 0, 32);
	for (uint32_t i = 0; i < LARGE; i++) {
		struct cls_range *range = cls_case_rule(&self->c);

		exactly(&range[0], 0x20010db8 + !(i % 100));
		prefix(&range[1], rng_below(&self->r, UINT32_MAX),
		       i % 4 ? 32 : 16);
	}
	BUILD();
	EXPECT_GT(100 * LARGE, self->c.stats.bytes);
	LOOK_UP(true);
	EXPECT_GT(PACKETS * 4, self->steps);
	EXPECT_GT(PACKETS * 4, self->named);
}

TEST_F(cls, services)
{
	dims_tuple(&self->c);
	for (uint32_t i = 0; i < LARGE; i++) {
		struct cls_range *range = cls_case_rule(&self->c);

		exactly(&range[DADDR], 0x0a600000 + rng_below(&self->r, LARGE));
		exactly(&range[DPORT], i % 3 ? 80 + i % 7 : i & 0xffff);
		exactly(&range[PROTO], i % 5 ? 6 : 17);
	}
	BUILD();
	EXPECT_EQ(1, self->c.num_trees);
	EXPECT_GT(40 * LARGE, self->c.stats.bytes);
	LOOK_UP(true);
	EXPECT_GT(PACKETS * 2, self->steps);
	EXPECT_GT(PACKETS * 2, self->named);
}

TEST_F(cls, ports_and_ranges_of_ports)
{
	dims_tuple(&self->c);
	for (uint32_t i = 0; i < 1000; i++) {
		struct cls_range *range = &cls_case_rule(&self->c)[DPORT];

		range->lo = rng_below(&self->r, 65000);
		range->hi = i % 2 ? range->lo : range->lo + rng_below(&self->r, 500);
	}
	BUILD();
	EXPECT_GT(1024 * 1000, self->c.stats.bytes);
	LOOK_UP(true);
	EXPECT_GT(PACKETS * 5, self->steps);
}

/* Each contains the one before: no structure makes lists of all of them shorter */
TEST_F(cls, nested_ranges)
{
	dims_tuple(&self->c);
	for (uint32_t i = 0; i < 2000; i++) {
		struct cls_range *range = &cls_case_rule(&self->c)[DPORT];

		range->lo = 30000 - i;
		range->hi = 30000 + i;
	}
	BUILD();
	EXPECT_GT(1024 * 2000, self->c.stats.bytes);
	LOOK_UP(true);
}

/* Names of interfaces: four words, of which the first two tell */
TEST_F(cls, names)
{
	for (uint32_t w = 0; w < 4; w++)
		cls_case_dim(&self->c, 8 + w, 0, 32);
	for (uint32_t i = 0; i < 2000; i++) {
		struct cls_range *range = cls_case_rule(&self->c);
		char name[16] = { 0 };
		uint32_t word[4];

		snprintf(name, sizeof(name), "veth%07x", i * 77);
		memcpy(word, name, sizeof(word));
		for (uint32_t w = 0; w < 4; w++)
			exactly(&range[w], word[w]);
	}
	BUILD();
	LOOK_UP(true);
	EXPECT_GT(PACKETS * 2, self->steps);
	EXPECT_GT(PACKETS * 2, self->named);
}

/* Firewalls: most rules leave one address open, some both */
static void tuples(struct cls_case *c, struct rng *r, uint32_t num)
{
	static const uint8_t lens[] = { 0, 8, 16, 21, 24, 27, 30, 32 };
	static const uint16_t ports[] = { 22, 25, 53, 80, 123, 443, 8080 };

	for (uint32_t i = 0; i < num; i++) {
		struct cls_range *range = cls_case_rule(c);
		bool source = rng_one_in(r, 2);

		if (source || rng_one_in(r, 3))
			prefix(&range[SADDR], rng_below(r, UINT32_MAX),
			       lens[rng_below(r, 8)]);
		if (!source || rng_one_in(r, 3))
			prefix(&range[DADDR], rng_below(r, UINT32_MAX),
			       lens[rng_below(r, 8)]);
		if (rng_one_in(r, 2))
			exactly(&range[DPORT], ports[rng_below(r, 7)]);
		else if (rng_one_in(r, 3))
			range[DPORT].lo = 1024;
		if (rng_one_in(r, 9))
			range[SPORT].lo = 1024;
		if (!rng_one_in(r, 4))
			exactly(&range[PROTO], rng_one_in(r, 3) ? 17 : 6);
	}
}

TEST_F(cls, tuples)
{
	dims_tuple(&self->c);
	tuples(&self->c, &self->r, 1000);
	BUILD();
	EXPECT_GT(1024 * 1000, self->c.stats.bytes);
	LOOK_UP(true);
	LOOK_UP(false);
}

/* So many that they are divided in another way */
TEST_F(cls, many_tuples)
{
	dims_tuple(&self->c);
	tuples(&self->c, &self->r, 25000);
	BUILD();
	EXPECT_GT(1024 * 25000, self->c.stats.bytes);
	LOOK_UP(true);
	LOOK_UP(false);
}

TEST_HARNESS_MAIN
