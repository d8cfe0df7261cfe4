// SPDX-License-Identifier: GPL-2.0
#include <getopt.h>
#include <regex.h>
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
	unsigned int packets;
	uint64_t seed;
	bool native_only;
	bool filter_only;
	bool reduce;
	bool verbose;
	int change;
	const char *file;
};

static const char usage_text[] =
"usage: diffrun [OPTION...] FILE\n"
"\n"
"Load FILE, input of iptables-restore, in a namespace of the native engine and\n"
"in one of bpfilter, send the same packets, compare. FILE.ipset, or NAME.ipset\n"
"beside NAME.rules, is restored first.\n"
"\n"
"  -n PACKETS  how many packets (default: 20 per rule, 500 to 20000)\n"
"  -s SEED     of the choice of packets (default 1)\n"
"  -f          load table filter only\n"
"  -R          leave out rules with what bpfilter refuses\n"
"  -N          both namespaces native: must always be equal\n"
"  -C KIND     test of the test: change a rule that was hit on the second\n"
"              side and succeed if that is found. never: the rule matches no\n"
"              packet any more; edge: an address or port moved by one\n"
"  -v          print each step\n"
"\n"
"The last line says how it went: \"equal\", \"different\", \"skipped: REASON\" or\n"
"\"refused: REASON\"; exit status 0, 1, 4, 5 in this order, 2 on an error.\n";

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

	while ((opt = getopt(argc, argv, "n:s:fRNC:v")) != -1) {
		switch (opt) {
		case 'n':
			o->packets = atoi(optarg);
			break;
		case 's':
			o->seed = strtoull(optarg, NULL, 0);
			break;
		case 'f':
			o->filter_only = true;
			break;
		case 'R':
			o->reduce = true;
			break;
		case 'N':
			o->native_only = true;
			break;
		case 'C':
			o->change = parse_kind(optarg);
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

static char *read_ipset(const char *file)
{
	size_t len = strlen(file);
	char path[4096];

	if (len > 6 && !strcmp(file + len - 6, ".rules"))
		len -= 6;
	snprintf(path, sizeof(path), "%.*s.ipset", (int)len, file);
	return access(path, R_OK) ? NULL : read_file(path);
}

static bool regex_matches(const char *pattern, const char *s)
{
	regex_t re;
	bool found;

	if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB))
		die("regular expression %s", pattern);
	found = !regexec(&re, s, 0, NULL, 0);
	regfree(&re);
	return found;
}

/* The kernel must say why: which rule, and which extension at which revision */
static bool refusal_is_precise(const char *msg)
{
	static const char of_extension[] =
		"^filter/[^ ]+ rule [0-9]+: (match|target) \"[^\"]+\" revision [0-9]+: .+";
	static const char of_other[] = "^filter(/[^ ]+( rule [0-9]+)?)?: .+";

	if (strstr(msg, "match \"") || strstr(msg, "target \""))
		return regex_matches(of_extension, msg);
	return regex_matches(of_other, msg);
}

static const char *find_refusal(char *log)
{
	static const char prefix[] = "bpfilter: ";
	const char *found = NULL;
	char *save, *line = strtok_r(log, "\n", &save);

	for (; line; line = strtok_r(NULL, "\n", &save))
		if (!strncmp(line, prefix, strlen(prefix)))
			found = line + strlen(prefix);
	return found;
}

/* Bpfilter did not take it: ends here, unless a part of it can be compared */
static void on_refusal(const struct options *o, struct input *in, char *said)
{
	const char *msg = find_refusal(klog_since());
	unsigned int num;

	printf("# bpfilter: %s\n", one_line(said));
	/* The kernel limits how many messages it writes in five seconds */
	if (!msg && !in->muted++) {
		sleep(6);
		return;
	}
	if (!msg)
		finish(RESULT_DIFFERENT,
		       "different: bpfilter refuses it without a reason");
	if (!refusal_is_precise(msg))
		finish(RESULT_DIFFERENT,
		       "different: bpfilter refuses it without saying where: %s",
		       msg);
	in->muted = 0;
	num = o->reduce ? input_reduce(in, msg) : 0;
	if (!num)
		finish(RESULT_REFUSED, "refused: %s", msg);
	in->left_out += num;
}

/* The native engine did not: perhaps it takes the filter table */
static void on_native_refusal(struct input *in, char *said)
{
	char *filter = table_extract(in->text[0], "filter");
	struct table_name names[2];

	one_line(said);
	if (tables_find(in->text[0], names, 2) < 2)
		finish(RESULT_SKIPPED, "skipped: the native engine refuses it: %s",
		       said);
	printf("# the native engine refuses it: %s\n# without other tables\n",
	       said);
	in->text[0] = filter;
	in->text[1] = filter;
}

/* Load the input, or as much of it as both can take */
static void open_pair(struct pair *pair, const struct options *o,
		      struct input *in)
{
	char *said;
	int which;

	for (;;) {
		pair_open(pair, o->native_only);
		klog_mark();
		which = pair_load(pair, in, &said);
		if (which < 0)
			break;
		pair_close(pair);
		if (which == 0)
			on_native_refusal(in, said);
		else
			on_refusal(o, in, said);
	}
	if (!o->native_only && !side_owned(&pair->side[1]))
		finish(RESULT_DIFFERENT,
		       "different: bpfilter does not have the table");
}

/* Again with fresh namespaces, looking after every packet */
static void explain(const struct options *o, struct input *in,
		    const struct ruleset *rs, const struct devs *devs,
		    const struct step_list *steps)
{
	struct pair pair;

	open_pair(&pair, o, in);
	pair_add_devs(&pair, devs);
	if (!pair_run_slowly(&pair, rs, steps))
		printf("# packet by packet no difference shows\n");
	pair_close(&pair);
}

static int prove_change(const struct options *o, struct input *in,
			const struct ruleset *rs, const struct devs *devs,
			const struct step_list *steps, const struct entries *e)
{
	int rule = change_rule(in, rs, e, o->change, o->seed);
	struct pair pair;
	bool found;

	if (rule < 0)
		finish(RESULT_SKIPPED, "skipped: no rule to change");
	open_pair(&pair, o, in);
	pair_add_devs(&pair, devs);
	found = pair_run_slowly(&pair, rs, steps);
	pair_close(&pair);
	if (found)
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
	in->text[0] = read_file(o->file);
	in->ipset = read_ipset(o->file);
	if (o->filter_only)
		in->text[0] = table_extract(in->text[0], "filter");
	if (!in->text[0] || !table_extract(in->text[0], "filter"))
		finish(RESULT_SKIPPED, "skipped: no table filter");
	in->text[1] = in->text[0];
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
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

int main(int argc, char **argv)
{
	struct options o = { .seed = 1 };
	struct entries e = { 0 };
	struct step_list steps = { 0 };
	unsigned int hit, total;
	struct ruleset rs;
	struct devs devs;
	struct input in;
	struct pair pair;
	double start;
	bool equal;

	setvbuf(stdout, NULL, _IOLBF, 0);
	parse_options(&o, argc, argv);
	read_input(&in, &o);
	stay_on_one_cpu();
	allow_connections(2 * (o.packets ? o.packets : MAX_PACKETS));

	open_pair(&pair, &o, &in);
	ruleset_parse(&rs, rules_save(&pair.side[0], "filter"));
	rs.nat = table_extract(in.text[0], "nat");
	devs_make(&devs, &rs);
	derive_steps(&rs, &devs, o.seed, o.packets ? o.packets :
		     default_packets(&rs), &steps);
	pair_add_devs(&pair, &devs);
	start = seconds();
	equal = pair_run(&pair, &steps, o.verbose);
	start = seconds() - start;
	equal &= pair_compare(&pair, &in, &rs, &e);
	hit = entries_hit(&e, &total);
	printf("# %u rules, %u of %u entries hit, %u packets in, %u out, %.0f packets/s\n",
	       rs.num_rules, hit, total, steps.packets, pair.num_out,
	       2 * steps.packets / start);
	pair_close(&pair);

	if (!equal) {
		explain(&o, &in, &rs, &devs, &steps);
		finish(RESULT_DIFFERENT, "different");
	}
	if (o.change)
		return prove_change(&o, &in, &rs, &devs, &steps, &e);
	if (in.left_out)
		finish(RESULT_EQUAL, "equal: without %u rules", in.left_out);
	finish(RESULT_EQUAL, "equal");
}
