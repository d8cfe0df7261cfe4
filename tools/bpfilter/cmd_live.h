/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_CMD_LIVE_H
#define BPFILTER_CMD_LIVE_H

#include "cmd.h"
#include "cmd_text.h"

/* cmd_live.c: tables that are watched while packets pass and rules change */

/**
 * struct live_table - a table of the kernel at one moment
 * @fam:	its family
 * @name:	its name
 * @blob:	entries and counters, owned
 * @rs:		the same as the translator read it, owned
 * @text:	the rules as iptables says them, owned
 */
struct live_table {
	const struct table_family *fam;
	char name[BPFILTER_TABLE_NAMELEN];
	struct ipt_replace *blob;
	struct ir_ruleset *rs;
	struct text text;
};

/**
 * struct live_count - what a rule has counted
 * @packets:	packets
 * @bytes:	bytes
 */
struct live_count {
	uint64_t packets;
	uint64_t bytes;
};

int live_fetch(int sk, const struct table_family *fam, const char *name,
	       struct live_table *lt);
int live_update(int sk, struct live_table *lt, struct live_table *old);
void live_free(struct live_table *lt);

struct live_count live_count(const struct live_table *lt, uint32_t rule);
int64_t live_find(const struct live_table *lt, const char *chain,
		  uint32_t number);
bool live_same_rule(const struct live_table *a, uint32_t rule_a,
		    const struct live_table *b, uint32_t rule_b);
const char *live_verdict(const struct live_table *lt, uint32_t rule,
			 const char **chain);
const char *live_text(const struct live_table *lt, uint32_t rule);
void live_json(json_writer_t *json, const struct live_table *lt,
	       uint32_t rule);

#endif /* BPFILTER_CMD_LIVE_H */
