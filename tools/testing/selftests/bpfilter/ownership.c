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
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <linux/bpfilter.h>

#include "../kselftest_harness.h"
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

static bool passes(int from, int to)
{
	return send(from, "x", 1, 0) == 1 && udp_wait(to, 1) == 1;
}

TEST_F(table, taken_when_asked_for)
{
	EXPECT_EQ(0, status_tables(self->sk));
	EXPECT_EQ(0, listed("filter"));
	EXPECT_EQ(0, info_of(self->sk, "filter"));
	EXPECT_EQ(1, status_tables(self->sk));
	EXPECT_EQ(1, listed("filter"));
	EXPECT_TRUE(passes(self->from, self->to));
}

TEST_F(table, taken_by_a_replace)
{
	EXPECT_EQ(0, load_rule(self->sk));
	EXPECT_EQ(1, status_tables(self->sk));
	EXPECT_FALSE(passes(self->from, self->to));
}

/* Rules stay where they are, and can be changed there */
TEST_F(table, kept_with_rules)
{
	ASSERT_EQ(0, load_rule(self->sk));
	ASSERT_EQ(0, bpfilter_enable(0));
	EXPECT_EQ(1, status_tables(self->sk));
	EXPECT_EQ(1, listed("filter"));
	EXPECT_FALSE(passes(self->from, self->to));
	EXPECT_EQ(0, load_rule(self->sk));
	EXPECT_FALSE(passes(self->from, self->to));
	EXPECT_EQ(1, status_tables(self->sk));
}

/* Nothing may pass because of a sysctl that did not before */
TEST_F(table, kept_with_policy)
{
	ASSERT_EQ(0, load_policy(self->sk));
	EXPECT_FALSE(passes(self->from, self->to));
	ASSERT_EQ(0, bpfilter_enable(0));
	EXPECT_FALSE(passes(self->from, self->to));
	EXPECT_EQ(1, status_tables(self->sk));
}

TEST_F(table, given_back_as_new)
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

TEST_F(table, given_back_when_flushed)
{
	ASSERT_EQ(0, load_rule(self->sk));
	ASSERT_EQ(0, load_nothing(self->sk));
	ASSERT_EQ(0, bpfilter_enable(0));
	EXPECT_EQ(0, status_tables(self->sk));
	EXPECT_TRUE(passes(self->from, self->to));
}

TEST_F(table, taken_again)
{
	ASSERT_EQ(0, info_of(self->sk, "filter"));
	ASSERT_EQ(0, bpfilter_enable(0));
	ASSERT_EQ(0, bpfilter_enable(1));
	EXPECT_EQ(0, load_rule(self->sk));
	EXPECT_EQ(1, status_tables(self->sk));
	EXPECT_FALSE(passes(self->from, self->to));
}

/* Who came first keeps it: both engines on one hook would be one too many */
TEST_F(table, native_first)
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
	EXPECT_FALSE(passes(self->from, self->to));
	EXPECT_EQ(0, load_nothing(self->sk));
	EXPECT_TRUE(passes(self->from, self->to));
}

/* Each table is taken by itself, those that nobody asks for are not */
TEST_F(table, others_likewise)
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
	EXPECT_FALSE(passes(self->from, self->to));
	/* All but the one with a rule are as new */
	ASSERT_EQ(0, bpfilter_enable(0));
	EXPECT_EQ(1, status_tables(self->sk));
}

TEST_F(table, sysctl_values)
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

static int next_id(unsigned int cmd, __u32 *id)
{
	union bpf_attr attr = { .start_id = *id };

	if (syscall(__NR_bpf, cmd, &attr, sizeof(attr)))
		return -errno;
	*id = attr.next_id;
	return 0;
}

static int count_objects(unsigned int cmd)
{
	__u32 id = 0;
	int num = 0;

	while (!next_id(cmd, &id))
		num++;
	return num;
}

/* How many there are once those of namespaces that have ended are gone */
static int settled_objects(unsigned int cmd)
{
	int same, num = 0, now;

	for (same = 0; same < 50; same++) {
		now = count_objects(cmd);
		if (now != num)
			same = 0;
		num = now;
		usleep(10000);
	}
	return num;
}

/* Namespaces end and programs are freed some time after the last reference */
static int wait_objects(unsigned int cmd, int expected)
{
	int i, num = 0;

	for (i = 0; i < 1000; i++) {
		num = count_objects(cmd);
		if (num == expected)
			break;
		usleep(10000);
	}
	return num;
}

TEST(gone_with_the_namespace)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int i, sk, progs, maps;
	const char *why;

	if (!rawipt_engine_usable(RAWIPT_BPFILTER, &why))
		SKIP(return, "%s", why);
	ASSERT_LE(0, home);
	progs = settled_objects(BPF_PROG_GET_NEXT_ID);
	maps = settled_objects(BPF_MAP_GET_NEXT_ID);
	for (i = 0; i < 5; i++) {
		sk = rawipt_netns(RAWIPT_BPFILTER);
		ASSERT_LE(0, sk);
		ASSERT_EQ(0, load_rule(sk));
		EXPECT_LT(progs, count_objects(BPF_PROG_GET_NEXT_ID));
		EXPECT_LT(maps, count_objects(BPF_MAP_GET_NEXT_ID));
		close(sk);
		ASSERT_EQ(0, setns(home, CLONE_NEWNET));
	}
	EXPECT_EQ(progs, wait_objects(BPF_PROG_GET_NEXT_ID, progs));
	EXPECT_EQ(maps, wait_objects(BPF_MAP_GET_NEXT_ID, maps));
	close(home);
}

/* Of a ruleset that is replaced nothing is left either */
TEST_F(table, gone_with_the_ruleset)
{
	int i, progs, maps;

	ASSERT_EQ(0, load_rule(self->sk));
	progs = settled_objects(BPF_PROG_GET_NEXT_ID);
	maps = settled_objects(BPF_MAP_GET_NEXT_ID);
	for (i = 0; i < 20; i++)
		ASSERT_EQ(0, load_rule(self->sk));
	EXPECT_EQ(progs, wait_objects(BPF_PROG_GET_NEXT_ID, progs));
	EXPECT_EQ(maps, wait_objects(BPF_MAP_GET_NEXT_ID, maps));
	ASSERT_EQ(0, load_policy(self->sk));
	EXPECT_EQ(progs - 1, wait_objects(BPF_PROG_GET_NEXT_ID, progs - 1));
	EXPECT_EQ(maps - 1, wait_objects(BPF_MAP_GET_NEXT_ID, maps - 1));
}

TEST_HARNESS_MAIN
