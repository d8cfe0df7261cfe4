/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTEST_BPFILTER_OBJECTS_H
#define SELFTEST_BPFILTER_OBJECTS_H

#include <linux/bpf.h>

/*
 * BPF programs and maps in the whole machine, each kind by the command of bpf()
 * that walks it: BPF_PROG_GET_NEXT_ID or BPF_MAP_GET_NEXT_ID. Ids rise, so that
 * what a test made is newer than all there was before. What was there does not
 * matter: it may still be going away.
 */

unsigned int objects_newest(unsigned int cmd);
int objects_since(unsigned int cmd, unsigned int id);
int objects_wait(unsigned int cmd, unsigned int id, int num);

#endif /* SELFTEST_BPFILTER_OBJECTS_H */
