// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules.h"
#include "util.h"

/*
 * iptables-save is line oriented: ":CHAIN POLICY [p:b]" declares, "[p:b] -A
 * CHAIN OPTION..." appends. One option is "!", a name and its arguments; the
 * table below says how many arguments the names have that say something about
 * packets. All else is passed over word by word.
 */

#define MAX_WORDS 256

struct parser {
	struct ruleset *rs;
	struct rule *rule;
	const char *match;	/* argument of the last -m */
};

struct option {
	const char *name;
	const char *match;	/* valid behind this -m only, NULL: anywhere */
	unsigned int args;
	void (*parse)(struct parser *p, bool inv, char **arg);
};

static uint32_t parse_addr(const char *s)
{
	struct in_addr in = { 0 };

	inet_pton(AF_INET, s, &in);
	return ntohl(in.s_addr);
}

static void parse_masked(struct addr_test *t, bool inv, char *s)
{
	char *slash = strchr(s, '/');

	t->mask = ~0U;
	if (slash) {
		*slash++ = '\0';
		if (strchr(slash, '.'))
			t->mask = parse_addr(slash);
		else
			t->mask = atoi(slash) ? ~0U << (32 - atoi(slash)) : 0;
	}
	t->addr = parse_addr(s) & t->mask;
	t->inv = inv;
}

static void parse_src(struct parser *p, bool inv, char **arg)
{
	parse_masked(&p->rule->src, inv, arg[0]);
}

static void parse_dst(struct parser *p, bool inv, char **arg)
{
	parse_masked(&p->rule->dst, inv, arg[0]);
}

static void parse_dev(struct dev_test *t, bool inv, const char *s)
{
	size_t len = strlen(s);

	if (len >= sizeof(t->name))
		return;
	memcpy(t->name, s, len + 1);
	t->inv = inv;
	t->wild = len && s[len - 1] == '+';
	if (t->wild)
		t->name[len - 1] = '\0';
}

static void parse_in(struct parser *p, bool inv, char **arg)
{
	parse_dev(&p->rule->in, inv, arg[0]);
}

static void parse_out(struct parser *p, bool inv, char **arg)
{
	parse_dev(&p->rule->out, inv, arg[0]);
}

static const struct {
	const char *name;
	uint8_t proto;
} proto_names[] = {
	{ "icmp", 1 }, { "igmp", 2 }, { "ipencap", 4 }, { "tcp", 6 },
	{ "udp", 17 }, { "dccp", 33 }, { "ipv6", 41 }, { "gre", 47 },
	{ "esp", 50 }, { "ah", 51 }, { "ipv6-icmp", 58 }, { "icmpv6", 58 },
	{ "ospf", 89 }, { "ipip", 94 }, { "pim", 103 }, { "vrrp", 112 },
	{ "l2tp", 115 }, { "sctp", 132 }, { "ipv6-mh", 135 }, { "mh", 135 },
	{ "udplite", 136 },
};

static uint8_t parse_proto_name(const char *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(proto_names); i++)
		if (!strcmp(s, proto_names[i].name))
			return proto_names[i].proto;
	return atoi(s);
}

static void parse_byte(struct byte_test *t, bool inv, uint8_t value)
{
	t->set = true;
	t->inv = inv;
	t->value = value;
}

static void parse_proto(struct parser *p, bool inv, char **arg)
{
	parse_byte(&p->rule->proto, inv, parse_proto_name(arg[0]));
}

static void parse_frag(struct parser *p, bool inv, char **arg)
{
	p->rule->frag = inv ? -1 : 1;
}

static void parse_match(struct parser *p, bool inv, char **arg)
{
	p->match = arg[0];
}

/* "lo:hi", "lo", or a comma-separated list of these */
static void parse_ranges(struct range_test *t, bool inv, char *s)
{
	char *save, *word = strtok_r(s, ",", &save);

	t->inv = inv;
	for (; word && t->num < ARRAY_SIZE(t->range); t->num++) {
		struct range *r = &t->range[t->num];
		char *colon = strchr(word, ':');

		r->lo = strtoul(word, NULL, 10);
		r->hi = colon ? strtoul(colon + 1, NULL, 10) : r->lo;
		word = strtok_r(NULL, ",", &save);
	}
}

static void parse_sport(struct parser *p, bool inv, char **arg)
{
	parse_ranges(&p->rule->sport, inv, arg[0]);
}

static void parse_dport(struct parser *p, bool inv, char **arg)
{
	parse_ranges(&p->rule->dport, inv, arg[0]);
}

static void parse_ports(struct parser *p, bool inv, char **arg)
{
	parse_ranges(&p->rule->ports, inv, arg[0]);
}

struct word_bit {
	const char *name;
	unsigned int bit;
};

static unsigned int parse_words(const struct word_bit *words, size_t num,
				char *s)
{
	char *save, *word = strtok_r(s, ",", &save);
	unsigned int bits = 0;

	for (; word; word = strtok_r(NULL, ",", &save))
		for (size_t i = 0; i < num; i++)
			if (!strcmp(word, words[i].name))
				bits |= words[i].bit;
	return bits;
}

static const struct word_bit flag_names[] = {
	{ "FIN", 0x01 }, { "SYN", 0x02 }, { "RST", 0x04 }, { "PSH", 0x08 },
	{ "ACK", 0x10 }, { "URG", 0x20 }, { "ALL", 0x3f },
};

static const struct word_bit state_names[] = {
	{ "INVALID", STATE_INVALID }, { "NEW", STATE_NEW },
	{ "ESTABLISHED", STATE_ESTABLISHED }, { "RELATED", STATE_RELATED },
	{ "UNTRACKED", STATE_UNTRACKED }, { "SNAT", STATE_SNAT },
	{ "DNAT", STATE_DNAT },
};

static const struct word_bit status_names[] = {
	{ "NONE", STATUS_NONE }, { "EXPECTED", STATUS_EXPECTED },
	{ "SEEN_REPLY", STATUS_SEEN_REPLY }, { "ASSURED", STATUS_ASSURED },
	{ "CONFIRMED", STATUS_CONFIRMED },
};

static void parse_flags(struct parser *p, bool inv, char **arg)
{
	struct flags_test *t = &p->rule->flags;

	t->set = true;
	t->inv = inv;
	t->mask = parse_words(flag_names, ARRAY_SIZE(flag_names), arg[0]);
	t->value = parse_words(flag_names, ARRAY_SIZE(flag_names), arg[1]);
}

static void parse_tcp_option(struct parser *p, bool inv, char **arg)
{
	parse_byte(&p->rule->tcp_option, inv, atoi(arg[0]));
}

static void parse_icmp(struct parser *p, bool inv, char **arg)
{
	struct icmp_test *t = &p->rule->icmp;
	char *slash = strchr(arg[0], '/');

	t->set = true;
	t->inv = inv;
	t->type = strcmp(arg[0], "any") ? atoi(arg[0]) : -1;
	t->code.lo = slash ? atoi(slash + 1) : 0;
	t->code.hi = slash ? t->code.lo : 255;
}

static void parse_state(struct parser *p, bool inv, char **arg)
{
	p->rule->state.inv = inv;
	p->rule->state.bits = parse_words(state_names, ARRAY_SIZE(state_names),
					  arg[0]);
}

static void parse_status(struct parser *p, bool inv, char **arg)
{
	p->rule->status.inv = inv;
	p->rule->status.bits = parse_words(status_names,
					   ARRAY_SIZE(status_names), arg[0]);
}

static void parse_ct_dir(struct parser *p, bool inv, char **arg)
{
	p->rule->ct_dir = strcmp(arg[0], "REPLY") ? DIR_ORIGINAL : DIR_REPLY;
}

static void parse_ct_proto(struct parser *p, bool inv, char **arg)
{
	parse_byte(&p->rule->ct_proto, inv, parse_proto_name(arg[0]));
}

#define CT_ADDR_PARSER(name, end)					\
static void parse_##name(struct parser *p, bool inv, char **arg)	\
{									\
	parse_masked(&p->rule->ct_addr[end], inv, arg[0]);		\
}

#define CT_PORT_PARSER(name, end)					\
static void parse_##name(struct parser *p, bool inv, char **arg)	\
{									\
	parse_ranges(&p->rule->ct_port[end], inv, arg[0]);		\
}

CT_ADDR_PARSER(ct_origsrc, CT_ORIGSRC)
CT_ADDR_PARSER(ct_origdst, CT_ORIGDST)
CT_ADDR_PARSER(ct_replsrc, CT_REPLSRC)
CT_ADDR_PARSER(ct_repldst, CT_REPLDST)
CT_PORT_PARSER(ct_origsrc_port, CT_ORIGSRC)
CT_PORT_PARSER(ct_origdst_port, CT_ORIGDST)
CT_PORT_PARSER(ct_replsrc_port, CT_REPLSRC)
CT_PORT_PARSER(ct_repldst_port, CT_REPLDST)

static void parse_target(struct parser *p, bool inv, char **arg)
{
	static const struct word_bit verdicts[] = {
		{ "ACCEPT", ACTION_ACCEPT }, { "DROP", ACTION_DROP },
		{ "RETURN", ACTION_RETURN },
	};
	int chain = ruleset_find_chain(p->rs, arg[0]);

	if (chain >= 0) {
		p->rule->action = ACTION_JUMP;
		p->rule->target_chain = chain;
		return;
	}
	p->rule->action = ACTION_OTHER;
	for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++)
		if (!strcmp(arg[0], verdicts[i].name))
			p->rule->action = verdicts[i].bit;
}

static void parse_goto(struct parser *p, bool inv, char **arg)
{
	parse_target(p, inv, arg);
	if (p->rule->action == ACTION_JUMP)
		p->rule->action = ACTION_GOTO;
}

static const struct option options[] = {
	{ "-s",			NULL,		1, parse_src },
	{ "-d",			NULL,		1, parse_dst },
	{ "-i",			NULL,		1, parse_in },
	{ "-o",			NULL,		1, parse_out },
	{ "-p",			NULL,		1, parse_proto },
	{ "-f",			NULL,		0, parse_frag },
	{ "-m",			NULL,		1, parse_match },
	{ "-j",			NULL,		1, parse_target },
	{ "-g",			NULL,		1, parse_goto },
	{ "--sport",		NULL,		1, parse_sport },
	{ "--dport",		NULL,		1, parse_dport },
	{ "--sports",		"multiport",	1, parse_sport },
	{ "--dports",		"multiport",	1, parse_dport },
	{ "--ports",		"multiport",	1, parse_ports },
	{ "--tcp-flags",	"tcp",		2, parse_flags },
	{ "--tcp-option",	"tcp",		1, parse_tcp_option },
	{ "--icmp-type",	"icmp",		1, parse_icmp },
	{ "--state",		"state",	1, parse_state },
	{ "--ctstate",		"conntrack",	1, parse_state },
	{ "--ctstatus",		"conntrack",	1, parse_status },
	{ "--ctdir",		"conntrack",	1, parse_ct_dir },
	{ "--ctproto",		"conntrack",	1, parse_ct_proto },
	{ "--ctorigsrc",	"conntrack",	1, parse_ct_origsrc },
	{ "--ctorigdst",	"conntrack",	1, parse_ct_origdst },
	{ "--ctreplsrc",	"conntrack",	1, parse_ct_replsrc },
	{ "--ctrepldst",	"conntrack",	1, parse_ct_repldst },
	{ "--ctorigsrcport",	"conntrack",	1, parse_ct_origsrc_port },
	{ "--ctorigdstport",	"conntrack",	1, parse_ct_origdst_port },
	{ "--ctreplsrcport",	"conntrack",	1, parse_ct_replsrc_port },
	{ "--ctrepldstport",	"conntrack",	1, parse_ct_repldst_port },
};

static const struct option *find_option(const char *match, const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		const struct option *o = &options[i];

		if (strcmp(o->name, word))
			continue;
		if (!o->match || (match && !strcmp(o->match, match)))
			return o;
	}
	return NULL;
}

/* Split a line in place; "..." is one word, in which \ quotes */
static unsigned int split(char *s, char **words)
{
	unsigned int num = 0;

	while (*s && num < MAX_WORDS) {
		char *to = s;
		bool quoted = *s == '"';

		words[num++] = to;
		for (s += quoted; *s && (quoted ? *s != '"' : *s != ' '); s++) {
			if (*s == '\\' && s[1])
				s++;
			*to++ = *s;
		}
		s += quoted && *s;
		while (*s == ' ')
			s++;
		*to = '\0';
	}
	return num;
}

static void parse_rule(struct ruleset *rs, const char *line)
{
	char *words[MAX_WORDS], *copy = xstrdup(line);
	unsigned int num = split(copy, words);
	struct parser p = { .rs = rs };
	bool inv = false;
	int chain = num > 1 ? ruleset_find_chain(rs, words[1]) : -1;

	if (chain < 0)
		die("rule of an unknown chain: %s", line);
	rs->rules = grow(rs->rules, rs->num_rules, sizeof(*rs->rules));
	p.rule = &rs->rules[rs->num_rules++];
	memset(p.rule, 0, sizeof(*p.rule));
	p.rule->text = xstrdup(line);
	p.rule->chain = chain;

	for (unsigned int i = 2; i < num; i++) {
		const struct option *o = find_option(p.match, words[i]);

		if (!strcmp(words[i], "!")) {
			inv = true;
			continue;
		}
		if (o && i + o->args < num) {
			o->parse(&p, inv, &words[i + 1]);
			i += o->args;
		}
		inv = false;
		if (p.match && (!strcmp(p.match, "conntrack") ||
				!strcmp(p.match, "state")))
			p.rule->conntrack = true;
	}
	rs->conntrack |= p.rule->conntrack;
	free(copy);
}

static void parse_chain(struct ruleset *rs, const char *line)
{
	static const char * const hooks[] = { "INPUT", "FORWARD", "OUTPUT" };
	struct chain *c;
	char policy[32];

	rs->chains = grow(rs->chains, rs->num_chains, sizeof(*rs->chains));
	c = &rs->chains[rs->num_chains++];
	memset(c, 0, sizeof(*c));
	c->hook = -1;
	if (sscanf(line, ":%31s %31s", c->name, policy) != 2)
		die("no chain: %s", line);
	for (int h = 0; h < NUM_HOOKS; h++)
		if (!strcmp(c->name, hooks[h]))
			c->hook = h;
	c->policy = strcmp(policy, "DROP") ? ACTION_ACCEPT : ACTION_DROP;
}

/* iptables-save lists the rules chain by chain */
static void number_rules(struct ruleset *rs)
{
	for (unsigned int i = 0; i < rs->num_rules; i++) {
		struct chain *c = &rs->chains[rs->rules[i].chain];

		if (!c->num)
			c->first = i;
		rs->rules[i].number = ++c->num;
	}
}

void ruleset_parse(struct ruleset *rs, const char *text)
{
	char *copy = xstrdup(text), *save;
	char *line = strtok_r(copy, "\n", &save);

	memset(rs, 0, sizeof(*rs));
	for (; line; line = strtok_r(NULL, "\n", &save)) {
		if (line[0] == '[') {
			line = strchr(line, ' ');
			if (!line++)
				die("a counter without a rule");
		}
		if (line[0] == ':')
			parse_chain(rs, line);
		else if (line[0] == '-')
			parse_rule(rs, line);
	}
	free(copy);
	number_rules(rs);
}

void ruleset_free(struct ruleset *rs)
{
	for (unsigned int i = 0; i < rs->num_rules; i++)
		free(rs->rules[i].text);
	free(rs->rules);
	free(rs->chains);
	memset(rs, 0, sizeof(*rs));
}

int ruleset_find_chain(const struct ruleset *rs, const char *name)
{
	for (unsigned int i = 0; i < rs->num_chains; i++)
		if (!strcmp(rs->chains[i].name, name))
			return i;
	return -1;
}

bool dev_test_matches(const struct dev_test *test, const char *name)
{
	size_t len = strlen(test->name);
	bool same;

	if (test->wild)
		same = !strncmp(name, test->name, len);
	else if (len)
		same = !strcmp(name, test->name);
	else
		return true;
	return same != test->inv;
}
