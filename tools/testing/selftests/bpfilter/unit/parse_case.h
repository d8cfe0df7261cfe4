/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_PARSE_CASE_H
#define UNIT_PARSE_CASE_H

#include <stddef.h>
#include <stdint.h>

#include "match.h"
#include "refuse.h"

/*
 * The data of one match and what its parser makes of it, without a blob around:
 * what the blob reader checks before is not part of this.
 */

/**
 * struct parse_case - data of a match
 * @desc:	what it is about
 * @name:	the match
 * @revision:	its revision
 * @family:	NFPROTO_IPV4, NFPROTO_IPV6, or NFPROTO_UNSPEC to try both
 * @proto:	protocol that the rule asks for, 0 for any
 * @invflags:	the rule's inversions
 * @data:	the data
 * @size:	bytes of @data
 * @ret:	what the parser returns
 * @text:	the tests as the dump shows them without the match's name, or why
 *		it is refused
 */
struct parse_case {
	const char *desc;
	const char *name;
	uint8_t revision;
	uint8_t family;
	uint16_t proto;
	uint8_t invflags;
	const void *data;
	size_t size;
	int ret;
	const char *text;
};

/* Members of struct parse_case: @type's members follow */
#define PARSE_DATA(type, ...)						\
	.data = &(const type) { __VA_ARGS__ }, .size = sizeof(type)

int parse_case_run(const struct parse_case *c, uint16_t family,
		   struct refusal *why, char *text, size_t size);
const char *parse_case_refusal(const struct refusal *why);

#endif /* UNIT_PARSE_CASE_H */
