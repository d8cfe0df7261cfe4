// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

/* Figures */

void samples_add(struct samples *s, double value)
{
	if (s->num < MAX_SAMPLES)
		s->value[s->num++] = value;
}

double samples_min(const struct samples *s)
{
	double min = s->num ? s->value[0] : 0;

	for (unsigned int i = 1; i < s->num; i++)
		if (s->value[i] < min)
			min = s->value[i];
	return min;
}

double samples_max(const struct samples *s)
{
	double max = s->num ? s->value[0] : 0;

	for (unsigned int i = 1; i < s->num; i++)
		if (s->value[i] > max)
			max = s->value[i];
	return max;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

double samples_median(const struct samples *s)
{
	double sorted[MAX_SAMPLES];
	unsigned int n = s->num;

	if (!n)
		return 0;
	memcpy(sorted, s->value, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), by_value);
	return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
}

double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
}

/*
 * Rules, sets, maps and programs are in there, whoever they are charged to; what
 * people keep in memory is not. CPUs hold back part of what they know of slabs
 * until asked.
 */
int64_t kernel_memory(void)
{
	static const char * const names[] = {
		"SUnreclaim:", "VmallocUsed:", "Percpu:",
	};
	FILE *f = fopen("/proc/meminfo", "r");
	char line[128], name[32];
	int64_t sum = 0;
	long long kib;

	sysctl_write("vm/stat_refresh", "1", false);
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%31s %lld", name, &kib) != 2)
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			if (!strcmp(name, names[i]))
				sum += kib * 1024;
	}
	if (f)
		fclose(f);
	return sum;
}

/* RCU and workqueues free what was replaced */
int64_t kernel_memory_settled(void)
{
	double start = now_ms();
	int64_t now, last;

	now = kernel_memory();
	do {
		last = now;
		usleep(50000);
		now = kernel_memory();
	} while (llabs(now - last) > 16384 && now_ms() - start < 300);
	return now;
}
