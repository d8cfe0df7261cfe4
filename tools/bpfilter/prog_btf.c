// SPDX-License-Identifier: GPL-2.0
/*
 * Types of our own programs. The verifier needs them for the functions:
 *
 *	int ENTRY(struct bpf_nf_ctx *ctx);
 *	int OTHER(struct sk_buff *skb, struct nf_hook_state *hook,
 *		  struct run_state *state);
 *
 * It knows the context by its struct's name, finds the kernel's own structs
 * behind the tag "arg:trusted" by theirs, and takes any other pointer for memory
 * of its struct's size, which the tag "arg:nonnull" says is never NULL. So none
 * of them needs members. The lines of the program's source are strings of the
 * same BTF.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "prog_btf.h"

/* Of a struct that the kernel knows: not looked at */
#define KERNEL_SIZE	8

#define PARAMS_MAX	3

/**
 * struct param - what a function takes: a pointer
 * @name:	its name
 * @type:	name of the struct that it points to
 * @tag:	what the verifier needs to know besides, NULL for nothing
 */
struct param {
	const char *name;
	const char *type;
	const char *tag;
};

/* struct func_kind - a kind of function, and its type's id */
struct func_kind {
	struct param params[PARAMS_MAX];
	int num_params;
	int id;
};

static const struct func_kind entry_kind = {
	.params = { { "ctx", "bpf_nf_ctx" } },
	.num_params = 1,
};

static const struct func_kind other_kind = {
	.params = {
		{ "skb", "sk_buff", "arg:trusted" },
		{ "hook", "nf_hook_state", "arg:trusted" },
		{ "state", "run_state", "arg:nonnull" },
	},
	.num_params = 3,
};

static int add_ptr(struct btf *btf, const char *name, uint32_t size)
{
	int id = btf__add_struct(btf, name, size);

	return id < 0 ? id : btf__add_ptr(btf, id);
}

/* Parameters come right behind the function's type, so theirs come before */
static int add_kind(struct btf *btf, struct func_kind *kind, int ret,
		    uint32_t run_state_size)
{
	int types[PARAMS_MAX];
	int i, err = 0;

	for (i = 0; i < kind->num_params; i++) {
		const char *type = kind->params[i].type;

		types[i] = add_ptr(btf, type, strcmp(type, "run_state") ?
				   KERNEL_SIZE : run_state_size);
		if (types[i] < 0)
			return types[i];
	}
	kind->id = btf__add_func_proto(btf, ret);
	if (kind->id < 0)
		return kind->id;
	for (i = 0; !err && i < kind->num_params; i++)
		err = btf__add_func_param(btf, kind->params[i].name, types[i]);
	return err;
}

/* Returns the function's type id */
static int add_func(struct btf *btf, const struct func_kind *kind,
		    const char *name)
{
	int id = btf__add_func(btf, name, BTF_FUNC_GLOBAL, kind->id);
	int i, tag = 0;

	for (i = 0; id >= 0 && tag >= 0 && i < kind->num_params; i++)
		if (kind->params[i].tag)
			tag = btf__add_decl_tag(btf, kind->params[i].tag, id,
						i);
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

static int add_funcs(struct prog_btf *pb, struct btf *btf,
		     const struct gen_prog *prog, uint32_t run_state_size)
{
	struct func_kind entry = entry_kind, other = other_kind;
	int num = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	int err = num < 0 ? num : add_kind(btf, &entry, num, run_state_size);
	uint32_t i;

	if (!err)
		err = add_kind(btf, &other, num, run_state_size);
	for (i = 0; err >= 0 && i < prog->num_funcs; i++) {
		const struct gen_func *f = &prog->funcs[i];

		err = add_func(btf, f->is_entry ? &entry : &other, f->name);
		pb->info[i].insn_off = f->insn_off;
		pb->info[i].type_id = err;
	}
	return err < 0 ? err : 0;
}

static int fill(struct prog_btf *pb, struct btf *btf,
		const struct ir_ruleset *rs, const struct gen_image *img,
		int hook)
{
	int err;

	err = add_funcs(pb, btf, &img->prog[hook], img->run_state_size);
	if (!err)
		err = bpfilter_prog_lines_make(&pb->lines, btf, rs, img, hook);
	return err ? err : load(btf);
}

/**
 * bpfilter_prog_btf_load() - load types and source of a program
 * @pb:		filled; close it with bpfilter_prog_btf_close()
 * @rs:		the table
 * @img:	its image
 * @hook:	hook of the program
 *
 * Return: 0 or a negative errno.
 */
int bpfilter_prog_btf_load(struct prog_btf *pb, const struct ir_ruleset *rs,
			   const struct gen_image *img, int hook)
{
	struct btf *btf = btf__new_empty();

	pb->fd = -ENOMEM;
	pb->lines = (struct prog_lines) {};
	pb->info = calloc(img->prog[hook].num_funcs, sizeof(*pb->info));
	if (btf && pb->info)
		pb->fd = fill(pb, btf, rs, img, hook);
	btf__free(btf);
	if (pb->fd < 0) {
		free(pb->info);
		free(pb->lines.info);
	}
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
	free(pb->lines.info);
}
