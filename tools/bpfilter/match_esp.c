// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <netinet/in.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_esp.h>

#include "ir_text.h"
#include "parse.h"

static int esp_parse(struct parse_ctx *ctx, const void *data)
{
	const struct xt_esp *info = data;
	int ret;

	if (info->invflags & ~XT_ESP_INV_MASK)
		return parse_invalid(ctx, EINVAL, "unknown flags 0x%x",
				     info->invflags & ~XT_ESP_INV_MASK);

	ret = parse_header(ctx, IR_HEADER_ESP);
	if (ret)
		return ret;
	return parse_range(ctx, IR_FIELD_L4_SPI, info->spis[0], info->spis[1],
			   info->invflags & XT_ESP_INV_SPI);
}

static void esp_print(FILE *out, const void *data)
{
	const struct xt_esp *info = data;

	if (info->spis[0] == 0 && info->spis[1] == UINT32_MAX)
		return;
	text_option(out, info->invflags & XT_ESP_INV_SPI, "--espspi");
	text_range(out, info->spis[0], info->spis[1]);
}

static const struct match_desc esp_mt[] = {
	{
		.name = "esp",
		.family = NFPROTO_UNSPEC,
		.proto = IPPROTO_ESP,
		.size = sizeof(struct xt_esp),
		.parse = esp_parse,
		.print = esp_print,
	},
};

const struct match_group match_esp = {
	.descs = esp_mt,
	.num = ARRAY_SIZE(esp_mt),
};
