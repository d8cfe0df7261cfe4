/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_DATA_BUF_H
#define BPFILTER_DATA_BUF_H

#include <stdint.h>

/* Offset of what is allocated first: 0 is nobody's */
#define DATA_FIRST	16

/* One array map's usable offsets end here */
#define DATA_BYTES_MAX	(512U << 20)

/**
 * struct data_buf - contents of the data map under construction
 * @bytes:	zeroed where nothing has been written
 * @len:	bytes in use
 * @max:	room in @bytes
 * @error:	first error as a negative errno, 0 for none
 *
 * All zeroes is an empty buffer. The first error sticks and every allocation
 * behind it fails, so that only loops need to look at it.
 */
struct data_buf {
	uint8_t *bytes;
	uint32_t len;
	uint32_t max;
	int error;
};

void data_free(struct data_buf *buf);
uint32_t data_alloc(struct data_buf *buf, uint64_t bytes, uint32_t align);

/**
 * data_at() - what lies at an offset
 * @buf:	buffer
 * @off:	what data_alloc() has returned, not 0
 *
 * Return: its address, good until the next data_alloc().
 */
static inline void *data_at(const struct data_buf *buf, uint32_t off)
{
	return buf->bytes + off;
}

#endif /* BPFILTER_DATA_BUF_H */
