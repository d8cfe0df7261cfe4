/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_IR_TEXT_H
#define BPFILTER_IR_TEXT_H

#include <stdio.h>

#include "ir.h"

/*
 * A rule's line as iptables-save has it.
 *
 * blob_text.c puts it together, from what the printers of base headers, matches
 * and targets write. They know no more than the extension's data, and write
 * what iptables-save does, byte for byte, even where that says less than the
 * data ("! --sport 0:65535" is not written at all). Three things differ:
 *
 *  - What the translator leaves to the kernel shows its name and its revision
 *    in brackets, "-m recent[1]": its data is the kernel's business.
 *  - Bytes that would move a cursor become question marks, tabs apart.
 *  - Protocols have the names of Debian's /etc/protocols, whatever is there on
 *    this machine: the helper has no file system.
 *
 * Entries that iptables-save has no "-A" for get a line that iptables-restore
 * would take as well: "-P INPUT DROP", "-N web", or a comment.
 */

/* blob_text.c */

void bpfilter_blob_attach(struct ir_ruleset *rs, const void *blob);
void bpfilter_rule_text(const struct ir_ruleset *rs, uint32_t index, FILE *out);

/* ir_text.c: words, for all printers */

void text_name(FILE *out, const char *name, size_t size);
void text_bits(FILE *out, enum ir_field field, uint64_t bits);
void text_value(FILE *out, enum ir_field field, uint64_t value);
void text_addr(FILE *out, uint32_t addr);
void text_mask(FILE *out, uint32_t mask);
void text_addr6(FILE *out, const void *addr);
void text_mac(FILE *out, const uint8_t *addr);
int text_prefix_len(uint32_t mask);
int text_prefix_len6(const uint8_t *mask);

/* ir_text.c: options and what follows them, each with a blank in front */

void text_option(FILE *out, bool invert, const char *option);
void text_range(FILE *out, uint32_t lo, uint32_t hi);
void text_ports(FILE *out, bool invert, const char *option,
		const uint16_t range[2]);
void text_mark(FILE *out, uint32_t value, uint32_t mask);
void text_quoted(FILE *out, const char *text, size_t size);

#endif /* BPFILTER_IR_TEXT_H */
