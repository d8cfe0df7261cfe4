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
 */
struct cmd {
	const char *name;
	int (*run)(struct cmd_ctx *ctx, int argc, char **argv);
	const char *synopsis;
	const char *summary;
};

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
		"rules", cmd_rules, "[ipv4 | ipv6] [TABLE [CHAIN]]",
		"live rules, their counters, and where each of them went"
	},
	{
		"explain", cmd_explain, "[FILE]",
		"rules that never match and why, and what becomes of the others"
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

static void help_plain(void)
{
	unsigned int i;

	printf("Usage: bpfilter [OPTIONS] COMMAND\n\nCommands:\n");
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		printf("    %s%s%s\n            %s\n", commands[i].name,
		       commands[i].synopsis[0] ? " " : "",
		       commands[i].synopsis, commands[i].summary);

	printf("\nOptions:\n");
	for (i = 0; i < ARRAY_SIZE(option_help); i++)
		printf("    -%c, --%-8s %s\n", options[i].val,
		       options[i].name, option_help[i]);
}

static void help_json(json_writer_t *json)
{
	unsigned int i;

	jsonw_start_object(json);
	jsonw_name(json, "commands");
	jsonw_start_array(json);
	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		jsonw_start_object(json);
		jsonw_string_field(json, "name", commands[i].name);
		jsonw_string_field(json, "synopsis", commands[i].synopsis);
		jsonw_string_field(json, "summary", commands[i].summary);
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

static int command_run(struct cmd_ctx *ctx, int argc, char **argv)
{
	unsigned int i;

	if (!argc)
		return cmd_usage(ctx, "no command");

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (cmd_word(argv[0], commands[i].name))
			return commands[i].run(ctx, argc - 1, argv + 1);

	return cmd_usage(ctx, "unknown command \"%s\"", argv[0]);
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

/* The command that an option stands for, if any, goes to @instead */
static int options_read(struct cmd_ctx *ctx, int argc, char **argv,
			char **instead)
{
	const char *bad = NULL;
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, "jpaP46n:hV", options, NULL)) >= 0) {
		if ((opt == 'j' || opt == 'p') &&
		    json_start(ctx, opt == 'p') != CMD_OK)
			return CMD_FAILED;
		else if (opt == 'a')
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
		else if (opt == '?')
			bad = argv[optind - 1];
	}
	if (bad)
		return cmd_usage(ctx, "option \"%s\" is unknown or lacks its value",
				 bad);
	return CMD_OK;
}

static int run(struct cmd_ctx *ctx, int argc, char **argv)
{
	char *instead = NULL;
	int ret;

	ret = options_read(ctx, argc, argv, &instead);
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
	return command_run(ctx, argc - optind, argv + optind);
}

int main(int argc, char **argv)
{
	struct cmd_ctx ctx = { .family = NFPROTO_IPV4 };
	int ret;

	/* Its messages would mix with ours, errors come back as numbers */
	libbpf_set_print(NULL);

	ret = run(&ctx, argc, argv);
	if (ctx.json)
		jsonw_destroy(&ctx.json);
	if (fflush(stdout) && ret == CMD_OK) {
		fprintf(stderr, "Error: standard output: %s\n",
			strerror(errno));
		ret = CMD_FAILED;
	}
	return ret;
}
