/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_PACKET_H
#define UNIT_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <linux/netfilter/nf_conntrack_common.h>

#define PACKET_L4_MAX	60

/**
 * struct packet_tuple - one direction of a connection, in host byte order
 * @src:	source address
 * @dst:	destination address
 * @sport:	tuple.src.u.all
 * @dport:	tuple.dst.u.all
 */
struct packet_tuple {
	uint32_t src;
	uint32_t dst;
	uint16_t sport;
	uint16_t dport;
};

/**
 * struct packet - what a ruleset can look at, without a kernel around it
 * @saddr:	source address in host byte order
 * @daddr:	destination address in host byte order
 * @proto:	protocol
 * @fragoff:	fragment offset in units of 8 bytes
 * @in:		name of the input device, zeroes for none
 * @out:	name of the output device
 * @l4_len:	bytes that follow the IP header
 * @l4:		those bytes
 * @conn:	it has a connection
 * @ctinfo:	with @conn: its part in the connection
 * @untracked:	without @conn: untracked, not invalid
 * @status:	of the connection
 * @ct_proto:	of the connection's original tuple
 * @orig:	tuple of the original direction
 * @repl:	tuple of the reply direction
 * @expires:	seconds until the connection times out
 */
struct packet {
	uint32_t saddr;
	uint32_t daddr;
	uint8_t proto;
	uint16_t fragoff;
	char in[16];
	char out[16];
	unsigned int l4_len;
	uint8_t l4[PACKET_L4_MAX];
	bool conn;
	enum ip_conntrack_info ctinfo;
	bool untracked;
	uint32_t status;
	uint8_t ct_proto;
	struct packet_tuple orig;
	struct packet_tuple repl;
	uint32_t expires;
};

#endif /* UNIT_PACKET_H */
