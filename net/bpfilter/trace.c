// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a packet under the TRACE target logs: for each rule that it matches the
 * table, the chain, the rule's number and what kind of rule it is, in the
 * native engine's words, since programs read them.
 *
 * Nothing is prepared for this: the entries are walked for each line.
 */

#include <linux/kern_levels.h>
#include <linux/netfilter.h>
#include <linux/netfilter/x_tables.h>
#include <net/netfilter/nf_log.h>

#include "internal.h"

/* struct place - where a rule stands */
struct place {
	const char *chain;
	const char *kind;
	unsigned int number;
};

static const char *const hook_names[NF_INET_NUMHOOKS] = {
	[NF_INET_PRE_ROUTING]	= "PREROUTING",
	[NF_INET_LOCAL_IN]	= "INPUT",
	[NF_INET_FORWARD]	= "FORWARD",
	[NF_INET_LOCAL_OUT]	= "OUTPUT",
	[NF_INET_POST_ROUTING]	= "POSTROUTING",
};

static const struct nf_loginfo log_info = {
	.type = NF_LOG_TYPE_LOG,
	.u = {
		.log = {
			.level		= LOGLEVEL_WARNING,
			.logflags	= NF_LOG_DEFAULT_MASK,
		},
	},
};

static bool is_target(const struct xt_entry_target *t, const char *name)
{
	return !strcmp(t->u.kernel.target->name, name);
}

/* The rule that ends a chain: always, and with a verdict */
static bool ends_chain(const struct bpfilter_family *family, const void *entry)
{
	const struct xt_entry_target *t = bpfilter_entry_target(family, entry);

	return is_target(t, XT_STANDARD_TARGET) &&
	       ((const struct xt_standard_target *)t)->verdict < 0 &&
	       bpfilter_entry_is_unconditional(family, entry);
}

/*
 * As the native engine names places: from the hook's own chain on, by the last
 * chain's head before the rule.
 */
static void find_place(struct place *place,
		       const struct bpfilter_ruleset *ruleset,
		       unsigned int hook, const void *wanted)
{
	const struct bpfilter_family *family = ruleset->family;
	const struct xt_entry_target *t;
	const void *entry;

	*place = (struct place) { hook_names[hook], "rule", 0 };
	entry = (void *)ruleset->replace->entries + ruleset->hook_entry[hook];
	for (; entry; entry = bpfilter_entry_next(ruleset, entry)) {
		t = bpfilter_entry_target(family, entry);
		if (is_target(t, XT_ERROR_TARGET)) {
			place->chain = t->data;
			place->number = 0;
			continue;
		}
		place->number++;
		if (entry != wanted)
			continue;
		if (ends_chain(family, entry))
			place->kind = place->chain == hook_names[hook] ?
				      "policy" : "return";
		break;
	}
}

static const void *entry_by_number(const struct bpfilter_ruleset *ruleset,
				   unsigned int number)
{
	const void *entry;

	for (entry = bpfilter_entry_first(ruleset); entry;
	     entry = bpfilter_entry_next(ruleset, entry))
		if (!number--)
			return entry;
	return NULL;
}

/**
 * bpfilter_trace_packet - log that a rule matched
 * @run:	the run
 * @number:	number of the rule's entry
 */
void bpfilter_trace_packet(const struct bpfilter_run *run, unsigned int number)
{
	const struct nf_hook_state *state = run->state;
	struct place place;
	const void *entry;

	entry = entry_by_number(run->ruleset, number);
	if (!entry)
		return;
	find_place(&place, run->ruleset, state->hook, entry);
	nf_log_trace(state->net, state->pf, state->hook, run->skb, state->in,
		     state->out, &log_info, "TRACE: %s:%s:%s:%u ",
		     run->ruleset->replace->name, place.chain, place.kind,
		     place.number);
}
EXPORT_SYMBOL_GPL(bpfilter_trace_packet);
