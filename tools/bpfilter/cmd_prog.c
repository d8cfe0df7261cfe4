// SPDX-License-Identifier: GPL-2.0
/*
 * Loaded programs and maps by id
 *
 * The kernel opens an id for CAP_SYS_ADMIN only. Whoever lacks it sees ids
 * without names and sizes, which the callers here report as -EPERM.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "cmd.h"

/**
 * struct prog_funcs - the functions of a loaded program
 * @btf:	the program's own types, owned
 * @info:	records of struct bpf_func_info, owned
 * @rec_size:	bytes of one record in @info
 * @num:	number of records
 */
struct prog_funcs {
	struct btf *btf;
	void *info;
	uint32_t rec_size;
	uint32_t num;
};

static void func_name(const struct btf *btf, uint32_t type_id, char *name,
		      size_t size)
{
	const struct btf_type *t = btf__type_by_id(btf, type_id);
	const char *str = t ? btf__name_by_offset(btf, t->name_off) : NULL;

	snprintf(name, size, "%s", str && *str ? str : "?");
}

static int prog_info(int fd, struct bpf_prog_info *info)
{
	uint32_t size = sizeof(*info);

	return bpf_prog_get_info_by_fd(fd, info, &size);
}

static void funcs_free(struct prog_funcs *funcs)
{
	btf__free(funcs->btf);
	free(funcs->info);
}

static int funcs_read(int fd, const struct bpf_prog_info *of,
		      struct prog_funcs *funcs)
{
	struct bpf_prog_info info = {};
	int ret;

	memset(funcs, 0, sizeof(*funcs));
	if (!of->btf_id || !of->nr_func_info)
		return 0;

	funcs->info = calloc(of->nr_func_info, of->func_info_rec_size);
	if (!funcs->info)
		return -ENOMEM;
	info.nr_func_info = of->nr_func_info;
	info.func_info_rec_size = of->func_info_rec_size;
	info.func_info = (uintptr_t)funcs->info;
	ret = prog_info(fd, &info);
	if (ret)
		goto err;

	funcs->btf = btf__load_from_kernel_by_id(of->btf_id);
	if (!funcs->btf) {
		ret = -errno;
		goto err;
	}
	funcs->rec_size = of->func_info_rec_size;
	funcs->num = of->nr_func_info;
	return 0;

err:
	funcs_free(funcs);
	memset(funcs, 0, sizeof(*funcs));
	return ret;
}

static const struct bpf_func_info *func_at(const struct prog_funcs *funcs,
					   uint32_t i)
{
	return funcs->info + (size_t)i * funcs->rec_size;
}

static int prog_maps(int fd, struct prog_desc *desc)
{
	struct bpf_prog_info info = {
		.nr_map_ids = PROG_MAPS_MAX,
		.map_ids = (uintptr_t)desc->map_id,
	};
	int ret = prog_info(fd, &info);

	if (!ret)
		desc->num_maps = info.nr_map_ids < PROG_MAPS_MAX ?
				 info.nr_map_ids : PROG_MAPS_MAX;
	return ret;
}

/**
 * prog_describe - name and sizes of a loaded program
 * @id:		its id
 * @desc:	filled
 *
 * Return: 0 or a negative errno: -EPERM without CAP_SYS_ADMIN, -ENOENT if it
 * is gone
 */
int prog_describe(uint32_t id, struct prog_desc *desc)
{
	struct bpf_prog_info info = {};
	struct prog_funcs funcs;
	int fd, ret;

	fd = bpf_prog_get_fd_by_id(id);
	if (fd < 0)
		return fd;

	ret = prog_info(fd, &info);
	if (ret)
		goto out;
	desc->xlated = info.xlated_prog_len;
	desc->jited = info.jited_prog_len;
	snprintf(desc->name, sizeof(desc->name), "%s", info.name);

	/* The program's own name has 15 characters, its function's has more */
	ret = funcs_read(fd, &info, &funcs);
	if (!ret && funcs.num)
		func_name(funcs.btf, func_at(&funcs, 0)->type_id, desc->name,
			  sizeof(desc->name));
	if (!ret)
		funcs_free(&funcs);
	if (!ret)
		ret = prog_maps(fd, desc);
out:
	close(fd);
	return ret;
}

/* Functions and source */
static int code_funcs(int fd, const struct bpf_prog_info *info,
		      struct code *code)
{
	struct prog_funcs funcs;
	uint32_t i;
	int ret;

	ret = funcs_read(fd, info, &funcs);
	if (ret)
		return ret;

	code->funcs = calloc(funcs.num + 1, sizeof(*code->funcs));
	if (!code->funcs) {
		ret = -ENOMEM;
		goto out;
	}
	for (i = 0; i < funcs.num; i++) {
		const struct bpf_func_info *fi = func_at(&funcs, i);

		code->funcs[i].insn_off = fi->insn_off;
		func_name(funcs.btf, fi->type_id, code->funcs[i].name,
			  sizeof(code->funcs[i].name));
	}
	code->num_funcs = funcs.num;
	if (funcs.num)
		ret = code_lines_read(fd, info, funcs.btf, code);
out:
	funcs_free(&funcs);
	return ret;
}

static int code_insns(int fd, const struct bpf_prog_info *of,
		      struct code *code)
{
	struct bpf_prog_info info = {};
	int ret;

	if (!of->xlated_prog_len)
		return -EPERM;
	code->insns = malloc(of->xlated_prog_len);
	if (!code->insns)
		return -ENOMEM;

	info.xlated_prog_len = of->xlated_prog_len;
	info.xlated_prog_insns = (uintptr_t)code->insns;
	ret = prog_info(fd, &info);
	if (!ret && !info.xlated_prog_insns)
		ret = -EPERM;
	if (!ret)
		code->num_insns = of->xlated_prog_len / sizeof(*code->insns);
	return ret;
}

/**
 * prog_code - instructions of a loaded program, as the verifier left them
 * @id:		its id
 * @code:	all but the hook is filled; code_free() releases it whatever
 *		comes back
 *
 * Return: 0 or a negative errno: -EPERM without CAP_SYS_ADMIN or if the
 * kernel hides instructions, -ENOENT if it is gone
 */
int prog_code(uint32_t id, struct code *code)
{
	struct bpf_prog_info info = {};
	int fd, ret;

	fd = bpf_prog_get_fd_by_id(id);
	if (fd < 0)
		return fd;

	ret = prog_info(fd, &info);
	if (!ret)
		ret = code_insns(fd, &info, code);
	if (!ret)
		ret = code_funcs(fd, &info, code);
	if (!ret)
		ret = ksym_name_calls(code);
	code->id = id;
	close(fd);
	return ret;
}

/**
 * map_bytes - size of a map's values
 * @id:		its id
 * @bytes:	filled
 *
 * Return: 0 or a negative errno: -EPERM without CAP_SYS_ADMIN, -ENOENT if it
 * is gone
 */
int map_bytes(uint32_t id, uint64_t *bytes)
{
	struct bpf_map_info info = {};
	uint32_t size = sizeof(info);
	int fd, ret;

	fd = bpf_map_get_fd_by_id(id);
	if (fd < 0)
		return fd;

	ret = bpf_map_get_info_by_fd(fd, &info, &size);
	if (!ret)
		*bytes = (uint64_t)info.value_size * info.max_entries;
	close(fd);
	return ret;
}
