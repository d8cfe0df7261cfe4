// SPDX-License-Identifier: GPL-2.0
/*
 * The command's options, those of all commands and those of one.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/netfilter.h>

#include "cmd_option.h"

/* Seconds from one sample to the next */
#define INTERVAL_MIN	0.05
#define INTERVAL_MAX	86400.0

#define OPTIONS_MAX	32
#define SHORT_OPTIONS	"jpaP46n:i:c:1hV"

static const struct option options[] = {
	{ "json",	no_argument,		NULL, 'j' },
	{ "pretty",	no_argument,		NULL, 'p' },
	{ "all",	no_argument,		NULL, 'a' },
	{ "plan",	no_argument,		NULL, 'P' },
	{ "ipv4",	no_argument,		NULL, '4' },
	{ "ipv6",	no_argument,		NULL, '6' },
	{ "netns",	required_argument,	NULL, 'n' },
	{ "interval",	required_argument,	NULL, 'i' },
	{ "count",	required_argument,	NULL, 'c' },
	{ "once",	no_argument,		NULL, '1' },
	{ "help",	no_argument,		NULL, 'h' },
	{ "version",	no_argument,		NULL, 'V' },
	{}
};

/* What follows an option in help, in the order of options[] */
static const char *const option_help[] = {
	"output as JSON",
	"output as JSON for human readers",
	"show: the network namespaces in /run/netns too; top: rules at rest, too",
	"show: what became of each chain",
	"the ruleset in a file is one of IPv4, as without this option",
	"the ruleset in a file is one of IPv6",
	"NAME: a network namespace in /run/netns, or a path",
	"SECONDS: top: from one sample to the next",
	"NUMBER: top, trace: end after so many samples or packets",
	"same as --count 1",
	"same as the command help",
	"same as the command version",
};

/**
 * options_print - print the options of all commands for help
 */
void options_print(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(option_help); i++)
		printf("    -%c, --%-8s %s\n", options[i].val,
		       options[i].name, option_help[i]);
}

/**
 * options_print_json - print them as members of an array
 * @json:	where to
 */
void options_print_json(json_writer_t *json)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(option_help); i++) {
		char letter[] = { options[i].val, '\0' };

		jsonw_start_object(json);
		jsonw_string_field(json, "letter", letter);
		jsonw_string_field(json, "name", options[i].name);
		jsonw_bool_field(json, "value", options[i].has_arg);
		jsonw_string_field(json, "summary", option_help[i]);
		jsonw_end_object(json);
	}
}

/* --- Reading them --- */

static int json_start(struct cmd_ctx *ctx, bool pretty)
{
	if (!ctx->json)
		ctx->json = jsonw_new(stdout);
	if (!ctx->json)
		return cmd_error(ctx, "%s", strerror(ENOMEM));
	if (pretty)
		jsonw_pretty(ctx->json, true);
	return CMD_OK;
}

static int interval_read(struct cmd_ctx *ctx, const char *text)
{
	char *end;

	ctx->interval = strtod(text, &end);
	return *text && !*end && ctx->interval >= INTERVAL_MIN &&
	       ctx->interval <= INTERVAL_MAX ? CMD_OK :
	       cmd_usage(ctx, "interval \"%s\": %g to %g seconds", text,
			 INTERVAL_MIN, INTERVAL_MAX);
}

static int count_read(struct cmd_ctx *ctx, const char *text)
{
	unsigned long count;
	char *end;

	errno = 0;
	count = strtoul(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || errno || !count ||
	    count > UINT_MAX)
		return cmd_usage(ctx, "count \"%s\": 1 to %u", text, UINT_MAX);
	ctx->count = count;
	return CMD_OK;
}

static int own_add(struct cmd_ctx *ctx, const char *name, const char *value)
{
	struct cmd_option *own;

	own = reallocarray(ctx->own, ctx->num_own + 1, sizeof(*own));
	if (!own)
		return cmd_error(ctx, "%s", strerror(ENOMEM));
	ctx->own = own;
	own[ctx->num_own].name = name;
	own[ctx->num_own++].value = value;
	return CMD_OK;
}

static void set_flag(struct cmd_ctx *ctx, int opt, char **instead)
{
	if (opt == 'a')
		ctx->all = true;
	else if (opt == 'P')
		ctx->plan = true;
	else if (opt == '4' || opt == '6')
		ctx->family = opt == '4' ? NFPROTO_IPV4 : NFPROTO_IPV6;
	else if (opt == 'n')
		ctx->netns = optarg;
	else if (opt == '1')
		ctx->count = 1;
	else if (opt == 'h')
		*instead = "help";
	else if (opt == 'V')
		*instead = "version";
}

/* The command that an option stands for, if any, goes to @instead */
static int option_take(struct cmd_ctx *ctx, int opt, const char *name,
		       char **instead)
{
	if (opt == 'j' || opt == 'p')
		return json_start(ctx, opt == 'p');
	if (opt == OPTION_OWN)
		return own_add(ctx, name, optarg);
	if (opt == 'i')
		return interval_read(ctx, optarg);
	if (opt == 'c')
		return count_read(ctx, optarg);
	set_flag(ctx, opt, instead);
	return CMD_OK;
}

/* Those of all commands, and of @cmd */
static void options_merge(const struct cmd *cmd, struct option *all)
{
	const struct option *own = cmd ? cmd->options : NULL;
	unsigned int num = ARRAY_SIZE(options) - 1;

	memcpy(all, options, sizeof(options));
	for (; own && own->name && num < OPTIONS_MAX - 1; own++)
		all[num++] = *own;
	memset(&all[num], 0, sizeof(*all));
}

/* All are read before one that is wrong is told: "as JSON" may follow */
static int read_some(struct cmd_ctx *ctx, const struct cmd *cmd, int argc,
		     char **argv, char **instead)
{
	const char *shorts = cmd ? SHORT_OPTIONS : "+" SHORT_OPTIONS;
	struct option all[OPTIONS_MAX];
	int opt, index = 0, ret = CMD_OK;
	const char *bad = NULL;

	options_merge(cmd, all);
	optind = 0;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, shorts, all, &index)) >= 0) {
		if (opt == '?')
			bad = argv[optind - 1];
		else if (ret == CMD_OK)
			ret = option_take(ctx, opt, all[index].name, instead);
	}
	if (bad && ret == CMD_OK)
		return cmd_usage(ctx, "option \"%s\" is unknown or lacks its value",
				 bad);
	return ret;
}

/**
 * options_read - read options before and behind a command's name
 * @ctx:	filled
 * @argc:	number of @argv; becomes that of the command's words
 * @argv:	becomes the command's name and what follows it but for options
 * @instead:	gets the name of a command that an option stands for
 *
 * Only options in front of a command are known before it is.
 *
 * Return: enum cmd_status
 */
int options_read(struct cmd_ctx *ctx, int *argc, char ***argv, char **instead)
{
	int ret = read_some(ctx, NULL, *argc, *argv, instead);
	const struct cmd *cmd;

	*argc -= optind;
	*argv += optind;
	cmd = *argc ? command_find(**argv) : NULL;
	if (ret != CMD_OK || !cmd || cmd->last)
		return ret;
	/* The command's word is what getopt_long() takes for the program's */
	ret = read_some(ctx, cmd, *argc, *argv, instead);
	*argc -= optind - 1;
	*argv += optind - 1;
	**argv = (char *)cmd->name;
	return ret;
}
