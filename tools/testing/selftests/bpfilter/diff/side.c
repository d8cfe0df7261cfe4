// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/bpfilter.h>
#include <linux/ethtool.h>
#include <linux/if_arp.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>

#include "side.h"

/*
 * A namespace whose devices are TAP devices. What is written to one is received
 * before write() returns, in this task's context, as is what the stack sends in
 * answer: nothing has to be waited for. A write of several pieces makes an skb
 * of which only the first piece is linear (IFF_NAPI_FRAGS). Neither ARP nor
 * neighbour discovery, offload, rate limits or timers add packets of their own.
 */

void text_add(struct text *t, const char *s, size_t len)
{
	if (t->len + len + 1 > t->size) {
		t->size = 2 * (t->len + len + 1);
		t->s = xrealloc(t->s, t->size);
	}
	memcpy(t->s + t->len, s, len);
	t->len += len;
	t->s[t->len] = '\0';
}

void text_free(struct text *t)
{
	free(t->s);
	memset(t, 0, sizeof(*t));
}

static int xsocket(int family, int type, int proto)
{
	int fd = socket(family, type | SOCK_CLOEXEC, proto);

	if (fd < 0)
		die("socket(%d, %d): %s", family, proto, strerror(errno));
	return fd;
}

static void dev_ioctl(unsigned long cmd, struct ifreq *ifr, const char *what)
{
	int fd = xsocket(AF_INET, SOCK_DGRAM, 0);

	if (ioctl(fd, cmd, ifr))
		die("%s: %s: %s", ifr->ifr_name, what, strerror(errno));
	close(fd);
}

static void ifreq_init(struct ifreq *ifr, const char *name)
{
	memset(ifr, 0, sizeof(*ifr));
	memcpy(ifr->ifr_name, name, strlen(name));
}

static void dev_up(const char *name, short flags)
{
	struct ifreq ifr;

	ifreq_init(&ifr, name);
	ifr.ifr_flags = IFF_UP | flags;
	dev_ioctl(SIOCSIFFLAGS, &ifr, "up");
}

/* GRO would move headers to the linear area and join packets */
static void dev_no_gro(const char *name)
{
	struct ethtool_value value = { .cmd = ETHTOOL_SGRO };
	struct ifreq ifr;

	ifreq_init(&ifr, name);
	ifr.ifr_data = (void *)&value;
	dev_ioctl(SIOCETHTOOL, &ifr, "gro off");
}

static void dev_set_mac(const char *name)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };
	struct ifreq ifr;

	ifreq_init(&ifr, name);
	ifr.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(ifr.ifr_hwaddr.sa_data, mac, sizeof(mac));
	dev_ioctl(SIOCSIFHWADDR, &ifr, "mac");
}

static int tap_open(const char *name)
{
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	struct ifreq ifr;

	if (fd < 0)
		die("/dev/net/tun: %s", strerror(errno));
	ifreq_init(&ifr, name);
	ifr.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_NAPI | IFF_NAPI_FRAGS;
	if (ioctl(fd, TUNSETIFF, &ifr))
		die("%s: TUNSETIFF: %s", name, strerror(errno));
	/* The namespace takes all its devices along at once, which is faster */
	if (ioctl(fd, TUNSETPERSIST, 1))
		die("%s: TUNSETPERSIST: %s", name, strerror(errno));
	return fd;
}

void side_enter(const struct side *side)
{
	if (setns(side->ns, CLONE_NEWNET))
		die("setns: %s", strerror(errno));
}

void side_open(struct side *side, const char *name, const struct family *f,
	       bool bpfilter)
{
	memset(side, 0, sizeof(*side));
	side->name = name;
	side->family = f;
	for (int i = 0; i < MAX_DEVS; i++)
		side->tap[i] = -1;
	for (int i = 0; i < MAX_OWNERS; i++)
		side->raw[i] = -1;
	if (unshare(CLONE_NEWNET))
		die("unshare: %s", strerror(errno));
	side->ns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (side->ns < 0)
		die("/proc/thread-self/ns/net: %s", strerror(errno));
	if (access("/proc/sys/net/netfilter/bpfilter", F_OK) == 0 || bpfilter)
		sysctl_write("net/netfilter/bpfilter", bpfilter ? "1" : "0",
			     true);
	settings_apply(f);
	side->ipt = xsocket(f->af, SOCK_RAW, IPPROTO_RAW);
	side->status = xsocket(AF_INET, SOCK_DGRAM, 0);
	side->poll = epoll_create1(EPOLL_CLOEXEC);
	side_open_netlink(side);
	dev_up("lo", 0);
}

static void add_tap(struct side *side, const struct devs *devs, int dev)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = dev };
	const char *name = devs->name[dev];

	side->tap[dev] = tap_open(name);
	dev_set_mac(name);
	dev_no_gro(name);
	dev_up(name, IFF_NOARP | IFF_BROADCAST | IFF_MULTICAST);
	if (epoll_ctl(side->poll, EPOLL_CTL_ADD, side->tap[dev], &ev))
		die("epoll_ctl: %s", strerror(errno));
}

void side_add_devs(struct side *side, const struct devs *devs,
		   const struct owners *owners)
{
	side_enter(side);
	for (int i = 0; i < devs->num; i++) {
		if (i != DEV_LO)
			add_tap(side, devs, i);
		side->ifindex[i] = if_nametoindex(devs->name[i]);
		if (i != DEV_LO)
			mark_attach(side->ifindex[i]);
	}
	for (unsigned int i = 0; i < owners->num; i++)
		side->raw[i] = raw_open(side->family, owners->uid[i],
					owners->gid[i]);
	side_set_address(side, DEV_FIRST);
	side_set_default_route(side, DEV_FIRST);
}

void side_close(struct side *side)
{
	for (int i = 0; i < MAX_DEVS; i++)
		if (side->tap[i] >= 0)
			close(side->tap[i]);
	for (int i = 0; i < MAX_OWNERS; i++)
		if (side->raw[i] >= 0)
			close(side->raw[i]);
	side_close_netlink(side);
	close(side->poll);
	close(side->ipt);
	close(side->status);
	close(side->ns);
	free(side->frames);
	text_free(&side->log);
}

struct table_status side_table(const struct side *side, const char *table)
{
	struct {
		struct bpfilter_status status;
		struct bpfilter_status_table tables[16];
	} buf = { 0 };
	struct table_status found = { 0 };
	socklen_t len = sizeof(buf);

	if (getsockopt(side->status, SOL_IP, BPFILTER_SO_GET_STATUS, &buf, &len))
		return found;
	for (unsigned int i = 0; i < buf.status.num_tables && i < 16; i++) {
		const struct bpfilter_status_table *t = &buf.tables[i];

		if (t->family != side->family->nfproto ||
		    strcmp(t->name, table) || !t->generation)
			continue;
		found.owned = true;
		found.entries = t->num_entries;
		found.bridged = t->num_bridged_entries;
	}
	return found;
}
