# SPDX-License-Identifier: GPL-2.0
#
# The front door. This folder is an overlay of a kernel tree, not a whole one:
# everything here works on base tree + overlay in build/.

# SHELL=1 on the command line asks for a shell in the guest, but to make the
# name stands for the shell of recipes.
ifeq ($(origin SHELL),command line)
GUEST_SHELL := $(filter-out 0,$(SHELL))
endif
override SHELL := /bin/bash

# Relative paths that a user gives are relative to where make was called
CALLER := $(or $(PWD),$(CURDIR))

export BUILD BASE_TARBALL SKIP_PACKAGES KVM KERNEL TESTS PLAN

.PHONY: help run shell test test-full diff bench series series-check lint \
	kernel clean

help:
	@sed -n 's/^## //p' $(firstword $(MAKEFILE_LIST))

## make run            boot the kernel with bpfilter and show a session
## make run SHELL=1    the same machine with a shell (also: make shell)
run:
	@$(if $(GUEST_SHELL),scripts/shell,scripts/demo)

shell:
	@scripts/shell

## make test           all tests: on this host, in guests with and without
##                     the native engine
test:
	@scripts/test

## make test-full      the long ones: 1,000 random rulesets, debug and modular
##                     kernels, each patch of the series
test-full:
	@scripts/test full

## make diff RULES="FILE ..." RULES6="FILE ..." GENERATE=N
##                     load iptables-restore files, ip6tables-restore files and
##                     N generated rulesets natively and with bpfilter, compare
##                     packets and counters (NAME.ipset for NAME.rules is
##                     restored first; SEED=, PACKETS= for each ruleset;
##                     PLAN=code|data|mixed instead of what costs least)
diff:
	@scripts/diff $(if $(GENERATE),-g "$(GENERATE)") $(if $(SEED),-s "$(SEED)") \
		$(if $(PACKETS),-n "$(PACKETS)") "$(CALLER)" $(RULES) -6 $(RULES6)

## make bench RULES="FILE ..." RULES6="FILE ..."
##                     what a packet costs, by engine: with iptables-restore
##                     files, or without any with lists, services, user chains
##                     and real rulesets of all sizes. HOST=1: on this machine's
##                     kernel; BENCH_QUICK=1: a few minutes only; BENCH=, SIZES=,
##                     ENGINES=, TRAFFIC= choose, see scripts/bench
bench:
	@scripts/bench "$(CALLER)" $(RULES) -6 $(RULES6)

## make series         write the kernel patches to build/series
series:
	@scripts/packages && scripts/base && scripts/series-tool make

## make series-check   apply them one by one: build, checkpatch, sparse, W=1
series-check:
	@scripts/series-check

## make lint           checkpatch, sparse, W=1, kernel-doc, shellcheck
lint:
	@scripts/lint

## make kernel         build the kernel only
kernel:
	@scripts/prepare main

## make clean          remove build/
clean:
	rm -rf build

## 
## BUILD=DIR: build folder. BASE_TARBALL=FILE: another 6.12.y source.
## SKIP_PACKAGES=1: do not look after packages. KVM=1: not only emulation.
## KERNEL=main|nolegacy|modular|debug: what run and shell boot. TESTS=PATTERN:
## only those programs in the guests of make test.
