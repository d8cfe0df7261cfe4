// SPDX-License-Identifier: GPL-2.0
/*
 * Entry for libFuzzer: arbitrary bytes through reader, passes and dump. With
 * clang, from this directory:
 *
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE \
 *	-I../../../../bpfilter -I../../../../include \
 *	-I../../../../../include/uapi fuzz_blob.c \
 *	../../../../bpfilter/{blob,ir,match_,pass}*.c \
 *	../../../../bpfilter/{parse,refuse,registry}.c -o fuzz_blob
 *   ./fuzz_blob -max_len=65536 CORPUS
 *
 * where CORPUS is a directory with saved blobs.
 */
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/netfilter.h>

#include "compile.h"

int fuzz_one_input(const uint8_t *data, size_t size)
	asm("LLVMFuzzerTestOneInput");

/* The reader wants an aligned blob, and it may not read a byte behind it */
int fuzz_one_input(const uint8_t *data, size_t size)
{
	void *copy = malloc(size ?: 1);
	char *text = NULL;
	struct ir_ruleset *rs;
	struct refusal why;
	size_t text_size;
	FILE *out;
	int ret;

	memcpy(copy, data, size);
	ret = bpfilter_blob_read(copy, size, NFPROTO_IPV4, &rs, &why);
	free(copy);
	if (!ret && bpfilter_passes_run(rs, &why))
		abort();
	out = rs ? open_memstream(&text, &text_size) : NULL;
	if (out) {
		bpfilter_ir_dump(rs, out);
		fclose(out);
	}
	free(text);
	bpfilter_ir_free(rs);
	return 0;
}
