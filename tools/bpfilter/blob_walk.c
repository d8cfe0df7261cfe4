// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>

#include "blob.h"

/*
 * The way of packets through the entries, as mark_source_chains() sees it.
 *
 * Native walks from each hook on its own, with back pointers in the entries. It
 * amounts to a depth-first search in a graph where an entry leads
 *
 *   - nowhere if it is a tail (unconditional, STANDARD, no jump);
 *   - else to the next entry, and before, if it is a jump (or goto, which makes
 *     no difference there), to the entry that it names.
 *
 * A target that was seen from this hook before is not walked again. The walk
 * fails with -ELOOP where a jump names no entry, where an entry that leads on
 * is the last, and where it meets an entry that it has not left yet. So it
 * fails if the part of the graph that some hook reaches is incomplete or has a
 * circle, and otherwise comefrom is the set of hooks that reach an entry.
 *
 * Here one search over all hooks looks for circles and yields an order in which
 * entries come before all that they lead to. One pass in this order hands hooks
 * down, and likewise how many slots of the jump stack are in use.
 */

enum colour {
	WHITE,		/* not seen */
	SEEN,		/* on the stack, jump not followed yet */
	JUMPED,		/* on the stack, next entry not followed yet */
	WALKED,		/* on the stack, all followed */
	BLACK,		/* left */
};

/**
 * struct walk - state of the search
 * @b:		the reader
 * @colour:	of each entry
 * @stack:	entries on the way from the hook to here
 * @depth:	number of @stack
 * @order:	entries left so far, each after all that it leads to
 * @num:	number of @order
 */
struct walk {
	struct blob *b;
	unsigned char *colour;
	uint32_t *stack;
	uint32_t depth;
	uint32_t *order;
	uint32_t num;
};

static int __printf(3, 4)
walk_fail(struct walk *w, uint32_t rule, const char *fmt, ...)
{
	struct refuse_where where = blob_where(w->b, rule);
	va_list args;
	int ret;

	va_start(args, fmt);
	ret = bpfilter_vrefuse(w->b->why, ELOOP, true, &where, fmt, args);
	va_end(args);
	return ret;
}

static void walk_push(struct walk *w, uint32_t rule)
{
	w->colour[rule] = SEEN;
	w->stack[w->depth++] = rule;
}

static int walk_enter(struct walk *w, uint32_t from, uint32_t to)
{
	if (w->colour[to] == BLACK)
		return 0;
	if (w->colour[to] != WHITE)
		return walk_fail(w, from, "leads back to a rule before it");
	walk_push(w, to);
	return 0;
}

static int walk_jump(struct walk *w, uint32_t rule)
{
	const struct blob_entry *be = &w->b->entries[rule];

	if (be->kind != BLOB_TARGET_STANDARD || be->verdict < 0)
		return 0;
	if (be->jump == BLOB_NONE)
		return walk_fail(w, rule, "no rule at its target, offset %d",
				 be->verdict);
	return walk_enter(w, rule, be->jump);
}

static int walk_next(struct walk *w, uint32_t rule)
{
	if (w->b->entries[rule].tail)
		return 0;
	if (rule + 1 >= w->b->rs->num_rules)
		return walk_fail(w, rule, "no rule behind it");
	return walk_enter(w, rule, rule + 1);
}

static int walk_step(struct walk *w)
{
	uint32_t rule = w->stack[w->depth - 1];

	switch (w->colour[rule]++) {
	case SEEN:
		return walk_jump(w, rule);
	case JUMPED:
		return walk_next(w, rule);
	default:
		w->order[w->num++] = rule;
		w->depth--;
		return 0;
	}
}

static int walk_from(struct walk *w, uint32_t rule)
{
	int ret = 0;

	if (w->colour[rule] != WHITE)
		return 0;
	walk_push(w, rule);
	while (w->depth && !ret)
		ret = walk_step(w);
	return ret;
}

/* What an entry hands down to one that it leads to */
static void hand_down(struct walk *w, uint32_t *used, uint32_t from,
		      uint32_t to, uint32_t push)
{
	struct ir_rule *rules = w->b->rs->rules;

	rules[to].comefrom |= rules[from].comefrom;
	if (used[to] < used[from] + push)
		used[to] = used[from] + push;
}

/*
 * @used counts more than packets can use only where a goto that always matches
 * is followed by rules, and never more than the table has chains unless chains
 * are entered in the middle.
 */
static void hand_down_all(struct walk *w, uint32_t *used)
{
	struct blob *b = w->b;

	while (w->num) {
		uint32_t rule = w->order[--w->num];
		bool push = b->rs->rules[rule].action == IR_ACTION_JUMP;

		if (push && used[rule] >= b->num_heads)
			b->too_deep = rule;
		if (b->entries[rule].jump != BLOB_NONE)
			hand_down(w, used, rule, b->entries[rule].jump, push);
		if (!b->entries[rule].tail)
			hand_down(w, used, rule, rule + 1, 0);
	}
}

static int walk_hooks(struct walk *w)
{
	struct blob *b = w->b;
	int ret = 0;

	for (int h = 0; h < IR_NUMHOOKS && !ret; h++) {
		if (!blob_hook_valid(b, h))
			continue;
		b->rs->rules[b->hook_entry[h]].comefrom |= 1U << h;
		ret = walk_from(w, b->hook_entry[h]);
	}
	return ret;
}

/**
 * blob_mark_sources() - find which hooks reach which rule
 * @b:	the reader, its jumps resolved
 *
 * Return: 0; -ELOOP as native; -ENOMEM.
 */
int blob_mark_sources(struct blob *b)
{
	size_t num = (size_t)b->rs->num_rules + 1;
	struct walk w = { .b = b };
	uint32_t *used;
	int ret = -ENOMEM;

	b->too_deep = BLOB_NONE;
	w.colour = calloc(num, sizeof(*w.colour));
	w.stack = calloc(num, sizeof(*w.stack));
	w.order = calloc(num, sizeof(*w.order));
	used = calloc(num, sizeof(*used));
	if (w.colour && w.stack && w.order && used)
		ret = walk_hooks(&w);
	else
		blob_nomem(b);
	if (!ret)
		hand_down_all(&w, used);

	free(used);
	free(w.order);
	free(w.stack);
	free(w.colour);
	return ret;
}
