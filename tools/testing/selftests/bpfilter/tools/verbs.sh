#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What a scenario is written in. It tells on standard output what was done and
# what came of it, in words that are the same in each run, so that the story
# with one engine can be compared with that of another. What is not as the
# scenario says goes to /out/wrong as well.
#
# This runs in a box (see box.sh).

STORY=/tmp/story
mkdir -p $STORY

wrong()
{
	echo "WRONG: $*"
	echo "$*" >>/out/wrong
}

# Ids, times and the like. A scenario may add to the script.
NORMAL='s/[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}(,[0-9]{3})?/DATE/g'

# In rules, too, names may be drawn by lot
NAMES=

told()
{
	sed -E "$NORMAL" "$1"
}

# Rulesets, without counters and comments
rules()
{
	local save

	for save in iptables-save ip6tables-save; do
		echo "[$save]"
		$save 2>&1 | sed -E -e '/^#/d' -e 's/\[[0-9]+:[0-9]+\]$//' \
			-e "$NAMES"
		echo "status ${PIPESTATUS[0]}"
	done
}

# Tell the rules if they changed
tell_rules()
{
	rules >$STORY/rules.new
	if cmp -s $STORY/rules $STORY/rules.new; then
		echo "rules unchanged"
	else
		cat $STORY/rules.new
	fi
	mv $STORY/rules.new $STORY/rules
}

# run_step COMMAND...: leaves its status in $?
run_step()
{
	local rc

	printf '\n# %s\n' "$*"
	"$@" >$STORY/said 2>&1 </dev/null
	rc=$?
	told $STORY/said
	echo "status $rc"
	tell_rules
	return "$rc"
}

# step COMMAND...: must succeed
step()
{
	run_step "$@" || wrong "failed: $*"
}

# step_fails COMMAND...: must not
step_fails()
{
	! run_step "$@" || wrong "did not fail: $*"
}

# is EXPECTED COMMAND...: what it prints
is()
{
	local want=$1 got

	shift
	got=$("$@" 2>&1)
	printf '\n? %s: %s\n' "$*" "$got"
	[[ $got = "$want" ]] || wrong "$*: $got, expected $want"
}

# Network

# neighbour PREFIX4 PREFIX6 DEVICE [NS]: a machine at the other end of DEVICE; its
# addresses end in 2 where this one's, which is its router, end in 1
neighbour()
{
	local v4=$1 v6=$2 dev=$3 ns=${4:-peer}

	ip netns add "$ns"
	ip link add "$dev" type veth peer name eth0 netns "$ns"
	# No packet that nobody asked for
	sysctl -qw "net.ipv6.conf.$dev.router_solicitations=0"
	ip addr add "${v4}1/24" dev "$dev"
	ip addr add "${v6}1/64" dev "$dev" nodad
	ip link set "$dev" up
	ip -n "$ns" addr add "${v4}2/24" dev eth0
	ip -n "$ns" addr add "${v6}2/64" dev eth0 nodad
	ip -n "$ns" link set lo up
	ip -n "$ns" link set eth0 up
	ip -n "$ns" route add default via "${v4}1"
	ip -n "$ns" route add default via "${v6}1"
}

# listen NS|- PORT...: TCP servers of both families that say who is calling
listen()
{
	local ns=$1 port v in=() opt

	shift
	[[ $ns = - ]] || in=(ip netns exec "$ns")
	for port in "$@"; do
		for v in 4 6; do
			opt=fork,reuseaddr
			((v == 4)) || opt+=,ipv6-v6only=1
			"${in[@]}" socat "TCP$v-LISTEN:$port,$opt" \
				"SYSTEM:echo \$SOCAT_PEERADDR" >/dev/null 2>&1 &
			until "${in[@]}" ss "-Htln$v" "sport = :$port" |
				grep -q .; do
				sleep 0.1
			done
		done
	done
}

# reach NS|- ADDRESS PORT: open, refused or silent
reach()
{
	local in=() to=$2

	[[ $1 = - ]] || in=(ip netns exec "$1")
	[[ $to != *:* ]] || to=[$to]
	if "${in[@]}" timeout 60 socat -u "TCP:$to:$3,connect-timeout=2" - \
		>$STORY/answer 2>$STORY/error; then
		echo open
	elif grep -q refused $STORY/error; then
		echo refused
	else
		echo silent
	fi
}

# seen_as NS|- ADDRESS PORT: the caller's address in the eyes of the server
seen_as()
{
	reach "$@" >/dev/null
	cat $STORY/answer
}

# pings NS|- ADDRESS: yes or no
pings()
{
	local in=()

	[[ $1 = - ]] || in=(ip netns exec "$1")
	if "${in[@]}" ping -q -n -c 1 -W 2 "$2" >/dev/null 2>&1; then
		echo yes
	else
		echo no
	fi
}

# The end: who serves the tables that are in use?
engines()
{
	/opt/bpfilter -j show >/out/show 2>&1 || :
	nft list hooks >/out/hooks 2>&1 || :
	cat /proc/net/ip_tables_names /proc/net/ip6_tables_names \
		>/out/tables 2>/dev/null
}

trap engines EXIT
