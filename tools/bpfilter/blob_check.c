// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/netfilter.h>

#include "blob.h"

/*
 * The layout of a blob: sizes, offsets, alignment, verdicts, hooks. The checks
 * and their order are those of do_replace(), translate_table() and
 * xt_check_table_hooks(), so is the errno of each.
 */

#define TABLE_SIZE_MAX		(512U << 20)
#define TABLE_INFO_SIZE		64U	/* sizeof(struct xt_table_info) */

#define ENTRY_ALIGN		__alignof__(struct ipt_entry)
#define MATCH_ALIGN		__alignof__(struct xt_entry_match)

#define CHAIN_NAME_SIZE		sizeof(((struct xt_error_target *)0)->errorname)

static int __printf(3, 4)
check_fail(struct blob *b, int error, const char *fmt, ...)
{
	struct refuse_where where = { .table = b->repl.name };
	va_list args;
	int ret;

	va_start(args, fmt);
	ret = bpfilter_vrefuse(b->why, error, true, &where, fmt, args);
	va_end(args);
	return ret;
}

/* Entries are known by number and offset only until the chains are listed */
static int __printf(3, 4)
entry_fail(struct blob *b, uint32_t off, const char *fmt, ...)
{
	char reason[128];
	va_list args;

	va_start(args, fmt);
	vsnprintf(reason, sizeof(reason), fmt, args);
	va_end(args);
	return check_fail(b, EINVAL, "entry %u at offset %u: %s",
			  b->rs->num_rules + 1, off, reason);
}

/**
 * blob_check_header() - check what comes before the entries
 * @b:		the reader; its member repl is filled
 * @size:	bytes of the whole blob, at least those of the header
 *
 * Return: 0, -EINVAL or -ENOMEM, as do_replace().
 */
int blob_check_header(struct blob *b, size_t size)
{
	const struct ipt_replace *repl = &b->repl;

	if (repl->num_counters >= INT_MAX / sizeof(struct xt_counters))
		return check_fail(b, ENOMEM, "%u old counters are too many",
				  repl->num_counters);
	if (!repl->num_counters)
		return check_fail(b, EINVAL, "no room for old counters");
	if (repl->size > size - sizeof(*repl))
		return check_fail(b, EINVAL,
				  "entries of %u bytes in a blob of %zu",
				  repl->size, size);
	if (repl->size >= TABLE_SIZE_MAX - TABLE_INFO_SIZE)
		return check_fail(b, ENOMEM, "entries of %u bytes are too big",
				  repl->size);
	if (repl->num_entries > TABLE_SIZE_MAX / sizeof(unsigned int))
		return check_fail(b, ENOMEM, "%u entries are too many",
				  repl->num_entries);
	return 0;
}

/* As verdict_ok(), and as there a jump to offset 0 is none */
static bool verdict_valid(int32_t verdict)
{
	return verdict > 0 || verdict == XT_RETURN ||
	       verdict == -NF_ACCEPT - 1 || verdict == -NF_DROP - 1 ||
	       verdict == -NF_QUEUE - 1;
}

static enum blob_target target_kind(const struct xt_entry_target *t)
{
	if (t->u.user.name[0] == '\0')
		return BLOB_TARGET_STANDARD;
	if (!memcmp(t->u.user.name, XT_ERROR_TARGET, sizeof(XT_ERROR_TARGET)))
		return BLOB_TARGET_ERROR;
	return BLOB_TARGET_OTHER;
}

static int check_standard(struct blob *b, const struct blob_head *e,
			  uint32_t off, struct blob_entry *be)
{
	uint32_t end = e->target_offset + sizeof(struct xt_standard_target);

	if (XT_ALIGN(end) != e->next_offset)
		return entry_fail(b, off, "standard target up to %u of %u",
				  end, e->next_offset);
	memcpy(&be->verdict, b->base + off + e->target_offset +
	       offsetof(struct xt_standard_target, verdict),
	       sizeof(be->verdict));
	if (!verdict_valid(be->verdict))
		return entry_fail(b, off, "verdict %d", be->verdict);
	return 0;
}

static int check_error(struct blob *b, const struct blob_head *e, uint32_t off,
		       const struct xt_entry_target *t)
{
	const char *name = b->base + off + e->target_offset +
			   offsetof(struct xt_error_target, errorname);

	if (t->u.target_size != sizeof(struct xt_error_target))
		return entry_fail(b, off, "error target of %u bytes",
				  t->u.target_size);
	if (!memchr(name, 0, CHAIN_NAME_SIZE))
		return entry_fail(b, off, "chain name without an end");
	return 0;
}

static int check_target(struct blob *b, const struct blob_head *e, uint32_t off,
			struct blob_entry *be)
{
	struct xt_entry_target t;

	if (e->target_offset < b->fam->entry_size ||
	    e->target_offset + sizeof(t) > e->next_offset)
		return entry_fail(b, off, "target at %u of %u",
				  e->target_offset, e->next_offset);
	t = blob_target_at(b->base + off, e->target_offset);
	if (t.u.target_size < sizeof(t) ||
	    e->target_offset + t.u.target_size > e->next_offset)
		return entry_fail(b, off, "target of %u bytes at %u of %u",
				  t.u.target_size, e->target_offset,
				  e->next_offset);

	be->kind = target_kind(&t);
	switch (be->kind) {
	case BLOB_TARGET_STANDARD:
		return check_standard(b, e, off, be);
	case BLOB_TARGET_ERROR:
		return check_error(b, e, off, &t);
	case BLOB_TARGET_OTHER:
		return 0;
	}
	return 0;
}

/* The matches fill the space between the entry's header and its target */
static int check_matches(struct blob *b, const struct blob_head *e,
			 uint32_t off)
{
	const struct xt_entry_match *m;
	uint32_t pos = b->fam->entry_size;

	while (pos < e->target_offset) {
		if ((off + pos) % MATCH_ALIGN)
			return entry_fail(b, off, "match at %u not aligned",
					  pos);
		if (e->target_offset - pos < sizeof(*m))
			return entry_fail(b, off, "match at %u cut off", pos);
		m = (const void *)(b->base + off + pos);
		if (m->u.match_size < sizeof(*m) ||
		    m->u.match_size > e->target_offset - pos)
			return entry_fail(b, off, "match of %u bytes at %u",
					  m->u.match_size, pos);
		pos += m->u.match_size;
	}
	return 0;
}

static int check_flags(struct blob *b, const struct blob_head *e, uint32_t off)
{
	uint8_t flags = e->flags & ~b->fam->flags_mask;
	uint8_t invflags = e->invflags & ~b->fam->inv_mask;

	if (flags)
		return entry_fail(b, off, "unknown flags 0x%x", flags);
	if (invflags)
		return entry_fail(b, off, "unknown inversions 0x%x", invflags);
	return 0;
}

/* As unconditional(): that means padding too */
static bool entry_unconditional(const struct blob *b, const struct blob_head *e,
				uint32_t off)
{
	const char *base_header = b->base + off;

	if (e->target_offset != b->fam->entry_size)
		return false;
	for (uint32_t i = 0; i < b->fam->base_size; i++)
		if (base_header[i])
			return false;
	return true;
}

/* A policy accepts or drops everything */
static bool entry_is_policy(const struct blob_entry *be)
{
	return be->tail && (be->verdict == -NF_ACCEPT - 1 ||
			    be->verdict == -NF_DROP - 1);
}

static int check_hooks(struct blob *b, uint32_t off,
		       const struct blob_entry *be)
{
	for (int h = 0; h < IR_NUMHOOKS; h++) {
		if (!blob_hook_valid(b, h))
			continue;
		if (b->repl.hook_entry[h] == off)
			b->hook_entry[h] = b->rs->num_rules;
		if (b->repl.underflow[h] != off)
			continue;
		if (!entry_is_policy(be))
			return entry_fail(b, off, "not a policy for hook %d",
					  h);
		b->underflow[h] = b->rs->num_rules;
	}
	return 0;
}

/* Fills @e: the entry can be read from then on */
static int check_bounds(struct blob *b, uint32_t off, struct blob_head *e)
{
	uint32_t left = b->repl.size - off;
	size_t size = b->fam->entry_size;

	if (off % ENTRY_ALIGN)
		return entry_fail(b, off, "not aligned");
	if (left <= size)
		return entry_fail(b, off, "cut off after %u bytes", left);
	*e = b->fam->head(b->base + off);
	if (e->next_offset > left ||
	    e->next_offset < size + sizeof(struct xt_entry_target))
		return entry_fail(b, off, "%u bytes of %u", e->next_offset,
				  left);
	return check_flags(b, e, off);
}

static int check_entry(struct blob *b, uint32_t off, struct blob_entry *be,
		       struct blob_head *e)
{
	int ret;

	ret = check_bounds(b, off, e);
	if (!ret)
		ret = check_target(b, e, off, be);
	if (!ret)
		ret = check_matches(b, e, off);
	if (ret)
		return ret;
	be->tail = be->kind == BLOB_TARGET_STANDARD && be->verdict < 0 &&
		   entry_unconditional(b, e, off);
	return check_hooks(b, off, be);
}

static int entry_add(struct blob *b, uint32_t off, const struct blob_entry *be)
{
	struct ir_rule *rule = bpfilter_ir_rule_add(b->rs);
	uint32_t index = b->rs->num_rules - 1;
	struct blob_entry *entries;

	if (!rule)
		return blob_nomem(b);
	rule->offset = off;

	if (!(index & (index - 1))) {
		entries = reallocarray(b->entries, index ? 2 * (size_t)index : 1,
				       sizeof(*entries));
		if (!entries)
			return blob_nomem(b);
		b->entries = entries;
	}
	b->entries[index] = *be;
	b->num_heads += be->kind == BLOB_TARGET_ERROR;
	return 0;
}

/* As xt_check_table_hooks(): each hook has both, and later hooks come later */
static int check_table_hooks(struct blob *b)
{
	int last = -1;

	for (int h = 0; h < IR_NUMHOOKS; h++) {
		if (!blob_hook_valid(b, h))
			continue;
		if (b->hook_entry[h] == BLOB_NONE)
			return check_fail(b, EINVAL, "no entry for hook %d", h);
		if (b->underflow[h] == BLOB_NONE)
			return check_fail(b, EINVAL, "no policy for hook %d",
					  h);
		if (last >= 0 && (b->underflow[last] >= b->underflow[h] ||
				  b->hook_entry[last] >= b->hook_entry[h]))
			return check_fail(b, EINVAL,
					  "hook %d is not behind hook %d", h,
					  last);
		last = h;
	}
	return 0;
}

/**
 * blob_check_entries() - check each entry and the hooks, make a rule of each
 * @b:	the reader, its header checked
 *
 * Return: 0; -EINVAL as native; -ENOMEM.
 */
int blob_check_entries(struct blob *b)
{
	uint32_t off = 0;
	int ret;

	for (int h = 0; h < IR_NUMHOOKS; h++) {
		b->hook_entry[h] = BLOB_NONE;
		b->underflow[h] = BLOB_NONE;
	}

	while (off < b->repl.size) {
		struct blob_entry be = { .jump = BLOB_NONE };
		struct blob_head e = {};

		ret = check_entry(b, off, &be, &e);
		if (!ret)
			ret = entry_add(b, off, &be);
		if (ret)
			return ret;
		off += e.next_offset;
	}

	if (b->rs->num_rules != b->repl.num_entries)
		return check_fail(b, EINVAL, "%u entries, not %u",
				  b->rs->num_rules, b->repl.num_entries);
	return check_table_hooks(b);
}
