/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_IR_EVAL_H
#define UNIT_IR_EVAL_H

#include "ir.h"
#include "packet.h"

/* What an IR is worth: an interpreter that takes it at its word */

/**
 * enum ir_verdict - how a packet ends
 * @IR_VERDICT_DROP:	dropped, or in the kernel's hands
 * @IR_VERDICT_ACCEPT:	accepted
 * @IR_VERDICT_BROKEN:	the IR contradicts itself: the packet got behind the
 *			end of a chain, into a dead chain, matched a dead rule,
 *			or walked in circles
 */
enum ir_verdict {
	IR_VERDICT_DROP,
	IR_VERDICT_ACCEPT,
	IR_VERDICT_BROKEN,
};

/**
 * struct ir_outcome - what a ruleset did with a packet
 * @packets:	by rule, incremented; given by the caller
 * @bytes:	likewise, or NULL
 * @calls:	what it asked of the kernel
 * @mark:	the packet's mark in the end
 */
struct ir_outcome {
	uint64_t *packets;
	uint64_t *bytes;
	struct packet_calls calls;
	uint32_t mark;
};

enum ir_verdict ir_play(const struct ir_ruleset *rs, int hook,
			const struct packet_play *play,
			struct ir_outcome *out);
enum ir_verdict ir_eval(const struct ir_ruleset *rs, int hook,
			const struct packet *pkt, uint64_t *counters);

#endif /* UNIT_IR_EVAL_H */
