// SPDX-License-Identifier: GPL-2.0
/*
 * Types of our own programs. The verifier needs them for the functions:
 *
 *	int ENTRY(struct bpf_nf_ctx *ctx);
 *	int OTHER(struct bpf_nf_ctx *ctx, struct run_state *state);
 *
 * It knows the context by its struct's name and takes any other pointer for
 * memory of its struct's size, which the tag "arg:nonnull" says is never NULL.
 * So neither struct needs members.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "prog_btf.h"

#define CTX_SIZE	16
#define STATE_ARG	1

/* struct func_types - types of both kinds of function, by id */
struct func_types {
	int entry;
	int other;
};

static int add_ptr(struct btf *btf, const char *name, uint32_t size)
{
	int id = btf__add_struct(btf, name, size);

	return id < 0 ? id : btf__add_ptr(btf, id);
}

static int add_proto(struct btf *btf, int ret, int ctx, int state)
{
	int id = btf__add_func_proto(btf, ret);
	int err = id < 0 ? id : btf__add_func_param(btf, "ctx", ctx);

	if (!err && state)
		err = btf__add_func_param(btf, "state", state);
	return err ? err : id;
}

static int add_types(struct btf *btf, struct func_types *types,
		     uint32_t run_state_size)
{
	int num = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	int ctx = num < 0 ? num : add_ptr(btf, "bpf_nf_ctx", CTX_SIZE);
	int state = ctx < 0 ? ctx : add_ptr(btf, "run_state", run_state_size);

	if (state < 0)
		return state;
	types->entry = add_proto(btf, num, ctx, 0);
	types->other = add_proto(btf, num, ctx, state);
	return types->entry < 0 ? types->entry :
	       types->other < 0 ? types->other : 0;
}

/* Returns the function's type id */
static int add_func(struct btf *btf, const struct func_types *types,
		    const struct gen_func *f)
{
	int id, tag;

	id = btf__add_func(btf, f->name, BTF_FUNC_GLOBAL,
			   f->is_entry ? types->entry : types->other);
	if (id < 0 || f->is_entry)
		return id;
	tag = btf__add_decl_tag(btf, "arg:nonnull", id, STATE_ARG);
	return tag < 0 ? tag : id;
}

static int load(const struct btf *btf)
{
	const void *data;
	uint32_t size;
	int fd;

	data = btf__raw_data(btf, &size);
	if (!data)
		return -ENOMEM;
	fd = bpf_btf_load(data, size, NULL);
	return fd < 0 ? -errno : fd;
}

static int fill(struct prog_btf *pb, struct btf *btf,
		const struct gen_prog *prog, uint32_t run_state_size)
{
	struct func_types types;
	uint32_t i;
	int id;

	id = add_types(btf, &types, run_state_size);
	for (i = 0; id >= 0 && i < prog->num_funcs; i++) {
		id = add_func(btf, &types, &prog->funcs[i]);
		pb->info[i].insn_off = prog->funcs[i].insn_off;
		pb->info[i].type_id = id;
	}
	return id < 0 ? id : load(btf);
}

/**
 * bpfilter_prog_btf_load() - load the types of a program's functions
 * @pb:		filled; close it with bpfilter_prog_btf_close()
 * @prog:	program
 * @run_state_size: bytes of struct run_state
 *
 * Return: 0 or a negative errno.
 */
int bpfilter_prog_btf_load(struct prog_btf *pb, const struct gen_prog *prog,
			   uint32_t run_state_size)
{
	struct btf *btf = btf__new_empty();

	pb->fd = -ENOMEM;
	pb->info = calloc(prog->num_funcs, sizeof(*pb->info));
	if (btf && pb->info)
		pb->fd = fill(pb, btf, prog, run_state_size);
	btf__free(btf);
	if (pb->fd < 0)
		free(pb->info);
	return pb->fd < 0 ? pb->fd : 0;
}

/**
 * bpfilter_prog_btf_close() - release what bpfilter_prog_btf_load() made
 * @pb:		types; a program that uses them keeps them itself
 */
void bpfilter_prog_btf_close(struct prog_btf *pb)
{
	close(pb->fd);
	free(pb->info);
}
