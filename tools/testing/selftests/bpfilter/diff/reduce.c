// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "load.h"

/*
 * A ruleset without the rules that bpfilter refuses is still worth comparing:
 * take out what has the extension that the refusal names.
 */

/* One "-m NAME" or "-j NAME" as a whole word */
static bool line_has(const char *line, size_t len, const char *option)
{
	size_t n = strlen(option);

	for (size_t i = 0; i + n <= len; i++)
		if (!strncmp(line + i, option, n) &&
		    (i + n == len || strchr(" \r", line[i + n])))
			return true;
	return false;
}

/* Take such lines out of the table, returns their number */
static unsigned int drop_lines(char *table, const char *option)
{
	char *from = table, *to = table;
	unsigned int num = 0;

	while (*from) {
		size_t len = strcspn(from, "\n");
		bool drop = strchr("-[", *from) && line_has(from, len, option);

		len += from[len] == '\n';
		if (!drop) {
			memmove(to, from, len);
			to += len;
		}
		num += drop;
		from += len;
	}
	*to = '\0';
	return num;
}

static bool find_option(const char *refusal, char *option, size_t size)
{
	static const struct {
		const char *what;
		const char *letter;
	} kinds[] = { { "match \"", "-m" }, { "target \"", "-j" } };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const char *at = strstr(refusal, kinds[i].what);

		if (!at)
			continue;
		at += strlen(kinds[i].what);
		snprintf(option, size, "%s %.*s", kinds[i].letter,
			 (int)strcspn(at, "\""), at);
		return true;
	}
	return false;
}

unsigned int input_reduce(struct input *in, const char *refusal)
{
	char *filter = table_extract(in->text[0], "filter");
	char *text = xstrdup(in->text[0]);
	unsigned int num;
	char option[64];
	char *start;
	size_t len;

	if (!filter || !find_option(refusal, option, sizeof(option)))
		return 0;
	/* The table stands in the text as it was extracted */
	start = strstr(text, filter);
	len = strlen(filter);
	num = drop_lines(filter, option);
	memmove(start + strlen(filter), start + len, strlen(start + len) + 1);
	memcpy(start, filter, strlen(filter));
	free(filter);
	in->text[0] = text;
	in->text[1] = text;
	printf("# without %u rules with %s\n", num, option);
	return num;
}
