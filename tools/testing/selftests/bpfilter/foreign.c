// SPDX-License-Identifier: GPL-2.0
/*
 * Netfilter programs of others, attached by a link. They may call what bpfilter
 * offers to its own programs: outside of a run, or nested in one that works on
 * another packet, they are refused and nobody else notices.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <netinet/in.h>
#include <linux/filter.h>
#include <linux/netfilter.h>
#include <bpf/bpf.h>

#include "../kselftest_harness.h"
#include "kernel_btf.h"
#include "rawipt.h"

#define PORT		4001
#define BEFORE_ALL	(-450)	/* priority: table raw has -300 */
#define MARK		0x15
#define MATCH_REFUSED	2	/* as a packet that has to be dropped at once */
#define TARGET_REFUSED	0

/**
 * struct report - what the program saw, its map's value
 * @runs:	times that it ran
 * @match_off:	bits in which a match's answer was not that of a refusal
 * @target_off:	likewise of a target's
 * @header_ok:	times that the walk of IPv6 headers was not refused
 * @mark:	the packets' marks after the attempt to set them, ORed
 * @traced:	times that a packet was one to trace after the attempt to have it
 *		traced
 */
struct report {
	uint64_t runs;
	uint64_t match_off;
	uint64_t target_off;
	uint64_t header_ok;
	uint64_t mark;
	uint64_t traced;
};

#define REPORT(member)	((int)offsetof(struct report, member))

/* --- The program --- */

struct prog {
	const struct kernel_btf *kb;
	struct bpf_insn insn[128];
	int num;
	int map_fd;
	int fd;
};

static void emit(struct prog *p, struct bpf_insn insn)
{
	p->insn[p->num++] = insn;
}

#define INSN(code_, dst_, src_, off_, imm_)				\
	((struct bpf_insn){ .code = code_, .dst_reg = dst_,		\
			    .src_reg = src_, .off = off_, .imm = imm_ })
#define MOV_REG(dst, src)	INSN(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0)
#define MOV_IMM(dst, imm)	INSN(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, imm)
#define ALU_IMM(op, dst, imm)	INSN(BPF_ALU64 | (op) | BPF_K, dst, 0, 0, imm)
#define LOAD(size, dst, src, off) \
	INSN(BPF_LDX | BPF_MEM | (size), dst, src, off, 0)
#define ATOMIC(op, dst, src, off) \
	INSN(BPF_STX | BPF_ATOMIC | BPF_DW, dst, src, off, op)

/*
 * Registers: R6 the context, R7 the packet, R8 the hook state, R9 the map's
 * value; arguments of a call are made from these.
 */
static void emit_call(struct prog *p, enum kbtf_func func, int arg3, int arg4)
{
	emit(p, MOV_REG(BPF_REG_1, BPF_REG_7));
	emit(p, MOV_REG(BPF_REG_2, BPF_REG_8));
	emit(p, MOV_IMM(BPF_REG_3, arg3));
	emit(p, MOV_IMM(BPF_REG_4, arg4));
	emit(p, MOV_IMM(BPF_REG_5, 0));
	emit(p, INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_KFUNC_CALL, 0,
		     p->kb->func[func]));
}

/* R0 to a member of the report */
static void emit_note(struct prog *p, int op, int member)
{
	emit(p, ATOMIC(op, BPF_REG_9, BPF_REG_0, member));
}

static void emit_start(struct prog *p)
{
	emit(p, MOV_REG(BPF_REG_6, BPF_REG_1));
	emit(p, LOAD(BPF_DW, BPF_REG_7, BPF_REG_6, p->kb->member[KBTF_CTX_SKB]));
	emit(p, LOAD(BPF_DW, BPF_REG_8, BPF_REG_6,
		     p->kb->member[KBTF_CTX_STATE]));
	emit(p, INSN(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_9,
		     BPF_PSEUDO_MAP_VALUE, 0, p->map_fd));
	emit(p, INSN(0, 0, 0, 0, 0));
	emit(p, MOV_IMM(BPF_REG_0, 1));
	emit_note(p, BPF_ADD, REPORT(runs));
}

static void emit_attempts(struct prog *p)
{
	emit_call(p, KBTF_FUNC_XT_MATCH, 0, 20);
	emit(p, ALU_IMM(BPF_XOR, BPF_REG_0, MATCH_REFUSED));
	emit_note(p, BPF_OR, REPORT(match_off));
	emit_call(p, KBTF_FUNC_XT_TARGET, 0, 20);
	emit(p, ALU_IMM(BPF_XOR, BPF_REG_0, TARGET_REFUSED));
	emit_note(p, BPF_OR, REPORT(target_off));
	if (p->kb->func[KBTF_FUNC_IP6_FIND_HDR] != KBTF_NONE) {
		emit_call(p, KBTF_FUNC_IP6_FIND_HDR, 0, 0);
		emit(p, ALU_IMM(BPF_RSH, BPF_REG_0, 63));
		emit(p, ALU_IMM(BPF_XOR, BPF_REG_0, 1));
		emit_note(p, BPF_ADD, REPORT(header_ok));
	}
	if (p->kb->func[KBTF_FUNC_TRACE] != KBTF_NONE)
		emit_call(p, KBTF_FUNC_TRACE, 0, 0);
	emit_call(p, KBTF_FUNC_SET_MARK, 0, MARK);
	emit(p, LOAD(BPF_W, BPF_REG_0, BPF_REG_7,
		     p->kb->member[KBTF_SKB_MARK]));
	emit_note(p, BPF_OR, REPORT(mark));
}

/* This needs no run, but a hook of table raw */
static void emit_set_trace(struct prog *p)
{
	const struct kernel_bits *bit = &p->kb->bits[KBTF_BITS_SKB_NF_TRACE];

	if (p->kb->func[KBTF_FUNC_SET_TRACE] == KBTF_NONE)
		return;
	emit_call(p, KBTF_FUNC_SET_TRACE, 0, 0);
	emit(p, LOAD(BPF_B, BPF_REG_0, BPF_REG_7, bit->off));
	emit(p, ALU_IMM(BPF_RSH, BPF_REG_0, bit->shift));
	emit(p, ALU_IMM(BPF_AND, BPF_REG_0, bit->mask));
	emit_note(p, BPF_ADD, REPORT(traced));
}

static void emit_end(struct prog *p)
{
	emit(p, MOV_IMM(BPF_REG_0, NF_ACCEPT));
	emit(p, INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
}

static int prog_load(struct prog *p, enum bpf_prog_type type)
{
	struct bpf_prog_load_opts opts = {
		.sz = sizeof(opts),
		.expected_attach_type = type == BPF_PROG_TYPE_NETFILTER ?
					BPF_NETFILTER : 0,
	};

	p->fd = bpf_prog_load(type, "foreign", "GPL", p->insn, p->num, &opts);
	return p->fd < 0 ? -errno : 0;
}

static int prog_attach(const struct prog *p, int hook)
{
	struct bpf_link_create_opts opts = {
		.sz = sizeof(opts),
		.netfilter = {
			.pf = NFPROTO_IPV4,
			.hooknum = hook,
			.priority = BEFORE_ALL,
		},
	};

	return bpf_link_create(p->fd, 0, BPF_NETFILTER, &opts);
}

/* --- Tests --- */

FIXTURE(foreign)
{
	struct kernel_btf kb;
	struct prog p;
	int sk;
	int from;
};

static int run(const char *command)
{
	int status = system(command);

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int ipt(const char *args)
{
	char command[512];

	snprintf(command, sizeof(command), "iptables-legacy -w %s", args);
	return run(command);
}

/* Has the rule "-t TABLE -L CHAIN NUMBER" counted @num packets? */
static int counted(const char *rule, unsigned int num)
{
	char args[256];

	snprintf(args, sizeof(args), "%s -nvx | grep -q '^ *%u '", rule, num);
	return ipt(args);
}

FIXTURE_SETUP(foreign)
{
	const char *why;

	if (!rawipt_engine_usable(RAWIPT_BPFILTER, &why))
		SKIP(return, "%s", why);
	self->sk = rawipt_netns(RAWIPT_BPFILTER);
	ASSERT_LE(0, self->sk);
	ASSERT_EQ(0, bpfilter_kernel_btf_read(&self->kb));
	self->p.kb = &self->kb;
	self->p.map_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "report",
					sizeof(uint32_t),
					sizeof(struct report), 1, NULL);
	ASSERT_LE(0, self->p.map_fd);
	self->from = udp_sender(PORT);
	ASSERT_LE(0, self->from);
}

FIXTURE_TEARDOWN(foreign)
{
	close(self->from);
	close(self->p.map_fd);
	close(self->sk);
}

static void report_read(const struct prog *p, struct report *r)
{
	uint32_t key = 0;

	memset(r, 0xff, sizeof(*r));
	bpf_map_lookup_elem(p->map_fd, &key, r);
}

#define check_refused(p, num) do {					\
	struct report r;						\
									\
	report_read(p, &r);						\
	EXPECT_EQ(num, r.runs);						\
	EXPECT_EQ(0, r.match_off);					\
	EXPECT_EQ(0, r.target_off);					\
	EXPECT_EQ(0, r.header_ok);					\
	EXPECT_EQ(0, r.mark);						\
} while (0)

static int attach_attempts(struct prog *p, int hook)
{
	int err;

	emit_start(p);
	emit_attempts(p);
	emit_end(p);
	err = prog_load(p, BPF_PROG_TYPE_NETFILTER);
	return err ? err : prog_attach(p, hook);
}

TEST_F_TIMEOUT(foreign, outside_of_a_run, TEST_TIMEOUT_GUEST)
{
	ASSERT_LE(0, attach_attempts(&self->p, NF_INET_LOCAL_IN));
	EXPECT_EQ(1, send(self->from, "x", 1, 0));
	/* The packet, and the error that nobody listens */
	check_refused(&self->p, 2);
}

/* Between the tables of a hook, none of which runs then */
TEST_F_TIMEOUT(foreign, beside_runs, TEST_TIMEOUT_GUEST)
{
	ASSERT_EQ(0, ipt("-A OUTPUT -m limit -j LOG"));
	ASSERT_LE(0, attach_attempts(&self->p, NF_INET_LOCAL_OUT));
	EXPECT_EQ(1, send(self->from, "x", 1, 0));
	check_refused(&self->p, 2);
}

/*
 * REJECT sends its answer while the run goes on: the program sees that packet
 * at OUTPUT, inside the run at INPUT.
 */
TEST_F_TIMEOUT(foreign, nested_in_a_run, TEST_TIMEOUT_GUEST)
{
	ASSERT_EQ(0, ipt("-A INPUT -p udp -m limit -j REJECT"));
	ASSERT_LE(0, attach_attempts(&self->p, NF_INET_LOCAL_OUT));
	EXPECT_EQ(1, send(self->from, "x", 1, 0));
	check_refused(&self->p, 2);
	EXPECT_EQ(0, counted("-L INPUT 1", 1));
}

static int attach_set_trace(struct prog *p, int hook)
{
	int err;

	emit_start(p);
	emit_set_trace(p);
	emit_end(p);
	err = prog_load(p, BPF_PROG_TYPE_NETFILTER);
	return err ? err : prog_attach(p, hook);
}

TEST_F_TIMEOUT(foreign, trace_where_table_raw_is, TEST_TIMEOUT_GUEST)
{
	struct report r;

	if (self->kb.func[KBTF_FUNC_SET_TRACE] == KBTF_NONE)
		SKIP(return, "no target TRACE in this kernel");
	ASSERT_LE(0, attach_set_trace(&self->p, NF_INET_LOCAL_OUT));
	EXPECT_EQ(1, send(self->from, "x", 1, 0));
	report_read(&self->p, &r);
	EXPECT_EQ(2, r.runs);
	EXPECT_EQ(2, r.traced);
}

TEST_F_TIMEOUT(foreign, no_trace_elsewhere, TEST_TIMEOUT_GUEST)
{
	struct report r;

	if (self->kb.func[KBTF_FUNC_SET_TRACE] == KBTF_NONE)
		SKIP(return, "no target TRACE in this kernel");
	ASSERT_LE(0, attach_set_trace(&self->p, NF_INET_POST_ROUTING));
	EXPECT_EQ(1, send(self->from, "x", 1, 0));
	report_read(&self->p, &r);
	EXPECT_EQ(2, r.runs);
	EXPECT_EQ(0, r.traced);
}

#define OF_UDP	"-p udp -m string --algo bm --string x"

/*
 * TEE's copy leaves while the run at PREROUTING goes on. A program of others and
 * a run of ours are nested in that; afterwards its own extensions still work.
 */
TEST_F_TIMEOUT(foreign, run_goes_on_after_nested_ones, TEST_TIMEOUT_GUEST)
{
	ASSERT_EQ(0, run("ip link add tee0 type dummy"));
	ASSERT_EQ(0, run("ip link set tee0 up arp off"));
	ASSERT_EQ(0, run("ip addr add 10.9.0.1/24 dev tee0"));
	ASSERT_EQ(0, ipt("-t mangle -A PREROUTING -p udp -j TEE --gateway 10.9.0.2"));
	ASSERT_EQ(0, ipt("-t mangle -A PREROUTING " OF_UDP));
	ASSERT_EQ(0, ipt("-t mangle -A POSTROUTING -o tee0 " OF_UDP));
	ASSERT_EQ(0, ipt("-t mangle -A OUTPUT " OF_UDP));
	ASSERT_LE(0, attach_attempts(&self->p, NF_INET_LOCAL_OUT));
	EXPECT_EQ(1, send(self->from, "x", 1, 0));
	/* The packet, its copy, and the error */
	check_refused(&self->p, 3);
	EXPECT_EQ(0, counted("-t mangle -L PREROUTING 2", 1));
	EXPECT_EQ(0, counted("-t mangle -L POSTROUTING 1", 1));
	EXPECT_EQ(0, counted("-t mangle -L OUTPUT 1", 2));
}

/* Only what the hook hands on, not what a program makes up */
TEST_F_TIMEOUT(foreign, arguments_must_be_trusted, TEST_TIMEOUT_GUEST)
{
	struct prog *p = &self->p;

	emit_start(p);
	emit(p, MOV_REG(BPF_REG_1, BPF_REG_7));
	emit(p, MOV_IMM(BPF_REG_2, 0));
	emit(p, MOV_IMM(BPF_REG_3, 0));
	emit(p, MOV_IMM(BPF_REG_4, 0));
	emit(p, MOV_IMM(BPF_REG_5, 0));
	emit(p, INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_KFUNC_CALL, 0,
		     p->kb->func[KBTF_FUNC_XT_TARGET]));
	emit_end(p);
	EXPECT_EQ(-EACCES, prog_load(p, BPF_PROG_TYPE_NETFILTER));
}

/* A program of another type has neither packet nor hook state to show */
TEST_F_TIMEOUT(foreign, type_must_be_netfilter, TEST_TIMEOUT_GUEST)
{
	struct prog *p = &self->p;

	emit(p, MOV_REG(BPF_REG_7, BPF_REG_1));
	emit(p, MOV_REG(BPF_REG_8, BPF_REG_1));
	emit_call(p, KBTF_FUNC_XT_MATCH, 0, 0);
	emit_end(p);
	EXPECT_EQ(-EACCES, prog_load(p, BPF_PROG_TYPE_SCHED_CLS));
	EXPECT_EQ(-EACCES, prog_load(p, BPF_PROG_TYPE_XDP));
}

/* The same program without the call does load */
TEST_F_TIMEOUT(foreign, control, TEST_TIMEOUT_GUEST)
{
	struct prog *p = &self->p;

	emit_start(p);
	emit_end(p);
	EXPECT_EQ(0, prog_load(p, BPF_PROG_TYPE_NETFILTER));
	EXPECT_LE(0, prog_attach(p, NF_INET_LOCAL_IN));
	EXPECT_EQ(1, send(self->from, "x", 1, 0));
	check_refused(p, 2);
}

TEST_HARNESS_MAIN
