// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/audit.h>
#include <linux/ip_vs.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_acct.h>
#include <linux/netfilter/nfnetlink_cttimeout.h>
#include <linux/netfilter/nfnetlink_osf.h>

#include "netlink.h"
#include "pktrun.h"

/* Objects that rules refer to and that take tools of their own to be made */

static void make_acct(const char *name)
{
	int fd = nl_open(NETLINK_NETFILTER);
	struct nlmsg m;

	nl_start(&m, NFNL_SUBSYS_ACCT << 8 | NFNL_MSG_ACCT_NEW,
		 NLM_F_CREATE | NLM_F_ACK, AF_UNSPEC, 0);
	nl_put(&m, NFACCT_NAME, name, strlen(name) + 1);
	nl_talk(fd, &m, name);
}

/* UDP: one minute until there is an answer */
static void make_timeout(const char *name, const char *family)
{
	uint16_t l3 = htons(family[0] == '4' ? AF_INET : AF_INET6);
	uint32_t timeout = htonl(60);
	int fd = nl_open(NETLINK_NETFILTER);
	uint8_t l4 = IPPROTO_UDP;
	struct nlattr *nest;
	struct nlmsg m;

	nl_start(&m, NFNL_SUBSYS_CTNETLINK_TIMEOUT << 8 |
		 IPCTNL_MSG_TIMEOUT_NEW, NLM_F_CREATE | NLM_F_ACK, AF_UNSPEC,
		 0);
	nl_put(&m, CTA_TIMEOUT_NAME, name, strlen(name) + 1);
	nl_put(&m, CTA_TIMEOUT_L3PROTO, &l3, sizeof(l3));
	nl_put(&m, CTA_TIMEOUT_L4PROTO, &l4, sizeof(l4));
	nest = nl_nest(&m, CTA_TIMEOUT_DATA);
	nl_put(&m, CTA_TIMEOUT_UDP_UNREPLIED, &timeout, sizeof(timeout));
	nl_nest_end(&m, nest);
	nl_talk(fd, &m, name);
}

/* A system whose SYN is 44 bytes long, window 1000, with no option but MSS */
static void make_osf(void)
{
	struct nf_osf_user_finger f = {
		.wss = { .wc = OSF_WSS_PLAIN, .val = 1000 },
		.ttl = 64,
		.df = 0,
		.ss = 44,
		.mss = 1460,
		.opt_num = 1,
		.genre = "Unixoid",
		.version = "1",
		.opt[0] = { .kind = OSFOPT_MSS, .length = 4 },
	};
	int fd = nl_open(NETLINK_NETFILTER);
	struct nlmsg m;

	nl_start(&m, NFNL_SUBSYS_OSF << 8 | OSF_MSG_ADD,
		 NLM_F_CREATE | NLM_F_ACK, AF_UNSPEC, 0);
	nl_put(&m, OSF_ATTR_FINGER, &f, sizeof(f));
	nl_talk(fd, &m, "osf");
}

/* A UDP service at 10.1.0.1 port 2000 with one real server, 10.2.0.2 */
static void make_ipvs(void)
{
	struct {
		struct ip_vs_service_user svc;
		struct ip_vs_dest_user dest;
	} opt = {
		.svc = {
			.protocol = IPPROTO_UDP,
			.addr = htonl(0x0a010001),
			.port = htons(2000),
			.sched_name = "rr",
		},
		.dest = {
			.addr = htonl(0x0a020002),
			.port = htons(2000),
			.conn_flags = IP_VS_CONN_F_MASQ,
			.weight = 1,
		},
	};
	int sk = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);

	if (sk < 0 || setsockopt(sk, SOL_IP, IP_VS_SO_SET_ADD, &opt.svc,
				 sizeof(opt.svc)))
		die("ipvs service: %s", strerror(errno));
	if (setsockopt(sk, SOL_IP, IP_VS_SO_SET_ADDDEST, &opt, sizeof(opt)))
		die("ipvs destination: %s", strerror(errno));
}

static void make_audit(const char *on)
{
	int fd = nl_open(NETLINK_AUDIT);
	struct audit_status *status;
	struct nlmsg m;

	status = nl_start_body(&m, AUDIT_SET, NLM_F_ACK, sizeof(*status));
	status->mask = AUDIT_STATUS_ENABLED;
	status->enabled = atoi(on);
	nl_talk(fd, &m, "audit");
}

int make_object(int argc, char **argv)
{
	const char *what = argv[0];

	if (!strcmp(what, "acct") && argc == 2)
		make_acct(argv[1]);
	else if (!strcmp(what, "timeout") && argc == 3)
		make_timeout(argv[1], argv[2]);
	else if (!strcmp(what, "osf") && argc == 1)
		make_osf();
	else if (!strcmp(what, "ipvs") && argc == 1)
		make_ipvs();
	else if (!strcmp(what, "audit") && argc == 2)
		make_audit(argv[1]);
	else
		die("cannot make %s", what);
	return 0;
}
