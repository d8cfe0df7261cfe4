// SPDX-License-Identifier: GPL-2.0-only
/*
 * Extensions: each match and target of a ruleset is looked up, pinned and
 * asked by its own ->checkentry(), translated or not. So modules are loaded,
 * conntrack is enabled and everything is rejected that the native engine
 * rejects, with the same error.
 *
 * This runs in the task that replaces the ruleset, as some extensions look at
 * current, and changes the ruleset: names become pointers, and extensions may
 * write into their data. The helper is done with it by then.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/kmod.h>
#include <linux/module.h>
#include <linux/netfilter/x_tables.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

#include "internal.h"

/*
 * The two targets that the native engines themselves register. Ours are on no
 * list, only in rulesets, so they work the same whether or not the engines are
 * there.
 */
static struct xt_target builtin_targets[] __read_mostly = {
	{
		.name		= XT_STANDARD_TARGET,
		.targetsize	= sizeof(int),
		.family		= NFPROTO_UNSPEC,
	},
	{
		.name		= XT_ERROR_TARGET,
		.targetsize	= XT_FUNCTION_MAXNAMELEN,
		.family		= NFPROTO_UNSPEC,
	},
};

static struct xt_target *builtin_target(const char *name)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(builtin_targets); i++)
		if (!strcmp(builtin_targets[i].name, name))
			return &builtin_targets[i];
	return NULL;
}

static struct xt_target *request_target(const struct bpfilter_family *family,
					const struct xt_entry_target *t)
{
	const char *name = t->u.user.name;
	struct xt_target *target;

	if (strnlen(name, XT_EXTENSION_MAXNAMELEN) == XT_EXTENSION_MAXNAMELEN)
		return ERR_PTR(-EINVAL);
	target = builtin_target(name);
	if (!target)
		return xt_request_find_target(family->nfproto, name,
					      t->u.user.revision);
	/* As xt_find_target(), which forgets that it saw another revision */
	return t->u.user.revision ? ERR_PTR(-ENOENT) : target;
}

static void cleanup_match(struct net *net, const struct bpfilter_family *family,
			  struct xt_entry_match *m)
{
	const struct xt_match *match = m->u.kernel.match;
	const struct xt_mtdtor_param par = {
		.net		= net,
		.match		= match,
		.matchinfo	= m->data,
		.family		= family->nfproto,
	};

	if (match->destroy)
		match->destroy(&par);
	module_put(match->me);
}

static void cleanup_target(struct net *net,
			   const struct bpfilter_family *family,
			   struct xt_entry_target *t)
{
	const struct xt_target *target = t->u.kernel.target;
	const struct xt_tgdtor_param par = {
		.net		= net,
		.target		= target,
		.targinfo	= t->data,
		.family		= family->nfproto,
	};

	if (target->destroy)
		target->destroy(&par);
	module_put(target->me);
}

static void cleanup_matches(struct net *net,
			    const struct bpfilter_family *family, void *e,
			    unsigned int number)
{
	struct xt_entry_match *m;

	for (m = bpfilter_match_first(family, e); m && number--;
	     m = bpfilter_match_next(family, e, m))
		cleanup_match(net, family, m);
}

/**
 * bpfilter_ext_cleanup_entry - let go of what an entry's extensions hold
 * @net:	network namespace
 * @family:	the entry's family
 * @e:		checked entry that no hook uses
 */
void bpfilter_ext_cleanup_entry(struct net *net,
				const struct bpfilter_family *family, void *e)
{
	cleanup_matches(net, family, e, UINT_MAX);
	cleanup_target(net, family, bpfilter_entry_target(family, e));
}

/* The first @number entries, in their order, as the native engine */
static void cleanup_entries(struct net *net, struct bpfilter_ruleset *ruleset,
			    unsigned int number)
{
	void *e;

	for (e = bpfilter_entry_first(ruleset); e && number--;
	     e = bpfilter_entry_next(ruleset, e)) {
		bpfilter_ext_cleanup_entry(net, ruleset->family, e);
		cond_resched();
	}
}

static int check_match(struct xt_mtchk_param *par, struct xt_entry_match *m,
		       u16 proto, bool inv_proto)
{
	struct xt_match *match;
	int err;

	match = xt_request_find_match(par->family, m->u.user.name,
				      m->u.user.revision);
	if (IS_ERR(match))
		return PTR_ERR(match);
	m->u.kernel.match = match;

	par->match = match;
	par->matchinfo = m->data;
	err = xt_check_match(par, m->u.match_size - sizeof(*m), proto,
			     inv_proto);
	if (err)
		module_put(match->me);
	return err;
}

/* On error none of them is left to clean up */
static int check_matches(struct net *net, const struct bpfilter_ruleset *ruleset,
			 void *e)
{
	const struct bpfilter_family *family = ruleset->family;
	const u16 proto = bpfilter_entry_proto(family, e);
	const bool inv = bpfilter_entry_invflags(family, e) & XT_INV_PROTO;
	struct xt_mtchk_param par = {
		.net		= net,
		.table		= ruleset->replace->name,
		.entryinfo	= e,	/* struct ipt_ip or ip6t_ip6 */
		.hook_mask	= bpfilter_entry_comefrom(family, e),
		.family		= family->nfproto,
	};
	struct xt_entry_match *m;
	unsigned int checked = 0;
	int err;

	for (m = bpfilter_match_first(family, e); m;
	     m = bpfilter_match_next(family, e, m)) {
		err = check_match(&par, m, proto, inv);
		if (err) {
			cleanup_matches(net, family, e, checked);
			return err;
		}
		checked++;
	}
	return 0;
}

static int check_target(struct net *net, const struct bpfilter_ruleset *ruleset,
			void *e)
{
	const struct bpfilter_family *family = ruleset->family;
	struct xt_entry_target *t = bpfilter_entry_target(family, e);
	struct xt_tgchk_param par = {
		.net		= net,
		.table		= ruleset->replace->name,
		.entryinfo	= e,
		.targinfo	= t->data,
		.hook_mask	= bpfilter_entry_comefrom(family, e),
		.family		= family->nfproto,
	};
	struct xt_target *target;
	int err;

	target = request_target(family, t);
	if (IS_ERR(target))
		return PTR_ERR(target);
	t->u.kernel.target = target;

	par.target = target;
	err = xt_check_target(&par, t->u.target_size - sizeof(*t),
			      bpfilter_entry_proto(family, e),
			      bpfilter_entry_invflags(family, e) &
			      XT_INV_PROTO);
	if (err)
		module_put(target->me);
	return err;
}

static int check_entry(struct net *net, const struct bpfilter_ruleset *ruleset,
		       void *e)
{
	int err;

	err = check_matches(net, ruleset, e);
	if (err)
		return err;
	err = check_target(net, ruleset, e);
	if (err)
		cleanup_matches(net, ruleset->family, e, UINT_MAX);
	return err;
}

/**
 * bpfilter_ext_check - let the extensions check their parts of a ruleset
 * @net:	network namespace
 * @ruleset:	structure checked, hook masks in place
 *
 * Return: 0, then bpfilter_ext_cleanup() must follow one day; what the native
 * engine returns for the same reason, then nothing is left to clean up.
 */
int bpfilter_ext_check(struct net *net, struct bpfilter_ruleset *ruleset)
{
	unsigned int checked = 0;
	void *e;
	int err;

	for (e = bpfilter_entry_first(ruleset); e;
	     e = bpfilter_entry_next(ruleset, e)) {
		err = check_entry(net, ruleset, e);
		if (err) {
			cleanup_entries(net, ruleset, checked);
			return err;
		}
		checked++;
		cond_resched();
	}
	return 0;
}

/**
 * bpfilter_ext_cleanup - undo bpfilter_ext_check()
 * @net:	network namespace
 * @ruleset:	no hook runs it
 */
void bpfilter_ext_cleanup(struct net *net, struct bpfilter_ruleset *ruleset)
{
	cleanup_entries(net, ruleset, UINT_MAX);
}

/* As xt_find_revision() says once the native engine registered these two */
static int builtin_revision(const struct xt_get_revision *rev)
{
	return rev->revision ? -EPROTONOSUPPORT : 0;
}

/**
 * bpfilter_ext_revision - IPT_SO_GET_REVISION_MATCH and _TARGET
 * @family:	of the extension
 * @user:	struct xt_get_revision
 * @len:	its length
 * @target:	a target is asked for
 *
 * Return: not negative if the revision exists; -EPROTONOSUPPORT if only others
 * do; -ENOENT if there is no such extension; -EINVAL, -EFAULT.
 */
int bpfilter_ext_revision(const struct bpfilter_family *family,
			  void __user *user, int len, bool target)
{
	struct xt_get_revision rev;
	int ret;

	if (len != sizeof(rev))
		return -EINVAL;
	if (copy_from_user(&rev, user, sizeof(rev)))
		return -EFAULT;
	rev.name[sizeof(rev.name) - 1] = '\0';

	if (target && builtin_target(rev.name))
		return builtin_revision(&rev);
	try_then_request_module(xt_find_revision(family->nfproto, rev.name,
						 rev.revision, target, &ret),
				"%s_%s", family->prefix, rev.name);
	return ret;
}
