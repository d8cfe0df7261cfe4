// SPDX-License-Identifier: GPL-2.0
/*
 * bpfilter trace - each rule that packets meet
 *
 * What it sets up ends with the process: links and socket are closed by the
 * kernel, the logger is given back by a child (cmd_trace_logger.c). Before and
 * after that nothing is on the packets' way but a bit that the tables' programs
 * test anyway.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cmd_trace.h"

/* After the last packet that was asked for, wait so long for more of it */
#define LINGER_MS	500

/**
 * struct trace - the command at work
 * @ctx:	options
 * @filter:	by family
 * @logger:	the namespace's
 * @log:	where reports come in
 * @signals:	descriptor that tells of the wish to end, -1: none
 * @track:	packets
 * @output:	what was printed
 * @counted:	as many packets as were asked for have been seen
 */
struct trace {
	struct cmd_ctx *ctx;
	struct trace_filter filter[TABLE_NUM_FAMILIES];
	struct trace_logger logger;
	struct trace_log log;
	int signals;
	struct trace_track track;
	struct trace_output output;
	bool counted;
};

/**
 * struct trace_args - the arguments of the command
 * @fam:	family whose packets are traced, NULL: both
 * @argc:	number of the filter's words
 * @argv:	the filter, in words of iptables
 */
struct trace_args {
	const struct table_family *fam;
	int argc;
	char **argv;
};

/* Reports */

/* A packet too many is not told of, but those before it may still go on */
static bool is_wanted(const struct trace *t, const struct trace_way *way)
{
	return !t->ctx->count || way->id <= t->ctx->count;
}

static int report(void *priv, const struct trace_report *r)
{
	struct trace *t = priv;
	struct trace_packet packet;
	struct trace_way *way;
	bool new_hook;

	trace_packet_read(r, &packet);
	way = trace_track(&t->track, r, packet.key, &new_hook);
	if (!is_wanted(t, way))
		return 0;
	trace_print(&t->output, r, &packet, way, new_hook);
	fflush(stdout);
	t->counted = t->ctx->count && t->track.num >= t->ctx->count;
	return ferror(stdout) ? -EPIPE : 0;
}

static int signals_open(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGPIPE);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
}

/* Returns 0 at the wish to end, or a negative errno */
static int watch(struct trace *t)
{
	struct pollfd fds[] = {
		{ .fd = t->log.sk, .events = POLLIN },
		{ .fd = t->signals, .events = POLLIN },
	};
	double end = 0;
	int ret = 0;

	while (!ret && !fds[1].revents && (!end || now_ms() < end)) {
		if (poll(fds, ARRAY_SIZE(fds),
			 t->counted ? LINGER_MS / 5 : -1) < 0)
			return errno == EINTR ? 0 : -errno;
		if (fds[0].revents)
			ret = trace_log_read(&t->log, report, t);
		ret = ret < 0 ? ret : 0;
		if (t->counted && !end)
			end = now_ms() + LINGER_MS;
	}
	return ret;
}

static void filters_detach(struct trace *t)
{
	unsigned int i;

	for (i = 0; i < TABLE_NUM_FAMILIES; i++)
		trace_filter_detach(&t->filter[i]);
}

/*
 * What came in before the end is told. Nothing is added to that, not even by
 * rules with the target TRACE. Returns 0 or a negative errno.
 */
static int reports_finish(struct trace *t)
{
	int ret;

	filters_detach(t);
	trace_logger_give(&t->logger);
	do {
		ret = trace_log_read(&t->log, report, t);
	} while (ret > 0);
	return ret;
}

static void lost_print(const struct trace *t)
{
	if (t->log.lost || t->log.overrun)
		fprintf(stderr, "Warning: reports came too fast, %llu or more are missing\n",
			(unsigned long long)t->log.lost + !t->log.lost);
}

/* The command */

static int filters_load(struct trace *t, const struct trace_args *args)
{
	int ret = CMD_OK;
	unsigned int i;

	for (i = 0; ret == CMD_OK && i < TABLE_NUM_FAMILIES; i++)
		if (!args->fam || args->fam == &table_families[i])
			ret = trace_filter_load(t->ctx, &table_families[i],
						args->argc, args->argv,
						&t->filter[i]);
	return ret;
}

/* What can fail for the arguments comes before what others can notice */
static int trace_start(struct trace *t, const struct trace_args *args)
{
	unsigned int i;
	int ret;

	ret = trace_log_open(t->ctx, &t->log);
	if (ret == CMD_OK)
		ret = filters_load(t, args);
	if (ret == CMD_OK)
		ret = trace_logger_take(t->ctx, &t->logger);
	for (i = 0; ret == CMD_OK && i < TABLE_NUM_FAMILIES; i++)
		ret = trace_filter_attach(t->ctx, &t->filter[i]);
	return ret;
}

static int trace_run(struct trace *t, const struct trace_args *args)
{
	int ret;

	t->signals = signals_open();
	if (t->signals < 0)
		return cmd_error(t->ctx, "signals: %s", strerror(-t->signals));
	ret = trace_start(t, args);
	if (ret != CMD_OK)
		return ret;
	if (!t->ctx->json && isatty(STDERR_FILENO))
		fprintf(stderr, "Tracing, end with Ctrl-C\n");
	ret = watch(t);
	ret = ret ? ret : reports_finish(t);
	lost_print(t);
	return ret ? cmd_error(t->ctx, "reports: %s", strerror(-ret)) : CMD_OK;
}

static void trace_end(struct trace *t)
{
	filters_detach(t);
	trace_logger_give(&t->logger);
	trace_log_close(&t->log);
	if (t->signals >= 0)
		close(t->signals);
	trace_output_free(&t->output);
}

/*
 * Options behind the command, as most programs take them; -j and -p are words of
 * a filter too.
 */
static const char *misplaced_option(int argc, char **argv)
{
	static const char *const ours[] = {
		"-c", "--count", "--json", "--pretty",
	};
	int i;

	for (i = 0; i < argc; i++)
		for (size_t o = 0; o < ARRAY_SIZE(ours); o++)
			if (!strcmp(argv[i], ours[o]))
				return argv[i];
	return NULL;
}

/**
 * cmd_trace - the command "trace"
 * @ctx:	options
 * @argc:	number of arguments
 * @argv:	a family, then the filter in words of iptables
 *
 * Words of a filter are those of one family: IPv4 if none is named.
 *
 * Return: enum cmd_status
 */
int cmd_trace(struct cmd_ctx *ctx, int argc, char **argv)
{
	const char *option = misplaced_option(argc, argv);
	struct trace_args args = {};
	struct trace t = {
		.ctx = ctx, .output.ctx = ctx, .log.sk = -1, .signals = -1,
	};
	int ret;

	if (option)
		return cmd_usage(ctx, "%s stands before \"trace\", what follows is a filter",
				 option);
	if (argc) {
		args.fam = table_family_word(argv[0]);
		argc -= !!args.fam;
		argv += !!args.fam;
	}
	if (argc && !args.fam)
		args.fam = &table_families[0];
	args.argc = argc;
	args.argv = argv;

	ret = trace_run(&t, &args);
	trace_end(&t);
	return ret;
}
