// SPDX-License-Identifier: GPL-2.0
/*
 * Tables as the kernel hands them out
 *
 * Through the options that iptables itself uses, so that this works for a
 * table whichever engine runs it, and through BPFILTER_SO_GET_STATUS.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include "cmd.h"
#include "fetch.h"

/* The numbers of the options and the layout of their values are one */
static_assert(IP6T_SO_GET_INFO == IPT_SO_GET_INFO, "options");
static_assert(IP6T_SO_GET_ENTRIES == IPT_SO_GET_ENTRIES, "options");
static_assert(sizeof(struct ip6t_getinfo) == sizeof(struct ipt_getinfo),
	      "values");
static_assert(sizeof(struct ip6t_get_entries) == sizeof(struct ipt_get_entries),
	      "values");
static_assert(sizeof(struct ip6t_replace) == sizeof(struct ipt_replace),
	      "values");

const struct table_family table_families[TABLE_NUM_FAMILIES] = {
	{
		.word = "ipv4",
		.family = NFPROTO_IPV4,
		.domain = AF_INET,
		.level = SOL_IP,
		.names = "/proc/net/ip_tables_names",
	},
	{
		.word = "ipv6",
		.family = NFPROTO_IPV6,
		.domain = AF_INET6,
		.level = SOL_IPV6,
		.names = "/proc/net/ip6_tables_names",
	},
};

/**
 * table_family_find - a family by its number
 * @family:	NFPROTO_*
 *
 * Return: the family, or NULL if it has no tables
 */
const struct table_family *table_family_find(uint16_t family)
{
	unsigned int i;

	for (i = 0; i < TABLE_NUM_FAMILIES; i++)
		if (table_families[i].family == family)
			return &table_families[i];
	return NULL;
}

/**
 * table_family_word - a family by its name
 * @word:	the name, not shortened: tables and files have names too
 *
 * Return: the family, or NULL if it is none
 */
const struct table_family *table_family_word(const char *word)
{
	unsigned int i;

	for (i = 0; i < TABLE_NUM_FAMILIES; i++)
		if (!strcmp(table_families[i].word, word))
			return &table_families[i];
	return NULL;
}

/**
 * table_socket - a socket in the current network namespace
 * @fam:	for the tables of which family; that of IPv4 also tells the
 *		status
 *
 * Return: a descriptor that the caller closes, or a negative errno
 */
int table_socket(const struct table_family *fam)
{
	int sk = socket(fam->domain, SOCK_DGRAM | SOCK_CLOEXEC, 0);

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

static const struct {
	int error;
	const char *text;
} table_errors[] = {
	{ ENOPROTOOPT, "no bpfilter in this kernel, or its module is not loaded" },
	{ EPERM, "not permitted: this takes CAP_NET_ADMIN" },
	{ EPROTONOSUPPORT, "the kernel's bpfilter is of another version" },
};

/**
 * table_error - what an error of bpfilter's own socket options means
 * @err:	negative errno, as of table_status()
 *
 * Return: text without an end of line
 */
const char *table_error(int err)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(table_errors); i++)
		if (table_errors[i].error == -err)
			return table_errors[i].text;
	return strerror(-err);
}

/**
 * table_is_owned - does bpfilter run a table
 * @status:	what table_status() filled
 * @fam:	the table's family
 * @name:	the table's name
 *
 * Return: true if so; else it is the native engine's, or there is none
 */
bool table_is_owned(const struct bpfilter_status *status,
		    const struct table_family *fam, const char *name)
{
	unsigned int i;

	for (i = 0; i < status->num_tables; i++)
		if (status->tables[i].family == fam->family &&
		    !strcmp(status->tables[i].name, name))
			return true;
	return false;
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
 * @fam:	of which family
 * @names:	filled; the caller frees its member name whatever comes back
 *
 * Return: 0 or a negative errno
 */
int table_names(const struct table_family *fam, struct table_names *names)
{
	char line[BPFILTER_TABLE_NAMELEN + 2];
	int ret = 0;
	FILE *f;

	memset(names, 0, sizeof(*names));
	f = fopen(fam->names, "re");
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

/**
 * table_fetch - a live table as the blob that would replace it
 * @sk:		socket of @fam in the table's network namespace
 * @fam:	the table's family
 * @name:	the table's name
 * @blob:	filled with the value of IPT_SO_SET_REPLACE or
 *		IP6T_SO_SET_REPLACE, header and entries, without a place for old
 *		counters; the caller frees it
 *
 * A table that nobody asked for yet comes to be by this, as with iptables.
 *
 * Return: 0 or a negative errno
 */
int table_fetch(int sk, const struct table_family *fam, const char *name,
		struct ipt_replace **blob)
{
	return bpfilter_table_fetch(sk, fam->level, name, blob);
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
