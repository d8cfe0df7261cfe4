#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# iptables-apply, confirmed, declined and without an answer; netfilter-persistent
# with the plugins of iptables-persistent

# shellcheck source=/dev/null
. /box/verbs.sh

NORMAL+=';/^#/d;s/^(:.*)\[[0-9]+:[0-9]+\]$/\1/'

# It would stop and start fail2ban
rm -f /etc/init.d/fail2ban
neighbour 10.9.0. fd09:: eth0
listen - 22 80
mkdir -p /etc/network /etc/iptables

cat >/etc/network/old <<'END'
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:guests - [0:0]
-A INPUT -p tcp --dport 80 -j guests
-A guests -m conntrack --ctstate NEW,ESTABLISHED -m comment --comment "visitors" -j ACCEPT
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -p tcp --dport 8080 -j REDIRECT --to-ports 80
COMMIT
END
sed -e '0,/INPUT ACCEPT/s//INPUT DROP/' /etc/network/old >/etc/network/new
sed -e '/^-A guests/s/$/\n-A INPUT -j nosuch/' /etc/network/old \
	>/etc/network/bad

# answered WORD ARGUMENT...: iptables-apply with an answer, or none in time
answered()
{
	local word=$1

	shift
	case $word in
	none) sleep 4 | "$@" ;;
	*) echo "$word" | "$@" ;;
	esac
}

step iptables-restore /etc/network/old
is open reach peer 10.9.0.1 22
is open reach peer 10.9.0.1 8080
step_fails answered none iptables-apply -t 1 /etc/network/new
is open reach peer 10.9.0.1 22
step_fails answered n iptables-apply -t 20 /etc/network/new
step_fails answered y iptables-apply -t 20 /etc/network/bad
step answered y iptables-apply -t 20 -w /etc/network/saved /etc/network/new
is silent reach peer 10.9.0.1 22
is open reach peer 10.9.0.1 80
step told /etc/network/saved

sed '/REDIRECT/d' /etc/network/new >/etc/network/new6
# What is to be brought back has to be there before
step ip6tables -S
step_fails answered none ip6tables-apply -t 1 /etc/network/new6
is open reach peer fd09::1 22
step answered y ip6tables-apply -t 20 /etc/network/new6
is silent reach peer fd09::1 22

step netfilter-persistent save
step netfilter-persistent flush
is open reach peer 10.9.0.1 22
is open reach peer fd09::1 22
step netfilter-persistent start
is silent reach peer 10.9.0.1 22
is silent reach peer fd09::1 22
step told /etc/iptables/rules.v4
step told /etc/iptables/rules.v6
