/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_PLAN_LIMITS_H
#define BPFILTER_PLAN_LIMITS_H

/* The verifier's: frames on the stack, and functions in a program */
#define PLAN_FRAMES_MAX		8
#define PLAN_FUNCS_MAX		256

/* Besides those for chains: load_state(), load_packet(), load_options(), walk() */
#define PLAN_FUNCS_OTHER	4

/*
 * The verifier keeps at most 8,192 branches whose other side it has not looked
 * at yet. In a function that walks rules all that can fail are in that state
 * at its end, so longer chains are cut into segments.
 */
#define PLAN_SEGMENT_BRANCHES	4000

/*
 * The entry has the run's state on its stack, and newer verifiers need time
 * that grows with the square of such a function's size. Beyond this all but
 * the end of the hook's chain goes to segments.
 */
#define PLAN_ENTRY_BRANCHES	500

#define PLAN_RULE_BRANCHES_MAX	4000

/* Longest chain that gets inline to save a function, in branches */
#define PLAN_INLINE_BRANCHES	1000

/* Deepest nesting of chains that is looked at */
#define PLAN_LEVELS_MAX		512

/*
 * The verifier looks at a million instructions at most: 0.9 to 1.25 times as
 * many as costs say.
 */
#define PLAN_INSNS_MAX		750000

/*
 * The verifier follows all calls on all paths to see how deep the stack gets,
 * without remembering where it has been: this bounds its time.
 */
#define PLAN_WALK_MAX		100000000

#endif /* BPFILTER_PLAN_LIMITS_H */
