// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/netfilter.h>
#include <bpf/bpf.h>

#include "bench.h"

/*
 * Packets are made by an XDP program that BPF_PROG_TEST_RUN runs on frames of
 * its own: it writes the next header of a table over each frame and lets it
 * pass into the stack, on this CPU and before the system call returns.
 *
 * The table must not take the cache that rules live in when packets come from a
 * device, whose few buffers stay there. So it has only those words of headers
 * that are not the same in all of them; the others are part of the program,
 * which also computes the checksum of IPv4.
 *
 * They are ended by netfilter programs behind all others at a hook, which also
 * count them: nothing that comes later in the stack is measured.
 */

#define MAX_INSNS	128

#define MAX_WORDS	(MAX_HEADER / 4)

/* In a header of IPv4 */
#define CSUM_OFF	offsetof(struct iphdr, check)
#define CSUM_WORD	(CSUM_OFF / 4)

/**
 * struct words - headers, word by word
 * @num:	words of a header
 * @varies:	those that are not the same in all of them
 * @num_varies:	how many
 * @same:	what the others are
 * @csum:	IPv4: a checksum is to be computed, of the first so many words
 */
struct words {
	unsigned int num;
	bool varies[MAX_WORDS];
	unsigned int num_varies;
	uint32_t same[MAX_WORDS];
	unsigned int csum;
};

struct code {
	struct bpf_insn insn[MAX_INSNS];
	unsigned int num;
};

static void emit(struct code *c, struct bpf_insn insn)
{
	if (c->num == MAX_INSNS)
		die("program too long");
	c->insn[c->num++] = insn;
}

/* Two instructions' worth: the address of a byte in a map's value */
static void emit_value(struct code *c, int reg, int map_fd)
{
	const struct bpf_insn insn[] = { BPF_LD_MAP_VALUE(reg, map_fd, 0) };

	emit(c, insn[0]);
	emit(c, insn[1]);
}

static int code_load(const struct code *c, enum bpf_prog_type type,
		     const char *name)
{
	struct bpf_prog_load_opts opts = {
		.sz = sizeof(opts),
		.expected_attach_type = type == BPF_PROG_TYPE_NETFILTER ?
					BPF_NETFILTER : 0,
	};
	int fd = bpf_prog_load(type, name, "GPL", c->insn, c->num, &opts);

	if (fd < 0)
		die("program %s: %s", name, strerror(errno));
	return fd;
}

static int code_return(enum bpf_prog_type type, const char *name, int value)
{
	struct code c = { .num = 0 };

	emit(&c, BPF_MOV64_IMM(BPF_REG_0, value));
	emit(&c, BPF_EXIT_INSN());
	return code_load(&c, type, name);
}

/* R2 counts in the gauge, to which R6 points */
static void emit_count(struct code *c, size_t off)
{
	emit(c, BPF_LDX_MEM(BPF_DW, BPF_REG_2, BPF_REG_6, off));
	emit(c, BPF_ALU64_IMM(BPF_ADD, BPF_REG_2, 1));
	emit(c, BPF_STX_MEM(BPF_DW, BPF_REG_6, BPF_REG_2, off));
}

static int load_end(const struct instrument *in, enum hook h)
{
	struct code c = { .num = 0 };

	emit_value(&c, BPF_REG_6, in->gauge_fd);
	emit_count(&c, offsetof(struct gauge, hook[h].seen));
	emit(&c, BPF_LDX_MEM(BPF_W, BPF_REG_0, BPF_REG_6,
			     offsetof(struct gauge, hook[h].verdict)));
	emit(&c, BPF_ALU64_IMM(BPF_AND, BPF_REG_0, 1));
	emit(&c, BPF_EXIT_INSN());
	return code_load(&c, BPF_PROG_TYPE_NETFILTER, "bench_end");
}

static int map_create(const char *name, size_t size, void **value)
{
	struct bpf_map_create_opts opts = {
		.sz = sizeof(opts), .map_flags = BPF_F_MMAPABLE,
	};
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, name, sizeof(uint32_t),
				size, 1, &opts);

	if (fd < 0)
		die("map %s: %s", name, strerror(errno));
	*value = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (*value == MAP_FAILED)
		die("map %s: mmap: %s", name, strerror(errno));
	return fd;
}

unsigned int packet_len(const struct family *f)
{
	return f->header_len + L4_LEN;
}

void instrument_open(struct instrument *in, const struct family *f)
{
	void *value;

	in->family = f;
	in->send_fd = -1;
	in->table_fd = -1;
	in->anchor_fd = -1;
	in->gauge_fd = map_create("bench_gauge", sizeof(*in->gauge), &value);
	in->gauge = value;
	in->pass_fd = code_return(BPF_PROG_TYPE_XDP, "bench_pass", XDP_PASS);
	in->guard_fd = code_return(BPF_PROG_TYPE_NETFILTER, "bench_guard",
				   NF_DROP);
	in->empty_fd = code_return(BPF_PROG_TYPE_NETFILTER, "bench_empty",
				   NF_ACCEPT);
	for (int h = 0; h < NUM_HOOKS; h++)
		in->end_fd[h] = load_end(in, h);
}

/* R4: offset of the next row in the table, which has rows of @size bytes */
static void emit_choose(struct code *c, uint32_t num, unsigned int size)
{
	emit(c, BPF_LDX_MEM(BPF_W, BPF_REG_4, BPF_REG_6,
			    offsetof(struct gauge, next)));
	emit(c, BPF_MOV64_REG(BPF_REG_5, BPF_REG_4));
	emit(c, BPF_ALU64_IMM(BPF_ADD, BPF_REG_5, 1));
	emit(c, BPF_STX_MEM(BPF_W, BPF_REG_6, BPF_REG_5,
			    offsetof(struct gauge, next)));
	emit(c, BPF_LDX_MEM(BPF_W, BPF_REG_5, BPF_REG_6,
			    offsetof(struct gauge, mask)));
	emit(c, BPF_ALU64_REG(BPF_AND, BPF_REG_4, BPF_REG_5));
	emit(c, BPF_LDX_MEM(BPF_W, BPF_REG_5, BPF_REG_6,
			    offsetof(struct gauge, base)));
	emit(c, BPF_ALU64_REG(BPF_ADD, BPF_REG_4, BPF_REG_5));
	emit(c, BPF_ALU64_IMM(BPF_AND, BPF_REG_4, num - 1));
	emit(c, BPF_ALU64_IMM(BPF_MUL, BPF_REG_4, size));
}

/* Add the two halves of R2 to the sum in R5 */
static void emit_sum(struct code *c)
{
	emit(c, BPF_MOV64_REG(BPF_REG_0, BPF_REG_2));
	emit(c, BPF_ALU64_IMM(BPF_AND, BPF_REG_0, 0xffff));
	emit(c, BPF_ALU64_REG(BPF_ADD, BPF_REG_5, BPF_REG_0));
	emit(c, BPF_ALU64_IMM(BPF_RSH, BPF_REG_2, 16));
	emit(c, BPF_ALU64_REG(BPF_ADD, BPF_REG_5, BPF_REG_2));
}

/* Write the header to the packet, to which R3 points, from the row R6 */
static void emit_words(struct code *c, const struct words *w)
{
	unsigned int at = 0;
	uint32_t sum = 0;

	for (unsigned int i = 0; i < w->csum; i++)
		if (!w->varies[i])
			sum += (w->same[i] & 0xffff) + (w->same[i] >> 16);
	emit(c, BPF_MOV64_IMM(BPF_REG_5, sum));
	for (unsigned int i = 0; i < w->num; i++) {
		if (!w->varies[i]) {
			emit(c, BPF_ST_MEM(BPF_W, BPF_REG_3, ETH_HLEN + 4 * i,
					   (int32_t)w->same[i]));
			continue;
		}
		emit(c, BPF_LDX_MEM(BPF_W, BPF_REG_2, BPF_REG_6, 4 * at++));
		emit(c, BPF_STX_MEM(BPF_W, BPF_REG_3, BPF_REG_2,
				    ETH_HLEN + 4 * i));
		if (i < w->csum)
			emit_sum(c);
	}
}

static void emit_csum(struct code *c)
{
	for (int i = 0; i < 2; i++) {
		emit(c, BPF_MOV64_REG(BPF_REG_2, BPF_REG_5));
		emit(c, BPF_MOV64_IMM(BPF_REG_5, 0));
		emit_sum(c);
	}
	emit(c, BPF_ALU64_IMM(BPF_XOR, BPF_REG_5, 0xffff));
	emit(c, BPF_STX_MEM(BPF_H, BPF_REG_3, BPF_REG_5, ETH_HLEN + CSUM_OFF));
}

static int load_send(const struct instrument *in, const struct words *w,
		     uint32_t num)
{
	unsigned int too_short;
	struct code c = { .num = 0 };

	emit(&c, BPF_LDX_MEM(BPF_W, BPF_REG_3, BPF_REG_1,
			     offsetof(struct xdp_md, data)));
	emit(&c, BPF_LDX_MEM(BPF_W, BPF_REG_4, BPF_REG_1,
			     offsetof(struct xdp_md, data_end)));
	emit(&c, BPF_MOV64_IMM(BPF_REG_0, XDP_DROP));
	emit(&c, BPF_MOV64_REG(BPF_REG_2, BPF_REG_3));
	emit(&c, BPF_ALU64_IMM(BPF_ADD, BPF_REG_2, ETH_HLEN + 4 * w->num));
	too_short = c.num;
	emit(&c, BPF_JMP_REG(BPF_JGT, BPF_REG_2, BPF_REG_4, 0));
	emit_value(&c, BPF_REG_6, in->gauge_fd);
	emit_count(&c, offsetof(struct gauge, packets));
	if (w->num_varies) {
		emit_choose(&c, num, 4 * w->num_varies);
		emit_value(&c, BPF_REG_6, in->table_fd);
		emit(&c, BPF_ALU64_REG(BPF_ADD, BPF_REG_6, BPF_REG_4));
	}
	emit_words(&c, w);
	if (w->csum)
		emit_csum(&c);
	emit(&c, BPF_MOV64_IMM(BPF_REG_0, XDP_PASS));
	c.insn[too_short].off = c.num - too_short - 1;
	emit(&c, BPF_EXIT_INSN());
	return code_load(&c, BPF_PROG_TYPE_XDP, "bench_send");
}

/* Word @i; of IPv4's checksum nothing */
static uint32_t word_of(const struct words *w, const struct header *h,
			unsigned int i)
{
	uint8_t bytes[4];
	uint32_t word;

	memcpy(bytes, &h->bytes[4 * i], 4);
	if (w->csum && i == CSUM_WORD)
		memset(bytes + CSUM_OFF % 4, 0, sizeof(uint16_t));
	memcpy(&word, bytes, 4);
	return word;
}

static void find_words(struct words *w, const struct family *f,
		       const struct header *header, uint32_t num)
{
	memset(w, 0, sizeof(*w));
	w->num = packet_len(f) / 4;
	w->csum = f->v6 ? 0 : sizeof(struct iphdr) / 4;
	for (unsigned int i = 0; i < w->num; i++) {
		w->same[i] = word_of(w, &header[0], i);
		for (uint32_t n = 1; n < num && !w->varies[i]; n++)
			w->varies[i] = word_of(w, &header[n], i) != w->same[i];
		w->num_varies += w->varies[i];
	}
}

static void fill_table(struct instrument *in, const struct words *w,
		       const struct header *header, uint32_t num)
{
	size_t size = (size_t)num * w->num_varies * sizeof(uint32_t);
	uint32_t *to;
	void *value;

	if (!size)
		return;
	in->table_fd = map_create("bench_headers", size, &value);
	to = value;
	for (uint32_t n = 0; n < num; n++)
		for (unsigned int i = 0; i < w->num; i++)
			if (w->varies[i])
				*to++ = word_of(w, &header[n], i);
	munmap(value, size);
}

void instrument_set_headers(struct instrument *in, const struct header *header,
			    uint32_t num)
{
	int old = in->send_fd;
	struct words w;

	if (in->table_fd >= 0)
		close(in->table_fd);
	in->table_fd = -1;
	find_words(&w, in->family, header, num);
	fill_table(in, &w, header, num);
	in->send_fd = load_send(in, &w, num);
	if (bpf_link_update(in->anchor_fd, in->send_fd, NULL))
		die("XDP link: update: %s", strerror(errno));
	if (old >= 0)
		close(old);
}

int hook_attach(const struct instrument *in, int prog_fd, enum hook hook,
		int priority)
{
	struct bpf_link_create_opts opts = {
		.sz = sizeof(opts),
		.netfilter = {
			.pf = in->family->nfproto,
			.hooknum = hook,
			.priority = priority,
		},
	};
	int fd = bpf_link_create(prog_fd, 0, BPF_NETFILTER, &opts);

	if (fd < 0)
		die("netfilter link at %s, priority %d: %s", hook_names[hook],
		    priority, strerror(errno));
	return fd;
}

int device_take_xdp(struct instrument *in, int ifindex)
{
	struct bpf_link_create_opts opts = {
		.sz = sizeof(opts), .flags = XDP_FLAGS_DRV_MODE,
	};
	int fd = bpf_link_create(in->pass_fd, ifindex, BPF_XDP, &opts);

	if (fd < 0)
		die("XDP link: %s", strerror(errno));
	if (in->anchor_fd < 0)
		in->anchor_fd = dup(fd);
	return fd;
}

/* The device's address comes first: the packet is for this host */
void instrument_addresses(struct ethhdr *eth)
{
	static const uint8_t here[ETH_ALEN] = { 2, 0, 0, 0, 0, 1 };
	static const uint8_t there[ETH_ALEN] = { 2, 0, 0, 0, 0, 2 };

	memcpy(eth->h_dest, here, ETH_ALEN);
	memcpy(eth->h_source, there, ETH_ALEN);
}

double instrument_send(const struct instrument *in, int ifindex, uint32_t num)
{
	struct {
		struct ethhdr eth;
		uint8_t bytes[MAX_HEADER];
	} frame = { 0 };
	struct xdp_md ctx = {
		.data_end = ETH_HLEN + packet_len(in->family),
		.ingress_ifindex = ifindex,
	};
	struct bpf_test_run_opts opts = {
		.sz = sizeof(opts),
		.data_in = &frame,
		.data_size_in = ctx.data_end,
		.ctx_in = &ctx,
		.ctx_size_in = sizeof(ctx),
		.repeat = num,
		.flags = BPF_F_TEST_XDP_LIVE_FRAMES,
		.batch_size = num < 64 ? num : 64,
	};

	instrument_addresses(&frame.eth);
	frame.eth.h_proto = htons(in->family->ethertype);
	if (bpf_prog_test_run_opts(in->send_fd, &opts))
		die("BPF_PROG_TEST_RUN: %s", strerror(errno));
	return opts.duration;
}
