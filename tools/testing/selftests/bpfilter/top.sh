#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# bpfilter top: rates of rules, for tables of both engines, also while rules
# come and go.

# shellcheck disable=SC2154	# $box and its like come from ns_add
# shellcheck disable=SC3043	# every sh that runs selftests has local

# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"

BPFILTER=${BPFILTER:-bpfilter}

require_bpfilter
require_cmd "$BPFILTER" jq ping

RULES='*filter
:pings -
-A INPUT -p tcp -j DROP
-A INPUT -p icmp -m icmp --icmp-type 8 -j pings
-A pings -m comment --comment "only counts"
COMMIT'

# pings NS NUMBER
pings()
{
	in_ns "$1" ping -q -i 0.002 -c "$2" 127.0.0.1 > /dev/null
}

top()
{
	local ns="$1"

	shift
	"$BPFILTER" -n "$ns" "$@"
}

# watch NS COMMAND...: two samples of $RULES to $scratch/top, the command is run
# between them. The first interval is over when its object is there; the second
# one must not be before the command is: a slow machine gets longer ones.
watch()
{
	local ns="$1" seconds samples pid

	shift
	for seconds in 3 12 48; do
		echo "$RULES" | in_ns "$ns" "$IPTABLES-restore" -w
		: > "$scratch/top"
		top "$ns" -j -a -i "$seconds" -c 2 top > "$scratch/top" &
		pid=$!
		wait_for $((seconds + 60)) test -s "$scratch/top" || return
		"$@"
		samples=$(wc -l < "$scratch/top")
		wait "$pid" || return
		[ "$samples" -gt 1 ] || return 0
	done
	return 1
}

# found FILTER: a value of the second sample, whose rules are known by their text
found()
{
	jq -s -r ".[1].seconds as \$s | .[1].rules as \$rules |
		def rule(t): \$rules[] | select(.text == t);
		def rate: if .packets_per_second then
			.packets_per_second * \$s | round else \"none\" end;
		$1" "$scratch/top"
}

# rate TEXT: packets in the second interval
rate()
{
	found "rule(\"$1\") | rate"
}

# place TEXT
place()
{
	found "rule(\"$1\") |
		\"\\(.family) \\(.table) \\(.chain) \\(.number) \\(.policy)\""
}

PINGS='-A INPUT -p icmp -m icmp --icmp-type 8 -j pings'

test_engine()
{
	check "two samples, $1" watch "$2" pings "$2" 7
	check_is "packets in between, $1" 7 "$(rate "$PINGS")"
	check_is "and bytes, $1" $((7 * 84)) \
		"$(found "rule(\"$PINGS\") | .bytes_per_second * \$s | round")"
	check_is "its place, $1" "ipv4 filter INPUT 2 false" "$(place "$PINGS")"
	check_is "what it does, $1" "jump pings" \
		"$(found "rule(\"$PINGS\") | \"\\(.verdict) \\(.to)\"")"
	check_is "a user chain's rule, $1" 7 \
		"$(rate '-A pings -m comment --comment \"only counts\"')"
	check_is "a policy, $1" "14 ipv4 filter OUTPUT 1 true" \
		"$(rate '-P OUTPUT ACCEPT') $(place '-P OUTPUT ACCEPT')"
	check_is "the fastest first, $1" "-P INPUT ACCEPT" \
		"$(jq -s -r '.[1].rules[0].text' "$scratch/top")"
	check_is "a rule at rest, $1" 0 "$(rate '-A INPUT -p tcp -j DROP')"
	watch "$2" change "$2"
	check_is "a rule that moved, $1" "5 ipv4 filter INPUT 2 false" \
		"$(rate "$PINGS") $(place "$PINGS")"
	check_is "a rule that came, $1" none "$(rate '-A INPUT -p udp -j DROP')"
}

# A rule goes, one comes, and those between them stay
change()
{
	ipt "$1" -D INPUT 1 &&
	ipt "$1" -I INPUT -p udp -j DROP &&
	pings "$1" 5
}

# status COMMAND...
status()
{
	"$@" > /dev/null 2>&1
	echo $?
}

test_output()
{
	local pid

	ip netns exec "$box" ping -q -i 0.1 127.0.0.1 > /dev/null &
	pid=$!
	top "$box" -1 -i 2 top ipv4 filter > "$scratch/plain"
	kill -INT "$pid"
	wait "$pid"
	check "plain output has the rule" grep -q \
		"  ipv4 filter 2  -A INPUT -p icmp -m icmp --icmp-type 8 -j pings\$" \
		"$scratch/plain"
	check_fails "without -a no rule at rest" grep -q 'udp' "$scratch/plain"
	top "$box" -1 -i 0.1 -a top filter > "$scratch/plain"
	check "with -a those too" grep -q ' 0.0 .*-A INPUT -p udp -j DROP$' \
		"$scratch/plain"
	check_is "each sample is a line of JSON" 3 \
		"$(top "$box" -j -i 0.1 -c 3 top | wc -l)"
	check_is "a table that is not there" \
		'no ipv6 table "filter" in this network namespace' \
		"$(top "$box" -j -1 top ipv6 filter | jq -r .error)"
	check_is "looking did not make it" '' \
		"$(in_ns "$box" cat /proc/net/ip6_tables_names 2>/dev/null)"
	check_is "no interval of 0" 2 "$(status top "$box" -i 0 top)"
	check_is "no count of 0" 2 "$(status top "$box" -c 0 top)"
}

ns_add box nat
bpfilter_on "$box"
bpfilter_off "$nat"
plan 30
test_engine bpfilter "$box"
if have_native; then
	test_engine native "$nat"
else
	for i in 1 2 3 4 5 6 7 8 9 10 11; do
		skip "native tables, case $i" "no native iptables"
	done
fi
test_output
finish
