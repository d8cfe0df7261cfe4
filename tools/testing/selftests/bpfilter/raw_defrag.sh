#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Table raw before or behind the defragmentation: the native engine's parameters
# iptable_raw.raw_before_defrag and ip6table_raw.raw_before_defrag, bpfilter's
# is bpfilter.raw_before_defrag. They are set at boot only; this tests what was.
#
# BPFILTER_TEST_ENGINE=native puts the native engine on both sides.

# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"
# shellcheck source=/dev/null
. "$(dirname "$0")/lib-side.sh"
# shellcheck disable=SC2154	# set by lib.sh
tmp=$scratch
ENGINE=${BPFILTER_TEST_ENGINE:-bpfilter}

require_cmd ip "$IPTABLES-restore" "$(side_ipt 6)-restore"
case $ENGINE in
bpfilter) require_bpfilter ;;
native) require_native ;;
esac

# before MODULE: is its parameter set?
before()
{
	grep -qwE "$1\\.raw_before_defrag=(1|y|Y)" /proc/cmdline
}

# module FAMILY ENGINE
module()
{
	case $1$2 in
	4native) echo iptable_raw ;;
	6native) echo ip6table_raw ;;
	*) echo bpfilter ;;
	esac
}

# Both rules of table raw count what a later fragment is, and what is none.
# A rule that asks for connections is what puts them together again.
rules()
{
	local later='-f'

	[[ $1 = 4 ]] || later='-m frag --fragid 1 --fraglast'
	expand "$1" "" "*raw
-A PREROUTING $later
-A PREROUTING -p udp -m udp --dport 2000
COMMIT
*filter
-A FORWARD -m conntrack --ctstate NEW,INVALID
COMMIT
"
}

# Two fragments of a datagram
steps()
{
	echo "udp badsum frag=0+ len=8 udplen=24"
	echo "udp frag=16 len=8"
}

# counts FAMILY ENGINE: of the three rules
counts()
{
	local box

	side_add "$2" box
	rules "$1" | in_ns "$box" "$(side_ipt "$1")-restore" -w
	steps | in_ns "$box" "$PKTRUN" "$1" > "$tmp/packets" 2>&1
	in_ns "$box" "$(side_ipt "$1")-save" -c > "$tmp/save"
	sed -n 's/^\[\([0-9]*\):.*/\1/p' "$tmp/save" | sort | paste -sd ' ' -
	side_del box
}

# Behind it, table raw sees one packet. Before it, it sees two; only the first
# has ports.
wanted()
{
	if before "$(module "$1" "$2")"; then
		echo "1 1 1"
	else
		echo "0 1 1"
	fi
}

test_engine()
{
	check_is "IPv$1, $2: fragments in table raw" "$(wanted "$1" "$2")" \
		"$(counts "$1" "$2")"
	note_file "$tmp/packets"
}

plan 4
note "$(cat /proc/cmdline)"
for f in 4 6; do
	if have_native; then
		test_engine $f native
	else
		skip "IPv$f, native: fragments in table raw" "no native engine"
	fi
	test_engine $f "$ENGINE"
done
finish
