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

#include "cmd.h"

/**
 * struct show_table - one table of a network namespace
 * @name:	its name
 * @owned:	the kernel's answer if bpfilter runs it, NULL: native
 * @sized:	@count, @entries and @size are known
 * @count:	what iptables lists
 * @entries:	entries, hidden ones included
 * @size:	bytes of all entries
 * @known:	mask of hooks whose @prog is filled
 * @prog:	by hook
 * @map_bytes:	bytes of the counter map, 0: not known
 */
struct show_table {
	char name[BPFILTER_TABLE_NAMELEN];
	const struct bpfilter_status_table *owned;
	bool sized;
	struct table_count count;
	uint32_t entries;
	uint32_t size;
	uint32_t known;
	struct prog_desc prog[BPFILTER_NUMHOOKS];
	uint64_t map_bytes;
};

/**
 * struct show_netns - one network namespace
 * @name:	its name, NULL: the current one
 * @error:	negative errno if it could not be asked
 * @status:	the kernel's answer, owned
 * @tables:	its tables, owned
 * @num_tables:	number of @tables
 */
struct show_netns {
	const char *name;
	int error;
	struct bpfilter_status *status;
	struct show_table *tables;
	unsigned int num_tables;
};

/**
 * struct show - all that is printed
 * @ns:		network namespaces, the current one first
 * @num:	number of @ns
 */
struct show {
	struct show_netns *ns;
	unsigned int num;
};

static const char *const helper_states[] = {
	[BPFILTER_HELPER_NONE]	= "none",
	[BPFILTER_HELPER_IDLE]	= "idle",
	[BPFILTER_HELPER_BUSY]	= "busy",
};

static const char *helper_state(uint32_t state)
{
	return state < ARRAY_SIZE(helper_states) ? helper_states[state] :
	       "unknown";
}

/* Gathering */

static void table_size_add(int sk, struct show_table *t)
{
	struct ipt_replace *blob;

	if (table_fetch(sk, t->name, &blob))
		return;
	t->entries = blob->num_entries;
	t->size = blob->size;
	t->sized = !table_count(blob, &t->count);
	free(blob);
}

static void table_progs_add(struct show_table *t)
{
	unsigned int hook;

	for (hook = 0; hook < BPFILTER_NUMHOOKS; hook++) {
		uint32_t id = t->owned->prog_id[hook];

		if (id && !prog_describe(id, &t->prog[hook]))
			t->known |= 1U << hook;
	}
	if (t->owned->counter_map_id &&
	    map_bytes(t->owned->counter_map_id, &t->map_bytes))
		t->map_bytes = 0;
}

static struct show_table *netns_table_add(struct show_netns *ns, int sk,
					  const char *name)
{
	struct show_table *t;

	t = realloc(ns->tables, (ns->num_tables + 1) * sizeof(*t));
	if (!t)
		return NULL;
	ns->tables = t;
	t += ns->num_tables++;
	memset(t, 0, sizeof(*t));
	snprintf(t->name, sizeof(t->name), "%s", name);
	table_size_add(sk, t);
	return t;
}

static int netns_owned_add(struct show_netns *ns, int sk)
{
	unsigned int i;

	for (i = 0; i < ns->status->num_tables; i++) {
		const struct bpfilter_status_table *st = &ns->status->tables[i];
		struct show_table *t = netns_table_add(ns, sk, st->name);

		if (!t)
			return -ENOMEM;
		t->owned = st;
		table_progs_add(t);
	}
	return 0;
}

static bool netns_owns(const struct show_netns *ns, const char *name)
{
	unsigned int i;

	for (i = 0; i < ns->status->num_tables; i++)
		if (!strcmp(ns->status->tables[i].name, name))
			return true;
	return false;
}

static int netns_native_add(struct show_netns *ns, int sk)
{
	struct table_names names;
	unsigned int i;
	int ret;

	ret = table_names(&names);
	for (i = 0; !ret && i < names.num; i++)
		if (!netns_owns(ns, names.name[i]) &&
		    !netns_table_add(ns, sk, names.name[i]))
			ret = -ENOMEM;
	free(names.name);
	return ret;
}

static int netns_gather(struct show_netns *ns)
{
	int sk, ret;

	sk = table_socket();
	if (sk < 0)
		return sk;
	ret = table_status(sk, &ns->status);
	if (!ret)
		ret = netns_owned_add(ns, sk);
	if (!ret)
		ret = netns_native_add(ns, sk);
	close(sk);
	return ret;
}

static int show_named_add(struct show *show, const struct netns_list *list)
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
			ns->error = netns_gather(ns);
	}
	return 0;
}

static void show_free(struct show *show)
{
	unsigned int i;

	for (i = 0; i < show->num; i++) {
		free(show->ns[i].status);
		free(show->ns[i].tables);
	}
	free(show->ns);
}

/* Plain output */

static void prog_plain(const struct show_table *t, unsigned int hook)
{
	const struct prog_desc *prog = &t->prog[hook];

	printf("        %s", bpfilter_ir_hook_name(hook));
	if (!t->owned->prog_id[hook])
		printf("  no program");
	else
		printf("  prog %u", t->owned->prog_id[hook]);
	if (t->known & (1U << hook))
		printf("  name %s  xlated %uB  jited %uB", prog->name,
		       prog->xlated, prog->jited);
	printf("\n");
}

static void owned_plain(const struct show_table *t)
{
	const struct bpfilter_status_table *st = t->owned;
	unsigned int hook;

	for (hook = 0; hook < BPFILTER_NUMHOOKS; hook++)
		if (st->valid_hooks & (1U << hook))
			prog_plain(t, hook);

	if (!st->counter_map_id)
		return;
	printf("        counters  map %u", st->counter_map_id);
	if (t->map_bytes)
		printf("  %lluB", (unsigned long long)t->map_bytes);
	printf("\n        compiled in %.3fms  loaded in %.3fms\n",
	       st->compile_ns / 1e6, st->load_ns / 1e6);
}

static void table_plain(const struct show_table *t)
{
	printf("    %s  engine %s", t->name, t->owned ? "bpfilter" : "native");
	if (t->sized)
		printf("  rules %u  chains %u  entries %u  size %uB",
		       t->count.rules, t->count.chains, t->entries, t->size);
	if (t->owned)
		printf("  generation %llu",
		       (unsigned long long)t->owned->generation);
	printf("\n");
	if (t->owned)
		owned_plain(t);
}

static void netns_plain(const struct show_netns *ns)
{
	unsigned int i;

	printf("netns %s", ns->name ? ns->name : "(current)");
	if (ns->error) {
		printf("  error: %s\n", strerror(-ns->error));
		return;
	}
	printf("  bpfilter %s\n", ns->status->enabled ? "on" : "off");
	for (i = 0; i < ns->num_tables; i++)
		table_plain(&ns->tables[i]);
}

static void helper_plain(const struct bpfilter_status *st)
{
	printf("helper %s", helper_state(st->helper_state));
	if (st->helper_pid)
		printf("  pid %u", st->helper_pid);
	printf("  starts %llu  deaths %llu\n",
	       (unsigned long long)st->helper_starts,
	       (unsigned long long)st->helper_deaths);
}

static void show_plain(const struct show *show)
{
	unsigned int i;

	helper_plain(show->ns[0].status);
	for (i = 0; i < show->num; i++)
		netns_plain(&show->ns[i]);
}

/* JSON output */

static void prog_json(json_writer_t *json, const struct show_table *t,
		      unsigned int hook)
{
	const struct prog_desc *prog = &t->prog[hook];
	uint32_t id = t->owned->prog_id[hook];

	jsonw_start_object(json);
	jsonw_string_field(json, "hook", bpfilter_ir_hook_name(hook));
	if (id)
		jsonw_uint_field(json, "id", id);
	if (t->known & (1U << hook)) {
		jsonw_string_field(json, "name", prog->name);
		jsonw_uint_field(json, "bytes_xlated", prog->xlated);
		jsonw_uint_field(json, "bytes_jited", prog->jited);
	}
	jsonw_end_object(json);
}

static void counters_json(json_writer_t *json, const struct show_table *t)
{
	jsonw_name(json, "counters");
	jsonw_start_object(json);
	jsonw_uint_field(json, "map_id", t->owned->counter_map_id);
	if (t->map_bytes)
		jsonw_uint_field(json, "bytes", t->map_bytes);
	jsonw_end_object(json);
}

static void owned_json(json_writer_t *json, const struct show_table *t)
{
	const struct bpfilter_status_table *st = t->owned;
	unsigned int hook;

	jsonw_uint_field(json, "generation", st->generation);
	jsonw_name(json, "hooks");
	jsonw_start_array(json);
	for (hook = 0; hook < BPFILTER_NUMHOOKS; hook++)
		if (st->valid_hooks & (1U << hook))
			prog_json(json, t, hook);
	jsonw_end_array(json);

	if (!st->counter_map_id)
		return;
	counters_json(json, t);
	jsonw_uint_field(json, "compile_ns", st->compile_ns);
	jsonw_uint_field(json, "load_ns", st->load_ns);
}

static void table_json(json_writer_t *json, const struct show_table *t)
{
	jsonw_start_object(json);
	jsonw_string_field(json, "name", t->name);
	jsonw_string_field(json, "family", "ipv4");
	jsonw_string_field(json, "engine", t->owned ? "bpfilter" : "native");
	if (t->sized) {
		jsonw_uint_field(json, "rules", t->count.rules);
		jsonw_uint_field(json, "chains", t->count.chains);
		jsonw_uint_field(json, "entries", t->entries);
		jsonw_uint_field(json, "bytes", t->size);
	}
	if (t->owned)
		owned_json(json, t);
	jsonw_end_object(json);
}

static void netns_json(json_writer_t *json, const struct show_netns *ns)
{
	unsigned int i;

	jsonw_start_object(json);
	if (ns->name)
		jsonw_string_field(json, "name", ns->name);
	else
		jsonw_null_field(json, "name");
	if (ns->error) {
		jsonw_string_field(json, "error", strerror(-ns->error));
	} else {
		jsonw_bool_field(json, "enabled", ns->status->enabled);
		jsonw_name(json, "tables");
		jsonw_start_array(json);
		for (i = 0; i < ns->num_tables; i++)
			table_json(json, &ns->tables[i]);
		jsonw_end_array(json);
	}
	jsonw_end_object(json);
}

static void helper_json(json_writer_t *json, const struct bpfilter_status *st)
{
	jsonw_name(json, "helper");
	jsonw_start_object(json);
	jsonw_string_field(json, "state", helper_state(st->helper_state));
	if (st->helper_pid)
		jsonw_uint_field(json, "pid", st->helper_pid);
	jsonw_uint_field(json, "starts", st->helper_starts);
	jsonw_uint_field(json, "deaths", st->helper_deaths);
	jsonw_end_object(json);
}

static void show_json(json_writer_t *json, const struct show *show)
{
	unsigned int i;

	jsonw_start_object(json);
	jsonw_uint_field(json, "protocol", show->ns[0].status->version);
	helper_json(json, show->ns[0].status);
	jsonw_name(json, "netns");
	jsonw_start_array(json);
	for (i = 0; i < show->num; i++)
		netns_json(json, &show->ns[i]);
	jsonw_end_array(json);
	jsonw_end_object(json);
}

static const struct {
	int error;
	const char *text;
} show_errors[] = {
	{ ENOPROTOOPT, "no bpfilter in this kernel, or its module is not loaded" },
	{ EPERM, "not permitted: this takes CAP_NET_ADMIN" },
	{ EPROTONOSUPPORT, "the kernel's bpfilter is of another version" },
};

static int show_error(struct cmd_ctx *ctx, int err)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(show_errors); i++)
		if (show_errors[i].error == -err)
			return cmd_error(ctx, "%s", show_errors[i].text);
	return cmd_error(ctx, "%s", strerror(-err));
}

static int show_run(struct cmd_ctx *ctx, struct show *show,
		    const struct netns_list *list)
{
	int ret;

	show->ns = calloc(1, sizeof(*show->ns));
	if (!show->ns)
		return show_error(ctx, -ENOMEM);
	show->num = 1;
	show->ns[0].name = ctx->netns;

	ret = netns_gather(&show->ns[0]);
	if (!ret)
		ret = show_named_add(show, list);
	if (ret)
		return show_error(ctx, ret);

	if (ctx->json)
		show_json(ctx->json, show);
	else
		show_plain(show);
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
