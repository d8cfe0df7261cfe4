// SPDX-License-Identifier: GPL-2.0
/*
 * The running kernel's types, fetched with bpf(2) alone: the helper has no
 * file system to find them in.
 *
 * Types are found by their exact name. Matching as CO-RE does, which ignores
 * what follows three underscores, would take nf_conn___init for a second
 * nf_conn and give up.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "kernel_btf.h"

/* Deepest nesting of anonymous structs and unions that is looked into */
#define ANON_DEPTH_MAX	8

static const struct btf_type *skip_modifiers(const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	while (t && (btf_is_mod(t) || btf_is_typedef(t)))
		t = btf__type_by_id(btf, t->type);
	return t;
}

/*
 * Find @name in struct or union @t, looking through anonymous ones. Adds its
 * byte offset to @off. Returns its type, or NULL if there is no such member or
 * it is a bit field.
 */
static const struct btf_type *find_member(const struct btf *btf,
					  const struct btf_type *t,
					  const char *name, uint32_t *off,
					  int depth)
{
	const struct btf_member *m;
	uint32_t i;

	if (!t || !btf_is_composite(t) || depth > ANON_DEPTH_MAX)
		return NULL;

	for (i = 0, m = btf_members(t); i < btf_vlen(t); i++, m++) {
		const struct btf_type *mt = skip_modifiers(btf, m->type);
		const char *mname = btf__str_by_offset(btf, m->name_off);
		uint32_t sub = *off + btf_member_bit_offset(t, i) / 8;

		if (mname && !*mname)
			mt = find_member(btf, mt, name, &sub, depth + 1);
		else if (!mname || strcmp(mname, name) ||
			 btf_member_bitfield_size(t, i))
			continue;
		if (!mt)
			continue;
		*off = sub;
		return mt;
	}
	return NULL;
}

/* Follow "[@index]" */
static const struct btf_type *find_element(const struct btf *btf,
					   const struct btf_type *t,
					   uint32_t index, uint32_t *off)
{
	const struct btf_array *array;
	int64_t size;

	if (!btf_is_array(t))
		return NULL;
	array = btf_array(t);
	size = btf__resolve_size(btf, array->type);
	if (index >= array->nelems || size < 0)
		return NULL;
	*off += index * size;
	return skip_modifiers(btf, array->type);
}

/* One word of a path, with the index behind it. Cuts @word at the bracket. */
static const struct btf_type *follow_word(const struct btf *btf,
					  const struct btf_type *t, char *word,
					  uint32_t *off)
{
	char *bracket = strchr(word, '[');

	if (bracket)
		*bracket = '\0';
	t = find_member(btf, t, word, off, 0);
	if (t && bracket)
		t = find_element(btf, t, strtoul(bracket + 1, NULL, 10), off);
	return t;
}

static int32_t find_path(const struct btf *btf, const char *path)
{
	const struct btf_type *t;
	char words[128];
	char *word, *next;
	uint32_t off = 0;
	int32_t id;

	snprintf(words, sizeof(words), "%s", path);
	word = strtok_r(words, ".", &next);
	id = btf__find_by_name_kind(btf, word, BTF_KIND_STRUCT);
	if (id < 0)
		return KBTF_NONE;
	t = btf__type_by_id(btf, id);

	while (t && (word = strtok_r(NULL, ".", &next)))
		t = follow_word(btf, t, word, &off);
	return t ? (int32_t)off : KBTF_NONE;
}

static int32_t find_id(const struct btf *btf, const char *name, uint32_t kind)
{
	int32_t id = btf__find_by_name_kind(btf, name, kind);

	return id < 0 ? KBTF_NONE : id;
}

/**
 * bpfilter_kernel_btf_parse() - look everything up in a vmlinux's BTF
 * @kb:		filled; what is not found is KBTF_NONE
 * @data:	BTF, not needed afterwards
 * @size:	bytes of @data
 *
 * Return: 0 or a negative errno if @data is no BTF.
 */
int bpfilter_kernel_btf_parse(struct kernel_btf *kb, const void *data,
			      size_t size)
{
	struct btf *btf;
	int i;

	btf = btf__new(data, size);
	if (!btf)
		return -errno;

	for (i = 0; i < KBTF_TYPE_COUNT; i++)
		kb->type[i] = find_id(btf, bpfilter_kernel_btf_type_name(i),
				      BTF_KIND_STRUCT);
	for (i = 0; i < KBTF_FUNC_COUNT; i++)
		kb->func[i] = find_id(btf, bpfilter_kernel_btf_func_name(i),
				      BTF_KIND_FUNC);
	for (i = 0; i < KBTF_MEMBER_COUNT; i++)
		kb->member[i] =
			find_path(btf, bpfilter_kernel_btf_member_name(i));

	btf__free(btf);
	return 0;
}

/* Returns the descriptor of vmlinux's BTF and its size, or a negative errno */
static int open_vmlinux(uint32_t *size)
{
	uint32_t id = 0;

	while (!bpf_btf_get_next_id(id, &id)) {
		struct bpf_btf_info info = {};
		uint32_t len = sizeof(info);
		char name[32] = "";
		int fd;

		fd = bpf_btf_get_fd_by_id(id);
		if (fd < 0) {
			if (errno == ENOENT)
				continue;
			return -errno;
		}
		info.name = (uintptr_t)name;
		info.name_len = sizeof(name);
		if (!bpf_btf_get_info_by_fd(fd, &info, &len) &&
		    info.kernel_btf && !strcmp(name, "vmlinux")) {
			*size = info.btf_size;
			return fd;
		}
		close(fd);
	}
	return errno == ENOENT ? -ENOENT : -errno;
}

static int read_fd(struct kernel_btf *kb, int fd, uint32_t size)
{
	struct bpf_btf_info info = {};
	uint32_t len = sizeof(info);
	void *data;
	int err;

	data = malloc(size);
	if (!data)
		return -ENOMEM;
	info.btf = (uintptr_t)data;
	info.btf_size = size;
	if (bpf_btf_get_info_by_fd(fd, &info, &len))
		err = -errno;
	else
		err = bpfilter_kernel_btf_parse(kb, data, size);
	free(data);
	return err;
}

/**
 * bpfilter_kernel_btf_read() - look everything up in the running kernel
 * @kb:		filled; what is not found is KBTF_NONE
 *
 * Needs CAP_SYS_ADMIN, as walking BTF objects by their ids does.
 *
 * Return: 0 or a negative errno:
 * * -EPERM	no capability
 * * -ENOENT	the kernel has no BTF
 */
int bpfilter_kernel_btf_read(struct kernel_btf *kb)
{
	uint32_t size = 0;
	int fd, err;

	fd = open_vmlinux(&size);
	if (fd < 0)
		return fd;
	err = read_fd(kb, fd, size);
	close(fd);
	return err;
}
