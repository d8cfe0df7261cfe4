/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_IR_VIEW_H
#define UNIT_IR_VIEW_H

#include "ir_eval.h"

/* The part of the IR's interpreter that looks at packets */

/* Each test holds, does not, or drops the packet */
enum outcome {
	TEST_FAILS,
	TEST_HOLDS,
	TEST_DROPS,
};

/**
 * struct ir_view - a packet as rules see it
 * @rs:		the ruleset
 * @play:	what becomes of the packet
 * @turn:	which of its packets it is
 * @pkt:	that packet
 * @bytes:	its bytes from the IP header on
 * @len:	number of @bytes
 * @at:		its transport header; of IPv4 as it was at the start, the
 *		protocol apart
 * @kept_fragoff: IPv6: fragment offset that the last rule found
 * @mark:	its mark
 * @dropping:	a bridged match of this rule wants it dropped
 * @out:	where to note what the kernel is asked
 */
struct ir_view {
	const struct ir_ruleset *rs;
	const struct packet_play *play;
	unsigned int turn;
	const struct packet *pkt;
	uint8_t bytes[PACKET_MAX];
	unsigned int len;
	struct packet_transport at;
	uint16_t kept_fragoff;
	uint32_t mark;
	bool dropping;
	struct ir_outcome *out;
};

void ir_view_turn(struct ir_view *v);
enum outcome ir_view_rule(struct ir_view *v, const struct ir_rule *rule);
uint8_t ir_view_ask(struct ir_view *v, const struct ir_rule *rule,
		    enum packet_asked what, uint32_t index);

#endif /* UNIT_IR_VIEW_H */
