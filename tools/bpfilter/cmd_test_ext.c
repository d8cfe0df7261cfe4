// SPDX-License-Identifier: GPL-2.0
/* What extensions that only the kernel has can do, as far as it is certain */
#include <string.h>
#include <netinet/in.h>
#include <linux/netfilter/xt_CT.h>

#include "cmd_test.h"
#include "match.h"

#define FIELD(name)	(1ULL << IR_FIELD_##name)

#define WENT_DROP	(1U << EVAL_WENT_DROP)
#define WENT_ACCEPT	(1U << EVAL_WENT_ACCEPT)
#define WENT_ON		(1U << EVAL_WENT_ON)

/*
 * Matches that say yes or no. All others may also drop the packet, as native's
 * do that find a header cut short or run out of memory.
 */
static const char *const calm_matches[] = {
	"addrtype", "bpf", "cgroup", "connbytes", "connlabel", "cpu",
	"devgroup", "helper", "limit", "nfacct", "owner", "physdev", "policy",
	"quota", "realm", "rpfilter", "set", "socket", "string", "time",
};

/*
 * Targets, with what rules look at that is another behind them. Any other may do
 * anything. That the kernel has no memory to change a packet, for which they drop
 * it, is left out.
 */
static const struct {
	const char *name;
	struct test_effect effect;
} targets[] = {
	{ "REJECT", { WENT_DROP } },
	{ "QUEUE", { WENT_DROP | WENT_ACCEPT } },
	{ "NFQUEUE", { WENT_DROP | WENT_ACCEPT } },
	{ "TPROXY", { WENT_DROP | WENT_ACCEPT } },
	{ "NOTRACK", { WENT_ON, .untracks = true } },
	{ "TRACE", { WENT_ON } },
	{ "TEE", { WENT_ON } },
	{ "CHECKSUM", { WENT_ON } },
	{ "CT", { WENT_ON, FIELD(CT_STATE) } },
	{ "CONNMARK", { WENT_ON, FIELD(MARK) | FIELD(CT_MARK) } },
	{ "MARK", { WENT_ON, FIELD(MARK) } },
	{ "HMARK", { WENT_ON, FIELD(MARK) } },
	{ "DSCP", { WENT_ON, FIELD(IP_TOS) } },
	{ "TOS", { WENT_ON, FIELD(IP_TOS) } },
	{ "TTL", { WENT_ON, FIELD(IP_TTL) } },
	{ "HL", { WENT_ON, FIELD(IP_TTL) } },
	{ "ECN", { WENT_ON, FIELD(IP_TOS) | FIELD(TCP_FLAGS), .tcp = true } },
	{ "TCPMSS", { WENT_ON, FIELD(TCP_OPTION) | FIELD(IP_LEN),
		      .tcp = true } },
	{ "TCPOPTSTRIP", { WENT_ON, FIELD(TCP_OPTION), .tcp = true } },
};

static const struct test_effect any_effect = {
	.went = WENT_DROP | WENT_ACCEPT | WENT_ON,
	.loses = UINT64_MAX,
};

/**
 * test_assumed_find - what the user said of an extension
 * @t:		test
 * @name:	the extension's name
 *
 * Return: the answer, NULL if there is none
 */
const struct test_assumed *test_assumed_find(const struct test *t,
					     const char *name)
{
	unsigned int i;

	for (i = 0; i < t->num_assumed; i++)
		if (!strcmp(t->assumed[i].name, name))
			return &t->assumed[i];
	return NULL;
}

/**
 * test_match_set - what a match of the kernel's own can say
 * @t:		test
 * @name:	the match's name
 *
 * Return: a set, see EVAL_FAILS
 */
unsigned int test_match_set(const struct test *t, const char *name)
{
	const struct test_assumed *said = test_assumed_find(t, name);
	unsigned int i;

	if (said)
		return said->yes ? EVAL_HOLDS : EVAL_FAILS;
	for (i = 0; i < ARRAY_SIZE(calm_matches); i++)
		if (!strcmp(calm_matches[i], name))
			return EVAL_FAILS | EVAL_HOLDS;
	return EVAL_FAILS | EVAL_HOLDS | EVAL_DROPS;
}

/* The flag stands first in all revisions */
static bool is_notrack(const struct test_table *tt, const struct ir_rule *rule)
{
	const struct ir_bridged *b = &tt->t.rs->bridged[rule->bridged];
	const struct xt_entry_target *target =
		(const void *)((const char *)tt->src->blob->entries +
			       rule->offset + b->offset);
	uint16_t flags;

	memcpy(&flags, target->data, sizeof(flags));
	return !strcmp(b->name, "CT") && flags & XT_CT_NOTRACK;
}

static struct test_effect effect_of(const struct test_table *tt,
				    const struct ir_rule *rule)
{
	const struct ir_bridged *b = &tt->t.rs->bridged[rule->bridged];
	const struct target_desc *desc =
		bpfilter_target_find(b->name, b->revision, tt->t.rs->family);
	struct test_effect effect = { .went = WENT_ON };
	unsigned int i;

	if (is_notrack(tt, rule)) {
		effect.untracks = true;
		return effect;
	}
	for (i = 0; i < ARRAY_SIZE(targets); i++)
		if (!strcmp(targets[i].name, b->name))
			return targets[i].effect;
	/* The mark apart, which some of these set */
	if (desc && desc->effect == TARGET_EFFECT_NONE && !desc->parse) {
		if (!strcmp(b->name, "SET") && b->revision == 3)
			effect.loses = FIELD(MARK);
		return effect;
	}
	return any_effect;
}

/**
 * test_target_effect - what a target of the kernel's own can do
 * @t:		test
 * @tt:		the table
 * @rule:	the rule that it belongs to
 *
 * Return: all that it can do
 */
struct test_effect test_target_effect(const struct test *t,
				      const struct test_table *tt,
				      const struct ir_rule *rule)
{
	const char *name = tt->t.rs->bridged[rule->bridged].name;
	const struct test_assumed *said = test_assumed_find(t, name);
	struct test_effect effect = effect_of(tt, rule);

	if (said && said->yes)
		effect.went &= effect.went & WENT_ON ? WENT_ON : WENT_ACCEPT;
	else if (said)
		effect.went = WENT_DROP;
	return effect;
}
