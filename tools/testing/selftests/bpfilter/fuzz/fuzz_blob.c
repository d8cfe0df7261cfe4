// SPDX-License-Identifier: GPL-2.0
/*
 * Entry for libFuzzer: arbitrary bytes, as a table of either family, through
 * reader, passes and dump. With clang, from this directory:
 *
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE \
 *	-I../../../../bpfilter -I../../../../include \
 *	-I../../../../../include/uapi fuzz_blob.c \
 *	../../../../bpfilter/{blob,ir,match_,pass,registry,target_}*.c \
 *	../../../../bpfilter/{parse,refuse}.c -o fuzz_blob
 *   ./fuzz_blob -max_len=65536 CORPUS
 *
 * where CORPUS is a directory with saved blobs.
 */
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/netfilter.h>

#include "compile.h"
#include "ir_text.h"

int fuzz_one_input(const uint8_t *data, size_t size)
	asm("LLVMFuzzerTestOneInput");

static void dump(const struct ir_ruleset *rs)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return;
	bpfilter_ir_dump(rs, out);
	fclose(out);
	free(text);
}

/* The reader wants an aligned blob, and it may not read a byte behind it */
static void read_as(const uint8_t *data, size_t size, uint16_t family)
{
	void *copy = malloc(size ?: 1);
	struct ir_ruleset *rs;
	struct refusal why;
	int ret;

	memcpy(copy, data, size);
	ret = bpfilter_blob_read(copy, size, family, &rs, &why);
	bpfilter_blob_attach(rs, copy);
	if (!ret && bpfilter_passes_run(rs, &why))
		abort();
	if (rs)
		dump(rs);
	bpfilter_ir_free(rs);
	free(copy);
}

int fuzz_one_input(const uint8_t *data, size_t size)
{
	read_as(data, size, NFPROTO_IPV4);
	read_as(data, size, NFPROTO_IPV6);
	return 0;
}
