// SPDX-License-Identifier: GPL-2.0
/*
 * The transport header. It is read as xt_tcpudp's matches do: at skb->data plus
 * the offset that struct run_state has, with skb_header_pointer(). A header in
 * the linear area is read where it is, one that is not is copied to the stack.
 *
 * What these matches do without a header (no match, or drop) must happen only
 * when a rule gets as far as asking, so here it is noted and IR_TEST_HEADER acts
 * on it.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>

#include "gen.h"

/* The stack of load_packet() (or load_state()) and load_options() */
#define DYNPTR		(-16)
#define COPY		(-16 - (int)sizeof(struct tcphdr) - 4)
#define OPTIONS		(-16 - GEN_OPTIONS_MAX)

#define DOFF_BYTE	12

static void set_byte(struct gen *g, int16_t off, uint8_t value)
{
	asm_emit(&g->code, BPF_ST_MEM(BPF_B, GEN_STATE, off, value));
}

/*
 * Copy packet bytes to the stack. r2 holds how many, r4 where from, relative
 * to skb->data; branches to @fail if there are not as many.
 */
static void copy_bytes(struct gen *g, int16_t to, uint32_t fail)
{
	struct asm_buf *a = &g->code;

	asm_emit(a, BPF_MOV64_REG(BPF_REG_1, BPF_REG_10));
	asm_emit(a, BPF_ALU64_IMM(BPF_ADD, BPF_REG_1, to));
	asm_emit(a, BPF_MOV64_REG(BPF_REG_3, BPF_REG_10));
	asm_emit(a, BPF_ALU64_IMM(BPF_ADD, BPF_REG_3, DYNPTR));
	asm_emit(a, BPF_MOV64_IMM(BPF_REG_5, 0));
	asm_helper(a, BPF_FUNC_dynptr_read);
	asm_jmp(a, BPF_JNE, BPF_REG_0, 0, fail);
}

static void make_dynptr(struct gen *g, uint32_t fail)
{
	struct asm_buf *a = &g->code;

	asm_emit(a, BPF_MOV64_REG(BPF_REG_1, GEN_SKB));
	asm_emit(a, BPF_MOV64_IMM(BPF_REG_2, 0));
	asm_emit(a, BPF_MOV64_REG(BPF_REG_3, BPF_REG_10));
	asm_emit(a, BPF_ALU64_IMM(BPF_ADD, BPF_REG_3, DYNPTR));
	gen_kernel_call(g, KBTF_FUNC_DYNPTR_FROM_SKB);
	asm_jmp(a, BPF_JNE, BPF_REG_0, 0, fail);
}

/* --- Options --- */

/* The header at @base + @off says how long its options are */
static void find_options(struct gen *g, uint8_t base, int16_t off)
{
	struct asm_buf *a = &g->code;
	uint32_t impossible, done;

	if (!gen_needs_field(g, IR_FIELD_TCP_OPTION))
		return;
	impossible = asm_label(a);
	done = asm_label(a);
	asm_emit(a, BPF_LDX_MEM(BPF_B, BPF_REG_1, base, off + DOFF_BYTE));
	asm_emit(a, BPF_ALU64_IMM(BPF_RSH, BPF_REG_1, 4));
	asm_emit(a, BPF_ALU64_IMM(BPF_LSH, BPF_REG_1, 2));
	asm_jmp(a, BPF_JLT, BPF_REG_1, sizeof(struct tcphdr), impossible);
	asm_emit(a, BPF_ALU64_IMM(BPF_SUB, BPF_REG_1, sizeof(struct tcphdr)));
	asm_jmp(a, BPF_JEQ, BPF_REG_1, 0, done);
	asm_emit(a, BPF_STX_MEM(BPF_B, GEN_STATE, BPF_REG_1, GEN_OFF(opt_len)));
	gen_call(g, g->load_options);
	asm_ja(a, done);
	asm_bind(a, impossible);
	set_byte(g, GEN_OFF(opt_status), GEN_DROP_PACKET);
	gen_set_odd(g);
	asm_bind(a, done);
}

static void clear_options(struct gen *g)
{
	if (!gen_needs_field(g, IR_FIELD_TCP_OPTION))
		return;
	set_byte(g, GEN_OFF(opt_status), GEN_OK);
	for (int i = 0; i < GEN_OPTION_WORDS; i++)
		asm_emit(&g->code, BPF_ST_MEM(BPF_W, GEN_STATE,
					      GEN_OFF(options) + 4 * i, 0));
}

/* Set the bit of option kind r3. Uses r0, r4, r5 */
static void set_option(struct gen *g)
{
	struct asm_buf *a = &g->code;

	asm_emit(a, BPF_MOV64_REG(BPF_REG_5, BPF_REG_3));
	asm_emit(a, BPF_ALU64_IMM(BPF_RSH, BPF_REG_5, 5));
	asm_emit(a, BPF_ALU64_IMM(BPF_LSH, BPF_REG_5, 2));
	asm_emit(a, BPF_ALU64_REG(BPF_ADD, BPF_REG_5, GEN_STATE));
	asm_emit(a, BPF_MOV64_REG(BPF_REG_4, BPF_REG_3));
	asm_emit(a, BPF_ALU64_IMM(BPF_AND, BPF_REG_4, 31));
	asm_emit(a, BPF_MOV64_IMM(BPF_REG_0, 1));
	asm_emit(a, BPF_ALU32_REG(BPF_LSH, BPF_REG_0, BPF_REG_4));
	asm_emit(a, BPF_LDX_MEM(BPF_W, BPF_REG_4, BPF_REG_5,
				GEN_OFF(options)));
	asm_emit(a, BPF_ALU64_REG(BPF_OR, BPF_REG_4, BPF_REG_0));
	asm_emit(a, BPF_STX_MEM(BPF_W, BPF_REG_5, BPF_REG_4,
				GEN_OFF(options)));
}

/* Read byte r1 to r3, or be done if r1 is beyond the end r8 */
static void read_option(struct gen *g, uint32_t done)
{
	struct asm_buf *a = &g->code;

	asm_jmp_reg(a, BPF_JGE, BPF_REG_1, GEN_SCALAR, done);
	asm_emit(a, BPF_MOV64_REG(BPF_REG_2, BPF_REG_10));
	asm_emit(a, BPF_ALU64_REG(BPF_ADD, BPF_REG_2, BPF_REG_1));
	asm_emit(a, BPF_LDX_MEM(BPF_B, BPF_REG_3, BPF_REG_2, OPTIONS));
}

/*
 * Walk the options as tcp_find_option(): kinds 0 and 1 and the last byte have
 * no length, a length of 0 counts as 1, and what follows an option of kind 0
 * is looked at as well. It stops at the option it looks for, but what it finds
 * on the way there does not depend on which one that is: so this notes all.
 *
 * r1 is the index, r8 the length. Each round adds to r1, so the verifier sees
 * an end after GEN_OPTIONS_MAX rounds.
 */
static void walk_options(struct gen *g, uint32_t done)
{
	struct asm_buf *a = &g->code;
	uint32_t next = asm_label(a);

	asm_emit(a, BPF_MOV64_IMM(BPF_REG_1, 0));
	asm_bind(a, next);
	read_option(g, done);
	set_option(g);
	asm_emit(a, BPF_ALU64_IMM(BPF_ADD, BPF_REG_1, 1));
	asm_jmp(a, BPF_JLT, BPF_REG_3, 2, next);
	read_option(g, done);
	asm_jmp(a, BPF_JEQ, BPF_REG_3, 0, next);
	asm_emit(a, BPF_ALU64_IMM(BPF_SUB, BPF_REG_3, 1));
	asm_emit(a, BPF_ALU64_REG(BPF_ADD, BPF_REG_1, BPF_REG_3));
	asm_ja(a, next);
}

/**
 * gen_load_options() - emit load_options(): note the kinds of TCP options
 * @g:		program
 */
void gen_load_options(struct gen *g)
{
	struct asm_buf *a = &g->code;
	uint32_t fail = asm_label(a), done = asm_label(a);

	asm_bind(a, g->load_options);
	gen_step(g, "load_options: which options a TCP header has");
	gen_enter(g);
	asm_emit(a, BPF_LDX_MEM(BPF_B, GEN_SCALAR, GEN_STATE,
				GEN_OFF(opt_len)));
	asm_jmp(a, BPF_JGT, GEN_SCALAR, GEN_OPTIONS_MAX, fail);
	make_dynptr(g, fail);
	asm_emit(a, BPF_MOV64_REG(BPF_REG_2, GEN_SCALAR));
	asm_emit(a, BPF_LDX_MEM(BPF_W, BPF_REG_4, GEN_STATE, GEN_OFF(thoff)));
	asm_emit(a, BPF_ALU64_IMM(BPF_ADD, BPF_REG_4, sizeof(struct tcphdr)));
	copy_bytes(g, OPTIONS, fail);
	walk_options(g, done);
	asm_bind(a, fail);
	set_byte(g, GEN_OFF(opt_status), GEN_DROP_PACKET);
	gen_set_odd(g);
	asm_bind(a, done);
	asm_emit(a, BPF_MOV64_IMM(BPF_REG_0, 0));
	asm_emit(a, BPF_EXIT_INSN());
}

/* --- Headers --- */

#define PROTOS_MAX	5

/**
 * struct l4_header - a header that tests may ask for
 * @header:	its name
 * @status:	where struct run_state says whether it can be read
 * @size:	bytes that must be there
 * @proto:	protocols that have it, as many as are not 0
 * @num_sources: number of @sources
 * @sources:	where fields are read from, then
 */
struct l4_header {
	enum ir_header header;
	int16_t status;
	uint8_t size;
	uint8_t proto[PROTOS_MAX];
	uint8_t num_sources;
	enum gen_source sources[2];
};

/* A packet has one of these at most */
static const struct l4_header headers[] = {
	{
		.header = IR_HEADER_TCP,
		.status = GEN_OFF(l4),
		.size = sizeof(struct tcphdr),
		.proto = { IPPROTO_TCP },
		.num_sources = 2,
		.sources = { GEN_SOURCE_PORTS, GEN_SOURCE_TCP },
	},
	{
		.header = IR_HEADER_UDP,
		.status = GEN_OFF(l4),
		.size = 8,
		.proto = { IPPROTO_UDP, IPPROTO_UDPLITE },
		.num_sources = 1,
		.sources = { GEN_SOURCE_PORTS },
	},
	{
		.header = IR_HEADER_SCTP,
		.status = GEN_OFF(l4),
		.size = 12,
		.proto = { IPPROTO_SCTP },
		.num_sources = 1,
		.sources = { GEN_SOURCE_PORTS },
	},
	{
		.header = IR_HEADER_ICMP,
		.status = GEN_OFF(l4),
		.size = 8,
		.proto = { IPPROTO_ICMP },	/* of IPv4 */
		.num_sources = 1,
		.sources = { GEN_SOURCE_ICMP },
	},
	{
		.header = IR_HEADER_AH,
		.status = GEN_OFF(l4),
		.size = 12,
		.proto = { IPPROTO_AH },
		.num_sources = 1,
		.sources = { GEN_SOURCE_AH },
	},
	{
		.header = IR_HEADER_ESP,
		.status = GEN_OFF(l4),
		.size = 8,
		.proto = { IPPROTO_ESP },
		.num_sources = 1,
		.sources = { GEN_SOURCE_ESP },
	},
};

/* But it can have this one besides */
static const struct l4_header ports_header = {
	.header = IR_HEADER_PORTS,
	.status = GEN_OFF(ports),
	.size = 4,
	.proto = {
		IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE, IPPROTO_SCTP,
		IPPROTO_DCCP,
	},
	.num_sources = 1,
	.sources = { GEN_SOURCE_PORTS },
};

static uint8_t proto_of(const struct gen *g, const struct l4_header *h, int i)
{
	if (h->header == IR_HEADER_ICMP && !i &&
	    g->rs->family == NFPROTO_IPV6)
		return IPPROTO_ICMPV6;
	return h->proto[i];
}

static void load_fields(struct gen *g, const struct l4_header *h, uint8_t base,
			int16_t off)
{
	for (int i = 0; i < h->num_sources; i++)
		gen_source_load(g, h->sources[i], base, off);
	if (h->header == IR_HEADER_TCP)
		find_options(g, base, off);
	set_byte(g, h->status, GEN_OK);
}

/* Only TCP minds a fragment that starts within its header, see tcp_mt() */
static void check_fragment(struct gen *g, const struct l4_header *h,
			   uint32_t drop, uint32_t done)
{
	struct asm_buf *a = &g->code;

	gen_field_read(g, BPF_REG_1, IR_FIELD_IP_FRAGOFF);
	if (h->header == IR_HEADER_TCP)
		asm_jmp(a, BPF_JEQ, BPF_REG_1, 1, drop);
	asm_jmp(a, BPF_JNE, BPF_REG_1, 0, done);
}

/* The header in the linear area: read in place. r8 is its offset */
static void load_linear(struct gen *g, const struct l4_header *h, uint32_t slow)
{
	struct asm_buf *a = &g->code;

	gen_kernel_load(g, BPF_REG_1, GEN_SKB, KBTF_SKB_LEN, BPF_W);
	gen_kernel_load(g, BPF_REG_2, GEN_SKB, KBTF_SKB_DATA_LEN, BPF_W);
	asm_emit(a, BPF_ALU64_REG(BPF_SUB, BPF_REG_1, BPF_REG_2));
	asm_emit(a, BPF_ALU64_REG(BPF_SUB, BPF_REG_1, GEN_SCALAR));
	asm_jmp(a, BPF_JSLT, BPF_REG_1, h->size, slow);
	gen_kernel_load(g, BPF_REG_1, GEN_SKB, KBTF_SKB_DATA, BPF_DW);
	asm_emit(a, BPF_ALU64_REG(BPF_ADD, BPF_REG_1, GEN_SCALAR));
	/* All that is read is in the first 16 bytes */
	gen_kernel_cast(g, KBTF_TYPE_TWO_U64);
	load_fields(g, h, BPF_REG_0, 0);
}

static void load_copied(struct gen *g, const struct l4_header *h, uint32_t drop)
{
	struct asm_buf *a = &g->code;

	make_dynptr(g, drop);
	asm_emit(a, BPF_MOV64_IMM(BPF_REG_2, h->size));
	asm_emit(a, BPF_MOV64_REG(BPF_REG_4, GEN_SCALAR));
	copy_bytes(g, COPY, drop);
	load_fields(g, h, BPF_REG_10, COPY);
}

static void load_header(struct gen *g, const struct l4_header *h, uint32_t done)
{
	struct asm_buf *a = &g->code;
	uint32_t slow = asm_label(a), drop = asm_label(a);

	check_fragment(g, h, drop, done);
	if (h->header == IR_HEADER_TCP)
		clear_options(g);
	load_linear(g, h, slow);
	asm_ja(a, done);
	asm_bind(a, slow);
	load_copied(g, h, drop);
	asm_ja(a, done);
	asm_bind(a, drop);
	set_byte(g, h->status, GEN_DROP_PACKET);
	gen_set_odd(g);
	asm_ja(a, done);
}

/* r1 is the protocol */
static void branch_proto(struct gen *g, const struct l4_header *h,
			 uint32_t label)
{
	for (int i = 0; i < PROTOS_MAX; i++)
		if (h->proto[i])
			asm_jmp(&g->code, BPF_JEQ, BPF_REG_1,
				proto_of(g, h, i), label);
}

static bool needs_one_of(const struct gen *g, const struct l4_header *h,
			 unsigned int num)
{
	for (unsigned int i = 0; i < num; i++)
		if (gen_needs_header(g, h[i].header))
			return true;
	return false;
}

/* Read that of the @num headers at @h which the packet has */
static void load_one_of(struct gen *g, const struct l4_header *h,
			unsigned int num)
{
	struct asm_buf *a = &g->code;
	uint32_t label[ARRAY_SIZE(headers)];
	uint32_t done;
	unsigned int i;

	if (!needs_one_of(g, h, num))
		return;
	done = asm_label(a);
	set_byte(g, h->status, GEN_NO_MATCH);
	gen_field_read(g, BPF_REG_1, IR_FIELD_IP_PROTO);
	for (i = 0; i < num; i++) {
		label[i] = asm_label(a);
		if (gen_needs_header(g, h[i].header))
			branch_proto(g, &h[i], label[i]);
	}
	asm_ja(a, done);
	for (i = 0; i < num; i++) {
		asm_bind(a, label[i]);
		if (gen_needs_header(g, h[i].header))
			load_header(g, &h[i], done);
	}
	asm_bind(a, done);
}

/**
 * gen_load_l4() - read the transport header
 * @g:		program that asks for one
 */
void gen_load_l4(struct gen *g)
{
	gen_step(g, "transport header");
	asm_emit(&g->code, BPF_LDX_MEM(BPF_W, GEN_SCALAR, GEN_STATE,
				       GEN_OFF(thoff)));
	load_one_of(g, &ports_header, 1);
	load_one_of(g, headers, ARRAY_SIZE(headers));
}
