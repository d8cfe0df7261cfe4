/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_EVAL_H
#define BPFILTER_EVAL_H

#include "eval_packet.h"
#include "ir.h"

/*
 * What an IR is worth: an interpreter that takes it at its word, without a
 * kernel. What is not in the rules or in the packet it asks its caller for.
 */

/**
 * enum eval_verdict - how a packet ends
 * @EVAL_DROP:		dropped, or in the kernel's hands
 * @EVAL_ACCEPT:	accepted
 * @EVAL_BROKEN:	the IR contradicts itself: the packet got behind the
 *			end of a chain, into a dead chain, matched a dead rule,
 *			or walked in circles
 */
enum eval_verdict {
	EVAL_DROP,
	EVAL_ACCEPT,
	EVAL_BROKEN,
};

/*
 * What a test, a match or a rule can say of a packet: a set of these, of one
 * element if all is known.
 */
#define EVAL_FAILS	1U
#define EVAL_HOLDS	2U
#define EVAL_DROPS	4U	/* it drops the packet, and does not count it */
#define EVAL_HOTDROPS	8U	/* it holds, and drops the packet behind the rule */

/**
 * enum eval_went - what a target of the kernel's own did
 * @EVAL_WENT_DROP:	the packet ends here, dropped or taken
 * @EVAL_WENT_ACCEPT:	the packet ends here, accepted
 * @EVAL_WENT_ON:	on to the next rule
 */
enum eval_went {
	EVAL_WENT_DROP,
	EVAL_WENT_ACCEPT,
	EVAL_WENT_ON,
};

/**
 * struct eval_view - a packet as rules see it
 * @rs:		the ruleset
 * @ops:	who is asked
 * @ctx:	for @ops
 * @first:	the packet when it entered the table: devices do not change
 * @pkt:	the packet now
 * @bytes:	its bytes from the IP header on, as far as somebody looks at them
 * @len:	number of @bytes
 * @at:		its transport header; of IPv4 as it was at the start, the
 *		protocol apart
 * @kept_fragoff: IPv6: fragment offset that the last rule found
 * @mark:	its mark
 * @unknown:	mask of fields, of @pkt and what targets did since
 * @rule:	index of the rule that was looked at last
 * @dropping:	a match of this rule wants it dropped
 * @unsure:	first test of the rule at hand that can say more than one thing
 * @unsure_in:	the match that it belongs to
 */
struct eval_view {
	const struct ir_ruleset *rs;
	const struct eval_ops *ops;
	void *ctx;
	const struct packet *first;
	const struct packet *pkt;
	uint8_t bytes[PACKET_MAX];
	unsigned int len;
	struct packet_transport at;
	uint16_t kept_fragoff;
	uint32_t mark;
	uint64_t unknown;
	uint32_t rule;
	bool dropping;
	const struct ir_test *unsure;
	const struct ir_match *unsure_in;
};

/**
 * struct eval_ops - who answers for what is neither in rules nor in packets
 * @match:	what a bridged match says: a set, see EVAL_FAILS
 * @target:	what a bridged target does; may change the packet by
 *		eval_view_change()
 * @random:	whether a random number of 31 bit is below @below: a set
 * @choose:	one of the set of what a rule can say; @unsure of the view tells
 *		what is not known. Not called for sets of one
 * @count:	a rule's counter takes the packet; its target comes next
 * @set_mark:	a rule sets the mark; may be NULL
 */
struct eval_ops {
	unsigned int (*match)(struct eval_view *view,
			      const struct ir_rule *rule, uint32_t index);
	enum eval_went (*target)(struct eval_view *view,
				 const struct ir_rule *rule);
	unsigned int (*random)(struct eval_view *view, uint32_t below);
	unsigned int (*choose)(struct eval_view *view,
			       const struct ir_rule *rule, unsigned int set);
	void (*count)(struct eval_view *view, uint32_t rule);
	void (*set_mark)(struct eval_view *view, const struct ir_rule *rule);
};

unsigned int eval_packet_len(const struct eval_view *v);
void eval_view_open(struct eval_view *v, const struct packet *pkt);
void eval_view_change(struct eval_view *v, const struct packet *pkt);
unsigned int eval_view_rule(struct eval_view *v, const struct ir_rule *rule);
int bpfilter_eval(struct eval_view *view, int hook, const struct packet *pkt,
		  enum eval_verdict *verdict);

#endif /* BPFILTER_EVAL_H */
