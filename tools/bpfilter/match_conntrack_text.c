// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <linux/kernel.h>
#include <linux/netfilter/nf_conntrack_common.h>

#include "ir_text.h"
#include "match_conntrack.h"

/* The match conntrack as iptables-save has it */

/* Set by -m state, which is conntrack by another name; @match_flags holds it */
#define CT_STATE_ALIAS	XT_CONNTRACK_STATE_ALIAS

/**
 * conntrack_alias() - which name did the user give the match?
 * @data:	data of any revision
 *
 * Return: the name if it is not the match's own, else NULL.
 */
const char *conntrack_alias(const void *data)
{
	return ct_asked(data, CT_STATE_ALIAS) ? "state" : NULL;
}

static void print_state(FILE *out, const struct xt_conntrack_mtinfo3 *info)
{
	if (!ct_asked(info, XT_CONNTRACK_STATE))
		return;
	text_option(out, ct_inverted(info, XT_CONNTRACK_STATE),
		    ct_asked(info, CT_STATE_ALIAS) ? "--state" : "--ctstate");
	fputc(' ', out);
	text_bits(out, IR_FIELD_CT_STATE, info->state_mask);
}

static void print_status(FILE *out, const struct xt_conntrack_mtinfo3 *info)
{
	if (!ct_asked(info, XT_CONNTRACK_STATUS))
		return;
	text_option(out, ct_inverted(info, XT_CONNTRACK_STATUS), "--ctstatus");
	fputc(' ', out);
	if (info->status_mask)
		text_bits(out, IR_FIELD_CT_STATUS, info->status_mask);
	else
		fputs("NONE", out);
}

/* Addresses of IPv6 are bridged */
static void print_addrs(FILE *out, const struct xt_conntrack_mtinfo3 *info)
{
	const struct {
		uint16_t flag;
		const char *option;
		uint32_t addr;
		uint32_t mask;
	} addrs[] = {
		{ XT_CONNTRACK_ORIGSRC, "--ctorigsrc",
		  info->origsrc_addr.ip, info->origsrc_mask.ip },
		{ XT_CONNTRACK_ORIGDST, "--ctorigdst",
		  info->origdst_addr.ip, info->origdst_mask.ip },
		{ XT_CONNTRACK_REPLSRC, "--ctreplsrc",
		  info->replsrc_addr.ip, info->replsrc_mask.ip },
		{ XT_CONNTRACK_REPLDST, "--ctrepldst",
		  info->repldst_addr.ip, info->repldst_mask.ip },
	};

	for (size_t i = 0; i < ARRAY_SIZE(addrs); i++) {
		if (!ct_asked(info, addrs[i].flag))
			continue;
		text_option(out, ct_inverted(info, addrs[i].flag),
			    addrs[i].option);
		fputc(' ', out);
		text_addr(out, ntohl(addrs[i].addr));
		text_mask(out, ntohl(addrs[i].mask));
	}
}

static void print_ports(FILE *out, const struct xt_conntrack_mtinfo3 *info)
{
	const struct {
		uint16_t flag;
		const char *option;
		uint16_t lo;
		uint16_t hi;
	} ports[] = {
		{ XT_CONNTRACK_ORIGSRC_PORT, "--ctorigsrcport",
		  info->origsrc_port, info->origsrc_port_high },
		{ XT_CONNTRACK_ORIGDST_PORT, "--ctorigdstport",
		  info->origdst_port, info->origdst_port_high },
		{ XT_CONNTRACK_REPLSRC_PORT, "--ctreplsrcport",
		  info->replsrc_port, info->replsrc_port_high },
		{ XT_CONNTRACK_REPLDST_PORT, "--ctrepldstport",
		  info->repldst_port, info->repldst_port_high },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
		if (!ct_asked(info, ports[i].flag))
			continue;
		text_option(out, ct_inverted(info, ports[i].flag),
			    ports[i].option);
		text_range(out, ports[i].lo, ports[i].hi);
	}
}

/**
 * conntrack_print() - print what the match asks for
 * @out:	where to
 * @data:	data of revision 3, or others made to be
 */
void conntrack_print(FILE *out, const void *data)
{
	const struct xt_conntrack_mtinfo3 *info = data;

	print_state(out, info);
	if (ct_asked(info, XT_CONNTRACK_PROTO)) {
		text_option(out, ct_inverted(info, XT_CONNTRACK_PROTO),
			    "--ctproto");
		fprintf(out, " %u", info->l4proto);
	}
	print_addrs(out, info);
	print_ports(out, info);
	print_status(out, info);
	if (ct_asked(info, XT_CONNTRACK_EXPIRES)) {
		text_option(out, ct_inverted(info, XT_CONNTRACK_EXPIRES),
			    "--ctexpire");
		text_range(out, info->expires_min, info->expires_max);
	}
	if (ct_asked(info, XT_CONNTRACK_DIRECTION))
		fprintf(out, " --ctdir %s",
			ct_inverted(info, XT_CONNTRACK_DIRECTION) ?
			"REPLY" : "ORIGINAL");
}
