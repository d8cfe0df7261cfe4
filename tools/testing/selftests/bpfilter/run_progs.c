// SPDX-License-Identifier: GPL-2.0
/*
 * Programs in the kernel: random rulesets go through the verifier, and packets
 * through the programs with BPF_PROG_TEST_RUN, against a model of the native
 * engine. Rulesets at the verifier's limits have to load.
 *
 * Such packets are linear and have no connection: the rest is up to the tests
 * that send some.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/x_tables.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../kselftest_harness.h"
#include "compile.h"
#include "kernel_btf.h"
#include "unit/blob_model.h"
#include "unit/random.h"
#include "unit/shapes.h"

#define RULESETS	150
#define PACKETS		16
#define MAX_RULES	256
#define HZ_ANY		250

/* struct hook_ctx - as the kernel's struct nf_hook_state */
struct hook_ctx {
	uint8_t hook;
	uint8_t pf;
	uint64_t pointers[5];
};

struct frame {
	struct ether_header eth;
	struct iphdr ip;
	uint8_t l4[PACKET_L4_MAX];
} __packed;

/**
 * struct kernel - the kernel under test
 * @kb:		its types
 * @env:	what to compile for
 * @in:		name of a test packet's input device at FORWARD
 * @out:	likewise of its output device
 */
struct kernel {
	struct kernel_btf kb;
	struct compile_env env;
	char in[16];
	char out[16];
};

/**
 * struct subject - a ruleset in the kernel
 * @k:		the kernel
 * @blob:	the ruleset
 * @c:		compiled
 * @l:		loaded
 * @values:	the counter map's value
 * @why:	if it was refused
 */
struct subject {
	const struct kernel *k;
	void *blob;
	struct compiled c;
	struct loaded l;
	struct xt_counters *values;
	struct refusal why;
};

/* --- One ruleset --- */

static int load(struct subject *s, const struct make *mk)
{
	size_t size;
	int ret;

	s->blob = make_blob(mk, &size);
	ret = bpfilter_compile(s->blob, size, NFPROTO_IPV4, &s->k->env, &s->c,
			       &s->why);
	if (ret)
		return ret;
	ret = bpfilter_load(s->c.rs, &s->c.img, &s->l, &s->why);
	s->values = calloc(s->k->env.nr_cpus, s->c.img.counter_stride);
	return ret;
}

static void unload(struct subject *s)
{
	if (s->values)
		bpfilter_loaded_close(&s->l);
	bpfilter_compiled_free(&s->c);
	free(s->values);
	free(s->blob);
}

static size_t make_frame(struct frame *f, const struct packet *pkt)
{
	memset(f, 0, sizeof(*f));
	f->eth.ether_type = htons(ETHERTYPE_IP);
	f->ip.version = 4;
	f->ip.ihl = sizeof(f->ip) / 4;
	f->ip.tot_len = htons(sizeof(f->ip) + pkt->l4_len);
	f->ip.frag_off = htons(pkt->fragoff);
	f->ip.protocol = pkt->proto;
	f->ip.saddr = htonl(pkt->saddr);
	f->ip.daddr = htonl(pkt->daddr);
	memcpy(f->l4, pkt->l4, pkt->l4_len);
	return offsetof(struct frame, l4) + pkt->l4_len;
}

/* Returns the verdict, or a negative errno */
static int run(const struct subject *s, int hook, const struct packet *pkt)
{
	struct hook_ctx ctx = { .hook = hook, .pf = NFPROTO_IPV4 };
	struct frame frame;
	struct bpf_test_run_opts opts = {
		.sz = sizeof(opts),
		.data_in = &frame,
		.data_size_in = make_frame(&frame, pkt),
		.ctx_in = &ctx,
		.ctx_size_in = sizeof(ctx),
	};

	if (bpf_prog_test_run_opts(s->l.prog_fd[hook], &opts))
		return -errno;
	return opts.retval;
}

/* 0 if all CPUs together counted what the model did */
static int compare_counters(struct subject *s, const uint64_t *want,
			    uint32_t len)
{
	uint32_t row = s->c.img.counter_stride / sizeof(struct xt_counters);
	uint32_t key = 0;

	if (bpf_map_lookup_elem(s->l.counter_fd, &key, s->values))
		return -errno;
	for (uint32_t i = 0; i < s->c.rs->num_rules; i++) {
		struct xt_counters sum = {};

		for (uint32_t cpu = 0; cpu < s->k->env.nr_cpus; cpu++) {
			sum.pcnt += s->values[cpu * row + i].pcnt;
			sum.bcnt += s->values[cpu * row + i].bcnt;
		}
		if (sum.pcnt != want[i] || sum.bcnt != want[i] * len)
			return fprintf(stderr, "# counter of rule %u\n", i);
	}
	return 0;
}

static int compare(struct subject *s, int hook, const struct packet *pkt)
{
	uint64_t *want = calloc(s->c.rs->num_rules, sizeof(*want));
	int verdict = model_run(s->blob, hook, pkt, want) == MODEL_ACCEPT;
	uint32_t key = 0;
	int got, bad;

	memset(s->values, 0, s->k->env.nr_cpus * s->c.img.counter_stride);
	bpf_map_update_elem(s->l.counter_fd, &key, s->values, BPF_ANY);
	got = run(s, hook, pkt);
	bad = got != verdict ? fprintf(stderr, "# verdict %d\n", got) :
	      compare_counters(s, want, sizeof(struct iphdr) + pkt->l4_len);
	free(want);
	return bad;
}

/* --- Random rulesets --- */

struct tally {
	unsigned int loaded;
	unsigned int packets;
};

/*
 * At FORWARD, where the passes do not know which devices there are: what some
 * kernels say of them in a test is not what they are at a hook.
 */
static int compare_packets(struct rng *r, struct subject *s, struct tally *t)
{
	const int hook = NF_INET_FORWARD;
	struct packet pkt;

	for (int n = 0; n < PACKETS && s->l.prog_fd[hook] >= 0; n++) {
		random_packet(r, hook, &pkt);
		pkt.conn = false;
		pkt.untracked = false;
		memcpy(pkt.in, s->k->in, sizeof(pkt.in));
		memcpy(pkt.out, s->k->out, sizeof(pkt.out));
		if (compare(s, hook, &pkt))
			return -1;
		t->packets++;
	}
	return 0;
}

static int compare_ruleset(struct rng *r, const struct kernel *k,
			   enum random_shape shape, enum random_tests tests,
			   struct tally *t)
{
	struct subject s = { .k = k };
	struct make mk;
	int bad;

	make_init(&mk);
	random_ruleset(r, &mk, shape, tests);
	bad = load(&s, &mk);
	if (bad && (!s.c.rs || shape == RANDOM_FORGED))
		bad = s.c.img.nr_cpus ? bad : 0;
	else if (!bad)
		bad = compare_packets(r, &s, t);
	t->loaded += !!s.values;
	if (bad)
		fprintf(stderr, "# %s\n", s.why.text);
	if (bad && s.c.rs)
		bpfilter_ir_dump(s.c.rs, stderr);
	unload(&s);
	make_free(&mk);
	return bad;
}

/* --- Tests --- */

FIXTURE(kernel)
{
	struct kernel k;
};

/* Whether there is a device shows in what a rule for it does */
static int probe_device(struct kernel *k, bool out, char *name)
{
	struct packet pkt = { .proto = IPPROTO_TCP, .l4_len = 20 };
	struct subject s = { .k = k };
	struct make_entry *e;
	struct make mk;
	int ret;

	make_init(&mk);
	e = make_verdict(&mk, VERDICT_DROP);
	memcpy(out ? e->ip.outiface : e->ip.iniface, "lo", 3);
	memset(out ? e->ip.outiface_mask : e->ip.iniface_mask, 0xff, 3);
	make_verdict(&mk, VERDICT_ACCEPT);
	make_hook(&mk, NF_INET_FORWARD, 0, 1);
	shape_end(&mk);
	ret = load(&s, &mk);
	if (!ret)
		ret = run(&s, NF_INET_FORWARD, &pkt);
	memcpy(name, ret ? "\0\0" : "lo", 3);
	unload(&s);
	make_free(&mk);
	return ret;
}

static int read_kernel(struct kernel *k)
{
	int err, cpus = libbpf_num_possible_cpus();

	k->env = (struct compile_env) { &k->kb, cpus, HZ_ANY };
	err = cpus < 0 ? cpus : bpfilter_kernel_btf_read(&k->kb);
	if (!err)
		err = probe_device(k, false, k->in);
	if (err >= 0)
		err = probe_device(k, true, k->out);
	return err < 0 ? err : 0;
}

FIXTURE_SETUP(kernel)
{
	int err = read_kernel(&self->k);

	if (err == -EPERM)
		SKIP(return, "needs root");
	ASSERT_EQ(0, err);
}

FIXTURE_TEARDOWN(kernel)
{
}

static int compare_series(const struct kernel *k,
			  enum random_shape shape, enum random_tests tests,
			  struct tally *t)
{
	for (uint32_t seed = 1; seed <= RULESETS; seed++) {
		struct rng r = { .state = seed * 0x9e3779b97f4a7c15 };

		if (compare_ruleset(&r, k, shape, tests, t)) {
			fprintf(stderr, "# seed %u\n", seed);
			return -1;
		}
	}
	fprintf(stderr, "# %u loaded, %u packets\n", t->loaded, t->packets);
	return 0;
}

TEST_F_TIMEOUT(kernel, legal_chains, 300)
{
	struct tally t = {};

	ASSERT_EQ(0, compare_series(&self->k, RANDOM_LEGAL, RANDOM_FEW, &t));
	EXPECT_EQ(RULESETS, t.loaded);
	EXPECT_LT(5 * RULESETS, t.packets);
}

TEST_F_TIMEOUT(kernel, legal_rules, 300)
{
	struct tally t = {};

	ASSERT_EQ(0, compare_series(&self->k, RANDOM_LEGAL, RANDOM_MANY, &t));
	EXPECT_EQ(RULESETS, t.loaded);
	EXPECT_LT(5 * RULESETS, t.packets);
}

TEST_F_TIMEOUT(kernel, forged_chains, 300)
{
	struct tally t = {};

	ASSERT_EQ(0, compare_series(&self->k, RANDOM_FORGED, RANDOM_FEW, &t));
	EXPECT_LT(RULESETS / 20, t.loaded);
	EXPECT_LT(RULESETS / 4, t.packets);
}

FIXTURE(limit)
{
	struct kernel k;
};

FIXTURE_VARIANT(limit)
{
	void (*make)(struct make *mk, uint32_t num);
	uint32_t num;
	uint32_t other_saddr;
};

FIXTURE_VARIANT_ADD(limit, final_rules) { shape_final, 11000, 5000 };
FIXTURE_VARIANT_ADD(limit, counting_rules) { shape_counting, 20000, 15000 };
FIXTURE_VARIANT_ADD(limit, rules_with_many_tests) { shape_tests, 4000, 3000 };
FIXTURE_VARIANT_ADD(limit, nested_chains) { shape_nest, 200, 100 };
FIXTURE_VARIANT_ADD(limit, many_chains) { shape_fan, 1000, 500 };

FIXTURE_SETUP(limit)
{
	int err = read_kernel(&self->k);

	if (err == -EPERM)
		SKIP(return, "needs root");
	ASSERT_EQ(0, err);
}

FIXTURE_TEARDOWN(limit)
{
}

TEST_F_TIMEOUT(limit, loads_and_runs, 300)
{
	struct packet pkt = { .proto = IPPROTO_TCP, .l4_len = 20 };
	struct subject s = { .k = &self->k };
	struct make mk;

	make_init(&mk);
	variant->make(&mk, variant->num);
	ASSERT_EQ(0, load(&s, &mk))
		TH_LOG("%s", s.why.text);
	for (pkt.saddr = 0; pkt.saddr < 3; pkt.saddr++)
		EXPECT_EQ(0, compare(&s, NF_INET_LOCAL_IN, &pkt));
	pkt.saddr = variant->other_saddr;
	EXPECT_EQ(0, compare(&s, NF_INET_LOCAL_IN, &pkt));
	pkt.saddr = variant->num;
	EXPECT_EQ(0, compare(&s, NF_INET_LOCAL_IN, &pkt));
	unload(&s);
	make_free(&mk);
}

TEST_HARNESS_MAIN
