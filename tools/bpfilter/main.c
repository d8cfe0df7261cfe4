// SPDX-License-Identifier: GPL-2.0
/*
 * bpfilter - show what the kernel's bpfilter does with iptables rulesets
 *
 * Options and commands are tables; help is printed from them.
 */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/libbpf.h>
#include <linux/netfilter.h>

#include "cmd.h"

/**
 * struct cmd - one command
 * @name:	its name; a prefix of it does too
 * @run:	does it; @argc and @argv are what follows the name
 * @synopsis:	its arguments for help
 * @summary:	one line for help
 * @options:	its own options, all of them long, up to one without a name; NULL: it
 *		has none. They go to the options' @own
 */
struct cmd {
	const char *name;
	int (*run)(struct cmd_ctx *ctx, int argc, char **argv);
	const char *synopsis;
	const char *summary;
	const struct option *options;
};

#define OPTIONS_MAX	32

static int cmd_help(struct cmd_ctx *ctx, int argc, char **argv);
static int cmd_version(struct cmd_ctx *ctx, int argc, char **argv);

static const struct cmd commands[] = {
	{
		"show", cmd_show, "",
		"helper, tables, programs and sizes"
	},
	{
		"dump", cmd_dump,
		"{ table | file } [ipv4 | ipv6] NAME [ir | insns | all] [save FILE]",
		"a ruleset as the translator sees it, and its instructions"
	},
	{
		"load", cmd_load, "FILE [force]",
		"run a ruleset on a kernel without bpfilter"
	},
	{
		"loaded", cmd_loaded, "",
		"tables that load put in force, and their counters"
	},
	{
		"unload", cmd_unload, "[TABLE]",
		"end what load put in force"
	},
	{
		"test", cmd_test,
		"FILE { --pcap IN | --packet WORDS | --expect FILE }...",
		"what rules would do with packets, without the system's firewall",
		cmd_test_options
	},
	{
		"help", cmd_help, "",
		"this text"
	},
	{
		"version", cmd_version, "",
		"versions of the protocol and of libbpf"
	},
};

static const struct option options[] = {
	{ "json",	no_argument,		NULL, 'j' },
	{ "pretty",	no_argument,		NULL, 'p' },
	{ "all",	no_argument,		NULL, 'a' },
	{ "plan",	no_argument,		NULL, 'P' },
	{ "ipv4",	no_argument,		NULL, '4' },
	{ "ipv6",	no_argument,		NULL, '6' },
	{ "netns",	required_argument,	NULL, 'n' },
	{ "help",	no_argument,		NULL, 'h' },
	{ "version",	no_argument,		NULL, 'V' },
	{}
};

/* What follows an option in help, in the order of options[] */
static const char *const option_help[] = {
	"output as JSON",
	"output as JSON for human readers",
	"show: the network namespaces in /run/netns too",
	"show: what became of each chain",
	"the ruleset in a file is one of IPv4, as without this option",
	"the ruleset in a file is one of IPv6",
	"NAME: a network namespace in /run/netns, or a path",
	"same as the command help",
	"same as the command version",
};

static void error_print(struct cmd_ctx *ctx, const char *fmt, va_list args)
{
	char text[1024];

	vsnprintf(text, sizeof(text), fmt, args);
	if (ctx->json) {
		jsonw_start_object(ctx->json);
		jsonw_string_field(ctx->json, "error", text);
		jsonw_end_object(ctx->json);
	} else {
		fprintf(stderr, "Error: %s\n", text);
	}
}

/**
 * cmd_error - say why a command failed
 * @ctx:	options
 * @fmt:	format of one line without its end
 *
 * Return: CMD_FAILED
 */
int cmd_error(struct cmd_ctx *ctx, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	error_print(ctx, fmt, args);
	va_end(args);
	return CMD_FAILED;
}

/**
 * cmd_usage - say what is wrong with the arguments
 * @ctx:	options
 * @fmt:	format of one line without its end
 *
 * Return: CMD_USAGE
 */
int cmd_usage(struct cmd_ctx *ctx, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	error_print(ctx, fmt, args);
	va_end(args);
	if (!ctx->json)
		fprintf(stderr, "See \"bpfilter help\".\n");
	return CMD_USAGE;
}

/**
 * cmd_word - is an argument this word, or the beginning of it
 * @arg:	argument
 * @word:	word
 *
 * Return: true if so; an empty argument is the beginning of no word
 */
bool cmd_word(const char *arg, const char *word)
{
	size_t len = strlen(arg);

	return len && !strncmp(arg, word, len);
}

static void help_command(const struct cmd *cmd)
{
	const struct option *own = cmd->options;

	printf("    %s%s%s\n            %s\n", cmd->name,
	       cmd->synopsis[0] ? " " : "", cmd->synopsis, cmd->summary);
	if (!own)
		return;
	printf("            options:");
	for (; own->name; own++)
		printf(" --%s", own->name);
	printf("\n");
}

static void help_plain(void)
{
	unsigned int i;

	printf("Usage: bpfilter [OPTIONS] COMMAND\n\nCommands:\n");
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		help_command(&commands[i]);

	printf("\nOptions:\n");
	for (i = 0; i < ARRAY_SIZE(option_help); i++)
		printf("    -%c, --%-8s %s\n", options[i].val,
		       options[i].name, option_help[i]);
}

static void help_json(json_writer_t *json)
{
	const struct option *own;
	unsigned int i;

	jsonw_start_object(json);
	jsonw_name(json, "commands");
	jsonw_start_array(json);
	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		jsonw_start_object(json);
		jsonw_string_field(json, "name", commands[i].name);
		jsonw_string_field(json, "synopsis", commands[i].synopsis);
		jsonw_string_field(json, "summary", commands[i].summary);
		jsonw_name(json, "options");
		jsonw_start_array(json);
		for (own = commands[i].options; own && own->name; own++)
			jsonw_string(json, own->name);
		jsonw_end_array(json);
		jsonw_end_object(json);
	}
	jsonw_end_array(json);
	jsonw_end_object(json);
}

static int cmd_help(struct cmd_ctx *ctx, int argc, char **argv)
{
	if (argc)
		return cmd_usage(ctx, "help takes no arguments");
	if (ctx->json)
		help_json(ctx->json);
	else
		help_plain();
	return CMD_OK;
}

static int cmd_version(struct cmd_ctx *ctx, int argc, char **argv)
{
	if (argc)
		return cmd_usage(ctx, "version takes no arguments");
	if (ctx->json) {
		jsonw_start_object(ctx->json);
		jsonw_uint_field(ctx->json, "protocol",
				 BPFILTER_PROTOCOL_VERSION);
		jsonw_string_field(ctx->json, "libbpf",
				   libbpf_version_string());
		jsonw_end_object(ctx->json);
	} else {
		printf("bpfilter protocol %u, libbpf %s\n",
		       BPFILTER_PROTOCOL_VERSION, libbpf_version_string());
	}
	return CMD_OK;
}

static const struct cmd *command_find(const char *word)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (cmd_word(word, commands[i].name))
			return &commands[i];
	return NULL;
}

static int command_run(struct cmd_ctx *ctx, int argc, char **argv)
{
	const struct cmd *cmd;

	if (!argc)
		return cmd_usage(ctx, "no command");
	cmd = command_find(argv[0]);
	return cmd ? cmd->run(ctx, argc - 1, argv + 1) :
		     cmd_usage(ctx, "unknown command \"%s\"", argv[0]);
}

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

/* The command that an option stands for, if any, goes to @instead */
static int option_take(struct cmd_ctx *ctx, int opt, const char *name,
		       char **instead)
{
	if (opt == 'j' || opt == 'p')
		return json_start(ctx, opt == 'p');
	if (opt == OPTION_OWN)
		return own_add(ctx, name, optarg);
	if (opt == 'a')
		ctx->all = true;
	else if (opt == 'P')
		ctx->plan = true;
	else if (opt == '4' || opt == '6')
		ctx->family = opt == '4' ? NFPROTO_IPV4 : NFPROTO_IPV6;
	else if (opt == 'n')
		ctx->netns = optarg;
	else if (opt == 'h')
		*instead = "help";
	else if (opt == 'V')
		*instead = "version";
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

static int options_read(struct cmd_ctx *ctx, const struct cmd *cmd, int argc,
			char **argv, char **instead)
{
	const char *shorts = cmd ? "jpaP46n:hV" : "+jpaP46n:hV";
	struct option all[OPTIONS_MAX];
	const char *bad = NULL;
	int opt, index = 0;

	options_merge(cmd, all);
	optind = 0;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, shorts, all, &index)) >= 0) {
		if (opt == '?')
			bad = argv[optind - 1];
		else if (option_take(ctx, opt, all[index].name, instead) !=
			 CMD_OK)
			return CMD_FAILED;
	}
	if (bad)
		return cmd_usage(ctx, "option \"%s\" is unknown or lacks its value",
				 bad);
	return CMD_OK;
}

/* Only what is in front of the command is known before it is */
static int all_options_read(struct cmd_ctx *ctx, int *argc, char ***argv,
			    char **instead)
{
	int ret = options_read(ctx, NULL, *argc, *argv, instead);
	const struct cmd *cmd;

	*argc -= optind;
	*argv += optind;
	cmd = *argc ? command_find(**argv) : NULL;
	if (ret != CMD_OK || !cmd)
		return ret;
	/* The command's word is what getopt_long() takes for the program's */
	ret = options_read(ctx, cmd, *argc, *argv, instead);
	*argc -= optind - 1;
	*argv += optind - 1;
	**argv = (char *)cmd->name;
	return ret;
}

static int run(struct cmd_ctx *ctx, int argc, char **argv)
{
	char *instead = NULL;
	int ret;

	ret = all_options_read(ctx, &argc, &argv, &instead);
	if (ret != CMD_OK)
		return ret;
	if (instead)
		return command_run(ctx, 1, &instead);

	if (ctx->netns) {
		ret = netns_enter(ctx->netns);
		if (ret)
			return cmd_error(ctx, "network namespace \"%s\": %s",
					 ctx->netns, strerror(-ret));
	}
	return command_run(ctx, argc, argv);
}

int main(int argc, char **argv)
{
	struct cmd_ctx ctx = { .family = NFPROTO_IPV4 };
	int ret;

	/* Its messages would mix with ours, errors come back as numbers */
	libbpf_set_print(NULL);

	ret = run(&ctx, argc, argv);
	free(ctx.own);
	if (ctx.json)
		jsonw_destroy(&ctx.json);
	if (fflush(stdout) && ret == CMD_OK) {
		fprintf(stderr, "Error: standard output: %s\n",
			strerror(errno));
		ret = CMD_FAILED;
	}
	return ret;
}
