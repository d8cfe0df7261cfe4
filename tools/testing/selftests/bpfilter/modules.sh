#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What rules bring into the kernel, and what is left when they are gone: modules
# of extensions and their use, connection tracking, defragmentation. Both
# engines must do the same at each step.
#
# BPFILTER_TEST_ENGINE=native puts the native engine on both sides.

# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"
# shellcheck source=/dev/null
. "$(dirname "$0")/lib-side.sh"
# shellcheck disable=SC2154	# set by lib.sh
tmp=$scratch
ENGINE=${BPFILTER_TEST_ENGINE:-bpfilter}

require_cmd ip "$(side_ipt 6)"
case $ENGINE in
bpfilter) require_bpfilter ;;
native) require_native ;;
esac

# rule FAMILY TABLE ARGUMENT...
rule()
{
	local f=$1 t=$2

	shift 2
	# shellcheck disable=SC2154	# set by side_add
	in_ns "$box" "$(side_ipt "$f")" -w -t "$t" "$@"
}

# --- Connections ---

# A datagram; how many connections there are then
connections()
{
	echo "udp dport=$1" | in_ns "$box" "$PKTRUN" "$f" > /dev/null
	in_ns "$box" grep -c "dport=$1 " /proc/net/nf_conntrack
}

# Tracked or not: without rules, with one, with another that asks too, with the
# second alone, without, with a target that asks, without, with translation,
# without a rule but with the table
tracking()
{
	connections 1
	rule "$f" filter -A FORWARD -m conntrack --ctstate NEW
	connections 2
	rule "$f" mangle -A FORWARD -p udp -j CONNMARK --set-mark 1
	connections 3
	rule "$f" filter -F
	connections 4
	rule "$f" mangle -F
	connections 5
	rule "$f" raw -A PREROUTING -p tcp -j CT --zone 7
	connections 6
	rule "$f" filter -A FORWARD -j MASQUERADE 2> /dev/null
	rule "$f" raw -F
	connections 7
	rule "$f" nat -A POSTROUTING -o alt0 -j MASQUERADE
	connections 8
	rule "$f" nat -F
	connections 9
}

# --- Fragments ---

# Two pieces of a datagram; how many came out, where one is one that was put
# together. Where nothing asks for that they stay two.
pieces()
{
	printf 'udp badsum id=%d frag=0+ len=8 udplen=24\nudp id=%d frag=16 len=8\n' \
		"$1" "$1" | in_ns "$box" "$PKTRUN" "$f" > /dev/null
	rule "$f" mangle -L FORWARD 1 -nvx | awk '{ print $1 }'
	rule "$f" mangle -Z
}

defragmentation()
{
	rule "$f" mangle -A FORWARD -s "${ADDR[${f}A]}"
	pieces 1
	rule "$f" raw -A PREROUTING -m socket
	pieces 2
	rule "$f" raw -F
	pieces 3
	rule "$f" mangle -A PREROUTING -p udp -m udp --dport 7 -j TPROXY --on-port 7
	pieces 4
}

# --- Modules ---

# Modules of extensions and what they rest on, with their users. Those of the
# engines themselves differ.
modules()
{
	awk '/^(xt_|ipt_|ip6t_|nf_|nft_|ip_set)/ { print $1, $3 }' \
		/proc/modules | sort
}

# What is there after a step that was not so before all steps
module_step()
{
	echo "after: $*"
	modules | comm -13 "$tmp/before" -
}

loading()
{
	local x

	for x in "-m limit" "-m multiport -p udp --dports 1" "-j LOG" \
		"-m recent --set" "-j REJECT" "-m conntrack --ctstate NEW"; do
		# shellcheck disable=SC2086	# words
		rule "$f" filter -A FORWARD $x
		module_step "$x"
	done
	rule "$f" filter -A FORWARD -m limit
	module_step "one more limit"
	rule "$f" filter -A FORWARD -m quota --quota 5 -j nosuch 2> /dev/null
	module_step "a rule that is refused"
	rule "$f" mangle -A FORWARD -p udp -j MARK --set-mark 1
	rule "$f" mangle -A FORWARD -p tcp --syn -j TCPMSS --set-mss 500 \
		-p tcp --tcp-flags SYN,RST SYN
	module_step "another table"
	rule "$f" filter -D FORWARD 1
	module_step "-D"
	rule "$f" filter -F
	module_step "-F"
	rule "$f" mangle -F
	module_step "-F of the other table"
	rule "$f" filter -A FORWARD -m statistic --mode nth --every 2
	module_step "statistic"
}

# --- Both sides ---

# on_side ENGINE FUNCTION
on_side()
{
	side_add "$1" box
	"$2"
	side_del box
}

# as_before FILE
as_before()
{
	modules | diff "$1" -
}

# The namespace may take its time to end
unused_again()
{
	wait_for 60 as_before "$1"
	as_before "$1"
}

# No rule uses an extension; what another module uses has its name there
none_used()
{
	awk '/^(xt|ipt|ip6t)_/ && $4 == "-" && $3 > 0 { used = 1 }
		END { exit used }' /proc/modules
}

# compare WHAT FUNCTION WANTED: on both sides, the lines of output in one line
compare()
{
	local want=$3

	if ((NATIVE)); then
		check_is "IPv$f: $1, native" "$want" \
			"$(on_side native "$2" 2>&1 | paste -sd ' ' -)"
	else
		skip "IPv$f: $1, native" "no native engine"
	fi
	check_is "IPv$f: $1" "$want" \
		"$(on_side "$ENGINE" "$2" 2>&1 | paste -sd ' ' -)"
}

have_modules()
{
	[[ -e /proc/modules ]] &&
		[[ -n $(find "/lib/modules/$(uname -r)" -name 'xt_recent.ko*') ]]
}

# Each side loads what was there: first all of it, then the steps are compared
test_modules()
{
	side_add "$ENGINE" box
	loading > /dev/null 2>&1
	side_del box
	wait_for 60 none_used
	modules > "$tmp/before"
	on_side "$ENGINE" loading > "$tmp/b" 2>&1
	check "IPv$f: the module's use ends with the namespace" \
		unused_again "$tmp/before"
	if ((NATIVE)); then
		on_side native loading > "$tmp/a" 2>&1
		unused_again "$tmp/before" > /dev/null
		check "IPv$f: modules are used as by the native engine" \
			diff "$tmp/a" "$tmp/b"
	else
		skip "IPv$f: modules are used as by the native engine" \
			"no native engine"
	fi
	check "IPv$f: rules load modules and use them" \
		grep -q '^xt_recent 1$' "$tmp/b"
	check "IPv$f: a module without users can be unloaded" modprobe -r xt_recent
	side_add "$ENGINE" box
	check "IPv$f: and comes back" \
		rule "$f" filter -A FORWARD -m recent --set
	check_fails "IPv$f: one with users cannot be" modprobe -r xt_recent
	side_del box
}

no_modules()
{
	local what

	for what in "the module's use ends with the namespace" \
		"modules are used as by the native engine" \
		"rules load modules and use them" \
		"a module without users can be unloaded" "and comes back" \
		"one with users cannot be"; do
		skip "IPv$f: $what" "extensions are built in"
	done
}

NATIVE=0
! have_native || NATIVE=1
plan 20
for f in 4 6; do
	compare "connections are tracked while rules ask" tracking \
		"0 1 1 1 0 1 0 1 0"
	compare "fragments are put together while rules ask" defragmentation \
		"2 1 2 1"
	if have_modules; then
		test_modules
	else
		no_modules
	fi
done
finish
