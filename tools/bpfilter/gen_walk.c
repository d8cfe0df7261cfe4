// SPDX-License-Identifier: GPL-2.0
/*
 * walk(): its start, and what its parts share. See gen_walk.h.
 */
#include "gen_walk.h"

/* --- Pieces --- */

/* Read a member of struct run_state */
void walk_load(struct gen *g, uint8_t size, uint8_t reg, int16_t off)
{
	asm_emit(&g->code, BPF_LDX_MEM(size, reg, GEN_STATE, off));
}

/* Write one */
void walk_store(struct gen *g, uint8_t size, uint8_t reg, int16_t off)
{
	asm_emit(&g->code, BPF_STX_MEM(size, GEN_STATE, reg, off));
}

void walk_set(struct gen *g, int16_t off, uint32_t value)
{
	asm_emit(&g->code, BPF_ST_MEM(BPF_W, GEN_STATE, off, (int32_t)value));
}

/*
 * Start a loop at @label. Of the registers r0 to r5 only those of the mask @live
 * are looked at.
 */
void walk_loop(struct gen *g, const struct walk *w, uint32_t label,
	       unsigned int live)
{
	asm_bind(&g->code, label);
	for (int reg = BPF_REG_0; reg <= BPF_REG_5; reg++)
		if (!(live & 1U << reg))
			asm_emit(&g->code, BPF_MOV32_IMM(reg, 0));
	asm_may_goto(&g->code, w->drop);
}

/* Point @reg to the data at the offset in @off, which has been compared before */
void walk_again(struct gen *g, uint8_t reg, uint8_t off)
{
	asm_map_value(&g->code, reg, GEN_MAP_DATA, 0);
	asm_emit(&g->code, BPF_ALU64_REG(BPF_ADD, reg, off));
}

/* Point @reg to the data at the offset in @off */
void walk_point(struct gen *g, const struct walk *w, uint8_t reg, uint8_t off)
{
	asm_jmp(&g->code, BPF_JGT, off, g->img->data_size - WALK_PAD, w->drop);
	walk_again(g, reg, off);
}

/* Point @reg to the shape of the record that r1 points to, by way of @off */
void walk_shape(struct gen *g, const struct walk *w, uint8_t reg, uint8_t off)
{
	asm_emit(&g->code, BPF_LDX_MEM(BPF_W, off, BPF_REG_1,
				       offsetof(struct data_record, shape)));
	walk_point_shape(g, w, reg, off);
}

/* Point @reg to what lies at the offset in @off from where shapes start */
void walk_point_shape(struct gen *g, const struct walk *w, uint8_t reg,
		      uint8_t off)
{
	const struct data_table *data = &g->img->data;

	asm_jmp(&g->code, BPF_JGT, off, data->buf.len - data->shapes, w->drop);
	walk_again_shape(g, reg, off);
}

/* Likewise if the offset has been compared before */
void walk_again_shape(struct gen *g, uint8_t reg, uint8_t off)
{
	asm_map_value(&g->code, reg, GEN_MAP_DATA, g->img->data.shapes);
	asm_emit(&g->code, BPF_ALU64_REG(BPF_ADD, reg, off));
}

/* --- walk() --- */

/* Does it hand the packet to anything? */
static bool calls_out(const struct gen *g)
{
	return walk_has(g, DATA_MATCH | DATA_TARGET | DATA_SET_MARK) ||
	       g->env->btf->func[KBTF_FUNC_TRACE] != KBTF_NONE;
}

static void load_row(struct gen *g, const struct walk *w)
{
	uint32_t last = (g->img->nr_cpus - 1) * g->img->counter_stride;
	struct asm_buf *a = &g->code;

	walk_load(g, BPF_W, BPF_REG_1, GEN_OFF(row));
	asm_jmp(a, BPF_JGT, BPF_REG_1, last, w->refuse);
	gen_align(g, BPF_REG_1);
	asm_map_value(a, GEN_COUNTERS, GEN_MAP_COUNTERS, 0);
	asm_emit(a, BPF_ALU64_REG(BPF_ADD, GEN_COUNTERS, BPF_REG_1));
}

/* Point @reg to the head of the first stack of jumps */
static void point_to_head(struct gen *g, uint8_t reg)
{
	asm_emit(&g->code, BPF_MOV64_REG(reg, GEN_COUNTERS));
	asm_emit(&g->code, BPF_ALU64_IMM(BPF_ADD, reg, g->img->jumps_off));
}

/* Take a stack that nobody has on this CPU; where it starts, to @reg */
static void take_jumps(struct gen *g, const struct walk *w, uint8_t reg)
{
	struct asm_buf *a = &g->code;
	uint32_t taken = asm_label(a);

	point_to_head(g, BPF_REG_1);
	asm_emit(a, BPF_MOV64_IMM(BPF_REG_2, 1));
	for (uint32_t i = 0; i < WALK_STACKS; i++) {
		if (i)
			asm_emit(a, BPF_ALU64_IMM(BPF_ADD, BPF_REG_1,
						  g->img->jumps_one));
		asm_emit(a, BPF_MOV64_IMM(BPF_REG_0, 0));
		asm_emit(a, BPF_ATOMIC_OP(BPF_W, BPF_CMPXCHG, BPF_REG_1,
					  BPF_REG_2, 0));
		asm_emit(a, BPF_MOV64_IMM(reg, i * g->img->jumps_one));
		asm_jmp32(a, BPF_JEQ, BPF_REG_0, 0, taken);
	}
	asm_ja(a, w->refuse);
	asm_bind(a, taken);
}

static void load_jumps(struct gen *g, const struct walk *w)
{
	if (!walk_jumps(g))
		return;
	if (gen_is_link(g)) {
		take_jumps(g, w, BPF_REG_3);
	} else {
		point_to_head(g, BPF_REG_1);
		asm_emit(&g->code, BPF_LDX_MEM(BPF_W, BPF_REG_3, BPF_REG_1, 0));
	}
	walk_store(g, BPF_W, BPF_REG_3, GEN_OFF(top));
	walk_store(g, BPF_W, BPF_REG_3, GEN_OFF(base));
}

/**
 * walk_exit() - leave walk(), with what r0 has
 * @g:		program
 */
void walk_exit(struct gen *g)
{
	struct asm_buf *a = &g->code;

	if (walk_jumps(g) && gen_is_link(g)) {
		uint32_t left = asm_label(a);

		/* It is below that, which the verifier does not know */
		walk_load(g, BPF_W, BPF_REG_2, GEN_OFF(base));
		asm_jmp(a, BPF_JGT, BPF_REG_2, g->img->jumps_size, left);
		point_to_head(g, BPF_REG_1);
		asm_emit(a, BPF_ALU64_REG(BPF_ADD, BPF_REG_1, BPF_REG_2));
		asm_emit(a, BPF_ST_MEM(BPF_W, BPF_REG_1, 0, 0));
		asm_bind(a, left);
	}
	asm_emit(a, BPF_EXIT_INSN());
}

static void start(struct gen *g, const struct walk *w)
{
	struct asm_buf *a = &g->code;

	if (calls_out(g)) {
		asm_emit(a, BPF_STX_MEM(BPF_DW, BPF_REG_10, BPF_REG_1,
					WALK_SKB));
		asm_emit(a, BPF_STX_MEM(BPF_DW, BPF_REG_10, BPF_REG_2,
					WALK_HOOK));
	}
	asm_emit(a, BPF_MOV64_REG(GEN_STATE, BPF_REG_3));
	walk_load(g, BPF_W, WALK_RECORD, GEN_OFF(chain));
	load_row(g, w);
	load_jumps(g, w);
	walk_set(g, GEN_OFF(pos), WALK_START);
}

/* Two ways out that drop the packet */
static void leave(struct gen *g, const struct walk *w)
{
	struct asm_buf *a = &g->code;

	if (asm_used(a, w->drop)) {
		asm_bind(a, w->drop);
		asm_emit(a, BPF_MOV64_IMM(BPF_REG_0, GEN_DROP));
		walk_exit(g);
	}
	if (asm_used(a, w->refuse)) {
		asm_bind(a, w->refuse);
		asm_emit(a, BPF_MOV64_IMM(BPF_REG_0, GEN_DROP));
		asm_emit(a, BPF_EXIT_INSN());
	}
}

/**
 * gen_walk() - emit walk()
 * @g:		program that calls it
 */
void gen_walk(struct gen *g)
{
	struct asm_buf *a = &g->code;
	struct walk w = {
		.enter = asm_label(a), .scan_all = asm_label(a),
		.scan_list = asm_label(a), .run = asm_label(a),
		.next = asm_label(a), .merge = asm_label(a),
		.last = asm_label(a), .matched = asm_label(a), .ret = asm_label(a),
		.drop = asm_label(a), .refuse = asm_label(a),
	};

	g->func = NULL;
	g->drop = w.drop;
	asm_bind(a, g->walk);
	gen_step(g, "walk: this CPU's counters");
	start(g, &w);
	walk_enter(g, &w);
	walk_run(g, &w);
	walk_matched(g, &w);
	walk_next(g, &w);
	gen_step(g, "walk: drop");
	leave(g, &w);
}

/**
 * gen_call_walk() - let walk() walk a chain
 * @g:		program
 * @chain:	chain that is data
 */
void gen_call_walk(struct gen *g, uint32_t chain)
{
	gen_line_data(g, chain);
	walk_set(g, GEN_OFF(chain), g->img->data.chains[chain].off);
	gen_call(g, g->walk);
}
