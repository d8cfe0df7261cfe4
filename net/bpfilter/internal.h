/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of net/bpfilter share, grouped by the file that defines it.
 *
 * An option of iptables comes in through option.c. A replace (replace.c) turns
 * the option's value into a ruleset (ruleset.c), has the helper compile it
 * (request.c, through umh.c; its answer arrives in commit.c), lets the
 * extensions check their parts (ext.c) and publishes it in its table (table.c),
 * where packets find it (hook.c). The other options read or add to what is
 * published (entries.c, counters.c, status.c). handover.c moves tables between
 * bpfilter and the native engine, whose part native.c knows.
 */
#ifndef _NET_BPFILTER_INTERNAL_H
#define _NET_BPFILTER_INTERNAL_H

#include <linux/atomic.h>
#include <linux/bpfilter.h>
#include <linux/completion.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/percpu-defs.h>
#include <linux/sockptr.h>
#include <linux/string.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <uapi/linux/bpfilter.h>

struct bpf_prog;
struct bpfilter_ruleset;
struct bpfilter_table;
struct sock;
struct xt_table_info;
struct ctl_table_header;
struct net;

/* The native engine's limit on the size of a ruleset or counter array */
#define BPFILTER_MAX_SIZE	(512 * 1024 * 1024)

/* A row of counters starts on a cache line of its own: per-CPU data */
#define BPFILTER_ROW_ALIGN	64

/* Five of each family */
#define BPFILTER_NUM_TABLES	10

/**
 * struct bpfilter_family - what differs between IPv4's and IPv6's rulesets
 * @nfproto:	NFPROTO_IPV4 or NFPROTO_IPV6
 * @flags_mask:	flags that the native engine knows
 * @flag_goto:	the one for jumps that are not returned from
 * @flag_proto:	the one for entries with a protocol; 0 if there is none
 * @head_size:	bytes of struct ipt_entry or ip6t_entry, up to the first match
 * @cond_size:	bytes of the conditions that it begins with, struct ipt_ip or
 *		ip6t_ip6, padding included
 * @proto:	offset of the protocol, as all below from the entry's start
 * @flags:	of the flags
 * @invflags:	of the inversion flags
 * @target_offset: of the target's offset
 * @next_offset: of the entry's size
 * @comefrom:	of the mask of hooks
 * @counters:	of the counters
 * @prefix:	of the names that modules with its extensions are requested by
 * @native:	the kernel has a native engine for it, maybe as a module
 * @native_module: name of that module
 *
 * struct ipt_replace, ipt_getinfo and ipt_get_entries serve both families:
 * ip6t_replace and so on are laid out the same. An entry is a void pointer.
 */
struct bpfilter_family {
	u8 nfproto;
	u8 flags_mask;
	u8 flag_goto;
	u8 flag_proto;
	u16 head_size;
	u16 cond_size;
	u16 proto;
	u16 flags;
	u16 invflags;
	u16 target_offset;
	u16 next_offset;
	u16 comefrom;
	u16 counters;
	const char *prefix;
	bool native;
	const char *native_module;
};

static inline u16 bpfilter_entry_proto(const struct bpfilter_family *family,
				       const void *e)
{
	return *(const u16 *)(e + family->proto);
}

static inline u8 bpfilter_entry_flags(const struct bpfilter_family *family,
				      const void *e)
{
	return *(const u8 *)(e + family->flags);
}

static inline u8 bpfilter_entry_invflags(const struct bpfilter_family *family,
					 const void *e)
{
	return *(const u8 *)(e + family->invflags);
}

static inline unsigned int
bpfilter_entry_target_offset(const struct bpfilter_family *family,
			     const void *e)
{
	return *(const u16 *)(e + family->target_offset);
}

static inline unsigned int
bpfilter_entry_next_offset(const struct bpfilter_family *family, const void *e)
{
	return *(const u16 *)(e + family->next_offset);
}

static inline unsigned int
bpfilter_entry_comefrom(const struct bpfilter_family *family, const void *e)
{
	return *(const unsigned int *)(e + family->comefrom);
}

static inline void
bpfilter_entry_set_comefrom(const struct bpfilter_family *family, void *e,
			    unsigned int comefrom)
{
	*(unsigned int *)(e + family->comefrom) = comefrom;
}

static inline void
bpfilter_entry_set_offsets(const struct bpfilter_family *family, void *e,
			   u16 target_offset, u16 next_offset)
{
	*(u16 *)(e + family->target_offset) = target_offset;
	*(u16 *)(e + family->next_offset) = next_offset;
}

/* As ip6_tables: what names a protocol asks for one, said or not */
static inline void
bpfilter_entry_complete_flags(const struct bpfilter_family *family, void *e)
{
	if (bpfilter_entry_proto(family, e))
		*(u8 *)(e + family->flags) |= family->flag_proto;
}

static inline struct xt_counters *
bpfilter_entry_counters(const struct bpfilter_family *family, void *e)
{
	return e + family->counters;
}

static inline struct xt_entry_target *
bpfilter_entry_target(const struct bpfilter_family *family, const void *e)
{
	return (void *)e + bpfilter_entry_target_offset(family, e);
}

/* As unconditional() of the native engines: no condition, no match */
static inline bool
bpfilter_entry_is_unconditional(const struct bpfilter_family *family,
				const void *e)
{
	return bpfilter_entry_target_offset(family, e) == family->head_size &&
	       !memchr_inv(e, 0, family->cond_size);
}

/* A family's entry's first match, NULL if it has none */
static inline struct xt_entry_match *
bpfilter_match_first(const struct bpfilter_family *family, const void *e)
{
	if (bpfilter_entry_target_offset(family, e) == family->head_size)
		return NULL;
	return (void *)e + family->head_size;
}

/* The match after @m, NULL if it is the last one */
static inline struct xt_entry_match *
bpfilter_match_next(const struct bpfilter_family *family, const void *e,
		    const struct xt_entry_match *m)
{
	const void *next = (const void *)m + m->u.match_size;

	if (next == bpfilter_entry_target(family, e))
		return NULL;
	return (void *)next;
}

/**
 * struct bpfilter_counters - packets and bytes of each entry, per CPU
 * @rows:	nr_cpu_ids rows of struct xt_counters by entry number
 * @stride:	bytes from one CPU's row to the next
 * @map_id:	id of the programs' map that @rows points into; 0 if no hook has
 *		a program: then @rows is the ruleset's own
 */
struct bpfilter_counters {
	void *rows;
	u32 stride;
	u32 map_id;
};

/**
 * struct bpfilter_commitment - what the helper made of a ruleset
 * @parked:	a commit arrived for the request
 * @refused:	it says that the ruleset cannot be translated
 * @prog:	program of each hook, with a reference; NULL if it has none
 * @counters:	where the programs count; rows is NULL if there is no program
 * @comefrom:	hooks that reach each entry, by entry number; kvfree()
 * @bridged:	names of the extensions that programs call; kvfree()
 * @num_bridged: number of @bridged
 * @compile_ns:	as the commit says
 * @load_ns:	as the commit says
 */
struct bpfilter_commitment {
	bool parked;
	bool refused;
	struct bpf_prog *prog[NF_INET_NUMHOOKS];
	struct bpfilter_counters counters;
	u32 *comefrom;
	struct bpfilter_bridged *bridged;
	u32 num_bridged;
	u64 compile_ns;
	u64 load_ns;
};

/**
 * struct bpfilter_req - a ruleset on its way to the helper and back
 * @work:	queued on the ordered workqueue of request.c
 * @done:	completed once nothing but the caller uses the request
 * @family:	of the ruleset
 * @replace:	what to compile; the caller's, unchanged until @done
 * @netns:	inode of the network namespace
 * @deadline:	jiffies after which the helper took too long
 * @id:		number of the attempt under way, as on the wire
 * @abandoned:	the caller was killed; under the lock of request.c
 * @timed_out:	the helper took too long; under the lock of request.c
 * @commitment:	what the helper committed; under the lock of request.c
 * @error:	0 or a negative errno for the caller of the replace
 * @message:	why the helper said so, printable; may be empty
 */
struct bpfilter_req {
	struct work_struct work;
	struct completion done;
	const struct bpfilter_family *family;
	const struct ipt_replace *replace;
	u32 netns;
	unsigned long deadline;
	u64 id;
	bool abandoned;
	bool timed_out;
	struct bpfilter_commitment commitment;
	int error;
	char message[BPFILTER_MESSAGE_MAX];
};

/**
 * struct bpfilter_ext - an extension that programs may call
 * @match:	in the ruleset's working copy, checked, if it is a match
 * @target:	likewise, if it is a target
 * @hooks:	mask of hooks that it was checked for
 * @is_target:	which it is
 */
struct bpfilter_ext {
	union {
		const struct xt_entry_match *match;
		const struct xt_entry_target *target;
	};
	u32 hooks;
	bool is_target;
};

/**
 * struct bpfilter_bridge - all extensions that a ruleset's programs may call
 * @num:	number of @exts
 * @num_entries: entries that have at least one of them
 * @exts:	by the index that programs name them by
 */
struct bpfilter_bridge {
	unsigned int num;
	unsigned int num_entries;
	struct bpfilter_ext exts[] __counted_by(num);
};

/**
 * struct bpfilter_run - a ruleset working on a packet
 * @outer:	the run on this CPU that this one is nested in, or NULL
 * @skb:	the packet
 * @state:	the hook's
 * @ruleset:	in force when the run began
 * @verdict:	if @over
 * @over:	the verdict is final, the packet may be gone: only the program's
 *		return is left
 * @hotdrop:	an extension wants the packet dropped
 *
 * On the stack of bpfilter_hook(). Programs cannot return but NF_DROP and
 * NF_ACCEPT: other verdicts are here.
 */
struct bpfilter_run {
	struct bpfilter_run *outer;
	struct sk_buff *skb;
	const struct nf_hook_state *state;
	const struct bpfilter_ruleset *ruleset;
	unsigned int verdict;
	bool over;
	bool hotdrop;
};

DECLARE_PER_CPU(struct bpfilter_run *, bpfilter_run);

/**
 * struct bpfilter_ruleset - the content of a table
 * @family:	how to read its entries
 * @replace:	value of the socket option; its entries become the kernel's
 *		working copy once ext.c checked them
 * @hook_entry:	checked, 0xffffffff for hooks without a chain
 * @underflow:	checked, 0xffffffff for hooks without a chain
 * @policy_number: entry number of each hook's policy
 * @policy:	verdict of each hook's policy, NF_DROP without a chain
 * @commitment:	programs and counters
 * @bridge:	extensions that the programs may call, NULL for none
 *
 * Nothing but the counters changes once a table has it.
 */
struct bpfilter_ruleset {
	const struct bpfilter_family *family;
	struct ipt_replace *replace;
	unsigned int hook_entry[NF_INET_NUMHOOKS];
	unsigned int underflow[NF_INET_NUMHOOKS];
	unsigned int policy_number[NF_INET_NUMHOOKS];
	unsigned int policy[NF_INET_NUMHOOKS];
	struct bpfilter_commitment commitment;
	struct bpfilter_bridge *bridge;
};

/**
 * struct bpfilter_spec - a table as the native engine has it
 * @xt:		name, family, hooks, and the priority unless @nat
 * @hook:	what runs there, with the struct bpfilter_table as its private part
 * @available:	this kernel has what the table needs
 * @nat:	the NAT core calls it, there are no hooks of its own
 */
struct bpfilter_spec {
	struct xt_table xt;
	nf_hookfn *hook;
	bool available;
	bool nat;
};

/**
 * struct bpfilter_table - a table that bpfilter owns in a network namespace
 * @ruleset:	in force; written under bpfilter_net.lock, read by the hooks
 *		between xt_write_recseq_begin() and _end()
 * @net:	the namespace
 * @spec:	what it is
 * @placeholder: keeps the native engine from creating the same table
 * @initial_entries: entries of the table without rules
 * @generation:	replaces since the table came to be; bpfilter_net.lock
 * @num_ops:	number of @ops
 * @ops:	the registered hooks
 */
struct bpfilter_table {
	struct bpfilter_ruleset *ruleset;
	struct net *net;
	const struct bpfilter_spec *spec;
	struct xt_table *placeholder;
	unsigned int initial_entries;
	u64 generation;
	unsigned int num_ops;
	struct nf_hook_ops ops[NF_INET_NUMHOOKS];
};

/**
 * struct bpfilter_net - bpfilter in a network namespace
 * @replace_lock: held throughout a replace, waits for the helper included, so
 *		that a namespace has one request in flight at most; taken before
 *		@lock and before writes of @enabled
 * @replace_wait: who waits for it does so here, see bpfilter_replace_lock()
 * @lock:	protects @tables and what hangs on them; held shortly
 * @tables:	by number of the spec, NULL if not bpfilter's
 * @enabled:	tables that come into use go to bpfilter; sysctl
 * @userns:	in the initial namespace only: those of other user namespaces
 *		may enable bpfilter; sysctl
 * @net:	the namespace
 * @sysctl:	the registered table
 */
struct bpfilter_net {
	struct mutex replace_lock;	/* serialises replaces */
	wait_queue_head_t replace_wait;	/* for replace_lock */
	struct mutex lock;		/* protects @tables */
	struct bpfilter_table *tables[BPFILTER_NUM_TABLES];
	u8 enabled;
	u8 userns;
	struct net *net;
	struct ctl_table_header *sysctl;
};

/**
 * struct bpfilter_publisher - what becomes of a ruleset that is complete
 * @publish:	puts it in force and leaves in its place what is to be freed, or
 *		NULL; or returns an error and leaves it
 * @message:	gets why the ruleset was refused, BPFILTER_MESSAGE_MAX bytes; or
 *		NULL
 */
struct bpfilter_publisher {
	int (*publish)(struct bpfilter_publisher *publisher, struct net *net,
		       struct bpfilter_ruleset **ruleset);
	char *message;
};

/* family.c */
const struct bpfilter_family *bpfilter_family_get(u8 nfproto);

/* main.c */
struct bpfilter_net *bpfilter_pernet(const struct net *net);

/* option.c */
extern const struct bpfilter_sockopt_ops bpfilter_option_ops;

/* replace.c */
int bpfilter_replace_ruleset(struct net *net, struct bpfilter_ruleset **ruleset,
			     struct bpfilter_publisher *publisher);
int bpfilter_replace_lock(struct bpfilter_net *bn);
void bpfilter_replace_unlock(struct bpfilter_net *bn);
int bpfilter_replace(struct net *net, const struct bpfilter_family *family,
		     sockptr_t arg, unsigned int len);

/* handover.c */
int bpfilter_takeover(struct sock *sk, sockptr_t arg, unsigned int len);
int bpfilter_release(struct sock *sk, sockptr_t arg, unsigned int len);

/* native.c */
struct ipt_replace *
bpfilter_native_blob(const struct bpfilter_family *family,
		     const struct ipt_replace *head, const void *entries);
struct ipt_replace *bpfilter_native_read(struct net *net,
					 const struct bpfilter_family *family,
					 const char *name);
bool bpfilter_native_same(const struct bpfilter_family *family,
			  const struct xt_table *native,
			  const struct ipt_replace *blob, void *buffer);
void bpfilter_native_counters_read(const struct bpfilter_family *family,
				   const struct xt_table_info *info,
				   struct xt_counters *sums);
void bpfilter_native_counters_add(const struct bpfilter_family *family,
				  const struct xt_table_info *info,
				  const struct xt_counters *add);
void bpfilter_native_free(struct net *net, const struct bpfilter_family *family,
			  struct module *me, struct xt_table_info *info);

/* ruleset.c */
struct bpfilter_ruleset *
bpfilter_ruleset_copy(const struct bpfilter_family *family,
		      const struct ipt_replace *head, sockptr_t arg);
struct bpfilter_ruleset *
bpfilter_ruleset_initial(const struct bpfilter_spec *spec);
int bpfilter_ruleset_check(struct bpfilter_ruleset *ruleset);
int bpfilter_ruleset_adopt(struct bpfilter_ruleset *ruleset,
			   struct bpfilter_commitment *commitment);
void bpfilter_ruleset_free(struct bpfilter_ruleset *ruleset);

static inline unsigned int
bpfilter_ruleset_number(const struct bpfilter_ruleset *ruleset)
{
	return ruleset->replace->num_entries;
}

static inline unsigned int
bpfilter_ruleset_size(const struct bpfilter_ruleset *ruleset)
{
	return ruleset->replace->size;
}

/* The ruleset's first entry, NULL if it has none */
static inline void *
bpfilter_entry_first(const struct bpfilter_ruleset *ruleset)
{
	return ruleset->replace->size ? ruleset->replace->entries : NULL;
}

/* The entry after @e, NULL if it is the last one */
static inline void *
bpfilter_entry_next(const struct bpfilter_ruleset *ruleset, const void *e)
{
	const void *begin = ruleset->replace->entries;

	e += bpfilter_entry_next_offset(ruleset->family, e);
	return e < begin + ruleset->replace->size ? (void *)e : NULL;
}

/* request.c */
struct bpfilter_req *bpfilter_req_in_flight(u64 id);
void bpfilter_req_release(void);
bool bpfilter_req_busy(void);
struct bpfilter_req *bpfilter_req_run(const struct net *net,
				      const struct bpfilter_family *family,
				      const struct ipt_replace *replace);
void bpfilter_req_free(struct bpfilter_req *req);
int bpfilter_req_init(void);
void bpfilter_req_exit(void);

/* commit.c */
int bpfilter_commit(sockptr_t arg, unsigned int len);
void bpfilter_commitment_drop(struct bpfilter_commitment *commitment);

/* bridge.c */
int bpfilter_bridge_build(struct bpfilter_ruleset *ruleset);

/* kfuncs.c: programs call these, nothing else does */
int bpfilter_xt_match(struct sk_buff *skb, const struct nf_hook_state *state,
		      u32 index, u32 thoff, u32 fragoff);
int bpfilter_xt_target(struct sk_buff *skb, const struct nf_hook_state *state,
		       u32 index, u32 thoff, u32 fragoff);
void bpfilter_set_mark(struct sk_buff *skb, const struct nf_hook_state *state,
		       u32 keep, u32 flip);
u64 bpfilter_ip6_find_hdr(struct sk_buff *skb,
			  const struct nf_hook_state *state);
void bpfilter_trace(struct sk_buff *skb, const struct nf_hook_state *state,
		    u32 entry);
void bpfilter_set_trace(struct sk_buff *skb, const struct nf_hook_state *state);

/* trace.c */
void bpfilter_trace_packet(const struct bpfilter_run *run, unsigned int number);

/* blob.S */
extern const char bpfilter_umh_start_of_elf[];
extern const char bpfilter_umh_end_of_elf[];

/* umh.c */
int bpfilter_umh_init(void);
void bpfilter_umh_exit(void);
int bpfilter_umh_start(void);
void bpfilter_umh_stop(void);
void bpfilter_umh_kill(void);
int bpfilter_umh_write(const void *data, size_t size);
int bpfilter_umh_read(void *data, size_t size);
bool bpfilter_umh_is_current(void);
void bpfilter_umh_status(struct bpfilter_status *status);

/* table.c */
bool bpfilter_table_served(struct net *net);
struct bpfilter_table *bpfilter_table_get(struct net *net,
					  const struct bpfilter_family *family,
					  const char *name);
int bpfilter_table_claimable(struct net *net,
			     const struct bpfilter_family *family,
			     const char *name);
struct bpfilter_table *
bpfilter_table_get_lock(struct net *net, const struct bpfilter_family *family,
			const char *name);
void bpfilter_table_unlock(const struct bpfilter_table *table);
struct bpfilter_ruleset *
bpfilter_table_swap(struct bpfilter_table *table,
		    struct bpfilter_ruleset *ruleset);
struct bpfilter_table *
bpfilter_table_prepare(struct net *net, const struct bpfilter_spec *spec,
		       struct bpfilter_ruleset *ruleset);
int bpfilter_table_exchange(struct bpfilter_table *table,
			    struct nf_hook_ops *native, bool take);
void bpfilter_table_install(struct bpfilter_table *table);
void bpfilter_table_remove(struct bpfilter_table *table);
int bpfilter_table_begin(struct net *net);
void bpfilter_table_give_back(struct net *net);
void bpfilter_table_pre_exit(struct net *net);
void bpfilter_table_exit(struct net *net);

/* spec.c */
extern const struct bpfilter_spec bpfilter_specs[BPFILTER_NUM_TABLES];

int bpfilter_spec_find(const struct bpfilter_family *family, const char *name);
int bpfilter_spec_priority(const struct bpfilter_spec *spec, unsigned int hook);
unsigned int bpfilter_spec_policy(const struct bpfilter_spec *spec,
				  unsigned int hook);
bool bpfilter_spec_unasked(const struct bpfilter_spec *spec);

/* nat.c */
#if IS_ENABLED(CONFIG_NF_NAT)
int bpfilter_nat_register(struct net *net, const struct nf_hook_ops *ops,
			  unsigned int num);
void bpfilter_nat_unregister(struct net *net, const struct nf_hook_ops *ops,
			     unsigned int num);
int bpfilter_nat_exchange(struct net *net, const struct nf_hook_ops *from,
			  const struct nf_hook_ops *to, unsigned int num);
#else
static inline int bpfilter_nat_register(struct net *net,
					const struct nf_hook_ops *ops,
					unsigned int num)
{
	return -EOPNOTSUPP;
}

static inline void bpfilter_nat_unregister(struct net *net,
					   const struct nf_hook_ops *ops,
					   unsigned int num)
{
}

static inline int bpfilter_nat_exchange(struct net *net,
					const struct nf_hook_ops *from,
					const struct nf_hook_ops *to,
					unsigned int num)
{
	return -EOPNOTSUPP;
}
#endif

/* mangle.c */
unsigned int bpfilter_mangle_hook(void *priv, struct sk_buff *skb,
				  const struct nf_hook_state *state);

/* hook.c */
unsigned int bpfilter_hook(void *priv, struct sk_buff *skb,
			   const struct nf_hook_state *state);

/* counters.c */
int bpfilter_counters_alloc(struct bpfilter_counters *counters,
			    unsigned int number);
void bpfilter_counters_free(struct bpfilter_counters *counters);
void bpfilter_counters_read(const struct bpfilter_ruleset *ruleset,
			    struct xt_counters *sums);
void bpfilter_counters_read_old(const struct bpfilter_ruleset *ruleset,
				struct xt_counters *sums);
void bpfilter_counters_add(const struct bpfilter_counters *counters,
			   const struct xt_counters *add, unsigned int number);
int bpfilter_counters_set(struct net *net, const struct bpfilter_family *family,
			  sockptr_t arg, unsigned int len);

static inline struct xt_counters *
bpfilter_counters_row(const struct bpfilter_counters *counters,
		      unsigned int cpu)
{
	return counters->rows + (size_t)cpu * counters->stride;
}

/* entries.c */
int bpfilter_info_get(struct net *net, const struct bpfilter_family *family,
		      void __user *user, int len);
int bpfilter_entries_get(struct net *net, const struct bpfilter_family *family,
			 struct ipt_get_entries __user *user, int len);

/* ext.c */
int bpfilter_ext_check(struct net *net, struct bpfilter_ruleset *ruleset);
void bpfilter_ext_cleanup_entry(struct net *net,
				const struct bpfilter_family *family, void *e);
void bpfilter_ext_cleanup(struct net *net, struct bpfilter_ruleset *ruleset);
int bpfilter_ext_revision(const struct bpfilter_family *family,
			  void __user *user, int len, bool target);

/* sysctl.c */
int bpfilter_sysctl_init(struct net *net);
void bpfilter_sysctl_exit(struct net *net);
bool bpfilter_enabled(const struct net *net);

/* status.c */
int bpfilter_status_get(struct net *net, void __user *user, int *len);

#endif /* _NET_BPFILTER_INTERNAL_H */
