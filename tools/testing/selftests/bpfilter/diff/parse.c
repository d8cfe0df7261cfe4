// SPDX-License-Identifier: GPL-2.0
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules.h"
#include "spec.h"
#include "util.h"

/*
 * From the words of a rule to what it asks of a packet. One option is "!", a
 * name and its arguments; the table below says how many arguments the names have
 * that say something about packets. All else is passed over word by word.
 */

struct parser {
	const struct ruleset *rs;
	const struct family *f;
	enum table_id table;
	struct rule *rule;
	const char *match;	/* argument of the last -m */
	const char *target;	/* argument of -j */
};

/**
 * struct option - one option
 * @name:	its name
 * @match:	valid behind this -m or -j only, NULL: anywhere
 * @args:	number of its arguments
 * @parse:	looks at them
 * @field:	for parse_number() and the like
 */
struct option {
	const char *name;
	const char *match;
	unsigned int args;
	void (*parse)(struct parser *p, const struct option *o, bool inv,
		      char **arg);
	int field;
};

static void parse_masked(struct parser *p, struct addr_test *t, bool inv,
			 char *s)
{
	char *slash = strchr(s, '/');

	t->mask = p->f->addr_all;
	if (slash) {
		*slash++ = '\0';
		if (strpbrk(slash, ".:"))
			t->mask = addr_parse(p->f, slash);
		else
			t->mask = addr_prefix(p->f, atoi(slash));
	}
	t->addr = addr_parse(p->f, s) & t->mask;
	t->inv = inv;
}

static void parse_src(struct parser *p, const struct option *o, bool inv,
		      char **arg)
{
	parse_masked(p, &p->rule->src, inv, arg[0]);
}

static void parse_dst(struct parser *p, const struct option *o, bool inv,
		      char **arg)
{
	parse_masked(p, &p->rule->dst, inv, arg[0]);
}

static void parse_addr_range(struct parser *p, struct addr_range_test *t,
			     bool inv, char *s)
{
	char *dash = strchr(s, '-');

	if (dash)
		*dash++ = '\0';
	t->set = true;
	t->inv = inv;
	t->lo = addr_parse(p->f, s);
	t->hi = dash ? addr_parse(p->f, dash) : t->lo;
}

static void parse_src_range(struct parser *p, const struct option *o, bool inv,
			    char **arg)
{
	parse_addr_range(p, &p->rule->src_range, inv, arg[0]);
}

static void parse_dst_range(struct parser *p, const struct option *o, bool inv,
			    char **arg)
{
	parse_addr_range(p, &p->rule->dst_range, inv, arg[0]);
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

static void parse_in(struct parser *p, const struct option *o, bool inv,
		     char **arg)
{
	parse_dev(&p->rule->in, inv, arg[0]);
}

static void parse_out(struct parser *p, const struct option *o, bool inv,
		      char **arg)
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
	{ "mobility-header", 135 }, { "udplite", 136 },
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

static void parse_proto(struct parser *p, const struct option *o, bool inv,
			char **arg)
{
	parse_byte(&p->rule->proto, inv, parse_proto_name(arg[0]));
}

static void parse_frag(struct parser *p, const struct option *o, bool inv,
		       char **arg)
{
	p->rule->frag = inv ? -1 : 1;
}

/* Matches that look at a header that not every packet has */
static const struct {
	const char *match;
	enum ext_kind ext;
} match_exts[] = {
	{ "hbh", EXT_HOP }, { "dst", EXT_DST }, { "rt", EXT_ROUTING },
	{ "frag", EXT_FRAGMENT }, { "ah", EXT_AUTH },
};

static void parse_match(struct parser *p, const struct option *o, bool inv,
			char **arg)
{
	p->match = arg[0];
	if (!strcmp(p->match, "conntrack") || !strcmp(p->match, "state"))
		p->rule->conntrack = true;
	for (size_t i = 0; p->f->v6 && i < ARRAY_SIZE(match_exts); i++)
		if (!strcmp(p->match, match_exts[i].match))
			p->rule->exts |= 1 << match_exts[i].ext;
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

static void parse_sport(struct parser *p, const struct option *o, bool inv,
			char **arg)
{
	parse_ranges(&p->rule->sport, inv, arg[0]);
}

static void parse_dport(struct parser *p, const struct option *o, bool inv,
			char **arg)
{
	parse_ranges(&p->rule->dport, inv, arg[0]);
}

static void parse_ports(struct parser *p, const struct option *o, bool inv,
			char **arg)
{
	parse_ranges(&p->rule->ports, inv, arg[0]);
}

/* "N", "LO:HI" or "LO-HI" */
static void parse_number(struct parser *p, const struct option *o, bool inv,
			 char **arg)
{
	struct field_test *t = &p->rule->field[o->field];
	char *end;

	t->inv = inv;
	t->mask = ~0ULL;
	t->lo = strtoull(arg[0], &end, 0);
	t->hi = *end ? strtoull(end + 1, NULL, 0) : t->lo;
}

static void parse_less(struct parser *p, const struct option *o, bool inv,
		       char **arg)
{
	struct field_test *t = &p->rule->field[o->field];

	t->mask = ~0ULL;
	t->hi = strtoull(arg[0], NULL, 0);
	t->inv = !t->hi;
	if (t->hi)
		t->hi--;
}

static void parse_greater(struct parser *p, const struct option *o, bool inv,
			  char **arg)
{
	struct field_test *t = &p->rule->field[o->field];

	t->mask = ~0ULL;
	t->inv = true;
	t->hi = strtoull(arg[0], NULL, 0);
}

/* "VALUE" or "VALUE/MASK" */
static void parse_value(struct parser *p, const struct option *o, bool inv,
			char **arg)
{
	struct field_test *t = &p->rule->field[o->field];
	char *slash = strchr(arg[0], '/');

	t->inv = inv;
	t->mask = slash ? strtoull(slash + 1, NULL, 0) : 0xffffffff;
	t->lo = strtoull(arg[0], NULL, 0) & t->mask;
	t->hi = t->lo;
}

static void parse_tos_bits(struct parser *p, bool inv, uint64_t mask,
			   uint64_t value)
{
	struct field_test *t = &p->rule->field[FIELD_TOS];

	t->inv = inv;
	t->mask = mask;
	t->lo = value;
	t->hi = value;
}

static void parse_dscp(struct parser *p, const struct option *o, bool inv,
		       char **arg)
{
	parse_tos_bits(p, inv, 0xfc, strtoul(arg[0], NULL, 0) << 2);
}

static void parse_ecn(struct parser *p, const struct option *o, bool inv,
		      char **arg)
{
	parse_tos_bits(p, inv, 3, strtoul(arg[0], NULL, 0));
}

static void parse_mac(struct parser *p, const struct option *o, bool inv,
		      char **arg)
{
	struct field_test *t = &p->rule->field[FIELD_MAC];
	char *s = arg[0];

	t->inv = inv;
	t->mask = ~0ULL;
	t->lo = 0;
	for (int i = 0; i < 6; i++) {
		t->lo = t->lo << 8 | (strtoul(s, &s, 16) & 0xff);
		s += *s == ':';
	}
	t->hi = t->lo;
}

static void parse_pkt(struct parser *p, const struct option *o, bool inv,
		      char **arg)
{
	struct field_test *t = &p->rule->field[FIELD_PKT];

	t->inv = inv;
	t->mask = ~0ULL;
	t->lo = arg[0][0] == 'b' ? 1 : arg[0][0] == 'm' ? 2 : 0;
	t->hi = t->lo;
}

/* "NAME src,dst": the first direction is that of the address in most sets */
static void parse_set(struct parser *p, const struct option *o, bool inv,
		      char **arg)
{
	struct set_test *t = &p->rule->sets[p->rule->num_sets];

	if (p->rule->num_sets == MAX_SETS)
		return;
	p->rule->num_sets++;
	t->inv = inv;
	t->dst = arg[1][0] == 'd';
	snprintf(t->name, sizeof(t->name), "%s", arg[0]);
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

static void parse_flags(struct parser *p, const struct option *o, bool inv,
			char **arg)
{
	struct flags_test *t = &p->rule->flags;

	t->set = true;
	t->inv = inv;
	t->mask = parse_words(flag_names, ARRAY_SIZE(flag_names), arg[0]);
	t->value = parse_words(flag_names, ARRAY_SIZE(flag_names), arg[1]);
}

static void parse_tcp_option(struct parser *p, const struct option *o,
			     bool inv, char **arg)
{
	parse_byte(&p->rule->tcp_option, inv, atoi(arg[0]));
}

/* The option for the maximum segment size, in all SYNs that are made for it */
static void parse_mss(struct parser *p, const struct option *o, bool inv,
		      char **arg)
{
	parse_byte(&p->rule->tcp_option, false, 2);
}

static void parse_icmp(struct parser *p, const struct option *o, bool inv,
		       char **arg)
{
	struct icmp_test *t = &p->rule->icmp;
	char *slash = strchr(arg[0], '/');

	t->set = true;
	t->inv = inv;
	t->type = strcmp(arg[0], "any") ? atoi(arg[0]) : -1;
	t->code.lo = slash ? atoi(slash + 1) : 0;
	t->code.hi = slash ? t->code.lo : 255;
}

static void parse_state(struct parser *p, const struct option *o, bool inv,
			char **arg)
{
	p->rule->state.inv = inv;
	p->rule->state.bits = parse_words(state_names, ARRAY_SIZE(state_names),
					  arg[0]);
}

static void parse_status(struct parser *p, const struct option *o, bool inv,
			 char **arg)
{
	p->rule->status.inv = inv;
	p->rule->status.bits = parse_words(status_names,
					   ARRAY_SIZE(status_names), arg[0]);
}

static void parse_ct_dir(struct parser *p, const struct option *o, bool inv,
			 char **arg)
{
	p->rule->ct_dir = strcmp(arg[0], "REPLY") ? DIR_ORIGINAL : DIR_REPLY;
}

static void parse_ct_proto(struct parser *p, const struct option *o, bool inv,
			   char **arg)
{
	parse_byte(&p->rule->ct_proto, inv, parse_proto_name(arg[0]));
}

static void parse_ct_addr(struct parser *p, const struct option *o, bool inv,
			  char **arg)
{
	parse_masked(p, &p->rule->ct_addr[o->field], inv, arg[0]);
}

static void parse_ct_port(struct parser *p, const struct option *o, bool inv,
			  char **arg)
{
	parse_ranges(&p->rule->ct_port[o->field], inv, arg[0]);
}

/* "VALUE/MASK": mark = (mark & ~MASK) ^ VALUE */
static void parse_set_mark(struct parser *p, const struct option *o, bool inv,
			   char **arg)
{
	char *slash = strchr(arg[0], '/');

	p->rule->mark_set = true;
	p->rule->mark.flip = strtoul(arg[0], NULL, 0);
	p->rule->mark.keep = slash ? ~strtoul(slash + 1, NULL, 0) : 0;
}

/* What becomes of the walk, as far as that can be known */
static const struct word_bit verdicts[] = {
	{ "ACCEPT", ACTION_ACCEPT }, { "DROP", ACTION_DROP },
	{ "RETURN", ACTION_RETURN }, { "REJECT", ACTION_DROP },
	{ "NFQUEUE", ACTION_DROP }, { "SYNPROXY", ACTION_DROP },
	{ "SNAT", ACTION_ACCEPT }, { "DNAT", ACTION_ACCEPT },
	{ "MASQUERADE", ACTION_ACCEPT }, { "REDIRECT", ACTION_ACCEPT },
	{ "NETMAP", ACTION_ACCEPT }, { "TPROXY", ACTION_DROP },
};

static void parse_target(struct parser *p, const struct option *o, bool inv,
			 char **arg)
{
	int chain = ruleset_find_chain(p->rs, p->table, arg[0]);

	p->target = arg[0];
	p->match = NULL;
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

static void parse_goto(struct parser *p, const struct option *o, bool inv,
		       char **arg)
{
	parse_target(p, o, inv, arg);
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
	{ "--mss",		"tcpmss",	1, parse_mss },
	{ "--icmp-type",	"icmp",		1, parse_icmp },
	{ "--icmpv6-type",	"icmp6",	1, parse_icmp },
	{ "--src-range",	"iprange",	1, parse_src_range },
	{ "--dst-range",	"iprange",	1, parse_dst_range },
	{ "--match-set",	"set",		2, parse_set },
	{ "--ttl-eq",		"ttl",		1, parse_number, FIELD_TTL },
	{ "--ttl-lt",		"ttl",		1, parse_less, FIELD_TTL },
	{ "--ttl-gt",		"ttl",		1, parse_greater, FIELD_TTL },
	{ "--hl-eq",		"hl",		1, parse_number, FIELD_TTL },
	{ "--hl-lt",		"hl",		1, parse_less, FIELD_TTL },
	{ "--hl-gt",		"hl",		1, parse_greater, FIELD_TTL },
	{ "--tos",		"tos",		1, parse_value, FIELD_TOS },
	{ "--dscp",		"dscp",		1, parse_dscp },
	{ "--ecn-ip-ect",	"ecn",		1, parse_ecn },
	{ "--mark",		"mark",		1, parse_value, FIELD_MARK },
	{ "--mac-source",	"mac",		1, parse_mac },
	{ "--pkt-type",		"pkttype",	1, parse_pkt },
	{ "--uid-owner",	"owner",	1, parse_number, FIELD_UID },
	{ "--gid-owner",	"owner",	1, parse_number, FIELD_GID },
	{ "--length",		"length",	1, parse_number, FIELD_LENGTH },
	{ "--espspi",		"esp",		1, parse_number, FIELD_SPI },
	{ "--ahspi",		"ah",		1, parse_number, FIELD_SPI },
	{ "--fragid",		"frag",		1, parse_number, FIELD_FRAG_ID },
	{ "--rt-type",		"rt",		1, parse_number, FIELD_RT_TYPE },
	{ "--rt-segsleft",	"rt",		1, parse_number, FIELD_SEGMENTS },
	{ "--hbh-len",		"hbh",		1, parse_number, FIELD_OPT_LEN },
	{ "--dst-len",		"dst",		1, parse_number, FIELD_OPT_LEN },
	{ "--mh-type",		"mh",		1, parse_number, FIELD_MH_TYPE },
	{ "--state",		"state",	1, parse_state },
	{ "--ctstate",		"conntrack",	1, parse_state },
	{ "--ctstatus",		"conntrack",	1, parse_status },
	{ "--ctdir",		"conntrack",	1, parse_ct_dir },
	{ "--ctproto",		"conntrack",	1, parse_ct_proto },
	{ "--ctorigsrc",	"conntrack",	1, parse_ct_addr, CT_ORIGSRC },
	{ "--ctorigdst",	"conntrack",	1, parse_ct_addr, CT_ORIGDST },
	{ "--ctreplsrc",	"conntrack",	1, parse_ct_addr, CT_REPLSRC },
	{ "--ctrepldst",	"conntrack",	1, parse_ct_addr, CT_REPLDST },
	{ "--ctorigsrcport",	"conntrack",	1, parse_ct_port, CT_ORIGSRC },
	{ "--ctorigdstport",	"conntrack",	1, parse_ct_port, CT_ORIGDST },
	{ "--ctreplsrcport",	"conntrack",	1, parse_ct_port, CT_REPLSRC },
	{ "--ctrepldstport",	"conntrack",	1, parse_ct_port, CT_REPLDST },
	{ "--set-xmark",	"MARK",		1, parse_set_mark },
};

static const struct option *find_option(const struct parser *p,
					const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		const struct option *o = &options[i];

		if (strcmp(o->name, word))
			continue;
		if (!o->match || (p->match && !strcmp(o->match, p->match)) ||
		    (p->target && !strcmp(o->match, p->target)))
			return o;
	}
	return NULL;
}

void rule_parse(const struct ruleset *rs, enum table_id table, struct rule *r,
		char **words, unsigned int num)
{
	struct parser p = {
		.rs = rs, .f = rs->family, .table = table, .rule = r,
	};
	bool inv = false;

	for (unsigned int i = 0; i < num; i++) {
		const struct option *o = find_option(&p, words[i]);

		if (!strcmp(words[i], "!")) {
			inv = true;
			continue;
		}
		if (o && i + o->args < num) {
			o->parse(&p, o, inv, &words[i + 1]);
			i += o->args;
		}
		inv = false;
	}
}
