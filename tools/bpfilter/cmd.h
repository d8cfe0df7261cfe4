/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_CMD_H
#define BPFILTER_CMD_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <linux/bpf.h>
#include <linux/bpfilter.h>
#include <linux/compiler.h>
#include <linux/kernel.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <json_writer.h>

#include "ir.h"

/*
 * The bpfilter command. It asks the kernel and the translator's library and
 * prints what they say, plain or as JSON. A command gathers all that can fail
 * first and prints then, so that an error is the only thing in the output.
 */

/* main.c */

/**
 * enum cmd_status - what a command returns, the exit status of the process
 * @CMD_OK:	done
 * @CMD_FAILED:	it could not be done, cmd_error() said why
 * @CMD_USAGE:	wrong arguments, cmd_usage() said which
 */
enum cmd_status {
	CMD_OK,
	CMD_FAILED,
	CMD_USAGE,
};

/* What getopt_long() is to return for a command's own options */
#define OPTION_OWN	256

/**
 * struct cmd_option - an option that only one command has
 * @name:	its name
 * @value:	its value, NULL for one that takes none
 */
struct cmd_option {
	const char *name;
	const char *value;
};

/**
 * struct cmd_ctx - the options before and after a command's name
 * @json:	where output goes as JSON; NULL: plain text on stdout
 * @all:	-a: named network namespaces too
 * @plan:	-P: what became of each chain
 * @family:	-4, -6: of rulesets in files, NFPROTO_IPV4 without
 * @netns:	-n: name or path of the network namespace that was entered, or
 *		NULL
 * @interval:	-i: seconds from one sample to the next
 * @count:	-c: end after so many samples or packets, 0: never
 * @ended:	the JSON on stdout is complete, its line's end included
 * @own:	options that only the command has, in their order, owned
 * @num_own:	number of @own
 */
struct cmd_ctx {
	json_writer_t *json;
	bool all;
	bool plan;
	uint16_t family;
	const char *netns;
	double interval;
	unsigned int count;
	bool ended;
	struct cmd_option *own;
	unsigned int num_own;
};

int __printf(2, 3) cmd_error(struct cmd_ctx *ctx, const char *fmt, ...);
int __printf(2, 3) cmd_usage(struct cmd_ctx *ctx, const char *fmt, ...);
void cmd_json_end(struct cmd_ctx *ctx);
bool cmd_word(const char *arg, const char *word);

/* cmd_show.c, cmd_dump.c */

int cmd_show(struct cmd_ctx *ctx, int argc, char **argv);
int cmd_dump(struct cmd_ctx *ctx, int argc, char **argv);

/* cmd_list.c, cmd_explain.c */

int cmd_rules(struct cmd_ctx *ctx, int argc, char **argv);
int cmd_explain(struct cmd_ctx *ctx, int argc, char **argv);

/* cmd_top.c, cmd_trace.c */

int cmd_top(struct cmd_ctx *ctx, int argc, char **argv);
int cmd_trace(struct cmd_ctx *ctx, int argc, char **argv);

/* cmd_test.c */

extern const struct option cmd_test_options[];

int cmd_test(struct cmd_ctx *ctx, int argc, char **argv);

/* cmd_load.c, cmd_loaded.c */

int cmd_load(struct cmd_ctx *ctx, int argc, char **argv);
int cmd_loaded(struct cmd_ctx *ctx, int argc, char **argv);
int cmd_unload(struct cmd_ctx *ctx, int argc, char **argv);

/* cmd_handover.c */

int cmd_takeover(struct cmd_ctx *ctx, int argc, char **argv);
int cmd_release(struct cmd_ctx *ctx, int argc, char **argv);

/* cmd_netns.c */

#define NETNS_NAME_MAX	256

/**
 * struct netns_list - network namespaces by name
 * @names:	sorted names below /run/netns
 * @num:	number of @names
 */
struct netns_list {
	char (*names)[NETNS_NAME_MAX];
	unsigned int num;
};

int netns_open(const char *name);
int netns_enter(const char *name);
int netns_list(struct netns_list *list);
void netns_list_free(struct netns_list *list);
bool netns_is_current(const char *name);

/* cmd_table.c */

/**
 * struct table_family - where the kernel keeps the tables of a family
 * @word:	how it is called in arguments and output
 * @family:	NFPROTO_IPV4 or NFPROTO_IPV6
 * @domain:	of sockets
 * @level:	of socket options
 * @names:	file with the names of its tables
 */
struct table_family {
	const char *word;
	uint16_t family;
	int domain;
	int level;
	const char *names;
};

/**
 * struct table_names - names of tables
 * @name:	the names
 * @num:	number of @name
 */
struct table_names {
	char (*name)[BPFILTER_TABLE_NAMELEN];
	unsigned int num;
};

#define TABLE_NUM_FAMILIES	2

extern const struct table_family table_families[TABLE_NUM_FAMILIES];

const struct table_family *table_family_find(uint16_t family);
const struct table_family *table_family_word(const char *word);
int table_socket(const struct table_family *fam);
int table_status(int sk, struct bpfilter_status **status);
const char *table_error(int err);
bool table_is_owned(const struct bpfilter_status *status,
		    const struct table_family *fam, const char *name);
int table_names(const struct table_family *fam, struct table_names *names);
bool table_names_have(const struct table_names *names, const char *name);
int table_fetch(int sk, const struct table_family *fam, const char *name,
		struct ipt_replace **blob);
size_t table_blob_size(const struct ipt_replace *blob);

/* cmd_rules.c */

/**
 * struct rules_ext - a match or target extension in a table
 * @name:	its name
 * @revision:	its revision
 * @is_target:	it is a target
 * @translated:	rules for which it became instructions
 * @bridged:	rules that leave it to the kernel's own code
 */
struct rules_ext {
	char name[30];
	uint8_t revision;
	bool is_target;
	uint32_t translated;
	uint32_t bridged;
};

/**
 * struct rules - what there is in a table
 * @rules:	rules that iptables lists, without policies, chain heads and
 *		chain ends
 * @chains:	user chains
 * @exts:	extensions, matches before targets, by name and revision; owned
 * @num_exts:	number of @exts
 */
struct rules {
	uint32_t rules;
	uint32_t chains;
	struct rules_ext *exts;
	uint32_t num_exts;
};

int rules_read(const struct ipt_replace *blob, uint16_t family,
	       struct rules *rules);
void rules_free(struct rules *rules);

/* cmd_prog.c */

/* Counters and data */
#define PROG_MAPS_MAX	2

/**
 * struct prog_desc - what the kernel says about a loaded program
 * @name:	name of its entry function, or the program's own short name
 * @xlated:	bytes of BPF instructions after verification
 * @jited:	bytes of machine code
 * @map_id:	ids of its maps
 * @num_maps:	number of @map_id
 */
struct prog_desc {
	char name[64];
	uint32_t xlated;
	uint32_t jited;
	uint32_t map_id[PROG_MAPS_MAX];
	uint32_t num_maps;
};

struct code;

int prog_describe(uint32_t id, struct prog_desc *desc);
int prog_code(uint32_t id, struct code *code);
int map_bytes(uint32_t id, uint64_t *bytes);

/* cmd_insn.c */

/**
 * struct code_func - a function within instructions
 * @name:	its name
 * @insn_off:	index of its first instruction
 */
struct code_func {
	char name[64];
	uint32_t insn_off;
};

/**
 * struct code_line - a line of the source of instructions
 * @text:	what it says, owned
 * @insn_off:	index of the first instruction that belongs to it
 */
struct code_line {
	char *text;
	uint32_t insn_off;
};

/**
 * struct code_call - a kernel function that a loaded program calls
 * @imm:	what its calls have in the instruction
 * @name:	its name, empty if it is not known
 */
struct code_call {
	int32_t imm;
	char name[64];
};

struct kernel_btf;

/**
 * struct code - instructions to print
 * @insns:	the instructions, owned
 * @funcs:	its functions by rising @insn_off, owned
 * @lines:	its source by rising @insn_off, owned
 * @calls:	of a loaded program the kernel functions that it calls, owned
 * @btf:	of one that is not loaded the numbers of kernel functions,
 *		borrowed
 * @num_insns:	number of @insns
 * @num_funcs:	number of @funcs
 * @num_lines:	number of @lines
 * @num_calls:	number of @calls
 * @id:		of the loaded program, 0 if it is not loaded
 * @hook:	where it runs
 */
struct code {
	struct bpf_insn *insns;
	struct code_func *funcs;
	struct code_line *lines;
	struct code_call *calls;
	const struct kernel_btf *btf;
	uint32_t num_insns;
	uint32_t num_funcs;
	uint32_t num_lines;
	uint32_t num_calls;
	uint32_t id;
	unsigned int hook;
};

void code_print(struct cmd_ctx *ctx, const struct code *code);
const struct code_call *code_call_find(const struct code *code, int32_t imm);
void code_free(struct code *code);

/* cmd_lines.c */

struct bpf_prog_info;
struct btf;
struct gen_image;

void line_make_ascii(char *text);
int code_lines_make(struct code *code, const struct ir_ruleset *rs,
		    const struct gen_image *img);
int code_lines_read(int fd, const struct bpf_prog_info *of,
		    const struct btf *btf, struct code *code);

/* cmd_ksym.c */

int ksym_name_calls(struct code *code);

/* cmd_ir.c */

void blob_name_json(json_writer_t *json, const char *key, const char *name);
void ir_print(struct cmd_ctx *ctx, const struct ir_ruleset *rs);

#endif /* BPFILTER_CMD_H */
