// SPDX-License-Identifier: GPL-2.0
/*
 * Classifiers: which rules of a chain may match a packet.
 *
 * Each dim (an address, a port, ...) of a rule asks for a range of values. A
 * classifier is up to eight trees whose ways end at lists of records; for a
 * packet the walker follows each tree to one list and takes the records of all
 * lists in order. It may be told of rules that do not match, since their tests
 * run in full, but never misses one. That freedom is what makes the trees
 * small: no node keeps a key to compare with, and values that no rule asks for
 * may end up anywhere.
 *
 * How trees are built:
 *
 *  - cls_partition.c divides the rules into groups, a tree each, by which dims
 *    they leave open: else a tree that lives of a dim repeats in all its places
 *    each rule that does not mind. From EffiCuts (separable trees) and CutSplit
 *    (by small and large ranges). Here a cost decides how many groups pay, and
 *    for many rules the two dims that tell most of them apart.
 *
 *  - cls_node.c then splits a group's rules again and again, each time in the
 *    way that promises least cost per packet with the memory at hand:
 *
 *    cut      an array by some bits of a dim, below the bits in which all
 *	       rules agree: HiCuts' equal cuts, with the path compression of
 *	       tries, and DIR-24-8 if there is one dim. cls_cells.c
 *    search   ranges that begin and end anywhere: HyperSplit's cuts, as many
 *	       of them in one node as there are bounds. cls_exact.c
 *    hash     the highest bits of up to four dims, as many as nearly all rules
 *	       agree to fix: TupleMerge's truncated tuples, except that the few
 *	       others are put into every bucket. cls_hash.c
 *
 *    and ends with a list when looking at its rules costs less than a node.
 *    Ranges with the same rules share a child (HiCuts again, and RFC's
 *    classes). cls_runs.c, cls_arena.c
 *
 *  - cls_cost.c says what things cost.
 *
 * Measured on ClassBench sets (acl, fw and ipc, 1,000 to 100,000 rules, cost
 * by nodes, candidates and simulated cache misses), the mixture of all three
 * kinds of node wins against each alone. Cuts alone need an eighth more time
 * and two thirds more memory at 100,000 rules; searches alone 1.7 times the
 * time at any size; hashes of truncated tuples in front of lists two to three
 * and a half times. With trees behind such hashes hits cost the same at 100,000
 * rules and a quarter more at 1,000, misses more than twice as much. One tree
 * for all rules is as good at 1,000 rules, three times worse at 10,000 and
 * hopeless beyond.
 *
 * Limits: rules come from whoever may load a table, so memory and time are
 * handed down from parent to children in proportion to their rules, and what a
 * child leaves its brothers get (struct cls_share). Where they are used up a
 * list ends the tree. Depth is bounded, too, and with it recursion.
 *
 * Literature: Gupta and McKeown, Packet Classification on Multiple Fields (RFC,
 * 1999) and Classification using Hierarchical Intelligent Cuttings (HiCuts,
 * 1999); Gupta, Lin and McKeown, Routing Lookups in Hardware at Memory Access
 * Speeds (DIR-24-8, 1998); Srinivasan, Suri and Varghese, Packet Classification
 * using Tuple Space Search (1999); Qi et al., Packet Classification Algorithms:
 * From Theory to Practice (HyperSplit, 2009); Vamanan, Voskuilen and Vijaykumar,
 * EffiCuts (2010); Li et al., CutSplit (2018); Daly et al., TupleMerge (2019).
 */
#include <errno.h>
#include <string.h>

#include "cls_impl.h"

static void build_trees(struct cls_builder *b, uint32_t *root,
			uint32_t *num_trees)
{
	struct cls_set all = { .num = b->rules->num_rules };
	struct cls_set group[DATA_TREES_MAX];
	struct cls_share share = {
		.bytes = CLS_BYTES_BASE + (uint64_t)CLS_BYTES_PER_RULE * all.num,
		.work = CLS_WORK_BASE + (uint64_t)CLS_WORK_PER_RULE * all.num,
		.rules = all.num,
	};

	all.start = cls_push(b, all.num);
	if (b->error)
		return;
	for (uint32_t i = 0; i < all.num; i++)
		cls_numbers(b, all.start)[i] = i;
	*num_trees = cls_partition(b, all, group);
	for (uint32_t i = 0; i < *num_trees; i++)
		root[i] = cls_child(b, NULL, group[i], &share, -1,
				    (struct cls_range){ 0 });
}

/**
 * cls_build() - build the classifier of a chain
 * @buf:	nodes and lists are appended here
 * @rules:	the chain's rules but its last one
 * @root:	gets the roots; room for %DATA_TREES_MAX
 * @num_trees:	gets their number
 * @stats:	gets what was built
 *
 * Return: 0, or a negative errno: -ENOMEM, -E2BIG if the data map gets larger
 *	than it may, -EINVAL for too many dims.
 */
int cls_build(struct data_buf *buf, const struct cls_rules *rules,
	      uint32_t *root, uint32_t *num_trees, struct cls_stats *stats)
{
	struct cls_builder b = { .buf = buf, .rules = rules, .stats = stats };
	uint32_t before = buf->len;

	memset(stats, 0, sizeof(*stats));
	*num_trees = 0;
	if (rules->num_dims > CLS_DIMS_MAX)
		return -EINVAL;
	if (!rules->num_rules)
		return 0;
	if (!cls_builder_init(&b))
		b.error = -ENOMEM;
	if (!b.error)
		build_trees(&b, root, num_trees);
	if (!b.error)
		b.error = buf->error;
	if (!b.error)
		cls_sample(&b, root, *num_trees);
	cls_builder_free(&b);
	stats->bytes = buf->len - before;
	stats->num_trees = *num_trees;
	return b.error;
}
