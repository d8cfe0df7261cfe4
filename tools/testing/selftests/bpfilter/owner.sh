#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Which engine has a table, for each table of both families: rules stay with the
# engine that got them, whatever net.netfilter.bpfilter says later, they work on
# all along, and no packet is seen by both engines.

# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"
# shellcheck source=/dev/null
. "$(dirname "$0")/lib-side.sh"
BPFILTER=${BPFILTER:-bpfilter}

require_bpfilter
require_native
require_cmd "$BPFILTER" jq "$(side_ipt 6)"

declare -A CHAIN=([filter]=FORWARD [nat]=PREROUTING [mangle]=FORWARD
	[raw]=PREROUTING [security]=FORWARD)

# tbl ARGUMENT...: iptables for the table and family that are tested
tbl()
{
	# shellcheck disable=SC2154	# set by side_add
	in_ns "$box" "$(side_ipt "$f")" -w -t "$t" "$@"
}

# Names of the engine of a table as the command shows them
engine_of()
{
	in_ns "$box" "$BPFILTER" -j show | jq -r ".netns[0].tables[] |
		select(.name == \"$1\" and .family == \"ipv$f\") | .engine"
}

# send COUNT: packets, each of a connection of its own
send()
{
	local i

	for ((i = 0; i < $1; i++)); do
		port=$((port + 1))
		echo "udp dport=$port"
	done | in_ns "$box" "$PKTRUN" "$f" | grep -c '^out0:'
}

# packets RULE: that it has counted
packets()
{
	tbl -L "${CHAIN[$t]}" "$1" -nvx | awk '{ print $1 }'
}

names()
{
	local six=

	[[ $f = 6 ]] && six=6
	in_ns "$box" grep -cx "$t" "/proc/net/ip${six}_tables_names"
}

# A rule with an extension that has a state of its own. Table nat needs somebody
# who asks for connections.
add_rule()
{
	local new=

	[[ $t != nat ]] || new="-m conntrack --ctstate NEW"
	# shellcheck disable=SC2086	# words
	tbl -A "${CHAIN[$t]}" -p udp -m limit --limit 100/s \
		--limit-burst 1000 $new
}

# What a table's first owner has stays there: with NAT, what it translated too
stays()
{
	local first=$1 now=$2

	add_rule
	send 3 > /dev/null
	"bpfilter_$now" "$box"
	check_is "IPv$f $t: rules of $first stay where they are" \
		"$first 3 1" "$(engine_of "$t") $(packets 1) $(names)"
	send 2 > /dev/null
	tbl -A "${CHAIN[$t]}" -p udp
	send 4 > /dev/null
	check_is "IPv$f $t: and go on to work, once for each packet" \
		"$first 9 4" "$(engine_of "$t") $(packets 1) $(packets 2)"
}

# Another table of the family, taken now, goes to the engine that is switched on
other_goes_to()
{
	local t=mangle

	[[ $1 = mangle ]] && t=raw
	tbl -A "${CHAIN[$t]}" -p udp
	send 2 > /dev/null
	check_is "IPv$f $1: a table that comes later goes to $2" "$2 2" \
		"$(engine_of "$t") $(packets 1)"
}

# nat is kept once it was changed, the others are given back
given_back()
{
	local want=native

	[[ $t = nat ]] && want=bpfilter
	tbl -F
	bpfilter_off "$box"
	tbl -S > /dev/null
	check_is "IPv$f $t: flushed and switched off, it belongs to $want" \
		"$want 1" "$(engine_of "$t") $(names)"
	add_rule
	send 3 > /dev/null
	check_is "IPv$f $t: and works there" 3 "$(packets 1)"
}

# A packet that must not pass does not while the switch is thrown
no_window()
{
	local passed i

	if [[ $t = nat ]]; then
		skip "IPv$f $t: nothing passes while the switch is thrown" \
			"nothing is dropped in table nat"
		return
	fi
	tbl -I "${CHAIN[$t]}" -p udp -j DROP
	for ((i = 0; i < 16; i++)); do
		in_ns "$box" sh -c "echo $((i % 2)) > /proc/sys/net/netfilter/bpfilter"
		tbl -S > /dev/null
	done &
	passed=$(send 200)
	wait $!
	check_is "IPv$f $t: nothing passes while the switch is thrown" 0 "$passed"
	tbl -D "${CHAIN[$t]}" 1
}

test_table()
{
	side_add native box
	stays native on
	other_goes_to "$t" bpfilter
	side_del box
	side_add bpfilter box
	stays bpfilter off
	other_goes_to "$t" native
	no_window
	bpfilter_on "$box"
	given_back
	side_del box
}

port=1000
# Table nat sees no packet unless something tracks connections: not tested here
plan $((2 * 4 * 9))
for f in 4 6; do
	for t in filter mangle raw security; do
		test_table
	done
done
finish
