// SPDX-License-Identifier: GPL-2.0-only
/*
 * What programs call: the extensions of iptables that are not translated, and
 * the few things that BPF alone cannot do.
 *
 * This is built in, so that programs find it in vmlinux's BTF and none of them
 * pins a module. It needs nothing but what bpfilter_hook() left for this CPU:
 * the run, whose ruleset, packet and hook state are known to fit together.
 *
 * Any netfilter program may call these functions, not only bpfilter's own. One
 * that does so outside of a run, or nested in a run that works on another
 * packet, is refused; so is a program of ours whose run is over. Two functions
 * need no run, since they touch nothing but the packet:
 * bpfilter_ip6_find_hdr() and bpfilter_set_trace().
 *
 * Extensions may move or free what the packet's data is in, which the verifier
 * does not know of these functions: programs of ours hold no slice of the packet
 * over a call. One that replaces a function of theirs (BPF_PROG_TYPE_EXT, which
 * takes CAP_SYS_ADMIN to find the program) is on its honour.
 */

#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/init.h>
#include <linux/minmax.h>
#include <linux/netfilter/x_tables.h>
#include <linux/percpu.h>
#include <linux/skbuff.h>
#include <net/ipv6.h>
#if IS_ENABLED(CONFIG_NF_CONNTRACK)
#include <net/netfilter/nf_conntrack.h>
#endif

#include "internal.h"

DEFINE_PER_CPU(struct bpfilter_run *, bpfilter_run);
EXPORT_PER_CPU_SYMBOL_GPL(bpfilter_run);

/* What bpfilter_xt_match() tells a program */
enum match_result {
	MATCH_NO	= 0,
	MATCH_YES	= 1,
	MATCH_DROP	= 2,	/* no, and the packet is dropped at once */
	MATCH_YES_DROP	= 3,	/* yes, and it is dropped once the rule is done */
};

/* What bpfilter_xt_target() tells a program */
enum target_result {
	TARGET_OVER	= 0,
	TARGET_CONTINUE	= 1,
};

static struct bpfilter_run *run_of(const struct sk_buff *skb,
				   const struct nf_hook_state *state)
{
	struct bpfilter_run *run = this_cpu_read(bpfilter_run);

	if (!run || run->over || run->skb != skb || run->state != state)
		return NULL;
	return run;
}

/*
 * Is the packet still the program's? Unless a run has handed it on: then it may
 * be gone. The caller runs pinned to this CPU, as all programs do.
 */
static bool is_there(const struct sk_buff *skb)
{
	const struct bpfilter_run *run = this_cpu_read(bpfilter_run);

	return !run || run->skb != skb || !run->over;
}

static void run_end(struct bpfilter_run *run, unsigned int verdict)
{
	run->over = true;
	run->verdict = verdict;
}

/*
 * The extension that a program means; NULL if there is no such one or it was
 * not checked for this hook: then the packet is dropped.
 */
static const struct bpfilter_ext *ext_of(const struct bpfilter_run *run,
					 u32 index, bool is_target)
{
	const struct bpfilter_bridge *bridge = run->ruleset->bridge;
	const struct bpfilter_ext *ext;

	if (!bridge || index >= bridge->num)
		return NULL;
	ext = &bridge->exts[index];
	if (ext->is_target != is_target ||
	    !(ext->hooks & (1 << run->state->hook)))
		return NULL;
	return ext;
}

/*
 * A transport header beyond the packet's end cannot be read, however far: this
 * keeps the sum of such an offset and a size from wrapping.
 */
static void fill_param(struct xt_action_param *par,
		       const struct bpfilter_run *run, u32 thoff, u32 fragoff)
{
	par->state = run->state;
	par->thoff = min(thoff, run->skb->len);
	par->fragoff = fragoff;
	par->hotdrop = false;
}

static unsigned int run_target(const struct bpfilter_ext *ext,
			       struct bpfilter_run *run,
			       struct xt_action_param *par)
{
	unsigned int verdict;

	if (!ext->target->u.kernel.target->target)	/* the standard target */
		return NF_QUEUE;
	par->target = ext->target->u.kernel.target;
	par->targinfo = ext->target->data;
	verdict = par->target->target(run->skb, par);
	run->hotdrop |= par->hotdrop;
	return verdict;
}

__bpf_kfunc_start_defs();

/**
 * bpfilter_xt_match - ask a match extension
 * @skb:	packet of the run
 * @state:	hook state of the run
 * @index:	which, in the commit's list of bridged extensions
 * @thoff:	offset of the transport header
 * @fragoff:	fragment offset as the family's native engine hands it on
 *
 * Return: enum match_result; MATCH_DROP if refused.
 */
__bpf_kfunc int bpfilter_xt_match(struct sk_buff *skb,
				  const struct nf_hook_state *state, u32 index,
				  u32 thoff, u32 fragoff)
{
	struct bpfilter_run *run = run_of(skb, state);
	const struct bpfilter_ext *ext;
	struct xt_action_param par;
	bool held;

	if (!run)
		return MATCH_DROP;
	ext = ext_of(run, index, false);
	if (!ext) {
		run_end(run, NF_DROP);
		return MATCH_DROP;
	}
	fill_param(&par, run, thoff, fragoff);
	par.match = ext->match->u.kernel.match;
	par.matchinfo = ext->match->data;
	held = par.match->match(skb, &par);
	run->hotdrop |= par.hotdrop;
	if (held)
		return run->hotdrop ? MATCH_YES_DROP : MATCH_YES;
	if (!run->hotdrop)
		return MATCH_NO;
	run_end(run, NF_DROP);
	return MATCH_DROP;
}

/**
 * bpfilter_xt_target - run a target extension
 * @skb:	packet of the run; may be gone, or have another content
 * @state:	hook state of the run
 * @index:	which, in the commit's list of bridged extensions
 * @thoff:	offset of the transport header
 * @fragoff:	fragment offset as the family's native engine hands it on
 *
 * Return: enum target_result; TARGET_OVER if refused. With TARGET_OVER the
 * program must return without looking at the packet: whatever it returns, the
 * verdict is in the run.
 */
__bpf_kfunc int bpfilter_xt_target(struct sk_buff *skb,
				   const struct nf_hook_state *state, u32 index,
				   u32 thoff, u32 fragoff)
{
	struct bpfilter_run *run = run_of(skb, state);
	const struct bpfilter_ext *ext;
	struct xt_action_param par;
	unsigned int verdict;

	if (!run)
		return TARGET_OVER;
	ext = ext_of(run, index, true);
	if (!ext) {
		run_end(run, NF_DROP);
		return TARGET_OVER;
	}
	fill_param(&par, run, thoff, fragoff);
	verdict = run_target(ext, run, &par);
	if (verdict == XT_CONTINUE && !run->hotdrop)
		return TARGET_CONTINUE;
	run_end(run, run->hotdrop ? NF_DROP : verdict);
	return TARGET_OVER;
}

/**
 * bpfilter_set_mark - change the mark of the run's packet
 * @skb:	packet of the run
 * @state:	hook state of the run
 * @keep:	bits of the mark that stay
 * @flip:	bits to invert then
 */
__bpf_kfunc void bpfilter_set_mark(struct sk_buff *skb,
				   const struct nf_hook_state *state, u32 keep,
				   u32 flip)
{
	if (run_of(skb, state))
		skb->mark = (skb->mark & keep) ^ flip;
}

#if IS_ENABLED(CONFIG_IPV6)
/* At all hooks of IPv6 it is in the linear part, but not in BPF_PROG_TEST_RUN */
static bool has_ip6_header(const struct sk_buff *skb,
			   const struct nf_hook_state *state)
{
	const int off = skb_network_offset(skb);

	return state->pf == NFPROTO_IPV6 && off >= 0 &&
	       off + sizeof(struct ipv6hdr) <= skb_headlen(skb);
}

/**
 * bpfilter_ip6_find_hdr - walk the extension headers of a packet
 * @skb:	packet of the program; needs no run
 * @state:	its hook state
 *
 * As ip6_tables does for a rule that asks for a protocol.
 *
 * Return: bits 0 to 7: protocol; 16 to 31: fragment offset in bytes; 32 to 62:
 * offset of the transport header, 0 for later fragments. Bit 63 set, the
 * others undefined, if there is no way to the end of the headers.
 */
__bpf_kfunc u64 bpfilter_ip6_find_hdr(struct sk_buff *skb,
				      const struct nf_hook_state *state)
{
	unsigned short fragoff = 0;
	unsigned int thoff = 0;
	int proto = -1;

	if (is_there(skb) && has_ip6_header(skb, state))
		proto = ipv6_find_hdr(skb, &thoff, -1, &fragoff, NULL);
	if (proto < 0)
		return 1ULL << 63;
	return (u64)thoff << 32 | (u32)fragoff << 16 | (u8)proto;
}
#endif

#if IS_ENABLED(CONFIG_NETFILTER_XT_TARGET_TRACE)
/**
 * bpfilter_trace - log that a rule matched a packet under TRACE
 * @skb:	packet of the run
 * @state:	hook state of the run
 * @entry:	number of the rule's entry
 */
__bpf_kfunc void bpfilter_trace(struct sk_buff *skb,
				const struct nf_hook_state *state, u32 entry)
{
	const struct bpfilter_run *run = run_of(skb, state);

	if (run)
		bpfilter_trace_packet(run, entry);
}

/**
 * bpfilter_set_trace - have the tables tell of each rule that a packet matches
 * @skb:	packet of the program; needs no run
 * @state:	its hook state
 *
 * For programs that stand before the tables ("bpfilter trace"): from here on
 * both engines report the packet, as if the target TRACE had seen it. As that
 * one this only works at PREROUTING and OUTPUT of IPv4 and IPv6, and does
 * nothing elsewhere.
 *
 * It gives a program no more than its loader has: loading one takes CAP_BPF and
 * CAP_NET_ADMIN in the initial user namespace, or a BPF token that stands for
 * them, and the reports go to the logger of the packet's network namespace, for
 * which one has to be bound there.
 *
 * Context: Any that a netfilter hook runs in. Takes no lock: the packet belongs
 * to the hook.
 */
__bpf_kfunc void bpfilter_set_trace(struct sk_buff *skb,
				    const struct nf_hook_state *state)
{
	if (!is_there(skb))
		return;
	if (state->pf != NFPROTO_IPV4 && state->pf != NFPROTO_IPV6)
		return;
	if (state->hook == NF_INET_PRE_ROUTING ||
	    state->hook == NF_INET_LOCAL_OUT)
		skb->nf_trace = 1;
}
#endif

__bpf_kfunc_end_defs();

BTF_KFUNCS_START(bpfilter_kfunc_ids)
BTF_ID_FLAGS(func, bpfilter_xt_match, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, bpfilter_xt_target, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, bpfilter_set_mark, KF_TRUSTED_ARGS)
#if IS_ENABLED(CONFIG_IPV6)
BTF_ID_FLAGS(func, bpfilter_ip6_find_hdr, KF_TRUSTED_ARGS)
#endif
#if IS_ENABLED(CONFIG_NETFILTER_XT_TARGET_TRACE)
BTF_ID_FLAGS(func, bpfilter_trace, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, bpfilter_set_trace, KF_TRUSTED_ARGS)
#endif
BTF_KFUNCS_END(bpfilter_kfunc_ids)

static const struct btf_kfunc_id_set bpfilter_kfunc_set = {
	.owner	= THIS_MODULE,
	.set	= &bpfilter_kfunc_ids,
};

/*
 * Programs read these through bpf_rdonly_cast(), which only knows the types of
 * vmlinux. Where conntrack is a module nothing else would put them there.
 */
static void __init emit_types(void)
{
#if IS_ENABLED(CONFIG_NF_CONNTRACK)
	BTF_TYPE_EMIT(struct nf_conn);
#endif
	BTF_TYPE_EMIT(struct timespec64);
}

static int __init bpfilter_kfuncs_init(void)
{
	emit_types();
	return register_btf_kfunc_id_set(BPF_PROG_TYPE_NETFILTER,
					 &bpfilter_kfunc_set);
}
late_initcall(bpfilter_kfuncs_init);
