// SPDX-License-Identifier: GPL-2.0
/*
 * bpfilter takeover, bpfilter release - move live tables between the engines
 *
 * The kernel moves one table at a time and each either goes as a whole or stays
 * as it is. A table that fails keeps nobody else back and takes nobody else
 * along: the tables of a namespace may have different engines, and giving the
 * others back could fail as well.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <unistd.h>

#include "cmd.h"

/* Times that a table's rules may change under the kernel's hands */
#define HANDOVER_TRIES		16

/**
 * struct direction - which way tables go
 * @option:	socket option
 * @from:	engine that loses them
 * @to:		engine that gets them
 * @to_bpfilter: the latter is bpfilter
 * @no_means:	what -EOPNOTSUPP says
 */
struct direction {
	int option;
	const char *from;
	const char *to;
	bool to_bpfilter;
	const char *no_means;
};

static const struct direction takeover = {
	.option = BPFILTER_SO_SET_TAKEOVER,
	.from = "native",
	.to = "bpfilter",
	.to_bpfilter = true,
	.no_means = "this kernel's bpfilter does not have this table",
};

static const struct direction release = {
	.option = BPFILTER_SO_SET_RELEASE,
	.from = "bpfilter",
	.to = "native",
	.no_means = "this kernel's native engine does not have this table",
};

/**
 * struct move - one table on its way
 * @fam:	its family
 * @name:	its name
 * @there:	it has the engine already
 * @error:	0 or a negative errno: it stays where it was
 * @report:	what the kernel says
 */
struct move {
	const struct table_family *fam;
	char name[BPFILTER_TABLE_NAMELEN];
	bool there;
	int error;
	struct bpfilter_handover_report report;
};

/**
 * struct moves - what a command does
 * @dir:	which way
 * @fam:	the only family, NULL: both
 * @names:	the only tables
 * @num_names:	number of @names, 0: all tables
 * @status:	what bpfilter has, owned
 * @move:	tables that the namespace has and the command is about, owned
 * @num:	number of @move
 */
struct moves {
	const struct direction *dir;
	const struct table_family *fam;
	char **names;
	int num_names;
	struct bpfilter_status *status;
	struct move *move;
	unsigned int num;
};

static const char *move_error(const struct moves *moves,
			      const struct move *move)
{
	if (move->report.message[0])
		return move->report.message;
	switch (-move->error) {
	case EACCES:
		return "net.netfilter.bpfilter is 0 in this network namespace";
	case EOPNOTSUPP:
		return moves->dir->no_means;
	case EAGAIN:
		return "its rules keep changing";
	case ENOENT:
		return "no such table in this network namespace any more";
	case EINVAL:
		return "refused, the kernel log may say why";
	}
	return table_error(move->error);
}

/* Gathering */

static bool wanted(const struct moves *moves, const char *name)
{
	int i;

	for (i = 0; i < moves->num_names; i++)
		if (!strcmp(moves->names[i], name))
			return true;
	return !moves->num_names;
}

static int move_add(struct moves *moves, const struct table_family *fam,
		    const char *name)
{
	struct move *move;

	move = realloc(moves->move, (moves->num + 1) * sizeof(*move));
	if (!move)
		return -ENOMEM;
	moves->move = move;
	move += moves->num++;
	memset(move, 0, sizeof(*move));
	move->fam = fam;
	snprintf(move->name, sizeof(move->name), "%s", name);
	move->there = table_is_owned(moves->status, fam, name) ==
		      moves->dir->to_bpfilter;
	return 0;
}

static int family_add(struct moves *moves, const struct table_family *fam)
{
	struct table_names names;
	unsigned int i;
	int ret;

	ret = table_names(fam, &names);
	for (i = 0; !ret && i < names.num; i++)
		if (wanted(moves, names.name[i]))
			ret = move_add(moves, fam, names.name[i]);
	free(names.name);
	return ret;
}

static int gather(struct moves *moves, int sk)
{
	unsigned int i;
	int ret;

	ret = table_status(sk, &moves->status);
	for (i = 0; !ret && i < TABLE_NUM_FAMILIES; i++)
		if (!moves->fam || moves->fam == &table_families[i])
			ret = family_add(moves, &table_families[i]);
	return ret;
}

/* The first name that no table has, or NULL */
static const char *missing(const struct moves *moves)
{
	unsigned int i;
	int n;

	for (n = 0; n < moves->num_names; n++) {
		for (i = 0; i < moves->num; i++)
			if (!strcmp(moves->move[i].name, moves->names[n]))
				break;
		if (i == moves->num)
			return moves->names[n];
	}
	return NULL;
}

/* Moving */

static int move_once(const struct direction *dir, int sk, struct move *move)
{
	struct bpfilter_handover option = {
		.family = move->fam->family,
		.report = (uintptr_t)&move->report,
	};

	memcpy(option.name, move->name, sizeof(option.name));
	if (setsockopt(sk, SOL_IP, dir->option, &option, sizeof(option)))
		return -errno;
	return 0;
}

static void move_run(const struct direction *dir, int sk, struct move *move)
{
	unsigned int i;

	if (move->there)
		return;
	for (i = 0; i < HANDOVER_TRIES; i++) {
		move->error = move_once(dir, sk, move);
		if (move->error != -EAGAIN)
			break;
	}
	/* Somebody else was faster */
	if (move->error == -EALREADY) {
		move->there = true;
		move->error = 0;
	}
}

static unsigned int run_all(struct moves *moves, int sk)
{
	unsigned int i, failed = 0;

	for (i = 0; i < moves->num; i++) {
		move_run(moves->dir, sk, &moves->move[i]);
		failed += !!moves->move[i].error;
	}
	return failed;
}

/* Printing */

static void move_plain(const struct moves *moves, const struct move *move)
{
	const struct bpfilter_handover_report *r = &move->report;

	printf("%s %s  ", move->fam->word, move->name);
	if (move->error)
		printf("stays %s: %s\n", moves->dir->from,
		       move_error(moves, move));
	else if (move->there)
		printf("is %s already\n", moves->dir->to);
	else
		printf("%s -> %s  entries %u  switched in %.3fms  settled in %.3fms\n",
		       moves->dir->from, moves->dir->to, r->num_entries,
		       r->switch_ns / 1e6, r->settle_ns / 1e6);
}

static void move_json(json_writer_t *json, const struct moves *moves,
		      const struct move *move)
{
	jsonw_start_object(json);
	jsonw_string_field(json, "name", move->name);
	jsonw_string_field(json, "family", move->fam->word);
	jsonw_string_field(json, "engine", move->error ? moves->dir->from :
							 moves->dir->to);
	jsonw_bool_field(json, "changed", !move->error && !move->there);
	if (move->error) {
		jsonw_string_field(json, "error", move_error(moves, move));
	} else if (!move->there) {
		jsonw_uint_field(json, "entries", move->report.num_entries);
		jsonw_uint_field(json, "switch_ns", move->report.switch_ns);
		jsonw_uint_field(json, "settle_ns", move->report.settle_ns);
	}
	jsonw_end_object(json);
}

static void moves_json(json_writer_t *json, const struct moves *moves)
{
	unsigned int i;

	jsonw_start_object(json);
	jsonw_name(json, "tables");
	jsonw_start_array(json);
	for (i = 0; i < moves->num; i++)
		move_json(json, moves, &moves->move[i]);
	jsonw_end_array(json);
	jsonw_end_object(json);
}

static void moves_print(struct cmd_ctx *ctx, const struct moves *moves)
{
	unsigned int i;

	if (ctx->json) {
		moves_json(ctx->json, moves);
		return;
	}
	for (i = 0; i < moves->num; i++)
		move_plain(moves, &moves->move[i]);
}

static int moves_run(struct cmd_ctx *ctx, struct moves *moves, int sk)
{
	unsigned int failed;
	int ret;

	ret = gather(moves, sk);
	if (ret)
		return cmd_error(ctx, "%s", table_error(ret));
	if (missing(moves))
		return cmd_error(ctx, "no table \"%s\" in this network namespace",
				 missing(moves));
	if (moves->dir->to_bpfilter && !moves->status->enabled)
		return cmd_error(ctx, "net.netfilter.bpfilter is 0 in this network namespace");

	failed = run_all(moves, sk);
	moves_print(ctx, moves);
	return failed ? CMD_FAILED : CMD_OK;
}

static int handover(struct cmd_ctx *ctx, const struct direction *dir, int argc,
		    char **argv)
{
	struct moves moves = { .dir = dir };
	int sk, ret;

	if (argc)
		moves.fam = table_family_word(argv[0]);
	moves.names = argv + !!moves.fam;
	moves.num_names = argc - !!moves.fam;

	sk = table_socket(&table_families[0]);
	if (sk < 0)
		return cmd_error(ctx, "socket: %s", strerror(-sk));
	ret = moves_run(ctx, &moves, sk);
	close(sk);
	free(moves.move);
	free(moves.status);
	return ret;
}

/**
 * cmd_takeover - the command "takeover"
 * @ctx:	options
 * @argc:	number of arguments
 * @argv:	a family or none, then names of tables
 *
 * Return: enum cmd_status
 */
int cmd_takeover(struct cmd_ctx *ctx, int argc, char **argv)
{
	return handover(ctx, &takeover, argc, argv);
}

/**
 * cmd_release - the command "release"
 * @ctx:	options
 * @argc:	number of arguments
 * @argv:	a family or none, then names of tables
 *
 * Return: enum cmd_status
 */
int cmd_release(struct cmd_ctx *ctx, int argc, char **argv)
{
	return handover(ctx, &release, argc, argv);
}
