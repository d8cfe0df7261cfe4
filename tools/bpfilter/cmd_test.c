// SPDX-License-Identifier: GPL-2.0
/*
 * bpfilter test - what a ruleset would do with packets
 *
 * The ruleset comes from a file and its rules are looked at by the library's
 * interpreter: the system's firewall has no part in this. What only the kernel
 * can say is not known, nor is what nobody said of a packet; a verdict that does
 * not depend on that is certain all the same.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/netfilter.h>

#include "cmd_test.h"
#include "standalone.h"

#define FIELD(name)	(1ULL << IR_FIELD_##name)

const struct option cmd_test_options[] = {
	{ "pcap",	required_argument,	NULL, OPTION_OWN },
	{ "packet",	required_argument,	NULL, OPTION_OWN },
	{ "expect",	required_argument,	NULL, OPTION_OWN },
	{ "hook",	required_argument,	NULL, OPTION_OWN },
	{ "local",	required_argument,	NULL, OPTION_OWN },
	{ "in",		required_argument,	NULL, OPTION_OWN },
	{ "out",	required_argument,	NULL, OPTION_OWN },
	{ "ctstate",	required_argument,	NULL, OPTION_OWN },
	{ "mark",	required_argument,	NULL, OPTION_OWN },
	{ "assume",	required_argument,	NULL, OPTION_OWN },
	{}
};

/* --- Options; each returns 0, -EINVAL or -ENOMEM --- */

static int option_hook(struct test *t, const char *value)
{
	return test_path_read(value, &t->path);
}

static int option_local(struct test *t, const char *value)
{
	uint8_t (*p)[16] = reallocarray(t->local, t->num_local + 1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	t->local = p;
	return test_address_read(t->ctx->family, value, p[t->num_local++]);
}

static int option_in(struct test *t, const char *value)
{
	t->pkt.unknown &= ~FIELD(IFACE_IN);
	return test_device_read(value, t->pkt.in);
}

static int option_out(struct test *t, const char *value)
{
	t->pkt.unknown &= ~FIELD(IFACE_OUT);
	return test_device_read(value, t->pkt.out);
}

static int option_ctstate(struct test *t, const char *value)
{
	return test_state_read(value, &t->pkt);
}

static int option_mark(struct test *t, const char *value)
{
	char *end;

	errno = 0;
	t->pkt.mark = strtoul(value, &end, 0);
	return !*value || *end || errno ? -EINVAL : 0;
}

static int option_assume(struct test *t, const char *value)
{
	struct test_assumed *p;
	size_t len = strcspn(value, "=");

	if (!len || len >= sizeof(p->name) ||
	    (strcmp(value + len, "=yes") && strcmp(value + len, "=no")))
		return -EINVAL;
	p = reallocarray(t->assumed, t->num_assumed + 1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	t->assumed = p;
	p += t->num_assumed++;
	memcpy(p->name, value, len);
	p->name[len] = '\0';
	p->yes = value[len + 1] == 'y';
	return 0;
}

static const struct {
	const char *name;
	int (*take)(struct test *t, const char *value);
} takes[] = {
	{ "hook", option_hook },
	{ "local", option_local },
	{ "in", option_in },
	{ "out", option_out },
	{ "ctstate", option_ctstate },
	{ "mark", option_mark },
	{ "assume", option_assume },
};

static int option_take(struct test *t, const struct cmd_option *o)
{
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(takes); i++) {
		if (strcmp(takes[i].name, o->name))
			continue;
		err = takes[i].take(t, o->value);
		if (err == -EINVAL)
			return cmd_usage(t->ctx, "--%s: \"%s\"", o->name,
					 o->value);
		return err ? cmd_error(t->ctx, "%s", strerror(-err)) : CMD_OK;
	}
	return CMD_OK;
}

/* --- The ruleset --- */

static int table_read(struct test *t, const struct source_table *src)
{
	struct refusal why = {};
	unsigned int i;
	int ret;

	for (i = 0; i < BPFILTER_NUM_TABLES; i++)
		if (!strcmp(bpfilter_table_hooks[i].name, src->name))
			break;
	if (i == BPFILTER_NUM_TABLES)
		return cmd_error(t->ctx, "table \"%s\" is unknown", src->name);
	t->table[i].src = src;
	ret = translation_read(&t->table[i].t, src->blob,
			       table_blob_size(src->blob), src->family, &why);
	if (ret)
		return cmd_error(t->ctx, "%s", why.text[0] ? why.text :
							     strerror(-ret));
	t->tracks |= bpfilter_standalone_tracks(t->table[i].t.rs);
	if (!strcmp(src->name, "nat") &&
	    !bpfilter_ruleset_is_idle(t->table[i].t.rs)) {
		t->nat = true;
		t->pkt.unknown |= PACKET_UNKNOWN_NAT;
	}
	return CMD_OK;
}

static int ruleset_read(struct test *t, const char *path)
{
	unsigned int i;
	int ret;

	ret = source_load(t->ctx, path, t->ctx->family, &t->src);
	for (i = 0; ret == CMD_OK && i < t->src.num; i++)
		ret = table_read(t, &t->src.tables[i]);
	return ret;
}

/* --- Packets --- */

static bool is_source(const struct cmd_option *o)
{
	return !strcmp(o->name, "pcap") || !strcmp(o->name, "packet") ||
	       !strcmp(o->name, "expect");
}

static int source_run(struct test *t, const struct cmd_option *o, bool *failed)
{
	if (!strcmp(o->name, "pcap"))
		return test_pcap(t, o->value);
	if (!strcmp(o->name, "packet"))
		return test_words(t, o->value);
	return test_expect(t, o->value, failed);
}

static void nat_note(const struct test *t)
{
	if (t->ctx->json)
		jsonw_bool_field(t->ctx->json, "nat_skipped", t->nat);
	else if (t->nat)
		fprintf(stderr, "Note: rules of table nat are not looked at\n");
}

static int sources_run(struct test *t)
{
	json_writer_t *json = t->ctx->json;
	bool failed = false;
	unsigned int i;
	int ret = CMD_OK;

	if (json) {
		jsonw_start_object(json);
		jsonw_name(json, "results");
		jsonw_start_array(json);
	}
	for (i = 0; ret == CMD_OK && i < t->ctx->num_own; i++)
		if (is_source(&t->ctx->own[i]))
			ret = source_run(t, &t->ctx->own[i], &failed);
	if (json)
		jsonw_end_array(json);
	nat_note(t);
	if (json)
		jsonw_end_object(json);
	return ret == CMD_OK && failed ? CMD_FAILED : ret;
}

static void test_begin(struct test *t)
{
	t->path = (struct test_path) { { NF_INET_LOCAL_IN }, 1 };
	t->pkt.conn = true;
	t->pkt.ctinfo = IP_CT_NEW;
	t->pkt.unknown = FIELD(IFACE_IN) | FIELD(IFACE_OUT) |
			 FIELD(CT_STATE) | FIELD(CT_STATUS) |
			 FIELD(CT_PROTO) | FIELD(CT_ORIGSRC) |
			 FIELD(CT_ORIGDST) | FIELD(CT_REPLSRC) |
			 FIELD(CT_REPLDST) | FIELD(CT_ORIGSRC_PORT) |
			 FIELD(CT_ORIGDST_PORT) | FIELD(CT_REPLSRC_PORT) |
			 FIELD(CT_REPLDST_PORT) | FIELD(CT_MARK) |
			 FIELD(CT_EXPIRES) | FIELD(CT_REPLY);
}

static int test_run(struct test *t, const char *path)
{
	unsigned int i, sources = 0;
	int ret = CMD_OK;

	test_begin(t);
	for (i = 0; ret == CMD_OK && i < t->ctx->num_own; i++) {
		sources += is_source(&t->ctx->own[i]);
		ret = option_take(t, &t->ctx->own[i]);
	}
	if (ret == CMD_OK && !sources)
		ret = cmd_usage(t->ctx, "test needs --pcap, --packet or --expect");
	if (ret == CMD_OK)
		ret = ruleset_read(t, path);
	return ret == CMD_OK ? sources_run(t) : ret;
}

/**
 * cmd_test - the command "test"
 * @ctx:	options
 * @argc:	number of arguments
 * @argv:	arguments: FILE
 *
 * Return: enum cmd_status; CMD_FAILED also if something is not as expected
 */
int cmd_test(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct test t = { .ctx = ctx };
	unsigned int i;
	int ret;

	if (argc != 1)
		return cmd_usage(ctx, "test needs one FILE with a ruleset");
	ret = test_run(&t, argv[0]);
	for (i = 0; i < BPFILTER_NUM_TABLES; i++)
		translation_free(&t.table[i].t);
	source_free(&t.src);
	free(t.local);
	free(t.assumed);
	return ret;
}
