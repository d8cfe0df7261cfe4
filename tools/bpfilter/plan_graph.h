/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_PLAN_GRAPH_H
#define BPFILTER_PLAN_GRAPH_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/compiler.h>

#include "ir.h"
#include "plan.h"

/*
 * What the planner works on: chains, who jumps to whom, and what the code of
 * each will cost. Costs are upper bounds, close enough to plan with; sums
 * saturate at PLAN_COST_MAX.
 */

#define PLAN_COST_MAX	0x10000000000ULL

/* struct plan_cost - instructions, and branches among them */
struct plan_cost {
	uint64_t insns;
	uint64_t branches;
};

/**
 * struct plan_rules - rules by what classifiers do for them
 * @num:	rules that need code
 * @num_selective: of those, how many classifiers leave out for a packet. These
 *		are whole rules: two that get every other packet are one
 * @num_again:	rules that they never leave out, that match and behind which they
 *		are asked again
 */
struct plan_rules {
	uint32_t num;
	uint32_t num_selective;
	uint32_t num_again;
};

/**
 * struct plan_chain - a chain, the same for all hooks
 * @calls:	index in struct plan_graph's @calls of its first jump
 * @num_calls:	number of its jumps and gotos
 * @rules:	its rules
 * @own:	cost of its rules, without what they jump to
 * @need:	what its rules look at, without what they jump to
 */
struct plan_chain {
	uint32_t calls;
	uint32_t num_calls;
	struct plan_rules rules;
	struct plan_cost own;
	struct plan_need need;
};

/**
 * struct plan_node - a chain as one hook sees it
 * @level:	frames of the stack between the hook's own chain and this one, at
 *		most, if no chain were inline
 * @wants_data:	code that jumps to it shall find it as data
 * @is_dear:	packets would lose much if it were data, or what jumps to it
 * @is_code:	code jumps to it as code
 * @is_data:	packets can get to it as data
 * @code_end:	index behind the last rule that is code
 * @code_calls:	number of jumps and gotos of those that are
 * @own:	cost of those that are, without what they jump to
 * @is_inline:	its code stands where the jumps to it do
 * @sites:	how many such places there are, copies in inline chains counted
 * @full:	its own cost and that of all inline chains in it
 * @walk:	instructions on all paths through it, calls followed each time
 */
struct plan_node {
	uint32_t level;
	bool wants_data;
	bool is_dear;
	bool is_code;
	bool is_data;
	uint32_t code_end;
	uint32_t code_calls;
	struct plan_cost own;
	bool is_inline;
	uint64_t sites;
	struct plan_cost full;
	uint64_t walk;
};

/**
 * struct plan_graph - the chains of a table
 * @rs:		the table
 * @chains:	what does not depend on the hook, by chain
 * @calls:	target chains of all jumps
 * @num_calls:	number of @calls
 * @max_calls:	room in @calls
 * @nodes:	what does, by chain
 * @reached:	chains that the hook reaches, each behind all that jump to it
 * @order:	those of them that are code, likewise
 * @num_reached: number of @reached
 * @num_order:	number of @order
 * @frames_max:	frames of the stack that the hook's chains may take
 */
struct plan_graph {
	const struct ir_ruleset *rs;
	struct plan_chain *chains;
	uint32_t *calls;
	uint32_t num_calls;
	uint32_t max_calls;
	struct plan_node *nodes;
	uint32_t *reached;
	uint32_t *order;
	uint32_t num_reached;
	uint32_t num_order;
	uint32_t frames_max;
};

static inline uint64_t plan_sum(uint64_t a, uint64_t b)
{
	return a + b < PLAN_COST_MAX ? a + b : PLAN_COST_MAX;
}

static inline uint64_t plan_product(uint64_t a, uint64_t b)
{
	return !b || a < PLAN_COST_MAX / b ? a * b : PLAN_COST_MAX;
}

/* plan_cost.c */
struct plan_cost plan_rule_cost(const struct ir_ruleset *rs,
				const struct ir_rule *rule);
void plan_need_rule(struct plan_need *need, const struct ir_ruleset *rs,
		    const struct ir_rule *rule);
void plan_need_merge(struct plan_need *need, const struct plan_need *more);
void plan_need_data(struct plan_need *need, const struct plan_need *chain,
		    bool tree);
bool plan_reloads(const struct ir_ruleset *rs, const struct ir_rule *rule);

/* plan_select.c */
bool plan_test_selects(const struct ir_test *t);
uint32_t plan_count_live(const struct ir_ruleset *rs, uint32_t first,
			 uint32_t end);
int plan_count_rules(const struct ir_ruleset *rs, uint32_t first, uint32_t end,
		     struct plan_rules *out);

/* plan_graph.c */
int plan_graph_make(struct plan_graph *pg, const struct ir_ruleset *rs,
		    struct refusal *why);
void plan_graph_free(struct plan_graph *pg);
int plan_graph_reach(struct plan_graph *pg, int hook, struct refusal *why);
void plan_graph_sum(struct plan_graph *pg);

/* plan_mode.c */
bool plan_choose(struct plan_graph *pg, const struct compile_env *env,
		 unsigned int attempt);
void plan_part(struct plan_graph *pg, const struct compile_env *env,
	       unsigned int attempt);
bool plan_is_too_much(const struct plan_graph *pg,
		      const struct compile_env *env);
bool plan_wants_tree(const struct ir_ruleset *rs, uint32_t chain,
		     const struct compile_env *env);

/* plan_inline.c */
int plan_inline_for_depth(struct plan_graph *pg, int hook, struct refusal *why);
int plan_inline_for_count(struct plan_graph *pg, uint32_t excess);

/* plan.c */
bool plan_is_cut(const struct plan_graph *pg, uint32_t chain,
		 uint64_t branches);
__printf(4, 5)
int plan_refuse(const struct plan_graph *pg, int hook, struct refusal *why,
		const char *fmt, ...);

#endif /* BPFILTER_PLAN_GRAPH_H */
