/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DIFF_MSG_H
#define DIFF_MSG_H

#include <stddef.h>
#include <stdint.h>
#include <linux/netlink.h>

#include "family.h"

/* Netlink messages, in netlink.c */

struct msg {
	struct nlmsghdr nlh;
	uint8_t data[1000];
};

/* Begin a message; returns where its own header of @size bytes goes */
void *msg_start(struct msg *m, uint16_t type, uint16_t flags, size_t size);

struct nlattr *msg_attr(struct msg *m, uint16_t type, const void *data,
			size_t len);
void msg_be32(struct msg *m, uint16_t type, uint32_t value);
void msg_be16(struct msg *m, uint16_t type, uint16_t value);
void msg_u8(struct msg *m, uint16_t type, uint8_t value);
void msg_addr(struct msg *m, const struct family *f, uint16_t type,
	      __uint128_t addr);
struct nlattr *msg_nest(struct msg *m, uint16_t type);
void msg_nest_end(struct msg *m, struct nlattr *nest);

/* Send and wait for the answer; returns its error */
int msg_talk(int fd, struct msg *m);

#endif /* DIFF_MSG_H */
