// SPDX-License-Identifier: GPL-2.0
/*
 * The network header and, for IPv6, where the extension headers end. Both are
 * read where they are: the header is in the linear area at all hooks, and
 * skb->data points to it.
 *
 * As ipt_do_table() does, IPv4 rules stay with the offset of the transport
 * header and the fragment offset that the packet had when it entered the
 * table. ip6t_do_table() walks the extension headers for each rule that asks
 * for a protocol, so a packet that changed has others.
 */
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>

#include "gen.h"

#define L4_HEADERS							\
	(1U << IR_HEADER_TCP | 1U << IR_HEADER_UDP | 1U << IR_HEADER_ICMP | \
	 1U << IR_HEADER_PORTS | 1U << IR_HEADER_SCTP | 1U << IR_HEADER_AH | \
	 1U << IR_HEADER_ESP)

/* enum of the kernel: SKB_GSO_TCPV4 | SKB_GSO_TCPV6, a train of TCP segments */
#define SKB_GSO_TCP	0x11

static void store(struct gen *g, uint8_t size, uint8_t reg, int16_t off)
{
	asm_emit(&g->code, BPF_STX_MEM(size, GEN_STATE, reg, off));
}

/* Leaves the header's address in r0 */
static void point_to_header(struct gen *g, enum kbtf_type type)
{
	gen_kernel_load(g, BPF_REG_1, GEN_SKB, KBTF_SKB_HEAD, BPF_DW);
	gen_kernel_load(g, BPF_REG_2, GEN_SKB, KBTF_SKB_NETWORK_HEADER,
			BPF_H);
	asm_emit(&g->code, BPF_ALU64_REG(BPF_ADD, BPF_REG_1, BPF_REG_2));
	gen_kernel_cast(g, type);
}

/**
 * gen_needs_l4() - do rules look at the transport header?
 * @g:		program
 *
 * Return: whether they do.
 */
bool gen_needs_l4(const struct gen *g)
{
	return g->plan->need.headers & L4_HEADERS;
}

/* --- IPv4 --- */

/**
 * gen_keep_ipv4() - read what stays as it is when the packet enters the table
 * @g:		program
 */
void gen_keep_ipv4(struct gen *g)
{
	struct asm_buf *a = &g->code;
	bool thoff = gen_needs_l4(g) || g->plan->need.thoff;

	if (!thoff && !gen_needs_field(g, IR_FIELD_IP_FRAGOFF))
		return;
	gen_step(g, "fragment and transport header, as the table finds them");
	point_to_header(g, KBTF_TYPE_IPHDR);
	asm_emit(a, BPF_LDX_MEM(BPF_H, BPF_REG_1, BPF_REG_0,
				offsetof(struct iphdr, frag_off)));
	asm_emit(a, BPF_ENDIAN(BPF_TO_BE, BPF_REG_1, 16));
	asm_emit(a, BPF_ALU64_IMM(BPF_AND, BPF_REG_1, IP_OFFMASK));
	store(g, BPF_H, BPF_REG_1, GEN_OFF(fragoff));
	if (!thoff)
		return;
	asm_emit(a, BPF_LDX_MEM(BPF_B, BPF_REG_1, BPF_REG_0, 0));
	asm_emit(a, BPF_ALU64_IMM(BPF_AND, BPF_REG_1, 0xf));
	asm_emit(a, BPF_ALU64_IMM(BPF_LSH, BPF_REG_1, 2));
	store(g, BPF_W, BPF_REG_1, GEN_OFF(thoff));
}

/*
 * As skb_ip_totlen(): a train of segments too long for the header's field has
 * 0 there. r0 points to the header and is lost.
 */
static void load_ip_len(struct gen *g)
{
	struct asm_buf *a = &g->code;
	uint32_t known;

	if (!gen_needs_field(g, IR_FIELD_IP_LEN))
		return;
	known = asm_label(a);
	asm_emit(a, BPF_LDX_MEM(BPF_H, BPF_REG_1, BPF_REG_0,
				offsetof(struct iphdr, tot_len)));
	asm_emit(a, BPF_ENDIAN(BPF_TO_BE, BPF_REG_1, 16));
	asm_jmp(a, BPF_JNE, BPF_REG_1, 0, known);
	gen_kernel_load(g, BPF_REG_1, GEN_SKB, KBTF_SKB_HEAD, BPF_DW);
	gen_kernel_load(g, BPF_REG_2, GEN_SKB, KBTF_SKB_END, BPF_W);
	asm_emit(a, BPF_ALU64_REG(BPF_ADD, BPF_REG_1, BPF_REG_2));
	gen_kernel_cast(g, KBTF_TYPE_SHARED_INFO);
	asm_emit(a, BPF_MOV64_IMM(BPF_REG_1, 0));
	gen_kernel_load(g, BPF_REG_2, BPF_REG_0, KBTF_SHARED_GSO_SIZE, BPF_H);
	asm_jmp(a, BPF_JEQ, BPF_REG_2, 0, known);
	gen_kernel_load(g, BPF_REG_2, BPF_REG_0, KBTF_SHARED_GSO_TYPE, BPF_W);
	asm_emit(a, BPF_ALU64_IMM(BPF_AND, BPF_REG_2, SKB_GSO_TCP));
	asm_jmp(a, BPF_JEQ, BPF_REG_2, 0, known);
	gen_kernel_load(g, BPF_REG_1, GEN_SKB, KBTF_SKB_LEN, BPF_W);
	asm_bind(a, known);
	store(g, BPF_W, BPF_REG_1, GEN_OFF(ip_len));
}

/**
 * gen_load_ipv4() - read IPv4 and transport header, as far as rules ask for it
 * @g:		program
 */
void gen_load_ipv4(struct gen *g)
{
	if (gen_source_needed(g, GEN_SOURCE_IPV4) ||
	    gen_needs_field(g, IR_FIELD_IP_LEN)) {
		gen_step(g, "IPv4 header");
		point_to_header(g, KBTF_TYPE_IPHDR);
		gen_source_load(g, GEN_SOURCE_IPV4, BPF_REG_0, 0);
		load_ip_len(g);
	}
	if (gen_needs_l4(g))
		gen_load_l4(g);
}

/* --- IPv6 --- */

/* What ipv6_find_hdr() walks over, see ipv6_ext_hdr() */
static const uint8_t ext_headers[] = {
	IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_FRAGMENT, IPPROTO_AH,
	IPPROTO_DSTOPTS,
};

/* The usual case, no extension header: r1 is the protocol */
static void store_plain(struct gen *g)
{
	struct asm_buf *a = &g->code;

	store(g, BPF_B, BPF_REG_1, GEN_OFF(proto));
	asm_emit(a, BPF_ST_MEM(BPF_W, GEN_STATE, GEN_OFF(thoff),
			       sizeof(struct ip6_hdr)));
	asm_emit(a, BPF_ST_MEM(BPF_H, GEN_STATE, GEN_OFF(fragoff), 0));
}

/* Let the kernel walk them; r0 is then what bpfilter_ip6_find_hdr() returns */
static void walk_headers(struct gen *g, uint32_t bad)
{
	struct asm_buf *a = &g->code;

	asm_emit(a, BPF_MOV64_REG(BPF_REG_1, GEN_SKB));
	asm_emit(a, BPF_MOV64_REG(BPF_REG_2, GEN_HOOK));
	gen_kernel_call(g, KBTF_FUNC_IP6_FIND_HDR);
	asm_jmp(a, BPF_JSLT, BPF_REG_0, 0, bad);
	store(g, BPF_B, BPF_REG_0, GEN_OFF(proto));
	asm_emit(a, BPF_ALU64_IMM(BPF_RSH, BPF_REG_0, 16));
	store(g, BPF_H, BPF_REG_0, GEN_OFF(fragoff));
	asm_emit(a, BPF_ALU64_IMM(BPF_RSH, BPF_REG_0, 16));
	store(g, BPF_W, BPF_REG_0, GEN_OFF(thoff));
}

/*
 * Find the transport header; r0 points to the IPv6 header. Branches to @bad if
 * there is none.
 */
static void find_transport(struct gen *g, uint32_t bad)
{
	struct asm_buf *a = &g->code;
	uint32_t walk = asm_label(a), found = asm_label(a);

	asm_emit(a, BPF_ST_MEM(BPF_B, GEN_STATE, GEN_OFF(ip6), GEN_OK));
	asm_emit(a, BPF_LDX_MEM(BPF_B, BPF_REG_1, BPF_REG_0,
				offsetof(struct ip6_hdr, ip6_nxt)));
	for (unsigned int i = 0; i < sizeof(ext_headers); i++)
		asm_jmp(a, BPF_JEQ, BPF_REG_1, ext_headers[i], walk);
	store_plain(g);
	asm_ja(a, found);
	asm_bind(a, walk);
	walk_headers(g, bad);
	asm_bind(a, found);
}

static void load_transport(struct gen *g)
{
	struct asm_buf *a = &g->code;
	uint32_t bad = asm_label(a), done = asm_label(a);

	find_transport(g, bad);
	if (gen_needs_l4(g))
		gen_load_l4(g);
	asm_ja(a, done);
	asm_bind(a, bad);
	asm_emit(a, BPF_ST_MEM(BPF_B, GEN_STATE, GEN_OFF(ip6),
			       GEN_DROP_PACKET));
	gen_set_odd(g);
	asm_bind(a, done);
}

/* As length_mt6() */
static void load_ip6_len(struct gen *g)
{
	if (!gen_needs_field(g, IR_FIELD_IP_LEN))
		return;
	gen_kernel_load(g, BPF_REG_1, GEN_SKB, KBTF_SKB_LEN, BPF_W);
	store(g, BPF_W, BPF_REG_1, GEN_OFF(ip_len));
}

/* For rules that are data: addresses word by word; r0 points to the header */
static void load_addr6(struct gen *g)
{
	static const int16_t offs[] = {
		offsetof(struct ip6_hdr, ip6_src),
		offsetof(struct ip6_hdr, ip6_dst),
	};
	struct asm_buf *a = &g->code;

	for (int i = 0; i < 8; i++) {
		if (!(g->plan->need.addr6 &
		      (i < 4 ? PLAN_ADDR6_SRC : PLAN_ADDR6_DST)))
			continue;
		asm_emit(a, BPF_LDX_MEM(BPF_W, BPF_REG_1, BPF_REG_0,
					offs[i / 4] + 4 * (i & 3)));
		asm_emit(a, BPF_ENDIAN(BPF_TO_BE, BPF_REG_1, 32));
		store(g, BPF_W, BPF_REG_1, GEN_OFF(addr6) + 4 * i);
	}
}

/**
 * gen_load_ipv6() - read IPv6 and transport header, as far as rules ask for it
 * @g:		program
 */
void gen_load_ipv6(struct gen *g)
{
	bool transport = gen_needs_header(g, IR_HEADER_IP6) ||
			 gen_needs_l4(g) || g->plan->need.thoff;

	gen_step(g, "IPv6 header");
	load_ip6_len(g);
	if (!transport && !gen_source_needed(g, GEN_SOURCE_IPV6))
		return;
	point_to_header(g, KBTF_TYPE_IPV6HDR);
	gen_source_load(g, GEN_SOURCE_IPV6, BPF_REG_0, 0);
	load_addr6(g);
	if (transport)
		load_transport(g);
}
