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
	KBTF_TYPE_TCPHDR,
	KBTF_TYPE_NF_CONN,
	KBTF_TYPE_TWO_U64,
	KBTF_TYPE_COUNT,
};

/* Kernel functions that programs call */
enum kbtf_func {
	KBTF_FUNC_RDONLY_CAST,
	KBTF_FUNC_DYNPTR_FROM_SKB,
	KBTF_FUNC_COUNT,
};

/* Members that programs read */
enum kbtf_member {
	KBTF_CTX_STATE,
	KBTF_CTX_SKB,
	KBTF_STATE_IN,
	KBTF_STATE_OUT,
	KBTF_DEV_NAME,
	KBTF_SKB_LEN,
	KBTF_SKB_DATA_LEN,
	KBTF_SKB_HEAD,
	KBTF_SKB_DATA,
	KBTF_SKB_NETWORK_HEADER,
	KBTF_SKB_NFCT,
	KBTF_CT_STATUS,
	KBTF_CT_TIMEOUT,
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

#define KBTF_NONE	(-1)

/**
 * struct kernel_btf - numbers of the running kernel
 * @type:	BTF id by enum kbtf_type, KBTF_NONE if the kernel does not have it
 * @func:	BTF id by enum kbtf_func, likewise
 * @member:	byte offset by enum kbtf_member, likewise
 */
struct kernel_btf {
	int32_t type[KBTF_TYPE_COUNT];
	int32_t func[KBTF_FUNC_COUNT];
	int32_t member[KBTF_MEMBER_COUNT];
};

int bpfilter_kernel_btf_parse(struct kernel_btf *kb, const void *data,
			      size_t size);
int bpfilter_kernel_btf_read(struct kernel_btf *kb);

const char *bpfilter_kernel_btf_type_name(enum kbtf_type type);
const char *bpfilter_kernel_btf_func_name(enum kbtf_func func);
const char *bpfilter_kernel_btf_member_name(enum kbtf_member member);

#endif /* BPFILTER_KERNEL_BTF_H */
