#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: diff.sh [OPTION...] [FILE...]
#
# The same rulesets and the same packets through the native engine and through
# bpfilter, see diffrun -h: one TAP line per file, with the tables in it, how
# many of its rules are translated and how many have an extension that is left
# to the kernel, and what had to be changed in rules whose answer is otherwise a
# matter of time or chance. FILE is input of iptables-restore, or of
# ip6tables-restore if it is in a folder v6, or a folder that has files
# *.rules, v4/*.rules and v6/*.rules. Without any, the folders data beside this
# file and $RULESETS (default: rulesets in the folder above).
#
#   -4, -6	the files that follow are for iptables, for ip6tables
#   --allow-refused  a ruleset that the native engine refuses, and bpfilter in
#		the same words, does not count
#   -q		print nothing of what is equal but its TAP line
#   --quick	load each ruleset only once, see diffrun -q
#   -j NUMBER	so many at a time; what rules log is not compared then, since
#		all share one kernel log
#   anything else that begins with "-" is for diffrun: -n PACKETS, -s SEED, ...
#
# Ends with 0 only if all files are equal; 4 if none failed but the native
# engine did not take some.

# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"

ALLOW=
QUIET=
JOBS=1
FAMILY=
OPTIONS=()
FILES=()
FAMILIES=()
declare -A COUNT=([equal]=0 [different]=0 [refused]=0 [skipped]=0 [error]=0
		  [found]=0)
PACKETS=0

# add_file FILE [FAMILY]
add_file()
{
	local family=${2:-$FAMILY}

	[[ $1 != */v6/* ]] || family=${family:-6}
	FILES+=("$1")
	FAMILIES+=("${family:-4}")
}

add_folder()
{
	local file

	for file in "$1"/*.rules; do
		[[ ! -f $file ]] || add_file "$file"
	done
	for file in "$1"/v4/*.rules; do
		[[ ! -f $file ]] || add_file "$file" 4
	done
	for file in "$1"/v6/*.rules; do
		[[ ! -f $file ]] || add_file "$file" 6
	done
}

while (($#)); do
	case $1 in
	-4 | -6) FAMILY=${1#-} ;;
	--allow-refused) ALLOW=1 ;;
	-q) QUIET=1 ;;
	--quick) OPTIONS+=(-q) ;;
	-j) JOBS=$2 && shift ;;
	-[nsC]) OPTIONS+=("$1" "$2") && shift ;;
	-*) OPTIONS+=("$1") ;;
	*)
		if [[ -d $1 ]]; then
			add_folder "$1"
		else
			add_file "$1"
		fi
		;;
	esac
	shift
done

if ((!${#FILES[@]})); then
	ALLOW=1
	# shellcheck disable=SC2154	# set by lib.sh
	add_folder "$lib_dir/data"
	add_folder "${RULESETS:-$lib_dir/../rulesets}"
fi

require_root
require_cmd "$IPTABLES-restore" "$IPTABLES-save"
require_native
[[ " ${OPTIONS[*]} " = *" -N "* ]] || require_bpfilter
((${#FILES[@]})) || skip_all "no rulesets"

# setting FILE VALUE: for as long as this runs
setting()
{
	[[ ! -w $1 ]] || WAS[$1]=$(cut -f 1 "$1")
	[[ ! -w $1 ]] || echo "$2" > "$1"
}

# shellcheck disable=SC2317	# lib.sh calls it
test_cleanup()
{
	local file

	for file in "${!WAS[@]}"; do
		echo "${WAS[$file]}" > "$file"
	done
}

# What rules log is compared where namespaces may log; a console would slow that
# down. Namespaces come and go faster if nobody waits for RCU.
declare -A WAS=()
setting /proc/sys/net/netfilter/nf_log_all_netns $((JOBS == 1))
setting /sys/kernel/rcu_expedited 1
(($(cut -f 1 /proc/sys/kernel/printk) <= 4)) ||
	setting /proc/sys/kernel/printk 4
# report NAME STATUS VERDICT: the last line of diffrun, and what it ended with
report()
{
	local kind=${3%%:*}

	case $2 in
	0) ktap_test_pass "$1 ($3)" ;;
	4) ktap_test_skip "$1 ($3)" ;;
	1 | 5) ktap_test_fail "$1 ($3)" ;;
	*) kind=error; ktap_test_fail "$1 (diffrun ended with $2: $3)" ;;
	esac
	[[ -v COUNT[$kind] ]] || kind=different
	COUNT[$kind]=$((COUNT[$kind] + 1))
}

# worker NUMBER: do every $JOBS-th file, from that one on
worker()
{
	local i log

	for ((i = $1; i < ${#FILES[@]}; i += JOBS)); do
		# shellcheck disable=SC2154	# set by lib.sh
		log=$scratch/$i
		"$lib_dir/diffrun" "-${FAMILIES[i]}" "${OPTIONS[@]}" \
			"${FILES[i]}" > "$log.log" 2>&1
		echo $? > "$log.status"
		mv "$log.status" "$log.done"
	done
}

# packets_of LOG: how many each engine got
packets_of()
{
	local num

	num=$(sed -n 's/^# .* entries hit, \([0-9]*\) packets in,.*/\1/p' "$1")
	echo "${num:-0}"
}

# show NUMBER: what a worker found of a file
show()
{
	local log="$scratch/$1" status name=${FILES[$1]}

	while [[ ! -e $log.done ]]; do
		sleep 0.1
	done
	status=$(cat "$log.done")
	name=$(basename "$(dirname "$name")")/$(basename "$name")
	[[ -n $QUIET && $status = 0 ]] || grep '^#' "$log.log"
	PACKETS=$((PACKETS + $(packets_of "$log.log")))
	report "$name" "$status" "$(grep -v '^#' "$log.log" | tail -n 1)"
	rm -f "$log.log" "$log.done"
}

plan ${#FILES[@]}
for ((j = 0; j < JOBS; j++)); do
	worker "$j" &
done
for i in "${!FILES[@]}"; do
	show "$i"
done
wait
((!COUNT[found])) || note "changed rules found ${COUNT[found]}"
note "equal ${COUNT[equal]}, different ${COUNT[different]}," \
	"refused ${COUNT[refused]}, skipped ${COUNT[skipped]}," \
	"errors ${COUNT[error]}; $PACKETS packets"
ktap_print_totals
((KTAP_CNT_FAIL == 0)) || exit "$KSFT_FAIL"
[[ -n $ALLOW ]] || ((KTAP_CNT_SKIP == 0)) || exit "$KSFT_SKIP"
exit "$KSFT_PASS"
