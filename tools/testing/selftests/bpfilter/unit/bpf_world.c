// SPDX-License-Identifier: GPL-2.0
/*
 * What stands around a program in the machine of bpf_vm.c.
 */
#include <arpa/inet.h>
#include <string.h>
#include <net/if_arp.h>

#include "bpf_vm.h"
#include "bpf_vm_ids.h"

static const int32_t member_offsets[KBTF_MEMBER_COUNT] = {
	[KBTF_CTX_STATE]	= offsetof(struct vm_ctx, state),
	[KBTF_CTX_SKB]		= offsetof(struct vm_ctx, skb),
	[KBTF_STATE_IN]		= offsetof(struct vm_hook_state, in),
	[KBTF_STATE_OUT]	= offsetof(struct vm_hook_state, out),
	[KBTF_DEV_NAME]		= offsetof(struct vm_device, name),
	[KBTF_DEV_TYPE]		= offsetof(struct vm_device, type),
	[KBTF_SKB_DEV]		= offsetof(struct vm_skb, dev),
	[KBTF_SKB_LEN]		= offsetof(struct vm_skb, len),
	[KBTF_SKB_DATA_LEN]	= offsetof(struct vm_skb, data_len),
	[KBTF_SKB_HEAD]		= offsetof(struct vm_skb, head),
	[KBTF_SKB_DATA]		= offsetof(struct vm_skb, data),
	[KBTF_SKB_END]		= offsetof(struct vm_skb, end),
	[KBTF_SKB_MAC_HEADER]	= offsetof(struct vm_skb, mac_header),
	[KBTF_SKB_NETWORK_HEADER] = offsetof(struct vm_skb, network_header),
	[KBTF_SKB_MARK]		= offsetof(struct vm_skb, mark),
	[KBTF_SKB_NFCT]		= offsetof(struct vm_skb, nfct),
	[KBTF_SHARED_GSO_SIZE]	= offsetof(struct vm_shared_info, gso_size),
	[KBTF_SHARED_GSO_TYPE]	= offsetof(struct vm_shared_info, gso_type),
	[KBTF_CT_STATUS]	= offsetof(struct vm_conn, status),
	[KBTF_CT_TIMEOUT]	= offsetof(struct vm_conn, timeout),
	[KBTF_CT_MARK]		= offsetof(struct vm_conn, mark),
	[KBTF_CT_PROTO]		= offsetof(struct vm_conn, tuple[0].proto),
	[KBTF_CT_ORIGSRC]	= offsetof(struct vm_conn, tuple[0].src),
	[KBTF_CT_ORIGDST]	= offsetof(struct vm_conn, tuple[0].dst),
	[KBTF_CT_REPLSRC]	= offsetof(struct vm_conn, tuple[1].src),
	[KBTF_CT_REPLDST]	= offsetof(struct vm_conn, tuple[1].dst),
	[KBTF_CT_ORIGSRC_PORT]	= offsetof(struct vm_conn, tuple[0].sport),
	[KBTF_CT_ORIGDST_PORT]	= offsetof(struct vm_conn, tuple[0].dport),
	[KBTF_CT_REPLSRC_PORT]	= offsetof(struct vm_conn, tuple[1].sport),
	[KBTF_CT_REPLDST_PORT]	= offsetof(struct vm_conn, tuple[1].dport),
};

static const struct kernel_bits bits[KBTF_BITS_COUNT] = {
	[KBTF_BITS_SKB_PKT_TYPE] = {
		offsetof(struct vm_skb, type_bits), VM_PKT_TYPE_SHIFT, 7,
	},
	[KBTF_BITS_SKB_NF_TRACE] = {
		offsetof(struct vm_skb, trace_bits), VM_NF_TRACE_SHIFT, 1,
	},
};

/**
 * vm_kernel_btf() - what a kernel's BTF would say of the machine's world
 * @kb:		filled
 */
void vm_kernel_btf(struct kernel_btf *kb)
{
	for (int i = 0; i < KBTF_TYPE_COUNT; i++)
		kb->type[i] = VM_TYPE_FIRST + i;
	for (int i = 0; i < KBTF_FUNC_COUNT; i++)
		kb->func[i] = VM_KFUNC_FIRST + i;
	memcpy(kb->member, member_offsets, sizeof(kb->member));
	memcpy(kb->bits, bits, sizeof(kb->bits));
}

/* Bits next to those that mean something are all set */
static uint8_t among_ones(uint8_t value, unsigned int shift, uint8_t mask)
{
	return ~(mask << shift) | value << shift;
}

static void make_link(struct vm_world *w, const struct packet_link *link)
{
	w->dev.type = link->not_ether ? ARPHRD_PPP : ARPHRD_ETHER;
	w->skb.dev = link->no_dev ? 0 : (uintptr_t)&w->dev;
	w->skb.type_bits = among_ones(link->type, VM_PKT_TYPE_SHIFT, 7);
	w->skb.mac_header = link->no_header ? 0xffff :
			    PACKET_HEADROOM - link->len;
	if (link->no_header)
		return;
	/* The type that follows the source is not to be taken for part of it */
	memset(w->linear + w->skb.mac_header + 12, 0xee, 2);
	memcpy(w->linear + w->skb.mac_header + 6, link->source,
	       sizeof(link->source));
}

static void make_bytes(struct vm_world *w, const struct packet *pkt)
{
	unsigned int linear = packet_headers_len(pkt) + w->shape.linear;

	w->skb.len = packet_bytes(pkt, w->bytes);
	w->skb.data_len = w->skb.len > linear ? w->skb.len - linear : 0;
	memcpy(w->linear + PACKET_HEADROOM, w->bytes,
	       w->skb.len - w->skb.data_len);
	w->skb.head = (uintptr_t)w->linear;
	w->skb.network_header = PACKET_HEADROOM;
	w->skb.data = (uintptr_t)w->linear + PACKET_HEADROOM;
	w->skb.end = (uint8_t *)&w->shared - w->linear;
	w->shared.gso_size = pkt->gso_size;
	w->shared.gso_type = pkt->gso_type;
}

static void make_tuple(struct vm_tuple *vt, const struct packet_tuple *t,
		       uint8_t proto)
{
	vt->src = htonl(t->src);
	vt->dst = htonl(t->dst);
	vt->sport = htons(t->sport);
	vt->dport = htons(t->dport);
	vt->proto = proto;
}

/* The timeout lies up to a second beyond what is asked for, or in the past */
static void make_conn(struct vm_world *w, const struct packet *pkt)
{
	uint32_t ahead = pkt->expires * VM_HZ + VM_HZ / 2;

	if (!pkt->conn) {
		w->skb.nfct = pkt->untracked ? VM_CTINFO_UNTRACKED : 0;
		return;
	}
	w->skb.nfct = (uintptr_t)&w->conn | pkt->ctinfo;
	w->conn.status = pkt->status;
	w->conn.mark = pkt->ct_mark;
	make_tuple(&w->conn.tuple[0], &pkt->orig, pkt->ct_proto);
	make_tuple(&w->conn.tuple[1], &pkt->repl, pkt->ct_proto ^ 0xff);
	w->conn.timeout = pkt->expires ? (uint32_t)w->jiffies + ahead :
					 (uint32_t)w->jiffies - ahead;
}

static uint64_t make_device(struct vm_device *dev, const char name[16])
{
	memcpy(dev->name, name, sizeof(dev->name));
	return *name ? (uintptr_t)dev : 0;
}

/* All that a target can change */
static void make_packet(struct vm_world *w)
{
	const struct packet *pkt = &w->play.pkts[w->turn];

	memset(&w->skb, 0, sizeof(w->skb));
	memset(w->linear, 0, sizeof(w->linear));
	make_link(w, &pkt->link);
	make_bytes(w, pkt);
	make_conn(w, pkt);
	w->skb.mark = pkt->mark;
	w->skb.trace_bits = among_ones(pkt->traced, VM_NF_TRACE_SHIFT, 1);
}

/**
 * vm_world_make() - put a packet at a hook
 * @w:		filled
 * @play:	packet
 * @shape:	how it lies in memory
 */
void vm_world_make(struct vm_world *w, const struct packet_play *play,
		   const struct vm_shape *shape)
{
	memset(w, 0, sizeof(*w));
	/* Times before and behind this one differ in their sign */
	w->jiffies = 0x1fffffff0;
	w->cpu = 1;
	w->ctx.skb = (uintptr_t)&w->skb;
	w->ctx.state = (uintptr_t)&w->state;
	w->play = *play;
	w->shape = *shape;
	w->state.in = make_device(&w->in, play->pkts->in);
	w->state.out = make_device(&w->out, play->pkts->out);
	make_packet(w);
}

/**
 * vm_world_change() - let a target change the packet
 * @w:		world
 */
void vm_world_change(struct vm_world *w)
{
	if (w->turn + 1 == w->play.num)
		return;
	w->turn++;
	make_packet(w);
}
