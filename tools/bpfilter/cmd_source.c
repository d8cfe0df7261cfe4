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

static int table_add(struct source *src, uint16_t family, const void *blob)
{
	const struct ipt_replace *head = blob;
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
	memcpy(table->blob, blob, table_blob_size(head));
	src->num++;
	return 0;
}

/* As many as there are, each of which tells its size */
static int tables_add(struct source *src, uint16_t family, const char *data,
		      size_t size)
{
	size_t done = 0;
	int ret = 0;

	while (done < size && !ret) {
		struct ipt_replace head;

		if (size - done < sizeof(head))
			return -EPROTO;
		memcpy(&head, data + done, sizeof(head));
		if (size - done - sizeof(head) < head.size)
			return -EPROTO;
		ret = table_add(src, family, data + done);
		done += table_blob_size(&head);
	}
	return ret;
}

static bool is_blob(const char *data, size_t size)
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
 * @rules:	the text
 * @sets:	commands for ipset, -1: none
 * @out:	gets blobs
 * @err:	gets messages
 */
struct scratch {
	int rules;
	int sets;
	int out;
	int err;
};

static int scratch_open(struct scratch *s, const char *path, const char *data,
			size_t size)
{
	int ret = sets_open(path, &s->sets);

	if (ret)
		return ret;
	s->rules = memory_file("rules", data, size);
	if (s->rules < 0)
		return s->rules;
	s->out = memory_file("blobs", NULL, 0);
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

static int blobs_take(struct source *src, uint16_t family, int fd)
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

static int text_restore(struct cmd_ctx *ctx, const char *path,
			const struct source_text *text,
			const struct scratch *s, struct source *src)
{
	int ret = scratch_restore(text, s->out, s->err);

	if (ret == -EREMOTEIO)
		return child_failed(ctx, path, s->err);
	if (!ret)
		ret = blobs_take(src, text->family, s->out);
	return ret ? cmd_error(ctx, "%s: %s", path, strerror(-ret)) : CMD_OK;
}

static int text_load(struct cmd_ctx *ctx, const char *path,
		     const struct names *names, uint16_t family,
		     const char *data, size_t size, struct source *src)
{
	struct scratch s = { .rules = -1, .sets = -1, .out = -1, .err = -1 };
	struct source_text text = {
		.family = family,
		.tables = names->name,
		.num_tables = names->num,
	};
	int ret;

	if (!names->num)
		return cmd_error(ctx, "%s: no line that starts a table, as \"*filter\" does",
				 path);
	ret = scratch_open(&s, path, data, size);
	if (ret) {
		ret = cmd_error(ctx, "%s: %s", path, strerror(-ret));
	} else {
		text.rules = s.rules;
		text.sets = s.sets;
		ret = text_restore(ctx, path, &text, &s, src);
	}
	scratch_close(&s);
	return ret;
}

static int data_load(struct cmd_ctx *ctx, const char *path, uint16_t family,
		     const char *data, size_t size, struct source *src)
{
	struct names names = {};
	int ret;

	if (is_blob(data, size)) {
		ret = tables_add(src, family, data, size);
		return ret ? cmd_error(ctx, "%s: neither text nor a blob as \"dump\" saves it",
				       path) : CMD_OK;
	}
	ret = names_find(&names, data, size);
	if (ret)
		ret = cmd_error(ctx, "%s: names of tables: %s", path,
				strerror(-ret));
	else
		ret = text_load(ctx, path, &names, family, data, size, src);
	free(names.name);
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
	size_t size;
	char *data;
	int ret;

	memset(src, 0, sizeof(*src));
	ret = source_read_file(path, &data, &size);
	if (ret)
		ret = cmd_error(ctx, "%s: %s", path, strerror(-ret));
	else
		ret = data_load(ctx, path, family, data, size, src);
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

	for (i = 0; i < src->num; i++)
		free(src->tables[i].blob);
	free(src->tables);
	memset(src, 0, sizeof(*src));
}
