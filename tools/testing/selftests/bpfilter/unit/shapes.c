// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <linux/netfilter.h>

#include "shapes.h"

/* Let a rule test for one source address */
void shape_source(struct make_entry *e, uint32_t addr)
{
	e->ip.src.s_addr = htonl(addr);
	e->ip.smsk.s_addr = 0xffffffff;
}

/* INPUT starts at @first and ends here; the other hooks have a policy only */
void shape_end_input(struct make *mk, uint32_t first)
{
	uint32_t policy = mk->num;

	for (int hook = NF_INET_LOCAL_IN; hook <= NF_INET_LOCAL_OUT; hook++) {
		make_verdict(mk, VERDICT_ACCEPT);
		make_hook(mk, hook, hook == NF_INET_LOCAL_IN ? first : policy,
			  policy);
		policy++;
	}
}

void shape_end(struct make *mk)
{
	make_head(mk, "ERROR");
}

/* Rules that drop, as in a list of bad hosts */
void shape_final(struct make *mk, uint32_t num)
{
	for (uint32_t i = 0; i < num; i++)
		shape_source(make_verdict(mk, VERDICT_DROP), i);
	shape_end_input(mk, 0);
	shape_end(mk);
}

/* Rules that only count; two in a row count the same packets */
void shape_counting(struct make *mk, uint32_t num)
{
	for (uint32_t i = 0; i < num; i++)
		shape_source(make_jump(mk, i + 1), i & ~1);
	shape_end_input(mk, 0);
	shape_end(mk);
}

/*
 * Rules with a test of each part of the base header. Every third counts only, and
 * the next one drops the same packets.
 */
void shape_tests(struct make *mk, uint32_t num)
{
	struct make_entry *e;

	for (uint32_t i = 0; i < num; i++) {
		e = i % 3 ? make_verdict(mk, VERDICT_DROP) :
			    make_jump(mk, i + 1);
		shape_source(e, i - i % 3 + i % 3 / 2);
		e->ip.proto = IPPROTO_TCP;
		memcpy(e->ip.iniface, "other", sizeof("other"));
		memset(e->ip.iniface_mask, 0xff, IFNAMSIZ);
		memcpy(e->ip.outiface, "other", sizeof("other"));
		memset(e->ip.outiface_mask, 0xff, IFNAMSIZ);
		e->ip.invflags = IPT_INV_VIA_IN | IPT_INV_VIA_OUT;
	}
	shape_end_input(mk, 0);
	shape_end(mk);
}

/* Rules that ask the kernel twice and let it change the packet each time */
void shape_bridged(struct make *mk, uint32_t num)
{
	struct make_entry *e;

	for (uint32_t i = 0; i < num; i++) {
		e = make_target(mk, "foreign", 0, 8);
		shape_source(e, i);
		make_match(e, "foreign", 0, 8);
		make_match(e, "other", 0, 8);
	}
	shape_end_input(mk, 0);
	shape_end(mk);
}

/* Chains, each within the one before, that drop one address each */
void shape_nest(struct make *mk, uint32_t num)
{
	char name[16];
	uint32_t i, head = 4;

	make_jump(mk, head + 1);
	shape_end_input(mk, 0);
	for (i = 0; i < num; i++, head += 4) {
		snprintf(name, sizeof(name), "nest%u", i);
		make_head(mk, name);
		shape_source(make_verdict(mk, VERDICT_DROP), i);
		if (i + 1 < num)
			make_jump(mk, head + 5);
		else
			shape_source(make_verdict(mk, VERDICT_DROP), i);
		make_verdict(mk, VERDICT_RETURN);
	}
	shape_end(mk);
}

static void shape_destination(struct make_entry *e, uint32_t addr)
{
	e->ip.dst.s_addr = htonl(addr);
	e->ip.dmsk.s_addr = 0xffffffff;
}

/* Chains side by side, one for each address, that drop one destination each */
void shape_fan(struct make *mk, uint32_t num)
{
	char name[16];
	uint32_t i;

	for (i = 0; i < num; i++)
		shape_source(make_jump(mk, num + 3 + 3 * i + 1), i);
	shape_end_input(mk, 0);
	for (i = 0; i < num; i++) {
		snprintf(name, sizeof(name), "fan%u", i);
		make_head(mk, name);
		shape_destination(make_verdict(mk, VERDICT_DROP), i & ~1);
		make_verdict(mk, VERDICT_RETURN);
	}
	shape_end(mk);
}
