/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_HOOKS_H
#define BPFILTER_HOOKS_H

#include <stdint.h>
#include <linux/bpfilter.h>

/**
 * struct table_hooks - where the native engines hook a table, for both families
 * @name:	the table's
 * @hooks:	mask of hooks
 * @priority:	by hook
 */
struct table_hooks {
	const char *name;
	uint32_t hooks;
	int priority[BPFILTER_NUMHOOKS];
};

/* In the order in which a packet meets tables that share a hook */
#define BPFILTER_NUM_TABLES	5

extern const struct table_hooks bpfilter_table_hooks[BPFILTER_NUM_TABLES];

const struct table_hooks *bpfilter_table_hooks_find(const char *name);

#endif /* BPFILTER_HOOKS_H */
