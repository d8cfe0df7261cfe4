/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_CMD_TEST_FILE_H
#define BPFILTER_CMD_TEST_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* libpcap and the kernel both have a struct bpf_insn, so it has a file for itself */

/**
 * struct test_frame - bytes that somebody captured
 * @link:	link type, DLT_*
 * @bytes:	them
 * @captured:	how many there are
 * @len:	how many there were on the wire
 * @bad_sum:	set by test_frame_read(): its transport header's checksum is wrong,
 *		or not there yet
 */
struct test_frame {
	int link;
	const uint8_t *bytes;
	unsigned int captured;
	unsigned int len;
	bool bad_sum;
};

struct test_file;

struct test_file *test_file_open(const char *path, char *why, size_t size);
int test_file_link(struct test_file *file);
int test_file_next(struct test_file *file, struct test_frame *f);
const char *test_file_error(struct test_file *file);
void test_file_close(struct test_file *file);

#endif /* BPFILTER_CMD_TEST_FILE_H */
