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

static unsigned int run_policy(const struct bpfilter_ruleset *ruleset,
			       const struct sk_buff *skb, unsigned int hook)
{
	struct xt_counters *row;

	row = bpfilter_counters_row(&ruleset->commitment.counters,
				    smp_processor_id());
	ADD_COUNTER(row[ruleset->policy_number[hook]], skb->len, 1);
	return ruleset->policy[hook];
}

static unsigned int run_program(const struct bpf_prog *prog,
				struct sk_buff *skb,
				const struct nf_hook_state *state)
{
	const struct bpf_nf_ctx ctx = {
		.state	= state,
		.skb	= skb,
	};

	/* The verifier lets nothing else pass, but this costs next to nothing */
	return bpf_prog_run_pin_on_cpu(prog, &ctx) == NF_ACCEPT ? NF_ACCEPT :
								  NF_DROP;
}

/**
 * bpfilter_hook - run a table's ruleset on a packet
 * @priv:	struct bpfilter_table
 * @skb:	packet
 * @state:	hook and devices
 *
 * Return: NF_ACCEPT or NF_DROP.
 */
unsigned int bpfilter_hook(void *priv, struct sk_buff *skb,
			   const struct nf_hook_state *state)
{
	const struct bpfilter_table *table = priv;
	const struct bpfilter_ruleset *ruleset;
	const struct bpf_prog *prog;
	unsigned int addend, verdict;

	local_bh_disable();
	addend = xt_write_recseq_begin();

	/* Pairs with the release in bpfilter_table_swap() */
	ruleset = READ_ONCE(table->ruleset);
	prog = ruleset->commitment.prog[state->hook];
	if (prog)
		verdict = run_program(prog, skb, state);
	else
		verdict = run_policy(ruleset, skb, state->hook);

	xt_write_recseq_end(addend);
	local_bh_enable();
	return verdict;
}
