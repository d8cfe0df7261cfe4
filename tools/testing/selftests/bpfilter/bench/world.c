// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "hooks.h"

/*
 * Namespaces. They have no names: when this process ends, however it does, they
 * and all that is in them are gone.
 */

const char * const engine_names[NUM_ENGINES] = {
	"floor", "empty", "native", "ipset", "nft", "nftset", "bpfilter",
};

static const struct table_hooks *hooks_of(enum table_id table)
{
	const struct table_hooks *th =
		bpfilter_table_hooks_find(table_names[table]);

	if (!th)
		die("no table %s", table_names[table]);
	return th;
}

bool table_has_hook(enum table_id table, enum hook hook)
{
	return hooks_of(table)->hooks >> hook & 1;
}

int table_priority(enum table_id table, enum hook hook)
{
	return hooks_of(table)->priority[hook];
}

char *file_beside(const char *file, const char *suffix)
{
	size_t len = strlen(file);
	char *path;

	if (len > 6 && !strcmp(file + len - 6, ".rules"))
		len -= 6;
	path = xrealloc(NULL, len + strlen(suffix) + 1);
	memcpy(path, file, len);
	memcpy(path + len, suffix, strlen(suffix) + 1);
	return path;
}

void world_give_up(struct world *w, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *p = text; *p; p++)
		if (*p == '\n')
			*p = p[1] ? ' ' : '\0';
	if (!w->why)
		w->why = xstrdup(text);
}

/* The stack does no more than it has to: no accounting of connections */
static void settle(void)
{
	sysctl_write("net/netfilter/nf_conntrack_acct", "0", false);
	sysctl_write("net/netfilter/nf_conntrack_events", "0", false);
	sysctl_write("net/netfilter/nf_conntrack_helper", "0", false);
}

/* Engines with sets are for rulesets that came with their like made of sets */
static bool has_sets(const struct bench *b, enum engine_id id)
{
	static const char * const suffixes[NUM_ENGINES] = {
		[ENGINE_IPSET] = ".ipset.rules",
		[ENGINE_NFTSET] = ".nft",
	};
	char *path;
	bool there;

	if (!suffixes[id])
		return true;
	path = file_beside(b->o.file, suffixes[id]);
	there = !access(path, R_OK);
	free(path);
	return there;
}

static bool has_bpfilter(void)
{
	return !access("/proc/sys/net/netfilter/bpfilter", F_OK);
}

void world_open(struct bench *b, enum engine_id id)
{
	struct world *w = &b->world[id];

	w->id = id;
	w->out = DEV_NONE;
	if (!has_sets(b, id))
		return;
	if (id == ENGINE_BPFILTER && !b->o.host && !has_bpfilter()) {
		world_give_up(w, "this kernel has no bpfilter");
		return;
	}
	side_open(&w->side, engine_names[id], b->o.family,
		  id == ENGINE_BPFILTER && !b->o.host);
	settle();
}

void world_close(struct world *w)
{
	if (!w->side.name)
		return;
	host_unload(w);
	for (unsigned int i = 0; i < w->num_links; i++)
		close(w->link[i]);
	side_close(&w->side);
	w->side.name = NULL;
}

static void keep_link(struct world *w, int fd)
{
	if (w->num_links == MAX_ATTACHED)
		die("too many links");
	w->link[w->num_links++] = fd;
}

/* --- Devices --- */

static char *device_commands(const struct devs *devs)
{
	struct text t = { 0 };
	char line[256];

	for (int i = DEV_FIRST; i < devs->num; i++) {
		snprintf(line, sizeof(line),
			 "link add %s address 02:00:00:00:00:01 type veth peer name benchpeer%d\n"
			 "link set %s arp off multicast off up\n"
			 "link set benchpeer%d arp off multicast off up\n",
			 devs->name[i], i, devs->name[i], i);
		text_add(&t, line, strlen(line));
	}
	return t.s;
}

static void add_devices(struct bench *b, struct world *w)
{
	static const char * const argv[] = { "ip", "-batch", "-", NULL };
	const struct devs *devs = &b->maker.devs;
	char *commands = device_commands(devs), *said;

	if (run_in(&w->side, argv, commands, &said))
		die("%s: devices: %s", engine_names[w->id], said);
	free(commands);
	free(said);
	side_enter(&w->side);
	for (int i = 0; i < devs->num; i++) {
		w->side.ifindex[i] = if_nametoindex(devs->name[i]);
		if (i == DEV_LO)
			continue;
		keep_link(w, device_take_xdp(&b->in, w->side.ifindex[i]));
		side_set_address(&w->side, i);
	}
}

void world_route(struct world *w, int out)
{
	if (w->out == out)
		return;
	side_set_default_route(&w->side, out);
	w->out = out;
}

/* --- What is beside rules --- */

/* Matches and targets that make connections be tracked */
static bool wants_conntrack(const struct ruleset *rs)
{
	static const char * const words[] = {
		"-m conntrack", "-m state", "-m connmark", "-m connlimit",
		"-m connbytes", "-m connlabel", "-m helper", "-m cluster",
		"-j CONNMARK", "-j CT", "-j NOTRACK", "-j SYNPROXY",
		"-j MASQUERADE", "-j SNAT", "-j DNAT", "-j REDIRECT",
		"-j NETMAP", "-j CONNSECMARK",
	};

	for (unsigned int i = 0; i < rs->num_rules; i++)
		for (size_t n = 0; n < ARRAY_SIZE(words); n++)
			if (strstr(rs->rules[i].text, words[n]))
				return true;
	return false;
}

/*
 * Tracking connections is no cost of the firewall: where a ruleset makes it
 * necessary, all namespaces do it, also those without rules. A rule in a chain
 * without a hook is enough.
 */
static void track_connections(const struct bench *b, struct world *w)
{
	static const char * const argv[] = { "nft", "-f", "-", NULL };
	const char *family = b->o.family->v6 ? "ip6" : "ip";
	char text[256], *said;

	if (!wants_conntrack(&b->rs))
		return;
	snprintf(text, sizeof(text),
		 "add table %s bench_ct; add chain %s bench_ct c; add rule %s bench_ct c ct state new\n",
		 family, family, family);
	if (run_in(&w->side, argv, text, &said))
		die("%s: nft: %s", engine_names[w->id], said);
	free(said);
}

static void load_sets(const struct bench *b, struct world *w)
{
	static const char * const argv[] = { "ipset", "-exist", "restore", NULL };
	char *text = ipset_read(b->o.file), *said = NULL;

	if (text && run_in(&w->side, argv, text, &said))
		world_give_up(w, "ipset refuses the ruleset's sets: %s", said);
	free(text);
	free(said);
}

/* --- Programs at hooks --- */

static void attach_ends(struct bench *b, struct world *w)
{
	for (int h = 0; h < NUM_HOOKS; h++)
		if (b->ends & (1 << h))
			keep_link(w, hook_attach(&b->in, b->in.end_fd[h], h,
						 PRIORITY_LAST));
	keep_link(w, hook_attach(&b->in, b->in.guard_fd, HOOK_OUTPUT,
				 PRIORITY_FIRST));
}

static void attach_empty(struct bench *b, struct world *w)
{
	for (int t = 0; t < NUM_TABLES; t++) {
		if (!(b->rs.tables & (1 << t)))
			continue;
		for (int h = 0; h < NUM_HOOKS; h++)
			if (table_has_hook(t, h))
				keep_link(w, hook_attach(&b->in, b->in.empty_fd,
							 h, table_priority(t, h)));
	}
}

void world_prepare(struct bench *b, struct world *w)
{
	load_sets(b, w);
}

void world_finish(struct bench *b, struct world *w)
{
	add_devices(b, w);
	track_connections(b, w);
	attach_ends(b, w);
	if (w->id == ENGINE_EMPTY)
		attach_empty(b, w);
}
