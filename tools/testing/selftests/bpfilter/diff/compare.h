/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DIFF_COMPARE_H
#define DIFF_COMPARE_H

#include "rules.h"
#include "side.h"

struct entries;

/**
 * struct input - what to load
 * @family:	what it is for
 * @text:	for iptables-restore, by side
 * @ipset:	for ipset restore, NULL: none
 */
struct input {
	const struct family *family;
	char *text[NUM_SIDES];
	char *ipset;
};

/**
 * struct pair - the two namespaces
 * @side:	the oracle first
 * @num_out:	packets that came out of the oracle
 * @log:	the target LOG writes to the kernel log, which can be compared
 */
struct pair {
	struct side side[NUM_SIDES];
	unsigned int num_out;
	bool log;
};

void pair_open(struct pair *pair, const struct family *f, bool native_only);
void pair_close(struct pair *pair);
void pair_add_devs(struct pair *pair, const struct devs *devs,
		   const struct owners *owners);

/* Do all steps on both sides; false if what came out differed */
bool pair_run(struct pair *pair, const struct step_list *steps, bool verbose);

/*
 * The same but compare the counters too after each, up to the first difference;
 * true if one was found
 */
bool pair_run_slowly(struct pair *pair, const struct ruleset *rs,
		     const struct step_list *steps);

/*
 * Compare the rules as the kernel tells them, and as iptables-save does unless
 * @saved, what it says of the oracle, is NULL
 */
bool pair_compare_rules(struct pair *pair, const struct ruleset *rs,
			const char *saved);

/* Read all tables of the ruleset from the oracle */
void pair_get_entries(struct pair *pair, const struct ruleset *rs,
		      struct entries *e);

/* Compare counters, connections and log; @e: the oracle's tables */
bool pair_compare(struct pair *pair, const struct ruleset *rs,
		  struct entries *e);

/* Print the first lines that differ; true if there are none */
bool text_compare(const char *what, const char *a, const char *b);

/**
 * rules_make_certain() - take time and chance out of rules
 * @saved:	text of iptables-save
 * @done:	what was done is appended to it
 *
 * Return: the changed text, NULL if there was nothing to change.
 */
char *rules_make_certain(const char *saved, struct text *done);

enum change_kind {
	CHANGE_NONE,
	CHANGE_NEVER,
	CHANGE_EDGE,
};

/**
 * change_rule() - make the second side's ruleset wrong
 * @in:		its text for that side is replaced
 * @rs:		the ruleset
 * @before:	tables with their counters before any packet
 * @after:	the same when all were through: who was hit is chosen from
 * @kind:	how to change
 * @seed:	of the choice
 *
 * Return: index of the changed rule, -1 if there is none to change.
 */
int change_rule(struct input *in, const struct ruleset *rs,
		const struct entries *before, const struct entries *after,
		enum change_kind kind, uint64_t seed);

#endif /* DIFF_COMPARE_H */
