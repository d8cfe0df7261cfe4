// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/netfilter.h>

#include "blob.h"

/* Chains: which rules they list, where jumps lead, which hooks get there */

static int hook_at(const struct blob *b, uint32_t rule)
{
	for (int h = 0; h < IR_NUMHOOKS; h++)
		if (b->hook_entry[h] == rule)
			return h;
	return -1;
}

static bool policy_at(const struct blob *b, uint32_t rule)
{
	for (int h = 0; h < IR_NUMHOOKS; h++)
		if (b->underflow[h] == rule)
			return true;
	return false;
}

static struct ir_chain *list_hook(struct blob *b, int hook, uint32_t first)
{
	struct ir_chain *chain = bpfilter_ir_chain_add(b->rs);

	if (!chain)
		return NULL;
	snprintf(chain->name, sizeof(chain->name), "%s",
		 bpfilter_ir_hook_name(hook));
	chain->hook = hook;
	chain->first = first;
	b->rs->hook_chain[hook] = b->rs->num_chains - 1;
	b->rs->hook_underflow[hook] = b->underflow[hook];
	return chain;
}

static struct ir_chain *list_user(struct blob *b, uint32_t head)
{
	const char *entry = blob_entry_at(b, head);
	struct ir_chain *chain = bpfilter_ir_chain_add(b->rs);

	if (!chain)
		return NULL;
	snprintf(chain->name, sizeof(chain->name), "%s",
		 entry + blob_head_at(b, head).target_offset +
		 offsetof(struct xt_error_target, errorname));
	chain->hook = -1;
	chain->first = head + 1;
	return chain;
}

/*
 * The chain that starts at an entry. The last entry ends the table although it
 * looks like a chain's head.
 */
static struct ir_chain *list_start(struct blob *b, uint32_t rule)
{
	int hook = hook_at(b, rule);

	if (hook >= 0)
		return list_hook(b, hook, rule);
	return list_user(b, rule);
}

static bool starts_chain(const struct blob *b, uint32_t rule)
{
	return b->entries[rule].kind == BLOB_TARGET_ERROR ||
	       hook_at(b, rule) >= 0;
}

/**
 * blob_list_chains() - find the chains as iptables lists them
 * @b:	the reader, its entries checked
 *
 * A hook's chain starts at the hook's entry, a user chain behind its head. In
 * a forged blob rules can stand before the first chain: they belong to none.
 *
 * Return: 0 or -ENOMEM.
 */
int blob_list_chains(struct blob *b)
{
	struct ir_ruleset *rs = b->rs;
	struct ir_chain *chain = NULL;

	for (uint32_t i = 0; i < rs->num_rules; i++) {
		struct ir_rule *rule = &rs->rules[i];

		rule->is_head = b->entries[i].kind == BLOB_TARGET_ERROR;
		rule->is_policy = policy_at(b, i);
		rule->chain = -1;
		if (starts_chain(b, i)) {
			if (i == rs->num_rules - 1)
				break;
			chain = list_start(b, i);
			if (!chain)
				return blob_nomem(b);
		}
		if (!chain)
			continue;
		rule->chain = rs->num_chains - 1;
		rule->number = i + 1 - chain->first;
		chain->listed_end = i + 1;
	}
	return 0;
}

static uint32_t rule_at_offset(const struct ir_ruleset *rs, uint32_t offset)
{
	uint32_t lo = 0, hi = rs->num_rules;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (rs->rules[mid].offset == offset)
			return mid;
		if (rs->rules[mid].offset < offset)
			lo = mid + 1;
		else
			hi = mid;
	}
	return BLOB_NONE;
}

static enum ir_action verdict_action(int32_t verdict)
{
	if (verdict == XT_RETURN)
		return IR_ACTION_RETURN;
	return verdict == -NF_ACCEPT - 1 ? IR_ACTION_ACCEPT : IR_ACTION_DROP;
}

/*
 * As ipt_do_table(): a jump to the next entry just goes on, jump or goto. One
 * that leads nowhere gets past mark_source_chains() only if nothing leads to
 * it, so what it does is of no interest.
 */
static enum ir_action jump_action(const struct blob *b, uint32_t rule)
{
	uint32_t jump = b->entries[rule].jump;

	if (jump == BLOB_NONE)
		return IR_ACTION_DROP;
	if (jump == rule + 1)
		return IR_ACTION_CONTINUE;
	if (blob_head_at(b, rule).flags & b->fam->goto_flag)
		return IR_ACTION_GOTO;
	return IR_ACTION_JUMP;
}

/**
 * blob_resolve_jumps() - give each rule its action
 * @b:	the reader, its entries checked
 *
 * Chain heads and the ends of forged chains drop. Extensions are left to
 * blob_parse_rules(), which translates or bridges them.
 *
 * Return: 0.
 */
int blob_resolve_jumps(struct blob *b)
{
	for (uint32_t i = 0; i < b->rs->num_rules; i++) {
		struct blob_entry *be = &b->entries[i];
		struct ir_rule *rule = &b->rs->rules[i];

		if (be->kind != BLOB_TARGET_STANDARD) {
			rule->action = IR_ACTION_DROP;
		} else if (be->verdict < 0) {
			rule->action = verdict_action(be->verdict);
		} else {
			be->jump = rule_at_offset(b->rs, be->verdict);
			rule->action = jump_action(b, i);
		}
	}
	return 0;
}

static struct ir_chain *chain_at(struct blob *b, uint32_t rule)
{
	const struct ir_rule *r = &b->rs->rules[rule];

	return r->chain < 0 ? NULL : &b->rs->chains[r->chain];
}

/* A chain for a jump to where no chain starts */
static struct ir_chain *list_middle(struct blob *b, uint32_t first)
{
	struct ir_chain *new = bpfilter_ir_chain_add(b->rs);
	struct ir_chain *old = chain_at(b, first);

	if (!new)
		return NULL;
	if (old)
		snprintf(new->name, sizeof(new->name), "%.31s@%u", old->name,
			 b->rs->rules[first].number);
	else
		snprintf(new->name, sizeof(new->name), "@%u", first + 1);
	new->hook = -1;
	new->first = first;
	new->listed_end = old ? old->listed_end : first + 1;
	return new;
}

static int link_rule(struct blob *b, uint32_t rule, uint32_t *chain_of)
{
	struct ir_rule *r = &b->rs->rules[rule];
	uint32_t jump = b->entries[rule].jump;

	if (r->action != IR_ACTION_JUMP && r->action != IR_ACTION_GOTO)
		return 0;
	if (chain_of[jump] == BLOB_NONE) {
		if (!list_middle(b, jump))
			return blob_nomem(b);
		chain_of[jump] = b->rs->num_chains - 1;
	}
	r->target_chain = chain_of[jump];
	b->rs->chains[r->target_chain].refs++;
	return 0;
}

static int link_rules(struct blob *b)
{
	struct ir_ruleset *rs = b->rs;
	uint32_t *chain_of;
	int ret = 0;

	chain_of = malloc(sizeof(*chain_of) * ((size_t)rs->num_rules + 1));
	if (!chain_of)
		return blob_nomem(b);
	for (uint32_t i = 0; i < rs->num_rules; i++)
		chain_of[i] = BLOB_NONE;
	for (uint32_t c = 0; c < rs->num_chains; c++)
		if (rs->chains[c].hook < 0)
			chain_of[rs->chains[c].first] = c;
	for (uint32_t i = 0; i < rs->num_rules && !ret; i++)
		ret = link_rule(b, i, chain_of);
	free(chain_of);
	return ret;
}

/**
 * blob_link_chains() - connect jumps with chains
 * @b:	the reader, its rules parsed
 *
 * A hook's chain is never the target: it returns elsewhere than a user chain.
 *
 * Return: 0, -ENOMEM, or -EINVAL if packets could find the jump stack full,
 * where native drops them.
 */
int blob_link_chains(struct blob *b)
{
	struct refuse_where where;
	int ret;

	ret = link_rules(b);
	if (ret)
		return ret;
	if (bpfilter_ir_set_ends(b->rs))
		return blob_nomem(b);
	if (b->too_deep == BLOB_NONE)
		return 0;

	where = blob_where(b, b->too_deep);
	return bpfilter_refuse(b->why, EINVAL, false, &where,
			       "jump stack of %u can overflow",
			       b->num_heads);
}
