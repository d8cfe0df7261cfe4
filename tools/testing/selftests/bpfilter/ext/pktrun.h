/* SPDX-License-Identifier: GPL-2.0 */
#ifndef EXT_PKTRUN_H
#define EXT_PKTRUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* For __noreturn, __printf() and ARRAY_SIZE() */
#include "../../kselftest.h"

#define MAX_PACKET	2048
#define MAX_WORDS	32
#define ETH_LEN		14

/* Says what is wrong and ends the program with status 2 */
void __noreturn __printf(1, 2) die(const char *fmt, ...);

/**
 * struct words - one step: a verb and what goes with it
 * @num:	words in @word, the verb first
 * @word:	"key", "key=value" or "value"
 * @used:	word that something has asked for
 */
struct words {
	int num;
	char *word[MAX_WORDS];
	bool used[MAX_WORDS];
};

/* Cuts @line into words */
void words_split(struct words *w, char *line);
/* The value of a key: "" if it has none, NULL if it is not there */
const char *word(struct words *w, const char *key);
long word_num(struct words *w, const char *key, long otherwise);
/* Ends the program if there is a word that nothing has asked for */
void words_check(const struct words *w);

/**
 * struct bytes - a piece of a packet
 * @len:	bytes in @data
 * @data:	they
 */
struct bytes {
	size_t len;
	uint8_t data[MAX_PACKET];
};

void put(struct bytes *b, const void *data, size_t len);
void put8(struct bytes *b, uint8_t value);
void put16(struct bytes *b, uint16_t value);
void put32(struct bytes *b, uint32_t value);
void put_hex(struct bytes *b, const char *hex);

/* The sum that checksums are made of; 0xffff over data with a right one */
uint32_t csum_add(const void *data, size_t len, uint32_t sum);
uint16_t csum_fold(uint32_t sum);
/* Of a transport header and what follows it, with its pseudo header */
uint32_t csum_l4(int family, const void *saddr, const void *daddr,
		 uint8_t proto, const void *data, size_t len);

/* Of the SYN that was printed last, if there was one since this was false */
extern bool syn_seen;
extern uint32_t syn_seq;
/* Of the SYN that came out of a device last */
uint32_t dev_syn_seq(const char *name);
/* Sequence numbers that the kernel draws at random are not printed */
extern bool hide_seq;
/* The device would have to fill in the checksum of the packet to print */
extern bool csum_partial;

/* Make the packet that a step describes, from its IP header on */
void packet_make(struct words *w, int family, struct bytes *pkt);
/* Print a packet as one line, without its end */
void packet_print(const uint8_t *data, size_t len);
/* False for what the stack sends without being asked for */
bool packet_is_of_interest(const uint8_t *data, size_t len);

/* The mark of a socket, and of what it sends */
void set_mark(int fd, int mark);

/* Things that packets may end up in. Each is open until the program ends. */
void listen_socket(struct words *w, int family);
void listen_queue(struct words *w, int family);
void listen_nflog(struct words *w);
/* Print what has come since */
void listen_drain(void);

/* Objects in the kernel that no other tool at hand makes */
int make_object(int argc, char **argv);

#endif /* EXT_PKTRUN_H */
