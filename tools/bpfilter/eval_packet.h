/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_EVAL_PACKET_H
#define BPFILTER_EVAL_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <linux/netfilter/nf_conntrack_common.h>

#include "ir.h"

#define PACKET_L4_MAX	60
#define PACKET_EXT_MAX	64
#define PACKET_ANSWERS	16

/* Behind all fields: whether its connection has other addresses */
#define PACKET_UNKNOWN_NAT	(1ULL << IR_FIELD_COUNT)

/* Room for all bytes of a packet that somebody may look at */
#define PACKET_MAX	256

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
 * struct packet_link - what is known of a packet below IP
 * @no_dev:	skb->dev is not set
 * @not_ether:	the device is not an Ethernet
 * @no_header:	the header was not set
 * @len:	its length, as network header minus MAC header
 * @source:	its source address
 * @type:	skb->pkt_type
 */
struct packet_link {
	bool no_dev;
	bool not_ether;
	bool no_header;
	int8_t len;
	uint8_t source[6];
	uint8_t type;
};

/**
 * struct packet - what a ruleset can look at, without a kernel around it
 * @is_ip6:	IPv6
 * @saddr:	IPv4 source address in host byte order
 * @daddr:	IPv4 destination address in host byte order
 * @saddr6:	IPv6 source address
 * @daddr6:	IPv6 destination address
 * @proto:	protocol; of IPv6 what the header says that follows it
 * @fragoff:	IPv4 fragment offset in units of 8 bytes
 * @tos:	type of service or traffic class
 * @ttl:	time to live or hop limit
 * @ip_options:	words of options in the IPv4 header, up to 10
 * @ext_len:	bytes of IPv6 extension headers
 * @ext:	those bytes
 * @no_len:	IPv4: the header has no length
 * @gso_size:	of skb_shared_info
 * @gso_type:	likewise
 * @in:		name of the input device, zeroes for none
 * @out:	name of the output device
 * @l4_len:	bytes that follow the headers above
 * @l4:		those bytes
 * @more_len:	bytes behind those, which nothing looks at
 * @link:	what is below
 * @mark:	skb->mark
 * @traced:	skb->nf_trace
 * @conn:	it has a connection
 * @ctinfo:	with @conn: its part in the connection
 * @untracked:	without @conn: untracked, not invalid
 * @status:	of the connection
 * @ct_proto:	of the connection's original tuple
 * @orig:	tuple of the original direction
 * @repl:	tuple of the reply direction
 * @ct_mark:	mark of the connection
 * @expires:	seconds until the connection times out
 * @unknown:	mask of 1 << enum ir_field: what is not known of it, and
 *		PACKET_UNKNOWN_NAT. IR_FIELD_CT_STATE includes whether it has a
 *		connection
 * @answers:	by index of a bridged extension, modulo PACKET_ANSWERS: what it
 *		says, for those who ask nobody else
 */
struct packet {
	bool is_ip6;
	uint32_t saddr;
	uint32_t daddr;
	uint8_t saddr6[16];
	uint8_t daddr6[16];
	uint8_t proto;
	uint16_t fragoff;
	uint8_t tos;
	uint8_t ttl;
	unsigned int ip_options;
	unsigned int ext_len;
	uint8_t ext[PACKET_EXT_MAX];
	bool no_len;
	uint16_t gso_size;
	uint32_t gso_type;
	char in[16];
	char out[16];
	unsigned int l4_len;
	uint8_t l4[PACKET_L4_MAX];
	unsigned int more_len;
	struct packet_link link;
	uint32_t mark;
	bool traced;
	bool conn;
	enum ip_conntrack_info ctinfo;
	bool untracked;
	uint32_t status;
	uint8_t ct_proto;
	struct packet_tuple orig;
	struct packet_tuple repl;
	uint32_t ct_mark;
	uint32_t expires;
	uint64_t unknown;
	uint8_t answers[PACKET_ANSWERS];
};

/**
 * struct packet_transport - where the transport header of a packet is
 * @found:	there is one
 * @proto:	which
 * @thoff:	its offset, 0 for later fragments of IPv6
 * @fragoff:	as native's engine of the family has it
 * @fragment:	IPv6: it has a fragment header
 */
struct packet_transport {
	bool found;
	uint8_t proto;
	uint32_t thoff;
	uint16_t fragoff;
	bool fragment;
};

unsigned int packet_headers_len(const struct packet *pkt);
unsigned int packet_bytes(const struct packet *pkt, uint8_t bytes[PACKET_MAX]);
void packet_transport(const uint8_t *bytes, unsigned int len, bool is_ip6,
		      struct packet_transport *t);

#endif /* BPFILTER_EVAL_PACKET_H */
