#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: box.sh ENGINE DEBIAN OUT SCENARIO [ARGUMENT...]
#
# Be one machine of its own to a scenario: with the unpacked Debian packages at
# DEBIAN as root file system, the files in /etc and /var its own, and a network
# whose tables ENGINE (native or bpfilter) serves. It finds this folder at /box,
# OUT at /out. To be called in new namespaces:
#
#	unshare -n -m -p -i -u -f box.sh ...

ENGINE=$1 DEBIAN=$2 OUT=$3 SCENARIO=$4
shift 4
HERE=$(cd "$(dirname "$0")" && pwd)
SHARE=$(cd "$HERE/../.." && pwd)
ROOT=/tmp/box

# What the packages brought in /usr is never written
make_root()
{
	local d

	mount --make-rprivate / &&
	mkdir -p "$ROOT" && mount -t tmpfs -o mode=755 box "$ROOT" &&
	cd "$ROOT" || return
	mkdir -p usr dev proc sys run tmp root home opt mnt media \
		box out generators kernel || return
	for d in bin sbin lib lib64; do
		ln -s "usr/$d" "$d" || return
	done
	mount --bind "$DEBIAN/usr" usr &&
	cp -a "$DEBIAN/etc" "$DEBIAN/var" . || return
	rm -rf var/run var/lock
	ln -s /run var/run
	ln -s /run/lock var/lock
	mkdir -p var/log var/lib var/tmp
}

# bind_if_there DIRECTORY HERE
bind_if_there()
{
	[[ ! -d $1 ]] || mount --bind "$1" "$2"
}

mount_all()
{
	mount -t proc none proc &&
	mount -t sysfs none sys &&
	mount -t debugfs none sys/kernel/debug 2>/dev/null
	mount --rbind /dev dev &&
	mount -t tmpfs none run &&
	mkdir -p run/lock run/netns &&
	mount --bind "$HERE" box &&
	mount --bind "$OUT" out &&
	touch opt/bpfilter &&
	mount --bind "$(command -v bpfilter)" opt/bpfilter &&
	bind_if_there "$SHARE/generators" generators &&
	bind_if_there "$SHARE/kernel" kernel
}

choose_engine()
{
	local switch=/proc/sys/net/netfilter/bpfilter

	case $ENGINE in
	native) [[ ! -e $switch ]] || echo 0 >$switch ;;
	bpfilter) echo 1 >$switch ;;
	esac
}

make_root && mount_all && choose_engine && ip link set lo up || exit
hostname box
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C \
	PYTHONDONTWRITEBYTECODE=1 ENGINE="$ENGINE" \
	chroot "$ROOT" /bin/bash "/box/$SCENARIO.sh" "$@" </dev/null
