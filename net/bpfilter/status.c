// SPDX-License-Identifier: GPL-2.0-only
/*
 * BPFILTER_SO_GET_STATUS: what bpfilter does in a network namespace.
 *
 * Only the short lock is taken, so the answer does not wait for a replace.
 */

#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <net/net_namespace.h>

#include "internal.h"

static void table_fill(struct bpfilter_status_table *status,
		       const struct bpfilter_table *table)
{
	const struct bpfilter_ruleset *ruleset = table->ruleset;
	const struct bpfilter_commitment *commitment = &ruleset->commitment;
	int i;

	strscpy(status->name, table->spec->xt.name);
	status->family = table->spec->xt.af;
	status->valid_hooks = table->spec->xt.valid_hooks;
	status->num_entries = bpfilter_ruleset_number(ruleset);
	status->size = bpfilter_ruleset_size(ruleset);
	for (i = 0; i < NF_INET_NUMHOOKS; i++)
		if (commitment->prog[i])
			status->prog_id[i] = commitment->prog[i]->aux->id;
	status->counter_map_id = commitment->counters.map_id;
	if (ruleset->bridge) {
		status->num_bridged = ruleset->bridge->num;
		status->num_bridged_entries = ruleset->bridge->num_entries;
	}
	status->compile_ns = commitment->compile_ns;
	status->load_ns = commitment->load_ns;
	status->generation = table->generation;
}

static void status_fill(struct bpfilter_status *status, struct net *net)
{
	struct bpfilter_net *bn = bpfilter_pernet(net);
	int i;

	status->version = BPFILTER_PROTOCOL_VERSION;
	bpfilter_umh_status(status);

	mutex_lock(&bn->lock);
	status->enabled = bpfilter_enabled(net);
	for (i = 0; i < BPFILTER_NUM_TABLES; i++)
		if (bn->tables[i])
			table_fill(&status->tables[status->num_tables++],
				   bn->tables[i]);
	mutex_unlock(&bn->lock);
}

/**
 * bpfilter_status_get - BPFILTER_SO_GET_STATUS
 * @net:	network namespace
 * @user:	where the struct bpfilter_status goes
 * @len:	bytes there; becomes the bytes written, with as many whole tables
 *		as fit
 *
 * Return: 0; -EINVAL if not even the head fits; -EFAULT, -ENOMEM.
 */
int bpfilter_status_get(struct net *net, void __user *user, int *len)
{
	struct bpfilter_status *status;
	size_t fit, size;
	int err = 0;

	if (*len < (int)sizeof(*status))
		return -EINVAL;
	status = kzalloc(struct_size(status, tables, BPFILTER_NUM_TABLES),
			 GFP_KERNEL);
	if (!status)
		return -ENOMEM;
	status_fill(status, net);

	fit = (*len - sizeof(*status)) / sizeof(status->tables[0]);
	size = struct_size(status, tables, min_t(size_t, fit,
						 status->num_tables));
	if (copy_to_user(user, status, size))
		err = -EFAULT;
	else
		*len = size;
	kfree(status);
	return err;
}
