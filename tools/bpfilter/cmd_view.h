/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_CMD_VIEW_H
#define BPFILTER_CMD_VIEW_H

#include "cmd.h"
#include "cmd_text.h"
#include "cmd_translate.h"
#include "plan.h"

/* What "rules" and "explain" know of a table */

/**
 * struct view - a table, its rules, and what becomes of them
 * @fam:	its family
 * @name:	its name
 * @blob:	as table_fetch() fills it, owned
 * @text:	a line for each entry, owned
 * @translation: as far as it got, owned
 * @refusal:	why it got no further, empty if it is complete
 * @records:	by rule its record, owned; NULL if @refusal is not empty
 * @native:	it is a live table that bpfilter does not run
 */
struct view {
	const struct table_family *fam;
	char name[BPFILTER_TABLE_NAMELEN];
	struct ipt_replace *blob;
	struct text text;
	struct translation translation;
	struct refusal refusal;
	uint32_t *records;
	bool native;
};

/**
 * struct views - tables
 * @view:	the tables, owned
 * @num:	number of @view
 */
struct views {
	struct view *view;
	unsigned int num;
};

int views_load(struct cmd_ctx *ctx, const char *path, struct views *views);
int views_fetch(struct cmd_ctx *ctx, const struct table_family *fam,
		const char *table, struct views *views);
void views_free(struct views *views);

bool view_lists(const struct ir_ruleset *rs, uint32_t entry);
const struct xt_counters *view_counters(const struct view *v, uint32_t entry);
const char *view_rule_name(const struct ir_ruleset *rs, uint32_t entry,
			   char *out, size_t size);

/* cmd_never.c */
void never_plain(const struct view *v, uint32_t entry, const char *indent);
void never_json(json_writer_t *json, const struct view *v, uint32_t entry);

/* cmd_where.c */
void where_plain(const struct view *v, uint32_t entry, const char *indent);
void where_json(json_writer_t *json, const struct view *v, uint32_t entry);

#endif /* BPFILTER_CMD_VIEW_H */
