// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load.h"

/* The kernel log */

static int klog = -1;

void klog_mark(void)
{
	if (klog < 0)
		klog = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (klog >= 0)
		lseek(klog, 0, SEEK_END);
}

/* A record is "priority,sequence,time,flags;text", then lines of properties */
void klog_read(struct text *text)
{
	char record[8192];
	ssize_t n;

	while (klog >= 0) {
		char *msg;

		n = read(klog, record, sizeof(record) - 1);
		if (n < 0 && errno == EPIPE)
			continue;
		if (n <= 0)
			return;
		record[n] = '\0';
		msg = strchr(record, ';');
		if (!msg++)
			continue;
		text_add(text, msg, strcspn(msg, "\n"));
		text_add(text, "\n", 1);
	}
}

static bool is_about_packet(const char *line, size_t len)
{
	return memmem(line, len, "IN=", 3) && memmem(line, len, " OUT=", 5);
}

/*
 * What the stack makes up is cut out: the id, "ID=1234" of IPv4 and "ID:001234ab"
 * of IPv6, and Ethernet headers, which may be gone where they are printed.
 */
static size_t copy_line(char *to, const char *from, size_t len)
{
	const char *end = from + len;
	char *start = to;

	while (from < end) {
		if (strncmp(from, " ID=", 4) && strncmp(from, " ID:", 4) &&
		    strncmp(from, " MAC=", 5)) {
			*to++ = *from++;
			continue;
		}
		from += 4;
		from += strspn(from, "=:0123456789abcdef");
	}
	return to - start;
}

void klog_keep_packets(char *text)
{
	char *from = text, *to = text;

	while (*from) {
		size_t len = strcspn(from, "\n");

		len += from[len] == '\n';
		if (is_about_packet(from, len))
			to += copy_line(to, from, len);
		from += len;
	}
	*to = '\0';
}

char *klog_complaint(const char *text)
{
	static const char * const words[] = {
		"WARNING:", "BUG:", "KASAN", "UBSAN", "Oops", "INFO: ",
		"general protection fault", "possible recursive",
		"possible circular", "inconsistent lock", "suspicious RCU",
		"refcount_t:", "sleeping function", "scheduling while atomic",
	};
	const char *found = NULL;
	char *line;

	for (size_t i = 0; i < ARRAY_SIZE(words) && !found; i++)
		found = strstr(text, words[i]);
	if (!found)
		return NULL;
	line = xstrdup(found);
	line[strcspn(line, "\n")] = '\0';
	return line;
}
