// SPDX-License-Identifier: GPL-2.0
/*
 * Packets that only root with a raw socket sends: header lengths from 0 to 15,
 * random options, fragments out of nowhere, transport headers cut off anywhere.
 * OUTPUT sees them before any sanity check, INPUT those that survive one. Both
 * engines must count each of them in the same rules.
 *
 * Each run sends the same packets. BPFILTER_FULL=1 sends ten times as many, others
 * each time; the seed is printed, and BPFILTER_SEED=N repeats a run.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/sockios.h>

#include "../kselftest_harness.h"
#include "sides.h"

#define PACKET_MAX	80
#define BATCH		50
#define SEED		1

static void rule_frag(struct rawipt *r, bool invert)
{
	struct ipt_ip *ip = rawipt_rule(r);

	ip->flags = IPT_F_FRAG;
	ip->invflags = invert ? IPT_INV_FRAG : 0;
	rawipt_jump(r, 0);
}

static void rule_state(struct rawipt *r, unsigned int state)
{
	struct xt_conntrack_mtinfo3 *ct;

	rawipt_rule(r);
	ct = rawipt_match(r, "conntrack", 3, sizeof(*ct));
	ct->match_flags = XT_CONNTRACK_STATE;
	ct->state_mask = state;
	rawipt_jump(r, 0);
}

/* Half of the ports; with @option also that TCP option */
static void rule_tcp(struct rawipt *r, uint8_t option)
{
	struct xt_tcp *tcp;

	rawipt_rule(r)->proto = IPPROTO_TCP;
	tcp = rawipt_match(r, "tcp", 0, sizeof(*tcp));
	tcp->spts[1] = 0xffff;
	tcp->dpts[1] = option ? 0xffff : 0x7fff;
	tcp->option = option;
	rawipt_verdict(r, VERDICT_ACCEPT);
}

static void rule_udp(struct rawipt *r)
{
	struct xt_udp *udp;

	rawipt_rule(r)->proto = IPPROTO_UDP;
	udp = rawipt_match(r, "udp", 0, sizeof(*udp));
	udp->spts[1] = 0xffff;
	udp->dpts[1] = 0x7fff;
	rawipt_verdict(r, VERDICT_ACCEPT);
}

static void rule_icmp(struct rawipt *r)
{
	struct ipt_icmp *icmp;

	rawipt_rule(r)->proto = IPPROTO_ICMP;
	icmp = rawipt_match(r, "icmp", 0, sizeof(*icmp));
	icmp->type = 8;
	icmp->code[1] = 0xff;
	rawipt_verdict(r, VERDICT_ACCEPT);
}

static void build_hook(struct rawipt *r, unsigned int hook)
{
	rawipt_hook(r, hook);
	rule_state(r, XT_CONNTRACK_STATE_INVALID);
	rule_state(r, XT_CONNTRACK_STATE_BIT(IP_CT_NEW));
	rule_frag(r, false);
	rule_frag(r, true);
	rule_tcp(r, 0);
	rule_tcp(r, 2);
	rule_udp(r);
	rule_icmp(r);
	rawipt_policy(r, hook, VERDICT_ACCEPT);
}

static void build(struct rawipt *r)
{
	rawipt_init(r);
	build_hook(r, NF_INET_LOCAL_IN);
	rawipt_hook(r, NF_INET_FORWARD);
	rawipt_policy(r, NF_INET_FORWARD, VERDICT_ACCEPT);
	build_hook(r, NF_INET_LOCAL_OUT);
	rawipt_chain(r, "counts");
	rawipt_rule(r);
	rawipt_verdict(r, VERDICT_RETURN);
	rawipt_end(r);
}

/* A raw socket in the namespace of another socket */
static int raw_socket(int sk)
{
	int netns = ioctl(sk, SIOCGSKNS);

	if (netns < 0 || setns(netns, CLONE_NEWNET))
		return -1;
	close(netns);
	return socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
}

/*
 * No fragment that waits for others expires in the current namespace: the error
 * that says so would be counted on one side earlier than on the other. As many
 * as there are find room.
 */
static void keep_fragments(struct __test_metadata *_metadata)
{
	ASSERT_EQ(0, rawipt_write("/proc/sys/net/ipv4/ipfrag_time", "3600"));
	ASSERT_EQ(0, rawipt_write("/proc/sys/net/ipv4/ipfrag_high_thresh",
				  "200000000"));
}

static unsigned int first_seed(void)
{
	const char *seed = getenv("BPFILTER_SEED");

	if (seed)
		return strtoul(seed, NULL, 0);
	return getenv("BPFILTER_FULL") ? time(NULL) : SEED;
}

FIXTURE(raw)
{
	struct sides s;
	int sk[2];
	unsigned int seed;
	int packets;
};

FIXTURE_SETUP(raw)
{
	const char *why = sides_open(&self->s);
	struct rawipt rules;
	int i;

	if (!why && self->s.num < 2)
		why = "this kernel has no native ip_tables";
	if (why)
		SKIP(return, "%s", why);
	self->seed = first_seed();
	self->packets = getenv("BPFILTER_FULL") ? 50000 : 5000;
	build(&rules);
	for (i = 0; i < 2; i++) {
		self->sk[i] = raw_socket(self->s.side[i].sk);
		ASSERT_LE(0, self->sk[i]);
		keep_fragments(_metadata);
		ASSERT_EQ(0, rawipt_replace(self->s.side[i].sk, &rules));
	}
	rawipt_free(&rules);
}

FIXTURE_TEARDOWN(raw)
{
	close(self->sk[0]);
	close(self->sk[1]);
	sides_close(&self->s);
}

/* Mostly TCP, which has most to get wrong */
static uint8_t random_proto(unsigned int *seed)
{
	static const uint8_t protos[] = {
		IPPROTO_TCP, IPPROTO_TCP, IPPROTO_TCP, IPPROTO_UDP,
		IPPROTO_ICMP, IPPROTO_IGMP, IPPROTO_UDPLITE,
	};

	return protos[rand_r(seed) % ARRAY_SIZE(protos)];
}

/* Options that the receiving side takes are rare: NOPs and ends now and then */
static void random_options(unsigned char *p, int len, unsigned int *seed)
{
	int i;

	if (rand_r(seed) % 3)
		return;
	for (i = sizeof(struct iphdr); i < len; i++)
		p[i] = rand_r(seed) % 2;
}

/* The sender's kernel fills in identification and checksum only */
static int random_packet(unsigned char *p, unsigned int *seed)
{
	int i, len = sizeof(struct iphdr) + rand_r(seed) % 60;
	struct iphdr *ip = (void *)p;

	for (i = 0; i < len; i++)
		p[i] = rand_r(seed);
	random_options(p, len, seed);
	ip->version = 4;
	ip->ihl = rand_r(seed) % (rand_r(seed) % 3 ? 16 : 6);
	if (ip->ihl * 4 > len)
		ip->ihl = 5;
	ip->tot_len = htons(len);
	ip->frag_off = 0;
	if (rand_r(seed) % 4 == 0)
		ip->frag_off = htons(rand_r(seed) % 3 |
				     (rand_r(seed) % 2 ? IP_MF : 0));
	ip->ttl = 64;
	ip->protocol = random_proto(seed);
	ip->saddr = htonl(INADDR_LOOPBACK);
	ip->daddr = htonl(INADDR_LOOPBACK);
	return len;
}

static int send_packet(int sk, const void *p, int len)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	return sendto(sk, p, len, 0, (void *)&to, sizeof(to)) < 0 ? -errno : 0;
}

TEST_F_TIMEOUT(raw, counted_alike, 600)
{
	unsigned char p[PACKET_MAX];
	unsigned int start;
	int i, len, err[2];
	char what[64];

	TH_LOG("%d packets, seed %u", self->packets, self->seed);
	for (i = 0; i < self->packets; i++) {
		start = self->seed;
		len = random_packet(p, &self->seed);
		err[0] = send_packet(self->sk[0], p, len);
		err[1] = send_packet(self->sk[1], p, len);
		EXPECT_EQ(err[1], err[0]) {
			TH_LOG("packet with seed %u", start);
		}
		if (i % BATCH != BATCH - 1)
			continue;
		snprintf(what, sizeof(what), "packets %d to %d",
			 i - BATCH + 1, i);
		sides_compare(&self->s, what);
		ASSERT_EQ(0, self->s.differ);
	}
}

TEST_HARNESS_MAIN
