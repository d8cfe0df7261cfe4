// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>

#include "match.h"

/* A new target is one file and one line here */
extern const struct target_group target_effects, target_mark;

static const struct target_group *const groups[] = {
	&target_effects,
	&target_mark,
};

static bool target_is(const struct target_desc *desc, const char *name,
		      uint8_t revision, uint16_t family)
{
	return desc->revision == revision && !strcmp(desc->name, name) &&
	       (desc->family == family || desc->family == NFPROTO_UNSPEC);
}

/**
 * bpfilter_target_find() - look for a target extension
 * @name:	its name, terminated
 * @revision:	its revision
 * @family:	family of the table
 *
 * Return: the descriptor, or NULL if the translator does not know this one.
 */
const struct target_desc *bpfilter_target_find(const char *name,
					       uint8_t revision,
					       uint16_t family)
{
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		const struct target_group *group = groups[i];

		for (unsigned int t = 0; t < group->num; t++)
			if (target_is(&group->descs[t], name, revision, family))
				return &group->descs[t];
	}
	return NULL;
}
