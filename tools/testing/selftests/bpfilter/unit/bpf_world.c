// SPDX-License-Identifier: GPL-2.0
/*
 * What stands around a program in the machine of bpf_vm.c.
 */
#include <arpa/inet.h>
#include <string.h>
#include <netinet/ip.h>

#include "bpf_vm.h"
#include "bpf_vm_ids.h"

static const int32_t member_offsets[KBTF_MEMBER_COUNT] = {
	[KBTF_CTX_STATE]	= offsetof(struct vm_ctx, state),
	[KBTF_CTX_SKB]		= offsetof(struct vm_ctx, skb),
	[KBTF_STATE_IN]		= offsetof(struct vm_hook_state, in),
	[KBTF_STATE_OUT]	= offsetof(struct vm_hook_state, out),
	[KBTF_DEV_NAME]		= offsetof(struct vm_device, name),
	[KBTF_SKB_LEN]		= offsetof(struct vm_skb, len),
	[KBTF_SKB_DATA_LEN]	= offsetof(struct vm_skb, data_len),
	[KBTF_SKB_HEAD]		= offsetof(struct vm_skb, head),
	[KBTF_SKB_DATA]		= offsetof(struct vm_skb, data),
	[KBTF_SKB_NETWORK_HEADER] = offsetof(struct vm_skb, network_header),
	[KBTF_SKB_NFCT]		= offsetof(struct vm_skb, nfct),
	[KBTF_CT_STATUS]	= offsetof(struct vm_conn, status),
	[KBTF_CT_TIMEOUT]	= offsetof(struct vm_conn, timeout),
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

/**
 * vm_kernel_btf() - what a kernel's BTF would say of the machine's world
 * @kb:		filled
 */
void vm_kernel_btf(struct kernel_btf *kb)
{
	for (int i = 0; i < KBTF_TYPE_COUNT; i++)
		kb->type[i] = VM_TYPE_FIRST + i;
	kb->func[KBTF_FUNC_RDONLY_CAST] = VM_KFUNC_RDONLY_CAST;
	kb->func[KBTF_FUNC_DYNPTR_FROM_SKB] = VM_KFUNC_DYNPTR_FROM_SKB;
	memcpy(kb->member, member_offsets, sizeof(kb->member));
}

static void make_bytes(struct vm_world *w, const struct packet *pkt,
		       const struct vm_shape *shape)
{
	struct iphdr *ip = (struct iphdr *)w->bytes;
	unsigned int head = sizeof(*ip) + 4 * shape->ip_options;

	ip->version = 4;
	ip->ihl = head / 4;
	ip->tot_len = htons(head + pkt->l4_len);
	ip->frag_off = htons(pkt->fragoff | IP_DF);
	ip->protocol = pkt->proto;
	ip->saddr = htonl(pkt->saddr);
	ip->daddr = htonl(pkt->daddr);
	memset(ip + 1, 1, 4 * shape->ip_options);
	memcpy(w->bytes + head, pkt->l4, pkt->l4_len);
	w->skb.len = head + pkt->l4_len;
	w->skb.data_len = pkt->l4_len > shape->linear ?
			  pkt->l4_len - shape->linear : 0;
}

static void make_skb(struct vm_world *w)
{
	memcpy(w->linear + VM_HEADROOM, w->bytes,
	       w->skb.len - w->skb.data_len);
	w->skb.head = (uintptr_t)w->linear;
	w->skb.network_header = VM_HEADROOM;
	w->skb.data = (uintptr_t)w->linear + VM_HEADROOM;
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

/**
 * vm_world_make() - put a packet at a hook
 * @w:		filled
 * @pkt:	packet
 * @shape:	how it lies in memory
 */
void vm_world_make(struct vm_world *w, const struct packet *pkt,
		   const struct vm_shape *shape)
{
	memset(w, 0, sizeof(*w));
	/* Times before and behind this one differ in their sign */
	w->jiffies = 0x1fffffff0;
	w->cpu = 1;
	w->ctx.skb = (uintptr_t)&w->skb;
	w->ctx.state = (uintptr_t)&w->state;
	w->state.in = make_device(&w->in, pkt->in);
	w->state.out = make_device(&w->out, pkt->out);
	make_bytes(w, pkt, shape);
	make_skb(w);
	make_conn(w, pkt);
}
