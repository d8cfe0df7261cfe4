// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include "refuse.h"

/*
 * The one place where the text of a refusal is built:
 *
 *   [TABLE[/CHAIN]][ rule NUMBER]: [WHAT "NAME" revision REVISION: ]reason
 */

struct line {
	char *text;
	size_t size;
	size_t len;
};

static void __printf(2, 0)
line_vadd(struct line *l, const char *fmt, va_list args)
{
	int n = vsnprintf(l->text + l->len, l->size - l->len, fmt, args);

	if (n < 0)
		return;
	l->len += n;
	if (l->len >= l->size)
		l->len = l->size - 1;
}

static void __printf(2, 3)
line_add(struct line *l, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	line_vadd(l, fmt, args);
	va_end(args);
}

static void line_add_where(struct line *l, const struct refuse_where *where)
{
	if (where->table)
		line_add(l, "%s", where->table);
	if (where->chain)
		line_add(l, "/%s", where->chain);
	if (where->number)
		line_add(l, "%srule %u", l->len ? " " : "", where->number);
	if (l->len)
		line_add(l, ": ");
	if (where->what)
		line_add(l, "%s \"%s\" revision %u: ", where->what, where->name,
			 where->revision);
}

/* Names come from the blob and end up in logs and on terminals */
static void line_clean(struct line *l)
{
	for (char *c = l->text; *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			*c = '?';
}

/**
 * bpfilter_vrefuse() - bpfilter_refuse() with a list of arguments
 * @why:	where to note it; if it holds a refusal already that one stays
 * @error:	positive errno for the caller of the replace
 * @native:	whether the native engine fails too, with this errno
 * @where:	the place in the ruleset, or NULL
 * @fmt:	the reason
 * @args:	its arguments
 *
 * Return: the negative errno of the refusal that @why holds then.
 */
int bpfilter_vrefuse(struct refusal *why, int error, bool native,
		     const struct refuse_where *where, const char *fmt,
		     va_list args)
{
	struct line l = { why->text, sizeof(why->text), 0 };

	if (why->error)
		return -why->error;

	why->error = error;
	why->native = native;
	why->text[0] = '\0';
	if (where)
		line_add_where(&l, where);
	line_vadd(&l, fmt, args);
	line_clean(&l);
	return -error;
}

/**
 * bpfilter_refuse() - note why a ruleset is not taken
 * @why:	where to note it; if it holds a refusal already that one stays
 * @error:	positive errno for the caller of the replace
 * @native:	whether the native engine fails too, with this errno
 * @where:	the place in the ruleset, or NULL
 * @fmt:	the reason
 *
 * Bytes that cannot be printed become question marks, a text too long is cut.
 *
 * Return: the negative errno of the refusal that @why holds then.
 */
int bpfilter_refuse(struct refusal *why, int error, bool native,
		    const struct refuse_where *where, const char *fmt, ...)
{
	va_list args;
	int ret;

	va_start(args, fmt);
	ret = bpfilter_vrefuse(why, error, native, where, fmt, args);
	va_end(args);
	return ret;
}
