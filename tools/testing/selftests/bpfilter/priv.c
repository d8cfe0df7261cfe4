// SPDX-License-Identifier: GPL-2.0
/*
 * Who may do what: the options need CAP_NET_ADMIN over the socket's network
 * namespace, a commit comes from the helper and nobody else, and namespaces of
 * other users' making get bpfilter only if the initial one allows it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/bpfilter.h>
#include <linux/capability.h>

#include "../kselftest_harness.h"
#include "rawipt.h"

#define SYSCTL_DIR	"/proc/sys/net/netfilter/"
#define SYSCTL_ENGINE	SYSCTL_DIR "bpfilter"
#define SYSCTL_USERNS	SYSCTL_DIR "bpfilter_userns"
#define NOBODY		65534

/* Value of a sysctl, or a negative errno */
static int sysctl_read(const char *path)
{
	int ret = -EIO, fd = open(path, O_RDONLY | O_CLOEXEC);
	char buf[16] = "";

	if (fd < 0)
		return -errno;
	if (read(fd, buf, sizeof(buf) - 1) > 0)
		ret = atoi(buf);
	close(fd);
	return ret;
}

static int sysctl_write(const char *path, int value)
{
	int ret = 0, fd = open(path, O_WRONLY | O_CLOEXEC);
	char digit = '0' + value;

	if (fd < 0)
		return -errno;
	if (write(fd, &digit, 1) != 1)
		ret = -errno;
	close(fd);
	return ret;
}

static bool native_usable(void)
{
	const char *why;

	return rawipt_engine_usable(RAWIPT_NATIVE, &why);
}

static void write_file(struct __test_metadata *_metadata, const char *path,
		       const char *text)
{
	int fd = open(path, O_WRONLY);

	ASSERT_LE(0, fd);
	ASSERT_EQ((ssize_t)strlen(text), write(fd, text, strlen(text)));
	close(fd);
}

/* Become root of a user namespace of an ordinary user's */
static void become_other_root(struct __test_metadata *_metadata, int flags)
{
	ASSERT_EQ(0, setgroups(0, NULL));
	ASSERT_EQ(0, setresgid(NOBODY, NOBODY, NOBODY));
	ASSERT_EQ(0, setresuid(NOBODY, NOBODY, NOBODY));
	ASSERT_EQ(0, prctl(PR_SET_DUMPABLE, 1));
	if (unshare(CLONE_NEWUSER | flags))
		SKIP(exit(KSFT_SKIP), "no user namespaces: %s",
		     strerror(errno));
	write_file(_metadata, "/proc/self/setgroups", "deny");
	write_file(_metadata, "/proc/self/uid_map", "0 65534 1");
	write_file(_metadata, "/proc/self/gid_map", "0 65534 1");
}

/* Take CAP_NET_ADMIN away and leave all the rest, uid 0 included */
static void drop_net_admin(struct __test_metadata *_metadata)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	ASSERT_EQ(0, syscall(SYS_capget, &head, data));
	data[0].effective &= ~(1 << CAP_NET_ADMIN);
	data[0].permitted &= ~(1 << CAP_NET_ADMIN);
	data[0].inheritable = 0;
	ASSERT_EQ(0, syscall(SYS_capset, &head, data));
}

/* A namespace whose table bpfilter owns, with rules */
struct caller {
	int sk;
	struct rawipt rules;
	struct ipt_get_entries *entries;
	size_t len;
};

FIXTURE(caller)
{
	struct caller t;
};

FIXTURE_SETUP(caller)
{
	const char *why;

	memset(self, 0, sizeof(*self));
	if (!rawipt_engine_usable(RAWIPT_BPFILTER, &why))
		SKIP(return, "%s", why);
	self->t.sk = rawipt_netns(RAWIPT_BPFILTER);
	ASSERT_LE(0, self->t.sk);
	rawipt_init(&self->t.rules);
	rawipt_hook(&self->t.rules, NF_INET_LOCAL_IN);
	rawipt_udp_port(&self->t.rules, 4001, VERDICT_DROP);
	rawipt_policy(&self->t.rules, NF_INET_LOCAL_IN, VERDICT_ACCEPT);
	rawipt_hook(&self->t.rules, NF_INET_FORWARD);
	rawipt_policy(&self->t.rules, NF_INET_FORWARD, VERDICT_DROP);
	rawipt_hook(&self->t.rules, NF_INET_LOCAL_OUT);
	rawipt_policy(&self->t.rules, NF_INET_LOCAL_OUT, VERDICT_ACCEPT);
	rawipt_end(&self->t.rules);
	ASSERT_EQ(0, rawipt_replace(self->t.sk, &self->t.rules));
	/* from now on it replaces itself */
	self->t.rules.repl->num_counters = self->t.rules.repl->num_entries;
	self->t.entries = rawipt_entries(self->t.sk, &self->t.len);
	ASSERT_NE(NULL, self->t.entries);
}

FIXTURE_TEARDOWN(caller)
{
	free(self->t.entries);
	rawipt_free(&self->t.rules);
}

/*
 * Each option with a value that would do something, with none, and with a null
 * pointer: permission is asked for first.
 */
static void expect_set(struct __test_metadata *_metadata, int sk, int opt,
		       const void *value, socklen_t len, int err)
{
	EXPECT_EQ(err, rawipt_set(sk, opt, value, len)) {
		TH_LOG("set %#x", opt);
	}
	EXPECT_EQ(err, rawipt_set(sk, opt, value, 0)) {
		TH_LOG("set %#x, nothing", opt);
	}
	EXPECT_EQ(err, rawipt_set(sk, opt, NULL, len)) {
		TH_LOG("set %#x, null pointer", opt);
	}
}

static void expect_get(struct __test_metadata *_metadata, int sk, int opt,
		       const char *name, socklen_t size, int err)
{
	char value[8192] = "";
	socklen_t len = size, none = 0, null = size;

	rawipt_name(value, sizeof(value), name);
	EXPECT_EQ(err, rawipt_get(sk, opt, value, &len)) {
		TH_LOG("get %#x", opt);
	}
	EXPECT_EQ(err, rawipt_get(sk, opt, value, &none)) {
		TH_LOG("get %#x, nothing", opt);
	}
	EXPECT_EQ(err, rawipt_get(sk, opt, NULL, &null)) {
		TH_LOG("get %#x, null pointer", opt);
	}
}

static void expect_all(struct __test_metadata *_metadata,
		       struct caller *t, int err)
{
	struct {
		struct xt_counters_info info;
		struct xt_counters counters[16];
	} add = {
		.info = {
			.name = "filter",
			.num_counters = t->rules.repl->num_entries,
		},
	};
	struct bpfilter_commit commit = { .version = BPFILTER_PROTOCOL_VERSION };

	expect_set(_metadata, t->sk, IPT_SO_SET_REPLACE, t->rules.repl,
		   t->rules.len, err);
	expect_set(_metadata, t->sk, IPT_SO_SET_ADD_COUNTERS, &add,
		   sizeof(add.info) + add.info.num_counters *
		   sizeof(struct xt_counters), err);
	expect_set(_metadata, t->sk, BPFILTER_SO_SET_COMMIT, &commit,
		   sizeof(commit), err);
	expect_get(_metadata, t->sk, IPT_SO_GET_INFO, "filter",
		   sizeof(struct ipt_getinfo), err);
	expect_get(_metadata, t->sk, IPT_SO_GET_ENTRIES, "filter",
		   t->len, err);
	expect_get(_metadata, t->sk, IPT_SO_GET_REVISION_MATCH, "tcp",
		   sizeof(struct xt_get_revision), err);
	expect_get(_metadata, t->sk, IPT_SO_GET_REVISION_TARGET, "standard",
		   sizeof(struct xt_get_revision), err);
	expect_get(_metadata, t->sk, BPFILTER_SO_GET_STATUS, "",
		   sizeof(struct bpfilter_status), err);
}

/* So that the refusals below mean something */
TEST_F(caller, allowed)
{
	struct bpfilter_status st;
	struct ipt_getinfo info;
	socklen_t len = sizeof(st);

	EXPECT_EQ(0, rawipt_replace(self->t.sk, &self->t.rules));
	EXPECT_EQ(0, rawipt_info(self->t.sk, &info));
	EXPECT_EQ(0, rawipt_get(self->t.sk, BPFILTER_SO_GET_STATUS, &st, &len));
	EXPECT_EQ(1U, st.num_tables);
}

/* Run @then and the options in a child that has lost its rights */
static void without_rights(struct __test_metadata *_metadata,
			   struct caller *t,
			   void (*lose)(struct __test_metadata *_metadata))
{
	struct ipt_get_entries *now;
	int wstatus;
	size_t len;
	pid_t child = fork();

	ASSERT_LE(0, child);
	if (!child) {
		lose(_metadata);
		expect_all(_metadata, t, -EPERM);
		_exit(_metadata->exit_code);
	}
	ASSERT_EQ(child, waitpid(child, &wstatus, 0));
	ASSERT_TRUE(WIFEXITED(wstatus));
	if (WEXITSTATUS(wstatus) == KSFT_SKIP)
		SKIP(return, "not possible here");
	EXPECT_EQ(KSFT_PASS, WEXITSTATUS(wstatus));
	now = rawipt_entries(t->sk, &len);
	ASSERT_NE(NULL, now);
	ASSERT_EQ(t->len, len);
	EXPECT_EQ(0, memcmp(t->entries, now, len));
	free(now);
}

TEST_F(caller, without_net_admin)
{
	without_rights(_metadata, &self->t, drop_net_admin);
}

static void become_nobody(struct __test_metadata *_metadata)
{
	ASSERT_EQ(0, setgroups(0, NULL));
	ASSERT_EQ(0, setresgid(NOBODY, NOBODY, NOBODY));
	ASSERT_EQ(0, setresuid(NOBODY, NOBODY, NOBODY));
}

TEST_F(caller, ordinary_user)
{
	without_rights(_metadata, &self->t, become_nobody);
}

/* All capabilities, but none over the namespace of the socket */
static void become_foreign(struct __test_metadata *_metadata)
{
	become_other_root(_metadata, 0);
}

TEST_F(caller, root_of_another_user_namespace)
{
	without_rights(_metadata, &self->t, become_foreign);
}

static void become_foreign_with_netns(struct __test_metadata *_metadata)
{
	become_other_root(_metadata, CLONE_NEWNET);
}

TEST_F(caller, root_of_another_network_namespace)
{
	without_rights(_metadata, &self->t, become_foreign_with_netns);
}

/* The same kind of socket in a namespace that native serves */
TEST_F(caller, native_namespace)
{
	struct ipt_getinfo info;
	int sk;

	if (!native_usable())
		SKIP(return, "this kernel has no native ip_tables");
	sk = rawipt_netns(RAWIPT_NATIVE);
	ASSERT_LE(0, sk);
	drop_net_admin(_metadata);
	EXPECT_EQ(-EPERM, rawipt_info(sk, &info));
	EXPECT_EQ(-EPERM, rawipt_set(sk, IPT_SO_SET_REPLACE,
				     self->t.rules.repl, self->t.rules.len));
	EXPECT_EQ(-EPERM, rawipt_set(sk, BPFILTER_SO_SET_COMMIT, NULL, 0));
}

/* Nobody but the helper commits: not root, not for a request that is waited for */

static int helper_status(int sk, struct bpfilter_status *st)
{
	socklen_t len = sizeof(*st);

	return rawipt_get(sk, BPFILTER_SO_GET_STATUS, st, &len);
}

static void forge_commits(struct __test_metadata *_metadata,
			  struct caller *t)
{
	size_t size = sizeof(struct bpfilter_commit) +
		      t->rules.repl->num_entries * sizeof(__u32);
	struct bpfilter_commit *c = calloc(1, size);
	unsigned int hook;

	c->version = BPFILTER_PROTOCOL_VERSION;
	c->num_entries = t->rules.repl->num_entries;
	for (hook = 0; hook < BPFILTER_NUMHOOKS; hook++)
		c->prog_fd[hook] = -1;
	for (c->id = 0; c->id < 200; c->id++)
		ASSERT_EQ(-EPERM, rawipt_set(t->sk, BPFILTER_SO_SET_COMMIT,
					     c, size));
	EXPECT_EQ(-EPERM, rawipt_set(t->sk, BPFILTER_SO_SET_COMMIT, c, 0));
	EXPECT_EQ(-EPERM, rawipt_set(t->sk, BPFILTER_SO_SET_COMMIT, NULL,
				     size));
	free(c);
}

static void *replace_thread(void *arg)
{
	struct caller *t = arg;

	return (void *)(long)rawipt_replace(t->sk, &t->rules);
}

TEST_F_TIMEOUT(caller, forged_commit, 300)
{
	struct bpfilter_status st = { 0 };
	struct ipt_getinfo info;
	pthread_t thread;
	void *result;
	int i;

	forge_commits(_metadata, &self->t);
	ASSERT_EQ(0, helper_status(self->t.sk, &st));
	ASSERT_LT(1U, st.helper_pid);
	ASSERT_EQ(0, kill(st.helper_pid, SIGSTOP));
	ASSERT_EQ(0, pthread_create(&thread, NULL, replace_thread, &self->t));
	for (i = 0; i < 10000; i++) {
		helper_status(self->t.sk, &st);
		if (st.helper_state == BPFILTER_HELPER_BUSY)
			break;
		usleep(1000);
	}
	EXPECT_EQ((__u32)BPFILTER_HELPER_BUSY, st.helper_state);
	forge_commits(_metadata, &self->t);
	ASSERT_EQ(0, kill(st.helper_pid, SIGCONT));
	ASSERT_EQ(0, pthread_join(thread, &result));
	EXPECT_EQ(0, (long)result);
	ASSERT_EQ(0, rawipt_info(self->t.sk, &info));
	EXPECT_EQ(self->t.rules.repl->num_entries, info.num_entries);
}

/*
 * Namespaces of other users. The test becomes one; a steward that stays behind
 * sets the knob of the initial namespace for it, and in the end sets it back.
 */
struct userns {
	int steward;
	pid_t pid;
	bool native;
};

FIXTURE(userns)
{
	struct userns t;
};

static void steward(int fd)
{
	int old = sysctl_read(SYSCTL_USERNS), err;
	char value;

	while (read(fd, &value, 1) == 1) {
		err = sysctl_write(SYSCTL_USERNS, value);
		if (write(fd, &err, sizeof(err)) != sizeof(err))
			break;
	}
	_exit(!!sysctl_write(SYSCTL_USERNS, old));
}

static int knob(struct userns *t, char value)
{
	int err = -EPIPE;

	if (write(t->steward, &value, 1) != 1 ||
	    read(t->steward, &err, sizeof(err)) != sizeof(err))
		return -EPIPE;
	return err;
}

FIXTURE_SETUP(userns)
{
	const char *why;
	int fd[2];

	if (!rawipt_engine_usable(RAWIPT_BPFILTER, &why))
		SKIP(return, "%s", why);
	if (sysctl_read(SYSCTL_USERNS) < 0)
		SKIP(return, "not in the initial network namespace");
	self->t.native = native_usable();
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd));
	self->t.pid = fork();
	ASSERT_LE(0, self->t.pid);
	if (!self->t.pid) {
		close(fd[0]);
		steward(fd[1]);
	}
	close(fd[1]);
	self->t.steward = fd[0];
	ASSERT_EQ(0, knob(&self->t, 0));
}

FIXTURE_TEARDOWN(userns)
{
	int wstatus;

	close(self->t.steward);
	EXPECT_EQ(self->t.pid, waitpid(self->t.pid, &wstatus, 0));
	EXPECT_EQ(0, wstatus);
}

static int owned_tables(int sk)
{
	struct bpfilter_status st = { 0 };

	return helper_status(sk, &st) ? -1 : (int)st.num_tables;
}

/* Whoever serves this namespace's table, it is not bpfilter */
static void expect_native(struct __test_metadata *_metadata,
			  struct userns *t, int sk)
{
	struct ipt_getinfo info;

	EXPECT_EQ(t->native ? 0 : -ENOPROTOOPT, rawipt_info(sk, &info));
	EXPECT_EQ(0, owned_tables(sk));
}

static int own_netns(struct __test_metadata *_metadata)
{
	int sk;

	become_other_root(_metadata, CLONE_NEWNET);
	sk = socket(AF_INET, SOCK_DGRAM, 0);
	ASSERT_LE(0, sk);
	return sk;
}

TEST_F(userns, stays_native)
{
	int sk = own_netns(_metadata);

	EXPECT_EQ(0, sysctl_read(SYSCTL_ENGINE));
	EXPECT_EQ(-EPERM, sysctl_write(SYSCTL_ENGINE, 1));
	EXPECT_EQ(0, sysctl_read(SYSCTL_ENGINE));
	EXPECT_EQ(0, sysctl_write(SYSCTL_ENGINE, 0));
	expect_native(_metadata, &self->t, sk);
}

TEST_F(userns, cannot_turn_the_knob)
{
	own_netns(_metadata);
	EXPECT_GT(0, sysctl_write(SYSCTL_USERNS, 1));
	EXPECT_EQ(-EPERM, sysctl_write(SYSCTL_ENGINE, 1));
}

/* Not even in a further user and network namespace below its own */
TEST_F(userns, nested)
{
	int sk;

	own_netns(_metadata);
	ASSERT_EQ(0, unshare(CLONE_NEWUSER | CLONE_NEWNET));
	write_file(_metadata, "/proc/self/uid_map", "0 0 1");
	sk = socket(AF_INET, SOCK_DGRAM, 0);
	ASSERT_LE(0, sk);
	EXPECT_EQ(0, sysctl_read(SYSCTL_ENGINE));
	EXPECT_EQ(-EPERM, sysctl_write(SYSCTL_ENGINE, 1));
	expect_native(_metadata, &self->t, sk);
}

/* A table comes into use as it is asked for the first time */
static int ask_for(int sk, const char *table)
{
	struct ipt_getinfo info = { 0 };
	socklen_t len = sizeof(info);

	snprintf(info.name, sizeof(info.name), "%s", table);
	return rawipt_get(sk, IPT_SO_GET_INFO, &info, &len);
}

TEST_F(userns, allowed_by_the_knob)
{
	struct ipt_getinfo info;
	struct rawipt rules;
	int sk;

	sk = own_netns(_metadata);
	EXPECT_EQ(-EPERM, sysctl_write(SYSCTL_ENGINE, 1));
	ASSERT_EQ(0, knob(&self->t, 1));
	EXPECT_EQ(0, sysctl_write(SYSCTL_ENGINE, 1));
	EXPECT_EQ(1, sysctl_read(SYSCTL_ENGINE));
	EXPECT_EQ(0, rawipt_info(sk, &info));
	EXPECT_EQ(1, owned_tables(sk));
	rawipt_init(&rules);
	rawipt_hook(&rules, NF_INET_LOCAL_IN);
	rawipt_udp_port(&rules, 4001, VERDICT_DROP);
	rawipt_policy(&rules, NF_INET_LOCAL_IN, VERDICT_ACCEPT);
	rawipt_hook(&rules, NF_INET_FORWARD);
	rawipt_policy(&rules, NF_INET_FORWARD, VERDICT_ACCEPT);
	rawipt_hook(&rules, NF_INET_LOCAL_OUT);
	rawipt_policy(&rules, NF_INET_LOCAL_OUT, VERDICT_ACCEPT);
	rawipt_end(&rules);
	EXPECT_EQ(0, rawipt_replace(sk, &rules));

	/* what is owned stays owned, no other table is; what is off stays off */
	ASSERT_EQ(0, knob(&self->t, 0));
	EXPECT_EQ(0, rawipt_replace(sk, &rules));
	EXPECT_EQ(self->t.native ? 0 : -ENOENT, ask_for(sk, "mangle"));
	EXPECT_EQ(1, owned_tables(sk));
	EXPECT_EQ(0, sysctl_write(SYSCTL_ENGINE, 0));
	EXPECT_EQ(-EPERM, sysctl_write(SYSCTL_ENGINE, 1));
	EXPECT_EQ(0, rawipt_replace(sk, &rules));
	EXPECT_EQ(1, owned_tables(sk));
	rawipt_free(&rules);
}

/* Only the initial namespace has the knob, not all that its user makes */
TEST_F(userns, one_knob)
{
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	EXPECT_EQ(-ENOENT, sysctl_read(SYSCTL_USERNS));
	EXPECT_EQ(0, sysctl_write(SYSCTL_ENGINE, 1));
	EXPECT_EQ(0, sysctl_write(SYSCTL_ENGINE, 0));
}

TEST_HARNESS_MAIN
