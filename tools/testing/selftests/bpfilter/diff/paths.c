// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "spec.h"

/* How packets get from hooks to chains */

static void reach_chain(struct paths *p, enum hook h, unsigned int chain)
{
	const struct ruleset *rs = p->rs;
	unsigned int *todo = xrealloc(NULL, sizeof(*todo) * rs->num_chains);
	unsigned int num = 0;

	p->reached[h][chain] = true;
	todo[num++] = chain;
	for (unsigned int at = 0; at < num; at++) {
		const struct chain *c = &rs->chains[todo[at]];

		for (unsigned int i = c->first; i < c->first + c->num; i++) {
			const struct rule *r = &rs->rules[i];

			if ((r->action != ACTION_JUMP &&
			     r->action != ACTION_GOTO) ||
			    p->reached[h][r->target_chain])
				continue;
			p->reached[h][r->target_chain] = true;
			p->via[h][r->target_chain] = i + 1;
			todo[num++] = r->target_chain;
		}
	}
	free(todo);
}

void paths_make(struct paths *p, const struct ruleset *rs)
{
	p->rs = rs;
	for (int h = 0; h < NUM_HOOKS; h++) {
		size_t n = rs->num_chains;

		p->via[h] = xrealloc(NULL, n * sizeof(*p->via[h]));
		memset(p->via[h], 0, n * sizeof(*p->via[h]));
		p->reached[h] = xrealloc(NULL, n * sizeof(*p->reached[h]));
		memset(p->reached[h], 0, n * sizeof(*p->reached[h]));
	}
	for (unsigned int i = 0; i < rs->num_chains; i++)
		if (rs->chains[i].hook >= 0)
			reach_chain(p, rs->chains[i].hook, i);
}

void paths_free(struct paths *p)
{
	for (int h = 0; h < NUM_HOOKS; h++) {
		free(p->via[h]);
		free(p->reached[h]);
	}
}

unsigned int paths_to(const struct paths *p, enum hook h, unsigned int chain,
		      const struct rule *path[MAX_PATH])
{
	unsigned int depth = 0;

	while (p->via[h][chain] && depth < MAX_PATH) {
		path[depth] = &p->rs->rules[p->via[h][chain] - 1];
		chain = path[depth++]->chain;
	}
	return depth;
}
