// SPDX-License-Identifier: GPL-2.0
/*
 * The emitter's front: a program per hook, and the counter map that they share.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/netfilter.h>
#include <linux/netfilter/x_tables.h>

#include "gen_walk.h"
#include "ir_build.h"
#include "plan_limits.h"

/* An offset in a map's value cannot be addressed beyond (BPF_MAX_VAR_OFF) */
#define COUNTER_MAP_MAX		(512U * 1024 * 1024)
/* Rows start on cache lines of their own */
#define COUNTER_ROW_ALIGN	64

/* --- Names --- */

static bool name_taken(const struct gen_prog *prog, uint32_t num,
		       const char *name)
{
	uint32_t i;

	for (i = 0; i < num; i++)
		if (!strcmp(prog->funcs[i].name, name))
			return true;
	return false;
}

/* Make @name a C identifier that none of the first @num functions has */
static void name_func(struct gen_prog *prog, uint32_t num, const char *name)
{
	char *out = prog->funcs[num].name;
	size_t size = sizeof(prog->funcs[num].name);
	char base[52];
	int i, copy;

	/* Neither a digit in front nor nothing at all */
	snprintf(base, sizeof(base), "%s%s",
		 isdigit((unsigned char)*name) || !*name ? "_" : "", name);
	for (i = 0; base[i]; i++)
		if (!isalnum((unsigned char)base[i]))
			base[i] = '_';
	snprintf(out, size, "%s", base);
	for (copy = 2; name_taken(prog, num, out); copy++)
		snprintf(out, size, "%s_%d", base, copy);
}

/* The entry's name is the program's: table, family, hook, network namespace */
static void name_entry(const struct gen *g, const char *chain, char *name,
		       size_t size)
{
	const char *family = g->rs->family == NFPROTO_IPV6 ? "6" : "";
	int len = snprintf(name, size, "%s%s_%s", g->rs->table, family, chain);

	if (g->env->netns)
		snprintf(name + len, size - len, "_%u", g->env->netns);
}

static void name_chain_func(const struct gen *g, struct gen_prog *prog,
			    const struct plan_func *f)
{
	const char *chain = g->rs->chains[f->chain].name;
	char name[96];

	if (f == &g->plan->funcs[0])
		name_entry(g, chain, name, sizeof(name));
	else if (f->is_segment)
		snprintf(name, sizeof(name), "%s_rule_%u", chain,
			 g->rs->rules[f->first].number);
	else
		snprintf(name, sizeof(name), "%s", chain);
	name_func(prog, prog->num_funcs, name);
}

/* --- Functions --- */

/*
 * The kernel finds functions by the calls to them: one that is not called is
 * unreachable code, so there must be none. Tests that never hold can leave a
 * chain without a call.
 */
static bool is_called(const struct gen *g, uint32_t label)
{
	return label == g->func_label[0] || asm_used(&g->code, label);
}

static void put_func(const struct gen *g, struct gen_prog *prog, uint32_t label)
{
	struct gen_func *f = &prog->funcs[prog->num_funcs++];

	f->insn_off = asm_pos(&g->code, label);
	f->is_entry = prog->num_funcs == 1;
}

static void list_other(const struct gen *g, struct gen_prog *prog,
		       const char *name, uint32_t label)
{
	if (!is_called(g, label))
		return;
	name_func(prog, prog->num_funcs, name);
	put_func(g, prog, label);
}

/* The functions in the order of emit_all() */
static int list_funcs(const struct gen *g, struct gen_prog *prog)
{
	uint32_t num = g->plan->num_funcs;
	uint32_t i;

	prog->funcs = calloc(num + PLAN_FUNCS_OTHER, sizeof(*prog->funcs));
	if (!prog->funcs)
		return -ENOMEM;
	for (i = 0; i < num; i++) {
		if (!is_called(g, g->func_label[i]))
			continue;
		name_chain_func(g, prog, &g->plan->funcs[i]);
		put_func(g, prog, g->func_label[i]);
		prog->funcs[prog->num_funcs - 1].first = g->plan->funcs[i].first;
		prog->funcs[prog->num_funcs - 1].end = g->plan->funcs[i].end;
	}
	list_other(g, prog, "load_state", g->load_state);
	list_other(g, prog, "walk", g->walk);
	list_other(g, prog, "load_packet", g->load_packet);
	list_other(g, prog, "load_options", g->load_options);
	return 0;
}

/* All callers of a function stand before it in the plan */
static int emit_all(struct gen *g)
{
	uint32_t i;

	g->func_label = calloc(g->plan->num_funcs, sizeof(*g->func_label));
	if (!g->func_label)
		return -ENOMEM;
	for (i = 0; i < g->plan->num_funcs; i++)
		g->func_label[i] = asm_label(&g->code);
	g->load_state = asm_label(&g->code);
	g->load_packet = asm_label(&g->code);
	g->load_options = asm_label(&g->code);
	g->walk = asm_label(&g->code);

	for (i = 0; i < g->plan->num_funcs; i++)
		if (is_called(g, g->func_label[i]))
			gen_func(g, &g->plan->funcs[i]);
	gen_load_state(g);
	if (is_called(g, g->walk))
		gen_walk(g);
	if (is_called(g, g->load_packet))
		gen_load_packet(g);
	if (is_called(g, g->load_options))
		gen_load_options(g);
	return asm_finish(&g->code);
}

/* --- Programs --- */

/* What the chains that packets can get to at this hook ask of walk() */
static void set_features(struct gen *g)
{
	uint32_t i;

	for (i = 0; i < g->rs->num_chains; i++)
		if (g->plan->data[i])
			g->features |= g->img->data.chains[i].features;
}

static int gen_hook(struct gen *g, struct gen_prog *prog, struct refusal *why)
{
	const struct refuse_where where = {
		.table = g->rs->table,
		.chain = bpfilter_ir_hook_name(g->hook),
	};
	int err;

	err = emit_all(g);
	if (!err && gen_kernel_check(g, why))
		return -EINVAL;
	if (!err)
		err = list_funcs(g, prog);
	if (!err)
		err = gen_lines_settle(g, prog);
	if (err)
		return bpfilter_refuse(why, err == -ENOMEM ? ENOMEM : EINVAL,
				       false, &where, "cannot be emitted: %s",
				       strerror(-err));
	prog->insns = g->code.insns;
	prog->num_insns = g->code.num_insns;
	g->code.insns = NULL;
	return 0;
}

static int gen_program(const struct ir_ruleset *rs, const struct plan *plan,
		       const struct compile_env *env, struct gen_image *img,
		       int hook, struct refusal *why)
{
	struct gen g = {
		.rs = rs,
		.plan = &plan->hook[hook],
		.env = env,
		.img = img,
		.hook = hook,
	};
	int err;

	if (!g.plan->num_funcs)
		return 0;
	set_features(&g);
	err = gen_hook(&g, &img->prog[hook], why);
	asm_free(&g.code);
	free(g.func_label);
	free(g.frames);
	free(g.asides);
	free(g.lines);
	return err;
}

/*
 * A row has the counters, then stacks of jumps. The kernel's bpfilter has one
 * packet at a time walk on a CPU, or one within the other: one stack, three times
 * what one packet can take, since an extension may send another on the way, and
 * so may one that this one meets: REJECT's answer can be copied by TEE. Under
 * links each walk takes a stack of its own.
 */
static void lay_out_jumps(const struct plan *plan, const struct compile_env *env,
			  struct gen_image *img)
{
	const bool links = env->use == COMPILE_LINKS;
	const uint32_t one = (links ? 1 : 3) * plan->depth *
			     sizeof(struct walk_jump);

	if (!plan->depth)
		return;
	img->jumps_one = WALK_JUMPS + one;
	img->jumps_size = one + (links ? WALK_STACKS - 1 : 0) * img->jumps_one;
}

static int lay_out_counters(const struct ir_ruleset *rs,
			    const struct plan *plan,
			    const struct compile_env *env,
			    struct gen_image *img, struct refusal *why)
{
	const struct refuse_where where = { .table = rs->table };
	uint64_t row = (uint64_t)rs->num_rules * sizeof(struct xt_counters);

	img->jumps_off = row;
	lay_out_jumps(plan, env, img);
	if (img->jumps_size)
		row += WALK_JUMPS + img->jumps_size;
	row = (row + COUNTER_ROW_ALIGN - 1) & ~(COUNTER_ROW_ALIGN - 1ULL);
	if (!env->nr_cpus || row * env->nr_cpus > COUNTER_MAP_MAX)
		return bpfilter_refuse(why, EINVAL, false, &where,
				       "counters of %u rules for %u CPUs need more than %u MiB",
				       rs->num_rules, env->nr_cpus,
				       COUNTER_MAP_MAX >> 20);
	img->counter_stride = row;
	img->nr_cpus = env->nr_cpus;
	img->netns = env->netns;
	img->run_state_size = sizeof(struct run_state);
	return 0;
}

static int make_data(const struct ir_ruleset *rs, const struct plan *plan,
		     const struct compile_env *env, struct gen_image *img,
		     struct refusal *why)
{
	int err = data_table_make(&img->data, rs, plan, env, why);

	if (err || !img->data.buf.len)
		return err;
	img->data_size = img->data.buf.len + WALK_PAD;
	return 0;
}

/**
 * bpfilter_gen() - emit a table's programs
 * @rs:		the table
 * @plan:	its plan
 * @env:	the kernel that they are for
 * @img:	filled; release it with bpfilter_gen_free(), also after an error
 * @why:	where a refusal goes
 *
 * Return: 0, or a negative errno after a refusal:
 * * -EINVAL	the kernel lacks something, or a program or the counters are
 *		too large
 * * -ENOMEM	out of memory
 */
int bpfilter_gen(const struct ir_ruleset *rs, const struct plan *plan,
		 const struct compile_env *env, struct gen_image *img,
		 struct refusal *why)
{
	int hook, err;

	memset(img, 0, sizeof(*img));
	err = lay_out_counters(rs, plan, env, img, why);
	if (!err)
		err = make_data(rs, plan, env, img, why);
	for (hook = 0; !err && hook < BPFILTER_NUMHOOKS; hook++)
		err = gen_program(rs, plan, env, img, hook, why);
	return err;
}

/**
 * bpfilter_gen_free() - release an image
 * @img:	image
 */
void bpfilter_gen_free(struct gen_image *img)
{
	for (int hook = 0; hook < BPFILTER_NUMHOOKS; hook++) {
		free(img->prog[hook].insns);
		free(img->prog[hook].funcs);
		free(img->prog[hook].lines);
	}
	data_table_free(&img->data);
	memset(img, 0, sizeof(*img));
}
