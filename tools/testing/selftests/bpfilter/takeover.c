// SPDX-License-Identifier: GPL-2.0
/*
 * A live table moves between the native engine and bpfilter, and back.
 *
 * A flow that the rules drop is sent all the time: nothing of it may pass, and
 * in the end the counters say exactly what was sent, however often the table
 * moved, and although its rules are replaced meanwhile. What goes wrong on the
 * way leaves the engine in force that was in force.
 *
 * BPFILTER_FULL=1 asks for 200 moves to and fro instead of 20.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/bpfilter.h>

#include "../kselftest_harness.h"
#include "flood.h"
#include "status.h"

FIXTURE(move)
{
	int sk;
	unsigned int rounds;
	struct flood_rules rules[FLOOD_RULESETS];
	struct bpfilter_handover_report report;
	struct flood flood;
};

FIXTURE_SETUP(move)
{
	const char *why;
	unsigned int i;

	self->rounds = getenv("BPFILTER_FULL") ? 200 : 20;
	if (!rawipt_engine_usable(RAWIPT_NATIVE, &why) ||
	    !rawipt_engine_usable(RAWIPT_BPFILTER, &why))
		SKIP(return, "%s", why);
	self->sk = rawipt_netns(RAWIPT_NATIVE);
	ASSERT_LE(0, self->sk);
	for (i = 0; i < FLOOD_RULESETS; i++)
		flood_rules_build(&self->rules[i], i, 0);
	ASSERT_EQ(0, rawipt_replace(self->sk, &self->rules[0].rules));
	ASSERT_EQ(0, bpfilter_enable(1));
	ASSERT_EQ(0, status_tables(self->sk));
}

FIXTURE_TEARDOWN(move)
{
	for (unsigned int i = 0; i < FLOOD_RULESETS; i++)
		rawipt_free(&self->rules[i].rules);
	close(self->sk);
}

static int move(int sk, int option, const char *table, unsigned int family,
		struct bpfilter_handover_report *report)
{
	struct bpfilter_handover value = {
		.family = family,
		.report = (uintptr_t)report,
	};

	rawipt_name(value.name, sizeof(value.name), table);
	return rawipt_set(sk, option, &value, sizeof(value));
}

static int take(int sk, struct bpfilter_handover_report *report)
{
	return move(sk, BPFILTER_SO_SET_TAKEOVER, "filter", NFPROTO_IPV4,
		    report);
}

static int give(int sk, struct bpfilter_handover_report *report)
{
	return move(sk, BPFILTER_SO_SET_RELEASE, "filter", NFPROTO_IPV4,
		    report);
}

/* --- Nothing happens meanwhile --- */

static void expect_same(struct __test_metadata *_metadata, int sk,
			const struct ipt_get_entries *before, size_t len)
{
	struct ipt_get_entries *now;
	size_t now_len;

	now = rawipt_entries(sk, &now_len);
	ASSERT_NE(NULL, now);
	ASSERT_EQ(len, now_len);
	EXPECT_EQ(0, memcmp(before, now, len));
	free(now);
}

/* Each byte that can be read stays, counters too, and the rules go on */
TEST_F_TIMEOUT(move, to_and_fro, TEST_TIMEOUT_GUEST)
{
	int from = udp_sender(FLOOD_PORT), to = udp_receiver(FLOOD_PORT);
	struct ipt_get_entries *before;
	unsigned int i, j;
	size_t len;

	for (i = 0; i < FLOOD_RULESETS; i++) {
		ASSERT_EQ(0, rawipt_replace(self->sk, &self->rules[i].rules));
		for (j = 0; j < 7; j++)
			ASSERT_EQ(1, write(from, "x", 1));
		before = rawipt_entries(self->sk, &len);
		ASSERT_NE(NULL, before);

		ASSERT_EQ(0, take(self->sk, &self->report));
		EXPECT_EQ(self->rules[i].rules.repl->num_entries,
			  self->report.num_entries);
		EXPECT_LT(0UL, self->report.switch_ns);
		EXPECT_EQ(1, status_tables(self->sk));
		expect_same(_metadata, self->sk, before, len);
		ASSERT_EQ(1, write(from, "x", 1));
		EXPECT_EQ(0, udp_drain(to));
		free(before);

		before = rawipt_entries(self->sk, &len);
		ASSERT_NE(NULL, before);
		ASSERT_EQ(0, give(self->sk, &self->report));
		EXPECT_EQ(0, status_tables(self->sk));
		expect_same(_metadata, self->sk, before, len);
		ASSERT_EQ(1, write(from, "x", 1));
		EXPECT_EQ(0, udp_drain(to));
		free(before);
	}
}

/* A table that bpfilter had from its beginning */
TEST_F_TIMEOUT(move, never_native, TEST_TIMEOUT_GUEST)
{
	int sk = rawipt_netns(RAWIPT_BPFILTER), from, to;

	ASSERT_LE(0, sk);
	from = udp_sender(FLOOD_PORT);
	to = udp_receiver(FLOOD_PORT);
	ASSERT_EQ(0, rawipt_replace(sk, &self->rules[1].rules));
	ASSERT_EQ(1, status_tables(sk));
	ASSERT_EQ(0, give(sk, &self->report));
	EXPECT_EQ(0, status_tables(sk));
	EXPECT_EQ(1, write(from, "x", 1));
	EXPECT_EQ(0, udp_drain(to));
	/* Sticky: the native engine keeps it while bpfilter is enabled */
	EXPECT_EQ(0, rawipt_replace(sk, &self->rules[0].rules));
	EXPECT_EQ(0, status_tables(sk));
	EXPECT_EQ(0, take(sk, &self->report));
	EXPECT_EQ(1, status_tables(sk));
	close(sk);
}

/* Other namespaces' native tables are their own */
TEST_F_TIMEOUT(move, another_namespace, TEST_TIMEOUT_GUEST)
{
	int sk = rawipt_netns(RAWIPT_NATIVE), from, to;

	ASSERT_LE(0, sk);
	from = udp_sender(FLOOD_PORT);
	to = udp_receiver(FLOOD_PORT);
	ASSERT_EQ(0, rawipt_replace(sk, &self->rules[1].rules));
	ASSERT_EQ(0, take(self->sk, &self->report));
	EXPECT_EQ(0, status_tables(sk));
	EXPECT_EQ(1, status_tables(self->sk));
	EXPECT_EQ(1, write(from, "x", 1));
	EXPECT_EQ(0, udp_drain(to));
	EXPECT_EQ(0, rawipt_replace(sk, &self->rules[2].rules));
	close(sk);
}

/* --- Under flood --- */

static void expect_exact(struct __test_metadata *_metadata, int sk,
			 const struct flood *flood,
			 const struct flood_rules *now)
{
	const uint64_t sent = flood_sent(flood);
	struct xt_counters in, out;

	flood_settle(sk, now, flood_delivered(flood), &in, &out);
	TH_LOG("%llu packets sent, %llu delivered",
	       (unsigned long long)sent,
	       (unsigned long long)flood_delivered(flood));
	EXPECT_EQ(0UL, flood_refused(flood));
	EXPECT_EQ(sent, out.pcnt);
	EXPECT_EQ(sent * FLOOD_BYTES, out.bcnt);
	EXPECT_EQ(flood_delivered(flood), in.pcnt);
	EXPECT_EQ(in.pcnt * FLOOD_BYTES, in.bcnt);
}

/* A rising counter that is read between two moves never falls */
TEST_F_TIMEOUT(move, flood, 3600)
{
	const struct flood_rules *rules = &self->rules[0];
	uint64_t switch_max = 0, settle_max = 0, last = 0;
	struct xt_counters in, out;
	unsigned int i;
	int passed = 0;

	flood_start(&self->flood, 0);
	for (i = 0; i < self->rounds; i++) {
		ASSERT_EQ(0, take(self->sk, &self->report));
		ASSERT_EQ(1, status_tables(self->sk));
		if (self->report.switch_ns > switch_max)
			switch_max = self->report.switch_ns;
		if (self->report.settle_ns > settle_max)
			settle_max = self->report.settle_ns;
		ASSERT_EQ(0, flood_counters(self->sk, rules, &in, &out));
		EXPECT_LE(last, out.pcnt);
		last = out.pcnt;
		passed += udp_drain(self->flood.to);

		ASSERT_EQ(0, give(self->sk, &self->report));
		ASSERT_EQ(0, status_tables(self->sk));
		ASSERT_EQ(0, flood_counters(self->sk, rules, &in, &out));
		EXPECT_LE(last, out.pcnt);
		last = out.pcnt;
		passed += udp_drain(self->flood.to);
	}
	flood_stop(&self->flood);
	passed += udp_drain(self->flood.to);
	TH_LOG("%u moves to and fro, switched within %llu ns, settled within %llu ns",
	       i, (unsigned long long)switch_max,
	       (unsigned long long)settle_max);
	EXPECT_EQ(0, passed);
	EXPECT_LT(self->rounds, flood_sent(&self->flood));
	expect_exact(_metadata, self->sk, &self->flood, rules);
}

/* --- While others replace the rules --- */

/*
 * Replaces wait while a table moves, but for one that had got to the native
 * engine before: it makes a takeover begin anew. Short enough that this
 * happens, and long enough that it does not happen each time.
 */
#define REPLACE_PAUSE_US	10000

struct replacer {
	pthread_t thread;
	int sk;
	struct flood_rules *rules;
	unsigned int now;
	unsigned int done;
	unsigned int refused;
	int error;
	atomic_bool stop;
};

/* What an engine says whose table goes away under its hands */
static bool is_overtaken(int err)
{
	return err == -EEXIST || err == -ENOENT || err == -EAGAIN;
}

static int replace_next(struct replacer *r)
{
	struct flood_rules *from = &r->rules[r->now];
	unsigned int next = (r->now + 1) % FLOOD_RULESETS;
	struct flood_rules *to = &r->rules[next];
	struct xt_counters *add;
	int err;

	to->rules.repl->num_counters = from->rules.repl->num_entries;
	err = rawipt_set(r->sk, IPT_SO_SET_REPLACE, to->rules.repl,
			 to->rules.len);
	if (err)
		return err;
	r->now = next;
	add = calloc(to->rules.repl->num_entries, sizeof(*add));
	if (!add)
		return -ENOMEM;
	add[to->in] = to->rules.repl->counters[from->in];
	add[to->out] = to->rules.repl->counters[from->out];
	do {
		err = rawipt_add_counters(r->sk, add,
					  to->rules.repl->num_entries);
	} while (is_overtaken(err));
	free(add);
	return err;
}

/* Until it is told to stop, and at least once */
static void *replacer_run(void *arg)
{
	struct replacer *r = arg;
	int err;

	while (!atomic_load(&r->stop) || !r->done) {
		usleep(random() % REPLACE_PAUSE_US);
		err = replace_next(r);
		if (!err) {
			r->done++;
		} else if (is_overtaken(err)) {
			r->refused++;
		} else {
			r->error = err;
			break;
		}
	}
	return NULL;
}

/* Again while the rules change: -EAGAIN is no failure but an answer */
static int move_patiently(int (*way)(int sk,
				     struct bpfilter_handover_report *report),
			  int sk, struct bpfilter_handover_report *report,
			  unsigned int *again)
{
	int err;

	while ((err = way(sk, report)) == -EAGAIN)
		(*again)++;
	return err;
}

TEST_F_TIMEOUT(move, flood_with_replaces, 3600)
{
	struct replacer r = { .sk = self->sk, .rules = self->rules };
	unsigned int i, again = 0;
	int passed = 0;

	flood_start(&self->flood, 1000);
	ASSERT_EQ(0, pthread_create(&r.thread, NULL, replacer_run, &r));
	for (i = 0; i < self->rounds; i++) {
		ASSERT_EQ(0, move_patiently(take, self->sk, &self->report,
					    &again));
		passed += udp_drain(self->flood.to);
		ASSERT_EQ(0, move_patiently(give, self->sk, &self->report,
					    &again));
		passed += udp_drain(self->flood.to);
	}
	atomic_store(&r.stop, true);
	ASSERT_EQ(0, pthread_join(r.thread, NULL));
	flood_stop(&self->flood);
	passed += udp_drain(self->flood.to);
	TH_LOG("%u moves to and fro, %u tried again, %u replaces, %u overtaken",
	       i, again, r.done, r.refused);
	EXPECT_EQ(0, r.error);
	EXPECT_LT(0, r.done);
	EXPECT_EQ(0, passed);
	expect_exact(_metadata, self->sk, &self->flood, &self->rules[r.now]);
}

/* --- What goes wrong --- */

TEST_F_TIMEOUT(move, refused, TEST_TIMEOUT_GUEST)
{
	struct bpfilter_handover value = {
		.name = "filter",
		.family = NFPROTO_IPV4,
		.report = (uintptr_t)&self->report,
	};
	const int option = BPFILTER_SO_SET_TAKEOVER;

	EXPECT_EQ(-ENOENT, give(self->sk, &self->report));
	EXPECT_EQ(-ENOENT, move(self->sk, option, "mangle", NFPROTO_IPV4,
				&self->report));
	EXPECT_EQ(-EOPNOTSUPP, move(self->sk, option, "nosuch", NFPROTO_IPV4,
				    &self->report));
	EXPECT_EQ(-EINVAL, move(self->sk, option, "filter", NFPROTO_ARP,
				&self->report));
	EXPECT_EQ(-EFAULT, take(self->sk, NULL));
	EXPECT_EQ(-EINVAL, rawipt_set(self->sk, option, &value,
				      sizeof(value) - 1));
	EXPECT_EQ(-EFAULT, rawipt_set(self->sk, option, NULL, sizeof(value)));
	value.reserved = 1;
	EXPECT_EQ(-EINVAL, rawipt_set(self->sk, option, &value,
				      sizeof(value)));
	ASSERT_EQ(0, bpfilter_enable(0));
	EXPECT_EQ(-EACCES, take(self->sk, &self->report));
	ASSERT_EQ(0, bpfilter_enable(1));
	EXPECT_EQ(0, status_tables(self->sk));
	EXPECT_EQ(0, take(self->sk, &self->report));
	EXPECT_EQ(-EALREADY, take(self->sk, &self->report));
	EXPECT_EQ(1, status_tables(self->sk));
	/* Back is always possible */
	ASSERT_EQ(0, bpfilter_enable(0));
	EXPECT_EQ(1, status_tables(self->sk));
	EXPECT_EQ(0, give(self->sk, &self->report));
}

/* A helper that is there, and stopped; it takes requests and does not answer */
static pid_t stop_helper(int sk)
{
	pid_t pid;

	if (!helper_wait(sk, BPFILTER_HELPER_IDLE))
		return -1;
	pid = helper_pid(sk);
	return pid > 1 && !kill(pid, SIGSTOP) ? pid : -1;
}

/* A child that takes the table over and ends with the errno */
static pid_t take_in_child(int sk)
{
	struct bpfilter_handover_report report;
	pid_t pid = fork();

	if (!pid)
		_exit(-take(sk, &report));
	return pid;
}

/* Its exit status as an errno; -1 if it was killed */
static int child_result(pid_t child)
{
	int status;

	if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

/* There and back, so that there is a helper */
static void wake_helper(struct __test_metadata *_metadata, int sk,
			struct bpfilter_handover_report *report)
{
	ASSERT_EQ(0, take(sk, report));
	ASSERT_EQ(0, give(sk, report));
}

static pid_t replace_in_child(int sk, const struct flood_rules *from,
			      struct flood_rules *to)
{
	pid_t pid = fork();

	if (!pid)
		_exit(-flood_replace(sk, from, to));
	return pid;
}

/* A replace that comes meanwhile waits, and gets to the new engine */
TEST_F_TIMEOUT(move, replace_waits, 600)
{
	pid_t helper, child, other;

	wake_helper(_metadata, self->sk, &self->report);
	flood_start(&self->flood, 1000);
	helper = stop_helper(self->sk);
	ASSERT_LT(1, helper);
	child = take_in_child(self->sk);
	ASSERT_TRUE(helper_wait(self->sk, BPFILTER_HELPER_BUSY));
	other = replace_in_child(self->sk, &self->rules[0], &self->rules[1]);
	usleep(200000);
	EXPECT_EQ(0, waitpid(other, NULL, WNOHANG));
	ASSERT_EQ(0, kill(helper, SIGCONT));
	EXPECT_EQ(0, child_result(child));
	EXPECT_EQ(0, child_result(other));
	EXPECT_EQ(1, status_tables(self->sk));
	flood_stop(&self->flood);
	EXPECT_EQ(0, udp_drain(self->flood.to));
	expect_exact(_metadata, self->sk, &self->flood, &self->rules[1]);
}

/* The flood counts on while the helper stands still: that is no change */
TEST_F_TIMEOUT(move, counters_change_meanwhile, 600)
{
	pid_t helper, child;

	wake_helper(_metadata, self->sk, &self->report);
	flood_start(&self->flood, 1000);
	helper = stop_helper(self->sk);
	ASSERT_LT(1, helper);
	child = take_in_child(self->sk);
	ASSERT_TRUE(helper_wait(self->sk, BPFILTER_HELPER_BUSY));
	usleep(100000);
	ASSERT_EQ(0, kill(helper, SIGCONT));
	EXPECT_EQ(0, child_result(child));
	EXPECT_EQ(1, status_tables(self->sk));
	flood_stop(&self->flood);
	EXPECT_EQ(0, udp_drain(self->flood.to));
	expect_exact(_metadata, self->sk, &self->flood, &self->rules[0]);
}

TEST_F_TIMEOUT(move, caller_killed, 600)
{
	pid_t helper, child;

	wake_helper(_metadata, self->sk, &self->report);
	flood_start(&self->flood, 1000);
	helper = stop_helper(self->sk);
	ASSERT_LT(1, helper);
	child = take_in_child(self->sk);
	ASSERT_TRUE(helper_wait(self->sk, BPFILTER_HELPER_BUSY));
	ASSERT_EQ(0, kill(child, SIGKILL));
	EXPECT_EQ(-1, child_result(child));
	EXPECT_EQ(0, status_tables(self->sk));
	flood_stop(&self->flood);
	EXPECT_EQ(0, udp_drain(self->flood.to));
	expect_exact(_metadata, self->sk, &self->flood, &self->rules[0]);
	EXPECT_EQ(0, take(self->sk, &self->report));
}

/* Whatever helper there is dies until the child has its answer */
static int take_with_dying_helpers(int sk)
{
	pid_t child = take_in_child(sk), helper;
	int status;

	while (!waitpid(child, &status, WNOHANG)) {
		helper = helper_pid(sk);
		if (helper > 1)
			kill(helper, SIGKILL);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F_TIMEOUT(move, helpers_die, 600)
{
	unsigned int i, failed = 0;
	int result;

	flood_start(&self->flood, 1000);
	for (i = 0; i < 200 && failed < 5; i++) {
		result = take_with_dying_helpers(self->sk);
		if (!result) {
			ASSERT_EQ(1, status_tables(self->sk));
			ASSERT_EQ(0, give(self->sk, &self->report));
			continue;
		}
		EXPECT_EQ(EIO, result);
		EXPECT_EQ(0, status_tables(self->sk));
		failed++;
	}
	TH_LOG("%u of %u failed", failed, i);
	EXPECT_LT(0, failed);
	EXPECT_EQ(0, take(self->sk, &self->report));
	flood_stop(&self->flood);
	EXPECT_EQ(0, udp_drain(self->flood.to));
	expect_exact(_metadata, self->sk, &self->flood, &self->rules[0]);
}

TEST_HARNESS_MAIN
