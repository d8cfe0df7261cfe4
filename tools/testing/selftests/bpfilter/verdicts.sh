#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: verdicts.sh [[-4 | -6] FILE...]
#
# What "bpfilter test" says of packets is what the live firewall does. Packets
# are made for the rules of a ruleset; the native engine in a namespace gets each
# of them alone, and "bpfilter test" all of them as a pcap file. The verdicts are
# compared packet by packet, and for each rule of table filter that accepts or
# drops how many packets it decided about, as far as nothing is unknown. Of what
# is unknown the reason is told. FILE is input of iptables-restore; without any,
# files of the folder data beside this one, and of $RULESETS if that is set. With
# BPFILTER_FULL=1 that is rulesets in the folder above.
#
# PACKETS: of each lane at most (default 128), see benchrun -w.

# shellcheck disable=SC2154	# $scratch comes from lib.sh

# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"

BPFILTER=${BPFILTER:-bpfilter}
BENCHRUN=${BENCHRUN:-$lib_dir/benchrun}
PACKETS=${PACKETS:-128}
[[ ${BPFILTER_FULL:-} != 1 ]] || RULESETS=${RULESETS:-$lib_dir/../rulesets}
FILES=()
TOTAL=0
KNOWN=0

require_native
require_cmd "$BPFILTER" "$BENCHRUN" jq

# path_to HOOK: the hooks that a packet gets to on its way there
path_to()
{
	case $1 in
	INPUT) echo PREROUTING,INPUT ;;
	FORWARD) echo PREROUTING,FORWARD ;;
	POSTROUTING) echo PREROUTING,FORWARD,POSTROUTING ;;
	*) echo "$1" ;;
	esac
}

# tested FAMILY FILE LANE: its packets by "bpfilter test", as JSON
tested()
{
	local in out hook
	local -a options

	read -r in out hook < "$3.lane"
	options=(--hook "$(path_to "$hook")" --in "$in"
		 --assume checksum=no)
	[[ $out = - ]] || options+=(--out "$out")
	"$BPFILTER" "-$1" -j test "$2" --pcap "$3.pcap" "${options[@]}"
}

# decided LANE: how many packets each rule of table filter decided about natively
decided()
{
	awk '
	/^\*/ { table = $1 }
	table != "*filter" || !/^\[.*-j (ACCEPT|DROP)$/ { next }
	{
		packets = substr($1, 2) + 0
		sub(/^[^ ]* /, "")
		count[$0] += FILENAME ~ /after$/ ? packets : -packets
	}
	END { for (rule in count) if (count[rule]) print count[rule], rule }
	' "$1.before" "$1.after" | sort
}

# decisions LANE: the same as tested
decisions()
{
	jq -r '.results[].packets[].decided[] | select(.table == "filter" and
		(.policy | not) and (.text | test("-j (ACCEPT|DROP)$"))) |
		.text' "$1.json" | sort | uniq -c |
		sed 's/^ *\([0-9]*\) /\1 /' | sort
}

# differences LANE: packets of which something else is said
differences()
{
	jq -r '.results[].packets[].verdict' "$1.json" |
		paste - "$1.verdicts" |
		awk '$1 != "unknown" && $1 != $2 { print "packet", NR, $0 }'
}

# reasons LANE: why packets are unknown
reasons()
{
	jq -r '.results[].packets[].because // empty' "$1.json" | sort |
		uniq -c | sed 's/^ */# unknown: /'
}

# lane_compare FAMILY FILE LANE
lane_compare()
{
	local unknown packets

	tested "$1" "$2" "$3" > "$3.json" || return 1
	differences "$3" > "$3.differences"
	head -n 5 "$3.differences"
	unknown=$(jq '[.results[].unknown] | add' "$3.json")
	packets=$(wc -l < "$3.verdicts")
	TOTAL=$((TOTAL + packets)) KNOWN=$((KNOWN + packets - unknown))
	reasons "$3"
	[[ ! -s $3.differences && $packets -gt 0 ]] || return 1
	jq -e '[.results[].packets[] | select(.verdict == "unknown" or
		.several)] | length == 0' "$3.json" > /dev/null || return 0
	diff <(decided "$3") <(decisions "$3")
}

# ruleset_compare FAMILY FILE NAME: 4 if there is nothing to compare
ruleset_compare()
{
	local lane rc=4

	"$BENCHRUN" "-$1" -e 'floor native' -t uniform -w "$PACKETS" \
		-o "$scratch" -N "$3" "$2" > "$scratch/log" 2>&1 || return
	for lane in "$scratch/$3".*.pcap; do
		[[ -f $lane ]] || return 4
		((rc != 4)) || rc=0
		lane_compare "$1" "$2" "${lane%.pcap}" || rc=1
	done
	return "$rc"
}

# ruleset FAMILY FILE
ruleset()
{
	local name total=$TOTAL known=$KNOWN rc=0

	name=v$1-$(basename "$2" .rules)
	if grep -q '^-A .*-j \(SNAT\|DNAT\|MASQUERADE\|REDIRECT\|NETMAP\)' "$2"; then
		skip "$name" "table nat has rules"
		return
	fi
	ruleset_compare "$1" "$2" "$name" > "$scratch/said" 2>&1 || rc=$?
	name="$name: $((TOTAL - total)) packets, $((KNOWN - known)) certain"
	case $rc in
	0) ktap_test_pass "$name" ;;
	4) skip "$name" "no packets can be made, or native does not take it" ;;
	*) ktap_test_fail "$name" ;;
	esac
	note_file "$scratch/said"
	((rc != 1 && rc != 2)) || note_file "$scratch/log"
	rm -f "$scratch"/v[46]-*
}

FAMILY=4
while (($#)); do
	case $1 in
	-4 | -6) FAMILY=${1#-} ;;
	*) FILES+=("$FAMILY $1") ;;
	esac
	shift
done
if ((!${#FILES[@]})); then
	for file in "$lib_dir"/data/{v4/,v6/,}*.rules "${RULESETS:-/nonexistent}"/v[46]/*.rules; do
		[[ -f $file ]] || continue
		[[ $file = */v6/* ]] && FAMILY=6 || FAMILY=4
		FILES+=("$FAMILY $file")
	done
fi
((${#FILES[@]})) || skip_all "no rulesets"

plan $((${#FILES[@]} + 1))
for file in "${FILES[@]}"; do
	ruleset "${file%% *}" "${file#* }"
done
check "$TOTAL packets were compared, $KNOWN with a certain verdict" \
	test "$KNOWN" -gt 0
finish
