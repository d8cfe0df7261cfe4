/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_SHAPES_H
#define UNIT_SHAPES_H

#include <stdint.h>

#include "blob_make.h"

/*
 * Rulesets of a size and a shape, all in INPUT. Their rules tell packets by
 * source address, which are 0 to @num - 1.
 */

void shape_source(struct make_entry *e, uint32_t addr);
void shape_end_input(struct make *mk, uint32_t first);
void shape_end(struct make *mk);

void shape_final(struct make *mk, uint32_t num);
void shape_counting(struct make *mk, uint32_t num);
void shape_tests(struct make *mk, uint32_t num);
void shape_bridged(struct make *mk, uint32_t num);
void shape_nest(struct make *mk, uint32_t num);
void shape_fan(struct make *mk, uint32_t num);

#endif /* UNIT_SHAPES_H */
