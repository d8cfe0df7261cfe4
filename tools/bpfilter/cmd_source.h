/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_CMD_SOURCE_H
#define BPFILTER_CMD_SOURCE_H

#include <stddef.h>
#include <stdint.h>
#include <linux/netfilter_ipv4/ip_tables.h>

#include "cmd_text.h"

/* Rulesets that come from files, as the blobs that would be sent for them */

struct cmd_ctx;

/**
 * struct source_table - one table of a file
 * @name:	its name
 * @family:	NFPROTO_IPV4 or NFPROTO_IPV6
 * @blob:	as table_fetch() fills it, owned; table_blob_size() tells its bytes
 * @text:	a line for each of its entries; without any if the translator
 *		refuses the blob
 */
struct source_table {
	char name[XT_TABLE_MAXNAMELEN];
	uint16_t family;
	struct ipt_replace *blob;
	struct text text;
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
bool source_is_blob(const void *data, size_t size);
int source_read_file(const char *path, char **data, size_t *size);

/* cmd_scratch.c, for cmd_source.c alone */

/**
 * struct scratch_job - what is done in a scratch network namespace
 * @family:	NFPROTO_IPV4 or NFPROTO_IPV6
 * @rules:	descriptor of a file with lines as of iptables-save, or -1: no
 *		ruleset is loaded
 * @sets:	descriptor of a file with lines as of "ipset save", or -1
 * @tables:	of @rules the names of the tables to hand over
 * @num_tables:	number of @tables
 * @given:	without @rules the tables to hand over
 */
struct scratch_job {
	uint16_t family;
	int rules;
	int sets;
	char (*tables)[XT_TABLE_MAXNAMELEN];
	unsigned int num_tables;
	const struct source *given;
};

/**
 * struct scratch_text - what precedes the text of a table that is handed over
 * @num:	number of lines
 * @size:	bytes of them
 *
 * It stands behind the blob. Behind it are the offsets of the lines and the
 * lines.
 */
struct scratch_text {
	uint64_t num;
	uint64_t size;
};

int scratch_run(const struct scratch_job *job, int out, int err);

#endif /* BPFILTER_CMD_SOURCE_H */
