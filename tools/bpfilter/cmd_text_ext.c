// SPDX-License-Identifier: GPL-2.0
/*
 * Extensions as text, printed by iptables' own code
 *
 * For each extension iptables has a plugin that prints what the extension's data
 * means, and libxtables finds it. Both are shared with iptables: libxtables is
 * GPL-2.0-or-later, and a plugin made for another libxtables is refused by that
 * library itself. Printing goes to stdout, which cmd_text.c has turned into
 * memory.
 *
 * What a plugin cannot do here (it is not installed, lacks this revision, has
 * data of another size, or gives up) is printed as name and revision in angle
 * brackets, which no command takes for a rule.
 */
#include <netdb.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <xtables.h>
#include <linux/compiler.h>

#include "cmd_text.h"

#define NAME_CHARS	"abcdefghijklmnopqrstuvwxyz" \
			"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

/* Where to go on when a plugin gives up, which it may not return from */
static jmp_buf gave_up;

static void __noreturn __printf(2, 3)
plugin_gave_up(enum xtables_exittype status, const char *fmt, ...)
{
	longjmp(gave_up, 1);
}

/*
 * Any revision will do: a rule names the one it has, whether or not the running
 * kernel knows it.
 */
static int any_revision(const char *name, uint8_t revision, int opt)
{
	return 1;
}

static struct xtables_globals globals = {
	.program_name = "bpfilter",
	.program_version = XTABLES_VERSION,
	.exit_err = plugin_gave_up,
	.compat_rev = any_revision,
};

/**
 * text_ext_init - get ready for the extensions of a family
 * @family:	NFPROTO_IPV4 or NFPROTO_IPV6; may change from call to call
 *
 * Return: 0, or -1 if libxtables refuses to be used
 */
int text_ext_init(uint16_t family)
{
	static bool done;

	if (done)
		xtables_set_nfproto(family);
	else if (xtables_init_all(&globals, family))
		return -1;
	done = true;
	return 0;
}

/**
 * text_ext_proto - name of a protocol
 * @proto:	its number
 *
 * Return: the name that iptables has for it or else the system, or NULL
 */
const char *text_ext_proto(uint16_t proto)
{
	static const char *names[UINT8_MAX + 1];
	const struct protoent *ent;
	unsigned int i;

	if (proto > UINT8_MAX)
		return NULL;
	if (names[proto])
		return names[proto];
	for (i = 0; xtables_chain_protos[i].name; i++)
		if (xtables_chain_protos[i].num == proto)
			return xtables_chain_protos[i].name;
	ent = getprotobynumber(proto);
	if (ent)
		names[proto] = strdup(ent->p_name);
	return names[proto];
}

/* It becomes part of a file's name, and may come from somebody else's blob */
static bool name_is_plain(const char *name)
{
	return name[0] && !name[strspn(name, NAME_CHARS)];
}

static void unknown(const char *option, const char *name, uint8_t revision)
{
	printf(" %s <", option);
	for (; *name; name++)
		putchar(*name > 0x20 && *name < 0x7f ? *name : '?');
	printf(" revision %u>", revision);
}

static void match_print(const void *ip, const struct xt_entry_match *m)
{
	const char *name = m->u.user.name;
	const struct xtables_match *any = NULL, *match = NULL;

	if (name_is_plain(name))
		any = xtables_find_match(name, XTF_TRY_LOAD, NULL);
	if (any)
		match = xtables_find_match_revision(name, XTF_TRY_LOAD,
						    (void *)any,
						    m->u.user.revision);
	if (!match || m->u.match_size != XT_ALIGN(sizeof(*m)) + match->size) {
		unknown("-m", name, m->u.user.revision);
		return;
	}
	printf(" -m %s", match->alias ? match->alias(m) : name);
	if (match->save)
		match->save(ip, m);
}

static void target_print(const void *ip, const struct xt_entry_target *t)
{
	const char *name = t->u.user.name;
	const struct xtables_target *any = NULL, *target = NULL;

	if (name_is_plain(name))
		any = xtables_find_target(name, XTF_TRY_LOAD);
	if (any)
		target = xtables_find_target_revision(name, XTF_TRY_LOAD,
						      (void *)any,
						      t->u.user.revision);
	if (!target || t->u.target_size != XT_ALIGN(sizeof(*t)) + target->size) {
		unknown("-j", name, t->u.user.revision);
		return;
	}
	printf(" -j %s", target->alias ? target->alias(t) : name);
	if (target->save)
		target->save(ip, t);
}

/**
 * text_ext_match - print a match to stdout as iptables-save does
 * @ip:		the rule's struct ipt_ip or struct ip6t_ip6
 * @m:		the match
 */
void text_ext_match(const void *ip, const struct xt_entry_match *m)
{
	long start = ftell(stdout);

	if (setjmp(gave_up)) {
		fseek(stdout, start, SEEK_SET);
		unknown("-m", m->u.user.name, m->u.user.revision);
	} else {
		match_print(ip, m);
	}
}

/**
 * text_ext_target - print a target extension to stdout as iptables-save does
 * @ip:		the rule's struct ipt_ip or struct ip6t_ip6
 * @t:		the target, not the standard one
 */
void text_ext_target(const void *ip, const struct xt_entry_target *t)
{
	long start = ftell(stdout);

	if (setjmp(gave_up)) {
		fseek(stdout, start, SEEK_SET);
		unknown("-j", t->u.user.name, t->u.user.revision);
	} else {
		target_print(ip, t);
	}
}
