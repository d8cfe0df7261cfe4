// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <netinet/in.h>
#include <linux/netfilter.h>

#include "ir_build.h"

/**
 * bpfilter_ir_hook_name() - a hook as iptables spells it
 * @hook:	enum nf_inet_hooks
 *
 * Return: the name.
 */
const char *bpfilter_ir_hook_name(int hook)
{
	static const char *const names[IR_NUMHOOKS] = {
		[NF_INET_PRE_ROUTING] = "PREROUTING",
		[NF_INET_LOCAL_IN] = "INPUT",
		[NF_INET_FORWARD] = "FORWARD",
		[NF_INET_LOCAL_OUT] = "OUTPUT",
		[NF_INET_POST_ROUTING] = "POSTROUTING",
	};

	return names[hook];
}

/**
 * bpfilter_ir_field_max() - the highest value that a field can have
 * @field:	a field of up to 64 bit
 *
 * Return: the value, 0 for a field of bytes.
 */
uint64_t bpfilter_ir_field_max(enum ir_field field)
{
	static const uint64_t max[IR_FIELD_COUNT] = {
		[IR_FIELD_IP_SADDR] = UINT32_MAX,
		[IR_FIELD_IP_DADDR] = UINT32_MAX,
		[IR_FIELD_IP_PROTO] = UINT8_MAX,
		[IR_FIELD_IP_FRAGOFF] = UINT16_MAX,
		[IR_FIELD_IP_TOS] = UINT8_MAX,
		[IR_FIELD_IP_TTL] = UINT8_MAX,
		[IR_FIELD_IP_LEN] = UINT32_MAX,
		[IR_FIELD_L4_SPORT] = UINT16_MAX,
		[IR_FIELD_L4_DPORT] = UINT16_MAX,
		[IR_FIELD_TCP_FLAGS] = UINT8_MAX,
		[IR_FIELD_TCP_OPTION] = UINT8_MAX,
		[IR_FIELD_ICMP_TYPECODE] = UINT16_MAX,
		[IR_FIELD_L4_SPI] = UINT32_MAX,
		[IR_FIELD_MARK] = UINT32_MAX,
		[IR_FIELD_PKTTYPE] = UINT8_MAX,
		[IR_FIELD_CT_STATE] = UINT16_MAX,
		[IR_FIELD_CT_STATUS] = UINT16_MAX,
		[IR_FIELD_CT_REPLY] = 1,
		[IR_FIELD_CT_PROTO] = UINT8_MAX,
		[IR_FIELD_CT_ORIGSRC] = UINT32_MAX,
		[IR_FIELD_CT_ORIGDST] = UINT32_MAX,
		[IR_FIELD_CT_REPLSRC] = UINT32_MAX,
		[IR_FIELD_CT_REPLDST] = UINT32_MAX,
		[IR_FIELD_CT_ORIGSRC_PORT] = UINT16_MAX,
		[IR_FIELD_CT_ORIGDST_PORT] = UINT16_MAX,
		[IR_FIELD_CT_REPLSRC_PORT] = UINT16_MAX,
		[IR_FIELD_CT_REPLDST_PORT] = UINT16_MAX,
		[IR_FIELD_CT_MARK] = UINT32_MAX,
		[IR_FIELD_CT_EXPIRES] = UINT32_MAX,
	};

	return max[field];
}

/*
 * Room for one more element behind @num: an array's capacity is the next power
 * of two above the number of its elements, so that nobody has to store it.
 */
static int array_grow(void **array, uint32_t num, size_t elem_size)
{
	size_t cap = num ? (size_t)num * 2 : 1;
	void *p;

	if (num & (num - 1))
		return 0;

	p = reallocarray(*array, cap, elem_size);
	if (!p)
		return -1;
	*array = p;
	return 0;
}

/**
 * bpfilter_ir_new() - an empty ruleset
 *
 * Return: the ruleset, to be freed with bpfilter_ir_free(), or NULL if memory
 * ran out.
 */
struct ir_ruleset *bpfilter_ir_new(void)
{
	struct ir_ruleset *rs = calloc(1, sizeof(*rs));

	for (int h = 0; rs && h < IR_NUMHOOKS; h++)
		rs->hook_chain[h] = -1;
	return rs;
}

/**
 * bpfilter_ir_free() - free a ruleset and all that it owns
 * @rs:	the ruleset, or NULL
 */
void bpfilter_ir_free(struct ir_ruleset *rs)
{
	if (!rs)
		return;
	free(rs->rules);
	free(rs->chains);
	free(rs->matches);
	free(rs->tests);
	free(rs->ranges);
	free(rs->bridged);
	free(rs);
}

/**
 * bpfilter_ir_rule_add() - append a rule
 * @rs:	the ruleset
 *
 * The pointer is good until the next rule is appended.
 *
 * Return: the rule, all zero, or NULL if memory ran out.
 */
struct ir_rule *bpfilter_ir_rule_add(struct ir_ruleset *rs)
{
	struct ir_rule *rule;

	if (array_grow((void **)&rs->rules, rs->num_rules, sizeof(*rule)))
		return NULL;
	rule = &rs->rules[rs->num_rules++];
	*rule = (struct ir_rule) {};
	return rule;
}

/**
 * bpfilter_ir_chain_add() - append a chain
 * @rs:	the ruleset
 *
 * The pointer is good until the next chain is appended.
 *
 * Return: the chain, all zero, or NULL if memory ran out.
 */
struct ir_chain *bpfilter_ir_chain_add(struct ir_ruleset *rs)
{
	struct ir_chain *chain;

	if (array_grow((void **)&rs->chains, rs->num_chains, sizeof(*chain)))
		return NULL;
	chain = &rs->chains[rs->num_chains++];
	*chain = (struct ir_chain) {};
	return chain;
}

/**
 * bpfilter_ir_match_add() - append a match to the rule whose matches end last
 * @rs:	the ruleset
 *
 * Its tests start behind all tests that the ruleset has. The pointer is good
 * until the next match is appended.
 *
 * Return: the match, without tests, or NULL if memory ran out.
 */
struct ir_match *bpfilter_ir_match_add(struct ir_ruleset *rs)
{
	struct ir_match *match;

	if (array_grow((void **)&rs->matches, rs->num_matches, sizeof(*match)))
		return NULL;
	match = &rs->matches[rs->num_matches++];
	*match = (struct ir_match) { .first = rs->num_tests };
	return match;
}

/**
 * bpfilter_ir_test_add() - append a test to the last match
 * @rs:		the ruleset
 * @test:	the test, copied
 *
 * Return: 0, or -1 if memory ran out.
 */
int bpfilter_ir_test_add(struct ir_ruleset *rs, const struct ir_test *test)
{
	if (array_grow((void **)&rs->tests, rs->num_tests, sizeof(*test)))
		return -1;
	rs->tests[rs->num_tests++] = *test;
	rs->matches[rs->num_matches - 1].num++;
	return 0;
}

/**
 * bpfilter_ir_range_add() - append a range of ports
 * @rs:		the ruleset
 * @range:	the range, copied
 *
 * Return: 0, or -1 if memory ran out.
 */
int bpfilter_ir_range_add(struct ir_ruleset *rs, const struct ir_range *range)
{
	if (array_grow((void **)&rs->ranges, rs->num_ranges, sizeof(*range)))
		return -1;
	rs->ranges[rs->num_ranges++] = *range;
	return 0;
}

/**
 * bpfilter_ir_bridged_add() - append an extension that is not translated
 * @rs:		the ruleset
 * @bridged:	the extension, copied; behind all others in the blob
 *
 * Return: 0, or -1 if memory ran out.
 */
int bpfilter_ir_bridged_add(struct ir_ruleset *rs,
			    const struct ir_bridged *bridged)
{
	if (array_grow((void **)&rs->bridged, rs->num_bridged,
		       sizeof(*bridged)))
		return -1;
	rs->bridged[rs->num_bridged++] = *bridged;
	return 0;
}

/**
 * bpfilter_ir_never() - note that a rule never matches
 * @rule:	the rule; what is known already stays
 * @why:	why
 * @by:		which rule is the reason, if one is
 */
void bpfilter_ir_never(struct ir_rule *rule, enum ir_never why, uint32_t by)
{
	if (rule->never)
		return;
	rule->never = why;
	rule->never_by = by;
}

/* A place for one test: that of its first, or a new one */
static struct ir_match *match_with_test(struct ir_ruleset *rs,
					const struct ir_rule *rule)
{
	struct ir_match *m = &rs->matches[rule->first_match];

	for (uint32_t i = 0; i < rule->num_matches; i++)
		if (m[i].num)
			return &m[i];
	if (array_grow((void **)&rs->tests, rs->num_tests, sizeof(*rs->tests)))
		return NULL;
	m->first = rs->num_tests++;
	return m;
}

/**
 * bpfilter_ir_rule_kill() - leave nothing of a rule but that it never matches
 * @rs:		the ruleset
 * @rule:	one of its rules
 *
 * Return: 0, or -1 if memory ran out.
 */
int bpfilter_ir_rule_kill(struct ir_ruleset *rs, struct ir_rule *rule)
{
	struct ir_match *never = match_with_test(rs, rule);

	if (!never)
		return -1;
	for (uint32_t i = 0; i < rule->num_matches; i++)
		rs->matches[rule->first_match + i].num = 0;
	rs->tests[never->first] = (struct ir_test) { .kind = IR_TEST_CONST };
	never->num = 1;
	rule->dead = true;
	return 0;
}

/**
 * bpfilter_ir_test_matters() - whether a test does more than to hold or not
 * @t:	test
 *
 * It may drop the packet, or remember it, as many a match of the kernel's own
 * does.
 *
 * Return: true if so.
 */
bool bpfilter_ir_test_matters(const struct ir_test *t)
{
	if (t->kind == IR_TEST_HEADER)
		return t->header != IR_HEADER_ETHER;
	return t->kind == IR_TEST_PRESENT || t->kind == IR_TEST_BRIDGE;
}

/**
 * bpfilter_ir_test_may_end() - whether a test can end its match with success
 * @t:	test
 *
 * Return: true if the match matches at once if there is no connection.
 */
bool bpfilter_ir_test_may_end(const struct ir_test *t)
{
	return t->kind == IR_TEST_CONN && t->value;
}

/**
 * bpfilter_ir_rule_always() - whether a rule has no test at all
 * @rs:		the ruleset
 * @rule:	one of its rules
 *
 * Return: true if every packet that gets to the rule matches it.
 */
bool bpfilter_ir_rule_always(const struct ir_ruleset *rs,
			     const struct ir_rule *rule)
{
	const struct ir_match *m = &rs->matches[rule->first_match];

	for (uint32_t i = 0; i < rule->num_matches; i++)
		if (m[i].num)
			return false;
	return true;
}

static bool action_ends(const struct ir_ruleset *rs, const struct ir_rule *rule)
{
	switch (rule->action) {
	case IR_ACTION_ACCEPT:
	case IR_ACTION_DROP:
	case IR_ACTION_RETURN:
	case IR_ACTION_GOTO:
		return true;
	case IR_ACTION_BRIDGE:
		return rs->bridged[rule->bridged].is_final;
	case IR_ACTION_JUMP:
	case IR_ACTION_CONTINUE:
	case IR_ACTION_SET_MARK:
		return false;
	}
	return false;
}

/**
 * bpfilter_ir_rule_ends() - whether no packet walks on behind a rule
 * @rs:		the ruleset
 * @rule:	one of its rules
 *
 * Return: true if the rule has no test and a final action.
 */
bool bpfilter_ir_rule_ends(const struct ir_ruleset *rs,
			   const struct ir_rule *rule)
{
	return action_ends(rs, rule) && bpfilter_ir_rule_always(rs, rule);
}

/**
 * bpfilter_ir_set_ends() - find out where the walk through each chain ends
 * @rs:	the ruleset; sets the member end of its chains
 *
 * One pass from the last rule to the first, so that chains which share rules
 * cost nothing extra.
 *
 * Return: 0, or -1 if memory ran out.
 */
int bpfilter_ir_set_ends(struct ir_ruleset *rs)
{
	uint32_t *end = calloc((size_t)rs->num_rules + 1, sizeof(*end));

	if (!end)
		return -1;

	end[rs->num_rules] = rs->num_rules;
	for (uint32_t i = rs->num_rules; i-- > 0;)
		end[i] = bpfilter_ir_rule_ends(rs, &rs->rules[i]) ?
			 i + 1 : end[i + 1];
	for (uint32_t c = 0; c < rs->num_chains; c++)
		rs->chains[c].end = end[rs->chains[c].first];
	free(end);
	return 0;
}
