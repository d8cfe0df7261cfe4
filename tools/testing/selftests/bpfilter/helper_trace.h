/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTEST_BPFILTER_HELPER_TRACE_H
#define SELFTEST_BPFILTER_HELPER_TRACE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The helper as a tracee, held where it hands its programs to the kernel. What
 * can fail returns 0 or a negative errno, -ESRCH if the helper is gone. It is
 * killed if the test ends before it lets it go.
 */

/* A commit that is about to be made: where in the helper's memory */
struct helper_commit {
	uint64_t addr;
	size_t len;
};

/* Take an idle helper */
int helper_trace(pid_t pid);

/* Let it run up to its next commit, before the kernel sees that */
int helper_trace_commit(pid_t pid, struct helper_commit *commit);

/* Behind helper_trace_commit(): the same commit is made, nothing after it */
int helper_trace_committed(pid_t pid);

void helper_trace_end(pid_t pid);

#endif /* SELFTEST_BPFILTER_HELPER_TRACE_H */
