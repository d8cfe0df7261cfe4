// SPDX-License-Identifier: GPL-2.0
/*
 * From programs to a firewall
 *
 * A link cannot be given another program and shares its priority with nobody.
 * So all new links are attached, beside what is there, before the first old one
 * goes: a packet meanwhile passes only if both the old and the new ruleset let
 * it, and counts in both. If anything fails before a table's new version has its
 * name, all new links go again and the old ones were never touched.
 */
#include <stdio.h>
#include <string.h>

#include "cmd_load.h"

static int attach_error(const struct load *l, const struct load_table *t,
			int err)
{
	return cmd_error(l->ctx, "pins of %s table \"%s\": %s",
			 table_family_find(t->src->family)->word, t->src->name,
			 strerror(-err));
}

static int table_attach(const struct load *l, struct load_table *t)
{
	struct refusal why = {};
	int hook;

	for (hook = 0; hook < BPFILTER_NUMHOOKS; hook++)
		if (t->in_kernel.prog_fd[hook] >= 0 &&
		    bpfilter_standalone_attach(t->c.rs, hook,
					       t->in_kernel.prog_fd[hook],
					       &t->link[hook], &why))
			return cmd_error(l->ctx, "%s", why.text);
	return CMD_OK;
}

static int table_pin(const struct load *l, const struct load_table *t)
{
	const struct pin_table pin = {
		.blob = t->src->blob,
		.size = table_blob_size(t->src->blob),
		.family = t->src->family,
		.name = t->src->name,
		.img = &t->c.img,
		.loaded = &t->in_kernel,
		.link = t->link,
	};
	int err = pins_add(&l->pins, &pin);

	return err ? attach_error(l, t, err) : CMD_OK;
}

/* What an earlier command left when it was killed, too */
static int table_drop_next(const struct load *l, const struct load_table *t)
{
	int err = pins_drop_next(&l->pins, t->src->family, t->src->name);

	return err ? attach_error(l, t, err) : CMD_OK;
}

static int table_prepare(const struct load *l, struct load_table *t)
{
	int ret = table_drop_next(l, t);

	if (ret == CMD_OK && t->is_loaded)
		ret = table_attach(l, t);
	if (ret == CMD_OK && t->is_loaded)
		ret = table_pin(l, t);
	return ret;
}

/* A table that needs no program is in force when none of it is */
static int table_commit(const struct load *l, const struct load_table *t)
{
	int err;

	if (t->is_loaded)
		err = pins_commit(&l->pins, t->src->family, t->src->name);
	else
		err = pins_remove(&l->pins, t->src->family, t->src->name);
	return err ? attach_error(l, t, err) : CMD_OK;
}

/**
 * load_attach - put tables in force
 * @l:		tables whose programs are in the kernel
 *
 * Return: CMD_OK, or CMD_FAILED after cmd_error()
 */
int load_attach(struct load *l)
{
	unsigned int i;
	int ret = CMD_OK;

	for (i = 0; ret == CMD_OK && i < l->num; i++)
		ret = table_prepare(l, &l->table[i]);
	for (i = 0; ret == CMD_OK && i < l->num; i++)
		ret = table_commit(l, &l->table[i]);

	/* Old versions; after an error new ones, and that error was told */
	for (i = 0; i < l->num; i++) {
		const struct load_table *t = &l->table[i];

		if (ret == CMD_OK)
			ret = table_drop_next(l, t);
		else
			pins_drop_next(&l->pins, t->src->family, t->src->name);
	}
	return ret;
}
