// SPDX-License-Identifier: GPL-2.0
/*
 * The fields that tests look at: where struct run_state keeps each and, for
 * those that are plain members of some header or kernel struct, where they are
 * read from.
 */
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <linux/kernel.h>

#include "gen.h"

/* --- Where they are kept --- */

struct place {
	int16_t off;
	uint8_t size;		/* bytes: 1, 2, 4, or more for an array */
};

#define PLACE(member, bytes)	{ GEN_OFF(member), (bytes) }

static const struct place places[IR_FIELD_COUNT] = {
	[IR_FIELD_IP_SADDR]		= PLACE(saddr, 4),
	[IR_FIELD_IP_DADDR]		= PLACE(daddr, 4),
	[IR_FIELD_IP6_SADDR]		= PLACE(saddr6, 16),
	[IR_FIELD_IP6_DADDR]		= PLACE(daddr6, 16),
	[IR_FIELD_IP_PROTO]		= PLACE(proto, 1),
	[IR_FIELD_IP_FRAGOFF]		= PLACE(fragoff, 2),
	[IR_FIELD_IP_TOS]		= PLACE(tos, 1),
	[IR_FIELD_IP_TTL]		= PLACE(ttl, 1),
	[IR_FIELD_IP_LEN]		= PLACE(ip_len, 4),
	[IR_FIELD_IFACE_IN]		= PLACE(in, 16),
	[IR_FIELD_IFACE_OUT]		= PLACE(out, 16),
	[IR_FIELD_L4_SPORT]		= PLACE(sport, 2),
	[IR_FIELD_L4_DPORT]		= PLACE(dport, 2),
	[IR_FIELD_TCP_FLAGS]		= PLACE(tcp_flags, 1),
	[IR_FIELD_TCP_OPTION]		= PLACE(options, 32),
	[IR_FIELD_ICMP_TYPECODE]	= PLACE(icmp, 2),
	[IR_FIELD_L4_SPI]		= PLACE(spi, 4),
	[IR_FIELD_MARK]			= PLACE(mark, 4),	/* for data */
	[IR_FIELD_PKTTYPE]		= PLACE(pkttype, 1),
	[IR_FIELD_MAC_SADDR]		= PLACE(mac, 8),
	[IR_FIELD_CT_STATE]		= PLACE(ct_state, 2),
	[IR_FIELD_CT_STATUS]		= PLACE(ct_status, 2),
	[IR_FIELD_CT_REPLY]		= PLACE(ct_reply, 1),
	[IR_FIELD_CT_PROTO]		= PLACE(ct_proto, 1),
	[IR_FIELD_CT_ORIGSRC]		= PLACE(ct_addr[0], 4),
	[IR_FIELD_CT_ORIGDST]		= PLACE(ct_addr[1], 4),
	[IR_FIELD_CT_REPLSRC]		= PLACE(ct_addr[2], 4),
	[IR_FIELD_CT_REPLDST]		= PLACE(ct_addr[3], 4),
	[IR_FIELD_CT_ORIGSRC_PORT]	= PLACE(ct_port[0], 2),
	[IR_FIELD_CT_ORIGDST_PORT]	= PLACE(ct_port[1], 2),
	[IR_FIELD_CT_REPLSRC_PORT]	= PLACE(ct_port[2], 2),
	[IR_FIELD_CT_REPLDST_PORT]	= PLACE(ct_port[3], 2),
	[IR_FIELD_CT_MARK]		= PLACE(ct_mark, 4),
	[IR_FIELD_CT_EXPIRES]		= PLACE(ct_expires, 4),
};

static uint8_t bpf_size(uint8_t bytes)
{
	static const uint8_t sizes[] = {
		[1] = BPF_B, [2] = BPF_H, [4] = BPF_W, [8] = BPF_DW,
	};

	return sizes[bytes];
}

int16_t gen_field_off(enum ir_field field)
{
	return places[field].off;
}

uint8_t gen_field_size(enum ir_field field)
{
	return places[field].size;
}

/* Highest value of a field of at most 32 bit */
uint64_t gen_field_max(enum ir_field field)
{
	return (1ULL << (8 * places[field].size)) - 1;
}

/* Read a field of at most 32 bit */
void gen_field_read(struct gen *g, uint8_t reg, enum ir_field field)
{
	if (field == IR_FIELD_MARK) {
		gen_kernel_load(g, reg, GEN_SKB, KBTF_SKB_MARK, BPF_W);
		return;
	}
	asm_emit(&g->code, BPF_LDX_MEM(bpf_size(places[field].size), reg,
				       GEN_STATE, places[field].off));
}

/* --- Where they come from --- */

/**
 * struct origin - a field that is a member of something
 * @field:	field
 * @bytes:	bytes to read: 1, 2, 4 or 8, or 16 as they are
 * @off:	offset in a header
 * @member:	member of a kernel struct, for GEN_SOURCE_CONN
 * @big_endian:	it is in network byte order
 * @shift:	what to shift out below
 * @mask:	what to keep then, 0 for all
 */
struct origin {
	enum ir_field field;
	uint8_t bytes;
	int16_t off;
	enum kbtf_member member;
	bool big_endian;
	uint8_t shift;
	uint32_t mask;
};

#define NET(f, n, o)							\
	{ .field = IR_FIELD_##f, .bytes = (n), .off = (o), .big_endian = true }
#define RAW(f, n, o)	{ .field = IR_FIELD_##f, .bytes = (n), .off = (o) }
#define CONN(f, n)							\
	{								\
		.field = IR_FIELD_CT_##f, .bytes = (n),			\
		.member = KBTF_CT_##f, .big_endian = true,		\
	}

static const struct origin ipv4_origins[] = {
	NET(IP_SADDR, 4, offsetof(struct iphdr, saddr)),
	NET(IP_DADDR, 4, offsetof(struct iphdr, daddr)),
	RAW(IP_PROTO, 1, offsetof(struct iphdr, protocol)),
	RAW(IP_TOS, 1, offsetof(struct iphdr, tos)),
	RAW(IP_TTL, 1, offsetof(struct iphdr, ttl)),
};

static const struct origin ipv6_origins[] = {
	RAW(IP6_SADDR, 16, offsetof(struct ip6_hdr, ip6_src)),
	RAW(IP6_DADDR, 16, offsetof(struct ip6_hdr, ip6_dst)),
	RAW(IP_TTL, 1, offsetof(struct ip6_hdr, ip6_hlim)),
	/* As ipv6_get_dsfield(): behind the version, 4 bit into the packet */
	{
		.field = IR_FIELD_IP_TOS, .bytes = 2, .off = 0,
		.big_endian = true, .shift = 4, .mask = 0xff,
	},
};

static const struct origin ports_origins[] = {
	NET(L4_SPORT, 2, 0),
	NET(L4_DPORT, 2, 2),
};

static const struct origin tcp_origins[] = {
	RAW(TCP_FLAGS, 1, 13),
};

static const struct origin icmp_origins[] = {
	NET(ICMP_TYPECODE, 2, 0),
};

static const struct origin ah_origins[] = {
	NET(L4_SPI, 4, 4),
};

static const struct origin esp_origins[] = {
	NET(L4_SPI, 4, 0),
};

static const struct origin conn_origins[] = {
	{
		.field = IR_FIELD_CT_STATUS, .bytes = 8,
		.member = KBTF_CT_STATUS, .mask = 0xffff,
	},
	{
		.field = IR_FIELD_CT_PROTO, .bytes = 1,
		.member = KBTF_CT_PROTO,
	},
	CONN(ORIGSRC, 4),
	CONN(ORIGDST, 4),
	CONN(REPLSRC, 4),
	CONN(REPLDST, 4),
	CONN(ORIGSRC_PORT, 2),
	CONN(ORIGDST_PORT, 2),
	CONN(REPLSRC_PORT, 2),
	CONN(REPLDST_PORT, 2),
	{
		.field = IR_FIELD_CT_MARK, .bytes = 4,
		.member = KBTF_CT_MARK,
	},
};

#define SOURCE(s)	{ s##_origins, ARRAY_SIZE(s##_origins) }

static const struct {
	const struct origin *origins;
	unsigned int num;
} sources[] = {
	[GEN_SOURCE_IPV4]	= SOURCE(ipv4),
	[GEN_SOURCE_IPV6]	= SOURCE(ipv6),
	[GEN_SOURCE_PORTS]	= SOURCE(ports),
	[GEN_SOURCE_TCP]	= SOURCE(tcp),
	[GEN_SOURCE_ICMP]	= SOURCE(icmp),
	[GEN_SOURCE_AH]		= SOURCE(ah),
	[GEN_SOURCE_ESP]	= SOURCE(esp),
	[GEN_SOURCE_CONN]	= SOURCE(conn),
};

/**
 * gen_source_needed() - do rules look at a field of a source?
 * @g:		program
 * @source:	source
 *
 * Return: whether they do.
 */
bool gen_source_needed(const struct gen *g, enum gen_source source)
{
	for (unsigned int i = 0; i < sources[source].num; i++)
		if (gen_needs_field(g, sources[source].origins[i].field))
			return true;
	return false;
}

static void load_bytes(struct gen *g, const struct origin *o, uint8_t base,
		       int16_t off)
{
	for (int i = 0; i < o->bytes; i += 8) {
		asm_emit(&g->code, BPF_LDX_MEM(BPF_DW, BPF_REG_1, base,
					       off + o->off + i));
		asm_emit(&g->code, BPF_STX_MEM(BPF_DW, GEN_STATE, BPF_REG_1,
					       places[o->field].off + i));
	}
}

static void load_integer(struct gen *g, const struct origin *o, uint8_t base,
			 int16_t off, bool member)
{
	const struct place *p = &places[o->field];
	uint8_t size = bpf_size(o->bytes);

	if (member)
		gen_kernel_load(g, BPF_REG_1, base, o->member, size);
	else
		asm_emit(&g->code, BPF_LDX_MEM(size, BPF_REG_1, base,
					       off + o->off));
	if (o->big_endian)
		asm_emit(&g->code, BPF_ENDIAN(BPF_TO_BE, BPF_REG_1,
					      8 * o->bytes));
	if (o->shift)
		asm_emit(&g->code, BPF_ALU64_IMM(BPF_RSH, BPF_REG_1,
						 o->shift));
	if (o->mask)
		asm_emit(&g->code, BPF_ALU64_IMM(BPF_AND, BPF_REG_1, o->mask));
	asm_emit(&g->code, BPF_STX_MEM(bpf_size(p->size), GEN_STATE, BPF_REG_1,
				       p->off));
}

/**
 * gen_source_load() - copy all needed fields of a source to struct run_state
 * @g:		program
 * @source:	source
 * @base:	register that points to it; not r1, which gets lost
 * @off:	bytes from there to where it starts
 */
void gen_source_load(struct gen *g, enum gen_source source, uint8_t base,
		     int16_t off)
{
	for (unsigned int i = 0; i < sources[source].num; i++) {
		const struct origin *o = &sources[source].origins[i];

		if (!gen_needs_field(g, o->field))
			continue;
		if (o->bytes > 8)
			load_bytes(g, o, base, off);
		else
			load_integer(g, o, base, off,
				     source == GEN_SOURCE_CONN);
	}
}
