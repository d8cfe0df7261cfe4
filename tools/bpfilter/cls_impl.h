/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_CLS_IMPL_H
#define BPFILTER_CLS_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cls.h"
#include "data.h"

/*
 * Costs in nanoseconds, as measured on current server processors with the
 * walker's code and nodes in the second level cache.
 */
#define CLS_NS_CUT		8.0f
#define CLS_NS_HASH		10.0f
#define CLS_NS_PART		2.5f
#define CLS_NS_SEARCH		8.0f
#define CLS_NS_SEARCH_STEP	2.5f
#define CLS_NS_CANDIDATE	6.0f
#define CLS_NS_MISS		8.0f
#define CLS_NS_TREE		40.0f
/* Cache misses: what each byte per rule costs once there are many */
#define CLS_NS_BYTE		0.06f

/* Memory of nodes and lists that a chain may have */
#define CLS_BYTES_BASE		2048
#define CLS_BYTES_PER_RULE	200

/* Looks at a rule in one dim that estimates may take */
#define CLS_WORK_BASE		4000000
#define CLS_WORK_PER_RULE	70

#define CLS_DEPTH_MAX		12
/* Cells that a dim is looked at in */
#define CLS_CELL_BITS_MAX	16
/* ... and per rule, as a logarithm */
#define CLS_CELL_BITS_MORE	2
/* Costs below a node are computed once for so many rules */
#define CLS_REST_KNOWN		1024
/* Lists of up to so many rules are not split */
#define CLS_LIST_FINE		4
/* Bounds are looked for at full resolution up to so many rules */
#define CLS_EXACT_MAX		64

/* struct cls_set - some rules: their numbers, ascending, in the arena */
struct cls_set {
	uint32_t start;
	uint32_t num;
};

enum cls_kind {
	CLS_LIST,
	CLS_CUT,
	CLS_SEARCH_CELLS,	/* bounds between cells */
	CLS_SEARCH_EXACT,	/* bounds wherever a range begins or ends */
	CLS_SEARCH_HULL,	/* inside or outside of what restricts */
	CLS_HASH,
};

/* struct cls_key_part - the highest bits of a dim, down to bit @shift */
struct cls_key_part {
	uint8_t dim;
	uint8_t shift;
};

/**
 * struct cls_split - a way to split a set
 * @kind:	which
 * @cost:	estimate of ns per packet for the set and all below
 * @dim:	not for HASH
 * @shift:	CUT, SEARCH_CELLS: bits of the dim below a cell
 * @bits:	CUT, SEARCH_CELLS: logarithm of the number of cells; HASH: refs
 * @num_parts:	HASH
 * @part:	HASH
 */
struct cls_split {
	enum cls_kind kind;
	float cost;
	uint8_t dim;
	uint8_t shift;
	uint8_t bits;
	uint8_t num_parts;
	struct cls_key_part part[DATA_PARTS_MAX];
};

/**
 * struct cls_hull - what rules of a set ask of a dim
 * @lo:		smallest value, of those that do not cover the node's region
 * @hi:		greatest value, likewise
 * @num:	how many do not cover it; 0: the dim decides nothing any more
 */
struct cls_hull {
	uint32_t lo;
	uint32_t hi;
	uint32_t num;
};

/**
 * struct cls_cells - a dim cut into equal cells, for estimates
 * @over:	rules that touch a cell
 * @start:	rules that start in a cell
 * @weight:	share of packets
 * @mark:	what a cell holds differs from what the one before holds
 */
struct cls_cells {
	int32_t *over;
	int32_t *start;
	float *weight;
	uint8_t *mark;
};

/**
 * struct cls_builder - classifiers under construction
 * @buf:	where they go
 * @rules:	their rules
 * @stats:	what was built so far
 * @arena:	stack of numbers
 * @arena_len:	in use
 * @arena_max:	room
 * @cells:	scratch for estimates
 * @bucket:	scratch for estimates: rules by hash
 * @bucket_bits: its size's logarithm
 * @key:	scratch for estimates: rules' hashes
 * @worked:	work done so far
 * @list:	lists by hash, open addressing: offsets
 * @list_bits:	its size's logarithm
 * @num_list:	elements in use
 * @error:	first error
 * @miss:	ns for cache misses: what is not a root, and each record
 * @candidate:	ns to find that a rule matches or does not
 * @rest:	cls_rest_cost() by number of rules
 */
struct cls_builder {
	struct data_buf *buf;
	const struct cls_rules *rules;
	struct cls_stats *stats;
	uint32_t *arena;
	size_t arena_len;
	size_t arena_max;
	struct cls_cells cells;
	uint32_t *bucket;
	uint32_t bucket_bits;
	uint64_t *key;
	uint64_t worked;
	uint32_t *list;
	uint32_t list_bits;
	uint32_t num_list;
	int error;
	float miss;
	float candidate;
	float rest[CLS_REST_KNOWN];
};

/**
 * struct cls_node - a node to be built
 * @set:	its rules
 * @region:	per dim, what values its packets have
 * @hull:	per dim
 * @bytes:	what it and all below may take
 * @work:	likewise
 * @depth:	nodes above it
 */
struct cls_node {
	struct cls_set set;
	struct cls_range region[CLS_DIMS_MAX];
	struct cls_hull hull[CLS_DIMS_MAX];
	uint64_t bytes;
	uint64_t work;
	uint32_t depth;
};

/**
 * struct cls_share - what a node's children may still take
 * @bytes:	memory
 * @work:	time, see cls_work()
 * @rules:	rules in those children that are not built yet
 */
struct cls_share {
	uint64_t bytes;
	uint64_t work;
	uint64_t rules;
};

float cls_rest_cost(const struct cls_builder *b, uint32_t num);

static inline float cls_rest(const struct cls_builder *b, uint32_t num)
{
	return num < CLS_REST_KNOWN ? b->rest[num] : cls_rest_cost(b, num);
}

static inline const struct cls_range *cls_range(const struct cls_builder *b,
						uint32_t rule, uint32_t dim)
{
	return &b->rules->ranges[(size_t)rule * b->rules->num_dims + dim];
}

static inline uint32_t cls_dim_max(const struct cls_dim *dim)
{
	return UINT32_MAX >> (32 - dim->bits);
}

static inline uint32_t cls_log2(uint32_t n)
{
	return 31 - __builtin_clz(n);
}

static inline uint32_t cls_log2_up(uint32_t n)
{
	return n < 2 ? 0 : cls_log2(n - 1) + 1;
}

/* Memory of a list of @num records, at least 2 */
static inline uint64_t cls_list_bytes(uint32_t num)
{
	return sizeof(struct data_list) + (num + 1ULL) * sizeof(uint32_t);
}

/* How many cells are worth a look, as a logarithm */
static inline uint32_t cls_cell_bits(uint32_t num_rules)
{
	uint32_t bits = cls_log2_up(num_rules) + CLS_CELL_BITS_MORE;

	return bits < CLS_CELL_BITS_MAX ? bits : CLS_CELL_BITS_MAX;
}

/* Lowest bit that is not the same in all values from @lo to @hi, plus one */
static inline uint32_t cls_differ(uint32_t lo, uint32_t hi)
{
	return lo == hi ? 0 : cls_log2(lo ^ hi) + 1;
}

static inline bool cls_covers(const struct cls_range *range,
			      const struct cls_range *region)
{
	return range->lo <= region->lo && range->hi >= region->hi;
}

static inline uint64_t cls_key_add(uint64_t h, uint32_t part)
{
	return (h ^ part) * DATA_HASH_MUL;
}

static inline uint32_t *cls_numbers(const struct cls_builder *b, uint32_t start)
{
	return b->arena + start;
}

/* cls_arena.c */

bool cls_builder_init(struct cls_builder *b);
void cls_builder_free(struct cls_builder *b);
uint32_t cls_push(struct cls_builder *b, size_t num);
uint32_t cls_list(struct cls_builder *b, struct cls_set set);

/* cls_cost.c */

void cls_cost_init(struct cls_builder *b);
uint32_t cls_rest_bytes(uint32_t num);
float cls_list_cost(const struct cls_builder *b, uint32_t num);
float cls_bytes_cost(const struct cls_builder *b, uint64_t bytes, uint32_t num);

/* cls_sample.c */

void cls_sample(const struct cls_builder *b, const uint32_t *root,
		uint32_t num_trees);

/* cls_cells.c */

void cls_try_cells(struct cls_builder *b, const struct cls_node *node,
		   uint32_t dim, struct cls_split *best);
float cls_search_cost(uint32_t runs);
void cls_offer(struct cls_builder *b, const struct cls_node *node,
	       uint64_t bytes, struct cls_split *split, struct cls_split *best);

/* cls_exact.c */

uint32_t cls_bounds(const struct cls_builder *b, const struct cls_node *node,
		    uint32_t dim, uint32_t *bound);
void cls_try_exact(struct cls_builder *b, const struct cls_node *node,
		   uint32_t dim, struct cls_split *best);
void cls_try_hull(struct cls_builder *b, const struct cls_node *node,
		  uint32_t dim, struct cls_split *best);

/* cls_hash.c */

void cls_try_hash(struct cls_builder *b, const struct cls_node *node,
		  struct cls_split *best);
uint32_t cls_emit_hash(struct cls_builder *b, const struct cls_node *node,
		       const struct cls_split *split);

/* cls_runs.c */

/**
 * struct cls_runs - runs of a dim
 * @first:	arena: first value of each run
 * @num:	number of runs
 * @last:	last value of the last run
 * @start:	arena: where each run's rules start, and where the last one's end
 * @partial:	arena: a rule covers only some of the run's values
 * @is_cells:	runs begin and end with cells
 * @shift:	bits of the dim below a cell
 */
struct cls_runs {
	uint32_t first;
	uint32_t num;
	uint32_t last;
	uint32_t start;
	uint32_t partial;
	bool is_cells;
	uint8_t shift;
};

struct cls_runs cls_runs_find(struct cls_builder *b, const struct cls_node *node,
			      const struct cls_split *split);
uint32_t cls_runs_last(const struct cls_builder *b, const struct cls_runs *map,
		       uint32_t run);
struct cls_set cls_runs_set(const struct cls_builder *b,
			    const struct cls_runs *map, uint32_t run);

/* cls_emit.c */

uint32_t cls_emit_runs(struct cls_builder *b, const struct cls_node *node,
		       const struct cls_split *split);

/* cls_node.c */

struct cls_share cls_share_start(const struct cls_builder *b,
				 const struct cls_node *node, uint32_t before,
				 uint64_t rules);
uint32_t cls_child(struct cls_builder *b, const struct cls_node *parent,
		   struct cls_set set, struct cls_share *share, int dim,
		   struct cls_range range);

/* cls_promise.c */

/* Rules in a sample */
#define CLS_SOME_MAX	512

/**
 * struct cls_some - a sample of all rules
 * @b:		builder
 * @rule:	numbers of the rules, ascending
 * @by_lo:	per dim, indices of @rule in the order of ranges
 * @by_hi:	per dim, in the order of where ranges end
 * @group:	in which group each is
 * @num:	how many
 * @scale:	rules for each of these
 */
struct cls_some {
	const struct cls_builder *b;
	uint32_t rule[CLS_SOME_MAX];
	uint16_t by_lo[CLS_DIMS_MAX][CLS_SOME_MAX];
	uint16_t by_hi[CLS_DIMS_MAX][CLS_SOME_MAX];
	uint8_t group[CLS_SOME_MAX];
	uint32_t num;
	float scale;
};

/* struct cls_cut - rules whose values differ in bit @shift or above are wide */
struct cls_cut {
	uint8_t dim;
	uint8_t shift;
};

static inline bool cls_is_wide(const struct cls_range *range, struct cls_cut cut)
{
	return cls_differ(range->lo, range->hi) > cut.shift;
}

void cls_some_take(struct cls_some *some, struct cls_set all);
uint32_t cls_some_divide(struct cls_some *some, uint32_t group,
			 struct cls_cut cut, uint32_t other);
void cls_some_unite(struct cls_some *some, uint32_t group, uint32_t other);
float cls_some_overlap(const struct cls_some *some, uint32_t group, uint32_t dim);
float cls_some_promise(const struct cls_some *some, uint32_t group);

/* cls_partition.c */

uint32_t cls_partition(struct cls_builder *b, struct cls_set all,
		       struct cls_set *group);

#endif /* BPFILTER_CLS_IMPL_H */
