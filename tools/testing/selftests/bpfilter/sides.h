/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTEST_BPFILTER_SIDES_H
#define SELFTEST_BPFILTER_SIDES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rawipt.h"

/*
 * The same calls on two sides: a namespace under test and one that the native
 * engine serves, the oracle. They must end the same way: the same errno, and
 * after it the same entries with the same counters in force, and the same
 * packets through. Where the kernel has no native engine there is one side,
 * and what remains is that a refused call leaves the ruleset in force alone.
 *
 * What differs is printed and counted. BPFILTER_TEST_ENGINE=native puts native
 * under test, too: nothing may differ then.
 */

#define SIDES_PORT	4001	/* dropped at INPUT, the next one passes */
#define SIDES_PORTS	2

struct side {
	const char *name;
	int sk;
	int from[SIDES_PORTS];
	int to[SIDES_PORTS];
	struct ipt_get_entries *before;
	size_t before_len;
};

/**
 * struct sides - both
 * @side:	the one under test, then the oracle if there is one
 * @num:	1 or 2
 * @base:	a ruleset with one rule of each kind, for both
 * @accepted:	calls that succeeded on the side under test
 * @refused:	calls that did not
 * @intended:	differences that @is_intended knows
 * @differ:	differences that it does not know, and changes of a ruleset by
 *		a call that was refused
 * @is_intended: may the sides differ after @offset of @base was set to @value?
 *		@err is what they said. NULL: never
 */
struct sides {
	struct side side[2];
	int num;
	struct rawipt base;
	int accepted;
	int refused;
	int intended;
	int differ;
	bool (*is_intended)(const struct rawipt *base, size_t offset,
			    uint32_t value, const int *err);
};

/* NULL, or why there is nothing to test */
const char *sides_open(struct sides *s);
void sides_close(struct sides *s);
/* Put the base in force; from then on it fits as a replacement of itself */
int sides_load_base(struct sides *s);

/* Packets on both sides, then the entries in force are compared and kept */
void sides_compare(struct sides *s, const char *what);

/* A replace that holds the base with one word at @offset changed to @value */
void sides_change(struct sides *s, size_t offset, uint32_t value,
		  const char *what);
void sides_replace(struct sides *s, const char *what, const void *value,
		   socklen_t len);
void sides_set(struct sides *s, int opt, const char *what, const void *value,
	       socklen_t len);
/* @value is @size bytes, of which the call is told @len */
void sides_get(struct sides *s, int opt, const char *what, const void *value,
	       size_t size, socklen_t len);

/* Print the totals */
void sides_report(const struct sides *s);

#endif /* SELFTEST_BPFILTER_SIDES_H */
