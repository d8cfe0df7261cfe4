// SPDX-License-Identifier: GPL-2.0
/*
 * The loader: an image becomes programs and maps in the kernel.
 *
 * A program that the verifier refuses is a bug here or a limit not planned
 * for. It is loaded a second time then, with a log, whose last line goes into
 * the refusal.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <netinet/in.h>
#include <linux/bpf.h>
#include <linux/netfilter.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "compile.h"
#include "ir_build.h"
#include "prog_btf.h"

/* Not in user space's errno.h */
#define ENOTSUPP_KERNEL	524

#define LOG_SIZE	(1024U * 1024)

/* struct loading - what loading one table needs */
struct loading {
	const struct ir_ruleset *rs;
	const struct gen_image *img;
	struct loaded *out;
	struct refusal *why;
};

/* --- Refusals --- */

static int refuse(struct loading *l, int hook, int err, const char *what,
		  const char *reason)
{
	const struct refuse_where where = {
		.table = l->rs->table,
		.chain = hook < 0 ? NULL : bpfilter_ir_hook_name(hook),
	};

	return bpfilter_refuse(l->why, err == ENOMEM ? ENOMEM : EINVAL, false,
			       &where, "%s: %s", what, reason);
}

/* Not the program's fault: a log would say no more */
static bool is_plain(int err)
{
	return err == EPERM || err == ENOMEM || err == ENOTSUPP_KERNEL;
}

/* What the kernel means by an errno of bpf(2) */
static const char *explain(int err)
{
	switch (err) {
	case EPERM:
		return "no permission for bpf(2)";
	case ENOTSUPP_KERNEL:
		return "the kernel's BPF JIT is off (net.core.bpf_jit_enable) or cannot compile it";
	default:
		return strerror(err);
	}
}

static bool is_statistic(const char *line)
{
	return !strncmp(line, "processed ", 10) ||
	       !strncmp(line, "verification time ", 18) ||
	       !strncmp(line, "stack depth ", 12);
}

/* The last line of the log that says something about the program. Cuts it up */
static const char *last_line(char *log)
{
	const char *last = "";
	char *line, *next;

	for (line = strtok_r(log, "\n", &next); line;
	     line = strtok_r(NULL, "\n", &next))
		if (!is_statistic(line))
			last = line;
	return last;
}

/*
 * The kernel's names are short: "mangle_POSTROUT". Where that is too short for a
 * program tools look for the name of its first function, which is not.
 */
static void name_object(char name[BPF_OBJ_NAME_LEN], const char *full)
{
	snprintf(name, BPF_OBJ_NAME_LEN, "%.*s", BPF_OBJ_NAME_LEN - 1, full);
}

/* --- Programs --- */

static int load_prog(struct loading *l, int hook, const struct prog_btf *pb,
		     char *log)
{
	const struct gen_prog *prog = &l->img->prog[hook];
	const int maps[GEN_MAPS] = {
		[GEN_MAP_COUNTERS] = l->out->counter_fd,
		[GEN_MAP_DATA] = l->out->data_fd,
	};
	struct bpf_prog_load_opts opts = {
		.sz = sizeof(opts),
		.expected_attach_type = BPF_NETFILTER,
		.prog_btf_fd = pb->fd,
		.func_info = pb->info,
		.func_info_cnt = prog->num_funcs,
		.func_info_rec_size = sizeof(*pb->info),
		.line_info = pb->lines.info,
		.line_info_cnt = pb->lines.num,
		.line_info_rec_size = sizeof(*pb->lines.info),
		.fd_array = maps,
		.log_level = log ? 1 : 0,
		.log_buf = log,
		.log_size = log ? LOG_SIZE : 0,
	};
	char name[BPF_OBJ_NAME_LEN];
	int fd;

	name_object(name, prog->funcs[0].name);
	fd = bpf_prog_load(BPF_PROG_TYPE_NETFILTER, name, "GPL", prog->insns,
			   prog->num_insns, &opts);
	return fd < 0 ? -errno : fd;
}

/* Load again to learn why not. Returns the new descriptor if it works now */
static int diagnose(struct loading *l, int hook, const struct prog_btf *pb,
		    int err)
{
	char *log = is_plain(err) ? NULL : calloc(1, LOG_SIZE);
	const char *line;
	int fd;

	if (!log)
		return refuse(l, hook, err, "program", explain(err));
	fd = load_prog(l, hook, pb, log);
	if (fd < 0) {
		line = last_line(log);
		fd = *line ? refuse(l, hook, err, "verifier", line) :
			     refuse(l, hook, err, "program", explain(err));
	}
	free(log);
	return fd;
}

static int load_hook(struct loading *l, int hook)
{
	struct prog_btf pb;
	int err, fd;

	err = bpfilter_prog_btf_load(&pb, l->rs, l->img, hook);
	if (err)
		return refuse(l, hook, -err, "types of the program",
			      explain(-err));
	fd = load_prog(l, hook, &pb, NULL);
	if (fd < 0)
		fd = diagnose(l, hook, &pb, -fd);
	bpfilter_prog_btf_close(&pb);
	if (fd < 0)
		return fd;
	l->out->prog_fd[hook] = fd;
	return 0;
}

/* --- Maps --- */

/* Create an array map with one element. Returns its descriptor, sets @id */
static int create_map(struct loading *l, const char *what, uint32_t bytes,
		      uint32_t *id)
{
	struct bpf_map_create_opts opts = {
		.sz = sizeof(opts),
		.map_flags = BPF_F_MMAPABLE,
	};
	struct bpf_map_info info = {};
	uint32_t len = sizeof(info);
	char name[BPF_OBJ_NAME_LEN], full[64];
	int fd;

	snprintf(full, sizeof(full), "%s%s_%s", l->rs->table,
		 l->rs->family == NFPROTO_IPV6 ? "6" : "", what);
	name_object(name, full);
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, name, sizeof(uint32_t), bytes,
			    1, &opts);
	if (fd < 0)
		return -errno;
	if (bpf_map_get_info_by_fd(fd, &info, &len)) {
		len = errno;
		close(fd);
		return -len;
	}
	*id = info.id;
	return fd;
}

static int create_counters(struct loading *l)
{
	int fd = create_map(l, "counters", l->img->counter_stride *
			    l->img->nr_cpus, &l->out->counter_map_id);

	if (fd < 0)
		return refuse(l, -1, -fd, "counter map", explain(-fd));
	l->out->counter_fd = fd;
	return 0;
}

/*
 * Fill the map through its memory. For that it cannot have BPF_F_RDONLY_PROG,
 * with which no map can be mapped writable, but programs only read it.
 */
static int fill_data(const struct loading *l, int fd)
{
	const struct data_buf *buf = &l->img->data.buf;
	void *value = mmap(NULL, l->img->data_size, PROT_READ | PROT_WRITE,
			   MAP_SHARED, fd, 0);

	if (value == MAP_FAILED)
		return -errno;
	memcpy(value, buf->bytes, buf->len);
	munmap(value, l->img->data_size);
	return 0;
}

static int create_data(struct loading *l)
{
	int err, fd;

	if (!l->img->data_size)
		return 0;
	fd = create_map(l, "data", l->img->data_size, &l->out->data_map_id);
	if (fd < 0)
		return refuse(l, -1, -fd, "data map", explain(-fd));
	l->out->data_fd = fd;
	err = fill_data(l, fd);
	return err ? refuse(l, -1, -err, "data map", explain(-err)) : 0;
}

static bool has_programs(const struct gen_image *img)
{
	for (int hook = 0; hook < BPFILTER_NUMHOOKS; hook++)
		if (img->prog[hook].num_insns)
			return true;
	return false;
}

/**
 * bpfilter_load() - load a table's programs
 * @rs:		the table, for its names
 * @img:	its image
 * @out:	filled; close it with bpfilter_loaded_close(), also after an error
 * @why:	where a refusal goes
 *
 * Return: 0, or a negative errno after a refusal.
 */
int bpfilter_load(const struct ir_ruleset *rs, const struct gen_image *img,
		  struct loaded *out, struct refusal *why)
{
	struct loading l = { .rs = rs, .img = img, .out = out, .why = why };
	int hook, err;

	out->counter_fd = -1;
	out->data_fd = -1;
	out->counter_map_id = 0;
	out->data_map_id = 0;
	for (hook = 0; hook < BPFILTER_NUMHOOKS; hook++)
		out->prog_fd[hook] = -1;
	if (!has_programs(img))
		return 0;

	/* Memory is charged to the memory cgroup, not to this limit */
	libbpf_set_memlock_rlim(0);
	err = create_counters(&l);
	if (!err)
		err = create_data(&l);
	for (hook = 0; !err && hook < BPFILTER_NUMHOOKS; hook++)
		if (img->prog[hook].num_insns)
			err = load_hook(&l, hook);
	return err;
}

/**
 * bpfilter_loaded_close() - close the descriptors of what was loaded
 * @l:		what bpfilter_load() filled
 */
void bpfilter_loaded_close(struct loaded *l)
{
	for (int hook = 0; hook < BPFILTER_NUMHOOKS; hook++)
		if (l->prog_fd[hook] >= 0)
			close(l->prog_fd[hook]);
	if (l->counter_fd >= 0)
		close(l->counter_fd);
	if (l->data_fd >= 0)
		close(l->data_fd);
}
