#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# bpfilter trace: it tells of the rules that the native engine's target TRACE
# logs, for tables of both engines, and leaves nothing behind.

# shellcheck disable=SC2154	# $scratch, and namespaces from ns_add and side_add

# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"
# shellcheck source=/dev/null
. "$(dirname "$0")/lib-side.sh"
# shellcheck source=/dev/null
. "$(dirname "$0")/lib-trace.sh"
tmp=$scratch
BPFILTER=${BPFILTER:-bpfilter}
LOG_ALL=/proc/sys/net/netfilter/nf_log_all_netns
LOG_INSTANCES=/proc/net/netfilter/nfnetlink_log
LOGGER=/proc/sys/net/netfilter/nf_log

require_bpfilter
require_cmd "$BPFILTER" "$IPTABLES-restore" "$(side_ipt 6)-restore" bpftool jq \
	ping setpriv
[[ -e $LOG_ALL ]] || skip_all "no $LOG_ALL"
[[ -e $LOG_INSTANCES ]] || modprobe -q nfnetlink_log 2>/dev/null
[[ -e $LOG_INSTANCES ]] || skip_all "no nfnetlink_log in this kernel"
log_all=$(cat $LOG_ALL)
echo 1 > $LOG_ALL

test_cleanup()
{
	[[ -z $pid ]] || kill "$pid" 2>/dev/null
	echo "$log_all" > $LOG_ALL
}

# links: netfilter programs that are attached by links, in any namespace. Older
# bpftools know the type's number only.
links()
{
	bpftool -j link show |
		jq '[.[] | select(.type == "netfilter" or .type == 10)] | length'
}

# link_places: family and hook of those that the command holds
link_places()
{
	sed -nE 's/^pf:\t([0-9]+)\thooknum:\t([0-9]+)\t.*/\1 \2/p' \
		/proc/"$pid"/fdinfo/* | sort
}

links_are()
{
	[[ $(links) = "$1" ]]
}

# wait_links NUMBER
wait_links()
{
	wait_for 60 links_are "$1" && return
	note "links: $(links), not $1"
	return 1
}

# trace_start NS ARGUMENT...: output to $tmp/out, process in $pid
pid=
trace_start()
{
	local ns=$1

	shift
	"$BPFILTER" -n "$ns" "$@" > "$tmp/out" 2> "$tmp/err" &
	pid=$!
	wait_links 2 || note_file "$tmp/err"
}

# trace_end [SIGNAL]: its exit status to $status
trace_end()
{
	kill "-${1:-INT}" "$pid"
	wait "$pid" 2>/dev/null
	status=$?
	pid=
}

trace_has_ended()
{
	! kill -0 "$pid"
}

# What TRACE logs, as PORT TABLE:CHAIN:KIND:NUMBER
log_lines()
{
	sed -nE 's/^TRACE: ([^ ]*) .* DPT=([0-9]+) .*/\2 \1/p'
}

json_lines()
{
	jq -r '"\(.destination_port) \(.table):\(.chain):\(.kind):\(.number)"'
}

# logged FAMILY: what the native engine's target TRACE says, to $tmp/want
logged()
{
	side_add native box
	rules "$1" "-p udp" | in_ns "$box" "$(side_ipt "$1")-restore" -w || return
	klog_mark
	steps "$1" | in_ns "$box" "$PKTRUN" "$1" > "$tmp/packets" 2>&1
	klog_since | log_lines > "$tmp/want"
	side_del box
}

# told FAMILY ENGINE: what the command says of the same packets, to $tmp/found
told()
{
	side_add "$2" box
	rules "$1" "-p dccp" | in_ns "$box" "$(side_ipt "$1")-restore" -w || return
	trace_start "$box" -j trace "ipv$1" -p udp
	steps "$1" | in_ns "$box" "$PKTRUN" "$1" > "$tmp/packets" 2>&1
	trace_end
	json_lines < "$tmp/out" > "$tmp/found"
	side_del box
}

same_lines()
{
	[[ -s $tmp/want ]] || return
	diff "$tmp/want" "$tmp/found"
}

test_family()
{
	if ((NATIVE)); then
		logged "$1"
		told "$1" native
		check "IPv$1: native tables: as TRACE logs" same_lines
		told "$1" bpfilter
		check "IPv$1: bpfilter's tables: as native's TRACE logs" same_lines
	else
		skip "IPv$1: native tables: as TRACE logs" "no native engine"
		skip "IPv$1: bpfilter's tables: as native's TRACE logs" \
			"no native engine"
		told "$1" bpfilter
	fi
	check_is "IPv$1: packets are told apart" 10 \
		"$(jq -s 'map(.packet) | unique | length' "$tmp/out")"
	check_is "IPv$1: and none is told as two" 10 \
		"$(jq -s 'map({packet, destination_port}) | unique | length' \
			"$tmp/out")"
	check_is "IPv$1: text of a rule" \
		"-A FORWARD -p udp -m udp --dport 9 -j outer" \
		"$(jq -r 'select(.destination_port == 9 and .table == "filter" and
			.chain == "FORWARD" and .number == 4).text' "$tmp/out")"
}

# One ping through OUTPUT and INPUT, and its answer
PING_RULES='*filter
:web - [0:0]
-A INPUT -s 192.0.2.1/32 -j DROP
-A INPUT -p icmp -j web
-A OUTPUT -p icmp -m comment --comment "only counts"
-A web -p tcp -j DROP
COMMIT
'

# The way of one packet: to itself
ping_way()
{
	local icmp="icmp 127.0.0.1 > 127.0.0.1 type $2 code 0 id ID seq 1, 84 bytes"

	cat << END
packet $1  ipv4  $icmp
  OUTPUT  out lo
    filter:OUTPUT:rule:1  -A OUTPUT -p icmp -m comment --comment "only counts"  => continue
    filter:OUTPUT:policy:2  -P OUTPUT ACCEPT  => ACCEPT
packet $(($1 + 1))  ipv4  $icmp
  INPUT  in lo
    filter:INPUT:rule:2  -A INPUT -p icmp -j web  => jump web
    filter:web:return:2  => RETURN
    filter:INPUT:policy:3  -P INPUT ACCEPT  => ACCEPT
END
}

test_ping()
{
	ping_way 1 8 > "$tmp/want"
	ping_way 3 0 >> "$tmp/want"
	in_ns "$2" "$IPTABLES-restore" -w <<< "$PING_RULES"
	trace_start "$2" -c 4 trace -p icmp
	in_ns "$2" ping -q -c 1 -W 1 127.0.0.1 > /dev/null
	wait_for 60 trace_has_ended || kill "$pid"
	wait "$pid"
	status=$? pid=
	sed 's/ id [0-9]* / id ID /' "$tmp/out" > "$tmp/found"
	check "a ping, its answer and their rules, $1" diff "$tmp/want" "$tmp/found"
	check_is "it ends by itself, $1" 0 "$status"
}

# progs NS: the programs in force and what is in them
progs()
{
	local id

	for id in $("$BPFILTER" -n "$1" -j show |
			jq '.netns[0].tables[].hooks[].id // empty'); do
		bpftool -j prog show id "$id" |
			jq -r '"\(.id) \(.tag) \(.bytes_jited)"'
		bpftool prog dump xlated id "$id" opcodes
	done
}

loggers()
{
	in_ns "$1" cat "$LOGGER/2" "$LOGGER/10"
}

# loggers_are NS LOGGERS
loggers_are()
{
	[[ $(loggers "$1") = "$2" ]]
}

# Off, on and off again: programs, hooks and loggers
test_traces()
{
	local before loggers

	before=$(progs "$box")
	loggers=$(loggers "$box")
	check_is "off: nothing is attached" 0 "$(links)"
	trace_start "$box" trace -p icmp
	check_is "on: a program each at PREROUTING and OUTPUT" \
		"2 0,2 3," "$(link_places | tr '\n' ,)"
	check "there are programs to compare" test -n "$before"
	check_is "on: the tables' programs are the same" "$before" "$(progs "$box")"
	check_is "a second trace is refused" \
		'group 0 of nfnetlink_log belongs to port id' \
		"$("$BPFILTER" -n "$box" -j trace |
			jq -r .error | grep -o '^group.* port id')"
	trace_end
	check_is "SIGINT ends it well" 0 "$status"
	check_is "off again: nothing is attached" 0 "$(links)"
	check_is "off again: the tables' programs are the same" "$before" \
		"$(progs "$box")"
	check_is "off again: loggers are what they were" "$loggers" \
		"$(loggers "$box")"
	trace_start "$box" trace -p icmp
	trace_end KILL
	check "killed: nothing is attached" wait_links 0
	wait_for 60 loggers_are "$box" "$loggers"
	check_is "killed: loggers are what they were" "$loggers" "$(loggers "$box")"
	in_ns "$box" sh -c "echo nfnetlink_log > $LOGGER/2; echo NONE > $LOGGER/10"
	trace_start "$box" trace -p icmp
	trace_end TERM
	check_is "nfnetlink_log stays, and no logger stays no logger" \
		"$(printf 'nfnetlink_log\nNONE')" "$(loggers "$box")"
}

# err ARGUMENT...: why the command fails, as JSON tells it
err()
{
	"$BPFILTER" -n "$box" -j trace "$@" | jq -r .error
}

test_filters()
{
	check_is "a bridged match is refused by name" \
		'filter: match "limit" revision 0 is not translated' \
		"$(err -m limit --limit 1/s)"
	check_is "a target is refused" 1 \
		"$("$BPFILTER" -n "$box" trace -j DROP > /dev/null 2>&1; echo $?)"
	check_is "options stand before the command" \
		'-c stands before "trace", what follows is a filter' \
		"$(err -c 4 -p icmp)"
	check_is "nothing is left of what was refused" 0 "$(links)"
	check_is "without privileges" "not permitted: this takes CAP_NET_ADMIN" \
		"$(in_ns "$box" setpriv --bounding-set=-all --inh-caps=-all \
			--reuid=65534 --clear-groups "$BPFILTER" -j trace |
			jq -r .error)"
}

# sent STEP...: ports of packets that are told of with the filter in $filter
sent()
{
	local step

	side_add bpfilter box2
	# It takes a table to tell of a packet
	in_ns "$box2" "$(side_ipt "${family:-4}")" -w -t mangle -S > /dev/null
	# shellcheck disable=SC2086	# words
	trace_start "$box2" -j trace $filter
	for step in "$@"; do
		in_ns "$box2" "$PKTRUN" "${family:-4}" <<< "$step" > /dev/null
	done
	trace_end
	jq -s -r 'map(.destination_port // 0) | unique | join(" ")' "$tmp/out"
	side_del box2
}

test_packets()
{
	local filter family

	filter="-i in0 -p tcp --dport 40:41"
	check_is "an input device and ports" "40 41" \
		"$(sent "tcp dport=40" "tcp dport=42" "tcp local dport=41" \
			"tcp dport=41")"
	filter="-o out0 -p udp"
	check_is "an output device is that of the host's own packets" 43 \
		"$(sent "udp dport=42" "udp local dport=43")"
	filter="-p udp -m multiport ! --dports 50,51"
	check_is "a match that is translated" 52 \
		"$(sent "udp dport=50" "udp dport=51" "udp dport=52")"
	check_is "packets that are alike" "52" "$(sent "udp n=3 dport=52")"
	check_is "are told apart" 3 \
		"$(jq -s 'map(.packet) | unique | length' "$tmp/out")"
	filter="ipv6 -p udp --dport 60" family=6
	check_is "behind IPv6 extension headers" 60 \
		"$(sent "udp dport=60 ext=hbh" "udp dport=61 ext=hbh")"
	check_is "a filter of IPv6 says nothing of IPv4" '' \
		"$(family=4 sent "udp dport=60")"
}

NATIVE=0
! have_native || NATIVE=1
plan 38
test_family 4
test_family 6
ns_add box nat
bpfilter_on "$box"
bpfilter_off "$nat"
test_ping bpfilter "$box"
if ((NATIVE)); then
	test_ping native "$nat"
else
	skip "a ping, its answer and their rules, native" "no native engine"
	skip "it ends by itself, native" "no native engine"
fi
test_traces
test_filters
test_packets
finish
