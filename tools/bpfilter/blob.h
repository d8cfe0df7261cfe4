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
 * struct blob_head - what the reader wants of an entry in whatever family
 * @target_offset: bytes up to its target
 * @next_offset: bytes up to the next entry
 * @proto:	protocol that it asks for, 0 for any
 * @flags:	IPT_F_* or IP6T_F_*, as native completes them
 * @invflags:	IPT_INV_* or IP6T_INV_*
 */
struct blob_head {
	uint16_t target_offset;
	uint16_t next_offset;
	uint16_t proto;
	uint8_t flags;
	uint8_t invflags;
};

struct parse_ctx;

/**
 * struct blob_family - what differs between the families
 * @family:	NFPROTO_IPV4 or NFPROTO_IPV6
 * @base_size:	bytes of the base header, which an entry starts with
 * @entry_size:	bytes of an entry before its matches
 * @flags_mask:	flags that there are
 * @inv_mask:	inversions that there are
 * @goto_flag:	the flag that makes a jump a goto
 * @head:	read an entry
 * @parse_base:	append the tests of an entry's base header
 * @print_base:	write what iptables-save has for it, see ir_text.h
 */
struct blob_family {
	uint16_t family;
	uint16_t base_size;
	uint16_t entry_size;
	uint8_t flags_mask;
	uint8_t inv_mask;
	uint8_t goto_flag;
	struct blob_head (*head)(const void *entry);
	int (*parse_base)(struct parse_ctx *ctx, struct ir_rule *rule,
			  const void *entry);
	void (*print_base)(FILE *out, const void *entry);
};

/**
 * struct blob - the reader's state
 * @fam:	family of the table
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
 * blob_base.c tells the families apart. blob_text.c prints rules later on.
 */
struct blob {
	const struct blob_family *fam;
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

static inline const void *blob_entry_at(const struct blob *b, uint32_t rule)
{
	return b->base + b->rs->rules[rule].offset;
}

static inline struct blob_head blob_head_at(const struct blob *b, uint32_t rule)
{
	return b->fam->head(blob_entry_at(b, rule));
}

static inline bool blob_hook_valid(const struct blob *b, int hook)
{
	return b->repl.valid_hooks & (1U << hook);
}

/* Unlike a match a target can start at any address */
static inline struct xt_entry_target blob_target_at(const void *entry,
						    uint32_t offset)
{
	struct xt_entry_target t;

	__builtin_memcpy(&t, (const char *)entry + offset, sizeof(t));
	return t;
}

int blob_nomem(struct blob *b);
struct refuse_where blob_where(const struct blob *b, uint32_t rule);

/* blob_base.c */
const struct blob_family *blob_family_find(uint16_t family);

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
