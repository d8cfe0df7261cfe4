// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/bpf.h>

#include "side.h"

/*
 * A packet's mark and priority never leave the host. Two small programs make
 * them visible: one gives each packet that a device receives the mark that stands
 * in a map, which is mapped here, the other writes mark and priority of those
 * that a device sends where their Ethernet addresses were.
 */

#define INSN(c, d, s, o, i) \
	{ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) }
#define LOAD(d, s, o)	INSN(BPF_LDX | BPF_MEM | BPF_W, d, s, o, 0)
#define STORE(d, o, s)	INSN(BPF_STX | BPF_MEM | BPF_W, d, s, o, 0)
#define MOV(d, s)	INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define MOV_IMM(d, i)	INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define ADD_IMM(d, i)	INSN(BPF_ALU64 | BPF_ADD | BPF_K, d, 0, 0, i)
#define CALL(f)		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, f)
#define EXIT()		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

#define SKB(member)	((int)offsetof(struct __sk_buff, member))

static int receive_prog = -1, send_prog = -1;
static uint32_t *mark_value;

static int bpf(int cmd, union bpf_attr *attr)
{
	return syscall(__NR_bpf, cmd, attr, sizeof(*attr));
}

static int load(const struct bpf_insn *insns, unsigned int num)
{
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SCHED_CLS,
		.insns = (uintptr_t)insns,
		.insn_cnt = num,
		.license = (uintptr_t)"GPL",
	};

	return bpf(BPF_PROG_LOAD, &attr);
}

static int load_receive(int map)
{
	const struct bpf_insn insns[] = {
		INSN(BPF_LD | BPF_DW | BPF_IMM, 2, BPF_PSEUDO_MAP_VALUE, 0, map),
		INSN(0, 0, 0, 0, 0),
		LOAD(2, 2, 0),
		STORE(1, SKB(mark), 2),
		MOV_IMM(0, TCX_NEXT),
		EXIT(),
	};

	return load(insns, ARRAY_SIZE(insns));
}

static int load_send(void)
{
	static const struct bpf_insn insns[] = {
		LOAD(2, 1, SKB(mark)),
		STORE(10, -12, 2),
		LOAD(2, 1, SKB(priority)),
		STORE(10, -8, 2),
		MOV_IMM(2, 0),
		STORE(10, -4, 2),
		MOV(3, 10),
		ADD_IMM(3, -12),
		MOV_IMM(4, 12),
		MOV_IMM(5, 0),
		CALL(BPF_FUNC_skb_store_bytes),
		MOV_IMM(0, TCX_NEXT),
		EXIT(),
	};

	return load(insns, ARRAY_SIZE(insns));
}

static void mark_open(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = 4,
		.value_size = 8,
		.max_entries = 1,
		.map_flags = BPF_F_MMAPABLE,
	};
	int map = bpf(BPF_MAP_CREATE, &attr);
	void *mem = MAP_FAILED;

	if (map >= 0)
		mem = mmap(NULL, sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE,
			   MAP_SHARED, map, 0);
	if (mem != MAP_FAILED)
		receive_prog = load_receive(map);
	if (receive_prog >= 0)
		send_prog = load_send();
	if (send_prog < 0)
		die("programs that show marks: %s", strerror(errno));
	mark_value = mem;
	close(map);
}

static void attach(int prog, enum bpf_attach_type type, int ifindex)
{
	union bpf_attr attr = {
		.target_ifindex = ifindex,
		.attach_bpf_fd = prog,
		.attach_type = type,
	};

	if (bpf(BPF_PROG_ATTACH, &attr))
		die("program that shows marks, device %d: %s", ifindex,
		    strerror(errno));
}

void mark_attach(int ifindex)
{
	if (!mark_value)
		mark_open();
	attach(receive_prog, BPF_TCX_INGRESS, ifindex);
	attach(send_prog, BPF_TCX_EGRESS, ifindex);
}

void mark_next(uint32_t mark)
{
	__atomic_store_n(mark_value, mark, __ATOMIC_RELAXED);
}
