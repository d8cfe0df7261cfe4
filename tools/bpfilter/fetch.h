/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_FETCH_H
#define BPFILTER_FETCH_H

#include <netinet/in.h>
#include <linux/netfilter_ipv4/ip_tables.h>

int bpfilter_table_fetch(int sk, int level, const char *name,
			 struct ipt_replace **blob);

#endif /* BPFILTER_FETCH_H */
