#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# fail2ban: jails with two of its iptables actions, bans from a log file and by
# hand, in both families

# shellcheck source=/dev/null
. /box/verbs.sh

LOG=/var/log/auth.log
neighbour 10.9.0. fd09:: eth0
listen - 22 80

cat >/etc/fail2ban/jail.local <<END
[DEFAULT]
backend = polling
usedns = no
ignoreself = false
bantime = 3600
findtime = 600
maxretry = 3

[sshd]
enabled = true
port = ssh,2222
logpath = $LOG
banaction = iptables-multiport

[web]
enabled = true
filter = web
logpath = /var/log/web.log
banaction = iptables-allports
END
printf '[Definition]\nfailregex = ^ bad visit by <HOST>$\n' \
	>/etc/fail2ban/filter.d/web.conf
printf '[DEFAULT]\nallowipv6 = yes\n' >/etc/fail2ban/fail2ban.local
rm -f /etc/fail2ban/jail.d/*
: >$LOG
: >/var/log/web.log
pid=100

# failures NUMBER ADDRESS: what sshd logs, a process for each connection
failures()
{
	local i

	for ((i = 0; i < $1; i++)); do
		echo "$(date '+%b %e %T') box sshd[$((++pid))]: Failed" \
			"password for root from $2 port 4000$i ssh2" >>$LOG
	done
}

visits()
{
	local i

	for ((i = 0; i < $1; i++)); do
		echo "$(date '+%F %T') bad visit by $2" >>/var/log/web.log
	done
}

# banned JAIL ADDRESS: wait until it is, and its rule is there
banned()
{
	local i

	for ((i = 0; i < 100; i++)); do
		iptables -w -S 2>/dev/null | grep -q -- "-s $2/" && return
		ip6tables -w -S 2>/dev/null | grep -q -- "-s $2/" && return
		sleep 0.3
	done
	return 1
}

step fail2ban-client -x start
step fail2ban-client ping
step fail2ban-client status
is open reach peer 10.9.0.1 22
failures 2 10.9.0.2
failures 4 10.9.0.2
step banned sshd 10.9.0.2
is refused reach peer 10.9.0.1 22
is open reach peer 10.9.0.1 80
is open reach peer fd09::1 22
failures 4 fd09::2
step banned sshd fd09::2
is refused reach peer fd09::1 22
step fail2ban-client status sshd
step fail2ban-client set sshd unbanip 10.9.0.2
is open reach peer 10.9.0.1 22
visits 4 10.9.0.2
step banned web 10.9.0.2
is refused reach peer 10.9.0.1 80
is refused reach peer 10.9.0.1 22
step fail2ban-client set sshd banip 192.0.2.7 2001:db8::7
step banned sshd 2001:db8::7
# Rules that somebody took away come back with the next ban
step iptables -F INPUT
step fail2ban-client set web banip 192.0.2.8
step banned web 192.0.2.8
# Bans come back one by one
step fail2ban-client reload --restart sshd
for a in fd09::2 2001:db8::7 192.0.2.7; do
	banned sshd $a
done
step banned sshd 192.0.2.7
step fail2ban-client unban --all
step fail2ban-client stop
is open reach peer 10.9.0.1 80
grep -E ' (ERROR|CRITICAL) ' /var/log/fail2ban.log | told /dev/stdin
