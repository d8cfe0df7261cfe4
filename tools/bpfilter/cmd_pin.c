// SPDX-License-Identifier: GPL-2.0
/*
 * Where tables that links run are kept
 *
 * A new version of a table is pinned beside the one in force, with its links
 * attached, and takes its name in one step. So what has the table's name is
 * always whole, and what has the other name can always go.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <bpf/bpf.h>

#include "cmd.h"
#include "cmd_pin.h"
#include "cmd_pin_map.h"

#define NETNS_SELF	"/proc/self/ns/net"
#define NEXT		"-next"

struct pin_path {
	char text[PIN_PATH_MAX];
};

/* Names of tables and hooks are short, the family's is one of two */
static struct pin_path folder(const struct pins *pins, uint16_t family,
			      const char *table, const char *suffix)
{
	struct pin_path p;

	snprintf(p.text, sizeof(p.text), "%s/%llu/%s/%s%s", PIN_ROOT,
		 (unsigned long long)pins->netns,
		 table_family_find(family)->word, table, suffix);
	return p;
}

static struct pin_path inside(const struct pin_path *dir, const char *name)
{
	struct pin_path p;

	snprintf(p.text, sizeof(p.text), "%.120s/%.32s", dir->text, name);
	return p;
}

/* Folders */

static int folder_make(const char *path)
{
	return mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
}

/* All folders above @path, and itself */
static int folders_make(const char *path)
{
	char part[PIN_PATH_MAX];
	const char *slash = path + strlen(PIN_ROOT);
	int err = 0;

	while (!err && slash) {
		slash = strchr(slash + 1, '/');
		snprintf(part, sizeof(part), "%.*s",
			 slash ? (int)(slash - path) : PIN_PATH_MAX, path);
		err = folder_make(part);
	}
	return err;
}

/* A link ends now, not when somebody who also holds it lets go of it */
static int entry_remove(const struct pin_path *path)
{
	int fd = bpf_obj_get(path->text);

	if (fd >= 0) {
		/* Of a map there is nothing to detach */
		bpf_link_detach(fd);
		close(fd);
	}
	return unlink(path->text) ? -errno : 0;
}

static int folder_remove(const struct pin_path *dir)
{
	DIR *d = opendir(dir->text);
	struct dirent *e;
	int err = 0;

	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while (!err && (e = readdir(d))) {
		struct pin_path path = inside(dir, e->d_name);

		if (e->d_name[0] != '.')
			err = entry_remove(&path);
	}
	closedir(d);
	if (!err && rmdir(dir->text))
		err = -errno;
	return err;
}

static int name_order(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int name_add(struct pin_names *names, const char *name)
{
	void *p = reallocarray(names->name, names->num + 1,
			       sizeof(*names->name));

	if (!p)
		return -ENOMEM;
	names->name = p;
	snprintf(names->name[names->num++], sizeof(*names->name), "%.*s",
		 (int)sizeof(*names->name) - 1, name);
	return 0;
}

static bool is_next(const char *name)
{
	size_t len = strlen(name), suffix = strlen(NEXT);

	return len > suffix && !strcmp(name + len - suffix, NEXT);
}

/* Opening */

static int netns_inode(uint64_t *inode)
{
	struct stat st;

	if (stat(NETNS_SELF, &st))
		return -errno;
	*inode = st.st_ino;
	return 0;
}

static int bpffs_check(struct cmd_ctx *ctx)
{
	struct statfs fs = {};

	if (statfs(PIN_BPFFS, &fs) && errno != ENOENT)
		return cmd_error(ctx, "%s: %s", PIN_BPFFS, strerror(errno));
	if (fs.f_type == BPF_FS_MAGIC)
		return CMD_OK;
	return cmd_error(ctx, "no BPF file system at %s, where links are kept: \"mount -t bpf bpf %s\" makes one; \"ip netns exec\" hides it, use -n instead",
			 PIN_BPFFS, PIN_BPFFS);
}

/**
 * pins_open - start to work on the pins of the current network namespace
 * @ctx:	options; errors are said through it
 * @pins:	filled, released with pins_close() if this succeeds
 *
 * Waits for other commands that do.
 *
 * Return: CMD_OK, or CMD_FAILED after cmd_error()
 */
int pins_open(struct cmd_ctx *ctx, struct pins *pins)
{
	int err, ret = bpffs_check(ctx);

	if (ret != CMD_OK)
		return ret;
	err = netns_inode(&pins->netns);
	if (err)
		return cmd_error(ctx, "%s: %s", NETNS_SELF, strerror(-err));
	err = folder_make(PIN_ROOT);
	if (err)
		return cmd_error(ctx, "%s: %s", PIN_ROOT, strerror(-err));
	pins->root_fd = open(PIN_ROOT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (pins->root_fd < 0 || flock(pins->root_fd, LOCK_EX)) {
		ret = cmd_error(ctx, "%s: %s", PIN_ROOT, strerror(errno));
		if (pins->root_fd >= 0)
			close(pins->root_fd);
	}
	return ret;
}

/**
 * pins_close - stop to work on pins
 * @pins:	what pins_open() filled
 *
 * Folders in which there is nothing any more go.
 */
void pins_close(struct pins *pins)
{
	unsigned int i;
	char path[PIN_PATH_MAX];

	for (i = 0; i < TABLE_NUM_FAMILIES; i++)
		rmdir(folder(pins, table_families[i].family, "", "").text);
	snprintf(path, sizeof(path), "%s/%llu", PIN_ROOT,
		 (unsigned long long)pins->netns);
	rmdir(path);
	close(pins->root_fd);
}

/* Tables */

static int links_pin(const struct pin_table *t, const struct pin_path *dir)
{
	int hook, err = 0;

	for (hook = 0; !err && hook < BPFILTER_NUMHOOKS; hook++) {
		struct pin_path path = inside(dir, bpfilter_ir_hook_name(hook));

		if (t->link[hook].fd >= 0 &&
		    bpf_obj_pin(t->link[hook].fd, path.text))
			err = -errno;
	}
	return err;
}

/**
 * pins_add - pin a table beside the one in force
 * @pins:	where
 * @t:		what
 *
 * Return: 0 or a negative errno, after which pins_drop_next() tidies up
 */
int pins_add(const struct pins *pins, const struct pin_table *t)
{
	struct pin_path dir = folder(pins, t->family, t->name, NEXT);
	struct pin_path counters = inside(&dir, "counters");
	struct pin_path ruleset = inside(&dir, "ruleset");
	int err = folders_make(dir.text);

	if (!err)
		err = links_pin(t, &dir);
	if (!err && bpf_obj_pin(t->loaded->counter_fd, counters.text))
		err = -errno;
	return err ? err : pin_ruleset(t, ruleset.text);
}

/**
 * pins_commit - put the table that pins_add() pinned in the place of the one in
 * force, which has its other name then
 * @pins:	where
 * @family:	the table's family
 * @table:	its name
 *
 * Return: 0 or a negative errno
 */
int pins_commit(const struct pins *pins, uint16_t family, const char *table)
{
	struct pin_path next = folder(pins, family, table, NEXT);
	struct pin_path now = folder(pins, family, table, "");

	if (!renameat2(AT_FDCWD, next.text, AT_FDCWD, now.text,
		       RENAME_EXCHANGE))
		return 0;
	if (errno == ENOENT && !rename(next.text, now.text))
		return 0;
	return -errno;
}

/**
 * pins_drop_next - remove what is beside a table in force
 * @pins:	where
 * @family:	the table's family
 * @table:	its name
 *
 * Its links are detached. That there is nothing is no error.
 *
 * Return: 0 or a negative errno
 */
int pins_drop_next(const struct pins *pins, uint16_t family, const char *table)
{
	struct pin_path dir = folder(pins, family, table, NEXT);

	return folder_remove(&dir);
}

/**
 * pins_remove - remove a table
 * @pins:	where
 * @family:	the table's family
 * @table:	its name
 *
 * Its links are detached. That there is nothing is no error.
 *
 * Return: 0 or a negative errno
 */
int pins_remove(const struct pins *pins, uint16_t family, const char *table)
{
	struct pin_path dir = folder(pins, family, table, "");
	int err = pins_drop_next(pins, family, table);

	return err ? err : folder_remove(&dir);
}

/**
 * pins_tables - which tables are pinned
 * @pins:	where
 * @family:	of which family
 * @names:	filled; the caller frees its member name whatever comes back
 *
 * Return: 0 or a negative errno
 */
int pins_tables(const struct pins *pins, uint16_t family,
		struct pin_names *names)
{
	struct pin_path dir = folder(pins, family, "", "");
	DIR *d = opendir(dir.text);
	struct dirent *e;
	int err = 0;

	memset(names, 0, sizeof(*names));
	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while (!err && (e = readdir(d)))
		if (e->d_name[0] != '.' && !is_next(e->d_name))
			err = name_add(names, e->d_name);
	closedir(d);
	if (names->num)
		qsort(names->name, names->num, sizeof(*names->name),
		      name_order);
	return err;
}

static int link_read(const struct pin_path *path, struct pin_hook *hook)
{
	struct bpf_link_info info = {};
	__u32 len = sizeof(info);
	int err = 0, fd;

	fd = bpf_obj_get(path->text);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (bpf_link_get_info_by_fd(fd, &info, &len))
		err = -errno;
	close(fd);
	hook->link_id = info.id;
	hook->prog_id = info.prog_id;
	hook->priority = info.netfilter.priority;
	return err;
}

/**
 * pins_read - read a pinned table
 * @pins:	where
 * @family:	its family
 * @table:	its name
 * @out:	filled, released with pinned_free() whatever comes back
 *
 * Return: 0 or a negative errno
 */
int pins_read(const struct pins *pins, uint16_t family, const char *table,
	      struct pinned *out)
{
	struct pin_path dir = folder(pins, family, table, "");
	struct pin_path counters = inside(&dir, "counters");
	struct pin_path ruleset = inside(&dir, "ruleset");
	int hook, err;

	memset(out, 0, sizeof(*out));
	err = pin_ruleset_read(ruleset.text, counters.text, out);
	for (hook = 0; !err && hook < BPFILTER_NUMHOOKS; hook++) {
		struct pin_path path = inside(&dir, bpfilter_ir_hook_name(hook));

		err = link_read(&path, &out->hook[hook]);
	}
	return err;
}

/**
 * pinned_free - release what pins_read() filled
 * @p:		the table, left empty
 */
void pinned_free(struct pinned *p)
{
	free(p->blob);
	free(p->counters);
	memset(p, 0, sizeof(*p));
}
