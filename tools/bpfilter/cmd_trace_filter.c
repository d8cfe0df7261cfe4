// SPDX-License-Identifier: GPL-2.0
/*
 * Which packets are traced
 *
 * The filter becomes the one rule of a table raw, by way of iptables as any
 * ruleset from a file, and the translator makes programs of that. They do what
 * the rule says, set nf_trace, through bpfilter_set_trace(), and nothing else:
 * COMPILE_FILTER. BPF links put them before the table raw.
 *
 * The rule stands in a chain of its own, which both hooks jump to: a rule with
 * an input device could not stand in OUTPUT, and one with an output device not
 * in PREROUTING. There they just do not match.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>

#include "cmd_source.h"
#include "cmd_trace.h"
#include "cmd_translate.h"

#define TARGET		"TRACE"

/* Priorities of the table raw, the second one if it comes before defragmentation */
#define PRI_RAW		NF_IP_PRI_RAW
#define PRI_RAW_EARLY	NF_IP_PRI_RAW_BEFORE_DEFRAG

/* Others may have a BPF program at the priority already: look so far below */
#define PRI_TRIES	32

static const unsigned int hooks[TRACE_LINKS] = {
	NF_INET_PRE_ROUTING,
	NF_INET_LOCAL_OUT,
};

/* Text */

/* As iptables-restore takes apart what is quoted */
static void word_write(FILE *f, const char *word)
{
	fputs(" \"", f);
	for (; *word; word++) {
		if (*word == '"' || *word == '\\')
			fputc('\\', f);
		fputc(*word, f);
	}
	fputc('"', f);
}

static void rules_write(FILE *f, int argc, char **argv)
{
	int i;

	fputs("*raw\n:trace - [0:0]\n-A PREROUTING -j trace\n-A OUTPUT -j trace\n-A trace",
	      f);
	for (i = 0; i < argc; i++)
		word_write(f, argv[i]);
	fputs(" -j " TARGET "\nCOMMIT\n", f);
}

/* Returns a memory file with the rules, or a negative errno */
static int rules_file(int argc, char **argv)
{
	int fd = memfd_create("filter", 0);
	FILE *f;

	if (fd < 0)
		return -errno;
	f = fdopen(dup(fd), "w");
	if (f) {
		rules_write(f, argc, argv);
		if (!fclose(f))
			return fd;
	}
	close(fd);
	return -EIO;
}

static int source_make(struct cmd_ctx *ctx, const struct table_family *fam,
		       int argc, char **argv, struct source *src)
{
	char path[64];
	int fd, i, ret;

	for (i = 0; i < argc; i++)
		if (strchr(argv[i], '\n'))
			return cmd_error(ctx, "the filter has a line's end in a word");
	fd = rules_file(argc, argv);
	if (fd < 0)
		return cmd_error(ctx, "filter: %s", strerror(-fd));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ret = source_load(ctx, path, fam->family, src);
	close(fd);
	return ret;
}

/* Programs */

/* The words of a filter could say something else than which packets */
static bool is_trace(const struct ir_bridged *b)
{
	return b->is_target && !strcmp(b->name, TARGET);
}

static int rules_check(struct cmd_ctx *ctx, const struct ir_ruleset *rs)
{
	uint32_t i;

	for (i = 0; i < rs->num_bridged; i++) {
		const struct ir_bridged *b = &rs->bridged[i];

		if (!is_trace(b))
			return cmd_error(ctx, "filter: %s \"%s\" revision %u is not translated",
					 b->is_target ? "target" : "match",
					 b->name, b->revision);
	}
	return CMD_OK;
}

static int refused(struct cmd_ctx *ctx, int err, const struct refusal *why)
{
	return cmd_error(ctx, "filter: %s",
			 why->text[0] ? why->text : strerror(-err));
}

static int programs_make(struct cmd_ctx *ctx, const struct table_family *fam,
			 const struct source *src, struct translation *t)
{
	struct refusal why = {};
	int err, ret;

	if (src->num != 1)
		return cmd_error(ctx, "the filter's words make more than a rule");
	err = translation_read(t, src->tables[0].blob,
			       table_blob_size(src->tables[0].blob),
			       fam->family, &why);
	if (err)
		return refused(ctx, err, &why);
	ret = rules_check(ctx, t->rs);
	if (ret != CMD_OK)
		return ret;
	/* This name the programs bear */
	snprintf(t->rs->table, sizeof(t->rs->table), "trace");
	t->use = COMPILE_FILTER;
	err = translation_make(t, &why);
	return err ? refused(ctx, err, &why) : CMD_OK;
}

/* Links */

static bool parameter_is_on(const char *module)
{
	char path[128];
	FILE *f;
	int c;

	snprintf(path, sizeof(path), "/sys/module/%s/parameters/raw_before_defrag",
		 module);
	f = fopen(path, "re");
	if (!f)
		return false;
	c = fgetc(f);
	fclose(f);
	return c == 'Y' || c == '1';
}

static int raw_priority(const struct table_family *fam)
{
	bool early = parameter_is_on("bpfilter") ||
		     parameter_is_on(fam->family == NFPROTO_IPV6 ?
				     "ip6table_raw" : "iptable_raw");

	return early ? PRI_RAW_EARLY : PRI_RAW;
}

static int link_make(int prog, const struct table_family *fam,
		     unsigned int hook)
{
	struct bpf_link_create_opts opts = {
		.sz = sizeof(opts),
		.netfilter = {
			.pf = fam->family,
			.hooknum = hook,
			.priority = raw_priority(fam),
		},
	};
	int fd, i;

	/* Two BPF programs cannot have the same priority */
	for (i = 0; i < PRI_TRIES; i++) {
		opts.netfilter.priority--;
		fd = bpf_link_create(prog, 0, BPF_NETFILTER, &opts);
		if (fd >= 0)
			return fd;
		if (errno != EBUSY)
			break;
	}
	return -errno;
}

static int programs_load(struct cmd_ctx *ctx, const struct translation *t,
			 struct trace_filter *filter)
{
	struct refusal why = {};
	struct loaded loaded;
	unsigned int i;
	int err;

	err = bpfilter_load(t->rs, &t->img, &loaded, &why);
	for (i = 0; !err && i < TRACE_LINKS; i++) {
		filter->prog[i] = loaded.prog_fd[hooks[i]];
		loaded.prog_fd[hooks[i]] = -1;
	}
	bpfilter_loaded_close(&loaded);
	return err ? refused(ctx, err, &why) : CMD_OK;
}

/**
 * trace_filter_load - make programs of a filter
 * @ctx:	options
 * @fam:	family of the packets
 * @argc:	number of @argv
 * @argv:	words of iptables that say which packets; none: all
 * @filter:	filled; ended with trace_filter_detach(), or by the process's end
 *
 * Who loads and attaches them has CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN in the
 * initial user namespace, and CAP_SYS_ADMIN there to read the kernel's types.
 *
 * Return: enum cmd_status
 */
int trace_filter_load(struct cmd_ctx *ctx, const struct table_family *fam,
		      int argc, char **argv, struct trace_filter *filter)
{
	struct translation t = {};
	struct source src = {};
	int ret;

	memset(filter->prog, -1, sizeof(filter->prog));
	memset(filter->link, -1, sizeof(filter->link));
	filter->fam = fam;
	ret = source_make(ctx, fam, argc, argv, &src);
	if (ret == CMD_OK)
		ret = programs_make(ctx, fam, &src, &t);
	if (ret == CMD_OK)
		ret = programs_load(ctx, &t, filter);
	translation_free(&t);
	source_free(&src);
	return ret;
}

/**
 * trace_filter_attach - have packets traced
 * @ctx:	options
 * @filter:	what trace_filter_load() filled, or all zero
 *
 * In the current network namespace.
 *
 * Return: enum cmd_status
 */
int trace_filter_attach(struct cmd_ctx *ctx, struct trace_filter *filter)
{
	unsigned int i;
	int fd;

	for (i = 0; filter->fam && i < TRACE_LINKS; i++) {
		fd = link_make(filter->prog[i], filter->fam, hooks[i]);
		if (fd < 0)
			return cmd_error(ctx, "filter at %s: BPF link: %s",
					 bpfilter_ir_hook_name(hooks[i]),
					 strerror(-fd));
		filter->link[i] = fd;
	}
	return CMD_OK;
}

static void end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/**
 * trace_filter_detach - have no more packets traced
 * @filter:	what trace_filter_load() filled, or all zero
 */
void trace_filter_detach(struct trace_filter *filter)
{
	unsigned int i;

	for (i = 0; filter->fam && i < TRACE_LINKS; i++) {
		end(&filter->link[i]);
		end(&filter->prog[i]);
	}
	filter->fam = NULL;
}
