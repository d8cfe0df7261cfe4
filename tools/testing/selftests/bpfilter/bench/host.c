// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bench.h"
#include "compile.h"
#include "kernel_btf.h"

/*
 * bpfilter's programs on a kernel without bpfilter: the tables that the native
 * engine has in its namespace are compiled here, and netfilter links attach what
 * comes of them at native's priorities in another. What the kernel's part of
 * bpfilter does for such programs is not there: NAT, and all that rules leave to
 * the kernel's own extensions.
 */

static struct kernel_btf kernel_types;

static uint32_t kernel_hz(void)
{
	struct timespec res;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &res) || res.tv_nsec <= 0)
		return 100;
	return (1000000000 + res.tv_nsec / 2) / res.tv_nsec;
}

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

/* Both families' structures are the same but for the entries */
static struct ipt_replace *read_table(const struct side *side,
				      enum table_id table, size_t *size)
{
	struct ipt_getinfo info = { 0 };
	socklen_t len = sizeof(info);
	struct ipt_get_entries *get;
	struct ipt_replace *repl;

	snprintf(info.name, sizeof(info.name), "%s", table_names[table]);
	if (getsockopt(side->ipt, side->family->level, IPT_SO_GET_INFO, &info,
		       &len))
		die("GET_INFO %s: %s", info.name, strerror(errno));
	len = sizeof(*get) + info.size;
	get = xrealloc(NULL, len);
	memcpy(get->name, info.name, sizeof(get->name));
	get->size = info.size;
	if (getsockopt(side->ipt, side->family->level, IPT_SO_GET_ENTRIES, get,
		       &len))
		die("GET_ENTRIES %s: %s", info.name, strerror(errno));
	*size = sizeof(*repl) + info.size;
	repl = xrealloc(NULL, *size);
	memset(repl, 0, sizeof(*repl));
	memcpy(repl->name, info.name, sizeof(repl->name));
	repl->valid_hooks = info.valid_hooks;
	repl->num_entries = info.num_entries;
	repl->size = info.size;
	memcpy(repl->hook_entry, info.hook_entry, sizeof(repl->hook_entry));
	memcpy(repl->underflow, info.underflow, sizeof(repl->underflow));
	repl->num_counters = info.num_entries;
	memcpy(repl->entries, get->entrytable, info.size);
	free(get);
	return repl;
}

static void attach(struct bench *b, struct world *w, int prog_fd,
		   enum table_id table, enum hook hook)
{
	if (w->num_rule_links == MAX_ATTACHED)
		die("too many links");
	w->rule_link[w->num_rule_links++] =
		hook_attach(&b->in, prog_fd, hook,
			    table_priority(table, hook));
}

/*
 * Where a chain has nothing but a policy there is no program: the kernel's part
 * sees to that. No packet is made for such a chain, but some get there.
 */
static void attach_all(struct bench *b, struct world *w, enum table_id table,
		       const struct loaded *l)
{
	for (int h = 0; h < NUM_HOOKS; h++) {
		unsigned int chain = b->rs.hook_chain[table][h];

		if (l->prog_fd[h] >= 0)
			attach(b, w, l->prog_fd[h], table, h);
		else if (chain && b->rs.chains[chain - 1].policy == ACTION_DROP)
			attach(b, w, b->in.guard_fd, table, h);
	}
}

static bool load_compiled(struct bench *b, struct world *w,
			  enum table_id table, const struct compiled *c)
{
	struct refusal why = { 0 };
	struct loaded l;
	int err = bpfilter_load(c->rs, &c->img, &l, &why);

	if (err)
		world_give_up(w, "%s", why.text);
	else
		attach_all(b, w, table, &l);
	bpfilter_loaded_close(&l);
	return !err;
}

static bool load_table(struct bench *b, struct world *w, enum table_id table,
		       double *ms)
{
	struct compile_env env = {
		.btf = &kernel_types, .nr_cpus = libbpf_num_possible_cpus(),
		.hz = kernel_hz(),
	};
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
	ok = !bpfilter_compile(blob, size, b->o.family->nfproto, &env, &c,
			       &why);
	if (!ok)
		world_give_up(w, "%s", why.text);
	else
		ok = load_compiled(b, w, table, &c);
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
