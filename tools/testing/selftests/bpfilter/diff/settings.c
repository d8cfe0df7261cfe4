// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "side.h"

/*
 * A namespace without chance: no timer adds or removes anything while packets
 * are sent, nothing is limited in rate, and the stack takes every packet that
 * the rules let it have.
 */

struct setting {
	const char *name;
	const char *value;
};

static const struct setting settings[] = {
	{ "net/ipv4/ip_forward",			"1" },
	{ "net/ipv4/ip_early_demux",			"0" },
	{ "net/ipv4/icmp_ratelimit",			"0" },
	{ "net/ipv4/icmp_ratemask",			"0" },
	{ "net/ipv4/igmp_link_local_mcast_reports",	"0" },
	{ "net/ipv4/ipfrag_high_thresh",		"200000000" },
	{ "net/ipv4/ipfrag_time",			"3600" },
	{ "net/ipv4/ipfrag_max_dist",			"0" },
	{ "net/ipv4/fwmark_reflect",			"1" },
	{ "net/ipv6/fwmark_reflect",			"1" },
	{ "net/ipv6/auto_flowlabels",			"0" },
	{ "net/ipv6/icmp/ratelimit",			"0" },
	{ "net/ipv6/icmp/ratemask",			"" },
	{ "net/ipv6/ip6frag_high_thresh",		"200000000" },
	{ "net/ipv6/ip6frag_time",			"3600" },
	{ "net/netfilter/nf_conntrack_acct",		"1" },
	{ "net/netfilter/nf_conntrack_frag6_high_thresh", "200000000" },
	{ "net/netfilter/nf_log/2",			"nf_log_ipv4" },
	{ "net/netfilter/nf_log/10",			"nf_log_ipv6" },
};

static const struct setting device_settings4[] = {
	{ "rp_filter",		"0" },
	{ "accept_local",	"1" },
	{ "route_localnet",	"1" },
	{ "send_redirects",	"0" },
	{ "arp_ignore",		"8" },
};

/* Reports of group members at once or never, and nothing else by itself */
static const struct setting device_settings6[] = {
	{ "forwarding",			"1" },
	{ "accept_dad",			"0" },
	{ "dad_transmits",		"0" },
	{ "accept_ra",			"0" },
	{ "accept_redirects",		"0" },
	{ "autoconf",			"0" },
	{ "router_solicitations",	"0" },
	{ "addr_gen_mode",		"1" },
	{ "force_mld_version",		"1" },
	{ "mldv1_unsolicited_report_interval", "2000000000" },
	{ "accept_source_route",	"1" },
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
	n = write(fd, *value ? value : "\n", *value ? strlen(value) : 1);
	if (n < 0 && needed)
		die("%s: %s: %s", path, value, strerror(errno));
	close(fd);
}

static void device_settings(const char *folder, const struct setting *s,
			    size_t num)
{
	char name[160];

	for (size_t i = 0; i < num; i++) {
		snprintf(name, sizeof(name), "%s/all/%s", folder, s[i].name);
		sysctl_write(name, s[i].value, false);
		snprintf(name, sizeof(name), "%s/default/%s", folder, s[i].name);
		sysctl_write(name, s[i].value, false);
	}
}

/*
 * No connection may time out while its packets are sent. That of established
 * TCP connections is long enough, and the one that rules can rely on.
 */
static void conntrack_timeouts(void)
{
	DIR *dir = opendir("/proc/sys/net/netfilter");
	struct dirent *d;
	char name[300];

	while (dir && (d = readdir(dir))) {
		if (!strstr(d->d_name, "timeout") ||
		    !strcmp(d->d_name, "nf_conntrack_tcp_timeout_established"))
			continue;
		snprintf(name, sizeof(name), "net/netfilter/%s", d->d_name);
		sysctl_write(name, "3000", false);
	}
	if (dir)
		closedir(dir);
}

void settings_apply(const struct family *f)
{
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		sysctl_write(settings[i].name, settings[i].value, false);
	device_settings("net/ipv4/conf", device_settings4,
			ARRAY_SIZE(device_settings4));
	if (f->v6)
		device_settings("net/ipv6/conf", device_settings6,
				ARRAY_SIZE(device_settings6));
	sysctl_write("net/ipv6/conf/all/disable_ipv6", f->v6 ? "0" : "1", f->v6);
	sysctl_write("net/ipv6/conf/default/disable_ipv6", f->v6 ? "0" : "1",
		     f->v6);
	conntrack_timeouts();
}
