// SPDX-License-Identifier: GPL-2.0
/*
 * The stages in their order.
 */
#include <string.h>
#include <time.h>

#include "compile.h"
#include "ir_text.h"

/**
 * bpfilter_now_ns() - what is the time?
 *
 * Return: nanoseconds on the monotonic clock.
 */
uint64_t bpfilter_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/**
 * bpfilter_kernel_hz() - how long is a tick of the running kernel?
 *
 * The coarse clock's resolution is one.
 *
 * Return: ticks per second.
 */
uint32_t bpfilter_kernel_hz(void)
{
	struct timespec res;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &res) || res.tv_nsec <= 0)
		return 100;
	return (1000000000 + res.tv_nsec / 2) / res.tv_nsec;
}

static int translate(struct compiled *c, const struct compile_env *env,
		     struct refusal *why)
{
	struct plan *plan;
	int err;

	err = bpfilter_passes_run(c->rs, why);
	if (err)
		return err;
	err = bpfilter_plan_make(c->rs, env, &plan, why);
	if (err)
		return err;
	err = bpfilter_gen(c->rs, plan, env, &c->img, why);
	bpfilter_plan_free(plan);
	return err;
}

/**
 * bpfilter_compile() - translate a ruleset blob, up to loading
 * @blob:	value of the socket option IPT_SO_SET_REPLACE or
 *		IP6T_SO_SET_REPLACE, aligned to 8 bytes; it has to stay until the
 *		last line of a rule was asked for, loading included
 * @size:	its bytes
 * @family:	NFPROTO_IPV4 or NFPROTO_IPV6
 * @env:	the kernel to compile for
 * @c:		filled; release it with bpfilter_compiled_free(), also after an
 *		error: then @c->rs is set if the blob was well-formed
 * @why:	why it was refused; overwritten
 *
 * Return: 0, or a negative errno after a refusal.
 */
int bpfilter_compile(const void *blob, size_t size, uint16_t family,
		     const struct compile_env *env, struct compiled *c,
		     struct refusal *why)
{
	uint64_t start = bpfilter_now_ns();
	int err;

	memset(c, 0, sizeof(*c));
	memset(why, 0, sizeof(*why));
	err = bpfilter_blob_read(blob, size, family, &c->rs, why);
	bpfilter_blob_attach(c->rs, blob);
	if (!err)
		err = translate(c, env, why);
	c->compile_ns = bpfilter_now_ns() - start;
	return err;
}

/**
 * bpfilter_compiled_free() - release what bpfilter_compile() made
 * @c:		what it filled
 */
void bpfilter_compiled_free(struct compiled *c)
{
	bpfilter_gen_free(&c->img);
	bpfilter_ir_free(c->rs);
	memset(c, 0, sizeof(*c));
}
