/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_CMD_SOURCE_H
#define BPFILTER_CMD_SOURCE_H

#include <stddef.h>
#include <stdint.h>
#include <linux/netfilter_ipv4/ip_tables.h>

/* Rulesets that come from files, as the blobs that would be sent for them */

struct cmd_ctx;

/**
 * struct source_table - one table of a file
 * @name:	its name
 * @family:	NFPROTO_IPV4 or NFPROTO_IPV6
 * @blob:	as table_fetch() fills it, owned; table_blob_size() tells its bytes
 */
struct source_table {
	char name[XT_TABLE_MAXNAMELEN];
	uint16_t family;
	struct ipt_replace *blob;
};

/**
 * struct source - all tables of a file
 * @tables:	in the order of the file, owned
 * @num:	number of @tables
 */
struct source {
	struct source_table *tables;
	unsigned int num;
};

int source_load(struct cmd_ctx *ctx, const char *path, uint16_t family,
		struct source *src);
void source_free(struct source *src);
int source_read_file(const char *path, char **data, size_t *size);

/* cmd_scratch.c, for cmd_source.c alone */

/**
 * struct source_text - a ruleset as text
 * @rules:	descriptor of a file with lines as of iptables-save
 * @sets:	descriptor of a file with lines as of "ipset save", or -1
 * @family:	NFPROTO_IPV4 or NFPROTO_IPV6
 * @tables:	names of the tables to hand over
 * @num_tables:	number of @tables
 */
struct source_text {
	int rules;
	int sets;
	uint16_t family;
	char (*tables)[XT_TABLE_MAXNAMELEN];
	unsigned int num_tables;
};

int scratch_restore(const struct source_text *text, int out, int err);

#endif /* BPFILTER_CMD_SOURCE_H */
