// SPDX-License-Identifier: GPL-2.0
/* Targets that the translator knows: what MARK becomes, who has no effect */
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_mark.h>

#include "../kselftest_harness.h"
#include "match.h"

static const uint16_t families[] = { NFPROTO_IPV4, NFPROTO_IPV6 };

static const struct mark_case {
	const char *desc;
	struct xt_mark_tginfo2 info;
	uint32_t keep;
	uint32_t flip;
} mark_cases[] = {
	{ "set", { .mark = 5, .mask = 0xffffffff }, 0, 5 },
	{ "set some bits", { .mark = 0x10, .mask = 0xf0 }, 0xffffff0f, 0x10 },
	{ "clear some bits", { .mask = 0xff }, 0xffffff00, 0 },
	{ "flip some bits", { .mark = 0xff }, 0xffffffff, 0xff },
	{ "nothing", {}, 0xffffffff, 0 },
};

/* The data can stand at any address */
TEST(mark)
{
	uint8_t data[sizeof(struct xt_mark_tginfo2) + 1];

	for (size_t i = 0; i < ARRAY_SIZE(mark_cases); i++) {
		const struct mark_case *c = &mark_cases[i];
		const struct target_desc *desc =
			bpfilter_target_find("MARK", 2, families[i % 2]);
		struct ir_rule rule = {};

		ASSERT_NE(NULL, desc);
		ASSERT_EQ(sizeof(c->info), desc->size);
		EXPECT_EQ(NULL, desc->table);
		memcpy(data + 1, &c->info, sizeof(c->info));
		EXPECT_EQ(0, desc->parse(NULL, &rule, data + 1));
		EXPECT_EQ(IR_ACTION_SET_MARK, rule.action);
		EXPECT_EQ(c->keep, rule.mark_keep) TH_LOG("%s", c->desc);
		EXPECT_EQ(c->flip, rule.mark_flip) TH_LOG("%s", c->desc);
	}
}

static const struct effect_case {
	const char *name;
	uint8_t revision;
	enum target_effect effect;
} effect_cases[] = {
	{ "AUDIT", 0, TARGET_EFFECT_NONE },
	{ "CHECKSUM", 0, TARGET_EFFECT_ANY },
	{ "CLASSIFY", 0, TARGET_EFFECT_NONE },
	{ "CONNMARK", 1, TARGET_EFFECT_ANY },
	{ "CONNMARK", 2, TARGET_EFFECT_ANY },
	{ "CONNSECMARK", 0, TARGET_EFFECT_NONE },
	{ "CT", 0, TARGET_EFFECT_ANY },
	{ "CT", 1, TARGET_EFFECT_ANY },
	{ "CT", 2, TARGET_EFFECT_ANY },
	{ "DSCP", 0, TARGET_EFFECT_ANY },
	{ "HMARK", 0, TARGET_EFFECT_NONE },
	{ "IDLETIMER", 0, TARGET_EFFECT_NONE },
	{ "IDLETIMER", 1, TARGET_EFFECT_NONE },
	{ "LED", 0, TARGET_EFFECT_NONE },
	{ "LOG", 0, TARGET_EFFECT_NONE },
	{ "NFLOG", 0, TARGET_EFFECT_NONE },
	{ "NOTRACK", 0, TARGET_EFFECT_ANY },
	{ "RATEEST", 0, TARGET_EFFECT_NONE },
	{ "SECMARK", 0, TARGET_EFFECT_NONE },
	{ "SECMARK", 1, TARGET_EFFECT_NONE },
	{ "SET", 0, TARGET_EFFECT_NONE },
	{ "SET", 1, TARGET_EFFECT_NONE },
	{ "SET", 2, TARGET_EFFECT_NONE },
	{ "SET", 3, TARGET_EFFECT_NONE },
	{ "SYNPROXY", 0, TARGET_EFFECT_ANY },
	{ "TCPMSS", 0, TARGET_EFFECT_ANY },
	{ "TEE", 1, TARGET_EFFECT_ANY },
	{ "TOS", 1, TARGET_EFFECT_ANY },
	{ "TRACE", 0, TARGET_EFFECT_ANY },
	{ "TTL", 0, TARGET_EFFECT_ANY },

	/* Nothing goes on */
	{ "DNAT", 0, TARGET_EFFECT_ENDS },
	{ "DNAT", 1, TARGET_EFFECT_ENDS },
	{ "DNAT", 2, TARGET_EFFECT_ENDS },
	{ "MASQUERADE", 0, TARGET_EFFECT_ENDS },
	{ "NETMAP", 0, TARGET_EFFECT_ENDS },
	{ "NFQUEUE", 0, TARGET_EFFECT_ENDS },
	{ "NFQUEUE", 1, TARGET_EFFECT_ENDS },
	{ "NFQUEUE", 2, TARGET_EFFECT_ENDS },
	{ "NFQUEUE", 3, TARGET_EFFECT_ENDS },
	{ "REDIRECT", 0, TARGET_EFFECT_ENDS },
	{ "REJECT", 0, TARGET_EFFECT_ENDS },
	{ "SNAT", 0, TARGET_EFFECT_ENDS },
	{ "SNAT", 1, TARGET_EFFECT_ENDS },
	{ "SNAT", 2, TARGET_EFFECT_ENDS },
	{ "TPROXY", 0, TARGET_EFFECT_ENDS },
	{ "TPROXY", 1, TARGET_EFFECT_ENDS },

	/* Revisions of the future */
	{ "LOG", 1, TARGET_EFFECT_ANY },
	{ "SET", 4, TARGET_EFFECT_ANY },
};

/* All of them are left to the kernel, whether they have an effect or not */
TEST(effects)
{
	for (size_t i = 0; i < 2 * ARRAY_SIZE(effect_cases); i++) {
		const struct effect_case *c = &effect_cases[i / 2];
		const struct target_desc *desc =
			bpfilter_target_find(c->name, c->revision,
					     families[i % 2]);
		enum target_effect effect = TARGET_EFFECT_ANY;

		if (desc) {
			effect = desc->effect;
			EXPECT_EQ(NULL, desc->parse) TH_LOG("%s", c->name);
		}
		EXPECT_EQ(c->effect, effect)
			TH_LOG("%s revision %u", c->name, c->revision);
	}
}

TEST_HARNESS_MAIN
