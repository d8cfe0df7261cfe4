// SPDX-License-Identifier: GPL-2.0
/* Network namespaces by name, as "ip netns" keeps them */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd.h"

#define NETNS_DIR	"/run/netns"
#define NETNS_SELF	"/proc/self/ns/net"

/**
 * netns_open - descriptor of a network namespace
 * @name:	name below /run/netns, a path, or NULL for the current one
 *
 * Return: a descriptor that the caller closes, or a negative errno
 */
int netns_open(const char *name)
{
	char path[NETNS_NAME_MAX + sizeof(NETNS_DIR)];
	int fd;

	if (!name)
		name = NETNS_SELF;
	if (!strchr(name, '/')) {
		if (strlen(name) >= NETNS_NAME_MAX)
			return -ENAMETOOLONG;
		snprintf(path, sizeof(path), "%s/%s", NETNS_DIR, name);
		name = path;
	}

	fd = open(name, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/**
 * netns_enter - make a network namespace the current one
 * @name:	as netns_open() takes it
 *
 * Return: 0 or a negative errno
 */
int netns_enter(const char *name)
{
	int fd = netns_open(name);
	int ret = 0;

	if (fd < 0)
		return fd;
	if (setns(fd, CLONE_NEWNET))
		ret = -errno;
	close(fd);
	return ret;
}

/**
 * netns_is_current - is a named network namespace the current one
 * @name:	as netns_open() takes it
 *
 * Return: true if so, false if not or if there is no telling
 */
bool netns_is_current(const char *name)
{
	struct stat self, other;
	bool same;
	int fd;

	fd = netns_open(name);
	if (fd < 0)
		return false;
	same = !fstat(fd, &other) && !stat(NETNS_SELF, &self) &&
	       self.st_dev == other.st_dev && self.st_ino == other.st_ino;
	close(fd);
	return same;
}

static int name_compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int list_add(struct netns_list *list, const char *name)
{
	void *names;

	names = realloc(list->names, (list->num + 1) * sizeof(*list->names));
	if (!names)
		return -ENOMEM;
	list->names = names;
	snprintf(list->names[list->num++], NETNS_NAME_MAX, "%s", name);
	return 0;
}

/**
 * netns_list - the named network namespaces
 * @list:	filled, released with netns_list_free() whatever comes back
 *
 * Without a directory /run/netns there are none, which is no error.
 *
 * Return: 0 or a negative errno
 */
int netns_list(struct netns_list *list)
{
	struct dirent *de;
	int ret = 0;
	DIR *dir;

	memset(list, 0, sizeof(*list));
	dir = opendir(NETNS_DIR);
	if (!dir)
		return errno == ENOENT ? 0 : -errno;

	while (!ret && (de = readdir(dir)))
		if (de->d_name[0] != '.')
			ret = list_add(list, de->d_name);
	closedir(dir);

	if (list->num)
		qsort(list->names, list->num, sizeof(*list->names),
		      name_compare);
	return ret;
}

/**
 * netns_list_free - release what netns_list() filled
 * @list:	list, left empty
 */
void netns_list_free(struct netns_list *list)
{
	free(list->names);
	memset(list, 0, sizeof(*list));
}
