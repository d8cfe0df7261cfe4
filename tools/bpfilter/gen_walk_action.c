// SPDX-License-Identifier: GPL-2.0
/*
 * walk(): what becomes of a record that matched. Its counter takes the packet,
 * then its action decides.
 */
#include <linux/netfilter/x_tables.h>

#include "gen_walk.h"

#define RECORD_OFF(member)	((int16_t)offsetof(struct data_record, member))
#define SHAPE_OFF(member)	((int16_t)offsetof(struct data_shape, member))
#define CHAIN_OFF(member)	((int16_t)offsetof(struct data_chain, member))
#define JUMP_OFF(member)						\
	((int16_t)(WALK_JUMPS + offsetof(struct walk_jump, member)))

/* --- The kernel --- */

static void load_run(struct gen *g)
{
	struct asm_buf *a = &g->code;

	asm_emit(a, BPF_LDX_MEM(BPF_DW, BPF_REG_1, BPF_REG_10, WALK_SKB));
	asm_emit(a, BPF_LDX_MEM(BPF_DW, BPF_REG_2, BPF_REG_10, WALK_HOOK));
}

/* The flags of the record that r1 points to, to @reg */
static void load_flags(struct gen *g, const struct walk *w, uint8_t reg,
		       uint8_t tmp)
{
	walk_shape(g, w, reg, tmp);
	asm_emit(&g->code, BPF_LDX_MEM(BPF_B, reg, reg, SHAPE_OFF(flags)));
}

/* Offsets of the transport header and of the fragment: as load_offsets() */
static void load_offsets(struct gen *g, const struct walk *w)
{
	struct asm_buf *a = &g->code;
	uint32_t none = asm_label(a), done = asm_label(a);

	if (g->plan->need.kept_fragoff) {
		walk_again(g, BPF_REG_1, WALK_RECORD);
		load_flags(g, w, BPF_REG_2, BPF_REG_4);
		asm_jmp32(a, BPF_JSET, BPF_REG_2, DATA_RECORD_NO_THOFF, none);
	}
	walk_load(g, BPF_W, BPF_REG_4, GEN_OFF(thoff));
	walk_load(g, BPF_H, BPF_REG_5, GEN_OFF(fragoff));
	if (g->plan->need.kept_fragoff) {
		asm_ja(a, done);
		asm_bind(a, none);
		asm_emit(a, BPF_MOV32_IMM(BPF_REG_4, 0));
		walk_load(g, BPF_H, BPF_REG_5, GEN_OFF(kept_fragoff));
		asm_bind(a, done);
	}
}

/* Note how much of the stack of jumps is in use: struct run_state's @reg */
static void note_jumps(struct gen *g, int16_t off)
{
	struct asm_buf *a = &g->code;

	if (!walk_jumps(g) || gen_is_link(g))
		return;
	asm_emit(a, BPF_MOV64_REG(BPF_REG_4, GEN_COUNTERS));
	asm_emit(a, BPF_ALU64_IMM(BPF_ADD, BPF_REG_4, g->img->jumps_off));
	walk_load(g, BPF_W, BPF_REG_5, off);
	asm_emit(a, BPF_STX_MEM(BPF_W, BPF_REG_4, BPF_REG_5, 0));
}

/**
 * walk_ask() - call an extension of the kernel's own
 * @g:		program
 * @w:		walk
 * @func:	as match or as target
 *
 * r3 is its number. Its answer is in r0.
 */
void walk_ask(struct gen *g, const struct walk *w, enum kbtf_func func)
{
	note_jumps(g, GEN_OFF(top));
	load_offsets(g, w);
	load_run(g);
	gen_kernel_call(g, func);
	note_jumps(g, GEN_OFF(base));
}

/**
 * walk_held() - drop the packet if a bridged match asked for it and held
 * @g:		program
 * @w:		walk
 */
void walk_held(struct gen *g, const struct walk *w)
{
	walk_load(g, BPF_B, BPF_REG_1, GEN_OFF(said));
	asm_jmp32(&g->code, BPF_JSET, BPF_REG_1, GEN_MATCH_DROP_BIT, w->drop);
}

/* --- Counting --- */

/* r1 points to the record */
static void count(struct gen *g, const struct walk *w)
{
	const uint32_t last = (g->rs->num_rules - 1) *
			      sizeof(struct xt_counters);
	struct asm_buf *a = &g->code;

	asm_emit(a, BPF_LDX_MEM(BPF_W, BPF_REG_2, BPF_REG_1,
				RECORD_OFF(counter)));
	asm_jmp(a, BPF_JGT, BPF_REG_2, last, w->drop);
	gen_align(g, BPF_REG_2);
	asm_emit(a, BPF_ALU64_REG(BPF_ADD, BPF_REG_2, GEN_COUNTERS));
	gen_count(g, BPF_REG_2, 0);
}

/* Tell about a packet that is traced; r1 points to the record before and after */
static void trace(struct gen *g)
{
	struct asm_buf *a = &g->code;
	uint32_t untraced;

	if (g->env->btf->func[KBTF_FUNC_TRACE] == KBTF_NONE)
		return;
	untraced = asm_label(a);
	walk_load(g, BPF_B, BPF_REG_2, GEN_OFF(trace));
	asm_jmp32(a, BPF_JEQ, BPF_REG_2, 0, untraced);
	asm_emit(a, BPF_LDX_MEM(BPF_W, BPF_REG_3, BPF_REG_1,
				RECORD_OFF(counter)));
	asm_emit(a, BPF_ALU32_IMM(BPF_DIV, BPF_REG_3,
				  sizeof(struct xt_counters)));
	note_jumps(g, GEN_OFF(top));
	load_run(g);
	gen_kernel_call(g, KBTF_FUNC_TRACE);
	note_jumps(g, GEN_OFF(base));
	walk_again(g, BPF_REG_1, WALK_RECORD);
	asm_bind(a, untraced);
}

/* --- Actions; r1 points to the record --- */

/* Position behind the record to r9 */
static void load_behind(struct gen *g, const struct walk *w)
{
	struct asm_buf *a = &g->code;

	walk_shape(g, w, BPF_REG_2, BPF_REG_3);
	asm_emit(a, BPF_LDX_MEM(BPF_H, WALK_TEST, BPF_REG_2, SHAPE_OFF(size)));
	asm_emit(a, BPF_ALU32_IMM(BPF_LSH, WALK_TEST, 2));
	asm_emit(a, BPF_ALU32_REG(BPF_ADD, WALK_TEST, WALK_RECORD));
}

/* Will what classifiers said of a chain still hold when a jump comes back? */
static bool keeps_answer(const struct gen *g)
{
	return walk_has(g, DATA_TREE) && !walk_volatile(g);
}

/*
 * Where to return to, to r9: the position of the record, or if that is known of
 * the last one, or the place in the list that records come from.
 */
static void load_return(struct gen *g, const struct walk *w)
{
	struct asm_buf *a = &g->code;
	uint32_t list = asm_label(a), behind = asm_label(a);
	uint32_t done = asm_label(a);

	if (keeps_answer(g)) {
		walk_load(g, BPF_W, BPF_REG_2, GEN_OFF(list));
		asm_jmp32(a, BPF_JNE, BPF_REG_2, WALK_LAST, list);
		walk_load(g, BPF_W, WALK_TEST, GEN_OFF(last));
		asm_ja(a, done);
		asm_bind(a, list);
		asm_jmp32(a, BPF_JLT, BPF_REG_2, WALK_LISTS, behind);
		asm_emit(a, BPF_MOV32_REG(WALK_TEST, BPF_REG_2));
		asm_emit(a, BPF_ALU32_IMM(BPF_OR, WALK_TEST, WALK_IN_LIST));
		asm_ja(a, done);
	}
	asm_bind(a, behind);
	load_behind(g, w);
	asm_bind(a, done);
}

static void do_goto(struct gen *g, const struct walk *w)
{
	struct asm_buf *a = &g->code;

	asm_emit(a, BPF_LDX_MEM(BPF_W, WALK_RECORD, BPF_REG_1,
				RECORD_OFF(word[0])));
	walk_set(g, GEN_OFF(pos), WALK_START);
	asm_ja(a, w->enter);
}

/* Point r4 to the stack of jumps; r3 is how much of it is in use */
static void point_to_jumps(struct gen *g, const struct walk *w)
{
	struct asm_buf *a = &g->code;

	asm_jmp(a, BPF_JGT, BPF_REG_3,
		g->img->jumps_size - sizeof(struct walk_jump), w->drop);
	asm_emit(a, BPF_MOV64_REG(BPF_REG_4, GEN_COUNTERS));
	asm_emit(a, BPF_ALU64_IMM(BPF_ADD, BPF_REG_4, g->img->jumps_off));
	asm_emit(a, BPF_ALU64_REG(BPF_ADD, BPF_REG_4, BPF_REG_3));
}

static void do_jump(struct gen *g, const struct walk *w)
{
	struct asm_buf *a = &g->code;

	load_return(g, w);
	walk_load(g, BPF_W, BPF_REG_3, GEN_OFF(top));
	point_to_jumps(g, w);
	walk_load(g, BPF_W, BPF_REG_5, GEN_OFF(chain));
	asm_emit(a, BPF_STX_MEM(BPF_W, BPF_REG_4, BPF_REG_5, JUMP_OFF(chain)));
	asm_emit(a, BPF_STX_MEM(BPF_W, BPF_REG_4, WALK_TEST, JUMP_OFF(pos)));
	asm_emit(a, BPF_ALU32_IMM(BPF_ADD, BPF_REG_3,
				  sizeof(struct walk_jump)));
	walk_store(g, BPF_W, BPF_REG_3, GEN_OFF(top));
	do_goto(g, w);
}

/* Back in chain r6, of which r1 is the last record, in the list at r9 */
static void go_on_in_list(struct gen *g, const struct walk *w)
{
	walk_store(g, BPF_W, WALK_RECORD, GEN_OFF(chain));
	walk_store(g, BPF_W, BPF_REG_1, GEN_OFF(last));
	asm_emit(&g->code, BPF_ALU32_IMM(BPF_AND, WALK_LIST, ~WALK_IN_LIST));
	asm_ja(&g->code, w->scan_list);
}

/* Back in chain r6 at r9: nothing to ask classifiers if that is the last record */
static void enter_again(struct gen *g, const struct walk *w)
{
	struct asm_buf *a = &g->code;
	uint32_t list = asm_label(a);

	if (!walk_has(g, DATA_TREE)) {
		walk_store(g, BPF_W, WALK_TEST, GEN_OFF(pos));
		asm_ja(a, w->enter);
		return;
	}
	walk_point(g, w, BPF_REG_2, WALK_RECORD);
	asm_emit(a, BPF_LDX_MEM(BPF_W, BPF_REG_1, BPF_REG_2, CHAIN_OFF(last)));
	if (keeps_answer(g))
		asm_jmp32(a, BPF_JSET, WALK_TEST, WALK_IN_LIST, list);
	walk_store(g, BPF_W, WALK_TEST, GEN_OFF(pos));
	asm_jmp32_reg(a, BPF_JLT, WALK_TEST, BPF_REG_1, w->enter);
	walk_store(g, BPF_W, WALK_RECORD, GEN_OFF(chain));
	walk_store(g, BPF_W, BPF_REG_1, GEN_OFF(last));
	asm_ja(a, w->last);
	if (keeps_answer(g)) {
		asm_bind(a, list);
		go_on_in_list(g, w);
	}
}

static void do_return(struct gen *g, const struct walk *w)
{
	struct asm_buf *a = &g->code;
	uint32_t back = asm_label(a);

	if (walk_jumps(g)) {
		walk_load(g, BPF_W, BPF_REG_3, GEN_OFF(top));
		walk_load(g, BPF_W, BPF_REG_5, GEN_OFF(base));
		asm_jmp32_reg(a, BPF_JNE, BPF_REG_3, BPF_REG_5, back);
	}
	asm_emit(a, BPF_MOV64_IMM(BPF_REG_0, GEN_RETURN));
	walk_exit(g);
	if (!walk_jumps(g))
		return;
	asm_bind(a, back);
	asm_emit(a, BPF_ALU32_IMM(BPF_SUB, BPF_REG_3,
				  sizeof(struct walk_jump)));
	walk_store(g, BPF_W, BPF_REG_3, GEN_OFF(top));
	point_to_jumps(g, w);
	asm_emit(a, BPF_LDX_MEM(BPF_W, WALK_RECORD, BPF_REG_4,
				JUMP_OFF(chain)));
	asm_emit(a, BPF_LDX_MEM(BPF_W, WALK_TEST, BPF_REG_4, JUMP_OFF(pos)));
	enter_again(g, w);
}

/* What classifiers look at may be another now: ask them again, from behind r6 */
static void ask_again(struct gen *g, const struct walk *w)
{
	struct asm_buf *a = &g->code;

	walk_again(g, BPF_REG_1, WALK_RECORD);
	load_behind(g, w);
	walk_store(g, BPF_W, WALK_TEST, GEN_OFF(pos));
	walk_load(g, BPF_W, WALK_RECORD, GEN_OFF(chain));
	asm_ja(a, w->enter);
}

/* Branch to @not unless record r6 has a flag; r0 is left alone */
static void unless_flag(struct gen *g, const struct walk *w, uint8_t flag,
			uint32_t not)
{
	struct asm_buf *a = &g->code;

	walk_again(g, BPF_REG_1, WALK_RECORD);
	load_flags(g, w, BPF_REG_2, BPF_REG_3);
	asm_emit(a, BPF_ALU32_IMM(BPF_AND, BPF_REG_2, flag));
	asm_jmp32(a, BPF_JEQ, BPF_REG_2, 0, not);
}

/**
 * walk_ask_again() - ask classifiers again, if record r6 has a flag
 * @g:		program
 * @w:		walk
 * @flag:	DATA_RECORD_*
 *
 * Else goes on.
 */
void walk_ask_again(struct gen *g, const struct walk *w, uint8_t flag)
{
	uint32_t same = asm_label(&g->code);

	unless_flag(g, w, flag, same);
	ask_again(g, w);
	asm_bind(&g->code, same);
}

/**
 * walk_reload() - read the packet again, if record r6 has a flag
 * @g:		program
 * @w:		walk
 * @flag:	DATA_RECORD_*
 *
 * r0, less than 256, stays what it is.
 */
void walk_reload(struct gen *g, const struct walk *w, uint8_t flag)
{
	struct asm_buf *a = &g->code;
	uint32_t same = asm_label(a);

	unless_flag(g, w, flag, same);
	walk_store(g, BPF_B, BPF_REG_0, GEN_OFF(answer));
	load_run(g);
	asm_emit(a, BPF_MOV64_REG(BPF_REG_3, GEN_STATE));
	asm_call(a, g->load_packet);
	walk_load(g, BPF_B, BPF_REG_0, GEN_OFF(answer));
	asm_bind(a, same);
}

static void do_set_mark(struct gen *g, const struct walk *w)
{
	struct asm_buf *a = &g->code;

	asm_emit(a, BPF_LDX_MEM(BPF_W, BPF_REG_3, BPF_REG_1,
				RECORD_OFF(word[0])));
	asm_emit(a, BPF_LDX_MEM(BPF_W, BPF_REG_4, BPF_REG_1,
				RECORD_OFF(word[1])));
	load_run(g);
	gen_kernel_call(g, KBTF_FUNC_SET_MARK);
	if (g->plan->need.mark) {
		asm_emit(a, BPF_LDX_MEM(BPF_DW, BPF_REG_1, BPF_REG_10,
					WALK_SKB));
		gen_load_mark(g, BPF_REG_1);
	}
	if (walk_volatile(g))
		ask_again(g, w);
	else
		asm_ja(a, w->next);
}

/* As gen_bridge_target() */
static void do_target(struct gen *g, const struct walk *w)
{
	struct asm_buf *a = &g->code;

	asm_emit(a, BPF_LDX_MEM(BPF_W, BPF_REG_3, BPF_REG_1,
				RECORD_OFF(word[0])));
	walk_ask(g, w, KBTF_FUNC_XT_TARGET);
	asm_jmp32(a, BPF_JEQ, BPF_REG_0, 0, w->drop);
	walk_again(g, BPF_REG_1, WALK_RECORD);
	load_flags(g, w, BPF_REG_2, BPF_REG_3);
	asm_jmp32(a, BPF_JSET, BPF_REG_2, DATA_RECORD_FINAL, w->drop);
	if (walk_has(g, DATA_MATCH))
		walk_held(g, w);
	if (g->plan->need.mark) {
		asm_emit(a, BPF_LDX_MEM(BPF_DW, BPF_REG_1, BPF_REG_10,
					WALK_SKB));
		gen_load_mark(g, BPF_REG_1);
	}
	if (walk_has(g, DATA_RELOAD))
		walk_reload(g, w, DATA_RECORD_RELOAD);
	if (walk_volatile(g))
		ask_again(g, w);
	else
		asm_ja(a, w->next);
}

/* Each with the features that ask for it; what is left is a rule that counts */
static const struct {
	uint32_t feature;
	enum ir_action action;
	void (*emit)(struct gen *g, const struct walk *w);
	const char *step;
} actions[] = {
	{ DATA_RETURN, IR_ACTION_RETURN, do_return, "walk: return" },
	{ DATA_JUMP, IR_ACTION_JUMP, do_jump, "walk: jump to a chain" },
	{ DATA_GOTO, IR_ACTION_GOTO, do_goto, "walk: go to a chain" },
	{ DATA_SET_MARK, IR_ACTION_SET_MARK, do_set_mark,
	  "walk: set the mark" },
	{ DATA_TARGET, IR_ACTION_BRIDGE, do_target,
	  "walk: call the kernel's own target" },
};

#define NUM_ACTIONS	(sizeof(actions) / sizeof(*actions))

/**
 * walk_matched() - count the packet and do what record r6 says
 * @g:		program
 * @w:		walk
 */
void walk_matched(struct gen *g, const struct walk *w)
{
	struct asm_buf *a = &g->code;
	uint32_t label[NUM_ACTIONS], other = asm_label(a);
	unsigned int i;

	asm_bind(a, w->matched);
	gen_step(g, "walk: the rule matched, count the packet");
	walk_again(g, BPF_REG_1, WALK_RECORD);
	count(g, w);
	trace(g);
	gen_step(g, "walk: the rule's target");
	walk_shape(g, w, BPF_REG_2, BPF_REG_3);
	asm_emit(a, BPF_LDX_MEM(BPF_B, BPF_REG_0, BPF_REG_2,
				SHAPE_OFF(action)));
	if (walk_has(g, DATA_MATCH)) {
		uint32_t bridged = asm_label(a);

		asm_jmp32(a, BPF_JEQ, BPF_REG_0, IR_ACTION_BRIDGE, bridged);
		walk_load(g, BPF_B, BPF_REG_2, GEN_OFF(said));
		asm_jmp32(a, BPF_JSET, BPF_REG_2, GEN_MATCH_DROP_BIT, w->drop);
		asm_bind(a, bridged);
	}
	asm_jmp32(a, BPF_JGT, BPF_REG_0, IR_ACTION_DROP, other);
	/* The two as an enum gen_result */
	asm_emit(a, BPF_ALU64_IMM(BPF_XOR, BPF_REG_0, 1));
	walk_exit(g);

	asm_bind(a, other);
	for (i = 0; i < NUM_ACTIONS; i++) {
		label[i] = asm_label(a);
		if (walk_has(g, actions[i].feature))
			asm_jmp32(a, BPF_JEQ, BPF_REG_0, actions[i].action,
				  label[i]);
	}
	if (walk_has(g, DATA_WRITES) && walk_volatile(g))
		walk_ask_again(g, w, DATA_RECORD_WRITES);
	asm_ja(a, w->next);
	for (i = 0; i < NUM_ACTIONS; i++) {
		if (!walk_has(g, actions[i].feature))
			continue;
		asm_bind(a, label[i]);
		gen_step(g, actions[i].step);
		actions[i].emit(g, w);
	}
}
