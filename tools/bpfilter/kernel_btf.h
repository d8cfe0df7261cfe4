/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_KERNEL_BTF_H
#define BPFILTER_KERNEL_BTF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What programs need to know of the running kernel's types: numbers of types
 * and functions, offsets of members. All of it is looked up once, so that the
 * types themselves (megabytes) need not be kept.
 */

/* Types that programs cast addresses to */
enum kbtf_type {
	KBTF_TYPE_IPHDR,
	KBTF_TYPE_IPV6HDR,
	KBTF_TYPE_NET_DEVICE,
	KBTF_TYPE_SHARED_INFO,
	KBTF_TYPE_NF_CONN,
	KBTF_TYPE_TWO_U64,
	KBTF_TYPE_COUNT,
};

/* Kernel functions that programs call */
enum kbtf_func {
	KBTF_FUNC_RDONLY_CAST,
	KBTF_FUNC_DYNPTR_FROM_SKB,
	KBTF_FUNC_XT_MATCH,
	KBTF_FUNC_XT_TARGET,
	KBTF_FUNC_SET_MARK,
	KBTF_FUNC_IP6_FIND_HDR,
	KBTF_FUNC_TRACE,
	KBTF_FUNC_SET_TRACE,
	KBTF_FUNC_COUNT,
};

/* Members that programs read */
enum kbtf_member {
	KBTF_CTX_STATE,
	KBTF_CTX_SKB,
	KBTF_STATE_IN,
	KBTF_STATE_OUT,
	KBTF_DEV_NAME,
	KBTF_DEV_TYPE,
	KBTF_SKB_DEV,
	KBTF_SKB_LEN,
	KBTF_SKB_DATA_LEN,
	KBTF_SKB_HEAD,
	KBTF_SKB_DATA,
	KBTF_SKB_END,
	KBTF_SKB_MAC_HEADER,
	KBTF_SKB_NETWORK_HEADER,
	KBTF_SKB_MARK,
	KBTF_SKB_NFCT,
	KBTF_SHARED_GSO_SIZE,
	KBTF_SHARED_GSO_TYPE,
	KBTF_CT_STATUS,
	KBTF_CT_TIMEOUT,
	KBTF_CT_MARK,
	KBTF_CT_PROTO,
	KBTF_CT_ORIGSRC,
	KBTF_CT_ORIGDST,
	KBTF_CT_REPLSRC,
	KBTF_CT_REPLDST,
	KBTF_CT_ORIGSRC_PORT,
	KBTF_CT_ORIGDST_PORT,
	KBTF_CT_REPLSRC_PORT,
	KBTF_CT_REPLDST_PORT,
	KBTF_MEMBER_COUNT,
};

/* Bit fields that programs read; each lies in one byte */
enum kbtf_bits {
	KBTF_BITS_SKB_PKT_TYPE,
	KBTF_BITS_SKB_NF_TRACE,
	KBTF_BITS_COUNT,
};

#define KBTF_NONE	(-1)

/**
 * struct kernel_bits - where a bit field is
 * @off:	byte offset, KBTF_NONE if the kernel does not have it
 * @shift:	bits below it in that byte
 * @mask:	its highest value
 */
struct kernel_bits {
	int32_t off;
	uint8_t shift;
	uint8_t mask;
};

/**
 * struct kernel_btf - numbers of the running kernel
 * @type:	BTF id by enum kbtf_type, KBTF_NONE if the kernel does not have it
 * @func:	BTF id by enum kbtf_func, likewise
 * @member:	byte offset by enum kbtf_member, likewise
 * @bits:	by enum kbtf_bits
 */
struct kernel_btf {
	int32_t type[KBTF_TYPE_COUNT];
	int32_t func[KBTF_FUNC_COUNT];
	int32_t member[KBTF_MEMBER_COUNT];
	struct kernel_bits bits[KBTF_BITS_COUNT];
};

int bpfilter_kernel_btf_parse(struct kernel_btf *kb, const void *data,
			      size_t size);
int bpfilter_kernel_btf_read(struct kernel_btf *kb);

const char *bpfilter_kernel_btf_type_name(enum kbtf_type type);
const char *bpfilter_kernel_btf_func_name(enum kbtf_func func);
const char *bpfilter_kernel_btf_member_name(enum kbtf_member member);
const char *bpfilter_kernel_btf_bits_name(enum kbtf_bits bits);

#endif /* BPFILTER_KERNEL_BTF_H */
