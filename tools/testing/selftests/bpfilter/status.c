// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "rawipt.h"
#include "status.h"

#define SYSCTL_ENGINE	"/proc/sys/net/netfilter/bpfilter"
#define PATIENCE_MS	60000

int status_get(int sk, struct bpfilter_status *st)
{
	socklen_t len = sizeof(*st);

	return rawipt_get(sk, BPFILTER_SO_GET_STATUS, st, &len);
}

int status_tables(int sk)
{
	struct bpfilter_status st = { 0 };
	int err = status_get(sk, &st);

	return err ? err : (int)st.num_tables;
}

int bpfilter_enable(int value)
{
	int ret = 0, fd = open(SYSCTL_ENGINE, O_WRONLY | O_CLOEXEC);
	char digit = '0' + value;

	if (fd < 0)
		return -errno;
	if (write(fd, &digit, 1) != 1)
		ret = -errno;
	close(fd);
	return ret;
}

pid_t helper_pid(int sk)
{
	struct bpfilter_status st = { 0 };

	return status_get(sk, &st) ? -1 : (pid_t)st.helper_pid;
}

bool helper_wait(int sk, unsigned int state)
{
	struct bpfilter_status st = { 0 };
	unsigned int ms;

	for (ms = 0; ms < PATIENCE_MS; ms++) {
		if (!status_get(sk, &st) && st.helper_state == state)
			return true;
		usleep(1000);
	}
	return false;
}
