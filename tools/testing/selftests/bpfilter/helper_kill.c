// SPDX-License-Identifier: GPL-2.0
/*
 * The helper may die at any moment, and no packet notices.
 *
 * Two namespaces are busy: in each a flow that its rules drop is sent all the
 * time and counted on the way. The helper is killed while it idles, also where no
 * other can be started; between a request and its commit, between commit and
 * reply, and again and again under iptables-restore. Nothing of the flow may
 * pass, what is allowed must, what is in force stays in force, the next replace
 * works, and in the end the counters say exactly what was sent.
 *
 * BPFILTER_FULL=1 asks for 200 kills under iptables-restore instead of 20.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/bpfilter.h>

#include "../kselftest_harness.h"
#include "flood.h"
#include "helper_trace.h"
#include "status.h"

#define NUM_BOXES	2
#define PORT_ALLOWED	4002
#define PATIENCE_MS	60000

/* A namespace with its flood */
struct box {
	int netns;
	int sk;
	int from;
	int to;
	struct flood_rules rules[FLOOD_RULESETS];
	unsigned int now;
	struct flood flood;
	int passed;
};

struct boxes {
	struct box box[NUM_BOXES];
	unsigned int kills;
};

FIXTURE(helper)
{
	struct boxes t;
};

static void box_open(struct __test_metadata *_metadata, struct box *box)
{
	unsigned int i;

	box->sk = rawipt_netns(RAWIPT_BPFILTER);
	ASSERT_LE(0, box->sk);
	box->netns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, box->netns);
	for (i = 0; i < FLOOD_RULESETS; i++)
		flood_rules_build(&box->rules[i], i, 0);
	ASSERT_EQ(0, rawipt_replace(box->sk, &box->rules[0].rules));
	box->from = udp_sender(PORT_ALLOWED);
	box->to = udp_receiver(PORT_ALLOWED);
	flood_start(&box->flood, 1000);
}

FIXTURE_SETUP(helper)
{
	const char *why;
	unsigned int i;

	self->t.kills = getenv("BPFILTER_FULL") ? 200 : 20;
	if (!rawipt_engine_usable(RAWIPT_BPFILTER, &why))
		SKIP(return, "%s", why);
	for (i = 0; i < NUM_BOXES; i++)
		box_open(_metadata, &self->t.box[i]);
}

/*
 * What always holds: the flow does not pass, and neighbours that the rules
 * allow do. The policy of ruleset 2 drops those as well.
 */
static void box_check(struct __test_metadata *_metadata, struct box *box)
{
	const int expected = box->now == 2 ? 0 : 1;

	box->passed += udp_drain(box->flood.to);
	EXPECT_EQ(0, box->passed);
	EXPECT_EQ(1, send(box->from, "x", 1, 0));
	EXPECT_EQ(expected, expected ? udp_wait(box->to, 1, UDP_COMES_MS) :
				       udp_drain(box->to));
}

static int box_replace(struct box *box)
{
	unsigned int next = (box->now + 1) % FLOOD_RULESETS;
	int err;

	err = flood_replace(box->sk, &box->rules[box->now], &box->rules[next]);
	if (!err)
		box->now = next;
	return err;
}

static void check_all(struct __test_metadata *_metadata,
		      struct boxes *t)
{
	for (unsigned int i = 0; i < NUM_BOXES; i++)
		box_check(_metadata, &t->box[i]);
}

/* Three replaces, so that each ruleset was in force once, in each namespace */
static void replace_all(struct __test_metadata *_metadata,
			struct boxes *t)
{
	unsigned int i, j;

	for (i = 0; i < NUM_BOXES; i++) {
		for (j = 0; j < FLOOD_RULESETS; j++) {
			ASSERT_EQ(0, box_replace(&t->box[i]));
			box_check(_metadata, &t->box[i]);
		}
	}
}

/* The end: no packet of the flow has passed or gone uncounted */
static void box_close(struct __test_metadata *_metadata, struct box *box)
{
	struct xt_counters in, out;
	uint64_t sent;

	flood_stop(&box->flood);
	sent = flood_sent(&box->flood);
	flood_settle(box->sk, &box->rules[box->now], sent, &in, &out);
	box->passed += udp_drain(box->flood.to);
	EXPECT_EQ(0, box->passed);
	EXPECT_LT(0UL, sent);
	EXPECT_EQ(0UL, flood_refused(&box->flood));
	EXPECT_EQ(sent, out.pcnt);
	EXPECT_EQ(sent * FLOOD_BYTES, out.bcnt);
	EXPECT_LE(sent, in.pcnt);
}

FIXTURE_TEARDOWN(helper)
{
	for (unsigned int i = 0; i < NUM_BOXES; i++)
		box_close(_metadata, &self->t.box[i]);
}

TEST_F_TIMEOUT(helper, killed_while_idle, 600)
{
	int sk = self->t.box[0].sk, i;
	struct bpfilter_status st;
	pid_t pid, last = 0;
	uint64_t deaths;

	for (i = 0; i < 3; i++) {
		ASSERT_TRUE(helper_wait(sk, BPFILTER_HELPER_IDLE));
		pid = helper_pid(sk);
		ASSERT_LT(1, pid);
		EXPECT_NE(last, pid);
		ASSERT_EQ(0, status_get(sk, &st));
		deaths = st.helper_deaths;
		ASSERT_EQ(0, kill(pid, SIGKILL));
		check_all(_metadata, &self->t);
		replace_all(_metadata, &self->t);
		check_all(_metadata, &self->t);
		ASSERT_EQ(0, status_get(sk, &st));
		EXPECT_EQ(deaths + 1, st.helper_deaths);
		last = pid;
	}
}

/*
 * Up to how many processes and threads there may be, 0 to leave it at that;
 * returns how many before
 */
static int threads_max(int max)
{
	FILE *f = fopen("/proc/sys/kernel/threads-max", "r+");
	int before;

	if (!f)
		return -1;
	if (fscanf(f, "%d", &before) != 1)
		before = -1;
	if (max) {
		rewind(f);
		fprintf(f, "%d", max);
	}
	return fclose(f) ? -1 : before;
}

/*
 * A process that sets the limit to @max when the test closes @alive, or ends
 * without that: in a session of its own it outlives a test that takes too long.
 */
static pid_t threads_keeper(int max, int *alive)
{
	int fd[2];
	pid_t pid;
	char c;

	if (pipe2(fd, O_CLOEXEC))
		return -1;
	pid = fork();
	if (!pid) {
		setsid();
		close(fd[1]);
		while (read(fd[0], &c, 1) < 0 && errno == EINTR)
			;
		_exit(threads_max(max) < 0);
	}
	close(fd[0]);
	*alive = fd[1];
	return pid;
}

/* The kernel's end of a helper's pipes must not be closed a second time */
TEST_F_TIMEOUT(helper, killed_and_none_to_be_had, 600)
{
	int sk = self->t.box[0].sk, max, alive, wstatus, i;
	struct bpfilter_status before, st;
	pid_t keeper;

	ASSERT_TRUE(helper_wait(sk, BPFILTER_HELPER_IDLE));
	ASSERT_EQ(0, status_get(sk, &before));
	max = threads_max(0);
	ASSERT_LT(1, max);
	keeper = threads_keeper(max, &alive);
	ASSERT_LT(0, keeper);
	EXPECT_EQ(max, threads_max(1));
	EXPECT_EQ(0, kill(before.helper_pid, SIGKILL));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(-EIO, box_replace(&self->t.box[0]));
	check_all(_metadata, &self->t);
	EXPECT_EQ(1, threads_max(0));
	close(alive);
	EXPECT_EQ(keeper, waitpid(keeper, &wstatus, 0));
	EXPECT_EQ(0, wstatus);
	EXPECT_EQ(max, threads_max(0));
	ASSERT_EQ(0, status_get(sk, &st));
	EXPECT_EQ(before.helper_starts, st.helper_starts);
	EXPECT_EQ(before.helper_deaths + 1, st.helper_deaths);
	replace_all(_metadata, &self->t);
}

/* A replace in a thread of its own */
struct replacer {
	pthread_t thread;
	struct box *box;
	int err;
};

static void *replacer_thread(void *arg)
{
	struct replacer *r = arg;

	r->err = box_replace(r->box);
	return NULL;
}

/*
 * After a replace that the helper did not survive: whatever it returned, what
 * it says is in force is in force. It may have been tried again with success.
 */
static void settle(struct __test_metadata *_metadata,
		   struct boxes *t, struct replacer *r)
{
	struct ipt_getinfo info;

	ASSERT_EQ(0, pthread_join(r->thread, NULL));
	TH_LOG("replace returned %d", r->err);
	ASSERT_EQ(0, rawipt_info(r->box->sk, &info));
	EXPECT_EQ(r->box->rules[r->box->now].rules.repl->num_entries,
		  info.num_entries);
	check_all(_metadata, t);
	replace_all(_metadata, t);
}

TEST_F_TIMEOUT(helper, killed_before_it_reads, 600)
{
	struct replacer r = { .box = &self->t.box[0] };
	int sk = self->t.box[0].sk;
	pid_t pid;

	ASSERT_TRUE(helper_wait(sk, BPFILTER_HELPER_IDLE));
	pid = helper_pid(sk);
	ASSERT_EQ(0, kill(pid, SIGSTOP));
	ASSERT_EQ(0, pthread_create(&r.thread, NULL, replacer_thread, &r));
	ASSERT_TRUE(helper_wait(sk, BPFILTER_HELPER_BUSY));
	check_all(_metadata, &self->t);
	ASSERT_EQ(0, kill(pid, SIGKILL));
	settle(_metadata, &self->t, &r);
}

/* Where its programs are loaded: not committed yet, or committed @behind it */
static void kill_at_commit(struct __test_metadata *_metadata,
			   struct boxes *t, bool behind)
{
	struct replacer r = { .box = &t->box[1] };
	struct helper_commit at;
	int sk = t->box[0].sk, wstatus;
	pid_t pid;

	ASSERT_TRUE(helper_wait(sk, BPFILTER_HELPER_IDLE));
	pid = helper_pid(sk);
	ASSERT_EQ(0, helper_trace(pid));
	ASSERT_EQ(0, pthread_create(&r.thread, NULL, replacer_thread, &r));
	ASSERT_EQ(0, helper_trace_commit(pid, &at));
	if (behind)
		ASSERT_EQ(0, helper_trace_committed(pid));
	check_all(_metadata, t);
	ASSERT_EQ(0, kill(pid, SIGKILL));
	waitpid(pid, &wstatus, __WALL);
	settle(_metadata, t, &r);
}

TEST_F_TIMEOUT(helper, killed_before_commit, 600)
{
	kill_at_commit(_metadata, &self->t, false);
}

TEST_F_TIMEOUT(helper, killed_behind_commit, 600)
{
	kill_at_commit(_metadata, &self->t, true);
}

/* Well before the kernel's own patience with a helper ends, in a minute */
#define AT_ONCE_MS	30000

/* Who waits for a helper that does not answer can be killed at once */
TEST_F_TIMEOUT(helper, caller_killed, 600)
{
	int sk = self->t.box[0].sk, other, wstatus, ms;
	pid_t pid, child;

	ASSERT_TRUE(helper_wait(sk, BPFILTER_HELPER_IDLE));
	pid = helper_pid(sk);
	ASSERT_EQ(0, kill(pid, SIGSTOP));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		/* its namespace goes with it */
		other = rawipt_netns(RAWIPT_BPFILTER);
		rawipt_replace(other, &self->t.box[0].rules[0].rules);
		_exit(0);
	}
	EXPECT_TRUE(helper_wait(sk, BPFILTER_HELPER_BUSY));
	ASSERT_EQ(0, kill(child, SIGKILL));
	for (ms = 0; ms < AT_ONCE_MS; ms++) {
		if (waitpid(child, &wstatus, WNOHANG) == child)
			break;
		usleep(1000);
	}
	EXPECT_GT(AT_ONCE_MS, ms);
	EXPECT_TRUE(WIFSIGNALED(wstatus));
	kill(pid, SIGCONT);
	check_all(_metadata, &self->t);
	replace_all(_metadata, &self->t);
}

/* iptables-restore -n in a loop: the chain it fills is none of the flood's */
static const char restore_text[] =
	"*filter\n"
	":extra - [0:0]\n"
	"-A extra -p tcp --dport 1:1000 -j ACCEPT\n"
	"-A extra -s 10.0.0.0/8 -m conntrack --ctstate NEW -j DROP\n"
	"COMMIT\n";

static int restore_once(int netns)
{
	int fd = memfd_create("rules", 0), null, wstatus;
	pid_t child;

	if (fd < 0 || write(fd, restore_text, strlen(restore_text)) < 0)
		return -1;
	lseek(fd, 0, SEEK_SET);
	child = fork();
	if (child < 0)
		return -1;
	if (!child) {
		null = open("/dev/null", O_WRONLY);
		dup2(fd, 0);
		dup2(null, 2);
		if (setns(netns, CLONE_NEWNET))
			_exit(126);
		execlp("iptables-legacy-restore", "iptables-legacy-restore",
		       "-w", "-n", NULL);
		_exit(127);
	}
	close(fd);
	if (waitpid(child, &wstatus, 0) != child || !WIFEXITED(wstatus))
		return -1;
	return WEXITSTATUS(wstatus);
}

struct restorer {
	pthread_t thread;
	struct box *box;
	atomic_bool stop;
	atomic_uint good;
	atomic_uint bad;
};

static void *restorer_thread(void *arg)
{
	struct restorer *r = arg;

	while (!atomic_load(&r->stop)) {
		if (restore_once(r->box->netns))
			r->bad++;
		else
			r->good++;
	}
	return NULL;
}

static unsigned int now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* Kill whatever helper there is after a moment, which differs each time */
static void kill_one(int sk, unsigned int *seed, unsigned int max_us)
{
	pid_t pid;
	int ms;

	for (ms = 0; ms < PATIENCE_MS; ms++) {
		pid = helper_pid(sk);
		if (pid > 0)
			break;
		usleep(1000);
	}
	usleep(rand_r(seed) % max_us);
	pid = helper_pid(sk);
	if (pid > 1)
		kill(pid, SIGKILL);
}

/* How many restores went well where that was least often */
static unsigned int fewest_good(struct restorer *r)
{
	unsigned int i, fewest = UINT_MAX;

	for (i = 0; i < NUM_BOXES; i++) {
		if (r[i].good < fewest)
			fewest = r[i].good;
	}
	return fewest;
}

TEST_F_TIMEOUT(helper, killed_under_restore, 3600)
{
	struct restorer r[NUM_BOXES] = { 0 };
	struct bpfilter_status st;
	unsigned int i, took, max_us, seed = 1;
	uint64_t deaths, killed;
	int sk = self->t.box[0].sk;

	if (restore_once(self->t.box[0].netns) == 127)
		SKIP(return, "no command iptables-legacy-restore");
	took = now_us();
	ASSERT_EQ(0, restore_once(self->t.box[0].netns));
	took = now_us() - took;
	ASSERT_EQ(0, status_get(sk, &st));
	deaths = st.helper_deaths;
	/* Long enough that many succeed, short enough to hit others */
	max_us = 2 * NUM_BOXES * took;
	for (i = 0; i < NUM_BOXES; i++) {
		r[i].box = &self->t.box[i];
		ASSERT_EQ(0, pthread_create(&r[i].thread, NULL,
					    restorer_thread, &r[i]));
	}
	do {
		kill_one(sk, &seed, max_us);
		check_all(_metadata, &self->t);
		ASSERT_EQ(0, status_get(sk, &st));
		killed = st.helper_deaths - deaths;
		/*
		 * They wait for each other; which of them meets a death more
		 * often is chance, so go on until each was through once, and
		 * give more time: the start of a new helper takes its part.
		 */
		if (killed >= self->t.kills && !fewest_good(r))
			max_us += max_us / 4;
	} while (killed < self->t.kills || !fewest_good(r));
	for (i = 0; i < NUM_BOXES; i++) {
		atomic_store(&r[i].stop, true);
		pthread_join(r[i].thread, NULL);
		TH_LOG("namespace %u: %u restores, %u of them failed", i,
		       r[i].good + r[i].bad, r[i].bad);
		EXPECT_LT(0U, atomic_load(&r[i].good));
		EXPECT_EQ(0, restore_once(self->t.box[i].netns));
	}
	check_all(_metadata, &self->t);
}

TEST_HARNESS_MAIN
