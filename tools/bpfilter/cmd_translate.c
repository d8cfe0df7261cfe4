// SPDX-License-Identifier: GPL-2.0
/* Translation without loading, as the helper would do it now */
#include <stdio.h>
#include <string.h>
#include <bpf/libbpf.h>

#include "cmd.h"
#include "cmd_translate.h"
#include "ir_text.h"

#define PLAN_PARAMETER	"/sys/module/bpfilter/parameters/plan"

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
 * @blob:	as bpfilter_blob_read() takes it; stays as long as @t
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

	bpfilter_blob_attach(t->rs, blob);
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
		.hz = bpfilter_kernel_hz(),
		.plan = t->use == COMPILE_FILTER ? PLAN_CODE : kernel_plan(),
		.seed = t->size,
		.use = t->use,
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
