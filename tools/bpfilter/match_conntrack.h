/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_MATCH_CONNTRACK_H
#define BPFILTER_MATCH_CONNTRACK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <netinet/in.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_conntrack.h>

static inline bool ct_asked(const struct xt_conntrack_mtinfo3 *info,
			    uint16_t flag)
{
	return info->match_flags & flag;
}

static inline bool ct_inverted(const struct xt_conntrack_mtinfo3 *info,
			       uint16_t flag)
{
	return info->invert_flags & flag;
}

/* match_conntrack_text.c */
const char *conntrack_alias(const void *data);
void conntrack_print(FILE *out, const void *data);

#endif /* BPFILTER_MATCH_CONNTRACK_H */
