// SPDX-License-Identifier: GPL-2.0
/*
 * What it costs to go on, for choices between ways to split.
 */
#include "cls_impl.h"

/* Candidates that a packet looks at of a list's: some match before its end */
#define SHARE_LOOKED_AT	0.7f

/* Rules whose records take far more than a cache of the second level */
#define RULES_UNCACHED	50000

/* Longer lists get split: by how much more for twice as many */
#define REST_DOUBLED	12.0f
/* ... and what memory each of their rules needs for that */
#define REST_BYTES	8

/**
 * cls_list_cost() - cost of a list
 * @b:		builder
 * @num:	its length
 *
 * Return: estimate of ns per packet.
 */
float cls_list_cost(const struct cls_builder *b, uint32_t num)
{
	return num * b->candidate * SHARE_LOOKED_AT;
}

/* The logarithm of numbers from 1 on, straight lines between powers of two */
static float log2_near(float x)
{
	uint32_t whole = cls_log2((uint32_t)x);

	return whole + x / (1U << whole) - 1;
}

/**
 * cls_rest_cost() - cost below a node
 * @b:		builder
 * @num:	rules that are left
 *
 * Return: estimate of ns per packet, however they are going to be split.
 */
float cls_rest_cost(const struct cls_builder *b, uint32_t num)
{
	if (num <= CLS_LIST_FINE)
		return cls_list_cost(b, num);
	return cls_list_cost(b, CLS_LIST_FINE) +
	       REST_DOUBLED * log2_near((float)num / CLS_LIST_FINE);
}

/**
 * cls_cost_init() - prepare for estimates
 * @b:		builder
 *
 * Records of few rules stay in caches, those of many do not.
 */
void cls_cost_init(struct cls_builder *b)
{
	float missed = b->rules->num_rules / (float)RULES_UNCACHED;

	b->miss = CLS_NS_MISS * (missed < 1 ? missed : 1);
	b->candidate = CLS_NS_CANDIDATE + b->miss;
	for (uint32_t i = 0; i < CLS_REST_KNOWN && i <= b->rules->num_rules; i++)
		b->rest[i] = cls_rest_cost(b, i);
}

/**
 * cls_rest_bytes() - memory below a node
 * @num:	rules that are left
 *
 * Return: estimate of bytes: their list, or what it takes to split them.
 */
uint32_t cls_rest_bytes(uint32_t num)
{
	if (num < 2)
		return 0;
	return cls_list_bytes(num) + (num > CLS_LIST_FINE ? num * REST_BYTES : 0);
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
