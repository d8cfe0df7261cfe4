// SPDX-License-Identifier: GPL-2.0
/*
 * Reports of rules, plain and as JSON
 *
 * A report names its rule by a number, which the table has to be asked about. So
 * that a trace of a busy host does not do that all the time, what a table said
 * is taken for a second; rules that changed less than that ago may be told
 * wrong.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <unistd.h>
#include <linux/netfilter.h>

#include "cmd_trace.h"

/* Seconds that a table is not asked again */
#define RULES_AGE	1.0

/* Rules */

static double now_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static struct trace_rules *rules_find(struct trace_output *out,
				      const struct trace_report *r)
{
	struct trace_rules *rules;
	unsigned int i;

	for (i = 0; i < out->num_tables; i++) {
		rules = &out->tables[i];
		if (rules->live.fam == r->fam &&
		    !strcmp(rules->live.name, r->table))
			return rules;
	}
	if (i == TRACE_TABLES)
		return NULL;
	rules = &out->tables[out->num_tables++];
	rules->live.fam = r->fam;
	snprintf(rules->live.name, sizeof(rules->live.name), "%s", r->table);
	return rules;
}

static void rules_ask(struct trace_rules *rules, const struct trace_report *r)
{
	struct live_table old = {};
	int sk = table_socket(r->fam);

	if (sk < 0)
		return;
	if (!rules->live.rs &&
	    live_fetch(sk, r->fam, r->table, &rules->live))
		live_free(&rules->live);
	else if (live_update(sk, &rules->live, &old) > 0)
		live_free(&old);
	close(sk);
	rules->time = now_seconds();
}

/* Returns the rule's index and sets @lt, or -1 */
static int64_t rule_find(struct trace_output *out, const struct trace_report *r,
			 const struct live_table **lt)
{
	struct trace_rules *rules = rules_find(out, r);

	if (!rules)
		return -1;
	if (!rules->live.rs || now_seconds() - rules->time > RULES_AGE)
		rules_ask(rules, r);
	if (!rules->live.rs)
		return -1;
	*lt = &rules->live;
	return live_find(&rules->live, r->chain, r->number);
}

/* Plain output */

static const char *device_name(uint32_t index, char *name)
{
	if (!if_indextoname(index, name))
		snprintf(name, IF_NAMESIZE, "#%u", index);
	return name;
}

static void hook_plain(const struct trace_report *r)
{
	char name[IF_NAMESIZE];

	printf("  %s", bpfilter_ir_hook_name(r->hook));
	if (r->in)
		printf("  in %s", device_name(r->in, name));
	if (r->out)
		printf("  out %s", device_name(r->out, name));
	if (r->mark)
		printf("  mark 0x%x", r->mark);
	printf("\n");
}

static void rule_plain(const struct trace_report *r,
		       const struct live_table *lt, int64_t rule)
{
	const char *chain, *verdict, *text;

	printf("    %s:%s:%s:%u", r->table, r->chain, r->kind, r->number);
	if (rule < 0) {
		printf("  (not in the table any more)\n");
		return;
	}
	text = live_text(lt, rule);
	verdict = live_verdict(lt, rule, &chain);
	printf("%s%s  => %s%s%s\n", *text ? "  " : "", text, verdict,
	       chain ? " " : "", chain ? chain : "");
}

/*
 * A packet is told of again if others came in between, and if it is not what it
 * was: NAT changes addresses between hooks and within them.
 */
static void print_plain(struct trace_output *out, const struct trace_report *r,
			const struct trace_packet *packet,
			struct trace_way *way, bool new_hook)
{
	const struct live_table *lt = NULL;
	char text[sizeof(way->text)];
	int64_t rule;

	trace_packet_text(packet, text, sizeof(text));
	if (out->last != way->id || strcmp(text, way->text)) {
		printf("packet %llu  %s  %s\n", (unsigned long long)way->id,
		       r->fam->word, text);
		new_hook = true;
	}
	snprintf(way->text, sizeof(way->text), "%s", text);
	if (new_hook)
		hook_plain(r);
	rule = rule_find(out, r, &lt);
	rule_plain(r, lt, rule);
}

/* JSON output */

static void device_json(json_writer_t *json, const char *key, uint32_t index)
{
	char name[IF_NAMESIZE];

	if (index)
		jsonw_string_field(json, key, device_name(index, name));
}

static void address_json(json_writer_t *json, const char *key,
			 const struct trace_packet *p, const uint8_t *addr)
{
	char name[INET6_ADDRSTRLEN];

	inet_ntop(p->family == NFPROTO_IPV6 ? AF_INET6 : AF_INET, addr, name,
		  sizeof(name));
	jsonw_string_field(json, key, name);
}

static void packet_json(json_writer_t *json, const struct trace_packet *p)
{
	const char *proto = trace_proto_name(p);

	address_json(json, "source", p, p->src);
	address_json(json, "destination", p, p->dst);
	jsonw_uint_field(json, "protocol", p->proto);
	if (proto)
		jsonw_string_field(json, "protocol_name", proto);
	if (p->ports) {
		jsonw_uint_field(json, "source_port", p->sport);
		jsonw_uint_field(json, "destination_port", p->dport);
	}
	if (p->tcp_flags)
		jsonw_uint_field(json, "tcp_flags", p->tcp_flags);
	if (p->icmp) {
		jsonw_uint_field(json, "icmp_type", p->type);
		jsonw_uint_field(json, "icmp_code", p->code);
	}
	if (p->echo) {
		jsonw_uint_field(json, "icmp_id", p->id);
		jsonw_uint_field(json, "icmp_sequence", p->seq);
	}
	jsonw_bool_field(json, "fragment", p->fragment);
	jsonw_uint_field(json, "bytes", p->bytes);
}

static void print_json(struct trace_output *out, const struct trace_report *r,
		       const struct trace_packet *packet,
		       const struct trace_way *way)
{
	json_writer_t *json = out->ctx->json;
	const struct live_table *lt = NULL;
	int64_t rule = rule_find(out, r, &lt);

	jsonw_start_object(json);
	jsonw_uint_field(json, "packet", way->id);
	jsonw_string_field(json, "family", r->fam->word);
	jsonw_string_field(json, "hook", bpfilter_ir_hook_name(r->hook));
	device_json(json, "in", r->in);
	device_json(json, "out", r->out);
	jsonw_uint_field(json, "mark", r->mark);
	packet_json(json, packet);
	jsonw_string_field(json, "table", r->table);
	jsonw_string_field(json, "chain", r->chain);
	jsonw_string_field(json, "kind", r->kind);
	jsonw_uint_field(json, "number", r->number);
	if (rule >= 0)
		live_json(json, lt, rule);
	jsonw_end_object(json);
	cmd_json_end(out->ctx);
}

/**
 * trace_print - print a report
 * @out:	what was printed before
 * @report:	report
 * @packet:	what it says of its packet
 * @way:	the packet
 * @new_hook:	it is the packet's first one at this hook
 */
void trace_print(struct trace_output *out, const struct trace_report *report,
		 const struct trace_packet *packet, struct trace_way *way,
		 bool new_hook)
{
	if (out->ctx->json)
		print_json(out, report, packet, way);
	else
		print_plain(out, report, packet, way, new_hook);
	out->last = way->id;
}

/**
 * trace_output_free - release what printing remembers
 * @out:	may be all zero
 */
void trace_output_free(struct trace_output *out)
{
	unsigned int i;

	for (i = 0; i < out->num_tables; i++)
		live_free(&out->tables[i].live);
}
