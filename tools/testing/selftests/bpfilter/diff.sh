#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: diff.sh [OPTION...] [FILE...]
#
# The same rulesets and the same packets through the native engine and through
# bpfilter, see diffrun -h: one TAP line per file, input of iptables-restore.
# Without files, those in the folder data and in $RULESETS (default: the folder
# rulesets/v4 beside this one), without the rules that bpfilter refuses.
#
#   --allow-refused  a ruleset that bpfilter refuses, or the native engine, or
#                    one without a filter table, does not count as a failure
#   anything else that begins with "-" is for diffrun: -n PACKETS, -R, ...
#
# Ends with 0 only if all files are equal; 4 if none failed but some did not
# get as far as to be compared.

# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"

ALLOW=
OPTIONS=()
FILES=()
declare -A COUNT=([equal]=0 [different]=0 [refused]=0 [skipped]=0 [error]=0)

while (($#)); do
	case $1 in
	--allow-refused) ALLOW=1 ;;
	-[nsC]) OPTIONS+=("$1" "$2") && shift ;;
	-*) OPTIONS+=("$1") ;;
	*) FILES+=("$1") ;;
	esac
	shift
done

if ((!${#FILES[@]})); then
	ALLOW=1
	OPTIONS+=(-R)
	shopt -s nullglob
	# shellcheck disable=SC2154	# set by lib.sh
	FILES=("$lib_dir"/data/*.rules \
	       "${RULESETS:-$lib_dir/../rulesets/v4}"/*.rules)
fi

require_root
require_cmd "$IPTABLES-restore" "$IPTABLES-save"
require_native
[[ " ${OPTIONS[*]} " = *" -N "* ]] || require_bpfilter
((${#FILES[@]})) || skip_all "no rulesets"

# report NAME STATUS VERDICT: the last line of diffrun, and what it ended with
report()
{
	local kind=${3%%:*}

	case $2 in
	0) ktap_test_pass "$1 ($3)" ;;
	4) ktap_test_skip "$1 ($3)" ;;
	5)
		if [[ -n $ALLOW ]]; then
			ktap_test_skip "$1 ($3)"
		else
			ktap_test_fail "$1 ($3)"
		fi
		;;
	1) ktap_test_fail "$1 ($3)" ;;
	*) kind=error; ktap_test_fail "$1 (diffrun ended with $2: $3)" ;;
	esac
	[[ -v COUNT[$kind] ]] || kind=different
	COUNT[$kind]=$((COUNT[$kind] + 1))
}

run_file()
{
	# shellcheck disable=SC2154	# set by lib.sh
	local log="$scratch/log" status

	"$lib_dir/diffrun" "${OPTIONS[@]}" "$1" > "$log" 2>&1
	status=$?
	grep '^#' "$log"
	report "$(basename "$1")" "$status" "$(grep -v '^#' "$log" | tail -n 1)"
}

plan ${#FILES[@]}
for file in "${FILES[@]}"; do
	run_file "$file"
done
note "equal ${COUNT[equal]}, different ${COUNT[different]}," \
	"refused ${COUNT[refused]}, skipped ${COUNT[skipped]}," \
	"errors ${COUNT[error]}"
ktap_print_totals
((KTAP_CNT_FAIL == 0)) || exit "$KSFT_FAIL"
[[ -n $ALLOW ]] || ((KTAP_CNT_SKIP == 0)) || exit "$KSFT_SKIP"
exit "$KSFT_PASS"
