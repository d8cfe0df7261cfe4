/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DIFF_RULES_H
#define DIFF_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A filter table as iptables-save prints it, read without any code of the
 * translator so that the two cannot share a mistake. It serves to find packets
 * worth sending; a wrong guess here makes a worse packet, never a wrong result.
 * What this does not know of a rule is left out of it.
 *
 * Addresses, ports and so on are in host byte order.
 */

enum hook {
	HOOK_INPUT,
	HOOK_FORWARD,
	HOOK_OUTPUT,
	NUM_HOOKS,
};

enum action {
	ACTION_NONE,
	ACTION_ACCEPT,
	ACTION_DROP,
	ACTION_RETURN,
	ACTION_JUMP,
	ACTION_GOTO,
	ACTION_OTHER,
};

/* The four ends of a connection's two tuples, as ctorigsrc and so on name them */
enum ct_end {
	CT_ORIGSRC,
	CT_ORIGDST,
	CT_REPLSRC,
	CT_REPLDST,
	NUM_CT_ENDS,
};

enum ct_state {
	STATE_INVALID		= 1 << 0,
	STATE_NEW		= 1 << 1,
	STATE_ESTABLISHED	= 1 << 2,
	STATE_RELATED		= 1 << 3,
	STATE_UNTRACKED		= 1 << 4,
	STATE_SNAT		= 1 << 5,
	STATE_DNAT		= 1 << 6,
};

enum ct_status {
	STATUS_NONE		= 1 << 0,
	STATUS_EXPECTED		= 1 << 1,
	STATUS_SEEN_REPLY	= 1 << 2,
	STATUS_ASSURED		= 1 << 3,
	STATUS_CONFIRMED	= 1 << 4,
};

enum ct_dir {
	DIR_ANY,
	DIR_ORIGINAL,
	DIR_REPLY,
};

/* (address & mask) == addr; a mask of 0 tests nothing */
struct addr_test {
	bool inv;
	uint32_t addr;
	uint32_t mask;
};

/* An empty name tests nothing; wild: the name is a prefix */
struct dev_test {
	bool inv;
	bool wild;
	char name[16];
};

struct range {
	uint32_t lo;
	uint32_t hi;
};

/* Holds if one of the ranges does; without any, tests nothing */
struct range_test {
	bool inv;
	unsigned int num;
	struct range range[15];
};

struct flags_test {
	bool set;
	bool inv;
	uint8_t mask;
	uint8_t value;
};

struct byte_test {
	bool set;
	bool inv;
	uint8_t value;
};

/* A set of bits, 0: tests nothing */
struct bits_test {
	bool inv;
	unsigned int bits;
};

struct icmp_test {
	bool set;
	bool inv;
	int type;	/* -1: any */
	struct range code;
};

/*
 * struct rule - one rule of a chain
 * @text:	as iptables-save prints it
 * @chain:	index of the chain that it stands in
 * @number:	its number there, from 1
 * @frag:	1 for -f, -1 for ! -f, 0 for neither
 * @ports:	either port, as -m multiport --ports
 * @target_chain: for jump and goto
 * @conntrack:	it asks for the connection
 *
 * The other members are what its options say.
 */
struct rule {
	char *text;
	unsigned int chain;
	unsigned int number;
	struct addr_test src;
	struct addr_test dst;
	struct dev_test in;
	struct dev_test out;
	struct byte_test proto;
	int frag;
	struct range_test sport;
	struct range_test dport;
	struct range_test ports;
	struct flags_test flags;
	struct byte_test tcp_option;
	struct icmp_test icmp;
	struct bits_test state;
	struct bits_test status;
	struct byte_test ct_proto;
	struct addr_test ct_addr[NUM_CT_ENDS];
	struct range_test ct_port[NUM_CT_ENDS];
	enum ct_dir ct_dir;
	enum action action;
	unsigned int target_chain;
	bool conntrack;
};

/**
 * struct chain - a chain
 * @name:	its name
 * @hook:	enum hook, -1 for a user chain
 * @policy:	of a hook's chain
 * @first:	index of its first rule
 * @num:	number of its rules
 */
struct chain {
	char name[32];
	int hook;
	enum action policy;
	unsigned int first;
	unsigned int num;
};

/**
 * struct ruleset - a filter table
 * @chains:	all chains
 * @num_chains:	number of @chains
 * @rules:	all rules, chain by chain
 * @num_rules:	number of @rules
 * @conntrack:	some rule asks for the connection
 * @nat:	table nat is loaded too (not set here)
 */
struct ruleset {
	struct chain *chains;
	unsigned int num_chains;
	struct rule *rules;
	unsigned int num_rules;
	bool conntrack;
	bool nat;
};

/* Fills @rs from the text of iptables-save -t filter; exits on no memory */
void ruleset_parse(struct ruleset *rs, const char *text);
void ruleset_free(struct ruleset *rs);

int ruleset_find_chain(const struct ruleset *rs, const char *name);

bool dev_test_matches(const struct dev_test *test, const char *name);

#endif /* DIFF_RULES_H */
