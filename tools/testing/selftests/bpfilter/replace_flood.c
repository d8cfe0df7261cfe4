// SPDX-License-Identifier: GPL-2.0
/*
 * Rulesets that all drop a flow replace each other while the flow floods: not
 * one packet passes, and the counters of the rules that are kept lose none.
 * Small rulesets, and large ones whose chains become data: with those memory
 * must not grow either.
 *
 * OUTPUT sees what was sent, INPUT what the loopback device delivered (under
 * load its backlog may be full). Both are known exactly without the firewall.
 *
 * BPFILTER_FULL=1 asks for 1,000 replaces of small rulesets instead of 100, and
 * 100 of rulesets of 100,000 rules instead of 10 of 10,000.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "flood.h"

#define LARGE_SOURCES	10000
#define LARGE_ROUNDS	10
#define LARGE_WARM_UP	4

/* Growth of memory that is noise: far less than one table for each replace */
#define LARGE_NOISE_KB	4096

FIXTURE(flood)
{
	int sk;
	bool full;
	struct flood_rules rules[FLOOD_RULESETS];
	struct flood flood;
};

FIXTURE_VARIANT(flood)
{
	enum rawipt_engine engine;
};

/* The oracle shows that the test itself asks for nothing impossible */
FIXTURE_VARIANT_ADD(flood, native)
{
	.engine = RAWIPT_NATIVE,
};

FIXTURE_VARIANT_ADD(flood, bpfilter)
{
	.engine = RAWIPT_BPFILTER,
};

FIXTURE_SETUP(flood)
{
	const char *why;

	self->full = getenv("BPFILTER_FULL");
	if (!rawipt_engine_usable(variant->engine, &why))
		SKIP(return, "%s", why);
	self->sk = rawipt_netns(variant->engine);
	ASSERT_LE(0, self->sk);
}

static void build_all(struct flood_rules *rules, unsigned int sources)
{
	for (unsigned int i = 0; i < FLOOD_RULESETS; i++)
		flood_rules_build(&rules[i], i, sources);
}

FIXTURE_TEARDOWN(flood)
{
	for (unsigned int i = 0; i < FLOOD_RULESETS; i++)
		rawipt_free(&self->rules[i].rules);
}

/* The receiver would see a packet if it passed */
TEST_F_TIMEOUT(flood, receiver_works, TEST_TIMEOUT_GUEST)
{
	int from = udp_sender(FLOOD_PORT), to = udp_receiver(FLOOD_PORT);
	struct rawipt empty;
	unsigned int i;

	build_all(self->rules, 0);
	rawipt_build_empty(&empty);
	for (i = 0; i < FLOOD_RULESETS; i++) {
		ASSERT_EQ(0, rawipt_replace(self->sk, &empty));
		ASSERT_EQ(1, write(from, "x", 1));
		EXPECT_EQ(1, udp_wait(to, 1, UDP_COMES_MS));
		ASSERT_EQ(0, rawipt_replace(self->sk, &self->rules[i].rules));
		ASSERT_EQ(1, write(from, "x", 1));
		EXPECT_EQ(0, udp_drain(to));
	}
	rawipt_free(&empty);
}

/* One after the other, each for a packet at least, @rounds times; the first ends */
static int replace_all(struct __test_metadata *_metadata, int sk,
		       struct flood_rules *rules, struct flood *flood,
		       unsigned int rounds)
{
	struct flood_rules *now = &rules[0], *next;
	int passed = 0;

	for (unsigned int i = 1; i <= rounds; i++) {
		next = &rules[i == rounds ? 0 : i % FLOOD_RULESETS];
		ASSERT_EQ(0, flood_replace(sk, now, next)) {
			TH_LOG("replace %u", i);
		}
		now = next;
		flood_wait(flood);
		passed += udp_drain(flood->to);
	}
	return passed;
}

/* When the flood has ended: @passed packets were seen while it went on */
static void check_counts(struct __test_metadata *_metadata, int sk,
			 const struct flood_rules *now,
			 const struct flood *flood, int passed)
{
	uint64_t sent = flood_sent(flood);
	struct xt_counters in, out;

	flood_settle(sk, now, flood_delivered(flood), &in, &out);
	passed += udp_drain(flood->to);
	TH_LOG("%llu packets sent, %llu delivered", (unsigned long long)sent,
	       (unsigned long long)flood_delivered(flood));

	EXPECT_EQ(0UL, flood_refused(flood));
	EXPECT_EQ(0, passed);
	EXPECT_EQ(sent, out.pcnt);
	EXPECT_EQ(sent * FLOOD_BYTES, out.bcnt);
	EXPECT_EQ(flood_delivered(flood), in.pcnt);
	EXPECT_EQ(in.pcnt * FLOOD_BYTES, in.bcnt);
}

TEST_F_TIMEOUT(flood, nothing_passes_nothing_is_lost, 3600)
{
	unsigned int rounds = self->full ? 1000 : 100;
	time_t start = time(NULL);
	int passed;

	build_all(self->rules, 0);
	ASSERT_EQ(0, rawipt_replace(self->sk, &self->rules[0].rules));
	flood_start(&self->flood, 0);
	passed = replace_all(_metadata, self->sk, self->rules, &self->flood,
			     rounds);
	flood_stop(&self->flood);
	TH_LOG("%u replaces, %ld s", rounds, (long)(time(NULL) - start));

	EXPECT_LT(rounds, flood_sent(&self->flood));
	check_counts(_metadata, self->sk, &self->rules[0], &self->flood,
		     passed);
}

/* Kilobytes of memory that the kernel has for rules, as far as it says so */
static long kernel_kb(void)
{
	static const char * const names[] = {
		"SUnreclaim", "VmallocUsed", "Percpu",
	};
	FILE *f = fopen("/proc/meminfo", "r");
	char line[128], name[32];
	long value, sum = 0;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%31[^:]: %ld", name, &value) != 2)
			continue;
		for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
			if (!strcmp(name, names[i]))
				sum += value;
	}
	if (f)
		fclose(f);
	return sum;
}

/* What is freed behind a grace period is so after some time */
static long settled_kb(long limit)
{
	long kb = kernel_kb();

	for (unsigned int i = 0; kb > limit && i < 100; i++) {
		usleep(100000);
		kb = kernel_kb();
	}
	return kb;
}

TEST_F_TIMEOUT(flood, large_tables, 3600)
{
	unsigned int factor = self->full ? 10 : 1;
	unsigned int rounds = LARGE_ROUNDS * factor;
	time_t start = time(NULL);
	long before, after;
	int passed;

	build_all(self->rules, LARGE_SOURCES * factor);
	ASSERT_EQ(0, rawipt_replace(self->sk, &self->rules[0].rules));
	flood_start(&self->flood, 1000);
	passed = replace_all(_metadata, self->sk, self->rules, &self->flood,
			     LARGE_WARM_UP);
	before = settled_kb(0);
	passed += replace_all(_metadata, self->sk, self->rules, &self->flood,
			      rounds);
	after = settled_kb(before + LARGE_NOISE_KB);
	flood_stop(&self->flood);
	TH_LOG("%u replaces of %u rules, %ld s, memory %ld KiB before, %ld KiB after",
	       rounds, LARGE_SOURCES * factor, (long)(time(NULL) - start),
	       before, after);

	EXPECT_GE(before + LARGE_NOISE_KB, after);
	check_counts(_metadata, self->sk, &self->rules[0], &self->flood,
		     passed);
}

TEST_HARNESS_MAIN
