// SPDX-License-Identifier: GPL-2.0
/*
 * The planner's choice between code and data: what it chooses, that it holds
 * together, and that no ruleset is too large for it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_mac.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_state.h>

#include "../kselftest_harness.h"
#include "compile.h"
#include "plan.h"
#include "unit/bpf_vm.h"
#include "unit/random_ir.h"
#include "unit/shapes.h"

#define HOOK		NF_INET_LOCAL_IN
#define RULESETS	1000

FIXTURE(table)
{
	struct make mk;
	struct kernel_btf kb;
	struct compile_env env;
	struct refusal why;
	struct ir_ruleset *rs;
	struct plan *plan;
	struct gen_image img;
	void *blob;
};

FIXTURE_SETUP(table)
{
	memset(self, 0, sizeof(*self));
	make_init(&self->mk);
	vm_kernel_btf(&self->kb);
	self->env = (struct compile_env) { &self->kb, 2, VM_HZ };
}

FIXTURE_TEARDOWN(table)
{
	bpfilter_gen_free(&self->img);
	bpfilter_plan_free(self->plan);
	bpfilter_ir_free(self->rs);
	free(self->blob);
	make_free(&self->mk);
}

static int translate(struct _test_data_table *t)
{
	size_t size;
	int ret;

	t->blob = make_blob(&t->mk, &size);
	ret = bpfilter_blob_read(t->blob, size, NFPROTO_IPV4, &t->rs, &t->why);
	if (!ret)
		ret = bpfilter_passes_run(t->rs, &t->why);
	if (!ret)
		ret = bpfilter_plan_make(t->rs, &t->env, &t->plan, &t->why);
	if (!ret)
		ret = bpfilter_gen(t->rs, t->plan, &t->env, &t->img, &t->why);
	return ret;
}

static const struct plan_hook *plan_of(const struct _test_data_table *t)
{
	return &t->plan->hook[HOOK];
}

static uint32_t own_chain(const struct _test_data_table *t)
{
	return t->rs->hook_chain[HOOK];
}

/* --- What is chosen --- */

TEST_F(table, few_rules_are_code)
{
	shape_final(&self->mk, 20);
	ASSERT_EQ(0, translate(self));
	EXPECT_FALSE(plan_of(self)->data[own_chain(self)]);
	EXPECT_EQ(0, self->img.data_size);
	EXPECT_EQ(0, self->img.jumps_size);
}

TEST_F(table, many_rules_are_data)
{
	shape_final(&self->mk, 1000);
	ASSERT_EQ(0, translate(self));
	EXPECT_TRUE(plan_of(self)->data[own_chain(self)]);
	EXPECT_EQ(1, plan_of(self)->num_funcs);
	EXPECT_LT(0, self->img.data.chains[own_chain(self)].trees);
}

TEST_F(table, broad_rules_before_them_are_code)
{
	struct make_entry *e = make_verdict(&self->mk, VERDICT_ACCEPT);
	struct xt_state_info *state = make_match(e, "state", 0, sizeof(*state));
	const struct plan_func *func;

	state->statemask = 1 << 1;
	make_proto(make_verdict(&self->mk, VERDICT_ACCEPT), IPPROTO_ICMP);
	shape_final(&self->mk, 1000);
	ASSERT_EQ(0, translate(self));
	func = &plan_of(self)->funcs[0];
	EXPECT_TRUE(plan_of(self)->data[own_chain(self)]);
	EXPECT_EQ(2, func->end - func->first);
	EXPECT_EQ(func->end, self->plan->data_first[own_chain(self)]);
	EXPECT_EQ(1001, self->img.data.chains[own_chain(self)].records);
}

TEST_F(table, rules_without_a_selection_are_code)
{
	for (int i = 0; i < 100; i++)
		make_match(make_verdict(&self->mk, VERDICT_ACCEPT), "foreign",
			   0, 8);
	shape_end_input(&self->mk, 0);
	shape_end(&self->mk);
	ASSERT_EQ(0, translate(self));
	EXPECT_FALSE(plan_of(self)->data[own_chain(self)]);
}

/* --- What classifiers can tell apart --- */

static void put_lists(struct make *mk, uint8_t which, uint32_t num,
		      uint16_t lo_step, uint16_t hi_step)
{
	for (uint32_t i = 0; i < num; i++) {
		struct make_entry *e = make_verdict(mk, VERDICT_DROP);
		struct xt_multiport_v1 *ports;

		make_proto(e, IPPROTO_TCP);
		ports = make_match(e, "multiport", 1, sizeof(*ports));
		ports->flags = which;
		ports->count = 2;
		ports->ports[0] = 1 + i * lo_step;
		ports->ports[1] = ports->ports[0] + hi_step;
	}
	shape_end_input(mk, 0);
	shape_end(mk);
}

/* One protocol is no difference, and lists of either port are none either */
TEST_F(table, lists_of_either_port_are_code)
{
	put_lists(&self->mk, XT_MULTIPORT_EITHER, 2000, 20, 10);
	ASSERT_EQ(0, translate(self));
	EXPECT_FALSE(plan_of(self)->data[own_chain(self)]);
}

TEST_F(table, lists_of_one_port_are_data)
{
	put_lists(&self->mk, XT_MULTIPORT_DESTINATION, 200, 20, 10);
	ASSERT_EQ(0, translate(self));
	EXPECT_TRUE(plan_of(self)->data[own_chain(self)]);
}

TEST_F(table, lists_of_far_ports_are_code)
{
	put_lists(&self->mk, XT_MULTIPORT_DESTINATION, 200, 1, 60000);
	ASSERT_EQ(0, translate(self));
	EXPECT_FALSE(plan_of(self)->data[own_chain(self)]);
}

TEST_F(table, ethernet_addresses_are_code)
{
	for (int i = 0; i < 200; i++) {
		struct xt_mac_info *mac;

		mac = make_match(make_verdict(&self->mk, VERDICT_DROP), "mac",
				 0, sizeof(*mac));
		mac->srcaddr[5] = i;
	}
	shape_end_input(&self->mk, 0);
	shape_end(&self->mk);
	ASSERT_EQ(0, translate(self));
	EXPECT_FALSE(plan_of(self)->data[own_chain(self)]);
}

static uint64_t cost(const struct _test_data_table *t)
{
	return bpfilter_plan_cost(t->rs, t->plan, &t->img.data, HOOK,
				  own_chain(t));
}

/* Rules that ask for a protocol, and then the kernel */
static int make_protos(struct _test_data_table *t, const uint8_t *protos,
		       uint32_t num_protos, uint32_t num)
{
	t->env.plan = PLAN_DATA;
	for (uint32_t i = 0; i < num; i++) {
		struct make_entry *e = make_verdict(&t->mk, VERDICT_DROP);

		make_proto(e, protos[i % num_protos]);
		make_match(e, "foreign", 0, 8);
	}
	shape_end_input(&t->mk, 0);
	shape_end(&t->mk);
	return translate(t);
}

TEST_F(table, one_protocol_leaves_all)
{
	const uint8_t protos[] = { IPPROTO_TCP };

	ASSERT_EQ(0, make_protos(self, protos, 1, 100));
	EXPECT_EQ(200 + 30 + 101 * 30 * 3 / 4, cost(self));
}

TEST_F(table, two_protocols_leave_half)
{
	const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP };

	ASSERT_EQ(0, make_protos(self, protos, 2, 100));
	ASSERT_LT(0, self->img.data.chains[own_chain(self)].trees);
	EXPECT_EQ(200 + 30 + 50 * 30 * 3 / 4, cost(self));
}

/* Nothing that is tested after the kernel was asked */
TEST_F(table, ports_behind_a_bridged_match_leave_all)
{
	self->env.plan = PLAN_DATA;
	for (int i = 0; i < 100; i++) {
		struct make_entry *e = make_verdict(&self->mk, VERDICT_DROP);
		struct xt_multiport_v1 *ports;

		make_proto(e, IPPROTO_TCP);
		make_match(e, "foreign", 0, 8);
		ports = make_match(e, "multiport", 1, sizeof(*ports));
		ports->flags = XT_MULTIPORT_DESTINATION;
		ports->count = 1;
		ports->ports[0] = 1 + i;
	}
	shape_end_input(&self->mk, 0);
	shape_end(&self->mk);
	ASSERT_EQ(0, translate(self));
	EXPECT_EQ(200 + 30 + 101 * 30 * 3 / 4, cost(self));
}

/* --- Jumps --- */

/* @num addresses, then @jumps to chains of one address each */
static void put_jumps(struct make *mk, uint32_t num, uint32_t jumps)
{
	const uint32_t end = num + jumps + 3;
	char name[16];
	uint32_t i;

	for (i = 0; i < num; i++)
		shape_source(make_verdict(mk, VERDICT_DROP), i);
	for (i = 0; i < jumps; i++)
		make_jump(mk, end + 3 * i + 1);
	shape_end_input(mk, 0);
	for (i = 0; i < jumps; i++) {
		snprintf(name, sizeof(name), "jump%u", i);
		make_head(mk, name);
		shape_source(make_verdict(mk, VERDICT_DROP), num + i);
		make_verdict(mk, VERDICT_RETURN);
	}
	shape_end(mk);
}

TEST_F(table, jumps_for_all_packets_are_code)
{
	put_jumps(&self->mk, 0, 150);
	ASSERT_EQ(0, translate(self));
	for (uint32_t i = 0; i < self->rs->num_chains; i++)
		EXPECT_FALSE(plan_of(self)->data[i]);
}

TEST_F(table, jumps_that_differ_are_data)
{
	shape_fan(&self->mk, 150);
	ASSERT_EQ(0, translate(self));
	EXPECT_TRUE(plan_of(self)->data[own_chain(self)]);
}

/* Each costs as much as entering the chain does, so that it must be long */
TEST_F(table, jumps_ask_classifiers_again)
{
	put_jumps(&self->mk, 300, 10);
	ASSERT_EQ(0, translate(self));
	EXPECT_FALSE(plan_of(self)->data[own_chain(self)]);
	EXPECT_EQ(311 * 4 * 3 / 4, cost(self));
}

TEST_F(table, jumps_do_not_matter_in_a_long_list)
{
	put_jumps(&self->mk, 1000, 10);
	ASSERT_EQ(0, translate(self));
	EXPECT_TRUE(plan_of(self)->data[own_chain(self)]);
	EXPECT_EQ(200 + 30 + (30 + 10 * 250) * 3 / 4, cost(self));
}

/* --- What is asked for --- */

TEST_F(table, all_is_what_is_asked_for)
{
	self->env.plan = PLAN_DATA;
	shape_nest(&self->mk, 3);
	ASSERT_EQ(0, translate(self));
	EXPECT_EQ(1, plan_of(self)->num_funcs);
	EXPECT_EQ(4, self->plan->depth);
	for (uint32_t i = 0; i < self->rs->num_chains; i++)
		if (self->rs->chains[i].hook < 0)
			EXPECT_TRUE(plan_of(self)->data[i]);
}

/* --- What takes too long --- */

static uint64_t run(const struct _test_data_table *t, uint32_t rounds)
{
	const struct gen_prog *gp = &t->img.prog[HOOK];
	struct packet pkt = { .proto = IPPROTO_TCP, .l4_len = 20, .saddr = 150 };
	const struct packet_play play = { &pkt, 1, 0 };
	const struct vm_shape shape = { .linear = 20 };
	void *counters = calloc(2, t->img.counter_stride);
	void *data = calloc(1, t->img.data_size);
	const struct vm_prog prog = {
		.insns = gp->insns, .num_insns = gp->num_insns,
		.counters = counters,
		.counters_size = 2 * t->img.counter_stride,
		.data = memcpy(data, t->img.data.buf.bytes,
			       t->img.data.buf.len),
		.data_size = t->img.data_size,
		.frames = 8, .rounds = rounds,
	};
	uint64_t result = -1;
	struct vm_world w;

	vm_world_make(&w, &play, &shape);
	if (vm_run(&w, &prog, &result))
		result = -1;
	free(counters);
	free(data);
	return result;
}

TEST_F(table, walks_without_an_end_drop)
{
	self->env.plan = PLAN_DATA;
	self->env.tree_rules = UINT32_MAX;
	shape_final(&self->mk, 100);
	ASSERT_EQ(0, translate(self));
	EXPECT_EQ(NF_ACCEPT, run(self, 0));
	EXPECT_EQ(NF_ACCEPT, run(self, 1000));
	EXPECT_EQ(NF_DROP, run(self, 50));
}

/* --- What is too large for code --- */

FIXTURE(size)
{
	uint32_t insns;
};

FIXTURE_VARIANT(size)
{
	void (*make)(struct make *mk, uint32_t num);
	uint32_t num;
};

FIXTURE_VARIANT_ADD(size, final_rules) { shape_final, 30000 };
FIXTURE_VARIANT_ADD(size, counting_rules) { shape_counting, 30000 };
FIXTURE_VARIANT_ADD(size, rules_with_many_tests) { shape_tests, 30000 };
FIXTURE_VARIANT_ADD(size, bridged_rules) { shape_bridged, 30000 };
FIXTURE_VARIANT_ADD(size, nested_chains) { shape_nest, 10000 };
FIXTURE_VARIANT_ADD(size, many_chains) { shape_fan, 10000 };

FIXTURE_SETUP(size) { }
FIXTURE_TEARDOWN(size) { }

/* Returns instructions, or 0 if it is refused */
static uint32_t size_of(void (*make)(struct make *mk, uint32_t num),
			uint32_t num)
{
	struct _test_data_table t = {};
	uint32_t insns = 0;

	make_init(&t.mk);
	vm_kernel_btf(&t.kb);
	/* Long chains have counters fetched ahead, so let short ones have, too */
	t.env = (struct compile_env) {
		.btf = &t.kb, .nr_cpus = 2, .hz = VM_HZ, .far_records = 1,
	};
	make(&t.mk, num);
	if (!translate(&t))
		insns = t.img.prog[HOOK].num_insns;
	else
		fprintf(stderr, "# %s\n", t.why.text);
	bpfilter_gen_free(&t.img);
	bpfilter_plan_free(t.plan);
	bpfilter_ir_free(t.rs);
	free(t.blob);
	make_free(&t.mk);
	return insns;
}

TEST_F_TIMEOUT(size, of_programs_does_not_grow, 300)
{
	uint32_t some = size_of(variant->make, variant->num / 10);

	EXPECT_LT(0, some);
	EXPECT_GT(2000, some);
	EXPECT_EQ(some, size_of(variant->make, variant->num));
}

/* --- That it holds together --- */

static bool has_code(const struct plan_hook *ph, uint32_t chain)
{
	return ph->func_of[chain] != PLAN_WALKED &&
	       ph->func_of[chain] != PLAN_UNREACHED;
}

/* What is jumped to is where whoever jumps looks for it */
static int check_jump(const struct plan_hook *ph, const struct ir_rule *r,
		      bool code, bool data)
{
	uint32_t to = r->target_chain;

	if (r->action != IR_ACTION_JUMP && r->action != IR_ACTION_GOTO)
		return 0;
	if (data && !ph->data[to])
		return fprintf(stderr, "# data jumps to what is none\n");
	if (code && !has_code(ph, to) && !ph->data[to])
		return fprintf(stderr, "# code jumps to what is nowhere\n");
	return 0;
}

static int check_hook(const struct ir_ruleset *rs, const struct plan *plan,
		      const struct plan_hook *ph)
{
	for (uint32_t c = 0; ph->num_funcs && c < rs->num_chains; c++) {
		const struct ir_chain *chain = &rs->chains[c];
		uint32_t split = plan->data_first[c];

		for (uint32_t i = chain->first; i < chain->end; i++) {
			bool data = ph->data[c] && i >= split;
			bool code = has_code(ph, c) &&
				    (split == chain->first || i < split);

			if (check_jump(ph, &rs->rules[i], code, data))
				return -1;
		}
		if (ph->data[c] && !plan->is_data[c])
			return fprintf(stderr, "# data is not listed\n");
	}
	return 0;
}

TEST(jumps_lead_somewhere)
{
	struct compile_env env = { .plan = PLAN_MIXED };
	uint32_t splits = 0, seed;

	for (seed = 1; seed <= RULESETS; seed++) {
		struct rng r = { seed * 0x9e3779b97f4a7c15 };
		struct ir_ruleset *rs = random_ir(&r, NFPROTO_IPV4);
		struct refusal why = {};
		struct plan *plan = NULL;

		env.seed = seed;
		env.tree_rules = 2 + seed % 6;
		ASSERT_EQ(0, bpfilter_plan_make(rs, &env, &plan, &why));
		for (int h = 0; h < BPFILTER_NUMHOOKS; h++)
			ASSERT_EQ(0, check_hook(rs, plan, &plan->hook[h]));
		for (uint32_t c = 0; c < rs->num_chains; c++)
			splits += plan->data_first[c] != rs->chains[c].first;
		bpfilter_plan_free(plan);
		bpfilter_ir_free(rs);
	}
	EXPECT_LT(RULESETS / 2, splits);
}

/* --- How it is described --- */

TEST_F(table, plans_can_be_read)
{
	struct plan_place chain;
	uint32_t fan;

	shape_fan(&self->mk, 500);
	make_verdict(&self->mk, VERDICT_ACCEPT);
	ASSERT_EQ(0, translate(self));
	ASSERT_TRUE(bpfilter_plan_describe(self->plan, &self->img.data,
					   NF_INET_LOCAL_IN, 0, &chain));
	EXPECT_FALSE(chain.inlined);
	ASSERT_NE(NULL, chain.data);
	EXPECT_EQ(501, chain.data->records);
	for (fan = 0; strcmp(self->rs->chains[fan].name, "fan7");)
		fan++;
	ASSERT_TRUE(bpfilter_plan_describe(self->plan, &self->img.data,
					   NF_INET_LOCAL_IN, fan, &chain));
	EXPECT_EQ(0, chain.functions);
	ASSERT_NE(NULL, chain.data);
	EXPECT_EQ(2, chain.data->records);
	EXPECT_FALSE(bpfilter_plan_describe(self->plan, &self->img.data,
					    NF_INET_FORWARD, 0, &chain));
}

/* A classifier finds the rule that matches, and the policy asks for nothing */
TEST_F(table, rules_are_found)
{
	struct plan_rule_place place;
	uint32_t *records;

	shape_final(&self->mk, 500);
	ASSERT_EQ(0, translate(self));
	ASSERT_EQ(0, bpfilter_plan_records(self->rs, &self->img.data,
					   &records));
	for (uint32_t i = 0; i <= 500; i++) {
		ASSERT_TRUE(bpfilter_plan_rule(self->rs, self->plan, &self->img,
					       records, NF_INET_LOCAL_IN, i,
					       &place));
		EXPECT_EQ(NULL, place.func);
		ASSERT_NE(NULL, place.data);
		EXPECT_LT(i ? records[i - 1] : 0, place.record);
	}
	EXPECT_FALSE(bpfilter_plan_rule(self->rs, self->plan, &self->img,
					records, NF_INET_FORWARD, 0, &place));
	EXPECT_EQ(200 + 30 + 30 * 3 / 4,
		  bpfilter_plan_cost(self->rs, self->plan, &self->img.data,
				     NF_INET_LOCAL_IN, 0));
	free(records);
}

TEST_F(table, code_is_found)
{
	struct plan_rule_place place;
	uint32_t *records;

	shape_final(&self->mk, 3);
	ASSERT_EQ(0, translate(self));
	ASSERT_EQ(0, bpfilter_plan_records(self->rs, &self->img.data,
					   &records));
	for (uint32_t i = 0; i <= 3; i++) {
		ASSERT_TRUE(bpfilter_plan_rule(self->rs, self->plan, &self->img,
					       records, NF_INET_LOCAL_IN, i,
					       &place));
		ASSERT_NE(NULL, place.func);
		EXPECT_TRUE(place.func->is_entry);
		EXPECT_EQ(NULL, place.data);
	}
	EXPECT_EQ(4 * 4 * 3 / 4,
		  bpfilter_plan_cost(self->rs, self->plan, &self->img.data,
				     NF_INET_LOCAL_IN, 0));
	free(records);
}

TEST_HARNESS_MAIN
