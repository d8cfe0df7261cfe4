// SPDX-License-Identifier: GPL-2.0
/*
 * bpfilter dump - a ruleset as the translator sees it, and its instructions
 *
 * The ruleset is that of a live table or of a file; both are a blob as
 * iptables would send it, made by iptables itself if the file is text. Of a
 * table that bpfilter runs the instructions are those in force. Anything else is
 * compiled here, without being loaded.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/netfilter.h>
#include <sys/stat.h>

#include "cmd.h"
#include "cmd_source.h"
#include "cmd_translate.h"

/**
 * struct dump_args - the arguments of the command
 * @fam:	family of the table or ruleset
 * @table:	name of a live table, or NULL
 * @file:	name of a file with a blob or text, or NULL
 * @save:	where to write the blob, or NULL
 * @ir:		print the IR
 * @insns:	print the instructions
 */
struct dump_args {
	const struct table_family *fam;
	const char *table;
	const char *file;
	const char *save;
	bool ir;
	bool insns;
};

/**
 * struct dump - a ruleset and what is known of it
 * @fam:	its family
 * @blob:	as bpfilter_blob_read() takes it, owned
 * @size:	bytes of @blob
 * @owned:	bpfilter runs it: @prog_id is valid
 * @prog_id:	by hook
 * @translation: the ruleset read, and compiled if it is not @owned; owned
 * @code:	by hook, owned
 */
struct dump {
	const struct table_family *fam;
	struct ipt_replace *blob;
	size_t size;
	bool owned;
	uint32_t prog_id[BPFILTER_NUMHOOKS];
	struct translation translation;
	struct code code[BPFILTER_NUMHOOKS];
};

/* Arguments */

static const char *word_value(int *argc, char ***argv)
{
	if (*argc < 2)
		return NULL;
	*argc -= 2;
	*argv += 2;
	return (*argv)[-1];
}

/* A family stands before the name if it is not @family */
static const char *source_value(struct dump_args *args, uint16_t family,
				int *argc, char ***argv)
{
	const struct table_family *fam = NULL;

	args->fam = table_family_find(family);
	if (*argc > 2)
		fam = table_family_word((*argv)[1]);
	if (fam) {
		args->fam = fam;
		(*argc)--;
		(*argv)++;
	}
	return word_value(argc, argv);
}

static int args_source(struct cmd_ctx *ctx, struct dump_args *args, int *argc,
		       char ***argv)
{
	if (*argc && cmd_word(**argv, "table"))
		args->table = source_value(args, NFPROTO_IPV4, argc, argv);
	else if (*argc && cmd_word(**argv, "file"))
		args->file = source_value(args, ctx->family, argc, argv);

	return args->table || args->file ? CMD_OK :
	       cmd_usage(ctx, "dump needs \"table NAME\" or \"file FILE\"");
}

static int args_read(struct cmd_ctx *ctx, struct dump_args *args, int argc,
		     char **argv)
{
	int ret = args_source(ctx, args, &argc, &argv);
	bool all = false;

	if (ret != CMD_OK)
		return ret;

	if (argc && cmd_word(argv[0], "ir"))
		args->ir = true;
	else if (argc && cmd_word(argv[0], "insns"))
		args->insns = true;
	else if (argc && cmd_word(argv[0], "all"))
		all = true;
	if (args->ir || args->insns || all) {
		argc--;
		argv++;
	}

	if (argc && cmd_word(argv[0], "save"))
		args->save = word_value(&argc, &argv);
	if (argc)
		return cmd_usage(ctx, "dump does not know \"%s\", or its value is missing",
				 argv[0]);

	/* Without a word all is printed, but for a mere save nothing */
	if (all || (!args->ir && !args->insns && !args->save)) {
		args->ir = true;
		args->insns = true;
	}
	return CMD_OK;
}

/* Blob */

static bool is_regular(const char *name)
{
	struct stat st;

	return strcmp(name, "-") && !stat(name, &st) && S_ISREG(st.st_mode);
}

static int blob_read(struct cmd_ctx *ctx, const char *name, struct dump *d)
{
	char *data;
	int ret = source_read_file(name, &data, &d->size);

	d->blob = (struct ipt_replace *)data;
	return ret ? cmd_error(ctx, "%s: %s", name, strerror(-ret)) : CMD_OK;
}

static int blob_from_source(struct cmd_ctx *ctx, const char *name,
			    struct dump *d)
{
	struct source src;
	int ret;

	ret = source_load(ctx, name, d->fam->family, &src);
	if (ret == CMD_OK && src.num != 1)
		ret = cmd_error(ctx, "%s: %u tables, dump takes one", name,
				src.num);
	if (ret == CMD_OK) {
		d->blob = src.tables[0].blob;
		d->size = table_blob_size(d->blob);
		src.tables[0].blob = NULL;
	}
	source_free(&src);
	return ret;
}

/*
 * A blob goes to the translator as it is, whatever is wrong with it, and takes
 * no namespace. What may be there to be read once only is left to source_load().
 */
static int blob_from_file(struct cmd_ctx *ctx, const char *name,
			  struct dump *d)
{
	int ret;

	if (is_regular(name)) {
		ret = blob_read(ctx, name, d);
		if (ret != CMD_OK || source_is_blob(d->blob, d->size))
			return ret;
		free(d->blob);
		d->blob = NULL;
	}
	return blob_from_source(ctx, name, d);
}

static int blob_to_file(struct cmd_ctx *ctx, const char *name,
			const struct dump *d)
{
	FILE *f = fopen(name, "we");
	bool bad;

	if (!f)
		return cmd_error(ctx, "%s: %s", name, strerror(errno));
	bad = fwrite(d->blob, 1, d->size, f) != d->size;
	bad |= !!fclose(f);
	return bad ? cmd_error(ctx, "%s: %s", name, strerror(errno)) : CMD_OK;
}

/* A kernel without bpfilter has no programs of it, which is no error here */
static int owner_read(const char *name, struct dump *d)
{
	struct bpfilter_status *st;
	unsigned int i;
	int sk, ret;

	sk = table_socket(&table_families[0]);
	if (sk < 0)
		return sk;
	ret = table_status(sk, &st);
	close(sk);
	if (ret)
		return ret == -ENOPROTOOPT ? 0 : ret;
	for (i = 0; i < st->num_tables; i++) {
		if (st->tables[i].family != d->fam->family ||
		    strcmp(st->tables[i].name, name))
			continue;
		d->owned = true;
		memcpy(d->prog_id, st->tables[i].prog_id, sizeof(d->prog_id));
	}
	free(st);
	return 0;
}

static int table_exists(const struct table_family *fam, const char *name)
{
	struct table_names names;
	int ret = table_names(fam, &names);

	if (!ret && !table_names_have(&names, name))
		ret = -ENOENT;
	free(names.name);
	return ret;
}

static int table_read(int sk, const char *name, struct dump *d)
{
	int ret;

	/* Asking for its rules would make it */
	ret = table_exists(d->fam, name);
	if (!ret)
		ret = table_fetch(sk, d->fam, name, &d->blob);
	if (ret)
		return ret;
	d->size = table_blob_size(d->blob);
	return owner_read(name, d);
}

static int blob_from_table(struct cmd_ctx *ctx, const char *name,
			   struct dump *d)
{
	int sk = table_socket(d->fam);
	int ret;

	ret = sk < 0 ? sk : table_read(sk, name, d);
	if (sk >= 0)
		close(sk);
	if (ret == -ENOENT)
		return cmd_error(ctx, "no %s table \"%s\" in this network namespace",
				 d->fam->word, name);
	return ret ? cmd_error(ctx, "%s table \"%s\": %s", d->fam->word, name,
			       strerror(-ret)) : CMD_OK;
}

/* Translation */

static int refused(struct cmd_ctx *ctx, int ret, const struct refusal *why)
{
	return cmd_error(ctx, "%s", why->text[0] ? why->text : strerror(-ret));
}

static int ruleset_read(struct cmd_ctx *ctx, struct dump *d)
{
	struct refusal why = {};
	int ret;

	ret = translation_read(&d->translation, d->blob, d->size, d->fam->family,
			       &why);
	return ret ? refused(ctx, ret, &why) : CMD_OK;
}

static int code_from_prog(const struct gen_prog *prog, struct code *code)
{
	size_t size = prog->num_insns * sizeof(*prog->insns);
	uint32_t i;

	code->insns = malloc(size + 1);
	code->funcs = calloc(prog->num_funcs + 1, sizeof(*code->funcs));
	if (!code->insns || !code->funcs)
		return -ENOMEM;

	if (size)
		memcpy(code->insns, prog->insns, size);
	code->num_insns = prog->num_insns;
	for (i = 0; i < prog->num_funcs; i++) {
		code->funcs[i].insn_off = prog->funcs[i].insn_off;
		snprintf(code->funcs[i].name, sizeof(code->funcs[i].name),
			 "%s", prog->funcs[i].name);
	}
	code->num_funcs = prog->num_funcs;
	return 0;
}

static int code_from_image(struct dump *d, const struct gen_image *img)
{
	unsigned int hook;
	int ret = 0;

	for (hook = 0; !ret && hook < BPFILTER_NUMHOOKS; hook++) {
		ret = code_from_prog(&img->prog[hook], &d->code[hook]);
		if (!ret)
			ret = code_lines_make(&d->code[hook],
					      d->translation.rs, img);
	}
	return ret;
}

static int code_compile(struct cmd_ctx *ctx, struct dump *d)
{
	struct refusal why = {};
	int ret;

	ret = translation_make(&d->translation, &why);
	if (!ret)
		ret = code_from_image(d, &d->translation.img);
	return ret ? refused(ctx, ret, &why) : CMD_OK;
}

static int code_fetch(struct cmd_ctx *ctx, struct dump *d)
{
	unsigned int hook;
	int ret;

	for (hook = 0; hook < BPFILTER_NUMHOOKS; hook++) {
		if (!d->prog_id[hook])
			continue;
		ret = prog_code(d->prog_id[hook], &d->code[hook]);
		if (ret)
			return cmd_error(ctx, "program %u: %s",
					 d->prog_id[hook], strerror(-ret));
	}
	return CMD_OK;
}

static int code_make(struct cmd_ctx *ctx, struct dump *d)
{
	unsigned int hook;

	for (hook = 0; hook < BPFILTER_NUMHOOKS; hook++) {
		d->code[hook].hook = hook;
		d->code[hook].btf = &d->translation.btf;
	}
	return d->owned ? code_fetch(ctx, d) : code_compile(ctx, d);
}

/* Output */

static void insns_print(struct cmd_ctx *ctx, const struct dump *d)
{
	unsigned int hook;

	if (ctx->json) {
		jsonw_name(ctx->json, "programs");
		jsonw_start_array(ctx->json);
	}
	for (hook = 0; hook < BPFILTER_NUMHOOKS; hook++)
		if (d->translation.rs->valid_hooks & (1U << hook))
			code_print(ctx, &d->code[hook]);
	if (ctx->json)
		jsonw_end_array(ctx->json);
}

static void dump_print(struct cmd_ctx *ctx, const struct dump_args *args,
		       const struct dump *d)
{
	if (ctx->json)
		jsonw_start_object(ctx->json);
	if (args->ir)
		ir_print(ctx, d->translation.rs);
	if (args->insns)
		insns_print(ctx, d);
	if (ctx->json)
		jsonw_end_object(ctx->json);
}

static int dump_run(struct cmd_ctx *ctx, const struct dump_args *args,
		    struct dump *d)
{
	int ret;

	d->fam = args->fam;
	ret = args->file ? blob_from_file(ctx, args->file, d) :
			   blob_from_table(ctx, args->table, d);
	if (ret == CMD_OK && args->save)
		ret = blob_to_file(ctx, args->save, d);
	if (ret == CMD_OK && (args->ir || args->insns))
		ret = ruleset_read(ctx, d);
	if (ret == CMD_OK && args->insns)
		ret = code_make(ctx, d);
	if (ret == CMD_OK)
		dump_print(ctx, args, d);
	return ret;
}

/**
 * cmd_dump - the command "dump"
 * @ctx:	options
 * @argc:	number of arguments
 * @argv:	arguments
 *
 * Return: enum cmd_status
 */
int cmd_dump(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct dump_args args = {};
	struct dump d = {};
	unsigned int hook;
	int ret;

	ret = args_read(ctx, &args, argc, argv);
	if (ret != CMD_OK)
		return ret;

	ret = dump_run(ctx, &args, &d);
	for (hook = 0; hook < BPFILTER_NUMHOOKS; hook++)
		code_free(&d.code[hook]);
	translation_free(&d.translation);
	free(d.blob);
	return ret;
}
