// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_tcpudp.h>

#include "sides.h"

#define NO_OFFSET	((size_t)-1)

#define note(fmt, ...)	do {				\
	printf("# " fmt "\n", ##__VA_ARGS__);		\
	fflush(stdout);					\
} while (0)

/* One rule of each kind that the ruleset format has */

static void rule_established(struct rawipt *r)
{
	struct xt_conntrack_mtinfo3 *ct;

	rawipt_rule(r)->src.s_addr = htonl(0x0a000000);
	ct = rawipt_match(r, "conntrack", 3, sizeof(*ct));
	ct->match_flags = XT_CONNTRACK_STATE;
	ct->state_mask = XT_CONNTRACK_STATE_BIT(IP_CT_ESTABLISHED);
	rawipt_verdict(r, VERDICT_ACCEPT);
}

static void rule_tcp_jump(struct rawipt *r, unsigned int chain)
{
	struct ipt_ip *ip = rawipt_rule(r);
	struct xt_tcp *tcp;

	ip->proto = IPPROTO_TCP;
	ip->dst.s_addr = htonl(INADDR_LOOPBACK);
	ip->dmsk.s_addr = 0xffffffff;
	tcp = rawipt_match(r, "tcp", 0, sizeof(*tcp));
	tcp->spts[1] = 0xffff;
	tcp->dpts[0] = 22;
	tcp->dpts[1] = 23;
	tcp->flg_mask = 0x17;
	tcp->flg_cmp = 0x02;
	rawipt_jump(r, chain);
}

static void rule_comment_goto(struct rawipt *r, unsigned int chain)
{
	struct ipt_ip *ip = rawipt_rule(r);
	struct xt_comment_info *comment;

	rawipt_name(ip->iniface, sizeof(ip->iniface), "lo");
	memset(ip->iniface_mask, 0xff, 3);
	comment = rawipt_match(r, "comment", 0, sizeof(*comment));
	rawipt_name(comment->comment, sizeof(comment->comment), "anything");
	rawipt_goto(r, chain);
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

static void build_base(struct rawipt *r)
{
	rawipt_init(r);
	rawipt_hook(r, NF_INET_LOCAL_IN);
	rule_established(r);
	rule_tcp_jump(r, 0);
	rawipt_udp_port(r, SIDES_PORT, VERDICT_DROP);
	rule_comment_goto(r, 1);
	rawipt_policy(r, NF_INET_LOCAL_IN, VERDICT_ACCEPT);
	rawipt_hook(r, NF_INET_FORWARD);
	rawipt_policy(r, NF_INET_FORWARD, VERDICT_DROP);
	rawipt_hook(r, NF_INET_LOCAL_OUT);
	rawipt_udp_port(r, SIDES_PORT, 0);
	rawipt_policy(r, NF_INET_LOCAL_OUT, VERDICT_ACCEPT);
	rawipt_chain(r, "first");
	rule_icmp(r);
	rawipt_rule(r);
	rawipt_verdict(r, VERDICT_RETURN);
	rawipt_chain(r, "second");
	rawipt_rule(r)->invflags = IPT_INV_SRCIP;
	rawipt_jump(r, 0);
	rawipt_rule(r);
	rawipt_verdict(r, VERDICT_RETURN);
	rawipt_end(r);
}

static enum rawipt_engine engine_under_test(void)
{
	const char *name = getenv("BPFILTER_TEST_ENGINE");

	return name && !strcmp(name, "native") ? RAWIPT_NATIVE :
						 RAWIPT_BPFILTER;
}

static const char *side_open(struct side *side, enum rawipt_engine engine)
{
	const char *why;
	unsigned int i;

	if (!rawipt_engine_usable(engine, &why))
		return why;
	side->name = engine == RAWIPT_NATIVE ? "native" : "bpfilter";
	side->sk = rawipt_netns(engine);
	for (i = 0; i < SIDES_PORTS; i++) {
		side->to[i] = udp_receiver(SIDES_PORT + i);
		side->from[i] = udp_sender(SIDES_PORT + i);
	}
	return NULL;
}

const char *sides_open(struct sides *s)
{
	const char *why;

	memset(s, 0, sizeof(*s));
	build_base(&s->base);
	why = side_open(&s->side[0], engine_under_test());
	if (why)
		return why;
	why = side_open(&s->side[1], RAWIPT_NATIVE);
	if (why)
		note("without the oracle: %s", why);
	s->num = why ? 1 : 2;
	return NULL;
}

void sides_close(struct sides *s)
{
	unsigned int i;
	int j;

	for (j = 0; j < s->num; j++) {
		for (i = 0; i < SIDES_PORTS; i++) {
			close(s->side[j].from[i]);
			close(s->side[j].to[i]);
		}
		close(s->side[j].sk);
		free(s->side[j].before);
	}
	rawipt_free(&s->base);
}

int sides_load_base(struct sides *s)
{
	int i, err = 0;

	for (i = 0; i < s->num && !err; i++)
		err = rawipt_replace(s->side[i].sk, &s->base);
	s->base.repl->num_counters = s->base.repl->num_entries;
	return err;
}

/* Put the sides on the same ground again; if that fails, all that follows does */
static void resync(struct sides *s)
{
	struct rawipt base;
	int i, err;

	build_base(&base);
	for (i = 0; i < s->num; i++) {
		err = rawipt_replace(s->side[i].sk, &base);
		if (!err)
			continue;
		note("%s does not take its ruleset back: %d",
		     s->side[i].name, err);
		s->differ++;
	}
	rawipt_free(&base);
}

static bool same_entries(const struct ipt_get_entries *a, size_t a_len,
			 const struct ipt_get_entries *b, size_t b_len)
{
	return a && b && a_len == b_len && !memcmp(a, b, a_len);
}

static bool unchanged(const struct side *side)
{
	struct ipt_get_entries *now;
	size_t len;
	bool same;

	now = rawipt_entries(side->sk, &len);
	same = same_entries(side->before, side->before_len, now, len);
	free(now);
	return same;
}

/* One packet to each port; what came of it as bits, two per port */
static unsigned int packets(const struct side *side)
{
	unsigned int i, came = 0;

	for (i = 0; i < SIDES_PORTS; i++) {
		if (send(side->from[i], "x", 1, 0) < 0)
			came |= 2 << 2 * i;
		if (udp_drain(side->to[i]))
			came |= 1 << 2 * i;
	}
	return came;
}

void sides_compare(struct sides *s, const char *what)
{
	struct side *a = &s->side[0], *b = &s->side[1];
	unsigned int came[2];
	int i;

	for (i = 0; i < s->num; i++) {
		came[i] = packets(&s->side[i]);
		free(s->side[i].before);
		s->side[i].before = rawipt_entries(s->side[i].sk,
						   &s->side[i].before_len);
	}
	if (s->num < 2)
		return;
	if (came[0] != came[1]) {
		note("%s: packets %#x and %#x", what, came[0], came[1]);
		s->differ++;
	}
	if (!same_entries(a->before, a->before_len, b->before, b->before_len)) {
		note("%s: entries or counters differ", what);
		s->differ++;
		resync(s);
	}
}

/* Both sides got the same and returned @err: judge what is in force */
static void judge(struct sides *s, size_t offset, uint32_t value,
		  const char *what, const int *err)
{
	bool intended;
	int i;

	for (i = 0; i < s->num; i++) {
		if (err[i] && !unchanged(&s->side[i])) {
			note("%s: %s refused it (%d) but its ruleset changed",
			     what, s->side[i].name, err[i]);
			s->differ++;
		}
	}
	if (err[0])
		s->refused++;
	else
		s->accepted++;
	if (s->num < 2 || err[0] == err[1])
		return;
	intended = offset != NO_OFFSET && s->is_intended &&
		   s->is_intended(&s->base, offset, value, err);
	note("%s: %s %d, %s %d%s", what, s->side[0].name, err[0],
	     s->side[1].name, err[1], intended ? ", as intended" : "");
	if (intended)
		s->intended++;
	else
		s->differ++;
	resync(s);
}

static void attempt(struct sides *s, int opt, size_t offset, uint32_t word,
		    const char *what, const void *value, socklen_t len)
{
	int i, err[2] = { 0, 0 };

	for (i = 0; i < s->num; i++)
		err[i] = rawipt_set(s->side[i].sk, opt, value, len);
	judge(s, offset, word, what, err);
	sides_compare(s, what);
}

void sides_set(struct sides *s, int opt, const char *what, const void *value,
	       socklen_t len)
{
	attempt(s, opt, NO_OFFSET, 0, what, value, len);
}

void sides_replace(struct sides *s, const char *what, const void *value,
		   socklen_t len)
{
	attempt(s, IPT_SO_SET_REPLACE, NO_OFFSET, 0, what, value, len);
}

void sides_change(struct sides *s, size_t offset, uint32_t value,
		  const char *what)
{
	uint32_t *word = (void *)((char *)s->base.repl + offset), old = *word;

	*word = value;
	attempt(s, IPT_SO_SET_REPLACE, offset, value, what, s->base.repl,
		s->base.len);
	*word = old;
}

void sides_get(struct sides *s, int opt, const char *what, const void *value,
	       size_t size, socklen_t len)
{
	socklen_t optlen[2] = { len, len };
	char *copy[2] = { NULL, NULL };
	int i, err[2] = { 0, 0 };

	for (i = 0; i < s->num; i++) {
		copy[i] = malloc(size);
		memcpy(copy[i], value, size);
		err[i] = rawipt_get(s->side[i].sk, opt, copy[i], &optlen[i]);
	}
	judge(s, NO_OFFSET, 0, what, err);
	if (s->num > 1 && (optlen[0] != optlen[1] ||
			   memcmp(copy[0], copy[1], size))) {
		note("%s: other values returned (%u and %u bytes)", what,
		     optlen[0], optlen[1]);
		s->differ++;
	}
	free(copy[0]);
	free(copy[1]);
}

void sides_report(const struct sides *s)
{
	note("%d accepted, %d refused, %d intended differences, %d others",
	     s->accepted, s->refused, s->intended, s->differ);
}
