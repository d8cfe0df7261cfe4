// SPDX-License-Identifier: GPL-2.0
/*
 * What if the helper lies? Its commits are caught and changed on their way to
 * the kernel: hook masks that are not those of the rules, names of extensions
 * that are somewhere else or nowhere. The kernel refuses what cannot be, and
 * drops packets before it runs an extension where that was not checked for.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/bpfilter.h>

#include "../kselftest_harness.h"
#include "helper_trace.h"
#include "rawipt.h"
#include "status.h"

#define PORT		4001	/* what the rules are about */
#define OTHER_PORT	4002
#define REFUSED		1	/* exit status of iptables */

/* How a commit is changed before the kernel gets it */
typedef void (*forge_fn)(struct bpfilter_commit *c);

static struct bpfilter_bridged *bridged(struct bpfilter_commit *c)
{
	return (void *)&c->comefrom[c->num_entries];
}

static void set_masks(struct bpfilter_commit *c, uint32_t mask)
{
	for (uint32_t i = 0; i < c->num_entries; i++)
		c->comefrom[i] = mask;
}

static void forge_nothing(struct bpfilter_commit *c)
{
}

static void forge_only_output(struct bpfilter_commit *c)
{
	set_masks(c, 1 << NF_INET_LOCAL_OUT);
}

static void forge_all_hooks(struct bpfilter_commit *c)
{
	set_masks(c, (1 << BPFILTER_NUMHOOKS) - 1);
}

static void forge_no_such_hook(struct bpfilter_commit *c)
{
	c->comefrom[0] |= 1 << BPFILTER_NUMHOOKS;
}

static void forge_offset(struct bpfilter_commit *c)
{
	bridged(c)->offset += 8;
}

static void forge_entry(struct bpfilter_commit *c)
{
	bridged(c)->entry = c->num_entries;
}

static void forge_twice(struct bpfilter_commit *c)
{
	bridged(c)[1] = bridged(c)[0];
}

static void forge_order(struct bpfilter_commit *c)
{
	struct bpfilter_bridged first = bridged(c)[0];

	bridged(c)[0] = bridged(c)[1];
	bridged(c)[1] = first;
}

/* To the first match of the entry */
static void forge_kind(struct bpfilter_commit *c)
{
	bridged(c)->offset = sizeof(struct ipt_entry);
}

static void forge_none(struct bpfilter_commit *c)
{
	c->num_bridged = 0;
}

/* More than the call's length holds */
static void forge_number(struct bpfilter_commit *c)
{
	c->num_bridged = 1U << 30;
}

static void forge_id(struct bpfilter_commit *c)
{
	c->id++;
}

/* --- The helper, traced --- */

static int forge(pid_t pid, const struct helper_commit *at, forge_fn fn)
{
	struct bpfilter_commit *c = malloc(at->len);
	char path[64];
	int fd, err = 0;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || pread(fd, c, at->len, at->addr) != (ssize_t)at->len)
		err = -errno;
	if (!err) {
		fn(c);
		if (pwrite(fd, c, at->len, at->addr) != (ssize_t)at->len)
			err = -errno;
	}
	close(fd);
	free(c);
	return err;
}

/* Wait for a commit, change it, let it go */
static int forge_commit(pid_t pid, forge_fn fn)
{
	struct helper_commit at;
	int err = helper_trace_commit(pid, &at);

	if (!err)
		err = forge(pid, &at, fn);
	helper_trace_end(pid);
	return err;
}

/* --- iptables --- */

static pid_t start(const char *command)
{
	pid_t child = fork();

	if (!child) {
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(127);
	}
	return child;
}

static int end(pid_t child)
{
	int wstatus;

	if (waitpid(child, &wstatus, 0) != child || !WIFEXITED(wstatus))
		return -1;
	return WEXITSTATUS(wstatus);
}

static int run(const char *command)
{
	return end(start(command));
}

FIXTURE(forged)
{
	int sk;
	int from[2];
	int to[2];
};

FIXTURE_SETUP(forged)
{
	const char *why;

	if (!rawipt_engine_usable(RAWIPT_BPFILTER, &why))
		SKIP(return, "%s", why);
	self->sk = rawipt_netns(RAWIPT_BPFILTER);
	ASSERT_LE(0, self->sk);
	for (int i = 0; i < 2; i++) {
		self->to[i] = udp_receiver(PORT + i);
		self->from[i] = udp_sender(PORT + i);
	}
	/* The chain is not reached yet: these rules are allowed in it */
	ASSERT_EQ(0, run("iptables-legacy -w -N chain"));
}

FIXTURE_TEARDOWN(forged)
{
	for (int i = 0; i < 2; i++) {
		close(self->to[i]);
		close(self->from[i]);
	}
	close(self->sk);
}

/* The command with its commit changed, for certain; returns how it ended */
static int run_forged(struct __test_metadata *_metadata, int sk,
		      const char *command, forge_fn fn)
{
	int forged, ended;
	pid_t pid, child;

	ASSERT_TRUE(helper_wait(sk, BPFILTER_HELPER_IDLE));
	pid = helper_pid(sk);
	ASSERT_LT(1, pid);
	ASSERT_EQ(0, helper_trace(pid));
	child = start(command);
	ASSERT_LE(0, child);
	forged = forge_commit(pid, fn);
	ended = end(child);
	ASSERT_EQ(0, forged) {
		TH_LOG("%s", command);
	}
	return ended;
}

#define OWNER_RULE	"iptables-legacy -w -A chain -p udp --dport 4001" \
			" -m owner --uid-owner 0 2>/dev/null"
#define OWNER_JUMP	"iptables-legacy -w -A INPUT -j chain 2>/dev/null"
#define CLASSIFY_RULE	"iptables-legacy -w -t mangle -N chain &&" \
			" iptables-legacy -w -t mangle -A chain -p udp" \
			" --dport 4001 -j CLASSIFY --set-class 1:1"
#define CLASSIFY_JUMP	"iptables-legacy -w -t mangle -A INPUT -j chain" \
			" 2>/dev/null"
#define LIMIT_RULE	"iptables-legacy -w -A INPUT -p udp --dport 4001" \
			" -m limit --limit 1/hour -m limit -j ACCEPT 2>/dev/null"

#define LOG_RULE	"iptables-legacy -w -A INPUT -p udp --dport 4001 -j LOG"

/* The test of the test: a commit may pass unchanged */
TEST_F_TIMEOUT(forged, nothing, TEST_TIMEOUT_GUEST)
{
	EXPECT_EQ(0, run_forged(_metadata, self->sk,
				LIMIT_RULE, forge_nothing));
	EXPECT_TRUE(udp_passes(self->from[0], self->to[0]));
	EXPECT_TRUE(udp_passes(self->from[1], self->to[1]));
}

/* A match that does not work at INPUT is reached from there */
TEST_F_TIMEOUT(forged, match_hooks, TEST_TIMEOUT_GUEST)
{
	ASSERT_EQ(0, run(OWNER_RULE));
	EXPECT_EQ(REFUSED, run(OWNER_JUMP));
	EXPECT_TRUE(udp_passes(self->from[0], self->to[0]));
	EXPECT_EQ(0, run_forged(_metadata, self->sk,
				OWNER_JUMP, forge_only_output));
	EXPECT_TRUE(udp_dropped(self->from[0], self->to[0]));
	EXPECT_TRUE(udp_passes(self->from[1], self->to[1]));
}

TEST_F_TIMEOUT(forged, target_hooks, TEST_TIMEOUT_GUEST)
{
	ASSERT_EQ(0, run(CLASSIFY_RULE));
	EXPECT_EQ(REFUSED, run(CLASSIFY_JUMP));
	EXPECT_TRUE(udp_passes(self->from[0], self->to[0]));
	EXPECT_EQ(0, run_forged(_metadata, self->sk,
				CLASSIFY_JUMP, forge_only_output));
	EXPECT_TRUE(udp_dropped(self->from[0], self->to[0]));
	EXPECT_TRUE(udp_passes(self->from[1], self->to[1]));
}

/* More hooks than there are, or than the extension has, are refused */
TEST_F_TIMEOUT(forged, hooks_checked, TEST_TIMEOUT_GUEST)
{
	ASSERT_EQ(0, run(OWNER_RULE));
	EXPECT_EQ(REFUSED, run_forged(_metadata, self->sk,
				      OWNER_RULE, forge_all_hooks));
	EXPECT_EQ(REFUSED, run_forged(_metadata, self->sk,
				      LIMIT_RULE, forge_no_such_hook));
	EXPECT_EQ(0, run("test $(iptables-legacy -w -S chain | wc -l) = 2"));
	EXPECT_TRUE(udp_passes(self->from[0], self->to[0]));
}

TEST_F_TIMEOUT(forged, names, TEST_TIMEOUT_GUEST)
{
	EXPECT_EQ(REFUSED, run_forged(_metadata, self->sk,
				      LIMIT_RULE, forge_offset));
	EXPECT_EQ(REFUSED, run_forged(_metadata, self->sk,
				      LIMIT_RULE, forge_entry));
	EXPECT_EQ(REFUSED, run_forged(_metadata, self->sk,
				      LIMIT_RULE, forge_twice));
	EXPECT_EQ(REFUSED, run_forged(_metadata, self->sk,
				      LIMIT_RULE, forge_order));
	EXPECT_EQ(REFUSED, run_forged(_metadata, self->sk,
				      LIMIT_RULE, forge_none));
	EXPECT_EQ(REFUSED, run_forged(_metadata, self->sk,
				      LIMIT_RULE, forge_number));
	EXPECT_EQ(REFUSED, run_forged(_metadata, self->sk,
				      LIMIT_RULE, forge_id));
	EXPECT_EQ(0, run("test $(iptables-legacy -w -S INPUT | wc -l) = 1"));
	EXPECT_TRUE(udp_passes(self->from[0], self->to[0]));
	EXPECT_EQ(0, run(LIMIT_RULE));
}

/* The program means a target, the name is that of a match: it does not run */
TEST_F_TIMEOUT(forged, kind, TEST_TIMEOUT_GUEST)
{
	EXPECT_EQ(0, run_forged(_metadata, self->sk, LOG_RULE, forge_kind));
	EXPECT_TRUE(udp_dropped(self->from[0], self->to[0]));
	EXPECT_TRUE(udp_passes(self->from[1], self->to[1]));
}

TEST_HARNESS_MAIN
