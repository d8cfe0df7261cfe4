// SPDX-License-Identifier: GPL-2.0
/*
 * Bytes that mean harm: damaged blobs through reader, passes and dump, for the
 * sanitizers to watch. What is taken in spite of the damage must still make
 * sense: no packet may leave the ways that the IR describes.
 */
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>

#include "../kselftest_harness.h"
#include "compile.h"
#include "ir_text.h"
#include "unit/ir_eval.h"
#include "unit/random.h"
#include "unit/vm_compare.h"

/* Seconds that a busy machine may take */
#define SLOW		300

#define SEEDS		100
#define RANDOM_DAMAGES	400

static const uint32_t words[] = { 0, 1, 0x7fffffff, 0xffffffff };

/* 0 unless a packet shows that the ruleset contradicts itself */
static int walk_packets(const struct ir_ruleset *rs, struct rng *r)
{
	uint64_t *counters = calloc(rs->num_rules + 1, sizeof(*counters));
	struct packet pkt;
	int bad = 0;

	for (int h = 0; h < 5 && counters; h++) {
		if (rs->hook_chain[h] < 0)
			continue;
		random_all_packet(r, rs->family, h, &pkt);
		vm_mend_answers(rs, &pkt);
		bad |= ir_eval(rs, h, &pkt, counters) == EVAL_BROKEN;
	}
	free(counters);
	return bad;
}

static int dump_to_nowhere(const struct ir_ruleset *rs)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return -1;
	bpfilter_ir_dump(rs, f);
	fclose(f);
	free(text);
	return 0;
}

/* Reads a copy of exactly the right size, so that each byte behind is noticed */
static int read_copy(const void *data, size_t size, uint16_t family,
		     struct rng *r)
{
	void *copy = malloc(size ?: 1);
	struct ir_ruleset *rs;
	struct refusal why;
	int ret, bad = 0;

	memcpy(copy, data, size);
	ret = bpfilter_blob_read(copy, size, family, &rs, &why);
	bpfilter_blob_attach(rs, copy);
	if (!ret != !why.error || (!rs && !why.native))
		bad = 1;
	if (rs)
		bad |= dump_to_nowhere(rs);
	if (!ret) {
		bad |= walk_packets(rs, r);
		bad |= bpfilter_passes_run(rs, &why);
		bad |= walk_packets(rs, r);
	}
	if (bad)
		fprintf(stderr, "# %d: %s\n", ret, why.text);
	bpfilter_ir_free(rs);
	free(copy);
	return bad;
}

static void *make_seed(struct rng *r, uint16_t family, size_t *size)
{
	struct make mk;
	void *blob;

	make_init(&mk);
	mk.family = family;
	random_ruleset(r, &mk, rng_one_in(r, 3) ? RANDOM_FORGED : RANDOM_LEGAL,
		       rng_one_in(r, 4) ? RANDOM_FEW : RANDOM_ALL);
	blob = make_blob(&mk, size);
	make_free(&mk);
	return blob;
}

static void damage(struct rng *r, uint8_t *blob, size_t size)
{
	uint32_t at = rng_below(r, size);
	uint16_t half = rng_below(r, 256) * 8;

	if (rng_one_in(r, 2)) {
		blob[at] = rng_below(r, 256);
		return;
	}
	at &= ~1U;
	memcpy(blob + at, &half, sizeof(half));
}

FIXTURE(fuzz)
{
	int nothing;
};

FIXTURE_VARIANT(fuzz)
{
	uint16_t family;
};

FIXTURE_VARIANT_ADD(fuzz, ipv4)
{
	.family = NFPROTO_IPV4,
};

FIXTURE_VARIANT_ADD(fuzz, ipv6)
{
	.family = NFPROTO_IPV6,
};

FIXTURE_SETUP(fuzz)
{
}

FIXTURE_TEARDOWN(fuzz)
{
}

TEST_F_TIMEOUT(fuzz, truncated, SLOW)
{
	struct rng r = { .state = 1 };
	size_t size;
	uint8_t *blob = make_seed(&r, variant->family, &size);
	int bad = 0;

	for (size_t len = 0; len < size; len++)
		bad |= read_copy(blob, len, variant->family, &r);
	EXPECT_EQ(0, bad);
	free(blob);
}

TEST_F_TIMEOUT(fuzz, truncated_with_fitting_size, SLOW)
{
	struct rng r = { .state = 2 };
	struct ipt_replace *repl;
	size_t size;

	repl = make_seed(&r, variant->family, &size);
	for (size_t len = sizeof(*repl); len < size; len++) {
		repl->size = len - sizeof(*repl);
		ASSERT_EQ(0, read_copy(repl, len, variant->family, &r));
	}
	free(repl);
}

TEST_F_TIMEOUT(fuzz, words_replaced, SLOW)
{
	for (int seed = 1; seed <= 4; seed++) {
		struct rng r = { .state = seed };
		size_t size;
		uint8_t *blob = make_seed(&r, variant->family, &size);

		for (size_t at = 0; at + 4 <= size; at += 4) {
			uint32_t old;

			memcpy(&old, blob + at, 4);
			for (size_t w = 0; w < ARRAY_SIZE(words); w++) {
				memcpy(blob + at, &words[w], 4);
				ASSERT_EQ(0, read_copy(blob, size, variant->family, &r));
			}
			memcpy(blob + at, &old, 4);
		}
		free(blob);
	}
}

TEST_F_TIMEOUT(fuzz, random_damages, SLOW)
{
	for (int seed = 1; seed <= SEEDS; seed++) {
		struct rng r = { .state = seed * 0x9e3779b97f4a7c15 };
		size_t size;
		uint8_t *blob = make_seed(&r, variant->family, &size);
		uint8_t *copy = malloc(size);

		for (int n = 0; n < RANDOM_DAMAGES; n++) {
			memcpy(copy, blob, size);
			for (uint32_t i = rng_below(&r, 4); i < 4; i++)
				damage(&r, copy, size);
			ASSERT_EQ(0, read_copy(copy, size, variant->family, &r))
				TH_LOG("seed %d, damage %d", seed, n);
		}
		free(copy);
		free(blob);
	}
}

TEST_HARNESS_MAIN
