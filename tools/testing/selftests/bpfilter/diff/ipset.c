// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load.h"

/* IP sets that a ruleset needs, with addresses that packets are made of */

/* An address of ours into every set that takes one */
static void fill_set(struct text *t, const char *name, const char *type,
		     const char *options)
{
	const struct family *f = strstr(options, "family inet6") ? &family_ipv6 :
								   &family_ipv4;
	bool port = !strcmp(type, "hash:ip,port");
	char addr[64], line[160];
	uint8_t bytes[16];

	if (!port && strcmp(type, "hash:ip") && strcmp(type, "hash:net"))
		return;
	for (unsigned int i = 0; i < NUM_SET_ADDRS; i++) {
		if (!set_has_addr(name, i))
			continue;
		addr_put(f, bytes, set_addr(f, i));
		inet_ntop(f->af, bytes, addr, sizeof(addr));
		snprintf(line, sizeof(line), "add %s %s%s\n", name, addr,
			 port ? ",tcp:80" : "");
		text_add(t, line, strlen(line));
	}
}

char *ipset_read(const char *file)
{
	size_t len = strlen(file);
	struct text t = { 0 };
	char path[4096], *text;

	if (len > 6 && !strcmp(file + len - 6, ".rules"))
		len -= 6;
	snprintf(path, sizeof(path), "%.*s.ipset", (int)len, file);
	if (access(path, R_OK))
		return NULL;
	text = read_file(path);
	text_add(&t, text, strlen(text));
	for (char *save, *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char name[64], type[32];

		if (sscanf(line, "create %63s %31s", name, type) == 2)
			fill_set(&t, name, type, line);
	}
	free(text);
	return t.s;
}
