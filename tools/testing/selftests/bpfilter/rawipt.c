// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/netfilter/xt_tcpudp.h>

#include "rawipt.h"

/* Of address space: memory only as far as it is written to */
#define BLOB_MAX	(32 * 1024 * 1024)

/*
 * The kernel writes the old counters to an address that is part of the blob.
 * Tests change words of blobs: at this address, with nothing around it, any
 * changed word of the pointer leads to memory that is not mapped. It is in the
 * first 16 GB, which the smallest address spaces (of 36 bits) have too, and in
 * which nothing is mapped but the program, within the first GB or behind the
 * 4.5th, and the heap in the GB behind that. Its lower half as an address is
 * between those.
 */
#define COUNTERS_ADDR	0x2f0000000UL
#define COUNTERS_SIZE	(RAWIPT_MAX_COUNTERS * sizeof(struct xt_counters))

static const unsigned int filter_hooks[] = {
	NF_INET_LOCAL_IN, NF_INET_FORWARD, NF_INET_LOCAL_OUT,
};

#define NUM_FILTER_HOOKS	(sizeof(filter_hooks) / sizeof(*filter_hooks))

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void *at(struct rawipt *r, size_t offset)
{
	return (char *)r->repl + offset;
}

void rawipt_name(char *to, size_t size, const char *name)
{
	snprintf(to, size, "%s", name);
}

#define set_name(to, name)	rawipt_name(to, sizeof(to), name)

static size_t entries_len(const struct rawipt *r)
{
	return r->len - sizeof(struct ipt_replace);
}

static void *append(struct rawipt *r, size_t size)
{
	size_t offset = r->len;

	if (offset + size > BLOB_MAX) {
		fprintf(stderr, "ruleset too large\n");
		exit(1);
	}
	r->len += size;
	return at(r, offset);
}

static void *counters_map(void)
{
	static void *addr;

	if (addr)
		return addr;
	addr = mmap((void *)COUNTERS_ADDR, COUNTERS_SIZE,
		    PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (addr != (void *)COUNTERS_ADDR)
		die("mmap of the counters");
	return addr;
}

void rawipt_init(struct rawipt *r)
{
	unsigned int i;

	memset(r, 0, sizeof(*r));
	r->repl = calloc(1, BLOB_MAX);
	if (!r->repl)
		die("calloc");
	r->len = sizeof(*r->repl);
	set_name(r->repl->name, "filter");
	for (i = 0; i < NUM_FILTER_HOOKS; i++)
		r->repl->valid_hooks |= 1 << filter_hooks[i];
	r->repl->counters = counters_map();
	for (i = 0; i < NF_INET_NUMHOOKS; i++) {
		r->repl->hook_entry[i] = 0xffffffff;
		r->repl->underflow[i] = 0xffffffff;
	}
}

void rawipt_free(struct rawipt *r)
{
	free(r->repl);
	r->repl = NULL;
}

/* The next rule is the first one of @hook */
void rawipt_hook(struct rawipt *r, unsigned int hook)
{
	r->repl->hook_entry[hook] = entries_len(r);
}

/* Open a rule; its base header is all wildcards until the caller says more */
struct ipt_ip *rawipt_rule(struct rawipt *r)
{
	struct ipt_entry *e;

	r->entry = r->len;
	e = append(r, sizeof(*e));
	r->repl->num_entries++;
	return &e->ip;
}

/* Add a match to the open rule and return its data, @size bytes of zeroes */
void *rawipt_match(struct rawipt *r, const char *name, uint8_t revision,
		   size_t size)
{
	size_t total = XT_ALIGN(sizeof(struct xt_entry_match) + size);
	struct xt_entry_match *m = append(r, total);

	m->u.user.match_size = total;
	m->u.user.revision = revision;
	set_name(m->u.user.name, name);
	return m->data;
}

static void *target(struct rawipt *r, const char *name, size_t size)
{
	struct ipt_entry *e = at(r, r->entry);
	struct xt_entry_target *t;

	e->target_offset = r->len - r->entry;
	t = append(r, XT_ALIGN(size));
	t->u.user.target_size = XT_ALIGN(size);
	set_name(t->u.user.name, name);
	e->next_offset = r->len - r->entry;
	r->entry = 0;
	return t;
}

/* Close the open rule with a standard target */
void rawipt_verdict(struct rawipt *r, int verdict)
{
	struct xt_standard_target *t;

	t = target(r, XT_STANDARD_TARGET, sizeof(*t));
	t->verdict = verdict;
}

/* The number becomes an offset when all chains are known */
void rawipt_jump(struct rawipt *r, unsigned int chain)
{
	struct xt_standard_target *t;

	t = target(r, XT_STANDARD_TARGET, sizeof(*t));
	t->verdict = chain;
	r->jump[r->num_jumps++] = (char *)&t->verdict - (char *)r->repl;
}

void rawipt_goto(struct rawipt *r, unsigned int chain)
{
	struct ipt_entry *e = at(r, r->entry);

	e->ip.flags |= IPT_F_GOTO;
	rawipt_jump(r, chain);
}

void rawipt_policy(struct rawipt *r, unsigned int hook, int verdict)
{
	r->repl->underflow[hook] = entries_len(r);
	rawipt_rule(r);
	rawipt_verdict(r, verdict);
}

void rawipt_policies(struct rawipt *r, unsigned int first, unsigned int last)
{
	unsigned int hook;

	for (hook = first; hook <= last; hook++) {
		rawipt_hook(r, hook);
		rawipt_policy(r, hook, VERDICT_ACCEPT);
	}
}

static void error_entry(struct rawipt *r, const char *name)
{
	struct xt_error_target *t;

	rawipt_rule(r);
	t = target(r, XT_ERROR_TARGET, sizeof(*t));
	set_name(t->errorname, name);
}

/* User chains are numbered from 0 in the order of these calls */
void rawipt_chain(struct rawipt *r, const char *name)
{
	error_entry(r, name);
	r->chain[r->num_chains++] = entries_len(r);
}

void rawipt_end(struct rawipt *r)
{
	unsigned int i;
	int *verdict;

	error_entry(r, "ERROR");
	for (i = 0; i < r->num_jumps; i++) {
		verdict = at(r, r->jump[i]);
		*verdict = r->chain[*verdict];
	}
	r->num_jumps = 0;
	r->repl->size = entries_len(r);
}

void rawipt_udp_port(struct rawipt *r, uint16_t port, int verdict)
{
	struct ipt_ip *ip = rawipt_rule(r);
	struct xt_udp *udp;

	ip->proto = IPPROTO_UDP;
	udp = rawipt_match(r, "udp", 0, sizeof(*udp));
	udp->spts[1] = 0xffff;
	udp->dpts[0] = port;
	udp->dpts[1] = port;
	if (verdict)
		rawipt_verdict(r, verdict);
	else	/* a jump to the next rule goes on there */
		rawipt_verdict(r, entries_len(r) +
			       XT_ALIGN(sizeof(struct xt_standard_target)));
}

void rawipt_build_empty(struct rawipt *r)
{
	rawipt_init(r);
	rawipt_policies(r, NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT);
	rawipt_end(r);
}

int rawipt_set(int sk, int opt, const void *value, socklen_t len)
{
	return setsockopt(sk, SOL_IP, opt, value, len) ? -errno : 0;
}

int rawipt_get(int sk, int opt, void *value, socklen_t *len)
{
	return getsockopt(sk, SOL_IP, opt, value, len) ? -errno : 0;
}

int rawipt_info(int sk, struct ipt_getinfo *info)
{
	socklen_t len = sizeof(*info);

	memset(info, 0, sizeof(*info));
	set_name(info->name, "filter");
	return rawipt_get(sk, IPT_SO_GET_INFO, info, &len);
}

/* Put @r in force, whatever was before */
int rawipt_replace(int sk, struct rawipt *r)
{
	struct ipt_getinfo info;
	int err;

	err = rawipt_info(sk, &info);
	if (err)
		return err;
	if (info.num_entries > RAWIPT_MAX_COUNTERS)
		return -E2BIG;
	r->repl->num_counters = info.num_entries;
	return rawipt_set(sk, IPT_SO_SET_REPLACE, r->repl, r->len);
}

/* What GET_ENTRIES says, to be freed by the caller; NULL with errno set */
struct ipt_get_entries *rawipt_entries(int sk, size_t *len)
{
	struct ipt_get_entries *get;
	struct ipt_getinfo info;
	socklen_t optlen;
	int err;

	err = rawipt_info(sk, &info);
	if (err) {
		errno = -err;
		return NULL;
	}
	optlen = sizeof(*get) + info.size;
	get = calloc(1, optlen);
	if (!get)
		return NULL;
	set_name(get->name, "filter");
	get->size = info.size;
	err = rawipt_get(sk, IPT_SO_GET_ENTRIES, get, &optlen);
	if (err) {
		free(get);
		errno = -err;
		return NULL;
	}
	*len = optlen;
	return get;
}

/* Counters of all entries in blob order: their number or a negative errno */
int rawipt_counters(int sk, struct xt_counters *counters, unsigned int max)
{
	struct ipt_get_entries *get;
	const struct ipt_entry *e;
	unsigned int offset, i = 0;
	size_t len;

	get = rawipt_entries(sk, &len);
	if (!get)
		return -errno;
	for (offset = 0; offset < get->size; offset += e->next_offset) {
		e = (void *)((char *)get->entrytable + offset);
		if (i < max)
			counters[i] = e->counters;
		i++;
	}
	free(get);
	return i;
}

int rawipt_add_counters(int sk, const struct xt_counters *counters,
			unsigned int num)
{
	size_t len = sizeof(struct xt_counters_info) + num * sizeof(*counters);
	struct xt_counters_info *info = calloc(1, len);
	int err;

	if (!info)
		return -ENOMEM;
	set_name(info->name, "filter");
	info->num_counters = num;
	memcpy(info->counters, counters, num * sizeof(*counters));
	err = rawipt_set(sk, IPT_SO_SET_ADD_COUNTERS, info, len);
	free(info);
	return err;
}

static int loopback_up(int sk)
{
	struct ifreq ifr = { .ifr_name = "lo" };

	if (ioctl(sk, SIOCGIFFLAGS, &ifr))
		return -errno;
	ifr.ifr_flags |= IFF_UP;
	return ioctl(sk, SIOCSIFFLAGS, &ifr) ? -errno : 0;
}

#define SYSCTL_ENGINE	"/proc/sys/net/netfilter/bpfilter"

static int write_engine(enum rawipt_engine engine)
{
	int err = 0, fd = open(SYSCTL_ENGINE, O_WRONLY);

	/* a kernel without bpfilter is all native */
	if (fd < 0)
		return engine == RAWIPT_NATIVE ? 0 : -errno;
	if (write(fd, engine == RAWIPT_NATIVE ? "0" : "1", 1) != 1)
		err = -errno;
	close(fd);
	return err;
}

/*
 * Move into a new network namespace in which @engine serves new tables and
 * return a socket of it, or a negative errno.
 */
int rawipt_netns(enum rawipt_engine engine)
{
	int sk, err;

	if (unshare(CLONE_NEWNET))
		return -errno;
	err = write_engine(engine);
	if (err)
		return err;
	sk = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sk < 0)
		return -errno;
	err = loopback_up(sk);
	if (err) {
		close(sk);
		return err;
	}
	return sk;
}

/* Can this kernel do it? Leaves the caller in the namespace it came from. */
bool rawipt_engine_usable(enum rawipt_engine engine, const char **why)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	struct ipt_getinfo info;
	int sk, err;

	if (home < 0)
		die("/proc/self/ns/net");
	sk = rawipt_netns(engine);
	err = sk < 0 ? sk : rawipt_info(sk, &info);
	if (err)
		*why = engine == RAWIPT_NATIVE ?
			"this kernel has no native ip_tables" :
			"bpfilter does not serve tables in this kernel";
	if (sk >= 0)
		close(sk);
	if (setns(home, CLONE_NEWNET))
		die("setns");
	close(home);
	return !err;
}

/**
 * rawipt_write() - write a text to a file
 * @path:	the file, which must be there
 * @text:	the text, written at once
 *
 * Return: 0 or a negative errno
 */
int rawipt_write(const char *path, const char *text)
{
	const ssize_t len = strlen(text);
	int err = 0, fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t done;

	if (fd < 0)
		return -errno;
	done = write(fd, text, len);
	if (done != len)
		err = done < 0 ? -errno : -EIO;
	close(fd);
	return err;
}

static int udp_socket(uint16_t port, struct sockaddr_in *addr)
{
	memset(addr, 0, sizeof(*addr));
	addr->sin_family = AF_INET;
	addr->sin_port = htons(port);
	addr->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

int udp_receiver(uint16_t port)
{
	struct sockaddr_in addr;
	int sk = udp_socket(port, &addr);

	if (sk < 0 || bind(sk, (struct sockaddr *)&addr, sizeof(addr)))
		die("udp receiver");
	return sk;
}

int udp_sender(uint16_t port)
{
	struct sockaddr_in addr;
	int sk = udp_socket(port, &addr);

	if (sk < 0 || connect(sk, (struct sockaddr *)&addr, sizeof(addr)))
		die("udp sender");
	return sk;
}

/* Number of packets waiting in a receiver */
int udp_drain(int sk)
{
	int num = 0;
	char buf[64];

	while (recv(sk, buf, sizeof(buf), MSG_DONTWAIT) >= 0)
		num++;
	return num;
}

/**
 * udp_wait() - wait for packets
 * @sk:		the receiver
 * @num:	how many
 * @ms:		patience for each of them, in milliseconds
 *
 * Return: the number that came, which may be more than @num
 */
int udp_wait(int sk, int num, int ms)
{
	struct pollfd fd = { .fd = sk, .events = POLLIN };
	int came = 0;

	while (came < num && poll(&fd, 1, ms) == 1)
		came += udp_drain(sk);
	return came;
}

/**
 * udp_passes() - does a packet come through?
 * @from:	its sender
 * @to:		its receiver
 *
 * Return: true if one was sent and one came
 */
bool udp_passes(int from, int to)
{
	return send(from, "x", 1, 0) == 1 && udp_wait(to, 1, UDP_COMES_MS) == 1;
}

/**
 * udp_dropped() - is a packet lost on its way?
 * @from:	its sender, who does not notice
 * @to:		its receiver
 *
 * Return: true if one was sent and none came
 */
bool udp_dropped(int from, int to)
{
	return send(from, "x", 1, 0) == 1 && !udp_wait(to, 1, UDP_AWAY_MS);
}
