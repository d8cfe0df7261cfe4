/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_CMD_EXPLAIN_H
#define BPFILTER_CMD_EXPLAIN_H

#include "cmd_view.h"

/* cmd_explain.c looks, cmd_explain_print.c prints */

/**
 * struct explained - what there is to say of a table
 * @view:	the table, borrowed
 * @rules:	rules that iptables lists
 * @never:	of them those that never match
 * @repeats:	rules that may match and are the same as an earlier one of their
 *		chain
 * @same_as:	by entry the index of that one, or its own; owned. NULL if the
 *		table could not be read
 * @bridged:	rules with an extension of the kernel's own
 */
struct explained {
	const struct view *view;
	uint32_t rules;
	uint32_t never;
	uint32_t repeats;
	uint32_t *same_as;
	uint32_t bridged;
};

const char *explain_chain_state(const struct ir_ruleset *rs, uint32_t chain);
bool explain_repeats(const struct explained *e, uint32_t entry);

/* cmd_explain_plain.c, cmd_explain_json.c */
void explain_plain(const struct explained *e);
void explain_json(json_writer_t *json, const struct explained *e);

#endif /* BPFILTER_CMD_EXPLAIN_H */
