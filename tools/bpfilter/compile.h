/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_COMPILE_H
#define BPFILTER_COMPILE_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/bpf.h>
#include <linux/bpfilter.h>

#include "data_table.h"
#include "ir.h"
#include "refuse.h"

/*
 * The translator as its two mains use it. The stages are called in the order
 *
 *   bpfilter_blob_read -> bpfilter_passes_run -> bpfilter_plan_make
 *     -> bpfilter_gen -> bpfilter_load
 *
 * and each returns 0 or a negative errno after filling a struct refusal.
 */

int bpfilter_blob_read(const void *blob, size_t size, uint16_t family,
		       struct ir_ruleset **rs, struct refusal *why);
int bpfilter_passes_run(struct ir_ruleset *rs, struct refusal *why);

struct kernel_btf;

/**
 * enum plan_mode - which chains are code and which are data
 * @PLAN_AUTO:	what costs least, see plan_mode.c
 * @PLAN_CODE:	all are code; rulesets that the verifier's limits do not allow
 *		are refused
 * @PLAN_DATA:	all are data
 * @PLAN_MIXED:	a pseudo-random choice for each
 */
enum plan_mode {
	PLAN_AUTO	= BPFILTER_PLAN_AUTO,
	PLAN_CODE	= BPFILTER_PLAN_CODE,
	PLAN_DATA	= BPFILTER_PLAN_DATA,
	PLAN_MIXED	= BPFILTER_PLAN_MIXED,
};

/**
 * enum compile_use - what programs are for
 * @COMPILE_TABLE: a table's hooks: what rules say happens to packets
 * @COMPILE_LINKS: the same on a kernel without bpfilter, where nobody else sees
 *		to a hook without a program: one whose policy is DROP needs one.
 *		Nobody keeps softirqs away from a program either: what it has on
 *		its CPU is shared with those that interrupt or preempt it
 * @COMPILE_FILTER: they stand before all tables and choose packets to trace:
 *		TRACE is the only target, and no packet is dropped, not even one
 *		that a match cannot read. They run without the kernel's
 *		bpfilter around them, so no extension can be bridged
 */
enum compile_use {
	COMPILE_TABLE,
	COMPILE_LINKS,
	COMPILE_FILTER,
};

/**
 * struct compile_env - what compiling depends on besides the ruleset
 * @btf:	types of the running kernel, see kernel_btf.h; borrowed
 * @nr_cpus:	rows of the counter map
 * @hz:		ticks per second of the running kernel
 * @plan:	which chains are code and which are data
 * @seed:	of PLAN_MIXED's choice
 * @tree_rules:	shortest chain of data that gets classifiers, in rules; 0 for
 *		DATA_TREE_RULES
 * @far_records: shortest chain whose counters are fetched ahead, in records; 0
 *		for DATA_FAR_RECORDS
 * @use:	what the programs are for
 * @netns:	inode of the network namespace that the table is for, which names
 *		programs; 0: not known
 */
struct compile_env {
	const struct kernel_btf *btf;
	uint32_t nr_cpus;
	uint32_t hz;
	enum plan_mode plan;
	uint32_t seed;
	uint32_t tree_rules;
	uint32_t far_records;
	enum compile_use use;
	uint32_t netns;
};

struct plan;

int bpfilter_plan_make(const struct ir_ruleset *rs,
		       const struct compile_env *env, struct plan **plan,
		       struct refusal *why);
void bpfilter_plan_free(struct plan *plan);

/**
 * struct gen_func - one function of a program, in the order of instructions
 * @name:	C identifier made of the chain's name
 * @insn_off:	index of its first instruction
 * @first:	index of its first rule
 * @end:	index behind its last rule; @first if it walks no rules
 * @is_entry:	the program's entry: int name(struct bpf_nf_ctx *); the others
 *		are int name(struct sk_buff *, struct nf_hook_state *,
 *		struct run_state *)
 */
struct gen_func {
	char name[64];
	uint32_t insn_off;
	uint32_t first;
	uint32_t end;
	bool is_entry;
};

/**
 * enum gen_line_kind - what a line of a program's source says
 * @GEN_LINE_TABLE:	the program: its table, hook and network namespace
 * @GEN_LINE_CHAIN:	a function that walks rules of a chain, from a rule on
 * @GEN_LINE_RULE:	the rule itself
 * @GEN_LINE_DATA:	a chain that is data is handed to walk()
 * @GEN_LINE_STEP:	what a function that is not made of rules does
 */
enum gen_line_kind {
	GEN_LINE_TABLE,
	GEN_LINE_CHAIN,
	GEN_LINE_RULE,
	GEN_LINE_DATA,
	GEN_LINE_STEP,
};

/**
 * struct gen_line - the line that instructions from some place on belong to
 * @kind:	what it says
 * @chain:	index of the chain, for TABLE, CHAIN and DATA
 * @rule:	index of the rule, for CHAIN and RULE
 * @step:	for STEP, static
 * @insn_off:	index of the first instruction; until the code is settled the
 *		label before it
 *
 * A program's lines are in the order of instructions, each before another one.
 * Every function starts with one.
 */
struct gen_line {
	enum gen_line_kind kind;
	uint32_t chain;
	uint32_t rule;
	uint32_t insn_off;
	const char *step;
};

/* Maps by their index in the array of descriptors at load */
enum gen_map {
	GEN_MAP_COUNTERS,
	GEN_MAP_DATA,
	GEN_MAPS,
};

/**
 * struct gen_prog - the program of one hook
 * @insns:	instructions; map addresses are marked with
 *		BPF_PSEUDO_MAP_IDX_VALUE, index GEN_MAP_COUNTERS or GEN_MAP_DATA
 * @funcs:	its functions
 * @lines:	its source
 * @num_insns:	number of @insns; 0: this hook needs no program
 * @num_funcs:	number of @funcs
 * @num_lines:	number of @lines
 */
struct gen_prog {
	struct bpf_insn *insns;
	struct gen_func *funcs;
	struct gen_line *lines;
	uint32_t num_insns;
	uint32_t num_funcs;
	uint32_t num_lines;
};

/**
 * struct gen_image - all programs of a table, not loaded yet
 * @prog:	by hook
 * @counter_stride: bytes of one CPU's row in the counter map
 * @nr_cpus:	rows of the counter map
 * @netns:	inode of the network namespace, 0: not known
 * @run_state_size: bytes of struct run_state on the entry's stack
 * @jumps_off:	where a row's stacks of jumps start, see gen_walk.h
 * @jumps_size:	bytes behind the first one's head, 0 if there is none
 * @jumps_one:	bytes of one with its head
 * @data:	rules that are data
 * @data_size:	bytes of the data map, 0 if there is none: more than are filled
 */
struct gen_image {
	struct gen_prog prog[BPFILTER_NUMHOOKS];
	uint32_t counter_stride;
	uint32_t nr_cpus;
	uint32_t netns;
	uint32_t run_state_size;
	uint32_t jumps_off;
	uint32_t jumps_size;
	uint32_t jumps_one;
	struct data_table data;
	uint32_t data_size;
};

int bpfilter_gen(const struct ir_ruleset *rs, const struct plan *plan,
		 const struct compile_env *env, struct gen_image *img,
		 struct refusal *why);
void bpfilter_gen_free(struct gen_image *img);

/**
 * struct loaded - a table's BPF objects
 * @prog_fd:	by hook, -1 for none
 * @counter_fd:	counter map, -1 for none
 * @data_fd:	data map, -1 for none
 * @counter_map_id: id of the counter map, 0 for none
 * @data_map_id: id of the data map, 0 for none
 */
struct loaded {
	int prog_fd[BPFILTER_NUMHOOKS];
	int counter_fd;
	int data_fd;
	uint32_t counter_map_id;
	uint32_t data_map_id;
};

int bpfilter_load(const struct ir_ruleset *rs, const struct gen_image *img,
		  struct loaded *out, struct refusal *why);
void bpfilter_loaded_close(struct loaded *l);

/**
 * struct compiled - what became of a blob
 * @rs:		the ruleset; NULL if the blob is malformed
 * @img:	its programs, not loaded yet
 * @compile_ns:	time that it took
 */
struct compiled {
	struct ir_ruleset *rs;
	struct gen_image img;
	uint64_t compile_ns;
};

int bpfilter_compile(const void *blob, size_t size, uint16_t family,
		     const struct compile_env *env, struct compiled *c,
		     struct refusal *why);
void bpfilter_compiled_free(struct compiled *c);
uint64_t bpfilter_now_ns(void);
uint32_t bpfilter_kernel_hz(void);

#endif /* BPFILTER_COMPILE_H */
