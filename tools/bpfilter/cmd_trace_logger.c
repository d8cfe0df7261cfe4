// SPDX-License-Identifier: GPL-2.0
/*
 * The logger of a network namespace, borrowed
 *
 * nf_log_trace() asks the logger that the namespace has for the packet's
 * family; it is none at first, nf_log_syslog once somebody sets that. For the
 * time of a trace it has to be nfnetlink_log. The targets LOG and NFLOG name
 * their logger themselves and do not notice. What does notice is the target
 * TRACE, whose lines go to the command instead of the kernel's log, and
 * conntrack's messages about invalid packets (nf_conntrack_log_invalid).
 *
 * The kernel would leave it bound for good. So a child waits for the command's
 * end, however that comes, SIGKILL included, and gives the logger back. If
 * nfnetlink_log was bound before, by ulogd with another group, it stays.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd_trace.h"

#define LOGGER_SYSCTL	"/proc/sys/net/netfilter/nf_log/%u"
#define LOGGER		"nfnetlink_log"

/* The kernel's NFLOGGER_NAME_LEN */
#define NAME_MAX_LEN	64

/**
 * struct loggers - what was bound before
 * @name:	by family; empty: the namespace does not have that family
 */
struct loggers {
	char name[TABLE_NUM_FAMILIES][NAME_MAX_LEN];
};

static int logger_open(unsigned int i, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), LOGGER_SYSCTL, table_families[i].family);
	return open(path, flags | O_CLOEXEC);
}

static int logger_read(unsigned int i, char *name)
{
	int fd = logger_open(i, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, name, NAME_MAX_LEN - 1);
	close(fd);
	if (n <= 0)
		return -EIO;
	name[n] = '\0';
	name[strcspn(name, "\n")] = '\0';
	return 0;
}

static int logger_write(unsigned int i, const char *name)
{
	int fd = logger_open(i, O_WRONLY);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, name, strlen(name)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

/* Only what is still as the trace set it */
static void loggers_restore(const struct loggers *before)
{
	char now[NAME_MAX_LEN];
	unsigned int i;

	for (i = 0; i < TABLE_NUM_FAMILIES; i++)
		if (strcmp(before->name[i], LOGGER) &&
		    !logger_read(i, now) && !strcmp(now, LOGGER))
			logger_write(i, before->name[i]);
}

/*
 * The keeper must hold nothing that ends with the command: neither the socket
 * with its group nor, later on, links.
 */
static void __noreturn keep(int end, const struct loggers *before)
{
	sigset_t all;
	char c;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	dup2(end, STDIN_FILENO);
	close_range(STDOUT_FILENO, ~0U, 0);
	while (read(STDIN_FILENO, &c, 1) < 0 && errno == EINTR)
		;
	loggers_restore(before);
	_exit(0);
}

static int keeper_start(struct trace_logger *logger,
			const struct loggers *before)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	logger->keeper = fork();
	if (!logger->keeper) {
		close(ends[1]);
		keep(ends[0], before);
	}
	close(ends[0]);
	logger->end = ends[1];
	if (logger->keeper > 0)
		return 0;
	close(ends[1]);
	logger->keeper = 0;
	return -errno;
}

static int loggers_set(void)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < TABLE_NUM_FAMILIES; i++)
		ret = logger_write(i, LOGGER);
	return ret;
}

/**
 * trace_logger_take - have the namespace's logger be nfnetlink_log
 * @ctx:	options
 * @logger:	filled; given back with trace_logger_give()
 *
 * The caller has the group that reports go to, so no other trace interferes.
 *
 * Return: enum cmd_status
 */
int trace_logger_take(struct cmd_ctx *ctx, struct trace_logger *logger)
{
	struct loggers before = {};
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < TABLE_NUM_FAMILIES; i++)
		ret = logger_read(i, before.name[i]);
	if (!ret)
		ret = keeper_start(logger, &before);
	if (!ret)
		ret = loggers_set();
	return ret ? cmd_error(ctx, "logger of this network namespace (" LOGGER_SYSCTL "): %s",
			       table_families[0].family, strerror(-ret)) :
	       CMD_OK;
}

/**
 * trace_logger_give - have the namespace's logger be what it was
 * @logger:	may be all zero
 */
void trace_logger_give(struct trace_logger *logger)
{
	if (!logger->keeper)
		return;
	close(logger->end);
	while (waitpid(logger->keeper, NULL, 0) < 0 && errno == EINTR)
		;
	logger->keeper = 0;
}
