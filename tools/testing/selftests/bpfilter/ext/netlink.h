/* SPDX-License-Identifier: GPL-2.0 */
#ifndef EXT_NETLINK_H
#define EXT_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/netlink.h>

/* Netlink messages, those of netfilter above all */

struct nlmsg {
	struct nlmsghdr nlh;
	uint8_t rest[8192];
};

int nl_open(int proto);
/* A message whose body is struct nfgenmsg, with this resource id */
void nl_start(struct nlmsg *m, uint16_t type, uint16_t flags, uint8_t family,
	      uint16_t res_id);
/* A message with another body */
void *nl_start_body(struct nlmsg *m, uint16_t type, uint16_t flags,
		    size_t size);
struct nlattr *nl_put(struct nlmsg *m, uint16_t type, const void *data,
		      size_t len);
struct nlattr *nl_nest(struct nlmsg *m, uint16_t type);
void nl_nest_end(struct nlmsg *m, struct nlattr *nest);
/* Send and wait for the acknowledgment; an error ends the program */
void nl_talk(int fd, struct nlmsg *m, const char *what);
/* The next message, if there is one: does not wait */
bool nl_recv(int fd, struct nlmsg *m);
/* An attribute behind struct nfgenmsg, or NULL */
const void *nl_attr(const struct nlmsg *m, uint16_t type, size_t *len);

#endif /* EXT_NETLINK_H */
