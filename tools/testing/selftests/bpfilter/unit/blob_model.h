/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_BLOB_MODEL_H
#define UNIT_BLOB_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "ir_eval.h"
#include "packet.h"

/*
 * The native engines in small, working on the blob itself: what the translator
 * is measured against. They know the extensions that the translator knows, and
 * trust the blob's layout.
 */

/**
 * enum model_verdict - how a packet ends
 * @MODEL_DROP:		dropped
 * @MODEL_ACCEPT:	accepted
 * @MODEL_OVERFLOW:	dropped because the jump stack was full
 */
enum model_verdict {
	MODEL_DROP,
	MODEL_ACCEPT,
	MODEL_OVERFLOW,
};

/**
 * struct model - a table of a native engine
 * @blob:	the blob; model_sources() does not fail on it
 * @family:	NFPROTO_IPV4 or NFPROTO_IPV6
 * @bridged:	extensions that answer as the packet tells, not by what they say
 * @num_bridged: number of @bridged
 */
struct model {
	const void *blob;
	uint16_t family;
	const struct ir_bridged *bridged;
	uint32_t num_bridged;
};

/**
 * struct sight - a packet as native's matches see it
 * @family:	of the table
 * @pkt:	the packet
 * @bytes:	its bytes from the IP header on
 * @len:	number of @bytes
 * @thoff:	offset of the transport header
 * @fragoff:	fragment offset
 * @mark:	its mark
 * @random:	what a random number is
 * @hotdrop:	it is to be dropped
 */
struct sight {
	uint16_t family;
	const struct packet *pkt;
	uint8_t bytes[PACKET_MAX];
	unsigned int len;
	unsigned int thoff;
	unsigned int fragoff;
	uint32_t mark;
	uint32_t random;
	bool hotdrop;
};

/* blob_model_match.c */
bool model_match(struct sight *s, const char *name, unsigned int revision,
		 const void *data);

enum model_verdict model_play(const struct model *m, int hook,
			      const struct packet_play *play,
			      struct ir_outcome *out);
enum model_verdict model_run(const void *blob, int hook,
			     const struct packet *pkt, uint64_t *counters);
int model_sources(const void *blob, uint16_t family, uint32_t *comefrom);

#endif /* UNIT_BLOB_MODEL_H */
