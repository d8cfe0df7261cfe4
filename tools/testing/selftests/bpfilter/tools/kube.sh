#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The rulesets of kube-proxy for a hundred services in both families, restored as
# it does, with a change of a few chains on top, and packets for one service.
# Without the generators nothing but the last part.

# shellcheck source=/dev/null
. /box/verbs.sh

neighbour 10.244.0. fd00:10:244:: cni0
ip -n peer addr add fd00:10:244::2/64 dev eth0 nodad 2>/dev/null
listen peer 80
sysctl -qw net.ipv4.ip_forward=1

# Generated rules, without those in built-in chains, which kube-proxy gives one
# by one
change()
{
	sed -E '/^-A (INPUT|FORWARD|OUTPUT|PREROUTING|POSTROUTING) /d
		/^:(INPUT|FORWARD|OUTPUT|PREROUTING|POSTROUTING) /d'
}

generated()
{
	local ipt=$1 six=$2 n=${3:-100}

	# shellcheck disable=SC2086 # none or one
	{
		/generators/gen-kube $six "$n" >/tmp/full
		/generators/gen-kube $six --seed 1 $((n + 5)) | change >/tmp/more
	}
	step grep -c -- -A /tmp/full
	step "$ipt-restore" -w 5 /tmp/full
	step "$ipt-restore" -w 5 --noflush --counters /tmp/more
	step "$ipt-restore" -w 5 --test /tmp/full
	step "$ipt" -w 5 -t nat -S KUBE-SERVICES
}

if [[ -x /generators/gen-kube ]]; then
	generated iptables ''
	generated ip6tables -6
else
	echo "no generators"
fi

# service: one more, as kube-proxy writes it
service()
{
	local name='-m comment --comment "default/mine:http'
	local to='-d 10.96.255.1/32 -p tcp' http='-m tcp --dport 80'
	local always='-m statistic --mode random --probability 1'

	cat <<-END
	*nat
	:KUBE-SVC-MINE - [0:0]
	:KUBE-SEP-MINE - [0:0]
	:KUBE-SERVICES-MINE - [0:0]
	:KUBE-POSTROUTING-MINE - [0:0]
	-A KUBE-SERVICES-MINE $to $name cluster IP" $http -j KUBE-SVC-MINE
	-A KUBE-SVC-MINE ! -s 10.244.0.0/16 $to $name cluster IP" $http -j MARK --or-mark 0x4000
	-A KUBE-SVC-MINE $name -> 10.244.0.2:80" $always -j KUBE-SEP-MINE
	-A KUBE-SEP-MINE -s 10.244.0.2/32 $name" -j MARK --or-mark 0x4000
	-A KUBE-SEP-MINE -p tcp $name" -m tcp -j DNAT --to-destination 10.244.0.2:80
	-A KUBE-POSTROUTING-MINE -m mark ! --mark 0x4000/0x4000 -j RETURN
	-A KUBE-POSTROUTING-MINE -j MARK --xor-mark 0x4000
	-A KUBE-POSTROUTING-MINE -m comment --comment "to be SNATed" -j MASQUERADE --random-fully
	COMMIT
	END
}

service >/tmp/service
step iptables-restore -w 5 --noflush --counters /tmp/service
step iptables -w 5 -t nat -I OUTPUT -j KUBE-SERVICES-MINE
step iptables -w 5 -t nat -I PREROUTING -j KUBE-SERVICES-MINE
step iptables -w 5 -t nat -I POSTROUTING -j KUBE-POSTROUTING-MINE
ip route add 10.96.0.0/16 dev cni0
is 10.244.0.1 seen_as - 10.96.255.1 80
is 10.244.0.1 seen_as peer 10.96.255.1 80
step iptables -w 5 -t nat -Z
is open reach - 10.96.255.1 80
step iptables -w 5 -t nat -L KUBE-SVC-MINE -v -x -n
step iptables -w 5 -t nat -L KUBE-SEP-MINE -v -x -n
