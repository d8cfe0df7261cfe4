/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_CMD_SHOW_H
#define BPFILTER_CMD_SHOW_H

#include "cmd.h"
#include "cmd_translate.h"
#include "plan.h"

/* cmd_show.c gathers, cmd_show_print.c prints */

/**
 * struct show_table - one table of a network namespace
 * @fam:	its family
 * @name:	its name
 * @owned:	the kernel's answer if bpfilter runs it, NULL: native
 * @sized:	@rules, @entries and @size are known
 * @rules:	what it has, owned
 * @entries:	entries, hidden ones included
 * @size:	bytes of all entries
 * @known:	mask of hooks whose @prog is filled
 * @prog:	by hook
 * @map_bytes:	bytes of the counter map, 0: not known
 * @data_map_id: id of the data map, 0: none, or not known
 * @data_bytes:	bytes of the data map, 0: not known
 * @translation: for the option --plan: as it is translated now; owned
 * @refusal:	why that was not possible, empty if it was
 */
struct show_table {
	const struct table_family *fam;
	char name[BPFILTER_TABLE_NAMELEN];
	const struct bpfilter_status_table *owned;
	bool sized;
	struct rules rules;
	uint32_t entries;
	uint32_t size;
	uint32_t known;
	struct prog_desc prog[BPFILTER_NUMHOOKS];
	uint64_t map_bytes;
	uint32_t data_map_id;
	uint64_t data_bytes;
	struct translation *translation;
	struct refusal refusal;
};

/**
 * struct show_netns - one network namespace
 * @name:	its name, NULL: the current one
 * @error:	negative errno if it could not be asked
 * @status:	the kernel's answer, owned
 * @tables:	its tables, owned
 * @num_tables:	number of @tables
 */
struct show_netns {
	const char *name;
	int error;
	struct bpfilter_status *status;
	struct show_table *tables;
	unsigned int num_tables;
};

/**
 * struct show - all that is printed
 * @ns:		network namespaces, the current one first
 * @num:	number of @ns
 */
struct show {
	struct show_netns *ns;
	unsigned int num;
};

/* cmd_plan.c */
void plan_plain(const struct show_table *t);
void plan_json(json_writer_t *json, const struct show_table *t);

void show_print(struct cmd_ctx *ctx, const struct show *show);

#endif /* BPFILTER_CMD_SHOW_H */
