/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_GEN_WALK_H
#define BPFILTER_GEN_WALK_H

#include "gen.h"

/*
 * walk() walks the chain of the data map that struct run_state names, and those
 * that it jumps to, and returns an enum gen_result. Its size does not depend on
 * the data.
 *
 * Registers:
 *
 *	r6	offset of the record at hand; before there is one, how many
 *		classifiers the chain has
 *	r7	struct run_state
 *	r8	this CPU's row of counters
 *	r9	offset of the test at hand among shapes; before there is one, number
 *		of the classifier, or where the list is from which records come
 *	r0-r5	free; packet and hook state are on the stack
 *
 * Whatever else there is to know is in struct run_state, the chain too: the
 * verifier does not track its contents, so that it takes all rounds of the
 * loops for one, and need not know where any number comes from.
 *
 * Each offset is compared to the greatest valid one before it is used. The
 * map's value goes on for WALK_PAD bytes from there: as far as anything that
 * has a fixed size.
 *
 * Each loop has a may_goto, which ends a walk that goes on for too long: the
 * packet is dropped then. What the free registers hold there is thrown away:
 * the verifier would take rounds for different that differ in nothing else.
 *
 * The stack of jumps lies behind the counters in this CPU's row: a head, then a
 * chain and a position in it for each jump.
 *
 * In the kernel's bpfilter the head says what is in use by those below. Since
 * extensions of the kernel's own may send packets, which take the same way
 * before the call returns, that is noted around such a call.
 *
 * Under links (COMPILE_LINKS) a packet of this host may be interrupted by one
 * that comes in, or its task be preempted by another, in the middle of walk().
 * There are several stacks, and the head says whether one is taken. Should all
 * be, the packet is dropped.
 */
#define WALK_RECORD	BPF_REG_6
#define WALK_TREES	BPF_REG_6
#define WALK_TEST	BPF_REG_9
#define WALK_TREE	BPF_REG_9
#define WALK_LIST	BPF_REG_9
#define WALK_SIZE	BPF_REG_9

#define WALK_PAD	DATA_BYTES_SPARE

/* Of r0 to r5, those that loops over tests and records keep as they are */
#define WALK_LIVE	0x0fU

/* The last word of struct run_state */
#define WALK_STATE_LAST	((int32_t)(sizeof(struct run_state) - 4))

/* On the stack */
#define WALK_SKB	(-8)
#define WALK_HOOK	(-16)

/* struct run_state's @list, besides an offset */
enum walk_list {
	WALK_LAST,	/* only the last record remains */
	WALK_ALL,	/* all records that follow */
	WALK_MERGE,	/* the lists in @cursor */
	WALK_LISTS,
};

/* Before all records of a chain */
#define WALK_START	1

/* A stack of jumps: its head, 4 bytes of these, then struct walk_jump */
#define WALK_JUMPS	8

/* Walks under links that one CPU can be in the middle of */
#define WALK_STACKS	8

/* In a @pos: it is no position, but the offset of the next one in a list */
#define WALK_IN_LIST	2U

/**
 * struct walk_jump - where to return to
 * @chain:	chain
 * @pos:	position in it, or with %WALK_IN_LIST a place in a list
 */
struct walk_jump {
	uint32_t chain;
	uint32_t pos;
};

/**
 * struct walk - walk() in the making
 * @enter:	enter chain r6 at the position that struct run_state has
 * @scan_all:	look for a record to try from r6 on
 * @scan_list:	look for one in the list at offset r9
 * @run:	try record r6
 * @next:	look for the record behind r6
 * @merge:	look for the record at or behind struct run_state's pos in the
 *		lists of several classifiers
 * @last:	try the chain's last record
 * @matched:	record r6 matched
 * @ret:	RETURN
 * @drop:	drop the packet
 * @refuse:	likewise before there is a stack of jumps
 */
struct walk {
	uint32_t enter;
	uint32_t scan_all;
	uint32_t scan_list;
	uint32_t run;
	uint32_t next;
	uint32_t merge;
	uint32_t last;
	uint32_t matched;
	uint32_t ret;
	uint32_t drop;
	uint32_t refuse;
};

static inline bool walk_has(const struct gen *g, uint32_t features)
{
	return g->features & features;
}

/* Is there a stack of jumps? */
static inline bool walk_jumps(const struct gen *g)
{
	return walk_has(g, DATA_JUMP);
}

/* Can what has been found in a chain be another once a rule of it was run? */
static inline bool walk_volatile(const struct gen *g)
{
	bool mark = walk_has(g, DATA_MARK_TREE) ||
		    (walk_has(g, DATA_TREES) && g->plan->need.mark);

	return walk_has(g, DATA_TREE) &&
	       (walk_has(g, DATA_RELOAD | DATA_WRITES) ||
		(mark && walk_has(g, DATA_SET_MARK | DATA_TARGET)));
}

/* gen_walk.c */
void walk_exit(struct gen *g);
void walk_load(struct gen *g, uint8_t size, uint8_t reg, int16_t off);
void walk_store(struct gen *g, uint8_t size, uint8_t reg, int16_t off);
void walk_set(struct gen *g, int16_t off, uint32_t value);
void walk_loop(struct gen *g, const struct walk *w, uint32_t label,
	       unsigned int live);
void walk_point(struct gen *g, const struct walk *w, uint8_t reg, uint8_t off);
void walk_again(struct gen *g, uint8_t reg, uint8_t off);
void walk_shape(struct gen *g, const struct walk *w, uint8_t reg, uint8_t off);
void walk_point_shape(struct gen *g, const struct walk *w, uint8_t reg,
		      uint8_t off);
void walk_again_shape(struct gen *g, uint8_t reg, uint8_t off);

/* gen_walk_chain.c */
void walk_enter(struct gen *g, const struct walk *w);
void walk_open_list(struct gen *g, const struct walk *w);
void walk_next(struct gen *g, const struct walk *w);

/* gen_walk_scan.c */
void walk_scan_all(struct gen *g, const struct walk *w);
void walk_scan_list(struct gen *g, const struct walk *w);

void walk_first_test(struct gen *g, const struct walk *w, uint32_t fails,
		     uint32_t found);

/* gen_walk_merge.c */
void walk_next_tree(struct gen *g, uint32_t more);
void walk_keep_leaf(struct gen *g, const struct walk *w);
void walk_merge(struct gen *g, const struct walk *w);

/* gen_walk_tree.c */
void walk_halve(struct gen *g, const struct walk *w);
void walk_descend(struct gen *g, const struct walk *w, uint32_t leaf);

/* gen_walk_test.c */
void walk_lo(struct gen *g, const struct walk *w, int16_t test);
void walk_test(struct gen *g, const struct walk *w, int16_t test,
	       uint32_t others);

/* gen_walk_rule.c */
void walk_run(struct gen *g, const struct walk *w);

/* gen_walk_action.c */
void walk_ask(struct gen *g, const struct walk *w, enum kbtf_func func);
void walk_held(struct gen *g, const struct walk *w);
void walk_ask_again(struct gen *g, const struct walk *w, uint8_t flag);
void walk_reload(struct gen *g, const struct walk *w, uint8_t flag);
void walk_matched(struct gen *g, const struct walk *w);

#endif /* BPFILTER_GEN_WALK_H */
