// SPDX-License-Identifier: GPL-2.0
/*
 * A rule becomes the nodes of a graph, see data_rule.h.
 *
 * Each test is a node or several, that go on to the next one if it holds.
 * Exits are known as labels until the rule is complete; a node says how far it
 * is to the next, so that the graph only leads forward.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "data_rule.h"
#include "gen.h"
#include "match.h"
#include "plan_graph.h"

/* As far as a node's exit can lead */
#define STEP_MAX	250

/* Beyond so many words in a record, all is part of its shape */
#define WORDS_MAX	1000

static bool grow(struct data_rule *dr, void **array, uint32_t num,
		 uint32_t *max, size_t size)
{
	uint32_t room = *max ? *max * 2 : 32;
	void *bigger;

	if (dr->error)
		return false;
	if (num < *max)
		return true;
	bigger = realloc(*array, room * size);
	if (!bigger) {
		dr->error = -ENOMEM;
		return false;
	}
	*array = bigger;
	*max = room;
	return true;
}

/* --- Nodes --- */

/**
 * data_label() - create a label, not bound yet
 * @dr:		rule
 *
 * Return: its number.
 */
int data_label(struct data_rule *dr)
{
	if (!grow(dr, (void **)&dr->label, dr->num_labels, &dr->max_labels,
		  sizeof(*dr->label)))
		return 0;
	return dr->num_labels++;
}

/**
 * data_bind() - put a label before the next node
 * @dr:		rule
 * @label:	label
 */
void data_bind(struct data_rule *dr, int label)
{
	if (!dr->error)
		dr->label[label] = dr->num_nodes;
}

/**
 * data_put() - append a node
 * @dr:		rule
 * @test:	what it looks at
 * @yes:	where it leads to: a label or one of DATA_TO_*
 * @no:		likewise
 */
void data_put(struct data_rule *dr, const struct data_test *test, int yes,
	      int no)
{
	if (grow(dr, (void **)&dr->node, dr->num_nodes, &dr->max_nodes,
		 sizeof(*dr->node)))
		dr->node[dr->num_nodes++] = (struct data_node) {
			*test, yes, no,
		};
}

/**
 * data_put_word() - append a node that looks at a word
 * @dr:		rule
 * @off:	offset of the word in struct run_state
 * @mask:	bits of it
 * @lo:		smallest value
 * @span:	greatest value minus @lo
 * @yes:	as data_put()
 * @no:		as data_put()
 */
void data_put_word(struct data_rule *dr, uint32_t off, uint32_t mask,
		   uint32_t lo, uint32_t span, int yes, int no)
{
	const struct data_test test = {
		.off = off, .mask = mask, .lo = lo, .span = span,
	};

	data_put(dr, &test, yes, no);
}

/**
 * data_limit() - note what a packet must have for the rule to do anything
 * @dr:		rule; @dr->firm decides whether it is so
 * @dim:	of what
 * @lo:		as struct data_limit
 * @hi:		as struct data_limit
 */
void data_limit(struct data_rule *dr, uint32_t dim, uint32_t lo, uint32_t hi)
{
	if (dr->firm && grow(dr, (void **)&dr->limit, dr->num_limits,
			     &dr->max_limits, sizeof(*dr->limit)))
		dr->limit[dr->num_limits++] = (struct data_limit) {
			dim, lo, hi,
		};
}

/* --- Tests --- */

/* Can the packet be dropped, or the kernel be asked, before the next node? */
static bool has_effect(const struct data_rule *dr)
{
	for (uint32_t i = 0; i < dr->num_nodes; i++)
		if (dr->node[i].test.off >= DATA_TEST_BRIDGE ||
		    dr->node[i].yes == DATA_TO_DROP ||
		    dr->node[i].no == DATA_TO_DROP)
			return true;
	return false;
}

static bool leads_to(const struct data_rule *dr, int label)
{
	for (uint32_t i = 0; i < dr->num_nodes; i++)
		if (dr->node[i].yes == label || dr->node[i].no == label)
			return true;
	return false;
}

/*
 * A test that never holds: the match can still have ended before it. Returns
 * whether the rule's other matches matter.
 */
static bool put_never(struct data_rule *dr, int matched)
{
	bool ended = leads_to(dr, matched);

	dr->never = !ended && !has_effect(dr);
	data_put_word(dr, 0, 0, 1, 0, DATA_TO_NEXT, DATA_TO_FAIL);
	return ended;
}

/* A match. Returns whether the rule's other matches matter */
static bool put_match(struct data_rule *dr, const struct ir_match *match)
{
	int matched = data_label(dr);
	bool firm = dr->firm, goes_on = true, value;
	uint32_t i;

	for (i = 0; i < match->num; i++) {
		const struct ir_test *t = &dr->rs->tests[match->first + i];

		if (!gen_test_is_const(dr->rs, t, &value)) {
			data_put_test(dr, t, matched);
		} else if (!value) {
			goes_on = put_never(dr, matched);
			break;
		}
		if (t->kind == IR_TEST_BRIDGE)
			firm = false;
		if (bpfilter_match_writes(dr->rs, t))
			dr->features |= DATA_WRITES;
	}
	data_bind(dr, matched);
	dr->firm = firm;
	return goes_on;
}

static uint32_t action_feature(const struct ir_ruleset *rs,
			       const struct ir_rule *rule)
{
	switch (rule->action) {
	case IR_ACTION_ACCEPT:
	case IR_ACTION_DROP:
		return 0;
	case IR_ACTION_RETURN:
		return DATA_RETURN;
	case IR_ACTION_JUMP:
		return DATA_JUMP;
	case IR_ACTION_GOTO:
		return DATA_GOTO;
	case IR_ACTION_CONTINUE:
		return DATA_CONTINUE;
	case IR_ACTION_BRIDGE:
		return DATA_TARGET | (plan_reloads(rs, rule) ? DATA_RELOAD : 0);
	case IR_ACTION_SET_MARK:
		return DATA_SET_MARK;
	}
	return 0;
}

/**
 * data_rule_make() - make a rule's nodes and limits
 * @dr:		rule in the making: what an earlier one left is thrown away
 * @rule:	rule
 */
void data_rule_make(struct data_rule *dr, const struct ir_rule *rule)
{
	bool goes_on = true;
	uint32_t i;

	dr->num_nodes = 0;
	dr->num_labels = 0;
	dr->num_limits = 0;
	dr->features = action_feature(dr->rs, rule);
	dr->firm = true;
	dr->never = false;
	for (i = 0; goes_on && i < rule->num_matches; i++)
		goes_on = put_match(dr, &dr->rs->matches[rule->first_match + i]);
}

/* --- Exits --- */

static uint8_t settle(struct data_rule *dr, uint32_t from, int to)
{
	uint32_t target;

	if (to == DATA_TO_FAIL)
		return DATA_RULE_FAILS;
	if (to == DATA_TO_DROP)
		return DATA_DROP_PACKET;
	target = to == DATA_TO_NEXT ? from + 1 : dr->label[to];
	if (target == dr->num_nodes)
		return DATA_RULE_MATCHES;
	if (target - from > STEP_MAX)
		dr->error = -E2BIG;
	return target - from;
}

/* --- What is the record's --- */

static bool in_words(uint32_t off, uint32_t from, uint32_t bytes)
{
	return off >= (from & ~3U) && off < from + bytes;
}

/*
 * Does a test look for something that each rule has another of? Of other fields
 * there are few values, so that they need not be in each record.
 */
static bool is_own(const struct data_test *t)
{
	switch (t->off) {
	case DATA_TEST_BRIDGE:
		return true;
	case DATA_TEST_RANDOM:
	case DATA_TEST_KEEP:
		return false;
	}
	return in_words(t->off, GEN_OFF(in), GEN_OFF(row) - GEN_OFF(in)) ||
	       in_words(t->off, GEN_OFF(sport), 2 * sizeof(uint16_t)) ||
	       in_words(t->off, GEN_OFF(ct_port), 4 * sizeof(uint16_t)) ||
	       in_words(t->off, GEN_OFF(ct_addr), 4 * sizeof(uint32_t)) ||
	       in_words(t->off, GEN_OFF(ct_mark), sizeof(uint32_t)) ||
	       in_words(t->off, GEN_OFF(mark), sizeof(uint32_t)) ||
	       in_words(t->off, GEN_OFF(addr6), 8 * sizeof(uint32_t));
}

/* So many words has a test in a record that has @before others */
static uint32_t num_words(const struct data_test *t, uint32_t before)
{
	if (!is_own(t) || before > WORDS_MAX)
		return 0;
	return t->span ? 2 : 1;
}

/**
 * data_rule_words() - count words that a rule's nodes have in its record
 * @dr:		rule
 * @first:	number of the record's words before these
 *
 * Return: how many.
 */
uint32_t data_rule_words(const struct data_rule *dr, uint32_t first)
{
	uint32_t num = 0;

	for (uint32_t i = 0; i < dr->num_nodes; i++)
		num += num_words(&dr->node[i].test, first + num);
	return num;
}

static void move_words(struct data_test *t, uint32_t num, uint32_t *word,
		       uint32_t at)
{
	if (!num)
		return;
	t->at = sizeof(struct data_record) + at * sizeof(*word);
	t->own_lo = 1;
	word[0] = t->lo;
	t->lo = 0;
	if (num < 2)
		return;
	t->own_span = 1;
	word[1] = t->span;
	t->span = 0;
}

/**
 * data_rule_write() - write a rule's nodes as they are in the data map
 * @dr:		rule
 * @out:	room for as many as it has
 * @word:	room for as many words as data_rule_words() says
 * @first:	number of the record's words before these
 */
void data_rule_write(struct data_rule *dr, struct data_test *out,
		     uint32_t *word, uint32_t first)
{
	for (uint32_t i = 0; i < dr->num_nodes; i++) {
		uint32_t num = num_words(&dr->node[i].test, first);

		out[i] = dr->node[i].test;
		out[i].yes = settle(dr, i, dr->node[i].yes);
		out[i].no = settle(dr, i, dr->node[i].no);
		move_words(&out[i], num, word, first);
		word += num;
		first += num;
	}
}

/**
 * data_rule_free() - release what rules in the making took
 * @dr:		rule
 */
void data_rule_free(struct data_rule *dr)
{
	free(dr->node);
	free(dr->label);
	free(dr->limit);
}
