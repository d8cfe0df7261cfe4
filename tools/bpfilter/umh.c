// SPDX-License-Identifier: GPL-2.0
/*
 * The helper that the kernel embeds: requests on standard input, replies on
 * standard output, programs by a socket option in between. The protocol is in
 * include/uapi/linux/bpfilter.h.
 *
 * It keeps nothing from one request to the next. Whatever it does not
 * understand ends it: the kernel starts another.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <netinet/in.h>
#include <bpf/libbpf.h>
#include <linux/bpfilter.h>
#include <linux/compiler.h>

#include "compile.h"
#include "kernel_btf.h"
#include "sandbox.h"

/* As native's limit on a table, see XT_MAX_TABLE_SIZE in x_tables.c */
#define BLOB_SIZE_MAX		(512U * 1024 * 1024)

/*
 * Memory that a request may take: what the helper is, the largest program, and
 * for each byte of the blob what the IR and the plan make of it, with room.
 */
#define MEMORY_BASE		(256ULL * 1024 * 1024)
#define MEMORY_PER_BYTE		32ULL

/* Descriptors besides the standard ones: standard error is the kernel's log */
#define SOCKET_FD		3
#define FIRST_CLOSED_FD		4

/**
 * struct helper - what lives from start to end
 * @btf:	types of the running kernel
 * @sk:		socket for commits
 */
struct helper {
	struct kernel_btf btf;
	int sk;
};

/* --- The end --- */

static __printf(1, 2) __noreturn
void die(const char *fmt, ...)
{
	char reason[128], line[160];
	va_list args;
	int len;

	va_start(args, fmt);
	vsnprintf(reason, sizeof(reason), fmt, args);
	va_end(args);
	len = snprintf(line, sizeof(line), "<3>bpfilter_umh: %s\n", reason);
	if (write(STDERR_FILENO, line, len) < 0)
		_exit(2);
	_exit(1);
}

/* --- Streams --- */

/* Returns false at the end of the stream, which may only be between requests */
static bool read_all(void *data, size_t size, bool may_end)
{
	char *at = data;

	while (size) {
		ssize_t n = read(STDIN_FILENO, at, size);

		if (n < 0)
			die("read: %s", strerror(errno));
		if (!n && may_end && at == data)
			return false;
		if (!n)
			die("request cut short");
		at += n;
		size -= n;
	}
	return true;
}

static void write_all(const void *data, size_t size)
{
	const char *at = data;

	while (size) {
		ssize_t n = write(STDOUT_FILENO, at, size);

		if (n <= 0)
			die("write: %s", strerror(errno));
		at += n;
		size -= n;
	}
}

/* In one piece, so that no reader sees half of it */
static void reply(const struct bpfilter_request *req, const struct refusal *why)
{
	struct {
		struct bpfilter_reply head;
		char text[BPFILTER_MESSAGE_MAX];
	} msg = {
		.head = {
			.magic = BPFILTER_REPLY_MAGIC,
			.version = BPFILTER_PROTOCOL_VERSION,
			.id = req->id,
			.error = why->error,
		},
	};

	if (why->error) {
		msg.head.message_len = strlen(why->text);
		memcpy(msg.text, why->text, msg.head.message_len);
	}
	write_all(&msg, sizeof(msg.head) + msg.head.message_len);
}

/* --- Commits --- */

/* The arrays behind a commit */
static void fill_commit(struct bpfilter_commit *msg,
			const struct ir_ruleset *rs)
{
	struct bpfilter_bridged *b = (void *)(msg->comefrom + msg->num_entries);
	uint32_t i;

	for (i = 0; i < msg->num_entries; i++)
		msg->comefrom[i] = rs->rules[i].comefrom;
	for (i = 0; i < msg->num_bridged; i++)
		b[i] = (struct bpfilter_bridged) {
			.entry = rs->bridged[i].rule,
			.offset = rs->bridged[i].offset,
		};
}

static int send_commit(struct helper *h, const struct bpfilter_commit *commit,
		       const struct ir_ruleset *rs, struct refusal *why)
{
	size_t size = sizeof(*commit) + rs->num_rules * sizeof(uint32_t) +
		      commit->num_bridged * sizeof(struct bpfilter_bridged);
	struct bpfilter_commit *msg = malloc(size);
	int err = 0;

	if (!msg)
		return bpfilter_refuse(why, ENOMEM, false, NULL,
				       "out of memory");
	*msg = *commit;
	msg->version = BPFILTER_PROTOCOL_VERSION;
	msg->num_entries = rs->num_rules;
	fill_commit(msg, rs);
	if (setsockopt(h->sk, SOL_IP, BPFILTER_SO_SET_COMMIT, msg, size))
		err = bpfilter_refuse(why, errno, false, NULL,
				      "commit not accepted: %s",
				      strerror(errno));
	free(msg);
	return err;
}

/*
 * Well-formed, but refused: an extension that the kernel checks may have an
 * error of native's in an earlier rule, which it then takes instead.
 */
static void commit_refused(struct helper *h, const struct bpfilter_request *req,
			   const struct compiled *c, struct refusal *why)
{
	struct bpfilter_commit commit = {
		.flags = BPFILTER_COMMIT_REFUSED,
		.id = req->id,
		.prog_fd = { -1, -1, -1, -1, -1 },
		.compile_ns = c->compile_ns,
	};

	if (c->rs)
		send_commit(h, &commit, c->rs, why);
}

static int commit_loaded(struct helper *h, const struct bpfilter_request *req,
			 const struct compiled *c, const struct loaded *l,
			 uint64_t load_ns, struct refusal *why)
{
	struct bpfilter_commit commit = {
		.id = req->id,
		.counter_map_id = l->counter_map_id,
		.counter_stride = c->img.counter_stride,
		.num_bridged = c->rs->num_bridged,
		.compile_ns = c->compile_ns,
		.load_ns = load_ns,
	};

	memcpy(commit.prog_fd, l->prog_fd, sizeof(commit.prog_fd));
	return send_commit(h, &commit, c->rs, why);
}

/* --- Requests --- */

static int load_and_commit(struct helper *h, const struct bpfilter_request *req,
			   const struct compiled *c, struct refusal *why)
{
	uint64_t start = bpfilter_now_ns();
	struct loaded l;
	int err;

	err = bpfilter_load(c->rs, &c->img, &l, why);
	if (!err)
		err = commit_loaded(h, req, c, &l, bpfilter_now_ns() - start,
				    why);
	bpfilter_loaded_close(&l);
	return err;
}

static void answer(struct helper *h, const struct bpfilter_request *req,
		   const void *blob)
{
	const struct compile_env env = {
		.btf = &h->btf,
		.nr_cpus = req->nr_cpus,
		.hz = req->hz,
		.plan = req->plan,
		.netns = req->netns,
		/* Any number that comes from the ruleset */
		.seed = req->size,
	};
	struct compiled c;
	struct refusal why;
	int err;

	err = bpfilter_compile(blob, req->size, req->family, &env, &c, &why);
	if (!err)
		err = load_and_commit(h, req, &c, &why);
	if (err)
		commit_refused(h, req, &c, &why);
	bpfilter_compiled_free(&c);
	reply(req, &why);
}

static void check_request(const struct bpfilter_request *req)
{
	if (req->magic != BPFILTER_REQUEST_MAGIC)
		die("request magic 0x%x", req->magic);
	if (req->version != BPFILTER_PROTOCOL_VERSION)
		die("protocol version %u, this helper speaks %u", req->version,
		    BPFILTER_PROTOCOL_VERSION);
	if (!req->size || req->size > BLOB_SIZE_MAX)
		die("request of %u bytes", req->size);
	if (!req->nr_cpus || !req->hz || req->plan > BPFILTER_PLAN_MAX)
		die("request for %u CPUs, %u Hz, plan %u", req->nr_cpus,
		    req->hz, req->plan);
}

/* The hard limit stays, so that the next request can have more */
static void limit_memory(const struct bpfilter_request *req)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_AS, &lim))
		die("getrlimit: %s", strerror(errno));
	lim.rlim_cur = MEMORY_BASE + MEMORY_PER_BYTE * req->size;
	if (lim.rlim_cur > lim.rlim_max)
		lim.rlim_cur = lim.rlim_max;
	if (setrlimit(RLIMIT_AS, &lim))
		die("setrlimit: %s", strerror(errno));
}

/* Returns false when the kernel wants no more */
static bool serve(struct helper *h)
{
	struct bpfilter_request req;
	void *blob;

	if (!read_all(&req, sizeof(req), true))
		return false;
	check_request(&req);
	limit_memory(&req);
	blob = malloc(req.size);
	if (!blob)
		die("no memory for a request of %u bytes", req.size);
	read_all(blob, req.size, false);
	answer(h, &req, blob);
	free(blob);
	malloc_trim(0);
	return true;
}

/* --- The start --- */

static void place_fd(int fd, int at, const char *what)
{
	if (fd < 0)
		die("%s: %s", what, strerror(errno));
	if (fd == at)
		return;
	if (dup2(fd, at) < 0)
		die("dup2: %s", strerror(errno));
	close(fd);
}

/* Without a log there is nobody to tell, and nothing else missing */
static void open_log(void)
{
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		place_fd(fd, STDERR_FILENO, "log");
}

static void start(struct helper *h)
{
	const char *failed;
	int err;

	open_log();
	libbpf_set_print(NULL);
	place_fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), SOCKET_FD,
		 "socket");
	h->sk = SOCKET_FD;
	err = bpfilter_kernel_btf_read(&h->btf);
	if (err)
		die("types of the kernel: %s", strerror(-err));
	failed = sandbox_enter(FIRST_CLOSED_FD);
	if (failed)
		die("sandbox: %s: %s", failed, strerror(errno));
}

int main(void)
{
	struct helper h;

	start(&h);
	while (serve(&h))
		continue;
	return 0;
}
