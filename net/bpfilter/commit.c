// SPDX-License-Identifier: GPL-2.0-only
/*
 * The helper's commit: from its own context, so that its descriptors mean its
 * own files. It only takes references and parks them in the request; the
 * caller of the replace does the rest once the helper answered.
 *
 * Nothing here trusts the helper beyond being the one that the kernel started:
 * whatever memory the hooks touch is checked against the kernel's own numbers.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "internal.h"

/**
 * bpfilter_commitment_drop - free what a commitment holds
 * @commitment:	is empty afterwards
 */
void bpfilter_commitment_drop(struct bpfilter_commitment *commitment)
{
	int i;

	bpfilter_counters_free(&commitment->counters);
	for (i = 0; i < NF_INET_NUMHOOKS; i++)
		if (commitment->prog[i])
			bpf_prog_put(commitment->prog[i]);
	kvfree(commitment->comefrom);
	kvfree(commitment->bridged);
	memset(commitment, 0, sizeof(*commitment));
}

static int commit_copy(struct bpfilter_commit *commit, sockptr_t arg,
		       unsigned int len)
{
	if (len < sizeof(*commit))
		return -EINVAL;
	if (copy_from_sockptr(commit, arg, sizeof(*commit)))
		return -EFAULT;

	if (commit->version != BPFILTER_PROTOCOL_VERSION || commit->reserved ||
	    commit->flags & ~BPFILTER_COMMIT_REFUSED)
		return -EINVAL;
	if (len != sizeof(*commit) + (u64)commit->num_entries * sizeof(u32) +
		   (u64)commit->num_bridged * sizeof(struct bpfilter_bridged))
		return -EINVAL;
	return 0;
}

/* bpfilter_bridge_build() looks into it */
static int bridged_copy(struct bpfilter_commitment *commitment,
			const struct bpfilter_commit *commit, sockptr_t arg)
{
	const size_t size = commit->num_bridged *
			    sizeof(struct bpfilter_bridged);
	const size_t offset = sizeof(*commit) +
			      commit->num_entries * sizeof(u32);

	if (!commit->num_bridged)
		return 0;
	commitment->bridged = kvmalloc(size, GFP_KERNEL);
	if (!commitment->bridged)
		return -ENOMEM;
	commitment->num_bridged = commit->num_bridged;
	return copy_from_sockptr_offset(commitment->bridged, arg, offset,
					size) ? -EFAULT : 0;
}

static int comefrom_copy(struct bpfilter_commitment *commitment,
			 const struct bpfilter_commit *commit, sockptr_t arg)
{
	const size_t size = commit->num_entries * sizeof(u32);
	u32 i;

	commitment->comefrom = kvmalloc(size, GFP_KERNEL);
	if (!commitment->comefrom)
		return -ENOMEM;
	if (copy_from_sockptr_offset(commitment->comefrom, arg,
				     sizeof(*commit), size))
		return -EFAULT;
	for (i = 0; i < commit->num_entries; i++)
		if (commitment->comefrom[i] >> NF_INET_NUMHOOKS)
			return -EINVAL;
	return 0;
}

static struct bpf_prog *prog_get(int fd)
{
	struct bpf_prog *prog;

	prog = bpf_prog_get_type_dev(fd, BPF_PROG_TYPE_NETFILTER, false);
	if (IS_ERR(prog))
		return prog;
	if (!prog->jited || prog->expected_attach_type != BPF_NETFILTER) {
		bpf_prog_put(prog);
		return ERR_PTR(-EINVAL);
	}
	return prog;
}

/*
 * A hook without a program gets its policy, so its chain must be nothing but
 * the policy: else packets would pass by rules.
 */
static int progs_get(struct bpfilter_commitment *commitment,
		     const struct bpfilter_commit *commit,
		     const struct ipt_replace *replace)
{
	bool hook_valid, policy_only;
	struct bpf_prog *prog;
	int i;

	for (i = 0; i < NF_INET_NUMHOOKS; i++) {
		hook_valid = replace->valid_hooks & (1 << i);
		policy_only = replace->hook_entry[i] == replace->underflow[i];
		if (commit->prog_fd[i] == -1) {
			if (hook_valid && !policy_only)
				return -EINVAL;
			continue;
		}
		if (!hook_valid)
			return -EINVAL;
		prog = prog_get(commit->prog_fd[i]);
		if (IS_ERR(prog))
			return PTR_ERR(prog);
		commitment->prog[i] = prog;
	}
	return 0;
}

/*
 * The map of this id that @prog uses. It lives as long as the program, whose
 * list of maps does not change but for additions, under the mutex.
 */
static struct bpf_map *prog_map(const struct bpf_prog *prog, u32 id)
{
	struct bpf_map *map = NULL;
	u32 i;

	mutex_lock(&prog->aux->used_maps_mutex);
	for (i = 0; i < prog->aux->used_map_cnt; i++) {
		if (prog->aux->used_maps[i]->id == id) {
			map = prog->aux->used_maps[i];
			break;
		}
	}
	mutex_unlock(&prog->aux->used_maps_mutex);
	return map;
}

static bool map_fits(const struct bpf_map *map,
		     const struct bpfilter_commit *commit)
{
	const u64 row = (u64)commit->num_entries * sizeof(struct xt_counters);

	return map->map_type == BPF_MAP_TYPE_ARRAY && map->max_entries == 1 &&
	       IS_ERR_OR_NULL(map->record) &&
	       commit->counter_stride % BPFILTER_ROW_ALIGN == 0 &&
	       commit->counter_stride >= row &&
	       map->value_size >= (u64)commit->counter_stride * nr_cpu_ids;
}

/* All programs of a table count in the same map */
static int counters_get(struct bpfilter_commitment *commitment,
			const struct bpfilter_commit *commit)
{
	struct bpf_map *map = NULL;
	u64 addr;
	int i;

	for (i = 0; i < NF_INET_NUMHOOKS; i++) {
		if (!commitment->prog[i])
			continue;
		map = prog_map(commitment->prog[i], commit->counter_map_id);
		if (!map || !map_fits(map, commit))
			return -EINVAL;
	}
	if (!map)
		return commit->counter_map_id ? -EINVAL : 0;

	if (map->ops->map_direct_value_addr(map, &addr, 0))
		return -EINVAL;
	commitment->counters.rows = (void *)(unsigned long)addr;
	commitment->counters.stride = commit->counter_stride;
	commitment->counters.map_id = map->id;
	return 0;
}

static bool commit_is_empty(const struct bpfilter_commit *commit)
{
	int i;

	for (i = 0; i < NF_INET_NUMHOOKS; i++)
		if (commit->prog_fd[i] != -1)
			return false;
	return !commit->counter_map_id && !commit->num_bridged;
}

static int commit_resolve(struct bpfilter_commitment *commitment,
			  const struct bpfilter_commit *commit,
			  const struct bpfilter_req *req)
{
	int err;

	if (req->commitment.parked)
		return -EALREADY;
	if (commit->num_entries != req->replace->num_entries)
		return -EINVAL;

	commitment->parked = true;
	commitment->compile_ns = commit->compile_ns;
	commitment->load_ns = commit->load_ns;
	if (commit->flags & BPFILTER_COMMIT_REFUSED) {
		commitment->refused = true;
		return commit_is_empty(commit) ? 0 : -EINVAL;
	}
	err = progs_get(commitment, commit, req->replace);
	if (err)
		return err;
	return counters_get(commitment, commit);
}

/* The request cannot end between the check of its id and the parking */
static int commit_park(struct bpfilter_commitment *commitment,
		       const struct bpfilter_commit *commit)
{
	struct bpfilter_req *req;
	int err;

	req = bpfilter_req_in_flight(commit->id);
	if (!req)
		return -ESTALE;
	err = commit_resolve(commitment, commit, req);
	if (!err) {
		req->commitment = *commitment;
		memset(commitment, 0, sizeof(*commitment));
	}
	bpfilter_req_release();
	return err;
}

/**
 * bpfilter_commit - BPFILTER_SO_SET_COMMIT
 * @arg:	struct bpfilter_commit
 * @len:	its length
 *
 * Return: 0; -EPERM if the caller is not the helper; -ESTALE if no request of
 * that id is in flight; -EALREADY if it has a commit; -EINVAL if the commit
 * does not fit the request; -EFAULT, -ENOMEM, -EBADF.
 */
int bpfilter_commit(sockptr_t arg, unsigned int len)
{
	struct bpfilter_commitment commitment = {};
	struct bpfilter_commit commit = {};
	int err;

	if (!bpfilter_umh_is_current())
		return -EPERM;

	err = commit_copy(&commit, arg, len);
	if (!err)
		err = comefrom_copy(&commitment, &commit, arg);
	if (!err)
		err = bridged_copy(&commitment, &commit, arg);
	if (!err)
		err = commit_park(&commitment, &commit);
	if (err)
		pr_err_ratelimited("commit of request %llu: error %d\n",
				   commit.id, err);
	bpfilter_commitment_drop(&commitment);
	return err;
}
