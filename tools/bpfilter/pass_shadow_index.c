// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pass_shadow.h"

/*
 * Rules by what they ask for.
 *
 * A rule that covers another asks for some of the bits that the other asks for.
 * So the shapes of a chain, that is which bits of which fields, are listed, and
 * a rule is looked up once for each shape, with its own values of these bits.
 * Real rulesets have few shapes. What is no bits of a field (ranges, inverted
 * tests) has no part in that: rules that differ in this only share a hash, and
 * so few are kept of one hash. To find rules that are the same nevertheless,
 * each is also kept under a hash of all that it asks for.
 *
 * All of this only proposes: whoever looks up compares the tests themselves.
 */

/**
 * shadow_index_init() - an empty index
 * @index:	filled, released with shadow_index_free()
 * @num_rules:	at most that many rules will be added
 *
 * Return: 0 or -ENOMEM.
 */
int shadow_index_init(struct shadow_index *index, uint32_t num_rules)
{
	size_t buckets = 64;

	while (buckets < num_rules)
		buckets *= 2;
	*index = (struct shadow_index) { .mask = buckets - 1, .num = 1 };
	index->bucket = calloc(buckets, sizeof(*index->bucket));
	index->entries = calloc(2 * (size_t)num_rules + 1,
				sizeof(*index->entries));
	return index->bucket && index->entries ? 0 : -ENOMEM;
}

/**
 * shadow_index_free() - release an index
 * @index:	index
 */
void shadow_index_free(struct shadow_index *index)
{
	free(index->bucket);
	free(index->entries);
}

static void entry_add(struct shadow_index *index, uint64_t hash, uint32_t rule,
		      uint64_t time)
{
	uint32_t *bucket = &index->bucket[hash & index->mask];
	uint32_t same = 0, all = 0;

	for (uint32_t i = *bucket; i; i = index->entries[i].next) {
		same += index->entries[i].hash == hash;
		all++;
	}
	if (same >= SHADOW_BUCKET_MAX || all >= SHADOW_CHAIN_MAX)
		return;
	index->entries[index->num] = (struct shadow_entry) {
		.hash = hash,
		.time = time,
		.rule = rule,
		.next = *bucket,
	};
	*bucket = index->num++;
}

/* --- Shapes --- */

static void shape_add(struct shadow_shape *shape, const struct ir_key *key)
{
	uint64_t bit = 1ULL << key->field;
	uint32_t i = shape->num;

	if (shape->num == SHADOW_DIMS_MAX || shape->fields & bit)
		return;
	for (; i && shape->field[i - 1] > key->field; i--) {
		shape->field[i] = shape->field[i - 1];
		shape->mask[i] = shape->mask[i - 1];
	}
	shape->field[i] = key->field;
	shape->mask[i] = key->mask;
	shape->fields |= bit;
	shape->num++;
}

static void shape_make(struct shadow_shape *shape, const struct shadow_query *q)
{
	memset(shape, 0, sizeof(*shape));
	for (uint32_t i = 0; i < q->num; i++)
		if (q->facts[i].rule == q->rule && q->facts[i].has_key)
			shape_add(shape, &q->facts[i].key);
}

/* Is the shape in the list now? */
static bool list_add(struct shadow_list *list, const struct shadow_shape *shape)
{
	for (uint32_t i = 0; i < list->num; i++)
		if (!memcmp(&list->shape[i], shape, sizeof(*shape)))
			return true;
	if (list->num == SHADOW_SHAPES_MAX)
		return false;
	memcpy(&list->shape[list->num++], shape, sizeof(*shape));
	return true;
}

static const struct ir_key *key_for(const struct shadow_query *q,
				    enum ir_field field, struct ir_word mask)
{
	for (uint32_t i = 0; i < q->num; i++) {
		const struct ir_key *key = &q->facts[i].key;

		if (q->facts[i].has_key && key->field == field &&
		    !(mask.hi & ~key->mask.hi) && !(mask.lo & ~key->mask.lo))
			return key;
	}
	return NULL;
}

/* A rule's values of a shape's bits, false if it does not ask for them all */
static bool shape_hash(const struct shadow_list *list,
		       const struct shadow_shape *shape,
		       const struct shadow_query *q, uint64_t *hash)
{
	uint64_t h = bpfilter_ir_mix(list->chain, shape->fields);

	if (shape->fields & ~q->fields)
		return false;
	for (uint32_t i = 0; i < shape->num; i++) {
		struct ir_word mask = shape->mask[i];
		const struct ir_key *key = key_for(q, shape->field[i], mask);

		if (!key)
			return false;
		h = bpfilter_ir_mix(bpfilter_ir_mix(h, mask.hi), mask.lo);
		h = bpfilter_ir_mix(h, key->value.hi & mask.hi);
		h = bpfilter_ir_mix(h, key->value.lo & mask.lo);
	}
	*hash = h;
	return true;
}

static uint64_t fact_hash(const struct shadow_query *q,
			  const struct shadow_fact *fact)
{
	return bpfilter_test_hash(q->rs, &q->rs->tests[fact->test]);
}

/* All tests of a rule as they are */
static uint64_t rule_hash(const struct shadow_list *list,
			  const struct shadow_query *q)
{
	uint64_t h = bpfilter_ir_mix(~(uint64_t)list->chain, 1);

	for (uint32_t i = 0; i < q->num; i++)
		if (q->facts[i].rule == q->rule)
			h = bpfilter_ir_mix(h, fact_hash(q, &q->facts[i]));
	return h;
}

/**
 * shadow_index_add() - add a rule
 * @index:	index
 * @list:	shapes of its chain; another is added if there is room
 * @q:		the rule and what holds for its packets
 * @time:	when it was looked at
 */
void shadow_index_add(struct shadow_index *index, struct shadow_list *list,
		      const struct shadow_query *q, uint64_t time)
{
	struct shadow_shape shape;
	uint64_t hash;

	shape_make(&shape, q);
	entry_add(index, rule_hash(list, q), q->rule, time);
	if (list_add(list, &shape) && shape_hash(list, &shape, q, &hash))
		entry_add(index, hash, q->rule, time);
}

static bool visit_hash(const struct shadow_index *index, uint64_t hash,
		       shadow_visit_fn visit, void *arg)
{
	for (uint32_t i = index->bucket[hash & index->mask]; i;
	     i = index->entries[i].next)
		if (index->entries[i].hash == hash &&
		    visit(arg, &index->entries[i]))
			return true;
	return false;
}

/**
 * shadow_index_visit() - rules of a chain that may cover a rule
 * @index:	index
 * @list:	shapes of the chain
 * @q:		the rule
 * @visit:	called for each of them until it returns true
 * @arg:	handed to @visit
 */
void shadow_index_visit(const struct shadow_index *index,
			const struct shadow_list *list,
			const struct shadow_query *q, shadow_visit_fn visit,
			void *arg)
{
	uint64_t hash;

	if (visit_hash(index, rule_hash(list, q), visit, arg))
		return;
	for (uint32_t i = 0; i < list->num; i++)
		if (shape_hash(list, &list->shape[i], q, &hash) &&
		    visit_hash(index, hash, visit, arg))
			return;
}
