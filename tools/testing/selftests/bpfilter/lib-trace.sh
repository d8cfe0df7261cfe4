# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Rules of all tables and packets through them, for tests of traces. Behind
# lib-side.sh.

# rules FAMILY MATCH: packets that MATCH are traced by the target TRACE
rules()
{
	expand "$1" "" "*raw
-A PREROUTING $2 -j TRACE
-A OUTPUT $2 -j TRACE
COMMIT
"'*mangle
:marks - [0:0]
-A PREROUTING -j marks
-A FORWARD -p tcp
-A FORWARD -j MARK --set-mark 1
-A marks -s %A -j MARK --set-mark 5
-A marks -j RETURN
-A marks -j DROP
COMMIT
*nat
-A PREROUTING -p udp --dport 77 -j DNAT --to-destination %B2
-A POSTROUTING -p udp --dport 77 -j SNAT --to-source %S
COMMIT
*filter
:INPUT DROP [0:0]
:outer - [0:0]
:inner - [0:0]
:apart - [0:0]
-A INPUT -p udp --dport 5 -j ACCEPT
-A INPUT -j RETURN
-A FORWARD -m comment --comment "only counts"
-A FORWARD -p udp --dport 7 -g apart
-A FORWARD -p udp --dport 8 -j outer
-A FORWARD -p udp --dport 9 -j outer
-A FORWARD -p udp --dport 10 -j REJECT
-A OUTPUT -p udp --dport 11 -j DROP
-A outer -p udp --dport 9 -j inner
-A outer -m mark --mark 1
-A inner -m limit --limit 1/hour --limit-burst 1 -j RETURN
-A apart -p tcp -j DROP
COMMIT
*security
-A FORWARD -m conntrack --ctstate NEW
COMMIT
'
}

# steps FAMILY: packets, ten of UDP
steps()
{
	expand "$1" "" 'udp dport=6
tcp dport=6
udp dport=7
udp dport=8
udp dport=9
udp dport=10
udp dport=77
udp dport=5 dst=%R
udp dport=12 dst=%R
udp local dport=13
udp local dport=11
'
}
