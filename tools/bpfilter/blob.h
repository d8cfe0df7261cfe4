/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_BLOB_H
#define BPFILTER_BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <linux/netfilter_ipv4/ip_tables.h>

#include "ir_build.h"
#include "refuse.h"

/* No entry, no chain */
#define BLOB_NONE	UINT32_MAX

/**
 * enum blob_target - what an entry's target is, by its name
 * @BLOB_TARGET_STANDARD: verdict or jump
 * @BLOB_TARGET_ERROR:	head of a user chain, or end of the table
 * @BLOB_TARGET_OTHER:	an extension
 */
enum blob_target {
	BLOB_TARGET_STANDARD,
	BLOB_TARGET_ERROR,
	BLOB_TARGET_OTHER,
};

/**
 * struct blob_entry - what the reader keeps of an entry besides its rule
 * @kind:	its target
 * @verdict:	verdict of a STANDARD target
 * @jump:	index of the entry that a STANDARD target jumps to, BLOB_NONE
 *		for none or if no entry starts there
 * @tail:	unconditional, STANDARD and no jump: the way on ends here
 */
struct blob_entry {
	enum blob_target kind;
	int32_t verdict;
	uint32_t jump;
	bool tail;
};

/**
 * struct blob - the reader's state
 * @base:	first entry
 * @rs:		the ruleset in the making
 * @why:	where a refusal goes
 * @entries:	one for each rule of @rs
 * @hook_entry:	for each hook the index of its first rule, or BLOB_NONE
 * @underflow:	for each hook the index of its policy rule, or BLOB_NONE
 * @num_heads:	ERROR entries; the jump stack has as many slots
 * @too_deep:	index of a jump that can find the jump stack full, or BLOB_NONE
 * @repl:	header of the blob, its name terminated
 *
 * The stages run in this order, each relying on what those before it checked:
 * blob_check.c the layout, blob_chain.c the chains and where jumps lead,
 * blob_walk.c the way through the entries, blob_rule.c what the rules say.
 */
struct blob {
	const char *base;
	struct ir_ruleset *rs;
	struct refusal *why;
	struct blob_entry *entries;
	uint32_t hook_entry[IR_NUMHOOKS];
	uint32_t underflow[IR_NUMHOOKS];
	uint32_t num_heads;
	uint32_t too_deep;
	struct ipt_replace repl;
};

static inline const struct ipt_entry *blob_entry_at(const struct blob *b,
						    uint32_t rule)
{
	return (const void *)(b->base + b->rs->rules[rule].offset);
}

static inline bool blob_hook_valid(const struct blob *b, int hook)
{
	return b->repl.valid_hooks & (1U << hook);
}

/* Unlike a match a target can start at any address */
static inline struct xt_entry_target blob_target_at(const struct ipt_entry *e)
{
	struct xt_entry_target t;

	__builtin_memcpy(&t, (const char *)e + e->target_offset, sizeof(t));
	return t;
}

int blob_nomem(struct blob *b);
struct refuse_where blob_where(const struct blob *b, uint32_t rule);

/* blob_check.c */
int blob_check_header(struct blob *b, size_t size);
int blob_check_entries(struct blob *b);

/* blob_chain.c */
int blob_list_chains(struct blob *b);
int blob_resolve_jumps(struct blob *b);
int blob_link_chains(struct blob *b);

/* blob_walk.c */
int blob_mark_sources(struct blob *b);

/* blob_rule.c */
int blob_parse_rules(struct blob *b);

#endif /* BPFILTER_BLOB_H */
