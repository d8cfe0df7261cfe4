/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_REFUSE_H
#define BPFILTER_REFUSE_H

#include <stdarg.h>
#include <stdbool.h>
#include <linux/bpfilter.h>
#include <linux/compiler.h>

/**
 * struct refusal - why a ruleset was not taken
 * @error:	positive errno for the caller of the replace; 0: not refused
 * @native:	the native engine refuses this too, with the same errno. If not
 *		set, the ruleset is well-formed and only bpfilter cannot take it
 * @text:	one line, "filter/INPUT rule 7: match "foo" revision 3: reason"
 *
 * The first refusal stays: a later one does not overwrite it.
 */
struct refusal {
	int error;
	bool native;
	char text[BPFILTER_MESSAGE_MAX];
};

/*
 * struct refuse_where - the place that a refusal names
 * @table:	name of the table, or NULL if it is not known yet
 * @chain:	name of the chain, or NULL
 * @number:	the rule's number in the chain, 0 for none
 * @what:	"match", "target" or NULL
 * @name:	name of the extension
 * @revision:	its revision
 */
struct refuse_where {
	const char *table;
	const char *chain;
	unsigned int number;
	const char *what;
	const char *name;
	unsigned int revision;
};

int __printf(5, 6)
bpfilter_refuse(struct refusal *why, int error, bool native,
		const struct refuse_where *where, const char *fmt, ...);
int __printf(5, 0)
bpfilter_vrefuse(struct refusal *why, int error, bool native,
		 const struct refuse_where *where, const char *fmt,
		 va_list args);

#endif /* BPFILTER_REFUSE_H */
