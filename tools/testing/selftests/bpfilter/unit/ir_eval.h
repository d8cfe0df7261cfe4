/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_IR_EVAL_H
#define UNIT_IR_EVAL_H

#include "eval.h"
#include "ir.h"
#include "packet.h"

/* The library's interpreter with packets that know the answers */

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

enum eval_verdict ir_play(const struct ir_ruleset *rs, int hook,
			  const struct packet_play *play,
			  struct ir_outcome *out);
enum eval_verdict ir_eval(const struct ir_ruleset *rs, int hook,
			  const struct packet *pkt, uint64_t *counters);

#endif /* UNIT_IR_EVAL_H */
