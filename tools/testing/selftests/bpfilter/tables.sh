#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Every command of iptables, ip6tables and their save and restore in each table,
# in a namespace of the native engine and in one of bpfilter: the same output,
# the same messages, the same exit status, which is also that of the list.
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

# A chain of each table that forwarded packets go through
declare -A CHAIN=([filter]=FORWARD [nat]=PREROUTING [mangle]=FORWARD
	[raw]=PREROUTING [security]=FORWARD)
# Status, then arguments behind "-w -t TABLE"; %chain as above. "save" and
# "restore" are those commands, with what the text of that name holds as input.
# ">" is a packet, a step of pktrun.
commands()
{
	cat <<'END'
0 -S
0 -L -n
0 -L -v -n -x --line-numbers
0 -N web
1 -N web
1 -N %chain
2 -N a-name-that-is-too-long-for-a-chain
0 -A web -s %A -p udp -m udp --dport 2000 -j RETURN
0 -A web -i in0
0 -A %chain -p udp -j web
0 -A %chain -p tcp -g web
0 -I %chain -p tcp -m tcp --dport 22
0 -I %chain 2 -p tcp -m tcp --dport 23
1 -I %chain 99 -p tcp
0 -R %chain 1 -p tcp -m tcp --dport 24
1 -R %chain 99 -p tcp
0 -A %chain ! -s %B/24 ! -i out0 -m comment --comment "two words"
0 -A %chain -m conntrack --ctstate NEW -j ACCEPT
0 -C %chain -p udp -j web
1 -C %chain -p udp -j ACCEPT
2 -C %chain -p udp -m nosuch
0 -S
0 -S web
0 -S web 1
0 -S web -v
1 -S nosuch
0 -L web -n
0 -L web 1 -v -x -n
1 -L nosuch
> udp n=3
> udp dport=7 len=100
> tcp dport=24
> tcp dport=23
0 -L -v -x -n --line-numbers
0 -L -v -n
0 -S -v
0 save -c
0 save
0 -Z %chain 1
1 -Z %chain 99
0 -L %chain -v -x -n
0 -Z web
0 -L -v -x -n
> udp n=2
0 -L %chain -v -x -n -Z
0 -L -v -x -n
0 -Z
0 -L -v -x -n
> udp
0 -c 7 700 -A web -p icmp
0 -c 8 800 -I web -p udp
0 -L web -v -x -n
1 -X web
1 -X %chain
1 -E web %chain
1 -E nosuch other
0 -E web net
0 -S
2 -D %chain -p udp -j web
0 -D %chain -p udp -j net
1 -D %chain 99
0 -D %chain 1
1 -D nosuch 1
1 -P nosuch ACCEPT
1 -P net ACCEPT
1 -P %chain REJECT
0 -P %chain ACCEPT
1 -A nosuch -p udp
2 -A %chain -j nosuch
2 -A %chain -p 300
2 -A %chain -p tcp --dport 70000
2 -A %chain --nosuch
0 -N a
0 -N b
0 -A a -j b
0 -A b -j a
1 -A %chain -j a
0 -F b
0 -A %chain -j a
1 -A b -j a
1 -A %chain -j %chain
2 -A %chain -j a --nosuch
0 -N own
0 -A own -m owner --uid-owner 0
1 -A %chain -j own
1 -A %chain -m owner --uid-owner 0
1 -A %chain -j MASQUERADE
0 --modprobe=/bin/true -S a
0 -w 5 -S b
0 -S
0 save -c
0 restore plain
0 -S
0 -S -v
0 -A extra -p udp
0 restore -n more
0 save -c
0 restore -c counters
0 save -c
0 restore -c -n counters
0 save -c
0 restore -T %table both
0 -S
0 restore -t plain
1 restore --test broken_end
2 restore broken
2 restore unknown
1 restore nothing
0 restore -v plain
0 save -c
> udp n=2
0 save -c
0 -F extra
1 -F nosuch
0 -F
2 -X extra nosuch
0 -X extra
0 -X
0 -S
0 -Z
0 save -c
END
}

# Inputs of restore; each begins with its name
inputs()
{
	cat <<'END'
plain
*%table
:extra - [0:0]
-A %chain -s %A -j extra
-A extra -p udp -m multiport --dports 1:10,2000
-A extra -m mark --mark 5 -j ACCEPT
COMMIT
more
*%table
:more -
-A %chain -j more
-I %chain -p tcp
COMMIT
counters
*%table
:%chain ACCEPT [5:500]
:extra - [0:0]
[3:300] -A %chain -j extra
[4:400] -A extra -p udp
COMMIT
both
*%other
-A %otherchain -p udp
COMMIT
*%table
-A %chain -p tcp
COMMIT
other
*%other
-A %otherchain -p sctp
COMMIT
broken
*%table
-A %chain -j nosuch
COMMIT
broken_end
*%table
-A %chain -p udp
unknown
*nosuch
COMMIT
nothing
-A %chain -p udp
END
}

# fill TABLE FAMILY: the placeholders of commands and inputs
fill()
{
	local other=raw

	[[ $1 = raw ]] && other=mangle
	expand "$2" "" "$(sed -e "s/%chain/${CHAIN[$1]}/g" -e "s/%table/$1/g" \
		-e "s/%otherchain/${CHAIN[$other]}/g" -e "s/%other/$other/g")"
	echo
}

# input NAME: that of the inputs, to standard output
input()
{
	awk -v name="$1" 'NF == 1 && /^[a-z_]+$/ { on = $1 == name; next } on' \
		"$tmp/inputs"
}

# one TABLE IPT STATUS COMMAND ARGUMENT...
one()
{
	local table=$1 ipt=$2 wanted=$3 rc=0

	shift 3
	case $1 in
	save)
		shift
		"$ipt-save" -t "$table" "$@" 2>&1 | sed '/^#/d'
		rc=${PIPESTATUS[0]} ;;
	restore)
		shift
		"$ipt-restore" -w "${@:1:$#-1}" < <(input "${!#}") 2>&1 ||
			rc=$? ;;
	*)
		"$ipt" -w -t "$table" "$@" 2>&1 || rc=$? ;;
	esac
	if ((rc == wanted)); then
		echo "= $rc"
	else
		echo "= $rc instead of $wanted"
	fi
}

# play TABLE FAMILY: all commands in the current namespace. A line is split as
# the shell does it.
play()
{
	local line ipt

	ipt=$(side_ipt "$2")
	while read -r line; do
		echo "\$ $line"
		case $line in
		'>'*) "$PKTRUN" "$2" <<< "${line#> }" ;;
		*) eval "one $1 $ipt $line" ;;
		esac
	done
}

# start_playing TABLE FAMILY TAG NAMESPACE
start_playing()
{
	in_ns "$4" bash -c 'play "$@"' bash "$1" "$2" \
		< "$tmp/commands" > "$tmp/$1.$2.$3" 2>&1 &
}

# Both sides at the same time
played()
{
	local native box

	fill "$1" "$2" < <(commands) > "$tmp/commands"
	fill "$1" "$2" < <(inputs) > "$tmp/inputs"
	side_add "$ENGINE" box
	[[ $first = b ]] || side_add "native" native
	start_playing "$1" "$2" b "$box"
	[[ $first = b ]] || start_playing "$1" "$2" a "$native"
	wait
	side_del box
	[[ $first = b ]] || side_del native
}

# Each command ended as the list says
as_listed()
{
	! grep -B 12 'instead of' "$tmp/$1.$2.$first"
}

test_table()
{
	played "$1" "$2"
	check "IPv$2 $1: commands end as they must" as_listed "$1" "$2"
	if [[ $first = a ]]; then
		check "IPv$2 $1: both engines say the same" \
			diff "$tmp/$1.$2.a" "$tmp/$1.$2.b"
	else
		skip "IPv$2 $1: both engines say the same" "no native engine"
	fi
}

export -f play one input side_ipt
export IPTABLES tmp
first=b
! have_native || first=a
plan 20
for family in 4 6; do
	for table in filter nat mangle raw security; do
		test_table $table $family
	done
done
finish
