// SPDX-License-Identifier: GPL-2.0
/*
 * What a report tells of its packet
 *
 * Reports do not say which packet they are about. What stays the same on a
 * packet's way is hashed to a key: not addresses, ports and checksums, which
 * NAT changes, nor TOS and TTL, nor lengths and options, which TCPMSS changes,
 * but what identifies it in IP and TCP, and the beginning of its payload.
 */
#include <stdio.h>
#include <string.h>
#include <arpa/inet.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "cmd_trace.h"

/* Of a TCP header the byte of flags, of an ICMP header what echoes have */
#define TCP_FLAGS_OFF	13
#define ICMP_HEAD	8

/* Extension headers of IPv6 that are walked; more are as good as endless */
#define EXT_MAX		8

/* struct rest - the part of a packet that is not read yet */
struct rest {
	const uint8_t *data;
	size_t len;
};

/* FNV-1a */
#define KEY_START	14695981039346656037ULL
#define KEY_PRIME	1099511628211ULL

static void key_add(struct trace_packet *p, const void *data, size_t len)
{
	const uint8_t *byte = data;

	while (len--)
		p->key = (p->key ^ *byte++) * KEY_PRIME;
}

/* A part that the report holds as a whole, at the beginning of @r; or NULL */
static const void *part(const struct rest *r, size_t size)
{
	return r->len >= size ? r->data : NULL;
}

static void skip(struct rest *r, size_t size)
{
	if (size > r->len)
		size = r->len;
	r->data += size;
	r->len -= size;
}

/* Transport headers */

static void ports_read(struct trace_packet *p, const struct rest *r)
{
	const uint8_t *d = part(r, 4);

	if (!d)
		return;
	p->ports = true;
	p->sport = d[0] << 8 | d[1];
	p->dport = d[2] << 8 | d[3];
}

static void tcp_read(struct trace_packet *p, struct rest *r)
{
	const struct tcphdr *tcp = part(r, sizeof(*tcp));

	ports_read(p, r);
	if (!tcp)
		return;
	p->tcp_flags = r->data[TCP_FLAGS_OFF];
	key_add(p, &tcp->seq, sizeof(tcp->seq));
	key_add(p, &tcp->ack_seq, sizeof(tcp->ack_seq));
	key_add(p, &p->tcp_flags, sizeof(p->tcp_flags));
	skip(r, tcp->doff * 4);
}

static void udp_read(struct trace_packet *p, struct rest *r)
{
	ports_read(p, r);
	skip(r, sizeof(struct udphdr));
}

static bool is_echo(const struct trace_packet *p)
{
	if (p->proto == IPPROTO_ICMPV6)
		return p->type == ICMPV6_ECHO_REQUEST ||
		       p->type == ICMPV6_ECHO_REPLY;
	return p->type == ICMP_ECHO || p->type == ICMP_ECHOREPLY;
}

static void icmp_read(struct trace_packet *p, struct rest *r)
{
	const uint8_t *d = part(r, ICMP_HEAD);

	if (!d)
		return;
	p->icmp = true;
	p->type = d[0];
	p->code = d[1];
	p->echo = is_echo(p);
	p->id = d[4] << 8 | d[5];
	p->seq = d[6] << 8 | d[7];
	key_add(p, d, 2);
	/* NAT may change the id, and what errors quote */
	if (p->echo)
		key_add(p, d + 6, 2);
	skip(r, p->echo ? ICMP_HEAD : r->len);
}

static const struct {
	uint8_t proto;
	const char *name;
	void (*read)(struct trace_packet *p, struct rest *r);
} protos[] = {
	{ IPPROTO_TCP,		"tcp",		tcp_read },
	{ IPPROTO_UDP,		"udp",		udp_read },
	{ IPPROTO_UDPLITE,	"udplite",	udp_read },
	{ IPPROTO_ICMP,		"icmp",		icmp_read },
	{ IPPROTO_ICMPV6,	"icmpv6",	icmp_read },
	{ IPPROTO_SCTP,		"sctp",		udp_read },
	{ IPPROTO_DCCP,		"dccp",		udp_read },
	{ IPPROTO_GRE,		"gre",		NULL },
	{ IPPROTO_ESP,		"esp",		NULL },
	{ IPPROTO_AH,		"ah",		NULL },
	{ IPPROTO_IGMP,		"igmp",		NULL },
};

/**
 * trace_proto_name - a packet's protocol by name
 * @packet:	packet
 *
 * Return: the name, or NULL if there is only a number
 */
const char *trace_proto_name(const struct trace_packet *packet)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(protos); i++)
		if (protos[i].proto == packet->proto)
			return protos[i].name;
	return NULL;
}

static void transport_read(struct trace_packet *p, struct rest *r)
{
	unsigned int i;

	for (i = 0; !p->fragment && i < ARRAY_SIZE(protos); i++)
		if (protos[i].proto == p->proto && protos[i].read)
			protos[i].read(p, r);
	key_add(p, r->data, r->len);
}

/* Network headers */

static bool ipv4_read(struct trace_packet *p, struct rest *r)
{
	const struct iphdr *ip = part(r, sizeof(*ip));

	if (!ip)
		return false;
	memcpy(p->src, &ip->saddr, sizeof(ip->saddr));
	memcpy(p->dst, &ip->daddr, sizeof(ip->daddr));
	p->proto = ip->protocol;
	p->bytes = ntohs(ip->tot_len);
	p->fragment = ntohs(ip->frag_off) & 0x1fff;
	key_add(p, &ip->id, sizeof(ip->id));
	key_add(p, &ip->frag_off, sizeof(ip->frag_off));
	key_add(p, &p->proto, sizeof(p->proto));
	skip(r, ip->ihl * 4);
	return true;
}

static bool is_extension(uint8_t proto)
{
	return proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING ||
	       proto == IPPROTO_DSTOPTS || proto == IPPROTO_FRAGMENT;
}

/* Returns whether one was passed */
static bool extension_read(struct trace_packet *p, struct rest *r)
{
	const uint8_t *d = part(r, 8);
	bool is_frag = p->proto == IPPROTO_FRAGMENT;

	if (!d || !is_extension(p->proto) || p->fragment)
		return false;
	if (is_frag) {
		p->fragment = (d[2] << 8 | d[3]) & 0xfff8;
		key_add(p, d + 2, 6);
	}
	p->proto = d[0];
	skip(r, is_frag ? 8 : (d[1] + 1) * 8);
	return true;
}

static bool ipv6_read(struct trace_packet *p, struct rest *r)
{
	const struct ipv6hdr *ip = part(r, sizeof(*ip));
	unsigned int i;

	if (!ip)
		return false;
	memcpy(p->src, &ip->saddr, sizeof(p->src));
	memcpy(p->dst, &ip->daddr, sizeof(p->dst));
	p->proto = ip->nexthdr;
	p->bytes = ntohs(ip->payload_len) + sizeof(*ip);
	skip(r, sizeof(*ip));
	for (i = 0; i < EXT_MAX && extension_read(p, r); i++)
		;
	key_add(p, &p->proto, sizeof(p->proto));
	return true;
}

/**
 * trace_packet_read - read what a report has of its packet
 * @report:	report
 * @packet:	filled
 */
void trace_packet_read(const struct trace_report *report,
		       struct trace_packet *packet)
{
	struct rest r = { report->data, report->len };
	bool whole;

	memset(packet, 0, sizeof(*packet));
	packet->family = report->fam->family;
	packet->key = KEY_START;
	whole = packet->family == NFPROTO_IPV6 ? ipv6_read(packet, &r) :
						 ipv4_read(packet, &r);
	if (whole)
		transport_read(packet, &r);
}

/* Text */

static void end_text(char *text, size_t size, const struct trace_packet *p,
		     const uint8_t *addr, uint16_t port)
{
	char name[INET6_ADDRSTRLEN];
	bool six = p->family == NFPROTO_IPV6;

	inet_ntop(six ? AF_INET6 : AF_INET, addr, name, sizeof(name));
	if (p->ports)
		snprintf(text, size, six ? "[%s]:%u" : "%s:%u", name, port);
	else
		snprintf(text, size, "%s", name);
}

/* As tcpdump has them, and in its order */
static void flags_text(char *text, size_t size, uint8_t flags)
{
	static const char letters[] = "FSRPAUEC";
	size_t num = 0;
	int i;

	for (i = 0; i < 8; i++)
		if (flags & 1 << i && num + 1 < size)
			text[num++] = letters[i];
	text[num] = '\0';
}

static void detail_text(char *text, size_t size, const struct trace_packet *p)
{
	char flags[9];

	*text = '\0';
	if (p->fragment) {
		snprintf(text, size, " fragment");
	} else if (p->echo) {
		snprintf(text, size, " type %u code %u id %u seq %u", p->type,
			 p->code, p->id, p->seq);
	} else if (p->icmp) {
		snprintf(text, size, " type %u code %u", p->type, p->code);
	} else if (p->tcp_flags) {
		flags_text(flags, sizeof(flags), p->tcp_flags);
		snprintf(text, size, " %s", flags);
	}
}

/**
 * trace_packet_text - a packet in a few words
 * @packet:	packet
 * @text:	filled
 * @size:	bytes of @text
 */
void trace_packet_text(const struct trace_packet *packet, char *text,
		       size_t size)
{
	char src[64], dst[64], number[16], detail[64];
	const char *proto = trace_proto_name(packet);

	end_text(src, sizeof(src), packet, packet->src, packet->sport);
	end_text(dst, sizeof(dst), packet, packet->dst, packet->dport);
	snprintf(number, sizeof(number), "protocol %u", packet->proto);
	detail_text(detail, sizeof(detail), packet);
	snprintf(text, size, "%s %s > %s%s, %u bytes", proto ? proto : number,
		 src, dst, detail, packet->bytes);
}
