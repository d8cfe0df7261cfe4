// SPDX-License-Identifier: GPL-2.0
/*
 * bpfilter show - helper, tables, programs and sizes
 *
 * All is gathered first, namespace by namespace; what may not be known
 * (programs without CAP_SYS_ADMIN, a table that vanishes) is left out of the
 * print rather than an error.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd_show.h"

/* Gathering */

static void table_plan_add(struct show_table *t, const struct ipt_replace *blob)
{
	int ret;

	t->translation = calloc(1, sizeof(*t->translation));
	if (!t->translation)
		return;
	ret = translation_read(t->translation, blob, table_blob_size(blob),
			       t->fam->family, &t->refusal);
	if (!ret)
		ret = translation_make(t->translation, &t->refusal);
	if (ret && !t->refusal.text[0])
		snprintf(t->refusal.text, sizeof(t->refusal.text), "%s",
			 strerror(-ret));
}

static void table_rules_add(const struct cmd_ctx *ctx, int sk,
			    struct show_table *t)
{
	struct ipt_replace *blob;

	if (table_fetch(sk, t->fam, t->name, &blob))
		return;
	t->entries = blob->num_entries;
	t->size = blob->size;
	t->sized = !rules_read(blob, t->fam->family, &t->rules);
	if (ctx->plan)
		table_plan_add(t, blob);
	free(blob);
}

/* Besides the counters a program can have a map of rules that are data */
static void table_data_add(struct show_table *t, const struct prog_desc *prog)
{
	uint32_t i;

	for (i = 0; i < prog->num_maps; i++)
		if (prog->map_id[i] != t->owned->counter_map_id)
			t->data_map_id = prog->map_id[i];
}

static void table_progs_add(struct show_table *t)
{
	unsigned int hook;

	for (hook = 0; hook < BPFILTER_NUMHOOKS; hook++) {
		uint32_t id = t->owned->prog_id[hook];

		if (!id || prog_describe(id, &t->prog[hook]))
			continue;
		t->known |= 1U << hook;
		table_data_add(t, &t->prog[hook]);
	}
	if (t->data_map_id && map_bytes(t->data_map_id, &t->data_bytes))
		t->data_bytes = 0;
	if (t->owned->counter_map_id &&
	    map_bytes(t->owned->counter_map_id, &t->map_bytes))
		t->map_bytes = 0;
}

static struct show_table *netns_table_add(const struct cmd_ctx *ctx,
					  struct show_netns *ns, int sk,
					  const struct table_family *fam,
					  const char *name)
{
	struct show_table *t;

	t = realloc(ns->tables, (ns->num_tables + 1) * sizeof(*t));
	if (!t)
		return NULL;
	ns->tables = t;
	t += ns->num_tables++;
	memset(t, 0, sizeof(*t));
	t->fam = fam;
	snprintf(t->name, sizeof(t->name), "%s", name);
	table_rules_add(ctx, sk, t);
	return t;
}

static int netns_owned_add(const struct cmd_ctx *ctx, struct show_netns *ns,
			   int sk, const struct table_family *fam)
{
	unsigned int i;

	for (i = 0; i < ns->status->num_tables; i++) {
		const struct bpfilter_status_table *st = &ns->status->tables[i];
		struct show_table *t;

		if (st->family != fam->family)
			continue;
		t = netns_table_add(ctx, ns, sk, fam, st->name);
		if (!t)
			return -ENOMEM;
		t->owned = st;
		table_progs_add(t);
	}
	return 0;
}

static int netns_native_add(const struct cmd_ctx *ctx, struct show_netns *ns,
			    int sk, const struct table_family *fam)
{
	struct table_names names;
	unsigned int i;
	int ret;

	ret = table_names(fam, &names);
	for (i = 0; !ret && i < names.num; i++)
		if (!table_is_owned(ns->status, fam, names.name[i]) &&
		    !netns_table_add(ctx, ns, sk, fam, names.name[i]))
			ret = -ENOMEM;
	free(names.name);
	return ret;
}

/* A kernel without a family has no tables of it */
static int netns_family_add(const struct cmd_ctx *ctx, struct show_netns *ns,
			    const struct table_family *fam)
{
	int sk, ret;

	sk = table_socket(fam);
	if (sk < 0)
		return sk == -EAFNOSUPPORT ? 0 : sk;
	ret = netns_owned_add(ctx, ns, sk, fam);
	if (!ret)
		ret = netns_native_add(ctx, ns, sk, fam);
	close(sk);
	return ret;
}

static int netns_gather(const struct cmd_ctx *ctx, struct show_netns *ns)
{
	unsigned int i;
	int sk, ret;

	sk = table_socket(&table_families[0]);
	if (sk < 0)
		return sk;
	ret = table_status(sk, &ns->status);
	close(sk);
	for (i = 0; !ret && i < TABLE_NUM_FAMILIES; i++)
		ret = netns_family_add(ctx, ns, &table_families[i]);
	return ret;
}

static int show_named_add(const struct cmd_ctx *ctx, struct show *show,
			  const struct netns_list *list)
{
	struct show_netns *ns;
	unsigned int i;

	ns = realloc(show->ns, (1 + list->num) * sizeof(*ns));
	if (!ns)
		return -ENOMEM;
	show->ns = ns;

	for (i = 0; i < list->num; i++) {
		/* The one that came first under no name */
		if (netns_is_current(list->names[i])) {
			show->ns[0].name = list->names[i];
			continue;
		}
		ns = &show->ns[show->num++];
		memset(ns, 0, sizeof(*ns));
		ns->name = list->names[i];
	}

	/* Each is asked from within, so none of them is asked above */
	for (i = 1; i < show->num; i++) {
		ns = &show->ns[i];
		ns->error = netns_enter(ns->name);
		if (!ns->error)
			ns->error = netns_gather(ctx, ns);
	}
	return 0;
}

static void netns_free(struct show_netns *ns)
{
	unsigned int i;

	for (i = 0; i < ns->num_tables; i++) {
		rules_free(&ns->tables[i].rules);
		if (ns->tables[i].translation)
			translation_free(ns->tables[i].translation);
		free(ns->tables[i].translation);
	}
	free(ns->tables);
	free(ns->status);
}

static void show_free(struct show *show)
{
	unsigned int i;

	for (i = 0; i < show->num; i++)
		netns_free(&show->ns[i]);
	free(show->ns);
}

static int show_run(struct cmd_ctx *ctx, struct show *show,
		    const struct netns_list *list)
{
	int ret;

	show->ns = calloc(1, sizeof(*show->ns));
	if (!show->ns)
		return cmd_error(ctx, "%s", table_error(-ENOMEM));
	show->num = 1;
	show->ns[0].name = ctx->netns;

	ret = netns_gather(ctx, &show->ns[0]);
	if (!ret)
		ret = show_named_add(ctx, show, list);
	if (ret)
		return cmd_error(ctx, "%s", table_error(ret));

	show_print(ctx, show);
	return CMD_OK;
}

/**
 * cmd_show - the command "show"
 * @ctx:	options
 * @argc:	number of arguments, it takes none
 * @argv:	arguments
 *
 * Return: enum cmd_status
 */
int cmd_show(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct netns_list list = {};
	struct show show = {};
	int ret;

	if (argc)
		return cmd_usage(ctx, "show takes no argument \"%s\"", argv[0]);

	ret = ctx->all ? netns_list(&list) : 0;
	if (ret)
		ret = cmd_error(ctx, "list of network namespaces: %s",
				strerror(-ret));
	else
		ret = show_run(ctx, &show, &list);
	show_free(&show);
	netns_list_free(&list);
	return ret;
}
