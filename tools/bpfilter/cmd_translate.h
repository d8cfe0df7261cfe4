/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_CMD_TRANSLATE_H
#define BPFILTER_CMD_TRANSLATE_H

#include "compile.h"
#include "kernel_btf.h"

/**
 * struct translation - a ruleset that was translated but not loaded
 * @rs:		ruleset, owned
 * @size:	bytes of the blob that it was
 * @plan:	where its chains go, owned; NULL before translation_make()
 * @img:	programs and data, owned
 * @btf:	numbers of the running kernel that the programs hold
 * @use:	what the programs are for
 * @assume:	set before translation_make(): a kernel without bpfilter is taken
 *		for one that has it; the programs are only to be looked at
 */
struct translation {
	struct ir_ruleset *rs;
	size_t size;
	struct plan *plan;
	struct gen_image img;
	struct kernel_btf btf;
	enum compile_use use;
	bool assume;
};

int translation_read(struct translation *t, const void *blob, size_t size,
		     uint16_t family, struct refusal *why);
int translation_make(struct translation *t, struct refusal *why);
void translation_free(struct translation *t);

#endif /* BPFILTER_CMD_TRANSLATE_H */
