#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: run-tests.sh OUT [PATTERN]: run the installed kselftests one by one
#
# What a test says goes to OUT/NAME.tap, and its exit status to OUT/NAME.rc when
# it has ended. A line for each shows how far it is.

OUT=$1 PATTERN=${2:-*}

run_test()
{
	local name=$1 start=$SECONDS rc

	timeout -k 10 "$LIMIT" "./$name" >"$OUT/$name.tap" 2>&1
	rc=$?
	echo $rc >"$OUT/$name.rc"
	printf '  %-28s %4d s  %s\n' "$name" $((SECONDS - start)) \
		"$(summary "$OUT/$name.tap" $rc)"
}

summary()
{
	printf '%d ok, %d not ok, exit status %d' \
		"$(grep -c '^ok ' "$1")" "$(grep -c '^not ok ' "$1")" "$2"
}

mkdir -p "$OUT"
cd /mnt/share/bpfilter || exit 1
LIMIT=$(sed -n 's/^timeout=//p' settings)
: "${LIMIT:=45}"
while read -r line; do
	name=${line#bpfilter:}
	# shellcheck disable=SC2254 # a pattern
	case $name in
	$PATTERN) run_test "$name" ;;
	esac
done < <(grep '^bpfilter:' ../kselftest-list.txt)
: >"$OUT/end"
