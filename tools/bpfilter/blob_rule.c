// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/netfilter.h>

#include "blob.h"
#include "parse.h"

/* What a rule says: its base header, its matches, its target */

/*
 * Names are compared as strings, so one that fills its field is none. It is
 * shown as far as it goes.
 */
static int parse_name(struct parse_ctx *ctx, const char *what,
		      const char *field, uint8_t revision,
		      char name[XT_EXTENSION_MAXNAMELEN + 1])
{
	memcpy(name, field, XT_EXTENSION_MAXNAMELEN);
	name[XT_EXTENSION_MAXNAMELEN] = '\0';
	ctx->where.what = what;
	ctx->where.name = name;
	ctx->where.revision = revision;
	if (strlen(name) == XT_EXTENSION_MAXNAMELEN)
		return parse_invalid(ctx, EINVAL, "name without an end");
	return 0;
}

/* As xt_check_match(), what it does before the match's own check */
static int check_match(struct parse_ctx *ctx, const struct match_desc *desc,
		       uint32_t size, uint32_t comefrom)
{
	if (XT_ALIGN(desc->size) != size)
		return parse_invalid(ctx, EINVAL, "%u bytes, must be %zu", size,
				     (size_t)XT_ALIGN(desc->size));
	if (desc->table && strcmp(desc->table, ctx->rs->table))
		return parse_invalid(ctx, EINVAL, "only in table %s",
				     desc->table);
	if (desc->hooks && (comefrom & ~desc->hooks))
		return parse_invalid(ctx, EINVAL, "not from hooks 0x%x",
				     comefrom & ~desc->hooks);
	if (desc->proto && (desc->proto != ctx->proto ||
			    parse_rule_proto_inverted(ctx)))
		return parse_invalid(ctx, EINVAL, "only for protocol %u",
				     desc->proto);
	return 0;
}

/*
 * Leave the extension that @ctx names to the kernel. The caller says so in the
 * rule: the index is that of the last element then.
 */
static int bridge_add(struct parse_ctx *ctx, const struct ir_rule *rule,
		      struct ir_bridged *bridged)
{
	bridged->rule = rule - ctx->rs->rules;
	bridged->revision = ctx->where.revision;
	snprintf(bridged->name, sizeof(bridged->name), "%s", ctx->where.name);
	if (bpfilter_ir_bridged_add(ctx->rs, bridged))
		return parse_nomem(ctx);
	return 0;
}

static int bridge_match(struct parse_ctx *ctx, const struct ir_rule *rule,
			uint32_t offset)
{
	struct ir_bridged bridged = { .offset = offset };
	struct ir_test test = {
		.kind = IR_TEST_BRIDGE,
		.value = ctx->rs->num_bridged,
	};
	int ret;

	ret = bridge_add(ctx, rule, &bridged);
	if (ret)
		return ret;
	return ir_test_add(ctx, &test);
}

/* Returns 0, a negative errno, or PARSE_BRIDGE with the match as it was */
static int translate_match(struct parse_ctx *ctx, const struct match_desc *desc,
			   struct ir_match *match, const void *data)
{
	struct ir_ruleset *rs = ctx->rs;
	uint32_t tests = rs->num_tests;
	uint32_t ranges = rs->num_ranges;
	int ret;

	match->desc = desc;
	ret = desc->parse(ctx, data);
	if (ret == PARSE_BRIDGE) {
		rs->num_tests = tests;
		rs->num_ranges = ranges;
		match->desc = NULL;
		match->num = 0;
	}
	return ret;
}

static int parse_match(struct parse_ctx *ctx, struct ir_rule *rule,
		       const struct xt_entry_match *m, uint32_t offset)
{
	char name[XT_EXTENSION_MAXNAMELEN + 1];
	const struct match_desc *desc;
	struct ir_match *match;
	int ret;

	ret = parse_name(ctx, "match", m->u.user.name, m->u.user.revision,
			 name);
	if (ret)
		return ret;
	match = bpfilter_ir_match_add(ctx->rs);
	if (!match)
		return parse_nomem(ctx);
	rule->num_matches++;

	desc = bpfilter_match_find(name, m->u.user.revision, ctx->rs->family);
	if (!desc)
		return bridge_match(ctx, rule, offset);
	ret = check_match(ctx, desc, m->u.match_size - sizeof(*m),
			  rule->comefrom);
	if (!ret)
		ret = translate_match(ctx, desc, match, m->data);
	if (ret == PARSE_BRIDGE)
		ret = bridge_match(ctx, rule, offset);
	return ret;
}

static int parse_matches(struct parse_ctx *ctx, struct ir_rule *rule,
			 const char *entry, uint32_t pos, uint32_t end)
{
	const struct xt_entry_match *m;
	int ret = 0;

	while (pos < end && !ret) {
		m = (const void *)(entry + pos);
		ret = parse_match(ctx, rule, m, pos);
		pos += m->u.match_size;
	}
	return ret;
}

/*
 * Native has its two own targets in revision 0 only, and as any target they
 * must have the right size.
 */
static int parse_builtin(struct parse_ctx *ctx, uint32_t size, uint32_t want)
{
	if (ctx->where.revision)
		return parse_invalid(ctx, ENOENT, "no such target");
	if (size != XT_ALIGN(want))
		return parse_invalid(ctx, EINVAL, "%u bytes, must be %zu", size,
				     (size_t)XT_ALIGN(want));
	return 0;
}

static int bridge_target(struct parse_ctx *ctx, struct ir_rule *rule,
			 uint32_t offset, bool is_final)
{
	struct ir_bridged bridged = {
		.offset = offset,
		.is_target = true,
		.is_final = is_final,
	};

	rule->action = IR_ACTION_BRIDGE;
	rule->target = NULL;
	rule->bridged = ctx->rs->num_bridged;
	return bridge_add(ctx, rule, &bridged);
}

/* Without a name of its own a queue would be listed as nothing */
static int parse_standard(struct parse_ctx *ctx, struct ir_rule *rule,
			  uint32_t offset, uint32_t size, int32_t verdict)
{
	int ret = parse_builtin(ctx, size, sizeof(int));

	if (ret || verdict != -NF_QUEUE - 1)
		return ret;
	ctx->where.name = "QUEUE";
	return bridge_target(ctx, rule, offset, true);
}

/* As xt_check_target(), what it does before the target's own check */
static int check_target(struct parse_ctx *ctx, const struct target_desc *desc,
			uint32_t size)
{
	if (XT_ALIGN(desc->size) != size)
		return parse_invalid(ctx, EINVAL, "%u bytes, must be %zu", size,
				     (size_t)XT_ALIGN(desc->size));
	if (desc->table && strcmp(desc->table, ctx->rs->table))
		return parse_invalid(ctx, EINVAL, "only in table %s",
				     desc->table);
	return 0;
}

static int translate_target(struct parse_ctx *ctx, struct ir_rule *rule,
			    const struct target_desc *desc, const void *data,
			    uint32_t size)
{
	int ret;

	if (!desc || !desc->parse)
		return PARSE_BRIDGE;
	ret = check_target(ctx, desc, size);
	if (ret)
		return ret;
	rule->target = desc;
	return desc->parse(ctx, rule, data);
}

static int parse_extension(struct parse_ctx *ctx, struct ir_rule *rule,
			   const void *data, uint32_t offset, uint32_t size)
{
	const struct target_desc *desc;
	int ret;

	desc = bpfilter_target_find(ctx->where.name, ctx->where.revision,
				    ctx->rs->family);
	ret = translate_target(ctx, rule, desc, data, size);
	if (ret == PARSE_BRIDGE)
		ret = bridge_target(ctx, rule, offset, false);
	return ret;
}

static int parse_target(struct parse_ctx *ctx, struct ir_rule *rule,
			const char *entry, uint32_t offset,
			const struct blob_entry *be)
{
	struct xt_entry_target t = blob_target_at(entry, offset);
	uint32_t size = t.u.target_size - sizeof(t);
	char name[XT_EXTENSION_MAXNAMELEN + 1];
	int ret;

	ret = parse_name(ctx, "target", t.u.user.name, t.u.user.revision, name);
	if (ret)
		return ret;
	switch (be->kind) {
	case BLOB_TARGET_STANDARD:
		return parse_standard(ctx, rule, offset, size, be->verdict);
	case BLOB_TARGET_ERROR:
		return parse_builtin(ctx, size, XT_FUNCTION_MAXNAMELEN);
	case BLOB_TARGET_OTHER:
		return parse_extension(ctx, rule, entry + offset + sizeof(t),
				       offset, size);
	}
	return 0;
}

static int parse_rule(struct blob *b, uint32_t index)
{
	const struct blob_head e = blob_head_at(b, index);
	const char *entry = blob_entry_at(b, index);
	struct ir_rule *rule = &b->rs->rules[index];
	struct parse_ctx ctx = {
		.rs = b->rs,
		.why = b->why,
		.where = blob_where(b, index),
		.proto = e.proto,
		.flags = e.flags,
		.invflags = e.invflags,
	};
	int ret;

	rule->first_match = b->rs->num_matches;
	if (!bpfilter_ir_match_add(b->rs))
		return blob_nomem(b);
	rule->num_matches = 1;
	ret = b->fam->parse_base(&ctx, rule, entry);
	if (!ret)
		ret = parse_matches(&ctx, rule, entry, b->fam->entry_size,
				    e.target_offset);
	if (!ret)
		ret = parse_target(&ctx, rule, entry, e.target_offset,
				   &b->entries[index]);
	return ret;
}

/**
 * blob_parse_rules() - turn the entries' matches into tests
 * @b:	the reader, the way through its entries checked
 *
 * It stops at the first refusal: rules behind have no matches then.
 *
 * Return: 0 or a negative errno, see bpfilter_blob_read().
 */
int blob_parse_rules(struct blob *b)
{
	int ret = 0;

	for (uint32_t i = 0; i < b->rs->num_rules && !ret; i++)
		ret = parse_rule(b, i);
	return ret;
}
