/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_CMD_PIN_H
#define BPFILTER_CMD_PIN_H

#include <stdint.h>
#include <linux/netfilter_ipv4/ip_tables.h>

#include "compile.h"
#include "standalone.h"

struct cmd_ctx;

/*
 * Tables that links run, kept in a BPF file system:
 *
 *	/sys/fs/bpf/bpfilter/NETNS/FAMILY/TABLE/HOOK		links
 *	/sys/fs/bpf/bpfilter/NETNS/FAMILY/TABLE/counters	map
 *	/sys/fs/bpf/bpfilter/NETNS/FAMILY/TABLE/ruleset		map
 *
 * NETNS is the inode number of the network namespace, FAMILY ipv4 or ipv6. A
 * folder "TABLE-next" is what did not come to be, or is to go.
 */
#define PIN_BPFFS	"/sys/fs/bpf"
#define PIN_ROOT	PIN_BPFFS "/bpfilter"
#define PIN_PATH_MAX	160

/**
 * struct pins - the pins of a network namespace
 * @netns:	its inode number
 * @root_fd:	locked, so that only one command works on pins at a time
 */
struct pins {
	uint64_t netns;
	int root_fd;
};

/**
 * struct pin_table - what is to be pinned of a table
 * @blob:	its ruleset, borrowed
 * @size:	bytes of @blob
 * @family:	NFPROTO_IPV4 or NFPROTO_IPV6
 * @name:	its name
 * @img:	layout of its counters, borrowed
 * @loaded:	its maps and programs, borrowed
 * @link:	by hook; no link where there is no program
 */
struct pin_table {
	const void *blob;
	size_t size;
	uint16_t family;
	const char *name;
	const struct gen_image *img;
	const struct loaded *loaded;
	const struct standalone_link *link;
};

/**
 * struct pin_hook - a hook of a pinned table
 * @link_id:	0: it has no link
 * @prog_id:	its program
 * @priority:	where the link is
 */
struct pin_hook {
	uint32_t link_id;
	uint32_t prog_id;
	int priority;
};

/**
 * struct pinned - a pinned table
 * @blob:	its ruleset, owned
 * @size:	bytes of @blob
 * @counters:	for each entry, owned
 * @num:	number of @counters
 * @hook:	by hook
 */
struct pinned {
	struct ipt_replace *blob;
	size_t size;
	struct xt_counters *counters;
	uint32_t num;
	struct pin_hook hook[BPFILTER_NUMHOOKS];
};

/**
 * struct pin_names - names in a folder
 * @name:	the names, sorted
 * @num:	number of @name
 */
struct pin_names {
	char (*name)[XT_TABLE_MAXNAMELEN];
	unsigned int num;
};

int pins_open(struct cmd_ctx *ctx, struct pins *pins);
void pins_close(struct pins *pins);
int pins_add(const struct pins *pins, const struct pin_table *t);
int pins_commit(const struct pins *pins, uint16_t family, const char *table);
int pins_drop_next(const struct pins *pins, uint16_t family,
		   const char *table);
int pins_remove(const struct pins *pins, uint16_t family, const char *table);
int pins_tables(const struct pins *pins, uint16_t family,
		struct pin_names *names);
int pins_read(const struct pins *pins, uint16_t family, const char *table,
	      struct pinned *out);
void pinned_free(struct pinned *p);

#endif /* BPFILTER_CMD_PIN_H */
