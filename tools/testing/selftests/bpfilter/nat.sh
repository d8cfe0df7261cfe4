#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# NAT from one socket to another: each scenario on a router that the native
# engine serves and on one of bpfilter. What client and server see, the
# connections in the router's table and the counters of table nat must be as
# expected on the one and the same on the other.
#
#	client A -- R left [router] right S -- B server
#
# BPFILTER_TEST_ENGINE=native puts the native engine on both sides.

# shellcheck disable=SC2154,SC2034	# set by ns_add, used by lib.sh
# shellcheck disable=SC2016	# expanded where it is run

# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"
# shellcheck source=/dev/null
. "$(dirname "$0")/lib-side.sh"
tmp=$scratch
ENGINE=${BPFILTER_TEST_ENGINE:-bpfilter}

require_cmd ip socat ss conntrack timeout "$IPTABLES-restore" \
	"$(side_ipt 6)-restore"
case $ENGINE in
bpfilter) require_bpfilter ;;
native) require_native ;;
esac
# Sysctls come with the one, nobody asks for the other by itself
modprobe -q -a nf_conntrack nf_nat_ftp 2>/dev/null

servers=

test_cleanup()
{
	# shellcheck disable=SC2086	# a list
	[ -z "$servers" ] || kill $servers 2>/dev/null
}

# --- Namespaces ---

# link_up NS1 DEV1 NS2 DEV2
link_up()
{
	ip -n "$1" link add "$2" type veth peer name "$4" netns "$3"
	ip -n "$1" link set "$2" up
	ip -n "$3" link set "$4" up
}

# host NS DEV ADDRESSES GATEWAYS
host()
{
	ip -n "$1" addr add "${ADDR[4$3]}/24" dev "$2"
	ip -n "$1" addr add "${ADDR[6$3]}/64" dev "$2" nodad
	ip -n "$1" route add default via "${ADDR[4$4]}"
	ip -n "$1" -6 route add default via "${ADDR[6$4]}"
}

# What a connection leaves is there until it has been looked at, and no late
# packet of it makes a new one
conntrack_keeps()
{
	local what

	for what in udp_timeout udp_timeout_stream icmp_timeout icmpv6_timeout \
		tcp_timeout_close tcp_timeout_time_wait; do
		ns_sysctl "$router" "net/netfilter/nf_conntrack_$what" 600
	done
	ns_sysctl "$router" net/netfilter/nf_conntrack_tcp_loose 0
}

# topology ENGINE: sets $client, $router and $server
topology()
{
	ns_add client router server
	link_up "$router" left "$client" eth0
	link_up "$router" right "$server" eth0
	host "$client" eth0 A R
	host "$server" eth0 B S
	ip -n "$router" addr add "${ADDR[4R]}/24" dev left
	ip -n "$router" addr add "${ADDR[6R]}/64" dev left nodad
	ip -n "$router" addr add "${ADDR[4S]}/24" dev right
	ip -n "$router" addr add "${ADDR[6S]}/64" dev right nodad
	ip -n "$router" route add default via "${ADDR[4B]}"
	ip -n "$router" -6 route add default via "${ADDR[6B]}"
	ns_sysctl "$router" net/ipv4/ip_forward 1
	ns_sysctl "$router" net/ipv6/conf/all/forwarding 1
	conntrack_keeps
	have_bpfilter || return 0
	if [[ $1 = bpfilter ]]; then
		bpfilter_on "$router"
	else
		bpfilter_off "$router"
	fi
}

# --- Servers and clients ---

# A server that says whence it was called. One of UDP is called by data, which
# must not be left lying.
write_who_server()
{
	cat > "$tmp/who" <<-'END'
	#!/bin/sh
	[ "$2" != udp ] || read -r _
	echo "$1 $SOCAT_PEERADDR $SOCAT_PEERPORT"
	END
	chmod +x "$tmp/who"
}

# Half a second after the last data from one side socat gives up the other: too
# short a time for a shell to answer on a busy machine. Hence -t.

# serve NS LISTENER ANSWER
serve()
{
	ip netns exec "$1" socat -t 20 "$2" "$3" 2>> "$tmp/socat.log" &
	servers="$servers $!"
}

start_servers()
{
	local at ns port

	for at in "$server:8080" "$router:8081"; do
		ns=${at%:*} port=${at#*:}
		serve "$ns" "TCP$f-LISTEN:$port,fork,reuseaddr" "EXEC:$tmp/who from"
		serve "$ns" "UDP$f-RECVFROM:$port,fork,reuseaddr" "EXEC:$tmp/who from udp"
		wait_for 60 listens "$ns" tcp "$port"
		wait_for 60 listens "$ns" udp "$port"
	done
	serve "$server" "TCP$f-LISTEN:21,fork,reuseaddr" \
		"EXEC:$tmp/ftp-server $f"
	wait_for 60 listens "$server" tcp 21
}

# call NS PROTOCOL ADDRESS PORT: what the server there answers
call()
{
	in_ns "$1" timeout 70 bash -c '
		exec 3<> "/dev/$1/$2/$3" || exit
		[[ $1 = tcp ]] || echo hello >&3
		# In one piece, and up to the end of a connection
		timeout 60 head -n 1 <&3 || echo nothing
		[[ $1 = udp ]] || cat <&3
	' bash "$2" "$3" "$4" 2>&1 | sed 's/^bash: .*: /error: /' | head -n 1
}

addr()
{
	printf '%s' "${ADDR[$f$1]}"
}

# A little of FTP: USER, then PORT or EPRT (the server calls) or PASV or EPSV
# (it waits for a call). The server says over the data connection whence or
# where to that goes.
write_ftp_server()
{
	cat > "$tmp/ftp-server" <<-'END'
	#!/bin/bash
	f=$1
	say() { printf '%s\r\n' "$*"; }
	data="EXEC:$(dirname "$0")/who data-from"
	call() { echo "data to $1 $2" |
		socat -u - "TCP$f:$1:$2,connect-timeout=10" 2>&1; }
	say "220 ready"
	while IFS=$' \r' read -r verb arg; do
		case $verb in
		USER) say "331 whoever" ;;
		PORT)
			IFS=, read -r a b c d e g <<< "$arg"
			say "200 called"
			call "$a.$b.$c.$d" $((e * 256 + g)) ;;
		EPRT)
			IFS='|' read -r _ _ a p _ <<< "$arg"
			say "200 called"
			call "[$a]" "$p" ;;
		PASV | EPSV)
			socat -t 20 "TCP$f-LISTEN:2000,reuseaddr" "$data" &
			until ss -Hlt "sport = :2000" | grep -q .; do
				sleep 0.1
			done
			if [[ $verb = PASV ]]; then
				say "227 Entering Passive Mode (10,2,0,2,7,208)"
			else
				say "229 Entering Extended Passive Mode (|||2000|)"
			fi ;;
		QUIT) exit ;;
		esac
	done
	END
	chmod +x "$tmp/ftp-server"
}

# ftp ADDRESS COMMAND: in the client
ftp()
{
	in_ns "$client" timeout 60 bash -c '
		say() { printf "%s\r\n" "$*" >&3; }
		hear() { read -r -t 20 -u 3 answer; answer=${answer%$'"'\\r'"'}; echo "$answer"; }
		f=$1 to=$2
		shift 2
		exec 3<> "/dev/tcp/$to/21" || exit
		hear; say USER me; hear
		case $1 in
		PORT | EPRT)
			exec 4< <(socat -t 20 "TCP$f-LISTEN:2000,reuseaddr" - < /dev/null)
			until ss -Hlt "sport = :2000" | grep -q .; do sleep 0.1; done
			say "$*"; hear; cat <&4 ;;
		PASV)
			say PASV; hear
			IFS=",()" read -r _ a b c d e g <<< "$answer"
			socat -t 20 - "TCP$f:$a.$b.$c.$d:$((e * 256 + g))" < /dev/null ;;
		EPSV)
			say EPSV; hear
			socat -t 20 - "TCP$f:[$to]:2000" < /dev/null ;;
		esac
		say QUIT; cat <&3
	' bash "$f" "$@" 2>&1
}

# --- Scenarios: rules, what happens, and what that must print ---

declare -A RULES STEPS SEE

RULES[snat]='-A POSTROUTING -o right -j SNAT --to-source %S'
STEPS[snat]='call $client tcp %B 8080; call $client udp %B 8080'
SEE[snat]='from %S PORT from %S PORT'

RULES[snat_port]='-A POSTROUTING -o right -p tcp -j SNAT --to-source %[S]:6000-6000
-A POSTROUTING -o right -p udp -j SNAT --to-source %[S]:6000-6000'
STEPS[snat_port]='call $client tcp %B 8080
call $client udp %B 8080'
SEE[snat_port]='from %S 6000 from %S 6000'

RULES[dnat]='-A PREROUTING -i left -d %R -p tcp --dport 80 -j DNAT --to-destination %[B]:8080
-A PREROUTING -i left -d %R -p udp --dport 80 -j DNAT --to-destination %[B]:8080'
STEPS[dnat]='call $client tcp %R 80; call $client udp %R 80; call $client tcp %R 80'
SEE[dnat]='from %A PORT from %A PORT from %A PORT'

RULES[dnat_output]='-A OUTPUT -d %X -p tcp -j DNAT --to-destination %[B]:8080
-A OUTPUT -d %X -p udp -j DNAT --to-destination %[B]:8080'
STEPS[dnat_output]='call $router tcp %X 80; call $router udp %X 80'
SEE[dnat_output]='from %S PORT from %S PORT'

RULES[masquerade]='-A POSTROUTING -o right -j MASQUERADE'
STEPS[masquerade]='call $client tcp %B 8080; call $client udp %B 8080'
SEE[masquerade]='from %S PORT from %S PORT'

RULES[redirect]='-A PREROUTING -i left -p tcp --dport 8080 -j REDIRECT --to-ports 8081
-A PREROUTING -i left -p udp --dport 8080 -j REDIRECT --to-ports 8081
-A OUTPUT -p tcp --dport 8080 -d %B -j REDIRECT --to-ports 8081'
STEPS[redirect]='call $client tcp %B 8080; call $client udp %B 8080; call $router tcp %B 8080'
SEE[redirect]='from %A PORT from %A PORT from (127.0.0.1|\[?::1\]?|%S|%R) PORT'

# The server calls itself by the router's address
RULES[hairpin]='-A PREROUTING -d %S -p tcp --dport 80 -j DNAT --to-destination %[B]:8080
-A POSTROUTING -s %B -d %B -p tcp --dport 8080 -j MASQUERADE'
STEPS[hairpin]='call $server tcp %S 80; call $client tcp %S 80'
SEE[hairpin]='from %S PORT from %A PORT'

# Nobody listens: the error that tells so is about the translated connection
RULES[icmp]='-A PREROUTING -i left -d %R -p udp --dport 80 -j DNAT --to-destination %[B]:9
-A POSTROUTING -o right -j MASQUERADE'
STEPS[icmp]='udp_refused %R 80; ping_ok %B'
SEE[icmp]='refused pong'

RULES[both]='-A PREROUTING -i left -d %R -p tcp --dport 80 -j DNAT --to-destination %[B]:8080
-A POSTROUTING -o right -j SNAT --to-source %S'
STEPS[both]='call $client tcp %R 80'
SEE[both]='from %S PORT'

RULES[ftp_active]='-A POSTROUTING -o right -j MASQUERADE'
STEPS[ftp_active]='if [[ $f = 4 ]]; then
	ftp %B PORT 10,1,0,2,7,208
else
	ftp %B EPRT "|2|%A|2000|"
fi'
SEE[ftp_active]='220 ready 331 whoever 200 called data to %S 2000'

# The client calls the address that the router has put there
RULES[ftp_passive]='-A PREROUTING -i left -d %R -p tcp --dport 21 -j DNAT --to-destination %B'
STEPS[ftp_passive]='if [[ $f = 4 ]]; then ftp %R PASV; else ftp %R EPSV; fi'
SEE[ftp_passive]='220 ready 331 whoever 22[79] Entering .*'
SEE[ftp_passive]+=' (\(10,1,0,1,7,208\)|\(\|\|\|2000\|\)) data-from %A PORT'

# What was behind an address does not outlive it. Comes last.
RULES[gone]='-A POSTROUTING -o right -j MASQUERADE'
STEPS[gone]='call $client udp %B 8080; ip -n $router link set right down; wait_gone'
SEE[gone]='from %S PORT gone'

ORDER="snat snat_port dnat dnat_output masquerade redirect hairpin icmp both
ftp_active ftp_passive gone"

# The second datagram of a socket fails if there came an error for the first
udp_refused()
{
	in_ns "$client" timeout 70 bash -c '
		exec 3<> "/dev/udp/$1/$2"
		for ((i = 0; i < 600; i++)); do
			echo hello 2> /dev/null >&3 || { echo refused; exit; }
			sleep 0.1
		done
		echo never refused
	' bash "$1" "$2"
}

no_connections()
{
	[[ -z $(connections) ]]
}

wait_gone()
{
	if wait_for 60 no_connections; then
		echo gone
	else
		echo "still there"
	fi
}

ping_ok()
{
	in_ns "$client" ping -q -c 1 -W 10 "$1" > /dev/null && echo pong
}

# text SCENARIO-TEXT: with its addresses; %[B] has the brackets that a port asks
# for
text()
{
	local t=$1 name

	for name in S B; do
		if [[ $f = 6 ]]; then
			t=${t//"%[$name]"/"[%$name]"}
		else
			t=${t//"%[$name]"/%$name}
		fi
	done
	expand "$f" "" "$t"
}

restore_rules()
{
	echo "*raw"
	echo "-A PREROUTING -p tcp --dport 21 -j CT --helper ftp"
	echo "COMMIT"
	echo "*nat"
	text "${RULES[$1]}"
	echo
	echo "COMMIT"
}

normalize()
{
	sed -E -e 's/\b40[0-9]{3}\b/PORT/g' -e 's/\[(fd[0-9a-f:]*)\]/\1/g' \
		-e 's/fd0([0-9]):0000:0000:0000:0000:0000:0000:000([0-9])/fd0\1::\2/g'
}

# All connections have come to their end
settled()
{
	! in_ns "$router" conntrack -L -p tcp -f "ipv$f" |
		grep -vE ' (TIME_WAIT|CLOSE) '
}

connections()
{
	in_ns "$router" conntrack -L -f "ipv$f" 2> /dev/null |
		grep -v 'icmpv6.*type=13[3-6]' |
		sed -E 's/^([a-z0-9]+ +[0-9]+) [0-9]+/\1/; s/ id=[0-9]+//g
			s/(40[0-9]{3}|6[0-9]{4})/PORT/g; s/id=PORT/id=N/g' |
		sed -E '/^icmp/s/ id=[A-Z0-9]+//g' | sort
}

# own_ports N: the ports that the kernel chooses, from 40000 up, so that they can
# be told from others, are different ones for each scenario. The server remembers
# for a minute what it closed, and with address and port translated a connection
# of another scenario could be such a one to it. It would answer that SYN with an
# ACK for the old one, which is reset, and the next SYN is a new connection to
# the router and counted once more.
own_ports()
{
	local first=$((40000 + 80 * $1)) ns

	for ns in "$client" "$router" "$server"; do
		ns_sysctl "$ns" net/ipv4/ip_local_port_range \
			"$first $((first + 79))"
	done
}

# play SCENARIO TAG
play()
{
	restore_rules "$1" > "$tmp/rules"
	in_ns "$router" "$(side_ipt "$f")-restore" -w < "$tmp/rules" || return
	in_ns "$router" conntrack -F > /dev/null 2>&1
	eval "$(text "${STEPS[$1]}")" 2>&1 | tr -d '\r' | normalize \
		> "$tmp/seen.$1.$2"
	wait_for 60 settled || echo "not settled" >> "$tmp/seen.$1.$2"
	connections > "$tmp/connections.$1.$2"
	in_ns "$router" "$(side_ipt "$f")-save" -c -t nat | grep '^\[' \
		> "$tmp/counters.$1.$2"
}

play_side()
{
	local scenario n=0

	topology "$1"
	start_servers
	for scenario in $ORDER; do
		own_ports $((n++))
		play "$scenario" "$2"
	done
	test_cleanup
	servers=
	for ns in "$client" "$router" "$server"; do
		ns_del "$ns"
	done
	netns_list=
}

as_expected()
{
	paste -sd ' ' "$tmp/seen.$1.$first" > "$tmp/line"
	grep -qxE "$(text "${SEE[$1]}")" "$tmp/line" && return
	echo "wanted $(text "${SEE[$1]}")"
	echo "found $(cat "$tmp/line")"
	cat "$tmp/rules" "$tmp/connections.$1.$first" "$tmp/socat.log"
	return 1
}

same()
{
	local what rc=0

	for what in seen connections counters; do
		diff "$tmp/$what.$1.a" "$tmp/$what.$1.b" || rc=1
	done
	return $rc
}

# What both sides do must be as the scenario says
judge()
{
	check "IPv$f: $1" as_expected "$1"
	if [[ $first = a ]]; then
		check "IPv$f: $1: as the native engine" same "$1"
	else
		skip "IPv$f: $1: as the native engine" "no native engine"
	fi
}

write_who_server
write_ftp_server
first=b
! have_native || first=a
# shellcheck disable=SC2086	# a list
set -- $ORDER
plan $((4 * $#))
for f in 4 6; do
	[[ $first = b ]] || play_side native a
	play_side "$ENGINE" b
	for scenario in $ORDER; do
		judge "$scenario"
	done
done
finish
