// SPDX-License-Identifier: GPL-2.0
/*
 * What it costs to go on, for choices between ways to split.
 */
#include <math.h>

#include "cls_impl.h"

/* Candidates that a packet looks at of a list's: some match before its end */
#define SHARE_LOOKED_AT	0.7f

/* Longer lists get split: by how much more for twice as many */
#define REST_LIST	4
#define REST_DOUBLED	5.0f

/**
 * cls_list_cost() - cost of a list
 * @num:	its length
 *
 * Return: estimate of ns per packet.
 */
float cls_list_cost(uint32_t num)
{
	return num * CLS_NS_CANDIDATE * SHARE_LOOKED_AT;
}

/**
 * cls_rest() - cost below a node
 * @num:	rules that are left
 *
 * Return: estimate of ns per packet, however they are going to be split.
 */
float cls_rest(uint32_t num)
{
	static float known[256];

	if (!num)
		return 0;
	if (num <= REST_LIST)
		return cls_list_cost(num);
	if (num >= 256)
		return cls_rest(255) + REST_DOUBLED * log2f(num / 255.0f);
	if (known[num] == 0)
		known[num] = cls_rest(REST_LIST) +
			REST_DOUBLED * log2f((float)num / REST_LIST);
	return known[num];
}

/**
 * cls_bytes_cost() - what a node's memory costs
 * @b:		builder
 * @bytes:	node and lists
 * @num:	rules
 *
 * Return: estimate of ns per packet.
 */
float cls_bytes_cost(const struct cls_builder *b, uint64_t bytes, uint32_t num)
{
	return CLS_NS_BYTE * bytes / num;
}
