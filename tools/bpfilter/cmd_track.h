/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_CMD_TRACK_H
#define BPFILTER_CMD_TRACK_H

#include <stdint.h>

int track_hold(uint16_t family);
int track_release(uint16_t family);

#endif /* BPFILTER_CMD_TRACK_H */
