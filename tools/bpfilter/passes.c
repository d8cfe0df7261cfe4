// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include <linux/kernel.h>

#include "compile.h"
#include "passes.h"

/*
 * All passes in the order they run: what a hook tells makes tests constant,
 * constant tests make rules final or dead, what is left shadows other rules, and
 * all of these leave rules unreached.
 */
static const struct pass *const passes[] = {
	&bpfilter_pass_hook,
	&bpfilter_pass_simplify,
	&bpfilter_pass_shadow,
	&bpfilter_pass_reach,
};

/**
 * bpfilter_pass_bit() - the bit that stands for a pass
 * @name:	its name
 *
 * Return: the bit, to be handed to bpfilter_passes_run_but(), or 0 if there is
 * no such pass.
 */
uint32_t bpfilter_pass_bit(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(passes); i++)
		if (!strcmp(passes[i]->name, name))
			return 1U << i;
	return 0;
}

/**
 * bpfilter_passes_run_but() - run passes
 * @rs:		the ruleset
 * @skip:	bits of the passes that are left out
 * @why:	why it failed
 *
 * Return: 0, or -ENOMEM.
 */
int bpfilter_passes_run_but(struct ir_ruleset *rs, uint32_t skip,
			    struct refusal *why)
{
	int ret;

	for (size_t i = 0; i < ARRAY_SIZE(passes); i++) {
		if (skip & (1U << i))
			continue;
		ret = passes[i]->run(rs, why);
		if (ret)
			return ret;
	}
	return 0;
}

/**
 * bpfilter_passes_run() - run all passes
 * @rs:		the ruleset
 * @why:	why it failed
 *
 * Return: 0, or -ENOMEM.
 */
int bpfilter_passes_run(struct ir_ruleset *rs, struct refusal *why)
{
	return bpfilter_passes_run_but(rs, 0, why);
}
