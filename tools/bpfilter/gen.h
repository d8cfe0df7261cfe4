/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_GEN_H
#define BPFILTER_GEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compile.h"
#include "data.h"
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
 * If a target of the kernel's own can change the packet and go on, what the
 * packet says is filled by another function, load_packet(), that is called
 * behind load_state() and again behind each such target.
 *
 * All functions but the entry are int f(struct sk_buff *, struct nf_hook_state *,
 * struct run_state *). Only the entry sees its context: for each load from that
 * the verifier walks all of the kernel's types. The entry returns NF_DROP or
 * NF_ACCEPT, functions that walk rules an enum gen_result.
 *
 * Registers:
 *
 *	r6	struct sk_buff
 *	r7	struct run_state
 *	r8	where rules are walked: this CPU's row of counters, plus struct
 *		gen's @bias; else a scalar that has to live through calls
 *	r9	struct nf_hook_state
 *	r0-r5	free within a rule, nothing is kept from one rule to the next
 */
#define GEN_SKB		BPF_REG_6
#define GEN_STATE	BPF_REG_7
#define GEN_COUNTERS	BPF_REG_8
#define GEN_SCALAR	BPF_REG_8
#define GEN_HOOK	BPF_REG_9

/* What a function tells its caller */
enum gen_result {
	GEN_DROP	= 0,	/* final verdict, as NF_DROP */
	GEN_ACCEPT	= 1,	/* final verdict, as NF_ACCEPT */
	GEN_RETURN	= 2,	/* back to the chain that jumped here */
	GEN_SEGMENT_END	= 3,	/* on to the next segment of the same chain */
};

/* Whether a header could be read, see enum ir_header */
enum gen_status {
	GEN_OK		= 0,
	GEN_NO_MATCH	= 1,
	GEN_DROP_PACKET	= 2,
};

/* What bpfilter_xt_match() returns */
enum gen_match {
	GEN_MATCH_NO		= 0,
	GEN_MATCH_HELD		= 1,
	GEN_MATCH_DROP		= 2,
	GEN_MATCH_HELD_DROP	= 3,
};

/* The bit in which the last of these differs from GEN_MATCH_HELD */
#define GEN_MATCH_DROP_BIT	(GEN_MATCH_HELD_DROP & ~GEN_MATCH_HELD)

#define GEN_OPTION_WORDS	8
#define GEN_OPTIONS_MAX		40

/**
 * struct run_state - what a run knows of its packet, on the entry's stack
 * @len:	skb->len
 * @in:		name of the input device
 * @out:	name of the output device
 * @saddr:	IPv4 source address
 * @daddr:	IPv4 destination address
 * @saddr6:	IPv6 source address, as in the packet
 * @daddr6:	IPv6 destination address, likewise
 * @mac:	source of the Ethernet header, as there, and two zero bytes
 * @row:	offset of this CPU's counters in the map's value
 * @thoff:	offset of the transport header from skb->data
 * @ip_len:	packet length as xt_length sees it
 * @spi:	SPI of an AH or ESP header
 * @fragoff:	fragment offset as enum ir_field has it
 * @kept_fragoff: IPv6: @fragoff once a rule asked for it, 0 before
 * @sport:	source port
 * @dport:	destination port
 * @icmp:	ICMP type << 8 | code
 * @proto:	protocol
 * @tos:	type of service or traffic class
 * @ttl:	time to live or hop limit
 * @pkttype:	skb->pkt_type as xt_pkttype sees it
 * @trace:	not 0 if the packet is traced
 * @said:	what bridged matches of the rule said so far, see gen_bridge.c
 * @answer:	what one said, while the packet is read anew
 * @ip6:	enum gen_status of the IPv6 extension headers
 * @ether:	enum gen_status of the Ethernet header
 * @ports:	enum gen_status of the transport header's first four bytes
 * @l4:		enum gen_status of all of the transport header
 * @tcp_flags:	byte 13 of the TCP header
 * @opt_status:	GEN_OK, or GEN_DROP_PACKET if TCP options cannot be read
 * @opt_len:	bytes of TCP options, for load_options()
 * @ct:		1 if the packet has a connection
 * @ct_reply:	1 in reply direction
 * @ct_proto:	protocol of the original tuple
 * @ct_state:	state bits as struct xt_conntrack_mtinfo3 has them
 * @ct_status:	low half of struct nf_conn's status
 * @ct_port:	original source and destination, reply source and destination
 * @ct_addr:	likewise
 * @ct_mark:	mark of the connection
 * @ct_expires:	seconds
 * @options:	bit N set: TCP option kind N is there
 *
 * For rules that are data:
 *
 * @mark:	skb->mark
 * @addr6:	words of the IPv6 source and destination address in host order
 * @odd:	not 0 if rules can do something to the packet even if they do
 *		not match it: none may be left out
 * @chain:	struct data_chain that is walked
 * @pos:	rules of it before this one are done with
 * @last:	its last record
 * @trees:	number of its classifiers
 * @tree:	which of them is at hand
 * @best:	first record that any of them named
 * @list:	enum walk_list, or where the next record's offset is
 * @top:	bytes of the stack of jumps in use
 * @base:	of these, not this run's
 * @cursor:	by classifier: its first record at or behind @pos, and where the offset
 *		of the next one is
 *
 * Integers are in host byte order. Only what the hook's rules need is filled,
 * the rest is not even initialised.
 */
struct run_state {
	uint64_t len;
	uint64_t in[2];
	uint64_t out[2];
	union {
		struct {
			uint32_t saddr;
			uint32_t daddr;
		};
		struct {
			uint64_t saddr6[2];
			uint64_t daddr6[2];
		};
	};
	uint64_t mac;
	uint32_t row;
	uint32_t thoff;
	uint32_t ip_len;
	uint32_t spi;
	uint16_t fragoff;
	uint16_t kept_fragoff;
	uint16_t sport;
	uint16_t dport;
	uint16_t icmp;
	uint8_t proto;
	uint8_t tos;
	uint8_t ttl;
	uint8_t pkttype;
	uint8_t trace;
	uint8_t said;
	uint8_t answer;
	uint8_t ip6;
	uint8_t ether;
	uint8_t ports;
	uint8_t l4;
	uint8_t tcp_flags;
	uint8_t opt_status;
	uint8_t opt_len;
	uint8_t ct;
	uint8_t ct_reply;
	uint8_t ct_proto;
	uint16_t ct_state;
	uint16_t ct_status;
	uint16_t ct_port[4];
	uint32_t ct_addr[4];
	uint32_t ct_mark;
	uint32_t ct_expires;
	uint32_t options[GEN_OPTION_WORDS];
	uint32_t mark;
	uint32_t addr6[8];
	uint32_t odd;
	uint32_t chain;
	uint32_t pos;
	uint32_t last;
	uint32_t trees;
	uint32_t tree;
	uint32_t best;
	uint32_t list;
	uint32_t top;
	uint32_t base;
	struct {
		uint32_t head;
		uint32_t next;
	} cursor[DATA_TREES_MAX];
};

#define GEN_OFF(member)		((int16_t)offsetof(struct run_state, member))

struct gen_frame;

/**
 * struct gen_aside - code that the usual path does not run
 * @label:	where it starts
 * @back:	where it goes on
 * @rule:	the rule that is traced
 */
struct gen_aside {
	uint32_t label;
	uint32_t back;
	uint32_t rule;
};

/**
 * struct gen - emission of one hook's program
 * @rs:		the table
 * @plan:	the hook's plan
 * @env:	the kernel that the program is for
 * @img:	counter map's layout
 * @code:	instructions so far
 * @lacks:	what the kernel should have and has not, NULL for nothing
 * @lacks_what:	kind of that
 * @hook:	number of the hook
 * @func_label:	first instruction of each function in @plan
 * @load_state:	likewise of load_state()
 * @load_packet: likewise of load_packet()
 * @load_options: likewise of load_options()
 * @walk:	likewise of walk()
 * @features:	mask of enum data_feature: what the hook's data asks of walk()
 * @func:	function that is emitted
 * @bias:	what r8 adds to the row's address, so that the 16 bit offsets of
 *		loads and stores reach the counters of this function's rules
 * @drop:	label in @func: drop the packet
 * @verdict:	label in the entry: r0 holds a final verdict
 * @policy:	label in the entry: RETURN from the hook's own chain
 * @rule:	rule that is emitted
 * @bridged:	a bridged match of @rule has been emitted
 * @frames:	chains whose rules are being emitted, the innermost last
 * @asides:	code of @func still to be emitted
 * @lines:	source of what was emitted
 * @num_frames:	number of @frames
 * @max_frames:	room in @frames
 * @num_asides:	number of @asides
 * @max_asides:	room in @asides
 * @asides_pos:	place of the first one
 * @num_lines:	number of @lines
 * @max_lines:	room in @lines
 */
struct gen {
	const struct ir_ruleset *rs;
	const struct plan_hook *plan;
	const struct compile_env *env;
	const struct gen_image *img;
	struct asm_buf code;
	const char *lacks;
	const char *lacks_what;
	int hook;
	uint32_t *func_label;
	uint32_t load_state;
	uint32_t load_packet;
	uint32_t load_options;
	uint32_t walk;
	uint32_t features;
	const struct plan_func *func;
	int32_t bias;
	uint32_t drop;
	uint32_t verdict;
	uint32_t policy;
	const struct ir_rule *rule;
	bool bridged;
	struct gen_frame *frames;
	struct gen_aside *asides;
	struct gen_line *lines;
	uint32_t num_frames;
	uint32_t max_frames;
	uint32_t num_asides;
	uint32_t max_asides;
	uint32_t asides_pos;
	uint32_t num_lines;
	uint32_t max_lines;
};

static inline bool gen_is_filter(const struct gen *g)
{
	return g->env->use == COMPILE_FILTER;
}

static inline bool gen_is_link(const struct gen *g)
{
	return g->env->use == COMPILE_LINKS;
}

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

/* gen_line.c */

void gen_line_func(struct gen *g, const struct plan_func *func);
void gen_line_rule(struct gen *g, uint32_t rule);
void gen_line_data(struct gen *g, uint32_t chain);
void gen_step(struct gen *g, const char *step);
int gen_lines_settle(const struct gen *g, struct gen_prog *prog);

/* gen_field.c */

/* Where fields come from; those that are not in any have code of their own */
enum gen_source {
	GEN_SOURCE_IPV4,	/* IPv4 header */
	GEN_SOURCE_IPV6,	/* IPv6 header */
	GEN_SOURCE_PORTS,	/* transport header: first four bytes */
	GEN_SOURCE_TCP,		/* TCP header */
	GEN_SOURCE_ICMP,	/* ICMP or ICMPv6 header */
	GEN_SOURCE_AH,		/* AH header */
	GEN_SOURCE_ESP,		/* ESP header */
	GEN_SOURCE_CONN,	/* struct nf_conn */
};

int16_t gen_field_off(enum ir_field field);
uint8_t gen_field_size(enum ir_field field);
uint64_t gen_field_max(enum ir_field field);
void gen_field_read(struct gen *g, uint8_t reg, enum ir_field field);
bool gen_source_needed(const struct gen *g, enum gen_source source);
void gen_source_load(struct gen *g, enum gen_source source, uint8_t base,
		     int16_t off);

/* gen_kernel.c */

int32_t gen_kernel_offset(struct gen *g, enum kbtf_member member);
void gen_kernel_load(struct gen *g, uint8_t reg, uint8_t base,
		     enum kbtf_member member, uint8_t size);
void gen_kernel_bits(struct gen *g, uint8_t reg, uint8_t base,
		     enum kbtf_bits bits);
void gen_kernel_cast(struct gen *g, enum kbtf_type type);
void gen_kernel_call(struct gen *g, enum kbtf_func func);
int gen_kernel_check(const struct gen *g, struct refusal *why);

/* gen_entry.c */

void gen_enter(struct gen *g);
void gen_load_state(struct gen *g);
void gen_load_packet(struct gen *g);
void gen_set_odd(struct gen *g);
void gen_call(struct gen *g, uint32_t label);

/* gen_ip.c */

bool gen_needs_l4(const struct gen *g);
void gen_keep_ipv4(struct gen *g);
void gen_load_ipv4(struct gen *g);
void gen_load_ipv6(struct gen *g);

/* gen_link.c, gen_l4.c, gen_ct.c */

void gen_load_link(struct gen *g);
void gen_load_l4(struct gen *g);
void gen_load_options(struct gen *g);
void gen_load_ct(struct gen *g);

/* gen_test.c, gen_wide.c */

/**
 * struct gen_exits - where a test can leave to
 * @fail:	the rule does not match
 * @matched:	the match that the test belongs to does
 */
struct gen_exits {
	uint32_t fail;
	uint32_t matched;
};

bool gen_test_is_const(const struct ir_ruleset *rs, const struct ir_test *test,
		       bool *value);
bool gen_match(struct gen *g, const struct ir_match *match, uint32_t fail);

bool gen_bytes_const(const struct ir_test *t, bool *value);
bool gen_bytes_range_const(const struct ir_test *t, bool *value);
bool gen_ports_const(const struct ir_ruleset *rs, const struct ir_test *t,
		     bool *value);
void gen_bytes(struct gen *g, const struct ir_test *t,
	       const struct gen_exits *to);
void gen_bytes_range(struct gen *g, const struct ir_test *t,
		     const struct gen_exits *to);
void gen_ports(struct gen *g, const struct ir_test *t,
	       const struct gen_exits *to);

/* gen_bridge.c */

void gen_bridge_match(struct gen *g, const struct ir_test *t,
		      const struct gen_exits *to);
void gen_bridge_held(struct gen *g);
void gen_bridge_target(struct gen *g);
void gen_load_mark(struct gen *g, uint8_t skb);
void gen_set_mark(struct gen *g);
void gen_trace(struct gen *g, uint32_t rule);
void gen_asides(struct gen *g, bool end);

/* gen_walk.c */

void gen_call_walk(struct gen *g, uint32_t chain);
void gen_walk(struct gen *g);

/* gen_rule.c */

void gen_align(struct gen *g, uint8_t reg);
void gen_count(struct gen *g, uint8_t base, int16_t off);
void gen_func(struct gen *g, const struct plan_func *func);

#endif /* BPFILTER_GEN_H */
