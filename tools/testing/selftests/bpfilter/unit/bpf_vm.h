/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_BPF_VM_H
#define UNIT_BPF_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/bpf.h>
#include <linux/compiler.h>

#include "kernel_btf.h"
#include "packet.h"

/*
 * A machine that runs emitted programs without a kernel. It has as much of
 * one around it as they look at, at offsets that no kernel has, and stops at
 * whatever the verifier would not allow: memory that is not the program's,
 * registers that a call lost, the end of a function that does not return.
 */

#define VM_HZ		250
#define VM_FRAMES_MAX	32

/* struct vm_device - as much as there is of struct net_device */
struct vm_device {
	uint64_t before[3];
	char name[16];
	uint16_t type;
};

/* struct vm_tuple - of struct nf_conntrack_tuple; in network byte order */
struct vm_tuple {
	uint32_t src;
	uint16_t sport;
	uint16_t before;
	uint32_t dst;
	uint16_t dport;
	uint8_t proto;
};

/* struct vm_conn - of struct nf_conn */
struct vm_conn {
	uint64_t status;
	struct vm_tuple tuple[2];
	uint32_t mark;
	uint32_t timeout;
} __aligned(8);

/* struct vm_skb - of struct sk_buff */
struct vm_skb {
	uint16_t network_header;
	uint16_t mac_header;
	uint8_t type_bits;
	uint8_t trace_bits;
	uint64_t nfct;
	uint64_t data;
	uint64_t dev;
	uint32_t data_len;
	uint32_t len;
	uint32_t mark;
	uint32_t end;
	uint64_t head;
};

/* struct vm_shared_info - of struct skb_shared_info, behind the linear area */
struct vm_shared_info {
	uint32_t gso_type;
	uint16_t gso_size;
};

/* struct vm_hook_state - of struct nf_hook_state */
struct vm_hook_state {
	uint64_t out;
	uint64_t in;
};

/* struct vm_ctx - struct bpf_nf_ctx */
struct vm_ctx {
	uint64_t state;
	uint64_t skb;
};

/**
 * struct vm_shape - how a packet lies in memory
 * @linear:	bytes behind the headers of IP that are in the linear area
 */
struct vm_shape {
	unsigned int linear;
};

/**
 * struct vm_world - a packet at a hook
 * @ctx:	what the program gets
 * @state:	the hook
 * @skb:	the packet
 * @conn:	its connection
 * @in:		input device
 * @out:	output device
 * @dev:	the packet's device
 * @bytes:	all of the packet, from the IP header on
 * @linear:	head room and those bytes that are in the linear area; those
 *		behind are not the program's
 * @shared:	of the packet
 * @jiffies:	time
 * @cpu:	where the program runs
 * @play:	what becomes of the packet
 * @turn:	which of its packets it is now
 * @shape:	how they lie in memory
 * @calls:	what the program asked of the kernel
 * @over:	it was told to be done
 */
struct vm_world {
	struct vm_ctx ctx;
	struct vm_hook_state state;
	struct vm_skb skb;
	struct vm_conn conn;
	struct vm_device in;
	struct vm_device out;
	struct vm_device dev;
	uint8_t bytes[PACKET_MAX];
	uint8_t linear[PACKET_HEADROOM + PACKET_MAX];
	struct vm_shared_info shared;
	uint64_t jiffies;
	uint32_t cpu;
	struct packet_play play;
	unsigned int turn;
	struct vm_shape shape;
	struct packet_calls calls;
	bool over;
};

/**
 * struct vm_prog - a program with its maps
 * @insns:	instructions
 * @num_insns:	number of @insns
 * @counters:	value of the map GEN_MAP_COUNTERS
 * @counters_size: bytes of @counters
 * @data:	value of the map GEN_MAP_DATA, which may only be read
 * @data_size:	bytes of @data
 * @frames:	deepest that its calls may go, at most VM_FRAMES_MAX
 * @rounds:	how often may_goto goes on, 0 for always
 */
struct vm_prog {
	const struct bpf_insn *insns;
	uint32_t num_insns;
	void *counters;
	size_t counters_size;
	const void *data;
	size_t data_size;
	uint32_t frames;
	uint32_t rounds;
};

void vm_kernel_btf(struct kernel_btf *kb);
void vm_world_make(struct vm_world *w, const struct packet_play *play,
		   const struct vm_shape *shape);
void vm_world_change(struct vm_world *w);
const char *vm_kfunc(struct vm_world *w, int32_t id, const uint64_t *args,
		     uint64_t *result);
int vm_unreached(const struct vm_prog *prog);
const char *vm_run(struct vm_world *w, const struct vm_prog *prog,
		   uint64_t *result);

#endif /* UNIT_BPF_VM_H */
