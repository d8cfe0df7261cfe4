/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_PROG_BTF_H
#define BPFILTER_PROG_BTF_H

#include <linux/bpf.h>

#include "prog_lines.h"

/**
 * struct prog_btf - what the kernel gets to know of a program besides its code
 * @fd:		BTF with the types of functions and the text of lines, loaded
 * @info:	one for each function of the program
 * @lines:	its source
 */
struct prog_btf {
	int fd;
	struct bpf_func_info *info;
	struct prog_lines lines;
};

int bpfilter_prog_btf_load(struct prog_btf *pb, const struct ir_ruleset *rs,
			   const struct gen_image *img, int hook);
void bpfilter_prog_btf_close(struct prog_btf *pb);

#endif /* BPFILTER_PROG_BTF_H */
