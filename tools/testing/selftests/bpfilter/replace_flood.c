// SPDX-License-Identifier: GPL-2.0
/*
 * Rulesets that all drop a flow replace each other while the flow floods: not
 * one packet passes, and the counters of the rules that are kept lose none.
 *
 * OUTPUT sees what was sent, INPUT what the loopback device delivered (under
 * load its backlog may be full). Both are known exactly without the firewall.
 *
 * BPFILTER_FULL=1 asks for 1,000 replaces instead of 100.
 */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "flood.h"

FIXTURE(flood)
{
	int sk;
	unsigned int rounds;
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
	unsigned int i;

	self->rounds = getenv("BPFILTER_FULL") ? 1000 : 100;
	if (!rawipt_engine_usable(variant->engine, &why))
		SKIP(return, "%s", why);
	self->sk = rawipt_netns(variant->engine);
	ASSERT_LE(0, self->sk);
	for (i = 0; i < FLOOD_RULESETS; i++)
		flood_rules_build(&self->rules[i], i);
}

FIXTURE_TEARDOWN(flood)
{
	for (unsigned int i = 0; i < FLOOD_RULESETS; i++)
		rawipt_free(&self->rules[i].rules);
}

/* The receiver would see a packet if it passed */
TEST_F(flood, receiver_works)
{
	int from = udp_sender(FLOOD_PORT), to = udp_receiver(FLOOD_PORT);
	struct rawipt empty;
	unsigned int i;

	rawipt_build_empty(&empty);
	for (i = 0; i < FLOOD_RULESETS; i++) {
		ASSERT_EQ(0, rawipt_replace(self->sk, &empty));
		ASSERT_EQ(1, write(from, "x", 1));
		EXPECT_EQ(1, udp_drain(to));
		ASSERT_EQ(0, rawipt_replace(self->sk, &self->rules[i].rules));
		ASSERT_EQ(1, write(from, "x", 1));
		EXPECT_EQ(0, udp_drain(to));
	}
	rawipt_free(&empty);
}

TEST_F_TIMEOUT(flood, nothing_passes_nothing_is_lost, 3600)
{
	struct flood_rules *now = &self->rules[0], *next;
	struct xt_counters in, out;
	unsigned int i;
	int passed = 0;
	time_t start = time(NULL);
	uint64_t sent;

	ASSERT_EQ(0, rawipt_replace(self->sk, &now->rules));
	flood_start(&self->flood, 0);
	for (i = 1; i <= self->rounds; i++) {
		next = &self->rules[i % FLOOD_RULESETS];
		ASSERT_EQ(0, flood_replace(self->sk, now, next)) {
			TH_LOG("replace %u", i);
		}
		now = next;
		passed += udp_drain(self->flood.to);
	}
	flood_stop(&self->flood);
	sent = flood_sent(&self->flood);
	flood_settle(self->sk, &self->flood, now, &in, &out);
	passed += udp_drain(self->flood.to);
	TH_LOG("%u replaces, %ld s, %llu packets sent, %llu delivered",
	       self->rounds, (long)(time(NULL) - start),
	       (unsigned long long)sent,
	       (unsigned long long)flood_delivered(&self->flood));

	EXPECT_LT(self->rounds, sent);
	EXPECT_EQ(0UL, flood_refused(&self->flood));
	EXPECT_EQ(0, passed);
	EXPECT_EQ(sent, out.pcnt);
	EXPECT_EQ(sent * FLOOD_BYTES, out.bcnt);
	EXPECT_EQ(flood_delivered(&self->flood), in.pcnt);
	EXPECT_EQ(in.pcnt * FLOOD_BYTES, in.bcnt);
}

TEST_HARNESS_MAIN
