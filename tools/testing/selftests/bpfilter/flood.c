// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "flood.h"

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* Packets that the loopback device of this thread's namespace has delivered */
static uint64_t lo_packets(void)
{
	FILE *f = fopen("/proc/thread-self/net/dev", "r");
	unsigned long long bytes, packets = 0;
	char line[512];

	if (!f)
		die("/proc/thread-self/net/dev");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, " lo: %llu %llu", &bytes, &packets) == 2)
			break;
	fclose(f);
	return packets;
}

static void *flood_thread(void *arg)
{
	struct flood_thread *t = arg;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(t->cpu, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	while (!atomic_load(t->stop)) {
		if (send(t->sk, "x", 1, 0) == 1)
			t->sent++;
		else
			t->refused++;
		if (t->pause_us)
			usleep(t->pause_us);
	}
	return NULL;
}

void flood_start(struct flood *f, unsigned int pause_us)
{
	struct flood_thread *t;
	int i;

	memset(f, 0, sizeof(*f));
	f->num = sysconf(_SC_NPROCESSORS_ONLN);
	if (f->num > FLOOD_MAX)
		f->num = FLOOD_MAX;
	f->to = udp_receiver(FLOOD_PORT);
	f->lo_before = lo_packets();
	for (i = 0; i < f->num; i++) {
		t = &f->thread[i];
		t->cpu = i;
		t->stop = &f->stop;
		t->pause_us = pause_us;
		t->sk = udp_sender(FLOOD_PORT);
		if (pthread_create(&t->thread, NULL, flood_thread, t))
			die("pthread_create");
	}
}

void flood_stop(struct flood *f)
{
	int i;

	atomic_store(&f->stop, true);
	for (i = 0; i < f->num; i++) {
		pthread_join(f->thread[i].thread, NULL);
		close(f->thread[i].sk);
	}
}

uint64_t flood_sent(const struct flood *f)
{
	uint64_t sum = 0;
	int i;

	for (i = 0; i < f->num; i++)
		sum += f->thread[i].sent;
	return sum;
}

void flood_wait(const struct flood *f)
{
	uint64_t sent = flood_sent(f);

	while (flood_sent(f) == sent)
		usleep(100);
}

uint64_t flood_refused(const struct flood *f)
{
	uint64_t sum = 0;
	int i;

	for (i = 0; i < f->num; i++)
		sum += f->thread[i].refused;
	return sum;
}

uint64_t flood_delivered(const struct flood *f)
{
	return lo_packets() - f->lo_before;
}

/* A rule that nothing matches, to move the others around */
static void rule_other(struct rawipt *r, unsigned int i)
{
	rawipt_udp_port(r, 9000 + i, VERDICT_ACCEPT);
}

static void start_input(struct rawipt *r, unsigned int sources)
{
	unsigned int i;

	rawipt_hook(r, NF_INET_LOCAL_IN);
	for (i = 0; i < sources; i++) {
		struct ipt_ip *ip = rawipt_rule(r);

		ip->src.s_addr = htonl(0x0a000000 + i);
		ip->smsk.s_addr = 0xffffffff;
		rawipt_verdict(r, VERDICT_ACCEPT);
	}
}

static void input_by_rule(struct flood_rules *fr)
{
	struct rawipt *r = &fr->rules;

	fr->in = r->repl->num_entries;
	rawipt_udp_port(r, FLOOD_PORT, 0);
	rawipt_udp_port(r, FLOOD_PORT, VERDICT_DROP);
	rawipt_policy(r, NF_INET_LOCAL_IN, VERDICT_ACCEPT);
}

static void input_by_chain(struct flood_rules *fr)
{
	struct rawipt *r = &fr->rules;
	unsigned int i;

	for (i = 0; i < 5; i++)
		rule_other(r, i);
	rawipt_rule(r);
	rawipt_jump(r, 0);
	rawipt_policy(r, NF_INET_LOCAL_IN, VERDICT_ACCEPT);
}

/* Nothing but the policy: it counts too */
static void input_by_policy(struct flood_rules *fr)
{
	struct rawipt *r = &fr->rules;

	fr->in = r->repl->num_entries;
	rawipt_policy(r, NF_INET_LOCAL_IN, VERDICT_DROP);
}

static void output(struct flood_rules *fr, unsigned int others)
{
	struct rawipt *r = &fr->rules;
	unsigned int i;

	rawipt_hook(r, NF_INET_LOCAL_OUT);
	for (i = 0; i < others; i++)
		rule_other(r, i);
	fr->out = r->repl->num_entries;
	rawipt_udp_port(r, FLOOD_PORT, others ? 0 : VERDICT_ACCEPT);
	rawipt_policy(r, NF_INET_LOCAL_OUT, VERDICT_ACCEPT);
}

static void drop_chain(struct flood_rules *fr)
{
	struct rawipt *r = &fr->rules;

	rawipt_chain(r, "drops");
	rule_other(r, 0);
	fr->in = r->repl->num_entries;
	rawipt_udp_port(r, FLOOD_PORT, VERDICT_DROP);
	rawipt_rule(r);
	rawipt_verdict(r, VERDICT_RETURN);
}

void flood_rules_build(struct flood_rules *fr, unsigned int which,
		       unsigned int sources)
{
	static void (* const input[FLOOD_RULESETS])(struct flood_rules *) = {
		input_by_rule, input_by_chain, input_by_policy,
	};
	struct rawipt *r = &fr->rules;

	rawipt_init(r);
	start_input(r, sources);
	input[which](fr);
	rawipt_hook(r, NF_INET_FORWARD);
	rawipt_policy(r, NF_INET_FORWARD, VERDICT_ACCEPT);
	output(fr, which);
	if (r->num_jumps)
		drop_chain(fr);
	rawipt_end(r);
}

int flood_replace(int sk, const struct flood_rules *from,
		  struct flood_rules *to)
{
	const struct xt_counters *old = to->rules.repl->counters;
	struct xt_counters *add;
	int err;

	to->rules.repl->num_counters = from->rules.repl->num_entries;
	err = rawipt_set(sk, IPT_SO_SET_REPLACE, to->rules.repl,
			 to->rules.len);
	if (err)
		return err;
	add = calloc(to->rules.repl->num_entries, sizeof(*add));
	if (!add)
		return -ENOMEM;
	add[to->in] = old[from->in];
	add[to->out] = old[from->out];
	err = rawipt_add_counters(sk, add, to->rules.repl->num_entries);
	free(add);
	return err;
}

int flood_counters(int sk, const struct flood_rules *fr,
		   struct xt_counters *in, struct xt_counters *out)
{
	static struct xt_counters all[RAWIPT_MAX_COUNTERS];
	int num = rawipt_counters(sk, all, RAWIPT_MAX_COUNTERS);

	if (num < 0)
		return num;
	*in = all[fr->in];
	*out = all[fr->out];
	return 0;
}

void flood_settle(int sk, const struct flood_rules *fr, uint64_t delivered,
		  struct xt_counters *in, struct xt_counters *out)
{
	unsigned int i;

	memset(in, 0, sizeof(*in));
	memset(out, 0, sizeof(*out));
	for (i = 0; i < 6000; i++) {
		if (!flood_counters(sk, fr, in, out) && in->pcnt >= delivered)
			break;
		usleep(10000);
	}
}
