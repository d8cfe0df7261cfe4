// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

/* Loading, replacing and appending rules */

static const char *iptables(const struct bench *b, const char *suffix)
{
	static char name[64];

	snprintf(name, sizeof(name), "%s-legacy%s", b->o.family->command,
		 suffix);
	return name;
}

/* Run one command; milliseconds, or a negative number when the world gave up */
static double command(struct bench *b, struct world *w,
		      const char *const argv[], const char *input)
{
	struct command c = { .argv = argv, .input = input, .cap = b->o.cap };
	int status = command_run(&w->side, &c);

	if (status)
		world_give_up(w, "%s: %s", argv[0], c.said);
	free(c.said);
	return status ? -1 : c.ms;
}

static double restore_rules(struct bench *b, struct world *w, const char *file)
{
	const char * const argv[] = { iptables(b, "-restore"), "-w", NULL };

	return command(b, w, argv, file);
}

static double load_ipset(struct bench *b, struct world *w)
{
	static const char * const argv[] = { "ipset", "-exist", "restore", NULL };
	char *sets = file_beside(b->o.file, ".ipset.sets");
	char *rules = file_beside(b->o.file, ".ipset.rules");
	double ms = command(b, w, argv, sets), more = -1;

	if (ms >= 0)
		more = restore_rules(b, w, rules);
	free(sets);
	free(rules);
	return more < 0 ? -1 : ms + more;
}

static double load_nft(struct bench *b, struct world *w)
{
	char applet[32];
	const char * const argv[] = { "xtables-nft-multi", applet, "-w", NULL };

	snprintf(applet, sizeof(applet), "%s-restore", b->o.family->command);
	return command(b, w, argv, b->o.file);
}

static double load_nftset(struct bench *b, struct world *w)
{
	static const char * const argv[] = { "nft", "-f", "-", NULL };
	char *file = file_beside(b->o.file, ".nft");
	double ms = command(b, w, argv, file);

	free(file);
	return ms;
}

/* bpfilter must be what has the tables now */
static double load_bpfilter(struct bench *b, struct world *w)
{
	double ms = restore_rules(b, w, b->o.file);

	for (int t = 0; ms >= 0 && t < NUM_TABLES; t++) {
		if (!(b->rs.tables & (1 << t)) ||
		    side_table(&w->side, table_names[t]).owned)
			continue;
		world_give_up(w, "bpfilter does not have table %s",
			      table_names[t]);
		return -1;
	}
	return ms;
}

static double load(struct bench *b, struct world *w)
{
	switch (w->id) {
	case ENGINE_NATIVE:
		return restore_rules(b, w, b->o.file);
	case ENGINE_IPSET:
		return load_ipset(b, w);
	case ENGINE_NFT:
		return load_nft(b, w);
	case ENGINE_NFTSET:
		return load_nftset(b, w);
	case ENGINE_BPFILTER:
		return b->o.host ? host_load(b, w) : load_bpfilter(b, w);
	case ENGINE_FLOOR:
	case ENGINE_EMPTY:
	case NUM_ENGINES:
		break;
	}
	return -1;
}

/* --- Taking rules away --- */

static void clear_iptables(struct world *w, const char *file)
{
	char *text = read_file(file);

	side_enter(&w->side);
	rules_clear(&w->side, text);
	free(text);
}

static void clear_ipset(struct bench *b, struct world *w)
{
	static const char * const argv[] = { "ipset", "destroy", NULL };
	char *rules = file_beside(b->o.file, ".ipset.rules"), *said;

	clear_iptables(w, rules);
	run_in(&w->side, argv, "", &said);
	free(said);
	free(rules);
}

/* Not the table that tracks connections */
static void clear_nft(const struct bench *b, struct world *w)
{
	static const char * const argv[] = { "nft", "-f", "-", NULL };
	const char *family = b->o.family->v6 ? "ip6" : "ip";
	char line[64], *said;

	for (int t = 0; t <= NUM_TABLES; t++) {
		const char *name = t < NUM_TABLES ? table_names[t] : "bench";

		snprintf(line, sizeof(line), "delete table %s %s\n", family,
			 name);
		run_in(&w->side, argv, line, &said);
		free(said);
	}
}

static void clear(struct bench *b, struct world *w)
{
	switch (w->id) {
	case ENGINE_NATIVE:
		clear_iptables(w, b->o.file);
		break;
	case ENGINE_IPSET:
		clear_ipset(b, w);
		break;
	case ENGINE_NFT:
	case ENGINE_NFTSET:
		clear_nft(b, w);
		break;
	case ENGINE_BPFILTER:
		if (b->o.host)
			host_unload(w);
		else
			clear_iptables(w, b->o.file);
		break;
	case ENGINE_FLOOR:
	case ENGINE_EMPTY:
	case NUM_ENGINES:
		break;
	}
}

void engine_load(struct bench *b, struct world *w)
{
	double start = now_ms();

	if (w->id == ENGINE_FLOOR || w->id == ENGINE_EMPTY)
		return;
	for (unsigned int i = 0; !w->why && i < b->o.loads; i++) {
		int64_t before;
		double ms;

		if (i && now_ms() - start > b->o.cap * 1e3)
			return;
		clear(b, w);
		before = kernel_memory_settled();
		ms = load(b, w);
		if (ms < 0)
			return;
		samples_add(&w->load_ms, ms);
		samples_add(&w->memory, kernel_memory_settled() - before);
	}
}

/* --- Appending --- */

/* The longest chain of a hook, but not of nat if there is another */
static const struct chain *find_chain(const struct ruleset *rs)
{
	const struct chain *found = NULL;

	for (unsigned int i = 0; i < rs->num_chains; i++) {
		const struct chain *c = &rs->chains[i];

		if (c->hook >= 0 && c->table != TABLE_NAT &&
		    (!found || c->num > found->num))
			found = c;
	}
	return found;
}

static bool can_append(const struct bench *b, const struct world *w)
{
	return w->id == ENGINE_NATIVE || w->id == ENGINE_NFT ||
	       (w->id == ENGINE_BPFILTER && !b->o.host);
}

static double append(struct bench *b, struct world *w, const struct chain *c)
{
	bool nft = w->id == ENGINE_NFT;
	char source[64];
	const char * const argv[] = {
		nft ? "xtables-nft-multi" : iptables(b, ""),
		nft ? b->o.family->command : "-w", "-t", table_names[c->table],
		"-A", c->name, "-s", source, "-j", "ACCEPT", NULL,
	};

	snprintf(source, sizeof(source),
		 b->o.family->v6 ? "2001:db8:bec::%x" : "192.0.2.%u",
		 w->append_ms.num + 1);
	return command(b, w, argv, NULL);
}

bool engine_append(struct bench *b, struct world *w)
{
	const struct chain *c = find_chain(&b->rs);
	double ms;

	if (!c || !can_append(b, w))
		return false;
	ms = append(b, w, c);
	if (ms >= 0)
		samples_add(&w->append_ms, ms);
	return ms >= 0;
}
