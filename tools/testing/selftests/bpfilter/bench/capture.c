// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <linux/if_ether.h>

#include "bench.h"

/*
 * Packets to files, with what the native engine does with each: for tests of
 * those who say the same without an engine. A lane becomes
 *
 *	NAME.LANE.pcap		its packets
 *	NAME.LANE.lane		devices that they come in and go out by, and the hook
 *				where they end at the latest
 *	NAME.LANE.verdicts	a line for each, ACCEPT or DROP
 *	NAME.LANE.before	rules with counters before
 *	NAME.LANE.after		and behind
 */

#define PCAP_MAGIC	0xa1b2c3d4
#define PCAP_ETHERNET	1

struct pcap_head {
	uint32_t magic;
	uint16_t major;
	uint16_t minor;
	uint32_t zone;
	uint32_t accuracy;
	uint32_t snaplen;
	uint32_t link;
};

struct pcap_packet {
	uint32_t sec;
	uint32_t usec;
	uint32_t captured;
	uint32_t len;
};

static FILE *create(const struct bench *b, unsigned int lane,
		    const char *suffix)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.%u.%s", b->o.out, b->o.name, lane,
		 suffix);
	f = fopen(path, "w");
	if (!f)
		die("%s: cannot be written", path);
	return f;
}

static void write_rules(const struct bench *b, unsigned int lane,
			const char *suffix)
{
	char *text = rules_save(&b->world[ENGINE_NATIVE].side);
	FILE *f = create(b, lane, suffix);

	fputs(text, f);
	fclose(f);
	free(text);
}

static void write_lane(const struct bench *b, unsigned int number,
		       const struct lane *lane)
{
	FILE *f = create(b, number, "lane");

	fprintf(f, "%s %s %s\n", b->maker.devs.name[lane->in],
		lane->out == DEV_LO ? "-" : b->maker.devs.name[lane->out],
		hook_names[lane->end]);
	fclose(f);
}

static void write_head(FILE *f)
{
	const struct pcap_head head = {
		.magic = PCAP_MAGIC, .major = 2, .minor = 4,
		.snaplen = UINT16_MAX, .link = PCAP_ETHERNET,
	};

	fwrite(&head, sizeof(head), 1, f);
}

static void write_packet(const struct bench *b, const struct header *h,
			 uint32_t number, FILE *f)
{
	struct pcap_packet head = { .sec = number };
	struct ethhdr eth = { .h_proto = htons(b->o.family->ethertype) };

	instrument_addresses(&eth);
	head.len = sizeof(eth) + packet_len(b->o.family);
	head.captured = head.len;
	fwrite(&head, sizeof(head), 1, f);
	fwrite(&eth, sizeof(eth), 1, f);
	fwrite(h->bytes, packet_len(b->o.family), 1, f);
}

/* The ruleset let it through to the hook where it ends */
static bool passes(struct bench *b, struct world *w, const struct lane *lane,
		   uint32_t row)
{
	struct gauge *g = b->in.gauge;

	gauge_set(b, lane, 0);
	g->base = row;
	g->mask = 0;
	instrument_send(&b->in, w->side.ifindex[lane->in], 1);
	return g->hook[lane->end].seen;
}

static void write_packets(struct bench *b, const struct traffic *t,
			  unsigned int number)
{
	struct world *w = &b->world[ENGINE_NATIVE];
	const struct lane *lane = &t->lane[number];
	FILE *packets = create(b, number, "pcap");
	FILE *verdicts = create(b, number, "verdicts");

	write_head(packets);
	side_enter(&w->side);
	world_route(w, lane->out);
	for (uint32_t i = 0; i <= lane->mask && i < b->o.capture; i++) {
		uint32_t row = lane->base + i;

		write_packet(b, &t->header[row], i, packets);
		fprintf(verdicts, "%s\n",
			passes(b, w, lane, row) ? "ACCEPT" : "DROP");
	}
	fclose(packets);
	fclose(verdicts);
}

void capture_write(struct bench *b, const struct traffic *t)
{
	instrument_set_headers(&b->in, t->header, t->num);
	for (unsigned int i = 0; i < t->num_lanes; i++) {
		write_lane(b, i, &t->lane[i]);
		write_rules(b, i, "before");
		write_packets(b, t, i);
		write_rules(b, i, "after");
	}
}
