// SPDX-License-Identifier: GPL-2.0
/*
 * The rules of a blob as text
 *
 * A rule is the line of iptables-save, without counters; a policy and the head
 * of a user chain are what "iptables -S" prints. The end of a user chain and that
 * of the table, which iptables does not show, are empty.
 *
 * Plugins print to stdout, so that this is a piece of memory meanwhile. In
 * glibc, stdout is a variable like others.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include "cmd_text.h"
#include "ir.h"

/* Base header */

/**
 * struct base - what the base headers of both families have
 * @domain:	of the addresses
 * @addr_size:	bytes of an address
 * @src:	source address, in network byte order like all addresses
 * @src_mask:	its mask
 * @dst:	destination address
 * @dst_mask:	its mask
 * @in:		input device
 * @in_mask:	its mask
 * @out:	output device
 * @out_mask:	its mask
 * @proto:	protocol
 * @inv:	inverted conditions; the bits are those of both families
 * @frag:	-f
 */
struct base {
	int domain;
	unsigned int addr_size;
	const void *src;
	const void *src_mask;
	const void *dst;
	const void *dst_mask;
	const char *in;
	const unsigned char *in_mask;
	const char *out;
	const unsigned char *out_mask;
	uint16_t proto;
	uint8_t inv;
	bool frag;
};

static void base_read4(const struct ipt_ip *ip, struct base *b)
{
	*b = (struct base) {
		.domain = AF_INET,
		.addr_size = sizeof(ip->src),
		.src = &ip->src,
		.src_mask = &ip->smsk,
		.dst = &ip->dst,
		.dst_mask = &ip->dmsk,
		.in = ip->iniface,
		.in_mask = ip->iniface_mask,
		.out = ip->outiface,
		.out_mask = ip->outiface_mask,
		.proto = ip->proto,
		.inv = ip->invflags,
		.frag = ip->flags & IPT_F_FRAG,
	};
}

static void base_read6(const struct ip6t_ip6 *ip, struct base *b)
{
	*b = (struct base) {
		.domain = AF_INET6,
		.addr_size = sizeof(ip->src),
		.src = &ip->src,
		.src_mask = &ip->smsk,
		.dst = &ip->dst,
		.dst_mask = &ip->dmsk,
		.in = ip->iniface,
		.in_mask = ip->iniface_mask,
		.out = ip->outiface,
		.out_mask = ip->outiface_mask,
		.proto = ip->proto,
		.inv = ip->invflags,
	};
}

static const char *inversion(bool invert)
{
	return invert ? " !" : "";
}

/* Or -1 if the bits that are set are not the first ones */
static int prefix_length(const uint8_t *mask, unsigned int size)
{
	int len = 0;
	unsigned int i;

	while (len < 8 * (int)size && (mask[len / 8] & (0x80 >> len % 8)))
		len++;
	for (i = len; i < 8 * size; i++)
		if (mask[i / 8] & (0x80 >> i % 8))
			return -1;
	return len;
}

static bool all_zero(const uint8_t *bytes, unsigned int size)
{
	unsigned int i;

	for (i = 0; i < size; i++)
		if (bytes[i])
			return false;
	return true;
}

static void print_address(const struct base *b, const char *option,
			  const void *addr, const void *mask, bool invert)
{
	int prefix = prefix_length(mask, b->addr_size);
	char text[INET6_ADDRSTRLEN];

	if (!invert && !prefix && all_zero(addr, b->addr_size))
		return;
	inet_ntop(b->domain, addr, text, sizeof(text));
	printf("%s %s %s/", inversion(invert), option, text);
	if (prefix < 0) {
		inet_ntop(b->domain, mask, text, sizeof(text));
		printf("%s", text);
	} else {
		printf("%d", prefix);
	}
}

/* A mask that covers the terminating zero asks for the whole name */
static void print_iface(const char *option, const char *name,
			const unsigned char *mask, bool invert)
{
	unsigned int i;

	if (!mask[0])
		return;
	printf("%s %s ", inversion(invert), option);
	for (i = 0; i < IFNAMSIZ && mask[i]; i++)
		if (name[i])
			putchar(name[i]);
	if (i < IFNAMSIZ && name[i - 1])
		putchar('+');
}

static void print_proto(uint16_t proto, bool invert)
{
	const char *name;

	if (!proto)
		return;
	name = text_ext_proto(proto);
	printf("%s -p ", inversion(invert));
	if (name)
		printf("%s", name);
	else
		printf("%u", proto);
}

static void print_base(const struct base *b)
{
	print_address(b, "-s", b->src, b->src_mask, b->inv & IPT_INV_SRCIP);
	print_address(b, "-d", b->dst, b->dst_mask, b->inv & IPT_INV_DSTIP);
	print_iface("-i", b->in, b->in_mask, b->inv & IPT_INV_VIA_IN);
	print_iface("-o", b->out, b->out_mask, b->inv & IPT_INV_VIA_OUT);
	print_proto(b->proto, b->inv & XT_INV_PROTO);
	if (b->frag)
		printf("%s -f", inversion(b->inv & IPT_INV_FRAG));
}

/* Rules */

/**
 * struct entry - a rule's entry, of either family
 * @ip:		struct ipt_ip or struct ip6t_ip6
 * @base:	what is in it
 * @matches:	its matches
 * @matches_end: behind them, its target
 */
struct entry {
	const void *ip;
	struct base base;
	const char *matches;
	const char *matches_end;
};

/* The blob reader has checked all offsets */
static void entry_read(const struct ipt_replace *blob,
		       const struct ir_ruleset *rs, const struct ir_rule *rule,
		       struct entry *e)
{
	const char *raw = (const char *)blob->entries + rule->offset;

	if (rs->family == NFPROTO_IPV6) {
		const struct ip6t_entry *e6 = (const void *)raw;

		base_read6(&e6->ipv6, &e->base);
		e->ip = &e6->ipv6;
		e->matches = (const char *)e6->elems;
		e->matches_end = raw + e6->target_offset;
	} else {
		const struct ipt_entry *e4 = (const void *)raw;

		base_read4(&e4->ip, &e->base);
		e->ip = &e4->ip;
		e->matches = (const char *)e4->elems;
		e->matches_end = raw + e4->target_offset;
	}
}

static void print_matches(const struct entry *e)
{
	const char *at = e->matches;

	while (at < e->matches_end) {
		const struct xt_entry_match *m = (const void *)at;

		text_ext_match(e->ip, m);
		at += m->u.match_size;
	}
}

static const char *const verdicts[] = {
	[IR_ACTION_ACCEPT]	= " -j ACCEPT",
	[IR_ACTION_DROP]	= " -j DROP",
	[IR_ACTION_RETURN]	= " -j RETURN",
	[IR_ACTION_JUMP]	= " -j ",
	[IR_ACTION_GOTO]	= " -g ",
	[IR_ACTION_CONTINUE]	= "",
	/* The one that is left to the kernel */
	[IR_ACTION_BRIDGE]	= " -j QUEUE",
};

static void print_target(const struct ir_ruleset *rs,
			 const struct ir_rule *rule, const struct entry *e)
{
	const struct xt_entry_target *t = (const void *)e->matches_end;

	if (t->u.user.name[0]) {
		text_ext_target(e->ip, t);
		return;
	}
	printf("%s", verdicts[rule->action]);
	if (rule->action == IR_ACTION_JUMP || rule->action == IR_ACTION_GOTO)
		printf("%s", rs->chains[rule->target_chain].name);
}

static void print_rule(const struct ipt_replace *blob,
		       const struct ir_ruleset *rs, const struct ir_rule *rule)
{
	struct entry e;

	entry_read(blob, rs, rule, &e);
	printf("-A %s", rs->chains[rule->chain].name);
	print_base(&e.base);
	print_matches(&e);
	print_target(rs, rule, &e);
}

static void print_entry(const struct ipt_replace *blob,
			const struct ir_ruleset *rs, uint32_t entry)
{
	const struct ir_rule *rule = &rs->rules[entry];
	const struct ir_chain *chain;

	if (rule->chain < 0)
		return;
	chain = &rs->chains[rule->chain];
	if (rule->is_policy)
		printf("-P %s%s", chain->name, verdicts[rule->action] + 3);
	else if (rule->is_head)
		printf("-N %s", chain->name);
	else if (chain->hook >= 0 || entry + 1 < chain->listed_end)
		print_rule(blob, rs, rule);
}

static int print_all(const struct ipt_replace *blob,
		     const struct ir_ruleset *rs, struct text *text)
{
	uint32_t i;

	for (i = 0; i < rs->num_rules; i++) {
		text->line[i] = ftell(stdout);
		print_entry(blob, rs, i);
		putchar('\0');
	}
	return ferror(stdout) ? -ENOMEM : 0;
}

/* What would move a terminal's cursor, and has no place in JSON */
static void make_printable(struct text *text)
{
	size_t i;

	for (i = 0; i < text->size; i++)
		if (text->buf[i] && (unsigned char)text->buf[i] < 0x20)
			text->buf[i] = '?';
}

/**
 * text_make - text of all entries of a blob
 * @blob:	the blob
 * @rs:		what bpfilter_blob_read() made of it, before or behind passes
 * @text:	filled, released with text_free() whatever comes back
 *
 * Names of sets (-m set) are looked up in the current network namespace.
 *
 * Return: 0 or a negative errno
 */
int text_make(const struct ipt_replace *blob, const struct ir_ruleset *rs,
	      struct text *text)
{
	FILE *saved = stdout, *memory;
	int ret;

	memset(text, 0, sizeof(*text));
	text->line = calloc(rs->num_rules, sizeof(*text->line));
	if (!text->line)
		return -ENOMEM;
	if (text_ext_init(rs->family))
		return -EPROTONOSUPPORT;
	memory = open_memstream(&text->buf, &text->size);
	if (!memory)
		return -ENOMEM;

	stdout = memory;
	ret = print_all(blob, rs, text);
	stdout = saved;
	if (fclose(memory))
		ret = -ENOMEM;
	if (ret)
		return ret;
	text->num = rs->num_rules;
	make_printable(text);
	return 0;
}

/**
 * text_line - text of an entry
 * @text:	from text_make(), or all zero
 * @entry:	its index
 *
 * Return: one line without its end; empty for what iptables does not show
 */
const char *text_line(const struct text *text, uint32_t entry)
{
	return entry < text->num ? text->buf + text->line[entry] : "";
}

/**
 * text_free - release what text_make() filled
 * @text:	the text, left empty
 */
void text_free(struct text *text)
{
	free(text->buf);
	free(text->line);
	memset(text, 0, sizeof(*text));
}
