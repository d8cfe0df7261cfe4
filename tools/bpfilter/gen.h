/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_GEN_H
#define BPFILTER_GEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compile.h"
#include "gen_asm.h"
#include "kernel_btf.h"
#include "plan.h"

/*
 * The emitter: a plan becomes instructions.
 *
 * A program's entry calls load_state() to fill a struct run_state on its stack
 * from the packet, then walks the hook's chain. Each other chain is a global
 * function, which the verifier looks at once and on its own, with nothing
 * known of run_state's contents. That is why the filling is a function too:
 * its caller's stack then holds unknown bytes, and no test that follows is
 * decided (and remembered) at verification.
 *
 * All functions but the entry are int f(struct bpf_nf_ctx *, struct run_state
 * *). The entry returns NF_DROP or NF_ACCEPT, the others an enum gen_result.
 *
 * Registers in the entry and in functions that walk rules:
 *
 *	r6	struct bpf_nf_ctx
 *	r7	struct run_state
 *	r8	this CPU's row of counters, plus struct gen's @bias
 *	r0-r3	free within a rule, nothing is kept from one rule to the next
 *	r9	not used
 */
#define GEN_CTX		BPF_REG_6
#define GEN_STATE	BPF_REG_7
#define GEN_COUNTERS	BPF_REG_8

/* What a function tells its caller */
enum gen_result {
	GEN_DROP	= 0,	/* final verdict, as NF_DROP */
	GEN_ACCEPT	= 1,	/* final verdict, as NF_ACCEPT */
	GEN_RETURN	= 2,	/* back to the chain that jumped here */
	GEN_SEGMENT_END	= 3,	/* on to the next segment of the same chain */
};

/* Whether the transport header could be read, see enum ir_header */
enum gen_l4 {
	GEN_L4_OK	= 0,
	GEN_L4_NO_MATCH	= 1,
	GEN_L4_DROP	= 2,
};

#define GEN_OPTION_WORDS	8
#define GEN_OPTIONS_MAX		40

/**
 * struct run_state - what a run knows of its packet, on the entry's stack
 * @len:	skb->len
 * @in:		name of the input device
 * @out:	name of the output device
 * @row:	offset of this CPU's counters in the map's value
 * @saddr:	source address
 * @daddr:	destination address
 * @fragoff:	fragment offset in units of 8 bytes
 * @sport:	source port
 * @dport:	destination port
 * @icmp:	ICMP type << 8 | code
 * @proto:	protocol
 * @l4:		enum gen_l4 of the transport header
 * @tcp_flags:	byte 13 of the TCP header
 * @opt_status:	GEN_L4_OK, or GEN_L4_DROP if TCP options cannot be read
 * @opt_len:	bytes of TCP options, for load_options()
 * @ct:		1 if the packet has a connection
 * @ct_reply:	1 in reply direction
 * @ct_proto:	protocol of the original tuple
 * @opt_off:	offset of the TCP options from skb->data, for load_options()
 * @ct_state:	state bits as struct xt_conntrack_mtinfo3 has them
 * @ct_status:	low half of struct nf_conn's status
 * @ct_port:	original source and destination, reply source and destination
 * @ct_addr:	likewise
 * @ct_expires:	seconds
 * @options:	bit N set: TCP option kind N is there
 *
 * Integers are in host byte order. Only what the hook's rules need is filled,
 * the rest is not even initialised.
 */
struct run_state {
	uint64_t len;
	uint64_t in[2];
	uint64_t out[2];
	uint32_t row;
	uint32_t saddr;
	uint32_t daddr;
	uint16_t fragoff;
	uint16_t sport;
	uint16_t dport;
	uint16_t icmp;
	uint8_t proto;
	uint8_t l4;
	uint8_t tcp_flags;
	uint8_t opt_status;
	uint8_t opt_len;
	uint8_t ct;
	uint8_t ct_reply;
	uint8_t ct_proto;
	uint16_t opt_off;
	uint16_t ct_state;
	uint16_t ct_status;
	uint16_t ct_port[4];
	uint32_t ct_addr[4];
	uint32_t ct_expires;
	uint32_t options[GEN_OPTION_WORDS];
};

#define GEN_OFF(member)		((int16_t)offsetof(struct run_state, member))

struct gen_frame;

/**
 * struct gen - emission of one hook's program
 * @rs:		the table
 * @plan:	the hook's plan
 * @env:	the kernel that the program is for
 * @img:	counter map's layout
 * @code:	instructions so far
 * @hook:	number of the hook
 * @func_label:	first instruction of each function in @plan
 * @load_state:	likewise of load_state()
 * @load_options: likewise of load_options()
 * @func:	function that is emitted
 * @bias:	what r8 adds to the row's address, so that the 16 bit offsets of
 *		loads and stores reach the counters of this function's rules
 * @drop:	label in @func: drop the packet
 * @verdict:	label in the entry: r0 holds a final verdict
 * @policy:	label in the entry: RETURN from the hook's own chain
 * @frames:	chains whose rules are being emitted, the innermost last
 * @num_frames:	number of @frames
 * @max_frames:	room in @frames
 */
struct gen {
	const struct ir_ruleset *rs;
	const struct plan_hook *plan;
	const struct compile_env *env;
	const struct gen_image *img;
	struct asm_buf code;
	int hook;
	uint32_t *func_label;
	uint32_t load_state;
	uint32_t load_options;
	const struct plan_func *func;
	int32_t bias;
	uint32_t drop;
	uint32_t verdict;
	uint32_t policy;
	struct gen_frame *frames;
	uint32_t num_frames;
	uint32_t max_frames;
};

static inline bool gen_is_entry(const struct gen *g)
{
	return g->func == &g->plan->funcs[0];
}

static inline bool gen_needs_field(const struct gen *g, enum ir_field field)
{
	return g->plan->need.fields & (1ULL << field);
}

static inline bool gen_needs_header(const struct gen *g, enum ir_header header)
{
	return g->plan->need.headers & (1U << header);
}

/* gen_field.c */

/* Where fields come from */
enum gen_source {
	GEN_SOURCE_IP,		/* IPv4 header */
	GEN_SOURCE_PORTS,	/* transport header: first four bytes */
	GEN_SOURCE_TCP,		/* TCP header */
	GEN_SOURCE_ICMP,	/* ICMP header */
	GEN_SOURCE_CONN,	/* struct nf_conn */
	GEN_SOURCE_OTHER,	/* code of its own in gen_entry.c */
};

int16_t gen_field_off(enum ir_field field);
uint8_t gen_field_size(enum ir_field field);
uint64_t gen_field_max(enum ir_field field);
void gen_field_read(struct gen *g, uint8_t reg, enum ir_field field);
bool gen_source_needed(const struct gen *g, enum gen_source source);
void gen_source_load(struct gen *g, enum gen_source source, uint8_t base,
		     int16_t off);

/* gen_kernel.c */

void gen_kernel_load(struct gen *g, uint8_t reg, uint8_t base,
		     enum kbtf_member member, uint8_t size);
void gen_kernel_cast(struct gen *g, enum kbtf_type type);
bool gen_needs_conn(const struct gen *g);
int gen_kernel_check(const struct gen *g, struct refusal *why);

/* gen_entry.c, gen_l4.c, gen_ct.c */

void gen_load_state(struct gen *g);
void gen_load_l4(struct gen *g);
void gen_load_options(struct gen *g);
void gen_load_ct(struct gen *g);

/* gen_test.c */

bool gen_test_is_const(const struct ir_test *test, bool *value);
bool gen_match(struct gen *g, const struct ir_match *match, uint32_t fail);

/* gen_rule.c */

void gen_func(struct gen *g, const struct plan_func *func);

#endif /* BPFILTER_GEN_H */
