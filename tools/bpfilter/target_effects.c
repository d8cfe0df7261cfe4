// SPDX-License-Identifier: GPL-2.0
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>

#include "match.h"

/*
 * Targets of the kernel's own that never go on, and those that go on and leave
 * alone all that tests look at, the mark apart: neither headers nor payload,
 * nor where the packet comes from and goes to, its connection, what is known of
 * that, or whether the packet is traced.
 *
 * The rest is not listed although some of them change little: CONNMARK sets
 * the mark of the connection, CT and NOTRACK give the packet another one, TRACE
 * has it traced. CHECKSUM writes where the sender's offload says, which need
 * not be a checksum.
 */
#define EFFECT(n, rev, what)						\
	{								\
		.name = (n), .revision = (rev),				\
		.family = NFPROTO_UNSPEC, .effect = (what),		\
	}
#define NO_EFFECT(n, rev)	EFFECT(n, rev, TARGET_EFFECT_NONE)
#define ENDS(n, rev)		EFFECT(n, rev, TARGET_EFFECT_ENDS)

static const struct target_desc effect_tg[] = {
	/* They read the packet to tell somebody about it */
	NO_EFFECT("AUDIT", 0),
	NO_EFFECT("LOG", 0),
	NO_EFFECT("NFLOG", 0),

	/* They count it, or note that it came */
	NO_EFFECT("IDLETIMER", 0),
	NO_EFFECT("IDLETIMER", 1),
	NO_EFFECT("LED", 0),
	NO_EFFECT("RATEEST", 0),

	/* Sets of addresses; the third revision may set mark, priority, queue */
	NO_EFFECT("SET", 0),
	NO_EFFECT("SET", 1),
	NO_EFFECT("SET", 2),
	NO_EFFECT("SET", 3),

	/* They set the packet's priority, its mark, its security mark */
	NO_EFFECT("CLASSIFY", 0),
	NO_EFFECT("HMARK", 0),
	NO_EFFECT("SECMARK", 0),
	NO_EFFECT("SECMARK", 1),

	/* Security marks of packet and connection */
	NO_EFFECT("CONNSECMARK", 0),

	/* Whatever comes of it, their verdict is final */
	ENDS("DNAT", 0),
	ENDS("DNAT", 1),
	ENDS("DNAT", 2),
	ENDS("MASQUERADE", 0),
	ENDS("NETMAP", 0),
	ENDS("NFQUEUE", 0),
	ENDS("NFQUEUE", 1),
	ENDS("NFQUEUE", 2),
	ENDS("NFQUEUE", 3),
	ENDS("REDIRECT", 0),
	ENDS("REJECT", 0),
	ENDS("SNAT", 0),
	ENDS("SNAT", 1),
	ENDS("SNAT", 2),
	ENDS("TPROXY", 0),
	ENDS("TPROXY", 1),
};

const struct target_group target_effects = {
	.descs = effect_tg,
	.num = ARRAY_SIZE(effect_tg),
};
