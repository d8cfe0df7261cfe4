// SPDX-License-Identifier: GPL-2.0
/*
 * Classifiers: which rules of a chain may match a packet.
 */
#include <errno.h>
#include <string.h>

#include "cls_impl.h"

static void build_trees(struct cls_builder *b, uint32_t *root,
			uint32_t *num_trees)
{
	struct cls_set all = { .num = b->rules->num_rules };
	struct cls_set group[DATA_TREES_MAX];
	struct cls_share share;

	all.start = cls_push(b, all.num);
	if (b->error)
		return;
	for (uint32_t i = 0; i < all.num; i++)
		cls_numbers(b, all.start)[i] = i;
	share.rules = all.num;
	share.bytes = CLS_BYTES_BASE + CLS_BYTES_PER_RULE * share.rules;
	share.work = CLS_WORK_BASE + CLS_WORK_PER_RULE * share.rules;
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
	cls_builder_free(&b);
	stats->bytes = buf->len - before;
	stats->num_trees = *num_trees;
	return b.error ? b.error : buf->error;
}
