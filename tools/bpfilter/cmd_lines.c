// SPDX-License-Identifier: GPL-2.0
/* A program's source: that of one that is loaded, and of one that is not */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "cmd.h"
#include "prog_lines.h"

/* JSON wants UTF-8, which comments in rules need not be */
void line_make_ascii(char *text)
{
	for (char *c = text; *c; c++)
		if (*c & 0x80)
			*c = '?';
}

static int lines_alloc(struct code *code, uint32_t num)
{
	code->lines = calloc(num + 1, sizeof(*code->lines));
	return code->lines ? 0 : -ENOMEM;
}

/* Returns the text, to be freed */
static char *line_text(const struct ir_ruleset *rs, const struct gen_image *img,
		       int hook, const struct gen_line *line)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	bpfilter_prog_line_text(rs, img, hook, line, out);
	fclose(out);
	return text;
}

/**
 * code_lines_make - source of a program that is not loaded
 * @code:	gets it
 * @rs:		the table
 * @img:	its image, with the program of @code's hook
 *
 * Return: 0 or -ENOMEM
 */
int code_lines_make(struct code *code, const struct ir_ruleset *rs,
		    const struct gen_image *img)
{
	const struct gen_prog *prog = &img->prog[code->hook];
	int ret = lines_alloc(code, prog->num_lines);
	uint32_t i;

	for (i = 0; i < prog->num_lines && !ret; i++) {
		code->lines[i].insn_off = prog->lines[i].insn_off;
		code->lines[i].text = line_text(rs, img, code->hook,
						&prog->lines[i]);
		if (!code->lines[i].text)
			return -ENOMEM;
		code->num_lines++;
	}
	return ret;
}

static int take_lines(struct code *code, const struct btf *btf,
		      const void *records, const struct bpf_prog_info *info)
{
	uint32_t i;

	for (i = 0; i < info->nr_line_info; i++) {
		const struct bpf_line_info *line = records +
			(size_t)i * info->line_info_rec_size;
		const char *text = btf__str_by_offset(btf, line->line_off);

		code->lines[i].insn_off = line->insn_off;
		code->lines[i].text = strdup(text ?: "");
		if (!code->lines[i].text)
			return -ENOMEM;
		code->num_lines++;
	}
	return 0;
}

/**
 * code_lines_read - source of a loaded program
 * @fd:		the program
 * @of:		what the kernel says of it
 * @btf:	its types
 * @code:	gets the source
 *
 * Return: 0 or a negative errno
 */
int code_lines_read(int fd, const struct bpf_prog_info *of,
		    const struct btf *btf, struct code *code)
{
	struct bpf_prog_info info = {
		.nr_line_info = of->nr_line_info,
		.line_info_rec_size = of->line_info_rec_size,
	};
	uint32_t size = sizeof(info);
	void *records;
	int ret;

	if (!of->nr_line_info)
		return 0;
	records = calloc(of->nr_line_info, of->line_info_rec_size);
	if (!records)
		return -ENOMEM;
	info.line_info = (uintptr_t)records;
	ret = bpf_prog_get_info_by_fd(fd, &info, &size);
	if (!ret)
		ret = lines_alloc(code, of->nr_line_info);
	if (!ret)
		ret = take_lines(code, btf, records, of);
	free(records);
	return ret;
}
