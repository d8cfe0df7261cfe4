// SPDX-License-Identifier: GPL-2.0
/*
 * The socket options beside REPLACE, with lengths, sizes and names that fit and
 * that do not. See sides.h for what must hold after each.
 */
#include <stdlib.h>
#include <string.h>

#include "../kselftest_harness.h"
#include "sides.h"

FIXTURE(options)
{
	struct sides s;
};

FIXTURE_SETUP(options)
{
	const char *why = sides_open(&self->s);

	if (why)
		SKIP(return, "%s", why);
	ASSERT_EQ(0, sides_load_base(&self->s));
	sides_compare(&self->s, "at the start");
}

FIXTURE_TEARDOWN(options)
{
	sides_report(&self->s);
	EXPECT_EQ(0, self->s.differ);
	sides_close(&self->s);
}

#define set_name(to, name)	rawipt_name(to, sizeof(to), name)

static struct xt_counters_info *counters_make(unsigned int num, size_t room)
{
	struct xt_counters_info *info = calloc(1, room);
	unsigned int i;

	set_name(info->name, "filter");
	info->num_counters = num;
	for (i = 0; i < num; i++) {
		info->counters[i].pcnt = 3 + i;
		info->counters[i].bcnt = (1ULL << 40) + i;
	}
	return info;
}

TEST_F_TIMEOUT(options, add_counters_length, 600)
{
	unsigned int num = self->s.base.repl->num_entries;
	size_t full = sizeof(struct xt_counters_info) +
		      num * sizeof(struct xt_counters), i;
	struct xt_counters_info *info = counters_make(num, full + 64);
	char what[64];

	for (i = 0; i < full + 64; i++) {
		snprintf(what, sizeof(what), "counters, %zu bytes", i);
		sides_set(&self->s, IPT_SO_SET_ADD_COUNTERS, what, info, i);
	}
	EXPECT_EQ(1, self->s.accepted);
	free(info);
}

TEST_F_TIMEOUT(options, add_counters_number, 600)
{
	static const uint32_t nums[] = { 0, 1, 0x7fffffff, 0xffffffff,
					 0x10000000, 0x0ffffffd };
	unsigned int num = self->s.base.repl->num_entries, i;
	size_t full = sizeof(struct xt_counters_info) +
		      num * sizeof(struct xt_counters);
	struct xt_counters_info *info = counters_make(num, full);
	char what[64];

	for (i = 0; i < ARRAY_SIZE(nums); i++) {
		info->num_counters = nums[i];
		snprintf(what, sizeof(what), "%#x counters", nums[i]);
		sides_set(&self->s, IPT_SO_SET_ADD_COUNTERS, what, info, full);
		/* may wrap around */
		sides_set(&self->s, IPT_SO_SET_ADD_COUNTERS, what, info,
			  sizeof(*info) +
			  nums[i] * sizeof(struct xt_counters));
	}
	EXPECT_EQ(0, self->s.accepted);
	info->num_counters = num;
	sides_set(&self->s, IPT_SO_SET_ADD_COUNTERS, "null pointer", NULL, full);
	set_name(info->name, "nosuch");
	sides_set(&self->s, IPT_SO_SET_ADD_COUNTERS, "no such table", info,
		  full);
	memset(info->name, 'f', sizeof(info->name));
	sides_set(&self->s, IPT_SO_SET_ADD_COUNTERS, "endless name", info,
		  full);
	EXPECT_EQ(0, self->s.accepted);
	free(info);
}

TEST_F(options, get_info)
{
	struct ipt_getinfo info[2] = { 0 };
	char what[64];
	socklen_t len;

	set_name(info->name, "filter");
	for (len = 0; len <= sizeof(info); len++) {
		snprintf(what, sizeof(what), "info, %u bytes", len);
		sides_get(&self->s, IPT_SO_GET_INFO, what, info, sizeof(info),
			  len);
	}
	sides_get(&self->s, IPT_SO_GET_INFO, "info, -1 bytes", info,
		  sizeof(info), -1);
	EXPECT_EQ(1, self->s.accepted);
	set_name(info->name, "nosuch");
	sides_get(&self->s, IPT_SO_GET_INFO, "no such table", info,
		  sizeof(info), sizeof(*info));
	memset(info->name, 'f', sizeof(info->name));
	sides_get(&self->s, IPT_SO_GET_INFO, "endless name", info,
		  sizeof(info), sizeof(*info));
	EXPECT_EQ(1, self->s.accepted);
}

TEST_F_TIMEOUT(options, get_entries_length, 600)
{
	size_t size = self->s.base.repl->size;
	size_t full = sizeof(struct ipt_get_entries) + size, i;
	struct ipt_get_entries *get = calloc(1, full + 64);
	char what[64];

	set_name(get->name, "filter");
	for (i = 0; i <= full + 8; i++) {
		get->size = size;
		snprintf(what, sizeof(what), "entries, %zu bytes", i);
		sides_get(&self->s, IPT_SO_GET_ENTRIES, what, get, full + 64,
			  i);
		if (i < sizeof(*get))
			continue;
		get->size = i - sizeof(*get);
		snprintf(what, sizeof(what), "entries, size %u", get->size);
		sides_get(&self->s, IPT_SO_GET_ENTRIES, what, get, full + 64,
			  i);
	}
	EXPECT_EQ(2, self->s.accepted);
	free(get);
}

TEST_F_TIMEOUT(options, get_entries_size, 600)
{
	static const uint32_t sizes[] = { 0, 1, 0x7fffffff, 0xffffffff };
	size_t size = self->s.base.repl->size;
	size_t full = sizeof(struct ipt_get_entries) + size, i;
	struct ipt_get_entries *get = calloc(1, full + 64);
	char what[64];

	set_name(get->name, "filter");
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		get->size = sizes[i];
		snprintf(what, sizeof(what), "entries, size %#x", get->size);
		sides_get(&self->s, IPT_SO_GET_ENTRIES, what, get, full + 64,
			  full);
		sides_get(&self->s, IPT_SO_GET_ENTRIES, what, get, full + 64,
			  sizeof(*get) + get->size);
	}
	get->size = size;
	set_name(get->name, "nosuch");
	sides_get(&self->s, IPT_SO_GET_ENTRIES, "no such table", get,
		  full + 64, full);
	EXPECT_EQ(0, self->s.accepted);
	free(get);
}

static void revisions_of(struct sides *s, int opt, struct xt_get_revision *rev)
{
	static const unsigned int revisions[] = { 0, 1, 2, 3, 4, 255 };
	char what[96];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(revisions); i++) {
		rev->revision = revisions[i];
		snprintf(what, sizeof(what), "option %d \"%.29s\" revision %u",
			 opt, rev->name, revisions[i]);
		sides_get(s, opt, what, rev, sizeof(*rev), sizeof(*rev));
	}
}

static void revisions(struct sides *s, int opt)
{
	static const char * const names[] = {
		"tcp", "udp", "icmp", "conntrack", "state", "comment", "",
		"nosuch", "ERROR", "standard", "REJECT", "filter",
	};
	struct xt_get_revision rev[2] = { 0 };
	char what[64];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		set_name(rev->name, names[i]);
		revisions_of(s, opt, rev);
	}
	memset(rev->name, 'f', sizeof(rev->name));
	revisions_of(s, opt, rev);
	for (i = 0; i <= sizeof(rev); i++) {
		snprintf(what, sizeof(what), "option %d, %u bytes", opt, i);
		sides_get(s, opt, what, rev, sizeof(rev), i);
	}
}

TEST_F_TIMEOUT(options, get_revision_match, 600)
{
	revisions(&self->s, IPT_SO_GET_REVISION_MATCH);
	EXPECT_LT(0, self->s.accepted);
}

TEST_F_TIMEOUT(options, get_revision_target, 600)
{
	revisions(&self->s, IPT_SO_GET_REVISION_TARGET);
	EXPECT_LT(0, self->s.accepted);
}

/* Numbers around those that mean something */
TEST_F_TIMEOUT(options, others, 600)
{
	char value[128] = "filter", what[64];
	int opt;

	for (opt = 52; opt <= 96; opt++) {
		if (opt == IPT_SO_SET_REPLACE)
			continue;
		snprintf(what, sizeof(what), "set %d", opt);
		sides_set(&self->s, opt, what, value, sizeof(value));
		snprintf(what, sizeof(what), "get %d", opt);
		sides_get(&self->s, opt, what, value, sizeof(value),
			  sizeof(value));
	}
}

/* The first call in a namespace that has no table yet: all of them make it */

#define INITIAL_ENTRIES	4	/* three policies and the end */
#define INITIAL_SIZE	(3 * sizeof(struct ipt_standard) + \
			 sizeof(struct ipt_error))

struct ipt_standard {
	struct ipt_entry entry;
	struct xt_standard_target target;
};

struct ipt_error {
	struct ipt_entry entry;
	struct xt_error_target target;
};

FIXTURE(fresh)
{
	struct sides s;
};

FIXTURE_SETUP(fresh)
{
	const char *why = sides_open(&self->s);

	if (why)
		SKIP(return, "%s", why);
}

FIXTURE_TEARDOWN(fresh)
{
	sides_compare(&self->s, "in the end");
	EXPECT_EQ(0, self->s.differ);
	sides_close(&self->s);
}

TEST_F(fresh, get_entries)
{
	socklen_t len = sizeof(struct ipt_get_entries) + INITIAL_SIZE;
	struct ipt_get_entries *get = calloc(1, len);
	int i;

	set_name(get->name, "filter");
	get->size = INITIAL_SIZE;
	for (i = 0; i < self->s.num; i++)
		EXPECT_EQ(0, rawipt_get(self->s.side[i].sk, IPT_SO_GET_ENTRIES,
					get, &len));
	free(get);
}

TEST_F(fresh, add_counters)
{
	const struct xt_counters add[INITIAL_ENTRIES] = { { 1, 2 }, { 3, 4 } };
	int i;

	for (i = 0; i < self->s.num; i++)
		EXPECT_EQ(0, rawipt_add_counters(self->s.side[i].sk, add,
						 INITIAL_ENTRIES));
}

TEST_F(fresh, replace)
{
	struct rawipt *base = &self->s.base;
	int i;

	base->repl->num_counters = INITIAL_ENTRIES;
	for (i = 0; i < self->s.num; i++)
		EXPECT_EQ(0, rawipt_set(self->s.side[i].sk, IPT_SO_SET_REPLACE,
					base->repl, base->len));
}

TEST_HARNESS_MAIN
