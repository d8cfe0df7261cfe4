// SPDX-License-Identifier: GPL-2.0
/* bpfilter loaded, bpfilter unload - tables that "load" put in force */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "cmd_pin.h"
#include "cmd_text.h"
#include "cmd_track.h"
#include "cmd_translate.h"
#include "hooks.h"

/**
 * struct loaded_table - one such table
 * @fam:	its family
 * @name:	its name
 * @p:		what is pinned of it, owned
 * @t:		its ruleset, owned
 * @text:	a line for each rule, owned
 */
struct loaded_table {
	const struct table_family *fam;
	char name[XT_TABLE_MAXNAMELEN];
	struct pinned p;
	struct translation t;
	struct text text;
};

/**
 * struct loaded_tables - all of them
 * @table:	tables, owned
 * @num:	number of @table
 */
struct loaded_tables {
	struct loaded_table *table;
	unsigned int num;
};

/* Gathering */

static int loaded_error(struct cmd_ctx *ctx, const struct table_family *fam,
			const char *name, int err)
{
	return cmd_error(ctx, "%s table \"%s\": %s", fam->word, name,
			 err == -EPROTONOSUPPORT ?
			 "loaded by another version of this command" :
			 strerror(-err));
}

static int table_read(struct cmd_ctx *ctx, const struct pins *pins,
		      struct loaded_table *t)
{
	struct refusal why = {};
	int err;

	err = pins_read(pins, t->fam->family, t->name, &t->p);
	if (!err)
		err = translation_read(&t->t, t->p.blob, t->p.size,
				       t->fam->family, &why);
	if (!err)
		err = text_make(t->p.blob, t->t.rs, &t->text);
	return err ? loaded_error(ctx, t->fam, t->name, err) : CMD_OK;
}

static int family_read(struct cmd_ctx *ctx, const struct pins *pins,
		       const struct table_family *fam,
		       struct loaded_tables *all)
{
	struct pin_names names;
	int err, ret = CMD_OK;
	unsigned int i;
	void *p;

	err = pins_tables(pins, fam->family, &names);
	p = err ? NULL : reallocarray(all->table, all->num + names.num + 1,
				      sizeof(*all->table));
	if (!p)
		ret = loaded_error(ctx, fam, "", err ? err : -ENOMEM);
	else
		all->table = p;
	for (i = 0; ret == CMD_OK && i < names.num; i++) {
		struct loaded_table *t = &all->table[all->num++];

		memset(t, 0, sizeof(*t));
		t->fam = fam;
		memcpy(t->name, names.name[i], sizeof(t->name));
		ret = table_read(ctx, pins, t);
	}
	free(names.name);
	return ret;
}

static void tables_free(struct loaded_tables *all)
{
	unsigned int i;

	for (i = 0; i < all->num; i++) {
		pinned_free(&all->table[i].p);
		translation_free(&all->table[i].t);
		text_free(&all->table[i].text);
	}
	free(all->table);
}

/* Printing */

/* Rules that iptables lists, and policies */
static bool is_listed(const struct ir_ruleset *rs, uint32_t i)
{
	const struct ir_rule *rule = &rs->rules[i];

	if (rule->is_head || rule->chain < 0)
		return false;
	return rule->is_policy || rs->chains[rule->chain].hook >= 0 ||
	       i + 1 < rs->chains[rule->chain].listed_end;
}

/* A hook whose policy accepts and that has no rules has no program */
static bool is_counted(const struct loaded_table *t, const struct ir_rule *rule)
{
	int hook = t->t.rs->chains[rule->chain].hook;

	return hook < 0 || t->p.hook[hook].link_id;
}

static void rule_plain(const struct loaded_table *t, uint32_t i)
{
	const struct xt_counters *c = &t->p.counters[i];

	if (is_counted(t, &t->t.rs->rules[i]))
		printf("        [%llu:%llu] ", (unsigned long long)c->pcnt,
		       (unsigned long long)c->bcnt);
	else
		printf("        [-:-] ");
	printf("%s\n", text_line(&t->text, i));
}

static void rule_json(json_writer_t *json, const struct loaded_table *t,
		      uint32_t i)
{
	const struct ir_rule *rule = &t->t.rs->rules[i];

	jsonw_start_object(json);
	jsonw_string_field(json, "chain", t->t.rs->chains[rule->chain].name);
	if (rule->is_policy)
		jsonw_bool_field(json, "policy", true);
	else
		jsonw_uint_field(json, "rule", rule->number);
	jsonw_string_field(json, "text", text_line(&t->text, i));
	if (is_counted(t, rule)) {
		jsonw_uint_field(json, "packets", t->p.counters[i].pcnt);
		jsonw_uint_field(json, "bytes", t->p.counters[i].bcnt);
	}
	jsonw_end_object(json);
}

static void hook_plain(const struct pin_hook *h, int hook)
{
	printf("        %s  link %u  prog %u  priority %d\n",
	       bpfilter_ir_hook_name(hook), h->link_id, h->prog_id,
	       h->priority);
}

static void hook_json(json_writer_t *json, const struct pin_hook *h, int hook)
{
	jsonw_start_object(json);
	jsonw_string_field(json, "hook", bpfilter_ir_hook_name(hook));
	jsonw_uint_field(json, "link", h->link_id);
	jsonw_uint_field(json, "prog", h->prog_id);
	jsonw_int_field(json, "priority", h->priority);
	jsonw_end_object(json);
}

static void table_plain(const struct loaded_table *t)
{
	uint32_t i;
	int hook;

	printf("    %s %s\n", t->fam->word, t->name);
	for (hook = 0; hook < BPFILTER_NUMHOOKS; hook++)
		if (t->p.hook[hook].link_id)
			hook_plain(&t->p.hook[hook], hook);
	for (i = 0; i < t->p.num; i++)
		if (is_listed(t->t.rs, i))
			rule_plain(t, i);
}

static void table_json(json_writer_t *json, const struct loaded_table *t)
{
	uint32_t i;
	int hook;

	jsonw_start_object(json);
	jsonw_string_field(json, "family", t->fam->word);
	jsonw_string_field(json, "name", t->name);
	jsonw_name(json, "hooks");
	jsonw_start_array(json);
	for (hook = 0; hook < BPFILTER_NUMHOOKS; hook++)
		if (t->p.hook[hook].link_id)
			hook_json(json, &t->p.hook[hook], hook);
	jsonw_end_array(json);
	jsonw_name(json, "rules");
	jsonw_start_array(json);
	for (i = 0; i < t->p.num; i++)
		if (is_listed(t->t.rs, i))
			rule_json(json, t, i);
	jsonw_end_array(json);
	jsonw_end_object(json);
}

static void tables_print(struct cmd_ctx *ctx, const struct pins *pins,
			 const struct loaded_tables *all)
{
	unsigned int i;

	if (!ctx->json) {
		printf("netns %llu\n", (unsigned long long)pins->netns);
		for (i = 0; i < all->num; i++)
			table_plain(&all->table[i]);
		return;
	}
	jsonw_start_object(ctx->json);
	jsonw_uint_field(ctx->json, "netns", pins->netns);
	jsonw_name(ctx->json, "tables");
	jsonw_start_array(ctx->json);
	for (i = 0; i < all->num; i++)
		table_json(ctx->json, &all->table[i]);
	jsonw_end_array(ctx->json);
	jsonw_end_object(ctx->json);
}

/**
 * cmd_loaded - the command "loaded"
 * @ctx:	options
 * @argc:	number of arguments, it takes none
 * @argv:	arguments
 *
 * Return: enum cmd_status
 */
int cmd_loaded(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct loaded_tables all = {};
	int ret = CMD_OK;
	struct pins pins;
	unsigned int i;

	if (argc)
		return cmd_usage(ctx, "loaded takes no argument \"%s\"", argv[0]);
	ret = pins_open(ctx, &pins);
	if (ret != CMD_OK)
		return ret;
	for (i = 0; ret == CMD_OK && i < TABLE_NUM_FAMILIES; i++)
		ret = family_read(ctx, &pins, &table_families[i], &all);
	if (ret == CMD_OK)
		tables_print(ctx, &pins, &all);
	tables_free(&all);
	pins_close(&pins);
	return ret;
}

/* Unloading */

/* Connections are tracked for as long as there is a table */
static int release_idle(const struct pins *pins, uint16_t family)
{
	struct pin_names names;
	int err = pins_tables(pins, family, &names);
	bool idle = !names.num;

	free(names.name);
	if (!err && idle)
		track_release(family);
	return err;
}

static bool is_loaded(const struct pin_names *names, const char *name)
{
	unsigned int i;

	for (i = 0; i < names->num; i++)
		if (!strcmp(names->name[i], name))
			return true;
	return false;
}

/* Also what a command that was killed left of a table */
static int remove_tables(const struct pins *pins, uint16_t family,
			 const char *only)
{
	int i, err = 0;

	for (i = 0; !err && i < BPFILTER_NUM_TABLES; i++) {
		const char *name = bpfilter_table_hooks[i].name;

		if (!only || !strcmp(only, name))
			err = pins_remove(pins, family, name);
	}
	return err;
}

static int unload_tables(struct cmd_ctx *ctx, const struct pins *pins,
			 const char *only)
{
	const struct table_family *fam = table_family_find(ctx->family);
	struct pin_names names;
	bool there;
	int err;

	err = pins_tables(pins, fam->family, &names);
	there = !only || is_loaded(&names, only);
	free(names.name);
	if (!err)
		err = remove_tables(pins, fam->family, only);
	if (!err)
		err = release_idle(pins, fam->family);
	if (!err && !there)
		err = -ENOENT;
	return err ? loaded_error(ctx, fam, only ? only : "", err) : CMD_OK;
}

/**
 * cmd_unload - the command "unload"
 * @ctx:	options
 * @argc:	number of arguments
 * @argv:	arguments: [TABLE]
 *
 * Return: enum cmd_status
 */
int cmd_unload(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct pins pins;
	int ret;

	if (argc > 1)
		return cmd_usage(ctx, "unload takes one table at most");
	ret = pins_open(ctx, &pins);
	if (ret != CMD_OK)
		return ret;
	ret = unload_tables(ctx, &pins, argc ? argv[0] : NULL);
	pins_close(&pins);
	return ret;
}
