// SPDX-License-Identifier: GPL-2.0
/*
 * The socket options beside REPLACE, with lengths, sizes and names that fit and
 * that do not. See sides.h for what must hold after each.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/bpfilter.h>

#include "../kselftest_harness.h"
#include "sides.h"
#include "status.h"

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

TEST_F_TIMEOUT(options, get_info, TEST_TIMEOUT_GUEST)
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

/*
 * A 32-bit caller, who lays out rules in another way, is refused by bpfilter. On
 * x86 any process can be one for a call: what the call is given must be at
 * addresses of 32 bits.
 */
#ifdef __x86_64__

#define COMPAT_GETPID		20
#define COMPAT_GETSOCKOPT	365
#define COMPAT_SETSOCKOPT	366

/* Arguments of a call, in the first 4 GB */
struct compat {
	socklen_t len;
	char value[4096];
};

static int compat_call(int nr, int sk, int opt, void *value, long len)
{
	long ret;

	asm volatile("int $0x80" : "=a" (ret) :
		     "a" (nr), "b" (sk), "c" (SOL_IP), "d" (opt), "S" (value),
		     "D" (len) :
		     "memory", "cc", "r8", "r9", "r10", "r11");
	return ret;
}

static void compat_missing(int signum)
{
	_exit(1);
}

/* Without such calls there is a signal instead, logged if nobody handles it */
static bool compat_usable(void)
{
	pid_t child = fork();
	int wstatus;

	if (!child) {
		signal(SIGSEGV, compat_missing);
		_exit(compat_call(COMPAT_GETPID, 0, 0, NULL, 0) != getpid());
	}
	return waitpid(child, &wstatus, 0) == child && WIFEXITED(wstatus) &&
	       !WEXITSTATUS(wstatus);
}

static int compat_set(struct compat *c, int sk, int opt, const void *value,
		      socklen_t len)
{
	memcpy(c->value, value, len);
	return compat_call(COMPAT_SETSOCKOPT, sk, opt, c->value, len);
}

/* The value is a name and zeroes */
static int compat_get(struct compat *c, int sk, int opt, const char *name,
		      socklen_t len)
{
	memset(c->value, 0, sizeof(c->value));
	rawipt_name(c->value, sizeof(c->value), name);
	c->len = len;
	return compat_call(COMPAT_GETSOCKOPT, sk, opt, c->value,
			   (long)&c->len);
}

static void expect_compat(struct __test_metadata *_metadata, struct compat *c,
			  const struct rawipt *base, int sk)
{
	struct bpfilter_handover option = { .family = NFPROTO_IPV4 };

	set_name(option.name, "filter");
	EXPECT_EQ(-EINVAL, compat_set(c, sk, IPT_SO_SET_REPLACE, base->repl,
				      base->len));
	EXPECT_EQ(-EINVAL, compat_set(c, sk, IPT_SO_SET_ADD_COUNTERS,
				      base->repl, base->len));
	EXPECT_EQ(-EINVAL, compat_set(c, sk, BPFILTER_SO_SET_RELEASE, &option,
				      sizeof(option)));
	EXPECT_EQ(-EINVAL, compat_get(c, sk, IPT_SO_GET_INFO, "filter",
				      sizeof(struct ipt_getinfo)));
	EXPECT_EQ(-EINVAL, compat_get(c, sk, IPT_SO_GET_ENTRIES, "filter",
				      sizeof(c->value)));
	/* Not even its name */
	EXPECT_EQ(-EINVAL, compat_set(c, sk, IPT_SO_SET_REPLACE, base->repl,
				      XT_TABLE_MAXNAMELEN - 1));
	EXPECT_EQ(-EFAULT, compat_call(COMPAT_SETSOCKOPT, sk,
				       IPT_SO_SET_REPLACE, NULL, base->len));
	/* Another table, that bpfilter would take */
	EXPECT_EQ(-EINVAL, compat_get(c, sk, IPT_SO_GET_INFO, "mangle",
				      sizeof(struct ipt_getinfo)));
	/* What has the same layout for all */
	EXPECT_EQ(0, compat_get(c, sk, IPT_SO_GET_REVISION_MATCH, "udp",
				sizeof(struct xt_get_revision)));
	EXPECT_EQ(0, compat_get(c, sk, BPFILTER_SO_GET_STATUS, "",
				sizeof(struct bpfilter_status)));
}

TEST_F_TIMEOUT(options, compat, TEST_TIMEOUT_GUEST)
{
	const struct side *side = &self->s.side[0];
	struct compat *c;

	if (strcmp(side->name, "bpfilter"))
		SKIP(return, "not about native");
	if (!compat_usable())
		SKIP(return, "this kernel has no 32-bit system calls");
	c = mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	ASSERT_NE(MAP_FAILED, c);
	ASSERT_GE(sizeof(c->value), self->s.base.len);
	expect_compat(_metadata, c, &self->s.base, side->sk);
	EXPECT_EQ(1, status_tables(side->sk));
	sides_compare(&self->s, "behind 32-bit calls");
	munmap(c, sizeof(*c));
}

#endif /* __x86_64__ */

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

TEST_F_TIMEOUT(fresh, get_entries, TEST_TIMEOUT_GUEST)
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

TEST_F_TIMEOUT(fresh, add_counters, TEST_TIMEOUT_GUEST)
{
	const struct xt_counters add[INITIAL_ENTRIES] = { { 1, 2 }, { 3, 4 } };
	int i;

	for (i = 0; i < self->s.num; i++)
		EXPECT_EQ(0, rawipt_add_counters(self->s.side[i].sk, add,
						 INITIAL_ENTRIES));
}

TEST_F_TIMEOUT(fresh, replace, TEST_TIMEOUT_GUEST)
{
	struct rawipt *base = &self->s.base;
	int i;

	base->repl->num_counters = INITIAL_ENTRIES;
	for (i = 0; i < self->s.num; i++)
		EXPECT_EQ(0, rawipt_set(self->s.side[i].sk, IPT_SO_SET_REPLACE,
					base->repl, base->len));
}

TEST_HARNESS_MAIN
