// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/bpfilter.h>
#include <linux/ptrace.h>

#include "helper_trace.h"

int helper_trace(pid_t pid)
{
	int wstatus;

	if (ptrace(PTRACE_SEIZE, pid, 0,
		   PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) ||
	    ptrace(PTRACE_INTERRUPT, pid, 0, 0) ||
	    waitpid(pid, &wstatus, __WALL) != pid)
		return -errno;
	return WIFSTOPPED(wstatus) ? 0 : -ESRCH;
}

/* Up to where a system call begins or ends */
static int run_to_syscall(pid_t pid, struct ptrace_syscall_info *info)
{
	int wstatus;

	do {
		if (ptrace(PTRACE_SYSCALL, pid, 0, 0) ||
		    waitpid(pid, &wstatus, __WALL) != pid)
			return -errno;
		if (!WIFSTOPPED(wstatus))
			return -ESRCH;
	} while (WSTOPSIG(wstatus) != (SIGTRAP | 0x80));
	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(*info), info) < 0)
		return -errno;
	return 0;
}

static bool is_commit(const struct ptrace_syscall_info *info)
{
	return info->op == PTRACE_SYSCALL_INFO_ENTRY &&
	       info->entry.nr == __NR_setsockopt &&
	       info->entry.args[2] == BPFILTER_SO_SET_COMMIT;
}

int helper_trace_commit(pid_t pid, struct helper_commit *commit)
{
	struct ptrace_syscall_info info;
	int err;

	do {
		err = run_to_syscall(pid, &info);
	} while (!err && !is_commit(&info));
	if (err)
		return err;
	commit->addr = info.entry.args[3];
	commit->len = info.entry.args[4];
	return 0;
}

int helper_trace_committed(pid_t pid)
{
	struct ptrace_syscall_info info;

	return run_to_syscall(pid, &info);
}

void helper_trace_end(pid_t pid)
{
	ptrace(PTRACE_DETACH, pid, 0, 0);
}
