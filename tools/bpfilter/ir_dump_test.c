// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include <linux/if_ether.h>

#include "ir_build.h"
#include "ir_dump.h"
#include "ir_text.h"

/* One test as text: what it looks at, how, and at what */

static const char *const field_names[IR_FIELD_COUNT] = {
	[IR_FIELD_IP_SADDR] = "ip_saddr",
	[IR_FIELD_IP_DADDR] = "ip_daddr",
	[IR_FIELD_IP6_SADDR] = "ip6_saddr",
	[IR_FIELD_IP6_DADDR] = "ip6_daddr",
	[IR_FIELD_IP_PROTO] = "ip_proto",
	[IR_FIELD_IP_FRAGOFF] = "ip_fragoff",
	[IR_FIELD_IP_TOS] = "ip_tos",
	[IR_FIELD_IP_TTL] = "ip_ttl",
	[IR_FIELD_IP_LEN] = "ip_len",
	[IR_FIELD_IFACE_IN] = "iface_in",
	[IR_FIELD_IFACE_OUT] = "iface_out",
	[IR_FIELD_L4_SPORT] = "l4_sport",
	[IR_FIELD_L4_DPORT] = "l4_dport",
	[IR_FIELD_TCP_FLAGS] = "tcp_flags",
	[IR_FIELD_TCP_OPTION] = "tcp_option",
	[IR_FIELD_ICMP_TYPECODE] = "icmp_typecode",
	[IR_FIELD_L4_SPI] = "l4_spi",
	[IR_FIELD_MARK] = "mark",
	[IR_FIELD_PKTTYPE] = "pkttype",
	[IR_FIELD_MAC_SADDR] = "mac_saddr",
	[IR_FIELD_CT_STATE] = "ct_state",
	[IR_FIELD_CT_STATUS] = "ct_status",
	[IR_FIELD_CT_REPLY] = "ct_reply",
	[IR_FIELD_CT_PROTO] = "ct_proto",
	[IR_FIELD_CT_ORIGSRC] = "ct_origsrc",
	[IR_FIELD_CT_ORIGDST] = "ct_origdst",
	[IR_FIELD_CT_REPLSRC] = "ct_replsrc",
	[IR_FIELD_CT_REPLDST] = "ct_repldst",
	[IR_FIELD_CT_ORIGSRC_PORT] = "ct_origsrc_port",
	[IR_FIELD_CT_ORIGDST_PORT] = "ct_origdst_port",
	[IR_FIELD_CT_REPLSRC_PORT] = "ct_replsrc_port",
	[IR_FIELD_CT_REPLDST_PORT] = "ct_repldst_port",
	[IR_FIELD_CT_MARK] = "ct_mark",
	[IR_FIELD_CT_EXPIRES] = "ct_expires",
};

/**
 * bpfilter_ir_field_name() - a field in dumps
 * @field:	the field
 *
 * Return: the name: that of the enumerator in small letters.
 */
const char *bpfilter_ir_field_name(enum ir_field field)
{
	return field_names[field];
}

static bool field_is_addr(enum ir_field field)
{
	return field == IR_FIELD_IP_SADDR || field == IR_FIELD_IP_DADDR ||
	       (field >= IR_FIELD_CT_ORIGSRC && field <= IR_FIELD_CT_REPLDST);
}

/**
 * ir_dump_name() - print a name from the blob
 * @out:	where to
 * @name:	the name; bytes that cannot be printed become question marks
 */
void ir_dump_name(FILE *out, const char *name)
{
	for (const char *c = name; *c; c++)
		fputc(*c > 0x20 && *c < 0x7f ? *c : '?', out);
}

static void dump_value(FILE *out, enum ir_field field, uint64_t value)
{
	if (field_is_addr(field) && value <= UINT32_MAX)
		text_addr(out, value);
	else if (field == IR_FIELD_ICMP_TYPECODE)
		fprintf(out, "%u/%u", (unsigned int)value >> 8,
			(unsigned int)value & 0xff);
	else
		text_value(out, field, value);
}

static void dump_masked(FILE *out, const struct ir_test *t)
{
	const char *op = t->invert ? "!=" : "==";

	if (field_is_addr(t->field)) {
		fprintf(out, "%s %s ", field_names[t->field], op);
		text_addr(out, t->value);
		text_mask(out, t->mask);
		return;
	}
	fprintf(out, "%s", field_names[t->field]);
	if (t->mask != bpfilter_ir_field_max(t->field)) {
		fputs(" & ", out);
		text_bits(out, t->field, t->mask);
	}
	fprintf(out, " %s ", op);
	if (t->field == IR_FIELD_TCP_FLAGS)
		text_bits(out, t->field, t->value);
	else
		dump_value(out, t->field, t->value);
}

/*
 * How an interface name is written: its bytes up to the first that the mask
 * leaves open, "+" if that comes before the terminating zero. False if the mask
 * is not that simple, or the field is not an interface.
 */
static bool iface_name(const struct ir_test *t, char name[IR_BYTES_MAX + 2])
{
	int len = 0;

	if (t->field != IR_FIELD_IFACE_IN && t->field != IR_FIELD_IFACE_OUT)
		return false;
	while (len < IR_BYTES_MAX && t->bytes_mask[len] == 0xff)
		len++;
	for (int i = len; i < IR_BYTES_MAX; i++)
		if (t->bytes_mask[i])
			return false;
	memcpy(name, t->bytes, len);
	memcpy(name + len, "+", sizeof("+"));
	for (int i = strnlen(name, len); i < len; i++)
		if (name[i])
			return false;
	return true;
}

static void dump_hex(FILE *out, const uint8_t *bytes)
{
	for (int i = 0; i < IR_BYTES_MAX; i++)
		fprintf(out, "%02x", bytes[i]);
}

static bool field_is_addr6(enum ir_field field)
{
	return field == IR_FIELD_IP6_SADDR || field == IR_FIELD_IP6_DADDR;
}

static void dump_bytes_value(FILE *out, enum ir_field field,
			     const uint8_t *bytes)
{
	if (field_is_addr6(field))
		text_addr6(out, bytes);
	else if (field == IR_FIELD_MAC_SADDR)
		text_mac(out, bytes);
	else
		dump_hex(out, bytes);
}

/* As iptables has it: nothing, a number of bits, or the mask */
static void dump_bytes_mask(FILE *out, enum ir_field field, const uint8_t *mask)
{
	int full = (field == IR_FIELD_MAC_SADDR ? ETH_ALEN : IR_BYTES_MAX) * 8;
	int len = text_prefix_len6(mask);

	if (len == full)
		return;
	fputc('/', out);
	if (len >= 0 && field_is_addr6(field))
		fprintf(out, "%d", len);
	else
		dump_bytes_value(out, field, mask);
}

static void dump_bytes(FILE *out, const struct ir_test *t)
{
	char name[IR_BYTES_MAX + 2];

	fprintf(out, "%s %s ", field_names[t->field], t->invert ? "!=" : "==");
	if (iface_name(t, name)) {
		fputc('"', out);
		ir_dump_name(out, name);
		fputc('"', out);
		return;
	}
	dump_bytes_value(out, t->field, t->bytes);
	dump_bytes_mask(out, t->field, t->bytes_mask);
}

static void dump_range(FILE *out, const struct ir_test *t)
{
	fprintf(out, "%s %s ", field_names[t->field], t->invert ? "!=" : "==");
	dump_value(out, t->field, t->lo);
	if (t->lo == t->hi)
		return;
	fputc('-', out);
	dump_value(out, t->field, t->hi);
}

static void dump_bytes_range(FILE *out, const struct ir_test *t)
{
	fprintf(out, "%s %s ", field_names[t->field], t->invert ? "!=" : "==");
	dump_bytes_value(out, t->field, t->bytes);
	if (!memcmp(t->bytes, t->bytes_hi, IR_BYTES_MAX))
		return;
	fputc('-', out);
	dump_bytes_value(out, t->field, t->bytes_hi);
}

static void dump_ports(FILE *out, const struct ir_ruleset *rs,
		       const struct ir_test *t)
{
	static const char *const names[] = {
		[IR_PORTS_SRC] = "source port",
		[IR_PORTS_DST] = "destination port",
		[IR_PORTS_SRC | IR_PORTS_DST] = "either port",
	};

	fprintf(out, "%s %s", names[t->ports], t->invert ? "none of" : "in");
	for (uint32_t i = 0; i < t->num_ranges; i++) {
		const struct ir_range *r = &rs->ranges[t->first_range + i];

		fprintf(out, "%s%u", i ? "," : " ", r->lo);
		if (r->lo != r->hi)
			fprintf(out, "-%u", r->hi);
	}
}

/**
 * ir_dump_bridged() - print an extension that is not translated
 * @out:	where to
 * @rs:		the ruleset
 * @index:	the extension
 */
void ir_dump_bridged(FILE *out, const struct ir_ruleset *rs, uint32_t index)
{
	const struct ir_bridged *b = &rs->bridged[index];

	fputs("kernel's own ", out);
	ir_dump_name(out, b->name);
	fprintf(out, " revision %u", b->revision);
}

/**
 * ir_dump_test() - print a test
 * @out:	where to
 * @rs:		the ruleset
 * @t:		the test
 */
void ir_dump_test(FILE *out, const struct ir_ruleset *rs,
		  const struct ir_test *t)
{
	static const char *const headers[] = {
		[IR_HEADER_TCP] = "tcp",
		[IR_HEADER_UDP] = "udp",
		[IR_HEADER_ICMP] = "icmp",
		[IR_HEADER_PORTS] = "ports",
		[IR_HEADER_SCTP] = "sctp",
		[IR_HEADER_AH] = "ah",
		[IR_HEADER_ESP] = "esp",
		[IR_HEADER_IP6] = "ip6",
		[IR_HEADER_ETHER] = "ether",
	};

	switch (t->kind) {
	case IR_TEST_MASKED:
		dump_masked(out, t);
		break;
	case IR_TEST_BYTES:
		dump_bytes(out, t);
		break;
	case IR_TEST_RANGE:
		dump_range(out, t);
		break;
	case IR_TEST_BYTES_RANGE:
		dump_bytes_range(out, t);
		break;
	case IR_TEST_PORTS:
		dump_ports(out, rs, t);
		break;
	case IR_TEST_ANY_BIT:
		fprintf(out, "%s %s ", field_names[t->field],
			t->invert ? "none of" : "any of");
		text_bits(out, t->field, t->mask);
		break;
	case IR_TEST_PRESENT:
		fprintf(out, "%s %s %u", field_names[t->field],
			t->invert ? "lacks" : "has", (unsigned int)t->value);
		break;
	case IR_TEST_HEADER:
		fprintf(out, "header %s", headers[t->header]);
		break;
	case IR_TEST_CONN:
		fprintf(out, "connection, or %s the match",
			t->value ? "end with" : "fail");
		break;
	case IR_TEST_RANDOM:
		fprintf(out, "random %s %llu", t->invert ? ">=" : "<",
			(unsigned long long)t->value);
		break;
	case IR_TEST_BRIDGE:
		ir_dump_bridged(out, rs, t->value);
		break;
	case IR_TEST_CONST:
		fputs(t->value != t->invert ? "always" : "never", out);
		break;
	}
}
