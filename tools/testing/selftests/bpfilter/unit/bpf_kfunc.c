// SPDX-License-Identifier: GPL-2.0
/*
 * What programs in the machine of bpf_vm.c call of the kernel's bpfilter.
 */
#include <string.h>

#include "bpf_vm.h"
#include "bpf_vm_ids.h"

#define MATCH_DROP	2

/* What a failed walk leaves besides its highest bit means nothing */
#define WALK_FAILED	0xdeadbeefdeadbeef

static uint64_t match(struct vm_world *w, const uint64_t *args)
{
	const struct packet *pkt = w->play.pkts;
	uint8_t answer = pkt->answers[args[2] % PACKET_ANSWERS];

	packet_call(&w->calls, PACKET_ASKED_MATCH, args[2], args[3], args[4]);
	if (answer & PACKET_ANSWER_CHANGE)
		w->skb.mark = packet_written_mark(args[2]);
	answer &= PACKET_ANSWER_MATCH;
	w->over = answer == MATCH_DROP;
	return answer;
}

static uint64_t target(struct vm_world *w, const uint64_t *args)
{
	const struct packet *pkt = w->play.pkts;
	uint8_t answer = pkt->answers[args[2] % PACKET_ANSWERS];

	packet_call(&w->calls, PACKET_ASKED_TARGET, args[2], args[3], args[4]);
	w->over = !(answer & PACKET_ANSWER_GO_ON);
	if (!w->over && answer & PACKET_ANSWER_CHANGE)
		vm_world_change(w);
	return !w->over;
}

static uint64_t find_hdr(struct vm_world *w)
{
	struct packet_transport t;

	packet_transport(w->bytes, w->skb.len, true, &t);
	if (!t.found)
		return WALK_FAILED;
	return (uint64_t)t.thoff << 32 | (uint32_t)t.fragoff << 16 | t.proto;
}

static void set_mark(struct vm_world *w, const uint64_t *args)
{
	packet_call(&w->calls, PACKET_ASKED_MARK, args[2], args[3], 0);
	w->skb.mark = (w->skb.mark & args[2]) ^ args[3];
}

/**
 * vm_kfunc() - call a function
 * @w:		world
 * @id:		its number
 * @args:	arguments
 * @result:	set to what it returns, if it returns something
 *
 * Return: NULL, or what is wrong with the call.
 */
const char *vm_kfunc(struct vm_world *w, int32_t id, const uint64_t *args,
		     uint64_t *result)
{
	if (args[0] != (uintptr_t)&w->skb || args[1] != (uintptr_t)&w->state)
		return "asks the kernel about another packet";
	if (w->over)
		return "asks the kernel after its run was over";
	switch (id - VM_KFUNC_FIRST) {
	case KBTF_FUNC_XT_MATCH:
		*result = match(w, args);
		return NULL;
	case KBTF_FUNC_XT_TARGET:
		*result = target(w, args);
		return NULL;
	case KBTF_FUNC_SET_MARK:
		set_mark(w, args);
		return NULL;
	case KBTF_FUNC_IP6_FIND_HDR:
		*result = find_hdr(w);
		return NULL;
	case KBTF_FUNC_SET_TRACE:
		packet_call(&w->calls, PACKET_ASKED_SET_TRACE, 0, 0, 0);
		return NULL;
	case KBTF_FUNC_TRACE:
		packet_call(&w->calls, PACKET_ASKED_TRACE, args[2], 0, 0);
		return NULL;
	}
	return "calls what is no kernel function";
}
