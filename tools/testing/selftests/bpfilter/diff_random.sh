#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: diff_random.sh [-N] [SEED [COUNT [PACKETS]]]
#
# COUNT random rulesets, made by genrules from SEED on, one of IPv4 and one of
# IPv6 in turn, and PACKETS packets each through the native engine and through
# bpfilter, see diff.sh. Then rulesets with one rule changed on bpfilter's side,
# since a test that cannot fail is none: a rule that is gone must be found each
# time, a port or address moved by one often, given more packets: one there may
# never get as far as to it. -N: natively on both sides, for a kernel without
# bpfilter.
#
# Without SEED it is always the same. BPFILTER_FULL=1 in the environment is for the
# long run, where it is made up. It is printed.

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

default_seed()
{
	if [[ ${BPFILTER_FULL:-0} = 0 ]]; then
		echo 1
	else
		echo $((RANDOM * 32768 + RANDOM))
	fi
}

OPTIONS=()
if [[ ${1:-} = -N ]]; then
	OPTIONS=(-N)
	shift
fi
SEED=${1:-$(default_seed)}
COUNT=${2:-$(default_count)}
PACKETS=${3:-500}
CHANGED=$((COUNT / 10 + 2))
# shellcheck disable=SC2154	# set by lib.sh
DIR=$lib_dir RULES=$scratch/rules LOG=$scratch/log
BPFILTER=${BPFILTER:-bpfilter}
NEVER=0 HIT=0

require_root
require_cmd "$IPTABLES-restore" "$IPTABLES-save"
require_native
((${#OPTIONS[@]})) || require_bpfilter

# Namespaces come and go faster if nobody waits for RCU
EXPEDITED=/sys/kernel/rcu_expedited
if [[ -w $EXPEDITED ]]; then
	EXPEDITED_WAS=$(cat $EXPEDITED)
	echo 1 > $EXPEDITED
fi

# shellcheck disable=SC2317	# lib.sh calls it
test_cleanup()
{
	[[ -z ${EXPEDITED_WAS:-} ]] || echo "$EXPEDITED_WAS" > $EXPEDITED
}

# takes FAMILY TEXT: does the machine have what tables like these need?
takes()
{
	local command=$IPTABLES

	[[ $1 = 4 ]] || command=ip6tables${IPTABLES#iptables}
	# shellcheck disable=SC2154	# set by ns_add
	printf '%b\nCOMMIT\n' "$2" | in_ns "$probe" "$command-restore" -w 2>/dev/null
}

# What genrules may make for a family, to the array OPT_4 or OPT_6
find_options()
{
	local -n opt=OPT_$1
	local ttl='-m ttl --ttl-eq 1' one=10.0.0.1

	[[ $1 = 4 ]] || ttl='-m hl --hl-eq 1' one=::1
	opt=(-"$1")
	takes "$1" '*raw\n-A OUTPUT -j CT --notrack' && opt+=(-r)
	takes "$1" '*raw\nCOMMIT\n*mangle\nCOMMIT\n*security' && opt+=(-t)
	takes "$1" "*mangle\n-A INPUT -p tcp -m multiport --ports 1,2 $ttl \
		-m mark --mark 1 -m length --length 1 -m dscp --dscp 1 \
		-m tos --tos 1 -m pkttype --pkt-type unicast \
		-m iprange --src-range $one-$one -j MARK --set-mark 1" &&
		opt+=(-x)
	note "IPv$1: genrules ${opt[*]}"
}

# make_rules SEED: to $RULES, family to $FAMILY
make_rules()
{
	local family=$((4 + 2 * ($1 % 2)))
	# shellcheck disable=SC2178	# the name of an array
	local -n opt=OPT_$family

	FAMILY=${opt[0]}
	"$DIR/genrules" "${opt[@]}" "$1" > "$RULES"
}

# run_diff OPTION...: on a ruleset, its last line to $VERDICT
run_diff()
{
	"$DIR/diffrun" -q "$FAMILY" "${OPTIONS[@]}" -n "$PACKETS" "$@" "$RULES" \
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

# Rules that never match, as diffrun begins the line of one that was not hit
nevers()
{
	"$BPFILTER" -j "$FAMILY" explain "$RULES" | jq -r '.tables[] |
		.table as $table | .never[] |
		"# not hit: \($table) \(.chain) \(.number): "'
}

count_nevers()
{
	local line

	while read -r line; do
		NEVER=$((NEVER + 1))
		grep -qF -- "$line" "$LOG" && continue
		HIT=$((HIT + 1))
		note "hit, though it never matches: ${line#\# not hit: }"
		note_file "$RULES"
	done < <(nevers)
}

test_nevers()
{
	if ! command -v "$BPFILTER" > "$LOG" || ! command -v jq > "$LOG"; then
		skip "rules that never match are not hit" "no bpfilter or jq"
		return
	fi
	check "$NEVER rules that never match are not hit" \
		test "$NEVER" -gt 0 -a "$HIT" -eq 0
}

test_equal()
{
	make_rules "$1"
	run_diff -s "$1" -u
	if ((STATUS == 0)); then
		count_nevers
		ktap_test_pass "ruleset $1, IPv${FAMILY#-}, $VERDICT"
	else
		failed "ruleset $1, IPv${FAMILY#-}"
	fi
}

# Always the same rulesets: how many it is differs from seed to seed
test_edges()
{
	local seed found=0

	for ((seed = 1; seed <= CHANGED; seed++)); do
		make_rules "$seed"
		run_diff -s "$seed" -C edge -n $((4 * PACKETS))
		((STATUS)) || found=$((found + 1))
		note "ruleset $seed, $VERDICT"
	done
	note "$found of $CHANGED"
	((3 * found >= CHANGED))
}

test_changed()
{
	make_rules "$1"
	run_diff -s "$1" -C never
	case $STATUS in
	0) ktap_test_pass "ruleset $1, IPv${FAMILY#-}, $VERDICT" ;;
	4) ktap_test_skip "ruleset $1 ($VERDICT)" ;;
	*) failed "ruleset $1, changed" ;;
	esac
}

plan $((COUNT + CHANGED + 2))
note "seed $SEED, $COUNT rulesets, $PACKETS packets each"
ns_add probe
find_options 4
find_options 6
for ((seed = SEED; seed < SEED + COUNT; seed++)); do
	test_equal "$seed"
done
test_nevers
for ((seed = SEED; seed < SEED + CHANGED; seed++)); do
	test_changed "$seed"
done
check "many changes by one are found" test_edges
finish
