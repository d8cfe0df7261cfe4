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
 * @IR_FIELD_IP6_SADDR:	IPv6 source address, 16 bytes
 * @IR_FIELD_IP6_DADDR:	IPv6 destination address, 16 bytes
 * @IR_FIELD_IP_PROTO:	IPv4 protocol; of IPv6 the header behind the extension
 *			headers, to be read behind IR_HEADER_IP6 only; 8 bit
 * @IR_FIELD_IP_FRAGOFF: IPv4: fragment offset without flags, in units of 8
 *			bytes, 13 bit, as the packet had it when it entered the
 *			table. IPv6: in bytes, as ipv6_find_hdr() tells it
 * @IR_FIELD_IP_TOS:	IPv4 type of service, IPv6 traffic class, 8 bit
 * @IR_FIELD_IP_TTL:	IPv4 time to live, IPv6 hop limit, 8 bit
 * @IR_FIELD_IP_LEN:	packet length as xt_length sees it, 32 bit
 * @IR_FIELD_IFACE_IN:	name of the input device, 16 bytes as in struct
 *			net_device, all zero without a device
 * @IR_FIELD_IFACE_OUT:	name of the output device, likewise
 * @IR_FIELD_L4_SPORT:	source port of TCP, UDP or UDP-Lite, 16 bit
 * @IR_FIELD_L4_DPORT:	destination port, likewise
 * @IR_FIELD_TCP_FLAGS:	byte 13 of the TCP header, 8 bit
 * @IR_FIELD_TCP_OPTION: with IR_TEST_PRESENT only: option kinds in the TCP header
 * @IR_FIELD_ICMP_TYPECODE: ICMP or ICMPv6 type << 8 | code, 16 bit
 * @IR_FIELD_L4_SPI:	SPI of an AH or ESP header, 32 bit
 * @IR_FIELD_MARK:	skb->mark, 32 bit; read anew by each test
 * @IR_FIELD_PKTTYPE:	skb->pkt_type as xt_pkttype sees it, 8 bit
 * @IR_FIELD_MAC_SADDR:	source of the Ethernet header, the first 6 of 16 bytes,
 *			the others zero; to be read behind IR_HEADER_ETHER only
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
 * @IR_FIELD_CT_MARK:	mark of the connection, 32 bit; to be read behind
 *			IR_TEST_CONN only
 * @IR_FIELD_CT_EXPIRES: seconds until the connection times out, as
 *			nf_ct_expires() / HZ, 32 bit
 * @IR_FIELD_COUNT:	number of fields
 */
enum ir_field {
	IR_FIELD_IP_SADDR,
	IR_FIELD_IP_DADDR,
	IR_FIELD_IP6_SADDR,
	IR_FIELD_IP6_DADDR,
	IR_FIELD_IP_PROTO,
	IR_FIELD_IP_FRAGOFF,
	IR_FIELD_IP_TOS,
	IR_FIELD_IP_TTL,
	IR_FIELD_IP_LEN,
	IR_FIELD_IFACE_IN,
	IR_FIELD_IFACE_OUT,
	IR_FIELD_L4_SPORT,
	IR_FIELD_L4_DPORT,
	IR_FIELD_TCP_FLAGS,
	IR_FIELD_TCP_OPTION,
	IR_FIELD_ICMP_TYPECODE,
	IR_FIELD_L4_SPI,
	IR_FIELD_MARK,
	IR_FIELD_PKTTYPE,
	IR_FIELD_MAC_SADDR,
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
	IR_FIELD_CT_MARK,
	IR_FIELD_CT_EXPIRES,
	IR_FIELD_COUNT,
};

/**
 * enum ir_test_kind - how a test decides
 * @IR_TEST_MASKED:	(field & mask) == value; mask may be any bits
 * @IR_TEST_BYTES:	the same for a field of bytes, IR_BYTES_MAX of them
 * @IR_TEST_RANGE:	lo <= field <= hi; lo > hi never holds
 * @IR_TEST_BYTES_RANGE: @bytes <= field <= @bytes_hi as one number in network
 *			byte order, for a field of bytes
 * @IR_TEST_PORTS:	one of the port ranges from @first_range on, @num_ranges
 *			of them, holds the source port (@ports has IR_PORTS_SRC),
 *			the destination port (IR_PORTS_DST) or, with both bits,
 *			one of the two
 * @IR_TEST_ANY_BIT:	(field & mask) != 0
 * @IR_TEST_PRESENT:	field IR_FIELD_TCP_OPTION: option @value is there;
 *			drops the packet if the header's length is impossible
 *			or its options cannot be read, as xt_tcpudp does
 * @IR_TEST_HEADER:	the transport header that @header names can be read:
 *			may drop the packet, see enum ir_header
 * @IR_TEST_CONN:	the packet has a connection; if not, the whole match
 *			ends here, matching if @value is 1
 * @IR_TEST_RANDOM:	a random number of 31 bit is below @value
 * @IR_TEST_BRIDGE:	the kernel's own match says so: element @value of the
 *			ruleset's bridged extensions; may drop the packet
 * @IR_TEST_CONST:	@value: 0 never holds, 1 always
 */
enum ir_test_kind {
	IR_TEST_MASKED,
	IR_TEST_BYTES,
	IR_TEST_RANGE,
	IR_TEST_BYTES_RANGE,
	IR_TEST_PORTS,
	IR_TEST_ANY_BIT,
	IR_TEST_PRESENT,
	IR_TEST_HEADER,
	IR_TEST_CONN,
	IR_TEST_RANDOM,
	IR_TEST_BRIDGE,
	IR_TEST_CONST,
};

/* For IR_TEST_PORTS */
#define IR_PORTS_SRC	1
#define IR_PORTS_DST	2

/**
 * enum ir_header - which header, and what its absence means
 * @IR_HEADER_TCP:	20 bytes. Later fragments do not match, one at offset 1
 *			(8 bytes) drops; a first one that is too short drops
 * @IR_HEADER_UDP:	8 bytes, also for UDP-Lite. Later fragments do not
 *			match; too short drops
 * @IR_HEADER_ICMP:	8 bytes, likewise; also for ICMPv6
 * @IR_HEADER_PORTS:	the first 4 bytes of TCP, UDP, UDP-Lite, SCTP or DCCP,
 *			likewise, as xt_multiport has it. A packet can lack one
 *			of those above and still have these
 * @IR_HEADER_SCTP:	12 bytes, likewise
 * @IR_HEADER_AH:	as ipt_ah has it, IPv4 only
 * @IR_HEADER_ESP:	8 bytes, likewise
 * @IR_HEADER_IP6:	the chain of IPv6 extension headers can be walked to its
 *			end by ipv6_find_hdr(); drops if not
 * @IR_HEADER_ETHER:	an Ethernet header, as xt_mac asks for it; no match
 *			without
 * @IR_HEADER_COUNT:	number of headers
 *
 * A rule that tests for TCP to ESP also tests, before it and not inverted, for
 * the protocol, so that of those (PORTS apart) only one can be of interest to a
 * packet.
 */
enum ir_header {
	IR_HEADER_TCP,
	IR_HEADER_UDP,
	IR_HEADER_ICMP,
	IR_HEADER_PORTS,
	IR_HEADER_SCTP,
	IR_HEADER_AH,
	IR_HEADER_ESP,
	IR_HEADER_IP6,
	IR_HEADER_ETHER,
	IR_HEADER_COUNT,
};

/**
 * struct ir_test - one condition
 * @kind:	how it decides
 * @field:	what it looks at (not for HEADER, CONN, CONST)
 * @invert:	the opposite must hold (not for HEADER, CONN)
 * @header:	for HEADER
 * @value:	for MASKED, PRESENT, CONN, RANDOM, BRIDGE and CONST
 * @mask:	for MASKED and ANY_BIT
 * @lo:		for RANGE
 * @hi:		for RANGE
 * @bytes:	for BYTES the value, for BYTES_RANGE the lowest value
 * @bytes_mask:	for BYTES, the mask
 * @bytes_hi:	for BYTES_RANGE, the highest value
 * @first_range: for PORTS, index in the ruleset's ranges
 * @num_ranges:	for PORTS, how many there are
 * @ports:	for PORTS, mask of IR_PORTS_SRC and IR_PORTS_DST
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
			union {
				uint8_t bytes_mask[IR_BYTES_MAX];
				uint8_t bytes_hi[IR_BYTES_MAX];
			};
		};
		struct {
			uint32_t first_range;
			uint32_t num_ranges;
			uint32_t ports;
		};
	};
};

/**
 * struct ir_range - a range of ports
 * @lo:		lowest
 * @hi:		highest
 */
struct ir_range {
	uint16_t lo;
	uint16_t hi;
};

/**
 * struct ir_bridged - an extension that runs in the kernel's own code
 * @rule:	index of its rule
 * @offset:	byte offset of its struct xt_entry_match or xt_entry_target from
 *		the rule's entry
 * @is_target:	it is the rule's target
 * @is_final:	it is a target that never goes on: the standard target's QUEUE
 * @revision:	its revision
 * @name:	its name, "QUEUE" for the standard target
 */
struct ir_bridged {
	uint32_t rule;
	uint32_t offset;
	bool is_target;
	bool is_final;
	uint8_t revision;
	char name[30];
};

struct match_desc;
struct target_desc;

/**
 * struct ir_match - one match extension of a rule, or its base header
 * @desc:	who parsed it, NULL for the base header and for a match whose one
 *		test is IR_TEST_BRIDGE
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
 * @IR_ACTION_BRIDGE:	the kernel's own target, element @bridged of the ruleset's
 *			bridged extensions, decides: a final verdict of any kind,
 *			or on to the next rule. The standard target's QUEUE is
 *			one of these
 * @IR_ACTION_SET_MARK:	skb->mark = (skb->mark & @mark_keep) ^ @mark_flip, then
 *			on to the next rule
 */
enum ir_action {
	IR_ACTION_ACCEPT,
	IR_ACTION_DROP,
	IR_ACTION_RETURN,
	IR_ACTION_JUMP,
	IR_ACTION_GOTO,
	IR_ACTION_CONTINUE,
	IR_ACTION_BRIDGE,
	IR_ACTION_SET_MARK,
};

/**
 * enum ir_never - why a rule never matches
 * @IR_NEVER_UNKNOWN:	it may match, for all that is known
 * @IR_NEVER_TEST:	one of its tests holds for no packet
 * @IR_NEVER_DEVICE:	it asks for a device where packets have none
 * @IR_NEVER_CONFLICT:	two of its tests exclude each other
 * @IR_NEVER_CALLER:	it excludes what the only rule asks for that leads to its
 *			chain
 * @IR_NEVER_SHADOWED:	an earlier rule keeps all packets from it that it asks
 *			for
 * @IR_NEVER_BEHIND:	an earlier rule keeps all packets from it
 * @IR_NEVER_CHAIN:	no packet gets to its chain
 */
enum ir_never {
	IR_NEVER_UNKNOWN,
	IR_NEVER_TEST,
	IR_NEVER_DEVICE,
	IR_NEVER_CONFLICT,
	IR_NEVER_CALLER,
	IR_NEVER_SHADOWED,
	IR_NEVER_BEHIND,
	IR_NEVER_CHAIN,
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
 * @bridged:	for BRIDGE the index in the ruleset's bridged extensions
 * @mark_keep:	for SET_MARK
 * @mark_flip:	for SET_MARK
 * @target:	who parsed the target, NULL for the standard target, the chain
 *		heads (which drop, as ipt_error() does) and BRIDGE
 * @no_thoff:	IPv6 without IP6T_F_PROTO: what native hands extensions as
 *		offset of the transport header is 0
 * @comefrom:	mask of hooks that reach it, as native computes it
 * @is_policy:	it is the underflow entry of a hook
 * @is_head:	it is an ERROR entry: the head of a user chain or the blob's end
 * @dead:	a pass found that no packet gets to it or matches it: it needs no
 *		code. Its tests still say so, and its counter is still there
 * @never:	a pass found that it never matches: why. If it is not dead, its
 *		tests may still drop packets, or have to be asked
 * @never_by:	index of the rule that is the reason, for CALLER, SHADOWED and
 *		BEHIND
 */
struct ir_rule {
	uint32_t offset;
	int32_t chain;
	uint32_t number;
	uint32_t first_match;
	uint32_t num_matches;
	enum ir_action action;
	union {
		uint32_t target_chain;
		uint32_t bridged;
		struct {
			uint32_t mark_keep;
			uint32_t mark_flip;
		};
	};
	const struct target_desc *target;
	bool no_thoff;
	uint32_t comefrom;
	bool is_policy;
	bool is_head;
	bool dead;
	enum ir_never never;
	uint32_t never_by;
};

/**
 * struct ir_chain - where a hook or a jump enters the rules
 * @name:	hook name ("INPUT"), user chain name, or for a jump into the
 *		middle of a chain "NAME@RULE"
 * @hook:	enum nf_inet_hooks for a hook's chain, else -1
 * @first:	index of its first rule
 * @end:	index behind its last rule: the first rule from @first on that has
 *		no test and a final action (ACCEPT, DROP, RETURN, GOTO, or a
 *		bridged target that is final) is the last that a packet can
 *		reach by walking on. A chain head met on
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
 * @family:	NFPROTO_IPV4 or NFPROTO_IPV6
 * @valid_hooks: mask of hooks
 * @hook_chain:	for each hook its chain's index, -1 if the table has no such hook
 * @hook_underflow: for each hook the index of its policy rule
 * @rules:	all entries, in blob order
 * @chains:	all chains
 * @matches:	all matches of all rules
 * @tests:	all tests of all matches
 * @ranges:	all ranges of all tests
 * @bridged:	all extensions that are not translated, by rule and offset
 * @num_rules:	number of @rules
 * @num_chains:	number of @chains
 * @num_matches: number of @matches
 * @num_tests:	number of @tests
 * @num_ranges:	number of @ranges
 * @num_bridged: number of @bridged
 * @entries:	the blob's entries, for the lines of rules: set with
 *		bpfilter_blob_attach() and borrowed, NULL without
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
	struct ir_range *ranges;
	struct ir_bridged *bridged;
	uint32_t num_rules;
	uint32_t num_chains;
	uint32_t num_matches;
	uint32_t num_tests;
	uint32_t num_ranges;
	uint32_t num_bridged;
	const char *entries;
};

void bpfilter_ir_free(struct ir_ruleset *rs);
void bpfilter_ir_dump(const struct ir_ruleset *rs, FILE *out);
const char *bpfilter_ir_field_name(enum ir_field field);
const char *bpfilter_ir_hook_name(int hook);

#endif /* BPFILTER_IR_H */
