/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_PACKET_H
#define UNIT_PACKET_H

#include "eval_packet.h"

/* Bits of an answer: of a match, and of a target */
#define PACKET_ANSWER_MATCH	3
#define PACKET_ANSWER_GO_ON	1
#define PACKET_ANSWER_CHANGE	4

/* The mark that a match gives a packet if it can write to one and is to change it */
static inline uint32_t packet_written_mark(uint32_t index)
{
	static const uint32_t marks[] = { 0x10, 0, 1, 2, UINT32_MAX };

	return marks[index % (sizeof(marks) / sizeof(*marks))];
}

/* Room for what is below a packet */
#define PACKET_HEADROOM	72

/* enum packet_asked - what the kernel can be asked to do */
enum packet_asked {
	PACKET_ASKED_MATCH,
	PACKET_ASKED_TARGET,
	PACKET_ASKED_TRACE,
	PACKET_ASKED_MARK,
	PACKET_ASKED_SET_TRACE,
};

/**
 * struct packet_call - what it was asked
 * @what:	what
 * @index:	extension or entry, for MARK the bits to keep
 * @thoff:	offset of the transport header, for MARK the bits to invert
 * @fragoff:	fragment offset
 */
struct packet_call {
	enum packet_asked what;
	uint32_t index;
	uint32_t thoff;
	uint32_t fragoff;
};

#define PACKET_CALLS_MAX	512

/* struct packet_calls - all of that, as far as there is room */
struct packet_calls {
	unsigned int num;
	struct packet_call calls[PACKET_CALLS_MAX];
};

/**
 * struct packet_play - a packet, and what becomes of it on its way
 * @pkts:	what it is: the first when it enters the table, the next each
 *		time that a target changed it; the last stays
 * @num:	number of @pkts
 * @random:	what a random number is
 */
struct packet_play {
	const struct packet *pkts;
	unsigned int num;
	uint32_t random;
};

void packet_call(struct packet_calls *calls, enum packet_asked what,
		 uint32_t index, uint32_t thoff, uint32_t fragoff);
bool packet_calls_equal(const struct packet_calls *a,
			const struct packet_calls *b);

#endif /* UNIT_PACKET_H */
