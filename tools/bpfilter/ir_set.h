/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_IR_SET_H
#define BPFILTER_IR_SET_H

#include "ir.h"

/* How two tests relate, whatever the packet */

/**
 * struct ir_word - a field's value or mask, as one number of 128 bit
 * @hi:		its upper half
 * @lo:		its lower half, all of a field of up to 64 bit
 */
struct ir_word {
	uint64_t hi;
	uint64_t lo;
};

/**
 * struct ir_key - a test that asks for some bits of a field
 * @field:	the field
 * @mask:	the bits
 * @value:	what they have to be
 */
struct ir_key {
	enum ir_field field;
	struct ir_word mask;
	struct ir_word value;
};

/**
 * bpfilter_ir_mix() - one more number for a hash
 * @hash:	hash of those before
 * @more:	the number
 *
 * Return: hash of all.
 */
static inline uint64_t bpfilter_ir_mix(uint64_t hash, uint64_t more)
{
	hash = (hash ^ more) * 0x9fb21c651e98df25;
	return hash ^ hash >> 32;
}

bool bpfilter_test_implies(const struct ir_ruleset *rs,
			   const struct ir_test *given,
			   const struct ir_test *asked);
bool bpfilter_test_excludes(const struct ir_ruleset *rs,
			    const struct ir_test *given,
			    const struct ir_test *asked);
bool bpfilter_test_lasts(const struct ir_test *t);
uint64_t bpfilter_test_hash(const struct ir_ruleset *rs,
			    const struct ir_test *t);
bool bpfilter_test_key(const struct ir_ruleset *rs, const struct ir_test *t,
		       struct ir_key *key);

#endif /* BPFILTER_IR_SET_H */
