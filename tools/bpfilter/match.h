/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_MATCH_H
#define BPFILTER_MATCH_H

#include <stdint.h>
#include <stdio.h>

#include "ir.h"

struct parse_ctx;

/* What a parser returns to leave an extension to the kernel's own code */
#define PARSE_BRIDGE	1

/**
 * struct match_desc - a match extension that the translator understands
 * @name:	as the kernel registers it
 * @revision:	the one revision that this describes
 * @family:	NFPROTO_IPV4, NFPROTO_IPV6 or NFPROTO_UNSPEC for both
 * @proto:	protocol that the rule must ask for, 0 for any
 * @hooks:	mask of hooks it may be reached from, 0 for any
 * @table:	the only table it may stand in, NULL for any
 * @size:	bytes of its data before alignment
 * @parse:	append the tests that @data stands for, with ir_test_add().
 *		Returns 0, a negative errno, or PARSE_BRIDGE for what the
 *		translator has no tests for: then those already appended are
 *		taken back and the kernel's own match is asked
 * @print:	write what iptables-save has behind "-m NAME" for @data, see
 *		ir_text.h; asked for what @parse did not bridge
 * @alias:	the name that iptables-save has for @data instead of @name, or
 *		NULL if it is @name; NULL if it always is
 *
 * The blob reader checks the members up to @size on its own. A match without a
 * descriptor is bridged.
 */
struct match_desc {
	const char *name;
	uint8_t revision;
	uint8_t family;
	uint16_t proto;
	uint32_t hooks;
	const char *table;
	uint32_t size;
	int (*parse)(struct parse_ctx *ctx, const void *data);
	void (*print)(FILE *out, const void *data);
	const char *(*alias)(const void *data);
};

/* One array of descriptors per match_<name>.c, listed in registry.c */
struct match_group {
	const struct match_desc *descs;
	unsigned int num;
};

/* match_effects.c */
bool bpfilter_match_may_write(const char *name, uint8_t revision);
bool bpfilter_match_writes(const struct ir_ruleset *rs, const struct ir_test *t);
bool bpfilter_rule_writes(const struct ir_ruleset *rs,
			  const struct ir_rule *rule);
bool bpfilter_rule_asks(const struct ir_ruleset *rs, const struct ir_rule *rule);

/**
 * enum target_effect - what a bridged target can change and go on
 * @TARGET_EFFECT_ANY:	anything: what was read from the packet is read anew
 * @TARGET_EFFECT_NONE:	nothing that a rule of the same run looks at, the mark
 *			apart, which is never kept
 * @TARGET_EFFECT_ENDS:	it never goes on
 */
enum target_effect {
	TARGET_EFFECT_ANY,
	TARGET_EFFECT_NONE,
	TARGET_EFFECT_ENDS,
};

/**
 * struct target_desc - a target extension that the translator knows
 * @name:	as the kernel registers it
 * @revision:	the one revision that this describes
 * @family:	NFPROTO_IPV4, NFPROTO_IPV6 or NFPROTO_UNSPEC for both
 * @size:	bytes of its data before alignment, if it has a @parse
 * @table:	the only table it may stand in, NULL for any; likewise
 * @effect:	if it is bridged
 * @parse:	fill the rule's action; NULL: always bridged. Unlike a match's, @data
 *		can stand at any address. Returns as that of struct match_desc
 * @print:	write what iptables-save has behind "-j NAME" for such @data, if it
 *		has a @parse
 *
 * A target without a descriptor is bridged with TARGET_EFFECT_ANY.
 */
struct target_desc {
	const char *name;
	uint8_t revision;
	uint8_t family;
	uint32_t size;
	const char *table;
	enum target_effect effect;
	int (*parse)(struct parse_ctx *ctx, struct ir_rule *rule,
		     const void *data);
	void (*print)(FILE *out, const void *data);
};

/* One array of descriptors per target_<name>.c, listed in registry_target.c */
struct target_group {
	const struct target_desc *descs;
	unsigned int num;
};

const struct target_desc *bpfilter_target_find(const char *name,
					       uint8_t revision,
					       uint16_t family);

const struct match_desc *bpfilter_match_find(const char *name, uint8_t revision,
					     uint16_t family);

int ir_test_add(struct parse_ctx *ctx, const struct ir_test *test);

#endif /* BPFILTER_MATCH_H */
