/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DIFF_STEPS_H
#define DIFF_STEPS_H

#include "spec.h"

/**
 * enum step_kind - one thing that happens to both namespaces
 * @STEP_RECEIVE:	a packet comes in by a device
 * @STEP_SEND:		a raw socket sends a packet by a device
 * @STEP_CONN:		a connection is put into the conntrack table
 */
enum step_kind {
	STEP_RECEIVE,
	STEP_SEND,
	STEP_CONN,
};

/* The packet needs no route of its own */
#define ROUTE_NONE	(-1)

/**
 * struct step - one step
 * @kind:	what happens
 * @dev:	device to receive or send by
 * @route:	device that the destination is routed to, DEV_LO if the packet
 *		is to be delivered locally, or ROUTE_NONE
 * @dst:	the destination
 * @linear:	as in struct spec
 * @mark:	mark that the packet comes with
 * @mac:	source of its Ethernet header
 * @pkt:	destination of that, as in FIELD_PKT
 * @owner:	index of the user that sends it
 * @len:	bytes at @data
 * @data:	the packet from its IP header on
 * @conn:	for STEP_CONN
 * @rule:	index of the rule that it was made for
 * @why:	how it was changed from one that hits
 */
struct step {
	enum step_kind kind;
	int dev;
	int route;
	__uint128_t dst;
	int linear;
	uint32_t mark;
	uint64_t mac;
	uint8_t pkt;
	uint8_t owner;
	uint16_t len;
	uint8_t *data;
	struct conn *conn;
	unsigned int rule;
	const char *why;
};

struct step_list {
	struct step *step;
	unsigned int num;
	unsigned int packets;
};

/* Append what @s asks for */
void steps_add(struct step_list *steps, const struct spec *s,
	       const struct owners *owners, unsigned int rule, const char *why);
void steps_free(struct step_list *steps);

/* Print a packet: decoded, then as hexadecimal bytes */
void packet_print(const uint8_t *data, unsigned int len);

#endif /* DIFF_STEPS_H */
