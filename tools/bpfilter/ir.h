/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_IR_H
#define BPFILTER_IR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * The intermediate representation of one table.
 *
 * It keeps every entry of the blob as one rule, in blob order and under the
 * blob's numbering, because each entry has a counter that user space sees.
 * Chains are ranges of that one array: a hook's chain, a user chain, or what
 * a jump into the middle of a chain reaches.
 *
 * A rule matches if all tests of its base header and then of all its matches
 * hold, tried in this order; order is observable only where a test can drop
 * the packet (see IR_TEST_HEADER). Then its counter takes the packet, then its
 * target decides.
 *
 * All integers are in host byte order. A field wider than 64 bit is an array
 * of bytes in the order of the packet.
 */

#define IR_BYTES_MAX	16

/**
 * enum ir_field - what a test looks at
 * @IR_FIELD_IP_SADDR:	IPv4 source address, 32 bit
 * @IR_FIELD_IP_DADDR:	IPv4 destination address, 32 bit
 * @IR_FIELD_IP_PROTO:	IPv4 protocol, 8 bit
 * @IR_FIELD_IP_FRAGOFF: IPv4 fragment offset without flags, in units of 8
 *			bytes, 13 bit
 * @IR_FIELD_IFACE_IN:	name of the input device, 16 bytes as in struct
 *			net_device, all zero without a device
 * @IR_FIELD_IFACE_OUT:	name of the output device, likewise
 * @IR_FIELD_L4_SPORT:	source port of TCP, UDP or UDP-Lite, 16 bit
 * @IR_FIELD_L4_DPORT:	destination port, likewise
 * @IR_FIELD_TCP_FLAGS:	byte 13 of the TCP header, 8 bit
 * @IR_FIELD_TCP_OPTION: with IR_TEST_PRESENT only: option kinds in the TCP header
 * @IR_FIELD_ICMP_TYPECODE: ICMP type << 8 | code, 16 bit
 * @IR_FIELD_CT_STATE:	one of XT_CONNTRACK_STATE_BIT(), _INVALID, _UNTRACKED,
 *			plus _SNAT and _DNAT where the connection has them
 * @IR_FIELD_CT_STATUS:	low 16 bits of struct nf_conn's status (enum
 *			ip_conntrack_status), 16 bit
 * @IR_FIELD_CT_REPLY:	1 for a packet in reply direction, else 0
 * @IR_FIELD_CT_PROTO:	protocol of the connection's original tuple, 8 bit
 * @IR_FIELD_CT_ORIGSRC: IPv4 source of the original tuple, 32 bit
 * @IR_FIELD_CT_ORIGDST: IPv4 destination of the original tuple
 * @IR_FIELD_CT_REPLSRC: IPv4 source of the reply tuple
 * @IR_FIELD_CT_REPLDST: IPv4 destination of the reply tuple
 * @IR_FIELD_CT_ORIGSRC_PORT: tuple.src.u.all of the original tuple, 16 bit
 * @IR_FIELD_CT_ORIGDST_PORT: tuple.dst.u.all of the original tuple
 * @IR_FIELD_CT_REPLSRC_PORT: tuple.src.u.all of the reply tuple
 * @IR_FIELD_CT_REPLDST_PORT: tuple.dst.u.all of the reply tuple
 * @IR_FIELD_CT_EXPIRES: seconds until the connection times out, as
 *			nf_ct_expires() / HZ, 32 bit
 * @IR_FIELD_COUNT:	number of fields
 */
enum ir_field {
	IR_FIELD_IP_SADDR,
	IR_FIELD_IP_DADDR,
	IR_FIELD_IP_PROTO,
	IR_FIELD_IP_FRAGOFF,
	IR_FIELD_IFACE_IN,
	IR_FIELD_IFACE_OUT,
	IR_FIELD_L4_SPORT,
	IR_FIELD_L4_DPORT,
	IR_FIELD_TCP_FLAGS,
	IR_FIELD_TCP_OPTION,
	IR_FIELD_ICMP_TYPECODE,
	IR_FIELD_CT_STATE,
	IR_FIELD_CT_STATUS,
	IR_FIELD_CT_REPLY,
	IR_FIELD_CT_PROTO,
	IR_FIELD_CT_ORIGSRC,
	IR_FIELD_CT_ORIGDST,
	IR_FIELD_CT_REPLSRC,
	IR_FIELD_CT_REPLDST,
	IR_FIELD_CT_ORIGSRC_PORT,
	IR_FIELD_CT_ORIGDST_PORT,
	IR_FIELD_CT_REPLSRC_PORT,
	IR_FIELD_CT_REPLDST_PORT,
	IR_FIELD_CT_EXPIRES,
	IR_FIELD_COUNT,
};

/**
 * enum ir_test_kind - how a test decides
 * @IR_TEST_MASKED:	(field & mask) == value; mask may be any bits
 * @IR_TEST_BYTES:	the same for a field of bytes, IR_BYTES_MAX of them
 * @IR_TEST_RANGE:	lo <= field <= hi; lo > hi never holds
 * @IR_TEST_ANY_BIT:	(field & mask) != 0
 * @IR_TEST_PRESENT:	field IR_FIELD_TCP_OPTION: option @value is there;
 *			drops the packet if the header's length is impossible
 *			or its options cannot be read, as xt_tcpudp does
 * @IR_TEST_HEADER:	the transport header that @header names can be read:
 *			may drop the packet, see enum ir_header
 * @IR_TEST_CONN:	the packet has a connection; if not, the whole match
 *			ends here, matching if @value is 1
 * @IR_TEST_CONST:	@value: 0 never holds, 1 always
 */
enum ir_test_kind {
	IR_TEST_MASKED,
	IR_TEST_BYTES,
	IR_TEST_RANGE,
	IR_TEST_ANY_BIT,
	IR_TEST_PRESENT,
	IR_TEST_HEADER,
	IR_TEST_CONN,
	IR_TEST_CONST,
};

/**
 * enum ir_header - which transport header, and what its absence means
 * @IR_HEADER_TCP:	20 bytes. Later fragments do not match, one at offset 1
 *			(8 bytes) drops; a first one that is too short drops
 * @IR_HEADER_UDP:	8 bytes, also for UDP-Lite. Later fragments do not
 *			match; too short drops
 * @IR_HEADER_ICMP:	8 bytes, likewise
 *
 * A rule that tests for one of these also tests, before it and not inverted,
 * for the protocol, so that only one of them can be of interest to a packet.
 */
enum ir_header {
	IR_HEADER_TCP,
	IR_HEADER_UDP,
	IR_HEADER_ICMP,
};

/**
 * struct ir_test - one condition
 * @kind:	how it decides
 * @field:	what it looks at (not for HEADER, CONN, CONST)
 * @invert:	the opposite must hold (not for HEADER, CONN)
 * @header:	for HEADER
 * @value:	for MASKED, PRESENT, CONN and CONST
 * @mask:	for MASKED and ANY_BIT
 * @lo:		for RANGE
 * @hi:		for RANGE
 * @bytes:	for BYTES, the value
 * @bytes_mask:	for BYTES, the mask
 */
struct ir_test {
	enum ir_test_kind kind;
	enum ir_field field;
	bool invert;
	union {
		enum ir_header header;
		struct {
			uint64_t value;
			uint64_t mask;
		};
		struct {
			uint64_t lo;
			uint64_t hi;
		};
		struct {
			uint8_t bytes[IR_BYTES_MAX];
			uint8_t bytes_mask[IR_BYTES_MAX];
		};
	};
};

struct match_desc;
struct target_desc;

/**
 * struct ir_match - one match extension of a rule, or its base header
 * @desc:	who parsed it, NULL for the base header
 * @first:	its first test in struct ir_ruleset's tests
 * @num:	number of its tests; 0 matches always
 */
struct ir_match {
	const struct match_desc *desc;
	uint32_t first;
	uint32_t num;
};

/**
 * enum ir_action - what a rule's target does
 * @IR_ACTION_ACCEPT:	final verdict NF_ACCEPT
 * @IR_ACTION_DROP:	final verdict NF_DROP
 * @IR_ACTION_RETURN:	back to the rule after the last jump; from a hook's own
 *			chain on to its policy entry, which counts again
 * @IR_ACTION_JUMP:	on to chain @chain, and back behind this rule
 * @IR_ACTION_GOTO:	on to chain @chain, back to where this chain returns to
 * @IR_ACTION_CONTINUE:	on to the next rule
 */
enum ir_action {
	IR_ACTION_ACCEPT,
	IR_ACTION_DROP,
	IR_ACTION_RETURN,
	IR_ACTION_JUMP,
	IR_ACTION_GOTO,
	IR_ACTION_CONTINUE,
};

/**
 * struct ir_rule - one entry of the blob
 * @offset:	byte offset of the entry in the blob's entries
 * @chain:	chain that lists it (a ruleset's last entry: -1)
 * @number:	its number in that chain as iptables counts, from 1; 0 for the
 *		head of a user chain
 * @first_match: index in struct ir_ruleset's matches; the base header is first
 * @num_matches: at least 1
 * @action:	what happens if it matches
 * @target_chain: for JUMP and GOTO the index of the chain
 * @target:	who parsed the target, NULL for the standard target and the
 *		chain heads (which drop, as ipt_error() does)
 * @comefrom:	mask of hooks that reach it, as native computes it
 * @is_policy:	it is the underflow entry of a hook
 * @is_head:	it is an ERROR entry: the head of a user chain or the blob's end
 * @dead:	a pass found that no packet gets to it or matches it: it needs no
 *		code. Its tests still say so, and its counter is still there
 */
struct ir_rule {
	uint32_t offset;
	int32_t chain;
	uint32_t number;
	uint32_t first_match;
	uint32_t num_matches;
	enum ir_action action;
	uint32_t target_chain;
	const struct target_desc *target;
	uint32_t comefrom;
	bool is_policy;
	bool is_head;
	bool dead;
};

/**
 * struct ir_chain - where a hook or a jump enters the rules
 * @name:	hook name ("INPUT"), user chain name, or for a jump into the
 *		middle of a chain "NAME@RULE"
 * @hook:	enum nf_inet_hooks for a hook's chain, else -1
 * @first:	index of its first rule
 * @end:	index behind its last rule: the first rule from @first on that has
 *		no test and a final action (ACCEPT, DROP, RETURN, GOTO) is the
 *		last that a packet can reach by walking on. A chain head met on
 *		the way (a chain without an end, only in forged blobs) drops
 * @listed_end:	index behind the last rule that iptables lists under the name
 * @refs:	rules that jump or go to it
 * @dead:	a pass found that no packet gets to it: it needs no code
 */
struct ir_chain {
	char name[48];
	int hook;
	uint32_t first;
	uint32_t end;
	uint32_t listed_end;
	uint32_t refs;
	bool dead;
};

/**
 * struct ir_ruleset - one table, parsed
 * @table:	name of the table
 * @family:	NFPROTO_IPV4
 * @valid_hooks: mask of hooks
 * @hook_chain:	for each hook its chain's index, -1 if the table has no such hook
 * @hook_underflow: for each hook the index of its policy rule
 * @rules:	all entries, in blob order
 * @chains:	all chains
 * @matches:	all matches of all rules
 * @tests:	all tests of all matches
 * @num_rules:	number of @rules
 * @num_chains:	number of @chains
 * @num_matches: number of @matches
 * @num_tests:	number of @tests
 *
 * Owned by whoever called bpfilter_blob_read(); freed with bpfilter_ir_free().
 */
struct ir_ruleset {
	char table[32];
	uint16_t family;
	uint32_t valid_hooks;
	int hook_chain[5];
	uint32_t hook_underflow[5];
	struct ir_rule *rules;
	struct ir_chain *chains;
	struct ir_match *matches;
	struct ir_test *tests;
	uint32_t num_rules;
	uint32_t num_chains;
	uint32_t num_matches;
	uint32_t num_tests;
};

void bpfilter_ir_free(struct ir_ruleset *rs);
void bpfilter_ir_dump(const struct ir_ruleset *rs, FILE *out);
const char *bpfilter_ir_field_name(enum ir_field field);
const char *bpfilter_ir_hook_name(int hook);

#endif /* BPFILTER_IR_H */
