// SPDX-License-Identifier: GPL-2.0
/*
 * The data map's contents: all chains that the plan wants as data.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compile.h"
#include "data_chain.h"
#include "plan.h"

static bool keeps_fragoff(const struct plan *plan)
{
	for (int hook = 0; hook < BPFILTER_NUMHOOKS; hook++)
		if (plan->hook[hook].need.kept_fragoff)
			return true;
	return false;
}

static int make_chains(struct data_maker *mk, const struct plan *plan)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < mk->rs->num_chains; i++)
		if (plan->is_data[i])
			err = data_chain_make(mk, i, plan->data_first[i]);
	return err;
}

static void settle_jumps(const struct data_maker *mk)
{
	for (uint32_t i = 0; i < mk->num_jumps; i++) {
		const struct chain_jump *j = &mk->jump[i];
		struct data_record *rec = data_at(&mk->t->buf, j->record);

		rec->word[0] = mk->t->chains[j->chain].off;
	}
}

static int put_shapes(struct data_maker *mk)
{
	const struct data_buf *shapes = &mk->shapes.buf;
	struct data_table *t = mk->t;

	t->shapes = data_alloc(&t->buf, shapes->len, DATA_LINE);
	if (!t->shapes)
		return t->buf.error;
	memcpy(data_at(&t->buf, t->shapes), shapes->bytes, shapes->len);
	return 0;
}

static int make_all(struct data_maker *mk, const struct plan *plan)
{
	uint32_t off;
	int err;

	mk->t->chains = calloc((size_t)mk->rs->num_chains + 1,
			       sizeof(*mk->t->chains));
	if (!mk->t->chains)
		return -ENOMEM;
	off = data_alloc(&mk->t->buf, sizeof(uint32_t), DATA_NODE_ALIGN);
	if (!off)
		return mk->t->buf.error;
	*(uint32_t *)data_at(&mk->t->buf, off) = DATA_LIST_END;
	err = make_chains(mk, plan);
	if (err)
		return err;
	settle_jumps(mk);
	return put_shapes(mk);
}

static bool has_data(const struct ir_ruleset *rs, const struct plan *plan)
{
	for (uint32_t i = 0; i < rs->num_chains; i++)
		if (plan->is_data[i])
			return true;
	return false;
}

/**
 * data_table_make() - make the contents of a table's data map
 * @t:		filled, nothing if all is code; release it with
 *		data_table_free(), also after an error
 * @rs:		the table
 * @plan:	its plan
 * @env:	what it is compiled for
 * @why:	where a refusal goes
 *
 * Return: 0, or a negative errno after a refusal:
 * * -EINVAL	the data map would be too large
 * * -ENOMEM	out of memory
 */
int data_table_make(struct data_table *t, const struct ir_ruleset *rs,
		    const struct plan *plan, const struct compile_env *env,
		    struct refusal *why)
{
	const struct refuse_where where = { .table = rs->table };
	struct data_maker mk = {
		.rs = rs, .t = t,
		.tree_rules = env->tree_rules ? env->tree_rules :
						DATA_TREE_RULES,
		.far_records = env->far_records ? env->far_records :
						  DATA_FAR_RECORDS,
		.rule = { .rs = rs, .keeps = keeps_fragoff(plan) },
	};
	int err;

	memset(t, 0, sizeof(*t));
	if (!has_data(rs, plan))
		return 0;
	err = make_all(&mk, plan);
	if (!err && t->buf.len > DATA_BYTES_MAX - DATA_BYTES_SPARE)
		err = -E2BIG;
	data_rule_free(&mk.rule);
	free(mk.record);
	free(mk.limit);
	free(mk.jump);
	free(mk.shape);
	data_shapes_free(&mk.shapes);
	if (err == -E2BIG)
		return bpfilter_refuse(why, EINVAL, false, &where,
				       "rules as data need more than %u MiB",
				       DATA_BYTES_MAX >> 20);
	if (err)
		return bpfilter_refuse(why, -err, false, &where,
				       "rules as data: %s", strerror(-err));
	return 0;
}

/**
 * data_table_free() - release a data map's contents
 * @t:		contents
 */
void data_table_free(struct data_table *t)
{
	data_free(&t->buf);
	free(t->chains);
	memset(t, 0, sizeof(*t));
}
