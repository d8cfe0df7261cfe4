// SPDX-License-Identifier: GPL-2.0
/*
 * The planner: graph of chains -> which become functions -> where long ones
 * are cut. See plan.h.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ir_build.h"
#include "plan.h"
#include "plan_graph.h"
#include "plan_limits.h"

/**
 * plan_refuse() - refuse a table, or a hook of it
 * @pg:		graph
 * @hook:	hook, or -1 for the table
 * @why:	where the refusal goes
 * @fmt:	reason
 *
 * Return: -EINVAL, or the errno of an earlier refusal.
 */
int plan_refuse(const struct plan_graph *pg, int hook, struct refusal *why,
		const char *fmt, ...)
{
	const struct refuse_where where = {
		.table = pg->rs->table,
		.chain = hook < 0 ? NULL : bpfilter_ir_hook_name(hook),
	};
	char reason[BPFILTER_MESSAGE_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(reason, sizeof(reason), fmt, args);
	va_end(args);
	return bpfilter_refuse(why, EINVAL, false, &where, "%s", reason);
}

static int refuse_rule(const struct plan_graph *pg, uint32_t rule,
		       uint64_t branches, struct refusal *why)
{
	const struct ir_rule *r = &pg->rs->rules[rule];
	const struct refuse_where where = {
		.table = pg->rs->table,
		.chain = r->chain < 0 ? NULL : pg->rs->chains[r->chain].name,
		.number = r->number,
	};

	return bpfilter_refuse(why, EINVAL, false, &where,
			       "chains below it need %llu branches, at most %u",
			       (unsigned long long)branches,
			       PLAN_RULE_BRANCHES_MAX);
}

/* --- Segments --- */

/**
 * plan_is_cut() - does a chain take more than one function?
 * @pg:		graph
 * @chain:	chain
 * @branches:	its branches
 *
 * Return: whether it does.
 */
bool plan_is_cut(const struct plan_graph *pg, uint32_t chain,
		 uint64_t branches)
{
	return branches > (chain == pg->order[0] ? PLAN_ENTRY_BRANCHES :
						   PLAN_SEGMENT_BRANCHES);
}

/* Branches of a rule with all that stands inline in it */
static uint64_t rule_branches(const struct plan_graph *pg, uint32_t rule)
{
	const struct ir_rule *r = &pg->rs->rules[rule];
	uint64_t sum = plan_rule_cost(pg->rs, r).branches;

	if ((r->action == IR_ACTION_JUMP || r->action == IR_ACTION_GOTO) &&
	    pg->nodes[r->target_chain].is_inline)
		sum += pg->nodes[r->target_chain].full.branches;
	return sum;
}

/**
 * struct cutter - cutting chains into functions
 * @pg:		graph
 * @funcs:	where functions go, NULL to count only
 * @num:	functions so far
 */
struct cutter {
	const struct plan_graph *pg;
	struct plan_func *funcs;
	uint32_t num;
};

static void put_func(struct cutter *c, uint32_t chain, uint32_t first,
		     uint32_t end, bool is_segment)
{
	if (c->funcs)
		c->funcs[c->num] = (struct plan_func) {
			.chain = chain,
			.first = first,
			.end = end,
			.is_segment = is_segment,
		};
	c->num++;
}

/* Only the last rule stays in an entry that would be too long otherwise */
static void cut_entry(struct cutter *c, uint32_t *first, uint32_t end)
{
	put_func(c, c->pg->order[0], *first, end - 1, true);
	*first = end - 1;
}

/* The last piece of a chain stays in the chain's function, before the others */
static int cut_chain(struct cutter *c, uint32_t chain, struct refusal *why)
{
	const struct ir_chain *ic = &c->pg->rs->chains[chain];
	uint32_t i, self = c->num, first = ic->first;
	uint32_t end = c->pg->nodes[chain].code_end;
	uint64_t sum = 0, more;

	put_func(c, chain, first, end, false);
	if (!plan_is_cut(c->pg, chain, c->pg->nodes[chain].full.branches))
		return 0;
	for (i = first; i < end; i++) {
		more = rule_branches(c->pg, i);
		if (more > PLAN_RULE_BRANCHES_MAX)
			return refuse_rule(c->pg, i, more, why);
		if (sum + more > PLAN_SEGMENT_BRANCHES) {
			put_func(c, chain, first, i, true);
			first = i;
			sum = 0;
		}
		sum += more;
	}
	if (chain == c->pg->order[0] && sum > PLAN_ENTRY_BRANCHES &&
	    first < end - 1)
		cut_entry(c, &first, end);
	if (c->funcs) {
		c->funcs[self].first = first;
		c->funcs[self].num_segments = c->num - self - 1;
	}
	return 0;
}

static int cut_all(struct cutter *c, struct refusal *why)
{
	uint32_t i;
	int err = 0;

	for (i = 0; !err && i < c->pg->num_order; i++)
		if (!c->pg->nodes[c->pg->order[i]].is_inline)
			err = cut_chain(c, c->pg->order[i], why);
	return err;
}

static int count_funcs(const struct plan_graph *pg, uint32_t *num,
		       struct refusal *why)
{
	struct cutter c = { .pg = pg };
	int err = cut_all(&c, why);

	*num = c.num;
	return err;
}

/* --- Limits --- */

static int limit_funcs(struct plan_graph *pg, int hook, struct refusal *why)
{
	const uint32_t max = PLAN_FUNCS_MAX - PLAN_FUNCS_OTHER;
	uint32_t num;
	int ret;

	for (;;) {
		ret = count_funcs(pg, &num, why);
		if (ret || num <= max)
			return ret;
		ret = plan_inline_for_count(pg, num - max);
		if (ret < 0)
			return bpfilter_refuse(why, ENOMEM, false, NULL,
					       "out of memory");
		if (!ret)
			return plan_refuse(pg, hook, why,
					   "needs %u functions, at most %u",
					   num, max);
		plan_graph_sum(pg);
	}
}

static int limit_size(const struct plan_graph *pg, int hook,
		      struct refusal *why)
{
	uint64_t insns = 0, walk = pg->nodes[pg->order[0]].walk;
	uint32_t i;

	for (i = 0; i < pg->num_order; i++) {
		const struct plan_node *n = &pg->nodes[pg->order[i]];

		if (!n->is_inline)
			insns = plan_sum(insns, n->full.insns);
	}
	if (insns > PLAN_INSNS_MAX)
		return plan_refuse(pg, hook, why,
				   "needs about %llu instructions, at most %u",
				   (unsigned long long)insns, PLAN_INSNS_MAX);
	if (walk > PLAN_WALK_MAX)
		return plan_refuse(pg, hook, why,
				   "has %llu instructions on all paths, at most %u",
				   (unsigned long long)walk, PLAN_WALK_MAX);
	return 0;
}

/* Frames that a path takes at most, with segments where they came to be */
static int limit_frames(const struct plan_graph *pg, int hook,
			struct refusal *why)
{
	uint32_t i, j, deepest = 0;
	uint32_t *frames = calloc(pg->rs->num_chains, sizeof(*frames));

	if (!frames)
		return bpfilter_refuse(why, ENOMEM, false, NULL,
				       "out of memory");
	for (i = 0; i < pg->num_order; i++) {
		uint32_t chain = pg->order[i];
		const struct plan_chain *pc = &pg->chains[chain];
		const struct plan_node *n = &pg->nodes[chain];
		uint32_t here = frames[chain] + !n->is_inline;

		if (!n->is_inline && plan_is_cut(pg, chain, n->full.branches))
			here++;
		if (deepest < here)
			deepest = here;
		for (j = 0; j < n->code_calls; j++) {
			uint32_t to = pg->calls[pc->calls + j];

			if (frames[to] < here)
				frames[to] = here;
		}
	}
	free(frames);
	if (deepest > pg->frames_max)
		return plan_refuse(pg, hook, why,
				   "needs %u frames on the stack, at most %u",
				   deepest, pg->frames_max);
	return 0;
}

/* --- What becomes of it --- */

static void set_places(const struct plan_graph *pg, struct plan_hook *ph,
		       struct plan *plan)
{
	uint32_t i;

	for (i = 0; i < pg->rs->num_chains; i++)
		ph->func_of[i] = PLAN_UNREACHED;
	for (i = 0; i < pg->num_reached; i++) {
		uint32_t chain = pg->reached[i];
		const struct plan_node *n = &pg->nodes[chain];

		if (n->is_data)
			ph->func_of[chain] = PLAN_WALKED;
		if (n->is_code)
			ph->func_of[chain] = PLAN_INLINE;
		ph->data[chain] = n->is_data;
		plan->is_data[chain] |= n->is_data;
		if (n->is_data && n->code_end < pg->rs->chains[chain].end)
			plan->data_first[chain] = n->code_end;
	}
	for (i = 0; i < ph->num_funcs; i++)
		if (!ph->funcs[i].is_segment &&
		    pg->nodes[ph->funcs[i].chain].is_code)
			ph->func_of[ph->funcs[i].chain] = i;
}

/* A hook's own chain that is data leaves an entry without rules */
static int fill_funcs(struct cutter *c, struct refusal *why)
{
	const struct plan_graph *pg = c->pg;
	const struct ir_chain *own = &pg->rs->chains[pg->reached[0]];

	if (pg->nodes[pg->reached[0]].is_code)
		return cut_all(c, why);
	put_func(c, pg->reached[0], own->end, own->end, false);
	return 0;
}

static int fill_hook(const struct plan_graph *pg, struct plan_hook *ph,
		     struct plan *plan, struct refusal *why)
{
	struct cutter c = { .pg = pg };
	int err;

	err = fill_funcs(&c, why);
	if (err)
		return err;
	ph->funcs = calloc(c.num, sizeof(*ph->funcs));
	ph->func_of = calloc(pg->rs->num_chains, sizeof(*ph->func_of));
	ph->data = calloc(pg->rs->num_chains, sizeof(*ph->data));
	if (!ph->funcs || !ph->func_of || !ph->data)
		return bpfilter_refuse(why, ENOMEM, false, NULL,
				       "out of memory");
	c = (struct cutter) { .pg = pg, .funcs = ph->funcs };
	err = fill_funcs(&c, why);
	ph->num_funcs = c.num;
	set_places(pg, ph, plan);
	return err;
}

/*
 * What the hook's rules need. Where data is walked, or a packet is read again,
 * the functions that do so stand on top of any chain's frames.
 */
static void set_need(struct plan_graph *pg, const struct compile_env *env,
		     struct plan_need *need)
{
	bool data = false;
	uint32_t i;

	memset(need, 0, sizeof(*need));
	for (i = 0; i < pg->num_reached; i++) {
		uint32_t chain = pg->reached[i];
		const struct plan_node *n = &pg->nodes[chain];

		plan_need_merge(need, &pg->chains[chain].need);
		if (!n->is_data)
			continue;
		plan_need_data(need, &pg->chains[chain].need,
			       plan_wants_tree(pg->rs, chain, env));
		data = true;
	}
	pg->frames_max = PLAN_FRAMES_MAX - data;
	if (need->reload)
		pg->frames_max -= need->fields & 1ULL << IR_FIELD_TCP_OPTION ?
				  2 : 1;
}

/* Chains of data that a packet can be in at once */
static int find_depth(const struct plan_graph *pg, struct plan *plan,
		      struct refusal *why)
{
	uint32_t *depth = calloc(pg->rs->num_chains, sizeof(*depth));
	uint32_t i, j;

	if (!depth)
		return bpfilter_refuse(why, ENOMEM, false, NULL,
				       "out of memory");
	for (i = 0; i < pg->num_reached; i++) {
		uint32_t chain = pg->reached[i];
		const struct plan_chain *pc = &pg->chains[chain];
		uint32_t here = depth[chain] + 1;

		if (!pg->nodes[chain].is_data)
			continue;
		if (plan->depth < here)
			plan->depth = here;
		for (j = 0; j < pc->num_calls; j++) {
			uint32_t to = pg->calls[pc->calls + j];

			if (depth[to] < here)
				depth[to] = here;
		}
	}
	free(depth);
	return 0;
}

/* --- Hooks --- */

/* A hook whose first rule is its policy: nothing for a program to do */
static bool is_idle(const struct ir_ruleset *rs, const struct compile_env *env,
		    int hook)
{
	uint32_t policy = rs->hook_underflow[hook];

	if (rs->hook_chain[hook] < 0)
		return true;
	if (rs->chains[rs->hook_chain[hook]].first != policy)
		return false;
	return env->use != COMPILE_LINKS ||
	       rs->rules[policy].action == IR_ACTION_ACCEPT;
}

/* Fit what is code into the limits */
static int limit_code(struct plan_graph *pg, int hook, struct refusal *why)
{
	int err;

	plan_graph_sum(pg);
	err = plan_inline_for_depth(pg, hook, why);
	if (err)
		return err;
	plan_graph_sum(pg);
	err = limit_funcs(pg, hook, why);
	if (!err)
		err = limit_size(pg, hook, why);
	if (!err)
		err = limit_frames(pg, hook, why);
	return err;
}

/* Until a choice of what is code fits, or there is no other */
static int choose(struct plan_graph *pg, const struct compile_env *env,
		  int hook, struct plan_need *need, struct refusal *why)
{
	struct refusal last = {};
	unsigned int attempt;
	int err = 0;

	for (attempt = 0; plan_choose(pg, env, attempt); attempt++) {
		memset(&last, 0, sizeof(last));
		plan_part(pg, env, attempt);
		err = -E2BIG;
		if (plan_is_too_much(pg, env))
			continue;
		set_need(pg, env, need);
		err = pg->num_order ? limit_code(pg, hook, &last) : 0;
		if (!err || err == -ENOMEM)
			break;
	}
	if (err && !why->error)
		*why = last;
	return err;
}

static int plan_hook_make(struct plan_graph *pg, const struct compile_env *env,
			  int hook, struct plan *plan, struct refusal *why)
{
	struct plan_hook *ph = &plan->hook[hook];
	int err;

	if (is_idle(pg->rs, env, hook))
		return 0;
	err = plan_graph_reach(pg, hook, why);
	if (!err)
		err = choose(pg, env, hook, &ph->need, why);
	if (!err)
		err = find_depth(pg, plan, why);
	if (!err)
		err = fill_hook(pg, ph, plan, why);
	return err;
}

/**
 * bpfilter_plan_make() - plan a table's programs
 * @rs:		the table, as the passes left it
 * @env:	what it is compiled for
 * @plan:	the plan; release it with bpfilter_plan_free()
 * @why:	where a refusal goes
 *
 * Return: 0, or a negative errno after a refusal:
 * * -EINVAL	a program would be beyond a limit of the verifier
 * * -ENOMEM	out of memory
 */
int bpfilter_plan_make(const struct ir_ruleset *rs,
		       const struct compile_env *env, struct plan **plan,
		       struct refusal *why)
{
	struct plan *p = calloc(1, sizeof(*p));
	struct plan_graph pg;
	uint32_t i;
	int hook, err;

	*plan = NULL;
	if (!p)
		return bpfilter_refuse(why, ENOMEM, false, NULL,
				       "out of memory");
	err = plan_graph_make(&pg, rs, why);
	p->num_chains = rs->num_chains;
	p->is_data = calloc((size_t)rs->num_chains + 1, sizeof(*p->is_data));
	p->data_first = calloc((size_t)rs->num_chains + 1,
			       sizeof(*p->data_first));
	for (i = 0; p->data_first && i < rs->num_chains; i++)
		p->data_first[i] = rs->chains[i].first;
	if (!err && (!p->is_data || !p->data_first))
		err = bpfilter_refuse(why, ENOMEM, false, NULL,
				      "out of memory");
	for (hook = 0; !err && hook < BPFILTER_NUMHOOKS; hook++)
		err = plan_hook_make(&pg, env, hook, p, why);
	plan_graph_free(&pg);
	if (err)
		bpfilter_plan_free(p);
	else
		*plan = p;
	return err;
}

/**
 * bpfilter_plan_free() - release a plan
 * @plan:	plan, or NULL
 */
void bpfilter_plan_free(struct plan *plan)
{
	if (!plan)
		return;
	for (int hook = 0; hook < BPFILTER_NUMHOOKS; hook++) {
		free(plan->hook[hook].funcs);
		free(plan->hook[hook].func_of);
		free(plan->hook[hook].data);
	}
	free(plan->is_data);
	free(plan->data_first);
	free(plan);
}
