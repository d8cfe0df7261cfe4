/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_SHAKE_PLAN_H
#define UNIT_SHAKE_PLAN_H

#include "plan.h"
#include "random.h"

void shake_plan(struct rng *r, const struct ir_ruleset *rs, struct plan *plan);

#endif /* UNIT_SHAKE_PLAN_H */
