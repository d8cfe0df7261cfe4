// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "steps.h"

/* Packets for people */

static void print_addr(const char *what, int af, const uint8_t *p)
{
	char text[INET6_ADDRSTRLEN];

	printf(" %s=%s", what, inet_ntop(af, p, text, sizeof(text)));
}

static unsigned int get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static void print_l4(uint8_t proto, const uint8_t *p, unsigned int len)
{
	bool icmp = proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;

	if (icmp && len >= 2)
		printf(" type=%u code=%u", p[0], p[1]);
	else if (!icmp && len >= 4)
		printf(" sport=%u dport=%u", get16(p), get16(p + 2));
	if (proto == IPPROTO_TCP && len >= 14)
		printf(" doff=%u flags=0x%02x", p[12] >> 4, p[13]);
}

static void print_ipv4(const uint8_t *data, unsigned int len)
{
	unsigned int hlen = (data[0] & 15) * 4;

	print_addr("src", AF_INET, data + 12);
	print_addr("dst", AF_INET, data + 16);
	printf(" proto=%u ihl=%u tos=0x%02x ttl=%u id=%u", data[9],
	       data[0] & 15, data[1], data[8], get16(data + 4));
	printf(" frag=%u%s%s", get16(data + 6) & 0x1fff,
	       data[6] & 0x20 ? "+" : "", data[6] & 0x40 ? " df" : "");
	if (hlen <= len)
		print_l4(data[9], data + hlen, len - hlen);
}

static bool is_ext(uint8_t proto)
{
	return proto == IPPROTO_HOPOPTS || proto == IPPROTO_DSTOPTS ||
	       proto == IPPROTO_ROUTING || proto == IPPROTO_FRAGMENT ||
	       proto == IPPROTO_AH;
}

static unsigned int ext_size(uint8_t proto, uint8_t len)
{
	if (proto == IPPROTO_FRAGMENT)
		return 8;
	return proto == IPPROTO_AH ? (len + 2) * 4 : (len + 1) * 8;
}

static void print_ipv6(const uint8_t *data, unsigned int len)
{
	unsigned int off = 40, fragment = 0;
	uint8_t proto = data[6];

	print_addr("src", AF_INET6, data + 8);
	print_addr("dst", AF_INET6, data + 24);
	printf(" class=0x%02x hl=%u", get16(data) >> 4 & 0xff, data[7]);
	while (is_ext(proto) && off + 8 <= len && !fragment) {
		uint8_t this = proto;

		printf(" ext=%u", proto);
		if (proto == IPPROTO_FRAGMENT) {
			fragment = get16(data + off + 2) >> 3;
			printf("(%u%s)", fragment, data[off + 3] & 1 ? "+" : "");
		}
		proto = data[off];
		off += ext_size(this, data[off + 1]);
	}
	printf(" proto=%u", proto);
	if (!fragment && off <= len)
		print_l4(proto, data + off, len - off);
}

void packet_print(const uint8_t *data, unsigned int len)
{
	printf("#   %u bytes", len);
	if (len >= 40 && data[0] >> 4 == 6)
		print_ipv6(data, len);
	else if (len >= 20)
		print_ipv4(data, len);
	for (unsigned int i = 0; i < len; i++)
		printf("%s%02x", i % 32 ? i % 4 ? "" : " " : "\n#   ", data[i]);
	printf("\n");
}
