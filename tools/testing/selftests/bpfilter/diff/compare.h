/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DIFF_COMPARE_H
#define DIFF_COMPARE_H

#include "rules.h"
#include "side.h"

struct entries;

/**
 * struct input - what to load
 * @text:	for iptables-restore, by side
 * @ipset:	for ipset restore, NULL: none
 * @muted:	times in a row that a refusal had no message
 * @left_out:	rules of the filter table that are not in @text any more
 */
struct input {
	char *text[NUM_SIDES];
	char *ipset;
	unsigned int muted;
	unsigned int left_out;
};

/**
 * struct pair - the two namespaces
 * @side:	the oracle first
 * @num_out:	packets that came out of the oracle
 */
struct pair {
	struct side side[NUM_SIDES];
	unsigned int num_out;
};

void pair_open(struct pair *pair, bool native_only);
void pair_close(struct pair *pair);
void pair_add_devs(struct pair *pair, const struct devs *devs);

/* Returns -1, or the side that could not load and in @said what it said */
int pair_load(struct pair *pair, const struct input *in, char **said);

/* Do all steps on both sides; false if what came out differed */
bool pair_run(struct pair *pair, const struct step_list *steps, bool verbose);

/* The same but compare the counters too after each, up to the first difference */
bool pair_run_slowly(struct pair *pair, const struct ruleset *rs,
		     const struct step_list *steps);

/* Compare tables and counters, printing what differs; @e: the oracle's entries */
bool pair_compare(struct pair *pair, const struct input *in,
		  const struct ruleset *rs, struct entries *e);

/* Print the first lines that differ; true if there are none */
bool text_compare(const char *what, const char *a, const char *b);

/* Take out the rules with the extension that the refusal names; their number */
unsigned int input_reduce(struct input *in, const char *refusal);

enum change_kind {
	CHANGE_NONE,
	CHANGE_NEVER,
	CHANGE_EDGE,
};

/**
 * change_rule() - make the second side's ruleset wrong
 * @in:		its text for that side is replaced
 * @rs:		the ruleset
 * @e:		what it counted, to choose among the rules that were hit
 * @kind:	how to change
 * @seed:	of the choice
 *
 * Return: index of the changed rule, -1 if there is none to change.
 */
int change_rule(struct input *in, const struct ruleset *rs,
		const struct entries *e, enum change_kind kind, uint64_t seed);

#endif /* DIFF_COMPARE_H */
