/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_CMD_PIN_MAP_H
#define BPFILTER_CMD_PIN_MAP_H

/* The maps of pinned tables, for cmd_pin.c alone */

struct pin_table;
struct pinned;

int pin_ruleset(const struct pin_table *t, const char *path);
int pin_ruleset_read(const char *ruleset, const char *counters,
		     struct pinned *out);

#endif /* BPFILTER_CMD_PIN_MAP_H */
