// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <linux/kernel.h>

#include "ir_build.h"
#include "match.h"
#include "pass_flow.h"
#include "pass_shadow.h"
#include "passes.h"

/*
 * Rules that never match because of what other tests and rules say.
 *
 * A fact is a test that holds whenever a rule matches: one of its own tests
 * or, if a single rule leads to its chain, one of that rule, and so on upwards.
 * A rule never matches
 *
 *  - if one fact excludes another;
 *  - if an earlier rule of its chain, or of one on the only way to it, keeps
 *    from it all packets that it matches: each test of that rule is implied by
 *    a fact, and what matches it does not get further. Then a packet that this
 *    rule would match has matched the earlier one, or was dropped by a test of
 *    it, and is not here.
 *
 * Both hold if the tests see the same. So a test that may change its mind on
 * its own, or asks the kernel, is no fact and covers nothing, and what was
 * found before a rule that may change packets counts no longer behind it, for
 * the whole packet or for its mark. A test behind one that can end its match is
 * no fact, but has to be implied.
 *
 * Tests see a packet as it entered the table, as in all that is generated here:
 * a device that is renamed meanwhile is one for the next packet.
 *
 * Invariant: a rule is killed only if the tests that its packets come to, up to
 * the one that decides, neither drop nor ask, or if the earlier rule has put the
 * same question to the same packets before. The last rule that a walk through a
 * chain can reach stays in any case, so that no walk leaves its chain.
 *
 * Chains that share rules are left alone; only forged blobs have them.
 *
 * Work is bounded by the constants in pass_shadow.h: a rule is compared with a
 * bounded number of others, of which a bounded number of tests is looked at, and
 * all rules together with a number that is proportional to theirs. What is beyond
 * them is not found.
 */

#define DEPTH_MAX	8	/* chains on the way that are kept in mind */

/**
 * struct frame - a chain on the way
 * @next:	rule to look at next
 * @end:	index behind its last rule
 * @context:	number of facts that hold for all of its packets
 * @stays:	no packet comes back from it: whoever is behind the jump has not
 *		been here
 * @changed:	of struct shadow, when it was entered
 * @marked:	likewise
 * @caller:	index of the rule that led to it, if that is known
 * @called:	when, 0: it is not known
 * @list:	shapes of its rules
 */
struct frame {
	uint32_t next;
	uint32_t end;
	uint32_t context;
	bool stays;
	uint64_t changed;
	uint64_t marked;
	uint32_t caller;
	uint64_t called;
	struct shadow_list list;
};

/**
 * struct shadow - state of the search
 * @rs:		the ruleset
 * @flows:	by chain, what it does
 * @index:	rules that keep packets from others
 * @time:	number of rules looked at
 * @work:	pairs of tests that were compared
 * @changed:	when the packet may have been changed last
 * @marked:	likewise its mark
 * @context:	facts of the chains on the way
 * @facts:	of the rule at hand: those of @context that still hold, its own
 * @num:	number of @facts
 * @frames:	chains on the way
 * @depth:	number of @frames
 * @todo:	chains to walk without knowing how they were reached
 * @num_todo:	number of @todo
 * @visited:	by chain
 */
struct shadow {
	struct ir_ruleset *rs;
	struct flow *flows;
	struct shadow_index index;
	uint64_t time;
	uint64_t work;
	uint64_t changed;
	uint64_t marked;
	struct shadow_fact context[SHADOW_CONTEXT_MAX];
	struct shadow_fact facts[SHADOW_CONTEXT_MAX + SHADOW_FACTS_MAX];
	uint32_t num;
	struct frame *frames;
	uint32_t depth;
	uint32_t *todo;
	uint32_t num_todo;
	bool *visited;
};

/* --- Facts --- */

static const struct ir_test *fact_test(const struct shadow *s,
				       const struct shadow_fact *fact)
{
	return &s->rs->tests[fact->test];
}

static void fact_add(struct shadow *s, uint32_t rule, uint32_t test,
		     uint32_t place)
{
	struct shadow_fact *fact = &s->facts[s->num++];

	*fact = (struct shadow_fact) {
		.test = test,
		.place = place,
		.rule = rule,
		.time = s->time,
	};
	fact->has_key = bpfilter_test_key(s->rs, fact_test(s, fact),
					  &fact->key);
}

static bool fact_holds(const struct shadow *s, const struct shadow_fact *fact)
{
	return fact->time > s->changed &&
	       (fact->time > s->marked || !shadow_looks_at_mark(fact_test(s, fact)));
}

/*
 * A match of the kernel's own between two tests of the mark may set it. Rules
 * with one that is known to write to packets have no facts at all.
 */
static bool is_fact(const struct ir_test *t, bool marks)
{
	return bpfilter_test_lasts(t) && t->kind != IR_TEST_CONST &&
	       !(marks && shadow_looks_at_mark(t));
}

static void own_facts(struct shadow *s, uint32_t rule)
{
	const struct ir_rule *r = &s->rs->rules[rule];
	const struct ir_match *m = &s->rs->matches[r->first_match];
	bool marks = bpfilter_flow_changes(s->rs, r) & FLOW_MARK;
	uint32_t place = 0, first = s->num;

	if (bpfilter_rule_writes(s->rs, r))
		return;
	for (uint32_t i = 0; i < r->num_matches; i++) {
		const struct ir_test *t = &s->rs->tests[m[i].first];
		bool may_end = false;

		for (uint32_t k = 0; k < m[i].num; k++, place++) {
			may_end |= bpfilter_ir_test_may_end(&t[k]);
			if (!may_end && is_fact(&t[k], marks) &&
			    s->num - first < SHADOW_FACTS_MAX)
				fact_add(s, rule, m[i].first + k, place);
		}
	}
}

static void make_facts(struct shadow *s, uint32_t rule)
{
	const struct frame *frame = &s->frames[s->depth - 1];

	s->num = 0;
	for (uint32_t i = 0; i < frame->context; i++)
		if (fact_holds(s, &s->context[i]))
			s->facts[s->num++] = s->context[i];
	own_facts(s, rule);
}

/* --- Contradictions --- */

static bool drops_or_asks_before(const struct shadow *s,
				 const struct ir_rule *r, uint32_t place)
{
	const struct ir_match *m = &s->rs->matches[r->first_match];
	uint32_t at = 0;

	for (uint32_t i = 0; i < r->num_matches; i++)
		for (uint32_t k = 0; k < m[i].num; k++)
			if (at++ < place &&
			    bpfilter_ir_test_matters(&s->rs->tests[m[i].first + k]))
				return true;
	return false;
}

/* A chain keeps its end, see above */
static int kill_rule(struct shadow *s, uint32_t rule)
{
	const struct frame *frame = &s->frames[s->depth - 1];

	if (rule + 1 == frame->end)
		return 0;
	return bpfilter_ir_rule_kill(s->rs, &s->rs->rules[rule]);
}

static int note_conflict(struct shadow *s, uint32_t rule,
			 const struct shadow_fact *earlier,
			 const struct shadow_fact *fact)
{
	struct ir_rule *r = &s->rs->rules[rule];

	if (earlier->rule == rule)
		bpfilter_ir_never(r, IR_NEVER_CONFLICT, 0);
	else
		bpfilter_ir_never(r, IR_NEVER_CALLER, earlier->rule);
	return drops_or_asks_before(s, r, fact->place) ? 0 : kill_rule(s, rule);
}

static bool facts_exclude(const struct shadow *s, const struct shadow_fact *a,
			  const struct shadow_fact *b)
{
	return bpfilter_test_excludes(s->rs, fact_test(s, a), fact_test(s, b));
}

static int find_conflict(struct shadow *s, uint32_t rule)
{
	for (uint32_t i = 0; i < s->num; i++) {
		if (s->facts[i].rule != rule)
			continue;
		for (uint32_t k = 0; k < i; k++)
			if (facts_exclude(s, &s->facts[k], &s->facts[i]))
				return note_conflict(s, rule, &s->facts[k],
						     &s->facts[i]);
	}
	return 0;
}

/* --- Earlier rules --- */

/**
 * struct finding - an earlier rule that covers this one
 * @s:		state of the search
 * @q:		this rule
 * @found:	there is one
 * @by:		the first of them
 * @can_go:	nothing is missed without this rule
 */
struct finding {
	struct shadow *s;
	const struct shadow_query *q;
	bool found;
	uint32_t by;
	bool can_go;
};

/* Count what comparing with a rule takes. Is there enough left? */
static bool may_compare(struct shadow *s, uint32_t rule)
{
	const struct ir_rule *r = &s->rs->rules[rule];
	const struct ir_match *m = &s->rs->matches[r->first_match];
	uint64_t tests = 1;

	for (uint32_t i = 0; i < r->num_matches; i++)
		tests += m[i].num;
	s->work += tests * (s->num + 1);
	return s->work <= (uint64_t)SHADOW_WORK_MAX * s->rs->num_rules;
}

static bool visit(void *arg, const struct shadow_entry *entry)
{
	struct finding *f = arg;
	uint32_t decided;

	if (!may_compare(f->s, entry->rule))
		return true;
	if (entry->time <= f->s->changed ||
	    (entry->time <= f->s->marked &&
	     shadow_rule_marks(f->q->rs, entry->rule)))
		return false;
	if (!shadow_covers(f->q, entry->rule, &decided))
		return false;
	if (!f->found || entry->rule < f->by)
		f->by = entry->rule;
	f->found = true;
	f->can_go |= shadow_can_go(f->q, entry->rule, decided);
	return false;
}

static uint64_t key_fields(const struct shadow *s)
{
	uint64_t fields = 0;

	for (uint32_t i = 0; i < s->num; i++)
		if (s->facts[i].has_key)
			fields |= 1ULL << s->facts[i].key.field;
	return fields;
}

static struct shadow_query query(const struct shadow *s, uint32_t rule)
{
	return (struct shadow_query) {
		.rs = s->rs,
		.rule = rule,
		.facts = s->facts,
		.num = s->num,
		.fields = key_fields(s),
	};
}

static int find_cover(struct shadow *s, uint32_t rule)
{
	struct ir_rule *r = &s->rs->rules[rule];
	struct shadow_query q = query(s, rule);
	struct finding f = { .s = s, .q = &q };

	for (uint32_t i = 0; i < s->depth; i++)
		shadow_index_visit(&s->index, &s->frames[i].list, &q, visit,
				   &f);
	if (!f.found)
		return 0;
	bpfilter_ir_never(r, bpfilter_ir_rule_always(s->rs,
						     &s->rs->rules[f.by]) ?
			     IR_NEVER_BEHIND : IR_NEVER_SHADOWED, f.by);
	return f.can_go ? kill_rule(s, rule) : 0;
}

/* --- The walk --- */

/* Does a rule say the same each time, and are all of its tests looked at? */
static bool can_cover(const struct shadow *s, const struct ir_rule *r)
{
	const struct ir_match *m = &s->rs->matches[r->first_match];
	uint32_t num = 0;

	for (uint32_t i = 0; i < r->num_matches; i++)
		for (uint32_t k = 0; k < m[i].num; k++)
			if (!bpfilter_test_lasts(&s->rs->tests[m[i].first + k]) ||
			    ++num > SHADOW_FACTS_MAX)
				return false;
	return true;
}

/* At @time it was tried; its facts are at hand */
static void remember(struct shadow *s, uint32_t rule, uint64_t time)
{
	const struct ir_rule *r = &s->rs->rules[rule];
	struct shadow_query q;

	if (!bpfilter_flow_ends(s->rs, s->flows, r) || !can_cover(s, r))
		return;
	q = query(s, rule);
	shadow_index_add(&s->index, &s->frames[s->depth - 1].list, &q,
			 time);
}

static void change(struct shadow *s, uint8_t changes)
{
	if (changes & FLOW_ALL)
		s->changed = s->time;
	if (changes & FLOW_MARK)
		s->marked = s->time;
}

static void enter(struct shadow *s, uint32_t chain, uint32_t context)
{
	const struct ir_chain *c = &s->rs->chains[chain];
	struct frame *frame = &s->frames[s->depth++];

	frame->next = c->first;
	frame->end = c->end;
	frame->context = context;
	frame->stays = !s->flows[chain].returns;
	frame->changed = s->changed;
	frame->marked = s->marked;
	frame->called = 0;
	frame->list.chain = chain;
	frame->list.num = 0;
	s->visited[chain] = true;
}

/*
 * The rule that led to the chain keeps packets from those behind it, but not
 * from the chain.
 */
static void leave(struct shadow *s)
{
	const struct frame *frame = &s->frames[--s->depth];

	if (frame->stays) {
		s->changed = frame->changed;
		s->marked = frame->marked;
	}
	if (!frame->called)
		return;
	make_facts(s, frame->caller);
	remember(s, frame->caller, frame->called);
}

/* What holds for this rule holds for all of the chain that only it leads to */
static void descend(struct shadow *s, uint32_t rule, uint32_t chain)
{
	uint32_t context = s->frames[s->depth - 1].context;

	for (uint32_t i = 0; i < s->num && context < SHADOW_CONTEXT_MAX; i++)
		if (s->facts[i].rule == rule)
			s->context[context++] = s->facts[i];
	enter(s, chain, context);
	s->frames[s->depth - 1].caller = rule;
	s->frames[s->depth - 1].called = s->time;
}

/* Is the chain on the way now, or to be walked in a moment? */
static bool follow(struct shadow *s, uint32_t rule)
{
	uint32_t chain = s->rs->rules[rule].target_chain;
	const struct flow *flow = &s->flows[chain];

	if (flow->live_refs == 1 && !s->visited[chain]) {
		if (s->depth < DEPTH_MAX) {
			descend(s, rule, chain);
			return true;
		}
		s->visited[chain] = true;
		s->todo[s->num_todo++] = chain;
	}
	if (flow->returns)
		change(s, flow->changes);
	return false;
}

static bool leads_to_chain(const struct ir_rule *r)
{
	return r->action == IR_ACTION_JUMP || r->action == IR_ACTION_GOTO;
}

static int look_at(struct shadow *s, uint32_t rule)
{
	struct ir_rule *r = &s->rs->rules[rule];
	int ret;

	s->time++;
	make_facts(s, rule);
	ret = find_conflict(s, rule);
	if (!ret && !r->never)
		ret = find_cover(s, rule);
	if (ret || r->dead)
		return ret;
	change(s, bpfilter_flow_changes(s->rs, r));
	if (r->never || (leads_to_chain(r) && follow(s, rule)))
		return 0;
	remember(s, rule, s->time);
	return 0;
}

static int walk(struct shadow *s, uint32_t chain)
{
	int ret = 0;

	enter(s, chain, 0);
	while (s->depth && !ret) {
		struct frame *frame = &s->frames[s->depth - 1];
		uint32_t rule = frame->next;

		if (rule == frame->end) {
			leave(s);
			continue;
		}
		frame->next++;
		if (!s->rs->rules[rule].dead && !s->rs->rules[rule].is_policy)
			ret = look_at(s, rule);
	}
	return ret;
}

static int walk_all(struct shadow *s)
{
	int ret = 0;

	for (uint32_t c = 0; c < s->rs->num_chains; c++)
		if (s->rs->chains[c].hook >= 0 || s->flows[c].live_refs > 1)
			s->todo[s->num_todo++] = c;
	while (s->num_todo && !ret)
		ret = walk(s, s->todo[--s->num_todo]);
	return ret;
}

/* --- The pass --- */

static int chains_share(const struct ir_ruleset *rs, bool *share)
{
	bool *taken = calloc((size_t)rs->num_rules + 1, sizeof(*taken));

	*share = false;
	if (!taken)
		return -ENOMEM;
	for (uint32_t c = 0; c < rs->num_chains && !*share; c++) {
		const struct ir_chain *chain = &rs->chains[c];

		for (uint32_t i = chain->first; i < chain->end; i++) {
			*share |= taken[i];
			taken[i] = true;
		}
	}
	free(taken);
	return 0;
}

static int shadow_all(struct ir_ruleset *rs)
{
	struct shadow *s = calloc(1, sizeof(*s));
	size_t num = (size_t)rs->num_chains + 1;
	int ret = -ENOMEM;

	if (!s)
		return ret;
	s->rs = rs;
	s->visited = calloc(num, sizeof(*s->visited));
	s->todo = calloc(num, sizeof(*s->todo));
	s->frames = calloc(DEPTH_MAX, sizeof(*s->frames));
	if (s->visited && s->todo && s->frames)
		ret = bpfilter_flow_make(rs, &s->flows);
	if (!ret)
		ret = shadow_index_init(&s->index, rs->num_rules);
	if (!ret)
		ret = walk_all(s);
	shadow_index_free(&s->index);
	free(s->flows);
	free(s->frames);
	free(s->todo);
	free(s->visited);
	free(s);
	return ret;
}

static int shadow_run(struct ir_ruleset *rs, struct refusal *why)
{
	bool share = false;
	int ret = bpfilter_ir_set_ends(rs);

	if (!ret)
		ret = chains_share(rs, &share);
	if (!ret && !share)
		ret = shadow_all(rs);
	return ret ? bpfilter_refuse(why, ENOMEM, false, NULL,
				     "out of memory") : 0;
}

const struct pass bpfilter_pass_shadow = {
	.name = "shadow",
	.run = shadow_run,
};
