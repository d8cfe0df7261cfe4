/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_CMD_OPTION_H
#define BPFILTER_CMD_OPTION_H

#include <getopt.h>
#include <json_writer.h>

#include "cmd.h"

/**
 * struct cmd - one command
 * @name:	its name; a prefix of it does too
 * @run:	does it; @argc and @argv are what follows the name
 * @synopsis:	its arguments for help
 * @summary:	one line for help
 * @options:	its own options, all of them long, up to one without a name; NULL: it
 *		has none. They go to the options' @own
 * @last:	options stand before its name: what follows is in words of others
 */
struct cmd {
	const char *name;
	int (*run)(struct cmd_ctx *ctx, int argc, char **argv);
	const char *synopsis;
	const char *summary;
	const struct option *options;
	bool last;
};

/* main.c */

const struct cmd *command_find(const char *word);

/* cmd_option.c */

int options_read(struct cmd_ctx *ctx, int *argc, char ***argv, char **instead);
void options_print(void);
void options_print_json(json_writer_t *json);

#endif /* BPFILTER_CMD_OPTION_H */
