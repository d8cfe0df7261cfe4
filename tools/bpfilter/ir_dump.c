// SPDX-License-Identifier: GPL-2.0
#include <netinet/in.h>
#include <linux/netfilter.h>

#include "ir_build.h"
#include "ir_dump.h"
#include "ir_text.h"
#include "match.h"

/*
 * The dump: what the compiler made of a table, for people and for comparing.
 *
 *   table filter ipv4, hooks INPUT,FORWARD,OUTPUT, 9 rules, 4 chains
 *
 *   chain INPUT, hook INPUT, policy 3, rules 0-3
 *     0: rule 1 [INPUT] JUMP ssh
 *          -A INPUT -p tcp -m tcp --dport 22 -j ssh
 *          ip_proto == tcp
 *          tcp: header tcp
 *          tcp: l4_dport == 22
 *     1: rule 2 [INPUT] ACCEPT, dead
 *     ...
 *   chain ssh, 1 refs, rules 7-8
 *
 * First come the chains as iptables lists them with all their rules, then rules
 * that belong to no chain. A rule shows the index of its counter, its number in
 * the chain, the hooks that reach it, what it does, its line as iptables-save has
 * it if the blob is at hand, and its tests in the order they are tried, those of
 * a match under the match's name. "rules A-B" is what
 * a packet can walk through, and may end before the listed rules do. A chain in
 * the middle of another one has its rules there.
 */

static void dump_match(FILE *out, const struct ir_ruleset *rs,
		       const struct ir_match *match)
{
	for (uint32_t t = 0; t < match->num; t++) {
		fputs("         ", out);
		if (match->desc)
			fprintf(out, "%s: ", match->desc->name);
		ir_dump_test(out, rs, &rs->tests[match->first + t]);
		fputc('\n', out);
	}
}

static void dump_hooks(FILE *out, uint32_t hooks)
{
	const char *sep = "";

	for (int h = 0; h < IR_NUMHOOKS; h++) {
		if (!(hooks & (1U << h)))
			continue;
		fprintf(out, "%s%s", sep, bpfilter_ir_hook_name(h));
		sep = ",";
	}
	if (!*sep)
		fputs("none", out);
}

static void dump_action(FILE *out, const struct ir_ruleset *rs,
			const struct ir_rule *rule)
{
	static const char *const actions[] = {
		[IR_ACTION_ACCEPT] = "ACCEPT",
		[IR_ACTION_DROP] = "DROP",
		[IR_ACTION_RETURN] = "RETURN",
		[IR_ACTION_JUMP] = "JUMP ",
		[IR_ACTION_GOTO] = "GOTO ",
		[IR_ACTION_CONTINUE] = "CONTINUE",
		[IR_ACTION_BRIDGE] = "",
		[IR_ACTION_SET_MARK] = "SET_MARK ",
	};

	fputs(actions[rule->action], out);
	if (rule->action == IR_ACTION_JUMP || rule->action == IR_ACTION_GOTO)
		ir_dump_name(out, rs->chains[rule->target_chain].name);
	if (rule->action == IR_ACTION_BRIDGE)
		ir_dump_bridged(out, rs, rule->bridged);
	if (rule->action == IR_ACTION_SET_MARK)
		fprintf(out, "keep 0x%x, flip 0x%x", rule->mark_keep,
			rule->mark_flip);
}

/* As deep as tests; heads and ends have nothing to say */
static void dump_text(FILE *out, const struct ir_ruleset *rs, uint32_t index)
{
	const struct ir_rule *rule = &rs->rules[index];

	if (!rs->entries || rule->is_head || !rule->num_matches)
		return;
	fputs("         ", out);
	bpfilter_rule_text(rs, index, out);
	fputc('\n', out);
}

static void dump_rule(FILE *out, const struct ir_ruleset *rs, uint32_t index)
{
	const struct ir_rule *rule = &rs->rules[index];

	fprintf(out, "  %u: ", index);
	if (rule->is_policy)
		fputs("policy", out);
	else if (rule->is_head)
		fputs(rule->chain < 0 ? "end" : "head", out);
	else
		fprintf(out, "rule %u", rule->number);
	fputs(" [", out);
	dump_hooks(out, rule->comefrom);
	fputs("] ", out);
	dump_action(out, rs, rule);
	fputs(rule->dead ? ", dead\n" : "\n", out);
	dump_text(out, rs, index);
	for (uint32_t m = 0; m < rule->num_matches; m++)
		dump_match(out, rs, &rs->matches[rule->first_match + m]);
}

static void dump_chain(FILE *out, const struct ir_ruleset *rs,
		       const struct ir_chain *chain)
{
	fputs("\nchain ", out);
	ir_dump_name(out, chain->name);
	if (chain->hook >= 0)
		fprintf(out, ", hook %s, policy %u",
			bpfilter_ir_hook_name(chain->hook),
			rs->hook_underflow[chain->hook]);
	else
		fprintf(out, ", %u refs", chain->refs);
	if (chain->first < chain->end)
		fprintf(out, ", rules %u-%u", chain->first, chain->end - 1);
	fputs(chain->dead ? ", dead\n" : "\n", out);
}

/* Rules come in the order of the chains that list them */
static void dump_listed(FILE *out, const struct ir_ruleset *rs, int32_t chain,
			uint32_t *rule)
{
	for (; *rule < rs->num_rules; (*rule)++) {
		if (rs->rules[*rule].chain != chain)
			break;
		dump_rule(out, rs, *rule);
	}
}

/**
 * bpfilter_ir_dump() - print a ruleset
 * @rs:		the ruleset, also one that was refused
 * @out:	where to
 */
void bpfilter_ir_dump(const struct ir_ruleset *rs, FILE *out)
{
	uint32_t rule = 0;

	fputs("table ", out);
	ir_dump_name(out, rs->table);
	fputs(rs->family == NFPROTO_IPV4 ? " ipv4" : " ipv6", out);
	fputs(", hooks ", out);
	dump_hooks(out, rs->valid_hooks);
	fprintf(out, ", %u rules, %u chains\n", rs->num_rules, rs->num_chains);

	dump_listed(out, rs, -1, &rule);
	for (uint32_t c = 0; c < rs->num_chains; c++) {
		dump_chain(out, rs, &rs->chains[c]);
		dump_listed(out, rs, c, &rule);
	}
	if (rule < rs->num_rules)
		fputc('\n', out);
	dump_listed(out, rs, -1, &rule);
}
