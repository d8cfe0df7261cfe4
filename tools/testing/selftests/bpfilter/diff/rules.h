/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DIFF_RULES_H
#define DIFF_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "family.h"

/*
 * Tables as iptables-save prints them, read without any code of the translator
 * so that the two cannot share a mistake. It serves to find packets worth
 * sending; a wrong guess here makes a worse packet, never a wrong result. What
 * this does not know of a rule is left out of it.
 *
 * Addresses, ports and so on are in host byte order.
 */

/* As enum nf_inet_hooks counts them */
enum hook {
	HOOK_PREROUTING,
	HOOK_INPUT,
	HOOK_FORWARD,
	HOOK_OUTPUT,
	HOOK_POSTROUTING,
	NUM_HOOKS,
};

/* In the order in which a packet passes them where all have the hook, but nat */
enum table_id {
	TABLE_RAW,
	TABLE_MANGLE,
	TABLE_NAT,
	TABLE_FILTER,
	TABLE_SECURITY,
	NUM_TABLES,
};

extern const char * const table_names[NUM_TABLES];
extern const char * const hook_names[NUM_HOOKS];

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

/**
 * enum field - what else of a packet is a number
 * @FIELD_TTL:		time to live or hop limit
 * @FIELD_TOS:		type of service or traffic class
 * @FIELD_MARK:		mark that it comes in with
 * @FIELD_MAC:		source of its Ethernet header
 * @FIELD_PKT:		0 to this host, 1 broadcast, 2 multicast
 * @FIELD_UID:		user whose socket sends it
 * @FIELD_GID:		group
 * @FIELD_LENGTH:	length of the packet, as the rules have it
 * @FIELD_SPI:		SPI of AH or ESP
 * @FIELD_FRAG_ID:	id in a fragment header
 * @FIELD_RT_TYPE:	type of the routing header
 * @FIELD_SEGMENTS:	segments left in there
 * @FIELD_MH_TYPE:	type of the mobility header
 * @FIELD_OPT_LEN:	length of the hop-by-hop or destination options
 * @NUM_FIELDS:		number of fields
 */
enum field {
	FIELD_TTL,
	FIELD_TOS,
	FIELD_MARK,
	FIELD_MAC,
	FIELD_PKT,
	FIELD_UID,
	FIELD_GID,
	FIELD_LENGTH,
	FIELD_SPI,
	FIELD_FRAG_ID,
	FIELD_RT_TYPE,
	FIELD_SEGMENTS,
	FIELD_MH_TYPE,
	FIELD_OPT_LEN,
	NUM_FIELDS,
};

/* (field & mask) is from lo to hi; a mask of 0 tests nothing */
struct field_test {
	bool inv;
	uint64_t mask;
	uint64_t lo;
	uint64_t hi;
};

/* (address & mask) == addr; a mask of 0 tests nothing */
struct addr_test {
	bool inv;
	__uint128_t addr;
	__uint128_t mask;
};

struct addr_range_test {
	bool set;
	bool inv;
	__uint128_t lo;
	__uint128_t hi;
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

#define MAX_SETS 4

/* The packet's source or destination is in an IP set */
struct set_test {
	bool inv;
	bool dst;
	char name[32];
};

struct mark_change {
	uint32_t keep;
	uint32_t flip;
};

/*
 * struct rule - one rule of a chain
 * @text:	as iptables-save prints it
 * @chain:	index of the chain that it stands in
 * @number:	its number there, from 1
 * @frag:	1 for -f, -1 for ! -f, 0 for neither
 * @ports:	either port, as -m multiport --ports
 * @exts:	IPv6 extension headers that its matches look at, a mask of
 *		enum ext_kind
 * @mark:	what the target MARK makes of the mark, @mark_set: it is one
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
	struct addr_range_test src_range;
	struct addr_range_test dst_range;
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
	struct field_test field[NUM_FIELDS];
	struct set_test sets[MAX_SETS];
	unsigned int num_sets;
	unsigned int exts;
	struct bits_test state;
	struct bits_test status;
	struct byte_test ct_proto;
	struct addr_test ct_addr[NUM_CT_ENDS];
	struct range_test ct_port[NUM_CT_ENDS];
	enum ct_dir ct_dir;
	enum action action;
	bool mark_set;
	struct mark_change mark;
	unsigned int target_chain;
	bool conntrack;
};

/**
 * struct chain - a chain
 * @name:	its name
 * @table:	the table that it belongs to
 * @hook:	enum hook, -1 for a user chain
 * @policy:	of a hook's chain
 * @first:	index of its first rule
 * @num:	number of its rules
 * @same_hash:	index of the next chain with its name's hash + 1, 0: none
 */
struct chain {
	char name[32];
	enum table_id table;
	int hook;
	enum action policy;
	unsigned int first;
	unsigned int num;
	unsigned int same_hash;
};

/* Some rulesets have tens of thousands of chains */
#define CHAIN_HASH_SIZE 4096

/**
 * struct ruleset - tables of one family
 * @family:	IPv4 or IPv6
 * @chains:	chains of all tables, table by table
 * @num_chains:	number of @chains
 * @rules:	all rules, chain by chain
 * @num_rules:	number of @rules
 * @tables:	mask of enum table_id: those that there are
 * @hook_chain:	index of the hook's chain in the table + 1, 0: none
 * @chain_hash:	index of the last chain with a name of this hash + 1, 0: none
 * @conntrack:	some rule asks for the connection
 */
struct ruleset {
	const struct family *family;
	struct chain *chains;
	unsigned int num_chains;
	struct rule *rules;
	unsigned int num_rules;
	unsigned int tables;
	unsigned int hook_chain[NUM_TABLES][NUM_HOOKS];
	unsigned int chain_hash[CHAIN_HASH_SIZE];
	bool conntrack;
};

/* Fills @rs from the text of iptables-save; exits on no memory */
void ruleset_parse(struct ruleset *rs, const struct family *f,
		   const char *text);
void ruleset_free(struct ruleset *rs);

int ruleset_find_chain(const struct ruleset *rs, enum table_id table,
		       const char *name);

/* Tables by name, NUM_TABLES if there is none of the name */
enum table_id table_find(const char *name);

/* Fills @r but for @text, @chain and @number from the words behind -A CHAIN */
void rule_parse(const struct ruleset *rs, enum table_id table, struct rule *r,
		char **words, unsigned int num);

bool dev_test_matches(const struct dev_test *test, const char *name);

#endif /* DIFF_RULES_H */
