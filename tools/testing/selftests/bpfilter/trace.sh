#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# TRACE: the kernel log tells of each rule and policy that a packet meets, table
# by table. Both engines must write the same lines, and those that the rules say.
#
# BPFILTER_TEST_ENGINE=native puts the native engine on both sides.

# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"
# shellcheck source=/dev/null
. "$(dirname "$0")/lib-side.sh"
# shellcheck source=/dev/null
. "$(dirname "$0")/lib-trace.sh"
# shellcheck disable=SC2154	# set by lib.sh
tmp=$scratch
ENGINE=${BPFILTER_TEST_ENGINE:-bpfilter}
LOG_ALL=/proc/sys/net/netfilter/nf_log_all_netns

require_cmd ip "$IPTABLES-restore" "$(side_ipt 6)-restore"
case $ENGINE in
bpfilter) require_bpfilter ;;
native) require_native ;;
esac
[[ -e $LOG_ALL ]] || skip_all "no $LOG_ALL"
log_all=$(cat $LOG_ALL)
echo 1 > $LOG_ALL

test_cleanup()
{
	echo "$log_all" > $LOG_ALL
}

# traced FAMILY TAG ENGINE: to $tmp/TAG, table by table what is traced
traced()
{
	local box

	side_add "$3" box
	rules "$1" "-p udp" | in_ns "$box" "$(side_ipt "$1")-restore" -w || return
	klog_mark
	steps "$1" | in_ns "$box" "$PKTRUN" "$1" > "$tmp/packets" 2>&1
	klog_since | grep -E 'TRACE: .* IN=(|in0|out0) OUT=(|in0|out0) ' \
		> "$tmp/$2"
	side_del box
}

# path PORT: the entries that a packet to this port met, in order
path()
{
	sed -n "s/^TRACE: \\([^ ]*\\) .* DPT=$1 .*/\\1/p" "$tmp/a" | paste -sd ' ' -
}

# What most packets meet on their way. An unconditional RETURN at the end of a
# chain looks like the end, in a chain of a hook like the policy.
PRE="raw:PREROUTING:policy:2 mangle:PREROUTING:rule:1 mangle:marks:rule:1"
PRE+=" mangle:marks:return:2 mangle:PREROUTING:policy:2"
NAT=" nat:PREROUTING:policy:2"
FORWARD=" mangle:FORWARD:rule:2 mangle:FORWARD:policy:3 filter:FORWARD:rule:1"
PASS=" filter:FORWARD:policy:6 security:FORWARD:rule:1"
PASS+=" security:FORWARD:policy:2 mangle:POSTROUTING:policy:1"
POST=" nat:POSTROUTING:policy:2"
IN=" mangle:INPUT:policy:1"
OUT="raw:OUTPUT:policy:2 mangle:OUTPUT:policy:1 nat:OUTPUT:policy:1"

# check_path FAMILY WHAT PORT PATH
check_path()
{
	check_is "IPv$1: $2" "$4" "$(path "$3")"
}

test_family()
{
	local through="$PRE$NAT$FORWARD"

	if ((NATIVE)); then
		traced "$1" a native
	fi
	traced "$1" b "$ENGINE"
	((NATIVE)) || cp "$tmp/b" "$tmp/a"
	check_path "$1" "policies" 6 "$through$PASS$POST"
	check_path "$1" "a goto" 7 "$through filter:FORWARD:rule:2$(
		) filter:apart:return:2$PASS$POST"
	check_path "$1" "a jump" 8 "$through filter:FORWARD:rule:3$(
		) filter:outer:rule:2 filter:outer:return:3$PASS$POST"
	check_path "$1" "a jump from a chain, and RETURN" 9 "$through$(
		) filter:FORWARD:rule:4 filter:outer:rule:1 filter:inner:rule:1$(
		) filter:outer:rule:2 filter:outer:return:3$PASS$POST"
	check_path "$1" "an answer instead" 10 "$through filter:FORWARD:rule:5"
	check_path "$1" "rules of nat" 77 "$PRE nat:PREROUTING:rule:1$FORWARD$(
		)$PASS nat:POSTROUTING:rule:1"
	check_path "$1" "to the host" 5 "$PRE$NAT$IN filter:INPUT:rule:1$(
		) security:INPUT:policy:1 nat:INPUT:policy:1"
	check_path "$1" "dropped by a policy" 12 "$PRE$NAT$IN$(
		) filter:INPUT:policy:2 filter:INPUT:policy:3"
	check_path "$1" "from the host" 13 "$OUT filter:OUTPUT:policy:2$(
		) security:OUTPUT:policy:1 mangle:POSTROUTING:policy:1$POST"
	check_path "$1" "dropped by a rule" 11 "$OUT filter:OUTPUT:rule:1"
	if ((NATIVE)); then
		check "IPv$1: both engines log the same" diff "$tmp/a" "$tmp/b"
	else
		skip "IPv$1: both engines log the same" "no native engine"
	fi
}

NATIVE=0
! have_native || NATIVE=1
plan 22
test_family 4
test_family 6
finish
