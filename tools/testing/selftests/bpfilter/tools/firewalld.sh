#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# firewalld with FirewallBackend=iptables: zones, services, rich rules,
# masquerading and port forwarding, sets, reload

# shellcheck source=/dev/null
. /box/verbs.sh

neighbour 10.9.0. fd09:: eth0 net
neighbour 192.168.7. fd07:: eth1 loc
listen - 22 80 8080
listen net 80
listen loc 80

sed -i 's/^FirewallBackend=.*/FirewallBackend=iptables/' \
	/etc/firewalld/firewalld.conf
dbus-uuidgen >/etc/machine-id
mkdir -p /run/dbus
dbus-daemon --system --fork 2>/dev/null

start()
{
	local i

	firewalld --nofork --nopid >/var/log/firewalld.out 2>&1 &
	for ((i = 0; i < 300; i++)); do
		firewall-cmd --state >/dev/null 2>&1 && return
		sleep 0.5
	done
	cat /var/log/firewalld.out
	return 1
}

# cmd ARGUMENT...: D-Bus gives up after 25 seconds, too short a time for a reload
# on a slow machine. The daemon goes on: wait until it is done.
cmd()
{
	local rc

	firewall-cmd "$@" >/tmp/cmd 2>&1
	rc=$?
	if grep -q 'Did not receive a reply' /tmp/cmd; then
		until firewall-cmd --state >/dev/null 2>&1; do
			sleep 1
		done
		echo success >/tmp/cmd
		rc=0
	fi
	cat /tmp/cmd
	return $rc
}

stop()
{
	local pid

	pid=$(pgrep -f /usr/sbin/firewalld)
	kill "$pid"
	while [[ -d /proc/$pid ]]; do
		sleep 0.2
	done
}

step start
step cmd --get-default-zone
step cmd --zone=external --change-interface=eth0
step cmd --zone=internal --change-interface=eth1 --permanent
step cmd --zone=external --change-interface=eth0 --permanent
is open reach net 10.9.0.1 22
is open reach net fd09::1 22
is refused reach net 10.9.0.1 80
step cmd --zone=external --add-service=http --permanent
step cmd --zone=external --add-masquerade --permanent
step cmd --zone=external --permanent \
	--add-forward-port=port=8080:proto=tcp:toport=80:toaddr=192.168.7.2
step cmd --zone=external --permanent --add-rich-rule \
	'rule family=ipv4 source address=192.0.2.0/24 service name=ssh
	 log prefix=no level=info limit value=3/m reject'
step cmd --permanent --new-policy out
step cmd --permanent --policy out --add-ingress-zone internal
step cmd --permanent --policy out --add-egress-zone external
step cmd --permanent --policy out --set-target ACCEPT
step cmd --reload
is open reach net 10.9.0.1 80
is refused reach net 10.9.0.1 25
is 10.9.0.2 seen_as net 10.9.0.1 8080
is 10.9.0.1 seen_as loc 10.9.0.2 80
step cmd --zone=external --add-rich-rule \
	'rule family=ipv4 source address=10.9.0.2 port port=80 protocol=tcp drop'
is silent reach net 10.9.0.1 80
is open reach net fd09::1 80
step cmd --zone=external --remove-service=ssh
is refused reach net 10.9.0.1 22
step cmd --new-ipset=black --type=hash:ip --permanent
step cmd --ipset=black --add-entry=10.9.0.2 --permanent
step cmd --zone=drop --add-source=ipset:black --permanent
step cmd --reload
is silent reach net 10.9.0.1 22
step cmd --panic-on
is silent reach loc 192.168.7.1 22
step cmd --panic-off
is open reach loc 192.168.7.1 22
step_fails cmd --direct --add-rule ipv4 filter INPUT 0 -m nosuch -j ACCEPT
step cmd --direct --add-rule ipv4 filter INPUT 0 -s 192.0.2.9 -j DROP
step cmd --zone=external --list-all
step stop
is open reach net 10.9.0.1 80
grep -E 'ERROR|WARNING' /var/log/firewalld.out /var/log/firewalld |
	sed 's/.*: \(ERROR\|WARNING\)/\1/' | told /dev/stdin
