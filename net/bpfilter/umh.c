// SPDX-License-Identifier: GPL-2.0-only
/*
 * The user-mode helper's process: the only file that knows
 * kernel/usermode_driver.c.
 *
 * Locking: umh.info belongs to the worker of request.c, which alone starts,
 * stops, reads and writes; umh.lock makes the process id and the counts
 * readable by everybody else.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs.h>
#include <linux/init.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/spinlock.h>
#include <linux/usermode_driver.h>

#include "internal.h"

static struct {
	struct umd_info info;
	spinlock_t lock;	/* protects the next three fields */
	struct pid *tgid;	/* as info.tgid, whose reference it shares */
	u64 starts;
	u64 deaths;
} umh = {
	.info.driver_name	= "bpfilter_umh",
	.lock			= __SPIN_LOCK_UNLOCKED(umh.lock),
};

/**
 * bpfilter_umh_init - keep the embedded executable for later starts
 *
 * Return: 0, or an error of umd_load_blob().
 */
int __init bpfilter_umh_init(void)
{
	return umd_load_blob(&umh.info, bpfilter_umh_start_of_elf,
			     bpfilter_umh_end_of_elf -
			     bpfilter_umh_start_of_elf);
}

/**
 * bpfilter_umh_exit - end the helper and forget the executable
 *
 * The caller saw to it that no request runs or can start.
 */
void bpfilter_umh_exit(void)
{
	bpfilter_umh_stop();
	umd_unload_blob(&umh.info);
}

/* Every thread of it is dead and its files are closed */
static bool has_exited(struct pid *tgid)
{
	struct task_struct *task;
	bool exited;

	rcu_read_lock();
	task = pid_task(tgid, PIDTYPE_PID);
	exited = !task || (READ_ONCE(task->exit_state) &&
			   thread_group_empty(task));
	rcu_read_unlock();
	return exited;
}

/* Free what is left of a process that has exited */
static void reap(void)
{
	spin_lock(&umh.lock);
	umh.tgid = NULL;
	umh.deaths++;
	spin_unlock(&umh.lock);
	umd_cleanup_helper(&umh.info);
}

/**
 * bpfilter_umh_start - see to it that there is a helper
 *
 * Return: 0; -EIO if it cannot be started, with the reason in the log.
 */
int bpfilter_umh_start(void)
{
	int err;

	if (umh.info.tgid) {
		if (!has_exited(umh.info.tgid))
			return 0;
		reap();
	}

	err = fork_usermode_driver(&umh.info);
	if (err) {
		pr_err_ratelimited("cannot start the helper: error %d\n", err);
		return -EIO;
	}
	spin_lock(&umh.lock);
	umh.tgid = umh.info.tgid;
	umh.starts++;
	spin_unlock(&umh.lock);
	return 0;
}

/**
 * bpfilter_umh_kill - have the helper end, without waiting for it
 *
 * Callable by others than the worker, whose read or write then fails.
 */
void bpfilter_umh_kill(void)
{
	spin_lock(&umh.lock);
	if (umh.tgid)
		kill_pid(umh.tgid, SIGKILL, 1);
	spin_unlock(&umh.lock);
}

/**
 * bpfilter_umh_stop - end the helper and wait until it is gone
 */
void bpfilter_umh_stop(void)
{
	struct pid *tgid = umh.info.tgid;

	if (!tgid)
		return;
	bpfilter_umh_kill();
	wait_event(tgid->wait_pidfd, has_exited(tgid));
	reap();
}

/**
 * bpfilter_umh_write - write to the helper's standard input
 * @data:	bytes in kernel memory
 * @size:	how many; all are written, or none count
 *
 * Return: 0, or -EPIPE if the helper is gone.
 */
int bpfilter_umh_write(const void *data, size_t size)
{
	ssize_t n;
	loff_t pos;

	for (; size; data += n, size -= n) {
		pos = 0;
		n = kernel_write(umh.info.pipe_to_umh, data, size, &pos);
		if (n <= 0)
			return -EPIPE;
	}
	return 0;
}

/**
 * bpfilter_umh_read - read from the helper's standard output
 * @data:	where to
 * @size:	how many bytes to wait for
 *
 * Return: 0, or -EPIPE if the helper is gone.
 */
int bpfilter_umh_read(void *data, size_t size)
{
	ssize_t n;
	loff_t pos;

	for (; size; data += n, size -= n) {
		pos = 0;
		n = kernel_read(umh.info.pipe_from_umh, data, size, &pos);
		if (n <= 0)
			return -EPIPE;
	}
	return 0;
}

/**
 * bpfilter_umh_is_current - is the calling task the helper?
 *
 * A number could be reused by another process, the struct pid cannot.
 *
 * Return: true if it is.
 */
bool bpfilter_umh_is_current(void)
{
	bool ret;

	spin_lock(&umh.lock);
	ret = umh.tgid && umh.tgid == task_tgid(current);
	spin_unlock(&umh.lock);
	return ret;
}

/**
 * bpfilter_umh_status - describe the helper
 * @status:	its helper_* members are filled in
 */
void bpfilter_umh_status(struct bpfilter_status *status)
{
	spin_lock(&umh.lock);
	status->helper_starts = umh.starts;
	status->helper_deaths = umh.deaths;
	if (!umh.tgid) {
		status->helper_state = BPFILTER_HELPER_NONE;
	} else if (has_exited(umh.tgid)) {
		/* Not noticed yet: the next request reaps it */
		status->helper_state = BPFILTER_HELPER_NONE;
		status->helper_deaths++;
	} else {
		status->helper_state = bpfilter_req_busy() ?
				       BPFILTER_HELPER_BUSY :
				       BPFILTER_HELPER_IDLE;
		status->helper_pid = pid_vnr(umh.tgid);
	}
	spin_unlock(&umh.lock);
}
