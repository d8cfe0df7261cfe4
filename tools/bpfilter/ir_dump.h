/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_IR_DUMP_H
#define BPFILTER_IR_DUMP_H

#include <stdio.h>

#include "ir.h"

/* ir_dump_test.c: what the dump is made of */

void ir_dump_name(FILE *out, const char *name);
void ir_dump_bridged(FILE *out, const struct ir_ruleset *rs, uint32_t index);
void ir_dump_test(FILE *out, const struct ir_ruleset *rs,
		  const struct ir_test *t);

#endif /* BPFILTER_IR_DUMP_H */
