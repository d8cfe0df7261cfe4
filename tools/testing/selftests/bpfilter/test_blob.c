// SPDX-License-Identifier: GPL-2.0
/* The blob reader: what it refuses, and what it makes of chains */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_tcpudp.h>

#include "../kselftest_harness.h"
#include "compile.h"
#include "unit/blob_make.h"

/* Entries of the table below */
enum {
	IN_SSH,
	IN_JUMP,
	IN_POLICY,
	FWD_POLICY,
	OUT_POLICY,
	USER_HEAD,
	USER_GOTO,
	USER_RETURN,
	LAST_HEAD,
	LAST_RETURN,
	END,
	NUM_ENTRIES,
};

static void make_table(struct make *mk, uint16_t family)
{
	struct make_entry *e;
	struct xt_tcp *tcp;

	make_init(mk);
	mk->family = family;
	e = make_verdict(mk, VERDICT_ACCEPT);
	make_proto(e, IPPROTO_TCP);
	tcp = make_match(e, "tcp", 0, sizeof(*tcp));
	*tcp = (struct xt_tcp) {
		.spts = { 0, 65535 },
		.dpts = { 22, 22 },
	};
	make_jump(mk, USER_GOTO);
	make_verdict(mk, VERDICT_DROP);
	make_verdict(mk, VERDICT_DROP);
	make_verdict(mk, VERDICT_ACCEPT);
	make_head(mk, "user");
	make_proto(make_goto(mk, LAST_RETURN), IPPROTO_UDP);
	make_verdict(mk, VERDICT_RETURN);
	make_head(mk, "last");
	make_verdict(mk, VERDICT_RETURN);
	make_head(mk, "ERROR");
	make_hook(mk, NF_INET_LOCAL_IN, IN_SSH, IN_POLICY);
	make_hook(mk, NF_INET_FORWARD, FWD_POLICY, FWD_POLICY);
	make_hook(mk, NF_INET_LOCAL_OUT, OUT_POLICY, OUT_POLICY);
}

/**
 * struct image - a blob that can be damaged
 * @mk:		what it was made from
 * @repl:	the blob
 * @size:	its bytes
 */
struct image {
	struct make mk;
	struct ipt_replace *repl;
	size_t size;
};

/**
 * struct parts - an entry of a blob, whatever its family
 * @start:	its first byte
 * @proto:	its protocol
 * @flags:	its flags
 * @invflags:	its inversion flags
 * @target_offset: where its target is
 * @next_offset: where the next entry is
 * @elems:	where its matches and target begin
 */
struct parts {
	char *start;
	uint16_t *proto;
	uint8_t *flags;
	uint8_t *invflags;
	uint16_t *target_offset;
	uint16_t *next_offset;
	void *elems;
};

static struct parts image_entry(struct image *im, uint32_t index)
{
	char *start = (char *)(im->repl + 1) + make_offset(&im->mk, index);
	struct ip6t_entry *e6 = (void *)start;
	struct ipt_entry *e = (void *)start;

	if (im->mk.family == NFPROTO_IPV6)
		return (struct parts) {
			start, &e6->ipv6.proto, &e6->ipv6.flags,
			&e6->ipv6.invflags, &e6->target_offset,
			&e6->next_offset, e6->elems,
		};
	return (struct parts) {
		start, &e->ip.proto, &e->ip.flags, &e->ip.invflags,
		&e->target_offset, &e->next_offset, e->elems,
	};
}

static struct xt_standard_target *image_target(struct image *im, uint32_t index)
{
	struct parts e = image_entry(im, index);

	return (void *)(e.start + *e.target_offset);
}

static struct xt_entry_match *image_match(struct image *im, uint32_t index)
{
	return image_entry(im, index).elems;
}

static void image_init(struct image *im, uint16_t family)
{
	make_table(&im->mk, family);
	im->repl = make_blob(&im->mk, &im->size);
}

static void image_free(struct image *im)
{
	free(im->repl);
	make_free(&im->mk);
}

static int image_read(struct image *im, struct ir_ruleset **rs,
		      struct refusal *why)
{
	return bpfilter_blob_read(im->repl, im->size, im->mk.family, rs, why);
}

/* Damages */

static void cut_header(struct image *im)
{
	im->size = sizeof(*im->repl) - 1;
}

static void many_counters(struct image *im)
{
	im->repl->num_counters = 0x7fffffff;
}

static void no_counters(struct image *im)
{
	im->repl->num_counters = 0;
}

static void size_too_big(struct image *im)
{
	im->repl->size++;
}

static void size_wraps(struct image *im)
{
	im->repl->size = 0xffffffff;
}

static void size_too_small(struct image *im)
{
	im->repl->size--;
}

static void many_entries(struct image *im)
{
	im->repl->num_entries = 0x7fffffff;
}

static void one_entry_more(struct image *im)
{
	im->repl->num_entries++;
}

static void no_entry(struct image *im)
{
	im->repl->size = 0;
	im->repl->num_entries = 0;
}

static void next_zero(struct image *im)
{
	*image_entry(im, IN_JUMP).next_offset = 0;
}

static void next_too_short(struct image *im)
{
	*image_entry(im, FWD_POLICY).next_offset -= 4;
}

static void next_too_long(struct image *im)
{
	*image_entry(im, FWD_POLICY).next_offset += 8;
}

static void next_unaligned(struct image *im)
{
	*image_entry(im, USER_HEAD).next_offset += 4;
}

static void next_too_far(struct image *im)
{
	*image_entry(im, END).next_offset += 8;
}

static void bad_flags(struct image *im)
{
	*image_entry(im, IN_SSH).flags = 8;
}

static void bad_inversions(struct image *im)
{
	*image_entry(im, IN_SSH).invflags = 0x80;
}

static void target_in_header(struct image *im)
{
	*image_entry(im, IN_JUMP).target_offset = 8;
}

static void target_behind(struct image *im)
{
	*image_entry(im, IN_JUMP).target_offset += 16;
}

static void target_too_small(struct image *im)
{
	image_target(im, IN_JUMP)->target.u.target_size = 31;
}

static void target_too_big(struct image *im)
{
	image_target(im, IN_JUMP)->target.u.target_size = 0xffff;
}

static void verdict_zero(struct image *im)
{
	image_target(im, IN_SSH)->verdict = 0;
}

static void verdict_stolen(struct image *im)
{
	image_target(im, IN_SSH)->verdict = -NF_STOLEN - 1;
}

static void verdict_minimal(struct image *im)
{
	image_target(im, IN_SSH)->verdict = INT32_MIN;
}

static void error_size(struct image *im)
{
	image_target(im, USER_HEAD)->target.u.target_size -= 8;
}

static void error_endless_name(struct image *im)
{
	memset(image_target(im, USER_HEAD)->target.data, 'x',
	       XT_FUNCTION_MAXNAMELEN);
}

static void match_too_small(struct image *im)
{
	image_match(im, IN_SSH)->u.match_size = 31;
}

static void match_too_big(struct image *im)
{
	image_match(im, IN_SSH)->u.match_size += 8;
}

static void match_rest_too_small(struct image *im)
{
	image_match(im, IN_SSH)->u.match_size -= 8;
}

static void hook_nowhere(struct image *im)
{
	im->repl->hook_entry[NF_INET_FORWARD] += 4;
}

static void policy_nowhere(struct image *im)
{
	im->repl->underflow[NF_INET_FORWARD] += 4;
}

static void policy_conditional(struct image *im)
{
	*image_entry(im, FWD_POLICY).proto = IPPROTO_TCP;
}

static void policy_returns(struct image *im)
{
	image_target(im, FWD_POLICY)->verdict = XT_RETURN;
}

static void hooks_unsorted(struct image *im)
{
	uint32_t *hook = im->repl->hook_entry;

	hook[NF_INET_LOCAL_IN] = hook[NF_INET_FORWARD];
	hook[NF_INET_FORWARD] = 0;
}

static void policies_equal(struct image *im)
{
	uint32_t *policy = im->repl->underflow;

	policy[NF_INET_FORWARD] = policy[NF_INET_LOCAL_OUT];
}

static void hook_more(struct image *im)
{
	im->repl->valid_hooks |= 1U << NF_INET_POST_ROUTING;
	im->repl->hook_entry[NF_INET_POST_ROUTING] = 0xffffffff;
	im->repl->underflow[NF_INET_POST_ROUTING] = 0xffffffff;
}

static void jump_into_entry(struct image *im)
{
	image_target(im, IN_JUMP)->verdict += 8;
}

static void jump_behind_end(struct image *im)
{
	image_target(im, IN_JUMP)->verdict = 0x7fffffff;
}

static void jump_to_itself(struct image *im)
{
	image_target(im, IN_JUMP)->verdict = make_offset(&im->mk, IN_JUMP);
}

static void loop_of_chains(struct image *im)
{
	image_target(im, USER_GOTO)->verdict = make_offset(&im->mk, USER_GOTO);
}

static void chain_without_end(struct image *im)
{
	*image_entry(im, LAST_RETURN).proto = IPPROTO_TCP;
}

/* Texts differ by the size of an entry */
static const struct damage {
	const char *desc;
	void (*apply)(struct image *im);
	int error;
	const char *text;
	const char *text6;
} damages[] = {
	{ "header cut", cut_header, EINVAL,
	  "blob of 95 bytes, header has 96" },
	{ "counters beyond memory", many_counters, ENOMEM,
	  "filter: 2147483647 old counters are too many" },
	{ "no counters", no_counters, EINVAL,
	  "filter: no room for old counters" },
	{ "size behind the end", size_too_big, EINVAL,
	  "filter: entries of 1793 bytes in a blob of 1888",
	  "filter: entries of 2409 bytes in a blob of 2504" },
	{ "size that wraps around", size_wraps, EINVAL,
	  "filter: entries of 4294967295 bytes in a blob of 1888",
	  "filter: entries of 4294967295 bytes in a blob of 2504" },
	{ "size inside the last entry", size_too_small, EINVAL,
	  "filter: entry 11 at offset 1616: 176 bytes of 175",
	  "filter: entry 11 at offset 2176: 232 bytes of 231" },
	{ "entries beyond memory", many_entries, ENOMEM,
	  "filter: 2147483647 entries are too many" },
	{ "number of entries", one_entry_more, EINVAL,
	  "filter: 11 entries, not 12" },
	{ "no entry", no_entry, EINVAL, "filter: no entry for hook 1" },
	{ "entry of no bytes", next_zero, EINVAL,
	  "filter: entry 2 at offset 200: 0 bytes of 1592",
	  "filter: entry 2 at offset 256: 0 bytes of 2152" },
	{ "entry too short for its target", next_too_short, EINVAL,
	  "filter: entry 4 at offset 504: target of 40 bytes at 112 of 148",
	  "filter: entry 4 at offset 672: target of 40 bytes at 168 of 204" },
	{ "entry too long for its target", next_too_long, EINVAL,
	  "filter: entry 4 at offset 504: standard target up to 152 of 160",
	  "filter: entry 4 at offset 672: standard target up to 208 of 216" },
	{ "entry at an odd offset", next_unaligned, EINVAL,
	  "filter: entry 7 at offset 988: not aligned",
	  "filter: entry 7 at offset 1324: not aligned" },
	{ "entry longer than the rest", next_too_far, EINVAL,
	  "filter: entry 11 at offset 1616: 184 bytes of 176",
	  "filter: entry 11 at offset 2176: 240 bytes of 232" },
	{ "flags", bad_flags, EINVAL,
	  "filter: entry 1 at offset 0: unknown flags 0x8" },
	{ "inversions", bad_inversions, EINVAL,
	  "filter: entry 1 at offset 0: unknown inversions 0x80" },
	{ "target in the header", target_in_header, EINVAL,
	  "filter: entry 2 at offset 200: target at 8 of 152",
	  "filter: entry 2 at offset 256: target at 8 of 208" },
	{ "target behind the entry", target_behind, EINVAL,
	  "filter: entry 2 at offset 200: target at 128 of 152",
	  "filter: entry 2 at offset 256: target at 184 of 208" },
	{ "target too small", target_too_small, EINVAL,
	  "filter: entry 2 at offset 200: target of 31 bytes at 112 of 152",
	  "filter: entry 2 at offset 256: target of 31 bytes at 168 of 208" },
	{ "target too big", target_too_big, EINVAL,
	  "filter: entry 2 at offset 200: target of 65535 bytes at 112 of 152",
	  "filter: entry 2 at offset 256: target of 65535 bytes at 168 of 208" },
	{ "jump to offset 0", verdict_zero, EINVAL,
	  "filter: entry 1 at offset 0: verdict 0" },
	{ "verdict stolen", verdict_stolen, EINVAL,
	  "filter: entry 1 at offset 0: verdict -3" },
	{ "smallest verdict", verdict_minimal, EINVAL,
	  "filter: entry 1 at offset 0: verdict -2147483648" },
	{ "size of a chain's head", error_size, EINVAL,
	  "filter: entry 6 at offset 808: error target of 56 bytes",
	  "filter: entry 6 at offset 1088: error target of 56 bytes" },
	{ "chain name without end", error_endless_name, EINVAL,
	  "filter: entry 6 at offset 808: chain name without an end",
	  "filter: entry 6 at offset 1088: chain name without an end" },
	{ "match too small", match_too_small, EINVAL,
	  "filter: entry 1 at offset 0: match of 31 bytes at 112",
	  "filter: entry 1 at offset 0: match of 31 bytes at 168" },
	{ "match too big", match_too_big, EINVAL,
	  "filter: entry 1 at offset 0: match of 56 bytes at 112",
	  "filter: entry 1 at offset 0: match of 56 bytes at 168" },
	{ "space behind the match", match_rest_too_small, EINVAL,
	  "filter: entry 1 at offset 0: match at 152 cut off",
	  "filter: entry 1 at offset 0: match at 208 cut off" },
	{ "hook between entries", hook_nowhere, EINVAL,
	  "filter: no entry for hook 2" },
	{ "policy between entries", policy_nowhere, EINVAL,
	  "filter: no policy for hook 2" },
	{ "policy with a condition", policy_conditional, EINVAL,
	  "filter: entry 4 at offset 504: not a policy for hook 2",
	  "filter: entry 4 at offset 672: not a policy for hook 2" },
	{ "policy RETURN", policy_returns, EINVAL,
	  "filter: entry 4 at offset 504: not a policy for hook 2",
	  "filter: entry 4 at offset 672: not a policy for hook 2" },
	{ "hooks in the wrong order", hooks_unsorted, EINVAL,
	  "filter: hook 2 is not behind hook 1" },
	{ "one policy for two hooks", policies_equal, EINVAL,
	  "filter: hook 3 is not behind hook 2" },
	{ "hook without entry", hook_more, EINVAL,
	  "filter: no entry for hook 4" },
	{ "jump into an entry", jump_into_entry, ELOOP,
	  "filter/INPUT rule 2: no rule at its target, offset 992",
	  "filter/INPUT rule 2: no rule at its target, offset 1328" },
	{ "jump behind the end", jump_behind_end, ELOOP,
	  "filter/INPUT rule 2: no rule at its target, offset 2147483647" },
	{ "jump to itself", jump_to_itself, ELOOP,
	  "filter/INPUT rule 2: leads back to a rule before it" },
	{ "goto to its own chain", loop_of_chains, ELOOP,
	  "filter/user rule 1: leads back to a rule before it" },
	{ "last chain without end", chain_without_end, ELOOP,
	  "filter rule 11: no rule behind it" },
};

FIXTURE(blob)
{
	struct image im;
};

FIXTURE_VARIANT(blob)
{
	uint16_t family;
};

FIXTURE_VARIANT_ADD(blob, ipv4)
{
	.family = NFPROTO_IPV4,
};

FIXTURE_VARIANT_ADD(blob, ipv6)
{
	.family = NFPROTO_IPV6,
};

FIXTURE_SETUP(blob)
{
	image_init(&self->im, variant->family);
}

FIXTURE_TEARDOWN(blob)
{
	image_free(&self->im);
}

static const char *damage_text(const struct damage *d, uint16_t family)
{
	return family == NFPROTO_IPV6 && d->text6 ? d->text6 : d->text;
}

TEST_F(blob, damages_are_refused_as_native_does)
{
	for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
		const struct damage *d = &damages[i];
		struct ir_ruleset *rs;
		struct refusal why;
		struct image im;

		image_init(&im, variant->family);
		d->apply(&im);
		EXPECT_EQ(-d->error, image_read(&im, &rs, &why))
			TH_LOG("%s", d->desc);
		EXPECT_EQ(NULL, rs);
		EXPECT_TRUE(why.native);
		EXPECT_STREQ(damage_text(d, variant->family), why.text)
			TH_LOG("%s", d->desc);
		image_free(&im);
	}
}

TEST_F(blob, undamaged_is_taken)
{
	struct ir_ruleset *rs;
	struct refusal why;

	EXPECT_EQ(0, image_read(&self->im, &rs, &why)) TH_LOG("%s", why.text);
	ASSERT_NE(NULL, rs);
	EXPECT_EQ(variant->family, rs->family);
	bpfilter_ir_free(rs);
}

TEST_F(blob, trailing_bytes_are_ignored)
{
	struct image *im = &self->im;
	struct ir_ruleset *rs;
	struct refusal why;

	im->repl = realloc(im->repl, im->size + 13);
	ASSERT_NE(NULL, im->repl);
	memset((char *)im->repl + im->size, 0xa5, 13);
	im->size += 13;
	EXPECT_EQ(0, image_read(im, &rs, &why));
	bpfilter_ir_free(rs);
}

TEST(families_without_tables)
{
	static const uint16_t families[] = {
		NFPROTO_UNSPEC, NFPROTO_INET, NFPROTO_ARP, NFPROTO_BRIDGE, 999,
	};
	struct ir_ruleset *rs;
	struct refusal why;
	struct image im;

	image_init(&im, NFPROTO_IPV4);
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		EXPECT_EQ(-EINVAL, bpfilter_blob_read(im.repl, im.size,
						      families[i], &rs, &why));
		EXPECT_EQ(NULL, rs);
		EXPECT_FALSE(why.native);
	}
	EXPECT_STREQ("family 999 has no tables", why.text);
	image_free(&im);
}

/* A blob read as one of the other family has nothing at the right place */
TEST(family_matters)
{
	struct ir_ruleset *rs;
	struct refusal why;
	struct image im;

	image_init(&im, NFPROTO_IPV4);
	EXPECT_EQ(-EINVAL, bpfilter_blob_read(im.repl, im.size, NFPROTO_IPV6,
					      &rs, &why));
	EXPECT_TRUE(why.native);
	image_free(&im);
}

/* Native finds what is wrong with an unreached jump neither */
TEST(unreached_jump_may_lead_nowhere)
{
	struct ir_ruleset *rs;
	struct refusal why;
	struct make mk;
	size_t size;
	void *blob;

	make_init(&mk);
	make_verdict(&mk, VERDICT_ACCEPT);
	make_head(&mk, "lost");
	make_verdict(&mk, 12345);
	make_verdict(&mk, VERDICT_RETURN);
	make_head(&mk, "ERROR");
	make_hook(&mk, NF_INET_LOCAL_IN, 0, 0);
	blob = make_blob(&mk, &size);
	EXPECT_EQ(0, bpfilter_blob_read(blob, size, NFPROTO_IPV4, &rs, &why));
	ASSERT_NE(NULL, rs);
	EXPECT_EQ(0, rs->rules[2].comefrom);
	bpfilter_ir_free(rs);
	free(blob);
	make_free(&mk);
}

TEST_HARNESS_MAIN
