/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_VM_COMPARE_H
#define UNIT_VM_COMPARE_H

#include "bpf_vm.h"
#include "compile.h"
#include "ir_eval.h"
#include "random.h"

/**
 * struct vm_case - a packet to run a program on, and what has to come of it
 * @img:	programs
 * @num_rules:	entries that have a counter
 * @frames:	frames that the programs may take
 * @hook:	whose program it is
 * @play:	the packet
 * @shape:	how it lies in memory
 * @taken:	under links: stacks of jumps that others have
 * @rounds:	of loops that it may take, 0 for any number
 * @result:	what the program has to return
 * @want:	what else; all of it
 */
struct vm_case {
	const struct gen_image *img;
	uint32_t num_rules;
	uint32_t frames;
	int hook;
	struct packet_play play;
	struct vm_shape shape;
	uint32_t taken;
	uint32_t rounds;
	uint64_t result;
	const struct ir_outcome *want;
};

int vm_compare(const struct vm_case *c, struct vm_world *w);
int vm_check_code(const struct gen_image *img);
void vm_mend_answers(const struct ir_ruleset *rs, struct packet *pkt);

#endif /* UNIT_VM_COMPARE_H */
