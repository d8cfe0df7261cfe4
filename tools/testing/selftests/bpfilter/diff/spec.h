/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DIFF_SPEC_H
#define DIFF_SPEC_H

#include <stdbool.h>
#include <stdint.h>

#include "rules.h"
#include "util.h"

/* Devices by index. The first is lo, the next two are named by no rule */
#define MAX_DEVS	48
#define DEV_LO		0
#define DEV_FIRST	1
#define DEV_NONE	(-1)

struct devs {
	char name[MAX_DEVS][16];
	int num;
};

/* Users that send packets: what rules ask for, root first */
#define MAX_OWNERS	6

struct owners {
	uint32_t uid[MAX_OWNERS];
	uint32_t gid[MAX_OWNERS];
	unsigned int num;
};

/**
 * enum way - how a packet goes through the stack
 * @WAY_IN:	comes in by a device and is for this host
 * @WAY_THROUGH: comes in by a device and is forwarded
 * @WAY_OUT:	comes from a socket of this host; by lo it comes in again
 * @NUM_WAYS:	number of ways
 */
enum way {
	WAY_IN,
	WAY_THROUGH,
	WAY_OUT,
	NUM_WAYS,
};

/* A hook of a table that a packet passes */
struct stage {
	enum hook hook;
	enum table_id table;
};

#define MAX_STAGES	24

/**
 * enum ct_kind - the connection that a packet is to find
 * @CT_NONE:		none is made for it
 * @CT_ORIGINAL:	one that it belongs to in original direction, replied to
 * @CT_REPLY:		one that it belongs to in reply direction
 * @CT_EXPECTED:	one that another connection brought about
 * @CT_SNAT:		as CT_ORIGINAL, its source translated
 * @CT_DNAT:		as CT_ORIGINAL, its destination translated
 * @CT_ERROR:		the packet is an ICMP error about one
 * @CT_INVALID:		the packet cannot belong to any
 * @NUM_CT_KINDS:	number of kinds
 */
enum ct_kind {
	CT_NONE,
	CT_ORIGINAL,
	CT_REPLY,
	CT_EXPECTED,
	CT_SNAT,
	CT_DNAT,
	CT_ERROR,
	CT_INVALID,
	NUM_CT_KINDS,
};

#define LINEAR_ALL	(-1)
#define CUT_NONE	(-1)
#define DOFF_RIGHT	(-1)

/* An IPv6 extension header */
enum ext_kind {
	EXT_HOP,
	EXT_DST,
	EXT_ROUTING,
	EXT_FRAGMENT,
	EXT_AUTH,
	EXT_NONE,	/* protocol 59: nothing follows, but it does */
	NUM_EXT_KINDS,
};

/* Bytes of a packet */
#define MAX_PACKET	1500

#define MAX_EXTS	6
#define CLAIM_RIGHT	(-1)

/**
 * struct ext - one extension header
 * @kind:	which
 * @len:	length behind the shortest, in its own units
 * @claim:	what it says its length is, or CLAIM_RIGHT
 */
struct ext {
	enum ext_kind kind;
	uint8_t len;
	int claim;
};

/**
 * struct spec - a packet before it is bytes
 * @family:	IPv4 or IPv6
 * @way:	how it is to go
 * @in:		device that it comes in by, DEV_NONE for WAY_OUT
 * @out:	device that it goes out by, DEV_NONE for WAY_IN
 * @src:	source address
 * @dst:	destination address
 * @proto:	IP protocol
 * @field:	by enum field
 * @ihl:	length of an IPv4 header in words
 * @ext:	IPv6 extension headers
 * @num_exts:	number of @ext
 * @fragoff:	fragment offset in units of 8 bytes
 * @mf:		more fragments
 * @df:		do not fragment
 * @split:	send in two fragments, the first with that many units of 8 bytes
 *		of the transport header; 0: send whole
 * @swapped:	send the second fragment first
 * @sport:	source port, or ICMP id
 * @dport:	destination port
 * @flags:	TCP flags
 * @icmp_type:	ICMP type
 * @icmp_code:	ICMP code
 * @options:	TCP options
 * @options_len: bytes of @options
 * @doff:	what the TCP header says is its length in words, or DOFF_RIGHT
 * @len_error:	how much more the IPv6 header says that there is
 * @cut:	bytes behind the IP header that are left, or CUT_NONE
 * @payload:	bytes behind the transport header
 * @padding:	bytes behind the packet that do not belong to it
 * @linear:	bytes of the packet in the skb's linear area, the rest in pages,
 *		or LINEAR_ALL. The stack moves the IP header there in any case
 * @bad_csum:	the transport checksum is wrong
 * @ct:		connection to make before
 */
struct spec {
	const struct family *family;
	enum way way;
	int in;
	int out;
	__uint128_t src;
	__uint128_t dst;
	uint8_t proto;
	uint64_t field[NUM_FIELDS];
	uint8_t ihl;
	struct ext ext[MAX_EXTS];
	unsigned int num_exts;
	uint16_t fragoff;
	bool mf;
	bool df;
	uint8_t split;
	bool swapped;
	uint16_t sport;
	uint16_t dport;
	uint8_t flags;
	uint8_t icmp_type;
	uint8_t icmp_code;
	uint8_t options[40];
	uint8_t options_len;
	int doff;
	int len_error;
	int cut;
	uint16_t payload;
	uint8_t padding;
	int linear;
	bool bad_csum;
	enum ct_kind ct;
};

struct tuple {
	__uint128_t src;
	__uint128_t dst;
	uint16_t sport;
	uint16_t dport;
	uint8_t proto;
};

/* The tuple of the packets in the other direction */
struct tuple tuple_inverse(const struct tuple *t);

/**
 * struct conn - a connection to put into the conntrack table
 * @family:	IPv4 or IPv6
 * @orig:	its original tuple
 * @nat_src:	source is translated to this address, 0: not
 * @nat_dst:	destination is translated to this address, 0: not
 * @expected:	it is the child of a connection
 * @master:	the original tuple of that one
 */
struct conn {
	const struct family *family;
	struct tuple orig;
	__uint128_t nat_src;
	__uint128_t nat_dst;
	bool expected;
	struct tuple master;
};

/* Which connection the packet's @ct asks for; false: none */
bool spec_conn(const struct spec *s, struct conn *conn);

/* What conntrack would know of the packet */
struct ct_view {
	unsigned int state;
	unsigned int status;
	enum ct_dir dir;
	uint8_t proto;
	__uint128_t addr[NUM_CT_ENDS];
	uint16_t port[NUM_CT_ENDS];
};

void spec_ct_view(const struct spec *s, struct ct_view *view);

bool proto_has_ports(uint8_t proto);

/* Echo request or reply, which carry an id */
bool icmp_is_echo(uint8_t proto, uint8_t type);

/* Bytes of the transport header */
unsigned int spec_l4_len(const struct spec *s);

/* Bytes of the packet, as the match length counts them */
unsigned int spec_len(const struct spec *s);

bool field_matches(const struct field_test *t, uint64_t value);

/* The hook is on the packet's way */
bool spec_passes(const struct spec *s, enum hook hook);

/* The packet gets to rule @target and matches it, walking at most *@budget rules */
bool spec_reaches(const struct spec *s, const struct ruleset *rs,
		  const struct devs *devs, const struct rule *target,
		  unsigned long *budget);

/*
 * Address number @i of those that are put into the IP sets, and whether it is in
 * the set of this name.
 */
#define NUM_SET_ADDRS	64

__uint128_t set_addr(const struct family *f, unsigned int i);
bool set_has_addr(const char *name, unsigned int i);

/**
 * struct pools - values that occur in a ruleset
 * @addr:	addresses
 * @num_addr:	number of @addr
 * @port:	ports
 * @num_port:	number of @port
 * @proto:	protocols
 * @num_proto:	number of @proto
 *
 * What a rule leaves open is drawn from these, so that other rules are hit too.
 */
struct pools {
	__uint128_t *addr;
	unsigned int num_addr;
	uint16_t *port;
	unsigned int num_port;
	uint8_t proto[64];
	unsigned int num_proto;
};

void pools_make(struct pools *pools, const struct ruleset *rs);
void pools_free(struct pools *pools);

/* The devices that a ruleset names, some that it nearly names, two more */
void devs_make(struct devs *devs, const struct ruleset *rs);

/* The users that a ruleset names, root first */
void owners_make(struct owners *owners, const struct ruleset *rs);

/* Rules on a way from a hook to a chain: more are left out */
#define MAX_PATH	64

/**
 * struct paths - which chains can be reached, and how
 * @rs:		the ruleset
 * @via:	by hook and chain: index of the rule that leads there + 1, 0: none
 * @reached:	by hook and chain
 */
struct paths {
	const struct ruleset *rs;
	unsigned int *via[NUM_HOOKS];
	bool *reached[NUM_HOOKS];
};

void paths_make(struct paths *p, const struct ruleset *rs);
void paths_free(struct paths *p);

/* Rules that lead from the hook to a chain, the last one first; their number */
unsigned int paths_to(const struct paths *p, enum hook h, unsigned int chain,
		      const struct rule *path[MAX_PATH]);

struct step_list;

/**
 * derive_steps() - find packets for a ruleset
 * @rs:		the ruleset
 * @devs:	devices there are
 * @owners:	users there are
 * @seed:	of the choices
 * @packets:	about how many to make
 * @steps:	where to append them
 *
 * First comes for every rule and hook that it can be reached from a packet that
 * hits it, if one is found, then changed ones: each rule in turn, until there
 * are enough.
 */
void derive_steps(const struct ruleset *rs, const struct devs *devs,
		  const struct owners *owners, uint64_t seed,
		  unsigned int packets, struct step_list *steps);

/* Make the packet one that the rule matches, as far as both are known */
void spec_force(struct spec *s, const struct rule *r, const struct devs *devs,
		struct rng *rng);

/* Change the packet in one way that may matter to the rule; says how, or NULL */
const char *spec_vary(struct spec *s, const struct rule *r,
		      const struct ruleset *rs, const struct devs *devs,
		      struct rng *rng);

/* The same for what only IPv6 has */
const char *spec_vary6(struct spec *s, struct rng *rng);

#endif /* DIFF_SPEC_H */
