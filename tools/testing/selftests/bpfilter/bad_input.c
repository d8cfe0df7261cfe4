// SPDX-License-Identifier: GPL-2.0
/*
 * Rulesets as a careless or hostile caller may pass them: cut off, with words
 * changed, longer than they say, in memory that is not there. See sides.h for
 * what must hold after each.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "sides.h"

/* Where bpfilter may answer otherwise than native: nowhere so far */
static bool is_intended(const struct rawipt *base, size_t offset,
			uint32_t value, const int *err)
{
	return false;
}

FIXTURE(rulesets)
{
	struct sides s;
};

FIXTURE_SETUP(rulesets)
{
	const char *why = sides_open(&self->s);

	if (why)
		SKIP(return, "%s", why);
	self->s.is_intended = is_intended;
	ASSERT_EQ(0, sides_load_base(&self->s));
	sides_compare(&self->s, "at the start");
}

FIXTURE_TEARDOWN(rulesets)
{
	sides_report(&self->s);
	EXPECT_EQ(0, self->s.differ);
	sides_close(&self->s);
}

TEST_F_TIMEOUT(rulesets, truncated, 1800)
{
	struct rawipt *base = &self->s.base;
	char what[64];
	size_t len;

	for (len = 0; len < base->len; len++) {
		snprintf(what, sizeof(what), "first %zu bytes", len);
		sides_replace(&self->s, what, base->repl, len);
	}
	EXPECT_EQ(0, self->s.accepted);
}

/* Truncated as well, but the header claims no more than there is */
TEST_F_TIMEOUT(rulesets, truncated_entries, 1800)
{
	struct rawipt *base = &self->s.base;
	uint32_t size = base->repl->size;
	char what[64];
	size_t len;

	for (len = 0; len < size; len++) {
		snprintf(what, sizeof(what), "%zu bytes of entries", len);
		base->repl->size = len;
		sides_replace(&self->s, what, base->repl,
			      sizeof(*base->repl) + len);
	}
	EXPECT_EQ(0, self->s.accepted);
}

/* As many entries as claimed, but not all that the hooks and jumps need */
TEST_F_TIMEOUT(rulesets, entries_missing, 600)
{
	struct rawipt *base = &self->s.base;
	uint32_t num = base->repl->num_entries;
	const struct ipt_entry *e;
	unsigned int i, at = 0;
	char what[64];

	for (i = 0; i < num; i++) {
		snprintf(what, sizeof(what), "first %u entries", i);
		base->repl->size = at;
		base->repl->num_entries = i;
		sides_replace(&self->s, what, base->repl, base->len);
		e = (void *)((char *)base->repl->entries + at);
		at += e->next_offset;
	}
}

/* "entry 3 byte 112": which word that is, for the log */
static void name_word(const struct rawipt *r, size_t offset, uint32_t value,
		      char *buf, size_t size)
{
	const struct ipt_entry *e;
	size_t at = sizeof(*r->repl);
	unsigned int i;

	if (offset < at) {
		snprintf(buf, size, "header byte %zu = %#x", offset, value);
		return;
	}
	for (i = 0; i < r->repl->num_entries; i++) {
		e = (void *)((char *)r->repl + at);
		if (offset < at + e->next_offset)
			break;
		at += e->next_offset;
	}
	snprintf(buf, size, "entry %u byte %zu = %#x", i, offset - at, value);
}

TEST_F_TIMEOUT(rulesets, every_word, 3600)
{
	static const uint32_t values[] = { 0, 1, 0x7fffffff, 0xffffffff };
	struct rawipt *base = &self->s.base;
	char what[64];
	size_t offset;
	unsigned int i;

	for (offset = 0; offset + 4 <= base->len; offset += 4) {
		for (i = 0; i < ARRAY_SIZE(values); i++) {
			name_word(base, offset, values[i], what, sizeof(what));
			sides_change(&self->s, offset, values[i], what);
		}
	}
	EXPECT_LT(0, self->s.accepted);
	EXPECT_LT(0, self->s.refused);
}

/* Bytes behind the entries are nobody's business */
TEST_F_TIMEOUT(rulesets, longer_than_needed, 600)
{
	static const socklen_t more[] = { 1, 7, 4096, 1 << 20 };
	struct rawipt *base = &self->s.base;
	unsigned int i;
	char what[64];

	for (i = 0; i < ARRAY_SIZE(more); i++) {
		snprintf(what, sizeof(what), "%u bytes more", more[i]);
		sides_replace(&self->s, what, base->repl, base->len + more[i]);
	}
	sides_replace(&self->s, "0x7fffffff bytes", base->repl, 0x7fffffff);
	sides_replace(&self->s, "-1 bytes", base->repl, -1);
	EXPECT_EQ((int)ARRAY_SIZE(more) + 1, self->s.accepted);
}

/* The option's value reaches into memory that is not there */
TEST_F_TIMEOUT(rulesets, unreadable, 600)
{
	static const size_t there[] = { 0, 1, 40, 91, 92, 96, 97, 200, 1000 };
	struct rawipt *base = &self->s.base;
	size_t page = sysconf(_SC_PAGESIZE);
	size_t room = (base->len / page + 1) * page;
	char what[64], *map, *value;
	unsigned int i;

	map = mmap(NULL, room + page, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, mprotect(map + room, page, PROT_NONE));
	for (i = 0; i < ARRAY_SIZE(there); i++) {
		value = map + room - there[i];
		snprintf(what, sizeof(what), "%zu bytes readable", there[i]);
		memcpy(value, base->repl, there[i]);
		sides_replace(&self->s, what, value, base->len);
	}
	sides_replace(&self->s, "null pointer", NULL, base->len);
	EXPECT_EQ(0, self->s.accepted);
}

TEST_HARNESS_MAIN
