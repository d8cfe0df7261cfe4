// SPDX-License-Identifier: GPL-2.0
/*
 * A ruleset's blobs, made by iptables itself in a scratch network namespace,
 * and the text of its rules
 *
 * Only iptables turns its text into a blob, and its kernel side completes that.
 * So a child of ours gives itself an empty network namespace, lets the
 * unmodified iptables-restore load the text there, and reads the tables back.
 * The namespace goes with the child. Nobody else's tables are looked at, and
 * iptables' lock, which is one for all namespaces, is replaced by a private one.
 *
 * A caller without CAP_SYS_ADMIN gets a user namespace with it, if the system
 * permits that. There iptables can load no modules.
 *
 * Text of rules is made here, too, because the names of sets are known in the
 * rules' own namespace only. A saved blob has none: its text is made in an empty
 * one, which knows no sets, rather than in one that knows others.
 *
 * Child and parent talk through memory files that the parent made: neither can
 * block the other.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/netfilter.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "cmd.h"
#include "cmd_source.h"
#include "compile.h"

/* Where administrators' programs are, should PATH not say so */
#define ADMIN_PATH	"/usr/local/sbin:/usr/sbin:/sbin"

/* Behind the message's text, whose end the file's size tells */
static int __printf(2, 3) complain(int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vdprintf(err, fmt, args);
	va_end(args);
	return -1;
}

/* Namespaces */

static bool proc_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok;

	if (fd < 0)
		return false;
	ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return ok;
}

static bool user_namespace(void)
{
	char uid[64], gid[64];

	snprintf(uid, sizeof(uid), "0 %u 1", (unsigned int)geteuid());
	snprintf(gid, sizeof(gid), "0 %u 1", (unsigned int)getegid());
	return !unshare(CLONE_NEWUSER | CLONE_NEWNET) &&
	       proc_write("/proc/self/setgroups", "deny") &&
	       proc_write("/proc/self/uid_map", uid) &&
	       proc_write("/proc/self/gid_map", gid);
}

static int scratch_enter(int err)
{
	if (!unshare(CLONE_NEWNET))
		return 0;
	if (errno != EPERM)
		return complain(err, "new network namespace: %s",
				strerror(errno));
	if (!user_namespace())
		return complain(err, "new user and network namespace: %s",
				strerror(errno));
	return 0;
}

/* Commands */

/* A file that iptables can open and lock, and nobody else knows */
static int private_lock(int err)
{
	char path[64];
	int fd = memfd_create("xtables.lock", 0);

	if (fd < 0)
		return complain(err, "memfd: %s", strerror(errno));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (setenv("XTABLES_LOCKFILE", path, 1))
		return complain(err, "%s", strerror(errno));
	return 0;
}

static int admin_path(int err)
{
	const char *path = getenv("PATH");
	char *longer;
	int ret;

	if (asprintf(&longer, "%s%s" ADMIN_PATH, path ? path : "",
		     path && *path ? ":" : "") < 0)
		return complain(err, "%s", strerror(ENOMEM));
	ret = setenv("PATH", longer, 1);
	free(longer);
	return ret ? complain(err, "%s", strerror(errno)) : 0;
}

static void __noreturn command_exec(const char *const *argv, int in, int err)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (null < 0 || dup2(in, STDIN_FILENO) < 0 ||
	    dup2(null, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0)
		complain(err, "standard input and output: %s", strerror(errno));
	else if (lseek(STDIN_FILENO, 0, SEEK_SET))
		complain(err, "standard input: %s", strerror(errno));
	else if (execvp(argv[0], (char *const *)argv))
		complain(err, "%s", strerror(errno));
	_exit(127);
}

/* What the command itself says goes behind its name and status */
static int command_failed(const char *name, int status, int said, int err)
{
	char text[768];
	ssize_t len;

	if (WIFSIGNALED(status))
		complain(err, "%s: signal %d", name, WTERMSIG(status));
	else
		complain(err, "%s: exit status %d", name, WEXITSTATUS(status));

	len = pread(said, text, sizeof(text), 0);
	if (len > 0)
		complain(err, "\n%.*s", (int)len, text);
	return -1;
}

static int command_run(const char *const *argv, int in, int err)
{
	int said = memfd_create("stderr", MFD_CLOEXEC);
	int status, ret = 0;
	pid_t pid;

	if (said < 0)
		return complain(err, "memfd: %s", strerror(errno));
	pid = fork();
	if (!pid)
		command_exec(argv, in, said);

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		ret = complain(err, "%s: %s", argv[0], strerror(errno));
	else if (status)
		ret = command_failed(argv[0], status, said, err);
	close(said);
	return ret;
}

static int sets_restore(const struct scratch_job *job, int err)
{
	static const char *const argv[] = {
		"ipset", "-exist", "restore", NULL
	};

	return job->sets < 0 ? 0 : command_run(argv, job->sets, err);
}

static int rules_restore(const struct scratch_job *job, int err)
{
	const char *const argv[] = {
		job->family == NFPROTO_IPV6 ? "ip6tables-legacy-restore" :
					       "iptables-legacy-restore",
		NULL
	};

	return command_run(argv, job->rules, err);
}

/* Reading back */

static bool write_all(int fd, const void *data, size_t size)
{
	while (size) {
		ssize_t done = write(fd, data, size);

		if (done < 0)
			return false;
		data = (const char *)data + done;
		size -= done;
	}
	return true;
}

/* A blob that the translator refuses has no text, and that is said elsewhere */
static int text_read(const struct ipt_replace *blob, uint16_t family,
		     struct text *text)
{
	struct ir_ruleset *rs = NULL;
	struct refusal why = {};
	int ret = 0;

	memset(text, 0, sizeof(*text));
	if (!bpfilter_blob_read(blob, table_blob_size(blob), family, &rs, &why))
		ret = text_make(blob, rs, text);
	bpfilter_ir_free(rs);
	return ret;
}

static bool text_write(const struct text *text, int out)
{
	const struct scratch_text head = {
		.num = text->num,
		.size = text->num ? text->size : 0,
	};

	return write_all(out, &head, sizeof(head)) &&
	       write_all(out, text->line, head.num * sizeof(*text->line)) &&
	       write_all(out, text->buf, head.size);
}

static int hand_over(const struct ipt_replace *blob, uint16_t family, int out,
		     int err)
{
	struct text text;
	int ret;

	ret = text_read(blob, family, &text);
	if (ret)
		complain(err, "table \"%.*s\": text of its rules: %s",
			 (int)sizeof(blob->name), blob->name, strerror(-ret));
	else if (!write_all(out, blob, table_blob_size(blob)) ||
		 !text_write(&text, out))
		ret = complain(err, "table \"%.*s\": %s",
			       (int)sizeof(blob->name), blob->name,
			       strerror(errno));
	text_free(&text);
	return ret;
}

static int table_hand_over(int sk, const struct table_family *fam,
			   const char *name, int out, int err)
{
	struct ipt_replace *blob;
	int ret;

	ret = table_fetch(sk, fam, name, &blob);
	if (ret)
		return complain(err, "%s table \"%s\": %s", fam->word, name,
				strerror(-ret));
	ret = hand_over(blob, fam->family, out, err);
	free(blob);
	return ret;
}

static int loaded_hand_over(const struct scratch_job *job, int out, int err)
{
	const struct table_family *fam = table_family_find(job->family);
	int sk = table_socket(fam);
	unsigned int i;
	int ret = 0;

	if (sk < 0)
		return complain(err, "socket: %s", strerror(-sk));
	for (i = 0; i < job->num_tables && !ret; i++)
		ret = table_hand_over(sk, fam, job->tables[i], out, err);
	close(sk);
	return ret;
}

static int given_hand_over(const struct scratch_job *job, int out, int err)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < job->given->num && !ret; i++)
		ret = hand_over(job->given->tables[i].blob, job->family, out,
				err);
	return ret;
}

static int scratch_child(const struct scratch_job *job, int out, int err)
{
	int ret = scratch_enter(err);

	if (!ret && job->rules < 0)
		return given_hand_over(job, out, err);
	if (!ret)
		ret = private_lock(err);
	if (!ret)
		ret = admin_path(err);
	if (!ret)
		ret = sets_restore(job, err);
	if (!ret)
		ret = rules_restore(job, err);
	return ret ? ret : loaded_hand_over(job, out, err);
}

/**
 * scratch_run - let iptables make blobs of a ruleset's text, and the other way
 * @job:	the ruleset
 * @out:	memory file that gets the tables, one behind the other, in the
 *		order of @job
 * @err:	memory file that gets lines that say what failed
 *
 * Return: 0, or -EREMOTEIO if @err says why, or another negative errno
 */
int scratch_run(const struct scratch_job *job, int out, int err)
{
	pid_t parent = getpid(), pid;
	int status;

	pid = fork();
	if (!pid) {
		/* Not to go on loading for nobody */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		_exit(scratch_child(job, out, err) ? 1 : 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -errno;
	if (WIFSIGNALED(status))
		return -EINTR;
	return status ? -EREMOTEIO : 0;
}
