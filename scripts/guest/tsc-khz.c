// SPDX-License-Identifier: GPL-2.0
/*
 * Print how many thousand times a second this machine's time stamp counter
 * counts. An emulated processor hands it on as it is.
 */
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

#define TRIES		1000
#define PERIOD_NS	100000000

struct reading {
	uint64_t ns;
	uint64_t ticks;
	uint64_t width;
};

static struct reading read_once(void)
{
	struct reading r;
	struct timespec t;
	uint64_t before;

	before = __rdtsc();
	clock_gettime(CLOCK_MONOTONIC, &t);
	r.width = __rdtsc() - before;
	r.ticks = before + r.width / 2;
	r.ns = t.tv_sec * 1000000000ULL + t.tv_nsec;
	return r;
}

/* Whatever else runs here may come in between: take the quickest of many */
static struct reading read_clocks(void)
{
	struct reading best = read_once(), r;

	for (int i = 0; i < TRIES; i++) {
		r = read_once();
		if (r.width < best.width)
			best = r;
	}
	return best;
}

int main(void)
{
	const struct timespec period = { .tv_nsec = PERIOD_NS };
	struct reading start, end;

	start = read_clocks();
	nanosleep(&period, NULL);
	end = read_clocks();
	printf("%llu\n", (unsigned long long)
	       ((end.ticks - start.ticks) * 1000000 / (end.ns - start.ns)));
	return 0;
}
