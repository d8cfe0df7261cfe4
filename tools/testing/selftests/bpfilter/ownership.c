// SPDX-License-Identifier: GPL-2.0
/*
 * Which engine has a table: bpfilter if it is enabled when the table is first
 * asked for, and from then on, as long as there is anything in it to lose.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/bpfilter.h>

#include "../kselftest_harness.h"
#include "objects.h"
#include "rawipt.h"
#include "status.h"

#define SYSCTL_ENGINE	"/proc/sys/net/netfilter/bpfilter"
#define PORT		4001

FIXTURE(table)
{
	int sk;
	int from;
	int to;
	bool native;
};

FIXTURE_SETUP(table)
{
	const char *why;

	if (!rawipt_engine_usable(RAWIPT_BPFILTER, &why))
		SKIP(return, "%s", why);
	self->native = rawipt_engine_usable(RAWIPT_NATIVE, &why);
	self->sk = rawipt_netns(RAWIPT_BPFILTER);
	ASSERT_LE(0, self->sk);
	self->from = udp_sender(PORT);
	self->to = udp_receiver(PORT);
}

FIXTURE_TEARDOWN(table)
{
	close(self->from);
	close(self->to);
	close(self->sk);
}

static int info_of(int sk, const char *table)
{
	struct ipt_getinfo info = { 0 };
	socklen_t len = sizeof(info);

	rawipt_name(info.name, sizeof(info.name), table);
	return rawipt_get(sk, IPT_SO_GET_INFO, &info, &len);
}

/* Times that @name stands in /proc/net/ip_tables_names; -1 without that file */
static int listed(const char *name)
{
	FILE *f = fopen("/proc/thread-self/net/ip_tables_names", "r");
	char line[64];
	int num = 0;

	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		num += !strcmp(line, name);
	}
	fclose(f);
	return num;
}

/* A rule that drops what goes to the port */
static int load_rule(int sk)
{
	struct rawipt r;
	int err;

	rawipt_init(&r);
	rawipt_hook(&r, NF_INET_LOCAL_IN);
	rawipt_udp_port(&r, PORT, VERDICT_DROP);
	rawipt_policy(&r, NF_INET_LOCAL_IN, VERDICT_ACCEPT);
	rawipt_policies(&r, NF_INET_FORWARD, NF_INET_LOCAL_OUT);
	rawipt_end(&r);
	err = rawipt_replace(sk, &r);
	rawipt_free(&r);
	return err;
}

/* No rule, but a policy that drops what comes in */
static int load_policy(int sk)
{
	struct rawipt r;
	int err;

	rawipt_init(&r);
	rawipt_hook(&r, NF_INET_LOCAL_IN);
	rawipt_policy(&r, NF_INET_LOCAL_IN, VERDICT_DROP);
	rawipt_policies(&r, NF_INET_FORWARD, NF_INET_LOCAL_OUT);
	rawipt_end(&r);
	err = rawipt_replace(sk, &r);
	rawipt_free(&r);
	return err;
}

static int load_nothing(int sk)
{
	struct rawipt r;
	int err;

	rawipt_build_empty(&r);
	err = rawipt_replace(sk, &r);
	rawipt_free(&r);
	return err;
}

TEST_F_TIMEOUT(table, taken_when_asked_for, TEST_TIMEOUT_GUEST)
{
	EXPECT_EQ(0, status_tables(self->sk));
	EXPECT_EQ(0, listed("filter"));
	EXPECT_EQ(0, info_of(self->sk, "filter"));
	EXPECT_EQ(1, status_tables(self->sk));
	EXPECT_EQ(1, listed("filter"));
	EXPECT_TRUE(udp_passes(self->from, self->to));
}

TEST_F_TIMEOUT(table, taken_by_a_replace, TEST_TIMEOUT_GUEST)
{
	EXPECT_EQ(0, load_rule(self->sk));
	EXPECT_EQ(1, status_tables(self->sk));
	EXPECT_TRUE(udp_dropped(self->from, self->to));
}

/* Rules stay where they are, and can be changed there */
TEST_F_TIMEOUT(table, kept_with_rules, TEST_TIMEOUT_GUEST)
{
	ASSERT_EQ(0, load_rule(self->sk));
	ASSERT_EQ(0, bpfilter_enable(0));
	EXPECT_EQ(1, status_tables(self->sk));
	EXPECT_EQ(1, listed("filter"));
	EXPECT_TRUE(udp_dropped(self->from, self->to));
	EXPECT_EQ(0, load_rule(self->sk));
	EXPECT_TRUE(udp_dropped(self->from, self->to));
	EXPECT_EQ(1, status_tables(self->sk));
}

/* Nothing may pass because of a sysctl that did not before */
TEST_F_TIMEOUT(table, kept_with_policy, TEST_TIMEOUT_GUEST)
{
	ASSERT_EQ(0, load_policy(self->sk));
	EXPECT_TRUE(udp_dropped(self->from, self->to));
	ASSERT_EQ(0, bpfilter_enable(0));
	EXPECT_TRUE(udp_dropped(self->from, self->to));
	EXPECT_EQ(1, status_tables(self->sk));
}

TEST_F_TIMEOUT(table, given_back_as_new, TEST_TIMEOUT_GUEST)
{
	struct ipt_getinfo info;

	ASSERT_EQ(0, rawipt_info(self->sk, &info));
	ASSERT_EQ(0, bpfilter_enable(0));
	EXPECT_EQ(0, status_tables(self->sk));
	EXPECT_EQ(0, listed("filter"));
	EXPECT_EQ(self->native ? 0 : -ENOPROTOOPT,
		  rawipt_info(self->sk, &info));
	EXPECT_EQ(0, status_tables(self->sk));
}

TEST_F_TIMEOUT(table, given_back_when_flushed, TEST_TIMEOUT_GUEST)
{
	ASSERT_EQ(0, load_rule(self->sk));
	ASSERT_EQ(0, load_nothing(self->sk));
	ASSERT_EQ(0, bpfilter_enable(0));
	EXPECT_EQ(0, status_tables(self->sk));
	EXPECT_TRUE(udp_passes(self->from, self->to));
}

TEST_F_TIMEOUT(table, taken_again, TEST_TIMEOUT_GUEST)
{
	ASSERT_EQ(0, info_of(self->sk, "filter"));
	ASSERT_EQ(0, bpfilter_enable(0));
	ASSERT_EQ(0, bpfilter_enable(1));
	EXPECT_EQ(0, load_rule(self->sk));
	EXPECT_EQ(1, status_tables(self->sk));
	EXPECT_TRUE(udp_dropped(self->from, self->to));
}

/* Who came first keeps it: both engines on one hook would be one too many */
TEST_F_TIMEOUT(table, native_first, TEST_TIMEOUT_GUEST)
{
	if (!self->native)
		SKIP(return, "this kernel has no native ip_tables");
	ASSERT_EQ(0, bpfilter_enable(0));
	ASSERT_EQ(0, load_rule(self->sk));
	ASSERT_EQ(0, bpfilter_enable(1));
	EXPECT_EQ(0, info_of(self->sk, "filter"));
	EXPECT_EQ(0, load_rule(self->sk));
	EXPECT_EQ(0, status_tables(self->sk));
	EXPECT_EQ(1, listed("filter"));
	EXPECT_TRUE(udp_dropped(self->from, self->to));
	EXPECT_EQ(0, load_nothing(self->sk));
	EXPECT_TRUE(udp_passes(self->from, self->to));
}

/* Each table is taken by itself, those that nobody asks for are not */
TEST_F_TIMEOUT(table, others_likewise, TEST_TIMEOUT_GUEST)
{
	static const char * const others[] = { "nat", "mangle", "raw",
					       "security" };
	unsigned int i, found = 0;

	ASSERT_EQ(0, load_rule(self->sk));
	for (i = 0; i < ARRAY_SIZE(others); i++) {
		EXPECT_EQ(0, listed(others[i]));
		if (info_of(self->sk, others[i]))
			continue;
		found++;
		EXPECT_EQ(1, listed(others[i]));
		EXPECT_EQ(1 + found, status_tables(self->sk));
	}
	TH_LOG("%u other tables", found);
	EXPECT_LE(2, found);
	EXPECT_EQ(1, listed("filter"));
	EXPECT_EQ(-ENOENT, info_of(self->sk, "nosuch"));
	EXPECT_TRUE(udp_dropped(self->from, self->to));
	/* All but the one with a rule are as new */
	ASSERT_EQ(0, bpfilter_enable(0));
	EXPECT_EQ(1, status_tables(self->sk));
}

TEST_F_TIMEOUT(table, sysctl_values, TEST_TIMEOUT_GUEST)
{
	int fd = open(SYSCTL_ENGINE, O_WRONLY | O_CLOEXEC);

	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, write(fd, "2", 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(fd, "-1", 2));
	EXPECT_EQ(-1, write(fd, "256", 3));
	EXPECT_EQ(-1, write(fd, "x", 1));
	close(fd);
	EXPECT_EQ(0, load_rule(self->sk));
	EXPECT_EQ(1, status_tables(self->sk));
}

/* BPF objects that outlive their namespace */

TEST_F_TIMEOUT(table, gone_with_the_namespace, TEST_TIMEOUT_GUEST)
{
	const unsigned int prog = objects_newest(BPF_PROG_GET_NEXT_ID);
	const unsigned int map = objects_newest(BPF_MAP_GET_NEXT_ID);
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int i, sk;

	ASSERT_LE(0, home);
	for (i = 0; i < 5; i++) {
		sk = rawipt_netns(RAWIPT_BPFILTER);
		ASSERT_LE(0, sk);
		ASSERT_EQ(0, load_rule(sk));
		EXPECT_LT(0, objects_since(BPF_PROG_GET_NEXT_ID, prog));
		EXPECT_LT(0, objects_since(BPF_MAP_GET_NEXT_ID, map));
		close(sk);
		ASSERT_EQ(0, setns(home, CLONE_NEWNET));
	}
	EXPECT_EQ(0, objects_wait(BPF_PROG_GET_NEXT_ID, prog, 0));
	EXPECT_EQ(0, objects_wait(BPF_MAP_GET_NEXT_ID, map, 0));
	close(home);
}

/* Of a ruleset that is replaced nothing is left either */
TEST_F_TIMEOUT(table, gone_with_the_ruleset, TEST_TIMEOUT_GUEST)
{
	const unsigned int prog = objects_newest(BPF_PROG_GET_NEXT_ID);
	const unsigned int map = objects_newest(BPF_MAP_GET_NEXT_ID);
	int i;

	for (i = 0; i < 20; i++)
		ASSERT_EQ(0, load_rule(self->sk));
	/* INPUT's program and the counters; policies alone need neither */
	EXPECT_EQ(1, objects_wait(BPF_PROG_GET_NEXT_ID, prog, 1));
	EXPECT_EQ(1, objects_wait(BPF_MAP_GET_NEXT_ID, map, 1));
	ASSERT_EQ(0, load_policy(self->sk));
	EXPECT_EQ(0, objects_wait(BPF_PROG_GET_NEXT_ID, prog, 0));
	EXPECT_EQ(0, objects_wait(BPF_MAP_GET_NEXT_ID, map, 0));
}

TEST_HARNESS_MAIN
