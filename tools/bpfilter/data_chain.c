// SPDX-License-Identifier: GPL-2.0
/*
 * A chain becomes records, one behind the other, with its struct data_chain in
 * front of them: who looks at a short chain finds both in the same cache line.
 */
#include <errno.h>
#include <stdlib.h>
#include <linux/netfilter/x_tables.h>

#include "data_chain.h"
#include "ir_build.h"
#include "plan_graph.h"

static bool grow(void **array, uint32_t num, uint32_t *max, size_t size)
{
	uint32_t room = *max ? *max * 2 : 64;
	void *bigger;

	if (num < *max)
		return true;
	bigger = realloc(*array, room * size);
	if (!bigger)
		return false;
	*array = bigger;
	*max = room;
	return true;
}

static int note_jump(struct data_maker *mk, uint32_t record, uint32_t chain)
{
	if (!grow((void **)&mk->jump, mk->num_jumps, &mk->max_jumps,
		  sizeof(*mk->jump)))
		return -ENOMEM;
	mk->jump[mk->num_jumps++] = (struct chain_jump) { record, chain };
	return 0;
}

static int note_limits(struct data_maker *mk)
{
	for (uint32_t i = 0; i < mk->rule.num_limits; i++) {
		if (!grow((void **)&mk->limit, mk->num_limits, &mk->max_limits,
			  sizeof(*mk->limit)))
			return -ENOMEM;
		mk->limit[mk->num_limits++] = (struct chain_limit) {
			mk->num_records, mk->rule.limit[i],
		};
	}
	return 0;
}

/* --- Records --- */

/* If it matches, no other rule of the chain is looked at */
static bool is_final(const struct ir_ruleset *rs, const struct ir_rule *r)
{
	switch (r->action) {
	case IR_ACTION_ACCEPT:
	case IR_ACTION_DROP:
	case IR_ACTION_RETURN:
	case IR_ACTION_GOTO:
		return true;
	case IR_ACTION_BRIDGE:
		return rs->bridged[r->bridged].is_final;
	case IR_ACTION_JUMP:
	case IR_ACTION_CONTINUE:
	case IR_ACTION_SET_MARK:
		return false;
	}
	return false;
}

static uint8_t flags_of(const struct data_maker *mk, const struct ir_rule *r)
{
	const struct ir_ruleset *rs = mk->rs;
	uint8_t flags = 0;

	if (is_final(rs, r))
		flags |= DATA_RECORD_FINAL;
	if (mk->rule.features & DATA_MATCH)
		flags |= DATA_RECORD_BRIDGE;
	if (r->no_thoff)
		flags |= DATA_RECORD_NO_THOFF;
	if (r->action == IR_ACTION_SET_MARK || plan_reloads(rs, r))
		flags |= DATA_RECORD_RELOAD;
	if (mk->rule.features & DATA_WRITES)
		flags |= DATA_RECORD_WRITES;
	return flags;
}

/* How many words of a record belong to its action */
static uint32_t action_words(const struct ir_rule *r)
{
	switch (r->action) {
	case IR_ACTION_JUMP:
	case IR_ACTION_GOTO:
	case IR_ACTION_BRIDGE:
		return 1;
	case IR_ACTION_SET_MARK:
		return 2;
	case IR_ACTION_ACCEPT:
	case IR_ACTION_DROP:
	case IR_ACTION_RETURN:
	case IR_ACTION_CONTINUE:
		break;
	}
	return 0;
}

static void fill_action(struct data_record *rec, const struct ir_rule *r)
{
	if (r->action == IR_ACTION_BRIDGE)
		rec->word[0] = r->bridged;
	if (r->action != IR_ACTION_SET_MARK)
		return;
	rec->word[0] = r->mark_keep;
	rec->word[1] = r->mark_flip;
}

/* In one cache line, if it is not larger */
static uint32_t place_record(struct data_maker *mk, uint32_t words)
{
	uint32_t bytes = sizeof(struct data_record) + words * sizeof(uint32_t);
	uint32_t left = DATA_LINE - mk->t->buf.len % DATA_LINE;
	bool wraps = bytes > left && bytes <= DATA_LINE;

	return data_alloc(&mk->t->buf, bytes,
			  wraps ? DATA_LINE : DATA_RECORD_ALIGN);
}

/* Add the shape of the latest record: the next one lies at @next */
static int settle_shape(struct data_maker *mk, uint32_t next)
{
	struct data_record *rec;
	uint32_t off;

	if (!mk->num_records)
		return 0;
	off = mk->record[mk->num_records - 1];
	mk->shape->size = (next - off) / sizeof(uint32_t);
	rec = data_at(&mk->t->buf, off);
	rec->shape = data_shape_add(&mk->shapes, mk->shape);
	return mk->shapes.buf.error;
}

/* Start the shape of the rule in the making */
static int start_shape(struct data_maker *mk, const struct ir_rule *r)
{
	uint32_t tests = mk->rule.num_nodes;

	if (!mk->shape || tests > mk->max_tests) {
		uint32_t room = 2 * tests + 16;
		void *bigger = realloc(mk->shape, sizeof(*mk->shape) +
				       room * sizeof(struct data_test));

		if (!bigger)
			return -ENOMEM;
		mk->shape = bigger;
		mk->max_tests = room;
	}
	*mk->shape = (struct data_shape) {
		.action = r->action, .flags = flags_of(mk, r), .tests = tests,
	};
	return 0;
}

static int add_record(struct data_maker *mk, uint32_t off)
{
	if (!grow((void **)&mk->record, mk->num_records, &mk->max_records,
		  sizeof(*mk->record)))
		return -ENOMEM;
	mk->record[mk->num_records++] = off;
	return 0;
}

static int fill_record(struct data_maker *mk, uint32_t off,
		       const struct ir_rule *r)
{
	struct data_record *rec = data_at(&mk->t->buf, off);
	uint32_t first = action_words(r);
	int err = start_shape(mk, r);

	if (err)
		return err;
	rec->counter = (r - mk->rs->rules) * sizeof(struct xt_counters);
	fill_action(rec, r);
	data_rule_write(&mk->rule, (struct data_test *)(mk->shape + 1),
			rec->word + first, first);
	if (r->action == IR_ACTION_JUMP || r->action == IR_ACTION_GOTO)
		return note_jump(mk, off, r->target_chain);
	return 0;
}

static int put_record(struct data_maker *mk, const struct ir_rule *r)
{
	uint32_t words = action_words(r), off;
	int err;

	/* Only the last record is without a test */
	if (!mk->rule.num_nodes && !is_final(mk->rs, r))
		data_put_word(&mk->rule, 0, 0, 0, 0, DATA_TO_NEXT,
			      DATA_TO_FAIL);
	if (mk->rule.num_nodes > UINT16_MAX)
		return -E2BIG;
	words += data_rule_words(&mk->rule, words);
	off = place_record(mk, words);
	if (!off)
		return mk->t->buf.error;
	err = settle_shape(mk, off);
	if (!err)
		err = note_limits(mk);
	if (!err)
		err = fill_record(mk, off, r);
	if (!err)
		err = add_record(mk, off);
	return err ? err : mk->rule.error;
}

/* The last one has no test and is final: behind it no packet walks on */
static int put_records(struct data_maker *mk, uint32_t first, uint32_t end,
		       struct data_made *made)
{
	int err;

	for (uint32_t i = first; i < end; i++) {
		const struct ir_rule *r = &mk->rs->rules[i];

		data_rule_make(&mk->rule, r);
		if (!mk->rule.error && mk->rule.never)
			continue;
		err = put_record(mk, r);
		if (err)
			return err;
		made->features |= mk->rule.features;
		if (!mk->shape->tests && mk->shape->flags & DATA_RECORD_FINAL)
			return settle_shape(mk, mk->t->buf.len);
	}
	return -EINVAL;
}

/* --- Chains --- */

static uint32_t counter_of(const struct data_maker *mk, uint32_t record)
{
	const struct data_record *rec = data_at(&mk->t->buf,
						mk->record[record]);

	return rec->counter;
}

/* Do counters lie where struct data_chain says, give or take a cache line? */
static bool are_even(const struct data_maker *mk, const struct data_chain *dc)
{
	for (uint32_t i = 0; i < mk->num_records; i++) {
		uint64_t from = mk->record[i] - dc->first;
		int64_t off = dc->counter +
			      (from * dc->scale >> DATA_SCALE_SHIFT);

		if (llabs(off - counter_of(mk, i)) > DATA_LINE / 2)
			return false;
	}
	return true;
}

/* Say where counters of the chain's records are, if that helps */
static void place_counters(struct data_maker *mk, struct data_chain *dc,
			   struct data_made *made)
{
	uint32_t last = mk->num_records - 1;
	uint64_t bytes = counter_of(mk, last) - counter_of(mk, 0);

	dc->counter = counter_of(mk, 0);
	if (mk->num_records < mk->far_records || !last)
		return;
	dc->scale = (bytes << DATA_SCALE_SHIFT) / (dc->last - dc->first);
	if (are_even(mk, dc))
		made->features |= DATA_FAR;
	else
		dc->scale = 0;
}

static uint32_t room_for_roots(const struct data_maker *mk, uint32_t rules)
{
	return rules >= mk->tree_rules ? DATA_TREES_MAX : 0;
}

/* Records are to follow without a gap */
static uint32_t chain_bytes(uint32_t roots)
{
	uint32_t bytes = sizeof(struct data_chain) + roots * sizeof(uint32_t);

	return (bytes + DATA_CHAIN_ALIGN - 1) & ~(DATA_CHAIN_ALIGN - 1);
}

/**
 * data_chain_make() - put a chain in the data map
 * @mk:		maker
 * @chain:	chain
 * @first:	index of its first rule that goes there
 *
 * Return: 0 or a negative errno.
 */
int data_chain_make(struct data_maker *mk, uint32_t chain, uint32_t first)
{
	const struct ir_chain *c = &mk->rs->chains[chain];
	struct data_made *made = &mk->t->chains[chain];
	uint32_t roots = room_for_roots(mk, c->end - first);
	struct data_buf *buf = &mk->t->buf;
	struct data_chain *dc;
	int err;

	mk->num_records = 0;
	mk->num_limits = 0;
	made->off = data_alloc(buf, chain_bytes(roots), DATA_CHAIN_ALIGN);
	if (!made->off)
		return buf->error;
	err = put_records(mk, first, c->end, made);
	if (err)
		return err;
	made->records = mk->num_records;
	dc = data_at(buf, made->off);
	dc->first = mk->record[0];
	dc->last = mk->record[mk->num_records - 1];
	place_counters(mk, dc, made);
	if (roots)
		err = data_tree_make(mk, chain);
	made->bytes = buf->len - made->off;
	return err;
}
