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

/* Take all rules out of the tables that a ruleset is about */
void rules_clear(const struct side *side, const char *text);

/* All tables with their counters as iptables-save prints them, no comments */
char *rules_save(const struct side *side);

/* The part of the text that is about one table, to be freed; NULL: none */
char *table_extract(const char *text, const char *table);

/*
 * Input of ipset restore for the sets of a file NAME.rules, NULL if it has none.
 * In ipset.c
 */
char *ipset_read(const char *file);

/* Kernel log, in klog.c: remember its end, append what came since */
void klog_mark(void);
void klog_read(struct text *text);

/* Keep lines about packets only, without what the stack makes up of those */
void klog_keep_packets(char *text);

/* A line with which the kernel complains of itself, NULL: none. To be freed */
char *klog_complaint(const char *text);

#endif /* DIFF_LOAD_H */
