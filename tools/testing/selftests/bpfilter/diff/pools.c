// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spec.h"

/* Values, devices and users that occur in a ruleset */

#define MAX_POOL	4096
/* Each device takes time to make: none that are not named beyond so many */
#define MAX_NEAR	16

static void pool_addr(struct pools *p, __uint128_t addr)
{
	if (p->num_addr == MAX_POOL)
		return;
	p->addr = grow(p->addr, p->num_addr, sizeof(*p->addr));
	p->addr[p->num_addr++] = addr;
}

static void pool_addr_test(struct pools *p, const struct family *f,
			   const struct addr_test *t)
{
	if (!t->mask)
		return;
	pool_addr(p, t->addr);
	if (t->mask != f->addr_all)
		pool_addr(p, t->addr | (~t->mask & f->addr_all & 0x01010101));
}

static void pool_addr_range(struct pools *p, const struct addr_range_test *t)
{
	if (!t->set)
		return;
	pool_addr(p, t->lo);
	pool_addr(p, t->hi);
}

static void pool_ranges(struct pools *p, const struct range_test *t)
{
	for (unsigned int i = 0; i < t->num && p->num_port < MAX_POOL; i++) {
		p->port = grow(p->port, p->num_port, sizeof(*p->port));
		p->port[p->num_port++] = t->range[i].lo;
	}
}

static void pool_proto(struct pools *p, const struct byte_test *t)
{
	if (t->set && p->num_proto < ARRAY_SIZE(p->proto))
		p->proto[p->num_proto++] = t->value;
}

void pools_make(struct pools *p, const struct ruleset *rs)
{
	bool sets = false;

	memset(p, 0, sizeof(*p));
	for (unsigned int i = 0; i < rs->num_rules; i++) {
		const struct rule *r = &rs->rules[i];

		pool_addr_test(p, rs->family, &r->src);
		pool_addr_test(p, rs->family, &r->dst);
		pool_addr_range(p, &r->src_range);
		pool_addr_range(p, &r->dst_range);
		pool_ranges(p, &r->sport);
		pool_ranges(p, &r->dport);
		pool_ranges(p, &r->ports);
		pool_proto(p, &r->proto);
		for (int e = 0; e < NUM_CT_ENDS; e++) {
			pool_addr_test(p, rs->family, &r->ct_addr[e]);
			pool_ranges(p, &r->ct_port[e]);
		}
		sets |= r->num_sets;
	}
	for (unsigned int i = 0; sets && i < NUM_SET_ADDRS; i++)
		pool_addr(p, set_addr(rs->family, i));
}

void pools_free(struct pools *p)
{
	free(p->addr);
	free(p->port);
}

__uint128_t set_addr(const struct family *f, unsigned int i)
{
	if (f->v6)
		return ((__uint128_t)0x20010db8005e0000 << 64) + 1 + i;
	return 0x0a5e0001 + i;		/* 10.94.0.1 */
}

/* Three of four, so that many sets have one in common */
bool set_has_addr(const char *name, unsigned int i)
{
	uint32_t h = i + 1;

	while (*name)
		h = (h ^ (uint8_t)*name++) * 16777619U;
	return (h ^ h >> 15) % 4;
}

static void add_dev(struct devs *devs, const char *name)
{
	if (devs->num == MAX_DEVS || !*name || strlen(name) > 15)
		return;
	for (int i = 0; i < devs->num; i++)
		if (!strcmp(devs->name[i], name))
			return;
	memcpy(devs->name[devs->num++], name, strlen(name) + 1);
}

static void add_dev_test(struct devs *devs, const struct dev_test *t)
{
	char name[32];

	if (t->wild)
		snprintf(name, sizeof(name), "%s0", t->name);
	else
		snprintf(name, sizeof(name), "%s", t->name);
	add_dev(devs, name);
}

/* One more character, one less, and the bare prefix of a wildcard */
static void add_near_devs(struct devs *devs, const struct dev_test *t)
{
	size_t len = strlen(t->name);
	char name[32];

	if (!len || devs->num >= MAX_NEAR)
		return;
	snprintf(name, sizeof(name), "%s0", t->name);
	add_dev(devs, name);
	snprintf(name, sizeof(name), "%.*s", (int)len - 1, t->name);
	add_dev(devs, name);
	if (t->wild)
		add_dev(devs, t->name);
}

void devs_make(struct devs *devs, const struct ruleset *rs)
{
	memset(devs, 0, sizeof(*devs));
	add_dev(devs, "lo");
	add_dev(devs, "dfx0");
	add_dev(devs, "dfx1");
	for (unsigned int i = 0; i < rs->num_rules; i++) {
		add_dev_test(devs, &rs->rules[i].in);
		add_dev_test(devs, &rs->rules[i].out);
	}
	for (unsigned int i = 0; i < rs->num_rules; i++) {
		add_near_devs(devs, &rs->rules[i].in);
		add_near_devs(devs, &rs->rules[i].out);
	}
}

static void add_owner(struct owners *o, uint32_t uid, uint32_t gid)
{
	if (o->num == MAX_OWNERS)
		return;
	for (unsigned int i = 0; i < o->num; i++)
		if (o->uid[i] == uid && o->gid[i] == gid)
			return;
	o->uid[o->num] = uid;
	o->gid[o->num++] = gid;
}

void owners_make(struct owners *owners, const struct ruleset *rs)
{
	memset(owners, 0, sizeof(*owners));
	add_owner(owners, 0, 0);
	for (unsigned int i = 0; i < rs->num_rules; i++) {
		const struct field_test *uid = &rs->rules[i].field[FIELD_UID];
		const struct field_test *gid = &rs->rules[i].field[FIELD_GID];

		if (uid->mask || gid->mask)
			add_owner(owners, uid->lo, gid->lo);
	}
}
