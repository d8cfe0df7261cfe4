/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTEST_BPFILTER_STATUS_H
#define SELFTEST_BPFILTER_STATUS_H

#include <stdbool.h>
#include <sys/types.h>
#include <linux/bpfilter.h>

/* What bpfilter says of a socket's namespace, without the tables */
int status_get(int sk, struct bpfilter_status *st);

/* Tables that bpfilter has in that namespace, or a negative errno */
int status_tables(int sk);

/* The sysctl of the current namespace; 0 or a negative errno */
int bpfilter_enable(int value);

/* The helper: 0 if there is none, -1 if the kernel does not say */
pid_t helper_pid(int sk);

/* Wait until it is in a state of enum bpfilter_helper_state; false: too long */
bool helper_wait(int sk, unsigned int state);

#endif /* SELFTEST_BPFILTER_STATUS_H */
