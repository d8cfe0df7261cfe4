// SPDX-License-Identifier: GPL-2.0
/* Targets that are refused, by native too or by the translator only */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>

#include "../kselftest_harness.h"
#include "compile.h"
#include "unit/blob_make.h"

#define WHERE	"filter/user"

static const struct target_case {
	const char *desc;
	const char *name;
	uint8_t revision;
	size_t size;
	int verdict;
	int error;
	bool native;
	const char *refusal;
} target_cases[] = {
	{ "extension", "REJECT", 0, 8, 0, EINVAL, false,
	  " rule 1: target \"REJECT\" revision 0: not supported" },
	{ "queue", "", 0, 4, VERDICT_QUEUE, EINVAL, false,
	  " rule 1: target \"QUEUE\" revision 0: not supported" },
	{ "standard target's revision", "", 1, 4, VERDICT_ACCEPT, ENOENT, true,
	  " rule 1: target \"\" revision 1: no such target" },
	{ "error target's revision", "ERROR", 1, 30, 0, ENOENT, true,
	  ": target \"ERROR\" revision 1: no such target" },
	{ "name without end", "A-NAME-OF-TWENTY-NINE-LETTERS", 0, 8, 0, EINVAL,
	  true,
	  " rule 1: target \"A-NAME-OF-TWENTY-NINE-LETTERS\" revision 0: name without an end" },
};

/* The target stands in a user chain with one rule */
static int read_target(const struct target_case *c, struct ir_ruleset **rs,
		       struct refusal *why)
{
	struct make_entry *e;
	struct make mk;
	size_t size;
	void *blob;
	int ret;

	make_init(&mk);
	make_jump(&mk, 3);
	make_verdict(&mk, VERDICT_DROP);
	make_head(&mk, "user");
	e = make_target(&mk, c->name, c->revision, c->size);
	if (*c->name)
		memcpy(e->target + sizeof(struct xt_entry_target), "user",
		       sizeof("user"));
	else
		((struct xt_standard_target *)e->target)->verdict = c->verdict;
	make_verdict(&mk, VERDICT_RETURN);
	make_head(&mk, "ERROR");
	make_hook(&mk, NF_INET_FORWARD, 0, 1);
	blob = make_blob(&mk, &size);
	ret = bpfilter_blob_read(blob, size, NFPROTO_IPV4, rs, why);
	free(blob);
	make_free(&mk);
	return ret;
}

TEST(targets_are_refused)
{
	for (size_t i = 0; i < ARRAY_SIZE(target_cases); i++) {
		const struct target_case *c = &target_cases[i];
		struct ir_ruleset *rs;
		struct refusal why;

		EXPECT_EQ(-c->error, read_target(c, &rs, &why));
		EXPECT_EQ(0, strncmp(WHERE, why.text, strlen(WHERE)));
		EXPECT_STREQ(c->refusal, why.text + strlen(WHERE))
			TH_LOG("%s", c->desc);
		EXPECT_EQ(c->native, why.native) TH_LOG("%s", c->desc);
		ASSERT_NE(NULL, rs);
		EXPECT_EQ(1U << NF_INET_FORWARD, rs->rules[3].comefrom);
		bpfilter_ir_free(rs);
	}
}

TEST_HARNESS_MAIN
