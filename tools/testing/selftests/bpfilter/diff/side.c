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
 * IPv6, offload, rate limits or timers add packets of their own.
 */

static const struct {
	const char *name;
	const char *value;
} sysctls[] = {
	{ "net/ipv4/ip_forward",			"1" },
	{ "net/ipv4/ip_early_demux",			"0" },
	{ "net/ipv4/icmp_ratelimit",			"0" },
	{ "net/ipv4/icmp_ratemask",			"0" },
	{ "net/ipv4/igmp_link_local_mcast_reports",	"0" },
	{ "net/ipv4/ipfrag_time",			"3600" },
	{ "net/ipv6/conf/all/disable_ipv6",		"1" },
	{ "net/ipv6/conf/default/disable_ipv6",		"1" },
};

static const struct {
	const char *name;
	const char *value;
} dev_sysctls[] = {
	{ "rp_filter",		"0" },
	{ "accept_local",	"1" },
	{ "route_localnet",	"1" },
	{ "send_redirects",	"0" },
	{ "arp_ignore",		"8" },
};

/* No connection may time out while its packets are sent */
static const char * const ct_timeouts[] = {
	"udp_timeout", "udp_timeout_stream", "icmp_timeout", "generic_timeout",
	"tcp_timeout_close", "tcp_timeout_close_wait", "tcp_timeout_fin_wait",
	"tcp_timeout_last_ack", "tcp_timeout_syn_recv", "tcp_timeout_syn_sent",
	"tcp_timeout_time_wait", "tcp_timeout_max_retrans",
	"tcp_timeout_unacknowledged", "gre_timeout", "gre_timeout_stream",
};

void sysctl_write(const char *name, const char *value, bool needed)
{
	char path[256];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	fd = open(path, O_WRONLY);
	if (fd < 0) {
		if (needed)
			die("%s: %s", path, strerror(errno));
		return;
	}
	n = write(fd, value, strlen(value));
	if (n < 0 && needed)
		die("%s: %s: %s", path, value, strerror(errno));
	close(fd);
}

static void set_sysctls(void)
{
	char name[128];

	for (size_t i = 0; i < ARRAY_SIZE(sysctls); i++)
		sysctl_write(sysctls[i].name, sysctls[i].value, false);
	for (size_t i = 0; i < ARRAY_SIZE(dev_sysctls); i++) {
		snprintf(name, sizeof(name), "net/ipv4/conf/all/%s",
			 dev_sysctls[i].name);
		sysctl_write(name, dev_sysctls[i].value, true);
		snprintf(name, sizeof(name), "net/ipv4/conf/default/%s",
			 dev_sysctls[i].name);
		sysctl_write(name, dev_sysctls[i].value, true);
	}
	for (size_t i = 0; i < ARRAY_SIZE(ct_timeouts); i++) {
		snprintf(name, sizeof(name), "net/netfilter/nf_conntrack_%s",
			 ct_timeouts[i]);
		sysctl_write(name, "3000", false);
	}
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

static void dev_set_addr(const char *name, uint32_t addr)
{
	struct sockaddr_in *sin;
	struct ifreq ifr;

	ifreq_init(&ifr, name);
	sin = (struct sockaddr_in *)&ifr.ifr_addr;
	sin->sin_family = AF_INET;
	sin->sin_addr.s_addr = htonl(addr);
	dev_ioctl(SIOCSIFADDR, &ifr, "address");
	sin->sin_addr.s_addr = 0xffffffff;
	dev_ioctl(SIOCSIFNETMASK, &ifr, "netmask");
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

static int raw_open(const char *name)
{
	int fd = xsocket(AF_INET, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_RAW);
	int one = 1, size = 8 << 20;

	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, strlen(name)) ||
	    setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		die("%s: raw socket: %s", name, strerror(errno));
	return fd;
}

void side_enter(const struct side *side)
{
	if (setns(side->ns, CLONE_NEWNET))
		die("setns: %s", strerror(errno));
}

void side_open(struct side *side, const char *name, bool bpfilter)
{
	memset(side, 0, sizeof(*side));
	side->name = name;
	for (int i = 0; i < MAX_DEVS; i++) {
		side->tap[i] = -1;
		side->raw[i] = -1;
	}
	if (unshare(CLONE_NEWNET))
		die("unshare: %s", strerror(errno));
	side->ns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (side->ns < 0)
		die("/proc/thread-self/ns/net: %s", strerror(errno));
	if (access("/proc/sys/net/netfilter/bpfilter", F_OK) == 0 || bpfilter)
		sysctl_write("net/netfilter/bpfilter", bpfilter ? "1" : "0",
			     true);
	set_sysctls();
	side->ipt = xsocket(AF_INET, SOCK_RAW, IPPROTO_RAW);
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

/* Address of the first device, for what the stack sends of its own accord */
#define OWN_ADDR	0xc0000201	/* 192.0.2.1 */

void side_add_devs(struct side *side, const struct devs *devs)
{
	side_enter(side);
	for (int i = 0; i < devs->num; i++) {
		if (i != DEV_LO)
			add_tap(side, devs, i);
		side->raw[i] = raw_open(devs->name[i]);
		side->ifindex[i] = if_nametoindex(devs->name[i]);
	}
	dev_set_addr(devs->name[DEV_FIRST], OWN_ADDR);
	side_set_default_route(side, DEV_FIRST);
}

void side_close(struct side *side)
{
	for (int i = 0; i < MAX_DEVS; i++) {
		if (side->tap[i] >= 0)
			close(side->tap[i]);
		if (side->raw[i] >= 0)
			close(side->raw[i]);
	}
	side_close_netlink(side);
	close(side->poll);
	close(side->ipt);
	close(side->ns);
	free(side->frames);
}

bool side_owned(const struct side *side)
{
	struct {
		struct bpfilter_status status;
		struct bpfilter_status_table tables[8];
	} buf = { 0 };
	socklen_t len = sizeof(buf);

	if (getsockopt(side->ipt, SOL_IP, BPFILTER_SO_GET_STATUS, &buf, &len))
		return false;
	for (unsigned int i = 0; i < buf.status.num_tables && i < 8; i++)
		if (!strcmp(buf.tables[i].name, "filter") &&
		    buf.tables[i].generation)
			return true;
	return false;
}
