// SPDX-License-Identifier: GPL-2.0
/*
 * Programs in the machine of bpf_vm.c against what they should do. What is not
 * as it should be is said on standard error.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/netfilter/x_tables.h>

#include "gen_walk.h"
#include "ir_build.h"
#include "match.h"
#include "plan_graph.h"
#include "vm_compare.h"

/* 0 if the row of the CPU that ran the program, and no other, is as wanted */
static int compare_counters(const struct vm_case *c,
			    const struct xt_counters *counters, uint32_t cpu)
{
	uint32_t row = c->img->counter_stride / sizeof(*counters);

	for (uint32_t i = 0; i < c->num_rules; i++) {
		const struct xt_counters *mine = &counters[cpu * row + i];
		const struct xt_counters *other = &counters[!cpu * row + i];

		if (mine->pcnt != c->want->packets[i] ||
		    mine->bcnt != c->want->bytes[i] || other->pcnt ||
		    other->bcnt)
			return fprintf(stderr, "# counter of rule %u\n", i);
	}
	return 0;
}

static void print_call(const struct packet_call *call, const char *which)
{
	fprintf(stderr, "#   %s: %u of %u at %u, fragment %u\n", which,
		call->what, call->index, call->thoff, call->fragoff);
}

static int compare_calls(const struct packet_calls *got,
			 const struct packet_calls *want)
{
	unsigned int i = 0;

	if (packet_calls_equal(got, want))
		return 0;
	while (i < got->num && i < want->num && i + 1 < PACKET_CALLS_MAX &&
	       !memcmp(&got->calls[i], &want->calls[i], sizeof(*got->calls)))
		i++;
	fprintf(stderr, "# %u calls, not %u; number %u is\n", got->num,
		want->num, i);
	print_call(&got->calls[i], "got");
	print_call(&want->calls[i], "wanted");
	return -1;
}

static int compare_result(const struct vm_case *c, const struct vm_world *w,
			  uint64_t result)
{
	if (result != c->result)
		return fprintf(stderr, "# result %llu\n",
			       (unsigned long long)result);
	if (w->skb.mark != c->want->mark)
		return fprintf(stderr, "# mark %#x, not %#x\n", w->skb.mark,
			       c->want->mark);
	return 0;
}

/* Head of a stack of jumps in a row of counters */
static uint32_t *jumps_head(const struct gen_image *img, void *counters,
			    uint32_t cpu, uint32_t stack)
{
	return counters + (size_t)cpu * img->counter_stride + img->jumps_off +
	       (size_t)stack * img->jumps_one;
}

static uint32_t num_stacks(const struct gen_image *img)
{
	return img->jumps_one ?
	       (img->jumps_size + WALK_JUMPS) / img->jumps_one : 0;
}

/* As if walks on this CPU had been interrupted by this one */
static void take_jumps(const struct vm_case *c, void *counters, uint32_t cpu)
{
	for (uint32_t i = 0; i < c->taken && i < num_stacks(c->img); i++)
		*jumps_head(c->img, counters, cpu, i) = 1;
}

/* 0 if those have their stacks yet and no other is taken */
static int compare_jumps(const struct vm_case *c, void *counters, uint32_t cpu)
{
	for (uint32_t i = 0; i < num_stacks(c->img); i++) {
		const uint32_t taken = i < c->taken;

		if (*jumps_head(c->img, counters, cpu, i) != taken)
			return fprintf(stderr, "# head of stack %u\n", i);
	}
	return 0;
}

/**
 * vm_compare() - run a program
 * @c:		case
 * @w:		filled
 *
 * Return: 0 if all is as it should be.
 */
int vm_compare(const struct vm_case *c, struct vm_world *w)
{
	const struct gen_prog *gp = &c->img->prog[c->hook];
	struct vm_prog prog = {
		.insns = gp->insns, .num_insns = gp->num_insns,
		.frames = c->frames, .rounds = c->rounds,
		.counters_size = 2 * (size_t)c->img->counter_stride,
	};
	const struct gen_image *img = c->img;
	uint64_t result = -1;
	const char *fault;
	void *data = NULL;
	int bad;

	if (img->data_size) {
		data = calloc(1, img->data_size);
		memcpy(data, img->data.buf.bytes, img->data.buf.len);
		prog.data = data;
		prog.data_size = img->data_size;
	}
	prog.counters = calloc(1, prog.counters_size);
	vm_world_make(w, &c->play, &c->shape);
	take_jumps(c, prog.counters, w->cpu);
	fault = vm_run(w, &prog, &result);
	if (fault)
		bad = fprintf(stderr, "# the program %s\n", fault);
	else
		bad = compare_calls(&w->calls, &c->want->calls) ||
		      compare_result(c, w, result) ||
		      compare_counters(c, prog.counters, w->cpu) ||
		      compare_jumps(c, prog.counters, w->cpu);
	free(prog.counters);
	free(data);
	return bad;
}

/**
 * vm_check_code() - look for code that nothing leads to
 * @img:	programs
 *
 * Return: 0 if the kernel would find none.
 */
int vm_check_code(const struct gen_image *img)
{
	for (int hook = 0; hook < BPFILTER_NUMHOOKS; hook++) {
		const struct vm_prog prog = {
			.insns = img->prog[hook].insns,
			.num_insns = img->prog[hook].num_insns,
		};
		int at = vm_unreached(&prog);

		if (at >= 0)
			return fprintf(stderr, "# %s: nothing leads to %d\n",
				       bpfilter_ir_hook_name(hook), at);
	}
	return 0;
}

static bool may_change(const struct ir_ruleset *rs, const struct ir_bridged *b)
{
	if (b->is_target)
		return plan_reloads(rs, &rs->rules[b->rule]);
	return bpfilter_match_may_write(b->name, b->revision);
}

static bool never_goes_on(const struct ir_ruleset *rs,
			  const struct ir_bridged *b)
{
	const struct target_desc *desc;

	if (!b->is_target)
		return false;
	desc = bpfilter_target_find(b->name, b->revision, rs->family);
	return desc && desc->effect == TARGET_EFFECT_ENDS;
}

/**
 * vm_mend_answers() - let extensions do only what they are known to do
 * @rs:		the ruleset
 * @pkt:	the packet that they answer for
 */
void vm_mend_answers(const struct ir_ruleset *rs, struct packet *pkt)
{
	for (uint32_t i = 0; i < rs->num_bridged; i++) {
		const struct ir_bridged *b = &rs->bridged[i];
		uint8_t *answer = &pkt->answers[i % PACKET_ANSWERS];

		if (!may_change(rs, b))
			*answer &= ~PACKET_ANSWER_CHANGE;
		if (b->is_final || never_goes_on(rs, b))
			*answer &= ~PACKET_ANSWER_GO_ON;
	}
}
