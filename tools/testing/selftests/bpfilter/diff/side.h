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

/* Text that grows */
struct text {
	char *s;
	size_t len;
	size_t size;
};

void text_add(struct text *t, const char *s, size_t len);
void text_free(struct text *t);

struct route_cache;

/**
 * struct side - one of the two network namespaces
 * @name:	"native", "bpfilter"
 * @family:	IPv4 or IPv6
 * @ns:		descriptor of the namespace
 * @tap:	by device its TAP descriptor, -1 for lo
 * @raw:	by owner a raw socket
 * @ifindex:	by device
 * @poll:	epoll of all @tap
 * @route:	rtnetlink
 * @ct:		ctnetlink
 * @ipt:	a socket for the options of iptables
 * @status:	a socket for those of bpfilter
 * @routes:	which host routes are set
 * @frames:	what came out since side_drain() last began
 * @num_frames:	number of @frames
 * @log:	what the kernel has logged about its packets
 */
struct side {
	const char *name;
	const struct family *family;
	int ns;
	int tap[MAX_DEVS];
	int raw[MAX_OWNERS];
	int ifindex[MAX_DEVS];
	int poll;
	int route;
	int ct;
	int ipt;
	int status;
	struct route_cache *routes;
	struct frame *frames;
	unsigned int num_frames;
	struct text log;
};

/* Make a namespace without devices but lo; @bpfilter: switched on in it */
void side_open(struct side *side, const char *name, const struct family *f,
	       bool bpfilter);
void side_add_devs(struct side *side, const struct devs *devs,
		   const struct owners *owners);
void side_close(struct side *side);

/* Make the namespace the one of the calling process */
void side_enter(const struct side *side);

/**
 * struct table_status - what bpfilter says of a table
 * @owned:	it has it
 * @entries:	entries in there
 * @bridged:	entries with an extension that is not translated
 */
struct table_status {
	bool owned;
	unsigned int entries;
	unsigned int bridged;
};

struct table_status side_table(const struct side *side, const char *table);

void sysctl_write(const char *name, const char *value, bool needed);

/* Settings of a namespace that is the current one, in settings.c */
void settings_apply(const struct family *f);

/* Netlink, in netlink.c */
void side_open_netlink(struct side *side);
void side_close_netlink(struct side *side);
void side_set_address(struct side *side, int dev);
/* DEV_LO: what has no other route is for this host */
void side_set_default_route(struct side *side, int dev);
void side_set_route(struct side *side, __uint128_t dst, int route);

/* Conntrack, in conntrack.c. Returns 0 or a negative errno */
int side_add_conn(struct side *side, const struct conn *conn);

/* All connections in one text, a line each, sorted, without what must differ */
char *side_conns(struct side *side);

/* Marks, in mark.c: packets that are received get one, those sent show it */
void mark_attach(int ifindex);
void mark_next(uint32_t mark);

/* Traffic, in traffic.c */
int raw_open(const struct family *f, uint32_t uid, uint32_t gid);
int side_do(struct side *side, const struct step *step);
void side_drain(struct side *side);
bool frames_equal(const struct family *f, const struct frame *a,
		  const struct frame *b);

#endif /* DIFF_SIDE_H */
