// SPDX-License-Identifier: GPL-2.0
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "diff/util.h"

/*
 * Random tables, input of iptables-restore or ip6tables-restore, from what
 * bpfilter translates. Values are few, so that one packet fits many rules. A
 * chain goes on to later ones only, most often to the next, so that they nest
 * deeply and have no loops. The seed stands in the first line.
 */

#define MAX_CHAINS 16
#define MAX_HOOKS 5

/**
 * struct table - a table
 * @name:	its name
 * @hooks:	its chains
 * @num:	number of @hooks
 */
struct table {
	const char *name;
	const char *hooks[MAX_HOOKS];
	unsigned int num;
};

static const struct table tables[] = {
	{ "raw", { "PREROUTING", "OUTPUT" }, 2 },
	{ "mangle", { "PREROUTING", "INPUT", "FORWARD", "OUTPUT",
		      "POSTROUTING" }, 5 },
	{ "filter", { "INPUT", "FORWARD", "OUTPUT" }, 3 },
	{ "security", { "INPUT", "FORWARD", "OUTPUT" }, 3 },
};

struct gen {
	struct rng rng;
	const struct table *table;
	bool v6;
	bool more;			/* matches that need modules */
	unsigned int hooks;		/* of the table */
	unsigned int chains;		/* hooks and user chains */
	bool conntrack;			/* rules may ask for connections */
	bool counters;			/* rules come with counters */
};

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

static void chain_name(const struct gen *g, unsigned int chain, char *name,
		       size_t size)
{
	if (chain < g->hooks)
		snprintf(name, size, "%s", g->table->hooks[chain]);
	else if (chain == g->hooks + 1)
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
	static const char * const addrs6[] = {
		"2001:db8:2::1", "2001:db8:2::1/128", "2001:db8:2::/127",
		"2001:db8:2::/64", "2001:db8::/32", "2001:db8:1::/48",
		"2001:db8:1::2/126", "2000::/3", "8000::/1", "::/0", "::/1",
		"fe80::/10", "::1", "fd00::/8", "2001:db8:2::1/65",
		"2001:db8:1::1/ffff:ffff::ffff", "::1/::ffff",
		"2001:db8:0:0:1::/ffff:ffff:0:0:ffff::",
		"2001:db8:2::3/ffff:ffff:ffff:ffff:ffff:ffff:7fff:ffff",
	};

	maybe_not(g);
	printf(" %s %s", option, g->v6 ?
	       word(g, addrs6, ARRAY_SIZE(addrs6)) :
	       word(g, addrs, ARRAY_SIZE(addrs)));
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
	static const unsigned int types4[] = { 0, 3, 5, 8, 11, 12, 13, 254 };
	static const unsigned int types6[] = { 1, 2, 3, 4, 128, 129, 135, 254 };
	unsigned int type = number(g, g->v6 ? types6 : types4, 8);
	const char *v6 = g->v6 ? "v6" : "";

	printf(" -m icmp%s", g->v6 ? "6" : "");
	maybe_not(g);
	/* ICMPv6 has no word for any */
	if (!g->v6 && one_in(g, 4))
		printf(" --icmp-type any");
	else if (one_in(g, 3))
		printf(" --icmp%s-type %u/%u", v6, type, below(g, 5));
	else
		printf(" --icmp%s-type %u", v6, type);
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
	const char * const protos[] = {
		"tcp", "udp", g->v6 ? "ipv6-icmp" : "icmp", "136",
	};

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

static void print_multiport(struct gen *g)
{
	static const char * const options[] = {
		"--sports", "--dports", "--ports",
	};
	static const char * const lists[] = {
		"22,53,80", "0,65535", "1:1023", "1024:65535", "80,443,8080:8090",
		"1,2,3,4,5,6,7,8,9,10,11,12,13,14,15", "32768:65534,22", "0:65535",
	};

	printf(" -m multiport");
	maybe_not(g);
	printf(" %s %s", word(g, options, ARRAY_SIZE(options)),
	       word(g, lists, ARRAY_SIZE(lists)));
}

/* Matches on a number each, with some of their values */
static void print_number_match(struct gen *g)
{
	static const struct {
		const char *match;
		const char *option;
		const char *values[6];
	} matches[] = {
		{ "mark", "--mark", { "0", "1", "0x1/0x1", "0x0/0xff00",
				      "0xffffffff", "0x80000000/0x80000000" } },
		{ "length", "--length", { "0", "40:80", "65535", "0:65535",
					  "64", "100:" } },
		{ "dscp", "--dscp", { "0x00", "0x01", "0x0a", "0x2e", "0x3f",
				      "0x20" } },
		{ "tos", "--tos", { "0x00/0xff", "0x10/0x1f", "0xff/0xff",
				    "0x02/0x03", "0x00/0x00", "0x80/0x80" } },
		{ "pkttype", "--pkt-type", { "unicast", "broadcast",
					     "multicast", "unicast", "unicast",
					     "unicast" } },
	};
	unsigned int m = below(g, ARRAY_SIZE(matches));

	printf(" -m %s", matches[m].match);
	maybe_not(g);
	printf(" %s %s", matches[m].option, matches[m].values[below(g, 6)]);
}

static void print_ttl(struct gen *g)
{
	static const char * const tests[] = { "eq", "lt", "gt" };
	static const unsigned int values[] = { 0, 1, 63, 64, 65, 254, 255 };
	const char *name = g->v6 ? "hl" : "ttl";
	unsigned int test = below(g, ARRAY_SIZE(tests));

	printf(" -m %s", name);
	if (!test)
		maybe_not(g);
	printf(" --%s-%s %u", name, tests[test],
	       number(g, values, ARRAY_SIZE(values)));
}

static void print_iprange(struct gen *g)
{
	static const char * const ranges4[] = {
		"10.1.2.1-10.1.2.9", "0.0.0.0-255.255.255.255",
		"203.0.113.1-203.0.113.1", "198.51.100.2-203.0.113.2",
	};
	static const char * const ranges6[] = {
		"2001:db8:2::1-2001:db8:2::9", "::-ffff::",
		"2001:db8:1::1-2001:db8:1::1", "2001:db8:1::2-2001:db8:2::2",
	};

	printf(" -m iprange");
	maybe_not(g);
	printf(" --%s-range %s", one_in(g, 2) ? "src" : "dst",
	       g->v6 ? word(g, ranges6, 4) : word(g, ranges4, 4));
}

/* Matches that no protocol is needed for */
static void print_more(struct gen *g)
{
	static void (* const prints[])(struct gen *g) = {
		print_number_match, print_number_match, print_number_match,
		print_ttl, print_iprange,
	};

	prints[below(g, ARRAY_SIZE(prints))](g);
}

/* The protocol and what it brings along */
static void print_proto(struct gen *g)
{
	static const char * const others[] = {
		"udplite", "all", "sctp", "gre", "4", "255", "esp", "58",
	};
	static const char * const inverted[] = {
		"tcp", "udp", "icmp", "udplite", "47", "255", "ipv6-icmp",
	};

	switch (below(g, 10)) {
	case 0: case 1: case 2:
		printf(" -p tcp");
		for (int n = below(g, 3); n; n--)
			print_tcp(g);
		if (g->more && one_in(g, 4))
			print_multiport(g);
		break;
	case 3: case 4:
		printf(" -p udp");
		if (!one_in(g, 4))
			print_udp(g);
		if (g->more && one_in(g, 4))
			print_multiport(g);
		break;
	case 5: case 6:
		printf(" -p %s", g->v6 ? "ipv6-icmp" : "icmp");
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
	unsigned int first = chain < g->hooks ? g->hooks : chain + 1;
	unsigned int to = first;
	char name[32];

	if (one_in(g, 8))
		return;
	if (g->more && !strcmp(g->table->name, "mangle") && one_in(g, 3)) {
		printf(" -j MARK --set-xmark 0x%x/0xff", below(g, 4));
		return;
	}
	if (always && !one_in(g, 8) && first >= g->chains)
		return;
	if (first >= g->chains || (one_in(g, 2) && (!always || one_in(g, 8)))) {
		printf(" -j %s", word(g, verdicts, ARRAY_SIZE(verdicts)));
		return;
	}
	if (one_in(g, 3))
		to += below(g, g->chains - first);
	chain_name(g, to, name, sizeof(name));
	printf(" -%c %s", one_in(g, 4) ? 'g' : 'j', name);
}

static void print_counters(struct gen *g)
{
	if (g->counters)
		printf("[%u:%u] ", below(g, 1000), below(g, 100000));
}

/* A chain of a hook may only ask for the devices that the hook knows */
static bool hook_has(const struct gen *g, unsigned int chain, bool in)
{
	const char *name;

	if (chain >= g->hooks)
		return true;
	name = g->table->hooks[chain];
	if (in)
		return strcmp(name, "OUTPUT") && strcmp(name, "POSTROUTING");
	return strcmp(name, "INPUT") && strcmp(name, "PREROUTING");
}

static void print_base(struct gen *g, unsigned int chain)
{
	if (one_in(g, 3))
		print_addr(g, "-s");
	if (one_in(g, 3))
		print_addr(g, "-d");
	if (hook_has(g, chain, true) && one_in(g, 5))
		print_dev(g, "-i");
	if (hook_has(g, chain, false) && one_in(g, 5))
		print_dev(g, "-o");
	if (!g->v6 && one_in(g, 12))
		printf(one_in(g, 2) ? " -f" : " ! -f");
	print_proto(g);
}

static void print_rule(struct gen *g, unsigned int chain)
{
	bool always = one_in(g, 12);
	char name[32];

	chain_name(g, chain, name, sizeof(name));
	print_counters(g);
	printf("-A %s", name);
	if (!always)
		print_base(g, chain);
	if (!always && g->more && one_in(g, 3))
		print_more(g);
	if (!always && g->conntrack && one_in(g, 6))
		print_state(g);
	if (!always && g->conntrack && one_in(g, 3))
		print_conntrack(g);
	if (one_in(g, 10))
		print_comment(g);
	print_target(g, chain, always);
	printf("\n");
}

/* Only table filter drops by policy: what others drop never gets as far */
static void print_head(struct gen *g, unsigned int chain)
{
	bool drop = !strcmp(g->table->name, "filter") && one_in(g, 3);
	char name[32];

	chain_name(g, chain, name, sizeof(name));
	printf(":%s %s", name, chain >= g->hooks ? "-" :
	       drop ? "DROP" : "ACCEPT");
	if (g->counters)
		printf(" [%u:%u]\n", below(g, 1000), below(g, 100000));
	else
		printf(" [0:0]\n");
}

static void print_table(struct gen *g, const struct table *t)
{
	g->table = t;
	g->hooks = t->num;
	g->chains = t->num + below(g, MAX_CHAINS - t->num);
	printf("*%s\n", t->name);
	for (unsigned int c = 0; c < g->chains; c++)
		print_head(g, c);
	for (unsigned int c = 0; c < g->chains; c++)
		for (unsigned int n = below(g, 8); n; n--)
			print_rule(g, c);
	printf("COMMIT\n");
}

/* So that there are packets in state UNTRACKED */
static void print_notrack(const struct gen *g)
{
	printf("*raw\n");
	printf("-A PREROUTING -s %s -p udp -j CT --notrack\n",
	       g->v6 ? "2001:db8:2::/64" : "10.1.2.0/24");
	printf("-A OUTPUT -d %s -p tcp -j CT --notrack\n",
	       g->v6 ? "2001:db8::/32" : "10.1.0.0/16");
	printf("COMMIT\n");
}

static void print_all(struct gen *g)
{
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		if (!strcmp(tables[i].name, "filter") || one_in(g, 2))
			print_table(g, &tables[i]);
}

static void usage(void)
{
	fputs("genrules [-4|-6] [-r] [-t] [-x] SEED\n\n"
	      "Print random tables for iptables-restore: filter, and if asked for\n\n"
	      "  -6  for ip6tables-restore\n"
	      "  -r  now and then a table raw that does not track some packets\n"
	      "  -t  other tables too, but nat\n"
	      "  -x  matches that need extensions of their own\n", stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	bool raw = false, all = false;
	struct gen g = { 0 };
	int opt;

	while ((opt = getopt(argc, argv, "46rtx")) != -1) {
		if (opt == '?')
			usage();
		g.v6 |= opt == '6';
		g.more |= opt == 'x';
		raw |= opt == 'r';
		all |= opt == 't';
	}
	if (optind + 1 != argc)
		usage();
	rng_seed(&g.rng, strtoull(argv[optind], NULL, 0));
	g.conntrack = one_in(&g, 2);
	g.counters = one_in(&g, 4);
	printf("# genrules %s\n", argv[optind]);
	if (all && one_in(&g, 2)) {
		print_all(&g);
		return 0;
	}
	if (raw && g.conntrack && one_in(&g, 3))
		print_notrack(&g);
	print_table(&g, &tables[2]);
	return 0;
}
