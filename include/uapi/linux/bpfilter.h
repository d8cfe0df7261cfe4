/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
#ifndef _UAPI_LINUX_BPFILTER_H
#define _UAPI_LINUX_BPFILTER_H

#include <linux/types.h>

/*
 * bpfilter: iptables rulesets as BPF programs.
 *
 * Two interfaces live here. The socket options BPFILTER_SO_GET_STATUS,
 * BPFILTER_SO_SET_TAKEOVER and BPFILTER_SO_SET_RELEASE are for anybody with
 * CAP_NET_ADMIN over the socket's network namespace. Everything else is the
 * private protocol between the kernel and the user-mode helper that is embedded
 * in the same kernel: its version changes whenever its layout does, and a helper
 * of another version is refused.
 *
 * All integers are in host byte order, all sizes in bytes.
 */

/* Version of the request, reply and commit layouts below */
#define BPFILTER_PROTOCOL_VERSION	4

/* First word of a request and of a reply: a stream out of step shows here */
#define BPFILTER_REQUEST_MAGIC		0x62706672
#define BPFILTER_REPLY_MAGIC		0x62706661

/* Hooks of an IPv4 or IPv6 table, as enum nf_inet_hooks counts them */
#define BPFILTER_NUMHOOKS		5

/* Longest table name with its terminating zero, as XT_TABLE_MAXNAMELEN */
#define BPFILTER_TABLE_NAMELEN		32

/* Longest text of a refusal with its terminating zero */
#define BPFILTER_MESSAGE_MAX		512

/*
 * Socket options of SOL_IP, clear of those of ip(7) and of the 64 to 80 that
 * the iptables engines use.
 */
enum bpfilter_sockopt {
	BPFILTER_SO_SET_COMMIT	= 0x4200,	/* helper only */
	BPFILTER_SO_GET_STATUS	= 0x4200,
	BPFILTER_SO_SET_TAKEOVER = 0x4210,	/* native engine -> bpfilter */
	BPFILTER_SO_SET_RELEASE	= 0x4211,	/* bpfilter -> native engine */
};

/**
 * enum bpfilter_plan - which chains become code and which data
 * @BPFILTER_PLAN_AUTO:		what costs least; nothing is refused for its size
 * @BPFILTER_PLAN_CODE:		all code
 * @BPFILTER_PLAN_DATA:		all data
 * @BPFILTER_PLAN_MIXED:	a choice that is as good as random for each chain,
 *				and the same for the same ruleset
 * @BPFILTER_PLAN_MAX:		the greatest of these
 */
enum bpfilter_plan {
	BPFILTER_PLAN_AUTO,
	BPFILTER_PLAN_CODE,
	BPFILTER_PLAN_DATA,
	BPFILTER_PLAN_MIXED,
	BPFILTER_PLAN_MAX = BPFILTER_PLAN_MIXED,
};

/**
 * struct bpfilter_request - what the helper reads from its standard input
 * @magic:	BPFILTER_REQUEST_MAGIC
 * @version:	BPFILTER_PROTOCOL_VERSION
 * @family:	NFPROTO_IPV4 or NFPROTO_IPV6
 * @id:		number of the request, echoed in commit and reply
 * @size:	bytes of ruleset blob that follow: the value of the socket option
 *		IPT_SO_SET_REPLACE or IP6T_SO_SET_REPLACE as user space passed
 *		it (struct ipt_replace or ip6t_replace, then the entries); size
 *		checked, contents not
 * @nr_cpus:	rows the counter map must have (nr_cpu_ids)
 * @hz:		ticks per second, for conntrack timeouts
 * @plan:	enum bpfilter_plan
 * @netns:	inode of the network namespace, as /proc/self/ns/net shows it: names
 *		of programs have it
 * @reserved:	0
 */
struct bpfilter_request {
	__u32	magic;
	__u16	version;
	__u16	family;
	__u64	id;
	__u32	size;
	__u32	nr_cpus;
	__u32	hz;
	__u32	plan;
	__u32	netns;
	__u32	reserved;
};

/**
 * struct bpfilter_reply - what the helper writes to its standard output
 * @magic:	BPFILTER_REPLY_MAGIC
 * @version:	BPFILTER_PROTOCOL_VERSION
 * @reserved:	0
 * @id:		of the request that this answers
 * @error:	0, or a positive errno for the caller of the replace
 * @message_len: bytes of text that follow, without a terminating zero, at most
 *		BPFILTER_MESSAGE_MAX - 1: why the ruleset was refused
 *
 * A reply ends its request. With @error 0 a commit with the same id came
 * before it.
 */
struct bpfilter_reply {
	__u32	magic;
	__u16	version;
	__u16	reserved;
	__u64	id;
	__u32	error;
	__u32	message_len;
};

/**
 * enum bpfilter_commit_flags - what a commit says
 * @BPFILTER_COMMIT_REFUSED:	the ruleset is well-formed but something in it
 *				cannot be translated: it carries @comefrom and
 *				no program, so that the kernel can look for an
 *				error that the native engine would report
 *				instead; a reply with an error follows
 */
enum bpfilter_commit_flags {
	BPFILTER_COMMIT_REFUSED	= 1 << 0,
};

/**
 * struct bpfilter_bridged - an extension that a program leaves to the kernel
 * @entry:	number of the entry that it belongs to
 * @offset:	bytes from the entry's start to its struct xt_entry_match or
 *		xt_entry_target
 *
 * The standard target is one if its verdict is NF_QUEUE.
 */
struct bpfilter_bridged {
	__u32	entry;
	__u32	offset;
};

/**
 * struct bpfilter_commit - value of BPFILTER_SO_SET_COMMIT
 * @version:	BPFILTER_PROTOCOL_VERSION
 * @flags:	enum bpfilter_commit_flags
 * @id:		of the request that this belongs to
 * @prog_fd:	for each hook a descriptor of a loaded program of type
 *		BPF_PROG_TYPE_NETFILTER, or -1 for a hook that the table does
 *		not have or whose chain holds its policy only
 * @counter_map_id: id of the array map with the counters, 0 if no hook has a
 *		program. One element of @nr_cpus rows, each @counter_stride
 *		bytes long, each an array of struct xt_counters by entry number
 * @counter_stride: bytes from one CPU's row to the next, a multiple of 64
 * @num_entries: number of elements of @comefrom, the ruleset's entries
 * @num_bridged: number of struct bpfilter_bridged behind @comefrom
 * @reserved:	0
 * @compile_ns:	time from request to instructions
 * @load_ns:	time to create maps and load programs
 * @comefrom:	for each entry in blob order the mask of hooks that reach it,
 *		as struct ipt_entry and ip6t_entry have it
 *
 * Behind @comefrom stand @num_bridged elements of struct bpfilter_bridged in the
 * order of entries and offsets. Programs name them by their index.
 *
 * The kernel takes references on the programs; the helper closes its own
 * descriptors after the call.
 */
struct bpfilter_commit {
	__u32	version;
	__u32	flags;
	__u64	id;
	__s32	prog_fd[BPFILTER_NUMHOOKS];
	__u32	counter_map_id;
	__u32	counter_stride;
	__u32	num_entries;
	__u32	num_bridged;
	__u32	reserved;
	__u64	compile_ns;
	__u64	load_ns;
	__u32	comefrom[];
};

/**
 * enum bpfilter_helper_state - life of the user-mode helper
 * @BPFILTER_HELPER_NONE:	not started yet, or dead: the next request starts it
 * @BPFILTER_HELPER_IDLE:	running, waiting for a request
 * @BPFILTER_HELPER_BUSY:	working on a request
 */
enum bpfilter_helper_state {
	BPFILTER_HELPER_NONE,
	BPFILTER_HELPER_IDLE,
	BPFILTER_HELPER_BUSY,
};

/**
 * struct bpfilter_status_table - one table that bpfilter owns
 * @name:	its name
 * @family:	NFPROTO_IPV4 or NFPROTO_IPV6
 * @reserved:	0
 * @valid_hooks: mask of its hooks
 * @num_entries: entries, policies and chain heads included
 * @size:	bytes of all entries
 * @prog_id:	for each hook the id of its program, 0 if it has none
 * @counter_map_id: id of its counter map, 0 if it has none
 * @num_bridged: matches and targets that run in the kernel's own code
 * @num_bridged_entries: entries that have at least one of those
 * @compile_ns:	as the helper measured it for the ruleset in force
 * @load_ns:	as the helper measured it for the ruleset in force
 * @generation:	replaces since the table came to be
 */
struct bpfilter_status_table {
	char	name[BPFILTER_TABLE_NAMELEN];
	__u16	family;
	__u16	reserved;
	__u32	valid_hooks;
	__u32	num_entries;
	__u32	size;
	__u32	prog_id[BPFILTER_NUMHOOKS];
	__u32	counter_map_id;
	__u32	num_bridged;
	__u32	num_bridged_entries;
	__u64	compile_ns;
	__u64	load_ns;
	__u64	generation;
};

/**
 * struct bpfilter_status - value of BPFILTER_SO_GET_STATUS
 * @version:	BPFILTER_PROTOCOL_VERSION of this kernel
 * @enabled:	1 if new tables of this network namespace go to bpfilter
 * @helper_state: enum bpfilter_helper_state
 * @helper_pid:	process id of the helper in the caller's pid namespace, 0 if
 *		there is none or it is not visible there
 * @helper_starts: times that a helper was started
 * @helper_deaths: times that a helper ended on its own or had to be killed
 * @num_tables:	tables that bpfilter owns in this network namespace
 * @reserved:	0
 * @tables:	as many of them as the caller's buffer holds
 */
struct bpfilter_status {
	__u32	version;
	__u32	enabled;
	__u32	helper_state;
	__u32	helper_pid;
	__u64	helper_starts;
	__u64	helper_deaths;
	__u32	num_tables;
	__u32	reserved;
	struct bpfilter_status_table tables[];
};

/**
 * struct bpfilter_handover - value of BPFILTER_SO_SET_TAKEOVER and _RELEASE
 * @name:	of the table that changes its engine
 * @family:	NFPROTO_IPV4 or NFPROTO_IPV6; the options are of SOL_IP for both
 * @reserved:	0
 * @report:	address of a struct bpfilter_handover_report, which is written
 *		whether or not the option succeeds, with what is known by then
 *
 * Rules, counters and the place among the other hooks go along. At each hook
 * every packet meets one of the two engines, none meets both or neither.
 *
 * Errors leave the engine in force that was in force:
 *
 * EACCES	takeover: bpfilter is not enabled in this network namespace
 * EALREADY	takeover: the table is bpfilter's
 * ENOENT	takeover: the native engine has no such table here; release:
 *		bpfilter has none
 * EOPNOTSUPP	this kernel has no means for the table in the engine that is to
 *		get it
 * EAGAIN	the rules were changed meanwhile: try again
 * EINVAL	a wrong value, a 32-bit caller on a 64-bit kernel, or a ruleset
 *		that is refused: see @message of the report
 * other	what a replace of the table may return
 */
struct bpfilter_handover {
	char	name[BPFILTER_TABLE_NAMELEN];
	__u32	family;
	__u32	reserved;
	__aligned_u64 report;
};

/**
 * struct bpfilter_handover_report - how a change of engine went
 * @num_entries: entries of the table, policies and chain heads included
 * @reserved:	0
 * @switch_ns:	time within which all hooks of the table changed
 * @settle_ns:	time from then until no packet was with the old engine any more
 * @message:	why the ruleset was refused; may be empty
 */
struct bpfilter_handover_report {
	__u32	num_entries;
	__u32	reserved;
	__u64	switch_ns;
	__u64	settle_ns;
	char	message[BPFILTER_MESSAGE_MAX];
};

#endif /* _UAPI_LINUX_BPFILTER_H */
