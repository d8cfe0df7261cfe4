// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "fetch.h"
#include "kernel_btf.h"
#include "standalone.h"

/*
 * bpfilter's programs on a kernel without bpfilter, as "bpfilter load" has them
 * run: the tables that the native engine has in its namespace are compiled here,
 * and netfilter links attach what comes of them in another.
 */

static struct kernel_btf kernel_types;

static bool read_types(struct world *w)
{
	static bool done;
	int err = 0;

	if (!done)
		err = bpfilter_kernel_btf_read(&kernel_types);
	if (err)
		world_give_up(w, "types of the kernel: %s", strerror(-err));
	done = !err;
	return done;
}

static struct ipt_replace *read_table(const struct side *side,
				      enum table_id table, size_t *size)
{
	struct ipt_replace *blob;
	int err = bpfilter_table_fetch(side->ipt, side->family->level,
				       table_names[table], &blob);

	if (err)
		die("table %s: %s", table_names[table], strerror(-err));
	*size = sizeof(*blob) + blob->size;
	return blob;
}

/* The first one is the reason */
static void give_up(void *w, const struct refusal *why)
{
	world_give_up(w, "%s", why->text);
}

static bool attach(struct world *w, const struct ir_ruleset *rs, int hook,
		   int prog_fd)
{
	struct standalone_link link;
	struct refusal why = { 0 };

	if (w->num_rule_links == MAX_ATTACHED)
		die("too many links");
	if (bpfilter_standalone_attach(rs, hook, prog_fd, &link, &why)) {
		world_give_up(w, "%s", why.text);
		return false;
	}
	w->rule_link[w->num_rule_links++] = link.fd;
	return true;
}

static bool load_compiled(struct world *w, const struct compiled *c)
{
	struct refusal why = { 0 };
	struct loaded l;
	bool ok = !bpfilter_load(c->rs, &c->img, &l, &why);

	if (!ok)
		world_give_up(w, "%s", why.text);
	for (int h = 0; ok && h < NUM_HOOKS; h++)
		if (l.prog_fd[h] >= 0)
			ok = attach(w, c->rs, h, l.prog_fd[h]);
	bpfilter_loaded_close(&l);
	return ok;
}

static bool load_table(struct bench *b, struct world *w, enum table_id table,
		       double *ms)
{
	const struct side *native = &b->world[ENGINE_NATIVE].side;
	struct refusal why;
	struct compiled c;
	size_t size;
	void *blob;
	double start;
	bool ok;

	side_enter(native);
	blob = read_table(native, table, &size);
	side_enter(&w->side);
	start = now_ms();
	ok = !bpfilter_standalone_compile(blob, size, b->o.family->nfproto,
					  &kernel_types, &c, &why);
	if (c.rs && bpfilter_standalone_check(c.rs, give_up, w))
		ok = false;
	else if (!ok)
		world_give_up(w, "%s", why.text);
	if (ok)
		ok = load_compiled(w, &c);
	*ms += now_ms() - start;
	bpfilter_compiled_free(&c);
	free(blob);
	return ok;
}

/* What iptables-restore itself takes, up to where it would call the kernel */
static double test_restore(struct bench *b, struct world *w)
{
	char name[32];
	const char * const argv[] = { name, "-w", "--test", NULL };
	struct command c = {
		.argv = argv, .input = b->o.file, .cap = b->o.cap,
	};
	int status;

	snprintf(name, sizeof(name), "%s-legacy-restore", b->o.family->command);
	status = command_run(&b->world[ENGINE_NATIVE].side, &c);
	if (status)
		world_give_up(w, "%s --test: %s", name, c.said);
	free(c.said);
	return status ? -1 : c.ms;
}

double host_load(struct bench *b, struct world *w)
{
	double ms;

	/* Also one without rules: natively each packet pays for it */
	if (b->rs.tables & (1 << TABLE_NAT)) {
		world_give_up(w, "table nat needs the kernel's part");
		return -1;
	}
	if (!read_types(w))
		return -1;
	ms = test_restore(b, w);
	for (int t = 0; ms >= 0 && t < NUM_TABLES; t++)
		if (b->rs.tables & (1 << t) && !load_table(b, w, t, &ms))
			return -1;
	return ms;
}

void host_unload(struct world *w)
{
	for (unsigned int i = 0; i < w->num_rule_links; i++)
		close(w->rule_link[i]);
	w->num_rule_links = 0;
}
