// SPDX-License-Identifier: GPL-2.0
/*
 * The helper reads what the root user of a container may have written, and can
 * read all of the kernel's memory through the programs that it loads. It gives
 * up everything else.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <netinet/in.h>
#include <linux/audit.h>
#include <linux/bpf.h>
#include <linux/bpfilter.h>
#include <linux/capability.h>
#include <linux/kernel.h>
#include <linux/seccomp.h>
#include <uapi/linux/filter.h>

#include "sandbox.h"

/* --- System calls --- */

#if defined(__x86_64__)
#define SYSCALL_ARCH	AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define SYSCALL_ARCH	AUDIT_ARCH_AARCH64
#elif defined(__loongarch64)
#define SYSCALL_ARCH	AUDIT_ARCH_LOONGARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define SYSCALL_ARCH	AUDIT_ARCH_RISCV64
#elif defined(__s390x__)
#define SYSCALL_ARCH	AUDIT_ARCH_S390X
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define SYSCALL_ARCH	AUDIT_ARCH_PPC64LE
#elif defined(__powerpc64__)
#define SYSCALL_ARCH	AUDIT_ARCH_PPC64
#else
#error "no AUDIT_ARCH for this architecture"
#endif

#define ANY	(-1)

/**
 * struct allowed - a system call that the helper may make
 * @nr:		its number
 * @arg:	argument that must have a certain value, ANY for none
 * @value:	that value, an int
 */
struct allowed {
	int nr;
	int arg;
	unsigned int value;
};

static const struct allowed allowed[] = {
	/* The protocol */
	{ __NR_read, 0, STDIN_FILENO },
	{ __NR_write, 0, STDOUT_FILENO },
	{ __NR_write, 0, STDERR_FILENO },
	{ __NR_setsockopt, 2, BPFILTER_SO_SET_COMMIT },
	/* The loader. libbpf moves descriptors out of the way of 0 to 2 */
	{ __NR_bpf, 0, BPF_MAP_CREATE },
	{ __NR_bpf, 0, BPF_BTF_LOAD },
	{ __NR_bpf, 0, BPF_PROG_LOAD },
	{ __NR_bpf, 0, BPF_OBJ_GET_INFO_BY_FD },
	{ __NR_fcntl, 1, F_DUPFD_CLOEXEC },
	{ __NR_close, ANY, 0 },
	/* Memory. qsort() asks how much there is */
	{ __NR_sysinfo, ANY, 0 },
	{ __NR_brk, ANY, 0 },
	{ __NR_mmap, ANY, 0 },
	{ __NR_mremap, ANY, 0 },
	{ __NR_munmap, ANY, 0 },
	{ __NR_mprotect, ANY, 0 },
	{ __NR_madvise, ANY, 0 },
	{ __NR_prlimit64, 1, RLIMIT_AS },
	/* Time, where the vDSO does not tell it */
	{ __NR_clock_gettime, ANY, 0 },
	/* The end, also by abort() */
	{ __NR_exit_group, ANY, 0 },
	{ __NR_rt_sigprocmask, ANY, 0 },
	{ __NR_rt_sigreturn, ANY, 0 },
	{ __NR_getpid, ANY, 0 },
	{ __NR_gettid, ANY, 0 },
	{ __NR_tgkill, ANY, 0 },
};

#define INSNS_BEFORE	4
#define INSNS_EACH	5
#define INSNS_AFTER	1
#define NUM_INSNS	(INSNS_BEFORE + INSNS_EACH * ARRAY_SIZE(allowed) + \
			 INSNS_AFTER)

/* Low half of an argument: those looked at are ints */
static unsigned int arg_offset(int arg)
{
	unsigned int off = offsetof(struct seccomp_data, args);

	off += arg * sizeof(__u64);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	off += 4;
#endif
	return off;
}

static void put(struct sock_fprog *prog, struct sock_filter insn)
{
	prog->filter[prog->len++] = insn;
}

static void put_load(struct sock_fprog *prog, unsigned int off)
{
	put(prog, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, off));
}

/* Go on with the next instruction if equal, else skip @skip */
static void put_equal(struct sock_fprog *prog, unsigned int value,
		      unsigned int skip)
{
	put(prog, (struct sock_filter)
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip));
}

static void put_return(struct sock_fprog *prog, unsigned int action)
{
	put(prog, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

/* Five instructions at most: the skips count them */
static void put_allowed(struct sock_fprog *prog, const struct allowed *a)
{
	put_load(prog, offsetof(struct seccomp_data, nr));
	put_equal(prog, a->nr, a->arg == ANY ? 1 : 3);
	if (a->arg != ANY) {
		put_load(prog, arg_offset(a->arg));
		put_equal(prog, a->value, 1);
	}
	put_return(prog, SECCOMP_RET_ALLOW);
}

static int filter_syscalls(void)
{
	struct sock_filter filter[NUM_INSNS];
	struct sock_fprog prog = { .filter = filter };
	unsigned int i;

	put_load(&prog, offsetof(struct seccomp_data, arch));
	put_equal(&prog, SYSCALL_ARCH, 1);
	put(&prog, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 1));
	put_return(&prog, SECCOMP_RET_KILL_PROCESS);
	for (i = 0; i < ARRAY_SIZE(allowed); i++)
		put_allowed(&prog, &allowed[i]);
	put_return(&prog, SECCOMP_RET_KILL_PROCESS);
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0);
}

/* --- Capabilities --- */

static const int kept_caps[] = { CAP_NET_ADMIN, CAP_PERFMON, CAP_BPF };

static bool is_kept(int cap)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kept_caps); i++)
		if (kept_caps[i] == cap)
			return true;
	return false;
}

/* The bounding set ends with the first capability that the kernel lacks */
static int drop_bounds(void)
{
	int cap;

	for (cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (!is_kept(cap) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0))
			return -1;
	return 0;
}

static int drop_caps(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kept_caps); i++) {
		int cap = kept_caps[i];

		data[CAP_TO_INDEX(cap)].effective |= CAP_TO_MASK(cap);
		data[CAP_TO_INDEX(cap)].permitted |= CAP_TO_MASK(cap);
	}
	return syscall(SYS_capset, &head, data);
}

/* --- All of it --- */

static int drop_core(void)
{
	const struct rlimit none = { 0, 0 };

	return setrlimit(RLIMIT_CORE, &none);
}

const char *sandbox_enter(unsigned int first_fd)
{
	if (close_range(first_fd, ~0U, 0))
		return "close_range";
	if (drop_core())
		return "setrlimit";
	if (drop_bounds())
		return "capability bounding set";
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0))
		return "ambient capabilities";
	if (drop_caps())
		return "capset";
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return "no_new_privs";
	if (filter_syscalls())
		return "seccomp";
	return NULL;
}
