// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "objects.h"

#define PATIENCE_MS	120000

/* Go from @id to the next one; 0 or a negative errno, -ENOENT at the end */
static int next_id(unsigned int cmd, unsigned int *id)
{
	union bpf_attr attr = { .start_id = *id };

	if (syscall(__NR_bpf, cmd, &attr, sizeof(attr)))
		return -errno;
	*id = attr.next_id;
	return 0;
}

/**
 * objects_newest() - find the newest object
 * @cmd:	which kind
 *
 * Return: its id, 0 if there is none
 */
unsigned int objects_newest(unsigned int cmd)
{
	unsigned int id = 0;

	while (!next_id(cmd, &id))
		;
	return id;
}

/**
 * objects_since() - count objects that are newer than another
 * @cmd:	which kind
 * @id:		the other one, as of objects_newest()
 *
 * Return: their number or a negative errno
 */
int objects_since(unsigned int cmd, unsigned int id)
{
	int err, num = 0;

	while (!(err = next_id(cmd, &id)))
		num++;
	return err == -ENOENT ? num : err;
}

/**
 * objects_wait() - wait until so many newer objects are left
 * @cmd:	which kind
 * @id:		newer than this one, as of objects_newest()
 * @num:	how many are to be left
 *
 * Objects are freed some time after their last reference has gone, which may be
 * that of a namespace. This waits for grace periods of a busy machine.
 *
 * Return: @num, or as objects_since() after two minutes
 */
int objects_wait(unsigned int cmd, unsigned int id, int num)
{
	int ms, now = objects_since(cmd, id);

	for (ms = 0; now != num && ms < PATIENCE_MS; ms += 10) {
		usleep(10000);
		now = objects_since(cmd, id);
	}
	return now;
}
