#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# shorewall and shorewall6: the sample configuration of a router with two
# interfaces, from the check to the end

# shellcheck source=/dev/null
. /box/verbs.sh

NORMAL+=';s/ (at|since|from) .*20[0-9]{2}.*/ \1 DATE/'
# Chains have names that depend on the time
# shellcheck disable=SC2034 # for verbs.sh
NAMES='s/\bsha-([lr]h)-[0-9a-f]+/sha-\1/'
NORMAL+=';s/^(State:Started) .* 20[0-9]{2} /\1 DATE /'
NORMAL+=';s/^(Shorewall6?-[0-9.]+ .* box - ).*/\1DATE/'

neighbour 10.9.0. fd09:: eth0 net
neighbour 192.168.7. fd07:: eth1 loc
listen - 22 80
listen net 80
listen loc 80
sysctl -qw net.ipv6.conf.all.forwarding=1
: >/var/log/messages

# configure NAME: as the administrator begins
configure()
{
	local from=/usr/share/doc/$1/examples/two-interfaces f

	for f in zones interfaces policy rules snat stoppedrules "$1.conf"; do
		[[ ! -f $from/$f ]] || cp "$from/$f" "/etc/$1/"
	done
	sed -i 's/^STARTUP_ENABLED=.*/STARTUP_ENABLED=Yes/' "/etc/$1/$1.conf"
}

configure shorewall
configure shorewall6
step shorewall show capabilities
step shorewall check
step shorewall start
is yes pings loc 192.168.7.1
is no pings net 10.9.0.1
is open reach loc 192.168.7.1 22
is refused reach loc 192.168.7.1 80
is silent reach net 10.9.0.1 22
is 10.9.0.1 seen_as loc 10.9.0.2 80
is silent reach net 192.168.7.2 80
step shorewall status
step shorewall save
cat >>/etc/shorewall/rules <<'END'
SSH(ACCEPT)	net		$FW
DNAT		net		loc:192.168.7.2:80	tcp	8080
Limit:none:LIM,3,60	net	$FW	tcp	2222
END
step shorewall reload
is open reach net 10.9.0.1 22
is 10.9.0.2 seen_as net 10.9.0.1 8080
step shorewall reject 10.9.0.2
is refused reach net 10.9.0.1 22
step shorewall allow 10.9.0.2
is open reach net 10.9.0.1 22
# shellcheck disable=SC2016 # shorewall expands it
echo 'NOSUCH(ACCEPT) net $FW' >>/etc/shorewall/rules
step_fails shorewall reload
step shorewall restore
is silent reach net 10.9.0.1 22
step shorewall stop
is silent reach net 10.9.0.1 22
is silent reach loc 192.168.7.1 22
is open reach loc 10.9.0.2 80
step shorewall clear
is open reach net 10.9.0.1 22

step shorewall6 show capabilities
step shorewall6 start
is yes pings loc fd07::1
is silent reach net fd09::1 22
is open reach loc fd07::1 22
is open reach loc fd09::2 80
is silent reach net fd07::2 80
step shorewall6 stop
is silent reach net fd09::1 22
step shorewall6 clear
is open reach net fd09::1 22
