// SPDX-License-Identifier: GPL-2.0
/*
 * A machine that runs emitted programs, see bpf_vm.h. Memory is the host's:
 * an address that a program computes is one, and is looked up in the list of
 * what the program may touch before it is.
 */
#include <endian.h>
#include <string.h>
#include <linux/kernel.h>

#include "bpf_vm.h"
#include "bpf_vm_ids.h"
#include "compile.h"

#define STACK		512
#define STEPS_MAX	10000000
#define POISON		0xdeadbeefdeadbeef

/* struct region - memory that a program may touch */
struct region {
	uintptr_t start;
	size_t size;
	bool writable;
};

/* struct frame - of a function: its stack, and what its caller gets back */
struct frame {
	uint64_t saved[4];
	uint32_t ret;
	uint8_t stack[STACK] __aligned(8);
};

/**
 * struct vm - a machine
 * @w:		the packet
 * @prog:	the program
 * @reg:	registers
 * @pc:		next instruction
 * @depth:	frames in use
 * @rounds:	times that may_goto went on
 * @error:	why it stopped, NULL if it did not or is done
 * @done:	the entry returned
 * @regions:	memory that the program may touch
 * @num_regions: number of @regions
 * @frames:	of the functions, the entry's first
 */
struct vm {
	struct vm_world *w;
	const struct vm_prog *prog;
	uint64_t reg[11];
	uint32_t pc;
	uint32_t depth;
	uint32_t rounds;
	const char *error;
	bool done;
	struct region regions[16 + VM_FRAMES_MAX];
	unsigned int num_regions;
	struct frame frames[VM_FRAMES_MAX];
};

/* --- Memory --- */

static void add_region(struct vm *vm, const void *start, size_t size,
		       bool writable)
{
	vm->regions[vm->num_regions++] = (struct region) {
		(uintptr_t)start, size, writable,
	};
}

static void list_regions(struct vm *vm)
{
	struct vm_world *w = vm->w;

	vm->num_regions = 0;
	add_region(vm, &w->ctx, sizeof(w->ctx), false);
	add_region(vm, &w->state, sizeof(w->state), false);
	add_region(vm, &w->skb, sizeof(w->skb), false);
	add_region(vm, w->linear,
		   PACKET_HEADROOM + w->skb.len - w->skb.data_len, false);
	add_region(vm, &w->shared, sizeof(w->shared), false);
	if (w->skb.nfct > 7)
		add_region(vm, &w->conn, sizeof(w->conn), false);
	if (w->skb.dev)
		add_region(vm, &w->dev, sizeof(w->dev), false);
	if (w->state.in)
		add_region(vm, &w->in, sizeof(w->in), false);
	if (w->state.out)
		add_region(vm, &w->out, sizeof(w->out), false);
	add_region(vm, vm->prog->counters, vm->prog->counters_size, true);
	add_region(vm, vm->prog->data, vm->prog->data_size, false);
	for (int i = 0; i < VM_FRAMES_MAX; i++)
		add_region(vm, vm->frames[i].stack, STACK, true);
}

static void *touch(struct vm *vm, uint64_t addr, size_t size, bool write)
{
	for (unsigned int i = 0; i < vm->num_regions; i++) {
		const struct region *r = &vm->regions[i];

		if (addr >= r->start && addr + size <= r->start + r->size &&
		    (r->writable || !write))
			return (void *)(uintptr_t)addr;
	}
	vm->error = write ? "writes memory that is not its own" :
			    "reads memory that is not its own";
	return NULL;
}

static unsigned int bytes_of(uint8_t code)
{
	static const unsigned int bytes[] = {
		[BPF_B >> 3] = 1, [BPF_H >> 3] = 2,
		[BPF_W >> 3] = 4, [BPF_DW >> 3] = 8,
	};

	return bytes[BPF_SIZE(code) >> 3];
}

static void load(struct vm *vm, const struct bpf_insn *in)
{
	unsigned int size = bytes_of(in->code);
	const void *p = touch(vm, vm->reg[in->src_reg] + in->off, size, false);
	uint64_t v = 0;

	if (!p)
		return;
	/* The host is little-endian, as the last case of store() */
	memcpy(&v, p, size);
	vm->reg[in->dst_reg] = v;
}

static void store(struct vm *vm, const struct bpf_insn *in, uint64_t v)
{
	unsigned int size = bytes_of(in->code);
	void *p = touch(vm, vm->reg[in->dst_reg] + in->off, size, true);

	if (p)
		memcpy(p, &v, size);
}

/* Of the atomic operations those that programs have */
static void atomic(struct vm *vm, const struct bpf_insn *in)
{
	unsigned int size = bytes_of(in->code);
	void *p = touch(vm, vm->reg[in->dst_reg] + in->off, size, true);
	uint64_t old = 0, new = vm->reg[in->src_reg];

	if (!p)
		return;
	memcpy(&old, p, size);
	switch (in->imm) {
	case BPF_ADD:
		new += old;
		break;
	case BPF_CMPXCHG:
		if (old != (size == 4 ? (uint32_t)vm->reg[BPF_REG_0] :
					vm->reg[BPF_REG_0]))
			new = old;
		vm->reg[BPF_REG_0] = old;
		break;
	default:
		vm->error = "updates memory in a way that it should not";
		return;
	}
	memcpy(p, &new, size);
}

/* --- Arithmetic --- */

static uint64_t alu(struct vm *vm, uint8_t op, uint64_t a, uint64_t b,
		    unsigned int bits)
{
	switch (op) {
	case BPF_ADD:
		return a + b;
	case BPF_SUB:
		return a - b;
	case BPF_MUL:
		return a * b;
	case BPF_AND:
		return a & b;
	case BPF_OR:
		return a | b;
	case BPF_XOR:
		return a ^ b;
	case BPF_LSH:
		return a << (b & (bits - 1));
	case BPF_RSH:
		return a >> (b & (bits - 1));
	case BPF_MOV:
		return b;
	case BPF_DIV:
		return b ? a / b : 0;
	case BPF_MOD:
		return b ? a % b : a;
	}
	vm->error = "has an unknown operation";
	return 0;
}

static uint64_t to_big_endian(struct vm *vm, uint64_t v, int32_t bits)
{
	switch (bits) {
	case 16:
		return htobe16(v);
	case 32:
		return htobe32(v);
	case 64:
		return htobe64(v);
	}
	vm->error = "swaps an unknown width";
	return 0;
}

static uint64_t operand(const struct vm *vm, const struct bpf_insn *in)
{
	return BPF_SRC(in->code) == BPF_X ? vm->reg[in->src_reg] :
					    (uint64_t)(int64_t)in->imm;
}

static void run_alu(struct vm *vm, const struct bpf_insn *in, bool wide)
{
	uint64_t a = vm->reg[in->dst_reg], b = operand(vm, in);

	if (BPF_OP(in->code) == BPF_END)
		vm->reg[in->dst_reg] = to_big_endian(vm, a, in->imm);
	else if (wide)
		vm->reg[in->dst_reg] = alu(vm, BPF_OP(in->code), a, b, 64);
	else
		vm->reg[in->dst_reg] = (uint32_t)
			alu(vm, BPF_OP(in->code), (uint32_t)a, (uint32_t)b, 32);
}

/* --- Branches --- */

static bool holds(struct vm *vm, uint8_t op, uint64_t a, uint64_t b)
{
	switch (op) {
	case BPF_JEQ:
		return a == b;
	case BPF_JNE:
		return a != b;
	case BPF_JGT:
		return a > b;
	case BPF_JGE:
		return a >= b;
	case BPF_JLT:
		return a < b;
	case BPF_JLE:
		return a <= b;
	case BPF_JSET:
		return a & b;
	case BPF_JSGE:
		return (int64_t)a >= (int64_t)b;
	case BPF_JSLT:
		return (int64_t)a < (int64_t)b;
	}
	vm->error = "has an unknown branch";
	return false;
}

static uint64_t narrow(uint8_t op, uint64_t v)
{
	if (op == BPF_JSGE || op == BPF_JSLT)
		return (int64_t)(int32_t)v;
	return (uint32_t)v;
}

static void run_branch(struct vm *vm, const struct bpf_insn *in, bool wide)
{
	uint8_t op = BPF_OP(in->code);
	uint64_t a = vm->reg[in->dst_reg], b = operand(vm, in);

	if (op == BPF_JA) {
		vm->pc += wide ? in->off : in->imm;
		return;
	}
	if (in->code == (BPF_JMP | BPF_JCOND) && in->src_reg == BPF_MAY_GOTO) {
		if (vm->rounds++ == vm->prog->rounds && vm->rounds > 1)
			vm->pc += in->off;
		return;
	}
	if (!wide) {
		a = narrow(op, a);
		b = narrow(op, b);
	}
	if (holds(vm, op, a, b))
		vm->pc += in->off;
}

/* --- Calls --- */

static void lose_arguments(struct vm *vm)
{
	for (int i = 1; i <= 5; i++)
		vm->reg[i] = POISON;
}

static uint64_t dynptr_read(struct vm *vm)
{
	uint64_t size = vm->reg[2], off = vm->reg[4];
	void *to = touch(vm, vm->reg[1], size, true);
	uint64_t *dynptr = touch(vm, vm->reg[3], 16, false);

	if (!to || !dynptr || vm->reg[5])
		return -1;
	if (*dynptr != (uintptr_t)&vm->w->skb) {
		vm->error = "reads a dynptr that is none";
		return -1;
	}
	if (off > vm->w->skb.len || size > vm->w->skb.len - off) {
		memset(to, 0, size);
		return -7;
	}
	memcpy(to, vm->w->bytes + off, size);
	return 0;
}

static uint64_t dynptr_from_skb(struct vm *vm)
{
	uint64_t *dynptr = touch(vm, vm->reg[3], 16, true);

	if (dynptr && vm->reg[1] == (uintptr_t)&vm->w->skb && !vm->reg[2])
		*dynptr = vm->reg[1];
	else
		vm->error = "makes a dynptr of something";
	return 0;
}

static uint64_t call_helper(struct vm *vm, int32_t id)
{
	switch (id) {
	case BPF_FUNC_get_smp_processor_id:
		return vm->w->cpu;
	case BPF_FUNC_jiffies64:
		return vm->w->jiffies;
	case BPF_FUNC_get_prandom_u32:
		return vm->w->play.random;
	case BPF_FUNC_dynptr_read:
		return dynptr_read(vm);
	}
	vm->error = "calls what is no helper";
	return 0;
}

/* Those that change the packet change what the program may touch, too */
static uint64_t call_kfunc(struct vm *vm, int32_t id)
{
	uint64_t result = 0;

	switch (id - VM_KFUNC_FIRST) {
	case KBTF_FUNC_RDONLY_CAST:
		if (vm->reg[2] - VM_TYPE_FIRST >= KBTF_TYPE_COUNT)
			vm->error = "casts to an unknown type";
		return vm->reg[1];
	case KBTF_FUNC_DYNPTR_FROM_SKB:
		return dynptr_from_skb(vm);
	}
	vm->error = vm_kfunc(vm->w, id, vm->reg + 1, &result);
	list_regions(vm);
	return result;
}

static void enter(struct vm *vm, uint32_t ret)
{
	struct frame *f = &vm->frames[vm->depth];

	if (vm->depth++ == vm->prog->frames) {
		vm->error = "needs too many frames";
		return;
	}
	memcpy(f->saved, vm->reg + 6, sizeof(f->saved));
	f->ret = ret;
	memset(f->stack, 0xa5, STACK);
	for (int i = 6; i <= 9; i++)
		vm->reg[i] = POISON;
	vm->reg[10] = (uintptr_t)f->stack + STACK;
}

static void leave(struct vm *vm)
{
	struct frame *f = &vm->frames[--vm->depth];

	memcpy(vm->reg + 6, f->saved, sizeof(f->saved));
	lose_arguments(vm);
	vm->pc = f->ret;
	vm->done = !vm->depth;
	if (!vm->done)
		vm->reg[10] = (uintptr_t)vm->frames[vm->depth - 1].stack + STACK;
}

static void run_call(struct vm *vm, const struct bpf_insn *in)
{
	if (in->src_reg == BPF_PSEUDO_CALL) {
		enter(vm, vm->pc);
		vm->pc += in->imm;
		return;
	}
	vm->reg[0] = in->src_reg == BPF_PSEUDO_KFUNC_CALL ?
		     call_kfunc(vm, in->imm) : call_helper(vm, in->imm);
	lose_arguments(vm);
}

/* --- The machine --- */

static void load_wide(struct vm *vm, const struct bpf_insn *in)
{
	uint64_t high = vm->prog->insns[vm->pc++].imm;

	if (in->src_reg == BPF_PSEUDO_MAP_IDX_VALUE &&
	    in->imm == GEN_MAP_COUNTERS)
		vm->reg[in->dst_reg] = (uintptr_t)vm->prog->counters + high;
	else if (in->src_reg == BPF_PSEUDO_MAP_IDX_VALUE &&
		 in->imm == GEN_MAP_DATA)
		vm->reg[in->dst_reg] = (uintptr_t)vm->prog->data + high;
	else if (!in->src_reg)
		vm->reg[in->dst_reg] = high << 32 | (uint32_t)in->imm;
	else
		vm->error = "loads an unknown constant";
}

static void run_jump(struct vm *vm, const struct bpf_insn *in)
{
	bool wide = BPF_CLASS(in->code) == BPF_JMP;

	if (wide && BPF_OP(in->code) == BPF_CALL)
		run_call(vm, in);
	else if (wide && BPF_OP(in->code) == BPF_EXIT)
		leave(vm);
	else
		run_branch(vm, in, wide);
}

static void step(struct vm *vm)
{
	const struct bpf_insn *in = &vm->prog->insns[vm->pc++];

	switch (BPF_CLASS(in->code)) {
	case BPF_LD:
		load_wide(vm, in);
		break;
	case BPF_LDX:
		load(vm, in);
		break;
	case BPF_ST:
		store(vm, in, (int64_t)in->imm);
		break;
	case BPF_STX:
		if (BPF_MODE(in->code) == BPF_ATOMIC)
			atomic(vm, in);
		else
			store(vm, in, vm->reg[in->src_reg]);
		break;
	case BPF_ALU:
		run_alu(vm, in, false);
		break;
	case BPF_ALU64:
		run_alu(vm, in, true);
		break;
	case BPF_JMP:
	case BPF_JMP32:
		run_jump(vm, in);
		break;
	}
}

/**
 * vm_run() - run a program
 * @w:		packet
 * @prog:	program
 * @result:	set to what it returns
 *
 * Return: NULL, or what the program did wrong.
 */
const char *vm_run(struct vm_world *w, const struct vm_prog *prog,
		   uint64_t *result)
{
	struct vm vm = { .w = w, .prog = prog };
	unsigned int steps = 0;

	list_regions(&vm);
	enter(&vm, 0);
	vm.reg[1] = (uintptr_t)&w->ctx;
	while (!vm.done && !vm.error) {
		if (vm.pc >= prog->num_insns)
			return "runs off its end";
		if (steps++ == STEPS_MAX)
			return "does not end";
		step(&vm);
	}
	*result = vm.reg[0];
	return vm.error;
}
