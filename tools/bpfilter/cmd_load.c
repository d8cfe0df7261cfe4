// SPDX-License-Identifier: GPL-2.0
/*
 * bpfilter load - run a ruleset on a kernel without bpfilter
 *
 * What can be refused is refused before anything changes: all tables are
 * translated, looked at rule by rule and in the kernel before the first program
 * is attached.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd_load.h"
#include "cmd_track.h"
#include "cmd_translate.h"

/* Translation */

static void refusal_add(void *ctx, const struct refusal *why)
{
	struct load *l = ctx;
	void *p = reallocarray(l->refused, l->num_refused + 1,
			       sizeof(*l->refused));
	char *text = strdup(why->text);

	if (p)
		l->refused = p;
	if (p && text)
		l->refused[l->num_refused++] = text;
	else
		free(text);
}

/* Rules that need the kernel's part say more than what lacks a program then */
static int table_compile(struct load *l, struct load_table *t,
			 const struct kernel_btf *btf)
{
	const struct source_table *src = t->src;
	struct refusal why = {};
	int err;

	err = bpfilter_standalone_compile(src->blob, table_blob_size(src->blob),
					  src->family, btf, &t->c, &why);
	if (t->c.rs && bpfilter_standalone_check(t->c.rs, refusal_add, l))
		return CMD_OK;
	if (err)
		refusal_add(l, &why);
	return CMD_OK;
}

static int tables_compile(struct load *l)
{
	struct kernel_btf btf;
	unsigned int i;
	int err;

	err = bpfilter_kernel_btf_read(&btf);
	if (err)
		return cmd_error(l->ctx, "types of the running kernel: %s",
				 strerror(-err));
	for (i = 0; i < l->num; i++)
		table_compile(l, &l->table[i], &btf);
	if (!l->num_refused)
		return CMD_OK;
	load_print_refused(l);
	return CMD_FAILED;
}

/* Who else filters */

static int live_read(int sk, const struct table_family *fam, const char *name,
		     bool *busy)
{
	struct translation t = {};
	struct ipt_replace *blob;
	struct refusal why = {};
	int err;

	err = table_fetch(sk, fam, name, &blob);
	if (err)
		return err;
	/* What cannot be read is not nothing */
	*busy = translation_read(&t, blob, table_blob_size(blob), fam->family,
				 &why) || !bpfilter_ruleset_is_idle(t.rs);
	translation_free(&t);
	free(blob);
	return 0;
}

/* A table that nobody used would come to be by asking for its rules */
static int is_busy(const struct table_family *fam, const char *name,
		   bool *busy)
{
	struct table_names names;
	int sk, err;

	*busy = false;
	err = table_names(fam, &names);
	if (!err && table_names_have(&names, name)) {
		sk = table_socket(fam);
		err = sk < 0 ? sk : live_read(sk, fam, name, busy);
		if (sk >= 0)
			close(sk);
	}
	free(names.name);
	return err;
}

static int table_check_busy(struct load *l, const struct load_table *t)
{
	const struct table_family *fam = table_family_find(t->src->family);
	bool busy;
	int err = is_busy(fam, t->src->name, &busy);

	if (err)
		return cmd_error(l->ctx, "%s table \"%s\" of this network namespace: %s",
				 fam->word, t->src->name, strerror(-err));
	if (busy)
		return cmd_error(l->ctx, "iptables has rules in %s table \"%s\" of this network namespace, packets would have to pass both: see \"force\"",
				 fam->word, t->src->name);
	return CMD_OK;
}

/* The kernel */

static bool has_program(const struct gen_image *img)
{
	int hook;

	for (hook = 0; hook < BPFILTER_NUMHOOKS; hook++)
		if (img->prog[hook].num_insns)
			return true;
	return false;
}

static int table_load(struct load *l, struct load_table *t)
{
	struct refusal why = {};

	if (!has_program(&t->c.img))
		return CMD_OK;
	t->is_loaded = true;
	if (bpfilter_load(t->c.rs, &t->c.img, &t->in_kernel, &why))
		return cmd_error(l->ctx, "%s", why.text);
	return CMD_OK;
}

static int track(struct load *l)
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < l->num; i++)
		if (l->table[i].is_loaded &&
		    bpfilter_standalone_tracks(l->table[i].c.rs))
			err = track_hold(l->table[i].src->family);
	return err ? cmd_error(l->ctx, "rules look at connections, which nf_tables cannot have tracked here: %s",
			       strerror(-err)) : CMD_OK;
}

static int tables_load(struct load *l, bool force)
{
	unsigned int i;
	int ret = CMD_OK;

	for (i = 0; !force && ret == CMD_OK && i < l->num; i++)
		ret = table_check_busy(l, &l->table[i]);
	for (i = 0; ret == CMD_OK && i < l->num; i++)
		ret = table_load(l, &l->table[i]);
	return ret == CMD_OK ? track(l) : ret;
}

static int load_tables_make(struct load *l, const struct source *src)
{
	unsigned int i;

	l->table = calloc(src->num + 1, sizeof(*l->table));
	if (!l->table)
		return cmd_error(l->ctx, "%s", strerror(ENOMEM));
	l->num = src->num;
	for (i = 0; i < l->num; i++) {
		struct load_table *t = &l->table[i];
		int hook;

		t->src = &src->tables[i];
		for (hook = 0; hook < BPFILTER_NUMHOOKS; hook++)
			t->link[hook].fd = -1;
	}
	return CMD_OK;
}

static void load_table_free(struct load_table *t)
{
	int hook;

	for (hook = 0; hook < BPFILTER_NUMHOOKS; hook++)
		if (t->link[hook].fd >= 0)
			close(t->link[hook].fd);
	if (t->is_loaded)
		bpfilter_loaded_close(&t->in_kernel);
	bpfilter_compiled_free(&t->c);
}

static void load_free(struct load *l)
{
	unsigned int i;

	for (i = 0; i < l->num; i++)
		load_table_free(&l->table[i]);
	free(l->table);
	for (i = 0; i < l->num_refused; i++)
		free(l->refused[i]);
	free(l->refused);
}

static int load_run(struct cmd_ctx *ctx, const struct source *src, bool force)
{
	struct load l = { .ctx = ctx };
	int ret;

	ret = load_tables_make(&l, src);
	if (ret == CMD_OK)
		ret = tables_compile(&l);
	if (ret == CMD_OK)
		ret = pins_open(ctx, &l.pins);
	if (ret == CMD_OK) {
		ret = tables_load(&l, force);
		if (ret == CMD_OK)
			ret = load_attach(&l);
		pins_close(&l.pins);
	}
	if (ret == CMD_OK)
		load_print(&l);
	load_free(&l);
	return ret;
}

/**
 * cmd_load - the command "load"
 * @ctx:	options
 * @argc:	number of arguments
 * @argv:	arguments: FILE [force]
 *
 * Return: enum cmd_status
 */
int cmd_load(struct cmd_ctx *ctx, int argc, char **argv)
{
	bool force = argc == 2 && cmd_word(argv[1], "force");
	struct source src;
	int ret;

	if (argc != 1 && !force)
		return cmd_usage(ctx, "load needs \"FILE\" or \"FILE force\"");
	ret = source_load(ctx, argv[0], ctx->family, &src);
	if (ret == CMD_OK)
		ret = load_run(ctx, &src, force);
	source_free(&src);
	return ret;
}
