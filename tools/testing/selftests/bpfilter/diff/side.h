/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DIFF_SIDE_H
#define DIFF_SIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "steps.h"

#define NUM_SIDES 2

/* A packet that came out */
struct frame {
	int dev;
	unsigned int len;
	uint8_t data[1600];
};

struct route_cache;

/**
 * struct side - one of the two network namespaces
 * @name:	"native", "bpfilter"
 * @ns:		descriptor of the namespace
 * @tap:	by device its TAP descriptor, -1 for lo
 * @raw:	by device a raw socket bound to it
 * @ifindex:	by device
 * @poll:	epoll of all @tap
 * @route:	rtnetlink
 * @ct:		ctnetlink
 * @ipt:	a socket for the options of iptables
 * @routes:	which host routes are set
 * @frames:	what came out since side_drain() last began
 * @num_frames:	number of @frames
 */
struct side {
	const char *name;
	int ns;
	int tap[MAX_DEVS];
	int raw[MAX_DEVS];
	int ifindex[MAX_DEVS];
	int poll;
	int route;
	int ct;
	int ipt;
	struct route_cache *routes;
	struct frame *frames;
	unsigned int num_frames;
};

/* Make a namespace without devices but lo; @bpfilter: switched on in it */
void side_open(struct side *side, const char *name, bool bpfilter);
void side_add_devs(struct side *side, const struct devs *devs);
void side_close(struct side *side);

/* Make the namespace the one of the calling process */
void side_enter(const struct side *side);

/* True if the namespace has tables of its own by bpfilter, "filter" among them */
bool side_owned(const struct side *side);

void sysctl_write(const char *name, const char *value, bool needed);

/* Netlink, in netlink.c */
void side_open_netlink(struct side *side);
void side_close_netlink(struct side *side);
void side_set_default_route(struct side *side, int dev);
void side_set_route(struct side *side, uint32_t dst, int route);
/* Returns 0 or a negative errno, which must be the same on both sides */
int side_add_conn(struct side *side, const struct conn *conn);

/* Traffic, in traffic.c */
int side_do(struct side *side, const struct step *step);
void side_drain(struct side *side);
bool frames_equal(const struct frame *a, const struct frame *b);

#endif /* DIFF_SIDE_H */
