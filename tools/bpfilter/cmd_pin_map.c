// SPDX-License-Identifier: GPL-2.0
/* A pinned table's ruleset, as the one value of a map, and its counters */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include "cmd_pin.h"
#include "cmd_pin_map.h"

/* Raised with each change of what is pinned */
#define PIN_VERSION	1

/**
 * struct pin_ruleset - value of the map "ruleset"
 * @version:	%PIN_VERSION
 * @counter_stride: bytes of a CPU's row in the map "counters"
 * @nr_cpus:	number of rows
 * @size:	bytes of @blob
 * @blob:	the ruleset
 */
struct pin_ruleset {
	uint32_t version;
	uint32_t counter_stride;
	uint32_t nr_cpus;
	uint32_t size;
	uint8_t blob[];
};

static struct pin_ruleset *ruleset_make(const struct pin_table *t)
{
	struct pin_ruleset *r = malloc(sizeof(*r) + t->size);

	if (!r)
		return NULL;
	r->version = PIN_VERSION;
	r->counter_stride = t->img->counter_stride;
	r->nr_cpus = t->img->nr_cpus;
	r->size = t->size;
	memcpy(r->blob, t->blob, t->size);
	return r;
}

static int map_with(const char *table, const void *value, size_t size)
{
	const uint32_t zero = 0;
	char name[BPF_OBJ_NAME_LEN];
	int fd, err;

	snprintf(name, sizeof(name), "%.8s_rules", table);
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, name, sizeof(zero), size, 1,
			    NULL);
	if (fd < 0)
		return -errno;
	if (!bpf_map_update_elem(fd, &zero, value, BPF_ANY))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/**
 * pin_ruleset - pin a table's ruleset
 * @t:		the table
 * @path:	where
 *
 * Return: 0 or a negative errno
 */
int pin_ruleset(const struct pin_table *t, const char *path)
{
	struct pin_ruleset *r = ruleset_make(t);
	int fd, err = 0;

	if (!r)
		return -ENOMEM;
	fd = map_with(t->name, r, sizeof(*r) + t->size);
	free(r);
	if (fd < 0)
		return fd;
	if (bpf_obj_pin(fd, path))
		err = -errno;
	close(fd);
	return err;
}

/* The one value of a pinned map, which the caller frees */
static int value_read(const char *path, void **value, size_t *size)
{
	struct bpf_map_info info = {};
	const uint32_t zero = 0;
	uint32_t len = sizeof(info);
	int fd, err = 0;

	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	if (bpf_map_get_info_by_fd(fd, &info, &len)) {
		err = -errno;
		goto out;
	}
	*size = info.value_size;
	/* The kernel copies whole words */
	*value = malloc(*size + 8);
	if (!*value)
		err = -ENOMEM;
	else if (bpf_map_lookup_elem(fd, &zero, *value))
		err = -errno;
out:
	close(fd);
	return err;
}

static int blob_take(const struct pin_ruleset *r, size_t size,
		     struct pinned *out)
{
	if (size < sizeof(*r) || r->version != PIN_VERSION)
		return -EPROTONOSUPPORT;
	if (r->size > size - sizeof(*r) || r->size < sizeof(*out->blob))
		return -EPROTO;
	out->blob = malloc(r->size);
	if (!out->blob)
		return -ENOMEM;
	memcpy(out->blob, r->blob, r->size);
	out->size = r->size;
	return 0;
}

/* Rows of all CPUs become one */
static int counters_take(const struct pin_ruleset *r, const uint8_t *value,
			 size_t size, struct pinned *out)
{
	uint32_t i, cpu;

	out->num = out->blob->num_entries;
	if ((uint64_t)r->counter_stride * r->nr_cpus > size ||
	    (uint64_t)out->num * sizeof(*out->counters) > r->counter_stride)
		return -EPROTO;
	out->counters = calloc(out->num + 1, sizeof(*out->counters));
	if (!out->counters)
		return -ENOMEM;
	for (cpu = 0; cpu < r->nr_cpus; cpu++) {
		const struct xt_counters *row =
			(const void *)(value + (size_t)cpu * r->counter_stride);

		for (i = 0; i < out->num; i++) {
			out->counters[i].pcnt += row[i].pcnt;
			out->counters[i].bcnt += row[i].bcnt;
		}
	}
	return 0;
}

/**
 * pin_ruleset_read - read a table's ruleset and its counters
 * @ruleset:	path of the pinned ruleset
 * @counters:	path of the pinned counters
 * @out:	filled, also in part after an error
 *
 * Return: 0 or a negative errno: -EPROTONOSUPPORT if another version of the
 * command pinned them
 */
int pin_ruleset_read(const char *ruleset, const char *counters,
		     struct pinned *out)
{
	void *r = NULL, *rows = NULL;
	size_t size, rows_size;
	int err;

	err = value_read(ruleset, &r, &size);
	if (!err)
		err = blob_take(r, size, out);
	if (!err)
		err = value_read(counters, &rows, &rows_size);
	if (!err)
		err = counters_take(r, rows, rows_size, out);
	free(r);
	free(rows);
	return err;
}
