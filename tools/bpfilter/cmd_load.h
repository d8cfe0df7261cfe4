/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_CMD_LOAD_H
#define BPFILTER_CMD_LOAD_H

#include "cmd.h"
#include "cmd_pin.h"
#include "cmd_source.h"
#include "compile.h"
#include "standalone.h"

/**
 * struct load_table - a table on its way into the kernel
 * @src:	its ruleset, borrowed
 * @c:		what became of it
 * @in_kernel:	its maps and programs, valid if @is_loaded
 * @link:	by hook
 * @is_loaded:	it has programs, and these are in the kernel
 */
struct load_table {
	const struct source_table *src;
	struct compiled c;
	struct loaded in_kernel;
	struct standalone_link link[BPFILTER_NUMHOOKS];
	bool is_loaded;
};

/**
 * struct load - the tables of a file
 * @ctx:	options
 * @pins:	where they go
 * @table:	the tables
 * @num:	number of @table
 * @refused:	why rules cannot be, a line each, owned
 * @num_refused: number of @refused
 */
struct load {
	struct cmd_ctx *ctx;
	struct pins pins;
	struct load_table *table;
	unsigned int num;
	char **refused;
	unsigned int num_refused;
};

/* cmd_load_attach.c */

int load_attach(struct load *l);

/* cmd_load_print.c */

void load_print_refused(const struct load *l);
void load_print(const struct load *l);

#endif /* BPFILTER_CMD_LOAD_H */
