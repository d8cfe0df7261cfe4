// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>

#include "eval_packet.h"

/**
 * packet_headers_len() - how long is what is in front of the transport header?
 * @pkt:	packet
 *
 * Return: number of bytes.
 */
unsigned int packet_headers_len(const struct packet *pkt)
{
	if (pkt->is_ip6)
		return sizeof(struct ip6_hdr) + pkt->ext_len;
	return sizeof(struct iphdr) + 4 * pkt->ip_options;
}

static void put_ipv4(const struct packet *pkt, uint8_t *bytes)
{
	unsigned int len = packet_headers_len(pkt);
	struct iphdr ip = {
		.version = 4,
		.ihl = len / 4,
		.tos = pkt->tos,
		.tot_len = pkt->no_len ? 0 : htons(len + pkt->l4_len + pkt->more_len),
		.frag_off = htons(pkt->fragoff | IP_DF),
		.ttl = pkt->ttl,
		.protocol = pkt->proto,
		.saddr = htonl(pkt->saddr),
		.daddr = htonl(pkt->daddr),
	};

	memcpy(bytes, &ip, sizeof(ip));
	memset(bytes + sizeof(ip), 1, 4 * pkt->ip_options);
}

/* The flow label is there to be taken for something else */
static void put_ipv6(const struct packet *pkt, uint8_t *bytes)
{
	struct ip6_hdr ip6 = {
		.ip6_flow = htonl(6U << 28 | pkt->tos << 20 | 0xa5a5a),
		.ip6_plen = htons(pkt->ext_len + pkt->l4_len + pkt->more_len),
		.ip6_nxt = pkt->proto,
		.ip6_hlim = pkt->ttl,
	};

	memcpy(&ip6.ip6_src, pkt->saddr6, 16);
	memcpy(&ip6.ip6_dst, pkt->daddr6, 16);
	memcpy(bytes, &ip6, sizeof(ip6));
	memcpy(bytes + sizeof(ip6), pkt->ext, pkt->ext_len);
}

/**
 * packet_bytes() - a packet as it is on the wire, from the IP header on
 * @pkt:	packet
 * @bytes:	filled
 *
 * Return: number of bytes, without those that nothing looks at.
 */
unsigned int packet_bytes(const struct packet *pkt, uint8_t bytes[PACKET_MAX])
{
	unsigned int len = packet_headers_len(pkt);

	if (pkt->is_ip6)
		put_ipv6(pkt, bytes);
	else
		put_ipv4(pkt, bytes);
	memcpy(bytes + len, pkt->l4, pkt->l4_len);
	return len + pkt->l4_len;
}

/* --- Where the transport header is --- */

static bool is_extension(uint8_t proto)
{
	return proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING ||
	       proto == IPPROTO_FRAGMENT || proto == IPPROTO_AH ||
	       proto == IPPROTO_DSTOPTS;
}

static unsigned int extension_len(uint8_t proto, uint8_t units)
{
	switch (proto) {
	case IPPROTO_FRAGMENT:
		return 8;
	case IPPROTO_AH:
		return 4 * (units + 2);
	default:
		return 8 * (units + 1);
	}
}

/* Bytes that are looked at before the length, as ipv6_find_hdr() does */
static unsigned int extension_min(uint8_t proto)
{
	return proto == IPPROTO_FRAGMENT || proto == IPPROTO_ROUTING ? 4 : 2;
}

static void walk_extensions(const uint8_t *bytes, unsigned int len,
			    struct packet_transport *t)
{
	unsigned int at = sizeof(struct ip6_hdr), size, offset;
	uint8_t proto = bytes[offsetof(struct ip6_hdr, ip6_nxt)];

	while (is_extension(proto)) {
		t->fragment |= proto == IPPROTO_FRAGMENT;
		if (at + extension_min(proto) > len)
			return;
		offset = (bytes[at + 2] << 8 | bytes[at + 3]) & ~7;
		if (proto == IPPROTO_FRAGMENT && offset) {
			/* What follows is the payload's, not headers */
			t->found = !is_extension(bytes[at]);
			t->proto = bytes[at];
			t->fragoff = offset;
			return;
		}
		size = extension_len(proto, bytes[at + 1]);
		if (size > len - at)
			return;
		proto = bytes[at];
		at += size;
	}
	t->found = true;
	t->proto = proto;
	t->thoff = at;
}

/**
 * packet_transport() - find the transport header
 * @bytes:	packet
 * @len:	bytes of it
 * @is_ip6:	as ipv6_find_hdr() does for any header, else as ipt_do_table()
 * @t:		filled
 */
void packet_transport(const uint8_t *bytes, unsigned int len, bool is_ip6,
		      struct packet_transport *t)
{
	memset(t, 0, sizeof(*t));
	if (is_ip6) {
		walk_extensions(bytes, len, t);
		return;
	}
	t->found = true;
	t->proto = bytes[offsetof(struct iphdr, protocol)];
	t->thoff = 4 * (bytes[0] & 0xf);
	t->fragoff = (bytes[6] << 8 | bytes[7]) & IP_OFFMASK;
}
