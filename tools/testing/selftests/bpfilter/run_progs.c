// SPDX-License-Identifier: GPL-2.0
/*
 * Programs in the kernel: random rulesets go through the verifier, and packets
 * through the programs with BPF_PROG_TEST_RUN, against a model of the native
 * engine. Rulesets at the verifier's limits have to load.
 *
 * Such packets are linear and have no connection, and none of bpfilter's hooks
 * runs, so its functions refuse to do anything: the rest is up to the tests that
 * send some.
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
#include <linux/if_packet.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/x_tables.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "../kselftest_harness.h"
#include "compile.h"
#include "kernel_btf.h"
#include "plan.h"
#include "unit/blob_model.h"
#include "unit/ir_eval.h"
#include "unit/random.h"
#include "unit/random_ir.h"
#include "unit/shapes.h"

#define PACKETS		16
#define MAX_RULES	256
#define HZ_ANY		250

/* A debugging kernel takes seconds to verify one */
static uint32_t num_rulesets(void)
{
	return access("/proc/lockdep", F_OK) ? 150 : 20;
}

/* struct hook_ctx - as the kernel's struct nf_hook_state */
struct hook_ctx {
	uint8_t hook;
	uint8_t pf;
	uint64_t pointers[5];
};

struct frame {
	struct ether_header eth;
	uint8_t bytes[PACKET_MAX];
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
 * @loaded:	whether @l has to be closed
 * @why:	if it was refused
 */
struct subject {
	const struct kernel *k;
	void *blob;
	struct compiled c;
	struct loaded l;
	bool loaded;
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
	s->loaded = true;
	return bpfilter_load(s->c.rs, &s->c.img, &s->l, &s->why);
}

static void unload(struct subject *s)
{
	if (s->loaded)
		bpfilter_loaded_close(&s->l);
	bpfilter_compiled_free(&s->c);
	free(s->blob);
}

/*
 * The kernel tells by the destination what type of packet it is. The loopback
 * device that it comes from has no broadcast address.
 */
static void make_link(struct ether_header *eth, const struct packet *pkt)
{
	static const uint8_t first_byte[] = {
		[PACKET_HOST] = 0, [PACKET_MULTICAST] = 1,
		[PACKET_OTHERHOST] = 2,
	};

	memset(eth, 0, sizeof(*eth));
	eth->ether_dhost[0] = first_byte[pkt->link.type];
	eth->ether_type = htons(pkt->is_ip6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP);
}

/* Returns the verdict, or a negative errno */
static int run(int fd, int hook, const struct packet *pkt)
{
	struct hook_ctx ctx = {
		.hook = hook,
		.pf = pkt->is_ip6 ? NFPROTO_IPV6 : NFPROTO_IPV4,
	};
	struct frame frame;
	struct bpf_test_run_opts opts = {
		.sz = sizeof(opts),
		.data_in = &frame,
		.data_size_in = sizeof(frame.eth) +
				packet_bytes(pkt, frame.bytes),
		.ctx_in = &ctx,
		.ctx_size_in = sizeof(ctx),
	};

	make_link(&frame.eth, pkt);
	if (bpf_prog_test_run_opts(fd, &opts))
		return -errno;
	return opts.retval;
}

/* 0 if all CPUs together counted what they should */
static int compare_counters(const struct kernel *k, const struct gen_image *img,
			    int fd, const struct ir_outcome *want,
			    uint32_t num_rules)
{
	struct xt_counters *values = calloc(k->env.nr_cpus,
					    img->counter_stride);
	uint32_t row = img->counter_stride / sizeof(*values);
	uint32_t i, cpu, key = 0;
	int bad = bpf_map_lookup_elem(fd, &key, values);

	for (i = 0; !bad && i < num_rules; i++) {
		struct xt_counters sum = {};

		for (cpu = 0; cpu < k->env.nr_cpus; cpu++) {
			sum.pcnt += values[cpu * row + i].pcnt;
			sum.bcnt += values[cpu * row + i].bcnt;
		}
		if (sum.pcnt != want->packets[i] || sum.bcnt != want->bytes[i])
			bad = fprintf(stderr, "# counter of rule %u\n", i);
	}
	memset(values, 0, k->env.nr_cpus * img->counter_stride);
	bpf_map_update_elem(fd, &key, values, BPF_ANY);
	free(values);
	return bad;
}

static int compare(struct subject *s, int hook, const struct packet *pkt)
{
	uint32_t num = s->c.rs->num_rules;
	uint64_t *packets = calloc(num, sizeof(*packets));
	uint64_t *bytes = calloc(num, sizeof(*bytes));
	const struct model model = {
		s->blob, NFPROTO_IPV4, s->c.rs->bridged, s->c.rs->num_bridged,
	};
	const struct packet_play play = { pkt, 1, 0 };
	struct ir_outcome want = { .packets = packets, .bytes = bytes };
	int verdict = model_play(&model, hook, &play, &want) == MODEL_ACCEPT;
	int got = run(s->l.prog_fd[hook], hook, pkt);
	int bad;

	bad = compare_counters(s->k, &s->c.img, s->l.counter_fd, &want, num);
	if (got != verdict)
		bad = fprintf(stderr, "# verdict %d\n", got);
	free(packets);
	free(bytes);
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
	t->loaded += s.loaded;
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

FIXTURE_VARIANT(kernel)
{
	enum plan_mode mode;
};

FIXTURE_VARIANT_ADD(kernel, all_code) { PLAN_CODE };
FIXTURE_VARIANT_ADD(kernel, all_data) { PLAN_DATA };
FIXTURE_VARIANT_ADD(kernel, mixed) { PLAN_MIXED };

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
		ret = run(s.l.prog_fd[NF_INET_FORWARD], NF_INET_FORWARD, &pkt);
	memcpy(name, ret ? "\0\0" : "lo", 3);
	unload(&s);
	make_free(&mk);
	return ret;
}

static int read_kernel(struct kernel *k)
{
	int err, cpus = libbpf_num_possible_cpus();

	k->env = (struct compile_env) { &k->kb, cpus, HZ_ANY, PLAN_CODE };
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
	self->k.env.plan = variant->mode;
}

FIXTURE_TEARDOWN(kernel)
{
}

/* Chains that are data get classifiers even if they are short */
static int compare_series(struct kernel *k,
			  enum random_shape shape, enum random_tests tests,
			  struct tally *t)
{
	for (uint32_t seed = 1; seed <= num_rulesets(); seed++) {
		struct rng r = { .state = seed * 0x9e3779b97f4a7c15 };

		k->env.seed = seed;
		k->env.tree_rules = 2 + seed % 6;
		k->env.far_records = seed % 2 ? 1 : UINT32_MAX;
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
	EXPECT_EQ(num_rulesets(), t.loaded);
	EXPECT_LT(5 * num_rulesets(), t.packets);
}

TEST_F_TIMEOUT(kernel, legal_rules, 300)
{
	struct tally t = {};

	ASSERT_EQ(0, compare_series(&self->k, RANDOM_LEGAL, RANDOM_MANY, &t));
	EXPECT_EQ(num_rulesets(), t.loaded);
	EXPECT_LT(5 * num_rulesets(), t.packets);
}

TEST_F_TIMEOUT(kernel, forged_chains, 300)
{
	struct tally t = {};

	ASSERT_EQ(0, compare_series(&self->k, RANDOM_FORGED, RANDOM_FEW, &t));
	EXPECT_LE(num_rulesets() / 20, t.loaded);
	EXPECT_LT(num_rulesets() / 4, t.packets);
}

/* --- Source --- */

/* The text of the program's first line as the kernel has it, to be freed */
static char *read_first_line(int fd, struct bpf_prog_info *info)
{
	struct bpf_line_info line = {};
	uint32_t len = sizeof(*info);
	struct btf *btf;
	char *text;

	memset(info, 0, sizeof(*info));
	info->nr_line_info = 1;
	info->line_info_rec_size = sizeof(line);
	info->line_info = (uintptr_t)&line;
	if (bpf_prog_get_info_by_fd(fd, info, &len))
		return NULL;
	btf = btf__load_from_kernel_by_id(info->btf_id);
	if (!btf)
		return NULL;
	text = strdup(btf__str_by_offset(btf, line.line_off) ?: "");
	btf__free(btf);
	return text;
}

/* Lines of code and of machine code are as many, wherever JITs look for them */
TEST_F(kernel, source)
{
	struct subject s = { .k = &self->k };
	struct bpf_prog_info info;
	struct make mk;
	char *text;

	self->k.env.netns = 4026531840U;
	make_init(&mk);
	shape_nest(&mk, 6);
	ASSERT_EQ(0, load(&s, &mk)) TH_LOG("%s", s.why.text);
	text = read_first_line(s.l.prog_fd[NF_INET_LOCAL_IN], &info);
	EXPECT_STREQ("# table filter ipv4, hook INPUT, netns 4026531840",
		     text ?: "");
	EXPECT_STREQ("filter_INPUT_40", info.name);
	EXPECT_LT(10, info.nr_line_info);
	EXPECT_EQ(info.nr_line_info, info.nr_jited_line_info);
	free(text);
	unload(&s);
	make_free(&mk);
}

/* --- All that an IR can say --- */

/* struct ir_subject - a ruleset as it was made, and as it is in the kernel */
struct ir_subject {
	struct ir_ruleset *rs;
	struct ir_ruleset *passed;
	struct gen_image img;
	struct loaded l;
	bool loaded;
	struct refusal why;
};

/* What a kernel does to a packet that no hook of bpfilter's handed on */
#define ANSWER_REFUSED	2

/*
 * Chance is taken out of the rules, and so are changes of the mark, which are
 * refused.
 */
static void make_certain(struct ir_ruleset *rs)
{
	for (uint32_t i = 0; i < rs->num_tests; i++)
		if (rs->tests[i].kind == IR_TEST_RANDOM)
			rs->tests[i].value = rs->tests[i].value ? UINT32_MAX : 0;
	for (uint32_t i = 0; i < rs->num_rules; i++) {
		if (rs->rules[i].action != IR_ACTION_SET_MARK)
			continue;
		rs->rules[i].mark_keep = UINT32_MAX;
		rs->rules[i].mark_flip = 0;
	}
}

static int ir_load(struct ir_subject *s, const struct kernel *k)
{
	struct plan *plan = NULL;
	int ret;

	make_certain(s->rs);
	make_certain(s->passed);
	ret = bpfilter_passes_run(s->passed, &s->why);
	if (!ret)
		ret = bpfilter_plan_make(s->passed, &k->env, &plan, &s->why);
	if (!ret)
		ret = bpfilter_gen(s->passed, plan, &k->env, &s->img, &s->why);
	bpfilter_plan_free(plan);
	if (ret)
		return ret;
	s->loaded = true;
	return bpfilter_load(s->passed, &s->img, &s->l, &s->why);
}

static void ir_unload(struct ir_subject *s)
{
	if (s->loaded)
		bpfilter_loaded_close(&s->l);
	bpfilter_gen_free(&s->img);
	bpfilter_ir_free(s->passed);
	bpfilter_ir_free(s->rs);
}

static void ir_packet(struct rng *r, const struct kernel *k, uint16_t family,
		      struct packet *pkt)
{
	static const uint8_t types[] = {
		PACKET_HOST, PACKET_MULTICAST, PACKET_OTHERHOST,
	};

	do {
		random_ir_packet(r, family, pkt);
	} while (pkt->ext_len);
	memcpy(pkt->in, k->in, sizeof(pkt->in));
	memcpy(pkt->out, k->out, sizeof(pkt->out));
	pkt->link = (struct packet_link) {
		.not_ether = true, .type = types[rng_below(r, 3)],
	};
	pkt->conn = false;
	pkt->untracked = false;
	pkt->traced = false;
	pkt->gso_size = 0;
	pkt->mark = 0;
	memset(pkt->answers, ANSWER_REFUSED, sizeof(pkt->answers));
}

static int ir_compare(struct ir_subject *s, const struct kernel *k,
		      const struct packet *pkt)
{
	const struct packet_play play = { pkt, 1, 1 };
	uint64_t packets[MAX_RULES] = {}, bytes[MAX_RULES] = {};
	struct ir_outcome want = { .packets = packets, .bytes = bytes };
	int verdict = ir_play(s->rs, NF_INET_FORWARD, &play, &want);
	int got = run(s->l.prog_fd[NF_INET_FORWARD], NF_INET_FORWARD, pkt);

	if (got != verdict)
		return fprintf(stderr, "# verdict %d, not %d\n", got, verdict);
	return compare_counters(k, &s->img, s->l.counter_fd, &want,
				s->rs->num_rules);
}

static int ir_compare_ruleset(uint64_t seed, const struct kernel *k,
			      uint16_t family, struct tally *t)
{
	struct rng r = { seed }, again = { seed };
	struct ir_subject s = {
		.rs = random_ir(&r, family), .passed = random_ir(&again, family),
	};
	struct packet pkt;
	int bad = ir_load(&s, k);

	t->loaded += !bad;
	for (int n = 0; !bad && n < PACKETS; n++) {
		if (s.l.prog_fd[NF_INET_FORWARD] < 0)
			break;
		ir_packet(&r, k, family, &pkt);
		bad = ir_compare(&s, k, &pkt);
		t->packets++;
	}
	if (bad)
		fprintf(stderr, "# %s\n", s.why.text);
	if (bad)
		bpfilter_ir_dump(s.passed, stderr);
	ir_unload(&s);
	return bad;
}

FIXTURE(ir)
{
	struct kernel k;
};

FIXTURE_VARIANT(ir)
{
	uint16_t family;
	enum plan_mode mode;
};

FIXTURE_VARIANT_ADD(ir, ipv4) { NFPROTO_IPV4, PLAN_CODE };
FIXTURE_VARIANT_ADD(ir, ipv4_data) { NFPROTO_IPV4, PLAN_DATA };
FIXTURE_VARIANT_ADD(ir, ipv4_mixed) { NFPROTO_IPV4, PLAN_MIXED };
FIXTURE_VARIANT_ADD(ir, ipv6) { NFPROTO_IPV6, PLAN_CODE };
FIXTURE_VARIANT_ADD(ir, ipv6_data) { NFPROTO_IPV6, PLAN_DATA };
FIXTURE_VARIANT_ADD(ir, ipv6_mixed) { NFPROTO_IPV6, PLAN_MIXED };

FIXTURE_SETUP(ir)
{
	int err = read_kernel(&self->k);

	if (err == -EPERM)
		SKIP(return, "needs root");
	ASSERT_EQ(0, err);
	if (self->k.kb.func[KBTF_FUNC_XT_MATCH] == KBTF_NONE)
		SKIP(return, "a kernel without bpfilter");
	self->k.env.plan = variant->mode;
}

FIXTURE_TEARDOWN(ir)
{
}

TEST_F_TIMEOUT(ir, loads_and_runs, 300)
{
	struct tally t = {};
	uint32_t seed;

	for (seed = 1; seed <= num_rulesets(); seed++) {
		self->k.env.seed = seed;
		self->k.env.tree_rules = 2 + seed % 6;
		self->k.env.far_records = seed % 2 ? 1 : UINT32_MAX;
		ASSERT_EQ(0, ir_compare_ruleset(seed * 0x9e3779b97f4a7c15,
						&self->k, variant->family, &t))
			TH_LOG("seed %u", seed);
	}
	fprintf(stderr, "# %u loaded, %u packets\n", t.loaded, t.packets);
	EXPECT_EQ(num_rulesets(), t.loaded);
	EXPECT_LT(5 * num_rulesets(), t.packets);
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
	enum plan_mode mode;
};

FIXTURE_VARIANT_ADD(limit, final_rules) {
	shape_final, 11000, 5000, PLAN_CODE
};

FIXTURE_VARIANT_ADD(limit, counting_rules) {
	shape_counting, 20000, 15000, PLAN_CODE
};

FIXTURE_VARIANT_ADD(limit, rules_with_many_tests) {
	shape_tests, 4000, 3000, PLAN_CODE
};

FIXTURE_VARIANT_ADD(limit, nested_chains) {
	shape_nest, 200, 100, PLAN_CODE
};

FIXTURE_VARIANT_ADD(limit, many_chains) {
	shape_fan, 1000, 500, PLAN_CODE
};

FIXTURE_VARIANT_ADD(limit, bridged_rules) {
	shape_bridged, 5000, 3000, PLAN_CODE
};

/* As data there is none but memory, and that is what is taken then */
FIXTURE_VARIANT_ADD(limit, more_final_rules) {
	shape_final, 40000, 35000, PLAN_AUTO
};

FIXTURE_VARIANT_ADD(limit, more_counting_rules) {
	shape_counting, 40000, 35000, PLAN_AUTO
};

FIXTURE_VARIANT_ADD(limit, more_rules_with_many_tests) {
	shape_tests, 20000, 15000, PLAN_AUTO
};

FIXTURE_VARIANT_ADD(limit, more_nested_chains) {
	shape_nest, 5000, 3000, PLAN_AUTO
};

FIXTURE_VARIANT_ADD(limit, more_chains) {
	shape_fan, 10000, 5000, PLAN_AUTO
};

FIXTURE_VARIANT_ADD(limit, more_bridged_rules) {
	shape_bridged, 20000, 15000, PLAN_AUTO
};

FIXTURE_SETUP(limit)
{
	int err = read_kernel(&self->k);

	if (err == -EPERM)
		SKIP(return, "needs root");
	ASSERT_EQ(0, err);
	if (variant->make == shape_bridged &&
	    self->k.kb.func[KBTF_FUNC_XT_MATCH] == KBTF_NONE)
		SKIP(return, "a kernel without bpfilter");
	self->k.env.plan = variant->mode;
}

FIXTURE_TEARDOWN(limit)
{
}

TEST_F_TIMEOUT(limit, loads_and_runs, 300)
{
	struct packet pkt = { .proto = IPPROTO_TCP, .l4_len = 20 };
	struct subject s = { .k = &self->k };
	struct make mk;

	memset(pkt.answers, ANSWER_REFUSED, sizeof(pkt.answers));
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
