#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Where bpfilter is a module: rules pin it, and without rules it goes, again and
# again, and takes with it all that it has ever made.

# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"

require_root
require_cmd ip modprobe rmmod bpftool pgrep
modprobe -n bpfilter 2>/dev/null || skip_all "bpfilter is not a module"
modprobe bpfilter
[ -d /sys/module/bpfilter/holders ] || skip_all "bpfilter is not a module"
require_bpfilter

plan 10

# objects: programs and maps by their numbers
objects()
{
	bpftool prog show | sed -n 's/^\([0-9]*\):.*/program \1/p'
	bpftool map show | sed -n 's/^\([0-9]*\):.*/map \1/p'
}

# new_objects: those that were not in $scratch/before; they may take their time
# to go
new_objects()
{
	# shellcheck disable=SC2154	# set by lib.sh
	objects | grep -vxFf "$scratch/before"
}

no_new_objects()
{
	! new_objects
}

helpers()
{
	pgrep -c bpfilter_umh
}

no_helpers()
{
	! helpers
}

use()
{
	ns_add box
	# shellcheck disable=SC2154	# set by ns_add
	bpfilter_on "$box"
	ipt "$box" -A INPUT -p udp --dport 4001 -j DROP
}

# An empty namespace ends some time after its name
wait_gone()
{
	wait_for 60 rmmod bpfilter
}

cycle()
{
	modprobe bpfilter && use && ns_del "$box" && wait_gone
}

check "a rule is loaded" use
check_is "by the helper" 1 "$(helpers)"
check_fails "the module cannot go while there are rules" rmmod bpfilter
check_is "and the rule stays" 0 "$(counter "$box" INPUT 1)"
ipt "$box" -F
check "without rules it goes, the namespace stays" wait_gone
objects > "$scratch/before"
wait_for 60 no_helpers
check_is "no helper is left" 0 "$(helpers)"
ns_del "$box"

cycles()
{
	for _ in 1 2 3 4 5; do
		cycle || return
	done
}
check "it comes and goes" cycles
wait_for 60 no_new_objects
check_is "no program and no map is left" '' "$(new_objects)"
wait_for 60 no_helpers
check_is "no helper is left in the end" 0 "$(helpers)"

# iptables loads the engine by itself only where /proc has no list of tables, and
# bpfilter has one
native_comes()
{
	# shellcheck disable=SC2154	# set by ns_add
	modprobe bpfilter && ns_add plain && bpfilter_off "$plain" &&
		ipt "$plain" -A INPUT -m limit
}

test_native_comes()
{
	desc="the native engine comes where bpfilter is off"
	if ! modprobe -q -n ip_tables; then
		skip "$desc" "no native iptables"
		return
	fi
	modprobe -q -r iptable_filter iptable_nat iptable_mangle iptable_raw \
		iptable_security
	if [ -d /sys/module/ip_tables ]; then
		skip "$desc" "it is there and in use"
	else
		check "$desc" native_comes
	fi
}

test_native_comes
finish
