// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include <netinet/in.h>
#include <linux/bits.h>
#include <linux/netfilter.h>

#include "ir_build.h"
#include "passes.h"

/*
 * What a hook tells about its packets.
 *
 * Invariant: a test is replaced by its outcome only if the outcome is the same
 * at every hook that reaches the rule. comefrom names at least those: the one
 * rule that is reached past it, a policy that packets return to, has no tests.
 *
 * Packets have no input device on OUTPUT, and no output device on PREROUTING
 * and INPUT, whichever table and family; a missing device has the name of 16
 * zeroes. Nothing is known on POSTROUTING, which forwarded packets enter with
 * their input device.
 */
#define HOOKS_WITHOUT_IN	BIT(NF_INET_LOCAL_OUT)
#define HOOKS_WITHOUT_OUT	(BIT(NF_INET_PRE_ROUTING) | \
				 BIT(NF_INET_LOCAL_IN))

static bool iface_missing(const struct ir_rule *rule, enum ir_field field)
{
	if (!rule->comefrom)
		return false;
	if (field == IR_FIELD_IFACE_IN)
		return !(rule->comefrom & ~HOOKS_WITHOUT_IN);
	if (field == IR_FIELD_IFACE_OUT)
		return !(rule->comefrom & ~HOOKS_WITHOUT_OUT);
	return false;
}

static void hook_test(struct ir_rule *rule, struct ir_test *test)
{
	static const uint8_t no_name[IR_BYTES_MAX];
	bool holds;

	if (test->kind != IR_TEST_BYTES || !iface_missing(rule, test->field))
		return;
	holds = !memcmp(test->bytes, no_name, sizeof(no_name));
	*test = (struct ir_test) {
		.kind = IR_TEST_CONST,
		.value = holds != test->invert,
	};
	if (!test->value)
		bpfilter_ir_never(rule, IR_NEVER_DEVICE, 0);
}

static void hook_match(struct ir_ruleset *rs, struct ir_rule *rule,
		       const struct ir_match *match)
{
	for (uint32_t t = 0; t < match->num; t++)
		hook_test(rule, &rs->tests[match->first + t]);
}

static int hook_run(struct ir_ruleset *rs, struct refusal *why)
{
	for (uint32_t i = 0; i < rs->num_rules; i++) {
		struct ir_rule *rule = &rs->rules[i];

		for (uint32_t m = 0; m < rule->num_matches; m++)
			hook_match(rs, rule, &rs->matches[rule->first_match + m]);
	}
	return 0;
}

const struct pass bpfilter_pass_hook = {
	.name = "hook",
	.run = hook_run,
};
