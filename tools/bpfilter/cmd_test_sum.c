// SPDX-License-Identifier: GPL-2.0
/* Checksums of transport headers, by which conntrack tells packets as invalid */
#include <string.h>
#include <arpa/inet.h>

#include "cmd_test.h"

static uint32_t sum_bytes(uint32_t sum, const uint8_t *p, size_t len)
{
	for (; len > 1; len -= 2, p += 2)
		sum += p[0] << 8 | p[1];
	if (len)
		sum += p[0] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static uint32_t sum_addresses(const struct packet *pkt)
{
	const uint32_t addr[] = { htonl(pkt->saddr), htonl(pkt->daddr) };

	if (!pkt->is_ip6)
		return sum_bytes(0, (const void *)addr, sizeof(addr));
	return sum_bytes(sum_bytes(0, pkt->saddr6, 16), pkt->daddr6, 16);
}

/**
 * test_sum_is_bad - is a packet's checksum wrong?
 * @pkt:	packet
 * @proto:	its transport protocol
 * @bytes:	from its transport header on
 * @len:	all of them
 *
 * Return: true if it is of a protocol whose sum conntrack looks at, and wrong
 */
bool test_sum_is_bad(const struct packet *pkt, uint8_t proto,
		     const uint8_t *bytes, size_t len)
{
	uint32_t sum = 0;

	switch (proto) {
	case IPPROTO_TCP:
	case IPPROTO_ICMPV6:
		sum = sum_addresses(pkt) + proto + len;
		break;
	case IPPROTO_UDP:
		/* None was made */
		if (len < 8 || (!bytes[6] && !bytes[7]))
			return false;
		sum = sum_addresses(pkt) + proto + len;
		break;
	case IPPROTO_ICMP:
		break;
	default:
		return false;
	}
	return sum_bytes(sum, bytes, len) != 0xffff;
}
