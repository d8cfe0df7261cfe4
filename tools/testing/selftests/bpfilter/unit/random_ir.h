/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_RANDOM_IR_H
#define UNIT_RANDOM_IR_H

#include "ir.h"
#include "packet.h"
#include "random.h"

/* Random rulesets with all that an IR can say, and packets for them */

struct ir_ruleset *random_ir(struct rng *r, uint16_t family);
struct ir_ruleset *random_ir_long(struct rng *r, uint16_t family);
void random_ir_packet(struct rng *r, uint16_t family, struct packet *pkt);
void random_answers(struct rng *r, struct packet *pkt);

/**
 * struct ir_maker - a ruleset in the making
 * @r:		source of numbers
 * @rs:		the ruleset
 * @rule:	index of its last rule
 * @proto:	protocol that this rule asks for, 0 for none
 * @first_user:	index of the first user chain
 * @num_users:	how many there will be
 * @max_rules:	chains have less, besides their last
 * @is_long:	few rules are final or jump, so that packets get far
 */
struct ir_maker {
	struct rng *r;
	struct ir_ruleset *rs;
	uint32_t rule;
	uint8_t proto;
	uint32_t first_user;
	uint32_t num_users;
	uint32_t max_rules;
	bool is_long;
};

/* random_ir.c */
void ir_make_match(struct ir_maker *m);

/* random_test.c */
uint32_t ir_make_bridged(struct ir_maker *m, bool is_target);
void ir_make_base(struct ir_maker *m);
void ir_make_extension(struct ir_maker *m);

/* Values of the small sets */
uint32_t pick_wide(struct rng *r);
uint8_t pick_ir_proto(struct rng *r, uint16_t family);
void pick_address6(struct rng *r, uint8_t addr[16]);
void pick_mac(struct rng *r, uint8_t addr[6]);

#endif /* UNIT_RANDOM_IR_H */
