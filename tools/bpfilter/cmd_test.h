/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_CMD_TEST_H
#define BPFILTER_CMD_TEST_H

#include <netinet/in.h>

#include "cmd.h"
#include "cmd_source.h"
#include "cmd_test_file.h"
#include "cmd_translate.h"
#include "eval.h"
#include "hooks.h"

/* What a ruleset would do with packets */

#define TEST_HOOKS_MAX	4

/**
 * struct test_path - hooks that a packet gets to
 * @hook:	enum nf_inet_hooks, in order
 * @num:	number of @hook
 */
struct test_path {
	uint8_t hook[TEST_HOOKS_MAX];
	uint8_t num;
};

/**
 * struct test_assumed - an answer that the user gave
 * @name:	of an extension
 * @yes:	it matches, or lets the packet go on
 */
struct test_assumed {
	char name[XT_EXTENSION_MAXNAMELEN];
	bool yes;
};

/**
 * struct test_table - a table of the ruleset
 * @src:	it, borrowed
 * @t:		its IR, owned
 */
struct test_table {
	const struct source_table *src;
	struct translation t;
};

/**
 * struct test - a ruleset and how packets come to it
 * @ctx:	options
 * @src:	the ruleset's tables, owned
 * @table:	by place in bpfilter_table_hooks; without @src where there is none
 * @tracks:	rules look at connections
 * @nat:	table nat has rules
 * @pkt:	what packets are if nothing else is said
 * @path:	where they go if nothing else is said
 * @local:	addresses of this host, NULL: packets take @path
 * @num_local:	number of @local
 * @assumed:	answers, owned
 * @num_assumed: number of @assumed
 */
struct test {
	struct cmd_ctx *ctx;
	struct source src;
	struct test_table table[BPFILTER_NUM_TABLES];
	bool tracks;
	bool nat;
	struct packet pkt;
	struct test_path path;
	uint8_t (*local)[16];
	unsigned int num_local;
	struct test_assumed *assumed;
	unsigned int num_assumed;
};

/* enum test_verdict - how a packet ends, as far as it is known */
enum test_verdict {
	TEST_DROP,
	TEST_ACCEPT,
	TEST_UNKNOWN,
	TEST_NO_PACKET,	/* the stack takes it for none: no rule sees it */
};

/* Hooks of one way by tables */
#define TEST_DECISIONS_MAX	(TEST_HOOKS_MAX * BPFILTER_NUM_TABLES)

/**
 * struct test_decision - what a table decided at a hook
 * @table:	table
 * @rule:	the rule that did, or the policy
 */
struct test_decision {
	const struct test_table *table;
	uint32_t rule;
};

/**
 * struct test_result - what became of a packet
 * @verdict:	how it ended
 * @decision:	of each table that has rules at a hook on its way; the last one made
 *		the verdict
 * @num:	number of @decision, 0: nobody decided, or it is not known who
 * @several:	it is not known who, but what
 * @untracked:	rules had its connection not tracked
 * @because:	what is not known, or why it is no packet
 */
struct test_result {
	enum test_verdict verdict;
	struct test_decision decision[TEST_DECISIONS_MAX];
	unsigned int num;
	bool several;
	bool untracked;
	char because[64];
};

/* cmd_test_walk.c */

int test_packet(const struct test *t, const struct packet *pkt,
		const struct test_path *path, struct test_result *out);

/* cmd_test_choice.c */

#define CHOICES_MAX	64

/**
 * struct test_choice - something that is not known
 * @set:	what it can be, as bits
 * @picked:	which of these it is taken to be
 * @name:	what it is
 */
struct test_choice {
	uint8_t set;
	uint8_t picked;
	char name[48];
};

/**
 * struct test_choices - all that is not known on a packet's way
 * @choice:	in the order in which it is met
 * @num:	number of @choice
 * @at:		how many of them this walk met
 * @full:	there are more
 * @changed:	which one is another than in the walk before
 */
struct test_choices {
	struct test_choice choice[CHOICES_MAX];
	unsigned int num;
	unsigned int at;
	bool full;
	unsigned int changed;
};

unsigned int choices_pick(struct test_choices *c, unsigned int set,
			  const char *name);
bool choices_next(struct test_choices *c);

/* cmd_test_ext.c */

const struct test_assumed *test_assumed_find(const struct test *t,
					     const char *name);
unsigned int test_match_set(const struct test *t, const char *name);

/**
 * struct test_effect - what a target of the kernel's own does
 * @went:	mask of 1 << enum eval_went
 * @loses:	fields that are not known behind it
 * @untracks:	the packet has no connection behind it
 * @tcp:	it also drops what has no whole TCP header
 */
struct test_effect {
	unsigned int went;
	uint64_t loses;
	bool untracks;
	bool tcp;
};

struct test_effect test_target_effect(const struct test *t,
				      const struct test_table *tt,
				      const struct ir_rule *rule);

/* cmd_test_words.c */

int test_words_read(const struct test *t, char *text, struct packet *pkt,
		    struct test_path *path, char *bad, size_t size);
int test_path_read(const char *text, struct test_path *path);
int test_state_read(const char *text, struct packet *pkt);
int test_address_read(uint16_t family, const char *text, uint8_t addr[16]);
int test_device_read(const char *text, char name[16]);

/* cmd_test_parse.c */

/* enum test_frame_kind - what such bytes are */
enum test_frame_kind {
	FRAME_PACKET,
	FRAME_UNKNOWN,		/* a packet, of which not enough is known */
	FRAME_NO_PACKET,	/* the kernel takes it for none */
	FRAME_OTHER,		/* another family's */
};

enum test_frame_kind test_frame_read(const struct test *t,
				     struct test_frame *f,
				     struct packet *pkt, const char **why);
bool test_link_known(int link);

/* cmd_test_sum.c */

bool test_sum_is_bad(const struct packet *pkt, uint8_t proto,
		     const uint8_t *bytes, size_t len);

/* cmd_test_flow.c */

struct test_flows;

struct test_flows *test_flows_new(void);
void test_flows_free(struct test_flows *flows);
void test_flow_find(struct test_flows *flows, struct packet *pkt);
int test_flow_keep(struct test_flows *flows, const struct packet *pkt);

/* cmd_test_pcap.c, cmd_test_expect.c */

int test_pcap(struct test *t, const char *path);
int test_words(struct test *t, const char *words);
int test_expect(struct test *t, const char *path, bool *failed);

/* cmd_test_print.c */

const char *test_verdict_name(enum test_verdict verdict);
void test_place(const struct test_result *r, char *text, size_t size);
void test_result_print(const struct test *t, unsigned int number,
		       const char *what, const struct test_result *r);

#endif /* BPFILTER_CMD_TEST_H */
