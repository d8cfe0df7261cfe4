// SPDX-License-Identifier: GPL-2.0
/*
 * Random rulesets, made as IR: chains that jump to later ones; and packets.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>

#include "ir_build.h"
#include "random_ir.h"

#define USER_CHAINS_MAX	6
#define RULES_MAX	8
#define RULES_MAX_LONG	80

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

static struct ir_rule *rule_of(const struct ir_maker *m)
{
	return &m->rs->rules[m->rule];
}

/* Give the last rule another match, without tests */
void ir_make_match(struct ir_maker *m)
{
	must(bpfilter_ir_match_add(m->rs));
	rule_of(m)->num_matches++;
}

/* --- Rules and chains --- */

static void add_rule(struct ir_maker *m, enum ir_action action)
{
	struct ir_rule *rule = must(bpfilter_ir_rule_add(m->rs));

	m->rule = m->rs->num_rules - 1;
	rule->offset = 112 * m->rule;
	rule->chain = m->rs->num_chains - 1;
	rule->first_match = m->rs->num_matches;
	rule->action = action;
	rule->comefrom = 0x1f;
}

static enum ir_action pick_action(struct ir_maker *m, uint32_t from)
{
	static const enum ir_action actions[] = {
		IR_ACTION_ACCEPT, IR_ACTION_DROP, IR_ACTION_RETURN,
		IR_ACTION_CONTINUE, IR_ACTION_CONTINUE, IR_ACTION_BRIDGE,
		IR_ACTION_BRIDGE, IR_ACTION_BRIDGE, IR_ACTION_BRIDGE,
		IR_ACTION_SET_MARK,
		IR_ACTION_JUMP, IR_ACTION_JUMP, IR_ACTION_GOTO,
	};

	if (m->is_long && !rng_one_in(m->r, 12))
		return actions[3 + rng_below(m->r, 7)];
	return actions[rng_below(m->r, ARRAY_SIZE(actions) -
				       (from < m->num_users ? 0 : 3))];
}

/* Jumps lead to user chains from number @from on */
static void random_rule(struct ir_maker *m, uint32_t from)
{
	enum ir_action action = pick_action(m, from);
	uint32_t bridged;

	add_rule(m, action);
	ir_make_base(m);
	for (int n = rng_below(m->r, 3); n > 0; n--)
		ir_make_extension(m);
	if (action == IR_ACTION_BRIDGE) {
		bridged = ir_make_bridged(m, true);
		rule_of(m)->bridged = bridged;
	} else if (action == IR_ACTION_SET_MARK) {
		rule_of(m)->mark_keep = pick_wide(m->r);
		rule_of(m)->mark_flip = pick_wide(m->r);
	} else if (action == IR_ACTION_JUMP || action == IR_ACTION_GOTO) {
		rule_of(m)->target_chain = m->first_user + from +
			rng_below(m->r, m->num_users - from);
	}
}

static void add_last(struct ir_maker *m, enum ir_action action)
{
	add_rule(m, action);
	ir_make_match(m);
}

static struct ir_chain *add_chain(struct ir_maker *m, int hook)
{
	struct ir_chain *c = must(bpfilter_ir_chain_add(m->rs));

	c->hook = hook;
	c->first = m->rs->num_rules;
	return c;
}

static void end_chain(struct ir_maker *m, uint32_t chain)
{
	struct ir_rule *rule;

	m->rs->chains[chain].listed_end = m->rs->num_rules;
	for (uint32_t i = m->rs->chains[chain].first; i < m->rs->num_rules;
	     i++) {
		rule = &m->rs->rules[i];
		rule->number = i + 1 - m->rs->chains[chain].first;
	}
}

static void make_hook_chain(struct ir_maker *m, int hook)
{
	struct ir_chain *c = add_chain(m, hook);
	uint32_t chain = m->rs->num_chains - 1;

	snprintf(c->name, sizeof(c->name), "%s", bpfilter_ir_hook_name(hook));
	m->rs->hook_chain[hook] = chain;
	for (int n = rng_below(m->r, m->max_rules); n > 0; n--)
		random_rule(m, 0);
	add_last(m, rng_one_in(m->r, 3) ? IR_ACTION_DROP : IR_ACTION_ACCEPT);
	rule_of(m)->is_policy = true;
	m->rs->hook_underflow[hook] = m->rule;
	end_chain(m, chain);
}

static void add_head(struct ir_maker *m)
{
	add_last(m, IR_ACTION_DROP);
	rule_of(m)->is_head = true;
}

static void make_user_chain(struct ir_maker *m, uint32_t number)
{
	struct ir_chain *c;
	uint32_t chain;

	add_head(m);
	c = add_chain(m, -1);
	chain = m->rs->num_chains - 1;
	snprintf(c->name, sizeof(c->name), "user%u", number);
	for (int n = rng_below(m->r, m->max_rules); n > 0; n--)
		random_rule(m, number + 1);
	add_last(m, IR_ACTION_RETURN);
	end_chain(m, chain);
}

static void count_refs(struct ir_ruleset *rs)
{
	for (uint32_t i = 0; i < rs->num_rules; i++)
		if (rs->rules[i].action == IR_ACTION_JUMP ||
		    rs->rules[i].action == IR_ACTION_GOTO)
			rs->chains[rs->rules[i].target_chain].refs++;
}

static struct ir_ruleset *make_ruleset(struct rng *r, uint16_t family,
				       bool is_long)
{
	struct ir_ruleset *rs = must(bpfilter_ir_new());
	struct ir_maker m = {
		.r = r, .rs = rs, .first_user = IR_NUMHOOKS,
		.num_users = rng_below(r, USER_CHAINS_MAX + 1),
		.max_rules = is_long ? RULES_MAX_LONG : RULES_MAX,
		.is_long = is_long,
	};

	rs->family = family;
	rs->valid_hooks = (1 << IR_NUMHOOKS) - 1;
	memcpy(rs->table, "mangle", sizeof("mangle"));
	for (int hook = 0; hook < IR_NUMHOOKS; hook++)
		make_hook_chain(&m, hook);
	for (uint32_t i = 0; i < m.num_users; i++)
		make_user_chain(&m, i);
	add_head(&m);
	rule_of(&m)->chain = -1;
	count_refs(rs);
	if (bpfilter_ir_set_ends(rs))
		abort();
	return rs;
}

/**
 * random_ir() - make a ruleset
 * @r:		source of numbers
 * @family:	NFPROTO_IPV4 or NFPROTO_IPV6
 *
 * Return: the ruleset.
 */
struct ir_ruleset *random_ir(struct rng *r, uint16_t family)
{
	return make_ruleset(r, family, false);
}

/**
 * random_ir_long() - make a ruleset whose chains are long
 * @r:		source of numbers
 * @family:	NFPROTO_IPV4 or NFPROTO_IPV6
 *
 * Return: the ruleset.
 */
struct ir_ruleset *random_ir_long(struct rng *r, uint16_t family)
{
	return make_ruleset(r, family, true);
}

/* --- Packets --- */

static unsigned int put_extension(struct rng *r, uint8_t type, uint8_t next,
				  uint8_t *at)
{
	unsigned int units = rng_below(r, 2);

	at[0] = next;
	at[1] = units;
	if (type == IPPROTO_FRAGMENT) {
		at[3] = rng_one_in(r, 3) ? 8 * (1 + rng_below(r, 2)) : 0;
		at[3] |= rng_below(r, 8);
		return 8;
	}
	/* Too long for what is there, once in a while */
	if (rng_one_in(r, 12))
		at[1] = 30;
	return type == IPPROTO_AH ? 4 * (units + 2) : 8 * (units + 1);
}

/* Extension headers in front of what @pkt->proto says */
static void random_extensions(struct rng *r, struct packet *pkt)
{
	static const uint8_t types[] = {
		IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_FRAGMENT,
		IPPROTO_FRAGMENT, IPPROTO_AH, IPPROTO_DSTOPTS,
	};
	uint8_t type[3] = {}, last = pkt->proto;
	int num = 1 + rng_below(r, 3);

	for (int i = 0; i < num; i++)
		type[i] = types[rng_below(r, ARRAY_SIZE(types))];
	pkt->proto = type[0];
	for (int i = 0; i < num; i++)
		pkt->ext_len += put_extension(r, type[i],
					      i + 1 < num ? type[i + 1] : last,
					      pkt->ext + pkt->ext_len);
	if (rng_one_in(r, 8)) {
		pkt->ext_len = rng_below(r, pkt->ext_len + 1);
		pkt->l4_len = 0;
	}
}

static void random_link(struct rng *r, struct packet_link *link)
{
	link->no_dev = rng_one_in(r, 10);
	link->not_ether = rng_one_in(r, 10);
	link->no_header = rng_one_in(r, 10);
	link->len = 14;
	if (rng_one_in(r, 5))
		link->len = rng_one_in(r, 4) ? -4 : 12 + rng_below(r, 7);
	pick_mac(r, link->source);
	link->type = rng_below(r, 8);
}

/**
 * random_ir_packet() - make a packet
 * @r:		source of numbers
 * @family:	NFPROTO_IPV4 or NFPROTO_IPV6
 * @pkt:	the packet
 */
void random_ir_packet(struct rng *r, uint16_t family, struct packet *pkt)
{
	random_packet(r, NF_INET_FORWARD, pkt);
	pkt->is_ip6 = family == NFPROTO_IPV6;
	pkt->proto = pick_ir_proto(r, family);
	if (pkt->proto == IPPROTO_ICMPV6) {
		pkt->l4[0] = rng_below(r, 4);
		pkt->l4[1] = rng_below(r, 4);
	}
	/* To more than one */
	if (rng_one_in(r, 8))
		pkt->daddr = 0xe0000001;
	pkt->tos = rng_below(r, rng_one_in(r, 4) ? 256 : 8);
	pkt->ttl = rng_below(r, rng_one_in(r, 4) ? 256 : 8);
	pkt->mark = pick_wide(r);
	pkt->ct_mark = pick_wide(r);
	pkt->no_len = rng_one_in(r, 4);
	pkt->gso_size = rng_below(r, 2);
	pkt->gso_type = rng_below(r, 4);
	random_link(r, &pkt->link);
	pick_address6(r, pkt->saddr6);
	pick_address6(r, pkt->daddr6);
	if (!pkt->is_ip6 && rng_one_in(r, 3))
		pkt->ip_options = rng_below(r, 11);
	if (pkt->is_ip6 && rng_one_in(r, 2))
		random_extensions(r, pkt);
}

/**
 * random_answers() - what the kernel's own extensions say of a packet
 * @r:		source of numbers
 * @pkt:	the packet
 */
void random_answers(struct rng *r, struct packet *pkt)
{
	static const uint8_t answers[] = { 0, 1, 1, 5, 5, 5, 5, 2, 3, 7 };

	for (int i = 0; i < PACKET_ANSWERS; i++)
		pkt->answers[i] = answers[rng_below(r, ARRAY_SIZE(answers))];
}
