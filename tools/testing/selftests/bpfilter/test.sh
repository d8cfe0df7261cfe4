#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Packets against a ruleset without a firewall: what "bpfilter test" says of
# packets as words, of unit tests of a firewall, and of captures. What it takes
# for the state of connections is compared with what conntrack makes of the same
# packets: in a namespace that talks to another one.

# shellcheck disable=SC2154	# $server and its like come from ns_add

# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"

BPFILTER=${BPFILTER:-bpfilter}

require_native
require_cmd "$BPFILTER" jq

cat > "$scratch/rules" << 'END'
*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -p udp --dport 53 -j NOTRACK
-A PREROUTING -s 192.0.2.66 -j DROP
COMMIT
*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -i eth1 -j MARK --set-mark 7
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:web - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A INPUT -p tcp --dport 80 -j web
-A INPUT -p tcp --dport 22 -m limit --limit 1/s -j LOG
-A INPUT -p tcp --dport 22 -m limit --limit 1/s -j ACCEPT
-A INPUT -p tcp --dport 23 -m limit --limit 1/s -j DROP
-A INPUT -m conntrack --ctstate UNTRACKED -j ACCEPT
-A INPUT -m mark --mark 7 -p icmp -j ACCEPT
-A INPUT -p tcp --dport 25 -j REJECT
-A INPUT -p tcp --dport 26 -j NFQUEUE
-A INPUT -m mac --mac-source 02:00:00:00:00:01 -j ACCEPT
-A FORWARD -m ttl --ttl-lt 10 -j DROP
-A web -s 192.0.2.0/24 -j ACCEPT
-A web -p tcp --tcp-flags SYN,ACK ACK -j RETURN
-A web -j DROP
COMMIT
END

cat > "$scratch/unit" << 'END'
# Words, verdict and, if it matters, the rule
-p tcp --dport 80 -s 192.0.2.1 -i eth0 => ACCEPT web:1
-p tcp --dport 80 -s 198.51.100.1 -i eth0 => DROP web:3
-p tcp --dport 80 -i eth0 -s 8.8.8.8 --tcp-flags ACK --mac-source 2:0:0:0:0:2 => DROP INPUT:policy
-p tcp --dport 80 -i eth0 -s 8.8.8.8 --tcp-flags ACK --mac-source 2:0:0:0:0:1 => ACCEPT INPUT:11
-p tcp --dport 80 -i lo => ACCEPT INPUT:1
-p tcp --dport 80 -i eth0 --ctstate ESTABLISHED => ACCEPT INPUT:2

# The source is not known, but whether it is tracked
-p tcp --dport 80 -i eth0 => unknown
-p tcp --dport 80 => unknown

# Only the kernel knows, which does not matter for the second one
-p tcp --dport 22 -i eth0 => unknown
-p tcp --dport 23 -i eth0 --mac-source 02:00:00:00:00:02 => DROP
-p tcp --dport 25 -i eth0 => DROP INPUT:9
-p tcp --dport 26 -i eth0 => unknown

# All tables in their order
-p udp --dport 53 -s 192.0.2.1 -i eth0 --hook PREROUTING,INPUT => ACCEPT INPUT:7
-p udp --dport 53 -s 192.0.2.66 -i eth0 --hook PREROUTING,INPUT => DROP PREROUTING:2
-p icmp -s 192.0.2.1 -i eth1 --hook PREROUTING,INPUT => ACCEPT INPUT:8
-p icmp -s 192.0.2.1 -i eth1 --mac-source 02:00:00:00:00:02 => DROP INPUT:policy
-p icmp -s 192.0.2.1 -i eth1 --mark 7 => ACCEPT INPUT:8

# A forwarded packet has got older at FORWARD
-p udp --ttl 10 --hook FORWARD => ACCEPT FORWARD:policy
-p udp --ttl 10 -s 192.0.2.1 --dport 1 -i eth0 --hook PREROUTING,FORWARD => DROP FORWARD:1
END

# verdict OPTION...: verdict and place of one packet
verdict()
{
	"$BPFILTER" test "$scratch/rules" "$@" | awk '{ print $1, $2 }'
}

status_of()
{
	"$@" >/dev/null 2>&1
	echo $?
}

# bytes HEX...: them
bytes()
{
	local hex

	for hex in $(tr -d ' ' <<< "$*" | fold -w 2); do
		# shellcheck disable=SC2059	# the format is the byte
		printf "\\x$hex"
	done
}

# pcap LINK HEX...: a capture of packets, all in network byte order
pcap()
{
	local packet len

	bytes a1b2c3d4 00020004 00000000 00000000 0000ffff "$(printf %08x "$1")"
	shift
	for packet; do
		packet=${packet// /}
		len=$(printf %08x $((${#packet} / 2)))
		bytes 00000000 00000000 "$len" "$len" "$packet"
	done
}

# said FILTER PCAP OPTION...: one value of what is said of a capture
said()
{
	local filter=$1 file=$2

	shift 2
	"$BPFILTER" -j test "$scratch/rules" --pcap "$file" "$@" |
		jq -r "$filter"
}

# From 192.0.2.1 to port 80 with SYN; the same cut, and of no length
IP='45000028000100004006f6cbc0000201c0000202'
SYN="$IP 12340050000000010000000050024000 00000000"
ETH='020000000002 020000000001 0800'

ns_add server client

plan 33

check "all is as the unit tests expect" \
	"$BPFILTER" test "$scratch/rules" --expect "$scratch/unit"
"$BPFILTER" test "$scratch/rules" --expect "$scratch/unit" |
	grep '^not ok' -A 1 | note_file /dev/stdin
echo '-p tcp --dport 80 -i lo => DROP' > "$scratch/wrong"
check_is "what is not as expected fails" 1 \
	"$(status_of "$BPFILTER" test "$scratch/rules" --expect "$scratch/wrong")"
check_is "and it says what was found" \
	'not ok 1 -p tcp --dport 80 -i lo => DROP # line 1: found ACCEPT INPUT:1' \
	"$("$BPFILTER" test "$scratch/rules" --expect "$scratch/wrong" |
		tail -n 2 | paste -s -d ' ')"
check_is "also in JSON" 'false ACCEPT' \
	"$("$BPFILTER" -j test "$scratch/rules" --expect "$scratch/wrong" |
		jq -r '.results[].tests[] | "\(.ok) \(.found.verdict)"')"
echo '-p tcp --dport 80' > "$scratch/wrong"
check_is "a line without a verdict is wrong usage" 2 \
	"$(status_of "$BPFILTER" test "$scratch/rules" --expect "$scratch/wrong")"
check_is "so is an unknown word" 2 \
	"$(status_of "$BPFILTER" test "$scratch/rules" --packet '-p tcp --foo 1')"
check_is "and a test of nothing" 2 \
	"$(status_of "$BPFILTER" test "$scratch/rules")"
check_is "a packet and its rule" 'ACCEPT filter/INPUT:1' \
	"$(verdict --packet '-p tcp -i lo')"
check_is "what is unknown has a name" 'unknown (limit)' \
	"$(verdict --packet '-p tcp --dport 22 -i eth0 --mac-source 02:00:00:00:00:02')"
check_is "unless something is assumed" 'ACCEPT filter/INPUT:5' \
	"$(verdict --packet '-p tcp --dport 22 -i eth0' --assume limit=yes)"
check_is "or the opposite" 'DROP filter/INPUT:policy' \
	"$(verdict --assume limit=no --packet \
		'-p tcp --dport 22 -i eth0 --mac-source 02:00:00:00:00:02')"
check_is "also of a target" 'DROP filter/INPUT:10' \
	"$(verdict --packet '-p tcp --dport 26 -i eth0' --assume NFQUEUE=no)"
check_is "options are what packets are by themselves" 'ACCEPT filter/INPUT:2' \
	"$(verdict --packet '-p tcp --dport 80' --in eth0 --ctstate RELATED)"
check_is "JSON has what each table decided" 'raw PREROUTING,mangle PREROUTING,filter INPUT' \
	"$("$BPFILTER" -j test "$scratch/rules" --packet \
		'-p icmp -s 192.0.2.1 -i eth1 --hook PREROUTING,INPUT' |
		jq -r '[.results[].decided[] | "\(.table) \(.chain)"] | join(",")')"

# link types, broken packets

pcap 1 "$ETH $SYN" "$ETH 45" "020000000002 020000000001 86dd 60" \
	"$ETH 44${SYN#45}" "$ETH $IP" > "$scratch/ether"
check_is "Ethernet, and what is no whole packet" \
	'ACCEPT,unknown,malformed,malformed' \
	"$(said '[.results[].packets[].verdict] | join(",")' "$scratch/ether" \
		--in eth0)"
check_is "and another family" 1 \
	"$(said '.results[].other_family' "$scratch/ether" --in eth0)"
pcap 101 "$SYN" > "$scratch/raw"
pcap 113 "0000 0001 0006 0200000000010000 0800 $SYN" > "$scratch/sll"
pcap 276 "0800 0000 00000001 0001 00 06 0200000000010000 $SYN" > "$scratch/sll2"
pcap 0 "00000002 $SYN" > "$scratch/null"
for link in raw sll sll2 null; do
	check_is "link type $link" web \
		"$(said '.results[].packets[].decided[-1].chain' \
			"$scratch/$link" --in eth0 --assume checksum=yes)"
done
pcap 105 "$SYN" > "$scratch/wlan"
check_is "an unknown link type is an error" 1 \
	"$(status_of "$BPFILTER" test "$scratch/rules" --pcap "$scratch/wlan")"
head -c 60 "$scratch/raw" > "$scratch/cut"
check_is "a file that is cut is an error" 1 \
	"$(status_of "$BPFILTER" test "$scratch/rules" --pcap "$scratch/cut")"
check_is "a wrong checksum makes the state unknown" true \
	"$(said '.results[].packets[].several' "$scratch/raw" --in eth0)"
check_is "unless it is said to be wrong" web:1 \
	"$("$BPFILTER" test "$scratch/rules" --pcap "$scratch/raw" --in eth0 \
		--assume checksum=no |
		sed -n 's/^1 .*filter.\(web:[0-9]*\).*/\1/p')"

# Without any privilege

if command -v setpriv > /dev/null && setpriv --reuid=65534 --clear-groups \
	unshare -U -n true 2>/dev/null; then
	chmod 755 "$scratch"
	check_is "no privilege is needed" 'ACCEPT filter/INPUT:1' \
		"$(setpriv --reuid=65534 --clear-groups --bounding-set=-all \
			--inh-caps=-all "$BPFILTER" test "$scratch/rules" \
			--packet '-p tcp -i lo' | awk '{ print $1, $2 }')"
else
	skip "no privilege is needed" "no user namespaces for others"
fi

# --- Connections ---

live_rules()
{
	local icmp=$1

	cat << END
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate INVALID -j DROP
-A INPUT -m conntrack --ctstate UNTRACKED -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED -j ACCEPT
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 81 -j DROP
-A INPUT -p udp -m udp --dport 81 -j DROP
-A INPUT -p tcp -m conntrack --ctstate NEW -j ACCEPT
-A INPUT -p udp -m conntrack --ctstate NEW -j ACCEPT
-A INPUT -p $icmp -m conntrack --ctstate NEW -j ACCEPT
-A OUTPUT -m conntrack --ctstate INVALID -j ACCEPT
-A OUTPUT -m conntrack --ctstate UNTRACKED -j ACCEPT
-A OUTPUT -m conntrack --ctstate RELATED -j ACCEPT
-A OUTPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A OUTPUT -m conntrack --ctstate NEW -j ACCEPT
COMMIT
END
}

live_devices()
{
	ip link add s0 netns "$server" type veth peer name c0 netns "$client" &&
	ip -n "$server" addr add 10.9.0.1/24 dev s0 &&
	ip -n "$client" addr add 10.9.0.2/24 dev c0 &&
	ip -n "$server" addr add fd09::1/64 dev s0 nodad &&
	ip -n "$client" addr add fd09::2/64 dev c0 nodad &&
	ns_sysctl "$server" net/ipv4/icmp_ratelimit 0 &&
	ns_sysctl "$client" net/ipv4/icmp_ratelimit 0 &&
	ip -n "$server" link set s0 up &&
	ip -n "$client" link set c0 up
}

# in_url ADDRESS: as socat wants it
in_url()
{
	case $1 in
	*:*) echo "[$1]" ;;
	*) echo "$1" ;;
	esac
}

# talk FROM TO PORT PROTOCOL: send what is dropped or refused
talk()
{
	echo hello | in_ns "$1" timeout 20 socat -t 0.3 -T 1 - \
		"$4:$(in_url "$2"):$3,connect-timeout=1" > /dev/null 2>&1
}

# ask TO PORT PROTOCOL TEXT: the client sends it and waits until all is back
ask()
{
	echo "$4" | in_ns "$client" timeout 60 socat -t 60 - \
		"$3:$(in_url "$1"):$2,readbytes=$((${#4} + 1))" > /dev/null
}

# live_traffic ADDRESS CLIENT
live_traffic()
{
	in_ns "$client" ping -q -c 3 -i 0.2 -W 1 "$1" > /dev/null
	in_ns "$server" ping -q -c 2 -i 0.2 -W 1 "$2" > /dev/null
	ask "$1" 8080 TCP hello &&
	ask "$1" 8080 TCP "$(head -c 9000 /dev/zero | tr '\0' x)" || return
	talk "$client" "$1" 81 TCP
	talk "$client" "$1" 82 TCP
	ask "$1" 5353 UDP hello || return
	talk "$client" "$1" 81 UDP
	talk "$client" "$1" 82 UDP
	talk "$server" "$2" 82 UDP
	talk "$server" "$2" 82 TCP
	return 0
}

# live_ready: the servers listen, and what comes is captured
live_ready()
{
	listens "$server" tcp 8080 && listens "$server" udp 5353 &&
	grep 'listening on' "$scratch/tcpdump"
}

# live_counted FAMILY SAVE: packets of each rule, natively
live_counted()
{
	in_ns "$server" "$2" -c |
		sed -n 's/^\[\([0-9]*\):[0-9]*\] \(-A .*\)/\1 \2/p' |
		grep -v -e '^0 ' -e UNTRACKED | sort
}

# live_state FAMILY SAVE: what has been counted and captured
live_state()
{
	live_counted "$@"
	stat -c %s "$scratch/live$1"
}

# live_run FAMILY RESTORE ICMP ADDRESS CLIENT
live_run()
{
	wait_for 60 live_ready &&
	in_ns "$server" "$2" -w -Z &&
	live_traffic "$4" "$5" &&
	wait_for 60 at_rest 1 live_state "$1" "$2-save" &&
	live_counted "$1" "$2-save" > "$scratch/native$1"
}

# live FAMILY RESTORE ICMP ADDRESS CLIENT: packets of each rule, natively and
# tested, without those of neighbours, who talk at any time
live()
{
	local tcp=TCP-LISTEN udp=UDP-LISTEN pids=() rc

	[[ $1 = 4 ]] || { tcp=TCP6-LISTEN; udp=UDP6-LISTEN; }
	live_rules "$3" > "$scratch/live.rules"
	in_ns "$server" "$2-restore" -w < "$scratch/live.rules" || return 1
	ip netns exec "$server" socat -t 60 "$tcp:8080,fork,reuseaddr" EXEC:cat &
	pids+=($!)
	ip netns exec "$server" socat -T 60 "$udp:5353,fork" EXEC:cat &
	pids+=($!)
	ip netns exec "$server" tcpdump -Z root --immediate-mode -U -i s0 \
		-w "$scratch/live$1" 2> "$scratch/tcpdump" &
	pids+=($!)
	live_run "$@"
	rc=$?
	kill "${pids[@]}"
	wait "${pids[@]}"
	((!rc)) || return
	"$BPFILTER" "-$1" -j test "$scratch/live.rules" --pcap "$scratch/live$1" \
		--local "$4" --assume checksum=yes > "$scratch/tested$1.json"
	jq -r '.results[].packets[].decided[] | select(.policy | not).text' \
		"$scratch/tested$1.json" | sort | uniq -c | sed 's/^ *//' |
		grep -v UNTRACKED | sort > "$scratch/tested$1"
}

# live_check FAMILY RESTORE ICMP ADDRESS CLIENT
live_check()
{
	check "IPv$1: packets are captured" live "$@"
	check "IPv$1: nothing of them is unknown" \
		jq -e '.results[] | .unknown == 0 and .total > 20' \
		"$scratch/tested$1.json"
	check "IPv$1: each rule decides about as many as natively" \
		diff "$scratch/native$1" "$scratch/tested$1"
	check "IPv$1: established and related ones among them" \
		sh -c "grep -q 'INPUT.*ESTABLISHED' '$scratch/native$1' &&
			grep -q 'INPUT.*RELATED' '$scratch/native$1' &&
			grep -q 'OUTPUT.*RELATED' '$scratch/native$1'"
}

if type socat tcpdump ping > /dev/null 2>&1 && live_devices; then
	live_check 4 "$IPTABLES" icmp 10.9.0.1 10.9.0.2
	live_check 6 "${IP6TABLES:-ip6tables-legacy}" ipv6-icmp fd09::1 fd09::2
else
	for ((i = 0; i < 8; i++)); do
		skip "connections" "no socat, tcpdump, ping or veth"
	done
fi

finish
