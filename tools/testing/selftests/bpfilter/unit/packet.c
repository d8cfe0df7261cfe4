// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "packet.h"

/* Note what the kernel was asked */
void packet_call(struct packet_calls *calls, enum packet_asked what,
		 uint32_t index, uint32_t thoff, uint32_t fragoff)
{
	if (calls->num < PACKET_CALLS_MAX)
		calls->calls[calls->num] = (struct packet_call) {
			what, index, thoff, fragoff,
		};
	calls->num++;
}

/* Was the kernel asked the same, as far as it was noted? */
bool packet_calls_equal(const struct packet_calls *a,
			const struct packet_calls *b)
{
	unsigned int num = a->num;

	if (num > PACKET_CALLS_MAX)
		num = PACKET_CALLS_MAX;
	return a->num == b->num &&
	       !memcmp(a->calls, b->calls, num * sizeof(*a->calls));
}
