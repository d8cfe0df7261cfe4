// SPDX-License-Identifier: GPL-2.0
/*
 * The fields that tests look at: where struct run_state keeps each and, for
 * those that are plain members of some header or kernel struct, where they are
 * read from.
 */
#include <netinet/ip.h>
#include <netinet/tcp.h>

#include "gen.h"

/**
 * struct gen_field - one field
 * @state:	its offset in struct run_state
 * @size:	its bytes there: 1, 2, 4, or more for an array
 * @source:	where it is read from
 * @load:	bytes to read there
 * @off:	offset there, of a header
 * @member:	offset there, of a kernel struct
 * @big_endian:	it is in network byte order there
 * @mask:	what to keep of what was read, 0 for all
 */
struct gen_field {
	int16_t state;
	uint8_t size;
	enum gen_source source;
	uint8_t load;
	int16_t off;
	enum kbtf_member member;
	bool big_endian;
	uint32_t mask;
};

#define STATE(m, bytes)	.state = GEN_OFF(m), .size = (bytes)
#define OTHER(m, bytes)	{ STATE(m, bytes), .source = GEN_SOURCE_OTHER }
#define CT_ADDR(m, from)						\
	{								\
		STATE(m, 4), .source = GEN_SOURCE_CONN, .load = 4,	\
		.member = KBTF_CT_##from, .big_endian = true,		\
	}
#define CT_PORT(m, from)						\
	{								\
		STATE(m, 2), .source = GEN_SOURCE_CONN, .load = 2,	\
		.member = KBTF_CT_##from, .big_endian = true,		\
	}

static const struct gen_field fields[IR_FIELD_COUNT] = {
	[IR_FIELD_IP_SADDR] = {
		STATE(saddr, 4), .source = GEN_SOURCE_IP, .load = 4,
		.off = offsetof(struct iphdr, saddr), .big_endian = true,
	},
	[IR_FIELD_IP_DADDR] = {
		STATE(daddr, 4), .source = GEN_SOURCE_IP, .load = 4,
		.off = offsetof(struct iphdr, daddr), .big_endian = true,
	},
	[IR_FIELD_IP_PROTO] = {
		STATE(proto, 1), .source = GEN_SOURCE_IP, .load = 1,
		.off = offsetof(struct iphdr, protocol),
	},
	[IR_FIELD_IP_FRAGOFF] = {
		STATE(fragoff, 2), .source = GEN_SOURCE_IP, .load = 2,
		.off = offsetof(struct iphdr, frag_off), .big_endian = true,
		.mask = IP_OFFMASK,
	},
	[IR_FIELD_IFACE_IN]	= OTHER(in, 16),
	[IR_FIELD_IFACE_OUT]	= OTHER(out, 16),
	[IR_FIELD_L4_SPORT] = {
		STATE(sport, 2), .source = GEN_SOURCE_PORTS, .load = 2,
		.off = 0, .big_endian = true,
	},
	[IR_FIELD_L4_DPORT] = {
		STATE(dport, 2), .source = GEN_SOURCE_PORTS, .load = 2,
		.off = 2, .big_endian = true,
	},
	[IR_FIELD_TCP_FLAGS] = {
		STATE(tcp_flags, 1), .source = GEN_SOURCE_TCP, .load = 1,
		.off = 13,
	},
	[IR_FIELD_TCP_OPTION]	= OTHER(options, 32),
	[IR_FIELD_ICMP_TYPECODE] = {
		STATE(icmp, 2), .source = GEN_SOURCE_ICMP, .load = 2,
		.off = 0, .big_endian = true,
	},
	[IR_FIELD_CT_STATE]	= OTHER(ct_state, 2),
	[IR_FIELD_CT_STATUS] = {
		STATE(ct_status, 2), .source = GEN_SOURCE_CONN, .load = 8,
		.member = KBTF_CT_STATUS, .mask = 0xffff,
	},
	[IR_FIELD_CT_REPLY]	= OTHER(ct_reply, 1),
	[IR_FIELD_CT_PROTO] = {
		STATE(ct_proto, 1), .source = GEN_SOURCE_CONN, .load = 1,
		.member = KBTF_CT_PROTO,
	},
	[IR_FIELD_CT_ORIGSRC]	= CT_ADDR(ct_addr[0], ORIGSRC),
	[IR_FIELD_CT_ORIGDST]	= CT_ADDR(ct_addr[1], ORIGDST),
	[IR_FIELD_CT_REPLSRC]	= CT_ADDR(ct_addr[2], REPLSRC),
	[IR_FIELD_CT_REPLDST]	= CT_ADDR(ct_addr[3], REPLDST),
	[IR_FIELD_CT_ORIGSRC_PORT] = CT_PORT(ct_port[0], ORIGSRC_PORT),
	[IR_FIELD_CT_ORIGDST_PORT] = CT_PORT(ct_port[1], ORIGDST_PORT),
	[IR_FIELD_CT_REPLSRC_PORT] = CT_PORT(ct_port[2], REPLSRC_PORT),
	[IR_FIELD_CT_REPLDST_PORT] = CT_PORT(ct_port[3], REPLDST_PORT),
	[IR_FIELD_CT_EXPIRES]	= OTHER(ct_expires, 4),
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
	return fields[field].state;
}

uint8_t gen_field_size(enum ir_field field)
{
	return fields[field].size;
}

/* Highest value of a field of at most 32 bit */
uint64_t gen_field_max(enum ir_field field)
{
	return (1ULL << (8 * fields[field].size)) - 1;
}

/* Read a field of at most 32 bit from struct run_state */
void gen_field_read(struct gen *g, uint8_t reg, enum ir_field field)
{
	asm_emit(&g->code, BPF_LDX_MEM(bpf_size(fields[field].size), reg,
				       GEN_STATE, fields[field].state));
}

bool gen_source_needed(const struct gen *g, enum gen_source source)
{
	for (int i = 0; i < IR_FIELD_COUNT; i++)
		if (fields[i].source == source && gen_needs_field(g, i))
			return true;
	return false;
}

static void load_field(struct gen *g, const struct gen_field *f, uint8_t base,
		       int16_t off)
{
	uint8_t size = bpf_size(f->load);

	if (f->source == GEN_SOURCE_CONN)
		gen_kernel_load(g, BPF_REG_1, base, f->member, size);
	else
		asm_emit(&g->code, BPF_LDX_MEM(size, BPF_REG_1, base,
					       off + f->off));
	if (f->big_endian)
		asm_emit(&g->code, BPF_ENDIAN(BPF_TO_BE, BPF_REG_1,
					      8 * f->load));
	if (f->mask)
		asm_emit(&g->code, BPF_ALU64_IMM(BPF_AND, BPF_REG_1, f->mask));
	asm_emit(&g->code, BPF_STX_MEM(bpf_size(f->size), GEN_STATE, BPF_REG_1,
				       f->state));
}

/*
 * Copy all needed fields of one source to struct run_state. @base points to
 * the source, @off bytes before it; @base is not r1, which gets lost.
 */
void gen_source_load(struct gen *g, enum gen_source source, uint8_t base,
		     int16_t off)
{
	for (int i = 0; i < IR_FIELD_COUNT; i++)
		if (fields[i].source == source && gen_needs_field(g, i))
			load_field(g, &fields[i], base, off);
}
