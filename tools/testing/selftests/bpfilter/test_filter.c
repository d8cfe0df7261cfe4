// SPDX-License-Identifier: GPL-2.0
/*
 * Programs that choose packets to trace, in a machine of their own: they have
 * those traced that the rule matches, drop none, and tell of none.
 */
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_tcpudp.h>

#include "../kselftest_harness.h"
#include "compile.h"
#include "kernel_btf.h"
#include "plan.h"
#include "unit/blob_make.h"
#include "unit/bpf_vm.h"

#define HOOK	NF_INET_PRE_ROUTING
#define PORT	22

FIXTURE(filter)
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

/* -A PREROUTING -p tcp --dport 22 -j TRACE */
static void make_filter(struct make *mk)
{
	struct make_entry *e = make_target(mk, "TRACE", 0, 0);
	struct xt_tcp *tcp = make_match(e, "tcp", 0, sizeof(*tcp));

	make_proto(e, IPPROTO_TCP);
	tcp->spts[1] = 0xffff;
	tcp->dpts[0] = PORT;
	tcp->dpts[1] = PORT;
	make_verdict(mk, VERDICT_ACCEPT);
	make_hook(mk, HOOK, 0, 1);
	make_head(mk, "ERROR");
}

static int translate(struct _test_data_filter *t, enum compile_use use)
{
	size_t size;
	int ret;

	t->env.use = use;
	t->blob = make_blob(&t->mk, &size);
	ret = bpfilter_blob_read(t->blob, size, t->mk.family, &t->rs, &t->why);
	if (!ret)
		ret = bpfilter_passes_run(t->rs, &t->why);
	if (!ret)
		ret = bpfilter_plan_make(t->rs, &t->env, &t->plan, &t->why);
	if (!ret)
		ret = bpfilter_gen(t->rs, t->plan, &t->env, &t->img, &t->why);
	return ret;
}

FIXTURE_VARIANT(filter)
{
	uint16_t family;
};

FIXTURE_VARIANT_ADD(filter, ipv4) { .family = NFPROTO_IPV4 };
FIXTURE_VARIANT_ADD(filter, ipv6) { .family = NFPROTO_IPV6 };

FIXTURE_SETUP(filter)
{
	memset(self, 0, sizeof(*self));
	make_init(&self->mk);
	self->mk.family = variant->family;
	self->mk.name = "raw";
	vm_kernel_btf(&self->kb);
	self->env = (struct compile_env) {
		&self->kb, 2, VM_HZ, PLAN_CODE,
	};
	make_filter(&self->mk);
}

FIXTURE_TEARDOWN(filter)
{
	bpfilter_gen_free(&self->img);
	bpfilter_plan_free(self->plan);
	bpfilter_ir_free(self->rs);
	free(self->blob);
	make_free(&self->mk);
}

/* Returns what the program does, and what it asked for in @calls; -1: a fault */
static int run(struct _test_data_filter *t, const struct packet *pkt,
	       struct packet_calls *calls)
{
	const struct gen_prog *gp = &t->img.prog[HOOK];
	struct packet_play play = { pkt, 1, 0 };
	struct vm_shape shape = { .linear = 20 };
	struct vm_prog prog = {
		.insns = gp->insns, .num_insns = gp->num_insns,
		.counters = calloc(2, t->img.counter_stride),
		.counters_size = 2 * t->img.counter_stride, .frames = 8,
	};
	struct vm_world w;
	uint64_t result;
	const char *fault;

	vm_world_make(&w, &play, &shape);
	fault = vm_run(&w, &prog, &result);
	if (fault)
		fprintf(stderr, "# the program %s\n", fault);
	free(prog.counters);
	*calls = w.calls;
	return fault ? -1 : (int)result;
}

static struct packet packet_to(uint16_t family, uint16_t port, unsigned int len)
{
	return (struct packet) {
		.is_ip6 = family == NFPROTO_IPV6, .proto = IPPROTO_TCP,
		.l4_len = len, .l4 = { 0, 99, port >> 8, port },
	};
}

TEST_F(filter, what_matches_is_traced)
{
	struct packet pkt = packet_to(variant->family, PORT, 20);
	struct packet_calls calls;

	ASSERT_EQ(0, translate(self, COMPILE_FILTER));
	EXPECT_EQ(NF_ACCEPT, run(self, &pkt, &calls));
	ASSERT_EQ(1, calls.num);
	EXPECT_EQ(PACKET_ASKED_SET_TRACE, calls.calls[0].what);
}

TEST_F(filter, what_does_not_match_is_not)
{
	struct packet pkt = packet_to(variant->family, PORT + 1, 20);
	struct packet_calls calls;

	ASSERT_EQ(0, translate(self, COMPILE_FILTER));
	EXPECT_EQ(NF_ACCEPT, run(self, &pkt, &calls));
	EXPECT_EQ(0, calls.num);
}

/* A rule of a table would drop it at once */
TEST_F(filter, no_packet_is_dropped)
{
	struct packet pkt = packet_to(variant->family, PORT, 8);
	struct packet_calls calls;

	ASSERT_EQ(0, translate(self, COMPILE_FILTER));
	EXPECT_EQ(NF_ACCEPT, run(self, &pkt, &calls));
	EXPECT_EQ(0, calls.num);
}

TEST_F(filter, a_table_drops_it)
{
	struct packet pkt = packet_to(variant->family, PORT, 8);
	struct packet_calls calls;

	ASSERT_EQ(0, translate(self, COMPILE_TABLE));
	EXPECT_EQ(NF_DROP, run(self, &pkt, &calls));
}

/* One that others have traced is none of its business */
TEST_F(filter, nothing_is_told)
{
	struct packet pkt = packet_to(variant->family, PORT, 20);
	struct packet_calls calls;

	pkt.traced = true;
	ASSERT_EQ(0, translate(self, COMPILE_FILTER));
	EXPECT_EQ(NF_ACCEPT, run(self, &pkt, &calls));
	ASSERT_EQ(1, calls.num);
	EXPECT_EQ(PACKET_ASKED_SET_TRACE, calls.calls[0].what);
}

TEST_F(filter, needs_the_function)
{
	self->kb.func[KBTF_FUNC_SET_TRACE] = KBTF_NONE;
	EXPECT_EQ(-EINVAL, translate(self, COMPILE_FILTER));
	EXPECT_STREQ("raw: the kernel's BTF does not have function bpfilter_set_trace",
		     self->why.text);
}

TEST_HARNESS_MAIN
