/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_DATA_SHAPE_H
#define BPFILTER_DATA_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "data.h"
#include "data_buf.h"

/**
 * struct data_shapes - shapes of a data map's records
 * @buf:	the shapes
 * @slot:	their offsets by hash, open addressing; 0 is free
 * @bits:	logarithm of the number of slots
 * @num:	number of shapes
 *
 * All zeroes are no shapes.
 */
struct data_shapes {
	struct data_buf buf;
	uint32_t *slot;
	uint32_t bits;
	uint32_t num;
};

uint32_t data_shape_add(struct data_shapes *s, const struct data_shape *shape);
void data_shapes_free(struct data_shapes *s);

#endif /* BPFILTER_DATA_SHAPE_H */
