/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DIFF_ENTRIES_H
#define DIFF_ENTRIES_H

#include "rules.h"
#include "side.h"

/**
 * struct entries - a table as IPT_SO_GET_ENTRIES gives it
 * @family:	its family
 * @table:	which
 * @blob:	the entries
 * @size:	bytes of them
 * @valid_hooks: mask of enum hook
 * @hook_entry:	where each hook's chain begins
 */
struct entries {
	const struct family *family;
	enum table_id table;
	uint8_t *blob;
	unsigned int size;
	unsigned int valid_hooks;
	unsigned int hook_entry[NUM_HOOKS];
};

/* Read the table of a side, into what an earlier call allocated */
void entries_get(const struct side *side, enum table_id table, struct entries *e);
void entries_free(struct entries *e);

/* Number of the first entry whose counters differ, -1 if none does */
int entries_differ(const struct entries *a, const struct entries *b);

/* Print where the bytes differ apart from counters; false if they do not */
bool entries_print_bytes(const struct entries *a, const struct entries *b,
			 const struct ruleset *rs);

/* Print an entry's rule and what the two sides counted on it */
void entries_print(const struct entries *a, const struct entries *b, int num,
		   const struct ruleset *rs);

/* Entries that counted a packet in between, policies and chain ends included */
unsigned int entries_hit(const struct entries *before,
			 const struct entries *after, unsigned int *total);

/* Packets that the rule, which is in this table, has counted */
uint64_t entries_rule_packets(const struct entries *e, const struct ruleset *rs,
			      unsigned int rule);

#endif /* DIFF_ENTRIES_H */
