// SPDX-License-Identifier: GPL-2.0
/*
 * Shapes of records, see data.h: each exists once. They grow in a buffer of
 * their own, which is put behind all else when the data map is complete.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "data_shape.h"

#define SLOT_BITS_FIRST	6

static size_t shape_bytes(const struct data_shape *shape)
{
	return sizeof(*shape) + shape->tests * sizeof(struct data_test);
}

static uint32_t shape_hash(const struct data_shape *shape)
{
	const uint8_t *bytes = (const uint8_t *)shape;
	uint64_t h = 0;
	uint32_t word;

	for (size_t i = 0; i < shape_bytes(shape); i += sizeof(word)) {
		memcpy(&word, bytes + i, sizeof(word));
		h = (h ^ word) * DATA_HASH_MUL;
		h ^= h >> 32;
	}
	return h;
}

/* Where the shape is, or belongs */
static uint32_t *find_slot(const struct data_shapes *s,
			   const struct data_shape *shape)
{
	uint32_t mask = (1U << s->bits) - 1, i = shape_hash(shape) & mask;

	for (; s->slot[i]; i = (i + 1) & mask) {
		const struct data_shape *other = data_at(&s->buf, s->slot[i]);

		if (other->tests == shape->tests &&
		    !memcmp(other, shape, shape_bytes(shape)))
			break;
	}
	return &s->slot[i];
}

static bool make_slots(struct data_shapes *s)
{
	struct data_shapes bigger = *s;

	bigger.bits = s->slot ? s->bits + 1 : SLOT_BITS_FIRST;
	bigger.slot = calloc((size_t)1 << bigger.bits, sizeof(*bigger.slot));
	if (!bigger.slot)
		return false;
	for (uint32_t i = 0; s->slot && i < 1U << s->bits; i++)
		if (s->slot[i])
			*find_slot(&bigger, data_at(&s->buf, s->slot[i])) =
				s->slot[i];
	free(s->slot);
	*s = bigger;
	return true;
}

/**
 * data_shape_add() - add a shape unless it is there
 * @s:		shapes
 * @shape:	shape with its tests
 *
 * Return: its offset, or 0 with the buffer's error set.
 */
uint32_t data_shape_add(struct data_shapes *s, const struct data_shape *shape)
{
	uint32_t *slot, off;

	if (!s->slot || s->num * 2 >= 1U << s->bits) {
		if (!make_slots(s)) {
			s->buf.error = -ENOMEM;
			return 0;
		}
	}
	slot = find_slot(s, shape);
	if (*slot)
		return *slot;
	off = data_alloc(&s->buf, shape_bytes(shape), DATA_RECORD_ALIGN);
	if (!off)
		return 0;
	memcpy(data_at(&s->buf, off), shape, shape_bytes(shape));
	s->num++;
	*slot = off;
	return off;
}

/**
 * data_shapes_free() - release shapes
 * @s:		shapes
 */
void data_shapes_free(struct data_shapes *s)
{
	data_free(&s->buf);
	free(s->slot);
	memset(s, 0, sizeof(*s));
}
