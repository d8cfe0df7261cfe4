// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/netfilter_ipv4/ip_tables.h>

#include "blob.h"
#include "ir_text.h"
#include "match.h"

/* A rule's line: what ir_text.h says, put together. It reads the blob again */

/**
 * bpfilter_blob_attach() - keep the blob at hand, for the lines of its rules
 * @rs:		the ruleset, or NULL for none
 * @blob:	the blob that it was read from, unchanged; borrowed until the last
 *		line was asked for
 */
void bpfilter_blob_attach(struct ir_ruleset *rs, const void *blob)
{
	if (rs)
		rs->entries = (const char *)blob + sizeof(struct ipt_replace);
}

static void print_bridged(FILE *out, const char *option, const char *name,
			  uint8_t revision)
{
	fprintf(out, " %s ", option);
	text_name(out, name, XT_EXTENSION_MAXNAMELEN);
	fprintf(out, "[%u]", revision);
}

static void print_match(FILE *out, const struct match_desc *desc,
			const struct xt_entry_match *m)
{
	const char *alias = NULL;

	if (!desc) {
		print_bridged(out, "-m", m->u.user.name, m->u.user.revision);
		return;
	}
	if (desc->alias)
		alias = desc->alias(m->data);
	fprintf(out, " -m %s", alias ?: desc->name);
	desc->print(out, m->data);
}

/* A rule that was refused has none of the matches behind the refused one */
static void print_matches(FILE *out, const struct ir_ruleset *rs,
			  const struct ir_rule *rule, const char *entry,
			  uint32_t pos)
{
	for (uint32_t i = 1; i < rule->num_matches; i++) {
		const struct ir_match *match = &rs->matches[rule->first_match + i];
		const struct xt_entry_match *m = (const void *)(entry + pos);

		print_match(out, match->desc, m);
		pos += m->u.match_size;
	}
}

static void print_verdict(FILE *out, const struct ir_ruleset *rs,
			  const struct ir_rule *rule)
{
	static const char *const verdicts[] = {
		[IR_ACTION_ACCEPT] = " -j ACCEPT",
		[IR_ACTION_DROP] = " -j DROP",
		[IR_ACTION_RETURN] = " -j RETURN",
		[IR_ACTION_JUMP] = " -j ",
		[IR_ACTION_GOTO] = " -g ",
		[IR_ACTION_CONTINUE] = "",
		[IR_ACTION_BRIDGE] = " -j QUEUE",
		[IR_ACTION_SET_MARK] = "",
	};

	fputs(verdicts[rule->action], out);
	if (rule->action == IR_ACTION_JUMP || rule->action == IR_ACTION_GOTO) {
		const char *name = rs->chains[rule->target_chain].name;

		text_name(out, name, strlen(name));
	}
}

static void print_target(FILE *out, const struct ir_ruleset *rs,
			 const struct ir_rule *rule, const char *entry,
			 uint32_t pos)
{
	const struct xt_entry_target t = blob_target_at(entry, pos);

	if (rule->target) {
		fprintf(out, " -j %s", rule->target->name);
		rule->target->print(out, entry + pos + sizeof(t));
	} else if (*t.u.user.name) {
		print_bridged(out, "-j", t.u.user.name, t.u.user.revision);
	} else {
		print_verdict(out, rs, rule);
	}
}

static void print_rule(FILE *out, const struct ir_ruleset *rs,
		       const struct ir_rule *rule)
{
	const struct blob_family *fam = blob_family_find(rs->family);
	const char *entry = rs->entries + rule->offset;

	fputs("-A ", out);
	if (rule->chain >= 0)
		text_name(out, rs->chains[rule->chain].name,
			  sizeof(rs->chains->name));
	fam->print_base(out, entry);
	print_matches(out, rs, rule, entry, fam->entry_size);
	print_target(out, rs, rule, entry, fam->head(entry).target_offset);
}

/* iptables ends each user chain with a RETURN that it does not list */
static bool is_chain_end(const struct ir_ruleset *rs, uint32_t index)
{
	const struct ir_rule *rule = &rs->rules[index];
	const struct ir_chain *chain;

	if (rule->chain < 0)
		return false;
	chain = &rs->chains[rule->chain];
	return chain->hook < 0 && index + 1 == chain->listed_end &&
	       rule->action == IR_ACTION_RETURN &&
	       bpfilter_ir_rule_always(rs, rule);
}

/* Entries without a number in any list of rules. Returns false for the others */
static bool print_unlisted(FILE *out, const struct ir_ruleset *rs,
			   uint32_t index)
{
	const struct ir_rule *rule = &rs->rules[index];
	const char *name = "";

	if (rule->chain >= 0)
		name = rs->chains[rule->chain].name;
	if (rule->is_policy)
		fputs("-P ", out);
	else if (is_chain_end(rs, index))
		fputs("# end of ", out);
	else if (rule->is_head && rule->chain >= 0)
		fputs("-N ", out);
	else if (rule->is_head)
		fputs("# end of the table", out);
	else
		return false;
	text_name(out, name, sizeof(rs->chains->name));
	if (rule->is_policy)
		fputs(rule->action == IR_ACTION_ACCEPT ? " ACCEPT" : " DROP",
		      out);
	return true;
}

/**
 * bpfilter_rule_text() - print a rule's line, without an end of line
 * @rs:		the ruleset, its blob attached, else nothing is printed
 * @index:	the rule
 * @out:	where to
 *
 * Nothing is printed either for rules behind one that was refused.
 */
void bpfilter_rule_text(const struct ir_ruleset *rs, uint32_t index, FILE *out)
{
	const struct ir_rule *rule = &rs->rules[index];

	if (!rs->entries || !rule->num_matches)
		return;
	if (!print_unlisted(out, rs, index))
		print_rule(out, rs, rule);
}
