/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_DATA_H
#define BPFILTER_DATA_H

#include <stdint.h>

/*
 * The data map: rules as data.
 *
 * One array map with a single element that user space fills through mmap and
 * programs only read. In it lie chains, their records (a rule each, in the
 * chain's order at ascending offsets), the nodes of classifiers, and behind all
 * that the shapes of records.
 *
 * A classifier answers which rules may match: it may name too many, since
 * each candidate's tests are then run in full, but never misses one. A
 * position in a chain is the byte offset of a record.
 *
 * All members are in host byte order, all offsets in bytes from the start of
 * the map's value. Offset 0 is not used. struct run_state is in gen.h; what
 * follows calls an offset in it a place, and a word at a place is 32 bits in
 * host order at a multiple of 4.
 */
#define DATA_TREES_MAX		8
#define DATA_PARTS_MAX		4
#define DATA_CHAIN_ALIGN	16
#define DATA_LINE		64	/* bytes of a cache line */
#define DATA_RECORD_ALIGN	4
#define DATA_NODE_ALIGN		4
#define DATA_SCALE_SHIFT	24

/* Odd; the product's highest bits depend on all of a key's */
#define DATA_HASH_MUL		0x9e3779b97f4a7c15ULL

/**
 * struct data_chain - a chain of rules
 * @first:	its first record
 * @last:	its last record, which has no test, is final and matches always
 * @num_trees:	number of @root, at most %DATA_TREES_MAX. 0: records are walked
 *		one after the other
 * @counter:	byte offset of the first record's counter in a CPU's row
 * @scale:	bytes of counters for 1 << %DATA_SCALE_SHIFT bytes of records
 * @root:	refs: together they name all rules but the last
 *
 * The counter of the record at r is near @counter + (r - @first) * @scale, which
 * is known before the record itself has come from memory.
 */
struct data_chain {
	uint32_t first;
	uint32_t last;
	uint32_t num_trees;
	uint32_t counter;
	uint32_t scale;
	uint32_t root[];
};

/**
 * struct data_record - a rule: what it does not share with others
 * @counter:	byte offset of the rule's counter in a CPU's row
 * @shape:	offset of its struct data_shape from where shapes start
 * @word:	JUMP and GOTO: [0] offset of the struct data_chain. SET_MARK: what
 *		to keep and what to flip. BRIDGE: [0] index of the target. Behind
 *		that what its tests look for
 *
 * Packets for many rules find what these have of their own in no cache, so
 * that is small, and a record lies in one cache line if it fits.
 */
struct data_record {
	uint32_t counter;
	uint32_t shape;
	uint32_t word[];
};

/* For struct data_shape's flags */
#define DATA_RECORD_FINAL	0x01	/* no rule follows if it matches */
#define DATA_RECORD_BRIDGE	0x02	/* has a test DATA_TEST_BRIDGE */
#define DATA_RECORD_NO_THOFF	0x04	/* IPv6: bridged extensions get thoff 0 */
#define DATA_RECORD_RELOAD	0x08	/* its action changes what is in run_state */
#define DATA_RECORD_WRITES	0x10	/* its tests do, whatever they say */

/**
 * struct data_shape - what rules have in common; their struct data_test follow
 * @action:	enum ir_action
 * @flags:	DATA_RECORD_*
 * @size:	bytes / 4 from such a record to the next one of the chain
 * @tests:	how many
 * @zero:	0
 */
struct data_shape {
	uint8_t action;
	uint8_t flags;
	uint16_t size;
	uint16_t tests;
	uint16_t zero;
};

/* For struct data_test's off, beyond all of struct run_state */
enum data_test_kind {
	DATA_TEST_BRIDGE = 0x8000, /* bridged match number @lo says yes */
	DATA_TEST_RANDOM,	/* 31 random bits are below @lo */
	DATA_TEST_KEEP,		/* IPv6: notes the fragment offset, says yes */
};

/* For struct data_test's yes and no */
#define DATA_DROP_PACKET	0xfd	/* the rule drops the packet, unmatched */
#define DATA_RULE_MATCHES	0xfe
#define DATA_RULE_FAILS		0xff

/**
 * struct data_test - a node of a rule's decision graph
 * @off:	place of the word to look at: ((word & @mask) - lo) <= span,
 *		unsigned, says yes; or enum data_test_kind
 * @yes:	go on this many tests further (at least 1), or one of the three
 *		results above
 * @no:		likewise
 * @mask:	bits to look at
 * @lo:		smallest value, as far as it is part of the shape
 * @span:	greatest value minus smallest, likewise
 * @at:		place in the record of a word, and of one behind that
 * @own_lo:	1: the first of them is added to @lo; else 0
 * @own_span:	1: the second one is added to @span; else 0
 *
 * A chain's last record is the only one without tests.
 */
struct data_test {
	uint16_t off;
	uint8_t yes;
	uint8_t no;
	uint32_t mask;
	uint32_t lo;
	uint32_t span;
	uint16_t at;
	uint8_t own_lo;
	uint8_t own_span;
};

/*
 * A ref names a node: its offset, a multiple of 4, with the node's kind in the
 * low bits. It says of what rules a classifier has yet to look at.
 */
#define DATA_REF_KIND		3U
#define DATA_REF_RECORD		0U	/* one record; offset 0: none */
#define DATA_REF_LIST		1U	/* struct data_list */
#define DATA_REF_CUT		2U	/* struct data_cut */
#define DATA_REF_NODE		3U	/* kind is in its first byte */

/* Behind a list's last record */
#define DATA_LIST_END		UINT32_MAX

/**
 * struct data_list - several records
 * @num:	how many; who comes back to a list finds where it was by halves
 * @record:	their offsets, ascending; %DATA_LIST_END is behind the last one
 */
struct data_list {
	uint32_t num;
	uint32_t record[];
};

/* First byte of a node, enum data_node_kind */
enum data_node_kind {
	DATA_NODE_HASH,		/* struct data_hash */
	DATA_NODE_SEARCH,	/* struct data_search */
};

/**
 * struct data_cut - an array by some bits of a word
 * @off:	the word's place
 * @zero:	0
 * @shift:	below 32
 * @mask:	of the index, number of @ref minus 1
 * @ref:	one for each value of (word >> @shift) & @mask
 */
struct data_cut {
	uint16_t off;
	uint8_t zero;
	uint8_t shift;
	uint32_t mask;
	uint32_t ref[];
};

/**
 * struct data_part - a part of a hash node's key: (word >> @shift) & @mask
 * @off:	the word's place
 * @shift:	below 32
 * @mask:	any bits
 */
struct data_part {
	uint16_t off;
	uint16_t shift;
	uint32_t mask;
};

/**
 * struct data_hash - a hash table
 * @kind:	%DATA_NODE_HASH
 * @num_parts:	1 to %DATA_PARTS_MAX
 * @shift:	64 minus the logarithm of the number of refs, 33 to 63
 * @part:	the key's; num_parts of them. Behind them lie the refs
 *
 * With h = 0 at first, each part makes h = (h ^ part) * DATA_HASH_MUL; the ref
 * is at index h >> @shift. No keys are kept: what shares a place shares a ref,
 * and the tests of the rules tell them apart.
 */
struct data_hash {
	uint8_t kind;
	uint8_t num_parts;
	uint16_t shift;
	struct data_part part[];
};

/**
 * struct data_search - ranges of a word's value
 * @kind:	%DATA_NODE_SEARCH
 * @zero:	0
 * @off:	the word's place
 * @shift:	below 32
 * @num:	number of bounds, at least 1
 * @mask:	applied behind the shift
 * @bound:	ascending; behind them lie @num + 1 refs
 *
 * The ref is at the index that says how many bounds are at most
 * (word >> @shift) & @mask.
 */
struct data_search {
	uint8_t kind;
	uint8_t zero;
	uint16_t off;
	uint16_t shift;
	uint16_t num;
	uint32_t mask;
	uint32_t bound[];
};

#endif /* BPFILTER_DATA_H */
