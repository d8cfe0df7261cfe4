// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

/* Commands, run without a fork of our memory: that would be timed, too */

extern char **environ;

static cpu_set_t all_cpus;

/* The last one that we may use: the first has more to do */
void cpu_pin(void)
{
	cpu_set_t one;
	int cpu = CPU_SETSIZE - 1;

	if (!CPU_COUNT(&all_cpus))
		sched_getaffinity(0, sizeof(all_cpus), &all_cpus);
	while (cpu && !CPU_ISSET(cpu, &all_cpus))
		cpu--;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		die("sched_setaffinity: %s", strerror(errno));
}

void cpu_unpin(void)
{
	sched_setaffinity(0, sizeof(all_cpus), &all_cpus);
}

static char *read_all(int fd)
{
	off_t len = lseek(fd, 0, SEEK_END);
	char *text = xrealloc(NULL, len + 1);
	ssize_t got = pread(fd, text, len, 0);

	text[got < 0 ? 0 : got] = '\0';
	return text;
}

static void set_files(posix_spawn_file_actions_t *fa, const struct command *c,
		      int err)
{
	posix_spawn_file_actions_init(fa);
	posix_spawn_file_actions_addopen(fa, 0, c->input ? c->input :
					 "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(fa, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(fa, err, 2);
}

/* Returns true if the child did not end in time */
static bool wait_child(pid_t pid, unsigned int cap, int *status)
{
	struct pollfd p = {
		.fd = syscall(SYS_pidfd_open, pid, 0), .events = POLLIN,
	};
	bool late = p.fd >= 0 && !poll(&p, 1, cap * 1000);

	if (late)
		kill(pid, SIGKILL);
	waitpid(pid, status, 0);
	close(p.fd);
	return late;
}

static void say(struct command *c, const char *text)
{
	free(c->said);
	c->said = xstrdup(text);
}

int command_run(const struct side *side, struct command *c)
{
	int err = memfd_create("stderr", MFD_CLOEXEC), status = 0, bad;
	posix_spawn_file_actions_t fa;
	double start;
	bool late;
	pid_t pid;

	side_enter(side);
	set_files(&fa, c, err);
	cpu_unpin();
	start = now_ms();
	bad = posix_spawnp(&pid, c->argv[0], &fa, NULL, (char **)c->argv,
			   environ);
	late = !bad && wait_child(pid, c->cap, &status);
	c->ms = now_ms() - start;
	cpu_pin();
	posix_spawn_file_actions_destroy(&fa);
	c->said = read_all(err);
	close(err);
	if (bad)
		say(c, strerror(bad));
	if (late)
		say(c, "took too long");
	if (bad)
		return 127;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}
