// SPDX-License-Identifier: GPL-2.0
/*
 * What there is in a table
 *
 * Which extensions became instructions is told by the library that the helper
 * has too: the same blob gives the same answer.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "compile.h"
#include "match.h"

static int ext_compare(const void *a, const void *b)
{
	const struct rules_ext *x = a, *y = b;
	int ret;

	if (x->is_target != y->is_target)
		return x->is_target - y->is_target;
	ret = strcmp(x->name, y->name);
	return ret ? ret : x->revision - y->revision;
}

/**
 * struct ext_use - extensions while they are counted
 * @rules:	where they are listed
 * @last:	for each of them 1 + the rule that counted last
 */
struct ext_use {
	struct rules *rules;
	struct {
		uint32_t translated;
		uint32_t bridged;
	} *last;
};

static int ext_find(struct ext_use *use, const struct rules_ext *want)
{
	struct rules *rules = use->rules;
	uint32_t i;
	void *p;

	for (i = 0; i < rules->num_exts; i++)
		if (!ext_compare(&rules->exts[i], want))
			return i;

	p = reallocarray(rules->exts, i + 1, sizeof(*rules->exts));
	if (!p)
		return -ENOMEM;
	rules->exts = p;
	p = reallocarray(use->last, i + 1, sizeof(*use->last));
	if (!p)
		return -ENOMEM;
	use->last = p;
	rules->exts[i] = *want;
	memset(&use->last[i], 0, sizeof(use->last[i]));
	rules->num_exts++;
	return i;
}

/* A rule counts once however often it has the extension */
static void count_once(uint32_t *count, uint32_t *last, uint32_t rule)
{
	if (*last != rule + 1)
		(*count)++;
	*last = rule + 1;
}

static int ext_add(struct ext_use *use, uint32_t rule, bool is_target,
		   const char *name, uint8_t revision, bool bridged)
{
	struct rules_ext want = {
		.is_target = is_target,
		.revision = revision,
	};
	int i;

	snprintf(want.name, sizeof(want.name), "%s", name);
	i = ext_find(use, &want);
	if (i < 0)
		return i;
	if (bridged)
		count_once(&use->rules->exts[i].bridged,
			   &use->last[i].bridged, rule);
	else
		count_once(&use->rules->exts[i].translated,
			   &use->last[i].translated, rule);
	return 0;
}

static int translated_add(struct ext_use *use, const struct ir_ruleset *rs,
			  uint32_t index)
{
	const struct ir_rule *rule = &rs->rules[index];
	int ret = 0;
	uint32_t i;

	for (i = 0; i < rule->num_matches && !ret; i++) {
		const struct match_desc *desc =
			rs->matches[rule->first_match + i].desc;

		if (desc)
			ret = ext_add(use, index, false, desc->name,
				      desc->revision, false);
	}
	if (rule->target && !ret)
		ret = ext_add(use, index, true, rule->target->name,
			      rule->target->revision, false);
	return ret;
}

static int exts_add(struct ext_use *use, const struct ir_ruleset *rs)
{
	int ret = 0;
	uint32_t i;

	for (i = 0; i < rs->num_rules && !ret; i++)
		ret = translated_add(use, rs, i);
	for (i = 0; i < rs->num_bridged && !ret; i++) {
		const struct ir_bridged *b = &rs->bridged[i];

		ret = ext_add(use, b->rule, b->is_target, b->name, b->revision,
			      true);
	}
	return ret;
}

/*
 * A user chain has a head and an end that iptables does not list, a hook its
 * policy, and the table a last entry that looks like a head.
 */
static int rules_count(const struct ir_ruleset *rs, struct rules *rules)
{
	uint32_t hidden, heads = 0;
	uint32_t i;

	for (i = 0; i < rs->num_rules; i++)
		heads += rs->rules[i].is_head;
	if (!heads)
		return -EPROTO;
	rules->chains = heads - 1;
	hidden = 1 + 2 * rules->chains + __builtin_popcount(rs->valid_hooks);
	if (hidden > rs->num_rules)
		return -EPROTO;
	rules->rules = rs->num_rules - hidden;
	return 0;
}

/**
 * rules_read - count what a table has
 * @blob:	the table as table_fetch() filled it
 * @family:	NFPROTO_IPV4 or NFPROTO_IPV6
 * @rules:	filled, released with rules_free(); empty after an error
 *
 * Return: 0 or a negative errno
 */
int rules_read(const struct ipt_replace *blob, uint16_t family,
	       struct rules *rules)
{
	struct ext_use use = { .rules = rules };
	struct refusal why = {};
	struct ir_ruleset *rs;
	int ret;

	memset(rules, 0, sizeof(*rules));
	ret = bpfilter_blob_read(blob, table_blob_size(blob), family, &rs,
				 &why);
	if (ret)
		goto out;
	ret = rules_count(rs, rules);
	if (!ret)
		ret = exts_add(&use, rs);
	if (!ret && rules->num_exts)
		qsort(rules->exts, rules->num_exts, sizeof(*rules->exts),
		      ext_compare);
	free(use.last);
out:
	if (ret)
		rules_free(rules);
	bpfilter_ir_free(rs);
	return ret;
}

/**
 * rules_free - release what rules_read() filled
 * @rules:	the rules, left empty
 */
void rules_free(struct rules *rules)
{
	free(rules->exts);
	memset(rules, 0, sizeof(*rules));
}
