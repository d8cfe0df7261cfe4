// SPDX-License-Identifier: GPL-2.0
/*
 * Which rules the pass "shadow" finds, which it leaves nothing of, and what
 * stands in its way
 */
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_state.h>
#include <linux/netfilter/xt_statistic.h>
#include <linux/netfilter/xt_tcpudp.h>

#include "../kselftest_harness.h"
#include "compile.h"
#include "passes.h"
#include "unit/blob_make.h"
#include "unit/shapes.h"

/* --- What rules ask for --- */

static void source(struct make_entry *e, const char *addr, unsigned int prefix)
{
	inet_pton(AF_INET, addr, &e->ip.src);
	e->ip.smsk.s_addr = htonl(~0ULL << (32 - prefix));
}

static void tcp_ports(struct make_entry *e, uint16_t lo, uint16_t hi)
{
	struct xt_tcp *tcp;

	make_proto(e, IPPROTO_TCP);
	tcp = make_match(e, "tcp", 0, sizeof(*tcp));
	tcp->spts[1] = 0xffff;
	tcp->dpts[0] = lo;
	tcp->dpts[1] = hi;
}

static void any(struct make_entry *e)
{
}

static void net8(struct make_entry *e)
{
	source(e, "10.0.0.0", 8);
}

static void net16(struct make_entry *e)
{
	source(e, "10.1.0.0", 16);
}

static void not_net8(struct make_entry *e)
{
	net8(e);
	e->ip.invflags = IPT_INV_SRCIP;
}

static void other_net(struct make_entry *e)
{
	source(e, "192.168.0.0", 16);
}

static void ssh(struct make_entry *e)
{
	tcp_ports(e, 22, 22);
}

static void low_ports(struct make_entry *e)
{
	tcp_ports(e, 1, 100);
}

static void net16_ssh(struct make_entry *e)
{
	net16(e);
	ssh(e);
}

static void some_ports(struct make_entry *e)
{
	struct xt_multiport_v1 *m;

	make_proto(e, IPPROTO_TCP);
	m = make_match(e, "multiport", 1, sizeof(*m));
	m->flags = XT_MULTIPORT_DESTINATION;
	m->count = 2;
	m->ports[0] = 80;
	m->ports[1] = 22;
}

static void ssh_and_not(struct make_entry *e)
{
	struct xt_multiport_v1 *m;

	ssh(e);
	m = make_match(e, "multiport", 1, sizeof(*m));
	m->flags = XT_MULTIPORT_DESTINATION;
	m->count = 1;
	m->ports[0] = 80;
}

static void tcp_only(struct make_entry *e)
{
	make_proto(e, IPPROTO_TCP);
}

static void new_state(struct make_entry *e)
{
	struct xt_state_info *i = make_match(e, "state", 0, sizeof(*i));

	i->statemask = XT_STATE_BIT(IP_CT_NEW);
}

static void new_ctstate(struct make_entry *e)
{
	struct xt_conntrack_mtinfo3 *i = make_match(e, "conntrack", 3,
						    sizeof(*i));

	i->match_flags = XT_CONNTRACK_STATE;
	i->state_mask = XT_CONNTRACK_STATE_BIT(IP_CT_NEW);
}

static void old_and_new(struct make_entry *e)
{
	struct xt_state_info *i = make_match(e, "state", 0, sizeof(*i));

	i->statemask = XT_STATE_BIT(IP_CT_ESTABLISHED);
	new_ctstate(e);
}

static void assured(struct make_entry *e)
{
	struct xt_conntrack_mtinfo3 *i = make_match(e, "conntrack", 3,
						    sizeof(*i));

	i->match_flags = XT_CONNTRACK_STATUS;
	i->status_mask = IPS_ASSURED;
}

static void marked(struct make_entry *e)
{
	struct xt_mark_mtinfo1 *i = make_match(e, "mark", 1, sizeof(*i));

	i->mark = 1;
	i->mask = 1;
}

static void by_chance(struct make_entry *e)
{
	struct xt_statistic_info *i = make_match(e, "statistic", 0, sizeof(*i));

	i->u.random.probability = 0x40000000;
}

static void kernels_own(struct make_entry *e)
{
	make_match(e, "unheard-of", 0, 8);
}

static void net16_kernels_own(struct make_entry *e)
{
	net16(e);
	kernels_own(e);
}

/* --- What they do --- */

static struct make_entry *to_accept(struct make *mk)
{
	return make_verdict(mk, VERDICT_ACCEPT);
}

static struct make_entry *to_return(struct make *mk)
{
	return make_verdict(mk, VERDICT_RETURN);
}

static struct make_entry *to_reject(struct make *mk)
{
	return make_target(mk, "REJECT", 0, 8);
}

static struct make_entry *to_log(struct make *mk)
{
	return make_target(mk, "LOG", 0, 40);
}

static struct make_entry *to_change(struct make *mk)
{
	return make_target(mk, "TCPMSS", 0, 8);
}

static struct make_entry *to_mark(struct make *mk)
{
	struct make_entry *e = make_target(mk, "MARK", 2,
					   sizeof(struct xt_mark_tginfo2));
	struct xt_mark_tginfo2 *m = (void *)(e->target +
					     sizeof(struct xt_entry_target));

	m->mark = 1;
	m->mask = 1;
	return e;
}

/**
 * struct shadow_case - three rules
 * @desc:	what it is about
 * @first:	what the first asks for
 * @does:	and does
 * @between:	what the second does to all packets
 * @last:	what the third asks for
 * @never:	what is found of it
 * @lives:	something is left of it nevertheless
 */
struct shadow_case {
	const char *desc;
	void (*first)(struct make_entry *e);
	struct make_entry *(*does)(struct make *mk);
	struct make_entry *(*between)(struct make *mk);
	void (*last)(struct make_entry *e);
	enum ir_never never;
	bool lives;
};

static const struct shadow_case cases[] = {
	{ "the same", net16, to_accept, to_log, net16, IR_NEVER_SHADOWED },
	{ "narrower", net8, to_accept, to_log, net16, IR_NEVER_SHADOWED },
	{ "wider", net16, to_accept, to_log, net8 },
	{ "beside", net16, to_accept, to_log, other_net },
	{ "all", any, to_reject, to_log, net16, IR_NEVER_BEHIND },
	{ "RETURN", net8, to_return, to_log, net16, IR_NEVER_SHADOWED },
	{ "REJECT", net8, to_reject, to_log, net16, IR_NEVER_SHADOWED },
	{ "LOG goes on", net8, to_log, to_log, net16 },
	{ "no network", not_net8, to_accept, to_log, other_net, IR_NEVER_SHADOWED },
	{ "part of no network", not_net8, to_accept, to_log, net16 },
	{ "ports", low_ports, to_accept, to_log, ssh, IR_NEVER_SHADOWED },
	{ "fewer ports", ssh, to_accept, to_log, low_ports },
	{ "header behind what decides", net8, to_accept, to_log, net16_ssh,
	  IR_NEVER_SHADOWED },
	{ "header that may drop", some_ports, to_accept, to_log, ssh,
	  IR_NEVER_SHADOWED, true },
	{ "protocol, header is not asked for", ssh, to_accept, to_log, tcp_only },
	{ "state", new_state, to_accept, to_log, new_ctstate, IR_NEVER_SHADOWED },
	{ "status changes", assured, to_accept, to_log, assured },
	{ "mark", marked, to_accept, to_log, net16 },
	{ "chance", by_chance, to_accept, to_log, by_chance },
	{ "asking the kernel", kernels_own, to_accept, to_log, kernels_own },
	{ "question behind what decides", net8, to_accept, to_log, net16_kernels_own,
	  IR_NEVER_SHADOWED },
	{ "changed meanwhile", net8, to_accept, to_change, net16 },
	{ "mark set meanwhile", marked, to_accept, to_mark, marked },
	{ "only the mark", net8, to_accept, to_mark, net16, IR_NEVER_SHADOWED },
	{ "ports apart", other_net, to_accept, to_log, ssh_and_not,
	  IR_NEVER_CONFLICT, true },
	{ "states apart", other_net, to_accept, to_log, old_and_new,
	  IR_NEVER_CONFLICT },
};

static struct ir_ruleset *read_table(struct make *mk)
{
	struct ir_ruleset *rs;
	struct refusal why;
	size_t size;
	void *blob;

	blob = make_blob(mk, &size);
	if (bpfilter_blob_read(blob, size, mk->family, &rs, &why) ||
	    bpfilter_passes_run(rs, &why))
		fprintf(stderr, "# %s\n", why.text);
	free(blob);
	make_free(mk);
	return rs;
}

static struct ir_ruleset *read_case(const struct shadow_case *c)
{
	struct make mk;

	make_init(&mk);
	c->first(c->does(&mk));
	c->between(&mk);
	c->last(make_verdict(&mk, VERDICT_DROP));
	shape_end_input(&mk, 0);
	shape_end(&mk);
	return read_table(&mk);
}

TEST(pairs)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct shadow_case *c = &cases[i];
		struct ir_ruleset *rs = read_case(c);
		const struct ir_rule *rule;

		ASSERT_NE(NULL, rs);
		rule = &rs->rules[2];
		EXPECT_EQ(c->never, rule->never)
			TH_LOG("%s", c->desc);
		EXPECT_EQ(c->never && !c->lives, rule->dead)
			TH_LOG("%s", c->desc);
		EXPECT_TRUE(c->never != IR_NEVER_SHADOWED || !rule->never_by)
			TH_LOG("%s", c->desc);
		bpfilter_ir_free(rs);
	}
}

/* --- Chains --- */

/* INPUT leads to a chain once or twice, whose first rule asks for net16 */
static struct ir_ruleset *read_chain(void (*caller)(struct make_entry *e),
				     bool twice)
{
	struct make mk;

	make_init(&mk);
	net8(make_verdict(&mk, VERDICT_ACCEPT));
	caller(make_jump(&mk, 7));
	if (twice)
		other_net(make_jump(&mk, 7));
	else
		to_log(&mk);
	shape_end_input(&mk, 0);
	make_head(&mk, "user");
	net16(make_verdict(&mk, VERDICT_DROP));
	make_verdict(&mk, VERDICT_RETURN);
	shape_end(&mk);
	return read_table(&mk);
}

TEST(chain_with_one_caller)
{
	struct ir_ruleset *rs = read_chain(other_net, false);

	ASSERT_NE(NULL, rs);
	EXPECT_EQ(IR_NEVER_CALLER, rs->rules[7].never);
	EXPECT_EQ(1, rs->rules[7].never_by);
	bpfilter_ir_free(rs);

	rs = read_chain(tcp_only, false);
	ASSERT_NE(NULL, rs);
	EXPECT_EQ(IR_NEVER_SHADOWED, rs->rules[7].never);
	EXPECT_EQ(0, rs->rules[7].never_by);
	EXPECT_FALSE(rs->rules[8].dead);
	bpfilter_ir_free(rs);
}

TEST(chain_with_two_callers)
{
	struct ir_ruleset *rs = read_chain(tcp_only, true);

	ASSERT_NE(NULL, rs);
	EXPECT_EQ(IR_NEVER_UNKNOWN, rs->rules[7].never);
	bpfilter_ir_free(rs);
}

/* No packet comes back from the chain, so none gets behind the jump to it */
TEST(chain_that_keeps_packets)
{
	struct ir_ruleset *rs;
	struct make mk;

	make_init(&mk);
	make_jump(&mk, 6);
	net16(make_verdict(&mk, VERDICT_DROP));
	shape_end_input(&mk, 0);
	make_head(&mk, "user");
	to_change(&mk);
	make_verdict(&mk, VERDICT_DROP);
	make_verdict(&mk, VERDICT_RETURN);
	shape_end(&mk);
	rs = read_table(&mk);
	ASSERT_NE(NULL, rs);
	EXPECT_EQ(IR_NEVER_BEHIND, rs->rules[1].never);
	EXPECT_EQ(0, rs->rules[1].never_by);
	EXPECT_TRUE(rs->rules[1].dead);
	EXPECT_EQ(IR_NEVER_UNKNOWN, rs->rules[2].never);
	bpfilter_ir_free(rs);
}

/* What comes back from the chain may not be what went in */
TEST(chain_that_changes_packets)
{
	for (int twice = 0; twice < 2; twice++) {
		struct ir_ruleset *rs;
		struct make mk;

		make_init(&mk);
		net8(make_verdict(&mk, VERDICT_ACCEPT));
		make_jump(&mk, 8);
		if (twice)
			make_jump(&mk, 8);
		else
			to_log(&mk);
		net16(make_verdict(&mk, VERDICT_DROP));
		shape_end_input(&mk, 0);
		make_head(&mk, "user");
		to_change(&mk);
		make_verdict(&mk, VERDICT_RETURN);
		shape_end(&mk);
		rs = read_table(&mk);
		ASSERT_NE(NULL, rs);
		EXPECT_EQ(IR_NEVER_UNKNOWN, rs->rules[3].never);
		bpfilter_ir_free(rs);
	}
}

/* --- Size --- */

#define MANY	20000

/* Each rule shadows itself and nothing else; the second half repeats the first */
TEST(many_rules)
{
	struct ir_ruleset *rs;
	uint32_t found = 0;
	struct make mk;

	make_init(&mk);
	for (uint32_t i = 0; i < MANY; i++)
		shape_source(make_verdict(&mk, VERDICT_DROP), i % (MANY / 2));
	shape_end_input(&mk, 0);
	shape_end(&mk);
	rs = read_table(&mk);
	ASSERT_NE(NULL, rs);
	for (uint32_t i = 0; i < MANY; i++)
		found += rs->rules[i].never == IR_NEVER_SHADOWED &&
			 rs->rules[i].never_by + MANY / 2 == i;
	EXPECT_EQ(MANY / 2, found);
	bpfilter_ir_free(rs);
}

TEST_HARNESS_MAIN
