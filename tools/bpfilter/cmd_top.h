/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_CMD_TOP_H
#define BPFILTER_CMD_TOP_H

#include "cmd_live.h"

/* cmd_top.c takes samples, cmd_top_print.c prints them */

/**
 * struct top_table - a table that is watched
 * @live:	as it was at the last sample
 * @delta:	by rule what came in since the one before; @delta[rule].packets
 *		is TOP_UNKNOWN for rules that were not there then
 * @gone:	it does not exist any more
 */
struct top_table {
	struct live_table live;
	struct live_count *delta;
	bool gone;
};

#define TOP_UNKNOWN	UINT64_MAX

/**
 * struct top_line - a rule with its rates
 * @table:	where it is
 * @rule:	its index there
 * @packets:	packets per second
 * @bytes:	bytes per second
 * @known:	@packets and @bytes are
 */
struct top_line {
	const struct top_table *table;
	uint32_t rule;
	double packets;
	double bytes;
	bool known;
};

/**
 * struct top - what is watched
 * @tables:	the tables, owned
 * @num_tables:	number of @tables
 * @lines:	rules to print, the fastest first, owned
 * @num_lines:	number of @lines
 * @time:	of the last sample, seconds since 1970
 * @seconds:	between the last two
 */
struct top {
	struct top_table *tables;
	uint32_t num_tables;
	struct top_line *lines;
	uint32_t num_lines;
	double time;
	double seconds;
};

void top_print(struct cmd_ctx *ctx, const struct top *top);

#endif /* BPFILTER_CMD_TOP_H */
