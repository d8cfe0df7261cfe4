// SPDX-License-Identifier: GPL-2.0
#include "cmd.h"
int cmd_trace(struct cmd_ctx *ctx, int argc, char **argv)
{
	return cmd_error(ctx, "x");
}
