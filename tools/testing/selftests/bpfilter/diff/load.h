/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DIFF_LOAD_H
#define DIFF_LOAD_H

#include "side.h"

/**
 * run_in() - run a command in a side's namespace
 * @side:	where
 * @argv:	the command
 * @input:	text for its standard input
 * @output:	what it printed, to be freed
 *
 * Standard error goes to @output too if the command fails, else nowhere.
 *
 * Return: its exit status.
 */
int run_in(const struct side *side, const char *const argv[],
	   const char *input, char **output);

/* Load a ruleset with iptables-restore; as run_in() */
int rules_load(const struct side *side, const char *text, char **output);

/* A table with its counters as iptables-save prints it, without comments */
char *rules_save(const struct side *side, const char *table);

struct table_name {
	char s[32];
};

/* Names of the tables in iptables-restore's input; returns their number */
unsigned int tables_find(const char *text, struct table_name *names,
			 unsigned int max);

/* The part of the input that is about one table, to be freed; NULL: none */
char *table_extract(const char *text, const char *table);

/* Remember the end of the kernel log, and read what came since */
void klog_mark(void);
char *klog_since(void);

#endif /* DIFF_LOAD_H */
