#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: kernel_selftests.sh [NAME...]
#
# Those of the kernel's own selftests that use iptables (legacy, not nft), once
# with the native engine and once with bpfilter: the exit status and each line
# that tells a result must be the same. They take long, so without NAME they run
# with BPFILTER_FULL=1 only. scripts/guest-selftests puts them into KERNEL.

# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2154	# set by lib.sh
tmp=$scratch here=$lib_dir

DEBIAN=${DEBIAN:-$here/../debian.tar}
KERNEL=${KERNEL:-$here/../kernel}
LIMIT=1800

# NAME FOLDER COMMAND: all parts of the test that call iptables
tests='
xt_string	net/netfilter	./xt_string.sh
rpath		net/netfilter	./rpath.sh
nf_nat_edemux	net/netfilter	./nf_nat_edemux.sh
ipip_mtu	net/netfilter	./conntrack_ipip_mtu.sh
sctp_collision	net/netfilter	./conntrack_sctp_collision.sh
packetdrill	net/netfilter	./nf_conntrack_packetdrill.sh
ip_defrag	net		./ip_defrag.sh
xfrm_policy	net		./xfrm_policy.sh
srv6_dx4	net		./srv6_end_dx4_netfilter_test.sh
srv6_dx6	net		./srv6_end_dx6_netfilter_test.sh
fib_tests	net		./fib_tests.sh -t "ipv4_mangle ipv6_mangle"
fib_nexthops	net		./fib_nexthops.sh -t ipv6_fcnal_runtime
fcnal		net		./fcnal-test.sh -t "ipv4_netfilter ipv6_netfilter use_cases"
udpgro		net		./udpgro.sh
udpgro_fwd	net		./udpgro_fwd.sh
big_tcp		net		./big_tcp.sh
amt		net		./amt.sh
mptcp_sockopt	net/mptcp	./mptcp_sockopt.sh
mptcp_join	net/mptcp	./mptcp_join.sh -e -t -u -I
wireguard	wireguard	./netns.sh
'

require_bpfilter
require_native
require_cmd unshare tar timeout bpfilter
[[ -f $DEBIAN ]] || skip_all "no Debian packages, see scripts/guest-packages"
[[ -d $KERNEL ]] || skip_all "no selftests, see scripts/guest-selftests"
[[ $# -gt 0 || ${BPFILTER_FULL:-0} != 0 ]] ||
	skip_all "takes long, BPFILTER_FULL=1 runs it"

before=$(</proc/sys/net/netfilter/bpfilter)

test_cleanup()
{
	echo "$before" >/proc/sys/net/netfilter/bpfilter
	umount "$tmp/root" 2>/dev/null
}

unpack()
{
	mkdir -p "$tmp/root" &&
	mount -t tmpfs -o mode=755 debian "$tmp/root" &&
	tar -x -C "$tmp/root" -f "$DEBIAN"
}

# play NAME FOLDER COMMAND ENGINE: the network namespace is the initial one, some
# tests want its sysctls
play()
{
	local out=$tmp/$1.$4

	mkdir -p "$out"
	timeout -k 10 "$LIMIT" unshare -m -p -i -u -f --kill-child \
		bash "$here/tools/box.sh" "$4" "$tmp/root" "$out" \
		selftest "$2" bash -c "$3" >"$out/said" 2>&1
	echo $? >"$out/status"
	results "$out/said" >"$out/results"
}

# Lines that tell a result, without what differs from run to run
results()
{
	sed -E -e 's/\x1b\[[0-9;]*[A-Za-z]//g' "$1" |
		grep -aE -e '\[ ?(OK|FAIL|XFAIL|SKIP|ok|fail|skip) ?\]' \
			-e '^[# ]*(PASS|FAIL|SKIP|ERROR|XFAIL|INFO|not ok|ok)\b' \
			-e '\b(ok|failed|fail|passed|done)$' |
		sed -E -e 's/(ns[a-z0-9]?|wg-test)-?[A-Za-z0-9]{6,}(-[0-9])?/NS/g' \
			-e 's/[0-9.]+ ?(ms|s|sec|seconds|MB\/s|calls\/s)\b/N/g' \
			-e 's/time=[0-9]+/time=N/'
}

told()
{
	cat "$tmp/$1.$2/status" "$tmp/$1.$2/results"
}

same()
{
	diff -u --label native --label bpfilter <(told "$1" native) \
		<(told "$1" bpfilter) && return
	echo "--- native"
	tail -n 40 "$tmp/$1.native/said"
	echo "--- bpfilter"
	tail -n 40 "$tmp/$1.bpfilter/said"
	return 1
}

last_word()
{
	grep -av '^[[:space:]]*$' "$tmp/$1.native/said" | tail -n 1
}

# report NAME: nothing is proved by a test that fails natively or is skipped
report()
{
	local status

	status=$(<"$tmp/$1.native/status")
	case $status in
	0) check "$1: $(wc -l <"$tmp/$1.native/results") results as native" \
		same "$1" ;;
	4) skip "$1" "$(last_word "$1")" ;;
	*)
		skip "$1" "fails with native, too: status $status"
		note_file <(tail -n 40 "$tmp/$1.native/said")
		;;
	esac
}

wanted()
{
	local name=$1 n

	shift
	(($#)) || return 0
	for n in "$@"; do
		[[ $n != "$name" ]] || return 0
	done
	return 1
}

list=()
while read -r name folder command; do
	[[ -z $name ]] || ! wanted "$name" "$@" ||
		list+=("$name" "$folder" "$command")
done <<<"$tests"
plan $((${#list[@]} / 3 + 1))
unpack || ktap_exit_fail_msg "cannot unpack $DEBIAN"
refused=
for ((i = 0; i < ${#list[@]}; i += 3)); do
	start=$SECONDS
	klog_mark
	play "${list[@]:i:3}" native
	play "${list[@]:i:3}" bpfilter
	lines=$(klog_lacks bpfilter:) || refused+="${list[i]}: $lines"$'\n'
	note "${list[i]}: $((SECONDS - start)) s"
	report "${list[i]}"
done
check_is "nothing was refused" "" "$refused"
finish
