// SPDX-License-Identifier: GPL-2.0
/*
 * The data map's contents while they grow, see data.h.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "data_buf.h"

#define DATA_BYTES_FIRST	4096U

static bool make_room(struct data_buf *buf, uint64_t end)
{
	uint64_t room = buf->max ? buf->max : DATA_BYTES_FIRST;
	uint8_t *bigger;

	if (end > DATA_BYTES_MAX) {
		buf->error = -E2BIG;
		return false;
	}
	if (end <= buf->max)
		return true;
	while (room < end)
		room *= 2;
	bigger = realloc(buf->bytes, room);
	if (!bigger) {
		buf->error = -ENOMEM;
		return false;
	}
	memset(bigger + buf->max, 0, room - buf->max);
	buf->bytes = bigger;
	buf->max = room;
	return true;
}

/**
 * data_free() - release a buffer's memory
 * @buf:	buffer
 */
void data_free(struct data_buf *buf)
{
	free(buf->bytes);
	memset(buf, 0, sizeof(*buf));
}

/**
 * data_alloc() - append zeroed bytes
 * @buf:	buffer
 * @bytes:	how many
 * @align:	a power of two
 *
 * Return: their offset, or 0 with the buffer's error set: -ENOMEM, or -E2BIG
 *	beyond %DATA_BYTES_MAX.
 */
uint32_t data_alloc(struct data_buf *buf, uint64_t bytes, uint32_t align)
{
	uint64_t off = buf->len ? buf->len : DATA_FIRST;

	if (buf->error)
		return 0;
	off = (off + align - 1) & ~(uint64_t)(align - 1);
	if (bytes > DATA_BYTES_MAX || !make_room(buf, off + bytes)) {
		if (!buf->error)
			buf->error = -E2BIG;
		return 0;
	}
	buf->len = off + bytes;
	return off;
}
