// SPDX-License-Identifier: GPL-2.0
/*
 * Namespaces that come and go, all at once: each loads rules, sees them work,
 * turns the sysctl on and off while others replace rulesets, and ends with a
 * request under way or killed in the middle. In the end nothing of them is left.
 *
 * BPFILTER_FULL=1 makes it ten times as long. A kernel with lockdep, KASAN and
 * kmemleak has most to say about it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/bpfilter.h>

#include "../kselftest_harness.h"
#include "flood.h"
#include "objects.h"

#define NUM_WORKERS	6
#define SYSCTL_ENGINE	"/proc/sys/net/netfilter/bpfilter"

static void toggle(unsigned int value)
{
	int fd = open(SYSCTL_ENGINE, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value & 1 ? "1" : "0", 1) != 1)
		_exit(10);
	close(fd);
}

/* What a replacer beside the main thread of a worker does */
struct replacer {
	pthread_t thread;
	int sk;
	atomic_bool stop;
	struct flood_rules rules[FLOOD_RULESETS];
	unsigned int good;
};

/* Each of the rulesets drops the flow; who loses a race tries again */
static void *replacer_thread(void *arg)
{
	struct replacer *r = arg;
	unsigned int i;
	int err;

	for (i = 0; !atomic_load(&r->stop) || !r->good; i++) {
		err = rawipt_replace(r->sk, &r->rules[i % FLOOD_RULESETS].rules);
		if (err && err != -EAGAIN && err != -EIO)
			_exit(11);
		if (!err)
			r->good++;
	}
	return NULL;
}

/* Exit status: 0, or where it went wrong */
static void worker(unsigned int seed)
{
	int i, from, to, netns = rawipt_netns(RAWIPT_BPFILTER);
	struct replacer r = { .sk = netns };

	if (netns < 0)
		_exit(12);
	for (i = 0; i < FLOOD_RULESETS; i++)
		flood_rules_build(&r.rules[i], i, 0);
	from = udp_sender(FLOOD_PORT);
	to = udp_receiver(FLOOD_PORT);
	do {
		i = rawipt_replace(netns, &r.rules[0].rules);
	} while (i == -EIO);
	if (i)
		_exit(13);
	if (pthread_create(&r.thread, NULL, replacer_thread, &r))
		_exit(14);
	for (i = rand_r(&seed) % 20; i >= 0; i--) {
		toggle(i);
		if (send(from, "x", 1, 0) != 1)
			_exit(15);
		if (udp_drain(to))
			_exit(16);
	}
	/* half of them leave with a replace in flight */
	if (rand_r(&seed) & 1)
		_exit(0);
	atomic_store(&r.stop, true);
	pthread_join(r.thread, NULL);
	_exit(udp_drain(to) ? 17 : 0);
}

static pid_t start_worker(unsigned int seed)
{
	pid_t pid = fork();

	if (!pid)
		worker(seed);
	return pid;
}

static void kill_helper(int sk)
{
	struct bpfilter_status st = { 0 };
	socklen_t len = sizeof(st);

	if (!rawipt_get(sk, BPFILTER_SO_GET_STATUS, &st, &len) &&
	    st.helper_pid > 1)
		kill(st.helper_pid, SIGKILL);
}

/* Something unpleasant now and then */
static void disturb(int sk, const pid_t *pids, unsigned int *seed)
{
	if (rand_r(seed) % 10 == 0)
		kill_helper(sk);
	if (rand_r(seed) % 10 == 0)
		kill(pids[rand_r(seed) % NUM_WORKERS], SIGKILL);
}

static int slot_of(const pid_t *pids, pid_t pid)
{
	int i;

	for (i = 0; i < NUM_WORKERS; i++)
		if (pids[i] == pid)
			break;
	return i;
}

static bool ended_badly(int wstatus)
{
	if (!WIFEXITED(wstatus) || !WEXITSTATUS(wstatus))
		return false;
	printf("# a worker ended with %d\n", WEXITSTATUS(wstatus));
	return true;
}

/* Keep the workers busy for some time: the number of those that ended badly */
static int churn(int sk, int seconds, unsigned int *started)
{
	time_t end = time(NULL) + seconds;
	int i, wstatus, bad = 0;
	pid_t pids[NUM_WORKERS];
	unsigned int seed = 1;

	for (i = 0; i < NUM_WORKERS; i++)
		pids[i] = start_worker(++*started);
	while (time(NULL) < end) {
		disturb(sk, pids, &seed);
		i = slot_of(pids, wait(&wstatus));
		bad += ended_badly(wstatus);
		pids[i] = start_worker(++*started);
	}
	for (i = 0; i < NUM_WORKERS; i++) {
		wait(&wstatus);
		bad += ended_badly(wstatus);
	}
	return bad;
}

FIXTURE(namespaces)
{
	int sk;
	int seconds;
};

FIXTURE_SETUP(namespaces)
{
	const char *why;

	self->seconds = getenv("BPFILTER_FULL") ? 60 : 6;
	if (!rawipt_engine_usable(RAWIPT_BPFILTER, &why))
		SKIP(return, "%s", why);
	self->sk = socket(AF_INET, SOCK_DGRAM, 0);
	ASSERT_LE(0, self->sk);
}

FIXTURE_TEARDOWN(namespaces)
{
	close(self->sk);
}

TEST_F_TIMEOUT(namespaces, come_and_go, 600)
{
	const unsigned int prog = objects_newest(BPF_PROG_GET_NEXT_ID);
	const unsigned int map = objects_newest(BPF_MAP_GET_NEXT_ID);
	unsigned int started = 0;

	EXPECT_EQ(0, churn(self->sk, self->seconds, &started));
	TH_LOG("%u namespaces in %d s", started, self->seconds);
	EXPECT_LT(NUM_WORKERS, started);
	EXPECT_EQ(0, objects_wait(BPF_PROG_GET_NEXT_ID, prog, 0));
	EXPECT_EQ(0, objects_wait(BPF_MAP_GET_NEXT_ID, map, 0));
}

TEST_HARNESS_MAIN
