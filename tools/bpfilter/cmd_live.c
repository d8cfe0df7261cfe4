// SPDX-License-Identifier: GPL-2.0
/*
 * Tables that are watched while packets pass and rules change
 *
 * A rule's number changes when others come and go before it. What stays is what
 * it says: two entries are the same rule if they have the same conditions,
 * matches and target; a jump's target is the name of a chain, not its place.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include "cmd_live.h"
#include "compile.h"
#include "match.h"

/**
 * struct layout - where an entry of a family has its parts
 * @counted:	from here on it says where packets came from and their number
 * @counters:	offset of the counters
 * @elems:	offset of the matches, behind the counters
 * @target:	offset of the target's offset, the entry's size behind it
 */
struct layout {
	size_t counted;
	size_t counters;
	size_t elems;
	size_t target;
};

static const struct layout layout4 = {
	.counted	= offsetof(struct ipt_entry, comefrom),
	.counters	= offsetof(struct ipt_entry, counters),
	.elems		= offsetof(struct ipt_entry, elems),
	.target		= offsetof(struct ipt_entry, target_offset),
};

static const struct layout layout6 = {
	.counted	= offsetof(struct ip6t_entry, comefrom),
	.counters	= offsetof(struct ip6t_entry, counters),
	.elems		= offsetof(struct ip6t_entry, elems),
	.target		= offsetof(struct ip6t_entry, target_offset),
};

static const struct layout *layout_of(const struct live_table *lt)
{
	return lt->fam->family == NFPROTO_IPV6 ? &layout6 : &layout4;
}

static const char *entry_of(const struct live_table *lt, uint32_t rule)
{
	return (const char *)lt->blob->entries + lt->rs->rules[rule].offset;
}

static uint16_t target_offset(const struct live_table *lt, const char *entry)
{
	return *(const uint16_t *)(entry + layout_of(lt)->target);
}

static uint16_t entry_size(const struct live_table *lt, const char *entry)
{
	return *(const uint16_t *)(entry + layout_of(lt)->target +
				   sizeof(uint16_t));
}

/* Only the translator's reader knows that all offsets lie within */
static int read_rules(struct live_table *lt)
{
	struct refusal why = {};
	int ret;

	ret = bpfilter_blob_read(lt->blob, table_blob_size(lt->blob),
				 lt->fam->family, &lt->rs, &why);
	return ret ? ret : text_make(lt->blob, lt->rs, &lt->text);
}

/**
 * live_fetch - a table as it is now
 * @sk:		socket of @fam in the table's network namespace
 * @fam:	its family
 * @name:	its name
 * @lt:		filled; released with live_free() whatever comes back
 *
 * Return: 0 or a negative errno
 */
int live_fetch(int sk, const struct table_family *fam, const char *name,
	       struct live_table *lt)
{
	int ret;

	memset(lt, 0, sizeof(*lt));
	lt->fam = fam;
	snprintf(lt->name, sizeof(lt->name), "%s", name);
	ret = table_fetch(sk, fam, name, &lt->blob);
	return ret ? ret : read_rules(lt);
}

/* Entries of one size in one order, alike but for what they count */
static bool same_entries(const struct live_table *lt,
			 const struct ipt_replace *blob)
{
	const struct layout *l = layout_of(lt);
	const char *other;
	uint32_t i;

	if (lt->blob->size != blob->size ||
	    lt->blob->num_entries != blob->num_entries ||
	    memcmp(lt->blob->hook_entry, blob->hook_entry,
		   sizeof(blob->hook_entry)))
		return false;
	for (i = 0; i < lt->rs->num_rules; i++) {
		const char *e = entry_of(lt, i);

		other = (const char *)blob->entries + lt->rs->rules[i].offset;
		if (memcmp(e, other, l->counted) ||
		    memcmp(e + l->elems, other + l->elems,
			   entry_size(lt, e) - l->elems))
			return false;
	}
	return true;
}

/**
 * live_update - a table as it is now, and as it was
 * @sk:		as live_fetch() takes it
 * @lt:		a table that was fetched before; becomes what it is now
 * @old:	filled with what it was if its rules changed, else left as it is;
 *		released with live_free()
 *
 * As long as only counters change nothing is read anew but them.
 *
 * Return: 1 if the rules changed, 0 if not, or a negative errno: then @lt is
 * as it was.
 */
int live_update(int sk, struct live_table *lt, struct live_table *old)
{
	struct live_table now = *lt;
	int ret;

	ret = table_fetch(sk, lt->fam, lt->name, &now.blob);
	if (ret)
		return ret;
	if (same_entries(lt, now.blob)) {
		free(lt->blob);
		lt->blob = now.blob;
		return 0;
	}
	now.rs = NULL;
	memset(&now.text, 0, sizeof(now.text));
	ret = read_rules(&now);
	if (ret) {
		live_free(&now);
		return ret;
	}
	*old = *lt;
	*lt = now;
	return 1;
}

/**
 * live_free - release a table
 * @lt:		table, may be all zero; left empty
 */
void live_free(struct live_table *lt)
{
	text_free(&lt->text);
	bpfilter_ir_free(lt->rs);
	free(lt->blob);
	lt->rs = NULL;
	lt->blob = NULL;
}

/**
 * live_count - what a rule has counted
 * @lt:		table
 * @rule:	index of the rule
 *
 * Return: packets and bytes
 */
struct live_count live_count(const struct live_table *lt, uint32_t rule)
{
	const struct xt_counters *c;

	c = (const void *)(entry_of(lt, rule) + layout_of(lt)->counters);
	return (struct live_count) { .packets = c->pcnt, .bytes = c->bcnt };
}

/**
 * live_find - look up a rule as the kernel names it in traces
 * @lt:		table
 * @chain:	name of its chain
 * @number:	its number, counted from 1, policy and chain end included
 *
 * Return: index of the rule, or -1 if there is none
 */
int64_t live_find(const struct live_table *lt, const char *chain,
		  uint32_t number)
{
	uint32_t i;

	for (i = 0; i < lt->rs->num_chains; i++) {
		const struct ir_chain *c = &lt->rs->chains[i];

		if (strcmp(c->name, chain))
			continue;
		return number && number <= c->listed_end - c->first ?
		       (int64_t)c->first + number - 1 : -1;
	}
	return -1;
}

static const struct xt_entry_target *target_of(const struct live_table *lt,
					       uint32_t rule)
{
	const char *entry = entry_of(lt, rule);

	return (const void *)(entry + target_offset(lt, entry));
}

static bool is_jump(const struct live_table *lt, uint32_t rule)
{
	enum ir_action action = lt->rs->rules[rule].action;

	return action == IR_ACTION_JUMP || action == IR_ACTION_GOTO;
}

static bool same_target(const struct live_table *a, uint32_t rule_a,
			const struct live_table *b, uint32_t rule_b)
{
	const struct xt_entry_target *x = target_of(a, rule_a);
	const struct xt_entry_target *y = target_of(b, rule_b);
	const char *chain_a, *chain_b;

	if (is_jump(a, rule_a) && is_jump(b, rule_b)) {
		live_verdict(a, rule_a, &chain_a);
		live_verdict(b, rule_b, &chain_b);
		return !strcmp(chain_a, chain_b);
	}
	return x->u.target_size == y->u.target_size &&
	       !memcmp(x, y, x->u.target_size);
}

/**
 * live_same_rule - do two entries say the same?
 * @a:		table of the one
 * @rule_a:	its index
 * @b:		table of the other, of the same family
 * @rule_b:	its index
 *
 * Return: true if so
 */
bool live_same_rule(const struct live_table *a, uint32_t rule_a,
		    const struct live_table *b, uint32_t rule_b)
{
	const char *x = entry_of(a, rule_a), *y = entry_of(b, rule_b);
	const struct layout *l = layout_of(a);
	uint16_t target = target_offset(a, x);

	/* All that stands before the offsets are the conditions of the head */
	return target == target_offset(b, y) && !memcmp(x, y, l->target) &&
	       !memcmp(x + l->elems, y + l->elems, target - l->elems) &&
	       same_target(a, rule_a, b, rule_b);
}

/**
 * live_verdict - what a rule does to packets that match it
 * @lt:		table
 * @rule:	index of the rule
 * @chain:	set to the name of the chain that it jumps or goes to, else NULL
 *
 * Return: a verdict, "jump", "goto", "continue" for rules that only count, or
 * the name of a target that decides by itself
 */
const char *live_verdict(const struct live_table *lt, uint32_t rule,
			 const char **chain)
{
	static const char *const verdicts[] = {
		[IR_ACTION_ACCEPT]	= "ACCEPT",
		[IR_ACTION_DROP]	= "DROP",
		[IR_ACTION_RETURN]	= "RETURN",
		[IR_ACTION_JUMP]	= "jump",
		[IR_ACTION_GOTO]	= "goto",
		[IR_ACTION_CONTINUE]	= "continue",
	};
	const struct ir_rule *r = &lt->rs->rules[rule];

	*chain = NULL;
	switch (r->action) {
	case IR_ACTION_JUMP:
	case IR_ACTION_GOTO:
		*chain = lt->rs->chains[r->target_chain].name;
		return verdicts[r->action];
	case IR_ACTION_ACCEPT:
	case IR_ACTION_DROP:
	case IR_ACTION_RETURN:
	case IR_ACTION_CONTINUE:
		return verdicts[r->action];
	case IR_ACTION_BRIDGE:
		return lt->rs->bridged[r->bridged].name;
	case IR_ACTION_SET_MARK:
		return r->target->name;
	}
	return "unknown";
}

/**
 * live_text - what a rule says
 * @lt:		table
 * @rule:	index of the rule
 *
 * Return: "-A CHAIN ..." as iptables-save has it, "-P CHAIN VERDICT" of a
 * policy, empty for the end of a user chain
 */
const char *live_text(const struct live_table *lt, uint32_t rule)
{
	return text_line(&lt->text, rule);
}

/**
 * live_json - what a rule says, as members of an object
 * @json:	where to
 * @lt:		table
 * @rule:	index of the rule
 */
void live_json(json_writer_t *json, const struct live_table *lt,
	       uint32_t rule)
{
	const char *chain, *verdict = live_verdict(lt, rule, &chain);

	jsonw_string_field(json, "text", live_text(lt, rule));
	jsonw_string_field(json, "verdict", verdict);
	if (chain)
		jsonw_string_field(json, "to", chain);
}
