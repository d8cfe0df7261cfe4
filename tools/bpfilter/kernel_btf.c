// SPDX-License-Identifier: GPL-2.0
/*
 * The running kernel's types, fetched with bpf(2) alone: the helper has no
 * file system to find them in.
 *
 * Types are found by their exact name. Matching as CO-RE does, which ignores
 * what follows three underscores, would take nf_conn___init for a second
 * nf_conn and give up.
 */
#include <endian.h>
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

/**
 * struct place - where a path leads
 * @type:	type of what is there
 * @bit:	bits from the start of the outermost struct
 * @width:	bits of a bit field, 0 for any other member
 */
struct place {
	const struct btf_type *type;
	uint32_t bit;
	uint32_t width;
};

static const struct btf_type *skip_modifiers(const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	while (t && (btf_is_mod(t) || btf_is_typedef(t)))
		t = btf__type_by_id(btf, t->type);
	return t;
}

/*
 * Go from a struct or union to its member @name, looking through anonymous
 * ones. Returns whether there is such a member.
 */
static bool find_member(const struct btf *btf, struct place *at,
			const char *name, int depth)
{
	const struct btf_type *t = at->type;
	const struct btf_member *m;
	uint32_t i;

	if (!t || !btf_is_composite(t) || depth > ANON_DEPTH_MAX)
		return false;

	for (i = 0, m = btf_members(t); i < btf_vlen(t); i++, m++) {
		const char *mname = btf__str_by_offset(btf, m->name_off);
		struct place sub = {
			.type = skip_modifiers(btf, m->type),
			.bit = at->bit + btf_member_bit_offset(t, i),
			.width = btf_member_bitfield_size(t, i),
		};

		if (!mname || (*mname && strcmp(mname, name)) ||
		    (!*mname && !find_member(btf, &sub, name, depth + 1)))
			continue;
		*at = sub;
		return sub.type;
	}
	return false;
}

/* Follow "[@index]" */
static bool find_element(const struct btf *btf, struct place *at,
			 uint32_t index)
{
	const struct btf_array *array;
	int64_t size;

	if (!btf_is_array(at->type))
		return false;
	array = btf_array(at->type);
	size = btf__resolve_size(btf, array->type);
	if (index >= array->nelems || size < 0)
		return false;
	at->bit += 8 * index * size;
	at->type = skip_modifiers(btf, array->type);
	return at->type;
}

/* One word of a path, with the index behind it. Cuts @word at the bracket. */
static bool follow_word(const struct btf *btf, struct place *at, char *word)
{
	char *bracket = strchr(word, '[');

	if (bracket)
		*bracket = '\0';
	return find_member(btf, at, word, 0) &&
	       (!bracket ||
		find_element(btf, at, strtoul(bracket + 1, NULL, 10)));
}

static bool find_path(const struct btf *btf, const char *path,
		      struct place *at)
{
	char words[128];
	char *word, *next;
	int32_t id;

	snprintf(words, sizeof(words), "%s", path);
	word = strtok_r(words, ".", &next);
	id = btf__find_by_name_kind(btf, word, BTF_KIND_STRUCT);
	if (id < 0)
		return false;
	*at = (struct place) { .type = btf__type_by_id(btf, id) };

	while ((word = strtok_r(NULL, ".", &next)))
		if (!follow_word(btf, at, word))
			return false;
	return true;
}

static int32_t find_offset(const struct btf *btf, const char *path)
{
	struct place at;

	return find_path(btf, path, &at) && !at.width ? (int32_t)at.bit / 8 :
							KBTF_NONE;
}

/* BTF counts bits in the order of memory: the highest first on big endian */
static struct kernel_bits find_bits(const struct btf *btf, const char *path)
{
	struct kernel_bits bits = { .off = KBTF_NONE };
	struct place at;
	uint32_t below;

	if (!find_path(btf, path, &at) || !at.width ||
	    at.bit % 8 + at.width > 8)
		return bits;
	below = at.bit % 8;
	bits.off = at.bit / 8;
	bits.shift = htobe16(1) == 1 ? 8 - below - at.width : below;
	bits.mask = (1U << at.width) - 1;
	return bits;
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
			find_offset(btf, bpfilter_kernel_btf_member_name(i));
	for (i = 0; i < KBTF_BITS_COUNT; i++)
		kb->bits[i] = find_bits(btf, bpfilter_kernel_btf_bits_name(i));

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
