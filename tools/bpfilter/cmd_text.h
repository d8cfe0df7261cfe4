/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_CMD_TEXT_H
#define BPFILTER_CMD_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/netfilter_ipv4/ip_tables.h>

/* Rules as text, as iptables prints them */

struct ir_ruleset;

/**
 * struct text - a line for each entry of a blob
 * @buf:	the lines, each with its terminating zero, owned
 * @line:	where each entry's line begins in @buf, owned
 * @size:	bytes of @buf
 * @num:	number of @line
 */
struct text {
	char *buf;
	size_t *line;
	size_t size;
	uint32_t num;
};

int text_make(const struct ipt_replace *blob, const struct ir_ruleset *rs,
	      struct text *text);
const char *text_line(const struct text *text, uint32_t entry);
void text_free(struct text *text);

/* cmd_text_ext.c, for cmd_text.c alone */

int text_ext_init(uint16_t family);
const char *text_ext_proto(uint16_t proto);
void text_ext_match(const void *ip, const struct xt_entry_match *m);
void text_ext_target(const void *ip, const struct xt_entry_target *t);

#endif /* BPFILTER_CMD_TEXT_H */
