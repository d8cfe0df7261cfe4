#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: diff_random.sh [-N] [SEED [COUNT [PACKETS]]]
#
# COUNT random rulesets, made by genrules from SEED on, and PACKETS packets each
# through the native engine and through bpfilter, see diff.sh. Then rulesets
# with one rule changed on bpfilter's side, since a test that cannot fail is
# none: a rule that is gone must be found each time, a port or address moved by
# one most times, given more packets: one there may never get as far as to it.
# -N: natively on both sides, for a kernel without bpfilter.
#
# Without SEED it is made up and printed. BPFILTER_FULL=1 in the environment is
# for the long run.

# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"

# A debugging kernel is several times slower
default_count()
{
	if [[ ${BPFILTER_FULL:-0} = 0 ]]; then
		echo 40
	elif [[ -e /proc/lockdep ]]; then
		echo 200
	else
		echo 1200
	fi
}

OPTIONS=()
if [[ ${1:-} = -N ]]; then
	OPTIONS=(-N)
	shift
fi
SEED=${1:-$((RANDOM * 32768 + RANDOM))}
COUNT=${2:-$(default_count)}
PACKETS=${3:-500}
CHANGED=$((COUNT / 10 + 1))
# shellcheck disable=SC2154	# set by lib.sh
DIR=$lib_dir RULES=$scratch/rules LOG=$scratch/log

require_root
require_cmd "$IPTABLES-restore" "$IPTABLES-save"
require_native
((${#OPTIONS[@]})) || require_bpfilter

# Does the machine have what a table raw of genrules needs?
have_raw()
{
	# shellcheck disable=SC2154	# set by ns_add
	ns_add probe && ipt "$probe" -t raw -A OUTPUT -j CT --notrack 2>/dev/null
}

# diffrun OPTION...: on a ruleset, its last line to $VERDICT
run_diff()
{
	"$DIR/diffrun" "${OPTIONS[@]}" -n "$PACKETS" "$@" "$RULES" \
		> "$LOG" 2>&1
	STATUS=$?
	VERDICT=$(grep -v '^#' "$LOG" | tail -n 1)
}

failed()
{
	ktap_test_fail "$1 ($VERDICT)"
	note_file "$LOG"
	note_file "$RULES"
}

test_equal()
{
	run_diff -s "$1"
	if ((STATUS == 0)); then
		ktap_test_pass "ruleset $1"
	else
		failed "ruleset $1"
	fi
}

test_edges()
{
	local seed found=0

	for ((seed = SEED; seed < SEED + CHANGED; seed++)); do
		"$DIR/genrules" "$seed" > "$RULES"
		run_diff -s "$seed" -C edge -n $((4 * PACKETS))
		((STATUS)) || found=$((found + 1))
		note "ruleset $seed, $VERDICT"
	done
	note "$found of $CHANGED"
	((2 * found > CHANGED))
}

test_changed()
{
	run_diff -s "$1" -C never
	case $STATUS in
	0) ktap_test_pass "ruleset $1, $VERDICT" ;;
	4) ktap_test_skip "ruleset $1 ($VERDICT)" ;;
	*) failed "ruleset $1, changed" ;;
	esac
}

RAW=()
have_raw && RAW=(-r)

plan $((COUNT + CHANGED + 1))
note "seed $SEED, $COUNT rulesets, $PACKETS packets each"
for ((seed = SEED; seed < SEED + COUNT; seed++)); do
	"$DIR/genrules" "${RAW[@]}" "$seed" > "$RULES"
	test_equal "$seed"
done
for ((seed = SEED; seed < SEED + CHANGED; seed++)); do
	"$DIR/genrules" "$seed" > "$RULES"
	test_changed "$seed"
done
check "most changes by one are found" test_edges
finish
