// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

void die(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "# %s: ", program_invocation_short_name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(RESULT_ERROR);
}

void *xrealloc(void *p, size_t size)
{
	p = realloc(p, size);
	if (!p)
		die("out of memory");
	return p;
}

char *xstrdup(const char *s)
{
	size_t len = strlen(s) + 1;

	return memcpy(xrealloc(NULL, len), s, len);
}

void *grow(void *array, unsigned int num, size_t size)
{
	/* Full whenever there is a power of two of them */
	if (num & (num - 1))
		return array;
	return xrealloc(array, size * (num ? 2 * num : 1));
}

/* splitmix64 */
void rng_seed(struct rng *rng, uint64_t seed)
{
	rng->state = seed;
}

uint32_t rng_next(struct rng *rng)
{
	uint64_t z = rng->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return (z ^ (z >> 31)) >> 32;
}

uint32_t rng_below(struct rng *rng, uint32_t n)
{
	return ((uint64_t)rng_next(rng) * n) >> 32;
}

char *read_file(const char *path)
{
	size_t len = 0, size = 65536, got;
	char *text = xrealloc(NULL, size);
	FILE *f = fopen(path, "r");

	if (!f)
		die("%s: %s", path, strerror(errno));
	while ((got = fread(text + len, 1, size - len - 1, f)) > 0) {
		len += got;
		if (len + 1 == size)
			text = xrealloc(text, size *= 2);
	}
	fclose(f);
	text[len] = '\0';
	return text;
}
