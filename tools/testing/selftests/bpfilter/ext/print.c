// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "pktrun.h"

/*
 * Packets as text: all that decides what becomes of them and all that a target
 * may change, but the identification, which the stack draws for its own.
 */

bool hide_seq;
bool csum_partial;
bool syn_seen;
uint32_t syn_seq;

static uint16_t get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void print_hex(const char *name, const uint8_t *p, size_t len)
{
	if (!len)
		return;
	printf(" %s ", name);
	while (len--)
		printf("%02x", *p++);
}

static void print_data(const uint8_t *p, size_t len)
{
	bool text = len;

	printf(" len %zu", len);
	for (size_t i = 0; i < len; i++)
		text = text && isprint(p[i]);
	if (len > 40)
		printf(" sum %04x", csum_fold(csum_add(p, len, 0)));
	else if (text)
		printf(" \"%.*s\"", (int)len, p);
	else
		print_hex("data", p, len);
}

static void print_tcp(const uint8_t *p, size_t len)
{
	static const char names[] = "FSRPAUEC";
	size_t hlen;

	if (len < 20 || (p[12] >> 4) * 4U > len || p[12] >> 4 < 5) {
		print_data(p, len);
		return;
	}
	hlen = (p[12] >> 4) * 4;
	printf(" tcp %u > %u ", get16(p), get16(p + 2));
	for (int i = 0; i < 8; i++)
		if (p[13] & 1 << i)
			putchar(names[i]);
	if (!hide_seq)
		printf(" seq %u ack %u", get32(p + 4), get32(p + 8));
	printf(" win %u", get16(p + 14));
	print_hex("opts", p + 20, hlen - 20);
	print_data(p + hlen, len - hlen);
	syn_seen |= p[13] & 2;
	if (p[13] & 2)
		syn_seq = get32(p + 4);
}

static void print_udp(const char *name, const uint8_t *p, size_t len)
{
	if (len < 8) {
		print_data(p, len);
		return;
	}
	printf(" %s %u > %u", name, get16(p), get16(p + 2));
	print_data(p + 8, len - 8);
}

static bool icmp_is_error(int family, uint8_t type)
{
	if (family == AF_INET6)
		return type < 128;
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

static void print_icmp(int family, const uint8_t *p, size_t len)
{
	if (len < 8) {
		print_data(p, len);
		return;
	}
	printf(" icmp type %u code %u rest %08x", p[0], p[1], get32(p + 4));
	if (icmp_is_error(family, p[0])) {
		printf(" [");
		packet_print(p + 8, len - 8);
		printf(" ]");
	} else {
		print_data(p + 8, len - 8);
	}
}

static bool has_pseudo_header(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP ||
	       proto == IPPROTO_UDPLITE || proto == IPPROTO_ICMPV6 ||
	       proto == IPPROTO_DCCP;
}

static const char *csum_state(int family, const uint8_t *saddr,
			      const uint8_t *daddr, uint8_t proto,
			      const uint8_t *p, size_t len)
{
	uint32_t sum;

	if (csum_partial)
		return "partial";
	if (proto == IPPROTO_UDP && len >= 8 && !get16(p + 6))
		return "none";
	sum = proto == IPPROTO_ICMP ? csum_add(p, len, 0) :
	      csum_l4(family, saddr, daddr, proto, p, len);
	return csum_fold(sum) == 0xffff ? "ok" : "bad";
}

static void print_csum(int family, const uint8_t *saddr, const uint8_t *daddr,
		       uint8_t proto, const uint8_t *p, size_t len)
{
	if (proto == IPPROTO_ICMP || has_pseudo_header(proto))
		printf(" csum %s", csum_state(family, saddr, daddr, proto, p,
					      len));
}

/* What an ICMP error quotes is cut: whether its checksum is right cannot show */
static void print_l4(int family, const uint8_t *saddr, const uint8_t *daddr,
		     uint8_t proto, const uint8_t *p, size_t len, bool whole)
{
	switch (proto) {
	case IPPROTO_TCP:
		print_tcp(p, len);
		break;
	case IPPROTO_UDP:
		print_udp("udp", p, len);
		break;
	case IPPROTO_UDPLITE:
		print_udp("udplite", p, len);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		print_icmp(family, p, len);
		break;
	default:
		printf(" proto %u", proto);
		print_data(p, len);
	}
	if (whole)
		print_csum(family, saddr, daddr, proto, p, len);
}

static void print_header(int family, const uint8_t *saddr, const uint8_t *daddr,
			 uint8_t ttl, uint8_t tos)
{
	char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];

	inet_ntop(family, saddr, from, sizeof(from));
	inet_ntop(family, daddr, to, sizeof(to));
	printf(" %s > %s ttl %u tos 0x%02x", from, to, ttl, tos);
}

static void print_ipv4(const uint8_t *p, size_t len)
{
	size_t hlen = (p[0] & 15) * 4, total = get16(p + 2);
	uint16_t frag = get16(p + 6);
	bool whole = total <= len;

	if (hlen < 20 || len < hlen)
		return;
	print_header(AF_INET, p + 12, p + 16, p[8], p[1]);
	print_hex("ipopts", p + 20, hlen - 20);
	if (frag & 0x4000)
		printf(" df");
	frag &= 0x3fff;
	if (frag)
		printf(" frag 0x%04x", frag);
	if (csum_fold(csum_add(p, hlen, 0)) != 0xffff)
		printf(" ipcsum bad");
	if (!whole)
		total = len;
	if (frag & 0x1fff)
		print_data(p + hlen, total - hlen);
	else
		print_l4(AF_INET, p + 12, p + 16, p[9], p + hlen, total - hlen,
			 whole && !frag);
}

static bool is_ext_header(uint8_t type)
{
	return type == IPPROTO_HOPOPTS || type == IPPROTO_DSTOPTS ||
	       type == IPPROTO_ROUTING || type == IPPROTO_FRAGMENT;
}

static void print_ipv6(const uint8_t *p, size_t len)
{
	size_t at = 40, total = 40 + get16(p + 4);
	uint8_t type = p[6];
	bool whole = total <= len, frag = false;

	print_header(AF_INET6, p + 8, p + 24, p[7], get16(p) >> 4 & 0xff);
	if (!whole)
		total = len;
	while (is_ext_header(type) && at + 8 <= total) {
		size_t hlen = type == IPPROTO_FRAGMENT ? 8 : p[at + 1] * 8 + 8;

		if (at + hlen > total)
			break;
		printf(" ext %u", type);
		print_hex(":", p + at + 1, hlen - 1);
		frag |= type == IPPROTO_FRAGMENT;
		type = p[at];
		at += hlen;
	}
	print_l4(AF_INET6, p + 8, p + 24, type, p + at, total - at,
		 whole && !frag);
}

void packet_print(const uint8_t *data, size_t len)
{
	if (len >= 20 && data[0] >> 4 == 4)
		print_ipv4(data, len);
	else if (len >= 40 && data[0] >> 4 == 6)
		print_ipv6(data, len);
	else
		print_data(data, len);
}

/* Not multicast reports, router solicitations and neighbour discovery */
bool packet_is_of_interest(const uint8_t *data, size_t len)
{
	size_t at = 40;

	if (len >= 20 && data[0] >> 4 == 4)
		return data[9] != IPPROTO_IGMP;
	if (len < 48 || data[0] >> 4 != 6)
		return false;
	if (data[6] == IPPROTO_HOPOPTS)
		at += 8;
	return !(data[6] == IPPROTO_ICMPV6 || data[40] == IPPROTO_ICMPV6) ||
	       !((data[at] >= 130 && data[at] <= 137) || data[at] == 143);
}
