// SPDX-License-Identifier: GPL-2.0
/*
 * bpfilter - see, test and move iptables rulesets that run as BPF programs
 *
 * Options and commands are tables; help is printed from them.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/libbpf.h>
#include <linux/netfilter.h>

#include "cmd_option.h"

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
		"top", cmd_top, "[ipv4 | ipv6] [TABLE]",
		"rules by the rate of packets that pass them"
	},
	{
		"trace", cmd_trace, "[ipv4 | ipv6] [FILTER]",
		"each rule that packets meet, with its verdict",
		.last = true
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
		"takeover", cmd_takeover, "[ipv4 | ipv6] [TABLE...]",
		"move live native tables into bpfilter"
	},
	{
		"release", cmd_release, "[ipv4 | ipv6] [TABLE...]",
		"move tables of bpfilter back into the native engine"
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

static void error_print(struct cmd_ctx *ctx, const char *fmt, va_list args)
{
	char text[1024];

	vsnprintf(text, sizeof(text), fmt, args);
	if (ctx->json) {
		jsonw_start_object(ctx->json);
		jsonw_string_field(ctx->json, "error", text);
		jsonw_end_object(ctx->json);
		ctx->ended = false;
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
 * cmd_json_end - end one of several JSON objects: a line for each
 * @ctx:	options, with -j
 *
 * Whoever reads them has the object now, and the command's end adds nothing.
 */
void cmd_json_end(struct cmd_ctx *ctx)
{
	jsonw_reset(ctx->json);
	putchar('\n');
	fflush(stdout);
	ctx->ended = true;
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
	options_print();
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
	jsonw_name(json, "options");
	jsonw_start_array(json);
	options_print_json(json);
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

/**
 * command_find - find a command by its name, or the beginning of it
 * @word:	argument
 *
 * Return: the first such, or NULL.
 */
const struct cmd *command_find(const char *word)
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

static int run(struct cmd_ctx *ctx, int argc, char **argv)
{
	char *instead = NULL;
	int ret;

	ret = options_read(ctx, &argc, &argv, &instead);
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
	struct cmd_ctx ctx = { .family = NFPROTO_IPV4, .interval = 1 };
	int ret;

	/* Its messages would mix with ours, errors come back as numbers */
	libbpf_set_print(NULL);

	ret = run(&ctx, argc, argv);
	free(ctx.own);
	if (ctx.json && !ctx.ended)
		jsonw_destroy(&ctx.json);
	if (fflush(stdout) && ret == CMD_OK) {
		fprintf(stderr, "Error: standard output: %s\n",
			strerror(errno));
		ret = CMD_FAILED;
	}
	return ret;
}
