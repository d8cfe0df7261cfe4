#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Rules in the tools of BPF: the lines that the translator prints are those of
# iptables-save, and bpftool shows them above the instructions.

# shellcheck disable=SC2154	# $box and its like come from ns_add
# shellcheck disable=SC2153	# lib.sh sets IPTABLES
# shellcheck disable=SC3043	# every sh that runs selftests has local

# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"

BPFILTER=${BPFILTER:-bpfilter}
IP6TABLES=${IP6TABLES:-ip6tables-legacy}

require_bpfilter
require_cmd "$BPFILTER" "$IP6TABLES" bpftool jq

# What the translator leaves to the kernel, in a line: -m NAME[REVISION]
BRIDGED=' -[mj] [A-Za-z0-9_]*\[[0-9]*\]'

# saved NS IPTABLES TABLE: the rules as iptables-save has them, by chain
saved()
{
	in_ns "$1" "$2-save" -t "$3" | grep '^-A' | sort -s -k 2,2
}

# printed NS FAMILY TABLE: the same as the translator has them
printed()
{
	in_ns "$1" "$BPFILTER" dump table "$2" "$3" ir |
		sed -n 's/^         \(-A .*\)/\1/p' | sort -s -k 2,2
}

# lines_differ NS IPTABLES FAMILY TABLE: rules of which the two say something
# else, those with a bridged extension apart, and how many were compared
lines_differ()
{
	saved "$1" "$2" "$4" > "$scratch/saved"
	printed "$1" "$3" "$4" > "$scratch/printed"
	[ "$(wc -l < "$scratch/saved")" = "$(wc -l < "$scratch/printed")" ] ||
		echo "not as many"
	paste -d '\n' "$scratch/saved" "$scratch/printed" |
		awk -v bridged="$BRIDGED" '
			NR % 2 { saved = $0; next }
			$0 ~ bridged { next }
			{ compared++ }
			saved != $0 { print saved "\n" $0 }
			END { print compared + 0 " compared" }'
}

# check_lines FILE FAMILY IPTABLES TABLE COMPARED
check_lines()
{
	check_is "lines of $(basename "$1"), table $4, are those of $3-save" \
		"$5 compared" "$(lines_differ "$box" "$3" "$2" "$4")"
}

# prog NS HOOK [FAMILY]: id of a program of table filter
prog()
{
	in_ns "$1" "$BPFILTER" -j show | jq -r ".netns[0].tables[] |
		select(.name == \"filter\" and
		       .family == \"${3:-ipv4}\").hooks[] |
		select(.hook == \"$2\").id"
}

# lines ID: what bpftool shows between the instructions
lines()
{
	bpftool prog dump xlated id "$1" linum | sed -n 's/^; //p'
}

# above ID LINE: the instructions below a line, up to the next
above()
{
	bpftool prog dump xlated id "$1" linum | awk -v line="; $2 [" '
		/^;/ || /^[a-z]/ { on = index($0, line) == 1; next }
		on'
}

full_name()
{
	bpftool -j prog show id "$1" | jq -r .name
}

set_small()
{
	in_ns "$1" "$IPTABLES-restore" -w <<-EOF
		*filter
		:INPUT DROP [0:0]
		:FORWARD ACCEPT [0:0]
		:OUTPUT ACCEPT [0:0]
		:ssh - [0:0]
		-A INPUT -i lo -j ACCEPT
		-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		-A INPUT -p tcp -m tcp --dport 22 -j ssh
		-A INPUT -p udp -m udp --dport 22 -j ssh
		-A INPUT -m recent --name seen --set -j LOG
		-A ssh -s 10.0.0.0/8 -m comment --comment "our own" -j ACCEPT
		-A ssh -s 192.0.2.1/32 -j DROP
		-A ssh -s 192.0.2.2/32 -j DROP
		-A ssh -s 192.0.2.3/32 -j DROP
		COMMIT
	EOF
}

small_lines()
{
	cat <<-EOF
		# table filter ipv4, hook INPUT, netns $inode [file:ipv4/filter/INPUT line_num:0 line_col:0]
		-A INPUT -i lo -j ACCEPT [file:ipv4/filter/INPUT line_num:1 line_col:0]
		-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT [file:ipv4/filter/INPUT line_num:2 line_col:0]
		-A INPUT -p tcp -m tcp --dport 22 -j ssh [file:ipv4/filter/INPUT line_num:3 line_col:0]
		-A INPUT -p udp -m udp --dport 22 -j ssh [file:ipv4/filter/INPUT line_num:4 line_col:0]
		-A INPUT -m recent[1] -j LOG[0] [file:ipv4/filter/INPUT line_num:5 line_col:0]
		-P INPUT DROP [file:ipv4/filter/INPUT line_num:6 line_col:0]
	EOF
}

ssh_lines()
{
	cat <<-EOF
		# chain ssh [file:ipv4/filter/ssh line_num:0 line_col:0]
		-A ssh -s 10.0.0.0/8 -m comment --comment "our own" -j ACCEPT [file:ipv4/filter/ssh line_num:1 line_col:0]
		-A ssh -s 192.0.2.1/32 -j DROP [file:ipv4/filter/ssh line_num:2 line_col:0]
		-A ssh -s 192.0.2.2/32 -j DROP [file:ipv4/filter/ssh line_num:3 line_col:0]
		-A ssh -s 192.0.2.3/32 -j DROP [file:ipv4/filter/ssh line_num:4 line_col:0]
		# end of ssh [file:ipv4/filter/ssh line_num:5 line_col:0]
	EOF
}

# A chain of 300 addresses that INPUT jumps to
set_list()
{
	{
		printf '*filter\n:list -\n-A INPUT -j list\n'
		seq -f '-A list -s 192.0.2.%.0f -j DROP' 0 255
		seq -f '-A list -s 198.51.100.%.0f -j DROP' 1 44
		echo COMMIT
	} | in_ns "$1" "$IPTABLES-restore" -w
}

data=$(dirname "$0")/data
ns_add box
bpfilter_on "$box"
inode=$(in_ns "$box" stat -L -c %i /proc/self/ns/net)

plan 18

check "rules in all forms are set" rules_load "$box" "$data/text/v4.rules"
check_lines "$data/text/v4.rules" ipv4 "$IPTABLES" filter 139
check_lines "$data/text/v4.rules" ipv4 "$IPTABLES" mangle 6
check "rules of IPv6 are set" sh -c "ip netns exec '$box' \
	'$IP6TABLES-restore' -w < '$data/text/v6.rules'"
check_lines "$data/text/v6.rules" ipv6 "$IP6TABLES" filter 24
check "rules with chains are set" rules_load "$box" "$data/chains.rules"
check_lines "$data/chains.rules" ipv4 "$IPTABLES" filter 45

check "a small ruleset is set" set_small "$box"
id=$(prog "$box" INPUT)
check_is "a program's full name has its network namespace" \
	"filter_INPUT_$inode" "$(full_name "$id")"
check_is "rules stand above their instructions, in their order" \
	"$(small_lines)" "$(lines "$id" | sed -n '1,/^-P/p')"
check_is "so do those of a user chain" "$(ssh_lines)" \
	"$(lines "$id" | sed -n '/^# chain ssh/,/^# end/p')"
check_is "a jump calls under its rule's line" 1 \
	"$(above "$id" '-A INPUT -p tcp -m tcp --dport 22 -j ssh' |
		grep -c '_ssh$')"
check_is "the command shows the same source" \
	"$(lines "$id" | sed 's/ \[file:.*//')" \
	"$(in_ns "$box" "$BPFILTER" dump table filter insns |
		sed -n 's/^; //p')"
check_is "a verdict is given under its rule's line" 1 \
	"$(above "$id" '-A ssh -s 192.0.2.1/32 -j DROP' | grep -c exit)"

check "a long list is set" set_list "$box"
id=$(prog "$box" INPUT)
check_is "the call of a chain that is data says so" 1 \
	"$(lines "$id" | grep -c '^# chain list as data: 301 records, 1 classifier ')"
check_is "what walks it says what it does" 1 \
	"$(lines "$id" | grep -c '^# walk: the rule matched, count the packet ')"

check_is "a program of IPv6 has its family in the name" \
	"filter6_INPUT_$inode" "$(in_ns "$box" "$IP6TABLES" -w -A INPUT -i lo \
		-j ACCEPT; full_name "$(prog "$box" INPUT ipv6)")"

finish
