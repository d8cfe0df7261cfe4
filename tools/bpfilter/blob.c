// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/netfilter.h>

#include "blob.h"
#include "compile.h"

/* Refuse for want of memory */
int blob_nomem(struct blob *b)
{
	return bpfilter_refuse(b->why, ENOMEM, false, NULL, "out of memory");
}

/* The place of a rule, once the chains are listed */
struct refuse_where blob_where(const struct blob *b, uint32_t rule)
{
	const struct ir_rule *r = &b->rs->rules[rule];
	struct refuse_where where = { .table = b->rs->table };

	where.number = rule + 1;
	if (r->chain >= 0) {
		where.chain = b->rs->chains[r->chain].name;
		where.number = r->number;
	}
	return where;
}

static int blob_init(struct blob *b, const void *data, size_t size,
		     uint16_t family, struct refusal *why)
{
	memset(b, 0, sizeof(*b));
	memset(why, 0, sizeof(*why));
	b->why = why;

	b->fam = blob_family_find(family);
	if (!b->fam)
		return bpfilter_refuse(why, EINVAL, false, NULL,
				       "family %u has no tables", family);
	if (size < sizeof(b->repl))
		return bpfilter_refuse(why, EINVAL, true, NULL,
				       "blob of %zu bytes, header has %zu",
				       size, sizeof(b->repl));
	if ((uintptr_t)data % __alignof__(struct ipt_replace))
		return bpfilter_refuse(why, EINVAL, false, NULL,
				       "blob is not aligned in memory");

	memcpy(&b->repl, data, sizeof(b->repl));
	b->repl.name[sizeof(b->repl.name) - 1] = '\0';
	b->base = (const char *)data + sizeof(b->repl);
	b->rs = bpfilter_ir_new();
	if (!b->rs)
		return blob_nomem(b);
	memcpy(b->rs->table, b->repl.name, sizeof(b->rs->table));
	b->rs->family = family;
	b->rs->valid_hooks = b->repl.valid_hooks;
	return 0;
}

/* What makes a well-formed ruleset; an error here is native's too */
static int blob_check(struct blob *b, size_t size)
{
	int ret;

	ret = blob_check_header(b, size);
	if (!ret)
		ret = blob_check_entries(b);
	if (!ret)
		ret = blob_list_chains(b);
	if (!ret)
		ret = blob_resolve_jumps(b);
	if (!ret)
		ret = blob_mark_sources(b);
	return ret;
}

static int blob_translate(struct blob *b)
{
	int parsed = blob_parse_rules(b);
	int linked = blob_link_chains(b);

	return linked == -ENOMEM || !parsed ? linked : parsed;
}

/**
 * bpfilter_blob_read() - read a ruleset as IPT_SO_SET_REPLACE takes it, or
 * IP6T_SO_SET_REPLACE
 * @data:	value of the socket option, aligned as struct ipt_replace
 * @size:	its bytes
 * @family:	NFPROTO_IPV4 or NFPROTO_IPV6
 * @rs:		where the ruleset goes, the caller frees it
 * @why:	why it was refused; overwritten
 *
 * If the blob is malformed, *@rs is NULL and the errno is native's. If it is
 * well-formed but refused, *@rs still holds all rules with their offsets and
 * hooks (comefrom) so that the kernel can look for errors which native finds in
 * the extensions; such a ruleset can be dumped but not compiled.
 *
 * Return: 0, or a negative errno:
 * * -EINVAL: malformed, or its jump stack can overflow
 * * -ELOOP: chains form a loop, a jump leads nowhere or a chain has no end
 * * -ENOENT: revision of a target that native does not have
 * * -ENOMEM: out of memory, or a size beyond native's limit
 */
int bpfilter_blob_read(const void *data, size_t size, uint16_t family,
		       struct ir_ruleset **rs, struct refusal *why)
{
	struct blob b;
	int ret;

	*rs = NULL;
	ret = blob_init(&b, data, size, family, why);
	if (!ret)
		ret = blob_check(&b, size);
	if (ret)
		goto out_free;

	ret = blob_translate(&b);
	if (ret == -ENOMEM)
		goto out_free;
	*rs = b.rs;
	free(b.entries);
	return ret;

out_free:
	free(b.entries);
	bpfilter_ir_free(b.rs);
	return ret;
}
