// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>

#include "match.h"

/* A new match is one file and one line here */
extern const struct match_group match_ah, match_comment, match_connmark,
				match_conntrack, match_dscp, match_ecn,
				match_esp, match_hl, match_icmp, match_iprange,
				match_length, match_mac, match_mark,
				match_multiport, match_pkttype, match_sctp,
				match_state, match_statistic, match_tcp,
				match_udp;

static const struct match_group *const groups[] = {
	&match_ah,
	&match_comment,
	&match_connmark,
	&match_conntrack,
	&match_dscp,
	&match_ecn,
	&match_esp,
	&match_hl,
	&match_icmp,
	&match_iprange,
	&match_length,
	&match_mac,
	&match_mark,
	&match_multiport,
	&match_pkttype,
	&match_sctp,
	&match_state,
	&match_statistic,
	&match_tcp,
	&match_udp,
};

static bool match_is(const struct match_desc *desc, const char *name,
		     uint8_t revision, uint16_t family)
{
	return desc->revision == revision && !strcmp(desc->name, name) &&
	       (desc->family == family || desc->family == NFPROTO_UNSPEC);
}

static const struct match_desc *group_find(const struct match_group *group,
					   const char *name, uint8_t revision,
					   uint16_t family)
{
	for (unsigned int i = 0; i < group->num; i++)
		if (match_is(&group->descs[i], name, revision, family))
			return &group->descs[i];
	return NULL;
}

/**
 * bpfilter_match_find() - look for a match extension
 * @name:	its name, terminated
 * @revision:	its revision
 * @family:	family of the table
 *
 * Return: the descriptor, or NULL if the translator does not know this one.
 */
const struct match_desc *bpfilter_match_find(const char *name, uint8_t revision,
					     uint16_t family)
{
	const struct match_desc *desc;

	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		desc = group_find(groups[i], name, revision, family);
		if (desc)
			return desc;
	}
	return NULL;
}
