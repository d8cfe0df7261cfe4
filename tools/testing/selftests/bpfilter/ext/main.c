// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <linux/if_packet.h>

#include "pktrun.h"

/*
 * pktrun: packets into the devices of this network namespace, and what comes
 * out of them as text.
 *
 * Each device NAME that counts is one end of a veth pair whose other end is
 * NAMEp. There frames are put in and taken out. The stack handles a packet and
 * what it sends in answer before sendto() returns, so there is nothing to wait
 * for.
 */

static const char usage_text[] =
"usage: pktrun 4|6 < STEPS\n"
"       pktrun make acct NAME | timeout NAME FAMILY | osf | ipvs FAMILY |\n"
"                   audit 0|1\n"
"\n"
"The first form sends packets into the devices NAME that have a veth peer\n"
"NAMEp, and prints what comes out of them. The second makes objects that rules\n"
"refer to. Steps:\n"
"\n"
"  PROTOCOL [n=COUNT] [in=NAME | local [uid=N] [gid=N] [dev=NAME] [mark=N] |\n"
"           socket] [KEY=VALUE...]\n"
"          a packet: of a transport protocol, received from NAME (in0), sent by\n"
"          a raw socket or by one of UDP; keys are fields (see build.c)\n"
"  listen udp|tcp PORT [transparent] [bind=ADDRESS] [mark=N]\n"
"  queue NUMBER accept|drop|repeat\n"
"  nflog GROUP\n"
"  clone NAME  share the data of the packets that NAME receives\n"
"  hide seq    do not print sequence numbers\n"
"  sleep MILLISECONDS\n"
"  try COMMAND...\n";

#define MAX_DEVS 8

struct dev {
	char name[IF_NAMESIZE];
	unsigned int peer;
	int sk;
	uint32_t syn_seq;
};

static struct dev devs[MAX_DEVS];
static int num_devs;

void die(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("pktrun: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(2);
}

/* --- Words --- */

void words_split(struct words *w, char *line)
{
	char *save, *s = strtok_r(line, " \t\n", &save);

	memset(w, 0, sizeof(*w));
	for (; s; s = strtok_r(NULL, " \t\n", &save)) {
		if (w->num == MAX_WORDS)
			die("too many words");
		w->word[w->num++] = s;
	}
	w->used[0] = true;
}

const char *word(struct words *w, const char *key)
{
	size_t len = strlen(key);

	for (int i = 1; i < w->num; i++) {
		if (strncmp(w->word[i], key, len))
			continue;
		if (w->word[i][len] == '=') {
			w->used[i] = true;
			return w->word[i] + len + 1;
		}
		if (!w->word[i][len]) {
			w->used[i] = true;
			return "";
		}
	}
	return NULL;
}

long word_num(struct words *w, const char *key, long otherwise)
{
	const char *value = word(w, key);
	char *end;
	long num;

	if (!value)
		return otherwise;
	num = strtol(value, &end, 0);
	if (!*value || *end)
		die("no number: %s=%s", key, value);
	return num;
}

void words_check(const struct words *w)
{
	for (int i = 0; i < w->num; i++)
		if (!w->used[i])
			die("what is \"%s\" of \"%s\"?", w->word[i],
			    w->word[0]);
}

/* --- Devices --- */

static void open_dev(const struct if_nameindex *peer)
{
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = peer->if_index,
	};
	struct dev *dev = &devs[num_devs++];
	int one = 1;

	if (num_devs > MAX_DEVS)
		die("too many devices");
	snprintf(dev->name, sizeof(dev->name), "%.*s",
		 (int)strlen(peer->if_name) - 1, peer->if_name);
	dev->peer = peer->if_index;
	dev->sk = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);
	if (dev->sk < 0 ||
	    setsockopt(dev->sk, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one,
		       sizeof(one)) ||
	    setsockopt(dev->sk, SOL_PACKET, PACKET_AUXDATA, &one,
		       sizeof(one)) ||
	    bind(dev->sk, (void *)&ll, sizeof(ll)))
		die("%s: %s", peer->if_name, strerror(errno));
}

static void open_devs(void)
{
	struct if_nameindex *names = if_nameindex();

	for (int i = 0; names[i].if_index; i++)
		if (names[i].if_name[strlen(names[i].if_name) - 1] == 'p')
			open_dev(&names[i]);
	if_freenameindex(names);
}

static struct dev *dev_find(const char *name)
{
	for (int i = 0; i < num_devs; i++)
		if (!strcmp(devs[i].name, name))
			return &devs[i];
	die("no device %s", name);
}

uint32_t dev_syn_seq(const char *name)
{
	return dev_find(name)->syn_seq;
}

/* Also tells whether the checksum was left to the device */
static ssize_t recv_frame(int sk, uint8_t *frame, size_t size)
{
	uint8_t control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	struct iovec iov = { .iov_base = frame, .iov_len = size };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct tpacket_auxdata *aux;
	struct cmsghdr *cmsg;
	ssize_t len;

	len = recvmsg(sk, &msg, 0);
	if (len < 0)
		return len;
	cmsg = CMSG_FIRSTHDR(&msg);
	aux = cmsg ? (void *)CMSG_DATA(cmsg) : NULL;
	csum_partial = aux && aux->tp_status & TP_STATUS_CSUMNOTREADY;
	return len;
}

static void drain_dev(struct dev *dev)
{
	uint8_t frame[65536];
	ssize_t len;

	for (;;) {
		len = recv_frame(dev->sk, frame, sizeof(frame));
		if (len < 0)
			return;
		if (len <= ETH_LEN ||
		    !packet_is_of_interest(frame + ETH_LEN, len - ETH_LEN))
			continue;
		printf("%s:", dev->name);
		syn_seen = false;
		packet_print(frame + ETH_LEN, len - ETH_LEN);
		if (syn_seen)
			dev->syn_seq = syn_seq;
		csum_partial = false;
		putchar('\n');
	}
}

static void drain(void)
{
	for (int i = 0; i < num_devs; i++)
		drain_dev(&devs[i]);
	listen_drain();
	for (int i = 0; i < num_devs; i++)
		drain_dev(&devs[i]);
}

/* --- Sending --- */

static void put_mac(struct words *w, const char *key, const char *otherwise,
		    struct bytes *frame)
{
	const char *text = word(w, key);
	unsigned int m[6];

	if (sscanf(text ? text : otherwise, "%x:%x:%x:%x:%x:%x", &m[0], &m[1],
		   &m[2], &m[3], &m[4], &m[5]) != 6)
		die("no hardware address: %s", text);
	for (int i = 0; i < 6; i++)
		put8(frame, m[i]);
}

static void send_frame(struct words *w, int family, const struct bytes *pkt)
{
	const char *in = word(w, "in");
	struct dev *dev = dev_find(in ? in : "in0");
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET,
		.sll_ifindex = dev->peer,
	};
	struct bytes frame = { 0 };

	put_mac(w, "dmac", "02:00:00:00:00:01", &frame);
	put_mac(w, "smac", "02:00:00:00:00:02", &frame);
	put16(&frame, family == AF_INET ? 0x0800 : 0x86dd);
	put(&frame, pkt->data, pkt->len);
	words_check(w);
	if (sendto(dev->sk, frame.data, frame.len, 0, (void *)&ll,
		   sizeof(ll)) < 0)
		die("send by %s: %s", dev->name, strerror(errno));
}

static int raw_socket(struct words *w, int family)
{
	const char *dev = word(w, "dev");
	int mark = word_num(w, "mark", 0), sk;

	setfsgid(word_num(w, "gid", 0));
	setfsuid(word_num(w, "uid", 0));
	sk = socket(family, SOCK_RAW, IPPROTO_RAW);
	setfsuid(0);
	setfsgid(0);
	if (sk < 0)
		die("raw socket: %s", strerror(errno));
	if (dev && setsockopt(sk, SOL_SOCKET, SO_BINDTODEVICE, dev,
			      strlen(dev)))
		die("%s: %s", dev, strerror(errno));
	if (mark)
		set_mark(sk, mark);
	return sk;
}

static void send_raw(struct words *w, int family, const struct bytes *pkt)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in sin = { .sin_family = AF_INET };
	void *to = family == AF_INET ? (void *)&sin : &sin6;
	int sk = raw_socket(w, family);

	words_check(w);
	memcpy(&sin.sin_addr, pkt->data + 16, 4);
	memcpy(&sin6.sin6_addr, pkt->data + 24, 16);
	if (sendto(sk, pkt->data, pkt->len, 0, to, family == AF_INET ?
		   sizeof(sin) : sizeof(sin6)) < 0)
		printf("raw socket: %s\n", strerrorname_np(errno));
	close(sk);
}

static void set_port(void *to, uint16_t port)
{
	/* At the same place in both families */
	((struct sockaddr_in *)to)->sin_port = htons(port);
}

/* A UDP socket's: the stack makes the headers itself */
static void send_socket(struct words *w, int family, const struct bytes *pkt)
{
	struct sockaddr_in6 from = { .sin6_family = family }, to = from;
	size_t hlen = family == AF_INET ? 20 : 40;
	int sk = socket(family, SOCK_DGRAM, 0);

	words_check(w);
	if (family == AF_INET)
		memcpy(&((struct sockaddr_in *)&to)->sin_addr, pkt->data + 16,
		       4);
	else
		memcpy(&to.sin6_addr, pkt->data + 24, 16);
	set_port(&from, word_num(w, "sport", 1000));
	set_port(&to, word_num(w, "dport", 2000));
	if (sk < 0 || bind(sk, (void *)&from, sizeof(from)))
		die("socket: %s", strerror(errno));
	if (sendto(sk, pkt->data + hlen + 8, pkt->len - hlen - 8, 0,
		   (void *)&to, sizeof(to)) < 0)
		printf("socket: %s\n", strerrorname_np(errno));
	close(sk);
}

static void send_packet(struct words *w, int family)
{
	long num = word_num(w, "n", 1);
	struct bytes pkt;

	while (num--) {
		packet_make(w, family, &pkt);
		if (word(w, "socket"))
			send_socket(w, family, &pkt);
		else if (word(w, "local"))
			send_raw(w, family, &pkt);
		else
			send_frame(w, family, &pkt);
		drain();
	}
}

/*
 * clone NAME: a second reader of what NAME receives, so that the packet's data
 * are shared and a target that changes them has to copy them first.
 */
static void clone_dev(struct words *w)
{
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
	};
	int sk = socket(AF_PACKET, SOCK_RAW, 0);

	if (w->num != 2)
		die("clone which device?");
	ll.sll_ifindex = if_nametoindex(w->word[1]);
	if (sk < 0 || bind(sk, (void *)&ll, sizeof(ll)))
		die("%s: %s", w->word[1], strerror(errno));
}

/* --- Steps --- */

static void sleep_ms(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

static void other_step(struct words *w, int family)
{
	const char *what = w->word[0];

	if (!strcmp(what, "listen"))
		listen_socket(w, family);
	else if (!strcmp(what, "queue"))
		listen_queue(w, family);
	else if (!strcmp(what, "nflog"))
		listen_nflog(w);
	else if (!strcmp(what, "clone"))
		clone_dev(w);
	else if (!strcmp(what, "hide"))
		hide_seq = word(w, "seq");
	else if (!strcmp(what, "sleep") && w->num == 2)
		sleep_ms(atoi(w->word[1]));
	else
		send_packet(w, family);
}

static void step(char *line, int family)
{
	struct words w;

	if (!strncmp(line, "try ", 4)) {
		fflush(stdout);
		printf("try: %d\n", system(line + 4));
		drain();
		return;
	}
	words_split(&w, line);
	if (w.num)
		other_step(&w, family);
}

/* Softirqs then run where and when the packets are sent */
static void stay_on_one_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

int main(int argc, char **argv)
{
	char line[4096];
	int family;

	if (argc > 2 && !strcmp(argv[1], "make"))
		return make_object(argc - 2, argv + 2);
	if (argc != 2 || (strcmp(argv[1], "4") && strcmp(argv[1], "6"))) {
		fputs(usage_text, stderr);
		return 2;
	}
	family = argv[1][0] == '4' ? AF_INET : AF_INET6;
	setvbuf(stdout, NULL, _IOLBF, 0);
	stay_on_one_cpu();
	open_devs();
	while (fgets(line, sizeof(line), stdin)) {
		printf("> %s", line);
		step(line, family);
	}
	sleep_ms(20);
	drain();
	return 0;
}
