// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/netfilter.h>

#include "blob_make.h"

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

/* Cut if it is too long, without a terminating zero then */
static void set_name(char *field, size_t size, const char *name)
{
	memcpy(field, name, strnlen(name, size));
}

void make_init(struct make *mk)
{
	memset(mk, 0, sizeof(*mk));
	mk->family = NFPROTO_IPV4;
	mk->name = "filter";
}

void make_free(struct make *mk)
{
	free(mk->entries);
}

static struct make_entry *make_entry(struct make *mk)
{
	struct make_entry *e;

	/* Room for a power of two of them */
	if (!(mk->num & (mk->num - 1)))
		mk->entries = must(reallocarray(mk->entries, 2 * mk->num + 1,
						sizeof(*e)));
	e = &mk->entries[mk->num++];
	memset(e, 0, sizeof(*e));
	e->family = mk->family;
	e->jump = MAKE_NO_JUMP;
	return e;
}

struct make_entry *make_target(struct make *mk, const char *name,
			       uint8_t revision, size_t size)
{
	struct make_entry *e = make_entry(mk);
	struct xt_entry_target *t = (void *)e->target;

	e->target_len = sizeof(*t) + XT_ALIGN(size);
	t->u.target_size = e->target_len;
	set_name(t->u.user.name, sizeof(t->u.user.name), name);
	t->u.user.revision = revision;
	return e;
}

struct make_entry *make_verdict(struct make *mk, int verdict)
{
	struct make_entry *e = make_target(mk, XT_STANDARD_TARGET, 0,
					   sizeof(int));

	((struct xt_standard_target *)e->target)->verdict = verdict;
	return e;
}

struct make_entry *make_jump(struct make *mk, uint32_t to)
{
	struct make_entry *e = make_verdict(mk, 0);

	e->jump = to;
	return e;
}

struct make_entry *make_goto(struct make *mk, uint32_t to)
{
	struct make_entry *e = make_jump(mk, to);

	if (e->family == NFPROTO_IPV6)
		e->ip6.flags |= IP6T_F_GOTO;
	else
		e->ip.flags |= IPT_F_GOTO;
	return e;
}

struct make_entry *make_head(struct make *mk, const char *name)
{
	struct make_entry *e = make_target(mk, XT_ERROR_TARGET, 0,
					   XT_FUNCTION_MAXNAMELEN);

	set_name(((struct xt_error_target *)e->target)->errorname,
		 XT_FUNCTION_MAXNAMELEN, name);
	return e;
}

/* Have an entry ask for a protocol */
void make_proto(struct make_entry *e, uint8_t proto)
{
	if (e->family == NFPROTO_IPV6) {
		e->ip6.proto = proto;
		e->ip6.flags |= IP6T_F_PROTO;
		e->ip6.invflags &= ~IP6T_INV_PROTO;
		return;
	}
	e->ip.proto = proto;
	e->ip.invflags &= ~IPT_INV_PROTO;
}

void *make_match(struct make_entry *e, const char *name, uint8_t revision,
		 size_t size)
{
	struct xt_entry_match *m = (void *)(e->matches + e->matches_len);

	e->matches_len += sizeof(*m) + XT_ALIGN(size);
	if (e->matches_len > sizeof(e->matches))
		abort();
	m->u.match_size = sizeof(*m) + XT_ALIGN(size);
	set_name(m->u.user.name, sizeof(m->u.user.name), name);
	m->u.user.revision = revision;
	return m->data;
}

void make_hook(struct make *mk, int hook, uint32_t first, uint32_t policy)
{
	mk->valid_hooks |= 1U << hook;
	mk->hook_entry[hook] = first;
	mk->underflow[hook] = policy;
}

static size_t header_len(const struct make *mk)
{
	return mk->family == NFPROTO_IPV6 ? sizeof(struct ip6t_entry) :
	       sizeof(struct ipt_entry);
}

static size_t entry_len(const struct make *mk, const struct make_entry *e)
{
	return XT_ALIGN(header_len(mk) + e->matches_len + e->target_len);
}

/* Offset of an entry, or of the blob's end for the index behind the last */
uint32_t make_offset(const struct make *mk, uint32_t entry)
{
	uint32_t off = 0;

	for (uint32_t i = 0; i < entry && i < mk->num; i++)
		off += entry_len(mk, &mk->entries[i]);
	return off;
}

static void header_write(const struct make *mk, const struct make_entry *e,
			 char *to)
{
	size_t target = header_len(mk) + e->matches_len;
	struct ip6t_entry *out6 = (void *)to;
	struct ipt_entry *out = (void *)to;

	if (mk->family == NFPROTO_IPV6) {
		out6->ipv6 = e->ip6;
		out6->target_offset = target;
		out6->next_offset = entry_len(mk, e);
	} else {
		out->ip = e->ip;
		out->target_offset = target;
		out->next_offset = entry_len(mk, e);
	}
}

static void entry_write(const struct make *mk, const struct make_entry *e,
			const uint32_t *offsets, char *to)
{
	char *target = to + header_len(mk) + e->matches_len;
	int verdict;

	header_write(mk, e, to);
	memcpy(to + header_len(mk), e->matches, e->matches_len);
	memcpy(target, e->target, e->target_len);
	if (e->jump == MAKE_NO_JUMP)
		return;
	verdict = offsets[e->jump];
	memcpy(target + offsetof(struct xt_standard_target, verdict), &verdict,
	       sizeof(verdict));
}

void *make_blob(const struct make *mk, size_t *size)
{
	uint32_t *offsets = must(calloc(mk->num + 1, sizeof(*offsets)));
	struct ipt_replace *repl;

	for (uint32_t i = 0; i < mk->num; i++)
		offsets[i + 1] = offsets[i] + entry_len(mk, &mk->entries[i]);
	*size = sizeof(*repl) + offsets[mk->num];
	repl = must(calloc(1, *size));
	set_name(repl->name, sizeof(repl->name), mk->name);
	repl->valid_hooks = mk->valid_hooks;
	repl->num_entries = mk->num;
	repl->size = offsets[mk->num];
	repl->num_counters = 1;
	for (int h = 0; h < 5; h++) {
		if (!(mk->valid_hooks & (1U << h)))
			continue;
		repl->hook_entry[h] = offsets[mk->hook_entry[h]];
		repl->underflow[h] = offsets[mk->underflow[h]];
	}
	for (uint32_t i = 0; i < mk->num; i++)
		entry_write(mk, &mk->entries[i], offsets,
			    (char *)(repl + 1) + offsets[i]);
	free(offsets);
	return repl;
}
