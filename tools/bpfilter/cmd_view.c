// SPDX-License-Identifier: GPL-2.0
/*
 * Tables, live or from a file, with text and translation
 *
 * The translation is made here by the library that the helper has too. A table
 * that it refuses has a reason instead, and its text if it could be read.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include "cmd_source.h"
#include "cmd_view.h"

/* One table */

static void view_refuse(struct view *v, int err)
{
	if (!v->refusal.text[0])
		snprintf(v->refusal.text, sizeof(v->refusal.text), "%s",
			 strerror(-err));
}

static int view_translate(struct view *v)
{
	struct translation *t = &v->translation;
	int ret;

	t->assume = true;
	ret = translation_read(t, v->blob, table_blob_size(v->blob),
			       v->fam->family, &v->refusal);
	if (!ret)
		ret = translation_make(t, &v->refusal);
	if (!ret)
		ret = bpfilter_plan_records(t->rs, &t->img.data, &v->records);
	if (ret)
		view_refuse(v, ret);
	return ret == -ENOMEM ? ret : 0;
}

static struct view *view_add(struct views *views, const struct table_family *fam,
			     const char *name)
{
	struct view *v;

	v = reallocarray(views->view, views->num + 1, sizeof(*v));
	if (!v)
		return NULL;
	views->view = v;
	v += views->num++;
	memset(v, 0, sizeof(*v));
	v->fam = fam;
	snprintf(v->name, sizeof(v->name), "%s", name);
	return v;
}

/* From a file */

static int view_take(struct views *views, struct source_table *table)
{
	struct view *v = view_add(views, table_family_find(table->family),
				  table->name);

	if (!v)
		return -ENOMEM;
	v->blob = table->blob;
	v->text = table->text;
	table->blob = NULL;
	memset(&table->text, 0, sizeof(table->text));
	return view_translate(v);
}

/**
 * views_load - the tables of a file
 * @ctx:	options, the family among them
 * @path:	as source_load() takes it
 * @views:	filled, released with views_free() whatever comes back
 *
 * Return: CMD_OK, or CMD_FAILED after cmd_error()
 */
int views_load(struct cmd_ctx *ctx, const char *path, struct views *views)
{
	struct source src;
	unsigned int i;
	int ret, err = 0;

	memset(views, 0, sizeof(*views));
	ret = source_load(ctx, path, ctx->family, &src);
	for (i = 0; ret == CMD_OK && i < src.num && !err; i++)
		err = view_take(views, &src.tables[i]);
	source_free(&src);
	return err ? cmd_error(ctx, "%s: %s", path, strerror(-err)) : ret;
}

/* Live */

/* A kernel without bpfilter runs all tables itself */
static bool is_native(const struct bpfilter_status *st, const struct view *v)
{
	unsigned int i;

	for (i = 0; st && i < st->num_tables; i++)
		if (st->tables[i].family == v->fam->family &&
		    !strcmp(st->tables[i].name, v->name))
			return false;
	return true;
}

static int view_fetch(struct views *views, int sk,
		      const struct bpfilter_status *st,
		      const struct table_family *fam, const char *name)
{
	struct view *v = view_add(views, fam, name);
	int ret;

	if (!v)
		return -ENOMEM;
	v->native = is_native(st, v);
	ret = table_fetch(sk, fam, name, &v->blob);
	if (!ret)
		ret = view_translate(v);
	if (!ret && v->translation.rs)
		ret = text_make(v->blob, v->translation.rs, &v->text);
	return ret;
}

static int family_fetch(struct views *views, const struct bpfilter_status *st,
			const struct table_family *fam, const char *table)
{
	struct table_names names;
	unsigned int i;
	int sk, ret;

	ret = table_names(fam, &names);
	sk = ret ? ret : table_socket(fam);
	if (sk < 0)
		ret = sk == -EAFNOSUPPORT ? 0 : sk;
	for (i = 0; sk >= 0 && !ret && i < names.num; i++)
		if (!table || !strcmp(table, names.name[i]))
			ret = view_fetch(views, sk, st, fam, names.name[i]);
	if (sk >= 0)
		close(sk);
	free(names.name);
	return ret;
}

static struct bpfilter_status *status_get(void)
{
	struct bpfilter_status *st = NULL;
	int sk = table_socket(&table_families[0]);

	if (sk < 0)
		return NULL;
	if (table_status(sk, &st))
		st = NULL;
	close(sk);
	return st;
}

/**
 * views_fetch - live tables of the current network namespace
 * @ctx:	options
 * @fam:	of which family, NULL: of both
 * @table:	which one, NULL: all
 * @views:	filled, released with views_free() whatever comes back
 *
 * A table that nobody uses yet is not there.
 *
 * Return: CMD_OK, or CMD_FAILED after cmd_error()
 */
int views_fetch(struct cmd_ctx *ctx, const struct table_family *fam,
		const char *table, struct views *views)
{
	struct bpfilter_status *st = status_get();
	unsigned int i;
	int ret = 0;

	memset(views, 0, sizeof(*views));
	for (i = 0; i < TABLE_NUM_FAMILIES && !ret; i++)
		if (!fam || fam == &table_families[i])
			ret = family_fetch(views, st, &table_families[i],
					   table);
	free(st);
	if (ret)
		return cmd_error(ctx, "tables: %s", strerror(-ret));
	if (table && !views->num)
		return cmd_error(ctx, "no table \"%s\" in this network namespace",
				 table);
	return CMD_OK;
}

/**
 * views_free - release tables
 * @views:	the tables, left empty
 */
void views_free(struct views *views)
{
	unsigned int i;

	for (i = 0; i < views->num; i++) {
		struct view *v = &views->view[i];

		free(v->records);
		translation_free(&v->translation);
		text_free(&v->text);
		free(v->blob);
	}
	free(views->view);
	memset(views, 0, sizeof(*views));
}

/* Rules */

/**
 * view_lists - whether iptables lists an entry as a rule
 * @rs:		the ruleset
 * @entry:	its index
 *
 * Return: false for policies, and the heads and ends of chains
 */
bool view_lists(const struct ir_ruleset *rs, uint32_t entry)
{
	const struct ir_rule *rule = &rs->rules[entry];
	const struct ir_chain *chain;

	if (rule->chain < 0 || rule->is_head || rule->is_policy)
		return false;
	chain = &rs->chains[rule->chain];
	return chain->hook >= 0 || entry + 1 < chain->listed_end;
}

/**
 * view_counters - the counters of an entry
 * @v:		the table
 * @entry:	index of the entry
 *
 * Return: its counters
 */
const struct xt_counters *view_counters(const struct view *v, uint32_t entry)
{
	const char *raw = (const char *)v->blob->entries +
			  v->translation.rs->rules[entry].offset;

	if (v->fam->family == NFPROTO_IPV6)
		return &((const struct ip6t_entry *)raw)->counters;
	return &((const struct ipt_entry *)raw)->counters;
}

/**
 * view_rule_name - how a rule is called
 * @rs:		the ruleset
 * @entry:	its index
 * @out:	filled with "CHAIN NUMBER"
 * @size:	bytes of @out
 *
 * Return: @out
 */
const char *view_rule_name(const struct ir_ruleset *rs, uint32_t entry,
			   char *out, size_t size)
{
	const struct ir_rule *rule = &rs->rules[entry];

	snprintf(out, size, "%s %u", rule->chain < 0 ? "" :
		 rs->chains[rule->chain].name, rule->number);
	return out;
}
