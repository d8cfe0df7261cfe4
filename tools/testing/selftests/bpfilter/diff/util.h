/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DIFF_UTIL_H
#define DIFF_UTIL_H

#include <stddef.h>
#include <stdint.h>

/* For __noreturn, __printf() and ARRAY_SIZE() */
#include "../../kselftest.h"

/* Exit status of diffrun */
enum result {
	RESULT_EQUAL	= 0,
	RESULT_DIFFERENT = 1,
	RESULT_ERROR	= 2,
	RESULT_SKIPPED	= 4,
	RESULT_REFUSED	= 5,
};

void __noreturn __printf(1, 2) die(const char *fmt, ...);

void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);

/* Room for one more element in an array of @num that grows */
void *grow(void *array, unsigned int num, size_t size);

/* A small generator of our own: a seed means the same packets everywhere */
struct rng {
	uint64_t state;
};

void rng_seed(struct rng *rng, uint64_t seed);
uint32_t rng_next(struct rng *rng);

/* 0 to n - 1 */
uint32_t rng_below(struct rng *rng, uint32_t n);

/* true once in n times on average */
static inline int rng_one_in(struct rng *rng, uint32_t n)
{
	return rng_below(rng, n) == 0;
}

char *read_file(const char *path);

#endif /* DIFF_UTIL_H */
