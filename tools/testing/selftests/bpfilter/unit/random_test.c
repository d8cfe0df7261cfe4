// SPDX-License-Identifier: GPL-2.0
/*
 * Random tests, in the order and company that the blob reader gives them.
 */
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>

#include "ir_build.h"
#include "random_ir.h"

static struct ir_rule *rule_of(const struct ir_maker *m)
{
	return &m->rs->rules[m->rule];
}

static void add_test(struct ir_maker *m, const struct ir_test *t)
{
	if (bpfilter_ir_test_add(m->rs, t))
		abort();
}

/* --- Tests of one value --- */

static const uint32_t wide_values[] = {
	0, 1, 2, 40, 64, 100, 0x10001, 0x2030405, 0x80000000, UINT32_MAX,
};

uint32_t pick_wide(struct rng *r)
{
	return wide_values[rng_below(r, ARRAY_SIZE(wide_values))];
}

static uint64_t value_of(struct ir_maker *m, enum ir_field field)
{
	uint64_t max = bpfilter_ir_field_max(field);

	if (field == IR_FIELD_IP_SADDR || field == IR_FIELD_IP_DADDR)
		return pick_addr(m->r);
	if (max == UINT16_MAX)
		return pick_port(m->r);
	if (max == UINT32_MAX)
		return pick_wide(m->r);
	return rng_below(m->r, rng_one_in(m->r, 4) ? max + 1 : 8);
}

static void test_masked(struct ir_maker *m, enum ir_field field)
{
	uint64_t mask = rng_one_in(m->r, 2) ? UINT32_MAX : value_of(m, field);
	struct ir_test t = {
		.kind = IR_TEST_MASKED, .field = field,
		.invert = rng_one_in(m->r, 3), .mask = mask,
		.value = value_of(m, field),
	};

	if (!rng_one_in(m->r, 8))
		t.value &= mask;
	add_test(m, &t);
}

static void test_any_bit(struct ir_maker *m, enum ir_field field)
{
	struct ir_test t = {
		.kind = IR_TEST_ANY_BIT, .field = field,
		.invert = rng_one_in(m->r, 3), .mask = value_of(m, field),
	};

	add_test(m, &t);
}

static void test_range(struct ir_maker *m, enum ir_field field)
{
	struct ir_test t = {
		.kind = IR_TEST_RANGE, .field = field,
		.invert = rng_one_in(m->r, 3),
		.lo = value_of(m, field), .hi = value_of(m, field),
	};

	if (t.lo > t.hi && !rng_one_in(m->r, 6))
		t.hi = rng_one_in(m->r, 3) ? UINT64_MAX : t.lo;
	add_test(m, &t);
}

static void test_value(struct ir_maker *m, enum ir_field field)
{
	static void (*const kinds[])(struct ir_maker *m, enum ir_field field) = {
		test_masked, test_any_bit, test_range, test_range,
	};

	kinds[rng_below(m->r, ARRAY_SIZE(kinds))](m, field);
}

/* --- Tests of bytes --- */

/* Differ from each other in either half, and in neither way only */
void pick_address6(struct rng *r, uint8_t addr[16])
{
	memset(addr, 0, 16);
	addr[0] = 0x20;
	addr[7] = rng_below(r, 3);
	addr[8] = rng_one_in(r, 4) ? 0xfe : 0;
	addr[15] = rng_below(r, 3);
	if (rng_one_in(r, 10))
		memset(addr, rng_one_in(r, 2) ? 0xff : 0, 16);
}

static void mask6(struct rng *r, uint8_t mask[16])
{
	static const uint8_t bits[] = { 0, 3, 64, 72, 127, 128, 128, 128 };
	unsigned int n = bits[rng_below(r, ARRAY_SIZE(bits))];

	memset(mask, 0, 16);
	for (unsigned int i = 0; i < n; i++)
		mask[i / 8] |= 0x80 >> i % 8;
	if (rng_one_in(r, 10))
		mask[rng_below(r, 16)] ^= 0x0f;
}

static void test_address6(struct ir_maker *m, enum ir_field field)
{
	struct ir_test t = {
		.kind = IR_TEST_BYTES, .field = field,
		.invert = rng_one_in(m->r, 3),
	};

	pick_address6(m->r, t.bytes);
	mask6(m->r, t.bytes_mask);
	for (int i = 0; i < IR_BYTES_MAX && !rng_one_in(m->r, 100); i++)
		t.bytes[i] &= t.bytes_mask[i];
	add_test(m, &t);
}

static void test_range6(struct ir_maker *m, enum ir_field field)
{
	struct ir_test t = {
		.kind = IR_TEST_BYTES_RANGE, .field = field,
		.invert = rng_one_in(m->r, 3),
	};

	pick_address6(m->r, t.bytes);
	pick_address6(m->r, t.bytes_hi);
	if (memcmp(t.bytes, t.bytes_hi, 16) > 0 && !rng_one_in(m->r, 6))
		memcpy(t.bytes_hi, t.bytes, 16);
	add_test(m, &t);
}

static void test_iface(struct ir_maker *m, enum ir_field field)
{
	const char *name = pick_iface(m->r);
	struct ir_test t = {
		.kind = IR_TEST_BYTES, .field = field,
		.invert = rng_one_in(m->r, 3),
	};

	memcpy(t.bytes, name, strlen(name));
	memset(t.bytes_mask, 0xff, strlen(name) + !rng_one_in(m->r, 3));
	add_test(m, &t);
}

void pick_mac(struct rng *r, uint8_t addr[6])
{
	memset(addr, 0, 6);
	addr[0] = 2;
	addr[rng_below(r, 3) + 3] = rng_below(r, 2);
}

static void test_mac(struct ir_maker *m)
{
	struct ir_test header = {
		.kind = IR_TEST_HEADER, .header = IR_HEADER_ETHER,
	};
	struct ir_test t = {
		.kind = IR_TEST_BYTES, .field = IR_FIELD_MAC_SADDR,
		.invert = rng_one_in(m->r, 3),
	};

	pick_mac(m->r, t.bytes);
	memset(t.bytes_mask, 0xff, rng_one_in(m->r, 4) ? 16 : 6);
	if (rng_one_in(m->r, 10)) {
		memset(t.bytes, 0, 16);
		memset(t.bytes_mask, 0, 8);
		t.bytes_mask[15] = 1;
	}
	add_test(m, &header);
	add_test(m, &t);
}

/* --- The transport header --- */

static void test_header(struct ir_maker *m, enum ir_header header)
{
	struct ir_test t = { .kind = IR_TEST_HEADER, .header = header };

	add_test(m, &t);
}

static void test_ports_of(struct ir_maker *m, enum ir_header header)
{
	test_header(m, header);
	if (!rng_one_in(m->r, 3))
		test_value(m, IR_FIELD_L4_SPORT);
	if (!rng_one_in(m->r, 3))
		test_value(m, IR_FIELD_L4_DPORT);
}

static void test_tcp(struct ir_maker *m)
{
	struct ir_test option = {
		.kind = IR_TEST_PRESENT, .field = IR_FIELD_TCP_OPTION,
		.invert = rng_one_in(m->r, 3), .value = rng_below(m->r, 7),
	};

	test_ports_of(m, IR_HEADER_TCP);
	if (rng_one_in(m->r, 3))
		test_masked(m, IR_FIELD_TCP_FLAGS);
	if (rng_one_in(m->r, 3))
		add_test(m, &option);
}

static void test_multiport(struct ir_maker *m)
{
	struct ir_test t = {
		.kind = IR_TEST_PORTS, .invert = rng_one_in(m->r, 3),
		.first_range = m->rs->num_ranges,
		.num_ranges = rng_below(m->r, 5),
		.ports = 1 + rng_below(m->r, 3),
	};

	for (uint32_t i = 0; i < t.num_ranges; i++) {
		struct ir_range range = { pick_port(m->r), pick_port(m->r) };

		if (rng_one_in(m->r, 2))
			range.hi = range.lo;
		if (bpfilter_ir_range_add(m->rs, &range))
			abort();
	}
	test_header(m, IR_HEADER_PORTS);
	add_test(m, &t);
}

static void test_transport(struct ir_maker *m)
{
	switch (m->proto) {
	case IPPROTO_TCP:
		test_tcp(m);
		break;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		test_ports_of(m, IR_HEADER_UDP);
		break;
	case IPPROTO_SCTP:
		test_ports_of(m, IR_HEADER_SCTP);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		test_header(m, IR_HEADER_ICMP);
		test_value(m, IR_FIELD_ICMP_TYPECODE);
		break;
	case IPPROTO_ESP:
		test_header(m, IR_HEADER_ESP);
		test_value(m, IR_FIELD_L4_SPI);
		break;
	case IPPROTO_AH:
		test_header(m, IR_HEADER_AH);
		test_value(m, IR_FIELD_L4_SPI);
		break;
	}
}

static bool has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP ||
	       proto == IPPROTO_UDPLITE || proto == IPPROTO_SCTP ||
	       proto == IPPROTO_DCCP;
}

/* --- Matches --- */

static void match_field(struct ir_maker *m)
{
	static const enum ir_field fields[] = {
		IR_FIELD_IP_TOS, IR_FIELD_IP_TTL, IR_FIELD_IP_LEN,
		IR_FIELD_MARK, IR_FIELD_MARK, IR_FIELD_PKTTYPE,
	};

	test_value(m, fields[rng_below(m->r, ARRAY_SIZE(fields))]);
}

/* Addresses of connections are those of IPv4 only */
static void match_conn(struct ir_maker *m)
{
	static const enum ir_field fields[] = {
		IR_FIELD_CT_STATUS, IR_FIELD_CT_REPLY, IR_FIELD_CT_PROTO,
		IR_FIELD_CT_ORIGSRC_PORT, IR_FIELD_CT_ORIGDST_PORT,
		IR_FIELD_CT_REPLSRC_PORT, IR_FIELD_CT_REPLDST_PORT,
		IR_FIELD_CT_MARK, IR_FIELD_CT_EXPIRES, IR_FIELD_CT_ORIGSRC,
		IR_FIELD_CT_ORIGDST, IR_FIELD_CT_REPLSRC, IR_FIELD_CT_REPLDST,
	};
	unsigned int num = ARRAY_SIZE(fields);
	struct ir_test state = {
		.kind = IR_TEST_ANY_BIT, .field = IR_FIELD_CT_STATE,
		.invert = rng_one_in(m->r, 3), .mask = rng_below(m->r, 512),
	};
	struct ir_test conn = {
		.kind = IR_TEST_CONN, .value = rng_one_in(m->r, 2),
	};

	if (m->rs->family == NFPROTO_IPV6)
		num -= 4;
	if (rng_one_in(m->r, 2))
		add_test(m, &state);
	if (rng_one_in(m->r, 3))
		return;
	add_test(m, &conn);
	for (int n = rng_below(m->r, 3); n > 0; n--)
		test_value(m, fields[rng_below(m->r, num)]);
}

static void match_random(struct ir_maker *m)
{
	struct ir_test t = {
		.kind = IR_TEST_RANDOM, .invert = rng_one_in(m->r, 2),
		.value = pick_wide(m->r),
	};

	add_test(m, &t);
}

static void match_const(struct ir_maker *m)
{
	struct ir_test t = {
		.kind = IR_TEST_CONST, .invert = rng_one_in(m->r, 4),
		.value = !rng_one_in(m->r, 4),
	};

	add_test(m, &t);
}

/* Every fourth can be the target that changes nothing */
uint32_t ir_make_bridged(struct ir_maker *m, bool is_target)
{
	struct ir_bridged b = {
		.rule = m->rule, .offset = 112 + rng_below(m->r, 8) * 8,
		.is_target = is_target, .name = "foreign",
	};

	if (is_target && m->rs->num_bridged % 4 == 3)
		memcpy(b.name, "LOG", sizeof("LOG"));
	b.is_final = is_target && rng_one_in(m->r, 12);
	if (bpfilter_ir_bridged_add(m->rs, &b))
		abort();
	return m->rs->num_bridged - 1;
}

static void match_bridge(struct ir_maker *m)
{
	struct ir_test t = { .kind = IR_TEST_BRIDGE };

	t.value = ir_make_bridged(m, false);
	add_test(m, &t);
}

void ir_make_extension(struct ir_maker *m)
{
	static void (*const any[])(struct ir_maker *m) = {
		match_field, match_field, test_mac, match_conn, match_conn,
		match_random, match_const, match_bridge, match_bridge,
	};

	ir_make_match(m);
	if (m->proto && rng_one_in(m->r, 2))
		test_transport(m);
	else if (has_ports(m->proto) && rng_one_in(m->r, 2))
		test_multiport(m);
	else
		any[rng_below(m->r, ARRAY_SIZE(any))](m);
}

/* --- The base header --- */

static const uint8_t protos[] = {
	IPPROTO_TCP, IPPROTO_TCP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP,
	IPPROTO_UDPLITE, IPPROTO_ESP, IPPROTO_SCTP, IPPROTO_DCCP, IPPROTO_AH,
};

uint8_t pick_ir_proto(struct rng *r, uint16_t family)
{
	uint8_t proto = protos[rng_below(r, ARRAY_SIZE(protos))];

	if (family == NFPROTO_IPV6 && proto == IPPROTO_ICMP)
		return IPPROTO_ICMPV6;
	/* Of IPv6 it is an extension header */
	if (family == NFPROTO_IPV6 && proto == IPPROTO_AH)
		return IPPROTO_NONE;
	return proto;
}

static void base_proto(struct ir_maker *m)
{
	struct ir_test t = {
		.kind = IR_TEST_MASKED, .field = IR_FIELD_IP_PROTO,
		.mask = 0xff, .value = pick_ir_proto(m->r, m->rs->family),
		.invert = rng_one_in(m->r, 4),
	};

	m->proto = 0;
	rule_of(m)->no_thoff = m->rs->family == NFPROTO_IPV6;
	if (rng_one_in(m->r, 2))
		return;
	rule_of(m)->no_thoff = false;
	if (m->rs->family == NFPROTO_IPV6)
		test_header(m, IR_HEADER_IP6);
	/* "-p all" */
	if (rng_one_in(m->r, 8))
		return;
	add_test(m, &t);
	if (!t.invert)
		m->proto = t.value;
}

static void base_address(struct ir_maker *m, enum ir_field field4,
			 enum ir_field field6)
{
	if (m->rs->family == NFPROTO_IPV4)
		test_value(m, field4);
	else if (rng_one_in(m->r, 3))
		test_range6(m, field6);
	else
		test_address6(m, field6);
}

void ir_make_base(struct ir_maker *m)
{
	ir_make_match(m);
	if (rng_one_in(m->r, 5))
		base_address(m, IR_FIELD_IP_SADDR, IR_FIELD_IP6_SADDR);
	if (rng_one_in(m->r, 5))
		base_address(m, IR_FIELD_IP_DADDR, IR_FIELD_IP6_DADDR);
	if (rng_one_in(m->r, 10))
		test_iface(m, IR_FIELD_IFACE_IN);
	if (rng_one_in(m->r, 10))
		test_iface(m, IR_FIELD_IFACE_OUT);
	base_proto(m);
	if (rng_one_in(m->r, 8) && m->rs->family == NFPROTO_IPV4)
		test_value(m, IR_FIELD_IP_FRAGOFF);
}
