# SPDX-License-Identifier: GPL-2.0-only

obj-$(CONFIG_BPFILTER)		+= sockopt.o
