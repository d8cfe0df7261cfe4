#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: ext.sh [NAME...]
#
# Every match and target that the kernel has, one after the other: the same
# rules and packets on the native engine and on bpfilter. Counters, the packets
# that come out, and what else the extension does must be what the table says on
# the native side, and the same on the other. Ends with a list that tells for
# each extension whether it is translated or bridged.
#
# The tables are the files data/ext/*.rows, see data/ext/README. An extension
# of the kernel that has none there is a failure. With NAMEs only those.
#
# BPFILTER_TEST_ENGINE=native puts the native engine on both sides.

# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"
# shellcheck source=/dev/null
. "$(dirname "$0")/lib-side.sh"
# shellcheck disable=SC2154	# set by lib.sh
ROWS=${ROWS:-$lib_dir/data/ext} tmp=$scratch
ENGINE=${BPFILTER_TEST_ENGINE:-bpfilter}
BPFILTER=${BPFILTER:-bpfilter}
ONLY=" $* "
# Packets in the kernel log that are of these devices
KLOG_DEV='(|in0|out0|alt0)'

require_cmd ip "$IPTABLES-restore" "$(side_ipt 6)-restore" diff
case $ENGINE in
bpfilter)
	require_bpfilter
	require_cmd "$BPFILTER" jq
	;;
native) require_native ;;
esac

# Engines by the tag of a side. The oracle comes first if there is one.
declare -A SIDES=([a]=native [b]=$ENGINE)
TAGS="a b"
if ! have_native; then
	TAGS=b
	note "without the oracle: no native engine"
fi

# Cases: kind, name and families, and their lines
KINDS=() NAMES=() FAMILIES=() LINES=()
TABLE=()

read_rows()
{
	local word name families rest n=-1

	while read -r word name families rest; do
		case $word in
		match | target)
			n=${#KINDS[@]}
			KINDS+=("$word")
			NAMES+=("$name")
			FAMILIES+=("$families")
			LINES+=("")
			;;
		'' | \#*) ;;
		*) LINES[n]+="$word $name $families $rest"$'\n' ;;
		esac
	done
}

# What the kernel calls its list of a kind in a family
proc_list()
{
	local six=

	[[ $1 = 6 ]] && six=6
	case $2 in
	match) echo "/proc/net/ip${six}_tables_matches" ;;
	target) echo "/proc/net/ip${six}_tables_targets" ;;
	esac
}

# In a namespace where iptables was used: the list may be made only then
ext_present()
{
	# shellcheck disable=SC2154	# set by ns_add
	in_ns "$probe" grep -qxF "$3" "$(proc_list "$1" "$2")"
}

# lines CASE FAMILY WORD: the rest of each line with this word, perhaps only for
# this family
lines()
{
	local f=$2

	sed -n -E "s/^(${f} )?$3 +//p" <<< "${LINES[$1]}" | sed 's/ *$//'
}

# restore_input CASE FAMILY TAG
restore_input()
{
	local table

	for table in raw mangle nat filter security; do
		lines "$1" "$2" '(rule|chain)' | awk -v t=$table '
			NF == 2 && $1 == t { head = head ":" $2 " - [0:0]\n" }
			NF > 2 && $2 == t {
				chain = $3
				sub(/^[^ ]+ +[^ ]+ +[^ ]+ */, "")
				rules = rules "-A " chain " " $0 "\n"
			}
			END { if (rules) printf "*%s\n%s%sCOMMIT\n", t, head, rules }
		'
	done > "$tmp/restore.raw"
	expand "$2" "$3" "$(cat "$tmp/restore.raw")"
	echo
}

# Counts as the rows want them, and as iptables-save -c has them
counts_wanted()
{
	lines "$1" "$2" rule | awk '{ print $2, $3, $1 }' | sort -s -k1,2
}

counts_found()
{
	awk '/^\*/ { t = substr($0, 2) }
	     /^\[/ { split(substr($1, 2), c, ":"); print t, $3, c[1] }' "$1" |
		sort -s -k1,2
}

# normalize TAG: what may differ from one side to the other
normalize()
{
	sed -E -e "s/-side-$1/-side-/g"
}

# run_commands CASE FAMILY TAG WORD: run the commands of these lines in the namespace
run_commands()
{
	local line

	while read -r line; do
		[[ -n $line ]] || continue
		in_ns "$ns" bash -c "$(expand "$2" "$3" "$line")" ||
			return
	done < <(lines "$1" "$2" "$4")
}

# run_side CASE FAMILY TAG: files in $tmp/FILE.TAG. Returns 1 if the rules could
# not be loaded, 2 if something else went wrong.
run_side()
{
	local tag=$3 ipt box='' ns

	ipt=$(side_ipt "$2")
	rm -f "$tmp"/*."$tag"
	: > "$tmp/all.$tag"
	side_add "${SIDES[$tag]}" box
	ns=$box
	if ! run_commands "$1" "$2" "$tag" pre > "$tmp/err.$tag" 2>&1; then
		side_del box
		return 2
	fi
	restore_input "$1" "$2" "$tag" > "$tmp/restore.$tag"
	klog_mark
	if ! in_ns "$ns" "$ipt-restore" -w < "$tmp/restore.$tag" \
			> "$tmp/err.$tag" 2>&1; then
		normalize "$tag" < "$tmp/err.$tag" > "$tmp/all.$tag"
		side_del box
		return 1
	fi
	[[ ${SIDES[$tag]} = bpfilter ]] && note_engine "$1" "$2" "$ns"
	expand "$2" "$tag" "$(lines "$1" "$2" '>')"$'\n' |
		in_ns "$ns" "$PKTRUN" "$2" 2>&1 | normalize "$tag" \
		> "$tmp/packets.$tag"
	run_commands "$1" "$2" "$tag" post 2>&1 | normalize "$tag" \
		> "$tmp/post.$tag"
	in_ns "$ns" "$ipt-save" -c | sed '/^#/d' | normalize "$tag" \
		> "$tmp/save.$tag"
	klog_since | grep -E "IN=$KLOG_DEV OUT=$KLOG_DEV " | normalize "$tag" \
		> "$tmp/klog.$tag"
	cat "$tmp/save.$tag" "$tmp/packets.$tag" "$tmp/post.$tag" \
		"$tmp/klog.$tag" > "$tmp/all.$tag"
	side_del box
}

# Is the extension translated or bridged in the rules that are loaded, or both?
note_engine()
{
	how=$(in_ns "$3" "$BPFILTER" -j show | jq -r "[.netns[0].tables[] |
		select(.family == \"ipv$2\") | .extensions[]? |
		select(.kind == \"${KINDS[$1]}\" and .name == \"${NAMES[$1]}\") |
		(select(.translated > 0) | \"translated\"),
		(select(.bridged > 0) | \"bridged\")] | unique | join(\"+\")")
	how=${how:-unknown}
}

# compare_lines WHAT FILE PATTERN-FILE: each line matches its pattern
compare_lines()
{
	local ok=0 pattern line

	while IFS= read -r pattern <&3 || { pattern=; false; }; do
		IFS= read -r line <&4 || line=
		grep -qE -- "$pattern" <<< "$line" && continue
		note "$1: wanted $pattern"
		note "$1: found  $line"
		ok=1
	done 3< "$3" 4< <(cat "$2")
	if (($(wc -l < "$2") != $(wc -l < "$3"))); then
		note "$1: $(wc -l < "$3") lines wanted, found:"
		note_file "$2"
		ok=1
	fi
	return $ok
}

# Against the row: what the oracle, or else the only side, did
check_expected()
{
	local ok=0 tag=$3 what

	counts_wanted "$1" "$2" > "$tmp/wanted"
	counts_found "$tmp/save.$tag" > "$tmp/found"
	if ! diff "$tmp/wanted" "$tmp/found" > "$tmp/diff"; then
		note "counters, < wanted > found:"
		note_file "$tmp/diff"
		ok=1
	fi
	grep -v '^> ' "$tmp/packets.$tag" > "$tmp/out.$tag"
	for what in out klog post; do
		expand "$2" "" "$(lines "$1" "$2" "${what/post/see}")" \
			> "$tmp/patterns"
		[[ -s $tmp/patterns ]] || continue
		echo >> "$tmp/patterns"
		sed -i '/^nothing$/d; /^$/d' "$tmp/patterns"
		compare_lines "$what" "$tmp/$what.$tag" "$tmp/patterns" || ok=1
	done
	grep -q '^pktrun: ' "$tmp/packets.$tag" && ok=1
	((ok == 0)) || { note_file "$tmp/restore.$tag"; note_file "$tmp/packets.$tag"; }
	return $ok
}

# A row with "refuse" is of rules that cannot be loaded: for the same reason
check_refused()
{
	local pattern

	pattern=$(lines "$1" "$2" refuse)
	[[ -n $pattern ]] && grep -qE "$pattern" "$tmp/err.$3" && return
	note_file "$tmp/restore.$3"
	note_file "$tmp/err.$3"
	return 1
}

missing_need()
{
	local kind what

	while read -r kind what; do
		case $kind in
		cmd) command -v "$what" > /dev/null || echo "no command $what" ;;
		file) [[ -e $what ]] || echo "no $what" ;;
		esac
	done < <(lines "$1" "$2" need) | head -n 1
}

# result CASE FAMILY HOW RESULT
result()
{
	TABLE+=("$(printf '%-12s IPv%s  %-6s  %-10s  %s' "${NAMES[$1]}" "$2" \
		"${KINDS[$1]}" "$3" "$4")")
	COUNT[$3]=$((${COUNT[$3]:-0} + 1))
	case $4 in
	ok) ktap_test_pass "IPv$2 ${KINDS[$1]} ${NAMES[$1]} ($3)" ;;
	skipped*) skip "IPv$2 ${KINDS[$1]} ${NAMES[$1]}" "${4#skipped: }" ;;
	*) ktap_test_fail "IPv$2 ${KINDS[$1]} ${NAMES[$1]} ($4)" ;;
	esac
}

run_case()
{
	local tag first=${TAGS%% *} rc refused=0 need how=native

	need=$(missing_need "$1" "$2")
	if [[ -n $need ]]; then
		result "$1" "$2" - "skipped: $need"
		return
	fi
	for tag in $TAGS; do
		run_side "$1" "$2" "$tag"
		rc=$?
		if ((rc == 2)); then
			note_file "$tmp/err.$tag"
			result "$1" "$2" - "cannot be set up on side $tag"
			return
		fi
		refused=$((refused + rc))
	done
	judge "$1" "$2" "$first" "$refused"
}

judge()
{
	local sides=("$tmp"/all.*)

	if (($4)) && ! ext_present "$2" "${KINDS[$1]}" "${NAMES[$1]}"; then
		result "$1" "$2" - "skipped: not in this kernel"
	elif (($4)) && ! check_refused "$1" "$2" "$3"; then
		result "$1" "$2" - "refused: $(head -n 1 "$tmp/err.$3")"
	elif ((${#sides[@]} == 2)) && ! diff "${sides[@]}" > "$tmp/diff"; then
		note "sides differ, < ${SIDES[a]} > ${SIDES[b]}:"
		note_file "$tmp/diff"
		result "$1" "$2" "$how" different
	elif ((!$4)) && ! check_expected "$1" "$2" "$3"; then
		result "$1" "$2" "$how" "not as expected"
	else
		result "$1" "$2" "$how" ok
	fi
}

# Names of a family and kind that the kernel has and no row
without_row()
{
	local name i

	while read -r name; do
		for i in "${!NAMES[@]}"; do
			[[ ${KINDS[i]} = "$2" && ${NAMES[i]} = "$name" &&
			   ${FAMILIES[i]} = *"$1"* ]] && continue 2
		done
		echo "no test for IPv$1 $2 $name"
	done < <(in_ns "$probe" sort -u "$(proc_list "$1" "$2")" |
		grep -vxE '|ERROR')
}

all_have_rows()
{
	local list

	list=$(for f in 4 6; do
		without_row $f match
		without_row $f target
	done)
	[[ -z $list ]] || echo "$list"
	[[ -z $list ]]
}

wanted()
{
	[[ $ONLY = "  " || $ONLY = *" ${NAMES[$1]} "* ]]
}

test_cleanup()
{
	[[ -z ${log_all:-} ]] || echo "$log_all" > "$log_all_file"
	"$PKTRUN" make audit 0 2> /dev/null
}

declare -A COUNT=()
for file in "$ROWS"/*.rows; do
	read_rows < "$file"
done
log_all_file=/proc/sys/net/netfilter/nf_log_all_netns
log_all=$(cat $log_all_file 2> /dev/null)
[[ -z $log_all ]] || echo 1 > $log_all_file
ns_add probe
for f in 4 6; do
	ipt "$probe" -S > /dev/null
	in_ns "$probe" "$(side_ipt 6)" -w -S > /dev/null
done

total=1
for i in "${!NAMES[@]}"; do
	wanted "$i" && total=$((total + ${#FAMILIES[i]}))
done
plan $total
for i in "${!NAMES[@]}"; do
	wanted "$i" || continue
	for ((k = 0; k < ${#FAMILIES[i]}; k++)); do
		run_case "$i" "${FAMILIES[i]:k:1}"
	done
done
check "every extension of the kernel has a test" all_have_rows
printf '# %s\n' "${TABLE[@]}"
for how in "${!COUNT[@]}"; do
	note "${how/-/not tested}: ${COUNT[$how]}"
done
finish
