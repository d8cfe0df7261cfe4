#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The commands takeover and release: all tables of both families with rules of
# all sorts, what is listed before and after byte for byte, connections that go
# on, through NAT too, and what is left in force when it fails.
#
#	client 10.1.0.2 -- left [router] right -- 10.2.0.2 server

# shellcheck disable=SC2154,SC2034	# set by ns_add, used by lib.sh
# shellcheck disable=SC2153	# IPTABLES is lib.sh's

# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"

BPFILTER=${BPFILTER:-bpfilter}
IP6TABLES=${IP6TABLES:-ip6tables-legacy}
jobs=

require_bpfilter
require_native
require_cmd "$BPFILTER" "$IP6TABLES" jq socat ping conntrack

test_cleanup()
{
	# shellcheck disable=SC2086	# a list
	[ -z "$jobs" ] || kill $jobs 2>/dev/null
	[ ! -d "$scratch/cgroup/bpft-small" ] ||
		rmdir "$scratch/cgroup/bpft-small"
	umount "$scratch/cgroup" 2>/dev/null
}

# cmd ARGUMENT...: the command in the router's namespace, its output as JSON
cmd()
{
	in_ns "$router" "$BPFILTER" -j "$@" > "$scratch/out"
}

# out FILTER: a value of the last output
out()
{
	jq -r "$1" "$scratch/out"
}

# Which engines there are, by family and table
engines()
{
	in_ns "$router" "$BPFILTER" -j show | jq -r \
		'[.netns[0].tables[].engine] | unique | join(" ")'
}

engine_of()
{
	in_ns "$router" "$BPFILTER" -j show | jq -r ".netns[0].tables[] |
		select(.family == \"$1\" and .name == \"$2\").engine"
}

saved()
{
	rules_save "$router"
	in_ns "$router" "$IP6TABLES-save" -c | sed '/^#/d'
}

# saved_at_rest FILE: when no packet is under way any more
saved_at_rest()
{
	wait_for 60 at_rest 0.5 saved || note "counters do not rest"
	saved > "$1"
}

# --- Namespaces ---

link_up()
{
	ip -n "$router" link add "$1" type veth peer name eth0 netns "$2"
	ip -n "$router" link set "$1" up
	ip -n "$2" link set eth0 up
	ip -n "$router" addr add "10.$3.0.1/24" dev "$1"
	ip -n "$router" addr add "fd0$3::1/64" dev "$1" nodad
	ip -n "$2" addr add "10.$3.0.2/24" dev eth0
	ip -n "$2" addr add "fd0$3::2/64" dev eth0 nodad
	ip -n "$2" route add default via "10.$3.0.1"
	ip -n "$2" -6 route add default via "fd0$3::1"
}

# From now on nobody asks for an address, so that counters rest
neighbours_keep()
{
	local ns addr dev

	for ns in "$client" "$router" "$server"; do
		ip -n "$ns" neigh | while read -r addr _ dev _; do
			ip -n "$ns" neigh change "$addr" dev "$dev" \
				nud permanent
		done
	done
}

set_rules()
{
	in_ns "$router" "$IPTABLES-restore" -w <<-'END' &&
	*raw
	:PREROUTING ACCEPT [11:1111]
	:OUTPUT ACCEPT [0:0]
	[5:50] -A PREROUTING -p udp --dport 9 -j NOTRACK
	COMMIT
	*mangle
	:PREROUTING ACCEPT [0:0]
	:INPUT ACCEPT [0:0]
	:FORWARD ACCEPT [0:0]
	:OUTPUT ACCEPT [0:0]
	:POSTROUTING ACCEPT [0:0]
	-A PREROUTING -p icmp -j MARK --set-mark 7
	-A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
	COMMIT
	*nat
	:PREROUTING ACCEPT [0:0]
	:INPUT ACCEPT [0:0]
	:OUTPUT ACCEPT [0:0]
	:POSTROUTING ACCEPT [0:0]
	[3:180] -A PREROUTING -d 10.1.0.1 -p tcp --dport 80 -j DNAT --to 10.2.0.2:8080
	-A POSTROUTING -o right -j MASQUERADE
	COMMIT
	*filter
	:INPUT DROP [1:2]
	:FORWARD DROP [0:0]
	:OUTPUT ACCEPT [0:0]
	:web - [0:0]
	[18446744073709551000:7] -A INPUT -s 1.2.3.4 -m limit --limit 3/s -j LOG --log-prefix "x y"
	-A INPUT -p icmp -j ACCEPT
	-A INPUT -m recent --name seen --set
	-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
	-A FORWARD -p tcp -m conntrack --ctstate DNAT -g web
	-A FORWARD -p icmp -j ACCEPT
	-A web -p tcp -m multiport --dports 8080,8443 -m comment --comment "the web" -j ACCEPT
	-A web -p tcp -j REJECT --reject-with tcp-reset
	COMMIT
	*security
	:INPUT ACCEPT [0:0]
	:FORWARD ACCEPT [0:0]
	:OUTPUT ACCEPT [0:0]
	-A FORWARD -m quota --quota 1000000000 -j ACCEPT
	COMMIT
	END
	in_ns "$router" "$IP6TABLES-restore" -w <<-'END'
	*nat
	:PREROUTING ACCEPT [0:0]
	:INPUT ACCEPT [0:0]
	:OUTPUT ACCEPT [0:0]
	:POSTROUTING ACCEPT [0:0]
	-A POSTROUTING -o right -j MASQUERADE
	COMMIT
	*filter
	:INPUT ACCEPT [9:900]
	:FORWARD DROP [0:0]
	:OUTPUT ACCEPT [0:0]
	[1:1] -A FORWARD -m conntrack --ctstate NEW,ESTABLISHED -m hl --hl-gt 3 -j ACCEPT
	COMMIT
	END
}

# --- A connection ---

# A server that gives back what it gets, and one connection to it
connection_start()
{
	ip netns exec "$server" socat TCP-LISTEN:8080,fork,reuseaddr EXEC:cat &
	jobs="$jobs $!"
	wait_for 60 listens "$server" tcp 8080 || return
	coproc CONN { ip netns exec "$client" socat - TCP:10.1.0.1:80; }
	jobs="$jobs $CONN_PID"
	exec 5>&"${CONN[1]}" 6<&"${CONN[0]}"
}

# say TEXT: it comes back
say()
{
	local back

	echo "$1" >&5
	read -r -t 30 back <&6 && [[ $back = "$1" ]]
}

# What conntrack knows of it, without what the time changes
mapping()
{
	in_ns "$router" conntrack -L -p tcp 2>/dev/null |
		sed -E 's/^tcp +6 [0-9]+ //' | grep ESTABLISHED
}

ns_add client router server
for ns in "$client" "$router" "$server"; do
	ns_sysctl "$ns" net/ipv6/conf/default/accept_dad 0
	ns_sysctl "$ns" net/ipv6/conf/default/accept_ra 0
	# Groups are reported at once, not up to a second later
	ns_sysctl "$ns" net/ipv6/conf/default/mldv2_unsolicited_report_interval 1
done
bpfilter_off "$router"
ns_sysctl "$router" net/ipv4/ip_forward 1
ns_sysctl "$router" net/ipv6/conf/all/forwarding 1
link_up left "$client" 1
link_up right "$server" 2

plan 53

check "rules are set natively" set_rules
check_is "all tables are native" native "$(engines)"
check "a connection through NAT" connection_start
check "it talks" say "hello"
check "a new flow through IPv6 NAT" in_ns "$client" ping -6 -c 1 -W 30 fd02::2

check "counters can rest" neighbours_keep

# --- Refusals before anything happens ---

cmd takeover; rc=$?
check_is "nothing without the sysctl" \
	"1 net.netfilter.bpfilter is 0 in this network namespace" "$rc $(out .error)"
check_is "all tables are native still" native "$(engines)"
bpfilter_on "$router"
check_is "switching on takes nothing" native "$(engines)"
cmd takeover ipv4 nosuch filter; rc=$?
check_is "nothing if there is no such table" \
	'1 no table "nosuch" in this network namespace' "$rc $(out .error)"
check_is "the other one stays" native "$(engine_of ipv4 filter)"

# --- To and fro, idle ---

saved_at_rest "$scratch/native"
map=$(mapping)
cmd takeover ipv4 filter; rc=$?
check_is "one table is taken over" '0 1 filter bpfilter true' \
	"$rc $(out '.tables | length') $(out '.tables[0] |
		"\(.name) \(.engine) \(.changed)"')"
check_is "it is bpfilter's" bpfilter "$(engine_of ipv4 filter)"
check_is "its IPv6 namesake is not" native "$(engine_of ipv6 filter)"
saved > "$scratch/now"
check "rules and counters are the same" diff "$scratch/native" "$scratch/now"
check "the connection goes on" say "filter is bpfilter's"

saved_at_rest "$scratch/native"
cmd takeover; rc=$?
check_is "all others are taken over" '0 7 6' \
	"$rc $(out '.tables | length') $(out '[.tables[] | select(.changed)] |
		length')"
check_is "they are" bpfilter "$(engines)"
saved > "$scratch/now"
check "rules and counters of all are the same" \
	diff "$scratch/native" "$scratch/now"
check "the connection goes on through NAT" say "all are bpfilter's"
check_is "its mapping is what it was" "$map" "$(mapping)"
check "a flow through IPv6 NAT" in_ns "$client" ping -6 -c 1 -W 30 fd02::2
check "new connections are translated" in_ns "$client" sh -c \
	'echo new | socat -t 30 - TCP:10.1.0.1:80 | grep new'
check "rules can be changed" ipt "$router" -A INPUT -p tcp --dport 22 -j ACCEPT
check "and again" ipt "$router" -D INPUT -p tcp --dport 22 -j ACCEPT
cmd takeover; rc=$?
check_is "nothing is left to do" '0 0' \
	"$rc $(out '[.tables[] | select(.changed)] | length')"

saved_at_rest "$scratch/ours"
map=$(mapping)
cmd release; rc=$?
check_is "all are released" '0 7 7' \
	"$rc $(out '.tables | length') $(out '[.tables[] | select(.changed)] |
		length')"
check_is "they are native" native "$(engines)"
saved > "$scratch/now"
check "rules and counters are the same once more" \
	diff "$scratch/ours" "$scratch/now"
check "the connection goes on through native NAT" say "all are native"
check_is "its mapping is still what it was" "$map" "$(mapping)"
check "a flow through native IPv6 NAT" \
	in_ns "$client" ping -6 -c 1 -W 30 fd02::2
check "native rules can be changed" \
	ipt "$router" -A INPUT -p tcp --dport 22 -j ACCEPT
check_is "the table stays native" native "$(engine_of ipv4 filter)"

# --- Under a ping that must not lose one packet ---

in_ns "$client" ping -q -i 0.01 -c 300 -W 30 10.2.0.2 > "$scratch/ping" 2>&1 &
ping=$!
n=0 moved=0
while kill -0 "$ping" 2>/dev/null; do
	cmd takeover && cmd release && moved=$((moved + 1))
	n=$((n + 1))
done
wait "$ping"
note "$n times to and fro under ping"
check_is "each time all tables moved" "$n" "$moved"
check_is "no packet is lost" "300 packets transmitted, 300 received" \
	"$(sed -n 's/^\(300.*received\),.*/\1/p' "$scratch/ping")"
check "the connection lives" say "still"

# --- What fails leaves what was there ---

# Chains as deep as only data can hold
plan_param=/sys/module/bpfilter/parameters/plan
refuse_by_plan()
{
	local i

	{
		echo "*mangle"
		printf ':c%d -\n' {1..20}
		printf -- '-A PREROUTING -s 10.9.9.%d -j c1\n' 1 2
		for i in {1..19}; do
			printf -- "-A c$i -s 10.9.9.%d -j c$((i + 1))\n" {1..20}
		done
		echo "-A c20 -j DROP"
		echo COMMIT
	} | in_ns "$router" "$IPTABLES-restore" -w &&
	echo 1 > "$plan_param"
}

check "a ruleset that code alone cannot hold" refuse_by_plan
saved_at_rest "$scratch/native"
cmd takeover ipv4; rc=$?
check_is "it is refused with a reason, the others are taken over" \
	'1 mangle true 4' \
	"$rc $(out '.tables[] | select(.error) |
		"\(.name) \(.error | test("^mangle/PREROUTING rule 1: .* at most "))"') $(out \
		'[.tables[] | select(.changed)] | length')"
note "$(out '.tables[].error // empty')"
check_is "it stays native" native "$(engine_of ipv4 mangle)"
echo 0 > "$plan_param"
saved > "$scratch/now"
check "and is what it was" diff "$scratch/native" "$scratch/now"
cmd takeover ipv4; rc=$?
check_is "as data it fits" '0 bpfilter' "$rc $(engine_of ipv4 mangle)"

# --- Memory that is not enough ---

many_rules()
{
	{
		echo "*filter"
		seq 20000 | awk '{ printf "-A INPUT -d 10.8.%d.%d -j ACCEPT\n",
			$1 / 256, $1 % 256 }'
		echo COMMIT
	} | in_ns "$router" "$IPTABLES-restore" -w -n
}

# A group with less than a few copies of the ruleset take, 3 MB each
cgroup=$scratch/cgroup
cgroup_small()
{
	mkdir "$cgroup" && mount -t cgroup2 none "$cgroup" &&
	echo +memory > "$cgroup/cgroup.subtree_control" &&
	mkdir "$cgroup/bpft-small" &&
	echo 8M > "$cgroup/bpft-small/memory.max"
}

in_small()
{
	# shellcheck disable=SC2016	# the inner shell's
	sh -c 'echo $$ > "$1/cgroup.procs" || exit; shift; exec "$@"' sh \
		"$cgroup/bpft-small" "$@"
}

# no_memory STATUS: a command in the group was killed for want of memory, or says
# that there was none
no_memory()
{
	[[ $1 -eq 137 ]] && return
	[[ $1 -eq 1 ]] && grep "Cannot allocate memory" "$scratch/out"
}

in_ns "$router" "$BPFILTER" release ipv4 filter > /dev/null
check "many rules" many_rules
if cgroup_small; then
	saved_at_rest "$scratch/native"
	in_small ip netns exec "$router" "$BPFILTER" takeover ipv4 filter \
		> "$scratch/out" 2>&1
	rc=$?
	note "with 8 MB: exit status $rc, $(tail -n 1 "$scratch/out")"
	check "it fails for want of memory" no_memory "$rc"
	check_is "the table stays native" native "$(engine_of ipv4 filter)"
	saved > "$scratch/now"
	check "and is what it was" diff "$scratch/native" "$scratch/now"
	check "the connection goes on" say "no memory"
else
	for i in {1..4}; do
		skip "memory case $i" "no memory control groups"
	done
fi
cmd takeover ipv4 filter; rc=$?
check_is "with enough of it is taken over" '0 bpfilter' \
	"$rc $(engine_of ipv4 filter)"
note "$(out '.tables[0] | "\(.entries) entries, switched in \(.switch_ns) ns, " +
	"settled in \(.settle_ns) ns"')"

# Killed on the way back: it moved or it did not, and is whole
saved_at_rest "$scratch/ours"
if [[ -d $cgroup/bpft-small ]]; then
	echo 4M > "$cgroup/bpft-small/memory.max"
	in_small ip netns exec "$router" "$BPFILTER" release ipv4 filter \
		> "$scratch/out" 2>&1
	rc=$?
	note "release with 4 MB: exit status $rc, $(engine_of ipv4 filter) has it"
	check "release fails for want of memory" no_memory "$rc"
	saved > "$scratch/now"
	check "the rules are what they were" \
		diff "$scratch/ours" "$scratch/now"
	check "the connection goes on, whoever has the table" say "or back"
else
	for i in {1..3}; do
		skip "memory case $((i + 4))" "no memory control groups"
	done
fi

# A namespace can end with tables that moved
check "the namespace can go" ns_del "$router"

# As JSON, and for human readers
ns_add again
bpfilter_off "$again"
ipt "$again" -P INPUT DROP
bpfilter_on "$again"
check "plain output" sh -c "ip netns exec '$again' '$BPFILTER' takeover |
	grep -qx 'ipv4 filter  native -> bpfilter  entries 4  switched in .*ms  settled in .*ms'"

finish
