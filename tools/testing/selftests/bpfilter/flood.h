/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTEST_BPFILTER_FLOOD_H
#define SELFTEST_BPFILTER_FLOOD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "rawipt.h"

/* A continuous flood of UDP over loopback, dropped or not by the ruleset */

#define FLOOD_PORT	4001
#define FLOOD_BYTES	(20 + 8 + 1)	/* of a packet, as counters count */
#define FLOOD_MAX	8

struct flood_thread {
	pthread_t thread;
	int cpu;
	int sk;
	unsigned int pause_us;
	atomic_bool *stop;
	atomic_ullong sent;
	uint64_t refused;
};

/**
 * struct flood - senders, one per CPU, and a receiver that should see nothing
 * @num:	number of senders
 * @thread:	senders
 * @stop:	tells them to end
 * @to:		the receiver
 * @lo_before:	packets that the loopback device had delivered at the start
 */
struct flood {
	int num;
	struct flood_thread thread[FLOOD_MAX];
	atomic_bool stop;
	int to;
	uint64_t lo_before;
};

/*
 * In the current network namespace. Each sender rests @pause_us after a packet;
 * 0 is as fast as it goes.
 */
void flood_start(struct flood *f, unsigned int pause_us);
void flood_stop(struct flood *f);

/* Wait until another packet has been sent */
void flood_wait(const struct flood *f);

/* Packets sent so far */
uint64_t flood_sent(const struct flood *f);

/*
 * After the end: send() calls that failed, and packets that the loopback device
 * of the current namespace has delivered since the start.
 */
uint64_t flood_refused(const struct flood *f);
uint64_t flood_delivered(const struct flood *f);

/*
 * Rulesets that all drop the flood at INPUT and count it on the way, each in
 * its own manner. @in and @out are set to the numbers of the entries that count
 * the flood at INPUT and OUTPUT.
 */
struct flood_rules {
	struct rawipt rules;
	unsigned int in;
	unsigned int out;
};

#define FLOOD_RULESETS	3

/* With rules for @sources addresses, that no packet comes from, before all else */
void flood_rules_build(struct flood_rules *fr, unsigned int which,
		       unsigned int sources);

/*
 * Replace what is in force, @from, by @to and carry the two counters over, as
 * iptables does for rules that it keeps. 0 or a negative errno.
 */
int flood_replace(int sk, const struct flood_rules *from,
		  struct flood_rules *to);

/* What the two rules have counted: entries of @fr that are in force at @sk */
int flood_counters(int sk, const struct flood_rules *fr,
		   struct xt_counters *in, struct xt_counters *out);

/*
 * The same after the end, once @in has counted as many as were @delivered:
 * packets may still be in the backlog when the senders have ended. What has
 * been counted after a minute is all there will be.
 */
void flood_settle(int sk, const struct flood_rules *fr, uint64_t delivered,
		  struct xt_counters *in, struct xt_counters *out);

#endif /* SELFTEST_BPFILTER_FLOOD_H */
