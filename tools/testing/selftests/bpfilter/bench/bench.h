/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "../diff/load.h"
#include "../diff/spec.h"

/*
 * benchrun: what a packet costs with one ruleset, by engine. Each engine has a
 * network namespace of its own, all with the same devices and routes, and the
 * same packets go through each in turn.
 */

/**
 * enum engine_id - who filters
 * @ENGINE_FLOOR:	nobody
 * @ENGINE_EMPTY:	BPF programs that accept, where native has its hooks
 * @ENGINE_NATIVE:	ip_tables
 * @ENGINE_IPSET:	ip_tables with one rule and a set
 * @ENGINE_NFT:		nf_tables, rule by rule as iptables-nft makes them
 * @ENGINE_NFTSET:	nf_tables with sets or maps
 * @ENGINE_BPFILTER:	bpfilter, or its programs on a kernel without it
 * @NUM_ENGINES:	number of engines
 */
enum engine_id {
	ENGINE_FLOOR,
	ENGINE_EMPTY,
	ENGINE_NATIVE,
	ENGINE_IPSET,
	ENGINE_NFT,
	ENGINE_NFTSET,
	ENGINE_BPFILTER,
	NUM_ENGINES,
};

extern const char * const engine_names[NUM_ENGINES];

/**
 * enum traffic_id - which packets
 * @TRAFFIC_UNIFORM:	made for each rule equally often
 * @TRAFFIC_ZIPF:	for the rule of rank r as often as 1/r says, ranks are
 *			dealt at random
 * @TRAFFIC_MISS:	for no rule
 * @NUM_TRAFFICS:	number of kinds
 */
enum traffic_id {
	TRAFFIC_UNIFORM,
	TRAFFIC_ZIPF,
	TRAFFIC_MISS,
	NUM_TRAFFICS,
};

extern const char * const traffic_names[NUM_TRAFFICS];

/**
 * struct options - what is asked for
 * @family:	of the ruleset
 * @file:	the ruleset
 * @name:	what results call it
 * @out:	folder of the results
 * @engines:	mask of enum engine_id
 * @traffics:	mask of enum traffic_id
 * @rounds:	timed runs of each engine
 * @ms:		how long one should take at least
 * @cap:	seconds that one point, one load or one append may take about
 * @loads:	how often to load at most
 * @appends:	how often to append a rule, 0: not
 * @seed:	of the choice of packets
 * @host:	the running kernel is not one with bpfilter
 * @capture:	write so many packets of each lane to files and measure nothing
 */
struct options {
	const struct family *family;
	const char *file;
	const char *name;
	const char *out;
	unsigned int engines;
	unsigned int traffics;
	unsigned int rounds;
	unsigned int ms;
	unsigned int cap;
	unsigned int loads;
	unsigned int appends;
	uint64_t seed;
	bool host;
	unsigned int capture;
};

/* --- Figures, in stats.c --- */

#define MAX_SAMPLES 101

struct samples {
	double value[MAX_SAMPLES];
	unsigned int num;
};

void samples_add(struct samples *s, double value);
double samples_min(const struct samples *s);
double samples_max(const struct samples *s);

/* 0 if there is none */
double samples_median(const struct samples *s);

/* Milliseconds on the monotonic clock */
double now_ms(void);

/* Bytes that the kernel holds: slab, vmalloc and per-CPU memory */
int64_t kernel_memory(void);

/* The same when it has stopped changing, after a third of a second at most */
int64_t kernel_memory_settled(void);

/* --- Commands, in spawn.c --- */

/* One CPU for all packets; commands may use any */
void cpu_pin(void);
void cpu_unpin(void);

/**
 * struct command - a command to run in a namespace
 * @argv:	it
 * @input:	file for its standard input, NULL: none
 * @cap:	seconds that it may take
 * @ms:		how long it took
 * @said:	its standard error, to be freed
 */
struct command {
	const char *const *argv;
	const char *input;
	unsigned int cap;
	double ms;
	char *said;
};

/* Returns its exit status, 128 if a signal ended it: @said tells if it was @cap */
int command_run(const struct side *side, struct command *c);

/* --- Instruments, in instrument.c --- */

/*
 * As nf_hook_ops has them. Both ends of the range are the kernel's own, and
 * what comes before the last may be that of SYNPROXY.
 */
#define PRIORITY_FIRST	(INT32_MIN + 1)
#define PRIORITY_LAST	(INT32_MAX - 2)

/* Bytes of a packet behind its Ethernet header: the same for all of a family */
#define MAX_HEADER	60
#define L4_LEN		20

/**
 * struct header - a packet to be
 * @bytes:	from its IP header on
 * @in:		device that it comes in by
 * @out:	device that it is routed to, DEV_LO: it is delivered locally
 * @zero:	makes it 64 bytes
 */
struct header {
	uint8_t bytes[MAX_HEADER];
	int8_t in;
	int8_t out;
	uint8_t zero[2];
};

/**
 * struct gauge - what programs and we tell each other; a map's value
 * @next:	number of the next packet in its row of headers
 * @mask:	length of the row - 1, a power of two - 1
 * @base:	first header of the row
 * @zero:	for the alignment
 * @packets:	packets made
 * @hook:	by hook, behind everything else that is there
 * @hook.seen:	packets that got to it
 * @hook.verdict: what becomes of those, NF_DROP or NF_ACCEPT
 */
struct gauge {
	uint32_t next;
	uint32_t mask;
	uint32_t base;
	uint32_t zero;
	uint64_t packets;
	struct {
		uint64_t seen;
		uint64_t verdict;
	} hook[NUM_HOOKS];
};

/**
 * struct instrument - programs and maps that all namespaces share
 * @family:	packets of this
 * @gauge:	mapped
 * @gauge_fd:	its map
 * @pass_fd:	XDP program that makes a veth take XDP packets
 * @send_fd:	XDP program that makes packets of headers
 * @table_fd:	map with what of those is not the same in all, -1 if all is
 * @anchor_fd:	link of a device that has @send_fd in place of @pass_fd: a program
 *		that is attached nowhere has to wait for RCU each time it runs
 * @end_fd:	by hook: netfilter program that counts and ends
 * @guard_fd:	drops what the stack itself has to say
 * @empty_fd:	accepts
 */
struct instrument {
	const struct family *family;
	struct gauge *gauge;
	int gauge_fd;
	int pass_fd;
	int send_fd;
	int table_fd;
	int anchor_fd;
	int end_fd[NUM_HOOKS];
	int guard_fd;
	int empty_fd;
};

unsigned int packet_len(const struct family *f);

void instrument_open(struct instrument *in, const struct family *f);

/* Put other headers in force, a power of two of them */
void instrument_set_headers(struct instrument *in, const struct header *header,
			    uint32_t num);

/* Attach to a hook of the current namespace; returns the link */
int hook_attach(const struct instrument *in, int prog_fd, enum hook hook,
		int priority);

/* Returns the link, in the current namespace */
int device_take_xdp(struct instrument *in, int ifindex);

/* Those of a frame from the other end of a device */
struct ethhdr;

void instrument_addresses(struct ethhdr *eth);

/* Make @num packets come in by a device of the current namespace; ns for each */
double instrument_send(const struct instrument *in, int ifindex,
		       uint32_t num);

/* --- Packets, in traffic.c and miss.c --- */

#define MAX_LANES	64

/* Devices that rules name, of each direction */
#define MAX_NAMED	3

/**
 * struct lane - packets that take the same way
 * @in:		device that they come in by
 * @out:	device that they are routed to, DEV_LO: they are delivered here
 * @end:	hook where they end at the latest
 * @base:	first of its headers
 * @mask:	their number - 1
 * @share:	of all packets
 */
struct lane {
	int in;
	int out;
	enum hook end;
	uint32_t base;
	uint32_t mask;
	double share;
};

/**
 * struct traffic - packets, made
 * @id:		which kind
 * @header:	by lane
 * @num:	number of headers, a power of two
 * @lane:	the lanes
 * @num_lanes:	number of @lane
 * @rules:	rules that packets were made for
 * @no_rules:	rules that can be reached but for which none could be made
 */
struct traffic {
	enum traffic_id id;
	struct header *header;
	uint32_t num;
	struct lane lane[MAX_LANES];
	unsigned int num_lanes;
	unsigned int rules;
	unsigned int no_rules;
};

/**
 * struct maker - makes packets for a ruleset
 * @rs:		the ruleset
 * @devs:	devices that there are
 * @paths:	how to get to chains
 * @pools:	values that occur
 * @rng:	chance
 * @budget:	rules that may still be walked to see if a packet gets to its own
 * @through:	packets without a preference are forwarded, else delivered
 * @post:	forwarded ones go as far as to POSTROUTING, else to FORWARD
 * @early:	there are rules at PREROUTING only, so packets go no further: then
 *		they may have addresses with which they would not be routed
 * @in:		devices that packets come in by if their rule does not care
 * @out:	devices that they go out by
 * @num_in:	number of @in
 * @num_out:	number of @out
 */
struct maker {
	const struct ruleset *rs;
	struct devs devs;
	struct paths paths;
	struct pools pools;
	struct rng rng;
	unsigned long budget;
	bool through;
	bool post;
	bool early;
	int in[MAX_NAMED];
	int out[MAX_NAMED];
	unsigned int num_in;
	unsigned int num_out;
};

void maker_open(struct maker *m, const struct ruleset *rs, uint64_t seed);
void maker_close(struct maker *m);

/* A packet that is for no rule yet */
void maker_any(struct maker *m, struct spec *s, enum way how);

/* Its bytes; false if the stack would not take it as far as to the rules */
bool maker_build(const struct maker *m, const struct spec *s, struct header *h);

/* Can packets of this way get to the chain? */
bool maker_reaches(const struct maker *m, enum way how, unsigned int chain);

/* Headers in a random order; @t->num of them on return, at most @num */
void headers_for_rules(struct maker *m, struct traffic *t, uint32_t num);
void headers_for_none(struct maker *m, struct traffic *t, uint32_t num);

/* --- Namespaces, in world.c and engine.c --- */

#define MAX_ATTACHED 64

/**
 * struct world - an engine's namespace
 * @id:		the engine
 * @side:	the namespace
 * @why:	why there is none, or why it is of no use any more; NULL: it is
 * @link:	what is attached here for as long as it exists
 * @num_links:	number of @link
 * @rule_link:	programs of a ruleset, for a kernel without bpfilter
 * @num_rule_links: number of @rule_link
 * @out:	where the default route leads, DEV_NONE: nowhere
 * @load_ms:	how long loading took
 * @memory:	what it took of the kernel
 * @append_ms:	how long it took to append a rule
 */
struct world {
	enum engine_id id;
	struct side side;
	const char *why;
	int link[MAX_ATTACHED];
	unsigned int num_links;
	int rule_link[MAX_ATTACHED];
	unsigned int num_rule_links;
	int out;
	struct samples load_ms;
	struct samples memory;
	struct samples append_ms;
};

/**
 * struct bench - everything
 * @o:		what is asked for
 * @in:		the instruments
 * @world:	by engine
 * @rs:		the ruleset, as the native engine tells it
 * @maker:	makes packets for it
 * @ends:	mask of hooks at which packets end or are counted
 * @chance:	what becomes of a packet depends on time or chance
 * @errors:	points that are no figures
 */
struct bench {
	struct options o;
	struct instrument in;
	struct world world[NUM_ENGINES];
	struct ruleset rs;
	struct maker maker;
	unsigned int ends;
	bool chance;
	unsigned int errors;
};

/* Where native has its hooks */
bool table_has_hook(enum table_id table, enum hook hook);
int table_priority(enum table_id table, enum hook hook);

/* The path of a file beside the ruleset: NAME.rules -> NAME + suffix; to be freed */
char *file_beside(const char *file, const char *suffix);

/* A namespace for the engine; none if it has nothing to do with the ruleset */
void world_open(struct bench *b, enum engine_id id);
void world_close(struct world *w);

/* What the ruleset needs before it can be loaded */
void world_prepare(struct bench *b, struct world *w);

/* Devices, and what ends packets there */
void world_finish(struct bench *b, struct world *w);

/* Let packets be delivered (DEV_LO) or forwarded to a device */
void world_route(struct world *w, int out);

static inline bool world_usable(const struct world *w)
{
	return w->side.name && !w->why;
}

/* Note why there will be nothing more of this engine */
void __printf(2, 3) world_give_up(struct world *w, const char *fmt, ...);

/* Load the ruleset again and again, the last time to stay */
void engine_load(struct bench *b, struct world *w);

/* Append a rule; false if this engine cannot, or the ruleset has no place */
bool engine_append(struct bench *b, struct world *w);

/* --- Programs on a kernel without bpfilter, in host.c --- */

/*
 * Compile the native engine's tables and attach what came of them to the world;
 * milliseconds, or a negative number if that cannot be: see the world's @why
 */
double host_load(struct bench *b, struct world *w);
void host_unload(struct world *w);

/* --- Packets to files, in capture.c --- */

void capture_write(struct bench *b, const struct traffic *t);

/* --- Measuring, in measure.c, and reporting, in report.c --- */

/**
 * struct point - one engine with one kind of packets
 * @ns:		for a packet, by round
 * @packets:	in each round
 * @compared:	before, with what is natively let through
 * @accepted:	share of those that the ruleset let through
 */
struct point {
	struct samples ns;
	uint64_t packets;
	uint64_t compared;
	double accepted;
};

/**
 * struct figures - all engines with one kind of packets
 * @traffic:	which
 * @point:	by engine
 * @hooks:	hooks of tables that a packet passes, on average
 * @hit:	entries that packets hit natively
 * @entries:	entries of all tables
 */
struct figures {
	const struct traffic *traffic;
	struct point point[NUM_ENGINES];
	double hooks;
	unsigned int hit;
	unsigned int entries;
};

/* Sort headers into lanes; asks the native engine where packets end */
void traffic_make(struct bench *b, struct traffic *t, enum traffic_id id);
void traffic_free(struct traffic *t);

/* Reset it for a lane's packets from row @next on */
void gauge_set(const struct bench *b, const struct lane *lane, uint32_t next);

void measure(struct bench *b, const struct traffic *t, struct figures *r);

void report_points(struct bench *b, const struct figures *r);
void report_loads(const struct bench *b);
void report_left_out(const struct bench *b, enum engine_id id);

/* Something that makes a figure worthless, for people */
void __printf(2, 3) complain(struct bench *b, const char *fmt, ...);

#endif /* BENCH_H */
