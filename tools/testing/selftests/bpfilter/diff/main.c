// SPDX-License-Identifier: GPL-2.0
#include <getopt.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "compare.h"
#include "entries.h"
#include "load.h"

/*
 * diffrun: one ruleset in two network namespaces, one of them served by the
 * native engine, the other by bpfilter; the same packets through both; then
 * everything that can be seen from outside must be the same.
 */

/* Unless asked for more */
#define MAX_PACKETS 20000

struct options {
	const struct family *family;
	unsigned int packets;
	uint64_t seed;
	bool native_only;
	bool quick;
	bool verbose;
	bool list_unhit;
	int change;
	const char *file;
};

static const char usage_text[] =
"usage: diffrun [OPTION...] FILE\n"
"\n"
"Load FILE, input of iptables-restore, in a namespace of the native engine and\n"
"in one of bpfilter, send the same packets, compare. FILE.ipset, or NAME.ipset\n"
"beside NAME.rules, is restored first, and some addresses put into its sets.\n"
"\n"
"  -4, -6      FILE is for iptables-restore, for ip6tables-restore\n"
"  -n PACKETS  how many packets (default: 20 per rule, 500 to 20000)\n"
"  -s SEED     of the choice of packets (default 1)\n"
"  -N          both namespaces native: must always be equal\n"
"  -C KIND     test of the test: change a rule that was hit on the second\n"
"              side and succeed if that is found. never: the rule matches no\n"
"              packet any more; edge: an address or port moved by one\n"
"  -q          quick: load FILE only once, and only as it is for the traffic; do\n"
"              not run iptables-save on both sides, which prints the bytes\n"
"              that are compared anyway\n"
"  -u          print the rules that no packet hit\n"
"  -v          print each step\n"
"\n"
"The last line says how it went: \"equal\", \"different\", \"skipped: REASON\" or\n"
"\"refused: REASON\" if the native engine takes it and bpfilter does not; exit\n"
"status 0, 1, 4, 5 in this order, 2 on an error.\n";

static void usage(void)
{
	fputs(usage_text, stderr);
	exit(RESULT_ERROR);
}

static int parse_kind(const char *s)
{
	if (!strcmp(s, "never"))
		return CHANGE_NEVER;
	if (!strcmp(s, "edge"))
		return CHANGE_EDGE;
	usage();
	return CHANGE_NONE;
}

static void parse_options(struct options *o, int argc, char **argv)
{
	int opt;

	while ((opt = getopt(argc, argv, "46n:s:NC:quv")) != -1) {
		switch (opt) {
		case '4':
			o->family = &family_ipv4;
			break;
		case '6':
			o->family = &family_ipv6;
			break;
		case 'n':
			o->packets = atoi(optarg);
			break;
		case 's':
			o->seed = strtoull(optarg, NULL, 0);
			break;
		case 'N':
			o->native_only = true;
			break;
		case 'C':
			o->change = parse_kind(optarg);
			break;
		case 'q':
			o->quick = true;
			break;
		case 'u':
			o->list_unhit = true;
			break;
		case 'v':
			o->verbose = true;
			break;
		default:
			usage();
		}
	}
	if (optind + 1 != argc)
		usage();
	o->file = argv[optind];
}

static void __noreturn __printf(2, 3)
finish(enum result result, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
	exit(result);
}

/* Everything to one line, for the verdict */
static char *one_line(char *s)
{
	for (char *p = s; *p; p++)
		if (*p == '\n')
			*p = p[1] ? ';' : '\0';
	return s;
}

/* Why bpfilter refused it, as it told the kernel log */
static const char *find_refusal(void)
{
	static const char prefix[] = "bpfilter: ";
	const char *found = "no reason in the kernel log";
	struct text log = { 0 };
	char *save, *line;

	text_add(&log, "\n", 1);
	klog_read(&log);
	for (line = strtok_r(log.s, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		if (!strncmp(line, prefix, strlen(prefix)))
			found = line + strlen(prefix);
	return found;
}

static void load_ipset(const struct side *side, const struct input *in)
{
	static const char * const argv[] = {
		"ipset", "-exist", "restore", NULL
	};
	char *said;

	if (in->ipset && run_in(side, argv, in->ipset, &said))
		finish(RESULT_SKIPPED, "skipped: ipset refuses its sets: %s",
		       one_line(said));
}

/* The native engine does not take it: neither must bpfilter, with the same words */
static void __noreturn native_refuses(struct pair *pair, struct input *in,
				      char *said)
{
	char *other = "it takes it";
	int status = rules_load(&pair->side[1], in->text[1], &other);

	one_line(said);
	if (!status || strcmp(said, one_line(other)))
		finish(RESULT_DIFFERENT,
		       "different: the native engine refuses it: %s; %s: %s",
		       said, pair->side[1].name, status ? other : "takes it");
	finish(RESULT_SKIPPED, "skipped: the native engine refuses it, and so does %s: %s",
	       pair->side[1].name, said);
}

/* Load both sides as they are in @in; ends here if that does not work */
static void load_pair(struct pair *pair, struct input *in)
{
	char *said;

	for (int i = 0; i < NUM_SIDES; i++)
		load_ipset(&pair->side[i], in);
	if (rules_load(&pair->side[0], in->text[0], &said))
		native_refuses(pair, in, said);
	klog_mark();
	if (rules_load(&pair->side[1], in->text[1], &said))
		finish(RESULT_REFUSED, "refused: %s; %s", one_line(said),
		       find_refusal());
}

/* In place of what is loaded. What extensions keep goes with their last rule */
static void reload_pair(struct pair *pair, struct input *in, char *text)
{
	bool keeps = strstr(text, "-m hashlimit ") || strstr(text, "-m recent ");
	char *said;

	for (int i = 0; i < NUM_SIDES; i++) {
		if (keeps)
			rules_clear(&pair->side[i], in->text[i]);
		in->text[i] = text;
		if (rules_load(&pair->side[i], text, &said))
			die("%s: changed rules are refused: %s",
			    pair->side[i].name, one_line(said));
	}
}

/**
 * struct counts - rules by what became of them
 * @bridged:	those with an extension that is not translated
 */
struct counts {
	unsigned int bridged;
};

/* bpfilter must have all tables */
static void count_rules(const struct side *side, const struct ruleset *rs,
			struct counts *counts)
{
	counts->bridged = 0;
	for (int t = 0; t < NUM_TABLES; t++) {
		struct table_status status;

		if (!(rs->tables & (1 << t)))
			continue;
		status = side_table(side, table_names[t]);
		if (!status.owned)
			finish(RESULT_DIFFERENT,
			       "different: bpfilter does not have table %s",
			       table_names[t]);
		counts->bridged += status.bridged;
	}
}

/* Again with fresh namespaces, looking after every packet */
static bool run_again(const struct options *o, struct input *in,
		      const struct ruleset *rs, const struct devs *devs,
		      const struct owners *owners,
		      const struct step_list *steps)
{
	struct pair pair;
	bool found;

	pair_open(&pair, o->family, o->native_only);
	load_pair(&pair, in);
	pair_add_devs(&pair, devs, owners);
	found = pair_run_slowly(&pair, rs, steps);
	pair_close(&pair);
	return found;
}

static int prove_change(const struct options *o, struct input *in,
			const struct ruleset *rs, const struct devs *devs,
			const struct owners *owners,
			const struct step_list *steps,
			const struct entries *before,
			const struct entries *after)
{
	int rule = change_rule(in, rs, before, after, o->change, o->seed);

	if (rule < 0)
		finish(RESULT_SKIPPED, "skipped: no rule to change");
	if (run_again(o, in, rs, devs, owners, steps))
		finish(RESULT_EQUAL, "found: changed %s", rs->rules[rule].text);
	finish(RESULT_DIFFERENT, "not found: changed %s", rs->rules[rule].text);
}

static unsigned int default_packets(const struct ruleset *rs)
{
	unsigned int n = 20 * rs->num_rules;

	return n < 500 ? 500 : n > MAX_PACKETS ? MAX_PACKETS : n;
}

static void read_input(struct input *in, const struct options *o)
{
	memset(in, 0, sizeof(*in));
	in->family = o->family;
	in->text[0] = read_file(o->file);
	in->text[1] = in->text[0];
	in->ipset = ipset_read(o->file);
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* Where the time goes, for the report: what has taken it since the last call */
static struct text times;

static double took(const char *what)
{
	static double last;
	double now = seconds(), t = now - last;
	char part[64];

	last = now;
	if (!what)
		return t;
	snprintf(part, sizeof(part), "%s%s %.2f", times.len ? ", " : "", what, t);
	text_add(&times, part, strlen(part));
	return t;
}

/* Softirqs then run where and when the packets are sent */
static void stay_on_one_cpu(void)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	CPU_ZERO(&set);
	CPU_SET(cpu < 0 ? 0 : cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/*
 * A full conntrack table drops at random. Its size is that of all namespaces,
 * and only the first one can change it.
 */
static void allow_connections(unsigned int num)
{
	static const char path[] = "/proc/sys/net/netfilter/nf_conntrack_max";
	char value[16];

	if (access(path, R_OK) || strtoul(read_file(path), NULL, 10) >= num)
		return;
	snprintf(value, sizeof(value), "%u", num);
	printf("# nf_conntrack_max was too small, now %s\n", value);
	sysctl_write("net/netfilter/nf_conntrack_max", value, false);
}

/* Tables and extensions of a verdict, for people */
static char *describe(const struct options *o, const struct ruleset *rs,
		      const struct counts *counts, const struct text *certain)
{
	struct text t = { 0 };
	char part[160];

	for (int i = 0; i < NUM_TABLES; i++) {
		if (!(rs->tables & (1 << i)))
			continue;
		snprintf(part, sizeof(part), "%s%s", t.len ? " " : "",
			 table_names[i]);
		text_add(&t, part, strlen(part));
	}
	snprintf(part, sizeof(part), ", %u rules", rs->num_rules);
	text_add(&t, part, strlen(part));
	if (!o->native_only) {
		snprintf(part, sizeof(part), ", %u translated, %u bridged",
			 rs->num_rules - counts->bridged, counts->bridged);
		text_add(&t, part, strlen(part));
	}
	if (certain->len) {
		text_add(&t, "; for traffic: ", 15);
		text_add(&t, certain->s, certain->len);
	}
	return t.s;
}

static void print_traffic(const struct ruleset *rs,
			  const struct entries *before,
			  const struct entries *after,
			  const struct step_list *steps,
			  const struct pair *pair, double time)
{
	unsigned int hit = 0, total = 0, of_table;

	for (int t = 0; t < NUM_TABLES; t++) {
		if (!(rs->tables & (1 << t)))
			continue;
		hit += entries_hit(&before[t], &after[t], &of_table);
		total += of_table;
	}
	printf("# %u of %u entries hit, %u packets in, %u out, log %s, %.0f packets/s\n",
	       hit, total, steps->packets, pair->num_out,
	       pair->log ? "compared" : "not compared",
	       2 * steps->packets / time);
	printf("# seconds: %s\n", times.s);
}

static void print_unhit(const struct ruleset *rs, const struct entries *before,
			const struct entries *after)
{
	for (unsigned int i = 0; i < rs->num_rules; i++) {
		enum table_id t = rs->chains[rs->rules[i].chain].table;

		if (entries_rule_packets(&after[t], rs, i) ==
		    entries_rule_packets(&before[t], rs, i))
			printf("# not hit: %s %s %u: %s\n", table_names[t],
			       rs->chains[rs->rules[i].chain].name,
			       rs->rules[i].number, rs->rules[i].text);
	}
}

int main(int argc, char **argv)
{
	struct options o = { .family = &family_ipv4, .seed = 1 };
	struct entries before[NUM_TABLES] = { 0 }, after[NUM_TABLES] = { 0 };
	struct step_list steps = { 0 };
	struct text certain = { 0 };
	struct counts counts = { 0 };
	struct owners owners;
	struct ruleset rs;
	struct devs devs;
	struct input in;
	struct pair pair;
	char *saved, *text;
	double time;
	bool equal;

	setvbuf(stdout, NULL, _IOLBF, 0);
	parse_options(&o, argc, argv);
	read_input(&in, &o);
	stay_on_one_cpu();
	allow_connections(2 * (o.packets ? o.packets : MAX_PACKETS));

	took(NULL);
	text = o.quick ? rules_make_certain(in.text[0], &certain) : NULL;
	for (int i = 0; i < NUM_SIDES && text; i++)
		in.text[i] = text;
	pair_open(&pair, o.family, o.native_only);
	took("namespaces");
	load_pair(&pair, &in);
	took("load");
	saved = rules_save(&pair.side[0]);
	ruleset_parse(&rs, o.family, saved);
	if (!rs.tables)
		finish(RESULT_SKIPPED, "skipped: no table in it");
	equal = pair_compare_rules(&pair, &rs, o.quick ? NULL : saved);
	took("compare rules");
	if (!o.native_only)
		count_rules(&pair.side[1], &rs, &counts);
	text = o.quick ? NULL : rules_make_certain(saved, &certain);
	if (text) {
		reload_pair(&pair, &in, text);
		ruleset_free(&rs);
		ruleset_parse(&rs, o.family, text);
		took("load again");
	}
	devs_make(&devs, &rs);
	owners_make(&owners, &rs);
	derive_steps(&rs, &devs, &owners, o.seed, o.packets ? o.packets :
		     default_packets(&rs), &steps);
	took("packets");
	pair_get_entries(&pair, &rs, before);
	pair_add_devs(&pair, &devs, &owners);
	took("devices");
	equal &= pair_run(&pair, &steps, o.verbose);
	time = took("traffic");
	equal &= pair_compare(&pair, &rs, after);
	took("compare");
	print_traffic(&rs, before, after, &steps, &pair, time);
	if (o.list_unhit)
		print_unhit(&rs, before, after);
	pair_close(&pair);

	if (!equal) {
		if (!run_again(&o, &in, &rs, &devs, &owners, &steps))
			printf("# packet by packet no difference shows\n");
		finish(RESULT_DIFFERENT, "different");
	}
	if (o.change)
		return prove_change(&o, &in, &rs, &devs, &owners, &steps,
				    before, after);
	finish(RESULT_EQUAL, "equal: %s", describe(&o, &rs, &counts, &certain));
}
