#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Rulesets on netfilter links, as a kernel without bpfilter runs them: what is
# loaded filters and counts as the native engine does, also while it is replaced,
# and what cannot be loaded is named.

# shellcheck disable=SC2154	# $links and its like come from ns_add

# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"

BPFILTER=${BPFILTER:-bpfilter}
BPFFS=/sys/fs/bpf

require_native
require_cmd "$BPFILTER" jq ping unshare nsenter mount

# Pins of the test go with its own mount namespace
if [[ ${LOAD_SH_INSIDE:-} != 1 ]]; then
	LOAD_SH_INSIDE=1 exec unshare --mount "$0" "$@"
fi

# bpf_mount: what a machine has at this place
bpf_mount()
{
	mount -t bpf none "$BPFFS"
}

# enter NS COMMAND...: "ip netns exec" would hide the BPF file system
enter()
{
	local ns=$1

	shift
	nsenter --net="/run/netns/$ns" "$@"
}

# bpf NS ARGUMENT...
bpf()
{
	local ns=$1

	shift
	"$BPFILTER" -n "$ns" "$@"
}

# pings NS [PING-OPTION...]: a packet to the machine itself that is answered
pings()
{
	local ns=$1

	shift
	enter "$ns" ping -q -c 1 -W 1 "$@" 127.0.0.1
}

# traffic NS: what both engines are to count the same
traffic()
{
	pings "$1"
	pings "$1" -I 127.0.0.2
	pings "$1" -I 127.0.0.3 -s 500
	pings "$1" -Q 0x10
	enter "$1" ping -q -c 1 -W 1 127.0.0.9
	return 0
}

# counted NS: rules and counters of what is loaded, as those of iptables-save
counted()
{
	bpf "$1" loaded | sed -n 's/^ *\(\[[0-9]*:[0-9]*\] -A \)/\1/p'
}

counted_natively()
{
	rules_save "$1" | sed -n '/-A /p'
}

# err COMMAND...: its error as JSON tells it
err()
{
	"$@" | jq -r .error
}

# pin_folder NS
pin_folder()
{
	echo "$BPFFS/bpfilter/$(stat -L -c %i "/run/netns/$1")"
}

# Nobody answers 127.0.0.2 in any of the versions
replace_flood()
{
	local pid i rc=0

	nsenter --net="/run/netns/$1" ping -q -f -w 600 -I 127.0.0.2 127.0.0.1 \
		> "$scratch/flood" 2>&1 &
	pid=$!
	for ((i = 0; i < 20 && !rc; i++)); do
		bpf "$1" load "$scratch/$((i % 2 ? 1 : 2)).rules" || rc=1
	done
	kill -INT "$pid"
	wait "$pid"
	cat "$scratch/flood"
	((!rc)) && grep -q '[1-9][0-9]* packets transmitted, 0 received' "$scratch/flood"
}

cat > "$scratch/1.rules" << 'END'
*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -m tos --tos 0x10
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:mine - [0:0]
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A INPUT -m conntrack --ctstate NEW -p icmp -j mine
-A INPUT -m comment --comment "those that came back" -j ACCEPT
-A OUTPUT -d 127.0.0.9/32 -j DROP
-A mine -s 127.0.0.2/32 -j DROP
-A mine -m length --length 400:600 -j DROP
-A mine -j RETURN
COMMIT
END

cat > "$scratch/2.rules" << 'END'
*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT ! -s 127.0.0.2/32 -i lo -j ACCEPT
COMMIT
END

cat > "$scratch/3.rules" << 'END'
*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
COMMIT
END

cat > "$scratch/bad.rules" << 'END'
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:never - [0:0]
-A INPUT -j ACCEPT
-A INPUT -m limit --limit 1/sec -j ACCEPT
-A FORWARD -j DROP
-A OUTPUT -m limit --limit 1/sec -j DROP
-A OUTPUT -p tcp -j MARK --set-xmark 0x1/0xffffffff
-A OUTPUT -p tcp -j REJECT --reject-with tcp-reset
-A never -j LOG
COMMIT
END

cat > "$scratch/6.rules" << 'END'
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s ::1/128 -d ::1/128 -j DROP
COMMIT
END

ns_add links native
umount "$BPFFS" 2>/dev/null

plan 28

check_is "without a BPF file system it says so" 1 \
	"$(err bpf "$links" -j load "$scratch/1.rules" |
		grep -c "no BPF file system at $BPFFS")"
check "a BPF file system" bpf_mount
check_is "nothing is loaded" 0 \
	"$(bpf "$links" -j loaded | jq '.tables | length')"

check "a ruleset is loaded" bpf "$links" load "$scratch/1.rules"
check_is "hooks with rules, or with a policy that drops, have links" \
	"FORWARD 0,INPUT 0,OUTPUT 0,PREROUTING -150" \
	"$(bpf "$links" -j loaded | jq -r '[.tables[].hooks[] |
		"\(.hook) \(.priority)"] | sort | join(",")')"
check "what it lets pass passes" pings "$links"
check_fails "what it drops does not" pings "$links" -I 127.0.0.2
check "the native engine takes it, too" \
	rules_load "$native" "$scratch/1.rules"
bpf "$links" load "$scratch/1.rules" > /dev/null
traffic "$links" > /dev/null 2>&1
traffic "$native" > /dev/null 2>&1
check_is "both count the same" "$(counted_natively "$native" | sort)" \
	"$(counted "$links" | sort)"
check "they did count" \
	sh -c "'$BPFILTER' -n '$links' loaded | grep -q '\[1:528\] -A mine '"

check_fails "a ruleset that needs the kernel's part is refused" \
	bpf "$links" load "$scratch/bad.rules"
check_is "each of its rules is named that packets get to" \
	'nat/POSTROUTING rule 1: table nat needs bpfilter in the kernel
filter/OUTPUT rule 1: match "limit" revision 0: needs bpfilter in the kernel
filter/OUTPUT rule 2: target "MARK" revision 2: needs bpfilter in the kernel
filter/OUTPUT rule 3: target "REJECT" revision 0: needs bpfilter in the kernel' \
	"$(bpf "$links" -j load "$scratch/bad.rules" | jq -r '.refused[]')"
check_fails "the ruleset in force stays" pings "$links" -I 127.0.0.2

check "one in its place, under a flood that neither lets pass" \
	replace_flood "$links"
check_is "its links are the only ones" \
	'filter FORWARD,filter INPUT,filter OUTPUT,mangle PREROUTING' \
	"$(bpf "$links" -j loaded | jq -r '[.tables[] | .name as $t |
		.hooks[] | "\($t) \(.hook)"] | sort | join(",")')"

check "a policy that drops is enough for a link" \
	bpf "$links" load "$scratch/3.rules"
check_fails "nothing passes it" pings "$links"
check "a table can be unloaded" bpf "$links" unload filter
check_is "the other stays" mangle \
	"$(bpf "$links" -j loaded | jq -r '.tables[].name')"
check_is "a table that is not there is an error" \
	'ipv4 table "filter": No such file or directory' \
	"$(err bpf "$links" -j unload filter)"
check "everything passes" pings "$links"

# As if the command had died before the last step
bpf "$links" load "$scratch/3.rules" > /dev/null
mv "$(pin_folder "$links")/ipv4/filter" \
	"$(pin_folder "$links")/ipv4/filter-next"
check "what a command left is tidied up" bpf "$links" load "$scratch/2.rules"
check "and filters no more" pings "$links"
mv "$(pin_folder "$links")/ipv4/filter" \
	"$(pin_folder "$links")/ipv4/filter-next"
bpf "$links" unload
check_is "nothing is left" '' "$(find "$(pin_folder "$links")" 2>/dev/null)"

check_is "rules of iptables are not joined by ours" 1 \
	"$(err bpf "$native" -j load "$scratch/2.rules" |
		grep -c 'iptables has rules in ipv4 table "filter"')"
check_is "unless asked for" 'INPUT 1' \
	"$(bpf "$native" -j load "$scratch/2.rules" force |
		jq -r '.tables[].hooks[] | "\(.hook) \(.priority)"')"
bpf "$native" unload

check "rules of IPv6 by address" bpf "$links" -6 load "$scratch/6.rules"
check_fails "they drop" enter "$links" ping -q -c 1 -W 1 ::1
bpf "$links" -6 unload

finish
