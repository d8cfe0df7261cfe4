/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_PROG_LINES_H
#define BPFILTER_PROG_LINES_H

#include <stdio.h>
#include <linux/bpf.h>

#include "compile.h"

struct btf;

/* Lines of one program, and bytes of their text; functions may come on top */
#ifndef PROG_LINES_MAX
#define PROG_LINES_MAX	4096U
#define PROG_LINES_TEXT	(512U * 1024)
#endif

/**
 * struct prog_lines - a program's source, as the kernel takes it
 * @info:	one for each line
 * @num:	number of @info
 */
struct prog_lines {
	struct bpf_line_info *info;
	uint32_t num;
};

void bpfilter_prog_line_text(const struct ir_ruleset *rs,
			     const struct gen_image *img, int hook,
			     const struct gen_line *line, FILE *out);
int bpfilter_prog_lines_make(struct prog_lines *pl, struct btf *btf,
			     const struct ir_ruleset *rs,
			     const struct gen_image *img, int hook);

#endif /* BPFILTER_PROG_LINES_H */
