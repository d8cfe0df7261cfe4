#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Verbs that the bpfilter tests share. A test sources this file, says
# require_* what it cannot do without, plans, and reports with check or skip:
#
#	. "$(dirname "$0")/lib.sh"
#	require_bpfilter
#	plan 1
#	ns_add box
#	bpfilter_on "$box"
#	check "a chain can be made" ipt "$box" -N mine
#	finish
#
# The namespaces of ns_add and the files under $scratch go away at exit. A test
# that has more to tidy up defines a function test_cleanup.

# shellcheck disable=SC3043	# every sh that runs selftests has local

lib_dir=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

# shellcheck source=/dev/null
. "$lib_dir/../kselftest/ktap_helpers.sh"

# shellcheck disable=SC2034	# for the tests
IPTABLES=${IPTABLES:-iptables-legacy}

netns_list=
scratch=$(mktemp -d "${TMPDIR:-/tmp}/bpfilter.XXXXXX") || exit "$KSFT_FAIL"

lib_cleanup()
{
	local rc=$?

	trap - EXIT
	if command -v test_cleanup >/dev/null; then
		test_cleanup
	fi
	for ns in $netns_list; do
		ip netns del "$ns" 2>/dev/null
	done
	rm -rf "$scratch"
	exit "$rc"
}

trap lib_cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Preconditions: each ends the test as skipped if it does not hold

skip_all()
{
	ktap_print_header
	ktap_skip_all "$*"
	exit "$KSFT_SKIP"
}

require_root()
{
	[ "$(id -u)" -eq 0 ] || skip_all "not root"
}

# require_cmd COMMAND...
require_cmd()
{
	local cmd

	for cmd in "$@"; do
		command -v "$cmd" >/dev/null || skip_all "no command $cmd"
	done
}

have_bpfilter()
{
	[ -e /proc/sys/net/netfilter/bpfilter ]
}

# The native engine may be loaded only when it is first asked for
have_native()
{
	local ns="probe-$$" rc

	ip netns add "$ns" || return 1
	if have_bpfilter; then
		bpfilter_off "$ns"
	fi
	ip netns exec "$ns" "$IPTABLES" -w -S >/dev/null 2>&1
	rc=$?
	ip netns del "$ns"
	return "$rc"
}

require_bpfilter()
{
	require_root
	require_cmd ip "$IPTABLES"
	have_bpfilter || modprobe -q bpfilter 2>/dev/null
	have_bpfilter || skip_all "this kernel has no bpfilter"
}

require_native()
{
	require_root
	require_cmd ip "$IPTABLES"
	have_native || skip_all "this kernel has no native iptables"
}

# Network namespaces

# ns_add VARIABLE...: make a namespace and put its name into $VARIABLE
ns_add()
{
	local var ns

	for var in "$@"; do
		ns="bpft-$var-$$"
		ip netns add "$ns" ||
			ktap_exit_fail_msg "cannot add namespace $ns"
		netns_list="$netns_list $ns"
		eval "$var=\$ns"
		ip -n "$ns" link set lo up
	done
}

ns_del()
{
	ip netns del "$1"
}

# in_ns NS COMMAND... In the background $! is a shell of its own: what is to be
# killed is begun with "ip netns exec".
in_ns()
{
	ip netns exec "$@"
}

# ns_sysctl NS NAME VALUE, NAME with slashes; an unknown one is no error
ns_sysctl()
{
	# shellcheck disable=SC2016	# $1 and $2 are the inner shell's
	in_ns "$1" sh -c '[ ! -e "$1" ] || echo "$2" > "$1"' sh \
		"/proc/sys/$2" "$3"
}

bpfilter_on()
{
	in_ns "$1" sh -c 'echo 1 > /proc/sys/net/netfilter/bpfilter'
}

bpfilter_off()
{
	in_ns "$1" sh -c 'echo 0 > /proc/sys/net/netfilter/bpfilter'
}

bpfilter_state()
{
	in_ns "$1" cat /proc/sys/net/netfilter/bpfilter
}

# Rules

# ipt NS ARGUMENT...: iptables in a namespace
ipt()
{
	local ns="$1"

	shift
	in_ns "$ns" "$IPTABLES" -w "$@"
}

# rules_load NS FILE
rules_load()
{
	in_ns "$1" "$IPTABLES-restore" -w < "$2"
}

# rules_save NS [OPTION...]: with counters, without what depends on the time
rules_save()
{
	local ns="$1"

	shift
	in_ns "$ns" "$IPTABLES-save" -c "$@" | sed '/^#/d'
}

# counter NS CHAIN RULE [TABLE]: packets of a rule, counted from 1
counter()
{
	ipt "$1" -t "${4:-filter}" -L "$2" "$3" -v -x -n | awk '{ print $1 }'
}

# Waiting

# wait_for SECONDS COMMAND...: until the command succeeds. Fails if it has not by
# then. What it says is lost.
wait_for()
{
	local end=$(($(date +%s) + $1))

	shift
	until "$@" > /dev/null 2>&1; do
		[ "$(date +%s)" -lt "$end" ] || return 1
		sleep 0.1
	done
}

# at_rest SECONDS COMMAND...: true if the command says the same after that time
at_rest()
{
	local time="$1" before

	shift
	before=$("$@")
	sleep "$time"
	[ "$before" = "$("$@")" ]
}

# listens NS PROTOCOL PORT: true if a server of "tcp" or "udp" does
listens()
{
	in_ns "$1" ss -Hln "--$2" "sport = :$3" | grep -q .
}

# Kernel log

# klog_mark: put a line into the kernel log that klog_since finds again
klog_mark()
{
	klog_count=$((${klog_count:-0} + 1))
	echo "bpfilter-test mark $$.$klog_count" > /dev/kmsg
}

# klog_since: what the kernel has logged since klog_mark, without the times. It
# fails if the log is full and the mark has gone, and maybe more with it.
klog_since()
{
	dmesg | awk -v mark="bpfilter-test mark $$.$klog_count" '
		found { sub(/^\[[^]]*\] /, ""); print }
		substr($0, length - length(mark) + 1) == mark { found = 1 }
		END { exit !found }'
}

# klog_lacks REGEX: true if no line since klog_mark matches, and none is lost
klog_lacks()
{
	klog_since > "$scratch/klog" || {
		echo "the kernel log has lost its beginning"
		return 1
	}
	! grep -E "$1" "$scratch/klog"
}

# Results

# plan NUMBER
plan()
{
	ktap_print_header
	ktap_set_plan "$1"
}

# check DESCRIPTION COMMAND...: ok if the command succeeds; if it does not, what
# it said goes into the log
check()
{
	local desc="$1"

	shift
	if "$@" > "$scratch/check.log" 2>&1; then
		ktap_test_pass "$desc"
	else
		ktap_test_fail "$desc"
		note_file "$scratch/check.log"
	fi
}

# check_fails DESCRIPTION COMMAND...: ok if the command fails
check_fails()
{
	local desc="$1"

	shift
	if "$@" > "$scratch/check.log" 2>&1; then
		ktap_test_fail "$desc"
		note_file "$scratch/check.log"
	else
		ktap_test_pass "$desc"
	fi
}

# check_is DESCRIPTION EXPECTED FOUND
check_is()
{
	if [ "$2" = "$3" ]; then
		ktap_test_pass "$1"
	else
		ktap_test_fail "$1"
		note "expected: $2"
		note "found:    $3"
	fi
}

# skip DESCRIPTION REASON
skip()
{
	ktap_test_skip "$1 ($2)"
}

note()
{
	printf '# %s\n' "$*"
}

note_file()
{
	sed 's/^/# /' "$1"
}

finish()
{
	ktap_finished
}
