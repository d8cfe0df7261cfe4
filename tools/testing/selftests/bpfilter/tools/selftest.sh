#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: selftest.sh FOLDER COMMAND...: one of the kernel's own selftests
#
# It makes namespaces of its own and calls iptables in them: there this engine
# is switched on first.

on=0
[[ $ENGINE = native ]] || on=1
mkdir /opt/engine
for name in {iptables,ip6tables}{,-legacy}{,-save,-restore}; do
	cat >/opt/engine/"$name" <<-END
		#!/bin/sh
		switch=/proc/sys/net/netfilter/bpfilter
		[ ! -e \$switch ] || echo $on >\$switch
		exec /usr/sbin/$name "\$@"
	END
	chmod +x /opt/engine/"$name"
done
PATH=/opt/engine:$PATH
cd "/kernel/$1" || exit
shift
exec "$@"
