// SPDX-License-Identifier: GPL-2.0
/*
 * The transport header. It is found and read as xt_tcpudp's matches do: at
 * skb->data plus the length that the IPv4 header states, with
 * skb_header_pointer(). A header in the linear area is read where it is, one
 * that is not is copied to the stack.
 *
 * What these matches do without a header (no match, or drop) must happen only
 * when a rule gets as far as asking, so load_state() notes it and IR_TEST_HEADER
 * acts on it.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <linux/kernel.h>

#include "gen.h"

/* The stack of load_state() and load_options() */
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

	asm_emit(a, BPF_MOV64_REG(BPF_REG_1, BPF_REG_8));
	asm_emit(a, BPF_MOV64_IMM(BPF_REG_2, 0));
	asm_emit(a, BPF_MOV64_REG(BPF_REG_3, BPF_REG_10));
	asm_emit(a, BPF_ALU64_IMM(BPF_ADD, BPF_REG_3, DYNPTR));
	asm_kfunc(a, g->env->btf->func[KBTF_FUNC_DYNPTR_FROM_SKB]);
	asm_jmp(a, BPF_JNE, BPF_REG_0, 0, fail);
}

/* --- Options --- */

/*
 * The header at @base + @off says how long its options are. r9 is its offset
 * from skb->data.
 */
static void find_options(struct gen *g, uint8_t base, int16_t off)
{
	struct asm_buf *a = &g->code;
	uint32_t impossible = asm_label(a), done = asm_label(a);

	if (!gen_needs_field(g, IR_FIELD_TCP_OPTION))
		return;
	asm_emit(a, BPF_LDX_MEM(BPF_B, BPF_REG_1, base, off + DOFF_BYTE));
	asm_emit(a, BPF_ALU64_IMM(BPF_RSH, BPF_REG_1, 4));
	asm_emit(a, BPF_ALU64_IMM(BPF_LSH, BPF_REG_1, 2));
	asm_jmp(a, BPF_JLT, BPF_REG_1, sizeof(struct tcphdr), impossible);
	asm_emit(a, BPF_ALU64_IMM(BPF_SUB, BPF_REG_1, sizeof(struct tcphdr)));
	asm_jmp(a, BPF_JEQ, BPF_REG_1, 0, done);
	asm_emit(a, BPF_STX_MEM(BPF_B, GEN_STATE, BPF_REG_1, GEN_OFF(opt_len)));
	asm_emit(a, BPF_MOV64_REG(BPF_REG_1, BPF_REG_9));
	asm_emit(a, BPF_ALU64_IMM(BPF_ADD, BPF_REG_1, sizeof(struct tcphdr)));
	asm_emit(a, BPF_STX_MEM(BPF_H, GEN_STATE, BPF_REG_1, GEN_OFF(opt_off)));
	asm_emit(a, BPF_MOV64_REG(BPF_REG_1, GEN_CTX));
	asm_emit(a, BPF_MOV64_REG(BPF_REG_2, GEN_STATE));
	asm_call(a, g->load_options);
	asm_ja(a, done);
	asm_bind(a, impossible);
	set_byte(g, GEN_OFF(opt_status), GEN_L4_DROP);
	asm_bind(a, done);
}

static void clear_options(struct gen *g)
{
	if (!gen_needs_field(g, IR_FIELD_TCP_OPTION))
		return;
	set_byte(g, GEN_OFF(opt_status), GEN_L4_OK);
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

/* Read byte r1 to r3, or be done if r1 is beyond the end r9 */
static void read_option(struct gen *g, uint32_t done)
{
	struct asm_buf *a = &g->code;

	asm_jmp_reg(a, BPF_JGE, BPF_REG_1, BPF_REG_9, done);
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
 * r1 is the index, r9 the length. Each round adds to r1, so the verifier sees
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
	asm_emit(a, BPF_MOV64_REG(GEN_STATE, BPF_REG_2));
	gen_kernel_load(g, BPF_REG_8, BPF_REG_1, KBTF_CTX_SKB, BPF_DW);
	asm_emit(a, BPF_LDX_MEM(BPF_B, BPF_REG_9, GEN_STATE,
				GEN_OFF(opt_len)));
	asm_jmp(a, BPF_JGT, BPF_REG_9, GEN_OPTIONS_MAX, fail);
	make_dynptr(g, fail);
	asm_emit(a, BPF_MOV64_REG(BPF_REG_2, BPF_REG_9));
	asm_emit(a, BPF_LDX_MEM(BPF_H, BPF_REG_4, GEN_STATE,
				GEN_OFF(opt_off)));
	copy_bytes(g, OPTIONS, fail);
	walk_options(g, done);
	asm_bind(a, fail);
	set_byte(g, GEN_OFF(opt_status), GEN_L4_DROP);
	asm_bind(a, done);
	asm_emit(a, BPF_MOV64_IMM(BPF_REG_0, 0));
	asm_emit(a, BPF_EXIT_INSN());
}

/* --- Headers --- */

struct l4_header {
	enum ir_header header;
	uint8_t proto[2];	/* the second is 0 for none */
	uint8_t size;
	enum gen_source sources[2];
};

static const struct l4_header headers[] = {
	{
		.header = IR_HEADER_TCP,
		.proto = { IPPROTO_TCP },
		.size = sizeof(struct tcphdr),
		.sources = { GEN_SOURCE_PORTS, GEN_SOURCE_TCP },
	},
	{
		.header = IR_HEADER_UDP,
		.proto = { IPPROTO_UDP, IPPROTO_UDPLITE },
		.size = 8,
		.sources = { GEN_SOURCE_PORTS, GEN_SOURCE_PORTS },
	},
	{
		.header = IR_HEADER_ICMP,
		.proto = { IPPROTO_ICMP },
		.size = 8,
		.sources = { GEN_SOURCE_ICMP, GEN_SOURCE_ICMP },
	},
};

static void load_fields(struct gen *g, const struct l4_header *h, uint8_t base,
			int16_t off)
{
	gen_source_load(g, h->sources[0], base, off);
	if (h->sources[1] != h->sources[0])
		gen_source_load(g, h->sources[1], base, off);
	if (h->header == IR_HEADER_TCP)
		find_options(g, base, off);
	set_byte(g, GEN_OFF(l4), GEN_L4_OK);
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

/* The header in the linear area: read in place. r9 is its offset */
static void load_linear(struct gen *g, const struct l4_header *h, uint32_t slow)
{
	struct asm_buf *a = &g->code;

	gen_kernel_load(g, BPF_REG_1, BPF_REG_8, KBTF_SKB_LEN, BPF_W);
	gen_kernel_load(g, BPF_REG_2, BPF_REG_8, KBTF_SKB_DATA_LEN, BPF_W);
	asm_emit(a, BPF_ALU64_REG(BPF_SUB, BPF_REG_1, BPF_REG_2));
	asm_emit(a, BPF_ALU64_REG(BPF_SUB, BPF_REG_1, BPF_REG_9));
	asm_jmp(a, BPF_JSLT, BPF_REG_1, h->size, slow);
	gen_kernel_load(g, BPF_REG_1, BPF_REG_8, KBTF_SKB_DATA, BPF_DW);
	asm_emit(a, BPF_ALU64_REG(BPF_ADD, BPF_REG_1, BPF_REG_9));
	gen_kernel_cast(g, KBTF_TYPE_TCPHDR);
	load_fields(g, h, BPF_REG_0, 0);
}

static void load_copied(struct gen *g, const struct l4_header *h, uint32_t drop)
{
	struct asm_buf *a = &g->code;

	make_dynptr(g, drop);
	asm_emit(a, BPF_MOV64_IMM(BPF_REG_2, h->size));
	asm_emit(a, BPF_MOV64_REG(BPF_REG_4, BPF_REG_9));
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
	set_byte(g, GEN_OFF(l4), GEN_L4_DROP);
	asm_ja(a, done);
}

static void branch_proto(struct gen *g, const struct l4_header *h,
			 uint32_t label)
{
	for (int i = 0; i < 2; i++)
		if (h->proto[i])
			asm_jmp(&g->code, BPF_JEQ, BPF_REG_1, h->proto[i],
				label);
}

/**
 * gen_load_l4() - read the transport header, if rules ask for it
 * @g:		program; r0 points to the IPv4 header, r8 to the packet
 */
void gen_load_l4(struct gen *g)
{
	struct asm_buf *a = &g->code;
	uint32_t label[ARRAY_SIZE(headers)];
	uint32_t done = asm_label(a);
	unsigned int i;

	if (!g->plan->need.headers)
		return;
	asm_emit(a, BPF_LDX_MEM(BPF_B, BPF_REG_9, BPF_REG_0, 0));
	asm_emit(a, BPF_ALU64_IMM(BPF_AND, BPF_REG_9, 0xf));
	asm_emit(a, BPF_ALU64_IMM(BPF_LSH, BPF_REG_9, 2));
	set_byte(g, GEN_OFF(l4), GEN_L4_NO_MATCH);
	gen_field_read(g, BPF_REG_1, IR_FIELD_IP_PROTO);

	for (i = 0; i < ARRAY_SIZE(headers); i++) {
		label[i] = asm_label(a);
		if (gen_needs_header(g, headers[i].header))
			branch_proto(g, &headers[i], label[i]);
	}
	asm_ja(a, done);
	for (i = 0; i < ARRAY_SIZE(headers); i++) {
		asm_bind(a, label[i]);
		if (gen_needs_header(g, headers[i].header))
			load_header(g, &headers[i], done);
	}
	asm_bind(a, done);
}
