// SPDX-License-Identifier: GPL-2.0
/*
 * Extensions that are left to the kernel, where the list of them says that they
 * are, and targets that are refused as native refuses them
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_mark.h>

#include "../kselftest_harness.h"
#include "compile.h"
#include "unit/blob_make.h"

#define WHERE	"filter/user"

FIXTURE(target)
{
	struct make mk;
};

FIXTURE_VARIANT(target)
{
	uint16_t family;
};

FIXTURE_VARIANT_ADD(target, ipv4)
{
	.family = NFPROTO_IPV4,
};

FIXTURE_VARIANT_ADD(target, ipv6)
{
	.family = NFPROTO_IPV6,
};

FIXTURE_SETUP(target)
{
	make_init(&self->mk);
	self->mk.family = variant->family;
}

FIXTURE_TEARDOWN(target)
{
	make_free(&self->mk);
}

static int read_made(const struct make *mk, struct ir_ruleset **rs,
		     struct refusal *why)
{
	size_t size;
	void *blob = make_blob(mk, &size);
	int ret = bpfilter_blob_read(blob, size, mk->family, rs, why);

	free(blob);
	return ret;
}

static const struct target_case {
	const char *desc;
	const char *name;
	uint8_t revision;
	size_t size;
	int error;
	const char *refusal;
} target_cases[] = {
	{ "standard target's revision", "", 1, 4, ENOENT,
	  " rule 1: target \"\" revision 1: no such target" },
	{ "error target's revision", "ERROR", 1, 30, ENOENT,
	  ": target \"ERROR\" revision 1: no such target" },
	{ "name without end", "A-NAME-OF-TWENTY-NINE-LETTERS", 0, 8, EINVAL,
	  " rule 1: target \"A-NAME-OF-TWENTY-NINE-LETTERS\" revision 0: name without an end" },
	{ "size of one that is translated", "MARK", 2, 16, EINVAL,
	  " rule 1: target \"MARK\" revision 2: 16 bytes, must be 8" },
};

/* The target stands in a user chain with one rule */
static void make_target_chain(struct make *mk, const struct target_case *c)
{
	struct make_entry *e;

	make_jump(mk, 3);
	make_verdict(mk, VERDICT_DROP);
	make_head(mk, "user");
	e = make_target(mk, c->name, c->revision, c->size);
	if (*c->name)
		memcpy(e->target + sizeof(struct xt_entry_target), "user",
		       sizeof("user"));
	else
		((struct xt_standard_target *)e->target)->verdict =
			VERDICT_ACCEPT;
	make_verdict(mk, VERDICT_RETURN);
	make_head(mk, "ERROR");
	make_hook(mk, NF_INET_FORWARD, 0, 1);
}

TEST_F(target, refused)
{
	for (size_t i = 0; i < ARRAY_SIZE(target_cases); i++) {
		const struct target_case *c = &target_cases[i];
		struct ir_ruleset *rs;
		struct refusal why;
		struct make mk;

		make_init(&mk);
		mk.family = variant->family;
		make_target_chain(&mk, c);
		EXPECT_EQ(-c->error, read_made(&mk, &rs, &why))
			TH_LOG("%s", c->desc);
		EXPECT_EQ(0, strncmp(WHERE, why.text, strlen(WHERE)));
		EXPECT_STREQ(c->refusal, why.text + strlen(WHERE))
			TH_LOG("%s", c->desc);
		EXPECT_TRUE(why.native) TH_LOG("%s", c->desc);
		ASSERT_NE(NULL, rs);
		EXPECT_EQ(1U << NF_INET_FORWARD, rs->rules[3].comefrom);
		bpfilter_ir_free(rs);
		make_free(&mk);
	}
}

/* --- Left to the kernel --- */

/* Rules of the table below */
enum {
	MATCHES,	/* two bridged matches around one that is not */
	BOTH,		/* bridged match and target */
	PLAIN,		/* nothing bridged */
	REVISION,	/* a known match in a revision of the future */
	ODD,		/* a known match with data that is not translated */
	QUEUE,
	POLICY,
	NUM_RULES,
};

static void make_bridged_table(struct make *mk)
{
	struct make_entry *e;

	e = make_verdict(mk, VERDICT_DROP);
	make_match(e, "limit", 0, 40);
	make_match(e, "mark", 1, sizeof(struct xt_mark_mtinfo1));
	make_match(e, "foo", 7, 1);
	e = make_target(mk, "REJECT", 0, 8);
	make_match(e, "bar", 0, 100);
	make_target(mk, "MARK", 2, sizeof(struct xt_mark_tginfo2));
	make_match(make_verdict(mk, VERDICT_ACCEPT), "mark", 9, 8);
	e = make_verdict(mk, VERDICT_ACCEPT);
	((struct xt_mark_mtinfo1 *)
	 make_match(e, "mark", 1, sizeof(struct xt_mark_mtinfo1)))->invert = 7;
	make_verdict(mk, VERDICT_QUEUE);
	make_verdict(mk, VERDICT_ACCEPT);
	make_head(mk, "ERROR");
	make_hook(mk, NF_INET_LOCAL_IN, MATCHES, POLICY);
}

/* Where matches start depends on the family: offsets count from there */
TEST_F(target, bridged_are_listed_in_order)
{
	static const struct {
		uint32_t rule;
		uint32_t offset;
		const char *name;
		uint8_t revision;
		bool is_target, is_final;
	} want[] = {
		{ MATCHES, 0, "limit", 0, false, false },
		{ MATCHES, 72 + 48, "foo", 7, false, false },
		{ BOTH, 0, "bar", 0, false, false },
		{ BOTH, 136, "REJECT", 0, true, false },
		{ REVISION, 0, "mark", 9, false, false },
		{ ODD, 0, "mark", 1, false, false },
		{ QUEUE, 0, "QUEUE", 0, true, true },
	};
	uint32_t first = variant->family == NFPROTO_IPV6 ?
			 sizeof(struct ip6t_entry) : sizeof(struct ipt_entry);
	struct ir_ruleset *rs;
	struct refusal why;

	make_bridged_table(&self->mk);
	ASSERT_EQ(0, read_made(&self->mk, &rs, &why)) TH_LOG("%s", why.text);
	ASSERT_EQ(ARRAY_SIZE(want), rs->num_bridged);
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		const struct ir_bridged *b = &rs->bridged[i];

		EXPECT_EQ(want[i].rule, b->rule);
		EXPECT_EQ(first + want[i].offset, b->offset)
			TH_LOG("%s", want[i].name);
		EXPECT_STREQ(want[i].name, b->name);
		EXPECT_EQ(want[i].revision, b->revision);
		EXPECT_EQ(want[i].is_target, b->is_target);
		EXPECT_EQ(want[i].is_final, b->is_final);
	}
	bpfilter_ir_free(rs);
}

TEST_F(target, rules_name_what_is_bridged)
{
	const struct ir_match *m;
	struct ir_ruleset *rs;
	struct refusal why;

	make_bridged_table(&self->mk);
	ASSERT_EQ(0, read_made(&self->mk, &rs, &why)) TH_LOG("%s", why.text);

	/* The base header, and the three that the rule has */
	ASSERT_EQ(4, rs->rules[MATCHES].num_matches);
	m = &rs->matches[rs->rules[MATCHES].first_match];
	for (uint32_t i = 1; i < 4; i += 2) {
		EXPECT_EQ(NULL, m[i].desc);
		ASSERT_EQ(1, m[i].num);
		EXPECT_EQ(IR_TEST_BRIDGE, rs->tests[m[i].first].kind);
		EXPECT_EQ(i / 2, rs->tests[m[i].first].value);
	}
	EXPECT_NE(NULL, m[2].desc);

	m = &rs->matches[rs->rules[ODD].first_match];
	EXPECT_EQ(NULL, m[1].desc);
	ASSERT_EQ(1, m[1].num);
	EXPECT_EQ(IR_TEST_BRIDGE, rs->tests[m[1].first].kind);
	EXPECT_EQ(5, rs->tests[m[1].first].value);

	EXPECT_EQ(IR_ACTION_BRIDGE, rs->rules[BOTH].action);
	EXPECT_EQ(3, rs->rules[BOTH].bridged);
	EXPECT_EQ(NULL, rs->rules[BOTH].target);
	EXPECT_EQ(IR_ACTION_SET_MARK, rs->rules[PLAIN].action);
	EXPECT_NE(NULL, rs->rules[PLAIN].target);
	EXPECT_EQ(IR_ACTION_BRIDGE, rs->rules[QUEUE].action);
	EXPECT_EQ(6, rs->rules[QUEUE].bridged);
	bpfilter_ir_free(rs);
}

/*
 * Addresses of an IPv6 connection are not translated. The parser finds them
 * behind the state, whose tests are taken back.
 */
TEST(no_traces_of_what_was_given_up)
{
	struct xt_conntrack_mtinfo3 *i;
	const struct ir_match *m;
	struct ir_ruleset *rs;
	struct refusal why;
	struct make mk;

	make_init(&mk);
	mk.family = NFPROTO_IPV6;
	i = make_match(make_verdict(&mk, VERDICT_DROP), "conntrack", 3,
		       sizeof(*i));
	i->match_flags = XT_CONNTRACK_STATE | XT_CONNTRACK_ORIGSRC;
	i->state_mask = XT_CONNTRACK_STATE_INVALID;
	make_verdict(&mk, VERDICT_ACCEPT);
	make_head(&mk, "ERROR");
	make_hook(&mk, NF_INET_LOCAL_IN, 0, 1);
	ASSERT_EQ(0, read_made(&mk, &rs, &why)) TH_LOG("%s", why.text);
	EXPECT_EQ(1, rs->num_bridged);
	ASSERT_EQ(1, rs->num_tests);
	EXPECT_EQ(IR_TEST_BRIDGE, rs->tests[0].kind);
	m = &rs->matches[rs->rules[0].first_match + 1];
	EXPECT_EQ(NULL, m->desc);
	EXPECT_EQ(0, m->first);
	EXPECT_EQ(1, m->num);
	bpfilter_ir_free(rs);
	make_free(&mk);
}

TEST_HARNESS_MAIN
