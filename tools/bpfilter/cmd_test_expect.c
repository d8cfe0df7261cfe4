// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of a firewall: packets and what is expected of them
 *
 * A line is "WORDS => VERDICT [CHAIN:RULE]". The output is that of kernel tests.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_test.h"

#define ARROW		"=>"

/**
 * struct expected - one line
 * @line:	its number
 * @words:	the packet, owned
 * @verdict:	as test_verdict_name() has it
 * @place:	as test_place() has it, empty: any
 * @found:	what became of the packet
 */
struct expected {
	unsigned int line;
	char *words;
	char verdict[16];
	char place[64];
	struct test_result found;
};

/**
 * struct expectations - all of a file
 * @e:		lines, owned
 * @num:	number of @e
 */
struct expectations {
	struct expected *e;
	unsigned int num;
};

/* --- Reading --- */

static char *trim(char *text)
{
	size_t len;

	while (*text == ' ' || *text == '\t')
		text++;
	len = strlen(text);
	while (len && strchr(" \t\r\n", text[len - 1]))
		text[--len] = '\0';
	return text;
}

static bool is_verdict(const char *word)
{
	return !strcmp(word, test_verdict_name(TEST_ACCEPT)) ||
	       !strcmp(word, test_verdict_name(TEST_DROP)) ||
	       !strcmp(word, test_verdict_name(TEST_UNKNOWN));
}

/* @text is "WORDS => VERDICT [CHAIN:RULE]" */
static int expected_read(struct expected *e, char *text)
{
	char *arrow = strstr(text, ARROW);
	char more;
	int num;

	if (!arrow)
		return -EINVAL;
	*arrow = '\0';
	num = sscanf(arrow + strlen(ARROW), "%15s %63s %c", e->verdict,
		     e->place, &more);
	if (num < 1 || num > 2 || !is_verdict(e->verdict))
		return -EINVAL;
	e->words = strdup(trim(text));
	return e->words ? 0 : -ENOMEM;
}

static int expected_add(struct expectations *all, unsigned int line, char *text)
{
	struct expected *e = reallocarray(all->e, all->num + 1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	all->e = e;
	e += all->num++;
	memset(e, 0, sizeof(*e));
	e->line = line;
	return expected_read(e, text);
}

static int lines_read(struct test *t, const char *path, char *data,
		      struct expectations *all)
{
	unsigned int number = 0;
	char *text, *end;
	int err;

	for (; data; data = end) {
		end = strchr(data, '\n');
		if (end)
			*end++ = '\0';
		number++;
		text = trim(data);
		if (!*text || *text == '#')
			continue;
		err = expected_add(all, number, text);
		if (err == -EINVAL)
			return cmd_usage(t->ctx, "%s line %u: not \"PACKET => ACCEPT|DROP|unknown [CHAIN:RULE]\"",
					 path, number);
		if (err)
			return cmd_error(t->ctx, "%s", strerror(-err));
	}
	return CMD_OK;
}

static int file_read(struct test *t, const char *path,
		     struct expectations *all)
{
	char *data, *text;
	size_t size;
	int ret;

	ret = source_read_file(path, &data, &size);
	text = ret ? NULL : strndup(data ? data : "", size);
	free(data);
	if (ret || !text)
		return cmd_error(t->ctx, "%s: %s", path,
				 strerror(ret ? -ret : ENOMEM));
	ret = lines_read(t, path, text, all);
	free(text);
	return ret;
}

/* --- Trying --- */

static int expected_try(struct test *t, const char *path, struct expected *e)
{
	char bad[128], *copy = strdup(e->words);
	struct test_path way;
	struct packet pkt;
	int err;

	if (!copy)
		return cmd_error(t->ctx, "%s", strerror(ENOMEM));
	err = test_words_read(t, copy, &pkt, &way, bad, sizeof(bad));
	free(copy);
	if (err)
		return cmd_usage(t->ctx, "%s line %u: %s", path, e->line, bad);
	err = test_packet(t, &pkt, &way, &e->found);
	return err ? cmd_error(t->ctx, "%s", strerror(-err)) : CMD_OK;
}

static void found_place(const struct test_result *r, char *text, size_t size)
{
	text[0] = '\0';
	if (r->num)
		test_place(r, text, size);
}

static bool is_expected(const struct expected *e)
{
	char place[64];

	found_place(&e->found, place, sizeof(place));
	return !strcmp(e->verdict, test_verdict_name(e->found.verdict)) &&
	       (!e->place[0] || !strcmp(e->place, place));
}

static void expected_plain(const struct expected *e, unsigned int number)
{
	bool ok = is_expected(e);
	char place[64];

	printf("%sok %u %s => %s%s%s\n", ok ? "" : "not ", number, e->words,
	       e->verdict, e->place[0] ? " " : "", e->place);
	if (ok)
		return;
	found_place(&e->found, place, sizeof(place));
	printf("# line %u: found %s%s%s%s%s%s\n", e->line,
	       test_verdict_name(e->found.verdict), place[0] ? " " : "", place,
	       e->found.because[0] ? " (" : "", e->found.because,
	       e->found.because[0] ? ")" : "");
}

static void expected_json(struct test *t, const struct expected *e)
{
	json_writer_t *json = t->ctx->json;

	jsonw_start_object(json);
	jsonw_uint_field(json, "line", e->line);
	jsonw_bool_field(json, "ok", is_expected(e));
	jsonw_string_field(json, "expected", e->verdict);
	if (e->place[0])
		jsonw_string_field(json, "expected_place", e->place);
	jsonw_name(json, "found");
	test_result_print(t, 0, e->words, &e->found);
	jsonw_end_object(json);
}

static void all_print(struct test *t, const char *path,
		      const struct expectations *all)
{
	json_writer_t *json = t->ctx->json;
	unsigned int i;

	if (json) {
		jsonw_start_object(json);
		jsonw_string_field(json, "expect", path);
		jsonw_name(json, "tests");
		jsonw_start_array(json);
	} else {
		printf("TAP version 13\n1..%u\n", all->num);
	}
	for (i = 0; i < all->num; i++) {
		if (json)
			expected_json(t, &all->e[i]);
		else
			expected_plain(&all->e[i], i + 1);
	}
	if (json) {
		jsonw_end_array(json);
		jsonw_end_object(json);
	}
}

/**
 * test_expect - packets of a file, and what is expected of them
 * @t:		test
 * @path:	the file, "-" for standard input
 * @failed:	set if something is not as expected
 *
 * Return: CMD_OK, CMD_USAGE after cmd_usage(), or CMD_FAILED after cmd_error()
 */
int test_expect(struct test *t, const char *path, bool *failed)
{
	struct expectations all = {};
	unsigned int i;
	int ret;

	ret = file_read(t, path, &all);
	for (i = 0; ret == CMD_OK && i < all.num; i++)
		ret = expected_try(t, path, &all.e[i]);
	if (ret == CMD_OK)
		all_print(t, path, &all);
	for (i = 0; i < all.num; i++) {
		*failed |= ret == CMD_OK && !is_expected(&all.e[i]);
		free(all.e[i].words);
	}
	free(all.e);
	return ret;
}
