/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_PARSE_H
#define BPFILTER_PARSE_H

#include <arpa/inet.h>
#include <netinet/in.h>

#include "match.h"
#include "refuse.h"

/**
 * struct parse_ctx - what a match needs while it is parsed
 * @rs:		the ruleset; tests go to its last match
 * @why:	where a refusal goes
 * @where:	the place that it names
 *
 * Matches use it through the functions below only.
 */
struct parse_ctx {
	struct ir_ruleset *rs;
	struct refusal *why;
	struct refuse_where where;
};

/* Native has the same error for the same cause, unlike parse_refuse() */
int __printf(3, 4)
parse_invalid(struct parse_ctx *ctx, int error, const char *fmt, ...);

/*
 * One line per condition of an extension. They append no test where the
 * condition asks nothing, as for a range of all ports.
 */
int parse_masked(struct parse_ctx *ctx, enum ir_field field, uint64_t value,
		 uint64_t mask, bool invert);
int parse_port(struct parse_ctx *ctx, enum ir_field field, uint16_t lo,
	       uint16_t hi, bool invert);
int parse_range(struct parse_ctx *ctx, enum ir_field field, uint64_t lo,
		uint64_t hi, bool invert);
int parse_any_bit(struct parse_ctx *ctx, enum ir_field field, uint64_t mask,
		  bool invert);
int parse_header(struct parse_ctx *ctx, enum ir_header header);
int parse_const(struct parse_ctx *ctx, bool value);

#endif /* BPFILTER_PARSE_H */
