// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "hooks.h"
#include "ir_build.h"
#include "match.h"
#include "standalone.h"

/* --- What needs the kernel's part --- */

#define NEEDS_KERNEL	"needs bpfilter in the kernel"

/**
 * struct checking - rules that are looked at, one after the other
 * @rs:		their table
 * @is_nat:	it is nat
 * @tell:	who is told of a rule that cannot be
 * @ctx:	for @tell
 * @found:	how many there were
 */
struct checking {
	const struct ir_ruleset *rs;
	bool is_nat;
	void (*tell)(void *ctx, const struct refusal *why);
	void *ctx;
	uint32_t found;
};

static void tell(struct checking *c, const struct ir_rule *rule,
		 const struct refuse_where *what, const char *reason)
{
	struct refuse_where where = *what;
	struct refusal why = { 0 };

	where.table = c->rs->table;
	if (rule->chain >= 0)
		where.chain = c->rs->chains[rule->chain].name;
	where.number = rule->number;
	bpfilter_refuse(&why, EINVAL, false, &where, "%s", reason);
	c->tell(c->ctx, &why);
	c->found++;
}

static void tell_bridged(struct checking *c, const struct ir_rule *rule,
			 uint32_t index)
{
	const struct ir_bridged *b = &c->rs->bridged[index];
	const struct refuse_where what = {
		.what = b->is_target ? "target" : "match",
		.name = b->name,
		.revision = b->revision,
	};

	tell(c, rule, &what, NEEDS_KERNEL);
}

/* The first test that cannot be; a rule is named once */
static bool check_test(struct checking *c, const struct ir_rule *rule,
		       const struct ir_test *t)
{
	static const struct refuse_where nothing;

	if (t->kind == IR_TEST_BRIDGE) {
		tell_bridged(c, rule, t->value);
		return false;
	}
	if (t->kind == IR_TEST_HEADER && t->header == IR_HEADER_IP6) {
		tell(c, rule, &nothing,
		     "a protocol of IPv6 " NEEDS_KERNEL);
		return false;
	}
	return true;
}

static bool check_match(struct checking *c, const struct ir_rule *rule,
			const struct ir_match *m)
{
	for (uint32_t i = 0; i < m->num; i++)
		if (!check_test(c, rule, &c->rs->tests[m->first + i]))
			return false;
	return true;
}

static void check_action(struct checking *c, const struct ir_rule *rule)
{
	if (rule->action == IR_ACTION_BRIDGE) {
		tell_bridged(c, rule, rule->bridged);
	} else if (rule->action == IR_ACTION_SET_MARK) {
		const struct refuse_where what = {
			.what = "target",
			.name = rule->target->name,
			.revision = rule->target->revision,
		};

		tell(c, rule, &what, NEEDS_KERNEL);
	}
}

static bool is_nothing(const struct ir_rule *rule)
{
	return rule->is_policy && rule->action == IR_ACTION_ACCEPT;
}

/**
 * bpfilter_ruleset_is_idle() - does a table do nothing?
 * @rs:		the table, behind the passes
 *
 * Return: true if packets get to no rule, and to policies that accept.
 */
bool bpfilter_ruleset_is_idle(const struct ir_ruleset *rs)
{
	for (uint32_t i = 0; i < rs->num_rules; i++)
		if (!rs->rules[i].dead && !is_nothing(&rs->rules[i]))
			return false;
	return true;
}

static void check_rule(struct checking *c, const struct ir_rule *rule)
{
	static const struct refuse_where nothing;

	/* An empty table nat does nothing */
	if (c->is_nat) {
		if (!is_nothing(rule))
			tell(c, rule, &nothing,
			     "table nat " NEEDS_KERNEL);
		return;
	}
	for (uint32_t i = 0; i < rule->num_matches; i++)
		if (!check_match(c, rule,
				 &c->rs->matches[rule->first_match + i]))
			return;
	check_action(c, rule);
}

/**
 * bpfilter_standalone_check() - which rules need bpfilter in the kernel?
 * @rs:		the table, behind the passes: rules that no packet gets to do not
 *		matter
 * @tell:	called for each such rule, in their order
 * @ctx:	for @tell
 *
 * Return: number of those rules.
 */
uint32_t bpfilter_standalone_check(const struct ir_ruleset *rs,
				   void (*tell)(void *ctx,
						const struct refusal *why),
				   void *ctx)
{
	struct checking c = {
		.rs = rs, .is_nat = !strcmp(rs->table, "nat"),
		.tell = tell, .ctx = ctx,
	};

	for (uint32_t i = 0; i < rs->num_rules; i++)
		if (!rs->rules[i].dead)
			check_rule(&c, &rs->rules[i]);
	return c.found;
}

/* --- What needs connections --- */

static bool test_tracks(const struct ir_test *t)
{
	switch (t->kind) {
	case IR_TEST_CONN:
		return true;
	case IR_TEST_MASKED:
	case IR_TEST_RANGE:
	case IR_TEST_ANY_BIT:
		return t->field >= IR_FIELD_CT_STATE &&
		       t->field <= IR_FIELD_CT_EXPIRES;
	case IR_TEST_BYTES:
	case IR_TEST_BYTES_RANGE:
	case IR_TEST_PORTS:
	case IR_TEST_PRESENT:
	case IR_TEST_HEADER:
	case IR_TEST_RANDOM:
	case IR_TEST_BRIDGE:
	case IR_TEST_CONST:
		return false;
	}
	return false;
}

/**
 * bpfilter_standalone_tracks() - do rules look at connections?
 * @rs:		the table
 *
 * The native engine has connections tracked in its network namespace for as long
 * as such a rule is there, links do not.
 *
 * Return: true if there is such a rule.
 */
bool bpfilter_standalone_tracks(const struct ir_ruleset *rs)
{
	for (uint32_t i = 0; i < rs->num_tests; i++)
		if (test_tracks(&rs->tests[i]))
			return true;
	return false;
}

/* --- Programs --- */

/**
 * bpfilter_standalone_compile() - translate a table for the running kernel
 * @blob:	as for bpfilter_compile()
 * @size:	its bytes
 * @family:	NFPROTO_IPV4 or NFPROTO_IPV6
 * @btf:	types of the running kernel
 * @c:		filled as by bpfilter_compile()
 * @why:	why it was refused; overwritten
 *
 * Return: 0, or a negative errno after a refusal.
 */
int bpfilter_standalone_compile(const void *blob, size_t size,
				uint16_t family, const struct kernel_btf *btf,
				struct compiled *c, struct refusal *why)
{
	int cpus = libbpf_num_possible_cpus();
	const struct compile_env env = {
		.btf = btf,
		.nr_cpus = cpus > 0 ? cpus : 1,
		.hz = bpfilter_kernel_hz(),
		.use = COMPILE_LINKS,
	};

	return bpfilter_compile(blob, size, family, &env, c, why);
}

/* Tables that share a hook are at least 50 apart, as is everything else there */
#define MAX_AWAY	24

/* 0, 1, -1, 2, -2, ... */
static int away(int attempt)
{
	return attempt % 2 ? (attempt + 1) / 2 : -attempt / 2;
}

/**
 * bpfilter_standalone_attach() - attach a program in the current network namespace
 * @rs:		its table
 * @hook:	its hook
 * @prog_fd:	the program
 * @link:	filled
 * @why:	where a refusal goes
 *
 * The priority is native's. A link cannot share one with anything else, so that
 * it is the nearest free one where somebody is there already: native's own hook,
 * a base chain of nftables, or the link that this one is to take the place of.
 *
 * Return: 0, or a negative errno after a refusal.
 */
int bpfilter_standalone_attach(const struct ir_ruleset *rs, int hook,
			       int prog_fd, struct standalone_link *link,
			       struct refusal *why)
{
	const struct table_hooks *th = bpfilter_table_hooks_find(rs->table);
	const struct refuse_where where = {
		.table = rs->table, .chain = bpfilter_ir_hook_name(hook),
	};
	struct bpf_link_create_opts opts = {
		.sz = sizeof(opts),
		.netfilter = { .pf = rs->family, .hooknum = hook },
	};
	int err = ENOENT;

	link->fd = -1;
	for (int i = 0; th && link->fd < 0 && i <= 2 * MAX_AWAY; i++) {
		link->priority = th->priority[hook] + away(i);
		opts.netfilter.priority = link->priority;
		link->fd = bpf_link_create(prog_fd, 0, BPF_NETFILTER, &opts);
		err = link->fd < 0 ? errno : 0;
		if (err && err != EBUSY)
			break;
	}
	if (!err)
		return 0;
	return bpfilter_refuse(why, err, false, &where, "netfilter link: %s",
			       strerror(err));
}
