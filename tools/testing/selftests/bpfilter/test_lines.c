// SPDX-License-Identifier: GPL-2.0
/*
 * A program's source: which lines stand above which instructions, and where
 * there is an end to them. What the verifier asks of lines is checked for
 * random rulesets; that it takes them is up to run_progs.
 */
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_comment.h>
#include <bpf/btf.h>

#include "../kselftest_harness.h"
#include "compile.h"
#include "prog_lines.h"
#include "unit/blob_make.h"
#include "unit/bpf_vm.h"
#include "unit/random.h"
#include "unit/random_ir.h"
#include "unit/shapes.h"

#define HOOK		NF_INET_LOCAL_IN
#define NETNS		4026531840U
#define RULESETS	200

/* --- BTF, as far as lines need it: an array of strings --- */

struct btf {
	char **strs;
	int num;
};

int btf__add_str(struct btf *btf, const char *str)
{
	btf->strs = realloc(btf->strs, (btf->num + 1) * sizeof(*btf->strs));
	btf->strs[btf->num] = strdup(str);
	return btf->num++;
}

static void btf_clear(struct btf *btf)
{
	for (int i = 0; i < btf->num; i++)
		free(btf->strs[i]);
	free(btf->strs);
	memset(btf, 0, sizeof(*btf));
}

/* --- One program --- */

FIXTURE(prog)
{
	struct make mk;
	struct kernel_btf kb;
	struct compile_env env;
	struct compiled c;
	struct refusal why;
	struct btf btf;
	struct prog_lines lines;
	void *blob;
};

static void start(struct _test_data_prog *p)
{
	memset(p, 0, sizeof(*p));
	make_init(&p->mk);
	vm_kernel_btf(&p->kb);
	p->env = (struct compile_env) {
		&p->kb, 2, VM_HZ, PLAN_CODE, .netns = NETNS,
	};
}

static void end(struct _test_data_prog *p)
{
	bpfilter_compiled_free(&p->c);
	btf_clear(&p->btf);
	free(p->lines.info);
	free(p->blob);
	make_free(&p->mk);
}

FIXTURE_SETUP(prog)
{
	start(self);
}

FIXTURE_TEARDOWN(prog)
{
	end(self);
}

static int compile(struct _test_data_prog *p)
{
	size_t size;

	p->blob = make_blob(&p->mk, &size);
	return bpfilter_compile(p->blob, size, NFPROTO_IPV4, &p->env, &p->c,
				&p->why);
}

static int print(struct _test_data_prog *p, int hook)
{
	return bpfilter_prog_lines_make(&p->lines, &p->btf, p->c.rs, &p->c.img,
					hook);
}

static const char *text(const struct _test_data_prog *p, uint32_t line)
{
	return p->btf.strs[p->lines.info[line].line_off];
}

static const char *file(const struct _test_data_prog *p, uint32_t line)
{
	return p->btf.strs[p->lines.info[line].file_name_off];
}

static uint32_t number(const struct _test_data_prog *p, uint32_t line)
{
	return BPF_LINE_INFO_LINE_NUM(p->lines.info[line].line_col);
}

static int find(const struct _test_data_prog *p, const char *want)
{
	for (uint32_t i = 0; i < p->lines.num; i++)
		if (!strcmp(text(p, i), want))
			return i;
	return -1;
}

/* Does the instruction at @off belong to @want? */
static bool belongs(const struct _test_data_prog *p, uint32_t off,
		    const char *want)
{
	uint32_t i = p->lines.num;

	while (i-- > 0)
		if (p->lines.info[i].insn_off <= off)
			return !strcmp(text(p, i), want);
	return false;
}

/*
 * Ascending from the first instruction on, never within one, and one where each
 * function starts
 */
static int check(const struct _test_data_prog *p, int hook)
{
	const struct gen_prog *prog = &p->c.img.prog[hook];
	const struct bpf_line_info *info = p->lines.info;
	uint32_t func = 0;

	for (uint32_t i = 0; i < p->lines.num; i++) {
		uint32_t off = info[i].insn_off;

		if (off >= prog->num_insns || !prog->insns[off].code ||
		    (i && off <= info[i - 1].insn_off))
			return -1;
		if (func == prog->num_funcs || prog->funcs[func].insn_off > off)
			continue;
		if (prog->funcs[func++].insn_off != off)
			return -1;
	}
	return func != prog->num_funcs;
}

/* --- What they say --- */

/* INPUT jumps to a chain with one rule, then counts */
static void make_small(struct make *mk)
{
	struct make_entry *e;

	e = make_jump(mk, 5);
	make_proto(e, IPPROTO_TCP);
	e = make_jump(mk, 5);
	make_proto(e, IPPROTO_UDP);
	make_jump(mk, 3);
	make_verdict(mk, VERDICT_DROP);
	make_head(mk, "hosts");
	for (uint32_t i = 0; i < 12; i++)
		shape_source(make_verdict(mk, VERDICT_ACCEPT), i);
	make_verdict(mk, VERDICT_RETURN);
	make_head(mk, "ERROR");
	make_hook(mk, HOOK, 0, 3);
}

static const struct {
	const char *file;
	uint32_t number;
	const char *text;
} small_lines[] = {
	{ "ipv4/filter/INPUT", 0,
	  "# table filter ipv4, hook INPUT, netns 4026531840" },
	{ "ipv4/filter/INPUT", 1, "-A INPUT -p tcp -j hosts" },
	{ "ipv4/filter/INPUT", 2, "-A INPUT -p udp -j hosts" },
	{ "ipv4/filter/INPUT", 3, "-A INPUT" },
	{ "ipv4/filter/INPUT", 4, "-P INPUT DROP" },
	{ "ipv4/filter", 0, "# a chain's function has the verdict" },
	{ "ipv4/filter", 0, "# drop" },
};

TEST_F(prog, rules)
{
	const struct gen_prog *prog = &self->c.img.prog[HOOK];
	int chain;

	make_small(&self->mk);
	ASSERT_EQ(0, compile(self)) TH_LOG("%s", self->why.text);
	ASSERT_EQ(0, print(self, HOOK));
	EXPECT_EQ(0, check(self, HOOK));
	EXPECT_STREQ("filter_INPUT_4026531840", prog->funcs[0].name);
	for (uint32_t i = 0; i < ARRAY_SIZE(small_lines); i++) {
		ASSERT_LT(i, self->lines.num);
		EXPECT_STREQ(small_lines[i].text, text(self, i));
		EXPECT_STREQ(small_lines[i].file, file(self, i));
		EXPECT_EQ(small_lines[i].number, number(self, i));
	}
	chain = find(self, "# chain hosts");
	ASSERT_LE(0, chain);
	EXPECT_EQ(prog->funcs[1].insn_off, self->lines.info[chain].insn_off);
	EXPECT_STREQ("-A hosts -s 0.0.0.3/32 -j ACCEPT",
		     text(self, chain + 4));
	EXPECT_STREQ("ipv4/filter/hosts", file(self, chain + 4));
	EXPECT_EQ(4, number(self, chain + 4));
	EXPECT_LT(0, find(self, "# end of hosts"));
	EXPECT_LT(0, find(self, "# load_state"));
}

TEST_F(prog, walked)
{
	const struct gen_prog *prog = &self->c.img.prog[HOOK];
	int walk;

	self->env.plan = PLAN_DATA;
	make_small(&self->mk);
	ASSERT_EQ(0, compile(self)) TH_LOG("%s", self->why.text);
	ASSERT_EQ(0, print(self, HOOK));
	EXPECT_EQ(0, check(self, HOOK));
	EXPECT_STREQ("# chain INPUT as data: 4 records, 0 classifiers",
		     text(self, 1));
	walk = find(self, "# walk: this CPU's counters");
	ASSERT_LE(0, walk);
	for (uint32_t i = 0; i < prog->num_funcs; i++)
		if (!strcmp(prog->funcs[i].name, "walk"))
			EXPECT_EQ(prog->funcs[i].insn_off,
				  self->lines.info[walk].insn_off);
	EXPECT_LT(walk, find(self, "# walk: the rule matched, count the packet"));
	EXPECT_LT(walk, find(self, "# walk: jump to a chain"));
	EXPECT_EQ(-1, find(self, "# walk: set the mark"));
	EXPECT_EQ(-1, find(self, "-A hosts -s 0.0.0.3/32 -j ACCEPT"));
}

/* --- Where they end --- */

TEST_F(prog, too_many_lines)
{
	const uint32_t num = 2 * PROG_LINES_MAX;
	const struct gen_prog *prog = &self->c.img.prog[HOOK];
	const char *last = "# rules from here on, without lines: there are too many";
	uint32_t end;

	shape_final(&self->mk, num);
	ASSERT_EQ(0, compile(self)) TH_LOG("%s", self->why.text);
	ASSERT_EQ(0, print(self, HOOK));
	EXPECT_EQ(0, check(self, HOOK));
	EXPECT_LT(num, prog->num_lines);
	EXPECT_LE(PROG_LINES_MAX, self->lines.num);
	EXPECT_GE(PROG_LINES_MAX + 1 + prog->num_funcs, self->lines.num);
	EXPECT_LE(0, find(self, last));
	/* What comes behind is not taken for the last rule that has one */
	end = prog->funcs[prog->num_funcs - 2].insn_off - 1;
	EXPECT_FALSE(belongs(self, end, text(self, PROG_LINES_MAX - 1)));
}

TEST_F(prog, too_much_text)
{
	const uint32_t num = PROG_LINES_MAX - 64;
	size_t bytes = 0;

	for (uint32_t i = 0; i < num; i++) {
		struct make_entry *e = make_verdict(&self->mk, VERDICT_ACCEPT);

		shape_source(e, i);
		memset(make_match(e, "comment", 0,
				  sizeof(struct xt_comment_info)), 'x', 255);
	}
	shape_end_input(&self->mk, 0);
	shape_end(&self->mk);
	ASSERT_EQ(0, compile(self)) TH_LOG("%s", self->why.text);
	ASSERT_EQ(0, print(self, HOOK));
	EXPECT_EQ(0, check(self, HOOK));
	for (int i = 0; i < self->btf.num; i++)
		bytes += strlen(self->btf.strs[i]) + 1;
	EXPECT_LT(PROG_LINES_TEXT, bytes);
	EXPECT_GT(PROG_LINES_TEXT + 4096, bytes);
}

/* --- All kinds of rulesets --- */

static int check_ruleset(struct rng *r, enum plan_mode mode)
{
	struct _test_data_prog p;
	int bad = 0;

	start(&p);
	p.env.plan = mode;
	p.env.tree_rules = 2;
	random_ruleset(r, &p.mk, RANDOM_LEGAL, RANDOM_ALL);
	if (!compile(&p)) {
		for (int hook = 0; hook < BPFILTER_NUMHOOKS && !bad; hook++) {
			if (!p.c.img.prog[hook].num_insns)
				continue;
			bad = print(&p, hook) || check(&p, hook);
			btf_clear(&p.btf);
			free(p.lines.info);
			p.lines.info = NULL;
		}
	}
	end(&p);
	return bad;
}

TEST(random_rulesets)
{
	static const enum plan_mode modes[] = {
		PLAN_CODE, PLAN_DATA, PLAN_MIXED,
	};
	struct rng r = { 7 };

	for (int i = 0; i < RULESETS; i++) {
		ASSERT_EQ(0, check_ruleset(&r, modes[i % ARRAY_SIZE(modes)]))
			TH_LOG("ruleset %d", i);
	}
}

TEST_HARNESS_MAIN
