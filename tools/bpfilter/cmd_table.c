// SPDX-License-Identifier: GPL-2.0
/*
 * Tables as the kernel hands them out
 *
 * Through the options that iptables itself uses, so that this works for a
 * table whichever engine runs it, and through BPFILTER_SO_GET_STATUS.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cmd.h"

#define PROC_TABLE_NAMES	"/proc/net/ip_tables_names"

/* Times that a table may change under our eyes before we give up */
#define FETCH_TRIES		16

/**
 * table_socket - a socket in the current network namespace
 *
 * Return: a descriptor that the caller closes, or a negative errno
 */
int table_socket(void)
{
	int sk = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return sk < 0 ? -errno : sk;
}

static int status_read(int sk, struct bpfilter_status *st, socklen_t size)
{
	memset(st, 0, size);
	if (getsockopt(sk, SOL_IP, BPFILTER_SO_GET_STATUS, st, &size))
		return -errno;
	if (size < sizeof(*st))
		return -EPROTO;
	return st->version == BPFILTER_PROTOCOL_VERSION ? 0 :
	       -EPROTONOSUPPORT;
}

/**
 * table_status - what bpfilter does in a socket's network namespace
 * @sk:		socket
 * @status:	filled with the kernel's answer, which the caller frees
 *
 * Return: 0 or a negative errno: -ENOPROTOOPT if the kernel has no bpfilter,
 * -EPERM without CAP_NET_ADMIN, -EPROTONOSUPPORT if it is of another version
 */
int table_status(int sk, struct bpfilter_status **status)
{
	unsigned int room = 8;
	int ret;

	*status = NULL;
	for (;;) {
		struct bpfilter_status *st;
		size_t size = sizeof(*st) + room * sizeof(st->tables[0]);

		st = realloc(*status, size);
		if (!st) {
			ret = -ENOMEM;
			break;
		}
		*status = st;
		ret = status_read(sk, st, size);
		if (ret || st->num_tables <= room)
			break;
		room = st->num_tables + 8;
	}
	if (ret) {
		free(*status);
		*status = NULL;
	}
	return ret;
}

static int names_add(struct table_names *names, const char *name)
{
	void *p;

	p = realloc(names->name, (names->num + 1) * sizeof(*names->name));
	if (!p)
		return -ENOMEM;
	names->name = p;
	snprintf(names->name[names->num++], BPFILTER_TABLE_NAMELEN, "%.*s",
		 BPFILTER_TABLE_NAMELEN - 1, name);
	return 0;
}

/**
 * table_names - the tables of the current network namespace
 * @names:	filled; the caller frees its member name whatever comes back
 *
 * Return: 0 or a negative errno
 */
int table_names(struct table_names *names)
{
	char line[BPFILTER_TABLE_NAMELEN + 2];
	int ret = 0;
	FILE *f;

	memset(names, 0, sizeof(*names));
	f = fopen(PROC_TABLE_NAMES, "re");
	if (!f)
		return errno == ENOENT ? 0 : -errno;

	while (!ret && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		ret = names_add(names, line);
	}
	fclose(f);
	return ret;
}

/**
 * table_names_have - look up a table's name
 * @names:	where
 * @name:	which
 *
 * Return: true if it is there
 */
bool table_names_have(const struct table_names *names, const char *name)
{
	unsigned int i;

	for (i = 0; i < names->num; i++)
		if (!strcmp(names->name[i], name))
			return true;
	return false;
}

static int entries_read(int sk, const struct ipt_getinfo *info,
			struct ipt_replace *blob)
{
	struct ipt_get_entries *get;
	socklen_t size = sizeof(*get) + info->size;
	int ret = 0;

	get = calloc(1, size);
	if (!get)
		return -ENOMEM;
	memcpy(get->name, info->name, sizeof(get->name));
	get->size = info->size;

	if (getsockopt(sk, SOL_IP, IPT_SO_GET_ENTRIES, get, &size))
		ret = -errno;
	else
		memcpy(blob->entries, get->entrytable, info->size);
	free(get);
	return ret;
}

static struct ipt_replace *blob_from_info(const struct ipt_getinfo *info)
{
	struct ipt_replace *blob = calloc(1, sizeof(*blob) + info->size);

	if (!blob)
		return NULL;
	memcpy(blob->name, info->name, sizeof(blob->name));
	blob->valid_hooks = info->valid_hooks;
	blob->num_entries = info->num_entries;
	blob->size = info->size;
	memcpy(blob->hook_entry, info->hook_entry, sizeof(blob->hook_entry));
	memcpy(blob->underflow, info->underflow, sizeof(blob->underflow));
	blob->num_counters = info->num_entries;
	return blob;
}

static int fetch_once(int sk, const char *name, struct ipt_replace **blob)
{
	struct ipt_getinfo info = {};
	socklen_t size = sizeof(info);
	int ret;

	snprintf(info.name, sizeof(info.name), "%s", name);
	if (getsockopt(sk, SOL_IP, IPT_SO_GET_INFO, &info, &size))
		return -errno;

	*blob = blob_from_info(&info);
	if (!*blob)
		return -ENOMEM;
	ret = entries_read(sk, &info, *blob);
	if (ret) {
		free(*blob);
		*blob = NULL;
	}
	return ret;
}

/**
 * table_fetch - a live table as the blob that would replace it
 * @sk:		socket in the table's network namespace
 * @name:	the table's name
 * @blob:	filled with the value of IPT_SO_SET_REPLACE, header and entries,
 *		without a place for old counters; the caller frees it
 *
 * A table that nobody asked for yet comes to be by this, as with iptables.
 *
 * Return: 0 or a negative errno
 */
int table_fetch(int sk, const char *name, struct ipt_replace **blob)
{
	unsigned int i;
	int ret;

	*blob = NULL;
	if (strlen(name) >= XT_TABLE_MAXNAMELEN)
		return -ENAMETOOLONG;

	/* Between the two questions the table may get another size */
	for (i = 0; i < FETCH_TRIES; i++) {
		ret = fetch_once(sk, name, blob);
		if (ret != -EAGAIN)
			break;
	}
	return ret;
}

/**
 * table_blob_size - bytes of a blob that table_fetch() filled
 * @blob:	blob
 *
 * Return: header and entries
 */
size_t table_blob_size(const struct ipt_replace *blob)
{
	return sizeof(*blob) + blob->size;
}

static const struct ipt_entry *entry_at(const struct ipt_replace *blob,
					size_t off)
{
	const struct ipt_entry *e = (const void *)blob->entries + off;

	if (blob->size - off < sizeof(*e) ||
	    blob->size - off < e->next_offset ||
	    e->target_offset < sizeof(*e) ||
	    e->target_offset + sizeof(struct xt_entry_target) > e->next_offset)
		return NULL;
	return e;
}

/**
 * table_count - count what iptables lists
 * @blob:	a table as table_fetch() filled it
 * @count:	filled
 *
 * A user chain has a head and an end that iptables does not list, a hook its
 * policy, and the table a last entry that looks like a head.
 *
 * Return: 0, or -EPROTO if the blob is not sound
 */
int table_count(const struct ipt_replace *blob, struct table_count *count)
{
	uint32_t hidden, heads = 0;
	size_t off;

	for (off = 0; off < blob->size;) {
		const struct ipt_entry *e = entry_at(blob, off);
		const struct xt_entry_target *t;

		if (!e)
			return -EPROTO;
		t = (const void *)e + e->target_offset;
		heads += !strcmp(t->u.user.name, XT_ERROR_TARGET);
		off += e->next_offset;
	}

	if (!heads)
		return -EPROTO;
	count->chains = heads - 1;
	hidden = 1 + 2 * count->chains +
		 __builtin_popcount(blob->valid_hooks);
	if (hidden > blob->num_entries)
		return -EPROTO;
	count->rules = blob->num_entries - hidden;
	return 0;
}
