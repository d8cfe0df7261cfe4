// SPDX-License-Identifier: GPL-2.0-only
/*
 * What runs for each packet.
 *
 * The section between xt_write_recseq_begin() and _end() does for a run what it
 * does in the native engine: readers of counters see whole pairs of packets
 * and bytes, and bpfilter_table_swap() waits for runs that may still use the
 * old ruleset. It needs bottom halves off, which also lets programs count with
 * plain additions: nothing else counts on this CPU meanwhile, except a run
 * nested in this one, which is over before this one goes on.
 */

#include <linux/bottom_half.h>
#include <linux/filter.h>
#include <linux/netfilter/x_tables.h>
#include <linux/skbuff.h>
#include <net/netfilter/nf_bpf_link.h>

#include "internal.h"

static bool is_traced(const struct sk_buff *skb)
{
#if IS_ENABLED(CONFIG_NETFILTER_XT_TARGET_TRACE)
	return skb->nf_trace;
#else
	return false;
#endif
}

static unsigned int run_policy(const struct bpfilter_run *run)
{
	const struct bpfilter_ruleset *ruleset = run->ruleset;
	const unsigned int hook = run->state->hook;
	const unsigned int number = ruleset->policy_number[hook];
	struct xt_counters *row;

	row = bpfilter_counters_row(&ruleset->commitment.counters,
				    smp_processor_id());
	ADD_COUNTER(row[number], run->skb->len, 1);
	if (unlikely(is_traced(run->skb)))
		bpfilter_trace_packet(run, number);
	return ruleset->policy[hook];
}

/* Nested runs work on other packets: an extension may send one */
static unsigned int run_program(const struct bpf_prog *prog,
				struct bpfilter_run *run)
{
	const struct bpf_nf_ctx ctx = {
		.state	= run->state,
		.skb	= run->skb,
	};
	unsigned int verdict;

	run->outer = this_cpu_read(bpfilter_run);
	this_cpu_write(bpfilter_run, run);
	verdict = bpf_prog_run_pin_on_cpu(prog, &ctx);
	this_cpu_write(bpfilter_run, run->outer);

	if (run->over)
		return run->verdict;
	/* The verifier lets nothing else pass, but this costs next to nothing */
	return verdict == NF_ACCEPT && !run->hotdrop ? NF_ACCEPT : NF_DROP;
}

/**
 * bpfilter_hook - run a table's ruleset on a packet
 * @priv:	struct bpfilter_table
 * @skb:	packet
 * @state:	hook and devices
 *
 * Return: NF_ACCEPT, NF_DROP, or what else an extension says. Unless it is
 * NF_ACCEPT the packet may be gone.
 */
unsigned int bpfilter_hook(void *priv, struct sk_buff *skb,
			   const struct nf_hook_state *state)
{
	const struct bpfilter_table *table = priv;
	struct bpfilter_run run = {
		.skb	= skb,
		.state	= state,
	};
	const struct bpf_prog *prog;
	unsigned int addend, verdict;

	local_bh_disable();
	addend = xt_write_recseq_begin();

	/* Pairs with the release in bpfilter_table_swap() */
	run.ruleset = READ_ONCE(table->ruleset);
	prog = run.ruleset->commitment.prog[state->hook];
	if (prog)
		verdict = run_program(prog, &run);
	else
		verdict = run_policy(&run);

	xt_write_recseq_end(addend);
	local_bh_enable();
	return verdict;
}
