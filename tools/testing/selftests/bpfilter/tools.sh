#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: tools.sh [SCENARIO...]
#
# Programs that write iptables rules, unmodified from Debian's packages, do what
# their administrators do with them: once with the native engine and once with
# bpfilter, each in a machine of its own (see tools/box.sh). Rules, messages,
# exit statuses and what gets through to whom must be the same after each step.
#
# Without SCENARIO those that take a minute, with BPFILTER_FULL=1 all of tools/.
# The packages are in DEBIAN, a tar file that scripts/guest-packages makes.

# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2154	# set by lib.sh
tmp=$scratch here=$lib_dir

DEBIAN=${DEBIAN:-$here/../debian.tar}
LIMIT=1800

require_bpfilter
require_cmd unshare tar jq bpfilter timeout
[[ -f $DEBIAN ]] || skip_all "no Debian packages, see scripts/guest-packages"

if (($#)); then
	scenarios=("$@")
elif [[ ${BPFILTER_FULL:-0} != 0 ]]; then
	scenarios=(apply docker kube fail2ban ufw firewalld shorewall)
else
	scenarios=(apply docker)
fi
engines=(bpfilter)
have_native && engines=(native bpfilter)

test_cleanup()
{
	umount "$tmp/root" 2>/dev/null
}

unpack()
{
	mkdir -p "$tmp/root" &&
	mount -t tmpfs -o mode=755 debian "$tmp/root" &&
	tar -x -C "$tmp/root" -f "$DEBIAN"
}

# play SCENARIO ENGINE: what came of it is in $tmp/SCENARIO.ENGINE
play()
{
	local out=$tmp/$1.$2

	mkdir -p "$out"
	timeout -k 10 "$LIMIT" unshare -n -m -p -i -u -f --kill-child \
		bash "$here/tools/box.sh" "$2" "$tmp/root" "$out" "$1" \
		>"$out/story" 2>&1
	echo $? >"$out/status"
}

# went_well SCENARIO ENGINE: it got to its end, and nothing was wrong on the way
went_well()
{
	local out=$tmp/$1.$2

	[[ ! -s $out/wrong ]] || { cat "$out/wrong"; return 1; }
	[[ $(<"$out/status") = 0 ]] && grep -q '^# ' "$out/story" && return
	echo "ended with status $(<"$out/status")"
	tail -n 20 "$out/story"
	return 1
}

same_story()
{
	diff -u "$tmp/$1.native/story" "$tmp/$1.bpfilter/story"
}

# served SCENARIO ENGINE: each table in use, and no hook is the other's
served()
{
	local out=$tmp/$1.$2 all bad

	all=$(jq '.netns[0].tables | length' "$out/show")
	bad=$(jq --arg e "$2" '[.netns[0].tables[] |
		select(.engine != $e)] | length' "$out/show")
	cat "$out/show" "$out/tables" "$out/hooks"
	[[ $all -gt 0 && $bad = 0 && $all = $(wc -l <"$out/tables") ]] ||
		return
	case $2 in
	native) ! grep -q bpfilter "$out/hooks" ;;
	bpfilter) ! grep -qE 'ip6?t_do_table' "$out/hooks" ;;
	esac
}

# In the log there is what bpfilter refused, and why
nothing_refused()
{
	klog_lacks bpfilter:
}

with_native()
{
	if ((${#engines[@]} == 2)); then
		check "$@"
	else
		skip "$1" "this kernel has no native iptables"
	fi
}

report()
{
	local s=$1

	with_native "$s: works with native" went_well "$s" native
	with_native "$s: native serves all its tables" served "$s" native
	check "$s: works with bpfilter" went_well "$s" bpfilter
	check "$s: bpfilter serves all its tables" served "$s" bpfilter
	check "$s: nothing refused" nothing_refused
	with_native "$s: the same rules, messages and packets" same_story "$s"
}

plan $((${#scenarios[@]} * 6))
unpack || ktap_exit_fail_msg "cannot unpack $DEBIAN"
for s in "${scenarios[@]}"; do
	start=$SECONDS
	klog_mark
	for engine in "${engines[@]}"; do
		play "$s" "$engine" &
	done
	wait
	note "$s: $(grep -c '^# ' "$tmp/$s.bpfilter/story") steps," \
		"$(grep -c '^? ' "$tmp/$s.bpfilter/story") questions," \
		"$((SECONDS - start)) s"
	report "$s"
done
finish
