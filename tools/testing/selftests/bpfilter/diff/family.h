/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DIFF_FAMILY_H
#define DIFF_FAMILY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct family - what IPv4 and IPv6 have apart from each other
 * @af:			AF_INET or AF_INET6
 * @nfproto:		NFPROTO_IPV4 or NFPROTO_IPV6
 * @v6:			it is IPv6
 * @command:		iptables or ip6tables
 * @level:		of the socket options of iptables
 * @ethertype:		in front of its packets
 * @addr_len:		bytes of an address
 * @addr_all:		an address of all ones
 * @icmp:		protocol number of its ICMP
 * @icmp_error:		ICMP type that says destination unreachable
 * @header_len:		bytes of the shortest header
 * @entry_size:		bytes of struct ipt_entry or ip6t_entry
 * @target_offset:	where in there the member of this name is
 * @next_offset:	same
 * @counters:		same
 *
 * Addresses of both are numbers, of which IPv4 uses the low 32 bits.
 */
struct family {
	int af;
	int nfproto;
	bool v6;
	const char *command;
	int level;
	uint16_t ethertype;
	unsigned int addr_len;
	__uint128_t addr_all;
	uint8_t icmp;
	uint8_t icmp_error;
	unsigned int header_len;
	unsigned int entry_size;
	unsigned int target_offset;
	unsigned int next_offset;
	unsigned int counters;
};

extern const struct family family_ipv4;
extern const struct family family_ipv6;

/* Address from text; 0 if it is none. A text that ends elsewhere is none */
__uint128_t addr_parse(const struct family *f, const char *s);

/* Address to @f->addr_len bytes in network order, and back */
void addr_put(const struct family *f, uint8_t *to, __uint128_t addr);
__uint128_t addr_get(const struct family *f, const uint8_t *from);

/* Mask of a prefix */
__uint128_t addr_prefix(const struct family *f, unsigned int len);

#endif /* DIFF_FAMILY_H */
