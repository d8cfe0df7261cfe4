/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_MATCH_H
#define BPFILTER_MATCH_H

#include <stdint.h>
#include <linux/compiler.h>

#include "ir.h"

struct parse_ctx;

/**
 * struct match_desc - a match extension that the translator understands
 * @name:	as the kernel registers it
 * @revision:	the one revision that this describes
 * @family:	NFPROTO_IPV4, NFPROTO_IPV6 or NFPROTO_UNSPEC for both
 * @proto:	protocol that the rule must ask for, 0 for any
 * @hooks:	mask of hooks it may be reached from, 0 for any
 * @table:	the only table it may stand in, NULL for any
 * @size:	bytes of its data before alignment
 * @parse:	append the tests that @data stands for, with ir_test_add(); may
 *		refuse with parse_refuse(). Returns 0 or a negative errno
 *
 * The blob reader checks all members but @parse on its own.
 */
struct match_desc {
	const char *name;
	uint8_t revision;
	uint8_t family;
	uint16_t proto;
	uint32_t hooks;
	const char *table;
	uint32_t size;
	int (*parse)(struct parse_ctx *ctx, const void *data);
};

/* One array of descriptors per match_<name>.c, listed in registry.c */
struct match_group {
	const struct match_desc *descs;
	unsigned int num;
};

const struct match_desc *bpfilter_match_find(const char *name, uint8_t revision,
					     uint16_t family);

int ir_test_add(struct parse_ctx *ctx, const struct ir_test *test);
int __printf(2, 3)
parse_refuse(struct parse_ctx *ctx, const char *fmt, ...);

#endif /* BPFILTER_MATCH_H */
