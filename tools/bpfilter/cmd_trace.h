/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_CMD_TRACE_H
#define BPFILTER_CMD_TRACE_H

#include <sys/types.h>

#include "cmd_live.h"

/*
 * bpfilter trace. Both engines report each rule that a packet matches if
 * skb->nf_trace is set, through nf_log_trace(). So the command has programs set
 * it for packets that a filter chooses (cmd_trace_filter.c), has the network
 * namespace's logger hand the reports to itself (cmd_trace_log.c,
 * cmd_trace_logger.c), finds out which of them tell of the same packet
 * (cmd_trace_packet.c) and prints them with the rule that they name
 * (cmd_trace_print.c).
 */

/* cmd_trace_filter.c */

#define TRACE_LINKS	2

/**
 * struct trace_filter - programs that choose the packets of one family
 * @fam:	the family, NULL: no programs
 * @prog:	descriptors of the programs
 * @link:	descriptors of their links, -1: none
 */
struct trace_filter {
	const struct table_family *fam;
	int prog[TRACE_LINKS];
	int link[TRACE_LINKS];
};

int trace_filter_load(struct cmd_ctx *ctx, const struct table_family *fam,
		      int argc, char **argv, struct trace_filter *filter);
int trace_filter_attach(struct cmd_ctx *ctx, struct trace_filter *filter);
void trace_filter_detach(struct trace_filter *filter);

/* cmd_trace_logger.c */

/**
 * struct trace_logger - who gets what a network namespace logs
 * @keeper:	process that gives the logger back, 0: none
 * @end:	pipe to it: it acts when this end is closed
 */
struct trace_logger {
	pid_t keeper;
	int end;
};

int trace_logger_take(struct cmd_ctx *ctx, struct trace_logger *logger);
void trace_logger_give(struct trace_logger *logger);

/* cmd_trace_log.c */

/**
 * struct trace_report - a packet met a rule
 * @fam:	family of both
 * @hook:	enum nf_inet_hooks
 * @in:		index of the input device, 0: none
 * @out:	index of the output device, 0: none
 * @mark:	the packet's mark
 * @table:	name of the table
 * @chain:	name of the chain
 * @kind:	"rule", "return" or "policy", as the engines call them
 * @number:	the rule's number in the chain
 * @data:	the packet from its network header on, borrowed
 * @len:	bytes of @data, which may be less than the packet has
 */
struct trace_report {
	const struct table_family *fam;
	unsigned int hook;
	uint32_t in;
	uint32_t out;
	uint32_t mark;
	char table[BPFILTER_TABLE_NAMELEN];
	char chain[BPFILTER_TABLE_NAMELEN];
	char kind[8];
	uint32_t number;
	const uint8_t *data;
	size_t len;
};

/**
 * struct trace_log - where reports come in
 * @sk:		socket of nfnetlink_log, -1: none
 * @seq:	number that the next report should have
 * @lost:	reports that are missing between those that came
 * @overrun:	the socket had no room, so that reports are missing also if none
 *		came after them
 */
struct trace_log {
	int sk;
	uint32_t seq;
	uint64_t lost;
	bool overrun;
};

typedef int (*trace_report_fn)(void *priv, const struct trace_report *report);

int trace_log_open(struct cmd_ctx *ctx, struct trace_log *log);
int trace_log_read(struct trace_log *log, trace_report_fn fn, void *priv);
void trace_log_close(struct trace_log *log);

/* cmd_trace_packet.c */

/**
 * struct trace_packet - what is known of a packet
 * @family:	NFPROTO_IPV4 or NFPROTO_IPV6
 * @proto:	protocol behind all headers of the family
 * @src:	source address
 * @dst:	destination address
 * @bytes:	its length as its header says
 * @fragment:	it is a later fragment: what follows is not known
 * @ports:	it has ports
 * @sport:	source port
 * @dport:	destination port
 * @tcp_flags:	of TCP, byte 13 of the header
 * @echo:	it is an ICMP echo request or reply: @id and @seq are valid
 * @icmp:	it is ICMP: @type and @code are valid
 * @type:	of ICMP
 * @code:	of ICMP
 * @id:		of ICMP echo
 * @seq:	of ICMP echo
 * @key:	the same for a packet all its way, whatever NAT and mangling do
 */
struct trace_packet {
	uint16_t family;
	uint8_t proto;
	uint8_t src[16];
	uint8_t dst[16];
	uint32_t bytes;
	bool fragment;
	bool ports;
	uint16_t sport;
	uint16_t dport;
	uint8_t tcp_flags;
	bool icmp;
	bool echo;
	uint8_t type;
	uint8_t code;
	uint16_t id;
	uint16_t seq;
	uint64_t key;
};

void trace_packet_read(const struct trace_report *report,
		       struct trace_packet *packet);
void trace_packet_text(const struct trace_packet *packet, char *text,
		       size_t size);
const char *trace_proto_name(const struct trace_packet *packet);

/* cmd_trace_track.c */

/**
 * struct trace_way - a packet on its way through the tables
 * @id:		which packet it is, counted from 1; 0: not in use
 * @key:	its key
 * @family:	its family
 * @hook:	where it was seen last
 * @table:	in which table
 * @number:	last rule of the hook's own chain there, 0: none yet
 * @text:	what was last told of it
 */
struct trace_way {
	uint64_t id;
	uint64_t key;
	uint16_t family;
	unsigned int hook;
	char table[BPFILTER_TABLE_NAMELEN];
	uint32_t number;
	char text[192];
};

#define TRACE_WAYS	64

/**
 * struct trace_track - packets that may be on their way
 * @way:	those seen last, in no order
 * @oldest:	index of the one that makes room
 * @num:	packets so far
 */
struct trace_track {
	struct trace_way way[TRACE_WAYS];
	unsigned int oldest;
	uint64_t num;
};

struct trace_way *trace_track(struct trace_track *track,
			      const struct trace_report *report, uint64_t key,
			      bool *new_hook);

/* cmd_trace_print.c */

/**
 * struct trace_rules - a table whose rules reports name
 * @live:	the table as it was at @time
 * @time:	seconds of the monotonic clock
 */
struct trace_rules {
	struct live_table live;
	double time;
};

#define TRACE_TABLES	(2 * 5)

/**
 * struct trace_output - what printing has to remember
 * @ctx:	options
 * @last:	packet that was told of last, 0: none
 * @tables:	tables that reports named
 * @num_tables:	number of @tables
 */
struct trace_output {
	struct cmd_ctx *ctx;
	uint64_t last;
	struct trace_rules tables[TRACE_TABLES];
	unsigned int num_tables;
};

void trace_print(struct trace_output *out, const struct trace_report *report,
		 const struct trace_packet *packet, struct trace_way *way,
		 bool new_hook);
void trace_output_free(struct trace_output *out);

#endif /* BPFILTER_CMD_TRACE_H */
