// SPDX-License-Identifier: GPL-2.0
/*
 * Names of what programs need of the kernel's types, also for messages.
 */
#include "kernel_btf.h"

static const char * const type_names[KBTF_TYPE_COUNT] = {
	[KBTF_TYPE_IPHDR]	= "iphdr",
	[KBTF_TYPE_IPV6HDR]	= "ipv6hdr",
	[KBTF_TYPE_NET_DEVICE]	= "net_device",
	[KBTF_TYPE_SHARED_INFO]	= "skb_shared_info",
	[KBTF_TYPE_NF_CONN]	= "nf_conn",
	/* Any struct would do that is two 64-bit integers and nothing else */
	[KBTF_TYPE_TWO_U64]	= "timespec64",
};

static const char * const func_names[KBTF_FUNC_COUNT] = {
	[KBTF_FUNC_RDONLY_CAST]		= "bpf_rdonly_cast",
	[KBTF_FUNC_DYNPTR_FROM_SKB]	= "bpf_dynptr_from_skb",
	[KBTF_FUNC_XT_MATCH]		= "bpfilter_xt_match",
	[KBTF_FUNC_XT_TARGET]		= "bpfilter_xt_target",
	[KBTF_FUNC_SET_MARK]		= "bpfilter_set_mark",
	[KBTF_FUNC_IP6_FIND_HDR]	= "bpfilter_ip6_find_hdr",
	[KBTF_FUNC_TRACE]		= "bpfilter_trace",
	[KBTF_FUNC_SET_TRACE]		= "bpfilter_set_trace",
};

/* As in C: struct.member.member, an index in brackets behind an array */
static const char * const member_names[KBTF_MEMBER_COUNT] = {
	[KBTF_CTX_STATE]	= "bpf_nf_ctx.state",
	[KBTF_CTX_SKB]		= "bpf_nf_ctx.skb",
	[KBTF_STATE_IN]		= "nf_hook_state.in",
	[KBTF_STATE_OUT]	= "nf_hook_state.out",
	[KBTF_DEV_NAME]		= "net_device.name",
	[KBTF_DEV_TYPE]		= "net_device.type",
	[KBTF_SKB_DEV]		= "sk_buff.dev",
	[KBTF_SKB_LEN]		= "sk_buff.len",
	[KBTF_SKB_DATA_LEN]	= "sk_buff.data_len",
	[KBTF_SKB_HEAD]		= "sk_buff.head",
	[KBTF_SKB_DATA]		= "sk_buff.data",
	[KBTF_SKB_END]		= "sk_buff.end",
	[KBTF_SKB_MAC_HEADER]	= "sk_buff.mac_header",
	[KBTF_SKB_NETWORK_HEADER] = "sk_buff.network_header",
	[KBTF_SKB_MARK]		= "sk_buff.mark",
	[KBTF_SKB_NFCT]		= "sk_buff._nfct",
	[KBTF_SHARED_GSO_SIZE]	= "skb_shared_info.gso_size",
	[KBTF_SHARED_GSO_TYPE]	= "skb_shared_info.gso_type",
	[KBTF_CT_STATUS]	= "nf_conn.status",
	[KBTF_CT_TIMEOUT]	= "nf_conn.timeout",
	[KBTF_CT_MARK]		= "nf_conn.mark",
	[KBTF_CT_PROTO]		= "nf_conn.tuplehash[0].tuple.dst.protonum",
	[KBTF_CT_ORIGSRC]	= "nf_conn.tuplehash[0].tuple.src.u3.ip",
	[KBTF_CT_ORIGDST]	= "nf_conn.tuplehash[0].tuple.dst.u3.ip",
	[KBTF_CT_REPLSRC]	= "nf_conn.tuplehash[1].tuple.src.u3.ip",
	[KBTF_CT_REPLDST]	= "nf_conn.tuplehash[1].tuple.dst.u3.ip",
	[KBTF_CT_ORIGSRC_PORT]	= "nf_conn.tuplehash[0].tuple.src.u.all",
	[KBTF_CT_ORIGDST_PORT]	= "nf_conn.tuplehash[0].tuple.dst.u.all",
	[KBTF_CT_REPLSRC_PORT]	= "nf_conn.tuplehash[1].tuple.src.u.all",
	[KBTF_CT_REPLDST_PORT]	= "nf_conn.tuplehash[1].tuple.dst.u.all",
};

static const char * const bits_names[KBTF_BITS_COUNT] = {
	[KBTF_BITS_SKB_PKT_TYPE] = "sk_buff.pkt_type",
	[KBTF_BITS_SKB_NF_TRACE] = "sk_buff.nf_trace",
};

const char *bpfilter_kernel_btf_type_name(enum kbtf_type type)
{
	return type_names[type];
}

const char *bpfilter_kernel_btf_func_name(enum kbtf_func func)
{
	return func_names[func];
}

const char *bpfilter_kernel_btf_member_name(enum kbtf_member member)
{
	return member_names[member];
}

const char *bpfilter_kernel_btf_bits_name(enum kbtf_bits bits)
{
	return bits_names[bits];
}
