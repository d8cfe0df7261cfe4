#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What a user of iptables does, on a table that bpfilter owns: a small firewall
# between three namespaces, each way of changing it, save and restore. Packets
# and counters tell whether the rules mean what they say.
#
# BPFILTER_TEST_ENGINE=native runs the same on the native engine, which must
# pass as well.

# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2154	# set by lib.sh
tmp=$scratch

ENGINE=${BPFILTER_TEST_ENGINE:-bpfilter}
require_cmd ip socat ping timeout
case $ENGINE in
bpfilter) require_bpfilter ;;
native) require_native ;;
esac

plan 47

# client 10.7.0.2 -- 10.7.0.1 firewall 10.8.0.1 -- 10.8.0.2 server
ns_add firewall client server
# shellcheck disable=SC2154	# set by ns_add
topology()
{
	ip -n "$firewall" link add left type veth peer eth0 netns "$client"
	ip -n "$firewall" link add right type veth peer eth0 netns "$server"
	ip -n "$firewall" addr add 10.7.0.1/24 dev left
	ip -n "$firewall" addr add 10.8.0.1/24 dev right
	ip -n "$client" addr add 10.7.0.2/24 dev eth0
	ip -n "$server" addr add 10.8.0.2/24 dev eth0
	ip -n "$firewall" link set left up
	ip -n "$firewall" link set right up
	ip -n "$client" link set eth0 up
	ip -n "$server" link set eth0 up
	ip -n "$client" route add default via 10.7.0.1
	ip -n "$server" route add default via 10.8.0.1
	ns_sysctl "$firewall" net/ipv4/ip_forward 1
	ns_sysctl "$firewall" net/ipv6/conf/all/disable_ipv6 1
	if have_bpfilter; then
		bpfilter_off "$firewall"
	fi
	if [ "$ENGINE" = bpfilter ]; then
		bpfilter_on "$firewall"
	fi
}
topology

fw()
{
	ipt "$firewall" "$@"
}

# udp NS ADDRESS PORT COUNT: datagrams of one byte
udp()
{
	# shellcheck disable=SC2016	# the inner shell's
	in_ns "$1" bash -c 'exec 3> "/dev/udp/$1/$2"
		for ((i = 0; i < $3; i++)); do printf x >&3; done' \
		bash "$2" "$3" "$4"
}

# Servers run in the background, without a shell around them that would be
# killed in their stead

# listen NS PORT: a TCP server that answers each connection with "hello"
listen()
{
	ip netns exec "$1" socat "TCP4-LISTEN:$2,fork,reuseaddr" \
		'SYSTEM:printf hello' 2> "$tmp/listen.log" &
	servers="$servers $!"
}

# sink NS PORT: takes datagrams, so that their sender gets no ICMP error
sink()
{
	ip netns exec "$1" socat -u "UDP4-RECV:$2" OPEN:/dev/null \
		2> "$tmp/sink.log" &
	servers="$servers $!"
}

test_cleanup()
{
	# shellcheck disable=SC2086	# a list
	[ -z "$servers" ] || kill $servers 2>/dev/null
}

# answer NS ADDRESS PORT: what the server says, empty without a connection
answer()
{
	in_ns "$1" timeout 60 socat -u \
		"TCP4:$2:$3,connect-timeout=${4:-30}" - 2> /dev/null
}

no_answer()
{
	[ -z "$(answer "$1" "$2" "$3" 1)" ]
}

pings()
{
	in_ns "$1" ping -q -c 1 -W "${3:-30}" "$2"
}

# sets CHAIN: its rules as -S gives them, on one line
sets()
{
	fw -S "$1" | paste -s -d ';' -
}

# counts CHAIN RULE: packets and bytes of a rule
counts()
{
	fw -L "$1" "$2" -v -x -n | awk '{ print $1, $2 }'
}

# policy_counts CHAIN
policy_counts()
{
	fw -L "$1" -v -x -n | sed -n -E \
		'1s/.*policy [A-Z]+ ([0-9]+) packets, ([0-9]+) bytes.*/\1 \2/p'
}

# The table in its initial state

check_is "a new table accepts everything" \
	"-P INPUT ACCEPT;-P FORWARD ACCEPT;-P OUTPUT ACCEPT" \
	"$(fw -S | paste -s -d ';' -)"
check "a ping passes before there are rules" pings "$client" 10.7.0.1
check_is "the table is listed" filter \
	"$(in_ns "$firewall" cat /proc/net/ip_tables_names | grep -x filter)"

# A firewall

listen "$firewall" 8080
listen "$firewall" 8081
listen "$server" 8080
listen "$server" 8081
for port in 8080 8081; do
	wait_for 60 listens "$firewall" tcp "$port"
	wait_for 60 listens "$server" tcp "$port"
done
sink "$firewall" 5000
sink "$firewall" 5001
wait_for 60 listens "$firewall" udp 5000
wait_for 60 listens "$firewall" udp 5001

build()
{
	fw -N web &&
	fw -A web -s 10.7.0.0/24 -m comment --comment "from the left" -j ACCEPT &&
	fw -A web -j RETURN &&
	fw -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT &&
	fw -A INPUT -i left -p tcp --dport 8080 -j web &&
	fw -A INPUT -p udp --dport 5000:5001 -j ACCEPT &&
	fw -P INPUT DROP &&
	fw -A FORWARD -m state --state ESTABLISHED -j ACCEPT &&
	fw -A FORWARD -i left -o ri+ -p tcp --syn --dport 8080 -j ACCEPT &&
	fw -P FORWARD DROP
}
check "a firewall is set up rule by rule" build

check_is "allowed TCP to the firewall passes" hello \
	"$(answer "$client" 10.7.0.1 8080)"
check "forbidden TCP to the firewall does not" no_answer "$client" 10.7.0.1 8081
check "nor does it from the other side" no_answer "$server" 10.8.0.1 8080
check_is "allowed TCP through the firewall passes" hello \
	"$(answer "$client" 10.8.0.2 8080)"
check "forbidden TCP through the firewall does not" no_answer "$client" 10.8.0.2 8081
check_fails "a ping does not" pings "$client" 10.7.0.1 1
check_is "what the firewall sends itself gets its answers" hello \
	"$(answer "$firewall" 10.8.0.2 8081)"

# Counters

fw -Z
udp "$client" 10.7.0.1 5000 3
udp "$client" 10.7.0.1 5001 4
udp "$client" 10.7.0.1 5002 5
check_is "a rule counts packets and bytes exactly" "7 203" "$(counts INPUT 3)"
check_is "the policy does, too" "5 145" "$(policy_counts INPUT)"
check_is "rules that nothing matched count nothing" "0 0" "$(counts INPUT 2)"
answer "$client" 10.7.0.1 8080 > /dev/null
check_is "a new connection runs through its chain once" 1 \
	"$(counter "$firewall" web 1)"
fw -Z INPUT 3
check_is "-Z zeroes one rule" "0 0" "$(counts INPUT 3)"
check_is "and no other" 1 "$(counter "$firewall" INPUT 2)"
udp "$client" 10.7.0.1 5000 2
fw -A OUTPUT -d 10.99.0.0/16 -j DROP
check_is "counters survive a change of other rules" "2 58" "$(counts INPUT 3)"
check_is "-L -Z shows" "2 58" "$(fw -L INPUT -v -x -n -Z | awk '/dpts:5000:5001/ { print $1, $2 }')"
check_is "and zeroes" "0 0" "$(counts INPUT 3)"

# Every command

check "-C finds a rule" fw -C INPUT -p udp --dport 5000:5001 -j ACCEPT
check_fails "-C does not find another" fw -C INPUT -p udp --dport 5000 -j ACCEPT
fw -I OUTPUT -d 10.98.0.0/16 -j DROP
fw -I OUTPUT 2 -d 10.97.0.0/16 -j DROP
check_is "-I inserts, with and without a number" \
	"10.98.0.0/16 10.97.0.0/16 10.99.0.0/16" \
	"$(sets OUTPUT | grep -o '[0-9.]*/16' | paste -s -d ' ' -)"
fw -R OUTPUT 2 -d 10.96.0.0/16 -j ACCEPT
fw -D OUTPUT 1
fw -D OUTPUT -d 10.99.0.0/16 -j DROP
check_is "-R replaces, -D deletes by number and by rule" \
	"-P OUTPUT ACCEPT;-A OUTPUT -d 10.96.0.0/16 -j ACCEPT" "$(sets OUTPUT)"
fw -F OUTPUT
check_is "-F flushes a chain" "-P OUTPUT ACCEPT" "$(sets OUTPUT)"
fw -N spare
check_fails "-N does not make a chain twice" fw -N spare
check_fails "-X does not delete a chain that is in use" fw -X web
fw -E spare reserve
check_is "-E renames a chain" "-N reserve" "$(sets reserve)"
fw -X reserve
check_fails "-X deletes one that is not" fw -S reserve
check_fails "a jump to no chain is refused" fw -A INPUT -j nosuch
fw -N one
fw -N two
fw -A one -j two
check "chains that nothing reaches may form a loop" fw -A two -j one
check_fails "chains that something reaches may not" fw -A OUTPUT -j one
check_fails "a match with impossible arguments is refused" \
	fw -A INPUT -p tcp --dport 70000 -j ACCEPT
fw -F one
fw -F two
fw -X one
fw -X two
check_is "what was refused left nothing behind" 3 "$(fw -S INPUT | grep -c '^-A')"

# Save and restore

udp "$client" 10.7.0.1 5000 6
rules_save "$firewall" > "$tmp/saved"
check "iptables-save without -t finds the table" grep -qx '\*filter' "$tmp/saved"
check "it saves counters" grep -qF '[6:174] -A INPUT -p udp' "$tmp/saved"
fw -F
fw -X
fw -P INPUT ACCEPT
fw -P FORWARD ACCEPT
check "everything passes after -F and -P" pings "$client" 10.7.0.1
in_ns "$firewall" "$IPTABLES-restore" -w -c < "$tmp/saved"
rules_save "$firewall" > "$tmp/again"
check "iptables-restore -c brings back rules and counters" \
	diff "$tmp/saved" "$tmp/again"
check_is "and what they did" hello "$(answer "$client" 10.7.0.1 8080)"
check "in both directions" no_answer "$client" 10.7.0.1 8081
printf '*filter\n-A OUTPUT -d 10.95.0.0/16 -j DROP\nCOMMIT\n' > "$tmp/more"
udp "$client" 10.7.0.1 5000 1
in_ns "$firewall" "$IPTABLES-restore" -w -n < "$tmp/more"
check_is "iptables-restore -n adds" "-P OUTPUT ACCEPT;-A OUTPUT -d 10.95.0.0/16 -j DROP" \
	"$(sets OUTPUT)"
check_is "and keeps the rest and its counters" "7 203" "$(counts INPUT 3)"
in_ns "$firewall" "$IPTABLES-restore" -w < "$tmp/saved"
check_is "iptables-restore starts from zero" "0 0" "$(counts INPUT 3)"
printf '*filter\n-A INPUT -j nosuch\nCOMMIT\n' > "$tmp/bad"
rules_save "$firewall" > "$tmp/before"
check_fails "a restore with a mistake is refused" \
	in_ns "$firewall" "$IPTABLES-restore" -w -n < "$tmp/bad"
rules_save "$firewall" > "$tmp/after"
check "and changes nothing" diff "$tmp/before" "$tmp/after"

# The same ruleset twice: programs of the first are gone

check "a ruleset can replace itself" rules_load "$firewall" "$tmp/saved"
check_is "and works" hello "$(answer "$client" 10.7.0.1 8080)"

finish
