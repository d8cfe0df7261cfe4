/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_PROG_BTF_H
#define BPFILTER_PROG_BTF_H

#include <linux/bpf.h>

#include "compile.h"

/**
 * struct prog_btf - what the kernel wants to know of a program's functions
 * @fd:		BTF with their types, loaded
 * @info:	one for each function of the program
 */
struct prog_btf {
	int fd;
	struct bpf_func_info *info;
};

int bpfilter_prog_btf_load(struct prog_btf *pb, const struct gen_prog *prog,
			   uint32_t run_state_size);
void bpfilter_prog_btf_close(struct prog_btf *pb);

#endif /* BPFILTER_PROG_BTF_H */
