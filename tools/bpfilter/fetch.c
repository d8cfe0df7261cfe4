// SPDX-License-Identifier: GPL-2.0
/* Live tables as the blobs that would replace them */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "fetch.h"

/* Times that a table may change under our eyes before we give up */
#define FETCH_TRIES		16

static int entries_read(int sk, int level, const struct ipt_getinfo *info,
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

	if (getsockopt(sk, level, IPT_SO_GET_ENTRIES, get, &size))
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

static int fetch_once(int sk, int level, const char *name,
		      struct ipt_replace **blob)
{
	struct ipt_getinfo info = {};
	socklen_t size = sizeof(info);
	int ret;

	snprintf(info.name, sizeof(info.name), "%s", name);
	if (getsockopt(sk, level, IPT_SO_GET_INFO, &info, &size))
		return -errno;

	*blob = blob_from_info(&info);
	if (!*blob)
		return -ENOMEM;
	ret = entries_read(sk, level, &info, *blob);
	if (ret) {
		free(*blob);
		*blob = NULL;
	}
	return ret;
}

/**
 * bpfilter_table_fetch() - a live table as the blob that would replace it
 * @sk:		socket of the table's family in its network namespace
 * @level:	SOL_IP or SOL_IPV6; structures and options are the same
 * @name:	the table's name
 * @blob:	filled with the value of IPT_SO_SET_REPLACE or
 *		IP6T_SO_SET_REPLACE, header and entries, without a place for old
 *		counters; the caller frees it
 *
 * A table that nobody asked for yet comes to be by this, as with iptables.
 *
 * Return: 0 or a negative errno
 */
int bpfilter_table_fetch(int sk, int level, const char *name,
			 struct ipt_replace **blob)
{
	unsigned int i;
	int ret;

	*blob = NULL;
	if (strlen(name) >= XT_TABLE_MAXNAMELEN)
		return -ENAMETOOLONG;

	/* Between the two questions the table may get another size */
	for (i = 0; i < FETCH_TRIES; i++) {
		ret = fetch_once(sk, level, name, blob);
		if (ret != -EAGAIN)
			break;
	}
	return ret;
}
