// SPDX-License-Identifier: GPL-2.0
/*
 * What GET_ENTRIES returns is what the native engine returns, byte for byte:
 * what it adds to a ruleset, what it takes out, and what it leaves.
 */
#include <stdlib.h>
#include <string.h>
#include <linux/netfilter/xt_tcpudp.h>

#include "../kselftest_harness.h"
#include "sides.h"

FIXTURE(entries)
{
	struct sides s;
};

FIXTURE_SETUP(entries)
{
	const char *why = sides_open(&self->s);

	if (why)
		SKIP(return, "%s", why);
	if (self->s.num < 2)
		SKIP(return, "this kernel has no native ip_tables");
}

FIXTURE_TEARDOWN(entries)
{
	EXPECT_EQ(0, self->s.differ);
	sides_close(&self->s);
}

/* Put @r in force and compare, then again behind some packets */
static void compare(struct __test_metadata *_metadata, struct sides *s,
		    struct rawipt *r)
{
	int i;

	for (i = 0; i < s->num; i++) {
		ASSERT_EQ(0, rawipt_replace(s->side[i].sk, r)) {
			TH_LOG("by %s", s->side[i].name);
		}
	}
	for (i = 0; i < 3; i++)
		sides_compare(s, "entries");
	rawipt_free(r);
}

TEST_F_TIMEOUT(entries, initial, TEST_TIMEOUT_GUEST)
{
	sides_compare(&self->s, "initial table");
}

TEST_F_TIMEOUT(entries, only_policies, TEST_TIMEOUT_GUEST)
{
	struct rawipt r;

	rawipt_build_empty(&r);
	compare(_metadata, &self->s, &r);
}

TEST_F_TIMEOUT(entries, all_kinds, TEST_TIMEOUT_GUEST)
{
	ASSERT_EQ(0, sides_load_base(&self->s));
	sides_compare(&self->s, "all kinds");
}

/* What callers leave in fields that are the kernel's own */
TEST_F_TIMEOUT(entries, garbage_in_kernel_fields, TEST_TIMEOUT_GUEST)
{
	struct rawipt *r = &self->s.base;
	struct ipt_entry *e;
	size_t at = 0;

	while (at < r->repl->size) {
		e = (void *)((char *)r->repl->entries + at);
		e->comefrom = 0xdeadbeef;
		e->nfcache = 0xdeadbeef;
		e->counters.pcnt = 1234;
		e->counters.bcnt = 0xffffffffffffffff;
		at += e->next_offset;
	}
	ASSERT_EQ(0, sides_load_base(&self->s));
	sides_compare(&self->s, "garbage in kernel fields");
}

/* Names with bytes behind their end, data with bytes behind its size */
TEST_F_TIMEOUT(entries, garbage_behind_names, TEST_TIMEOUT_GUEST)
{
	struct xt_entry_match *m;
	struct xt_tcp *tcp;
	struct rawipt r;

	rawipt_init(&r);
	rawipt_hook(&r, NF_INET_LOCAL_IN);
	rawipt_rule(&r)->proto = IPPROTO_TCP;
	tcp = rawipt_match(&r, "tcp", 0, sizeof(*tcp));
	((char *)tcp)[XT_ALIGN(sizeof(*tcp)) - 1] = 0x5a;
	m = (void *)((char *)tcp - sizeof(*m));
	memset(m->u.user.name + 4, 0x5a, sizeof(m->u.user.name) - 5);
	rawipt_verdict(&r, VERDICT_ACCEPT);
	rawipt_policy(&r, NF_INET_LOCAL_IN, VERDICT_ACCEPT);
	rawipt_policies(&r, NF_INET_FORWARD, NF_INET_LOCAL_OUT);
	rawipt_end(&r);
	compare(_metadata, &self->s, &r);
}

/* Chains that no hook reaches, or several hooks do */
TEST_F_TIMEOUT(entries, reachability, TEST_TIMEOUT_GUEST)
{
	static const char * const names[] = {
		"shared", "behind", "lonely", "lonelier",
	};
	struct rawipt r;
	unsigned int i;

	rawipt_init(&r);
	rawipt_policies(&r, NF_INET_LOCAL_IN, NF_INET_FORWARD);
	rawipt_hook(&r, NF_INET_LOCAL_OUT);
	rawipt_rule(&r);
	rawipt_goto(&r, 1);
	rawipt_rule(&r);
	rawipt_jump(&r, 0);
	rawipt_policy(&r, NF_INET_LOCAL_OUT, VERDICT_ACCEPT);
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		rawipt_chain(&r, names[i]);
		rawipt_rule(&r);
		if (i == 1 || i == 2)
			rawipt_jump(&r, i == 1 ? 0 : 3);
		else
			rawipt_verdict(&r, VERDICT_RETURN);
		rawipt_rule(&r);
		rawipt_verdict(&r, VERDICT_RETURN);
	}
	rawipt_end(&r);
	compare(_metadata, &self->s, &r);
}

TEST_HARNESS_MAIN
