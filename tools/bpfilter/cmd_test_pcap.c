// SPDX-License-Identifier: GPL-2.0
/* Packets from files that tcpdump writes, and single ones as words */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <linux/netfilter.h>

#include "cmd_test.h"

#define FIELD(name)	(1ULL << IR_FIELD_##name)

/* --- Which way a packet takes --- */

static bool is_local(const struct test *t, const struct packet *pkt,
		     bool source)
{
	uint32_t word = htonl(source ? pkt->saddr : pkt->daddr);
	unsigned int i;

	for (i = 0; i < t->num_local; i++) {
		if (pkt->is_ip6 && !memcmp(t->local[i], source ? pkt->saddr6 :
					   pkt->daddr6, 16))
			return true;
		if (!pkt->is_ip6 && !memcmp(t->local[i], &word, sizeof(word)))
			return true;
	}
	return false;
}

static const struct test_path way_out = {
	{ NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING }, 2,
};

static const struct test_path way_in = {
	{ NF_INET_PRE_ROUTING, NF_INET_LOCAL_IN }, 2,
};

static const struct test_path way_through = {
	{ NF_INET_PRE_ROUTING, NF_INET_FORWARD, NF_INET_POST_ROUTING }, 3,
};

static const struct test_path *path_of(const struct test *t,
				       const struct packet *pkt)
{
	if (!t->num_local)
		return &t->path;
	if (is_local(t, pkt, true))
		return &way_out;
	return is_local(t, pkt, false) ? &way_in : &way_through;
}

/* --- Files --- */

/**
 * struct capture - a file while it is read
 * @t:		test
 * @path:	its name
 * @file:	the file
 * @flows:	connections so far, NULL: the state was given
 * @number:	packets read
 * @count:	by verdict
 * @other:	of another family
 */
struct capture {
	struct test *t;
	const char *path;
	struct test_file *file;
	struct test_flows *flows;
	unsigned int number;
	unsigned int count[TEST_NO_PACKET + 1];
	unsigned int other;
};

/* What comes in with a wrong checksum is invalid to conntrack, if it is wrong */
static void doubt(const struct test *t, struct packet *pkt)
{
	const struct test_assumed *said = test_assumed_find(t, "checksum");

	if (!said)
		pkt->unknown |= FIELD(CT_STATE);
	else if (!said->yes)
		pkt->conn = false;
}

static int packet_result(struct capture *c, struct packet *pkt, bool bad_sum,
			 struct test_result *r)
{
	const struct test_path *path = path_of(c->t, pkt);
	int err;

	if (c->flows)
		test_flow_find(c->flows, pkt);
	if (c->flows && bad_sum && path->hook[0] != NF_INET_LOCAL_OUT)
		doubt(c->t, pkt);
	err = test_packet(c->t, pkt, path, r);
	if (!err && c->flows && r->verdict == TEST_ACCEPT && !r->untracked)
		err = test_flow_keep(c->flows, pkt);
	return err;
}

static int frame_take(struct capture *c, struct test_frame *f)
{
	struct test_result r = { .verdict = TEST_UNKNOWN };
	enum test_frame_kind kind;
	struct packet pkt;
	const char *why;
	int err = 0;

	c->number++;
	kind = test_frame_read(c->t, f, &pkt, &why);
	if (kind == FRAME_OTHER) {
		c->other++;
		return 0;
	}
	if (kind == FRAME_PACKET) {
		err = packet_result(c, &pkt, f->bad_sum, &r);
	} else {
		snprintf(r.because, sizeof(r.because), "%s", why);
		if (kind == FRAME_NO_PACKET)
			r.verdict = TEST_NO_PACKET;
	}
	if (err)
		return err;
	c->count[r.verdict]++;
	test_result_print(c->t, c->number, NULL, &r);
	return 0;
}

static int frames_read(struct capture *c)
{
	struct test_frame f;
	int err;

	do {
		err = test_file_next(c->file, &f);
		if (err == 1)
			err = frame_take(c, &f) ? : 1;
	} while (err == 1);
	return err;
}

static void counts_print(const struct capture *c)
{
	json_writer_t *json = c->t->ctx->json;
	unsigned int i;

	if (!json) {
		printf("%u packets", c->number);
		for (i = 0; i <= TEST_NO_PACKET; i++)
			printf(", %u %s", c->count[i], test_verdict_name(i));
		printf(", %u of another family\n", c->other);
		return;
	}
	jsonw_uint_field(json, "total", c->number);
	for (i = 0; i <= TEST_NO_PACKET; i++)
		jsonw_uint_field(json, test_verdict_name(i), c->count[i]);
	jsonw_uint_field(json, "other_family", c->other);
}

static void error_print(struct capture *c, int err)
{
	const char *text = err == -EIO ? test_file_error(c->file) :
					 strerror(-err);

	/* Packets before it are printed already */
	if (c->t->ctx->json)
		jsonw_string_field(c->t->ctx->json, "error", text);
	else
		cmd_error(c->t->ctx, "%s: %s", c->path, text);
}

static int capture_run(struct capture *c)
{
	json_writer_t *json = c->t->ctx->json;
	int err;

	if (json) {
		jsonw_start_object(json);
		jsonw_string_field(json, "pcap", c->path);
		jsonw_name(json, "packets");
		jsonw_start_array(json);
	}
	err = frames_read(c);
	if (json)
		jsonw_end_array(json);
	if (err)
		error_print(c, err);
	else
		counts_print(c);
	if (json)
		jsonw_end_object(json);
	return err ? CMD_FAILED : CMD_OK;
}

static int capture_open(struct capture *c)
{
	struct cmd_ctx *ctx = c->t->ctx;
	char why[256];

	c->file = test_file_open(c->path, why, sizeof(why));
	if (!c->file)
		return cmd_error(ctx, "%s", why);
	if (!test_link_known(test_file_link(c->file)))
		return cmd_error(ctx, "%s: link type %d is unknown", c->path,
				 test_file_link(c->file));
	/* A state that was given is that of all packets */
	if (!(c->t->pkt.unknown & FIELD(CT_STATE)))
		return CMD_OK;
	c->flows = test_flows_new();
	return c->flows ? CMD_OK : cmd_error(ctx, "%s", strerror(ENOMEM));
}

/**
 * test_pcap - what becomes of the packets in a file
 * @t:		test
 * @path:	the file, "-" for standard input
 *
 * Return: CMD_OK, or CMD_FAILED after an error was told
 */
int test_pcap(struct test *t, const char *path)
{
	struct capture c = { .t = t, .path = path };
	int ret;

	ret = capture_open(&c);
	if (ret == CMD_OK)
		ret = capture_run(&c);
	test_flows_free(c.flows);
	if (c.file)
		test_file_close(c.file);
	return ret;
}

/* --- Words --- */

/**
 * test_words - what becomes of a packet
 * @t:		test
 * @words:	the packet
 *
 * Return: CMD_OK, CMD_USAGE after cmd_usage(), or CMD_FAILED
 */
int test_words(struct test *t, const char *words)
{
	char bad[128], *copy = strdup(words);
	struct test_result r;
	struct test_path path;
	struct packet pkt;
	int err, ret = CMD_OK;

	if (!copy)
		return cmd_error(t->ctx, "%s", strerror(ENOMEM));
	if (test_words_read(t, copy, &pkt, &path, bad, sizeof(bad))) {
		ret = cmd_usage(t->ctx, "packet \"%s\": %s", words, bad);
	} else {
		err = test_packet(t, &pkt, &path, &r);
		if (err)
			ret = cmd_error(t->ctx, "%s", strerror(-err));
		else
			test_result_print(t, 0, words, &r);
	}
	free(copy);
	return ret;
}
