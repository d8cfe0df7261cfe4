// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_conntrack.h>

#include "ir_text.h"

/* What lines of rules and the dump of their tests are made of */

/**
 * struct symbol - a name for a value, or for a bit of a mask
 * @value:	the value or bit
 * @name:	as iptables spells it
 */
struct symbol {
	uint64_t value;
	const char *name;
};

/* Numbers and names that IANA gave, as far as Debian's netbase lists them */
static const struct symbol protocols[] = {
	{ 1, "icmp" },
	{ 2, "igmp" },
	{ 3, "ggp" },
	{ 4, "ipencap" },
	{ 5, "st" },
	{ 6, "tcp" },
	{ 8, "egp" },
	{ 9, "igp" },
	{ 12, "pup" },
	{ 17, "udp" },
	{ 20, "hmp" },
	{ 22, "xns-idp" },
	{ 27, "rdp" },
	{ 29, "iso-tp4" },
	{ 33, "dccp" },
	{ 36, "xtp" },
	{ 37, "ddp" },
	{ 38, "idpr-cmtp" },
	{ 41, "ipv6" },
	{ 43, "ipv6-route" },
	{ 44, "ipv6-frag" },
	{ 45, "idrp" },
	{ 46, "rsvp" },
	{ 47, "gre" },
	{ 50, "esp" },
	{ 51, "ah" },
	{ 57, "skip" },
	{ 58, "ipv6-icmp" },
	{ 59, "ipv6-nonxt" },
	{ 60, "ipv6-opts" },
	{ 73, "rspf" },
	{ 81, "vmtp" },
	{ 88, "eigrp" },
	{ 89, "ospf" },
	{ 93, "ax.25" },
	{ 94, "ipip" },
	{ 97, "etherip" },
	{ 98, "encap" },
	{ 103, "pim" },
	{ 108, "ipcomp" },
	{ 112, "vrrp" },
	{ 115, "l2tp" },
	{ 124, "isis" },
	{ 132, "sctp" },
	{ 133, "fc" },
	{ 135, "mobility-header" },
	{ 136, "udplite" },
	{ 137, "mpls-in-ip" },
	{ 138, "manet" },
	{ 139, "hip" },
	{ 140, "shim6" },
	{ 141, "wesp" },
	{ 142, "rohc" },
	{ 143, "ethernet" },
	{},
};

static const struct symbol tcp_flags[] = {
	{ 0x01, "FIN" },
	{ 0x02, "SYN" },
	{ 0x04, "RST" },
	{ 0x08, "PSH" },
	{ 0x10, "ACK" },
	{ 0x20, "URG" },
	{},
};

static const struct symbol ct_states[] = {
	{ XT_CONNTRACK_STATE_INVALID, "INVALID" },
	{ XT_CONNTRACK_STATE_BIT(IP_CT_NEW), "NEW" },
	{ XT_CONNTRACK_STATE_BIT(IP_CT_RELATED), "RELATED" },
	{ XT_CONNTRACK_STATE_BIT(IP_CT_ESTABLISHED), "ESTABLISHED" },
	{ XT_CONNTRACK_STATE_UNTRACKED, "UNTRACKED" },
	{ XT_CONNTRACK_STATE_SNAT, "SNAT" },
	{ XT_CONNTRACK_STATE_DNAT, "DNAT" },
	{},
};

static const struct symbol ct_statuses[] = {
	{ IPS_EXPECTED, "EXPECTED" },
	{ IPS_SEEN_REPLY, "SEEN_REPLY" },
	{ IPS_ASSURED, "ASSURED" },
	{ IPS_CONFIRMED, "CONFIRMED" },
	{},
};

/* The symbols of fields that have any */
static const struct symbol *const field_symbols[IR_FIELD_COUNT] = {
	[IR_FIELD_IP_PROTO] = protocols,
	[IR_FIELD_CT_PROTO] = protocols,
	[IR_FIELD_TCP_FLAGS] = tcp_flags,
	[IR_FIELD_CT_STATE] = ct_states,
	[IR_FIELD_CT_STATUS] = ct_statuses,
};

/* --- Words --- */

static int safe(char c)
{
	return (unsigned char)c >= 0x20 && c != 0x7f ? c : '?';
}

/**
 * text_name() - print a name from the blob
 * @out:	where to
 * @name:	the name
 * @size:	bytes that it has at most, with or without a zero behind
 */
void text_name(FILE *out, const char *name, size_t size)
{
	for (size_t i = 0; i < size && name[i]; i++)
		fputc(safe(name[i]), out);
}

/**
 * text_bits() - print the bits of a mask by name
 * @out:	where to
 * @field:	what the mask is for
 * @bits:	the mask; what has no name becomes a number
 */
void text_bits(FILE *out, enum ir_field field, uint64_t bits)
{
	const struct symbol *s = field_symbols[field];
	const char *sep = "";

	for (; s && s->name; s++) {
		if (!(bits & s->value))
			continue;
		fprintf(out, "%s%s", sep, s->name);
		bits &= ~s->value;
		sep = ",";
	}
	if (bits || !*sep)
		fprintf(out, "%s0x%llx", sep, (unsigned long long)bits);
}

/**
 * text_value() - print a value by name
 * @out:	where to
 * @field:	what it is one of
 * @value:	the value; a number if it has no name
 */
void text_value(FILE *out, enum ir_field field, uint64_t value)
{
	const struct symbol *s = field_symbols[field];

	for (; s && s->name; s++) {
		if (s->value == value) {
			fputs(s->name, out);
			return;
		}
	}
	fprintf(out, "%llu", (unsigned long long)value);
}

/**
 * text_addr() - print an address of IPv4
 * @out:	where to
 * @addr:	address in host byte order
 */
void text_addr(FILE *out, uint32_t addr)
{
	fprintf(out, "%u.%u.%u.%u", addr >> 24, addr >> 16 & 0xff,
		addr >> 8 & 0xff, addr & 0xff);
}

/**
 * text_addr6() - print an address of IPv6
 * @out:	where to
 * @addr:	its 16 bytes, at any address
 */
void text_addr6(FILE *out, const void *addr)
{
	char text[INET6_ADDRSTRLEN];

	fputs(inet_ntop(AF_INET6, addr, text, sizeof(text)), out);
}

/**
 * text_mac() - print an address of Ethernet
 * @out:	where to
 * @addr:	its 6 bytes
 */
void text_mac(FILE *out, const uint8_t *addr)
{
	for (int i = 0; i < ETH_ALEN; i++)
		fprintf(out, "%s%02x", i ? ":" : "", addr[i]);
}

/**
 * text_prefix_len() - how many bits lead an IPv4 mask?
 * @mask:	mask in host byte order
 *
 * Return: the number of bits, or -1 if others follow.
 */
int text_prefix_len(uint32_t mask)
{
	uint32_t host = ~mask;

	return host & (host + 1) ? -1 : __builtin_popcount(mask);
}

/**
 * text_mask() - print the mask behind an address of IPv4
 * @out:	where to
 * @mask:	mask in host byte order; nothing is printed for all bits
 */
void text_mask(FILE *out, uint32_t mask)
{
	int len = text_prefix_len(mask);

	if (len == 32)
		return;
	fputc('/', out);
	if (len >= 0)
		fprintf(out, "%d", len);
	else
		text_addr(out, mask);
}

/**
 * text_prefix_len6() - how many bits lead a mask of 16 bytes?
 * @mask:	the mask
 *
 * Return: the number of bits, or -1 if others follow.
 */
int text_prefix_len6(const uint8_t *mask)
{
	int len = 0;

	while (len < IR_BYTES_MAX * 8 && mask[len / 8] & (0x80 >> len % 8))
		len++;
	for (int i = len; i < IR_BYTES_MAX * 8; i++)
		if (mask[i / 8] & (0x80 >> i % 8))
			return -1;
	return len;
}

/* --- Options --- */

/**
 * text_option() - print an option's name
 * @out:	where to
 * @invert:	with an exclamation mark
 * @option:	the name, dashes included
 */
void text_option(FILE *out, bool invert, const char *option)
{
	fprintf(out, "%s %s", invert ? " !" : "", option);
}

/**
 * text_range() - print a range, or the one value that it has
 * @out:	where to
 * @lo:		lowest value
 * @hi:		highest value
 */
void text_range(FILE *out, uint32_t lo, uint32_t hi)
{
	fprintf(out, " %u", lo);
	if (lo != hi)
		fprintf(out, ":%u", hi);
}

/**
 * text_ports() - print an option for ports, if it is not for all of them
 * @out:	where to
 * @invert:	with an exclamation mark
 * @option:	the name, dashes included
 * @range:	lowest and highest port
 */
void text_ports(FILE *out, bool invert, const char *option,
		const uint16_t range[2])
{
	if (range[0] == 0 && range[1] == UINT16_MAX)
		return;
	text_option(out, invert, option);
	text_range(out, range[0], range[1]);
}

/**
 * text_mark() - print a mark, and the mask where it is of interest
 * @out:	where to
 * @value:	the mark
 * @mask:	which bits of it count
 */
void text_mark(FILE *out, uint32_t value, uint32_t mask)
{
	fprintf(out, " 0x%x", value);
	if (mask != UINT32_MAX)
		fprintf(out, "/0x%x", mask);
}

static bool needs_quotes(const char *text, size_t len)
{
	size_t i = 0;

	while (i < len && (isalnum((unsigned char)text[i]) ||
			   text[i] == '-' || text[i] == '_'))
		i++;
	return i < len || !len;
}

/**
 * text_quoted() - print a word that the user chose
 * @out:	where to
 * @text:	the word
 * @size:	bytes that it has at most, with or without a zero behind
 */
void text_quoted(FILE *out, const char *text, size_t size)
{
	size_t len = strnlen(text, size);

	fputc(' ', out);
	if (!needs_quotes(text, len)) {
		fwrite(text, 1, len, out);
		return;
	}
	fputc('"', out);
	for (size_t i = 0; i < len; i++) {
		if (strchr("\"'\\", text[i]))
			fputc('\\', out);
		fputc(text[i] == '\t' ? '\t' : safe(text[i]), out);
	}
	fputc('"', out);
}
