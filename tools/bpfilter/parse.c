// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>

#include "ir_build.h"
#include "parse.h"

/**
 * parse_invalid() - refuse what the native engine refuses too
 * @ctx:	the parser's context
 * @error:	the positive errno that it has for this cause
 * @fmt:	the reason; the place comes from @ctx
 *
 * Return: the negative errno of the ruleset's first refusal.
 */
int parse_invalid(struct parse_ctx *ctx, int error, const char *fmt, ...)
{
	va_list args;
	int ret;

	va_start(args, fmt);
	ret = bpfilter_vrefuse(ctx->why, error, true, &ctx->where, fmt, args);
	va_end(args);
	return ret;
}

/**
 * parse_nomem() - refuse for want of memory
 * @ctx:	the parser's context
 *
 * Return: the negative errno of the ruleset's first refusal.
 */
int parse_nomem(struct parse_ctx *ctx)
{
	return bpfilter_refuse(ctx->why, ENOMEM, false, NULL, "out of memory");
}

/**
 * ir_test_add() - append a test to the match that is parsed
 * @ctx:	the parser's context
 * @test:	the test, copied
 *
 * Return: 0, or -ENOMEM after it was noted as refusal.
 */
int ir_test_add(struct parse_ctx *ctx, const struct ir_test *test)
{
	if (!bpfilter_ir_test_add(ctx->rs, test))
		return 0;
	return parse_nomem(ctx);
}

/**
 * parse_masked() - append (field & mask) == value
 * @ctx:	the parser's context
 * @field:	what to look at
 * @value:	value in host byte order; bits outside @mask never match
 * @mask:	mask in host byte order
 * @invert:	the opposite must hold
 *
 * Return: 0 or -ENOMEM.
 */
int parse_masked(struct parse_ctx *ctx, enum ir_field field, uint64_t value,
		 uint64_t mask, bool invert)
{
	struct ir_test test = {
		.kind = IR_TEST_MASKED,
		.field = field,
		.invert = invert,
		.value = value,
		.mask = mask,
	};

	if (!value && !mask && !invert)
		return 0;
	return ir_test_add(ctx, &test);
}

/**
 * parse_range() - append lo <= field <= hi
 * @ctx:	the parser's context
 * @field:	what to look at
 * @lo:		lowest value in host byte order
 * @hi:		highest value; below @lo: never holds
 * @invert:	the opposite must hold
 *
 * Return: 0 or -ENOMEM.
 */
int parse_range(struct parse_ctx *ctx, enum ir_field field, uint64_t lo,
		uint64_t hi, bool invert)
{
	struct ir_test test = {
		.kind = IR_TEST_RANGE,
		.field = field,
		.invert = invert,
		.lo = lo,
		.hi = hi,
	};

	return ir_test_add(ctx, &test);
}

/**
 * parse_port() - append lo <= field <= hi for a field of 16 bit
 * @ctx:	the parser's context
 * @field:	what to look at
 * @lo:		lowest port in host byte order
 * @hi:		highest port; below @lo: never holds
 * @invert:	the opposite must hold
 *
 * Return: 0 or -ENOMEM.
 */
int parse_port(struct parse_ctx *ctx, enum ir_field field, uint16_t lo,
	       uint16_t hi, bool invert)
{
	if (lo == 0 && hi == UINT16_MAX && !invert)
		return 0;
	return parse_range(ctx, field, lo, hi, invert);
}

/**
 * parse_any_bit() - append (field & mask) != 0
 * @ctx:	the parser's context
 * @field:	what to look at
 * @mask:	mask in host byte order
 * @invert:	the opposite must hold
 *
 * Return: 0 or -ENOMEM.
 */
int parse_any_bit(struct parse_ctx *ctx, enum ir_field field, uint64_t mask,
		  bool invert)
{
	struct ir_test test = {
		.kind = IR_TEST_ANY_BIT,
		.field = field,
		.invert = invert,
		.mask = mask,
	};

	return ir_test_add(ctx, &test);
}

static bool bytes_any(const uint8_t *bytes)
{
	for (int i = 0; i < IR_BYTES_MAX; i++)
		if (bytes[i])
			return true;
	return false;
}

/**
 * parse_bytes() - append (field & mask) == value for a field of bytes
 * @ctx:	the parser's context
 * @field:	what to look at
 * @value:	value in the order of the packet; bits outside @mask never match
 * @mask:	mask, or NULL if all bits of @len bytes count
 * @len:	bytes of @value and @mask, at most IR_BYTES_MAX; the field's other
 *		bytes do not count
 * @invert:	the opposite must hold
 *
 * Return: 0 or -ENOMEM.
 */
int parse_bytes(struct parse_ctx *ctx, enum ir_field field, const void *value,
		const void *mask, size_t len, bool invert)
{
	struct ir_test test = {
		.kind = IR_TEST_BYTES,
		.field = field,
		.invert = invert,
	};

	memcpy(test.bytes, value, len);
	if (mask)
		memcpy(test.bytes_mask, mask, len);
	else
		memset(test.bytes_mask, 0xff, len);
	if (!bytes_any(test.bytes) && !bytes_any(test.bytes_mask) && !invert)
		return 0;
	return ir_test_add(ctx, &test);
}

/**
 * parse_bytes_range() - append lo <= field <= hi for a field of bytes
 * @ctx:	the parser's context
 * @field:	what to look at
 * @lo:		lowest value in the order of the packet
 * @hi:		highest value; below @lo: never holds
 * @len:	bytes of each, the field's size
 * @invert:	the opposite must hold
 *
 * Return: 0 or -ENOMEM.
 */
int parse_bytes_range(struct parse_ctx *ctx, enum ir_field field,
		      const void *lo, const void *hi, size_t len, bool invert)
{
	struct ir_test test = {
		.kind = IR_TEST_BYTES_RANGE,
		.field = field,
		.invert = invert,
	};

	memcpy(test.bytes, lo, len);
	memcpy(test.bytes_hi, hi, len);
	return ir_test_add(ctx, &test);
}

/**
 * parse_ranges() - append that a port is in one of several ranges
 * @ctx:	the parser's context
 * @ports:	IR_PORTS_SRC, IR_PORTS_DST or both: one of the two will do
 * @ranges:	the ranges, copied; a single port is a range of one
 * @num:	how many; none never holds
 * @invert:	the opposite must hold
 *
 * Return: 0 or -ENOMEM.
 */
int parse_ranges(struct parse_ctx *ctx, uint32_t ports,
		 const struct ir_range *ranges, uint32_t num, bool invert)
{
	struct ir_test test = {
		.kind = IR_TEST_PORTS,
		.invert = invert,
		.first_range = ctx->rs->num_ranges,
		.num_ranges = num,
		.ports = ports,
	};

	for (uint32_t i = 0; i < num; i++)
		if (bpfilter_ir_range_add(ctx->rs, &ranges[i]))
			return parse_nomem(ctx);
	return ir_test_add(ctx, &test);
}

/**
 * parse_header() - append that a header can be read
 * @ctx:	the parser's context
 * @header:	which
 *
 * Return: 0 or -ENOMEM.
 */
int parse_header(struct parse_ctx *ctx, enum ir_header header)
{
	struct ir_test test = { .kind = IR_TEST_HEADER, .header = header };

	return ir_test_add(ctx, &test);
}

/**
 * parse_conn() - append that the packet has a connection
 * @ctx:	the parser's context
 * @without:	whether the match, as far as it got, matches a packet that has
 *		none
 *
 * Return: 0 or -ENOMEM.
 */
int parse_conn(struct parse_ctx *ctx, bool without)
{
	struct ir_test test = { .kind = IR_TEST_CONN, .value = without };

	return ir_test_add(ctx, &test);
}

/**
 * parse_const() - append a test whose outcome is known
 * @ctx:	the parser's context
 * @value:	whether it holds
 *
 * Return: 0 or -ENOMEM.
 */
int parse_const(struct parse_ctx *ctx, bool value)
{
	struct ir_test test = { .kind = IR_TEST_CONST, .value = value };

	if (value)
		return 0;
	return ir_test_add(ctx, &test);
}
