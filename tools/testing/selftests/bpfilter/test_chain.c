// SPDX-License-Identifier: GPL-2.0
/* What the blob reader makes of chains, jumps and gotos */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_tcpudp.h>

#include "../kselftest_harness.h"
#include "compile.h"
#include "unit/blob_make.h"

/* Entries of the table below */
enum {
	IN_SSH,
	IN_JUMP,
	IN_POLICY,
	FWD_POLICY,
	OUT_POLICY,
	USER_HEAD,
	USER_GOTO,
	USER_RETURN,
	LAST_HEAD,
	LAST_RETURN,
	END,
	NUM_ENTRIES,
};

static void make_table(struct make *mk)
{
	struct make_entry *e;
	struct xt_tcp *tcp;

	e = make_verdict(mk, VERDICT_ACCEPT);
	make_proto(e, IPPROTO_TCP);
	tcp = make_match(e, "tcp", 0, sizeof(*tcp));
	*tcp = (struct xt_tcp) {
		.spts = { 0, 65535 },
		.dpts = { 22, 22 },
	};
	make_jump(mk, USER_GOTO);
	make_verdict(mk, VERDICT_DROP);
	make_verdict(mk, VERDICT_DROP);
	make_verdict(mk, VERDICT_ACCEPT);
	make_head(mk, "user");
	make_proto(make_goto(mk, LAST_RETURN), IPPROTO_UDP);
	make_verdict(mk, VERDICT_RETURN);
	make_head(mk, "last");
	make_verdict(mk, VERDICT_RETURN);
	make_head(mk, "ERROR");
	make_hook(mk, NF_INET_LOCAL_IN, IN_SSH, IN_POLICY);
	make_hook(mk, NF_INET_FORWARD, FWD_POLICY, FWD_POLICY);
	make_hook(mk, NF_INET_LOCAL_OUT, OUT_POLICY, OUT_POLICY);
}

static int read_table(const struct make *mk, struct ir_ruleset **rs,
		      struct refusal *why)
{
	size_t size;
	void *blob = make_blob(mk, &size);
	int ret = bpfilter_blob_read(blob, size, mk->family, rs, why);

	free(blob);
	return ret;
}

FIXTURE(chain)
{
	struct make mk;
};

FIXTURE_VARIANT(chain)
{
	uint16_t family;
};

FIXTURE_VARIANT_ADD(chain, ipv4)
{
	.family = NFPROTO_IPV4,
};

FIXTURE_VARIANT_ADD(chain, ipv6)
{
	.family = NFPROTO_IPV6,
};

FIXTURE_SETUP(chain)
{
	make_init(&self->mk);
	self->mk.family = variant->family;
}

FIXTURE_TEARDOWN(chain)
{
	make_free(&self->mk);
}

TEST_F(chain, chains_are_listed_as_iptables_does)
{
	static const struct {
		const char *name;
		int hook;
		uint32_t first, end, listed_end, refs;
	} want[] = {
		{ "INPUT", 1, IN_SSH, IN_POLICY + 1, IN_POLICY + 1, 0 },
		{ "FORWARD", 2, FWD_POLICY, FWD_POLICY + 1, FWD_POLICY + 1, 0 },
		{ "OUTPUT", 3, OUT_POLICY, OUT_POLICY + 1, OUT_POLICY + 1, 0 },
		{ "user", -1, USER_GOTO, USER_RETURN + 1, USER_RETURN + 1, 1 },
		{ "last", -1, LAST_RETURN, LAST_RETURN + 1, LAST_RETURN + 1,
		  1 },
	};
	struct ir_ruleset *rs;
	struct refusal why;
	struct make *mk = &self->mk;

	make_table(mk);
	ASSERT_EQ(0, read_table(mk, &rs, &why)) TH_LOG("%s", why.text);
	ASSERT_EQ(ARRAY_SIZE(want), rs->num_chains);
	for (size_t c = 0; c < ARRAY_SIZE(want); c++) {
		EXPECT_STREQ(want[c].name, rs->chains[c].name);
		EXPECT_EQ(want[c].hook, rs->chains[c].hook);
		EXPECT_EQ(want[c].first, rs->chains[c].first);
		EXPECT_EQ(want[c].end, rs->chains[c].end);
		EXPECT_EQ(want[c].listed_end, rs->chains[c].listed_end);
		EXPECT_EQ(want[c].refs, rs->chains[c].refs);
	}
	EXPECT_EQ(-1, rs->hook_chain[0]);
	EXPECT_EQ(0, rs->hook_chain[1]);
	EXPECT_EQ(1, rs->hook_chain[2]);
	EXPECT_EQ(2, rs->hook_chain[3]);
	EXPECT_EQ(-1, rs->hook_chain[4]);
	EXPECT_EQ(IN_POLICY, rs->hook_underflow[1]);
	bpfilter_ir_free(rs);
}

TEST_F(chain, rules_know_their_place)
{
	static const struct {
		int32_t chain;
		uint32_t number;
		enum ir_action action;
		uint32_t comefrom;
		bool is_policy, is_head;
	} want[NUM_ENTRIES] = {
		[IN_SSH] = { 0, 1, IR_ACTION_ACCEPT, 2, false, false },
		[IN_JUMP] = { 0, 2, IR_ACTION_JUMP, 2, false, false },
		[IN_POLICY] = { 0, 3, IR_ACTION_DROP, 2, true, false },
		[FWD_POLICY] = { 1, 1, IR_ACTION_DROP, 4, true, false },
		[OUT_POLICY] = { 2, 1, IR_ACTION_ACCEPT, 8, true, false },
		[USER_HEAD] = { 3, 0, IR_ACTION_DROP, 0, false, true },
		[USER_GOTO] = { 3, 1, IR_ACTION_GOTO, 2, false, false },
		[USER_RETURN] = { 3, 2, IR_ACTION_RETURN, 2, false, false },
		[LAST_HEAD] = { 4, 0, IR_ACTION_DROP, 0, false, true },
		[LAST_RETURN] = { 4, 1, IR_ACTION_RETURN, 2, false, false },
		[END] = { -1, 0, IR_ACTION_DROP, 0, false, true },
	};
	struct ir_ruleset *rs;
	struct refusal why;
	struct make *mk = &self->mk;

	make_table(mk);
	ASSERT_EQ(0, read_table(mk, &rs, &why)) TH_LOG("%s", why.text);
	ASSERT_EQ(NUM_ENTRIES, rs->num_rules);
	for (uint32_t i = 0; i < NUM_ENTRIES; i++) {
		const struct ir_rule *r = &rs->rules[i];

		EXPECT_EQ(make_offset(mk, i), r->offset);
		EXPECT_EQ(want[i].chain, r->chain);
		EXPECT_EQ(want[i].number, r->number);
		EXPECT_EQ(want[i].action, r->action);
		EXPECT_EQ(want[i].comefrom, r->comefrom);
		EXPECT_EQ(want[i].is_policy, r->is_policy);
		EXPECT_EQ(want[i].is_head, r->is_head);
	}
	EXPECT_EQ(3, rs->rules[IN_JUMP].target_chain);
	EXPECT_EQ(4, rs->rules[USER_GOTO].target_chain);
	bpfilter_ir_free(rs);
}

/* Jumps that iptables does not make: to the next rule, to a chain's head */
TEST_F(chain, odd_jumps_get_chains_of_their_own)
{
	struct ir_ruleset *rs;
	struct refusal why;
	struct make *mk = &self->mk;

	make_jump(mk, 1);
	make_jump(mk, 4);
	make_jump(mk, 3);
	make_verdict(mk, VERDICT_ACCEPT);
	make_head(mk, "user");
	make_verdict(mk, VERDICT_RETURN);
	make_head(mk, "ERROR");
	make_hook(mk, NF_INET_LOCAL_IN, 0, 3);
	ASSERT_EQ(0, read_table(mk, &rs, &why)) TH_LOG("%s", why.text);
	EXPECT_EQ(IR_ACTION_CONTINUE, rs->rules[0].action);
	EXPECT_EQ(IR_ACTION_JUMP, rs->rules[1].action);
	EXPECT_EQ(IR_ACTION_CONTINUE, rs->rules[2].action);
	ASSERT_EQ(3, rs->num_chains);
	EXPECT_EQ(2, rs->rules[1].target_chain);
	EXPECT_STREQ("user@0", rs->chains[2].name);
	EXPECT_EQ(-1, rs->chains[2].hook);
	EXPECT_EQ(4, rs->chains[2].first);
	EXPECT_EQ(5, rs->chains[2].end);
	bpfilter_ir_free(rs);
}

/* Two slots for one user chain and the end, three jumps in a row */
TEST_F(chain, full_jump_stack_is_refused)
{
	struct ir_ruleset *rs;
	struct refusal why;
	struct make *mk = &self->mk;

	make_jump(mk, 3);
	make_verdict(mk, VERDICT_ACCEPT);
	make_head(mk, "user");
	make_jump(mk, 5);
	make_verdict(mk, VERDICT_RETURN);
	make_jump(mk, 7);
	make_verdict(mk, VERDICT_RETURN);
	make_verdict(mk, VERDICT_RETURN);
	make_head(mk, "ERROR");
	make_hook(mk, NF_INET_LOCAL_IN, 0, 1);
	EXPECT_EQ(-EINVAL, read_table(mk, &rs, &why));
	EXPECT_FALSE(why.native);
	EXPECT_STREQ("filter/user rule 3: jump stack of 2 can overflow",
		     why.text);
	ASSERT_NE(NULL, rs);
	EXPECT_EQ(2, rs->rules[7].comefrom);
	bpfilter_ir_free(rs);
}

TEST_HARNESS_MAIN
