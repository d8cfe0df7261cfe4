// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "load.h"

/* The unmodified iptables, run in a namespace */

/* "iptables-legacy-restore"; $IPTABLES is the command of IPv4, or its path */
static const char *iptables(const struct side *side, const char *suffix)
{
	static char name[256];
	const char *base = getenv("IPTABLES");
	const char *at = base ? strstr(base, "iptables") : NULL;

	if (at)
		snprintf(name, sizeof(name), "%.*s%s%s-%s", (int)(at - base),
			 base, side->family->command, at + strlen("iptables"),
			 suffix);
	else
		snprintf(name, sizeof(name), "%s-legacy-%s",
			 side->family->command, suffix);
	return name;
}

static char *read_back(FILE *f)
{
	size_t len, size;
	char *text;

	fseek(f, 0, SEEK_END);
	size = ftell(f);
	rewind(f);
	text = xrealloc(NULL, size + 1);
	len = fread(text, 1, size, f);
	text[len] = '\0';
	return text;
}

static FILE *xtmpfile(void)
{
	FILE *f = tmpfile();

	if (!f)
		die("temporary file: %s", strerror(errno));
	return f;
}

int run_in(const struct side *side, const char *const argv[],
	   const char *input, char **output)
{
	FILE *in = xtmpfile(), *out = xtmpfile(), *err = xtmpfile();
	int status;
	pid_t pid;

	fputs(input, in);
	fflush(in);
	rewind(in);
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (!pid) {
		side_enter(side);
		dup2(fileno(in), 0);
		dup2(fileno(out), 1);
		dup2(fileno(err), 2);
		execvp(argv[0], (char *const *)argv);
		perror(argv[0]);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	*output = read_back(status ? err : out);
	fclose(in);
	fclose(out);
	fclose(err);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

int rules_load(const struct side *side, const char *text, char **output)
{
	/* Counters in the input are set too */
	const char *set = strstr(text, "\n[") ? "-c" : NULL;
	const char *argv[4];

	argv[0] = iptables(side, "restore");
	argv[1] = "-w";
	argv[2] = set;
	argv[3] = NULL;
	return run_in(side, argv, text, output);
}

char *rules_save(const struct side *side)
{
	char *text, *from, *to;
	const char *argv[3];

	argv[0] = iptables(side, "save");
	argv[1] = "-c";
	argv[2] = NULL;
	if (run_in(side, argv, "", &text))
		die("%s: %s: %s", side->name, argv[0], text);
	for (from = text, to = text; *from;) {
		size_t len = strcspn(from, "\n");

		len += from[len] == '\n';
		if (*from != '#') {
			memmove(to, from, len);
			to += len;
		}
		from += len;
	}
	*to = '\0';
	return text;
}

/* The next line that begins with the character, from a line's start on */
static const char *find_line(const char *text, char first)
{
	while (*text) {
		if (*text == first)
			return text;
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return NULL;
}

static const char *next_line(const char *text)
{
	text += strcspn(text, "\n");
	return text + (*text == '\n');
}

char *table_extract(const char *text, const char *table)
{
	size_t len = strlen(table);
	const char *end;
	char *copy;

	while ((text = find_line(text, '*'))) {
		if (!strncmp(text + 1, table, len) &&
		    strchr(" \t\r\n", text[1 + len]))
			break;
		text = next_line(text);
	}
	if (!text)
		return NULL;
	end = find_line(text, 'C');
	end = end ? next_line(end) : text + strlen(text);
	copy = xrealloc(NULL, end - text + 1);
	memcpy(copy, text, end - text);
	copy[end - text] = '\0';
	return copy;
}

void rules_clear(const struct side *side, const char *text)
{
	struct text empty = { 0 };
	char *said;

	while ((text = find_line(text, '*'))) {
		text_add(&empty, text, strcspn(text, "\n"));
		text_add(&empty, "\nCOMMIT\n", 8);
		text = next_line(text);
	}
	if (empty.s && rules_load(side, empty.s, &said))
		die("%s: tables do not become empty: %s", side->name, said);
	text_free(&empty);
}
