// SPDX-License-Identifier: GPL-2.0
/*
 * Packets from captured bytes
 *
 * What the kernel itself takes for no packet before any rule sees it is told
 * apart: headers that contradict themselves. Checksums are not, since those of
 * packets that this host sends are often not there yet when they are captured.
 */
#include <stdio.h>
#include <string.h>
#include <arpa/inet.h>
#include <net/ethernet.h>
#include <linux/if_packet.h>
#include <linux/netfilter.h>
#include <pcap/dlt.h>

#include "cmd_test.h"

#define FIELD(name)	(1ULL << IR_FIELD_##name)

#define VLAN_LEN	4
#define SLL_LEN		16
#define SLL2_LEN	20
#define NULL_LEN	4

/* More fragments, and the offset */
#define IP_FRAGMENT_MASK	0x3fff

#define IPV6_LEN	40U

/* What is wrong with a frame; told apart by where they are */
static const char other_family[] = "of another family";
static const char too_short[] = "captured too short";
static const char fragment[] = "fragments are put together";
static const char not_ipv4[] = "no packet of IPv4";
static const char not_ipv6[] = "no packet of IPv6";
static const char too_many[] = "more extension headers than there is room";

static uint16_t get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

/**
 * struct cursor - bytes that are left
 * @p:		them
 * @captured:	how many are here
 * @len:	how many there were
 */
struct cursor {
	const uint8_t *p;
	unsigned int captured;
	unsigned int len;
};

static bool skip(struct cursor *c, unsigned int bytes)
{
	if (c->captured < bytes)
		return false;
	c->p += bytes;
	c->captured -= bytes;
	c->len -= bytes;
	return true;
}

/* --- Below IP: each returns what is wrong, and leaves the cursor at IP --- */

static const char *ethertype(struct packet *pkt, uint16_t type)
{
	return type == (pkt->is_ip6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP) ? NULL :
								       other_family;
}

static const char *link_ethernet(struct cursor *c, struct packet *pkt)
{
	static const uint8_t all[ETHER_ADDR_LEN] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	};
	const uint8_t *eth = c->p;
	uint16_t type;

	if (!skip(c, ETHER_HDR_LEN))
		return too_short;
	pkt->link.len = ETHER_HDR_LEN;
	memcpy(pkt->link.source, eth + ETHER_ADDR_LEN, ETHER_ADDR_LEN);
	if (!memcmp(eth, all, sizeof(all)))
		pkt->link.type = PACKET_BROADCAST;
	else
		pkt->link.type = eth[0] & 1 ? PACKET_MULTICAST : PACKET_HOST;
	type = get16(eth + 2 * ETHER_ADDR_LEN);
	while (type == ETHERTYPE_VLAN || type == 0x88a8) {
		type = c->captured < VLAN_LEN ? 0 : get16(c->p + 2);
		if (!skip(c, VLAN_LEN))
			return too_short;
	}
	pkt->unknown &= ~(FIELD(MAC_SADDR) | FIELD(PKTTYPE));
	/* The loopback device is no Ethernet, though it looks like one */
	if (!strcmp(pkt->in, "lo")) {
		pkt->link.not_ether = true;
		pkt->unknown |= FIELD(PKTTYPE);
	} else if (!pkt->in[0]) {
		pkt->unknown |= FIELD(MAC_SADDR);
	}
	return ethertype(pkt, type);
}

static const char *link_raw(struct cursor *c, struct packet *pkt)
{
	if (!c->captured)
		return too_short;
	return c->p[0] >> 4 == (pkt->is_ip6 ? 6 : 4) ? NULL : other_family;
}

static const char *link_sll(struct cursor *c, struct packet *pkt)
{
	const uint8_t *sll = c->p;

	if (!skip(c, SLL_LEN))
		return too_short;
	return ethertype(pkt, get16(sll + 14));
}

static const char *link_sll2(struct cursor *c, struct packet *pkt)
{
	const uint8_t *sll = c->p;

	if (!skip(c, SLL2_LEN))
		return too_short;
	return ethertype(pkt, get16(sll));
}

/* The family's number differs between systems, the version does not */
static const char *link_null(struct cursor *c, struct packet *pkt)
{
	return skip(c, NULL_LEN) ? link_raw(c, pkt) : too_short;
}

static const struct {
	int link;
	const char *(*read)(struct cursor *c, struct packet *pkt);
} links[] = {
	{ DLT_EN10MB, link_ethernet },
	{ DLT_RAW, link_raw },
	{ DLT_IPV4, link_raw },
	{ DLT_IPV6, link_raw },
	{ DLT_LINUX_SLL, link_sll },
	{ DLT_LINUX_SLL2, link_sll2 },
	{ DLT_NULL, link_null },
	{ DLT_LOOP, link_null },
};

/**
 * test_link_known - can frames of this link type be read?
 * @link:	DLT_*
 *
 * Return: true if so
 */
bool test_link_known(int link)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(links); i++)
		if (links[i].link == link)
			return true;
	return false;
}

/* --- IP --- */

/* What is behind the packet is padding */
static void trim(struct cursor *c, unsigned int len)
{
	c->len = len;
	if (c->captured > len)
		c->captured = len;
}

static const char *read_ipv4(const struct test *t, struct cursor *c,
			     struct packet *pkt)
{
	const uint8_t *ip = c->p;
	unsigned int header, len;

	if (c->captured < 20)
		return too_short;
	header = (ip[0] & 0xf) * 4;
	len = get16(ip + 2);
	if (ip[0] >> 4 != 4 || header < 20 || len < header || len > c->len)
		return not_ipv4;
	trim(c, len);
	pkt->tos = ip[1];
	pkt->fragoff = get16(ip + 6) & 0x1fff;
	pkt->ttl = ip[8];
	pkt->proto = ip[9];
	pkt->saddr = get32(ip + 12);
	pkt->daddr = get32(ip + 16);
	pkt->ip_options = header / 4 - 5;
	if (t->tracks && get16(ip + 6) & IP_FRAGMENT_MASK)
		return fragment;
	return skip(c, header) ? NULL : too_short;
}

/* Extension headers, and what is fragmented, as they are */
static const char *read_extensions(const struct test *t, struct cursor *c,
				   struct packet *pkt)
{
	struct packet_transport at;

	packet_transport(c->p, c->captured, true, &at);
	if (!at.found && c->captured < c->len)
		return too_short;
	if (t->tracks && at.fragment)
		return fragment;
	/* A header that is not there drops at the rules that ask for it */
	if (!at.found || !at.thoff)
		at.thoff = c->captured;
	pkt->ext_len = at.thoff - IPV6_LEN;
	if (pkt->ext_len > sizeof(pkt->ext))
		return at.found ? too_many : fragment;
	memcpy(pkt->ext, c->p + IPV6_LEN, pkt->ext_len);
	skip(c, at.thoff);
	return NULL;
}

static const char *read_ipv6(const struct test *t, struct cursor *c,
			     struct packet *pkt)
{
	const uint8_t *ip = c->p;

	if (c->captured < IPV6_LEN)
		return too_short;
	if (ip[0] >> 4 != 6 || IPV6_LEN + get16(ip + 4) > c->len)
		return not_ipv6;
	/* A length of 0 is that of a jumbogram, which has an option for its own */
	if (get16(ip + 4) || ip[6] != IPPROTO_HOPOPTS)
		trim(c, IPV6_LEN + get16(ip + 4));
	pkt->tos = get16(ip) >> 4;
	pkt->ttl = ip[7];
	pkt->proto = ip[6];
	memcpy(pkt->saddr6, ip + 8, 16);
	memcpy(pkt->daddr6, ip + 24, 16);
	return read_extensions(t, c, pkt);
}

/* Bytes of the transport header that rules may look at */
static unsigned int transport_len(const struct cursor *c, uint8_t proto)
{
	unsigned int header;

	if (proto != IPPROTO_TCP)
		return 12;
	header = c->captured > 12 ? (c->p[12] >> 4) * 4 : 20;
	return header < 20 ? 20 : header;
}

static const char *read_transport(const struct cursor *c, struct packet *pkt,
				  bool *bad_sum)
{
	uint8_t bytes[PACKET_MAX];
	struct packet_transport at;
	unsigned int want;

	/* Of what is in front of it, which is there by now */
	packet_transport(bytes, packet_bytes(pkt, bytes), pkt->is_ip6, &at);
	want = at.fragoff ? 0 : transport_len(c, at.proto);

	pkt->l4_len = c->captured < sizeof(pkt->l4) ? c->captured :
						      sizeof(pkt->l4);
	memcpy(pkt->l4, c->p, pkt->l4_len);
	pkt->more_len = c->len - pkt->l4_len;
	*bad_sum = c->captured == c->len && !at.fragoff &&
		   test_sum_is_bad(pkt, at.proto, c->p, c->len);
	return pkt->l4_len < want && c->captured < c->len ? too_short : NULL;
}

static const char *read_link(const struct test_frame *f, struct cursor *c,
			     struct packet *pkt)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(links); i++)
		if (links[i].link == f->link)
			return links[i].read(c, pkt);
	return other_family;
}

/**
 * test_frame_read - a packet from captured bytes
 * @t:		test
 * @f:		bytes; tells of their checksum
 * @pkt:	filled, with what is known of it
 * @why:	what is wrong if this is not FRAME_PACKET
 *
 * Return: what it is
 */
enum test_frame_kind test_frame_read(const struct test *t,
				     struct test_frame *f,
				     struct packet *pkt, const char **why)
{
	struct cursor c = { f->bytes, f->captured, f->len };

	*pkt = t->pkt;
	pkt->is_ip6 = t->ctx->family == NFPROTO_IPV6;
	pkt->unknown |= FIELD(MAC_SADDR) | FIELD(PKTTYPE);
	*why = read_link(f, &c, pkt);
	if (!*why && pkt->is_ip6)
		*why = read_ipv6(t, &c, pkt);
	else if (!*why)
		*why = read_ipv4(t, &c, pkt);
	if (!*why)
		*why = read_transport(&c, pkt, &f->bad_sum);
	if (!*why)
		return FRAME_PACKET;
	if (*why == other_family)
		return FRAME_OTHER;
	return *why == not_ipv4 || *why == not_ipv6 ? FRAME_NO_PACKET :
						      FRAME_UNKNOWN;
}
