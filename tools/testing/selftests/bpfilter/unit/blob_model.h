/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_BLOB_MODEL_H
#define UNIT_BLOB_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "packet.h"

/*
 * The native engine in small, working on the blob itself: what the translator
 * is measured against. It knows the matches that the translator knows, and
 * trusts the blob's layout.
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

enum model_verdict model_run(const void *blob, int hook,
			     const struct packet *pkt, uint64_t *counters);
int model_sources(const void *blob, uint32_t *comefrom);

#endif /* UNIT_BLOB_MODEL_H */
