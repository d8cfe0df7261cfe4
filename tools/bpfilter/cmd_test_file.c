// SPDX-License-Identifier: GPL-2.0
/* Files that tcpdump writes, through libpcap */
#include <errno.h>
#include <stdio.h>
#include <pcap/pcap.h>

#include "cmd_test_file.h"

/**
 * test_file_open - open a file with packets
 * @path:	its name, "-" for standard input
 * @why:	filled after an error
 * @size:	bytes of @why
 *
 * Return: it, closed with test_file_close(), or NULL
 */
struct test_file *test_file_open(const char *path, char *why, size_t size)
{
	char text[PCAP_ERRBUF_SIZE];
	pcap_t *p = pcap_open_offline(path, text);

	if (!p)
		snprintf(why, size, "%s", text);
	return (struct test_file *)p;
}

/**
 * test_file_link - the link type of a file's packets
 * @file:	the file
 *
 * Return: DLT_*
 */
int test_file_link(struct test_file *file)
{
	return pcap_datalink((pcap_t *)file);
}

/**
 * test_file_next - the next packet
 * @file:	the file
 * @f:		filled; its bytes are there until the next call
 *
 * Return: 1, 0 if there is none, or -EIO: test_file_error() tells why
 */
int test_file_next(struct test_file *file, struct test_frame *f)
{
	struct pcap_pkthdr *head;

	f->link = test_file_link(file);
	switch (pcap_next_ex((pcap_t *)file, &head, &f->bytes)) {
	case 1:
		f->captured = head->caplen;
		f->len = head->len;
		return 1;
	case PCAP_ERROR_BREAK:
		return 0;
	default:
		return -EIO;
	}
}

/**
 * test_file_error - why test_file_next() failed
 * @file:	the file
 *
 * Return: a text that is there as long as the file is open
 */
const char *test_file_error(struct test_file *file)
{
	return pcap_geterr((pcap_t *)file);
}

/**
 * test_file_close - close a file
 * @file:	the file
 */
void test_file_close(struct test_file *file)
{
	pcap_close((pcap_t *)file);
}
