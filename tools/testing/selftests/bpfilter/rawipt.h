/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTEST_BPFILTER_RAWIPT_H
#define SELFTEST_BPFILTER_RAWIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <netinet/in.h>
#include <linux/netfilter_ipv4/ip_tables.h>

/*
 * Rulesets for the filter table without libiptc: a builder for the option
 * value of IPT_SO_SET_REPLACE, the socket options themselves, and network
 * namespaces in which one engine or the other serves the table.
 *
 * What talks to the kernel returns 0 or a negative errno, as the kernel does.
 */

#define RAWIPT_MAX_CHAINS	8
#define RAWIPT_MAX_JUMPS	32
#define RAWIPT_MAX_COUNTERS	(128 * 1024)

/*
 * For TEST_F_TIMEOUT(): seconds for a test that makes requests or runs commands.
 * The 30 of TEST_F() are not enough in an emulated guest on a busy machine: one
 * request that starts the helper may take longer there, and the kernel itself
 * has a minute of patience with it.
 */
#define TEST_TIMEOUT_GUEST	600

/**
 * struct rawipt - one ruleset in the making
 * @repl:	the option's value
 * @len:	bytes of it that are in use
 * @entry:	offset in @repl of the entry that is open, 0 if none is
 * @chain:	offset in the entries of each user chain's first rule
 * @num_chains:	number of user chains so far
 * @jump:	offsets in @repl of verdicts that still hold a chain's number
 * @num_jumps:	number of @jump
 *
 * The counters that the kernel hands back are at repl->counters.
 */
struct rawipt {
	struct ipt_replace *repl;
	size_t len;
	size_t entry;
	unsigned int chain[RAWIPT_MAX_CHAINS];
	unsigned int num_chains;
	size_t jump[RAWIPT_MAX_JUMPS];
	unsigned int num_jumps;
};

/* Building, in blob order */
void rawipt_init(struct rawipt *r);
void rawipt_free(struct rawipt *r);
void rawipt_hook(struct rawipt *r, unsigned int hook);
struct ipt_ip *rawipt_rule(struct rawipt *r);
void *rawipt_match(struct rawipt *r, const char *name, uint8_t revision,
		   size_t size);
void rawipt_verdict(struct rawipt *r, int verdict);
void rawipt_jump(struct rawipt *r, unsigned int chain);
void rawipt_goto(struct rawipt *r, unsigned int chain);
void rawipt_policy(struct rawipt *r, unsigned int hook, int verdict);
void rawipt_chain(struct rawipt *r, const char *name);
void rawipt_end(struct rawipt *r);

/* Frequent rules: a UDP destination port, and a verdict or 0 to go on */
void rawipt_udp_port(struct rawipt *r, uint16_t port, int verdict);

/* Hooks from @first to @last that have no rule, and the policy ACCEPT */
void rawipt_policies(struct rawipt *r, unsigned int first, unsigned int last);

/* A filter table with its policies only */
void rawipt_build_empty(struct rawipt *r);

/* Copy a name with its zero; its end is cut off if it does not fit */
void rawipt_name(char *to, size_t size, const char *name);

/* Socket options */
int rawipt_set(int sk, int opt, const void *value, socklen_t len);
int rawipt_get(int sk, int opt, void *value, socklen_t *len);
int rawipt_replace(int sk, struct rawipt *r);
int rawipt_info(int sk, struct ipt_getinfo *info);
struct ipt_get_entries *rawipt_entries(int sk, size_t *len);
int rawipt_counters(int sk, struct xt_counters *counters, unsigned int max);
int rawipt_add_counters(int sk, const struct xt_counters *counters,
			unsigned int num);

/* Namespaces and engines */
enum rawipt_engine {
	RAWIPT_NATIVE,
	RAWIPT_BPFILTER,
};

bool rawipt_engine_usable(enum rawipt_engine engine, const char **why);
int rawipt_netns(enum rawipt_engine engine);

/* Write all of @text to a file, as of /proc */
int rawipt_write(const char *path, const char *text);

/* UDP over the loopback device of the current namespace */
int udp_receiver(uint16_t port);
int udp_sender(uint16_t port);
int udp_drain(int sk);
int udp_wait(int sk, int num, int ms);
bool udp_passes(int from, int to);
bool udp_dropped(int from, int to);

/* Milliseconds to wait for what must come, and for what must not */
#define UDP_COMES_MS	60000
#define UDP_AWAY_MS	2000

#define VERDICT_ACCEPT	(-NF_ACCEPT - 1)
#define VERDICT_DROP	(-NF_DROP - 1)
#define VERDICT_RETURN	XT_RETURN

#endif /* SELFTEST_BPFILTER_RAWIPT_H */
