/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_RANDOM_H
#define UNIT_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

#include "blob_make.h"
#include "packet.h"

/*
 * Random rulesets and packets. All values come from small sets, so that rules
 * and packets meet. The same seed gives the same sequence everywhere.
 */

/**
 * struct rng - a source of numbers
 * @state:	anything but 0
 */
struct rng {
	uint64_t state;
};

uint32_t rng_below(struct rng *r, uint32_t limit);
bool rng_one_in(struct rng *r, uint32_t n);

/* Values of the small sets */
uint32_t pick_addr(struct rng *r);
uint16_t pick_port(struct rng *r);
const char *pick_iface(struct rng *r);

/**
 * enum random_shape - how chains hang together
 * @RANDOM_LEGAL:	as iptables makes them: jumps lead to later user chains,
 *			each chain ends
 * @RANDOM_FORGED:	jumps lead to any entry, chains may lack an end
 */
enum random_shape {
	RANDOM_LEGAL,
	RANDOM_FORGED,
};

/**
 * enum random_tests - what rules test
 * @RANDOM_FEW:		mostly nothing, so that packets get deep into chains
 * @RANDOM_MANY:	base header and matches of IPv4 that every kernel has
 * @RANDOM_ALL:		base header of either family, all matches and targets that
 *			the translator knows, and some that it does not
 */
enum random_tests {
	RANDOM_FEW,
	RANDOM_MANY,
	RANDOM_ALL,
};

void random_addr(struct rng *r, struct in_addr *addr, struct in_addr *mask);
void random_iface(struct rng *r, char *name, unsigned char *mask);
void random_ports(struct rng *r, uint16_t range[2]);
void random_dev(struct rng *r, char *name);
void random_l4(struct rng *r, struct packet *p);
void random_conn(struct rng *r, struct packet *p);

/* random_all.c */
void random_all_few(struct rng *r, struct make_entry *e);
void random_all_tests(struct rng *r, struct make_entry *e);
struct make_entry *random_all_target(struct rng *r, struct make *mk);
void random_all_packet(struct rng *r, uint16_t family, int hook,
		       struct packet *pkt);

/* random_repeat.c */
void random_repeat(struct rng *r, struct make *mk);

void random_ip(struct rng *r, struct ipt_ip *ip);
void random_match(struct rng *r, struct make_entry *e);
void random_ruleset(struct rng *r, struct make *mk, enum random_shape shape,
		    enum random_tests tests);
void random_packet(struct rng *r, int hook, struct packet *pkt);

#endif /* UNIT_RANDOM_H */
