/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_PARSE_H
#define BPFILTER_PARSE_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <linux/compiler.h>
#include <linux/netfilter/x_tables.h>

#include "match.h"
#include "refuse.h"

/**
 * struct parse_ctx - what a match needs while it is parsed
 * @rs:		the ruleset; tests go to its last match
 * @why:	where a refusal goes
 * @where:	the place that it names
 * @proto:	protocol that the rule asks for, 0 for any
 * @flags:	flags of its base header, IPT_F_* or IP6T_F_*
 * @invflags:	inversions of its base header
 *
 * Matches use it through the functions below only.
 */
struct parse_ctx {
	struct ir_ruleset *rs;
	struct refusal *why;
	struct refuse_where where;
	uint16_t proto;
	uint8_t flags;
	uint8_t invflags;
};

/* What a check function of the kernel finds in its par->family and entryinfo */
static inline uint16_t parse_rule_family(const struct parse_ctx *ctx)
{
	return ctx->rs->family;
}

static inline uint16_t parse_rule_proto(const struct parse_ctx *ctx)
{
	return ctx->proto;
}

static inline bool parse_rule_proto_inverted(const struct parse_ctx *ctx)
{
	return ctx->invflags & XT_INV_PROTO;
}

/* IPT_F_* or IP6T_F_* */
static inline uint8_t parse_rule_flags(const struct parse_ctx *ctx)
{
	return ctx->flags;
}

/* IPT_INV_* or IP6T_INV_* */
static inline uint8_t parse_rule_invflags(const struct parse_ctx *ctx)
{
	return ctx->invflags;
}

/* An invert that the kernel compares with the outcome, not only tests */
static inline bool parse_is_bool(uint8_t value)
{
	return value <= 1;
}

/* Native has the same error for the same cause */
int __printf(3, 4)
parse_invalid(struct parse_ctx *ctx, int error, const char *fmt, ...);

int parse_nomem(struct parse_ctx *ctx);

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
int parse_bytes(struct parse_ctx *ctx, enum ir_field field, const void *value,
		const void *mask, size_t len, bool invert);
int parse_bytes_range(struct parse_ctx *ctx, enum ir_field field,
		      const void *lo, const void *hi, size_t len, bool invert);
int parse_ranges(struct parse_ctx *ctx, uint32_t ports,
		 const struct ir_range *ranges, uint32_t num, bool invert);
int parse_header(struct parse_ctx *ctx, enum ir_header header);
int parse_conn(struct parse_ctx *ctx, bool without);
int parse_const(struct parse_ctx *ctx, bool value);

#endif /* BPFILTER_PARSE_H */
