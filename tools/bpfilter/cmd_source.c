// SPDX-License-Identifier: GPL-2.0
/*
 * Rulesets from files
 *
 * A file is what iptables-save writes, or the blob that "dump ... save" writes:
 * a blob has zeroes in the first bytes, where its table's name ends, and tells
 * its own size; text has none.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "cmd.h"
#include "cmd_source.h"

#define RULES_SUFFIX	".rules"
#define SETS_SUFFIX	".ipset"

/* Files */

static int stream_read(FILE *f, char **data, size_t *size)
{
	size_t room = 0;

	while (!feof(f) && !ferror(f)) {
		void *p;

		if (*size == room) {
			room = room ? 2 * room : 64 * 1024;
			p = realloc(*data, room);
			if (!p)
				return -ENOMEM;
			*data = p;
		}
		*size += fread(*data + *size, 1, room - *size, f);
	}
	return ferror(f) ? -EIO : 0;
}

/**
 * source_read_file - the bytes of a file
 * @path:	its name, "-" for standard input
 * @data:	filled; the caller frees it whatever comes back
 * @size:	filled with the number of bytes
 *
 * Return: 0 or a negative errno
 */
int source_read_file(const char *path, char **data, size_t *size)
{
	bool is_stdin = !strcmp(path, "-");
	FILE *f;
	int ret;

	*data = NULL;
	*size = 0;
	f = is_stdin ? stdin : fopen(path, "re");
	if (!f)
		return -errno;
	ret = stream_read(f, data, size);
	if (!is_stdin)
		fclose(f);
	return ret;
}

static int memory_file(const char *name, const char *data, size_t size)
{
	int fd = memfd_create(name, MFD_CLOEXEC);
	size_t done = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	for (; done < size; done += n) {
		n = write(fd, data + done, size - done);
		if (n < 0) {
			n = -errno;
			close(fd);
			return n;
		}
	}
	return fd;
}

static int memory_read(int fd, char **data, size_t *size)
{
	off_t end = lseek(fd, 0, SEEK_END);

	*data = NULL;
	*size = 0;
	if (end < 0)
		return -errno;
	*data = malloc(end + 1);
	if (!*data)
		return -ENOMEM;
	if (pread(fd, *data, end, 0) != end)
		return -EIO;
	*size = end;
	return 0;
}

/* Tables */

/* The bytes may stand anywhere, so their head comes as a copy */
static int table_add(struct source *src, uint16_t family,
		     const struct ipt_replace *head, const char *bytes)
{
	struct source_table *table;
	void *p;

	p = reallocarray(src->tables, src->num + 1, sizeof(*src->tables));
	if (!p)
		return -ENOMEM;
	src->tables = p;
	table = &src->tables[src->num];
	memset(table, 0, sizeof(*table));
	table->family = family;
	snprintf(table->name, sizeof(table->name), "%.*s",
		 (int)sizeof(table->name) - 1, head->name);
	table->blob = malloc(table_blob_size(head));
	if (!table->blob)
		return -ENOMEM;
	memcpy(table->blob, bytes, table_blob_size(head));
	src->num++;
	return 0;
}

/**
 * struct rest - what is left to be read
 * @data:	the bytes
 * @size:	number of @data
 */
struct rest {
	const char *data;
	size_t size;
};

static bool take(struct rest *rest, void *to, size_t size)
{
	if (rest->size < size)
		return false;
	if (size)
		memcpy(to, rest->data, size);
	rest->data += size;
	rest->size -= size;
	return true;
}

static int take_blob(struct source *src, uint16_t family, struct rest *rest)
{
	struct ipt_replace head;
	int ret;

	if (rest->size < sizeof(head))
		return -EPROTO;
	memcpy(&head, rest->data, sizeof(head));
	if (rest->size - sizeof(head) < head.size)
		return -EPROTO;
	ret = table_add(src, family, &head, rest->data);
	rest->data += table_blob_size(&head);
	rest->size -= table_blob_size(&head);
	return ret;
}

static int take_text(struct text *text, struct rest *rest)
{
	struct scratch_text head;

	if (!take(rest, &head, sizeof(head)))
		return -EPROTO;
	text->line = malloc(head.num * sizeof(*text->line) + 1);
	text->buf = malloc(head.size + 1);
	if (!text->line || !text->buf)
		return -ENOMEM;
	if (!take(rest, text->line, head.num * sizeof(*text->line)) ||
	    !take(rest, text->buf, head.size))
		return -EPROTO;
	text->num = head.num;
	text->size = head.size;
	return 0;
}

/* As many as there are, each of which tells its size */
static int blobs_add(struct source *src, uint16_t family, const char *data,
		     size_t size)
{
	struct rest rest = { .data = data, .size = size };
	int ret = 0;

	while (rest.size && !ret)
		ret = take_blob(src, family, &rest);
	return ret;
}

static int tables_add(struct source *src, uint16_t family, const char *data,
		      size_t size)
{
	struct rest rest = { .data = data, .size = size };
	int ret = 0;

	while (rest.size && !ret) {
		ret = take_blob(src, family, &rest);
		if (!ret)
			ret = take_text(&src->tables[src->num - 1].text, &rest);
	}
	return ret;
}

/**
 * source_is_blob() - is a ruleset a blob, or text?
 * @data:	its bytes
 * @size:	their number
 *
 * Return: whether it is a blob: that has zeroes where its table's name ends, and
 *	text has none.
 */
bool source_is_blob(const void *data, size_t size)
{
	return memchr(data, '\0', size < XT_TABLE_MAXNAMELEN ?
		      size : XT_TABLE_MAXNAMELEN);
}

/* Text */

/**
 * struct names - names of tables in text
 * @name:	the names, each once
 * @num:	number of @name
 */
struct names {
	char (*name)[XT_TABLE_MAXNAMELEN];
	unsigned int num;
};

static int name_add(struct names *names, const char *name, size_t len)
{
	unsigned int i;
	void *p;

	if (len >= XT_TABLE_MAXNAMELEN)
		return -ENAMETOOLONG;
	for (i = 0; i < names->num; i++)
		if (!strncmp(names->name[i], name, len) && !names->name[i][len])
			return 0;
	p = reallocarray(names->name, names->num + 1, sizeof(*names->name));
	if (!p)
		return -ENOMEM;
	names->name = p;
	memset(names->name[names->num], 0, XT_TABLE_MAXNAMELEN);
	memcpy(names->name[names->num++], name, len);
	return 0;
}

/* A line "*filter" starts a table */
static int names_find(struct names *names, const char *data, size_t size)
{
	const char *end = data + size, *line = data;
	int ret = 0;

	while (line < end && !ret) {
		const char *next = memchr(line, '\n', end - line);
		size_t len = (next ? next : end) - line;

		if (*line == '*') {
			size_t word = 1;

			while (word < len && !strchr(" \t\r", line[word]))
				word++;
			ret = name_add(names, line + 1, word - 1);
		}
		line = next ? next + 1 : end;
	}
	return ret;
}

/* NAME.ipset beside NAME.rules has its sets; without it @fd stays as it is */
static int sets_open(const char *path, int *fd)
{
	size_t len = strlen(path), suffix = strlen(RULES_SUFFIX);
	int ret = 0;
	char *name;

	if (len < suffix || strcmp(path + len - suffix, RULES_SUFFIX))
		return 0;
	if (asprintf(&name, "%.*s" SETS_SUFFIX, (int)(len - suffix), path) < 0)
		return -ENOMEM;
	*fd = open(name, O_RDONLY | O_CLOEXEC);
	if (*fd < 0 && errno != ENOENT)
		ret = -errno;
	free(name);
	return ret;
}

/**
 * struct scratch - memory files between us and the child that loads the text
 * @rules:	the text, -1: none
 * @sets:	commands for ipset, -1: none
 * @out:	gets tables
 * @err:	gets messages
 */
struct scratch {
	int rules;
	int sets;
	int out;
	int err;
};

static const struct scratch scratch_none = { -1, -1, -1, -1 };

static int scratch_input(struct scratch *s, const char *path,
			 const struct rest *text)
{
	int ret = sets_open(path, &s->sets);

	if (ret)
		return ret;
	s->rules = memory_file("rules", text->data, text->size);
	return s->rules < 0 ? s->rules : 0;
}

static int scratch_output(struct scratch *s)
{
	s->out = memory_file("tables", NULL, 0);
	if (s->out < 0)
		return s->out;
	s->err = memory_file("messages", NULL, 0);
	return s->err < 0 ? s->err : 0;
}

static void scratch_close(struct scratch *s)
{
	const int fds[] = { s->rules, s->sets, s->out, s->err };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static int tables_take(struct source *src, uint16_t family, int fd)
{
	char *data;
	size_t size;
	int ret;

	ret = memory_read(fd, &data, &size);
	if (!ret)
		ret = tables_add(src, family, data, size);
	free(data);
	return ret;
}

static int child_failed(struct cmd_ctx *ctx, const char *path, int fd)
{
	char *text;
	size_t size;
	int ret;

	ret = memory_read(fd, &text, &size);
	while (!ret && size && text[size - 1] == '\n')
		size--;
	if (ret || !size)
		cmd_error(ctx, "%s: the ruleset cannot be loaded", path);
	else
		cmd_error(ctx, "%s: %.*s", path, (int)size, text);
	free(text);
	return CMD_FAILED;
}

static int job_run(struct cmd_ctx *ctx, const char *path,
		   struct scratch_job *job, struct scratch *s,
		   struct source *src)
{
	int ret = scratch_output(s);

	if (ret)
		return cmd_error(ctx, "%s: %s", path, strerror(-ret));
	job->rules = s->rules;
	job->sets = s->sets;
	ret = scratch_run(job, s->out, s->err);
	if (ret == -EREMOTEIO)
		return child_failed(ctx, path, s->err);
	if (!ret)
		ret = tables_take(src, job->family, s->out);
	return ret ? cmd_error(ctx, "%s: %s", path, strerror(-ret)) : CMD_OK;
}

static int text_load(struct cmd_ctx *ctx, const char *path, uint16_t family,
		     const struct rest *text, struct source *src)
{
	struct scratch s = scratch_none;
	struct names names = {};
	int ret;

	ret = names_find(&names, text->data, text->size);
	if (!ret)
		ret = scratch_input(&s, path, text);
	if (ret) {
		ret = cmd_error(ctx, "%s: %s", path, strerror(-ret));
	} else if (!names.num) {
		ret = cmd_error(ctx, "%s: no line starts a table, as \"*filter\" does",
				path);
	} else {
		struct scratch_job job = {
			.family = family,
			.tables = names.name,
			.num_tables = names.num,
		};

		ret = job_run(ctx, path, &job, &s, src);
	}
	scratch_close(&s);
	free(names.name);
	return ret;
}

static int blobs_load(struct cmd_ctx *ctx, const char *path, uint16_t family,
		      const struct rest *data, struct source *src)
{
	struct scratch s = scratch_none;
	struct source given = {};
	struct scratch_job job = {
		.family = family,
		.given = &given,
	};
	int ret;

	ret = blobs_add(&given, family, data->data, data->size);
	if (ret)
		ret = cmd_error(ctx, "%s: neither text nor a blob as \"dump\" saves it",
				path);
	else
		ret = job_run(ctx, path, &job, &s, src);
	scratch_close(&s);
	source_free(&given);
	return ret;
}

/**
 * source_load - the blobs of a ruleset in a file
 * @ctx:	options; errors are said through it
 * @path:	name of a file as iptables-save or "dump ... save" writes it, "-"
 *		for standard input. If NAME.ipset stands beside NAME.rules, it is
 *		restored first
 * @family:	NFPROTO_IPV4 or NFPROTO_IPV6
 * @src:	filled, released with source_free() whatever comes back
 *
 * Neither the firewall nor the network of the current namespace is touched: see
 * cmd_scratch.c. Old counters in the text are not taken over.
 *
 * Return: CMD_OK, or CMD_FAILED after cmd_error()
 */
int source_load(struct cmd_ctx *ctx, const char *path, uint16_t family,
		struct source *src)
{
	struct rest rest;
	char *data;
	int ret;

	memset(src, 0, sizeof(*src));
	ret = source_read_file(path, &data, &rest.size);
	rest.data = data;
	if (ret)
		ret = cmd_error(ctx, "%s: %s", path, strerror(-ret));
	else if (source_is_blob(data, rest.size))
		ret = blobs_load(ctx, path, family, &rest, src);
	else
		ret = text_load(ctx, path, family, &rest, src);
	free(data);
	return ret;
}

/**
 * source_free - release what source_load() filled
 * @src:	the tables, left empty
 */
void source_free(struct source *src)
{
	unsigned int i;

	for (i = 0; i < src->num; i++) {
		text_free(&src->tables[i].text);
		free(src->tables[i].blob);
	}
	free(src->tables);
	memset(src, 0, sizeof(*src));
}
