// SPDX-License-Identifier: GPL-2.0
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bench.h"

static const char usage_text[] =
"usage: benchrun [OPTION...] -o FOLDER FILE\n"
"\n"
"Measure what a packet costs with FILE, input of iptables-restore, by engine, and\n"
"how long it takes to load. Lines go to results.csv, spread.csv, loads.csv,\n"
"append.csv, left-out.txt and errors.txt in FOLDER.\n"
"\n"
"  -4, -6      FILE is for iptables-restore, for ip6tables-restore\n"
"  -H          the kernel has no bpfilter: compile here, attach with links\n"
"  -N NAME     what results call the ruleset (default: FILE's name)\n"
"  -e ENGINES  of floor empty native ipset nft nftset bpfilter (default: all);\n"
"              ipset needs NAME.ipset.sets and NAME.ipset.rules beside\n"
"              NAME.rules, nftset NAME.nft\n"
"  -t TRAFFIC  of uniform zipf miss (default: all)\n"
"  -r ROUNDS   timed runs of each engine (default 5)\n"
"  -d MS       that a run takes at least (default 200)\n"
"  -c SECONDS  that a point, or all loads of an engine, may take (default 60)\n"
"  -l LOADS    how often to load (default 5)\n"
"  -a APPENDS  how often to append a rule afterwards (default 0)\n"
"  -s SEED     of the choice of packets (default 1)\n"
"  -w NUMBER   measure nothing, but write so many packets of each lane and what\n"
"              the native engine does with them to files in FOLDER\n"
"\n"
"Exit status: 0; 1 if there are errors, 2 if nothing could be measured, 4 if the\n"
"native engine or bpfilter, which is asked for, does not take the ruleset.\n";

static void __noreturn usage(void)
{
	fputs(usage_text, stderr);
	exit(RESULT_ERROR);
}

/* A mask of the words, which blanks separate */
static unsigned int parse_words(const char *s, const char * const *names,
				unsigned int num)
{
	char *copy = xstrdup(s), *save;
	unsigned int mask = 0;

	for (char *w = strtok_r(copy, " ,", &save); w;
	     w = strtok_r(NULL, " ,", &save)) {
		unsigned int i = 0;

		while (i < num && strcmp(names[i], w))
			i++;
		if (i == num)
			die("unknown: %s", w);
		mask |= 1 << i;
	}
	free(copy);
	return mask;
}

static unsigned int parse_number(const char *s, unsigned int max)
{
	char *end;
	unsigned long n = strtoul(s, &end, 10);

	if (*end || end == s || n > max)
		usage();
	return n;
}

static void parse_option(struct options *o, int opt)
{
	switch (opt) {
	case '4':
		o->family = &family_ipv4;
		break;
	case '6':
		o->family = &family_ipv6;
		break;
	case 'H':
		o->host = true;
		break;
	case 'N':
		o->name = optarg;
		break;
	case 'o':
		o->out = optarg;
		break;
	case 'e':
		o->engines = parse_words(optarg, engine_names, NUM_ENGINES);
		break;
	case 't':
		o->traffics = parse_words(optarg, traffic_names, NUM_TRAFFICS);
		break;
	case 'r':
		o->rounds = parse_number(optarg, MAX_SAMPLES);
		break;
	case 'd':
		o->ms = parse_number(optarg, 60000);
		break;
	case 'c':
		o->cap = parse_number(optarg, 86400);
		break;
	case 'l':
		o->loads = parse_number(optarg, MAX_SAMPLES);
		break;
	case 'a':
		o->appends = parse_number(optarg, MAX_SAMPLES);
		break;
	case 'w':
		o->capture = parse_number(optarg, INT32_MAX);
		break;
	case 's':
		o->seed = strtoull(optarg, NULL, 0);
		break;
	default:
		usage();
	}
}

static void parse_options(struct options *o, int argc, char **argv)
{
	int opt;

	while ((opt = getopt(argc, argv, "46HN:o:e:t:r:d:c:l:a:s:w:")) != -1)
		parse_option(o, opt);
	if (optind + 1 != argc || !o->out || !o->rounds || !o->loads)
		usage();
	o->file = argv[optind];
	if (!o->name)
		o->name = basename(o->file);
}

/* --- The ruleset --- */

/* Also of the engines that are not asked for: the others are held against them */
static bool is_needed(const struct options *o, enum engine_id id)
{
	return id <= ENGINE_NATIVE || o->engines & (1 << id);
}

static bool has_words(const struct ruleset *rs, const char * const *words,
		      size_t num)
{
	for (unsigned int i = 0; i < rs->num_rules; i++)
		for (size_t n = 0; n < num; n++)
			if (strstr(rs->rules[i].text, words[n]))
				return true;
	return false;
}

/* What becomes of a packet depends on when it comes, or on the dice */
static bool by_chance(const struct ruleset *rs)
{
	static const char * const words[] = {
		"-m limit", "-m hashlimit", "-m recent", "-m statistic",
		"-m quota", "-m connlimit", "-m rateest", "-m time",
		"-m connbytes", "-m cpu", "-j SET", "-j HMARK",
	};

	return has_words(rs, words, ARRAY_SIZE(words));
}

/* Some rule that packets get to before they are routed may drop them */
static bool drops_early(const struct bench *b)
{
	const struct maker *m = &b->maker;

	for (unsigned int i = 0; i < b->rs.num_chains; i++) {
		const struct chain *c = &b->rs.chains[i];

		if (!m->paths.reached[HOOK_PREROUTING][i])
			continue;
		if (c->hook >= 0 && c->policy == ACTION_DROP)
			return true;
		for (unsigned int n = c->first; n < c->first + c->num; n++)
			if (b->rs.rules[n].action == ACTION_DROP ||
			    b->rs.rules[n].action == ACTION_OTHER)
				return true;
	}
	return false;
}

static void read_rules(struct bench *b)
{
	char *saved = rules_save(&b->world[ENGINE_NATIVE].side);

	ruleset_parse(&b->rs, b->o.family, saved);
	free(saved);
	maker_open(&b->maker, &b->rs, b->o.seed);
	b->chance = by_chance(&b->rs);
	b->ends = 1 << HOOK_INPUT | 1 << HOOK_FORWARD;
	if (b->maker.post)
		b->ends |= 1 << HOOK_POSTROUTING;
	if (b->maker.early || drops_early(b))
		b->ends |= 1 << HOOK_PREROUTING;
}

/* --- All engines --- */

static void leave_out(struct bench *b, enum engine_id id)
{
	if (b->o.engines & (1 << id) && b->world[id].why)
		report_left_out(b, id);
	world_close(&b->world[id]);
}

static void load_engine(struct bench *b, enum engine_id id)
{
	struct world *w = &b->world[id];

	if (!is_needed(&b->o, id))
		return;
	if (id != ENGINE_NATIVE) {
		world_open(b, id);
		if (world_usable(w))
			world_prepare(b, w);
	}
	if (world_usable(w))
		engine_load(b, w);
	if (!world_usable(w))
		leave_out(b, id);
	else
		world_finish(b, w);
}

/* bpfilter first: if it does not take it the others say nothing */
static bool load_engines(struct bench *b)
{
	struct world *native = &b->world[ENGINE_NATIVE];

	world_open(b, ENGINE_NATIVE);
	world_prepare(b, native);
	if (!native->why)
		engine_load(b, native);
	if (native->why) {
		b->o.engines |= 1 << ENGINE_NATIVE;
		report_left_out(b, ENGINE_NATIVE);
		return false;
	}
	read_rules(b);
	world_finish(b, native);
	load_engine(b, ENGINE_BPFILTER);
	if (b->o.engines & (1 << ENGINE_BPFILTER) &&
	    !world_usable(&b->world[ENGINE_BPFILTER]))
		return false;
	for (int i = 0; i < NUM_ENGINES; i++)
		if (i != ENGINE_NATIVE && i != ENGINE_BPFILTER)
			load_engine(b, i);
	return true;
}

static void measure_traffic(struct bench *b, enum traffic_id id)
{
	struct figures r;
	struct traffic t;

	traffic_make(b, &t, id);
	if (t.num_lanes && b->o.capture) {
		capture_write(b, &t);
	} else if (t.num_lanes) {
		measure(b, &t, &r);
		report_points(b, &r);
	} else {
		printf("# left out: %s: no packet can be made: %s\n",
		       b->o.name, traffic_names[id]);
	}
	traffic_free(&t);
}

static void append(struct bench *b)
{
	double start = now_ms();

	for (unsigned int i = 0; i < b->o.appends; i++) {
		if (i >= 5 && now_ms() - start > b->o.cap * 1e3)
			return;
		for (int e = 0; e < NUM_ENGINES; e++)
			if (b->o.engines & (1 << e) &&
			    world_usable(&b->world[e]))
				engine_append(b, &b->world[e]);
	}
}

int main(int argc, char **argv)
{
	static struct bench b = {
		.o = {
			.family = &family_ipv4,
			.engines = (1 << NUM_ENGINES) - 1,
			.traffics = (1 << NUM_TRAFFICS) - 1,
			.rounds = 5, .ms = 200, .cap = 60, .loads = 5,
			.seed = 1,
		},
	};
	double start = now_ms();

	setvbuf(stdout, NULL, _IOLBF, 0);
	parse_options(&b.o, argc, argv);
	cpu_pin();
	instrument_open(&b.in, b.o.family);
	if (!load_engines(&b))
		return RESULT_SKIPPED;
	for (int t = 0; t < NUM_TRAFFICS; t++)
		if (b.o.traffics & (1 << t))
			measure_traffic(&b, t);
	append(&b);
	report_loads(&b);
	for (int i = 0; i < NUM_ENGINES; i++)
		world_close(&b.world[i]);
	printf("# %s: %u rules, %.0f s\n", b.o.name, b.rs.num_rules,
	       (now_ms() - start) / 1e3);
	return b.errors ? RESULT_DIFFERENT : RESULT_EQUAL;
}
