#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The commands that a docker daemon gives, in its order: bridge network, a
# container with a published port, a second network, everything taken back

# shellcheck source=/dev/null
. /box/verbs.sh

neighbour 10.9.0. fd09:: eth0 net
neighbour 172.17.0. fd17:: docker0 container
neighbour 172.18.0. fd18:: br-1234 other
listen net 80
listen container 80
listen other 80
sysctl -qw net.ipv4.ip_forward=1

ipt()
{
	iptables --wait "$@"
}

# ensure TABLE CHAIN RULE...: at the top, unless it is there
ensure()
{
	local table=$1 chain=$2

	shift 2
	ipt -t "$table" -C "$chain" "$@" || ipt -t "$table" -I "$chain" "$@"
}

begin()
{
	local c

	ipt -t nat -N DOCKER
	for c in DOCKER DOCKER-ISOLATION-STAGE-1 DOCKER-ISOLATION-STAGE-2 \
		DOCKER-USER; do
		ipt -t filter -N $c
	done
	ipt -A DOCKER-ISOLATION-STAGE-1 -j RETURN
	ipt -A DOCKER-ISOLATION-STAGE-2 -j RETURN
	ipt -A DOCKER-USER -j RETURN
	ipt -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
	ipt -t nat -A OUTPUT -m addrtype --dst-type LOCAL -j DOCKER \
		'!' --dst 127.0.0.0/8
	ipt -P FORWARD DROP
}

# network SUBNET BRIDGE
network()
{
	ensure nat POSTROUTING -s "$1" '!' -o "$2" -j MASQUERADE
	ensure nat DOCKER -i "$2" -j RETURN
	ensure filter FORWARD -i "$2" -o "$2" -j ACCEPT
	ensure filter FORWARD -i "$2" '!' -o "$2" -j ACCEPT
	ensure filter FORWARD -o "$2" -j DOCKER
	ensure filter FORWARD -o "$2" -m conntrack \
		--ctstate RELATED,ESTABLISHED -j ACCEPT
	ensure filter DOCKER-ISOLATION-STAGE-1 -i "$2" '!' -o "$2" \
		-j DOCKER-ISOLATION-STAGE-2
	ensure filter DOCKER-ISOLATION-STAGE-2 -o "$2" -j DROP
	ensure filter FORWARD -j DOCKER-ISOLATION-STAGE-1
	ensure filter FORWARD -j DOCKER-USER
}

# publish A|D PORT ADDRESS CONTAINERPORT BRIDGE
publish()
{
	ipt -t nat "-$1" DOCKER -p tcp -d 0/0 --dport "$2" -j DNAT \
		--to-destination "$3:$4" '!' -i "$5" &&
	ipt -t filter "-$1" DOCKER '!' -i "$5" -o "$5" -p tcp -d "$3" \
		--dport "$4" -j ACCEPT &&
	ipt -t nat "-$1" POSTROUTING -p tcp -s "$3" -d "$3" --dport "$4" \
		-j MASQUERADE
}

step begin
step network 172.17.0.0/16 docker0
step network 172.18.0.0/16 br-1234
is 10.9.0.1 seen_as container 10.9.0.2 80
is silent reach container 172.18.0.2 80
is silent reach net 172.17.0.2 80
step publish A 8080 172.17.0.2 80 docker0
step publish A 8081 172.18.0.2 80 br-1234
is 10.9.0.2 seen_as net 10.9.0.1 8080
is 10.9.0.2 seen_as net 10.9.0.1 8081
is 10.9.0.1 seen_as - 10.9.0.1 8080
step_fails iptables -t nat -C DOCKER -p tcp --dport 9999 -j RETURN
step iptables -I DOCKER-USER -s 10.9.0.2 -p tcp -m conntrack \
	--ctorigdstport 8080 -j REJECT --reject-with tcp-reset
is refused reach net 10.9.0.1 8080
is open reach net 10.9.0.1 8081
step publish D 8081 172.18.0.2 80 br-1234
is refused reach net 10.9.0.1 8081
step_fails iptables -X DOCKER
step bash -c 'iptables-save | grep -v DOCKER | iptables-restore'
step iptables -P FORWARD ACCEPT
is open reach net 172.17.0.2 80
