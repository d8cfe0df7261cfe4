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
#include <netinet/in.h>
#include <linux/bpfilter.h>
#include <linux/capability.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include "../kselftest_harness.h"
#include "rawipt.h"
#include "status.h"

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
	ASSERT_EQ(0, rawipt_write(path, text));
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

/* The table of IPv6 without rules, but with a policy that drops */
struct rules6 {
	struct ip6t_replace repl;
	struct ip6t_standard policy[3];
	struct ip6t_error end;
	struct xt_counters counters[4];
};

static void rules6_build(struct rules6 *r)
{
	static const struct ip6t_standard accept = IP6T_STANDARD_INIT(NF_ACCEPT);
	static const struct ip6t_standard drop = IP6T_STANDARD_INIT(NF_DROP);
	static const struct ip6t_error end = IP6T_ERROR_INIT;
	unsigned int i;

	memset(r, 0, sizeof(*r));
	rawipt_name(r->repl.name, sizeof(r->repl.name), "filter");
	for (i = 0; i < ARRAY_SIZE(r->policy); i++) {
		r->repl.valid_hooks |= 1 << (NF_INET_LOCAL_IN + i);
		r->repl.hook_entry[NF_INET_LOCAL_IN + i] = i * sizeof(accept);
		r->repl.underflow[NF_INET_LOCAL_IN + i] = i * sizeof(accept);
		r->policy[i] = i ? accept : drop;
	}
	r->end = end;
	r->repl.num_entries = ARRAY_SIZE(r->policy) + 1;
	r->repl.size = sizeof(r->policy) + sizeof(r->end);
	r->repl.num_counters = r->repl.num_entries;
	r->repl.counters = r->counters;
}

/* A namespace whose tables bpfilter owns, with rules */
struct caller {
	int sk;
	struct rawipt rules;
	struct ipt_get_entries *entries;
	size_t len;
	int sk6;	/* negative: this kernel has no IPv6 */
	struct rules6 rules6;
};

FIXTURE(caller)
{
	struct caller t;
};

static void expect_replace6(struct __test_metadata *_metadata,
			    struct caller *t)
{
	EXPECT_EQ(0, setsockopt(t->sk6, SOL_IPV6, IP6T_SO_SET_REPLACE,
				&t->rules6.repl, sizeof(t->rules6.repl) +
				t->rules6.repl.size)) {
		TH_LOG("%s", strerror(errno));
	}
}

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

	rules6_build(&self->t.rules6);
	self->t.sk6 = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (self->t.sk6 >= 0)
		expect_replace6(_metadata, &self->t);
}

FIXTURE_TEARDOWN(caller)
{
	free(self->t.entries);
	rawipt_free(&self->t.rules);
}

/* The options of a family: all the same, but for two of them */
struct options {
	int level;
	int revision_match;
	int revision_target;
};

static const struct options ipv4 = {
	SOL_IP, IPT_SO_GET_REVISION_MATCH, IPT_SO_GET_REVISION_TARGET,
};

static const struct options ipv6 = {
	SOL_IPV6, IP6T_SO_GET_REVISION_MATCH, IP6T_SO_GET_REVISION_TARGET,
};

static int set(int sk, int level, int opt, const void *value, socklen_t len)
{
	return setsockopt(sk, level, opt, value, len) ? -errno : 0;
}

static int get(int sk, int level, int opt, void *value, socklen_t len)
{
	return getsockopt(sk, level, opt, value, &len) ? -errno : 0;
}

/*
 * Each option with a value that would do something, with none, and with a null
 * pointer: permission is asked for first.
 */
static void expect_set(struct __test_metadata *_metadata, int sk, int level,
		       int opt, const void *value, socklen_t len, int err)
{
	EXPECT_EQ(err, set(sk, level, opt, value, len)) {
		TH_LOG("level %d, set %#x", level, opt);
	}
	EXPECT_EQ(err, set(sk, level, opt, value, 0)) {
		TH_LOG("level %d, set %#x, nothing", level, opt);
	}
	EXPECT_EQ(err, set(sk, level, opt, NULL, len)) {
		TH_LOG("level %d, set %#x, null pointer", level, opt);
	}
}

static void expect_get(struct __test_metadata *_metadata, int sk, int level,
		       int opt, const char *name, socklen_t len, int err)
{
	char value[8192] = "";

	rawipt_name(value, sizeof(value), name);
	EXPECT_EQ(err, get(sk, level, opt, value, len)) {
		TH_LOG("level %d, get %#x", level, opt);
	}
	EXPECT_EQ(err, get(sk, level, opt, value, 0)) {
		TH_LOG("level %d, get %#x, nothing", level, opt);
	}
	EXPECT_EQ(err, get(sk, level, opt, NULL, len)) {
		TH_LOG("level %d, get %#x, null pointer", level, opt);
	}
}

/* The options that iptables uses, of one family; @repl as its own option has it */
static void expect_iptables(struct __test_metadata *_metadata, int sk,
			    const struct options *o, const void *repl,
			    socklen_t len, unsigned int num_entries, int err)
{
	struct {
		struct xt_counters_info info;
		struct xt_counters counters[16];
	} add = {
		.info = {
			.name = "filter",
			.num_counters = num_entries,
		},
	};

	expect_set(_metadata, sk, o->level, IPT_SO_SET_REPLACE, repl, len, err);
	expect_set(_metadata, sk, o->level, IPT_SO_SET_ADD_COUNTERS, &add,
		   sizeof(add.info) + num_entries * sizeof(struct xt_counters),
		   err);
	expect_get(_metadata, sk, o->level, IPT_SO_GET_INFO, "filter",
		   sizeof(struct ipt_getinfo), err);
	/* The header of a replace is larger than that of an answer */
	expect_get(_metadata, sk, o->level, IPT_SO_GET_ENTRIES, "filter", len,
		   err);
	expect_get(_metadata, sk, o->level, o->revision_match, "tcp",
		   sizeof(struct xt_get_revision), err);
	expect_get(_metadata, sk, o->level, o->revision_target, "standard",
		   sizeof(struct xt_get_revision), err);
}

/* A table of either family changes its engine through the same socket */
static void expect_handover(struct __test_metadata *_metadata, int sk,
			    unsigned int family, int err)
{
	struct bpfilter_handover_report report = { .num_entries = ~0U };
	struct bpfilter_handover option = {
		.name = "filter",
		.family = family,
		.report = (uintptr_t)&report,
	};

	expect_set(_metadata, sk, SOL_IP, BPFILTER_SO_SET_TAKEOVER, &option,
		   sizeof(option), err);
	expect_set(_metadata, sk, SOL_IP, BPFILTER_SO_SET_RELEASE, &option,
		   sizeof(option), err);
	EXPECT_EQ(~0U, report.num_entries);
}

/* bpfilter's own options */
static void expect_own(struct __test_metadata *_metadata, int sk, int err)
{
	struct bpfilter_commit commit = { .version = BPFILTER_PROTOCOL_VERSION };

	expect_set(_metadata, sk, SOL_IP, BPFILTER_SO_SET_COMMIT, &commit,
		   sizeof(commit), err);
	expect_handover(_metadata, sk, NFPROTO_IPV4, err);
	expect_handover(_metadata, sk, NFPROTO_IPV6, err);
	expect_get(_metadata, sk, SOL_IP, BPFILTER_SO_GET_STATUS, "",
		   sizeof(struct bpfilter_status), err);
}

/* At the level of IPv6 there are none, for nobody */
static void expect_own6(struct __test_metadata *_metadata, int sk)
{
	static const int opts[] = {
		BPFILTER_SO_SET_COMMIT, BPFILTER_SO_SET_TAKEOVER,
		BPFILTER_SO_SET_RELEASE,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(opts); i++)
		expect_set(_metadata, sk, SOL_IPV6, opts[i], opts, sizeof(opts),
			   -ENOPROTOOPT);
	expect_get(_metadata, sk, SOL_IPV6, BPFILTER_SO_GET_STATUS, "",
		   sizeof(struct bpfilter_status), -ENOPROTOOPT);
}

static void expect_all(struct __test_metadata *_metadata,
		       struct caller *t, int err)
{
	expect_iptables(_metadata, t->sk, &ipv4, t->rules.repl, t->rules.len,
			t->rules.repl->num_entries, err);
	expect_own(_metadata, t->sk, err);
	if (t->sk6 < 0)
		return;
	expect_iptables(_metadata, t->sk6, &ipv6, &t->rules6.repl,
			sizeof(t->rules6.repl) + t->rules6.repl.size,
			t->rules6.repl.num_entries, err);
	expect_own6(_metadata, t->sk6);
}

/* So that the refusals below mean something */
TEST_F_TIMEOUT(caller, allowed, TEST_TIMEOUT_GUEST)
{
	struct bpfilter_status st;
	struct ipt_getinfo info;
	socklen_t len = sizeof(st);

	EXPECT_EQ(0, rawipt_replace(self->t.sk, &self->t.rules));
	EXPECT_EQ(0, rawipt_info(self->t.sk, &info));
	EXPECT_EQ(0, rawipt_get(self->t.sk, BPFILTER_SO_GET_STATUS, &st, &len));
	EXPECT_EQ(self->t.sk6 < 0 ? 1U : 2U, st.num_tables);
}

TEST_F_TIMEOUT(caller, allowed_ipv6, TEST_TIMEOUT_GUEST)
{
	struct ip6t_getinfo info = { .name = "filter" };

	if (self->t.sk6 < 0)
		SKIP(return, "this kernel has no IPv6");
	expect_replace6(_metadata, &self->t);
	expect_own6(_metadata, self->t.sk6);
	EXPECT_EQ(0, get(self->t.sk6, SOL_IPV6, IP6T_SO_GET_INFO, &info,
			 sizeof(info)));
	EXPECT_EQ(self->t.rules6.repl.num_entries, info.num_entries);
}

/* Run @then and the options in a child that has lost its rights */
static void without_rights(struct __test_metadata *_metadata,
			   struct caller *t,
			   void (*lose)(struct __test_metadata *_metadata))
{
	const int tables = status_tables(t->sk);
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
	EXPECT_EQ(tables, status_tables(t->sk));
	free(now);
}

TEST_F_TIMEOUT(caller, without_net_admin, TEST_TIMEOUT_GUEST)
{
	without_rights(_metadata, &self->t, drop_net_admin);
}

static void become_nobody(struct __test_metadata *_metadata)
{
	ASSERT_EQ(0, setgroups(0, NULL));
	ASSERT_EQ(0, setresgid(NOBODY, NOBODY, NOBODY));
	ASSERT_EQ(0, setresuid(NOBODY, NOBODY, NOBODY));
}

TEST_F_TIMEOUT(caller, ordinary_user, TEST_TIMEOUT_GUEST)
{
	without_rights(_metadata, &self->t, become_nobody);
}

/* All capabilities, but none over the namespace of the socket */
static void become_foreign(struct __test_metadata *_metadata)
{
	become_other_root(_metadata, 0);
}

TEST_F_TIMEOUT(caller, root_of_another_user_namespace, TEST_TIMEOUT_GUEST)
{
	without_rights(_metadata, &self->t, become_foreign);
}

static void become_foreign_with_netns(struct __test_metadata *_metadata)
{
	become_other_root(_metadata, CLONE_NEWNET);
}

TEST_F_TIMEOUT(caller, root_of_another_network_namespace, TEST_TIMEOUT_GUEST)
{
	without_rights(_metadata, &self->t, become_foreign_with_netns);
}

/* The same kind of socket in a namespace that native serves */
TEST_F_TIMEOUT(caller, native_namespace, TEST_TIMEOUT_GUEST)
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
	expect_set(_metadata, sk, SOL_IP, BPFILTER_SO_SET_COMMIT, NULL, 0,
		   -EPERM);
	expect_handover(_metadata, sk, NFPROTO_IPV4, -EPERM);
}

/* Nobody but the helper commits: not root, not for a request that is waited for */

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
	struct ipt_getinfo info;
	pthread_t thread;
	void *result;
	pid_t pid;

	forge_commits(_metadata, &self->t);
	ASSERT_TRUE(helper_wait(self->t.sk, BPFILTER_HELPER_IDLE));
	pid = helper_pid(self->t.sk);
	ASSERT_LT(1, pid);
	ASSERT_EQ(0, kill(pid, SIGSTOP));
	ASSERT_EQ(0, pthread_create(&thread, NULL, replace_thread, &self->t));
	EXPECT_TRUE(helper_wait(self->t.sk, BPFILTER_HELPER_BUSY));
	forge_commits(_metadata, &self->t);
	ASSERT_EQ(0, kill(pid, SIGCONT));
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

/* Whoever serves this namespace's table, it is not bpfilter */
static void expect_native(struct __test_metadata *_metadata,
			  struct userns *t, int sk)
{
	struct ipt_getinfo info;

	EXPECT_EQ(t->native ? 0 : -ENOPROTOOPT, rawipt_info(sk, &info));
	EXPECT_EQ(0, status_tables(sk));
}

static int own_netns(struct __test_metadata *_metadata)
{
	int sk;

	become_other_root(_metadata, CLONE_NEWNET);
	sk = socket(AF_INET, SOCK_DGRAM, 0);
	ASSERT_LE(0, sk);
	return sk;
}

TEST_F_TIMEOUT(userns, stays_native, TEST_TIMEOUT_GUEST)
{
	int sk = own_netns(_metadata);

	EXPECT_EQ(0, sysctl_read(SYSCTL_ENGINE));
	EXPECT_EQ(-EPERM, sysctl_write(SYSCTL_ENGINE, 1));
	EXPECT_EQ(0, sysctl_read(SYSCTL_ENGINE));
	EXPECT_EQ(0, sysctl_write(SYSCTL_ENGINE, 0));
	expect_native(_metadata, &self->t, sk);
}

TEST_F_TIMEOUT(userns, cannot_turn_the_knob, TEST_TIMEOUT_GUEST)
{
	own_netns(_metadata);
	EXPECT_GT(0, sysctl_write(SYSCTL_USERNS, 1));
	EXPECT_EQ(-EPERM, sysctl_write(SYSCTL_ENGINE, 1));
}

/* Not even in a further user and network namespace below its own */
TEST_F_TIMEOUT(userns, nested, TEST_TIMEOUT_GUEST)
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

	rawipt_name(info.name, sizeof(info.name), table);
	return rawipt_get(sk, IPT_SO_GET_INFO, &info, &len);
}

TEST_F_TIMEOUT(userns, allowed_by_the_knob, TEST_TIMEOUT_GUEST)
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
	EXPECT_EQ(1, status_tables(sk));
	rawipt_init(&rules);
	rawipt_hook(&rules, NF_INET_LOCAL_IN);
	rawipt_udp_port(&rules, 4001, VERDICT_DROP);
	rawipt_policy(&rules, NF_INET_LOCAL_IN, VERDICT_ACCEPT);
	rawipt_policies(&rules, NF_INET_FORWARD, NF_INET_LOCAL_OUT);
	rawipt_end(&rules);
	EXPECT_EQ(0, rawipt_replace(sk, &rules));

	/* what is owned stays owned, no other table is; what is off stays off */
	ASSERT_EQ(0, knob(&self->t, 0));
	EXPECT_EQ(0, rawipt_replace(sk, &rules));
	EXPECT_EQ(self->t.native ? 0 : -ENOENT, ask_for(sk, "mangle"));
	EXPECT_EQ(1, status_tables(sk));
	EXPECT_EQ(0, sysctl_write(SYSCTL_ENGINE, 0));
	EXPECT_EQ(-EPERM, sysctl_write(SYSCTL_ENGINE, 1));
	EXPECT_EQ(0, rawipt_replace(sk, &rules));
	EXPECT_EQ(1, status_tables(sk));
	rawipt_free(&rules);
}

/* Only the initial namespace has the knob, not all that its user makes */
TEST_F_TIMEOUT(userns, one_knob, TEST_TIMEOUT_GUEST)
{
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	EXPECT_EQ(-ENOENT, sysctl_read(SYSCTL_USERNS));
	EXPECT_EQ(0, sysctl_write(SYSCTL_ENGINE, 1));
	EXPECT_EQ(0, sysctl_write(SYSCTL_ENGINE, 0));
}

TEST_HARNESS_MAIN
