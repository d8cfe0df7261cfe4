/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_BLOB_MAKE_H
#define UNIT_BLOB_MAKE_H

#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <linux/compiler.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

/*
 * Ruleset blobs, well-formed or not. Entries are appended one by one and known
 * by their index; jumps name an index that need not exist yet. A blob is one of
 * IPv4 unless its member family is set before the first entry.
 */

#define MAKE_MATCHES_MAX	2048
#define MAKE_TARGET_MAX		128
#define MAKE_NO_JUMP		UINT32_MAX

/**
 * struct make_entry - one entry in the making
 * @family:	of its blob
 * @ip:		its base header, IPv4
 * @ip6:	its base header, IPv6
 * @matches:	its matches, as in the blob
 * @matches_len: bytes of @matches
 * @target:	its target, as in the blob
 * @target_len:	bytes of @target
 * @jump:	index of the entry that it jumps to, MAKE_NO_JUMP for none
 */
struct make_entry {
	uint16_t family;
	union {
		struct ipt_ip ip;
		struct ip6t_ip6 ip6;
	};
	uint8_t matches[MAKE_MATCHES_MAX] __aligned(8);
	size_t matches_len;
	uint8_t target[MAKE_TARGET_MAX] __aligned(8);
	size_t target_len;
	uint32_t jump;
};

/**
 * struct make - a blob in the making
 * @family:	NFPROTO_IPV4 or NFPROTO_IPV6
 * @name:	of the table
 * @entries:	its entries
 * @num:	number of @entries
 * @valid_hooks: mask of its hooks
 * @hook_entry:	for each hook the index of its first entry
 * @underflow:	for each hook the index of its policy
 */
struct make {
	uint16_t family;
	const char *name;
	struct make_entry *entries;
	uint32_t num;
	uint32_t valid_hooks;
	uint32_t hook_entry[5];
	uint32_t underflow[5];
};

void make_init(struct make *mk);
void make_free(struct make *mk);

/* Each appends an entry and returns it; good until the next is appended */
struct make_entry *make_verdict(struct make *mk, int verdict);
struct make_entry *make_jump(struct make *mk, uint32_t to);
struct make_entry *make_goto(struct make *mk, uint32_t to);
struct make_entry *make_head(struct make *mk, const char *name);
struct make_entry *make_target(struct make *mk, const char *name,
			       uint8_t revision, size_t size);

void make_proto(struct make_entry *e, uint8_t proto);
void *make_match(struct make_entry *e, const char *name, uint8_t revision,
		 size_t size);
void make_hook(struct make *mk, int hook, uint32_t first, uint32_t policy);

void *make_blob(const struct make *mk, size_t *size);
uint32_t make_offset(const struct make *mk, uint32_t entry);

#define VERDICT_ACCEPT	(-NF_ACCEPT - 1)
#define VERDICT_DROP	(-NF_DROP - 1)
#define VERDICT_QUEUE	(-NF_QUEUE - 1)
#define VERDICT_RETURN	XT_RETURN

#endif /* UNIT_BLOB_MAKE_H */
