/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_PARSE_TEST_H
#define UNIT_PARSE_TEST_H

#include <string.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>

#include "parse_case.h"

/* The part of struct parse_case that needs the harness: include that before */

static void parse_test_one(struct __test_metadata *_metadata,
			   const struct parse_case *c, uint16_t family)
{
	struct refusal why;
	char text[1024];
	int ret;

	ret = parse_case_run(c, family, &why, text, sizeof(text));
	EXPECT_EQ(c->ret, ret)
		TH_LOG("%s: %s, family %u", c->name, c->desc, family);
	EXPECT_STREQ(c->text ?: "",
		     ret < 0 ? parse_case_refusal(&why) : text)
		TH_LOG("%s: %s, family %u", c->name, c->desc, family);
}

static void parse_test(struct __test_metadata *_metadata,
		       const struct parse_case *cases, size_t num)
{
	for (size_t i = 0; i < num; i++) {
		if (cases[i].family != NFPROTO_IPV6)
			parse_test_one(_metadata, &cases[i], NFPROTO_IPV4);
		if (cases[i].family != NFPROTO_IPV4)
			parse_test_one(_metadata, &cases[i], NFPROTO_IPV6);
	}
}

#endif /* UNIT_PARSE_TEST_H */
