// SPDX-License-Identifier: GPL-2.0
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "diff/util.h"

/*
 * A random filter table, input of iptables-restore, from all that bpfilter
 * translates. Values are few, so that one packet fits many rules. A chain goes
 * on to later ones only, most often to the next, so that they nest deeply and
 * have no loops. The seed stands in the first line.
 */

#define MAX_CHAINS 16

struct gen {
	struct rng rng;
	unsigned int chains;		/* hooks and user chains */
	bool conntrack;			/* rules may ask for connections */
	bool counters;			/* rules come with counters */
};

static const char * const hook_names[] = { "INPUT", "FORWARD", "OUTPUT" };

#define NUM_HOOKS 3

static uint32_t below(struct gen *g, uint32_t n)
{
	return rng_below(&g->rng, n);
}

static bool one_in(struct gen *g, uint32_t n)
{
	return rng_one_in(&g->rng, n);
}

static const char *word(struct gen *g, const char *const *words,
			unsigned int num)
{
	return words[below(g, num)];
}

static unsigned int number(struct gen *g, const unsigned int *numbers,
			   unsigned int num)
{
	return numbers[below(g, num)];
}

/* An option, inverted once in four */
static void maybe_not(struct gen *g)
{
	if (one_in(g, 4))
		printf(" !");
}

static void chain_name(unsigned int chain, char *name, size_t size)
{
	if (chain < NUM_HOOKS)
		snprintf(name, size, "%s", hook_names[chain]);
	else if (chain == NUM_HOOKS + 1)
		snprintf(name, size, "a-name-as-long-as-any-can-be");
	else
		snprintf(name, size, "chain%u", chain);
}

static void print_addr(struct gen *g, const char *option)
{
	static const char * const addrs[] = {
		"10.1.2.3", "10.1.2.3/32", "10.1.2.2/31", "10.1.2.0/24",
		"10.0.0.0/8", "10.1.0.0/16", "192.168.0.0/30", "192.168.0.0/16",
		"0.0.0.0/1", "128.0.0.0/1", "172.16.0.0/12", "198.51.100.0/24",
		"203.0.113.1", "203.0.113.0/30", "0.0.0.0/0", "127.0.0.1",
		"10.0.0.3/255.0.0.255", "0.0.0.1/0.0.0.1",
		"10.0.2.0/255.0.255.0", "203.0.113.1/255.255.254.255",
	};

	maybe_not(g);
	printf(" %s %s", option, word(g, addrs, ARRAY_SIZE(addrs)));
}

static void print_dev(struct gen *g, const char *option)
{
	static const char * const devs[] = {
		"eth0", "eth1", "eth+", "et+", "e+", "wlan0", "wlan+", "lo",
		"l+", "dfx0", "dfx+", "abcdefghijklmno", "abcdefghijklmn+",
	};

	maybe_not(g);
	printf(" %s %s", option, word(g, devs, ARRAY_SIZE(devs)));
}

static void print_ports(struct gen *g, const char *option)
{
	static const unsigned int ports[] = {
		0, 1, 22, 53, 80, 255, 256, 443, 1024, 32768, 65534, 65535,
	};
	unsigned int a = number(g, ports, ARRAY_SIZE(ports));
	unsigned int b = number(g, ports, ARRAY_SIZE(ports));

	maybe_not(g);
	printf(" %s ", option);
	switch (below(g, 6)) {
	case 0:
		printf(":%u", a);
		break;
	case 1:
		printf("%u:", a);
		break;
	case 2:
		printf("%u:%u", a < b ? a : b, a < b ? b : a);
		break;
	case 3:
		printf("%u:%u", a, a < 65535 ? a + 1 : a);
		break;
	default:
		printf("%u", a);
		break;
	}
}

static void print_flags(struct gen *g)
{
	static const char * const flags[] = {
		"FIN,SYN,RST,ACK SYN", "SYN,ACK SYN,ACK", "ALL NONE", "ALL ALL",
		"SYN,RST SYN,RST", "FIN FIN", "ACK NONE", "ALL FIN,PSH,URG",
		"PSH,URG URG", "RST RST", "NONE NONE", "SYN,FIN ACK",
	};

	maybe_not(g);
	printf(" --tcp-flags %s", word(g, flags, ARRAY_SIZE(flags)));
}

static void print_tcp(struct gen *g)
{
	static const unsigned int kinds[] = { 1, 2, 3, 4, 5, 8, 30, 255 };

	printf(" -m tcp");
	if (one_in(g, 2))
		print_ports(g, "--sport");
	if (one_in(g, 2))
		print_ports(g, "--dport");
	if (one_in(g, 4))
		print_flags(g);
	if (one_in(g, 5)) {
		maybe_not(g);
		printf(" --tcp-option %u", number(g, kinds, ARRAY_SIZE(kinds)));
	}
}

static void print_udp(struct gen *g)
{
	printf(" -m udp");
	if (one_in(g, 2))
		print_ports(g, "--sport");
	if (one_in(g, 2))
		print_ports(g, "--dport");
}

static void print_icmp(struct gen *g)
{
	static const unsigned int types[] = { 0, 3, 5, 8, 11, 12, 13, 254 };

	printf(" -m icmp");
	maybe_not(g);
	switch (below(g, 4)) {
	case 0:
		printf(" --icmp-type any");
		break;
	case 1:
		printf(" --icmp-type %u/%u",
		       number(g, types, ARRAY_SIZE(types)), below(g, 5));
		break;
	default:
		printf(" --icmp-type %u", number(g, types, ARRAY_SIZE(types)));
		break;
	}
}

/* A list with some of the words, at least one */
static void print_words(struct gen *g, const char *const *words,
			unsigned int num)
{
	unsigned int set = 1 << below(g, num);

	while (one_in(g, 2))
		set |= 1 << below(g, num);
	for (unsigned int i = 0; i < num; i++)
		if (set & (1 << i))
			printf("%s%s", words[i],
			       set >> (i + 1) ? "," : "");
}

static const char * const states[] = {
	"INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED",
	"SNAT", "DNAT",
};

static void print_state(struct gen *g)
{
	printf(" -m state");
	maybe_not(g);
	printf(" --state ");
	print_words(g, states, 5);
}

static void print_ct_state(struct gen *g)
{
	maybe_not(g);
	printf(" --ctstate ");
	print_words(g, states, ARRAY_SIZE(states));
}

static void print_ct_status(struct gen *g)
{
	static const char * const words[] = {
		"NONE", "EXPECTED", "SEEN_REPLY", "ASSURED", "CONFIRMED",
	};

	maybe_not(g);
	printf(" --ctstatus ");
	print_words(g, words, ARRAY_SIZE(words));
}

static void print_ct_proto(struct gen *g)
{
	static const char * const protos[] = { "tcp", "udp", "icmp", "136" };

	maybe_not(g);
	printf(" --ctproto %s", word(g, protos, ARRAY_SIZE(protos)));
}

/*
 * Far from every timeout that diffrun sets, or leaves: a second may pass between
 * a packet in one namespace and the same in the other.
 */
static void print_ct_expire(struct gen *g)
{
	static const char * const times[] = {
		"0:1000", "1500:10000", "100000:4294967295", "4000:5000",
		"1", "0:0",
	};

	maybe_not(g);
	printf(" --ctexpire %s", word(g, times, ARRAY_SIZE(times)));
}

static void print_ct_dir(struct gen *g)
{
	printf(" --ctdir %s", one_in(g, 2) ? "ORIGINAL" : "REPLY");
}

static void print_ct_addr(struct gen *g)
{
	static const char * const options[] = {
		"--ctorigsrc", "--ctorigdst", "--ctreplsrc", "--ctrepldst",
	};

	print_addr(g, word(g, options, ARRAY_SIZE(options)));
}

static void print_ct_port(struct gen *g)
{
	static const char * const options[] = {
		"--ctorigsrcport", "--ctorigdstport",
		"--ctreplsrcport", "--ctrepldstport",
	};

	print_ports(g, word(g, options, ARRAY_SIZE(options)));
}

/* Each option may be given once only: take two different ones */
static void print_conntrack(struct gen *g)
{
	static void (* const prints[])(struct gen *g) = {
		print_ct_state, print_ct_status, print_ct_proto, print_ct_expire,
		print_ct_dir, print_ct_addr, print_ct_port,
	};
	unsigned int a = below(g, ARRAY_SIZE(prints));
	unsigned int b = below(g, ARRAY_SIZE(prints));

	printf(" -m conntrack");
	prints[one_in(g, 3) ? 0 : a](g);
	if (a != b && a && b && one_in(g, 2))
		prints[b](g);
}

static void print_comment(struct gen *g)
{
	static const char * const comments[] = {
		"plain", "\"with words\"", "\"a \\\"quoted\\\" word\"", "\"! -s\"",
	};

	printf(" -m comment --comment %s", word(g, comments, ARRAY_SIZE(comments)));
}

/* The protocol and what it brings along */
static void print_proto(struct gen *g)
{
	static const char * const others[] = {
		"udplite", "all", "sctp", "gre", "4", "255", "esp", "ipv6-icmp",
	};
	static const char * const inverted[] = {
		"tcp", "udp", "icmp", "udplite", "47", "255",
	};

	switch (below(g, 10)) {
	case 0: case 1: case 2:
		printf(" -p tcp");
		for (int n = below(g, 3); n; n--)
			print_tcp(g);
		break;
	case 3: case 4:
		printf(" -p udp");
		if (!one_in(g, 4))
			print_udp(g);
		break;
	case 5: case 6:
		printf(" -p icmp");
		if (!one_in(g, 4))
			print_icmp(g);
		break;
	case 7:
		printf(" -p %s", word(g, others, ARRAY_SIZE(others)));
		break;
	case 8:
		printf(" ! -p %s", word(g, inverted, ARRAY_SIZE(inverted)));
		break;
	default:
		break;
	}
}

/* A rule without conditions seldom decides: what follows would be dead */
static void print_target(struct gen *g, unsigned int chain, bool always)
{
	static const char * const verdicts[] = {
		"ACCEPT", "ACCEPT", "DROP", "RETURN",
	};
	unsigned int first = chain < NUM_HOOKS ? NUM_HOOKS : chain + 1;
	unsigned int to = first;
	char name[32];

	if (one_in(g, 8))
		return;
	if (always && !one_in(g, 8) && first >= g->chains)
		return;
	if (first >= g->chains || (one_in(g, 2) && (!always || one_in(g, 8)))) {
		printf(" -j %s", word(g, verdicts, ARRAY_SIZE(verdicts)));
		return;
	}
	if (one_in(g, 3))
		to += below(g, g->chains - first);
	chain_name(to, name, sizeof(name));
	printf(" -%c %s", one_in(g, 4) ? 'g' : 'j', name);
}

static void print_counters(struct gen *g)
{
	if (g->counters)
		printf("[%u:%u] ", below(g, 1000), below(g, 100000));
}

static void print_base(struct gen *g, unsigned int chain)
{
	if (one_in(g, 3))
		print_addr(g, "-s");
	if (one_in(g, 3))
		print_addr(g, "-d");
	if (chain != 2 && one_in(g, 5))
		print_dev(g, "-i");
	if (chain != 0 && one_in(g, 5))
		print_dev(g, "-o");
	if (one_in(g, 12))
		printf(one_in(g, 2) ? " -f" : " ! -f");
	print_proto(g);
}

static void print_rule(struct gen *g, unsigned int chain)
{
	bool always = one_in(g, 12);
	char name[32];

	chain_name(chain, name, sizeof(name));
	print_counters(g);
	printf("-A %s", name);
	if (!always)
		print_base(g, chain);
	if (!always && g->conntrack && one_in(g, 6))
		print_state(g);
	if (!always && g->conntrack && one_in(g, 3))
		print_conntrack(g);
	if (one_in(g, 10))
		print_comment(g);
	print_target(g, chain, always);
	printf("\n");
}

static void print_head(struct gen *g, unsigned int chain)
{
	char name[32];

	chain_name(chain, name, sizeof(name));
	printf(":%s %s", name, chain >= NUM_HOOKS ? "-" :
	       one_in(g, 3) ? "DROP" : "ACCEPT");
	if (g->counters)
		printf(" [%u:%u]\n", below(g, 1000), below(g, 100000));
	else
		printf(" [0:0]\n");
}

static void print_filter(struct gen *g)
{
	printf("*filter\n");
	for (unsigned int c = 0; c < g->chains; c++)
		print_head(g, c);
	for (unsigned int c = 0; c < g->chains; c++)
		for (unsigned int n = below(g, 8); n; n--)
			print_rule(g, c);
	printf("COMMIT\n");
}

/* So that there are packets in state UNTRACKED */
static void print_raw(void)
{
	printf("*raw\n");
	printf("-A PREROUTING -s 10.1.2.0/24 -p udp -j CT --notrack\n");
	printf("-A OUTPUT -d 10.1.0.0/16 -p tcp -j CT --notrack\n");
	printf("COMMIT\n");
}

static void usage(void)
{
	fputs("genrules [-r] SEED\n\n"
	      "Print a random table filter for iptables-restore\n\n"
	      "  -r  with a table raw now and then\n", stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	bool raw = false;
	struct gen g;
	int opt;

	while ((opt = getopt(argc, argv, "r")) != -1) {
		if (opt != 'r')
			usage();
		raw = true;
	}
	if (optind + 1 != argc)
		usage();
	rng_seed(&g.rng, strtoull(argv[optind], NULL, 0));
	g.chains = NUM_HOOKS + below(&g, MAX_CHAINS - NUM_HOOKS);
	g.conntrack = one_in(&g, 2);
	g.counters = one_in(&g, 4);
	printf("# genrules %s\n", argv[optind]);
	if (raw && g.conntrack && one_in(&g, 3))
		print_raw();
	print_filter(&g);
	return 0;
}
