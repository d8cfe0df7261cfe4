// SPDX-License-Identifier: GPL-2.0
/* Translation without loading, as the helper would do it now */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <bpf/libbpf.h>

#include "cmd.h"
#include "cmd_translate.h"

#define PLAN_PARAMETER	"/sys/module/bpfilter/parameters/plan"

/* The coarse clock's resolution is the kernel's tick */
static uint32_t kernel_hz(void)
{
	struct timespec res;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &res) || res.tv_nsec <= 0)
		return 100;
	return (1000000000 + res.tv_nsec / 2) / res.tv_nsec;
}

static enum plan_mode kernel_plan(void)
{
	unsigned int plan = PLAN_AUTO;
	FILE *f = fopen(PLAN_PARAMETER, "re");

	if (!f)
		return PLAN_AUTO;
	if (fscanf(f, "%u", &plan) != 1 || plan > BPFILTER_PLAN_MAX)
		plan = PLAN_AUTO;
	fclose(f);
	return plan;
}

/**
 * translation_read - read a blob as the translator does
 * @t:		all zero; to be freed with translation_free() in any case
 * @blob:	as bpfilter_blob_read() takes it
 * @size:	bytes of @blob
 * @family:	NFPROTO_IPV4 or NFPROTO_IPV6
 * @why:	filled if the translator refuses it
 *
 * Return: 0, or a negative errno
 */
int translation_read(struct translation *t, const void *blob, size_t size,
		     uint16_t family, struct refusal *why)
{
	int ret = bpfilter_blob_read(blob, size, family, &t->rs, why);

	t->size = size;
	return ret ? ret : bpfilter_passes_run(t->rs, why);
}

/* Any number will do for what is not called */
static void assume_bpfilter(struct kernel_btf *btf)
{
	unsigned int i;

	for (i = KBTF_FUNC_XT_MATCH; i <= KBTF_FUNC_TRACE; i++)
		if (btf->func[i] == KBTF_NONE)
			btf->func[i] = 0;
}

/**
 * translation_make - translate what was read up to instructions and data
 * @t:		behind translation_read()
 * @why:	filled if the translator refuses it
 *
 * Return: 0, or a negative errno
 */
int translation_make(struct translation *t, struct refusal *why)
{
	int cpus = libbpf_num_possible_cpus();
	const struct compile_env env = {
		.btf = &t->btf,
		.nr_cpus = cpus > 0 ? cpus : 1,
		.hz = kernel_hz(),
		.plan = kernel_plan(),
		.seed = t->size,
	};
	int ret;

	ret = bpfilter_kernel_btf_read(&t->btf);
	if (ret)
		return bpfilter_refuse(why, -ret, false, NULL,
				       "types of the running kernel: %s",
				       strerror(-ret));
	if (t->assume)
		assume_bpfilter(&t->btf);
	ret = bpfilter_plan_make(t->rs, &env, &t->plan, why);
	return ret ? ret : bpfilter_gen(t->rs, t->plan, &env, &t->img, why);
}

/**
 * translation_free - free a translation
 * @t:		may be all zero
 */
void translation_free(struct translation *t)
{
	bpfilter_gen_free(&t->img);
	bpfilter_plan_free(t->plan);
	bpfilter_ir_free(t->rs);
}
