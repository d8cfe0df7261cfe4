// SPDX-License-Identifier: GPL-2.0
/*
 * What is around the network header: the link layer's header, and how the
 * packet got here.
 */
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <linux/if_packet.h>
#include <linux/netfilter.h>

#include "gen.h"

/* skb->mac_header of a packet that has none */
#define MAC_HEADER_NONE	0xffff

/*
 * The source of the Ethernet header, on the conditions of mac_mt(). The length
 * of the header is unsigned there too.
 */
static void load_ether(struct gen *g)
{
	struct asm_buf *a = &g->code;
	uint32_t done;

	if (!gen_needs_header(g, IR_HEADER_ETHER))
		return;
	done = asm_label(a);
	gen_step(g, "Ethernet header");
	asm_emit(a, BPF_ST_MEM(BPF_B, GEN_STATE, GEN_OFF(ether),
			       GEN_NO_MATCH));
	gen_kernel_load(g, BPF_REG_1, GEN_SKB, KBTF_SKB_DEV, BPF_DW);
	asm_jmp(a, BPF_JEQ, BPF_REG_1, 0, done);
	gen_kernel_cast(g, KBTF_TYPE_NET_DEVICE);
	gen_kernel_load(g, BPF_REG_1, BPF_REG_0, KBTF_DEV_TYPE, BPF_H);
	asm_jmp(a, BPF_JNE, BPF_REG_1, ARPHRD_ETHER, done);

	gen_kernel_load(g, BPF_REG_1, GEN_SKB, KBTF_SKB_MAC_HEADER, BPF_H);
	asm_jmp(a, BPF_JEQ, BPF_REG_1, MAC_HEADER_NONE, done);
	gen_kernel_load(g, BPF_REG_2, GEN_SKB, KBTF_SKB_NETWORK_HEADER,
			BPF_H);
	asm_emit(a, BPF_ALU32_REG(BPF_SUB, BPF_REG_2, BPF_REG_1));
	asm_jmp32(a, BPF_JLT, BPF_REG_2, ETHER_HDR_LEN, done);

	gen_kernel_load(g, BPF_REG_2, GEN_SKB, KBTF_SKB_HEAD, BPF_DW);
	asm_emit(a, BPF_ALU64_REG(BPF_ADD, BPF_REG_1, BPF_REG_2));
	asm_emit(a, BPF_ALU64_IMM(BPF_ADD, BPF_REG_1,
				  offsetof(struct ether_header, ether_shost)));
	gen_kernel_cast(g, KBTF_TYPE_TWO_U64);
	asm_emit(a, BPF_LDX_MEM(BPF_DW, BPF_REG_1, BPF_REG_0, 0));
	asm_emit(a, BPF_STX_MEM(BPF_DW, GEN_STATE, BPF_REG_1, GEN_OFF(mac)));
	asm_emit(a, BPF_ST_MEM(BPF_H, GEN_STATE, GEN_OFF(mac) + ETHER_ADDR_LEN,
			       0));
	asm_emit(a, BPF_ST_MEM(BPF_B, GEN_STATE, GEN_OFF(ether), GEN_OK));
	asm_bind(a, done);
}

/* A packet that was looped back tells by its destination what it was: r1 */
static void load_looped(struct gen *g, uint32_t known)
{
	struct asm_buf *a = &g->code;

	asm_emit(a, BPF_MOV64_IMM(BPF_REG_1, PACKET_MULTICAST));
	if (g->rs->family == NFPROTO_IPV6)
		return;
	gen_field_read(g, BPF_REG_2, IR_FIELD_IP_DADDR);
	asm_emit(a, BPF_ALU32_IMM(BPF_AND, BPF_REG_2, 0xf0000000));
	asm_jmp32(a, BPF_JEQ, BPF_REG_2, INADDR_UNSPEC_GROUP, known);
	asm_emit(a, BPF_MOV64_IMM(BPF_REG_1, PACKET_BROADCAST));
}

/* As pkttype_mt() */
static void load_pkttype(struct gen *g)
{
	struct asm_buf *a = &g->code;
	uint32_t known;

	if (!gen_needs_field(g, IR_FIELD_PKTTYPE))
		return;
	known = asm_label(a);
	gen_step(g, "type of the packet");
	gen_kernel_bits(g, BPF_REG_1, GEN_SKB, KBTF_BITS_SKB_PKT_TYPE);
	asm_jmp(a, BPF_JNE, BPF_REG_1, PACKET_LOOPBACK, known);
	load_looped(g, known);
	asm_bind(a, known);
	asm_emit(a, BPF_STX_MEM(BPF_B, GEN_STATE, BPF_REG_1,
				GEN_OFF(pkttype)));
}

/**
 * gen_load_link() - read what is below the network header, as rules ask for it
 * @g:		program; addresses are read already
 */
void gen_load_link(struct gen *g)
{
	load_ether(g);
	load_pkttype(g);
}
