#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ufw: a web server's firewall, from the first command to the last

# shellcheck source=/dev/null
. /box/verbs.sh

# Packets of IPv6's own are counted when they please
NORMAL+=';s/^ *[0-9]+ +[0-9]+ /   N   N /;s/[0-9]+ packets, [0-9]+ bytes/N, N/'
NORMAL+=';s/rules\.20[0-9]{6}_[0-9]{6}/rules.DATE/'

neighbour 10.9.0. fd09:: eth0
listen - 22 80 443 3306

is open reach peer 10.9.0.1 3306
step ufw status
step ufw default deny incoming
step ufw default allow outgoing
step ufw allow ssh
step ufw allow 80,443/tcp
step ufw allow from 10.9.0.2 to any port 3306 proto tcp
step ufw --force enable
step ufw status verbose
is open reach peer 10.9.0.1 22
is open reach peer fd09::1 22
is open reach peer 10.9.0.1 3306
is silent reach peer fd09::1 3306
is silent reach peer 10.9.0.1 25
is yes pings peer 10.9.0.1
is yes pings peer fd09::1
is yes pings - 10.9.0.2

step ufw limit 22/tcp
step ufw logging high
step ufw deny from 10.9.0.0/24 to any port 443 proto tcp
step ufw insert 1 reject from 10.9.0.2 to any port 80 proto tcp
step ufw route allow in on eth0 out on lo to 10.1.2.3 port 8080 proto tcp
step ufw allow in on eth0 proto udp from fd09::/64 port 53 comment 'answers'
step ufw status numbered
is refused reach peer 10.9.0.1 80
is open reach peer fd09::1 80
step ufw reload
is refused reach peer 10.9.0.1 80
step ufw --force delete 1
is open reach peer 10.9.0.1 80
step ufw delete deny from 10.9.0.0/24 to any port 443 proto tcp
step_fails ufw allow 99999/tcp
step ufw logging off
step ufw show raw
step ufw show listening
step ufw app list
# Six connections in half a minute are too many
for _ in 1 2 3 4 5 6 7; do
	reach peer 10.9.0.1 22 >/dev/null
done
is refused reach peer 10.9.0.1 22
step ufw default reject incoming
is refused reach peer 10.9.0.1 25
step ufw disable
is open reach peer 10.9.0.1 3306
step ufw --force reset
