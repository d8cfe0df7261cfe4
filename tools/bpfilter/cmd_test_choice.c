// SPDX-License-Identifier: GPL-2.0
/*
 * What is not known
 *
 * A packet is sent through the rules once for each combination of what is not
 * known on its way. The answers of one walk are those of the walk before up to
 * the last one that has another answer left, which it gets; what follows is
 * asked anew, since another way may lead to other rules.
 */
#include <stdio.h>

#include "cmd_test.h"

static unsigned int lowest(unsigned int set)
{
	return set & -set;
}

/**
 * choices_pick - one of the answers that are possible
 * @c:		choices
 * @set:	possible answers, as bits
 * @name:	what is not known
 *
 * Return: one of the bits of @set
 */
unsigned int choices_pick(struct test_choices *c, unsigned int set,
			  const char *name)
{
	struct test_choice *choice;

	if (c->at == CHOICES_MAX) {
		c->full = true;
		return lowest(set);
	}
	choice = &c->choice[c->at++];
	if (c->at <= c->num)
		return choice->picked;
	c->num = c->at;
	choice->set = set;
	choice->picked = lowest(set);
	snprintf(choice->name, sizeof(choice->name), "%s", name);
	return choice->picked;
}

/**
 * choices_next - go to the next combination
 * @c:		choices of the walk before
 *
 * Return: false if there is none
 */
bool choices_next(struct test_choices *c)
{
	c->num = c->at;
	c->at = 0;
	while (c->num) {
		struct test_choice *last = &c->choice[c->num - 1];
		unsigned int left = last->set & ~(last->picked |
						  (last->picked - 1));

		if (left) {
			last->picked = lowest(left);
			c->changed = c->num - 1;
			return true;
		}
		c->num--;
	}
	return false;
}
