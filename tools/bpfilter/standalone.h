/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_STANDALONE_H
#define BPFILTER_STANDALONE_H

#include "compile.h"

/*
 * Programs on a kernel that has no bpfilter: netfilter links attach them at
 * native's priorities. What the kernel's part of bpfilter does for programs is
 * not there: NAT, setting the mark, walking the extension headers of IPv6, and
 * all that rules leave to the kernel's own extensions.
 */

/**
 * struct standalone_link - a program at a hook
 * @fd:		the link
 * @priority:	where it is
 */
struct standalone_link {
	int fd;
	int priority;
};

uint32_t bpfilter_standalone_check(const struct ir_ruleset *rs,
				   void (*tell)(void *ctx,
						const struct refusal *why),
				   void *ctx);
bool bpfilter_ruleset_is_idle(const struct ir_ruleset *rs);
bool bpfilter_standalone_tracks(const struct ir_ruleset *rs);
int bpfilter_standalone_compile(const void *blob, size_t size,
				uint16_t family, const struct kernel_btf *btf,
				struct compiled *c, struct refusal *why);
int bpfilter_standalone_attach(const struct ir_ruleset *rs, int hook,
			       int prog_fd, struct standalone_link *link,
			       struct refusal *why);

#endif /* BPFILTER_STANDALONE_H */
